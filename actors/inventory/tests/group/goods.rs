//! What holds for safety stock, waiting, transfers and filling up.

use inventory::wire::v1::{self, ReservationStatus, TransferStatus};
use messages::common::v1::StringFilter;
use messages::inventory::v1::rpc;
use runtime::client::{Answer, Failure};
use runtime::testkit::{Asker, Ground, refusal};

use super::shop::{adjust, basket, id, level, open, reserve, warehouse};

fn policy(warehouse_id: &str, sku: &str) -> v1::SetStockPolicyRequest {
    let (warehouse_id, sku) = (warehouse_id.to_owned(), sku.to_owned());
    v1::SetStockPolicyRequest { warehouse_id, sku, ..v1::SetStockPolicyRequest::default() }
}

async fn govern(asker: &Asker, policy: v1::SetStockPolicyRequest) -> v1::StockLevel {
    let said = asker.ask::<rpc::SetStockPolicy>(Some(&policy.warehouse_id), &policy).await.expect("a policy");
    said.level.expect("a level")
}

fn only(value: &str) -> StringFilter {
    StringFilter { eq: Some(value.to_owned()), ..StringFilter::default() }
}

/// Reserves, and waits for what is not here.
async fn wait_for(asker: &Asker, here: &str, name: &str, lines: &[(&str, i64)]) -> Result<Answer, Failure> {
    let request = v1::ReserveRequest { backorder: true, ..basket(here, name, lines) };
    asker.send(&asker.keyed::<rpc::Reserve>(name, here, &request)).await
}

async fn reservation(asker: &Asker, here: &str, name: &str) -> v1::Reservation {
    let get = v1::GetReservationRequest { warehouse_id: here.to_owned(), reservation_id: id("rsv", name) };
    asker.ask::<rpc::GetReservation>(Some(here), &get).await.expect("an answer").reservation.expect("a reservation")
}

/// Held and waited for, of the only line.
async fn claim(asker: &Asker, here: &str, name: &str) -> (i64, i64) {
    let line = reservation(asker, here, name).await.lines.swap_remove(0);
    (line.quantity - line.released - line.shipped - line.backordered, line.backordered)
}

pub(crate) async fn safety_stock_is_shown_to_nobody_and_sold_to_nobody(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    let here = warehouse(&asker, "graz", &[("MUG", 5)]).await;
    let level_now = govern(&asker, v1::SetStockPolicyRequest { safety_stock: 2, ..policy(&here, "MUG") }).await;
    assert_eq!((level_now.on_hand, level_now.sellable, level_now.safety_stock), (5, 3, 2));
    let ask = v1::GetAvailabilityRequest { sku: Some(only("MUG")) };
    asker.until::<rpc::GetAvailability>(None, &ask, |said| said.data[0].available == 3).await;
    let short = refusal(reserve(&asker, &here, "four", &[("MUG", 4)]).await);
    assert!(format!("{:?}", short.fact("lines")).contains(r#"\"available\":3"#), "{short:?}");
    reserve(&asker, &here, "three", &[("MUG", 3)]).await.expect("as many as are for sale");
    asker.until::<rpc::GetAvailability>(None, &ask, |said| said.data[0].available == 0).await;
    assert_eq!(level(&asker, &here, "MUG").await, [2, 3, 0, 5]);
    stage.clear().await;
}

pub(crate) async fn what_is_not_here_is_waited_for_and_filled_in_order(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    let here = warehouse(&asker, "graz", &[("MUG", 1)]).await;
    let patient = v1::SetStockPolicyRequest { backorder_limit: 5, ..policy(&here, "MUG") };
    govern(&asker, patient.clone()).await;
    assert_eq!(refusal(reserve(&asker, &here, "hasty", &[("MUG", 2)]).await).code, "out_of_stock");
    for (name, units) in [("one", 3), ("two", 2)] {
        wait_for(&asker, &here, name, &[("MUG", units)]).await.expect("patience");
        wait_for(&asker, &here, name, &[("MUG", units)]).await.expect("the same again");
    }
    let beyond = refusal(wait_for(&asker, &here, "three", &[("MUG", 2)]).await);
    assert_eq!(beyond.code, "out_of_stock", "only one more may be waited for");
    assert!(format!("{:?}", beyond.fact("lines")).contains(r#"\"available\":1"#), "{beyond:?}");
    assert_eq!((claim(&asker, &here, "one").await, claim(&asker, &here, "two").await), ((1, 2), (0, 2)));
    assert_eq!(level(&asker, &here, "MUG").await, [0, 1, 0, 1]);
    let ask = v1::GetAvailabilityRequest { sku: Some(only("MUG")) };
    asker.until::<rpc::GetAvailability>(None, &ask, |said| said.data[0].backorderable == 1).await;
    let confirm = v1::ConfirmRequest { warehouse_id: here.clone(), reservation_id: id("rsv", "two") };
    asker.ask::<rpc::Confirm>(Some(&here), &confirm).await.expect("it waits as long as it takes");
    let ship = |name| v1::ShipRequest { warehouse_id: here.clone(), reservation_id: id("rsv", name), lines: vec![] };
    let early = asker.send(&asker.keyed::<rpc::Ship>("early", &here, &ship("two"))).await;
    assert_eq!(refusal(early).code, "backordered");
    // The queue is in the log, not in the process.
    stage.kill("a");
    stage.start("a").await;
    adjust(&asker, &here, "MUG", 3).await.expect("a delivery");
    assert_eq!((claim(&asker, &here, "one").await, claim(&asker, &here, "two").await), ((3, 0), (1, 1)));
    // Whoever comes later gets nothing of what others wait for.
    assert_eq!(refusal(reserve(&asker, &here, "late", &[("MUG", 1)]).await).code, "out_of_stock");
    // What one gives back goes to the next.
    let release = v1::ReleaseRequest {
        warehouse_id: here.clone(),
        reservation_id: id("rsv", "one"),
        lines: vec![v1::Line { sku: "MUG".to_owned(), quantity: Some(2) }],
    };
    asker.send(&asker.keyed::<rpc::Release>("back", &here, &release)).await.expect("held");
    assert_eq!((claim(&asker, &here, "one").await, claim(&asker, &here, "two").await), ((1, 0), (2, 0)));
    assert_eq!(level(&asker, &here, "MUG").await, [1, 3, 0, 4]);
    asker.send(&asker.keyed::<rpc::Ship>("parcel", &here, &ship("two"))).await.expect("all of it is here");
    assert_eq!(reservation(&asker, &here, "two").await.status(), ReservationStatus::Shipped);
    assert_eq!(level(&asker, &here, "MUG").await, [1, 1, 2, 4]);
    stage.clear().await;
    assert_eq!(stage.verify(Some("a")).await, Vec::<String>::new());
}

pub(crate) async fn who_waits_gives_up_alone(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    let here = warehouse(&asker, "graz", &[("MUG", 1)]).await;
    govern(&asker, v1::SetStockPolicyRequest { backorder_limit: 9, ..policy(&here, "MUG") }).await;
    let brief = v1::ReserveRequest { backorder: true, hold_seconds: Some(2), ..basket(&here, "brief", &[("MUG", 3)]) };
    asker.send(&asker.keyed::<rpc::Reserve>("brief", &here, &brief)).await.expect("patience");
    wait_for(&asker, &here, "long", &[("MUG", 2)]).await.expect("patience");
    // Its time is over: what it held goes to the next, what it waited for to nobody.
    let get = v1::GetReservationRequest { warehouse_id: here.clone(), reservation_id: id("rsv", "brief") };
    let over = |said: &v1::GetReservationResponse| {
        said.reservation.as_ref().is_some_and(|r| r.status() == ReservationStatus::Expired)
    };
    let said = asker.until::<rpc::GetReservation>(Some(&here), &get, over).await;
    let line = &said.reservation.expect("a reservation").lines[0];
    assert_eq!((line.quantity, line.released, line.backordered), (3, 3, 0));
    assert_eq!(claim(&asker, &here, "long").await, (1, 1));
    assert_eq!(level(&asker, &here, "MUG").await, [0, 1, 0, 1]);
    adjust(&asker, &here, "MUG", 5).await.expect("a delivery");
    assert_eq!(level(&asker, &here, "MUG").await, [4, 2, 0, 6]);
    stage.clear().await;
    assert_eq!(stage.verify(Some("a")).await, Vec::<String>::new());
}

fn lines(lines: &[(&str, i64)]) -> Vec<v1::Line> {
    lines.iter().map(|(sku, units)| v1::Line { sku: (*sku).to_owned(), quantity: Some(*units) }).collect()
}

async fn transfer(asker: &Asker, from: &str, to: &str, name: &str, units: &[(&str, i64)]) -> Result<String, Failure> {
    let request = v1::RequestTransferRequest {
        from_warehouse_id: from.to_owned(),
        transfer_id: id("trf", name),
        to_warehouse_id: to.to_owned(),
        lines: lines(units),
    };
    asker.send(&asker.keyed::<rpc::RequestTransfer>(name, from, &request)).await.map(|_| request.transfer_id)
}

pub(crate) async fn a_transfer_keeps_the_sum_whatever_is_killed(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a", "b"]).await;
    let graz = warehouse(&asker, "graz", &[("MUG", 9), ("TEE", 2)]).await;
    let berlin = warehouse(&asker, "berlin", &[]).await;
    assert_eq!(refusal(transfer(&asker, &graz, &graz, "round", &[("MUG", 1)]).await).code, "same_warehouse");
    let nowhere = id("wh", "nowhere");
    assert_eq!(refusal(transfer(&asker, &graz, &nowhere, "off", &[("MUG", 1)]).await).code, "warehouse_not_found");
    // Somebody there waits for what is sent.
    govern(&asker, v1::SetStockPolicyRequest { backorder_limit: 9, ..policy(&berlin, "MUG") }).await;
    wait_for(&asker, &berlin, "waits", &[("MUG", 2)]).await.expect("patience");
    let transfer_id = transfer(&asker, &graz, &berlin, "one", &[("MUG", 5), ("TEE", 2)]).await.expect("a transfer");
    assert_eq!(level(&asker, &graz, "MUG").await, [9, 0, 0, 9], "nothing moves before it leaves");
    let (from_warehouse_id, of) = (graz.clone(), transfer_id.clone());
    let leave = v1::DispatchTransferRequest { from_warehouse_id, transfer_id: of };
    asker.send(&asker.keyed::<rpc::DispatchTransfer>("leave", &graz, &leave)).await.expect("enough");
    asker.send(&asker.keyed::<rpc::DispatchTransfer>("again", &graz, &leave)).await.expect("it has left");
    assert_eq!(level(&asker, &graz, "MUG").await, [4, 0, 0, 4]);
    assert_eq!(level(&asker, &graz, "TEE").await, [0, 0, 0, 0]);
    let receive = |units: &[(&str, i64)], rest_is_missing| v1::ReceiveTransferRequest {
        from_warehouse_id: graz.clone(),
        transfer_id: transfer_id.clone(),
        lines: lines(units),
        rest_is_missing,
    };
    let too_many =
        asker.send(&asker.keyed::<rpc::ReceiveTransfer>("many", &graz, &receive(&[("MUG", 6)], false))).await;
    assert_eq!(refusal(too_many).code, "exceeds_transit");
    asker
        .send(&asker.keyed::<rpc::ReceiveTransfer>("some", &graz, &receive(&[("MUG", 3)], false)))
        .await
        .expect("came");
    // Whoever was to put it away dies.
    stage.kill("a");
    stage.start("a").await;
    let rest = receive(&[("MUG", 1), ("TEE", 2)], true);
    for _ in 0..2 {
        asker.send(&asker.keyed::<rpc::ReceiveTransfer>("rest", &graz, &rest)).await.expect("came");
    }
    let get = v1::GetTransferRequest { from_warehouse_id: graz.clone(), transfer_id: transfer_id.clone() };
    let is_put_away = |said: &v1::GetTransferResponse| {
        said.transfer.as_ref().is_some_and(|transfer| transfer.lines.iter().all(|line| line.put_away == line.received))
    };
    let said = asker.until::<rpc::GetTransfer>(Some(&graz), &get, is_put_away).await.transfer.expect("a transfer");
    assert_eq!(said.status(), TransferStatus::Received);
    let said: Vec<_> = said.lines.iter().map(|line| (line.quantity, line.received, line.missing)).collect();
    assert_eq!(said, [(5, 4, 1), (2, 2, 0)]);
    assert_eq!(level(&asker, &berlin, "MUG").await, [2, 2, 0, 4], "who waited got theirs first");
    assert_eq!(level(&asker, &berlin, "TEE").await, [2, 0, 0, 2]);
    assert_eq!(claim(&asker, &berlin, "waits").await, (2, 0));
    // One that does not leave can be called off; one that did cannot.
    let off = transfer(&asker, &graz, &berlin, "two", &[("MUG", 9)]).await.expect("a wish");
    let leave = v1::DispatchTransferRequest { from_warehouse_id: graz.clone(), transfer_id: off.clone() };
    let short = asker.send(&asker.keyed::<rpc::DispatchTransfer>("short", &graz, &leave)).await;
    assert_eq!(refusal(short).code, "insufficient_stock");
    for (name, transfer_id) in [("off", off), ("late", transfer_id.clone())] {
        let cancel = v1::CancelTransferRequest { from_warehouse_id: graz.clone(), transfer_id };
        let said = asker.send(&asker.keyed::<rpc::CancelTransfer>(name, &graz, &cancel)).await;
        assert_eq!(said.is_ok(), name == "off");
    }
    let list = v1::ListTransfersRequest { status: Some(only("received")), ..v1::ListTransfersRequest::default() };
    let listed = asker.until::<rpc::ListTransfers>(None, &list, |listed| !listed.data.is_empty()).await;
    assert_eq!(listed.data.iter().map(|transfer| &transfer.transfer_id).collect::<Vec<_>>(), [&transfer_id]);
    stage.clear().await;
    for replica in ["a", "b"] {
        assert_eq!(stage.verify(Some(replica)).await, Vec::<String>::new(), "{replica}");
    }
}

pub(crate) async fn what_has_to_be_ordered_is_listed(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    let graz = warehouse(&asker, "graz", &[("MUG", 9), ("TEE", 9)]).await;
    let berlin = warehouse(&asker, "berlin", &[("MUG", 30)]).await;
    let watchful =
        |sku| v1::SetStockPolicyRequest { reorder_point: Some(5), reorder_quantity: Some(12), ..policy(&graz, sku) };
    govern(&asker, watchful("MUG")).await;
    govern(&asker, watchful("TEE")).await;
    let list = v1::ListReorderRequest::default();
    assert!(asker.ask::<rpc::ListReorder>(None, &list).await.expect("a list").data.is_empty());
    reserve(&asker, &graz, "one", &[("MUG", 6), ("TEE", 1)]).await.expect("enough");
    let listed = asker.until::<rpc::ListReorder>(None, &list, |listed| !listed.data.is_empty()).await.data;
    let said: Vec<_> = listed.iter().map(|line| (line.sku.as_str(), line.on_hand, line.suggested_quantity)).collect();
    assert_eq!(said, [("MUG", 3, 12)]);
    // What is on its way counts: first not enough of it, then enough.
    for (name, units, left) in [("few", 2, Some((2, 12))), ("more", 1, None)] {
        let transfer_id = transfer(&asker, &berlin, &graz, name, &[("MUG", units)]).await.expect("a transfer");
        let leave = v1::DispatchTransferRequest { from_warehouse_id: berlin.clone(), transfer_id };
        asker.send(&asker.keyed::<rpc::DispatchTransfer>(name, &berlin, &leave)).await.expect("enough");
        let is_so = |listed: &v1::ListReorderResponse| {
            listed.data.first().map(|line| (line.incoming, line.suggested_quantity)) == left
        };
        asker.until::<rpc::ListReorder>(None, &list, is_so).await;
    }
    stage.clear().await;
}

//! What holds for shipping on every ground.

use futures::future::BoxFuture;
use runtime::headers::Caller;
use runtime::testkit::{Ground, MemoryStore, refusal};
use shipping::wire::rpc;
use shipping::wire::v1::{self, ShipmentStatus, TrackingStatus};

use super::carriers::{
    a_carriers_own_price_counts_and_without_it_the_table, a_carriers_webhook_reaches_its_parcels_once,
    a_label_is_made_once_however_often_it_is_asked_for, a_label_nobody_needs_is_given_back,
    a_pretending_carrier_delivers_by_itself_even_if_its_host_died, a_refused_label_waits_for_staff,
};
use super::shop::{
    Orders, basket, by_street, create, dispatch, draw, get, id, labelled, life, line, news, open, parcel, problem,
    shown, street, track, until, zone,
};

pub(crate) struct Fact {
    pub(crate) name: &'static str,
    pub(crate) check: fn(Ground) -> BoxFuture<'static, ()>,
}

/// A fact's future stays on its thread; the box only names it.
macro_rules! facts {
    ($($name:ident),+ $(,)?) => {
        &[$(Fact { name: stringify!($name), check: |ground| local($name(ground)) }),+]
    };
}

/// Runs a future that must not leave its thread as one that may be boxed like any other.
fn local(fact: impl Future<Output = ()> + 'static) -> BoxFuture<'static, ()> {
    let (done, ended) = tokio::sync::oneshot::channel();
    let running = actix_rt::spawn(async move {
        fact.await;
        // The test that waits may have been given up.
        let _ = done.send(());
    });
    Box::pin(async move {
        if ended.await.is_err() {
            // The fact panicked: let its panic be this test's.
            if let Err(failure) = running.await {
                std::panic::resume_unwind(failure.into_panic());
            }
        }
    })
}

pub(crate) const FACTS: &[Fact] = facts![
    a_basket_is_offered_the_ways_of_its_zone,
    a_parcel_goes_from_the_plan_to_the_door,
    a_repeated_plan_is_one_parcel_whatever_is_lost,
    an_order_is_stopped_whole_or_not_at_all,
    a_cancelled_order_keeps_what_has_not_left,
    a_foreign_parcel_is_not_there,
    a_parcel_may_travel_in_two,
    a_carriers_words_count_once_in_any_order,
    a_label_is_made_once_however_often_it_is_asked_for,
    a_label_nobody_needs_is_given_back,
    a_refused_label_waits_for_staff,
    a_pretending_carrier_delivers_by_itself_even_if_its_host_died,
    a_carriers_webhook_reaches_its_parcels_once,
    a_carriers_own_price_counts_and_without_it_the_table,
];

async fn a_basket_is_offered_the_ways_of_its_zone(ground: Ground) {
    let (mut stage, asker) = open(&ground, shipping::group, &["a"]).await;
    let austria = draw(&asker, &zone("austria", "AT", 490)).await;
    draw(&asker, &zone("germany", "DE", 990)).await;
    let offered = asker.until::<rpc::ListOptions>(None, &basket("AT", 4900), |o| !o.options.is_empty()).await;
    let [offer] = &offered.options[..] else { panic!("one way") };
    assert_eq!(offer.option_id, format!("{}.standard", austria.zone_id));
    assert_eq!(offer.amount.as_ref().and_then(|money| money.amount), Some(490));
    assert_eq!((offer.carrier.as_str(), offer.min_days, offer.max_days), ("table", Some(1), Some(3)));
    assert!(offer.delivers_from <= offer.delivers_until && offer.delivers_from.len() == 10, "{offer:?}");
    let free = asker.ask::<rpc::ListOptions>(None, &basket("AT", 5000)).await.expect("an answer");
    assert_eq!(free.options[0].amount.as_ref().and_then(|money| money.amount), Some(0));
    let nowhere = asker.ask::<rpc::ListOptions>(None, &basket("FR", 4900)).await.expect("an answer");
    assert!(nowhere.options.is_empty());
    let wrong = v1::ListOptionsRequest { currency: "USD".to_owned(), ..basket("AT", 4900) };
    assert_eq!(refusal(asker.ask::<rpc::ListOptions>(None, &wrong).await).code, "currency_mismatch");

    let v1::CreateZoneRequest { zone_id, areas, mut options, .. } = zone("austria", "AT", 590);
    let update = |options| v1::UpdateZoneRequest {
        zone_id: zone_id.clone(),
        name: "Republic of Austria".to_owned(),
        areas: areas.clone(),
        options,
    };
    let changed = asker.ask::<rpc::UpdateZone>(Some(&zone_id), &update(options.clone())).await.expect("a change");
    assert_eq!(changed.zone.as_ref().map(|zone| (zone.version, zone.name.as_str())), Some((2, "Republic of Austria")));
    options[0].carrier = "pigeon".to_owned();
    let unknown = refusal(asker.ask::<rpc::UpdateZone>(Some(&zone_id), &update(options.clone())).await);
    assert_eq!(unknown.code, "unknown_carrier");
    options[0].carrier = "table".to_owned();
    options[0].min_days = Some(9);
    assert_eq!(refusal(asker.ask::<rpc::UpdateZone>(Some(&zone_id), &update(options)).await).code, "bad_zone");

    let list = |country: Option<&str>| v1::ListZonesRequest {
        country: country.map(|eq| shipping::wire::StringFilter { eq: Some(eq.to_owned()), r#in: vec![] }),
        ..Default::default()
    };
    let listed = asker.until::<rpc::ListZones>(None, &list(None), |l| l.data.iter().any(|z| z.version == 2)).await;
    assert_eq!(
        listed.data.iter().map(|zone| zone.name.as_str()).collect::<Vec<_>>(),
        ["germany", "Republic of Austria"]
    );
    let german = asker.ask::<rpc::ListZones>(None, &list(Some("DE"))).await.expect("a list");
    assert_eq!(german.data.len(), 1);

    let delete = v1::DeleteZoneRequest { zone_id: zone_id.clone() };
    asker.ask::<rpc::DeleteZone>(Some(&zone_id), &delete).await.expect("gone");
    asker.ask::<rpc::DeleteZone>(Some(&zone_id), &delete).await.expect("still gone");
    let get = v1::GetZoneRequest { zone_id: zone_id.clone() };
    assert_eq!(refusal(asker.ask::<rpc::GetZone>(Some(&zone_id), &get).await).code, "not_found");
    asker.until::<rpc::ListOptions>(None, &basket("AT", 4900), |offered| offered.options.is_empty()).await;
    let history = v1::GetZoneHistoryRequest { zone_id: zone_id.clone(), limit: None, after: None };
    let history = asker.ask::<rpc::GetZoneHistory>(Some(&zone_id), &history).await.expect("a life");
    let types: Vec<_> = history.data.iter().map(|entry| entry.r#type.as_str()).collect();
    assert_eq!(types, ["zone.created", "zone.updated", "zone.deleted"]);
    // An order that was placed on the old terms is still sent on them.
    let late = create(&asker, &parcel("late", "late")).await.expect("a parcel");
    assert_eq!(late.carrier, "table");
    assert!(!late.delivers_until.is_empty(), "the days of the option are known though its zone is gone");
    stage.clear().await;
}

async fn a_parcel_goes_from_the_plan_to_the_door(ground: Ground) {
    let (mut stage, asker) = open(&ground, shipping::group, &["a"]).await;
    let planned = create(&asker, &parcel("one", "p1")).await.expect("a parcel");
    assert_eq!((planned.status(), planned.version), (ShipmentStatus::Planned, 1));
    let elsewhere = v1::GetLabelRequest { order_id: id("ord", "two"), shipment_id: planned.shipment_id };
    let no = refusal(asker.ask::<rpc::GetLabel>(Some(&id("ord", "two")), &elsewhere).await);
    assert_eq!(no.code, "not_found");
    let parcel = labelled(&asker, "one", "p1").await;
    let left = dispatch(&asker, &parcel).await.expect("it has a label");
    assert_eq!(left.status(), ShipmentStatus::Dispatched);
    assert_eq!(left.carrier_number, left.tracking_number, "the table's number is the shop's own");
    let again = dispatch(&asker, &parcel).await.expect("already so");
    assert_eq!(again.version, left.version);
    let page = v1::GetLabelRequest { order_id: parcel.order_id.clone(), shipment_id: parcel.shipment_id.clone() };
    let page = asker.ask::<rpc::GetLabel>(Some(&parcel.order_id), &page).await.expect("a label");
    assert!(page.content.starts_with(b"%PDF-"), "{}", page.name);
    assert_eq!((page.media_type.as_str(), page.name), ("application/pdf", format!("{}.pdf", parcel.shipment_id)));
    let (order_id, shipment_id) = (parcel.order_id.clone(), parcel.shipment_id.clone());
    let accept = v1::AcceptShipmentRequest { order_id: order_id.clone(), shipment_id: shipment_id.clone() };
    asker.ask::<rpc::AcceptShipment>(Some(&order_id), &accept).await.expect("taken");
    track(&asker, &parcel, "e1", TrackingStatus::InTransit).await;
    let deliver = v1::DeliverShipmentRequest { order_id: order_id.clone(), shipment_id: shipment_id.clone() };
    let arrived = asker.ask::<rpc::DeliverShipment>(Some(&order_id), &deliver).await.expect("arrived");
    assert_eq!(arrived.shipment.map(|shipment| shipment.status()), Some(ShipmentStatus::Delivered));
    let come_back = v1::ReturnShipmentRequest { order_id: order_id.clone(), shipment_id: shipment_id.clone() };
    let no = refusal(asker.ask::<rpc::ReturnShipment>(Some(&order_id), &come_back).await);
    assert_eq!(no.code, "shipment_delivered");
    let lose = v1::LoseShipmentRequest { order_id: order_id.clone(), shipment_id };
    assert_eq!(refusal(asker.ask::<rpc::LoseShipment>(Some(&order_id), &lose).await).code, "shipment_delivered");
    assert_eq!(
        life(&asker, &parcel).await,
        [
            "shipping.planned",
            "shipping.label_ready",
            "shipping.dispatched",
            "shipping.completed",
            "shipping.tracked",
            "shipment.in_transit",
            "shipment.delivered"
        ]
    );
    // Anybody who knows the number sees how far it is, and nothing about anybody.
    let number = v1::GetTrackingRequest { tracking_number: left.tracking_number.to_lowercase() };
    let delivered = |t: &v1::GetTrackingResponse| {
        t.tracking.as_ref().is_some_and(|tracking| tracking.status() == ShipmentStatus::Delivered)
    };
    let mut call = asker.call::<rpc::GetTracking>(None, &number);
    call.caller = Caller::anonymous();
    asker.until::<rpc::GetTracking>(None, &number, delivered).await;
    let public = asker.send(&call).await.expect("it is public").payload;
    for secret in ["Lovelace", "Ringstrasse", "ada@example.com", "usr_", "ord_"] {
        assert!(!String::from_utf8_lossy(&public).contains(secret), "{secret}");
    }
    let guess = v1::GetTrackingRequest { tracking_number: "MT1".to_owned() };
    assert_eq!(refusal(asker.ask::<rpc::GetTracking>(None, &guess).await).code, "not_found");
    let list = v1::ListShipmentsRequest {
        status: Some(shipping::wire::StringFilter { eq: Some("delivered".to_owned()), r#in: vec![] }),
        ..Default::default()
    };
    let listed = asker.until::<rpc::ListShipments>(None, &list, |listed| !listed.data.is_empty()).await;
    assert_eq!(listed.data.iter().map(|s| s.shipment_id.as_str()).collect::<Vec<_>>(), [parcel.shipment_id.as_str()]);
    stage.clear().await;
    assert_eq!(stage.verify(Some("a")).await, Vec::<String>::new());
}

async fn a_repeated_plan_is_one_parcel_whatever_is_lost(ground: Ground) {
    let (mut stage, asker) = open(&ground, by_street, &["a"]).await;
    let parcel = parcel("one", "p1");
    let plan = asker.keyed::<rpc::CreateShipment>("the saga", &parcel.order_id, &parcel);
    let first = asker.send(&plan).await.expect("a parcel");
    let again = asker.send(&plan).await.expect("the same");
    assert_eq!((again.payload, again.replayed), (first.payload.clone(), true));
    stage.kill("a");
    stage.set_store("a", MemoryStore::new());
    stage.start("a").await;
    let after = asker.send(&plan).await.expect("the same");
    assert_eq!((after.payload, after.replayed), (first.payload, true));
    // Under another key it is the same parcel; another parcel with its id is not.
    create(&asker, &parcel).await.expect("already so");
    let other = v1::CreateShipmentRequest { reservation_id: id("rsv", "other"), ..parcel.clone() };
    assert_eq!(create(&asker, &other).await.expect_err("another").code, "already_exists");
    until(&asker, &parcel, |shipment| shipment.status() == ShipmentStatus::LabelReady).await;
    let (_, labels, voided) = street().books();
    assert_eq!((labels, voided.len()), (1, 0));
    let listed = v1::ListOrderShipmentsRequest { order_id: parcel.order_id.clone() };
    let listed = asker.ask::<rpc::ListOrderShipments>(Some(&parcel.order_id), &listed).await.expect("a list");
    assert_eq!(listed.data.len(), 1);
    stage.clear().await;
    assert_eq!(stage.verify(Some("a")).await, Vec::<String>::new());
}

pub(crate) fn cancel(order: &str, shipment: Option<&str>) -> v1::CancelShipmentsRequest {
    v1::CancelShipmentsRequest { order_id: id("ord", order), shipment_id: shipment.map(|name| id("shp", name)) }
}

async fn an_order_is_stopped_whole_or_not_at_all(ground: Ground) {
    let (mut stage, asker) = open(&ground, shipping::group, &["a"]).await;
    let stays = labelled(&asker, "one", "stays").await;
    let leaves = labelled(&asker, "one", "leaves").await;
    dispatch(&asker, &leaves).await.expect("it has a label");
    let stop = async |request: v1::CancelShipmentsRequest| {
        let asked = asker.ask::<rpc::CancelShipments>(Some(&request.order_id), &request).await;
        asked.map(|stopped| stopped.shipments.len()).map_err(|failure| problem(failure).code)
    };
    assert_eq!(stop(cancel("one", None)).await, Err("already_dispatched".to_owned()));
    assert_eq!(get(&asker, &stays).await.status(), ShipmentStatus::LabelReady, "nothing was stopped");
    assert_eq!(stop(cancel("one", Some("stays"))).await, Ok(1));
    assert_eq!(stop(cancel("one", Some("stays"))).await, Ok(1), "twice is once");
    assert_eq!(get(&asker, &stays).await.status(), ShipmentStatus::Cancelled);
    assert_eq!(dispatch(&asker, &stays).await.expect_err("it stays").code, "shipment_cancelled");
    assert_eq!(stop(cancel("one", Some("nobody"))).await, Err("not_found".to_owned()));
    assert_eq!(stop(cancel("two", None)).await, Ok(0), "an order without parcels has none to stop");
    stage.clear().await;
}

async fn a_cancelled_order_keeps_what_has_not_left(ground: Ground) {
    let mut orders = Orders::open(&ground).await;
    let (mut stage, asker) = open(&ground, shipping::group, &["a"]).await;
    let stays = labelled(&asker, "one", "stays").await;
    let leaves = labelled(&asker, "one", "leaves").await;
    dispatch(&asker, &leaves).await.expect("it has a label");
    orders.cancel("one").await;
    until(&asker, &stays, |shipment| shipment.status() == ShipmentStatus::Cancelled).await;
    assert_eq!(get(&asker, &leaves).await.status(), ShipmentStatus::Dispatched);
    // Heard again, and by a replica that has lost everything: still once.
    stage.kill("a");
    stage.set_store("a", MemoryStore::new());
    orders.cancel("one").await;
    stage.start("a").await;
    orders.cancel("two").await;
    let mut late = parcel("two", "late");
    late.order_id = id("ord", "two");
    let closed = v1::GetHistoryRequest { order_id: late.order_id.clone(), ..Default::default() };
    asker.until::<rpc::GetHistory>(Some(&late.order_id), &closed, |life| !life.data.is_empty()).await;
    assert_eq!(create(&asker, &late).await.expect_err("its order is over").code, "order_cancelled");
    let life = life(&asker, &stays).await;
    assert_eq!(life.iter().filter(|entry| *entry == "shipping.cancelled").count(), 1, "{life:?}");
    stage.clear().await;
    assert_eq!(stage.verify(Some("a")).await, Vec::<String>::new());
}

async fn a_foreign_parcel_is_not_there(ground: Ground) {
    let (mut stage, asker) = open(&ground, shipping::group, &["a"]).await;
    let parcel = labelled(&asker, "one", "p1").await;
    let person = |role: &str, name: &str| Caller::known(role, Some(id("usr", name)), vec!["shipping:read".to_owned()]);
    let seen = async |caller: Caller| {
        let mut call = asker.call::<rpc::GetShipment>(Some(&parcel.order_id), &shown(&parcel));
        call.caller = caller.clone();
        let one = asker.send(&call).await.map(drop).map_err(|failure| problem(failure).code);
        let listed = v1::ListOrderShipmentsRequest { order_id: parcel.order_id.clone() };
        let mut call = asker.call::<rpc::ListOrderShipments>(Some(&parcel.order_id), &listed);
        call.caller = caller;
        let listed = asker.send(&call).await.expect("a list").payload;
        (one, <v1::ListOrderShipmentsResponse as prost::Message>::decode(listed).expect("a list").data.len())
    };
    assert_eq!(seen(person("customer", "ada")).await, (Ok(()), 1));
    assert_eq!(seen(person("guest", "ada")).await, (Ok(()), 1));
    assert_eq!(seen(person("customer", "bob")).await, (Err("not_found".to_owned()), 0));
    assert_eq!(seen(person("guest", "bob")).await, (Err("not_found".to_owned()), 0));
    assert_eq!(seen(person("support", "eve")).await, (Ok(()), 1));
    // A shipment is asked for under its own order only, by staff too.
    let elsewhere = v1::GetShipmentRequest { order_id: id("ord", "two"), ..shown(&parcel) };
    assert_eq!(refusal(asker.ask::<rpc::GetShipment>(Some(&id("ord", "two")), &elsewhere).await).code, "not_found");
    let mut call =
        asker.call::<rpc::RecordTracking>(Some(&parcel.order_id), &news(&parcel, "forged", TrackingStatus::Delivered));
    call.caller = person("customer", "ada");
    assert_eq!(refusal(asker.send(&call).await).code, "missing_scope");
    stage.clear().await;
}

async fn a_parcel_may_travel_in_two(ground: Ground) {
    let (mut stage, asker) = open(&ground, shipping::group, &["a"]).await;
    let whole = labelled(&asker, "one", "whole").await;
    let split = |name: &str, lines: Vec<v1::ShipmentLine>| v1::SplitShipmentRequest {
        order_id: whole.order_id.clone(),
        shipment_id: whole.shipment_id.clone(),
        new_shipment_id: id("shp", name),
        lines,
    };
    let part = asker.ask::<rpc::SplitShipment>(Some(&whole.order_id), &split("part", vec![line("MUG", 1)])).await;
    let part = part.expect("a part").shipment.expect("a part");
    assert_eq!(part.split_from.as_deref(), Some(whole.shipment_id.as_str()));
    assert_eq!(
        (part.status(), part.lines, part.user_id),
        (ShipmentStatus::Planned, vec![line("MUG", 1)], whole.user_id.clone())
    );
    assert_eq!(get(&asker, &whole).await.lines, [line("MUG", 1), line("TEE", 1)]);
    let ask = async |request: v1::SplitShipmentRequest| {
        let asked = asker.ask::<rpc::SplitShipment>(Some(&whole.order_id), &request).await;
        problem(asked.expect_err("refused")).code
    };
    assert_eq!(ask(split("more", vec![line("MUG", 2)])).await, "exceeds_shipment");
    assert_eq!(ask(split("all", vec![line("MUG", 1), line("TEE", 1)])).await, "nothing_left");
    assert_eq!(ask(split("part", vec![line("TEE", 1)])).await, "already_exists");
    assert_eq!(get(&asker, &whole).await.lines, [line("MUG", 1), line("TEE", 1)], "what is refused changes nothing");
    dispatch(&asker, &whole).await.expect("its label is still good");
    assert_eq!(ask(split("late", vec![line("MUG", 1)])).await, "already_dispatched");
    let part = v1::CreateShipmentRequest { shipment_id: id("shp", "part"), ..whole.clone() };
    until(&asker, &part, |shipment| shipment.status() == ShipmentStatus::LabelReady).await;
    let listed = v1::ListOrderShipmentsRequest { order_id: whole.order_id.clone() };
    let listed = asker.ask::<rpc::ListOrderShipments>(Some(&whole.order_id), &listed).await.expect("a list");
    let ids: Vec<_> = listed.data.iter().map(|shipment| shipment.shipment_id.clone()).collect();
    assert_eq!(ids, [whole.shipment_id.clone(), part.shipment_id.clone()]);
    stage.clear().await;
}

async fn a_carriers_words_count_once_in_any_order(ground: Ground) {
    let (mut stage, asker) = open(&ground, shipping::group, &["a", "b"]).await;
    let parcel = labelled(&asker, "one", "p1").await;
    // Nobody noted the dispatch, and the last word comes first.
    let arrived = track(&asker, &parcel, "e3", TrackingStatus::Delivered).await;
    assert_eq!(arrived.status(), ShipmentStatus::Delivered);
    stage.kill("a");
    let late = track(&asker, &parcel, "e1", TrackingStatus::InTransit).await;
    assert_eq!((late.status(), late.tracking.len()), (ShipmentStatus::Delivered, 2));
    let twice = track(&asker, &parcel, "e1", TrackingStatus::Lost).await;
    assert_eq!((twice.status(), twice.version), (ShipmentStatus::Delivered, late.version));
    let types = life(&asker, &parcel).await;
    let count = |wanted: &str| types.iter().filter(|entry| *entry == wanted).count();
    for once in ["shipping.dispatched", "shipping.completed", "shipment.delivered"] {
        assert_eq!(count(once), 1, "{types:?}");
    }
    assert_eq!(count("shipping.tracked"), 2);
    stage.clear().await;
}

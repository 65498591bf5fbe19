//! What holds for inventory on every ground.

use std::time::Duration;

use futures::future::BoxFuture;
use inventory::wire::v1::{self, ReservationStatus};
use messages::inventory::v1::rpc;
use prost::Message as _;
use runtime::bus::Headers;
use runtime::client::Failure;
use runtime::testkit::{Ground, MemoryStore, refusal};

use super::canary::{
    a_canary_writes_into_the_same_log_and_is_not_missed_when_it_stops,
    a_canary_writes_nothing_that_a_stable_replica_cannot_read,
};
use super::goods::{
    a_transfer_keeps_the_sum_whatever_is_killed, safety_stock_is_shown_to_nobody_and_sold_to_nobody,
    what_has_to_be_ordered_is_listed, what_is_not_here_is_waited_for_and_filled_in_order, who_waits_gives_up_alone,
};
use super::shop::{adjust, adjustment, basket, id, level, open, reserve, warehouse};

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
    a_basket_is_reserved_whole_or_not_at_all,
    a_repeated_command_is_answered_from_its_record,
    a_key_used_for_another_body_is_refused,
    a_restart_and_a_wiped_store_lose_nothing,
    a_hold_expires_by_itself_even_if_its_host_died,
    a_stale_version_is_refused,
    a_read_waits_for_the_position_it_must_include,
    another_replica_takes_over_without_a_pause,
    a_long_life_can_be_read_and_looked_back_on,
    garbage_in_the_log_stops_nothing,
    bad_input_gets_an_exact_problem,
    a_basket_is_planned_over_warehouses_and_each_part_can_be_held,
    safety_stock_is_shown_to_nobody_and_sold_to_nobody,
    what_is_not_here_is_waited_for_and_filled_in_order,
    who_waits_gives_up_alone,
    a_transfer_keeps_the_sum_whatever_is_killed,
    what_has_to_be_ordered_is_listed,
    a_canary_writes_into_the_same_log_and_is_not_missed_when_it_stops,
    a_canary_writes_nothing_that_a_stable_replica_cannot_read,
];

async fn a_basket_is_reserved_whole_or_not_at_all(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    let here = warehouse(&asker, "graz", &[("MUG", 3), ("TEE", 1)]).await;
    reserve(&asker, &here, "one", &[("MUG", 2), ("TEE", 1)]).await.expect("enough of both");
    let problem = refusal(reserve(&asker, &here, "two", &[("MUG", 1), ("TEE", 1)]).await);
    assert_eq!(problem.code, "out_of_stock");
    let fact = format!("{:?}", problem.fact("lines"));
    assert!(fact.contains("TEE") && fact.contains(r#"\"available\":0"#) && !fact.contains("MUG"), "{fact}");
    assert_eq!(level(&asker, &here, "MUG").await, [1, 2, 0, 3], "the mug of the refused basket is free");
    assert_eq!(level(&asker, &here, "TEE").await, [0, 1, 0, 1]);
    stage.clear().await;
}

async fn a_repeated_command_is_answered_from_its_record(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    let here = warehouse(&asker, "graz", &[("MUG", 3)]).await;
    let first = reserve(&asker, &here, "one", &[("MUG", 2)]).await.expect("enough");
    let again = reserve(&asker, &here, "one", &[("MUG", 2)]).await.expect("the same");
    assert_eq!((again.payload, again.position, again.replayed), (first.payload.clone(), first.position, true));
    let no = refusal(reserve(&asker, &here, "two", &[("MUG", 2)]).await);
    adjust(&asker, &here, "MUG", 5).await.expect("a delivery");
    let still_no = refusal(reserve(&asker, &here, "two", &[("MUG", 2)]).await);
    assert_eq!(still_no, no, "a refusal is an outcome, and stays one");
    // The record is in the log, not only in memory.
    stage.kill("a");
    stage.set_store("a", MemoryStore::new());
    stage.start("a").await;
    let after = reserve(&asker, &here, "one", &[("MUG", 2)]).await.expect("the same");
    assert_eq!((after.payload, after.replayed), (first.payload, true));
    assert_eq!(level(&asker, &here, "MUG").await, [6, 2, 0, 8]);
    stage.clear().await;
}

async fn a_key_used_for_another_body_is_refused(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    let here = warehouse(&asker, "graz", &[("MUG", 3)]).await;
    reserve(&asker, &here, "one", &[("MUG", 1)]).await.expect("enough");
    let problem = refusal(reserve(&asker, &here, "one", &[("MUG", 2)]).await);
    assert_eq!(problem.code, "fingerprint_mismatch");
    assert_eq!(level(&asker, &here, "MUG").await, [2, 1, 0, 3]);
    stage.clear().await;
}

async fn a_restart_and_a_wiped_store_lose_nothing(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    let here = warehouse(&asker, "graz", &[("MUG", 10)]).await;
    for number in 0..5 {
        reserve(&asker, &here, &format!("r{number}"), &[("MUG", 1)]).await.expect("enough");
    }
    stage.stop("a").await;
    assert_eq!(stage.verify(Some("a")).await, Vec::<String>::new(), "a clean stop leaves a whole checkpoint");
    stage.start("a").await;
    assert_eq!(level(&asker, &here, "MUG").await, [5, 5, 0, 10]);
    stage.kill("a");
    stage.set_store("a", MemoryStore::new());
    stage.start("a").await;
    assert_eq!(level(&asker, &here, "MUG").await, [5, 5, 0, 10]);
    let listed = v1::ListStockLevelsRequest::default();
    let levels = asker.until::<rpc::ListStockLevels>(None, &listed, |levels| !levels.data.is_empty()).await;
    assert_eq!(levels.data.iter().map(|level| level.on_hand).collect::<Vec<_>>(), [5], "views are made anew too");
    stage.clear().await;
    assert_eq!(stage.verify(Some("a")).await, Vec::<String>::new());
}

async fn a_hold_expires_by_itself_even_if_its_host_died(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    let here = warehouse(&asker, "graz", &[("MUG", 3)]).await;
    let request = v1::ReserveRequest { hold_seconds: Some(2), ..basket(&here, "short", &[("MUG", 2)]) };
    asker.send(&asker.keyed::<rpc::Reserve>("short", &here, &request)).await.expect("enough");
    let kept = v1::ReserveRequest { hold_seconds: Some(2), ..basket(&here, "kept", &[("MUG", 1)]) };
    asker.send(&asker.keyed::<rpc::Reserve>("kept", &here, &kept)).await.expect("enough");
    let confirm = v1::ConfirmRequest { warehouse_id: here.clone(), reservation_id: id("rsv", "kept") };
    asker.ask::<rpc::Confirm>(Some(&here), &confirm).await.expect("in time");
    stage.kill("a");
    stage.start("a").await;
    let get = v1::GetReservationRequest { warehouse_id: here.clone(), reservation_id: id("rsv", "short") };
    let over = asker
        .until::<rpc::GetReservation>(Some(&here), &get, |r| {
            r.reservation.as_ref().is_some_and(|r| r.status() == ReservationStatus::Expired)
        })
        .await;
    assert_eq!(over.reservation.map(|r| r.lines[0].released), Some(2));
    assert_eq!(level(&asker, &here, "MUG").await, [2, 1, 0, 3], "what was confirmed stays held");
    stage.clear().await;
}

async fn a_stale_version_is_refused(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    let here = warehouse(&asker, "graz", &[("MUG", 3)]).await;
    let mut call = asker.call::<rpc::AdjustStock>(Some(&here), &adjustment(&here, "MUG", 1));
    call.if_version = Some(1);
    let answer = asker.send(&call).await.expect("version 1 is what it has");
    assert_eq!(answer.version, Some(2));
    assert_eq!(refusal(asker.send(&call).await).code, "stale_version");
    assert_eq!(level(&asker, &here, "MUG").await, [4, 0, 0, 4]);
    stage.clear().await;
}

async fn a_read_waits_for_the_position_it_must_include(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a", "b"]).await;
    let here = warehouse(&asker, "graz", &[]).await;
    let request = v1::GetStockLevelRequest { warehouse_id: here.clone(), sku: "MUG".to_owned() };
    for units in 1..20 {
        let put = asker.send(&asker.call::<rpc::AdjustStock>(Some(&here), &adjustment(&here, "MUG", 1))).await;
        let position = put.expect("room").position.expect("a position");
        // Any replica may answer, and each must wait for what the other wrote.
        let partition = messages::partition::of(&here, 8);
        for subject in
            [format!("shop.any.inventory.{here}.level"), format!("shop.cmd.inventory.{partition}.{here}.level")]
        {
            let mut headers = Headers::new();
            headers.insert("Shop-Wait", position.to_string());
            headers.insert("Content-Type", "application/x-protobuf");
            let payload = request.encode_to_vec().into();
            let answer =
                asker.fabric.bus().request(subject, headers, payload, Duration::from_secs(5)).await.expect("an answer");
            let level = v1::GetStockLevelResponse::decode(answer.payload).expect("a level").level.expect("a level");
            assert_eq!(level.on_hand, units);
        }
        let mut list = asker.call::<rpc::ListStockLevels>(None, &v1::ListStockLevelsRequest::default());
        list.wait = vec![position];
        let listed = asker.send(&list).await.expect("a list");
        let listed = v1::ListStockLevelsResponse::decode(listed.payload).expect("a list");
        assert_eq!(listed.data.iter().map(|level| level.on_hand).collect::<Vec<_>>(), [units], "views wait too");
    }
    stage.clear().await;
}

async fn another_replica_takes_over_without_a_pause(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a", "b"]).await;
    let here = warehouse(&asker, "graz", &[("MUG", 100)]).await;
    for number in 0..10 {
        reserve(&asker, &here, &format!("before {number}"), &[("MUG", 1)]).await.expect("enough");
    }
    for (name, number) in [("a", 10), ("b", 20)] {
        let began = tokio::time::Instant::now();
        stage.kill(name);
        reserve(&asker, &here, &format!("after {name}"), &[("MUG", 1)]).await.expect("the other takes it");
        let took = began.elapsed();
        assert!(took < Duration::from_secs(5), "the write waited {took:?} for {name} to be missed");
        stage.start(name).await;
        reserve(&asker, &here, &format!("again {number}"), &[("MUG", 1)]).await.expect("enough");
    }
    assert_eq!(level(&asker, &here, "MUG").await, [86, 14, 0, 100]);
    stage.clear().await;
    assert_eq!(stage.verify(Some("a")).await, Vec::<String>::new());
    assert_eq!(stage.verify(Some("b")).await, Vec::<String>::new());
}

async fn a_long_life_can_be_read_and_looked_back_on(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    let here = warehouse(&asker, "graz", &[]).await;
    // More turns than one chunk of an actor's past holds, and a restart in the middle of it.
    for number in 1..=150 {
        adjust(&asker, &here, "MUG", 1).await.expect("room");
        if number == 70 {
            stage.stop("a").await;
            stage.start("a").await;
        }
    }
    let mut after = None;
    let mut versions = Vec::new();
    loop {
        let request = v1::GetHistoryRequest {
            warehouse_id: here.clone(),
            limit: Some(40),
            after: after.take(),
            of: Some(v1::get_history_request::Of::Sku("MUG".to_owned())),
        };
        let page = asker.ask::<rpc::GetHistory>(Some(&here), &request).await.expect("a page");
        assert!(page.data.iter().all(|entry| entry.r#type == "inventory.stock_adjusted"));
        versions.extend(page.data.iter().map(|entry| entry.version));
        assert_eq!(page.has_more, page.next.is_some());
        if !page.has_more {
            break;
        }
        after = page.next;
    }
    assert_eq!(versions, (1..=150).collect::<Vec<u64>>());
    let request = v1::GetStockLevelRequest { warehouse_id: here.clone(), sku: "MUG".to_owned() };
    for version in [1, 64, 65, 128, 150] {
        let mut call = asker.call::<rpc::GetStockLevel>(Some(&here), &request);
        call.at = Some(version.to_string());
        let answer = asker.send(&call).await.expect("a look back");
        let level = v1::GetStockLevelResponse::decode(answer.payload).expect("a level").level.expect("a level");
        assert_eq!((level.on_hand, answer.version), (version, Some(u64::try_from(version).expect("small"))));
    }
    let mut call = asker.call::<rpc::GetStockLevel>(Some(&here), &request);
    for (at, code) in [("151", "not_in_history"), ("1999-01-01T00:00:00Z", "not_in_history"), ("soon", "bad_at")] {
        call.at = Some(at.to_owned());
        assert_eq!(refusal(asker.send(&call).await).code, code, "{at}");
    }
    stage.clear().await;
}

async fn garbage_in_the_log_stops_nothing(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    let here = warehouse(&asker, "graz", &[("MUG", 3)]).await;
    let partition = messages::partition::of(&here, 8);
    let before = stage.log().await.extent().await.expect("an extent").last_sequence;
    asker
        .fabric
        .bus()
        .publish(format!("shop.log.inventory.{partition}"), None, Headers::new(), "{not a turn}".into())
        .await
        .expect("anyone may shout");
    let log = stage.log().await;
    while log.extent().await.expect("an extent").last_sequence == before {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    adjust(&asker, &here, "MUG", 1).await.expect("the partition goes on behind it");
    stage.kill("a");
    stage.set_store("a", MemoryStore::new());
    stage.start("a").await;
    assert_eq!(level(&asker, &here, "MUG").await, [4, 0, 0, 4]);
    stage.clear().await;
    let faults = stage.verify(None).await;
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains("does not continue the chain"), "{faults:?}");
}

async fn bad_input_gets_an_exact_problem(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    let here = warehouse(&asker, "graz", &[("MUG", 3)]).await;
    let bus = asker.fabric.bus();
    let ask = async |subject: &str, headers: &[(&'static str, &str)], body: &'static [u8]| {
        let mut said = Headers::new();
        headers.iter().for_each(|(name, value)| said.insert(*name, *value));
        let answer = bus.request(subject.to_owned(), said, body.into(), Duration::from_secs(5)).await;
        let answer = answer.unwrap_or_else(|e| panic!("{subject}: {e}"));
        let headers = answer.headers.unwrap_or_default();
        let error = headers.get("Nats-Service-Error").map(|value| value.as_str().to_owned());
        let code = headers.get("Nats-Service-Error-Code").map(|value| value.as_str().to_owned());
        (error.unwrap_or_default(), code.unwrap_or_default(), String::from_utf8_lossy(&answer.payload).into_owned())
    };
    let partition = messages::partition::of(&here, 8);
    let at = |verb: &str| format!("shop.cmd.inventory.{partition}.{here}.{verb}");
    for (verb, headers, body, error, status) in [
        ("fly", &[][..], &b"{}"[..], "unknown_verb", "404"),
        ("level", &[], b"{\"sku\":7}", "invalid_request", "400"),
        ("level", &[], b"{\"sku\":\"MUG\",\"colour\":\"red\"}", "invalid_request", "400"),
        ("level", &[], b"{\"sku\":\"MUG\"", "invalid_request", "400"),
        ("level", &[("Content-Type", "application/x-protobuf")], b"\xff\xff\xff", "undecodable", "400"),
        ("level", &[("Shop-Wait", "tomorrow")], b"{\"sku\":\"MUG\"}", "malformed_header", "400"),
        ("level", &[("Shop-Deadline", "1000")], b"{\"sku\":\"MUG\"}", "deadline_passed", "504"),
        (
            "adjust",
            &[("Shop-Caller", "customer usr_1 -")],
            b"{\"sku\":\"MUG\",\"delta\":1,\"reason\":\"found\"}",
            "missing_scope",
            "403",
        ),
        ("level", &[], b"{\"warehouse_id\":\"wh_00000000000000000000000000\",\"sku\":\"MUG\"}", "key_mismatch", "400"),
    ] {
        let (said, code, body_said) = ask(&at(verb), headers, body).await;
        assert!(said.starts_with(error), "{verb} {headers:?}: {said} {body_said}");
        assert_eq!(code, status, "{said}");
    }
    let (_, _, body) = ask(&at("adjust"), &[], b"{\"sku\":\"A B\",\"delta\":1.5,\"reason\":\"magic\"}").await;
    for part in ["/sku", "/delta", "/reason", "not_an_integer", "unknown_value"] {
        assert!(body.contains(part), "all that is wrong is said at once: {part} in {body}");
    }
    for key in ["MUG", "nobody"] {
        let missing = v1::GetReservationRequest { warehouse_id: here.clone(), reservation_id: id("rsv", key) };
        let problem = refusal(asker.ask::<rpc::GetReservation>(Some(&here), &missing).await);
        assert_eq!(problem.code, "not_found");
    }
    let nowhere = id("wh", "nowhere");
    assert!(matches!(
        asker.ask::<rpc::AdjustStock>(Some(&nowhere), &adjustment(&nowhere, "MUG", 1)).await,
        Err(Failure::Refused { problem, .. }) if problem.code == "warehouse_not_found"
    ));
    assert_eq!(level(&asker, &here, "MUG").await, [3, 0, 0, 3], "none of it changed anything");
    stage.clear().await;
}

async fn a_basket_is_planned_over_warehouses_and_each_part_can_be_held(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    let far = warehouse(&asker, "berlin", &[("MUG", 5), ("TEE", 5)]).await;
    let near = warehouse(&asker, "graz", &[("MUG", 2)]).await;
    for (warehouse_id, country, priority) in [(&far, "DE", 9), (&near, "AT", 1)] {
        let update = v1::UpdateWarehouseRequest {
            warehouse_id: warehouse_id.clone(),
            name: country.to_owned(),
            country: country.to_owned(),
            region: String::new(),
            priority: Some(priority),
        };
        asker.ask::<rpc::UpdateWarehouse>(Some(warehouse_id), &update).await.expect("a warehouse");
    }
    let plan = |lines: &[(&str, i64)], strategy| {
        let line = |(sku, quantity): &(&str, i64)| messages::common::v1::SkuQuantity {
            sku: (*sku).to_owned(),
            quantity: Some(*quantity),
        };
        let country = "AT".to_owned();
        let lines = lines.iter().map(line).collect();
        v1::AllocateRequest { lines, country, strategy, ..v1::AllocateRequest::default() }
    };
    // Twice the same SKU is one wish; the nearer warehouse gives what it has.
    let split = plan(&[("MUG", 3), ("MUG", 3)], 0);
    let planned = asker.until::<rpc::Allocate>(None, &split, |planned| planned.parts.len() == 2).await;
    assert_eq!((&planned.short, planned.strategy()), (&vec![], v1::AllocationStrategy::Nearest));
    let said: Vec<_> = planned.parts.iter().map(|part| (&part.warehouse_id, part.lines[0].quantity)).collect();
    assert_eq!(said, [(&near, Some(2)), (&far, Some(4))]);
    for part in &planned.parts {
        let request = v1::ReserveRequest { lines: part.lines.clone(), ..basket(&part.warehouse_id, "part", &[]) };
        asker.send(&asker.keyed::<rpc::Reserve>("part", &part.warehouse_id, &request)).await.expect("what was planned");
    }
    let short = plan(&[("MUG", 3), ("TEE", 1)], v1::AllocationStrategy::Priority.into());
    let planned = asker.until::<rpc::Allocate>(None, &short, |planned| !planned.short.is_empty()).await;
    assert_eq!((planned.parts.len(), planned.strategy()), (1, v1::AllocationStrategy::Priority));
    let short = &planned.short[0];
    assert_eq!((short.sku.as_str(), short.requested, short.available), ("MUG", 3, 1));
    stage.clear().await;
}

//! What holds of carriers on every ground: labels, pretending, webhooks.

use runtime::headers::Caller;
use runtime::testkit::{Ground, MemoryStore, refusal};
use shipping::wire::rpc;
use shipping::wire::v1::{self, ShipmentStatus};

use super::facts::cancel;
use super::shop::{
    basket, by_street, by_swift, create, dispatch, draw, get, id, labelled, life, open, parcel, pretending, problem,
    shown, street, until, webhook, zone,
};

pub(crate) async fn a_label_is_made_once_however_often_it_is_asked_for(ground: Ground) {
    let street = street();
    street.forget(3);
    let (mut stage, asker) = open(&ground, by_street, &["a"]).await;
    let parcel = parcel("one", "p1");
    create(&asker, &parcel).await.expect("a parcel");
    asker.until::<rpc::GetShipment>(Some(&parcel.order_id), &shown(&parcel), |_| street.books().0 >= 1).await;
    stage.kill("a");
    stage.start("a").await;
    let shipment = until(&asker, &parcel, |shipment| shipment.status() == ShipmentStatus::LabelReady).await;
    let (asked, labels, _) = street.books();
    assert_eq!((asked, labels), (4, 1), "asked until it is known, and made once");
    assert_eq!(shipment.carrier_url, format!("https://street.example/{}", shipment.carrier_number));
    assert_ne!(shipment.carrier_number, shipment.tracking_number);
    stage.clear().await;
}

pub(crate) async fn a_label_nobody_needs_is_given_back(ground: Ground) {
    let street = street();
    let (mut stage, asker) = open(&ground, by_street, &["a"]).await;
    let ready = labelled(&asker, "one", "ready").await;
    let stop = cancel("one", None);
    asker.ask::<rpc::CancelShipments>(Some(&ready.order_id), &stop).await.expect("it has not left");
    let wanted = format!("label/{}/0", ready.shipment_id);
    until(&asker, &ready, |_| street.books().2.contains(&wanted)).await;
    // The label that nobody has heard of yet when its parcel is stopped: learnt of, then given back.
    street.forget(1);
    let open_call = parcel("two", "open");
    create(&asker, &open_call).await.expect("a parcel");
    until(&asker, &open_call, |_| street.books().1 == 2).await;
    asker.ask::<rpc::CancelShipments>(Some(&open_call.order_id), &cancel("two", None)).await.expect("not left");
    let wanted = format!("label/{}/0", open_call.shipment_id);
    until(&asker, &open_call, |_| street.books().2.contains(&wanted)).await;
    let (_, labels, voided) = street.books();
    assert_eq!((labels, voided.len()), (2, 2), "as many given back as made");
    let mut types = life(&asker, &open_call).await;
    while types.last().is_none_or(|last| last != "shipping.label_voided") {
        types = life(&asker, &open_call).await;
    }
    assert_eq!(
        types,
        ["shipping.planned", "shipping.cancelled", "shipping.label_ready", "shipping.label_voided"],
        "and the parcel stays cancelled"
    );
    assert_eq!(get(&asker, &open_call).await.status(), ShipmentStatus::Cancelled);
    stage.clear().await;
}

pub(crate) async fn a_refused_label_waits_for_staff(ground: Ground) {
    let street = street();
    street.refuse(true);
    let (mut stage, asker) = open(&ground, by_street, &["a"]).await;
    let parcel = parcel("one", "p1");
    create(&asker, &parcel).await.expect("a parcel");
    let refused = until(&asker, &parcel, |shipment| !shipment.label_problem.is_empty()).await;
    assert_eq!(refused.label_problem, "there is no such street");
    assert_eq!(dispatch(&asker, &parcel).await.expect_err("no label").code, "label_missing");
    let page = v1::GetLabelRequest { order_id: parcel.order_id.clone(), shipment_id: parcel.shipment_id.clone() };
    let no = refusal(asker.ask::<rpc::GetLabel>(Some(&parcel.order_id), &page).await);
    assert_eq!(no.code, "label_missing");
    let relabel = |carrier: &str| v1::RequestLabelRequest {
        order_id: parcel.order_id.clone(),
        shipment_id: parcel.shipment_id.clone(),
        carrier: carrier.to_owned(),
    };
    let unknown = refusal(asker.ask::<rpc::RequestLabel>(Some(&parcel.order_id), &relabel("pigeon")).await);
    assert_eq!(unknown.code, "unknown_carrier");
    street.refuse(false);
    asker.ask::<rpc::RequestLabel>(Some(&parcel.order_id), &relabel("")).await.expect("it may be asked again");
    until(&asker, &parcel, |shipment| shipment.status() == ShipmentStatus::LabelReady).await;
    asker.ask::<rpc::RequestLabel>(Some(&parcel.order_id), &relabel("table")).await.expect("already so");
    assert_eq!(street.books().1, 1);
    stage.clear().await;
}

pub(crate) async fn a_pretending_carrier_delivers_by_itself_even_if_its_host_died(ground: Ground) {
    let (mut stage, asker) = open(&ground, pretending, &["a"]).await;
    let parcel = parcel("one", "p1");
    create(&asker, &parcel).await.expect("a parcel");
    until(&asker, &parcel, |shipment| shipment.status() == ShipmentStatus::Dispatched).await;
    stage.kill("a");
    stage.start("a").await;
    let arrived = until(&asker, &parcel, |shipment| shipment.status() == ShipmentStatus::Delivered).await;
    assert_eq!(arrived.tracking.len(), 2);
    let types = life(&asker, &parcel).await;
    assert_eq!(types.iter().filter(|entry| *entry == "shipping.completed").count(), 1, "{types:?}");
    stage.clear().await;
}

pub(crate) async fn a_carriers_webhook_reaches_its_parcels_once(ground: Ground) {
    let (mut stage, asker) = open(&ground, by_swift, &["a"]).await;
    let mut swift = zone("austria", "AT", 490);
    swift.options[0].carrier = "swift".to_owned();
    draw(&asker, &swift).await;
    asker.until::<rpc::ListOptions>(None, &basket("AT", 4900), |offered| !offered.options.is_empty()).await;
    let one = labelled(&asker, "one", "p1").await;
    let two = labelled(&asker, "two", "p2").await;
    let elsewhere = v1::CreateShipmentRequest { option_id: "elsewhere".to_owned(), ..parcel("three", "p3") };
    assert_eq!(create(&asker, &elsewhere).await.expect("a parcel").carrier, "table");
    let event = |id: &str, parcel: &v1::CreateShipmentRequest, status: &str| {
        serde_json::json!({
            "id": id, "order_id": parcel.order_id, "shipment_id": parcel.shipment_id, "status": status,
            "occurred_at": "2026-01-01T00:00:00Z", "place": "Vienna", "mood": "fine",
        })
    };
    let say = async |id: &str, body: String, forged: bool| {
        let request = webhook(&asker, id, &body, forged);
        let mut call = asker.call::<rpc::ReceiveWebhook>(Some("swift"), &request);
        call.caller = Caller::anonymous();
        let answer = asker.send(&call).await.map_err(|failure| problem(failure).code)?;
        let said = <v1::ReceiveWebhookResponse as prost::Message>::decode(answer.payload).expect("an answer");
        Ok::<_, String>((said.accepted, said.ignored))
    };
    let mut other = elsewhere.clone();
    other.order_id = id("ord", "one");
    let events = serde_json::json!({"events": [
        event("e2", &one, "delivered"), event("e1", &two, "in_transit"), event("e1", &elsewhere, "delivered"),
        event("e1", &other, "delivered"), event("e9", &two, "singing"), {
            "id": "e3", "order_id": "ours", "shipment_id": "not", "status": "lost", "occurred_at": "2026-01-01T00:00:00Z",
        },
    ]});
    assert_eq!(say("m1", events.to_string(), true).await, Err("bad_signature".to_owned()));
    assert_eq!(say("m1", events.to_string(), false).await, Ok((5, 1)));
    let arrived = until(&asker, &one, |shipment| shipment.status() == ShipmentStatus::Delivered).await;
    assert_eq!((arrived.tracking.len(), arrived.tracking[0].place.as_str()), (1, "Vienna"));
    let moving = until(&asker, &two, |shipment| shipment.tracking.len() == 2).await;
    assert_eq!(moving.status(), ShipmentStatus::InTransit, "a word nobody knows changes nothing");
    // Sent again, sent anew with the same events, and heard by a replica that has lost everything.
    assert_eq!(say("m1", events.to_string(), false).await, Ok((5, 1)));
    stage.kill("a");
    stage.set_store("a", MemoryStore::new());
    stage.start("a").await;
    assert_eq!(say("m2", events.to_string(), false).await, Ok((5, 1)));
    let last = serde_json::json!({"events": [event("e4", &two, "delivered")]});
    assert_eq!(say("m3", last.to_string(), false).await, Ok((1, 0)));
    let arrived = until(&asker, &two, |shipment| shipment.status() == ShipmentStatus::Delivered).await;
    assert_eq!(arrived.tracking.len(), 3, "{:?}", arrived.tracking);
    assert_eq!(get(&asker, &one).await.tracking.len(), 1);
    assert!(get(&asker, &elsewhere).await.tracking.is_empty(), "another carrier's parcel is none of its business");
    assert_eq!(say("m4", "[]".to_owned(), false).await, Err("malformed_webhook".to_owned()));
    let pigeon = v1::ReceiveWebhookRequest { provider: "pigeon".to_owned(), ..webhook(&asker, "m5", "{}", false) };
    assert_eq!(refusal(asker.ask::<rpc::ReceiveWebhook>(Some("pigeon"), &pigeon).await).code, "not_found");
    stage.clear().await;
    assert_eq!(stage.verify(Some("a")).await, Vec::<String>::new());
}

pub(crate) async fn a_carriers_own_price_counts_and_without_it_the_table(ground: Ground) {
    let (mut stage, asker) = open(&ground, by_swift, &["a"]).await;
    let v1::CreateZoneRequest { options: mut ways, .. } = zone("austria", "AT", 490);
    let courier = v1::ShippingOption { option: "courier".to_owned(), carrier: "swift".to_owned(), ..ways[0].clone() };
    // The shop drew no table for it in this currency: only the carrier knows.
    let mut drone = v1::ShippingOption { option: "drone".to_owned(), ..courier.clone() };
    drone.rates[0].currency = "USD".to_owned();
    ways.extend([courier, drone]);
    let drawn = draw(&asker, &v1::CreateZoneRequest { options: ways, ..zone("austria", "AT", 490) }).await;
    asker.until::<rpc::ListOptions>(None, &basket("AT", 4900), |o| o.options.len() == 3).await;
    let light = vec![("standard", 490, 3), ("courier", 1290, 1), ("drone", 1990, 1)];
    for (subtotal, grams, expected, unanswered) in [
        (4900, 900, light, vec![]),
        // It does not say what a heavy one costs: the table does, where there is one.
        (4900, 1100, vec![("courier", 490, 3), ("standard", 490, 3)], vec!["swift"]),
        // What the shop promised is free.
        (5000, 900, vec![("courier", 0, 1), ("standard", 0, 3), ("drone", 1990, 1)], vec![]),
    ] {
        let asked = v1::ListOptionsRequest { weight_grams: Some(grams), ..basket("AT", subtotal) };
        let offered = asker.ask::<rpc::ListOptions>(None, &asked).await.expect("an answer");
        assert_eq!(offered.unanswered, unanswered, "{subtotal} {grams}");
        let said: Vec<_> = offered
            .options
            .iter()
            .map(|offer| {
                let option = offer.option_id.strip_prefix(&format!("{}.", drawn.zone_id)).expect("of the zone");
                (
                    option,
                    offer.amount.as_ref().and_then(|money| money.amount).expect("a price"),
                    offer.max_days.expect("days"),
                )
            })
            .collect();
        assert_eq!(said, expected, "{subtotal} {grams}");
    }
    stage.clear().await;
}

//! Races.

use futures::future::{join, join_all};
use serde_json::json;

use super::journey;
use crate::audit::is_clean;
use crate::customer::{GOOD, NEEDS_3DS, address};
use crate::house::Ask;
use crate::stocked::{Stocked, text};

#[test]
fn the_last_one_is_sold_once() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut buyers: Vec<_> = (0..8).map(|_| shop.guest()).collect();
        let placed = join_all(buyers.iter_mut().map(async |buyer| {
            let cart = buyer.cart(&[("LAMP", 1)]).await;
            let placing = buyer.placing(&cart, GOOD);
            let answer = buyer.try_send(&placing).await;
            (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
        }))
        .await;
        let sold = placed.iter().filter(|(status, _)| *status == 201).count();
        assert_eq!(sold, 1, "{placed:?}");
        assert!(placed.iter().all(|(status, code)| *status == 201 || code == "out_of_stock"), "{placed:?}");
        shop.until(Ask::get("/api/v1/inventory/levels?sku=LAMP"), |page| page["data"][0]["on_hand"] == 0).await;
        assert_eq!(shop.units("LAMP").await, (0, 1, 0));
    });
}

#[test]
fn one_key_is_one_order_however_many_ask_at_once() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.customer();
        let cart = guest.cart(&[("MUG", 1)]).await;
        let order = json!({"cart_id": cart, "email": "ada@example.com", "payment_method": {"token": GOOD}});
        let ask = Ask::post("/api/v1/orders", &order).keyed("only-one");
        let mut askers: Vec<_> = (0..20).map(|_| shop.customer()).collect();
        let answers = join_all(askers.iter_mut().map(async |asker| asker.try_send(&ask).await)).await;
        let done: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert!(!done.is_empty(), "{answers:?}");
        assert!(answers.iter().all(|answer| matches!(answer.status, 201 | 409)), "{answers:?}");
        assert!(done.iter().all(|answer| answer.json()["order_id"] == done[0].json()["order_id"]));
        assert_eq!(shop.units("MUG").await, (19, 1, 0));
    });
}

#[test]
fn a_coupon_for_five_that_a_hundred_use_at_once_is_used_five_times() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let vienna = shop.vienna.clone();
        shop.stock(&vienna, "MUG", 1_000).await;
        let action = json!({"percent_off": {"target": "order", "share_ppm": 100_000}});
        let campaign = json!({"title": "Ten per cent", "trigger": "coupon", "actions": [action]});
        let campaign_id = text(&shop.owner(201, Ask::post("/api/v1/campaigns", &campaign)).await, "/campaign_id");
        shop.owner(200, Ask::post(format!("/api/v1/campaigns/{campaign_id}/activate"), &json!({}))).await;
        let coupon = json!({"code": "FIVE", "campaign_id": campaign_id, "uses_per_code_max": 5});
        shop.owner(201, Ask::post("/api/v1/coupons", &coupon)).await;

        let mut buyers: Vec<_> = (0..100).map(|_| shop.guest()).collect();
        let placed = join_all(buyers.iter_mut().enumerate().map(async |(number, buyer)| {
            let wish = json!({"lines": [{"sku": "MUG", "quantity": 1}], "currency": "EUR", "coupon_codes": ["FIVE"],
                              "email": "ada@example.com", "shipping_address": address(),
                              "payment_method": {"token": GOOD}});
            let ask = Ask::post("/api/v1/orders", &wish).keyed(format!("five-{number}"));
            // A door that is crowded says so, and the same request is sent again.
            loop {
                let answer = buyer.try_send(&ask).await;
                if !matches!(answer.status, 429 | 500..) {
                    return answer.json();
                }
                tokio::task::yield_now().await;
            }
        }))
        .await;
        let ids: Vec<&str> = placed.iter().filter_map(|order| order["order_id"].as_str()).collect();
        is_clean(&shop.up).await;
        let mut used = 0;
        for order_id in ids {
            let order = shop.order(order_id).await;
            let has_discount = order["discounts"].as_array().is_some_and(|discounts| !discounts.is_empty());
            used += usize::from(has_discount && order["status"] != "cancelled");
        }
        assert_eq!(used, 5, "{placed:#?}");
    });
}

#[test]
fn whoever_cancels_while_the_money_is_taken_gets_it_back_or_the_goods() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut buyers: Vec<_> = (0..12).map(|_| shop.guest()).collect();
        let placed = join_all(buyers.iter_mut().enumerate().map(async |(number, buyer)| {
            let cart = buyer.cart(&[("MUG", 1)]).await;
            let wish = json!({"cart_id": cart, "email": "ada@example.com", "payment_method": {"token": GOOD}});
            let placed = buyer.try_send(&Ask::post("/api/v1/orders", &wish).keyed(format!("race-{number}"))).await;
            let order_id = text(&placed.json(), "/order_id");
            // Some at once, some a little later: from before the money is taken until after.
            for _ in 0..number {
                buyer.see_order(&order_id).await;
            }
            let cancel = Ask::post(format!("/api/v1/orders/{order_id}/cancel"), &json!({}));
            let cancelled = buyer.try_send(&cancel.keyed(format!("cancel-{number}"))).await;
            assert!(matches!(cancelled.status, 200 | 202 | 409), "{cancelled:?}");
            order_id
        }))
        .await;
        is_clean(&shop.up).await;
        for order_id in placed {
            let order = shop.order(&order_id).await;
            assert!(matches!(order["status"].as_str(), Some("cancelled" | "processing")), "{order:#}");
        }
    });
}

#[test]
fn an_order_is_cancelled_or_sent_and_never_both() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut races = Vec::new();
        for _ in 0..8 {
            let mut guest = shop.guest();
            let order_id = guest.buy(&[("MUG", 1)]).await;
            let parcel = shop.parcels(&order_id, 1).await.remove(0);
            let shipment = text(&parcel, "/shipment_id");
            let shown = format!("/api/v1/shipments/{order_id}/{shipment}");
            shop.until(Ask::get(shown.clone()), |parcel| parcel["status"] == "label_ready").await;
            races.push((guest, shop.up.http(), order_id, shown));
        }
        join_all(races.iter_mut().enumerate().map(async |(number, (guest, owner, order_id, shown))| {
            let cancel = Ask::post(format!("/api/v1/orders/{order_id}/cancel"), &json!({}));
            let cancel = cancel.keyed(format!("cancel-{number}"));
            let dispatch = Ask::post(format!("{shown}/dispatch"), &json!({})).keyed(format!("dispatch-{number}"));
            let (cancelled, sent) = join(guest.try_send(&cancel), owner.try_send(&dispatch)).await;
            assert!(matches!(cancelled.status, 200 | 202 | 409), "{cancelled:?}");
            assert!(matches!(sent.expect("an answer").status, 200 | 409), "dispatching");
        }))
        .await;
        is_clean(&shop.up).await;
        for (_, _, order_id, shown) in &races {
            let (order, parcel) = (shop.order(order_id).await, shop.owner(200, Ask::get(shown.clone())).await);
            let ended = (order["status"].as_str().unwrap_or_default(), parcel["status"].as_str().unwrap_or_default());
            assert!(matches!(ended, ("cancelled", "cancelled") | ("shipped", "dispatched")), "{order:#}{parcel:#}");
        }
    });
}

#[test]
fn news_of_the_bank_that_come_many_times_at_once_count_once() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        let cart = guest.cart(&[("MUG", 1)]).await;
        let placing = guest.placing(&cart, NEEDS_3DS);
        let order = guest.try_send(&placing).await.json();
        let order_id = text(&order, "/order_id");
        let payment_id = text(&shop.order(&order_id).await, "/payment_id");
        let payment = shop.owner(200, Ask::get(format!("/api/v1/payments/{payment_id}"))).await;
        let intent = text(&payment, "/provider_reference");
        shop.up.pass_3ds(&text(&order, "/next_action/url")).await;
        // As the bank signs them, and all of them at the same moment.
        let object = json!({"id": intent, "object": "payment_intent", "status": "requires_capture",
                            "metadata": {"payment_id": payment_id}});
        let news = json!({"id": "evt_once", "object": "event", "type": "payment_intent.amount_capturable_updated",
                          "data": {"object": object}});
        let at = seconds_now();
        let signed = bank::webhook::signature("whsec_mercat", at, &news.to_string());
        let ask = Ask::post("/webhooks/payment/test", &news).header("Stripe-Signature", signed);
        let mut banks: Vec<_> = (0..20).map(|_| shop.up.stranger()).collect();
        let taken = join_all(banks.iter_mut().map(|bank| bank.try_send(&ask))).await;
        assert!(taken.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer.status < 300)), "{taken:?}");
        shop.order_is(&order_id, "processing").await;
        let again = join_all(banks.iter_mut().map(|bank| bank.try_send(&ask))).await;
        assert!(again.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer.status < 300)), "{again:?}");
        is_clean(&shop.up).await;
        assert_eq!(shop.money(&order_id).await, (1990, 0));
    });
}

fn seconds_now() -> u64 {
    runtime::clock::Clock::system().now().as_second().try_into().expect("after 1970")
}

#[test]
fn who_hangs_up_in_the_middle_of_an_order_learns_what_became_of_it_by_asking_again() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut customer = shop.customer();
        let mut orders = Vec::new();
        for number in 0..8_u64 {
            let cart = customer.cart(&[("MUG", 1)]).await;
            let placing = customer.placing(&cart, GOOD);
            // Before anybody has read it, while it is decided, while it is paid.
            let after = std::time::Duration::from_millis(number * number * 2);
            shop.up.customer().send_and_hang_up(&placing, after).await.expect("it was sent");
            let again = customer.send(201, &placing).await;
            let once_more = customer.send(201, &placing).await;
            assert_eq!(again["order_id"], once_more["order_id"]);
            orders.push(text(&again, "/order_id"));
        }
        let placed = shop.owner(200, Ask::get("/api/v1/orders?limit=100")).await;
        assert_eq!(placed["data"].as_array().map(Vec::len), Some(orders.len()), "an order each, and no more");
        is_clean(&shop.up).await;
    });
}

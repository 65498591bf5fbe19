//! Buying, and being refused.

use serde_json::json;

use super::journey;
use crate::customer::{DECLINED, GOOD, NEEDS_3DS};
use crate::house::Ask;
use crate::stocked::{Stocked, text};

#[test]
fn a_guest_buys_and_is_told_what_it_costs_to_the_cent() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        let cart = guest.cart(&[("MUG", 2), ("SHIRT", 1)]).await;
        let seen = guest.see_cart(&cart).await;
        assert_eq!(seen["totals"]["subtotal"]["amount"], 2 * 1500 + 4000, "{seen:#}");
        let order = guest.place(&cart, GOOD, 201).await;
        let order_id = text(&order, "/order_id");
        assert_eq!(order["total_amount"]["amount"], 7490, "{order:#}");
        let paid = shop.order_is(&order_id, "processing").await;
        assert_eq!(paid["total_amount"]["amount"], 7490);
        assert_eq!(shop.money(&order_id).await, (7490, 0));
        assert_eq!(shop.units("MUG").await, (18, 2, 0));
        // It is the guest's and nobody else's.
        assert_eq!(guest.see_order(&order_id).await["order_id"], order_id.as_str());
        let mut other = shop.guest();
        other.cart(&[("MUG", 1)]).await;
        other.send(404, &Ask::get(format!("/api/v1/orders/{order_id}"))).await;
        shop.stranger().send(401, &Ask::get(format!("/api/v1/orders/{order_id}"))).await;
        // The steps are in its history, by their names.
        let history = shop.owner(200, Ask::get(format!("/api/v1/orders/{order_id}/history?limit=100"))).await;
        let told = history.to_string();
        for step in ["create_order", "reserve_items", "process_payment", "create_shipment"] {
            assert!(told.contains(step), "{step} is not in {history:#}");
        }
    });
}

#[test]
fn an_ordered_cart_cannot_be_ordered_again_and_the_same_key_finds_the_same_order() {
    journey(async || {
        let shop = Stocked::open().await;
        let mut guest = shop.guest();
        let cart = guest.cart(&[("MUG", 1)]).await;
        let placing = guest.placing(&cart, GOOD);
        let first = guest.send(201, &placing).await;
        let again = guest.try_send(&placing).await;
        assert_eq!(again.status, 201);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(again.json()["order_id"], first["order_id"]);
        let other = guest.placing(&cart, GOOD);
        let refused = guest.send(409, &other).await;
        assert_eq!(refused["code"], "cart_ordered");
    });
}

#[test]
fn a_declined_card_leaves_nothing_behind() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        let cart = guest.cart(&[("MUG", 5)]).await;
        let declined = guest.place(&cart, DECLINED, 402).await;
        assert_eq!(declined["code"], "payment_declined", "{declined:#}");
        let order_id = text(&declined, "/order_id");
        assert!(declined["decline_code"].is_string(), "{declined:#}");
        shop.order_is(&order_id, "cancelled").await;
        assert_eq!(shop.money(&order_id).await, (0, 0));
        shop.until(Ask::get("/api/v1/inventory/availability?sku=MUG"), |_| true).await;
        let began = tokio::time::Instant::now();
        while shop.units("MUG").await != (20, 0, 0) {
            assert!(began.elapsed().as_secs() < 10, "the mugs never came back");
        }
    });
}

#[test]
fn what_is_not_there_is_refused_with_what_is() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        let cart = guest.cart(&[("LAMP", 2), ("MUG", 1)]).await;
        let refused = guest.place(&cart, GOOD, 409).await;
        assert_eq!(refused["code"], "out_of_stock", "{refused:#}");
        let lines = refused["lines"].as_array().expect("lines");
        assert_eq!(lines.len(), 1, "{refused:#}");
        assert_eq!((&lines[0]["sku"], &lines[0]["available"]), (&json!("LAMP"), &json!(1)), "{refused:#}");
        assert_eq!(shop.units("LAMP").await, (1, 0, 0));
    });
}

#[test]
fn a_price_that_changed_is_told_before_anything_is_bought() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        let cart = guest.cart(&[("MUG", 1)]).await;
        let told = json!({"amount": 1, "currency": "EUR"});
        let order = json!({"cart_id": cart, "email": "ada@example.com", "payment_method": {"token": GOOD},
                           "expected_total": told});
        let refused = guest.send(409, &Ask::post("/api/v1/orders", &order).keyed("cheap")).await;
        assert_eq!(refused["code"], "price_changed", "{refused:#}");
        assert_eq!(shop.units("MUG").await, (20, 0, 0));
    });
}

#[test]
fn a_card_that_asks_for_more_is_waited_for() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        let cart = guest.cart(&[("MUG", 1)]).await;
        let placing = guest.placing(&cart, NEEDS_3DS);
        let answer = guest.try_send(&placing).await;
        assert_eq!(answer.status, 202, "{:?}", answer);
        let order = answer.json();
        let order_id = text(&order, "/order_id");
        assert_eq!((&order["status"], &order["next_action"]["type"]), (&json!("requires_action"), &json!("redirect")));
        assert_eq!(shop.units("MUG").await, (19, 1, 0), "the mug is held meanwhile");
        shop.up.pass_3ds(&text(&order, "/next_action/url")).await;
        let payment_id = text(&shop.order(&order_id).await, "/payment_id");
        guest
            .send(200, &Ask::post(format!("/api/v1/payments/{payment_id}/confirm"), &json!({})).keyed("confirm"))
            .await;
        shop.order_is(&order_id, "processing").await;
        assert_eq!(shop.money(&order_id).await, (1990, 0));
    });
}

#[test]
fn a_coupon_is_taken_off_and_used_up() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let action = json!({"percent_off": {"target": "order", "share_ppm": 100_000}});
        let campaign = json!({"title": "Ten per cent", "trigger": "coupon", "actions": [action]});
        let campaign_id = text(&shop.owner(201, Ask::post("/api/v1/campaigns", &campaign)).await, "/campaign_id");
        shop.owner(200, Ask::post(format!("/api/v1/campaigns/{campaign_id}/activate"), &json!({}))).await;
        let coupon = json!({"code": "ONCE", "campaign_id": campaign_id, "uses_per_code_max": 1});
        shop.owner(201, Ask::post("/api/v1/coupons", &coupon)).await;

        let mut first = shop.customer();
        let cart = first.cart(&[("MUG", 2)]).await;
        first.send(200, &Ask::post(format!("/api/v1/carts/{cart}/coupons"), &json!({"code": "ONCE"}))).await;
        let seen = first.see_cart(&cart).await;
        assert_eq!(seen["totals"]["total"]["amount"], 3000 - 300, "{seen:#}");
        let order = first.place(&cart, GOOD, 201).await;
        assert_eq!(order["total_amount"]["amount"], 3190);

        let mut second = shop.guest();
        let cart = second.cart(&[("MUG", 1)]).await;
        second.try_send(&Ask::post(format!("/api/v1/carts/{cart}/coupons"), &json!({"code": "ONCE"}))).await;
        let placing = second.placing(&cart, GOOD);
        let refused = second.try_send(&placing).await;
        assert!((400..500).contains(&refused.status), "{refused:?}");
        assert_eq!(shop.units("MUG").await, (18, 2, 0));
    });
}

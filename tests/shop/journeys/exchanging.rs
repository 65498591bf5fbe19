//! Exchanging what was delivered, and changing what has not left.

use serde_json::{Value, json};

use super::journey;
use crate::audit::is_clean;
use crate::customer::{Customer, DECLINED, GOOD, NEEDS_3DS};
use crate::house::Ask;
use crate::stocked::{Stocked, text};

impl Customer {
    /// A mug goes back, and this comes for it.
    async fn exchange(&mut self, order_id: &str, wanted: &str, card: &str, status: u16) -> Value {
        let body = json!({"lines": [{"sku": "MUG", "quantity": 1}], "reason": "does_not_fit",
                          "replacements": [{"sku": wanted, "quantity": 1}], "payment_method": {"token": card}});
        let ask = Ask::post(format!("/api/v1/orders/{order_id}/exchanges"), &body);
        self.send(status, &ask.keyed(format!("exchange-{wanted}-{card}"))).await
    }
}

/// Two mugs that were delivered.
async fn delivered(shop: &mut Stocked, guest: &mut Customer) -> String {
    let order_id = guest.buy(&[("MUG", 2)]).await;
    let parcels = shop.parcels(&order_id, 1).await;
    shop.deliver(&parcels[0]).await;
    shop.order_is(&order_id, "completed").await;
    order_id
}

/// The goods of an exchange come back.
async fn received(shop: &mut Stocked, exchange: &Value) {
    let (order_id, return_id) = (text(exchange, "/order_id"), text(exchange, "/return_id"));
    let step = |what: &str, body: &Value| {
        let ask = Ask::post(format!("/api/v1/orders/{order_id}/returns/{return_id}/{what}"), body);
        ask.keyed(format!("{what}-{return_id}"))
    };
    shop.owner(200, step("approve", &json!({}))).await;
    let here = json!({"warehouse_id": shop.vienna});
    shop.owner(200, step("receive", &here)).await;
}

#[test]
fn a_mug_becomes_a_shirt_for_the_difference_and_the_shirt_can_be_sent_back_for_all_it_cost() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        let order_id = delivered(&mut shop, &mut guest).await;
        let exchange = guest.exchange(&order_id, "SHIRT", GOOD, 201).await;
        assert_eq!((&exchange["status"], &exchange["difference"]["amount"]), (&json!("ready"), &json!(2500)));
        assert_eq!(shop.units("SHIRT").await, (5, 1, 0), "held, and not sent");
        let payment = text(&exchange, "/payment_id");
        let payment = format!("/api/v1/payments/{payment}");
        let paid = guest.send(200, &Ask::get(payment.clone())).await;
        assert_eq!(paid["captured"]["amount"], 2500, "{paid:#}");
        is_clean(&shop.up).await;
        received(&mut shop, &exchange).await;
        let parcels = shop.parcels(&order_id, 2).await;
        let shirt = parcels.iter().find(|parcel| parcel["lines"][0]["sku"] == "SHIRT").expect("a shirt").clone();
        shop.deliver(&shirt).await;
        let seen =
            shop.until(Ask::get(format!("/api/v1/orders/{order_id}")), |order| order["items"][1]["shipped"] == 1).await;
        assert_eq!((&seen["status"], &seen["billed_amount"]["amount"]), (&json!("completed"), &json!(3490 + 2500)));
        shop.until(Ask::get("/api/v1/inventory/levels?sku=SHIRT"), |page| {
            page["data"].as_array().is_some_and(|levels| levels.iter().all(|level| level["reserved"] == 0))
        })
        .await;
        assert_eq!(shop.units("SHIRT").await, (5, 0, 1));
        is_clean(&shop.up).await;
        // Sent back, it gives back what was paid for it, by both payments.
        let back = json!({"lines": [{"sku": "SHIRT", "quantity": 1}], "reason": "changed_mind"});
        let returns = format!("/api/v1/orders/{order_id}/returns");
        let asked = guest.send(201, &Ask::post(returns.clone(), &back).keyed("shirt-back")).await;
        received(&mut shop, &asked).await;
        let return_id = text(&asked, "/return_id");
        shop.until(Ask::get(format!("{returns}/{return_id}")), |shown| shown["status"] == "refunded").await;
        let order = shop.order(&order_id).await;
        assert_eq!(order["refunded_amount"]["amount"], 4000, "{order:#}");
        is_clean(&shop.up).await;
        // Its life is its owner's to see, and nobody else's.
        let amendment_id = text(&exchange, "/amendment_id");
        let life = format!("/api/v1/orders/{order_id}/exchanges/{amendment_id}/history?limit=100");
        let told = guest.send(200, &Ask::get(life.clone())).await.to_string();
        assert!(told.contains("amendment.paid") && told.contains("amendment.applied"), "{told}");
        guest.send(200, &Ask::get(format!("{payment}/history"))).await;
        let shipment = text(&shirt, "/shipment_id");
        guest.send(200, &Ask::get(format!("/api/v1/shipments/{order_id}/{shipment}/history"))).await;
        let mut other = shop.guest();
        other.cart(&[("MUG", 1)]).await;
        other.send(404, &Ask::get(life)).await;
        other.send(404, &Ask::get(format!("{payment}/history"))).await;
        other.send(404, &Ask::get(format!("/api/v1/shipments/{order_id}/{shipment}/history"))).await;
    });
}

#[test]
fn a_declined_difference_refuses_the_exchange_and_one_that_is_given_up_gives_everything_back() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        let order_id = delivered(&mut shop, &mut guest).await;
        let before = guest.see_order(&order_id).await;
        let declined = guest.exchange(&order_id, "SHIRT", DECLINED, 402).await;
        assert_eq!(declined["code"], "payment_declined", "{declined:#}");
        let out = guest.exchange(&order_id, "GHOST", GOOD, 422).await;
        assert_eq!(out["code"], "unknown_sku", "{out:#}");
        is_clean(&shop.up).await;
        let after = guest.see_order(&order_id).await;
        for field in ["items", "total_amount", "billed_amount", "captured_amount", "parts"] {
            assert_eq!(before[field], after[field], "{field}");
        }
        assert_eq!(shop.units("SHIRT").await, (6, 0, 0));
        // The bank asks who it is; then it is given up.
        let answer = guest.exchange(&order_id, "SHIRT", NEEDS_3DS, 202).await;
        assert_eq!(answer["status"], "requires_action", "{answer:#}");
        shop.up.pass_3ds(&text(&answer, "/next_action/url")).await;
        let amendment_id = text(&answer, "/amendment_id");
        let shown = format!("/api/v1/orders/{order_id}/exchanges/{amendment_id}");
        let ready = shop.until(Ask::get(shown.clone()), |exchange| exchange["status"] == "ready").await;
        let give_up = Ask::post(format!("{shown}/cancel"), &json!({})).keyed("give-up");
        guest.send(200, &give_up).await;
        shop.until(Ask::get(shown), |exchange| exchange["status"] == "cancelled").await;
        let payment = format!("/api/v1/payments/{}", text(&ready, "/payment_id"));
        shop.until(Ask::get(payment), |payment| payment["refunded"]["amount"] == 2500).await;
        assert_eq!(shop.units("SHIRT").await, (6, 0, 0));
        is_clean(&shop.up).await;
    });
}

#[test]
fn an_edit_costs_what_its_preview_said_or_nothing_changes() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        let order_id = guest.buy(&[("MUG", 2)]).await;
        shop.parcels(&order_id, 1).await;
        let edits = format!("/api/v1/orders/{order_id}/edits");
        let lines = json!([{"sku": "MUG", "quantity": 1}, {"sku": "SHIRT", "quantity": 1}]);
        let preview = guest.send(200, &Ask::post(format!("{edits}/preview"), &json!({"lines": lines}))).await;
        assert_eq!(preview["difference"]["amount"], 2500, "{preview:#}");
        let sum: i64 = preview["derivation"]
            .as_array()
            .expect("entries")
            .iter()
            .map(|entry| entry["amount"]["amount"].as_i64().expect("an amount"))
            .sum();
        assert_eq!(sum, 2500, "{preview:#}");
        let edit = |expected: i64| {
            json!({"lines": lines, "payment_method": {"token": GOOD},
                   "expected_difference": {"amount": expected, "currency": "EUR"}})
        };
        let refused = guest.send(409, &Ask::post(edits.clone(), &edit(2499)).keyed("cheap")).await;
        assert_eq!((&refused["code"], &refused["difference"]), (&json!("price_changed"), &json!(1)), "{refused:#}");
        let edited = guest.send(201, &Ask::post(edits.clone(), &edit(2500)).keyed("edit")).await;
        assert_eq!(edited["status"], "applied", "{edited:#}");
        let packed = |order: &Value| {
            let parts = order["parts"].as_array().cloned().unwrap_or_default();
            let is_packed = |part: &Value| part["parcels"].to_string().contains("packing");
            order["items"][0]["cancelled"] == 1 && parts.iter().all(is_packed)
        };
        let order = shop.until(Ask::get(format!("/api/v1/orders/{order_id}")), packed).await;
        assert_eq!(order["billed_amount"]["amount"], 3490 + 2500, "{order:#}");
        assert_eq!((shop.units("MUG").await, shop.units("SHIRT").await), ((19, 1, 0), (5, 1, 0)));
        is_clean(&shop.up).await;
        let same = guest.send(422, &Ask::post(format!("{edits}/preview"), &json!({"lines": lines}))).await;
        assert_eq!(same["code"], "nothing_changes", "{same:#}");
        // Cancelled as a whole, both payments go back.
        guest.cancel(&order_id, 200).await;
        shop.order_is(&order_id, "cancelled").await;
        is_clean(&shop.up).await;
        assert_eq!((shop.units("MUG").await, shop.units("SHIRT").await), ((20, 0, 0), (6, 0, 0)));
    });
}

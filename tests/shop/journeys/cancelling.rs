//! Cancelling, before and after the parcel has left.

use super::journey;
use crate::house::Ask;
use crate::stocked::{Stocked, text};
use serde_json::json;

#[test]
fn a_paid_order_is_cancelled_with_its_money_and_stock() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        let order_id = guest.buy(&[("MUG", 3)]).await;
        shop.order_is(&order_id, "processing").await;
        guest.cancel(&order_id, 200).await;
        shop.until(Ask::get(format!("/api/v1/orders/{order_id}")), |order| order["status"] == "cancelled").await;
        let payment_id = text(&shop.order(&order_id).await, "/payment_id");
        shop.until(Ask::get(format!("/api/v1/payments/{payment_id}")), |payment| {
            payment["refunded"]["amount"] == payment["captured"]["amount"]
        })
        .await;
        shop.until(Ask::get("/api/v1/inventory/levels?sku=MUG"), |page| page["data"][0]["on_hand"] == 20).await;
        assert_eq!(shop.units("MUG").await, (20, 0, 0));
        // Once more changes nothing.
        guest.cancel(&order_id, 200).await;
    });
}

#[test]
fn what_has_left_cannot_be_cancelled() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        let order_id = guest.buy(&[("MUG", 1)]).await;
        let parcels = shop.parcels(&order_id, 1).await;
        shop.deliver(&parcels[0]).await;
        shop.order_is(&order_id, "completed").await;
        let refused = guest.cancel(&order_id, 409).await;
        assert_eq!(refused["code"], "already_shipped", "{refused:#}");
        assert_eq!(shop.money(&order_id).await, (1990, 0));
    });
}

#[test]
fn money_is_given_back_in_parts_and_never_more_than_was_taken() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        let order_id = guest.buy(&[("MUG", 2)]).await;
        shop.order_is(&order_id, "processing").await;
        let payment_id = text(&shop.order(&order_id).await, "/payment_id");
        let refund = |cents: i64, key: &str| {
            let body = json!({"amount": {"amount": cents, "currency": "EUR"}, "reason": "A scratch."});
            Ask::post(format!("/api/v1/payments/{payment_id}/refund"), &body).keyed(key)
        };
        for (cents, key) in [(1000, "one"), (500, "two")] {
            let answer = shop.try_owner(refund(cents, key)).await;
            assert!((200..300).contains(&answer.status), "{answer:?}");
        }
        shop.until(Ask::get(format!("/api/v1/payments/{payment_id}")), |payment| payment["refunded"]["amount"] == 1500)
            .await;
        let refused = shop.try_owner(refund(2000, "three")).await;
        assert!((400..500).contains(&refused.status), "{refused:?}");
        assert_eq!(shop.money(&order_id).await, (3490, 1500));
        let balances = shop.owner(200, Ask::get("/api/v1/transactions/balances")).await;
        let sum: i64 = balances["data"]
            .as_array()
            .expect("balances")
            .iter()
            .map(|balance| balance["balance"]["amount"].as_i64().expect("an amount"))
            .sum();
        assert_eq!(sum, 0, "the ledger sums to zero: {balances:#}");
    });
}

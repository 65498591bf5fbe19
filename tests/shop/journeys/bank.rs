//! A bank that is slow, drops what it says, or says it twice: it charges once, and the order goes on.

use serde_json::json;

use super::journey;
use crate::audit::is_clean;
use crate::customer::NEEDS_3DS;
use crate::house::Ask;
use crate::stocked::{Stocked, text};

/// Done, and the line goes dead before the answer.
const DROPS: &str = "pm_card_dropsAfterCharging";
/// Done, and answered with 500.
const FAILS: &str = "pm_card_failsAfterCharging";
/// The webhook comes before the answer.
const WEBHOOK_FIRST: &str = "pm_card_webhookFirst";
/// Every first answer is late.
const SLOW: &str = "pm_card_slow";

#[test]
fn an_answer_that_got_lost_is_asked_for_and_nothing_is_charged_twice() {
    journey(async || {
        let mut shop = Stocked::open().await;
        for card in [DROPS, FAILS] {
            let mut guest = shop.guest();
            let cart = guest.cart(&[("MUG", 1)]).await;
            let placing = guest.placing(&cart, card);
            let answer = guest.try_send(&placing).await;
            assert!(matches!(answer.status, 201 | 202), "never a false failure: {answer:?}");
            let order_id = text(&answer.json(), "/order_id");
            shop.order_is(&order_id, "processing").await;
            assert_eq!(shop.money(&order_id).await, (1990, 0), "{card}");
        }
        assert_eq!(shop.units("MUG").await, (18, 2, 0));
    });
}

#[test]
fn a_webhook_that_comes_before_the_answer_is_no_second_payment() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        let cart = guest.cart(&[("MUG", 2)]).await;
        let order_id = text(&guest.place(&cart, WEBHOOK_FIRST, 201).await, "/order_id");
        shop.order_is(&order_id, "processing").await;
        assert_eq!(shop.money(&order_id).await, (3490, 0));
    });
}

#[test]
fn a_bank_that_takes_its_time_is_waited_for_and_the_customer_is_told_where_to_look() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        let cart = guest.cart(&[("MUG", 1)]).await;
        // The bank's answer comes after eight seconds; what it did can be asked for sooner, but not at once.
        let placing = guest.placing(&cart, SLOW);
        let answer = guest.try_send(&placing.clone().header("Prefer", "respond-async")).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let order_id = text(&answer.json(), "/order_id");
        assert_eq!(answer.header("location"), Some(&*format!("/api/v1/orders/{order_id}")));
        shop.order_is(&order_id, "processing").await;
        assert_eq!(shop.money(&order_id).await, (1990, 0));
        // Whoever repeats the request, and waits, is told how it ended.
        let again = guest.try_send(&placing).await;
        assert_eq!((again.status, &again.json()["order_id"]), (201, &json!(order_id)), "{again:?}");
    });
}

#[test]
fn a_proof_that_only_the_bank_tells_of_is_enough() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        let cart = guest.cart(&[("MUG", 1)]).await;
        let order = guest.place(&cart, NEEDS_3DS, 202).await;
        let order_id = text(&order, "/order_id");
        // The customer proves who they are, closes the window, and never comes back.
        shop.up.pass_3ds(&text(&order, "/next_action/url")).await;
        shop.order_is(&order_id, "processing").await;
        assert_eq!(shop.money(&order_id).await, (1990, 0));
    });
}

#[test]
fn a_proof_whose_news_got_lost_is_found_out_by_asking_the_bank() {
    journey(async || {
        let mut shop = Stocked::open_deaf().await;
        let mut guest = shop.guest();
        let cart = guest.cart(&[("MUG", 1)]).await;
        let order = guest.place(&cart, NEEDS_3DS, 202).await;
        let order_id = text(&order, "/order_id");
        // The customer proves who they are and never comes back, and the bank's webhook reaches nobody.
        shop.up.pass_3ds(&text(&order, "/next_action/url")).await;
        assert_eq!(shop.order(&order_id).await["status"], "requires_action", "nobody was told");
        // The shop asks by itself every five minutes; whoever reconciles asks at once.
        let payment_id = text(&shop.order(&order_id).await, "/payment_id");
        let ask = Ask::post(format!("/api/v1/payments/{payment_id}/reconcile"), &json!({}));
        shop.owner(200, ask.keyed("reconcile")).await;
        shop.order_is(&order_id, "processing").await;
        assert_eq!(shop.money(&order_id).await, (1990, 0));
        is_clean(&shop.up).await;
    });
}

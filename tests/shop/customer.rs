//! A customer: puts things into a cart, pays, and waits for the parcel.

use serde_json::{Value, json};

use super::house::{Answer, Ask, Http};
use super::stocked::{expect, text};

/// A customer, known or not.
pub(crate) struct Customer {
    http: Http,
    /// The secret by which a guest is known again.
    token: Option<String>,
    orders: u32,
}

/// Cards of the test bank.
pub(crate) const GOOD: &str = "pm_card_visa";
pub(crate) const DECLINED: &str = "pm_card_chargeDeclined";
pub(crate) const NEEDS_3DS: &str = "pm_card_threeDSecure2Required";

impl Customer {
    pub(crate) fn guest(http: Http) -> Customer {
        Customer { http, token: None, orders: 0 }
    }

    pub(crate) fn known(http: Http) -> Customer {
        Customer { http, token: None, orders: 0 }
    }

    /// Sends a request, with the guest's secret if there is one; a guest keeps the one they are given.
    pub(crate) async fn try_send(&mut self, ask: &Ask) -> Answer {
        let ask = match &self.token {
            Some(token) => ask.clone().header("Guest-Token", token.clone()),
            None => ask.clone(),
        };
        let answer = self.http.try_send(&ask).await.expect("an answer");
        if let Some(token) = answer.header("guest-token") {
            self.token = Some(token.to_owned());
        }
        answer
    }

    pub(crate) async fn send(&mut self, status: u16, ask: &Ask) -> Value {
        expect(&self.try_send(ask).await, status, ask)
    }

    /// A cart with these things.
    pub(crate) async fn cart(&mut self, things: &[(&str, i64)]) -> String {
        let items: Vec<Value> =
            things.iter().map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity})).collect();
        let cart = json!({"currency": "EUR", "country": "AT", "items": items, "ship_to": address()});
        text(&self.send(201, &Ask::post("/api/v1/carts", &cart)).await, "/cart_id")
    }

    pub(crate) async fn see_cart(&mut self, cart_id: &str) -> Value {
        self.send(200, &Ask::get(format!("/api/v1/carts/{cart_id}"))).await
    }

    /// What placing a cart is as a request.
    pub(crate) fn placing(&mut self, cart_id: &str, card: &str) -> Ask {
        self.orders += 1;
        let order = json!({"cart_id": cart_id, "email": "ada@example.com", "payment_method": {"token": card}});
        Ask::post("/api/v1/orders", &order).keyed(format!("{cart_id}-{}", self.orders))
    }

    /// Places a cart, and must get the status.
    pub(crate) async fn place(&mut self, cart_id: &str, card: &str, status: u16) -> Value {
        let placing = self.placing(cart_id, card);
        self.send(status, &placing).await
    }

    /// Buys at once, with a good card.
    pub(crate) async fn buy(&mut self, things: &[(&str, i64)]) -> String {
        let cart = self.cart(things).await;
        text(&self.place(&cart, GOOD, 201).await, "/order_id")
    }

    pub(crate) async fn see_order(&mut self, order_id: &str) -> Value {
        self.send(200, &Ask::get(format!("/api/v1/orders/{order_id}"))).await
    }

    pub(crate) async fn cancel(&mut self, order_id: &str, status: u16) -> Value {
        let cancel = Ask::post(format!("/api/v1/orders/{order_id}/cancel"), &json!({}));
        self.send(status, &cancel.keyed(format!("cancel-{order_id}"))).await
    }
}

/// Where parcels go.
pub(crate) fn address() -> Value {
    json!({"name": "Ada Lovelace", "line1": "Ringstrasse 1", "postal_code": "1010", "city": "Vienna", "country": "AT"})
}

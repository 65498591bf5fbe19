//! Scenes: lives of an order, played by people who ask again until they are answered, whatever is killed meanwhile.

use std::time::{Duration, Instant};

use messages::id::{Id, PaymentId, UserId};
use messages::order::v1::rpc::{EditOrder, PlaceOrder, RequestExchange};
use messages::{Group, Rpc as _, partition};
use runtime::headers::CommandId;
use serde_json::{Value, json};

use super::customer::{DECLINED, GOOD, NEEDS_3DS, address};
use super::house::{Answer, Ask, Broken, Doors, Http};
use super::stocked::text;

/// How long anything may take to be answered or to come about: several starts of a shop on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often somebody asks again.
const AGAIN_AFTER: Duration = Duration::from_millis(40);

/// A life of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scene {
    /// Paid, sent, delivered.
    Sold,
    /// The bank says no.
    Declined,
    /// The stock is gone when the money is there.
    SoldOut,
    /// Paid, and cancelled.
    Cancelled,
    /// Paid, delivered, and sent back.
    Returned,
    /// Paid, delivered, and exchanged for something dearer.
    Exchanged,
    /// Paid, and changed into something dearer before anything left.
    Edited,
}

pub(crate) const SCENES: [Scene; 7] =
    [Scene::Sold, Scene::Declined, Scene::SoldOut, Scene::Cancelled, Scene::Returned, Scene::Exchanged, Scene::Edited];

impl Scene {
    fn card(self) -> &'static str {
        match self {
            Scene::Declined => DECLINED,
            Scene::SoldOut => NEEDS_3DS,
            Scene::Sold | Scene::Cancelled | Scene::Returned | Scene::Exchanged | Scene::Edited => GOOD,
        }
    }

    /// How the order stands at the end.
    pub(crate) fn status(self) -> &'static str {
        match self {
            Scene::Sold | Scene::Returned | Scene::Exchanged => "completed",
            Scene::Edited => "processing",
            Scene::Declined | Scene::SoldOut | Scene::Cancelled => "cancelled",
        }
    }

    /// How often the bank takes money by the order's own payment, and gives it back.
    pub(crate) fn moves(self) -> (usize, usize) {
        match self {
            Scene::Sold | Scene::Exchanged | Scene::Edited => (1, 0),
            Scene::Declined | Scene::SoldOut => (0, 0),
            Scene::Cancelled | Scene::Returned => (1, 1),
        }
    }

    /// The same, by the payment of a difference.
    pub(crate) fn more_moves(self) -> (usize, usize) {
        match self {
            Scene::Exchanged | Scene::Edited => (1, 0),
            Scene::Sold | Scene::Declined | Scene::SoldOut | Scene::Cancelled | Scene::Returned => (0, 0),
        }
    }

    /// What the customer was charged and got back at the end, in cents: a mug for 1500 and its way for 490, and 2500 more
    /// for a shirt.
    fn sums(self) -> (i64, i64) {
        match self {
            Scene::Declined | Scene::SoldOut => (0, 0),
            Scene::Sold => (1990, 0),
            Scene::Cancelled => (1990, 1990),
            Scene::Returned => (1990, 1500),
            Scene::Exchanged | Scene::Edited => (1990 + 2500, 0),
        }
    }

    /// The rpc that a difference is asked for by, and what names the request.
    fn amends(self) -> Option<(&'static str, &'static str)> {
        match self {
            Scene::Exchanged => Some((RequestExchange::ROUTE.name, "exchange")),
            Scene::Edited => Some((EditOrder::ROUTE.name, "edit")),
            Scene::Sold | Scene::Declined | Scene::SoldOut | Scene::Cancelled | Scene::Returned => None,
        }
    }
}

/// Who plays a scene, with what, and the names of what comes of it, which are known before.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) scene: Scene,
    secret: String,
    key: String,
    /// A SKU that nobody else buys.
    sku: String,
    pub(crate) order_id: String,
    pub(crate) payment_id: String,
    /// The payment of the difference that an exchange or an edit makes.
    pub(crate) more_payment_id: Option<String>,
}

impl Role {
    /// A role whose names nobody else has.
    pub(crate) fn new(scene: Scene, name: &str, sku: &str) -> Role {
        let secret = format!("the-secret-of-a-guest-{name}");
        let guest = UserId::derived(&blake3::derive_key("mercat gateway guest v1", secret.as_bytes())).to_string();
        let key = format!("placing-{name}");
        let command = CommandId::derived(&[guest.as_bytes(), PlaceOrder::ROUTE.name.as_bytes(), key.as_bytes()]);
        let order_id = Id::derived("ord", &command.0).to_string();
        let payment_id = PaymentId::derived(order_id.as_bytes()).to_string();
        let more_payment_id = scene.amends().map(|(rpc, what)| {
            let key = format!("{what}-{order_id}");
            let command = CommandId::derived(&[guest.as_bytes(), rpc.as_bytes(), key.as_bytes()]);
            let amendment_id = Id::derived("amd", &command.0).to_string();
            PaymentId::derived(amendment_id.as_bytes()).to_string()
        });
        Role { scene, secret, key, sku: sku.to_owned(), order_id, payment_id, more_payment_id }
    }

    /// The partitions of its order and its payment.
    pub(crate) fn partitions(&self) -> (u32, u32) {
        let of = |group, id: &str| partition::of(id, Group::named(group).expect("a group").partitions);
        (of("order", &self.order_id), of("payment", &self.payment_id))
    }
}

/// Somebody who asks until there is an answer.
pub(crate) struct Patient {
    http: Http,
    guest: Option<String>,
}

impl Patient {
    pub(crate) fn owner(doors: &Doors) -> Patient {
        Patient { http: doors.http(), guest: None }
    }

    pub(crate) fn guest(doors: &Doors, secret: &str) -> Patient {
        Patient { http: doors.stranger(), guest: Some(secret.to_owned()) }
    }

    /// Sends once, as whoever this is.
    pub(crate) async fn try_send(&mut self, ask: &Ask) -> Result<Answer, Broken> {
        let ask = match &self.guest {
            Some(secret) => ask.clone().header("Guest-Token", secret.clone()),
            None => ask.clone(),
        };
        self.http.try_send(&ask).await
    }

    /// Sends until one of these is the status. What is broken, late, busy or not known yet is asked again.
    pub(crate) async fn send(&mut self, ask: Ask, wanted: &[u16]) -> Value {
        self.told(ask, wanted).await.1
    }

    /// The same, with the status.
    pub(crate) async fn told(&mut self, ask: Ask, wanted: &[u16]) -> (u16, Value) {
        let began = Instant::now();
        loop {
            let heard = match self.try_send(&ask).await {
                // Accepted, and nothing shown of it: the door heard no outcome, and whoever wants to know asks again.
                Ok(answer) if answer.status == 202 && answer.body.is_empty() => "202, and nobody knows".to_owned(),
                Ok(answer) if wanted.contains(&answer.status) => return (answer.status, answer.json()),
                Ok(answer) => {
                    let again = answer.status >= 500 || matches!(answer.status, 404 | 408 | 429);
                    let heard = format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body));
                    assert!(again, "{ask} was answered with {heard}");
                    heard
                }
                Err(broken) => broken.0,
            };
            assert!(began.elapsed() < PATIENCE, "{ask} was not answered: {heard}");
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// Looks until it is so.
    pub(crate) async fn until(&mut self, target: String, so: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let shown = self.send(Ask::get(target.clone()), &[200]).await;
            if so(&shown) {
                return shown;
            }
            assert!(began.elapsed() < PATIENCE, "it never came to be so: {shown:#}");
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}

/// Plays a scene to its end. Asking again under the same key does nothing twice.
pub(crate) async fn play(role: Role, doors: Doors, warehouse: String) {
    let (mut guest, mut owner) = (Patient::guest(&doors, &role.secret), Patient::owner(&doors));
    let order = format!("/api/v1/orders/{}", role.order_id);
    let wish = json!({"lines": [{"sku": role.sku, "quantity": 1}], "currency": "EUR", "email": "ada@example.com",
                      "shipping_address": address(), "payment_method": {"token": role.scene.card()}});
    let placed = guest.send(Ask::post("/api/v1/orders", &wish).keyed(&role.key), &[201, 202, 402, 409]).await;
    assert_eq!(text(&placed, "/order_id"), role.order_id, "{placed:#}");
    match role.scene {
        Scene::Declined => {}
        Scene::SoldOut => {
            let asked = guest.until(order.clone(), |order| order["status"] == "requires_action").await;
            let reservation = text(&asked, "/parts/0/reservation_id");
            let release = json!({"warehouse_id": warehouse, "reservation_id": reservation});
            let key = |what: &str| format!("{what}-{}", role.order_id);
            owner.send(Ask::post("/api/v1/inventory/release", &release).keyed(key("release")), &[200]).await;
            let gone = json!({"warehouse_id": warehouse, "sku": role.sku, "delta": -1, "reason": "lost"});
            owner.send(Ask::post("/api/v1/inventory/adjust", &gone).keyed(key("lost")), &[200]).await;
            prove(&mut guest, &doors, &text(&asked, "/next_action/url"), &role).await;
        }
        Scene::Cancelled => {
            guest.until(order.clone(), |order| order["status"] == "processing").await;
            let cancel = Ask::post(format!("{order}/cancel"), &json!({})).keyed(format!("cancel-{}", role.order_id));
            guest.send(cancel, &[200, 202]).await;
        }
        Scene::Edited => {
            guest.until(order.clone(), |order| order["status"] == "processing").await;
            edit(&mut guest, &role).await;
        }
        Scene::Sold | Scene::Returned | Scene::Exchanged => deliver(&mut owner, &role.order_id).await,
    }
    guest.until(order.clone(), |order| order["status"] == role.scene.status()).await;
    if role.scene == Scene::Returned {
        send_back(&mut guest, &mut owner, &role, &warehouse).await;
    }
    if role.scene == Scene::Exchanged {
        exchange(&mut guest, &mut owner, &role, &warehouse).await;
    }
    let (captured, refunded) = role.scene.sums();
    guest
        .until(order, |order| {
            order["captured_amount"]["amount"] == captured && order["refunded_amount"]["amount"] == refunded
        })
        .await;
}

/// The customer proves at the bank who they are, and tells the shop, until the shop has heard of it.
async fn prove(guest: &mut Patient, doors: &Doors, url: &str, role: &Role) {
    let (_, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an address");
    let fields = path.split_once('?').map(|(_, query)| query.to_owned()).expect("a secret");
    let fields = format!("{fields}&outcome=complete");
    let page = path.split('?').next().expect("a path");
    let mut bank = doors.bank();
    let began = Instant::now();
    // The page knows that it is done; a second proof changes nothing.
    while !bank.try_send(&Ask::form(format!("/{page}"), &fields)).await.is_ok_and(|answer| answer.status < 400) {
        assert!(began.elapsed() < PATIENCE, "the bank never took the proof");
        tokio::time::sleep(AGAIN_AFTER).await;
        bank = doors.bank();
    }
    let confirm = Ask::post(format!("/api/v1/payments/{}/confirm", role.payment_id), &json!({}));
    // It may have heard of it from the bank already, and gone on.
    guest.send(confirm.keyed(format!("confirm-{}", role.order_id)), &[200, 202, 409, 422]).await;
}

/// Every parcel leaves, is taken by the carrier, and arrives.
async fn deliver(owner: &mut Patient, order_id: &str) {
    let ready = |page: &Value| page["data"][0]["status"] == "label_ready";
    let page = owner.until(format!("/api/v1/orders/{order_id}/shipments"), ready).await;
    let shipment = text(&page, "/data/0/shipment_id");
    for what in ["dispatch", "accept", "deliver"] {
        let ask = Ask::post(format!("/api/v1/shipments/{order_id}/{shipment}/{what}"), &json!({}));
        owner.send(ask.keyed(format!("{what}-{shipment}")), &[200]).await;
    }
}

/// The mug becomes a shirt before it leaves, and the shirt is packed.
async fn edit(guest: &mut Patient, role: &Role) {
    let lines = json!([{"sku": role.sku, "quantity": 0}, {"sku": "SHIRT", "quantity": 1}]);
    let wish = json!({"lines": lines, "payment_method": {"token": GOOD}});
    let edits = format!("/api/v1/orders/{}/edits", role.order_id);
    let ask = Ask::post(edits.clone(), &wish).keyed(format!("edit-{}", role.order_id));
    let asked = guest.send(ask, &[201, 202]).await;
    assert_eq!(asked["payment_id"].as_str(), role.more_payment_id.as_deref(), "{asked:#}");
    let amendment_id = text(&asked, "/amendment_id");
    guest.until(format!("{edits}/{amendment_id}"), |edit| edit["status"] == "applied").await;
    let is_packed = |order: &Value| {
        let shirt = order["parts"].as_array().and_then(|parts| parts.iter().find(|p| p["lines"][0]["sku"] == "SHIRT"));
        order["items"][0]["cancelled"] == 1 && shirt.is_some_and(|part| part["parcels"][0]["status"] == "packing")
    };
    guest.until(format!("/api/v1/orders/{}", role.order_id), is_packed).await;
}

/// The mug goes back, and a shirt comes for it.
async fn exchange(guest: &mut Patient, owner: &mut Patient, role: &Role, warehouse: &str) {
    let wish = json!({"lines": [{"sku": role.sku, "quantity": 1}], "reason": "does_not_fit",
                      "replacements": [{"sku": "SHIRT", "quantity": 1}], "payment_method": {"token": GOOD}});
    let exchanges = format!("/api/v1/orders/{}/exchanges", role.order_id);
    let key = |what: &str| format!("{what}-{}", role.order_id);
    let asked = guest.send(Ask::post(exchanges.clone(), &wish).keyed(key("exchange")), &[201, 202]).await;
    assert_eq!(asked["payment_id"].as_str(), role.more_payment_id.as_deref(), "{asked:#}");
    let exchange = format!("{exchanges}/{}", text(&asked, "/amendment_id"));
    guest.until(exchange.clone(), |exchange| exchange["status"] == "ready").await;
    let returned = format!("/api/v1/orders/{}/returns/{}", role.order_id, text(&asked, "/return_id"));
    owner.send(Ask::post(format!("{returned}/approve"), &json!({})).keyed(key("approve")), &[200]).await;
    let here = json!({"warehouse_id": warehouse});
    owner.send(Ask::post(format!("{returned}/receive"), &here).keyed(key("receive")), &[200, 202]).await;
    guest.until(exchange, |exchange| exchange["status"] == "applied").await;
    let is_packed = |order: &Value| {
        let shirt = order["parts"].as_array().and_then(|parts| parts.iter().find(|p| p["lines"][0]["sku"] == "SHIRT"));
        shirt.is_some_and(|part| part["parcels"][0]["status"] == "packing")
    };
    guest.until(format!("/api/v1/orders/{}", role.order_id), is_packed).await;
}

/// The customer sends it back, and it arrives.
async fn send_back(guest: &mut Patient, owner: &mut Patient, role: &Role, warehouse: &str) {
    let returns = format!("/api/v1/orders/{}/returns", role.order_id);
    let wish = json!({"lines": [{"sku": role.sku, "quantity": 1}], "reason": "does_not_fit"});
    let key = |what: &str| format!("{what}-{}", role.order_id);
    let asked = guest.send(Ask::post(returns.clone(), &wish).keyed(key("back")), &[201]).await;
    let returned = format!("{returns}/{}", text(&asked, "/return_id"));
    owner.send(Ask::post(format!("{returned}/approve"), &json!({})).keyed(key("approve")), &[200]).await;
    let here = json!({"warehouse_id": warehouse});
    owner.send(Ask::post(format!("{returned}/receive"), &here).keyed(key("receive")), &[200, 202]).await;
    owner.until(returned, |shown| shown["status"] == "refunded").await;
}

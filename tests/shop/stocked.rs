//! A shop with something in it: products, stock in two warehouses, a way to send parcels, taxes; set up over HTTP as its
//! owner would.

use std::time::Duration;

use serde_json::{Value, json};

use super::customer::Customer;
use super::house::{Answer, Ask, Http, Up};

/// How long what one group, or a slow bank, says may take to be known by another.
const NEWS_WITHIN: Duration = Duration::from_secs(30);

/// A shop that can sell.
pub(crate) struct Stocked {
    pub(crate) up: Up,
    owner: Http,
    /// Its warehouses, by name.
    pub(crate) vienna: String,
    pub(crate) graz: String,
}

impl Stocked {
    /// Opens a shop that sells mugs (20 in Vienna), shirts (3 in Vienna, 3 in Graz) and one lamp.
    pub(crate) async fn open() -> Stocked {
        Stocked::in_a(Up::open().await).await
    }

    /// The same shop, but whatever the bank says of itself gets lost.
    pub(crate) async fn open_deaf() -> Stocked {
        Stocked::in_a(Up::open_deaf().await).await
    }

    /// Fills a shop that is open and empty.
    pub(crate) async fn in_a(up: Up) -> Stocked {
        let mut owner = up.http();
        let mut warehouse = async |name: &str| {
            let made =
                said(&mut owner, 201, &Ask::post("/api/v1/warehouses", &json!({"name": name, "country": "AT"}))).await;
            text(&made, "/warehouse_id")
        };
        let (vienna, graz) = (warehouse("Vienna").await, warehouse("Graz").await);
        let mut shop = Stocked { up, owner, vienna, graz };
        for (title, sku, price) in [("Mug", "MUG", 1500), ("Shirt", "SHIRT", 4000), ("Lamp", "LAMP", 9900)] {
            shop.product(title, sku, price).await;
        }
        let (vienna, graz) = (shop.vienna.clone(), shop.graz.clone());
        for (warehouse, sku, units) in
            [(&vienna, "MUG", 20), (&vienna, "SHIRT", 3), (&graz, "SHIRT", 3), (&vienna, "LAMP", 1)]
        {
            shop.stock(warehouse, sku, units).await;
        }
        let option = |name: &str, amount: i64| {
            json!({"option": name, "title": name, "carrier": "table", "min_days": 1, "max_days": 3,
                   "rates": [{"currency": "EUR", "basis": "flat", "steps": [{"amount": amount}]}]})
        };
        let zone =
            json!({"name": "Everywhere", "areas": [], "options": [option("standard", 490), option("express", 1490)]});
        shop.owner(201, Ask::post("/api/v1/shipping/zones", &zone)).await;
        shop.is_ready().await;
        shop
    }

    /// Adds a product of one variant that is on sale.
    pub(crate) async fn product(&mut self, title: &str, sku: &str, cents: i64) -> String {
        let variants = json!([{"sku": sku, "price": {"amount": cents, "currency": "EUR"}}]);
        let product = json!({"title": title, "status": "active", "product_type": "physical", "variants": variants});
        text(&self.owner(201, Ask::post("/api/v1/products", &product)).await, "/product_id")
    }

    pub(crate) async fn stock(&mut self, warehouse: &str, sku: &str, units: i64) {
        let level = format!("/api/v1/inventory/levels/{warehouse}/{sku}");
        self.owner(200, Ask::put(level, &json!({"on_hand": units}))).await;
    }

    /// Units free, reserved and shipped of a SKU, in all warehouses together.
    pub(crate) async fn units(&mut self, sku: &str) -> (i64, i64, i64) {
        let levels = self.owner(200, Ask::get(format!("/api/v1/inventory/levels?sku={sku}"))).await;
        let levels = levels["data"].as_array().cloned().unwrap_or_default();
        let sum = |name: &str| levels.iter().map(|level| level[name].as_i64().unwrap_or(0)).sum();
        let sums = (sum("on_hand"), sum("reserved"), sum("shipped"));
        assert_eq!(sums.0 + sums.1 + sums.2, sum("received"), "received = on hand + reserved + shipped: {levels:?}");
        sums
    }

    /// The owner's connection did not survive the shop's process.
    pub(crate) fn was_started_again(&mut self) {
        self.owner = self.up.http();
    }

    /// Asks as the owner, who is refused nothing.
    pub(crate) async fn owner(&mut self, status: u16, ask: Ask) -> Value {
        said(&mut self.owner, status, &ask).await
    }

    /// Asks as the owner.
    pub(crate) async fn try_owner(&mut self, ask: Ask) -> Answer {
        self.owner.try_send(&ask).await.expect("an answer")
    }

    /// A customer nobody knows.
    pub(crate) fn guest(&self) -> Customer {
        Customer::guest(self.up.stranger())
    }

    /// Somebody who has shown nothing yet.
    pub(crate) fn stranger(&self) -> Customer {
        self.guest()
    }

    /// A customer with an account.
    pub(crate) fn customer(&self) -> Customer {
        Customer::known(self.up.customer())
    }

    /// Asks as the owner until it is so.
    pub(crate) async fn until(&mut self, ask: Ask, so: impl Fn(&Value) -> bool) -> Value {
        let began = tokio::time::Instant::now();
        loop {
            let answer = self.owner.try_send(&ask).await.expect("an answer");
            let shown = answer.json();
            if answer.status == 200 && so(&shown) {
                return shown;
            }
            assert!(began.elapsed() < NEWS_WITHIN, "it never came to be so: {shown:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The order as it stands.
    pub(crate) async fn order(&mut self, order_id: &str) -> Value {
        self.owner(200, Ask::get(format!("/api/v1/orders/{order_id}"))).await
    }

    /// Waits until an order has a status.
    pub(crate) async fn order_is(&mut self, order_id: &str, status: &str) -> Value {
        self.until(Ask::get(format!("/api/v1/orders/{order_id}")), |order| order["status"] == status).await
    }

    /// The parcels of an order, once there are so many.
    pub(crate) async fn parcels(&mut self, order_id: &str, many: usize) -> Vec<Value> {
        let parcels = Ask::get(format!("/api/v1/orders/{order_id}/shipments"));
        let count = |page: &Value| page["data"].as_array().map_or(0, Vec::len);
        let page = self.until(parcels, |page| count(page) == many).await;
        page["data"].as_array().cloned().unwrap_or_default()
    }

    /// Something happens to a parcel: `dispatch`, `accept`, `deliver`, `lose`.
    pub(crate) async fn parcel(&mut self, parcel: &Value, what: &str) -> Value {
        let (order, shipment) = (text(parcel, "/order_id"), text(parcel, "/shipment_id"));
        let ask = Ask::post(format!("/api/v1/shipments/{order}/{shipment}/{what}"), &json!({}));
        self.owner(200, ask.keyed(format!("{what}-{shipment}"))).await
    }

    /// A parcel leaves, is taken by the carrier, and arrives.
    pub(crate) async fn deliver(&mut self, parcel: &Value) {
        let (order, shipment) = (text(parcel, "/order_id"), text(parcel, "/shipment_id"));
        let shown = format!("/api/v1/shipments/{order}/{shipment}");
        self.until(Ask::get(shown), |parcel| parcel["status"] == "label_ready").await;
        for what in ["dispatch", "accept", "deliver"] {
            self.parcel(parcel, what).await;
        }
    }

    /// What the bank really did for an order's payment: captured minus refunded, in cents.
    pub(crate) async fn money(&mut self, order_id: &str) -> (i64, i64) {
        let payment_id = text(&self.order(order_id).await, "/payment_id");
        let payment = self.owner(200, Ask::get(format!("/api/v1/payments/{payment_id}"))).await;
        let amount = |name: &str| payment[name]["amount"].as_i64().unwrap_or(0);
        (amount("captured"), amount("refunded"))
    }

    /// Waits until what one group must know of another is known.
    async fn is_ready(&mut self) {
        for sku in ["MUG", "SHIRT", "LAMP"] {
            self.until(Ask::get(format!("/api/v1/prices/{sku}")), |price| price["sku"] == sku).await;
        }
    }
}

/// Sends a request that must be answered with a status.
#[track_caller]
pub(crate) fn expect(answer: &Answer, status: u16, ask: &Ask) -> Value {
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, status, "{ask} was answered with {body}");
    if answer.body.is_empty() { Value::Null } else { answer.json() }
}

async fn said(http: &mut Http, status: u16, ask: &Ask) -> Value {
    expect(&http.try_send(ask).await.expect("an answer"), status, ask)
}

/// A text in an answer.
#[track_caller]
pub(crate) fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("there is no text at {pointer} in {value:#}")).to_owned()
}

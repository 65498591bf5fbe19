//! What a test of order says: a whole shop around it, orders, and looks at what became of them.

use std::time::Duration;

use messages::common::v1::{Address, Money, SkuQuantity};
use messages::id::Id;
use messages::inventory::v1 as inventory;
use messages::order::v1::{self, rpc};
use messages::payment::v1 as payment;
use messages::promotion::v1 as promotion;
use messages::shipping::v1 as shipping;
use runtime::client::{Answer, Call, Failure};
use runtime::headers::Caller;
use runtime::testkit::{Asker, Ground, Stage, World};

use super::{payment as pay, shelf, stock};

pub(crate) fn id(prefix: &'static str, name: &str) -> String {
    Id::derived(prefix, name.as_bytes()).to_string()
}

pub(crate) fn warehouse(name: &str) -> String {
    id("wh", name)
}

pub(crate) fn user() -> String {
    id("usr", "ada")
}

pub(crate) fn eur(amount: i64) -> Money {
    Money { amount: Some(amount), currency: "EUR".to_owned() }
}

pub(crate) fn address() -> Address {
    Address {
        name: "Ada Lovelace".to_owned(),
        line1: "Ringstrasse 1".to_owned(),
        postal_code: "1010".to_owned(),
        city: "Vienna".to_owned(),
        country: "AT".to_owned(),
        ..Default::default()
    }
}

/// A shop: order with these replicas, and everybody it needs.
pub(crate) struct Shop {
    pub(crate) order: Stage,
    pub(crate) others: Vec<Stage>,
    pub(crate) street: Street,
}

/// The shop as everybody outside sees it, whoever of it lives or dies.
#[derive(Clone)]
pub(crate) struct Street {
    pub(crate) world: World,
    pub(crate) asker: Asker,
}

impl std::ops::Deref for Shop {
    type Target = Street;

    fn deref(&self) -> &Street {
        &self.street
    }
}

impl Shop {
    pub(crate) async fn open(world: &World, replicas: &[&str]) -> Shop {
        let stage = |group| Stage::new(Ground::World(world.clone()), group);
        let mut others = Vec::new();
        let groups = [
            shelf::product,
            shelf::pricing,
            shelf::promotion,
            shelf::cart,
            stock::inventory,
            stock::shipping,
            pay::group,
        ];
        for group in groups {
            let mut other = stage(group);
            other.start("o").await;
            others.push(other);
        }
        let mut order = stage(order::group);
        for replica in replicas {
            order.start(replica).await;
        }
        let asker = order.client("customer").await;
        let street = Street { world: world.clone(), asker };
        let shop = Shop { order, others, street };
        for (place, sku) in [("near", "MUG"), ("near", "TEE"), ("far", "FAR-TEE")] {
            shop.stock(place, sku, 10).await;
        }
        shop
    }

    pub(crate) async fn close(mut self) {
        self.order.clear().await;
        for mut other in self.others {
            other.clear().await;
        }
    }
}

impl Street {
    pub(crate) async fn stock(&self, place: &str, sku: &str, count: i64) {
        let adjust = inventory::AdjustStockRequest {
            warehouse_id: warehouse(place),
            sku: sku.to_owned(),
            delta: Some(count),
            reason: inventory::StockReason::Received.into(),
            note: String::new(),
        };
        self.asker.ask::<inventory::rpc::AdjustStock>(Some(&warehouse(place)), &adjust).await.expect("stock");
    }

    /// Free and held units.
    pub(crate) async fn level(&self, place: &str, sku: &str) -> (i64, i64) {
        let get = inventory::GetStockLevelRequest { warehouse_id: warehouse(place), sku: sku.to_owned() };
        let mut call = self.asker.call::<inventory::rpc::GetStockLevel>(Some(&warehouse(place)), &get);
        call.strong = true;
        let answer = self.asker.send(&call).await.expect("a level");
        let level = decode::<inventory::GetStockLevelResponse>(answer).level.expect("a level");
        (level.on_hand, level.reserved)
    }

    /// The provider's journal: how often it charged, how much, and how much it gave back.
    pub(crate) async fn journal(&self, order_id: &str) -> (u64, i64, i64, payment::PaymentStatus) {
        let payment_id = self.see(order_id).await.payment_id;
        self.journal_of(&payment_id).await
    }

    /// The same, of any payment.
    pub(crate) async fn journal_of(&self, payment_id: &str) -> (u64, i64, i64, payment::PaymentStatus) {
        let get = payment::GetPaymentRequest { payment_id: payment_id.to_owned() };
        let mut call = self.asker.call::<payment::rpc::GetPayment>(Some(payment_id), &get);
        call.strong = true;
        let answer = self.asker.send(&call).await.expect("a payment");
        let payment = decode::<payment::GetPaymentResponse>(answer).payment.expect("a payment");
        let amount = |money: &Option<Money>| money.as_ref().and_then(|money| money.amount).unwrap_or(0);
        (payment.version, amount(&payment.captured), amount(&payment.refunded), payment.status())
    }

    pub(crate) async fn redemption(&self, order_id: &str) -> promotion::RedemptionStatus {
        let redemption_id = Id::derived("rdm", order_id.as_bytes()).to_string();
        let get = promotion::GetRedemptionRequest { redemption_id: redemption_id.clone() };
        let mut call = self.asker.call::<promotion::rpc::GetRedemption>(Some(&redemption_id), &get);
        call.strong = true;
        let answer = self.asker.send(&call).await.expect("a redemption");
        decode::<promotion::GetRedemptionResponse>(answer).redemption.expect("a redemption").status()
    }

    pub(crate) async fn place(&self, name: &str, request: v1::PlaceOrderRequest) -> Result<v1::Order, Failure> {
        let (order_id, request) = named(name, request);
        let mut call = self.asker.keyed::<rpc::PlaceOrder>(name, &order_id, &request);
        call.caller = customer(&user());
        let answer = self.asker.send(&call).await?;
        Ok(decode::<v1::PlaceOrderResponse>(answer).order.expect("an order"))
    }

    pub(crate) async fn see(&self, order_id: &str) -> v1::Order {
        let get = v1::GetOrderRequest { order_id: order_id.to_owned() };
        let mut call = self.asker.call::<rpc::GetOrder>(Some(order_id), &get);
        call.strong = true;
        decode::<v1::GetOrderResponse>(self.asker.send(&call).await.expect("an order")).order.expect("an order")
    }

    /// Waits until an order is so.
    pub(crate) async fn until(&self, order_id: &str, so: impl Fn(&v1::Order) -> bool) -> v1::Order {
        let get = v1::GetOrderRequest { order_id: order_id.to_owned() };
        let is_so = |said: &v1::GetOrderResponse| said.order.as_ref().is_some_and(&so);
        self.asker.until::<rpc::GetOrder>(Some(order_id), &get, is_so).await.order.expect("an order")
    }

    pub(crate) async fn until_status(&self, order_id: &str, status: v1::OrderStatus) -> v1::Order {
        self.until(order_id, |order| order.status() == status).await
    }

    /// The warehouse hands a parcel over.
    pub(crate) async fn dispatch(&self, order_id: &str, shipment_id: &str) -> Result<(), Failure> {
        let (order_id, shipment_id) = (order_id.to_owned(), shipment_id.to_owned());
        let request = shipping::DispatchShipmentRequest { order_id: order_id.clone(), shipment_id };
        self.asker.ask::<shipping::rpc::DispatchShipment>(Some(&order_id), &request).await.map(drop)
    }

    pub(crate) async fn deliver(&self, order_id: &str, shipment_id: &str) {
        let (order_id, shipment_id) = (order_id.to_owned(), shipment_id.to_owned());
        let request = shipping::DeliverShipmentRequest { order_id: order_id.clone(), shipment_id };
        self.asker.ask::<shipping::rpc::DeliverShipment>(Some(&order_id), &request).await.expect("it arrived");
    }

    /// The customer does what the bank asks for.
    pub(crate) async fn confirm_payment(&self, payment_id: &str) {
        let request = payment::ConfirmPaymentRequest { payment_id: payment_id.to_owned() };
        self.asker.ask::<payment::rpc::ConfirmPayment>(Some(payment_id), &request).await.expect("confirmed");
    }

    pub(crate) async fn cancel(&self, order_id: &str, lines: &[(&str, i64)]) -> Result<v1::Order, Failure> {
        let request = v1::CancelOrderRequest { order_id: order_id.to_owned(), lines: basket(lines) };
        self.cancelling(self.asker.call::<rpc::CancelOrder>(Some(order_id), &request)).await
    }

    /// Asked twice, it happens once: a wish that got no answer may have been granted.
    pub(crate) async fn cancel_once(&self, order_id: &str, lines: &[(&str, i64)]) -> Result<v1::Order, Failure> {
        let request = v1::CancelOrderRequest { order_id: order_id.to_owned(), lines: basket(lines) };
        self.cancelling(self.asker.keyed::<rpc::CancelOrder>("cancel", order_id, &request)).await
    }

    async fn cancelling(&self, mut call: Call) -> Result<v1::Order, Failure> {
        call.caller = customer(&user());
        let answer = self.asker.send(&call).await?;
        Ok(decode::<v1::CancelOrderResponse>(answer).order.expect("an order"))
    }

    /// The life of an order: the types of its events, and the steps by their names.
    pub(crate) async fn history(&self, order_id: &str) -> Vec<String> {
        let get = v1::GetOrderHistoryRequest {
            order_id: order_id.to_owned(),
            limit: Some(100),
            after: None,
            return_id: None,
            amendment_id: None,
        };
        let said = self.asker.ask::<rpc::GetOrderHistory>(Some(order_id), &get).await.expect("a life");
        let word = |text: &str, name: &str| {
            let from = text.find(&format!("\"{name}\":\""))? + name.len() + 4;
            text[from..].split('"').next().map(str::to_owned)
        };
        let told = said.data.iter().filter(|entry| !entry.r#type.starts_with("agenda."));
        told.map(|entry| {
            let step = word(&entry.data, "compensation").or_else(|| word(&entry.data, "step"));
            step.map_or(entry.r#type.clone(), |step| format!("{} {step}", entry.r#type))
        })
        .collect()
    }
}

pub(crate) fn decode<M: prost::Message + Default>(answer: Answer) -> M {
    M::decode(answer.payload).expect("an answer of the contract")
}

pub(crate) fn customer(user_id: &str) -> Caller {
    let scopes = ["order:read", "order:write"].map(str::to_owned).to_vec();
    Caller::known("customer", Some(user_id.to_owned()), scopes)
}

pub(crate) fn as_customer(mut call: Call) -> Call {
    call.caller = customer(&user());
    call
}

pub(crate) fn basket(lines: &[(&str, i64)]) -> Vec<SkuQuantity> {
    let line = |(sku, quantity): &(&str, i64)| SkuQuantity { sku: (*sku).to_owned(), quantity: Some(*quantity) };
    lines.iter().map(line).collect()
}

fn named(name: &str, request: v1::PlaceOrderRequest) -> (String, v1::PlaceOrderRequest) {
    let order_id = id("ord", name);
    (order_id.clone(), v1::PlaceOrderRequest { order_id, ..request })
}

/// An order for these, paid with this token.
pub(crate) fn wanted(lines: &[(&str, i64)], token: &str) -> v1::PlaceOrderRequest {
    v1::PlaceOrderRequest {
        lines: basket(lines),
        email: "ada@example.com".to_owned(),
        shipping_address: Some(address()),
        payment_method: Some(v1::PaymentMethod { token: token.to_owned(), ..Default::default() }),
        ..Default::default()
    }
}

/// An order out of the full cart: two mugs from near, a tee from far, a euro off.
pub(crate) fn cart(token: &str) -> v1::PlaceOrderRequest {
    v1::PlaceOrderRequest {
        cart_id: Some(id("cart", "full")),
        email: "ada@example.com".to_owned(),
        payment_method: Some(v1::PaymentMethod { token: token.to_owned(), ..Default::default() }),
        ..Default::default()
    }
}

/// How closely the log is watched for the step after which somebody dies.
pub(crate) const MOMENT: Duration = Duration::from_millis(1);

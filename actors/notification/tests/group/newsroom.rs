//! The newsroom: other groups as far as they say what happened. Their rules are not notification's to know.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use messages::id::Id;
use messages::problem::Problem;
use messages::{Group as Contract, Rpc, inventory, order, payment, shipping, user};
use prost::Message as _;
use runtime::desk::Desk;
use runtime::entity::{Entity, Facts, Recorded, Undecodable};
use runtime::group::Group;
use runtime::testkit::{Asker, Ground, Stage, World};
use serde::{Deserialize, Serialize};

/// What is to be said under a key: the type of an event, and its bytes.
static SCRIPT: Mutex<BTreeMap<String, (&'static str, Vec<u8>)>> = Mutex::new(BTreeMap::new());

/// An actor that says the one thing it was given.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Speaker;

struct Said(&'static str, Vec<u8>);

impl Recorded for Said {
    fn record(&self) -> (&'static str, Vec<u8>) {
        (self.0, self.1.clone())
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Said, Undecodable> {
        let known = messages::EventType::named(event_type);
        known.map(|known| Said(known.type_, data.to_vec())).ok_or_else(|| Undecodable::new(event_type, "no such event"))
    }
}

impl Entity for Speaker {
    const KIND: &'static str = "speaker";
    const FOLD: u32 = 1;
    type Command = String;
    type Event = Said;
    type Refusal = Problem;

    fn decide(&self, key: String, _: &Facts) -> Result<Vec<Said>, Problem> {
        let script = SCRIPT.lock().expect("a script");
        let (event_type, data) = script.get(&key).expect("something to say");
        Ok(vec![Said(event_type, data.clone())])
    }

    fn evolve(&mut self, _: &Said) {}
}

/// A group of the contract of which one rpc is handled: its key says what to say.
fn newsroom<R: Rpc>(key: fn(&R::Request) -> String, contract: &'static OnceLock<&'static Contract>) -> Group
where
    R::Response: Default,
{
    let contract = contract.get_or_init(|| {
        let whole = Contract::named(R::ROUTE.group).expect("a group");
        Box::leak(Box::new(Contract {
            hears: &[],
            calls: &[],
            routes: Box::leak(Box::new([R::ROUTE])),
            name: whole.name,
            doc: whole.doc,
            partitions: whole.partitions,
            port: whole.port,
            schema: whole.schema,
            events: whole.events,
        }))
    });
    Group::new(contract).entity::<Speaker>().command::<R, Speaker>(key, |desk: &mut Desk<'_>, request| {
        let key = runtime_key::<R>(request);
        desk.tell::<Speaker>(&key, key.clone())?;
        Ok(R::Response::default())
    })
}

/// The first field of every rpc that is used here is its key.
fn runtime_key<R: Rpc>(request: &R::Request) -> String {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Key {
        #[prost(string, tag = "1")]
        key: String,
    }
    Key::decode(request.encode_to_vec().as_slice()).expect("a key").key
}

macro_rules! rooms {
    ($($room:ident: $Rpc:ty, $field:ident;)*) => {
        $(fn $room() -> Group {
            static CONTRACT: OnceLock<&'static Contract> = OnceLock::new();
            newsroom::<$Rpc>(|request| request.$field.clone(), &CONTRACT)
        })*
    };
}

rooms! {
    orders: order::v1::rpc::CancelOrder, order_id;
    payments: payment::v1::rpc::CancelPayment, payment_id;
    parcels: shipping::v1::rpc::CloseDelivery, order_id;
    stock: inventory::v1::rpc::ListItem, sku;
    people: user::v1::rpc::ActivateUser, user_id;
}

/// Other groups, running, and somebody who makes them speak.
pub(crate) struct Newsroom {
    stages: Vec<Stage>,
    asker: Asker,
}

static NUMBERS: AtomicU64 = AtomicU64::new(0);

impl Newsroom {
    pub(crate) async fn open(ground: &Ground) -> Newsroom {
        let mut stages = Vec::new();
        for group in [orders, payments, parcels, stock, people] {
            let mut stage = Stage::new(ground.clone(), group);
            stage.start("news").await;
            stages.push(stage);
        }
        let asker = stages[0].client("newsroom").await;
        Newsroom { stages, asker }
    }

    pub(crate) async fn in_world(world: &World) -> Newsroom {
        Newsroom::open(&Ground::World(world.clone())).await
    }

    /// Has the group whose event this is say it.
    pub(crate) async fn say<E: messages::Event>(&self, event: &E) {
        let data = event.encode_to_vec();
        // What happened to one entity is in one log, in order; each piece of news has a speaker of its own there.
        let home = |key: &str| messages::partition::of(&messages::token::of(key).expect("a token"), 8);
        let entity = home(&(E::TYPE.id)(&data).expect("an entity"));
        let key = |prefix: &str| loop {
            let number = NUMBERS.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            let key = Id::derived(prefix, &number).to_string();
            if home(&key) == entity {
                break key;
            }
        };
        let say = |key: &str| {
            let mut script = SCRIPT.lock().expect("a script");
            script.insert(key.to_owned(), (E::TYPE.type_, data.clone()));
        };
        match E::TYPE.group {
            "order" => {
                let order_id = key("ord");
                say(&order_id);
                let request = order::v1::CancelOrderRequest { order_id: order_id.clone(), ..Default::default() };
                self.asker.ask::<order::v1::rpc::CancelOrder>(Some(&order_id), &request).await.expect("news");
            }
            // There is one partition of people.
            "user" => {
                let number = NUMBERS.fetch_add(1, Ordering::Relaxed).to_be_bytes();
                let user_id = Id::derived("usr", &number).to_string();
                say(&user_id);
                let request = user::v1::ActivateUserRequest { user_id: user_id.clone() };
                self.asker.ask::<user::v1::rpc::ActivateUser>(Some(&user_id), &request).await.expect("news");
            }
            "payment" => {
                let payment_id = key("pay");
                say(&payment_id);
                let request =
                    payment::v1::CancelPaymentRequest { payment_id: payment_id.clone(), ..Default::default() };
                self.asker.ask::<payment::v1::rpc::CancelPayment>(Some(&payment_id), &request).await.expect("news");
            }
            "shipping" => {
                let order_id = key("ord");
                say(&order_id);
                let request = shipping::v1::CloseDeliveryRequest { order_id: order_id.clone() };
                self.asker.ask::<shipping::v1::rpc::CloseDelivery>(Some(&order_id), &request).await.expect("news");
            }
            "inventory" => {
                let sku = key("prd");
                say(&sku);
                let product_id = sku.clone();
                let request = inventory::v1::ListItemRequest { sku: sku.clone(), product_id, title: String::new() };
                self.asker.ask::<inventory::v1::rpc::ListItem>(Some(&sku), &request).await.expect("news");
            }
            other => panic!("{other} has no newsroom"),
        }
    }

    pub(crate) async fn close(mut self) {
        for stage in &mut self.stages {
            stage.clear().await;
        }
    }
}

pub(crate) fn id(prefix: &'static str, name: &str) -> String {
    Id::derived(prefix, name.as_bytes()).to_string()
}

pub(crate) fn money(amount: i64) -> Option<messages::common::v1::Money> {
    Some(messages::common::v1::Money { amount: Some(amount), currency: "EUR".to_owned() })
}

/// The order of these tests: two shirts, for somebody who reads German.
pub(crate) fn created(name: &str) -> order::v1::OrderCreated {
    let item = order::v1::OrderItem {
        sku: "SHIRT".into(),
        title: "Trail shirt".into(),
        quantity: 2,
        total: money(5998),
        ..Default::default()
    };
    let ship_to = messages::common::v1::Address {
        name: "Ada Lovelace".into(),
        phone: "+43 1 5550100".into(),
        country: "AT".into(),
        ..Default::default()
    };
    order::v1::OrderCreated {
        order_id: id("ord", name),
        user_id: id("usr", name),
        email: format!("{name}@example.com"),
        items: vec![item],
        total_amount: money(6488),
        ship_to: Some(ship_to),
        locale: "de-AT".into(),
        ..Default::default()
    }
}

pub(crate) fn confirmed(name: &str) -> order::v1::OrderConfirmed {
    let choice = order::v1::ShippingChoice { title: "Standard".into(), ..Default::default() };
    order::v1::OrderConfirmed {
        order_id: id("ord", name),
        user_id: id("usr", name),
        email: format!("{name}@example.com"),
        total_amount: money(6488),
        shipping_option: Some(choice),
        ..Default::default()
    }
}

pub(crate) fn paid(name: &str) -> payment::v1::PaymentCompleted {
    payment::v1::PaymentCompleted {
        payment_id: id("pay", name),
        order_id: Some(id("ord", name)),
        user_id: id("usr", name),
        amount: money(6488),
        ..Default::default()
    }
}

pub(crate) fn dispatched(name: &str, parcel: &str) -> shipping::v1::ShipmentDispatched {
    let line = shipping::v1::ShipmentLine { sku: "SHIRT".into(), quantity: Some(1), title: String::new() };
    shipping::v1::ShipmentDispatched {
        shipment_id: id("shp", parcel),
        order_id: id("ord", name),
        user_id: id("usr", name),
        lines: vec![line],
        carrier: "Post".into(),
        tracking_number: "RR1AT".into(),
        ..Default::default()
    }
}

//! What a test of shipping says: zones, parcels, carriers, and the news of orders.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use messages::common::v1 as common;
use messages::id::Id;
use messages::runtime::v1::{Commit, Event, Record, Turn, record};
use prost::Message as _;
use runtime::client::Failure;
use runtime::fabric::SharedFabric;
use runtime::group::Group;
use runtime::testkit::{Asker, Ground, Stage};
use runtime::turn;
use shipping::carriers::http::Access;
use shipping::carriers::live::{self, Live, Parcel, Quote, Quotes, Quoting};
use shipping::carriers::{Answer, Carrier, Carriers, Label, Order, Pending, Pretence, table};
use shipping::settings::{self, Settings};
use shipping::signature::{self, Secret};
use shipping::wire::v1::{self, ShipmentStatus};
use shipping::wire::{Problem, rpc};

/// A stage for shipping with these replicas, and a client.
pub(crate) async fn open(ground: &Ground, build: fn() -> Group, replicas: &[&str]) -> (Stage, Asker) {
    let kept = Duration::from_secs(60);
    live::set(Live::default().with("swift", Arc::new(Teller), Duration::from_millis(600), kept));
    settings::set(set());
    let mut stage = Stage::new(ground.clone(), build);
    for replica in replicas {
        stage.start(replica).await;
    }
    let asker = stage.client("staff").await;
    (stage, asker)
}

/// What the swift carrier asks: a courier and a drone for light parcels, and nobody knows for heavy ones.
struct Teller;

impl Quotes for Teller {
    fn quote<'a>(&'a self, parcel: &'a Parcel) -> Quoting<'a> {
        let quote = |(service, amount): (&str, i64)| Quote {
            service: service.to_owned(),
            amount: Some(amount),
            currency: parcel.currency.clone(),
            min_days: Some(0),
            max_days: Some(1),
        };
        let quotes = [("courier", 1290), ("drone", 1990)].map(quote).to_vec();
        let said = if parcel.weight_grams <= 1_000 { Ok(quotes) } else { Err("the line is busy".to_owned()) };
        Box::pin(ready(said))
    }
}

/// What is set in these tests: beside the table there is a carrier that sends webhooks.
fn set() -> Settings {
    let (url, token) = ("https://swift.example".to_owned(), "token".to_owned());
    let access = Access { url, token, webhook_secret: SECRET.to_owned(), ..Access::default() };
    Settings { carriers: BTreeMap::from([("swift".to_owned(), access)]), ..Settings::default() }
}

const SECRET: &str = "whsec_c3dpZnQgc2VjcmV0";

/// What the swift carrier sends now, or somebody who would like to be it.
pub(crate) fn webhook(asker: &Asker, id: &str, body: &str, forged: bool) -> v1::ReceiveWebhookRequest {
    let secret = Secret::read(if forged { "whsec_Zm9yZ2Vy" } else { SECRET }).expect("a secret");
    let now = asker.client.clock().now().as_second();
    let signature = secret.sign(id, now, body.as_bytes());
    let headers =
        [(signature::ID, id.to_owned()), (signature::TIMESTAMP, now.to_string()), (signature::SIGNATURE, signature)];
    v1::ReceiveWebhookRequest {
        provider: "swift".to_owned(),
        body: body.as_bytes().to_vec(),
        headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}

/// Shipping with the table and the swift carrier, whose office is across the street.
pub(crate) fn by_swift() -> Group {
    let table = Carriers::default().with(table::NAME, Arc::new(table::Table::default()));
    shipping::group_by(table.with("swift", street()))
}

pub(crate) fn id(prefix: &'static str, name: &str) -> String {
    Id::derived(prefix, name.as_bytes()).to_string()
}

pub(crate) fn zone(name: &str, country: &str, amount: i64) -> v1::CreateZoneRequest {
    let step = v1::RateStep { up_to: None, amount: Some(amount) };
    let rate = v1::Rate {
        currency: "EUR".to_owned(),
        basis: v1::RateBasis::Flat.into(),
        steps: vec![step],
        free_from: Some(5000),
    };
    let option = v1::ShippingOption {
        option: "standard".to_owned(),
        title: "Standard delivery".to_owned(),
        carrier: "table".to_owned(),
        min_days: Some(1),
        max_days: Some(3),
        rates: vec![rate],
        max_weight_grams: None,
    };
    let area = v1::Area { country: country.to_owned(), ..v1::Area::default() };
    v1::CreateZoneRequest { zone_id: id("zon", name), name: name.to_owned(), areas: vec![area], options: vec![option] }
}

pub(crate) async fn draw(asker: &Asker, zone: &v1::CreateZoneRequest) -> v1::Zone {
    let drawn = asker.ask::<rpc::CreateZone>(Some(&zone.zone_id), zone).await.expect("a zone");
    drawn.zone.expect("a zone")
}

/// A basket of so many cents for a country.
pub(crate) fn basket(country: &str, cents: i64) -> v1::ListOptionsRequest {
    let subtotal = common::Money { amount: Some(cents), currency: "EUR".to_owned() };
    v1::ListOptionsRequest { country: country.to_owned(), subtotal: Some(subtotal), ..Default::default() }
}

pub(crate) fn line(sku: &str, quantity: i64) -> v1::ShipmentLine {
    v1::ShipmentLine { sku: sku.to_owned(), quantity: Some(quantity), title: format!("The {sku}") }
}

/// A parcel of an order of Ada's: two mugs and a shirt.
pub(crate) fn parcel(order: &str, name: &str) -> v1::CreateShipmentRequest {
    let address = common::Address {
        name: "Ada Lovelace".to_owned(),
        line1: "Ringstrasse 1".to_owned(),
        city: "Vienna".to_owned(),
        postal_code: "1010".to_owned(),
        country: "AT".to_owned(),
        ..Default::default()
    };
    v1::CreateShipmentRequest {
        order_id: id("ord", order),
        shipment_id: id("shp", name),
        user_id: id("usr", "ada"),
        warehouse_id: id("wh", "graz"),
        reservation_id: id("rsv", name),
        lines: vec![line("MUG", 2), line("TEE", 1)],
        address: Some(address),
        option_id: format!("{}.standard", id("zon", "austria")),
        email: "ada@example.com".to_owned(),
    }
}

pub(crate) async fn create(asker: &Asker, parcel: &v1::CreateShipmentRequest) -> Result<v1::Shipment, Problem> {
    let created = asker.ask::<rpc::CreateShipment>(Some(&parcel.order_id), parcel).await;
    created.map(|created| created.shipment.expect("a shipment")).map_err(problem)
}

pub(crate) fn problem(failure: Failure) -> Problem {
    match failure {
        Failure::Refused { problem, .. } => problem,
        other => panic!("not refused: {other:?}"),
    }
}

pub(crate) async fn get(asker: &Asker, parcel: &v1::CreateShipmentRequest) -> v1::Shipment {
    let request = shown(parcel);
    let mut call = asker.call::<rpc::GetShipment>(Some(&parcel.order_id), &request);
    call.strong = true;
    let answer = asker.send(&call).await.expect("a shipment");
    v1::GetShipmentResponse::decode(answer.payload).expect("an answer").shipment.expect("a shipment")
}

pub(crate) fn shown(parcel: &v1::CreateShipmentRequest) -> v1::GetShipmentRequest {
    v1::GetShipmentRequest { order_id: parcel.order_id.clone(), shipment_id: parcel.shipment_id.clone() }
}

/// Waits until a parcel has come so far.
pub(crate) async fn until(
    asker: &Asker,
    parcel: &v1::CreateShipmentRequest,
    so: impl Fn(&v1::Shipment) -> bool,
) -> v1::Shipment {
    let so = |response: &v1::GetShipmentResponse| response.shipment.as_ref().is_some_and(&so);
    let seen = asker.until::<rpc::GetShipment>(Some(&parcel.order_id), &shown(parcel), so).await;
    seen.shipment.expect("a shipment")
}

/// A parcel that has its label.
pub(crate) async fn labelled(asker: &Asker, order: &str, name: &str) -> v1::CreateShipmentRequest {
    let parcel = parcel(order, name);
    create(asker, &parcel).await.expect("a parcel");
    until(asker, &parcel, |shipment| shipment.status() == ShipmentStatus::LabelReady).await;
    parcel
}

pub(crate) async fn dispatch(asker: &Asker, parcel: &v1::CreateShipmentRequest) -> Result<v1::Shipment, Problem> {
    let (order_id, shipment_id) = (parcel.order_id.clone(), parcel.shipment_id.clone());
    let request = v1::DispatchShipmentRequest { order_id, shipment_id };
    let done = asker.ask::<rpc::DispatchShipment>(Some(&parcel.order_id), &request).await;
    done.map(|done| done.shipment.expect("a shipment")).map_err(problem)
}

pub(crate) fn news(
    parcel: &v1::CreateShipmentRequest,
    event: &str,
    status: v1::TrackingStatus,
) -> v1::RecordTrackingRequest {
    v1::RecordTrackingRequest {
        order_id: parcel.order_id.clone(),
        shipment_id: parcel.shipment_id.clone(),
        carrier_event_id: event.to_owned(),
        status: status.into(),
        place: "Vienna".to_owned(),
        ..Default::default()
    }
}

pub(crate) async fn track(
    asker: &Asker,
    parcel: &v1::CreateShipmentRequest,
    event: &str,
    status: v1::TrackingStatus,
) -> v1::Shipment {
    let request = news(parcel, event, status);
    let done = asker.ask::<rpc::RecordTracking>(Some(&parcel.order_id), &request).await.expect("news are taken");
    done.shipment.expect("a shipment")
}

/// The types of what happened to a parcel, in order, without the steps of calls.
pub(crate) async fn life(asker: &Asker, parcel: &v1::CreateShipmentRequest) -> Vec<String> {
    let request = v1::GetHistoryRequest {
        order_id: parcel.order_id.clone(),
        limit: Some(100),
        after: None,
        shipment_id: Some(parcel.shipment_id.clone()),
    };
    let page = asker.ask::<rpc::GetHistory>(Some(&parcel.order_id), &request).await.expect("a life");
    let types = page.data.into_iter().map(|entry| entry.r#type);
    types.filter(|entry| !entry.starts_with("agenda.")).collect()
}

/// The group of orders, as far as shipping hears of it: its log, written by hand.
pub(crate) struct Orders {
    fabric: SharedFabric,
    last: BTreeMap<u32, (u64, Turn)>,
}

impl Orders {
    pub(crate) async fn open(ground: &Ground) -> Orders {
        let fabric = match ground {
            Ground::World(world) => world.fabric("order", "o1"),
            Ground::Servers(site) => site.fabric("order", "o1").await,
        };
        fabric.log(contract()).await.expect("a log");
        fabric.seat_hearers(contract()).await.expect("places for hearers");
        Orders { fabric, last: BTreeMap::new() }
    }

    /// The order is cancelled, says the order.
    pub(crate) async fn cancel(&mut self, order: &str) {
        let order_id = id("ord", order);
        let partition = messages::partition::of(&order_id, contract().partitions);
        let cancelled = messages::order::v1::OrderCancelled { order_id: order_id.clone(), ..Default::default() };
        let event = Event { r#type: "order.cancelled".to_owned(), data: cancelled.encode_to_vec() };
        let what = Some(record::What::Event(event));
        let record = Record { kind: "order".to_owned(), id: order_id, version: 1, what };
        let commit = Commit { records: vec![record], ..Default::default() };
        let before = self.last.get(&partition);
        let turn = Turn {
            number: before.map_or(1, |(_, turn)| turn.number + 1),
            previous_sequence: before.map_or(0, |(sequence, _)| *sequence),
            previous_hash: before.map_or_else(|| vec![0; 32], |(_, turn)| turn::hash(&turn.encode_to_vec()).to_vec()),
            commits: vec![commit],
            schema: contract().schema,
            ..Default::default()
        };
        let (headers, payload, _) = turn::write(&turn);
        let log = self.fabric.log(contract()).await.expect("a log");
        let sequence = log.append(partition, turn.previous_sequence, headers, payload).await.expect("a turn");
        self.last.insert(partition, (sequence, turn));
    }
}

fn contract() -> &'static messages::Group {
    messages::Group::named("order").expect("the contract names the group")
}

/// A carrier across the street that the tests run: it keeps every label under its key, and can be told what to say next.
#[derive(Default)]
pub(crate) struct Street {
    state: Mutex<StreetState>,
}

#[derive(Default)]
struct StreetState {
    labels: BTreeMap<String, Label>,
    asked: usize,
    voided: Vec<String>,
    /// Says for that many labels that nobody knows, after it has made them.
    forgetful: usize,
    refuses: bool,
}

impl Street {
    pub(crate) fn forget(&self, times: usize) {
        self.state.lock().expect("a lock").forgetful = times;
    }

    pub(crate) fn refuse(&self, refuses: bool) {
        self.state.lock().expect("a lock").refuses = refuses;
    }

    /// How often it was asked for labels, how many it made, and which it took back.
    pub(crate) fn books(&self) -> (usize, usize, Vec<String>) {
        let state = self.state.lock().expect("a lock");
        (state.asked, state.labels.len(), state.voided.clone())
    }
}

impl Carrier for Street {
    fn label<'a>(&'a self, key: &'a str, order: &'a Order) -> Pending<'a, Label> {
        let mut state = self.state.lock().expect("a lock");
        state.asked += 1;
        if state.refuses {
            return Box::pin(ready(Answer::Refused("there is no such street".to_owned())));
        }
        let number = format!("S{}-{}", state.labels.len(), order.tracking_number);
        let url = format!("https://street.example/{number}");
        let label = state.labels.entry(key.to_owned()).or_insert(Label { number, url, ..Label::default() }).clone();
        if state.forgetful > 0 {
            state.forgetful -= 1;
            return Box::pin(ready(Answer::Unknown("the line went dead".to_owned())));
        }
        Box::pin(ready(Answer::Done(label)))
    }

    fn void<'a>(&'a self, _: &'a str, label_key: &'a str, _: &'a str) -> Pending<'a, ()> {
        self.state.lock().expect("a lock").voided.push(label_key.to_owned());
        Box::pin(ready(Answer::Done(())))
    }
}

thread_local! {
    static STREET: RefCell<Arc<Street>> = RefCell::default();
}

/// The carrier across the street of this test.
pub(crate) fn street() -> Arc<Street> {
    STREET.with_borrow(Arc::clone)
}

/// The next test's carrier knows nothing of this one's.
pub(crate) fn new_street() {
    STREET.set(Arc::default());
}

/// Shipping whose every parcel goes with the carrier across the street.
pub(crate) fn by_street() -> Group {
    shipping::group_by(Carriers::default().with(table::NAME, street()))
}

/// Shipping whose carrier pretends.
pub(crate) fn pretending() -> Group {
    let pretence = Pretence { dispatch_after_s: Some(1), accept_after_s: Some(1), deliver_after_s: Some(1) };
    shipping::group_by(Carriers::default().with(table::NAME, Arc::new(table::Table { pretence })))
}

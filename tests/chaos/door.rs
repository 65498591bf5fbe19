//! Two ways to the warehouse: over HTTP, and over the bus with the runtime's client.

use futures::future::BoxFuture;
use jiff::SignedDuration;
use messages::id::Id;
use messages::inventory::v1::{self, rpc};
use prost::Message as _;
use runtime::client::{Call, Client, Failure};
use runtime::clock::Clock;
use runtime::entropy::Entropy;
use runtime::fabric::Fabric as _;
use runtime::headers::{CommandId, Position};
use runtime::nats;
use runtime::testkit::Asker;
use serde_json::{Value, json};

use super::house::{Ask, Http};
use super::order::{Order, Wish, adjustment, basket, id};

/// What a client heard of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    Done {
        version: u64,
        position: u64,
    },
    /// The business said no, with this code.
    Refused(String),
    /// Nothing, or nothing that tells whether it was done: ask again.
    Nothing(String),
}

/// On hand, reserved, shipped, received.
pub(crate) type Level = [i64; 4];

/// A way to the warehouse.
pub(crate) trait Door: Send {
    /// What the order is called in the log, and the id of the reservation that it would make.
    fn name(&self, order: &Order) -> (CommandId, String);
    /// Sends it once.
    fn send<'a>(&'a mut self, order: &'a Order) -> BoxFuture<'a, Heard>;
    /// Opens a warehouse, and says its id. May be asked again.
    fn open<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<String, String>>;
    /// The levels of a warehouse as lists show them, by SKU, if anyone answers.
    fn list<'a>(&'a mut self, warehouse_id: &'a str) -> BoxFuture<'a, Result<Vec<(String, Level)>, String>>;
}

/// What the business may say no with.
const REFUSALS: [&str; 8] = [
    "out_of_stock",
    "insufficient_stock",
    "not_found",
    "reservation_released",
    "reservation_shipped",
    "reservation_expired",
    "exceeds_held",
    "already_exists",
];

fn refused(code: &str) -> Heard {
    if REFUSALS.contains(&code) { Heard::Refused(code.to_owned()) } else { Heard::Nothing(code.to_owned()) }
}

/// Over the bus.
#[derive(Clone)]
pub(crate) struct Bus {
    asker: Asker,
    /// How long one attempt may take.
    pub(crate) patience: SignedDuration,
}

impl Bus {
    /// Connects to servers that ask for no key.
    pub(crate) async fn connect(urls: Vec<String>, name: &str) -> Bus {
        let fabric = nats::Fabric::connect(nats::Options::new(urls, "gateway", name)).await.expect("a connection");
        let client = Client::new(fabric.bus(), Clock::system(), Entropy::system());
        Bus { asker: Asker { client, fabric }, patience: SignedDuration::from_secs(3) }
    }

    /// The level of a shelf, proven fresh.
    pub(crate) async fn level(&self, warehouse_id: &str, sku: &str) -> v1::StockLevel {
        let request = v1::GetStockLevelRequest { warehouse_id: warehouse_id.to_owned(), sku: sku.to_owned() };
        let mut call = self.asker.call::<rpc::GetStockLevel>(Some(warehouse_id), &request);
        call.strong = true;
        let answer = self.asker.send(&call).await.expect("a level");
        let response = v1::GetStockLevelResponse::decode(answer.payload).expect("a level");
        response.level.expect("a level")
    }

    fn call(&self, order: &Order) -> Call {
        let Order { key, warehouse_id, wish } = order;
        let (warehouse_id, lines) = (warehouse_id.clone(), Vec::new());
        let at = &order.warehouse_id;
        let mut call = match wish.clone() {
            Wish::Adjust { sku, delta } => {
                self.asker.keyed::<rpc::AdjustStock>(key, at, &adjustment(&warehouse_id, sku, delta))
            }
            Wish::Reserve { lines } => {
                self.asker.keyed::<rpc::Reserve>(key, at, &basket(&warehouse_id, &id("rsv", key), &lines))
            }
            Wish::Release { reservation_id } => {
                self.asker.keyed::<rpc::Release>(key, at, &v1::ReleaseRequest { warehouse_id, reservation_id, lines })
            }
            Wish::Confirm { reservation_id } => {
                self.asker.keyed::<rpc::Confirm>(key, at, &v1::ConfirmRequest { warehouse_id, reservation_id })
            }
            Wish::Ship { reservation_id } => {
                self.asker.keyed::<rpc::Ship>(key, at, &v1::ShipRequest { warehouse_id, reservation_id, lines })
            }
        };
        call.deadline = self.asker.client.clock().now().saturating_add(self.patience).expect("a deadline");
        call
    }
}

impl Door for Bus {
    fn name(&self, order: &Order) -> (CommandId, String) {
        (self.call(order).command.expect("a keyed call").id, id("rsv", &order.key))
    }

    fn send<'a>(&'a mut self, order: &'a Order) -> BoxFuture<'a, Heard> {
        Box::pin(async move {
            match self.asker.send(&self.call(order)).await {
                Ok(answer) => Heard::Done {
                    version: answer.version.unwrap_or(0),
                    position: answer.position.map_or(0, |position| position.sequence),
                },
                Err(Failure::Refused { problem, .. }) => refused(&problem.code),
                Err(failure) => Heard::Nothing(failure.to_string()),
            }
        })
    }

    fn open<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move {
            let warehouse_id = id("wh", name);
            let create = v1::CreateWarehouseRequest {
                warehouse_id: warehouse_id.clone(),
                name: name.to_owned(),
                country: String::new(),
                ..v1::CreateWarehouseRequest::default()
            };
            let call = self.asker.keyed::<rpc::CreateWarehouse>(name, &warehouse_id, &create);
            self.asker.send(&call).await.map(|_| warehouse_id).map_err(|failure| failure.to_string())
        })
    }

    fn list<'a>(&'a mut self, warehouse_id: &'a str) -> BoxFuture<'a, Result<Vec<(String, Level)>, String>> {
        Box::pin(async move {
            let only = messages::common::v1::StringFilter { eq: Some(warehouse_id.to_owned()), ..Default::default() };
            let request = v1::ListStockLevelsRequest { warehouse_id: Some(only), ..Default::default() };
            let listed = self.asker.ask::<rpc::ListStockLevels>(None, &request).await;
            let listed = listed.map_err(|failure| failure.to_string())?;
            let level = |l: v1::StockLevel| (l.sku, [l.on_hand, l.reserved, l.shipped, l.received]);
            Ok(listed.data.into_iter().map(level).collect())
        })
    }
}

/// Over HTTP.
pub(crate) struct Web {
    http: Http,
    /// Who sends, as the gateway names the bearer of its token.
    who: String,
}

impl Web {
    /// A bearer without a subject is named by the hash of the token.
    pub(crate) fn new(http: Http, token: &str) -> Web {
        Web { http, who: format!("token {}", blake3::hash(token.as_bytes()).to_hex()) }
    }

    fn ask(order: &Order) -> Ask {
        let at = &order.warehouse_id;
        let of = |reservation_id: &String| json!({"warehouse_id": at, "reservation_id": reservation_id});
        let (path, body) = match &order.wish {
            Wish::Adjust { sku, delta } => {
                ("adjust", json!({"warehouse_id": at, "sku": sku, "delta": delta, "reason": "correction"}))
            }
            Wish::Reserve { lines } => {
                let line = |(sku, quantity): &(&str, i64)| json!({"sku": sku, "quantity": quantity});
                let lines: Vec<Value> = lines.iter().map(line).collect();
                ("reserve", json!({"warehouse_id": at, "lines": lines, "hold_seconds": 86_400}))
            }
            Wish::Release { reservation_id } => ("release", of(reservation_id)),
            Wish::Confirm { reservation_id } => ("confirm", of(reservation_id)),
            Wish::Ship { reservation_id } => ("ship", of(reservation_id)),
        };
        Ask::post(format!("/api/v1/inventory/{path}"), &body).keyed(&order.key)
    }
}

fn command(who: &str, rpc: &str, key: &str) -> CommandId {
    CommandId::derived(&[who.as_bytes(), rpc.as_bytes(), key.as_bytes()])
}

impl Door for Web {
    fn name(&self, order: &Order) -> (CommandId, String) {
        let command = command(&self.who, order.wish.rpc(), &order.key);
        (command, Id::derived("rsv", &command.0).to_string())
    }

    fn send<'a>(&'a mut self, order: &'a Order) -> BoxFuture<'a, Heard> {
        Box::pin(async move {
            let answer = match self.http.try_send(&Web::ask(order)).await {
                Ok(answer) => answer,
                Err(broken) => return Heard::Nothing(broken.0),
            };
            if answer.status >= 300 {
                return refused(answer.json()["code"].as_str().unwrap_or_default());
            }
            let version = answer.header("etag").and_then(|tag| tag.trim_matches('"').parse().ok());
            let position = answer.header("shop-position").and_then(|text| text.parse::<Position>().ok());
            Heard::Done {
                version: version.expect("a write says its version"),
                position: position.expect("a write says its position").sequence,
            }
        })
    }

    fn open<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move {
            let ask = Ask::post("/api/v1/warehouses", &json!({"name": name})).keyed(name);
            let answer = self.http.try_send(&ask).await.map_err(|broken| broken.0)?;
            let id = answer.json()["warehouse_id"].as_str().map(str::to_owned);
            id.ok_or_else(|| format!("{} {}", answer.status, answer.json()))
        })
    }

    fn list<'a>(&'a mut self, warehouse_id: &'a str) -> BoxFuture<'a, Result<Vec<(String, Level)>, String>> {
        Box::pin(async move {
            let ask = Ask::get(format!("/api/v1/inventory/levels?warehouse_id={warehouse_id}"));
            let answer = self.http.try_send(&ask).await.map_err(|broken| broken.0)?;
            if answer.status != 200 {
                return Err(format!("{} {}", answer.status, answer.json()));
            }
            let units = |level: &Value, name: &str| level[name].as_i64().expect("a number");
            let level = |level: &Value| {
                let units = ["on_hand", "reserved", "shipped", "received"].map(|name| units(level, name));
                (level["sku"].as_str().expect("a SKU").to_owned(), units)
            };
            Ok(answer.json()["data"].as_array().expect("a list").iter().map(level).collect())
        })
    }
}

//! The shop as its clients see it: what is in it, what is asked of it, and a closed loop of asking.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use messages::Rpc;
use messages::common::v1::Money;
use messages::id::Id;
use messages::inventory::v1::{self as inventory, Line, StockReason};
use messages::product::v1::{self as product, ProductStatus};
use prost::Message as _;
use runtime::client::{Answer, Call, Client, Failure};
use runtime::clock::Clock;
use runtime::entropy::Entropy;
use runtime::fabric::Fabric as _;
use runtime::headers::{Caller, CommandId, CommandKey, Fingerprint};
use runtime::nats;
use yardstick::sample::{Sample, Tally};

use super::ground::Ground;

/// How long a client waits for an answer.
const PATIENCE: SignedDuration = SignedDuration::from_secs(10);
/// How much stock every shelf begins with, unless a measure says otherwise: more than any run takes.
pub(crate) const PLENTY: i64 = 1_000_000_000;

/// A client of the shop on a connection of its own.
#[derive(Clone)]
pub(crate) struct Shop {
    client: Client,
}

impl Shop {
    /// Connects.
    pub(crate) async fn connect(ground: &Ground) -> anyhow::Result<Shop> {
        let options = nats::Options::new(vec![ground.nats()], "operator", format!("bench-{}", std::process::id()));
        let fabric = nats::Fabric::connect(options).await?;
        Ok(Shop { client: Client::new(fabric.bus(), Clock::system(), Entropy::system()) })
    }

    /// A command under a fresh key, as the gateway would send it, or a read.
    pub(crate) fn call<R: Rpc>(&self, key: &str, request: &R::Request) -> Call {
        let payload = request.encode_to_vec();
        let deadline = self.client.clock().now().saturating_add(PATIENCE).unwrap_or(jiff::Timestamp::MAX);
        let command = CommandKey {
            id: CommandId::fresh(self.client.entropy()),
            fingerprint: Fingerprint::of(R::ROUTE.name, &payload),
            keyed: true,
        };
        let mut call = Call::new(R::ROUTE, Some(key.to_owned()), payload.into(), deadline);
        call.command = Some(command);
        call.caller = Caller::service("bench");
        call
    }

    /// Asks once.
    pub(crate) async fn ask<R: Rpc>(&self, key: &str, request: &R::Request) -> anyhow::Result<R::Response> {
        let Answer { payload, .. } = self.client.ask(&self.call::<R>(key, request)).await?;
        Ok(R::Response::decode(payload)?)
    }

    /// Asks over and over, so many at once, until the time is up.
    pub(crate) async fn repeat(
        &self,
        clients: usize,
        (warm_up, lasting): (Duration, Duration),
        make: impl Fn(&Shop, u64) -> Call + 'static,
    ) -> anyhow::Result<Sample> {
        let begin = Instant::now() + warm_up;
        let end = begin + lasting;
        let counts = move |asked, now| asked >= begin && now <= end;
        let tallies = self.run(clients, make, move || Instant::now() < end, counts).await?;
        Ok(Sample::of(tallies, lasting))
    }

    /// Asks so many times in all, so many at once.
    pub(crate) async fn times(
        &self,
        times: u64,
        clients: usize,
        make: impl Fn(&Shop, u64) -> Call + 'static,
    ) -> anyhow::Result<Sample> {
        let (began, left) = (Instant::now(), Cell::new(times));
        let goes_on = move || left.replace(left.get().saturating_sub(1)) > 0;
        let tallies = self.run(clients, make, goes_on, |_, _| true).await?;
        Ok(Sample::of(tallies, began.elapsed()))
    }

    async fn run(
        &self,
        clients: usize,
        make: impl Fn(&Shop, u64) -> Call + 'static,
        goes_on: impl Fn() -> bool + 'static,
        counts: impl Fn(Instant, Instant) -> bool + 'static,
    ) -> anyhow::Result<Vec<Tally>> {
        let how = Rc::new((make, goes_on, counts, Cell::new(0)));
        let client = |_| {
            let (shop, how) = (self.clone(), how.clone());
            actix_rt::spawn(async move {
                let (make, goes_on, counts, numbers) = &*how;
                let mut tally = Tally::default();
                while goes_on() {
                    let call = make(&shop, numbers.replace(numbers.get() + 1));
                    let asked = Instant::now();
                    let said = shop.client.ask(&call).await;
                    let now = Instant::now();
                    if counts(asked, now) {
                        note(&mut tally, &said, now - asked);
                    }
                }
                tally
            })
        };
        let running: Vec<_> = (0..clients).map(client).collect();
        let mut tallies = Vec::new();
        for run in running {
            tallies.push(run.await?);
        }
        Ok(tallies)
    }

    /// A product whose answer is about 200 bytes long in protobuf.
    pub(crate) async fn product(&self) -> anyhow::Result<(String, Answer)> {
        let product_id = Id::derived("prd", b"bench").to_string();
        let create = product::CreateProductRequest {
            product_id: product_id.clone(),
            title: "Trail shirt".to_owned(),
            description: "Light, dries fast, and has a pocket for the key.".to_owned(),
            slug: "trail-shirt".to_owned(),
            status: ProductStatus::Active.into(),
            product_type: "physical".to_owned(),
            variants: vec![product::Variant {
                sku: "SHIRT-RED-M".to_owned(),
                title: "Red, M".to_owned(),
                price: Some(Money { amount: Some(1999), currency: "EUR".to_owned() }),
                ..Default::default()
            }],
            ..Default::default()
        };
        self.ask::<product::rpc::CreateProduct>(&product_id, &create).await?;
        let read = product::GetProductRequest { product_id: product_id.clone(), channel: None };
        let said = self.client.ask(&self.call::<product::rpc::GetProduct>(&product_id, &read)).await?;
        Ok((product_id, said))
    }

    /// A warehouse in each partition of inventory.
    pub(crate) async fn warehouses(&self) -> anyhow::Result<Vec<String>> {
        let partitions = messages::Group::named("inventory").map_or(1, |group| group.partitions);
        let mut ids = Vec::new();
        for partition in 0..partitions {
            let candidates = (0_u32..).map(|number| Id::derived("wh", &number.to_le_bytes()).to_string());
            let mut here = candidates.filter(|id| messages::partition::of(id, partitions) == partition);
            let warehouse_id = here.next().unwrap_or_default();
            let create = inventory::CreateWarehouseRequest {
                warehouse_id: warehouse_id.clone(),
                name: format!("Warehouse {partition}"),
                country: "AT".to_owned(),
                ..inventory::CreateWarehouseRequest::default()
            };
            self.ask::<inventory::rpc::CreateWarehouse>(&warehouse_id, &create).await?;
            ids.push(warehouse_id);
        }
        Ok(ids)
    }

    /// Puts stock on shelves: so many SKUs, each in one of the warehouses.
    pub(crate) async fn stock(&self, warehouses: &[String], skus: u64, units: i64) -> anyhow::Result<Sample> {
        let warehouses: Vec<String> = warehouses.to_vec();
        self.times(skus, 256, move |shop, number| {
            let warehouse_id = of(&warehouses, number).to_owned();
            let set = inventory::SetStockRequest {
                warehouse_id: warehouse_id.clone(),
                sku: sku(number),
                on_hand: Some(units),
                expected_on_hand: None,
                low_stock_threshold: None,
                reason: StockReason::Counted.into(),
                note: String::new(),
            };
            shop.call::<inventory::rpc::SetStock>(&warehouse_id, &set)
        })
        .await
    }

    /// One unit more on a shelf.
    pub(crate) fn adjust(&self, warehouse_id: &str, sku: String) -> Call {
        let adjust = inventory::AdjustStockRequest {
            warehouse_id: warehouse_id.to_owned(),
            sku,
            delta: Some(1),
            reason: StockReason::Received.into(),
            note: String::new(),
        };
        self.call::<inventory::rpc::AdjustStock>(warehouse_id, &adjust)
    }

    /// A claim on one unit of a shelf.
    pub(crate) fn reserve(&self, warehouse_id: &str, sku: String) -> Call {
        let mut reserve = inventory::ReserveRequest {
            warehouse_id: warehouse_id.to_owned(),
            reservation_id: String::new(),
            lines: vec![Line { sku, quantity: Some(1) }],
            order_id: None,
            // A day: none of them expires while it is counted.
            hold_seconds: Some(86_400),
            ..inventory::ReserveRequest::default()
        };
        let mut call = self.call::<inventory::rpc::Reserve>(warehouse_id, &reserve);
        let id = call.command.map_or([0; 16], |command| command.id.0);
        reserve.reservation_id = Id::derived("rsv", &id).to_string();
        call.payload = reserve.encode_to_vec().into();
        call
    }

    /// How a shelf stands.
    pub(crate) async fn level(&self, warehouse_id: &str, sku: &str) -> anyhow::Result<inventory::StockLevel> {
        let read = inventory::GetStockLevelRequest { warehouse_id: warehouse_id.to_owned(), sku: sku.to_owned() };
        let said = self.ask::<inventory::rpc::GetStockLevel>(warehouse_id, &read).await?;
        Ok(said.level.unwrap_or_default())
    }
}

fn note(tally: &mut Tally, said: &Result<Answer, Failure>, took: Duration) {
    match said {
        Ok(_) => tally.succeeded(took),
        Err(failure) => {
            tracing::debug!(cause = %failure, "a request of the benchmark failed");
            tally.failed();
        }
    }
}

/// The SKU of a number.
pub(crate) fn sku(number: u64) -> String {
    format!("SKU-{number:06}")
}

/// One of these, by number.
pub(crate) fn of(ids: &[String], number: u64) -> &str {
    let index = usize::try_from(number).unwrap_or(0) % ids.len().max(1);
    ids.get(index).map_or("", String::as_str)
}

/// Numbers that look like chance and are the same in every run.
pub(crate) fn scattered(number: u64, below: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) % below.max(1)
}

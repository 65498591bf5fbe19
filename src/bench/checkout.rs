//! Whole checkouts of guests, in the seeded shop as `mercat up` runs it: a cart, a look at it, and the order, answered when it
//! is paid. And browsing: a product, and a search.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use messages::inventory::v1::{self as inventory, StockReason};
use serde_json::json;
use yardstick::load::{self, Plan};
use yardstick::sample::{Sample, Tally, median};

use super::Settings;
use super::ground::{Child, Ground};
use super::guest::Guest;
use super::shop::{PLENTY, Shop};
use super::table::{Line, number};

/// How many shop, or look around, at once.
const AT_ONCE: [usize; 3] = [1, 8, 32];
const BROWSERS: [usize; 3] = [1, 32, 128];
/// What everybody buys.
const SKUS: [&str; 4] = ["MUG-BLUE", "CAP-GREY", "BOTTLE-STEEL", "SOCKS-42-44"];

/// A seeded shop with more on its shelves than any run takes.
async fn open(ground: &Ground, settings: &Settings) -> anyhow::Result<Child> {
    let shop = ground.up("shop", settings.workers).await?;
    let owner = Shop::connect(ground).await?;
    for sku in SKUS {
        let warehouse_id = crate::seed::main_warehouse();
        let set = inventory::SetStockRequest {
            warehouse_id: warehouse_id.clone(),
            sku: sku.to_owned(),
            on_hand: Some(PLENTY),
            expected_on_hand: None,
            low_stock_threshold: None,
            reason: StockReason::Counted.into(),
            note: String::new(),
        };
        owner.ask::<inventory::rpc::SetStock>(&warehouse_id, &set).await?;
    }
    Ok(shop)
}

/// What a run of shoppers measured: whole checkouts, and the placing call alone.
type Shopped = (Sample, Sample);

/// Checkouts in a second, how long a whole one takes, and how long its placing takes.
pub(crate) async fn checkouts(settings: &Settings) -> anyhow::Result<Vec<Line>> {
    let ground = Ground::lay().await?;
    let shop = open(&ground, settings).await?;
    let address = shop.address()?;
    let (numbers, mut lines) = (Rc::new(Cell::new(0)), Vec::new());
    for at_once in AT_ONCE {
        let mut rounds: Vec<Shopped> = Vec::new();
        for _ in 0..settings.rounds {
            rounds.push(run(address, settings, at_once, numbers.clone()).await?);
        }
        lines.extend(shown(at_once, &rounds));
    }
    drop(shop);
    ground.leave().await;
    Ok(lines)
}

fn shown(at_once: usize, rounds: &[Shopped]) -> [Line; 3] {
    let failed: u64 = rounds.iter().map(|(whole, _)| whole.failed).sum();
    let what_failed = if failed > 0 { format!(" ({failed} failed)") } else { String::new() };
    let middle = |figure: &dyn Fn(&Shopped) -> u64| number(median(rounds.iter().map(figure)));
    let whole = |per_mille| middle(&|(whole, _)| whole.within(per_mille));
    let placing = |per_mille| middle(&|(_, placing)| placing.within(per_mille));
    [
        Line::fact(
            format!("guest checkouts/s, {at_once} at once{what_failed}"),
            middle(&|(whole, _)| whole.per_second()),
        ),
        Line::fact(
            format!("whole checkout, {at_once} at once: p99 (p50), µs"),
            format!("{} ({})", whole(990), whole(500)),
        ),
        Line::fact(
            format!("placing alone, {at_once} at once: p99 (p50), µs"),
            format!("{} ({})", placing(990), placing(500)),
        ),
    ]
}

/// So many guests shop at once, again and again, until the time is up.
async fn run(
    address: SocketAddr,
    settings: &Settings,
    at_once: usize,
    numbers: Rc<Cell<u64>>,
) -> anyhow::Result<Shopped> {
    let begin = Instant::now() + settings.warm_up();
    let end = begin + settings.lasting();
    let shopping = (0..at_once).map(|_| {
        let numbers = numbers.clone();
        actix_rt::spawn(async move {
            let mut guest = Guest::enter(address).await?;
            let (mut whole, mut placing) = (Tally::default(), Tally::default());
            while Instant::now() < end {
                let number = numbers.replace(numbers.get() + 1);
                guest.become_new(format!("a-guest-of-the-benchmark-{number:08}"));
                let began = Instant::now();
                let placed = checkout(&mut guest, number).await?;
                let now = Instant::now();
                match placed {
                    // What ends after the end does not count: the rate is that of the time between.
                    Some(placed) if began >= begin && now <= end => {
                        whole.succeeded(now - began);
                        placing.succeeded(now - placed);
                    }
                    None if began >= begin => whole.failed(),
                    Some(_) | None => {}
                }
            }
            anyhow::Ok((whole, placing))
        })
    });
    let (mut wholes, mut placings) = (Vec::new(), Vec::new());
    for running in shopping.collect::<Vec<_>>() {
        let (whole, placing) = running.await??;
        wholes.push(whole);
        placings.push(placing);
    }
    Ok((Sample::of(wholes, settings.lasting()), Sample::of(placings, settings.lasting())))
}

/// One checkout. Says when its placing was asked for, if it ended with an order that is paid or will be in a moment.
async fn checkout(guest: &mut Guest, number: u64) -> anyhow::Result<Option<Instant>> {
    let index = usize::try_from(number)? % SKUS.len();
    let sku = SKUS.get(index).copied().unwrap_or_default();
    let address = json!({"name": "Ada Lovelace", "line1": "Ringstrasse 1", "postal_code": "1010", "city": "Vienna", "country": "AT"});
    let cart = json!({"currency": "EUR", "country": "AT", "ship_to": address, "items": [{"sku": sku, "quantity": 1}]});
    let (status, cart) = guest.ask("POST", "/api/v1/carts", &cart.to_string()).await?;
    let Some(cart_id) = cart["cart_id"].as_str().filter(|_| status == 201).map(str::to_owned) else { return Ok(None) };
    let (status, _) = guest.ask("GET", &format!("/api/v1/carts/{cart_id}"), "").await?;
    if status != 200 {
        return Ok(None);
    }
    let order = json!({"cart_id": cart_id, "email": "ada@example.com", "payment_method": {"token": "pm_card_visa"}});
    let asked = Instant::now();
    let (status, _) = guest.ask("POST", "/api/v1/orders", &order.to_string()).await?;
    Ok((status == 201).then_some(asked))
}

/// Reads of products and searches in the seeded catalogue.
pub(crate) async fn browsing(settings: &Settings) -> anyhow::Result<Vec<Line>> {
    let ground = Ground::lay().await?;
    let shop = open(&ground, settings).await?;
    let address = shop.address()?;
    let goods = crate::seed::goods::all();
    let products = goods.iter().map(|good| load::get(&format!("/api/v1/products/{}", crate::seed::product_id(good))));
    let words = ["mug", "rain", "tent", "larch", "winter", "boots", "lantern", "rope"];
    let searches = words.iter().map(|word| load::get(&format!("/api/v1/products/search?q={word}")));
    let mut lines = Vec::new();
    for (what, requests) in [("product read", products.collect::<Vec<_>>()), ("search", searches.collect::<Vec<_>>())] {
        for connections in BROWSERS {
            let mut rounds = Vec::new();
            for _ in 0..settings.rounds {
                let plan = Plan {
                    address,
                    requests: requests.clone().into(),
                    connections,
                    warm_up: settings.warm_up(),
                    lasting: settings.lasting(),
                };
                rounds.push(load::run(&plan).await?);
            }
            let failed: u64 = rounds.iter().map(|round| round.failed).sum();
            let what_failed = if failed > 0 { format!(" ({failed} failed)") } else { String::new() };
            let of = |figure: fn(&Sample) -> u64| number(median(rounds.iter().map(figure)));
            lines.push(Line::fact(
                format!("{what}, {connections} at once: requests/s{what_failed}"),
                of(Sample::per_second),
            ));
            let times = format!("{} ({})", of(|sample| sample.within(990)), of(|sample| sample.within(500)));
            lines.push(Line::fact(format!("{what}, {connections} at once: p99 (p50), µs"), times));
        }
    }
    drop(shop);
    ground.leave().await;
    Ok(lines)
}

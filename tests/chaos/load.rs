//! The load: shoppers who buy, are declined and change their minds, while groups and the broker are killed at random. Judged
//! by the audit.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use runtime::entropy::Entropy;
use runtime::server::{Server, ServerOptions};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::customer::{DECLINED, GOOD, address};
use super::house::{Ask, Doors, Process, free_port, mercat, run};
use super::scenes::Patient;
use super::seed::kills;
use super::stocked::text;

/// How many shop at the same time.
const SHOPPERS: usize = 32;
/// How many of the thing that everybody wants there are: it is sold out while things are killed.
const HOT: i64 = 5;
/// How long a part lives before another is killed, and how long it stays dead.
const ALIVE_MS: u64 = 1_500;
const DEAD_MS: u64 = 300;
/// How long every order may take to settle once nothing is killed any more.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The token of the owner.
const TOKEN: &str = "owner-of-a-shop-under-load";

/// The groups of each process. The bank and the door live on: theirs is another test.
const PARTS: [(&str, &[&str]); 4] = [
    ("order", &["order"]),
    ("payment", &["payment"]),
    ("stock", &["inventory", "promotion"]),
    ("rest", &["product", "pricing", "cart", "shipping", "notification"]),
];

/// A shop of many processes.
struct Town {
    parts: Vec<Process>,
    _door: Process,
    server: Server,
    doors: Doors,
    home: TempDir,
}

fn command(home: &Path, server: &Server, bank: u16, name: &str, roles: &[&str]) -> Command {
    let mut command = mercat(home);
    command.arg("--data").arg(home.join(name)).args(["--nats", &server.urls().join(","), "serve"]).args(roles);
    command
        .env("MERCAT_REPLICA", name)
        .env("MERCAT_NATS__MONITORS", format!("{:?}", server.monitors()))
        .env("MERCAT_BANK__LISTEN", format!("127.0.0.1:{bank}"))
        .env("MERCAT_PAYMENT__TEST__BASE_URL", format!("http://127.0.0.1:{bank}"));
    command
}

impl Town {
    async fn open() -> Town {
        let home = tempfile::tempdir().expect("a directory");
        let options = ServerOptions {
            port: Some(free_port()),
            monitor_port: Some(free_port()),
            ..ServerOptions::new(home.path().join("nats"))
        };
        let server = Server::start(options).await.expect("a server");
        let (door, bank) = (free_port(), free_port());
        let config = format!("[gateway]\ntokens = [{{ token = {TOKEN:?}, role = \"admin\", scopes = [\"*\"] }}]\n");
        std::fs::write(home.path().join("mercat.toml"), config).expect("a configuration");
        let mut opening = command(home.path(), &server, bank, "door", &["gateway", "bank"]);
        opening.args(["--listen", &format!("127.0.0.1:{door}")]);
        let opening = Process::start(home.path(), "door", opening);
        let doors = Doors::new(door, bank, TOKEN);
        let mut town = Town { parts: Vec::new(), _door: opening, server, doors, home };
        for (name, groups) in PARTS {
            let part = command(town.home.path(), &town.server, bank, name, groups);
            town.parts.push(Process::start(town.home.path(), name, part));
        }
        town.is_ready().await;
        town
    }

    async fn is_ready(&mut self) {
        for part in &mut self.parts {
            part.says("ready: ").await;
        }
    }

    /// Kills one of its parts, or its server, and starts it again.
    async fn kill(&mut self, dice: &Entropy) -> &'static str {
        let chosen = usize::try_from(dice.below(PARTS.len() as u64 + 1)).expect("few");
        let dead = Duration::from_millis(dice.below(DEAD_MS));
        let Some((name, groups)) = PARTS.get(chosen) else {
            self.server.only().kill9();
            tokio::time::sleep(dead).await;
            self.server.only().restart().await.expect("the server starts again");
            return "nats";
        };
        self.parts[chosen].kill9();
        tokio::time::sleep(dead).await;
        let part = command(self.home.path(), &self.server, self.doors.bank_port(), name, groups);
        self.parts[chosen] = Process::start(self.home.path(), name, part);
        name
    }

    /// Starts again what gave up because the server was away for too long, as whoever runs it would.
    async fn heal(&mut self) {
        for (part, (name, groups)) in self.parts.iter_mut().zip(PARTS) {
            if part.has_ended().is_some() {
                let again = command(self.home.path(), &self.server, self.doors.bank_port(), name, groups);
                *part = Process::start(self.home.path(), name, again);
            }
        }
        self.is_ready().await;
    }
}

/// Fills the shop.
async fn fill(doors: &Doors) {
    let mut owner = Patient::owner(doors);
    let key = |what: &str| format!("fill-{what}");
    let house = json!({"name": "Vienna", "country": "AT"});
    let made = owner.send(Ask::post("/api/v1/warehouses", &house).keyed(key("warehouse")), &[201]).await;
    let warehouse = text(&made, "/warehouse_id");
    for (sku, units) in [("MUG", 100_000), ("HOT", HOT)] {
        let variants = json!([{"sku": sku, "price": {"amount": 1500, "currency": "EUR"}}]);
        let product = json!({"title": sku, "status": "active", "product_type": "physical", "variants": variants});
        owner.send(Ask::post("/api/v1/products", &product).keyed(key(sku)), &[201]).await;
        let level = format!("/api/v1/inventory/levels/{warehouse}/{sku}");
        owner.send(Ask::put(level, &json!({"on_hand": units})), &[200]).await;
        owner.until(format!("/api/v1/prices/{sku}"), |price| price["sku"] == sku).await;
    }
    let rate = json!({"currency": "EUR", "basis": "flat", "steps": [{"amount": 490}]});
    let option = json!({"option": "standard", "title": "Standard", "carrier": "table", "min_days": 1, "max_days": 3, "rates": [rate]});
    let zone = json!({"name": "Everywhere", "areas": [], "options": [option]});
    owner.send(Ask::post("/api/v1/shipping/zones", &zone).keyed(key("zone")), &[201]).await;
}

/// What a shopper was told: the orders that exist, and how many of each answer there were.
#[derive(Default)]
struct Told {
    orders: Vec<String>,
    answers: BTreeMap<u16, u32>,
    longest: Duration,
}

/// Shops until the shop closes. Each checkout is that of a guest nobody has seen.
async fn shop(doors: Doors, number: usize, dice: Entropy, is_open: Rc<Cell<bool>>) -> Told {
    let mut told = Told::default();
    for round in 0.. {
        if !is_open.get() {
            break;
        }
        let name = format!("{number}-{round}");
        let mut guest = Patient::guest(&doors, &format!("a-shopper-under-load-{name}"));
        let sku = if dice.below(4) == 0 { "HOT" } else { "MUG" };
        let cart = json!({"currency": "EUR", "country": "AT", "ship_to": address(),
                          "items": [{"sku": sku, "quantity": 1 + dice.below(2)}]});
        let began = Instant::now();
        let cart = guest.send(Ask::post("/api/v1/carts", &cart).keyed(format!("cart-{name}")), &[201]).await;
        let card = if dice.below(6) == 0 { DECLINED } else { GOOD };
        let wish = json!({"cart_id": cart["cart_id"], "email": "ada@example.com", "payment_method": {"token": card}});
        let ask = Ask::post("/api/v1/orders", &wish).keyed(format!("order-{name}"));
        let (status, placed) = guest.told(ask, &[201, 202, 402, 409]).await;
        told.longest = told.longest.max(began.elapsed());
        *told.answers.entry(status).or_default() += 1;
        let Some(order_id) = placed["order_id"].as_str().map(str::to_owned) else { continue };
        if status < 300 && dice.below(5) == 0 {
            let cancel = Ask::post(format!("/api/v1/orders/{order_id}/cancel"), &json!({}));
            guest.told(cancel.keyed(format!("cancel-{name}")), &[200, 202, 409]).await;
        }
        told.orders.push(order_id);
    }
    told
}

/// Shoppers buy while parts are killed; every acknowledged order is there, settled, and everything adds up.
pub(crate) async fn under_kills(dice: Entropy) {
    let (times, began) = (kills(1), Instant::now());
    let mut town = Town::open().await;
    fill(&town.doors).await;
    let is_open = Rc::new(Cell::new(true));
    let shoppers = (0..SHOPPERS)
        .map(|number| shop(town.doors.clone(), number, Entropy::seeded(dice.below(u64::MAX)), is_open.clone()));
    let shopping = join_all(shoppers.collect::<Vec<_>>());
    let storm = async {
        let mut killed: BTreeMap<&str, u32> = BTreeMap::new();
        for _ in 0..times {
            tokio::time::sleep(Duration::from_millis(dice.below(ALIVE_MS))).await;
            *killed.entry(town.kill(&dice).await).or_default() += 1;
        }
        town.heal().await;
        is_open.set(false);
        killed
    };
    let (told, killed) = futures::future::join(shopping, storm).await;
    let calm = Instant::now();
    let orders: Vec<&String> = told.iter().flat_map(|told| &told.orders).collect();
    let settled = settle(&town.doors, &orders, calm).await;
    let took = calm.elapsed();

    let journal = town.home.path().join("door").join("bank").join("bank.journal");
    let mut audit = mercat(town.home.path());
    audit.args(["--nats", &town.server.urls().join(","), "audit", "--settle", "30", "--bank"]).arg(journal);
    let audited = run(audit).await;
    let said = String::from_utf8_lossy(&audited.stdout).into_owned();
    assert!(audited.status.success(), "{said}{}", String::from_utf8_lossy(&audited.stderr));
    let mut answers: BTreeMap<u16, u32> = BTreeMap::new();
    told.iter()
        .flat_map(|told| &told.answers)
        .for_each(|(status, count)| *answers.entry(*status).or_default() += count);
    let longest = told.iter().map(|told| told.longest).max().unwrap_or_default();
    eprintln!(
        "{times} kills {killed:?} under {SHOPPERS} shoppers: answers {answers:?}, orders {settled:?}, longest checkout {} ms, \
         settled after {} ms; {} s in all\n{said}",
        longest.as_millis(),
        took.as_millis(),
        began.elapsed().as_secs()
    );
}

/// Waits until every order has settled. Says how many stand how.
async fn settle(doors: &Doors, orders: &[&String], calm: Instant) -> BTreeMap<String, u32> {
    let mut owner = Patient::owner(doors);
    let mut settled: BTreeMap<String, u32> = BTreeMap::new();
    for order_id in orders {
        let order = loop {
            let order: Value = owner.send(Ask::get(format!("/api/v1/orders/{order_id}")), &[200]).await;
            if matches!(order["status"].as_str(), Some("processing" | "cancelled")) {
                break order;
            }
            assert!(calm.elapsed() < SETTLED_WITHIN, "an order did not settle: {order:#}");
            tokio::time::sleep(LOOK_EVERY).await;
        };
        *settled.entry(text(&order, "/status")).or_default() += 1;
    }
    settled
}

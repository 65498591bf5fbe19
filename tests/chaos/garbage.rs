//! Garbage: random bytes, broken JSON and broken protobuf, under honest and forged headers, on every subject there is.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use messages::Group;
use messages::inventory::v1;
use messages::runtime::v1::Turn;
use prost::Message as _;
use runtime::bus::Headers;
use runtime::entropy::Entropy;
use runtime::fabric::Fabric as _;
use runtime::nats::{Fabric, Options};
use serde_json::{Value, json};

use super::door::{Bus, Door, Heard};
use super::fleet::Fleet;
use super::house::{Answer, Ask, Http, Up};
use super::order::{Order, Wish, basket};

/// How many messages a storm has.
const MESSAGES: u64 = 12_000;
/// As many warehouses as it takes to have one in every partition, and a few more.
const WAREHOUSES: usize = 24;
/// How long the shop may take to work through what it was sent.
const AFTERMATH: Duration = Duration::from_secs(30);

/// Everything there is to aim at.
struct Target {
    dice: Entropy,
    /// Keys of actors that exist.
    keys: Vec<String>,
    /// Turns of the log, to be sent again.
    turns: Vec<(Headers, prost::bytes::Bytes)>,
}

impl Target {
    fn pick<'a, T>(&self, from: &'a [T]) -> &'a T {
        let place = self.dice.below(u64::try_from(from.len()).expect("few"));
        &from[usize::try_from(place).expect("few")]
    }

    fn noise(&self, length: u64) -> Vec<u8> {
        (0..length.div_ceil(16)).flat_map(|_| self.dice.bytes::<16>()).collect()
    }

    /// Where to, and whether somebody who exists is addressed.
    fn subject(&self) -> (String, bool) {
        let group = self.pick(messages::GROUPS);
        let route = self.pick(group.routes);
        let noise = format!("x{:x}", self.dice.below(1 << 40));
        let real = self.dice.below(2) == 0;
        let key = if real { self.pick(&self.keys).clone() } else { noise.clone() };
        let verb = if self.dice.below(4) == 0 { noise.clone() } else { route.verb.to_owned() };
        let partition = match self.dice.below(4) {
            0 => self.dice.below(1 << 33).to_string(),
            _ => messages::partition::of(&key, group.partitions).to_string(),
        };
        let name = group.name;
        // Whoever says `drain` to a replica means it, whatever else they send.
        let ops = *self.pick(&["inspect", "quarantine", "release", "replay", "verify", "nonsense"]);
        let subject = match self.dice.below(14) {
            0..=2 => format!("shop.cmd.{name}.{partition}.{key}.{verb}"),
            3 | 4 => format!("shop.any.{name}.{key}.{verb}"),
            5 => format!("shop.{name}.{key}.{verb}"),
            6 | 7 => format!("shop.query.{name}.{verb}"),
            8 => format!("shop.ops.{name}.{}.{ops}", self.pick(&["all", "any", "a", "nobody"])),
            9 => format!("shop.log.{name}.{partition}"),
            10 => format!("shop.evt.{name}.{key}.{verb}"),
            11 => format!("shop.dlq.{name}.product.{partition}.{key}"),
            12 => format!("$SRV.{}.{name}", self.pick(&["PING", "INFO", "STATS", "NONSENSE"])),
            _ => format!("{}.{noise}", self.pick(&["_INBOX_inventory", "$KV.MEMBERS.inventory", "$JS.ACK.INVENTORY"])),
        };
        (subject, real)
    }

    fn payload(&self) -> Vec<u8> {
        match self.dice.below(10) {
            0 => Vec::new(),
            1..=3 => self.noise(self.dice.below(300)),
            4 => self.noise(self.dice.below(60_000)),
            5 => b"{\"warehouse_id\":".to_vec(),
            6 => format!("{{\"lines\":{}}}", "[".repeat(20_000)).into_bytes(),
            7 => br#"{"quantity":1e999,"sku":{"a":[null,true]},"sku":3,"warehouse_id":-1}"#.to_vec(),
            8 => b"\xff\xfe{\"\xc3\x28\":\"\x00\"}".to_vec(),
            _ => {
                let lines = [("MUG", 1), ("TEE", i64::MAX)];
                let mut bytes = basket(self.pick::<String>(&self.keys), "rsv_0", &lines).encode_to_vec();
                for _ in 0..=self.dice.below(6) {
                    let place = self.dice.below(u64::try_from(bytes.len()).expect("few"));
                    bytes[usize::try_from(place).expect("few")] ^= 1 << self.dice.below(8);
                }
                bytes.truncate(usize::try_from(self.dice.below(200)).expect("few"));
                bytes
            }
        }
    }

    fn headers(&self) -> Headers {
        let names = [
            "Shop-Command",
            "Shop-Deadline",
            "Shop-Caller",
            "Shop-Wait",
            "Shop-If-Version",
            "Shop-Strong",
            "Shop-At",
            "Shop-Hops",
            "Shop-Turn",
            "Idempotency-Key",
            "Content-Type",
            "traceparent",
            "Nats-Expected-Last-Subject-Sequence",
            "Nats-Rollup",
        ];
        let mut said = Headers::new();
        for _ in 0..self.dice.below(4) {
            let value = match self.dice.below(5) {
                0 => String::new(),
                1 => u64::MAX.to_string(),
                2 => "application/json".to_owned(),
                // What looks like the place of a turn, only far ahead of all there are.
                3 => format!("{} 7 {} {}", 1_000 + self.dice.below(1 << 20), "0".repeat(64), "f".repeat(64)),
                _ => String::from_utf8_lossy(&self.noise(24)).replace(|c: char| c.is_control(), "?"),
            };
            said.insert(*self.pick(&names), value);
        }
        said
    }

    /// Throws it all. What could be a good order to somebody who exists is given a deadline that is long over.
    async fn throw(&self, urls: Vec<String>, user: &str) {
        let fabric = Fabric::connect(Options::new(urls, user, "vandal")).await.expect("a connection");
        let bus = fabric.bus();
        for _ in 0..MESSAGES {
            let (subject, real) = self.subject();
            let (mut said, mut payload) = (self.headers(), self.payload().into());
            if subject.starts_with("shop.log.") && !self.turns.is_empty() && self.dice.below(3) == 0 {
                (said, payload) = self.pick(&self.turns).clone();
            } else if real {
                said.insert("Shop-Deadline", "1");
            }
            let reply = (self.dice.below(2) == 0).then(|| format!("_INBOX_{user}.nobody"));
            bus.publish(subject, reply, said, payload).await.expect("it is sent");
        }
        fabric.client().flush().await.expect("a server that goes on");
    }
}

/// What a shop shows of itself over HTTP.
async fn shown(http: &mut Http, warehouses: &[String], product: &str) -> BTreeMap<String, Value> {
    let mut targets = vec![
        "/api/v1/products?limit=100".to_owned(),
        "/api/v1/inventory/levels?limit=100".to_owned(),
        "/api/v1/inventory/movements?limit=100".to_owned(),
        "/api/v1/warehouses?limit=100".to_owned(),
        format!("/api/v1/products/{product}"),
        format!("/api/v1/products/{product}/history"),
        format!("/api/v1/inventory/{product}/stock"),
    ];
    for warehouse_id in warehouses {
        targets.push(format!("/api/v1/inventory/levels/{warehouse_id}/MUG"));
        targets.push(format!("/api/v1/inventory/levels/{warehouse_id}/MUG/history"));
        targets.push(format!("/api/v1/warehouses/{warehouse_id}"));
    }
    let mut shown = BTreeMap::new();
    for target in targets {
        let answer: Answer = http.try_send(&Ask::get(&target)).await.expect("an answer");
        assert_eq!(answer.status, 200, "{target}: {}", answer.json());
        shown.insert(target, answer.json());
    }
    shown
}

async fn product(http: &mut Http, sku: &str) -> String {
    let variant = json!({"sku": sku, "price": {"amount": 900, "currency": "EUR"}});
    let body = json!({"title": format!("Thing {sku}"), "status": "active", "variants": [variant]});
    let created = http.try_send(&Ask::post("/api/v1/products", &body)).await.expect("an answer");
    created.json()["product_id"].as_str().unwrap_or_else(|| panic!("{}", created.json())).to_owned()
}

/// Waits until inventory has heard of a product.
async fn is_heard_of(http: &mut Http, product: &str) {
    let began = Instant::now();
    while http.try_send(&Ask::get(format!("/api/v1/inventory/{product}/stock"))).await.expect("an answer").status != 200
    {
        assert!(began.elapsed() < AFTERMATH, "inventory never heard of {product}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A whole shop, and somebody with an operator's rights and no sense.
pub(crate) async fn from_an_operator(dice: Entropy) {
    let mut up = Up::open().await;
    let mut http = up.http();
    let (mut warehouses, mut key) = (Vec::new(), 0);
    for number in 0..WAREHOUSES {
        let ask = Ask::post("/api/v1/warehouses", &json!({"name": format!("w{number}")})).keyed(format!("w{number}"));
        let created = http.try_send(&ask).await.expect("an answer").json();
        warehouses.push(created["warehouse_id"].as_str().expect("an id").to_owned());
    }
    adjust_all(&mut http, &warehouses, &mut key).await;
    let thing = product(&mut http, "MUG").await;
    is_heard_of(&mut http, &thing).await;
    let before = shown(&mut http, &warehouses, &thing).await;

    let keys = warehouses.iter().chain([&thing]).cloned().collect();
    let target = Target { dice, keys, turns: Vec::new() };
    target.throw(vec![up.nats_url()], "operator").await;

    // Behind all that was thrown waits an honest order to every partition.
    assert_eq!(shown(&mut http, &warehouses, &thing).await, before, "nothing changed");
    adjust_all(&mut http, &warehouses, &mut key).await;
    let next = product(&mut http, "TEE").await;
    is_heard_of(&mut http, &next).await;
    let verified = up.mercat(&["verify"]).await;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    assert_eq!(up.has_ended(), None, "it is alive");
    for group in messages::GROUPS {
        stands(&[up.nats_url()], "operator", group).await;
    }
    let (status, _) = up.stop().await;
    assert!(status.success(), "{status}");
}

async fn adjust_all(http: &mut Http, warehouses: &[String], key: &mut u32) {
    for warehouse_id in warehouses {
        *key += 1;
        let body = json!({"warehouse_id": warehouse_id, "sku": "MUG", "delta": 5, "reason": "received"});
        let ask = Ask::post("/api/v1/inventory/adjust", &body).keyed(format!("adjust-{key}"));
        let answer = http.try_send(&ask).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.json());
    }
}

/// Every partition of a group serves, and the services API answers for it.
async fn stands(urls: &[String], user: &str, group: &Group) {
    let fabric = Fabric::connect(Options::new(urls.to_vec(), user, "visitor")).await.expect("a connection");
    let ask = async |subject: String| {
        let asked = fabric.bus().request(subject.clone(), Headers::new(), "".into(), AFTERMATH).await;
        let answer = asked.unwrap_or_else(|failure| panic!("{subject}: {failure}"));
        serde_json::from_slice::<Value>(&answer.payload).expect("JSON")
    };
    let inspected = ask(format!("shop.ops.{}.all.inspect", group.name)).await;
    let partitions = inspected["partitions"].as_array().expect("partitions");
    assert_eq!(partitions.len(), usize::try_from(group.partitions).expect("few"));
    for partition in partitions {
        assert_eq!((&partition["stopped"], &partition["quarantined"]), (&Value::Null, &json!([])), "{partition}");
    }
    assert_eq!(ask(format!("$SRV.PING.{}", group.name)).await["name"], group.name);
}

/// A replica on a server that anyone may write to, and somebody who does, its log included.
pub(crate) async fn from_anyone(dice: Entropy) {
    let mut fleet = Fleet::start(1, &["a"]).await;
    let mut door = fleet.doors(1).await.remove(0);
    let mut warehouses = Vec::new();
    for number in 0..WAREHOUSES {
        warehouses.push(door.open(&format!("w{number}")).await.expect("a warehouse"));
    }
    adjust_each(&mut door, &warehouses, "before").await;
    let before = levels(&mut door, &warehouses).await;
    let log = fleet.bench().log().await;
    assert!(log.iter().all(|entry| Turn::decode(entry.payload.clone()).is_ok()), "turns only");
    let turns = log.into_iter().map(|entry| (entry.headers, entry.payload)).collect();

    let target = Target { dice, keys: warehouses.clone(), turns };
    target.throw(fleet.server.urls(), "gateway").await;

    assert_eq!(levels(&mut door, &warehouses).await, before, "nothing changed");
    adjust_each(&mut door, &warehouses, "after").await;
    stands(&fleet.server.urls(), "gateway", Group::named("inventory").expect("inventory")).await;
    // What it left in the log is skipped by whoever starts anew as well.
    let replica = &mut fleet.replicas[0];
    let after = levels(&mut door, &warehouses).await;
    replica.kill9();
    replica.wipe();
    replica.begin();
    replica.is_ready().await;
    assert_eq!(levels(&mut door, &warehouses).await, after, "a replica that starts anew sees the same");
    replica.stop().await;
}

async fn adjust_each(door: &mut Bus, warehouses: &[String], when: &str) {
    for warehouse_id in warehouses {
        let wish = Wish::Adjust { sku: "MUG", delta: 5 };
        let order = Order { key: format!("{when}-{warehouse_id}"), warehouse_id: warehouse_id.clone(), wish };
        let began = Instant::now();
        loop {
            match door.send(&order).await {
                Heard::Done { .. } => break,
                heard => assert!(began.elapsed() < AFTERMATH, "{warehouse_id}: {heard:?}"),
            }
        }
    }
}

async fn levels(door: &mut Bus, warehouses: &[String]) -> Vec<v1::StockLevel> {
    let mut levels = Vec::new();
    for warehouse_id in warehouses {
        levels.push(door.level(warehouse_id, "MUG").await);
    }
    levels
}

//! The rush: everyone wants the last ones at the same moment.

use std::collections::BTreeMap;
use std::time::Instant;

use futures::future::join_all;
use runtime::entropy::Entropy;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};

use super::house::{Answer, Ask, Http, Up};

/// How many want one.
const CLIENTS: usize = 1_000;
/// How many there are.
const LEFT: usize = 10;
/// How many send the same request under the same key.
const REPEATS: usize = 100;
/// Files that may be open: a connection on both sides for each client, and room.
const FILES: u64 = 4_096;

/// Processes that are started from here on may open as many.
fn allow_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let enough = maximum.map_or(FILES, |maximum| maximum.min(FILES));
    if current.is_some_and(|current| current < enough) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(enough), maximum }).expect("more files");
    }
}

async fn sure(http: &mut Http, ask: Ask) -> Answer {
    http.try_send(&ask).await.expect("an answer")
}

/// Clients that are connected already, so that all of them speak at once.
async fn connected(up: &Up, count: usize) -> Vec<Http> {
    let mut clients: Vec<Http> = (0..count).map(|_| up.http()).collect();
    for client in &mut clients {
        client.connect().await.expect("a connection");
    }
    clients
}

/// All of them send at once.
async fn at_once(clients: &mut [Http], ask: impl Fn(usize) -> Ask) -> Vec<Answer> {
    let asks: Vec<Ask> = (0..clients.len()).map(ask).collect();
    let answers = join_all(clients.iter_mut().zip(&asks).map(|(client, ask)| client.try_send(ask))).await;
    answers.into_iter().map(|answer| answer.expect("an answer")).collect()
}

/// A warehouse with this many tents.
async fn warehouse(http: &mut Http, name: &str, tents: usize) -> String {
    let created = sure(http, Ask::post("/api/v1/warehouses", &json!({"name": name})).keyed(name)).await;
    let warehouse_id = created.json()["warehouse_id"].as_str().expect("an id").to_owned();
    let stock = json!({"warehouse_id": warehouse_id, "sku": "TENT", "delta": tents, "reason": "received"});
    let adjusted =
        sure(http, Ask::post("/api/v1/inventory/adjust", &stock).keyed(format!("fill {name}").replace(' ', "-"))).await;
    assert_eq!(adjusted.status, 200, "{}", adjusted.json());
    warehouse_id
}

fn reserve(warehouse_id: &str, tents: usize, key: String) -> Ask {
    let lines = json!([{"sku": "TENT", "quantity": tents}]);
    Ask::post("/api/v1/inventory/reserve", &json!({"warehouse_id": warehouse_id, "lines": lines})).keyed(key)
}

async fn level(http: &mut Http, warehouse_id: &str) -> [i64; 4] {
    let level = sure(http, Ask::get(format!("/api/v1/inventory/levels/{warehouse_id}/TENT"))).await.json();
    ["on_hand", "reserved", "shipped", "received"].map(|name| level[name].as_i64().expect("a number"))
}

/// A thousand clients want one of the last ten. Ten get one; all others hear what is left.
pub(crate) async fn for_the_last_ones(_: Entropy) {
    allow_files();
    let mut up = Up::open().await;
    let mut http = up.http();
    let warehouse_id = warehouse(&mut http, "rush", LEFT).await;
    let mut clients = connected(&up, CLIENTS).await;
    let began = Instant::now();
    let answers = at_once(&mut clients, |number| reserve(&warehouse_id, 1, format!("rush-{number}"))).await;
    let took = began.elapsed();
    let mut by_status: BTreeMap<u16, usize> = BTreeMap::new();
    answers.iter().for_each(|answer| *by_status.entry(answer.status).or_default() += 1);
    assert_eq!(by_status, BTreeMap::from([(201, LEFT), (409, CLIENTS - LEFT)]));
    for refusal in answers.iter().filter(|answer| answer.status == 409).map(Answer::json) {
        assert_eq!(refusal["code"], "out_of_stock", "{refusal}");
        // One at a time is taken, so nobody is refused while there is one.
        let line = json!([{"sku": "TENT", "requested": 1, "available": 0}]);
        assert_eq!(refusal["lines"], line, "{refusal}");
    }
    let ids =
        answers.iter().filter(|answer| answer.status == 201).map(|answer| answer.json()["reservation_id"].clone());
    let mut ids: Vec<Value> = ids.collect();
    ids.sort_by_key(Value::to_string);
    ids.dedup();
    assert_eq!(ids.len(), LEFT, "each holds a tent of its own");
    let all = i64::try_from(LEFT).expect("few");
    assert_eq!(level(&mut http, &warehouse_id).await, [0, all, 0, all]);
    let (status, _) = up.stop().await;
    assert!(status.success(), "{status}");
    eprintln!("{CLIENTS} clients reserved the last {LEFT} within {} ms: {by_status:?}", took.as_millis());
}

/// A hundred times the same request under the same key at the same moment: one reservation, and the same answer for all.
pub(crate) async fn under_one_key(_: Entropy) {
    allow_files();
    let mut up = Up::open().await;
    let mut http = up.http();
    let warehouse_id = warehouse(&mut http, "one-key", LEFT).await;
    let mut clients = connected(&up, REPEATS).await;
    let answers = at_once(&mut clients, |_| reserve(&warehouse_id, 3, "one-key".to_owned())).await;
    let first = &answers[0];
    for answer in &answers {
        assert_eq!(answer.status, 201, "{}", answer.json());
        assert_eq!(answer.body, first.body);
        for header in ["location", "etag", "shop-position"] {
            assert!(answer.header(header).is_some_and(|said| Some(said) == first.header(header)), "{header}");
        }
    }
    let made = answers.iter().filter(|answer| answer.header("idempotent-replayed").is_none()).count();
    assert!(made <= 1, "{made} of them claim to be the first");
    assert_eq!(level(&mut http, &warehouse_id).await, [7, 3, 0, 10]);
    let other = sure(&mut http, reserve(&warehouse_id, 4, "one-key".to_owned())).await;
    assert_eq!((other.status, &other.json()["code"]), (422, &json!("idempotency_key_reused")), "{}", other.json());
    let (status, _) = up.stop().await;
    assert!(status.success(), "{status}");
}

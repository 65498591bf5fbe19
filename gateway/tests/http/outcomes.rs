//! What became of a request: refused, impossible, unknown, settled later; and the door's own beginning and end.

use std::time::Duration;

use crate::support::group::{Says, play, say};
use crate::support::http::{Ask, Connection};
use crate::support::nats::Nats;
use crate::support::products::PRODUCT;
use crate::support::{ADMIN, Shop, config, start};
use gateway::config::{Config, Limits};
use messages::common::v1::fact::Value;
use messages::problem::{Kind, Problem};
use runtime::headers;
use serde_json::json;
use tokio::sync::mpsc;

fn impatient() -> Config {
    Config { limits: Limits { ask_timeout_ms: 300, ..Limits::default() }, ..config() }
}

#[actix_web::test]
async fn a_refusal_has_the_status_of_the_contract_and_its_facts() {
    let problem = Problem::conflict("out_of_stock", "Only 3 are left.")
        .with("available", 3)
        .with("request_id", "forged")
        .with("lines", Value::Json(r#"[{"sku":"A","available":3}]"#.into()));
    let shop = Shop::open(move |_| Some(Says::no(&problem).with(headers::POSITION, "inventory/2/7"))).await;
    let body = json!({"warehouse_id": "wh_01h455vb4pex5vsknk084sn02q", "lines": [{"sku": "A", "quantity": 5}]});
    let answer = shop
        .ask("POST", "/api/v1/inventory/reserve")
        .bearer(ADMIN)
        .header("Idempotency-Key", "k")
        .json(body.to_string())
        .send()
        .await;
    assert_eq!(answer.problem(), (409, "out_of_stock".to_owned()), "{}", answer.text());
    assert_eq!(answer.sure("shop-position"), "inventory/2/7");
    let problem = answer.json();
    assert_eq!(problem["type"], "/problems/out_of_stock");
    assert_eq!(problem["title"], "Out of stock");
    assert_eq!(problem["detail"], "Only 3 are left.");
    assert_eq!(problem["instance"], "/api/v1/inventory/reserve");
    assert_eq!(problem["available"], 3);
    assert_eq!(problem["lines"], json!([{"sku": "A", "available": 3}]));
}

#[actix_web::test]
async fn a_kind_has_one_status() {
    let table = [
        (Kind::Invalid, 400),
        (Kind::Unauthenticated, 401),
        (Kind::PaymentRequired, 402),
        (Kind::Forbidden, 403),
        (Kind::NotFound, 404),
        (Kind::Conflict, 409),
        (Kind::Precondition, 412),
        (Kind::Unprocessable, 422),
        (Kind::Exhausted, 429),
        (Kind::Internal, 500),
        (Kind::Unavailable, 503),
        (Kind::Timeout, 504),
    ];
    let mut kinds = table.into_iter();
    let shop = Shop::open(move |_| {
        let (kind, _) = kinds.next()?;
        Some(Says::no(&Problem::new(kind, "some_reason", "the cause is secret")))
    })
    .await;
    for (kind, status) in table {
        let answer = shop.get(PRODUCT).await;
        assert_eq!(answer.problem().0, status, "{kind:?}");
        let waits = matches!(kind, Kind::Exhausted | Kind::Unavailable);
        assert_eq!(answer.header("retry-after"), waits.then_some("1"), "{kind:?}");
        let told = answer.text().contains("secret");
        assert_eq!(told, kind != Kind::Internal, "{kind:?}: our own causes are not told");
    }
}

#[actix_web::test]
async fn a_busy_group_says_when_to_come_back() {
    let busy = Problem::unavailable("busy", "too many commands wait", Duration::from_millis(2_300));
    let shop = Shop::with(impatient(), move |_| Some(Says::no(&busy))).await;
    let answer = shop.post("/api/v1/products", r#"{"title": "Cap"}"#).await;
    assert_eq!(answer.problem(), (503, "busy".to_owned()));
    assert_eq!(answer.sure("retry-after"), "3");
}

#[actix_web::test]
async fn a_command_that_still_runs_is_a_conflict() {
    let running = Problem::conflict("in_progress", "still running");
    let shop = Shop::open(move |_| Some(Says::no(&running))).await;
    let answer = shop.post("/api/v1/products", r#"{"title": "Cap"}"#).await;
    assert_eq!(answer.problem(), (409, "in_progress".to_owned()));
}

#[actix_web::test]
async fn silence_is_an_unknown_outcome_and_not_a_failure() {
    let shop = Shop::with(impatient(), |_| None).await;
    let command = shop.post("/api/v1/products", r#"{"title": "Cap"}"#).await;
    assert_eq!(command.problem(), (504, "outcome_unknown".to_owned()));
    assert!(command.json()["detail"].as_str().expect("words").contains("same Idempotency-Key"));
    let read = shop.get(PRODUCT).await;
    assert_eq!(read.problem(), (504, "timeout".to_owned()));
    assert_eq!(read.sure("retry-after"), "1");
}

#[actix_web::test]
async fn nobody_there_is_said_at_once() {
    let nats = Nats::start().await;
    let (address, _stop) = start(config(), &nats);
    let answer = Ask::new(address, "GET", PRODUCT).send().await;
    assert_eq!(answer.problem(), (503, "unavailable".to_owned()));
    assert_eq!(answer.sure("retry-after"), "1");
}

#[actix_web::test]
async fn an_answer_that_cannot_be_read_is_our_fault() {
    let shop = Shop::open(|_| Some(Says::raw(b"\xff\xff\xff"))).await;
    assert_eq!(shop.get(PRODUCT).await.problem(), (500, "internal".to_owned()));
}

#[actix_web::test]
async fn ready_means_that_nats_answers() {
    // With the permissions of the contract: what the gateway asks of the server must be among them.
    let mut nats = Nats::guarded().await;
    let (address, _stop) = start(config(), &nats);
    let get = |path: &'static str| Ask::new(address, "GET", path).send();
    assert_eq!(get("/health/live").await.json(), json!({"status": "live"}));
    assert_eq!(get("/health/ready").await.json(), json!({"status": "ready"}));
    nats.node().pause().expect("it runs");
    let answer = get("/health/ready").await;
    assert_eq!((answer.status, answer.json()), (503, json!({"status": "nats_unreachable"})));
    assert_eq!(get("/health/live").await.status, 200, "a restart of the gateway would not bring NATS back");
    nats.node().resume().expect("it is paused");
    assert_eq!(get("/health/ready").await.status, 200);
    assert_eq!(Ask::new(address, "POST", "/health/ready").send().await.problem().0, 405);
}

#[actix_web::test]
async fn a_gateway_that_stops_finishes_what_is_under_way() {
    let nats = Nats::start().await;
    let (hear, mut heard) = mpsc::unbounded_channel();
    play(&nats.url(), move |request| {
        hear.send(request.clone()).expect("the test listens");
        None
    })
    .await;
    let (address, stop) = start(config(), &nats);
    let mut idle = Connection::open(address).await;
    assert!(idle.write(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n").await);
    assert_eq!(idle.answer(false).await.expect("an answer").status, 200);

    let asked = actix_web::rt::spawn(Ask::new(address, "GET", PRODUCT).send());
    let request = heard.recv().await.expect("the group was asked");
    drop(stop);
    assert!(idle.is_closed().await, "an idle connection ends with the gateway");
    let client = async_nats::connect(nats.url()).await.expect("the server listens");
    say(&client, &request, Says::no(&Problem::not_found("not_found", "There is no such product."))).await;
    assert_eq!(asked.await.expect("an answer").problem(), (404, "not_found".to_owned()));
}

#[actix_web::test]
async fn a_gateway_says_that_it_is_about_to_stop() {
    let nats = Nats::start().await;
    let limits = Limits { drain_ms: 60_000, ..Limits::default() };
    let (address, stop) = start(Config { limits, ..config() }, &nats);
    let ready = || Ask::new(address, "GET", "/health/ready").send();
    assert_eq!(ready().await.status, 200);
    drop(stop);
    // That it was told to stop takes a moment to get around.
    while ready().await.status == 200 {
        tokio::task::yield_now().await;
    }
    let answer = ready().await;
    assert_eq!((answer.status, answer.json()), (503, json!({"status": "draining"})));
    assert_eq!(Ask::new(address, "GET", "/health/live").send().await.status, 200);
}

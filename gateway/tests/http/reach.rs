//! How the gateway treats groups that are slow, silent or back again, and floods of requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use gateway::config::{Canaries, Canary, Config, Limits, Room};
use messages::product::v1::{CreateProductResponse, ListProductsResponse};
use runtime::headers;
use runtime::reach::{Overdue, Settings};
use tokio::sync::mpsc;

use crate::support::group::{Heard, Says, play, say};
use crate::support::http::{Answer, Ask, Connection};
use crate::support::nats::Nats;
use crate::support::products::{PRODUCT, shirt};
use crate::support::{ADMIN, Shop, config, start};

/// Gives up soon.
fn quick() -> Config {
    Config {
        limits: Limits { ask_timeout_ms: 300, ..Limits::default() },
        reach: Settings { overdue_ms: Overdue(100), ..Settings::default() },
        ..config()
    }
}

fn product() -> Says {
    let response = messages::product::v1::GetProductResponse { product: Some(shirt()) };
    Says::yes(&response).with(headers::VERSION, 3)
}

async fn circuit(shop: &Shop) -> String {
    let groups = shop.get("/health/groups").await.json();
    groups["groups"]["product"]["sets"]["stable"]["circuit"].as_str().unwrap_or("never asked").to_owned()
}

#[actix_web::test]
async fn a_silent_group_is_refused_at_once_until_it_answers_again() {
    let silent = Arc::new(AtomicBool::new(true));
    let is_silent = silent.clone();
    let shop = Shop::with(quick(), move |_| (!is_silent.load(Ordering::Relaxed)).then(product)).await;
    let answers = join_all((0..5).map(|_| shop.ask("GET", format!("{PRODUCT}?at=1")).bearer(ADMIN).send())).await;
    for answer in answers {
        assert_eq!(answer.problem(), (504, "timeout".to_owned()));
    }
    assert_eq!(circuit(&shop).await, "open");
    shop.heard();
    let refused = shop.get(PRODUCT).await;
    assert_eq!((refused.problem(), refused.sure("retry-after")), ((503, "unavailable".to_owned()), "2"));
    assert!(shop.heard().is_empty(), "nobody was asked");
    assert_eq!(shop.get("/health/live").await.status, 200);

    silent.store(false, Ordering::Relaxed);
    while shop.get(PRODUCT).await.status != 200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(circuit(&shop).await, "closed");
}

/// Four in flight and two waiting before each group.
fn narrow() -> Config {
    let room = Room { max_connections: 4, max_pending_requests: 2, ..Room::default() };
    Config { room, cache_bytes_max: 0, ..config() }
}

fn created(heard: &Heard) -> Says {
    use prost::Message as _;
    let request = messages::product::v1::CreateProductRequest::decode(heard.payload.clone()).expect("a request");
    let mut product = shirt();
    product.product_id = request.product_id;
    Says::yes(&CreateProductResponse { product: Some(product) }).with(headers::VERSION, 1)
}

#[actix_web::test]
async fn a_flood_before_a_slow_group_is_shed_and_nothing_accepted_is_lost() {
    let nats = Nats::start().await;
    let (hear, mut heard) = mpsc::unbounded_channel();
    play(&nats.url(), move |request| {
        if request.subject.contains(".product.") && request.verb() == "create" {
            hear.send(request.clone()).expect("the test listens");
            return None;
        }
        Some(Says::yes(&ListProductsResponse::default()))
    })
    .await;
    let (address, _stop) = start(narrow(), &nats);
    let create = move || Ask::new(address, "POST", "/api/v1/products").bearer(ADMIN).json(r#"{"title": "Cap"}"#);
    let (done, mut answers) = mpsc::unbounded_channel::<Answer>();
    for _ in 0..20 {
        let done = done.clone();
        actix_web::rt::spawn(async move { done.send(create().send().await).expect("the test listens") });
    }
    let mut in_flight = Vec::new();
    for _ in 0..4 {
        in_flight.push(heard.recv().await.expect("a request"));
    }
    for _ in 0..14 {
        let refused = answers.recv().await.expect("an answer");
        assert_eq!((refused.problem(), refused.sure("retry-after")), ((503, "overloaded".to_owned()), "1"));
    }
    assert!(heard.try_recv().is_err(), "no more than four are asked");

    // Refused before its body has come; other groups and health are as quick as ever.
    let mut unread = Connection::open(address).await;
    let head = format!(
        "POST /api/v1/products HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {ADMIN}\r\nContent-Type: \
         application/json\r\nContent-Length: 500000\r\n\r\n"
    );
    assert!(unread.write(head.as_bytes()).await);
    let refused = unread.answer(false).await.expect("an answer");
    assert_eq!(refused.problem(), (503, "overloaded".to_owned()));
    let other = Ask::new(address, "GET", "/api/v1/warehouses").bearer(ADMIN).send().await;
    assert_eq!(other.status, 200, "{}", other.text());
    for path in ["/health/live", "/health/ready", "/health/groups"] {
        let answer = Ask::new(address, "GET", path).send().await;
        assert_eq!(answer.status, 200, "{path}");
    }
    let groups = Ask::new(address, "GET", "/health/groups").send().await.json();
    let product = &groups["groups"]["product"];
    assert_eq!((&product["in_flight"], &product["waiting"]), (&4.into(), &2.into()), "{groups}");

    let client = async_nats::connect(nats.url()).await.expect("the server listens");
    for request in &in_flight {
        say(&client, request, created(request)).await;
    }
    for _ in 0..2 {
        let request = heard.recv().await.expect("who waited is let in");
        say(&client, &request, created(&request)).await;
    }
    for _ in 0..6 {
        let accepted = answers.recv().await.expect("an answer");
        assert_eq!(accepted.status, 201, "{}", accepted.text());
    }
}

#[actix_web::test]
async fn a_version_that_nobody_goes_by_is_refused_and_a_canary_that_is_not_there_is_not_missed() {
    let canary = Canaries::from([("product".to_owned(), Canary { percent: 100, version: "2".to_owned() })]);
    let shop = Shop::with(Config { canary, ..config() }, |_| Some(product())).await;
    for version in [None, Some("canary"), Some("2"), Some("stable")] {
        let mut ask = shop.ask("GET", PRODUCT).bearer(ADMIN);
        if let Some(version) = version {
            ask = ask.header("Api-Version", version);
        }
        let answer = ask.send().await;
        assert_eq!((answer.status, answer.sure("api-version")), (200, "stable"), "{version:?}");
    }
    let refused = shop.ask("GET", PRODUCT).bearer(ADMIN).header("Api-Version", "3").send().await;
    assert_eq!(refused.problem(), (400, "unknown_api_version".to_owned()));
    let heard = shop.heard();
    assert!(heard.iter().all(|heard| heard.subject.starts_with("shop.cmd.") || heard.subject.starts_with("shop.any.")));
}

#[actix_web::test]
async fn what_a_canary_says_is_kept_by_nobody() {
    let canary = Canaries::from([("product".to_owned(), Canary { percent: 0, version: "2".to_owned() })]);
    let nats = Nats::start().await;
    play(&nats.url(), |_| Some(product())).await;
    let client = async_nats::connect(nats.url()).await.expect("the server listens");
    let mut asked = client.subscribe("shop.canary.>").await.expect("subscribed");
    client.flush().await.expect("the server knows the subscription");
    actix_web::rt::spawn(async move {
        use futures::StreamExt as _;
        while let Some(message) = asked.next().await {
            let heard = Heard {
                subject: message.subject.to_string(),
                headers: message.headers.clone().unwrap_or_default(),
                payload: message.payload.clone(),
                reply: message.reply.map(|reply| reply.to_string()),
            };
            say(&client, &heard, product().with(headers::SET, "canary")).await;
        }
    });
    let (address, _stop) = start(Config { canary, ..config() }, &nats);
    for _ in 0..2 {
        let answer = Ask::new(address, "GET", PRODUCT).header("Api-Version", "2").send().await;
        assert_eq!((answer.status, answer.sure("api-version")), (200, "canary"));
        assert_eq!((answer.sure("cache-control"), answer.header("cache-status")), ("no-store", None));
        let stable = Ask::new(address, "GET", PRODUCT).send().await;
        assert_eq!((stable.status, stable.sure("api-version")), (200, "stable"));
    }
}

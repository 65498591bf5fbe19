//! TLS and HTTP/2: the same door, with certificates that change, and with the limits that it has without.

use std::time::Duration;

use gateway::config::{Config, Limits, Tls};
use messages::product::v1::{GetProductResponse, Product};
use runtime::headers;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::group::Says;
use crate::support::http::Connection;
use crate::support::products::{ID, PRODUCT, Products, shirt};
use crate::support::secure::{Papers, ask, request};
use crate::support::{Shop, config};

/// Far more than any timeout that is configured here.
const PATIENCE: Duration = Duration::from_secs(20);

async fn shop(config: Config) -> Shop {
    let mut products = Products::with(shirt());
    Shop::with(config, move |heard| products.answer(heard)).await
}

fn builder() -> h2::client::Builder {
    h2::client::Builder::new()
}

#[actix_web::test]
async fn both_protocols_lead_to_the_same_door() {
    let papers = Papers::new();
    let shop = shop(papers.config()).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut stream = papers.connect_with(shop.address, &[version], "http/1.1").await;
        let told = ask(&mut stream, PRODUCT).await;
        assert!(told.starts_with("HTTP/1.1 200") && told.contains("Trail shirt"), "{told}");
        assert!(told.contains("strict-transport-security: max-age=63072000\r\n"), "{told}");
    }
    let mut client = papers.http2(shop.address, &builder()).await;
    let told = client.ask(request("GET", PRODUCT, &[]), None).await.expect("answered");
    assert_eq!((told.status, told.headers["etag"].as_bytes()), (200, &b"\"3\""[..]));
    assert!(told.headers.contains_key("strict-transport-security") && told.headers.contains_key("date"));
    let body: Value = serde_json::from_slice(&told.body).expect("JSON");
    assert_eq!(body["title"], "Trail shirt");
    let json = [("content-type", "application/json"), ("idempotency-key", "k-1")];
    let created = client.ask(request("POST", "/api/v1/products", &json), Some(r#"{"title": "Cap"}"#)).await;
    assert_eq!(created.expect("answered").status, 201);
    let head = client.ask(request("HEAD", PRODUCT, &[]), None).await.expect("answered");
    assert_eq!((head.status, head.body.len()), (200, 0));
    let unasked = client.ask(request("GET", PRODUCT, &[]), Some("x")).await.expect("answered");
    let problem: Value = serde_json::from_slice(&unasked.body).expect("a problem");
    assert_eq!((unasked.status, &problem["code"]), (400, &Value::from("unexpected_body")));
}

#[actix_web::test]
async fn plain_http_is_sent_to_tls_except_health() {
    let papers = Papers::new();
    let tls = Tls { plain: Some(([127, 0, 0, 1], 0).into()), ..papers.config().tls };
    let refused = Config { tls: tls.clone(), ..config() }.check();
    assert!(refused.is_err_and(|error| error.to_string().contains("issuer")), "an issuer without TLS");
    let issuer = "https://shop.example".to_owned();
    let nats = crate::support::nats::Nats::start().await;
    let gateway = gateway::Gateway::bind(Config { tls, issuer, ..config() }, nats.connect()).expect("free ports");
    let plain = gateway.plain_address().expect("a plain door");
    let (_stop, stopped) = tokio::sync::oneshot::channel::<()>();
    actix_web::rt::spawn(gateway.run(async move {
        stopped.await.ok();
    }));
    let answer = crate::support::http::Ask::new(plain, "POST", "/api/v1/products?a=b").json("{}").send().await;
    assert_eq!((answer.status, answer.sure("location")), (308, "https://shop.example/api/v1/products?a=b"));
    assert_eq!(answer.header("strict-transport-security"), None);
    for health in ["/health/live", "/health/ready"] {
        assert_eq!(crate::support::http::Ask::new(plain, "GET", health).send().await.status, 200, "{health}");
    }
}

#[actix_web::test]
async fn a_new_certificate_is_shown_and_open_connections_stay() {
    let papers = Papers::new();
    let shop = shop(papers.config()).await;
    let mut open = papers.connect(shop.address, "http/1.1").await;
    let shown = |stream: &tokio_rustls::client::TlsStream<TcpStream>| {
        stream.get_ref().1.peer_certificates().expect("one").first().expect("one").as_ref().to_vec()
    };
    let before = shown(&open);
    papers.renew();
    let changed = async {
        while shown(&papers.connect(shop.address, "http/1.1").await) == before {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, changed).await.expect("it is shown in time");
    assert!(ask(&mut open, PRODUCT).await.starts_with("HTTP/1.1 200"), "the connection is still good");
}

#[actix_web::test]
async fn who_is_slow_under_tls_is_not_waited_for() {
    let papers = Papers::new();
    let limits = Limits { header_timeout_ms: 300, keep_alive_ms: 300, ..Limits::default() };
    let shop = shop(Config { limits, ..papers.config() }).await;
    // Who says nothing, not even for TLS.
    assert!(Connection::open(shop.address).await.is_closed().await);
    // Who never ends a head.
    let mut stream = papers.connect(shop.address, "http/1.1").await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").await.expect("written");
    let mut rest = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it is ended").ok();
    // Who speaks HTTP/2 and asks nothing more: pings are no requests.
    let stream = papers.connect(shop.address, "h2").await;
    let (mut send, mut connection) = builder().handshake::<_, bytes::Bytes>(stream).await.expect("HTTP/2");
    let mut pings = connection.ping_pong().expect("pings");
    let ended = actix_web::rt::spawn(connection);
    let (answer, _) = send.send_request(request("GET", PRODUCT, &[]), true).expect("sent");
    assert_eq!(answer.await.expect("answered").status(), 200);
    let pinging = async { while pings.ping(h2::Ping::opaque()).await.is_ok() {} };
    timeout(PATIENCE, pinging).await.expect("it is ended although it pings");
    drop(send);
    timeout(PATIENCE, ended).await.expect("it has ended").expect("no panic").ok();
}

#[actix_web::test]
async fn a_head_that_is_too_long_is_refused_over_http2_too() {
    let papers = Papers::new();
    let shop = shop(papers.config()).await;
    let mut client = papers.http2(shop.address, &builder()).await;
    let long = "x".repeat(8_000);
    let headers: Vec<(&str, &str)> = ["a", "b", "c", "d", "e"].map(|name| (name, long.as_str())).to_vec();
    let told = client.ask(request("GET", PRODUCT, &headers), None).await.expect("answered");
    assert_eq!(told.status, 431);
    let target = format!("/{}", "x".repeat(9_000));
    assert_eq!(client.ask(request("GET", &target, &[]), None).await.expect("answered").status, 414);
    let limits = Limits { body_bytes_max: 100, ..Limits::default() };
    let shop = self::shop(Config { limits, ..papers.config() }).await;
    let mut client = papers.http2(shop.address, &builder()).await;
    let json = [("content-type", "application/json")];
    let told = client.ask(request("POST", "/api/v1/products", &json), Some(&long)).await.expect("answered");
    assert_eq!(told.status, 413);
}

#[actix_web::test]
async fn who_takes_everything_back_is_told_to_calm_down() {
    let papers = Papers::new();
    let shop = shop(papers.config()).await;
    let mut client = papers.http2(shop.address, &builder()).await;
    let mut begun = 0;
    let storm = async {
        // 100,000, as in CVE-2023-44487.
        while begun < 100_000 {
            let Ok(ready) = client.send.clone().ready().await else { return };
            client.send = ready;
            let Ok((answer, mut stream)) = client.send.send_request(request("GET", PRODUCT, &[]), true) else { return };
            stream.send_reset(h2::Reason::CANCEL);
            drop((answer, stream));
            begun += 1;
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, storm).await.expect("it is cut short");
    assert!(begun < 100_000, "nobody stopped it");
    drop(client.send);
    let why = timeout(PATIENCE, client.ended).await.expect("it has ended").expect("no panic");
    let why = why.expect_err("not in peace");
    // Who still writes may hear of it from the socket alone, or of the request that came too late.
    assert!(why.is_io() || why.is_go_away(), "{why}");
    assert!(shop.heard().len() < 1_000, "what was taken back is not asked");
    let mut client = papers.http2(shop.address, &builder()).await;
    assert_eq!(client.ask(request("GET", PRODUCT, &[]), None).await.expect("answered").status, 200);
}

/// A frame, written out (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, id: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, id], payload].concat()
}

/// What a client says first: the preface and empty SETTINGS.
fn preface() -> Vec<u8> {
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, &[])].concat()
}

#[actix_web::test]
async fn a_head_that_never_ends_ends_the_connection() {
    let papers = Papers::new();
    let shop = shop(papers.config()).await;
    let mut stream = papers.connect(shop.address, "h2").await;
    // HEADERS without their end; then CONTINUATION for ever (RUSTSEC-2024-0332).
    let begun = [preface(), frame(1, 0, 1, &[0x82, 0x87, 0x84])].concat();
    stream.write_all(&begun).await.expect("written");
    let more = frame(9, 0, 1, &b"\0\x01a\x01b".repeat(2_000));
    let flood = async {
        for _ in 0..100_000 {
            if stream.write_all(&more).await.is_err() {
                return true;
            }
        }
        false
    };
    assert!(timeout(PATIENCE, flood).await.expect("it is cut short"), "a gigabyte of head was taken");
}

#[actix_web::test]
async fn one_connection_has_so_many_requests_under_way_and_no_more() {
    let papers = Papers::new();
    let config = papers.config();
    let tls = Tls { streams_max: 3, ..config.tls.clone() };
    // Nobody answers, so all stay under way.
    let shop = Shop::with(Config { tls, ..config }, |_| None).await;
    let mut stream = papers.connect(shop.address, "h2").await;
    let path =
        [&[0x82, 0x87, 0x01, 1, b'a', 0x04, u8::try_from(PRODUCT.len()).expect("short")], PRODUCT.as_bytes()].concat();
    let heads = [1, 3, 5, 7].map(|id| frame(1, 5, id, &path)).concat();
    stream.write_all(&[preface(), heads].concat()).await.expect("written");
    let mut told = Vec::new();
    let refused = async {
        loop {
            let mut head = [0; 9];
            stream.read_exact(&mut head).await.expect("a frame");
            let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
            stream.read_exact(&mut payload).await.expect("a payload");
            told.push((head[3], head[8], payload.clone()));
            if head[3] == 3 {
                return (head[8], payload);
            }
        }
    };
    // RST_STREAM of the fourth, with REFUSED_STREAM: nothing was done.
    assert_eq!(timeout(PATIENCE, refused).await.expect("in time"), (7, vec![0, 0, 0, 7]));
    let (_, _, settings) = told.iter().find(|(kind, ..)| *kind == 4).expect("SETTINGS");
    assert!(settings.chunks(6).any(|setting| setting == [0, 3, 0, 0, 0, 3]), "it says how many: {settings:?}");
}

#[actix_web::test]
async fn who_does_not_read_an_answer_over_http2_does_not_get_it() {
    let papers = Papers::new();
    let limits = Limits { write_timeout_ms: 300, ..Limits::default() };
    let long = "x".repeat(100_000);
    let product = Product { product_id: ID.to_owned(), description: long, ..Product::default() };
    let says = Says::yes(&GetProductResponse { product: Some(product) }).with(headers::VERSION, 1);
    let shop = Shop::with(Config { limits, ..papers.config() }, move |_| Some(says.clone())).await;
    let mut small = builder();
    small.initial_window_size(100);
    let mut client = papers.http2(shop.address, &small).await;
    let (answer, _) = client.send.send_request(request("GET", PRODUCT, &[]), true).expect("sent");
    let mut body = answer.await.expect("a head").into_body();
    let ended = async {
        loop {
            match body.data().await {
                // Read, but not said to be read.
                Some(Ok(_)) => {}
                Some(Err(why)) => return why,
                None => panic!("it was sent"),
            }
        }
    };
    let why = timeout(PATIENCE, ended).await.expect("it is given up");
    assert_eq!(why.reason(), Some(h2::Reason::CANCEL), "{why}");
}

#[actix_web::test]
async fn a_stream_of_events_goes_over_http2_too() {
    let papers = Papers::new();
    let shop = shop(papers.config()).await;
    let mut client = papers.http2(shop.address, &builder()).await;
    let (answer, _) =
        client.send.send_request(request("GET", PRODUCT, &[("accept", "text/event-stream")]), true).expect("sent");
    let mut body = answer.await.expect("a head").into_body();
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains("Trail shirt") {
        read.extend_from_slice(&body.data().await.expect("it goes on").expect("readable"));
    }
}

//! What an attacker sends, and what the door says to it: an exact refusal, and nothing passed on.
//!
//! Numbers are those of the project's list of attacks.

use crate::support::group::Says;
use crate::support::http::{Answer, Connection};
use crate::support::products::{self, PRODUCT};
use crate::support::{ADMIN, Shop, config};
use gateway::config::{Config, Limits};
use messages::product::v1::ListProductsResponse;

/// A shop in which nothing may be heard: a group that hears an attack answers nothing, and the test fails.
pub(crate) async fn closed() -> Shop {
    Shop::open(|_| None).await
}

/// Sends raw bytes on a connection of their own, and reads one answer.
pub(crate) async fn raw(shop: &Shop, bytes: &[u8]) -> (Option<Answer>, Connection) {
    let mut connection = Connection::open(shop.address).await;
    connection.write(bytes).await;
    (connection.answer(false).await, connection)
}

#[actix_web::test]
async fn a_malformed_head_is_refused_and_the_connection_closed() {
    let shop = closed().await;
    let attacks: [&[u8]; 9] = [
        b"GET\r\n\r\n",
        b"GARBAGE \x01\x02\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: no host\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ];
    for attack in attacks {
        let (answer, mut connection) = raw(&shop, attack).await;
        let shown = String::from_utf8_lossy(attack);
        assert_eq!(answer.map(|answer| answer.status), Some(400), "1: {shown}");
        assert!(connection.is_closed().await, "1: {shown}");
    }
}

#[actix_web::test]
async fn a_smuggled_request_is_never_served() {
    let shop = closed().await;
    let smuggled = "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n";
    let frames = [
        format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}", smuggled.len() + 5),
        format!("Content-Length: 2\r\nContent-Length: {}\r\n\r\n{{}}{smuggled}", smuggled.len() + 2),
        format!("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Content-Length: +2\r\n\r\n{{}}{smuggled}"),
        format!("Content-Length: 0x2\r\n\r\n{{}}{smuggled}"),
    ];
    for frame in frames {
        let head = format!("POST /api/v1/products HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {ADMIN}\r\n");
        let (answer, mut connection) = raw(&shop, format!("{head}{frame}").as_bytes()).await;
        assert_eq!(answer.map(|answer| answer.status), Some(400), "2: {frame}");
        assert!(connection.is_closed().await, "2: {frame}");
    }
    assert!(shop.heard().is_empty());
}

#[actix_web::test]
async fn a_head_beyond_the_limits_is_refused() {
    let shop = closed().await;
    let long = "x".repeat(65 * 1024);
    let answer = shop.ask("GET", PRODUCT).header("X-Long", long).send().await;
    assert_eq!(answer.problem(), (431, "headers_too_large".to_owned()), "4: a header of 65 KiB");

    let answer = shop.ask("GET", format!("{PRODUCT}?q={}", "x".repeat(20 * 1024))).send().await;
    assert_eq!(answer.problem(), (414, "url_too_long".to_owned()), "4: a URL of 20 KiB");

    let many: String = (0..5000).map(|n| format!("X-{n}: 1\r\n")).collect();
    let (answer, mut connection) = raw(&shop, format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n").as_bytes()).await;
    assert_eq!(answer.map(|answer| answer.status), Some(431), "4: 5,000 headers");
    assert!(connection.is_closed().await, "4");

    let endless = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(200 * 1024));
    let (answer, _) = raw(&shop, endless.as_bytes()).await;
    assert_eq!(answer.map(|answer| answer.status), Some(431), "4: a header that never ends");
}

#[actix_web::test]
async fn a_body_beyond_the_limit_is_refused_without_being_read() {
    // What is left of the body is thrown away for as long as a head may take.
    let limits = Limits { header_timeout_ms: 1_000, ..Limits::default() };
    let shop = Shop::with(Config { limits, ..config() }, |_| None).await;
    let head = format!(
        "POST /api/v1/products HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {ADMIN}\r\nContent-Type: application/json\r\n"
    );
    // Nothing of the body is ever sent.
    let (answer, _) = raw(&shop, format!("{head}Content-Length: 1048577\r\n\r\n").as_bytes()).await;
    assert_eq!(answer.expect("an answer").problem(), (413, "body_too_large".to_owned()), "5: announced");

    let mut connection = Connection::open(shop.address).await;
    connection.write(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).await;
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..17 {
        connection.write(chunk.as_bytes()).await;
    }
    // The client has not ended its body, and yet there is an answer and an end.
    let answer = connection.answer(false).await.expect("an answer");
    assert_eq!(answer.problem(), (413, "body_too_large".to_owned()), "5: chunked");
    assert!(connection.is_closed().await, "5: chunked");

    // Who is refused before its body is wanted need not be waited for either.
    let (answer, mut connection) =
        raw(&shop, b"POST /api/v1/products HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nx").await;
    assert_eq!(answer.expect("an answer").problem().0, 401, "5: refused");
    assert!(connection.is_closed().await, "5: refused");
    assert!(shop.heard().is_empty());
}

#[actix_web::test]
async fn json_that_two_readers_could_read_differently_is_refused() {
    let shop = closed().await;
    let deep = format!(r#"{{"title": {}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for body in [
        deep.as_str(),
        r#"{"title": "a", "title": "b"}"#,
        r#"{"title": 1e400}"#,
        r#"{"title": "\ud800"}"#,
        r#"{"title": NaN}"#,
        r#"{"title": "a"} {"title": "b"}"#,
        r#"{"title": "a",}"#,
        "{\"title\": \"a\u{1}\"}",
        r#"["title"]"#,
        "null",
        "{",
        "\u{feff}{}",
    ] {
        let answer = shop.post("/api/v1/products", body).await;
        let (status, _) = answer.problem();
        assert_eq!(status, 400, "7: {}", &body[..body.len().min(60)]);
    }
    let invalid_utf8 = shop.ask("POST", "/api/v1/products").bearer(ADMIN).json(b"{\"title\": \"\xff\"}").send().await;
    assert_eq!(invalid_utf8.problem().0, 400, "7");
    assert!(shop.heard().is_empty());
}

#[actix_web::test]
async fn a_slow_client_is_not_waited_for() {
    // The library's clock ticks every half second, so less than one would time out at once.
    let limits = Limits { header_timeout_ms: 1_000, body_timeout_ms: 200, keep_alive_ms: 1_500, ..Limits::default() };
    let shop = Shop::with(Config { limits, ..config() }, |_| None).await;
    let head = format!(
        "POST /api/v1/products HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {ADMIN}\r\n\
         Content-Type: application/json\r\n"
    );

    let (answer, mut connection) = raw(&shop, b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow").await;
    assert_eq!(answer.map(|answer| answer.status), Some(408), "9: a first head that does not end");
    assert!(connection.is_closed().await, "9: a first head that does not end");

    let (answer, mut connection) = raw(&shop, b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nX-Slow").await;
    assert_eq!(answer.map(|answer| answer.status), Some(404), "9: a second head that does not end");
    assert!(connection.is_closed().await, "9: a second head that does not end");

    // Here an idle connection is kept for long, so it is the head that takes too long.
    let patient = Limits { header_timeout_ms: 1_000, ..Limits::default() };
    let patient = Shop::with(Config { limits: patient, ..config() }, |_| None).await;
    let (answer, mut connection) = raw(&patient, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(answer.map(|answer| answer.status), Some(404), "9: a second head that comes in drops");
    let mut drops = 0;
    while connection.write(b"X").await && drops < 1_000 {
        drops += 1;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!((10..200).contains(&drops), "9: {drops} drops of a second head were taken");

    let (answer, mut connection) = raw(&shop, format!("{head}Content-Length: 100\r\n\r\n{{").as_bytes()).await;
    assert_eq!(answer.expect("an answer").problem(), (408, "body_timeout".to_owned()), "9: a body that does not end");
    assert!(connection.is_closed().await, "9: a body that does not end");

    let (answer, mut connection) =
        raw(&shop, format!("{head}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n").as_bytes()).await;
    assert_eq!(answer.expect("an answer").problem(), (408, "body_timeout".to_owned()), "9: chunks that do not end");
    assert!(connection.is_closed().await, "9: chunks that do not end");
    assert!(shop.heard().is_empty());
}

#[actix_web::test]
async fn a_client_that_does_not_read_is_not_waited_for() {
    let limits = Limits { write_timeout_ms: 300, ..Limits::default() };
    let shop = Shop::with(Config { limits, ..config() }, |_| None).await;
    let mut connection = Connection::open(shop.address).await;
    // The explorer's script is the largest answer there is; more of them than the sockets' buffers hold.
    let asked = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: a\r\n\r\n".repeat(40);
    assert!(connection.write(asked.as_bytes()).await);
    let closed = connection.closes_unread().await;
    assert!(closed, "9: a client that does not read");
}

#[actix_web::test]
async fn a_path_has_one_form() {
    let shop = closed().await;
    for path in [
        "//api/v1/products",
        "/api//v1/products",
        "/api/v1/products/",
        "/api/v1/./products",
        "/api/v1/x/../products",
        "/api/v1/%2e%2e/v1/products",
        "/api/v1/products%2f",
        "/%61pi/v1/products",
        "/API/v1/products",
        "/api/v1/products;x",
        "/api/v1/products/..%2fproducts",
        "/api/v1/products/a%2fb",
        "/api/v1/products/a;b",
        "/api/v1/products/%c0%ae%c0%ae",
        "/api/v1/products/%00",
        "/health/../api/v1/products",
        "/docs/../openapi.json",
        "/docs/%2e%2e/openapi.json",
        "/metrics",
    ] {
        for token in [None, Some(ADMIN)] {
            let ask = shop.ask("GET", path);
            let answer = if let Some(token) = token { ask.bearer(token) } else { ask }.send().await;
            assert_eq!(answer.problem(), (404, "no_such_path".to_owned()), "12: {path}");
        }
    }
    assert!(shop.heard().is_empty());
}

#[actix_web::test]
async fn an_origin_that_is_not_listed_gets_nothing() {
    let cors = gateway::config::Cors { origins: vec!["https://shop.example".to_owned()], credentials: true };
    let shop = Shop::with(Config { cors, ..config() }, |_| Some(Says::yes(&ListProductsResponse::default()))).await;
    for origin in ["https://evil.example", "null", "https://shop.example.evil", "http://shop.example", "*"] {
        for method in ["GET", "OPTIONS"] {
            let answer = shop
                .ask(method, "/api/v1/products")
                .header("Origin", origin)
                .header("Access-Control-Request-Method", "POST")
                .send()
                .await;
            assert_eq!(answer.header("access-control-allow-origin"), None, "14: {origin}");
            assert_eq!(answer.header("access-control-allow-credentials"), None, "14: {origin}");
            assert_eq!(answer.header("access-control-allow-methods"), None, "14: {origin}");
            assert!(answer.all("vary").contains(&"origin"), "14: {origin}");
        }
    }
    let preflight = shop
        .ask("OPTIONS", "/api/v1/products")
        .header("Origin", "https://shop.example")
        .header("Access-Control-Request-Method", "POST")
        .send()
        .await;
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.sure("access-control-allow-origin"), "https://shop.example");
    assert_eq!(preflight.sure("access-control-allow-credentials"), "true");
    assert_eq!(preflight.sure("access-control-allow-methods"), "GET, HEAD, OPTIONS, POST");
    assert!(preflight.sure("access-control-allow-headers").contains("idempotency-key"));
}

#[actix_web::test]
async fn a_client_cannot_say_who_it_is() {
    let shop = products::shop().await;
    shop.ask("GET", PRODUCT)
        .header("Shop-Caller", "admin usr_1 *")
        .header("X-User-Id", "usr_1")
        .header("Shop-Strong", "1")
        .header("Shop-Command", "00")
        .send()
        .await;
    let heard = shop.heard();
    assert!(!heard.is_empty());
    for request in heard {
        assert_eq!(request.header(runtime::headers::CALLER), Some("anonymous - -"));
        assert_eq!(request.header(runtime::headers::STRONG), None);
        assert_eq!(request.header(runtime::headers::COMMAND), None);
    }
}

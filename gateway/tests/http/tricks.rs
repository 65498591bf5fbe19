//! Tricks: what HTTP allows and an attacker uses. Whatever two readers could understand differently is refused, and what
//! other servers obey is not even heard here.

use crate::attacks::{closed, raw};
use crate::support::http::Connection;
use crate::support::products::{PRODUCT, shop};
use crate::support::{ADMIN, GUEST};

const CAP: &str = r#"{"title": "Cap"}"#;

#[actix_web::test]
async fn a_request_that_two_servers_would_frame_differently_is_never_served() {
    let shop = closed().await;
    let smuggled = "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n";
    for frame in [
        format!("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n1\r\nZ\r\nQ\r\n\r\n{smuggled}"),
        format!("X: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("Content-Length: 2, 2\r\n\r\n{{}}{smuggled}"),
        format!("Content-Length: -1\r\n\r\n{smuggled}"),
        format!("Content-Length: 99999999999999999999\r\n\r\n{smuggled}"),
        format!("Content-Length: 2\r\nContent-Length: 2\r\n\r\n{{}}{smuggled}"),
    ] {
        let head = format!(
            "POST /api/v1/products HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {ADMIN}\r\nContent-Type: application/json\r\n"
        );
        let (answer, mut connection) = raw(&shop, format!("{head}{frame}").as_bytes()).await;
        let status = answer.map(|answer| answer.status);
        assert!(matches!(status, Some(400 | 413 | 501)), "2: {frame:?}: {status:?}");
        assert!(connection.is_closed().await, "2: {frame:?}");
    }
    // Chunks that are none.
    for chunks in [
        "g\r\nx\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nx",
        "1\nx\n0\n\n",
        "-1\r\nx\r\n0\r\n\r\n",
        "1\r\nxy\r\n0\r\n\r\n",
    ] {
        let head = format!(
            "POST /api/v1/products HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {ADMIN}\r\nContent-Type: application/json\r\n\
             Transfer-Encoding: chunked\r\n\r\n"
        );
        let (answer, mut connection) = raw(&shop, format!("{head}{chunks}{smuggled}").as_bytes()).await;
        assert!(answer.is_none_or(|answer| (400..500).contains(&answer.status)), "2: {chunks:?}");
        assert!(connection.is_closed().await, "2: {chunks:?}");
    }
    assert!(shop.heard().is_empty());
}

#[actix_web::test]
async fn requests_in_a_row_are_answered_in_a_row_and_each_for_itself() {
    let shop = shop().await;
    let mut connection = Connection::open(shop.address).await;
    let get =
        |token: &str| format!("GET /api/v1/warehouses HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
    let product = format!("GET {PRODUCT} HTTP/1.1\r\nHost: a\r\n\r\n");
    let row = [get(GUEST), product.clone(), get("nobody-holds-this-token"), product];
    assert!(connection.write(row.concat().as_bytes()).await);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(connection.answer(false).await.expect("an answer").status);
    }
    assert_eq!(statuses, [403, 200, 401, 200], "what one shows is not the next one's");
}

#[actix_web::test]
async fn what_is_said_twice_is_refused_where_it_decides() {
    let shop = shop().await;
    let post = || shop.ask("POST", "/api/v1/products").json(CAP);
    let two_tokens = post().bearer(GUEST).bearer(ADMIN).send().await;
    assert_eq!(two_tokens.problem().0, 401, "two bearers");
    let two_keys = post().bearer(ADMIN).header("Idempotency-Key", "one").header("Idempotency-Key", "two").send().await;
    assert_eq!(two_keys.problem().0, 400, "two names of a command");
    let put = || shop.ask("PUT", PRODUCT).bearer(ADMIN).json(r#"{"title": "Cap", "status": "active"}"#);
    let two_versions = put().header("If-Match", "\"3\"").header("If-Match", "\"4\"").send().await;
    assert!(matches!(two_versions.problem().0, 400 | 412), "two versions");
    let two_types = post().bearer(ADMIN).header("Content-Type", "text/plain").send().await;
    assert!(matches!(two_types.problem().0, 400 | 415), "two types");
    let secret = "abcdefghijklmnopqrstuvwxyz";
    let two_guests = shop.ask("GET", "/api/v1/carts").header("Guest-Token", secret).header("Guest-Token", &secret[1..]);
    assert_eq!(two_guests.send().await.problem().0, 400, "two guests");
    let session = "ses_01h455vb4pex5vsknk084sn02q";
    // A neighbour's host can set a cookie of the same name: then neither counts.
    let tossed = shop
        .ask("GET", "/api/v1/warehouses")
        .header("Cookie", format!("mercat_session={session}.a; mercat_session={session}.b"));
    assert_eq!(tossed.send().await.problem().0, 401, "two sessions");
    assert!(shop.heard().iter().all(|heard| heard.verb() != "create" && heard.verb() != "update"));
}

#[actix_web::test]
async fn no_header_changes_the_method_the_path_or_the_host() {
    let shop = shop().await;
    for (name, value) in [
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-HTTP-Method", "PUT"),
        ("X-Method-Override", "POST"),
        ("X-Original-URL", "/api/v1/warehouses"),
        ("X-Rewrite-URL", "/api/v1/warehouses"),
        ("X-Forwarded-Prefix", "/admin"),
        ("X-Forwarded-Host", "evil.example"),
        ("Forwarded", "for=127.0.0.1;host=evil.example"),
    ] {
        let answer = shop.ask("GET", PRODUCT).header(name, value).send().await;
        assert_eq!((answer.status, answer.json()["title"].as_str()), (200, Some("Trail shirt")), "{name}");
        assert!(!answer.text().contains("evil") && answer.header("location").is_none(), "{name}");
    }
    let overridden = shop.ask("POST", "/api/v1/products?_method=DELETE").bearer(ADMIN).json(CAP).send().await;
    assert_eq!(overridden.problem().0, 400, "a command takes nothing from the query");
    for method in ["TRACE", "TRACK", "PROPFIND", "DEBUG", "get"] {
        let answer = shop.ask(method, PRODUCT).bearer(ADMIN).send().await;
        assert!(matches!(answer.status, 400 | 405), "{method}: {}", answer.status);
        assert!(!answer.text().contains(ADMIN), "{method} shows what was sent");
    }
    let (tunnel, _) = raw(&shop, b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n").await;
    assert!(tunnel.is_none_or(|answer| (400..500).contains(&answer.status)), "a tunnel");
    let whole = format!("GET http://evil.example{PRODUCT} HTTP/1.1\r\nHost: a\r\n\r\n");
    let (absolute, _) = raw(&shop, whole.as_bytes()).await;
    let absolute = absolute.expect("an answer");
    assert!(!absolute.text().contains("evil.example"), "{}", absolute.text());
}

#[actix_web::test]
async fn what_is_expected_or_upgraded_to_is_http_1_1() {
    let shop = shop().await;
    let head = format!(
        "POST /api/v1/products HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {ADMIN}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n",
        CAP.len()
    );
    // Who waits to be asked for the body is asked, or answered at once.
    let mut connection = Connection::open(shop.address).await;
    connection.write(format!("{head}Expect: 100-continue\r\n\r\n").as_bytes()).await;
    let first = connection.answer(true).await.expect("an answer");
    assert_eq!(first.status, 100);
    connection.write(CAP.as_bytes()).await;
    assert_eq!(connection.answer(false).await.expect("an answer").status, 201);
    for more in [
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n",
        "Upgrade: websocket\r\nConnection: Upgrade\r\n",
    ] {
        let (answer, _) = raw(&shop, format!("GET {PRODUCT} HTTP/1.1\r\nHost: a\r\n{more}\r\n").as_bytes()).await;
        assert_ne!(answer.map(|answer| answer.status), Some(101), "{more}");
    }
}

#[actix_web::test]
async fn a_part_of_an_answer_is_the_whole_and_a_condition_is_held() {
    let shop = shop().await;
    let whole = shop.ask("GET", PRODUCT).send().await;
    for range in ["bytes=0-0", "bytes=0-,0-,0-,0-,0-,0-,0-,0-", "bytes=-1", "bytes=9999999999-", "lines=1-2"] {
        let answer = shop.ask("GET", PRODUCT).header("Range", range).send().await;
        assert_eq!((answer.status, &answer.body), (200, &whole.body), "{range}");
    }
    let tag = whole.sure("etag").to_owned();
    for (condition, status) in
        [(tag.clone(), 304), (format!("W/{tag}"), 304), ("\"other\"".to_owned(), 200), ("*".to_owned(), 304)]
    {
        let answer = shop.ask("GET", PRODUCT).header("If-None-Match", &condition).send().await;
        assert_eq!(answer.status, status, "If-None-Match: {condition}");
    }
    let put = |version: &str| {
        shop.ask("PUT", PRODUCT)
            .bearer(ADMIN)
            .header("If-Match", version)
            .json(r#"{"title": "Cap", "status": "active"}"#)
    };
    for (version, statuses) in [
        ("\"2\"", [412, 412]),
        ("W/\"3\"", [400, 412]),
        ("3x", [400, 412]),
        ("\"99999999999999999999999\"", [400, 412]),
    ] {
        let answer = put(version).send().await;
        assert!(statuses.contains(&answer.status), "If-Match: {version}: {}", answer.status);
    }
}

#[actix_web::test]
async fn numbers_are_what_they_say_or_refused() {
    let shop = closed().await;
    for limit in ["1e3", "0x10", "-1", "99999999999999999999", "1.0", "NaN", "%31%30%00", "1%2C2"] {
        let answer = shop.get(format!("/api/v1/products?limit={limit}")).await;
        assert_eq!(answer.problem().0, 400, "limit={limit}");
    }
    for limit in ["limit=1&limit=2", "limit=1&Limit=2", "limit[]=1", "limit[x]=1"] {
        assert_eq!(shop.get(format!("/api/v1/products?{limit}")).await.problem().0, 400, "{limit}");
    }
    for delta in ["1e400", "9223372036854775808", "-9223372036854775809", "1.5", "1e0", "\"1\"", "true", "[1]"] {
        let body = format!(
            r#"{{"warehouse_id": "wh_01h455vb4pex5vsknk084sn02q", "sku": "A", "delta": {delta}, "reason": "received"}}"#
        );
        let ask = shop.ask("POST", "/api/v1/inventory/adjust").bearer(ADMIN).header("Idempotency-Key", "k").json(&body);
        assert_eq!(ask.send().await.problem().0, 400, "66: delta {delta}");
    }
    assert!(shop.heard().is_empty());
}

//! The strangler fig: a legacy shop is taken over prefix by prefix, client by client, and compared on the way.

use gateway::config::{Config, Tier, Token, Upstream};
use serde_json::Value;

use crate::support::http::{Answer, Ask};
use crate::support::legacy::Legacy;
use crate::support::products::{PRODUCT, Products, shirt};
use crate::support::{ADMIN, GUEST, Shop, config};

/// An upstream in the legacy shop.
fn upstream(legacy: &Legacy, prefix: &str, percent: u64) -> Upstream {
    Upstream { prefix: prefix.to_owned(), url: legacy.url(), percent, ..Upstream::default() }
}

async fn shop(upstreams: Vec<Upstream>) -> Shop {
    let mut products = Products::with(shirt());
    Shop::with(Config { upstreams, tokens: tokens(), ..config() }, move |heard| products.answer(heard)).await
}

/// A hundred customers beside the usual two.
fn tokens() -> Vec<Token> {
    let customer = |number: usize| Token {
        token: customer(number),
        role: "customer".to_owned(),
        subject: Some(format!("usr_{number}")),
        scopes: vec!["product:read".to_owned()],
        tier: Tier::Unlimited,
    };
    (0..100).map(customer).chain(config().tokens).collect()
}

fn customer(number: usize) -> String {
    format!("token-of-customer-{number}")
}

fn is_legacy(answer: &Answer) -> bool {
    answer.json()["title"] == "Trail shirt (old)"
}

/// Which of a hundred customers the legacy shop serves.
async fn served(shop: &Shop) -> Vec<bool> {
    let mut served = Vec::new();
    for number in 0..100 {
        let answer = shop.ask("GET", PRODUCT).bearer(&customer(number)).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        served.push(is_legacy(&answer));
    }
    served
}

/// The report of an upstream, once it has compared so many pairs.
async fn report(shop: &Shop, prefix: &str, compared: u64) -> Value {
    loop {
        let list = shop.get("/api/v1/gateway/strangler").await.json();
        let rows = list["data"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["prefix"] == prefix).expect("a row").clone();
        let count = |outcome: &str| row["compared"][outcome].as_u64().expect("a number");
        if ["same", "different", "failed"].into_iter().map(count).sum::<u64>() >= compared {
            return row;
        }
        tokio::task::yield_now().await;
    }
}

#[actix_web::test]
async fn a_legacy_shop_is_taken_over_in_four_phases() {
    let legacy = Legacy::open();
    let everything = || Upstream { unknown: true, ..upstream(&legacy, "/api/v1", 100) };

    // Phase 1: the monolith serves all, behind the gateway.
    let shop = self::shop(vec![everything()]).await;
    assert!(is_legacy(&shop.get(PRODUCT).await));
    assert_eq!(shop.get("/api/v1/vouchers").await.json()["vouchers"][0], "SPRING");
    assert!(shop.heard().is_empty());

    // Phase 2: of one capability 30 % of the clients are served by the shop; reads are compared.
    let products = Upstream { shadow_percent: 100, ..upstream(&legacy, "/api/v1/products", 70) };
    let shop = self::shop(vec![everything(), products.clone()]).await;
    let second = served(&shop).await;
    let moved = second.iter().filter(|is_legacy| !**is_legacy).count();
    assert!((18..=42).contains(&moved), "{moved} of 100 moved; 30 were meant, with a deviation of 4.6");
    assert_eq!(served(&shop).await, second, "a client stays where it is");
    let told = report(&shop, "/api/v1/products", 200).await;
    assert_eq!(
        told["served"]["shop"].as_u64().zip(told["served"]["upstream"].as_u64()),
        Some((2 * moved as u64, 200 - 2 * moved as u64))
    );
    assert_eq!((&told["compared"]["different"], &told["compared"]["failed"]), (&Value::from(200), &Value::from(0)));
    let places: Vec<&str> =
        told["places"].as_array().expect("places").iter().filter_map(|at| at["place"].as_str()).collect();
    assert!(places.contains(&"/title differs") && places.contains(&"/shelf is missing in the shop"), "{places:?}");
    assert_eq!(told["recent"].as_array().map(Vec::len), Some(50));
    assert!(!told.to_string().contains("Trail shirt"), "what answers say is not kept");

    // Phase 3: 30 % are left to the monolith; whoever was moved stays.
    let shop = self::shop(vec![everything(), Upstream { percent: 30, ..products.clone() }]).await;
    let third = served(&shop).await;
    let left = third.iter().filter(|is_legacy| **is_legacy).count();
    assert!((18..=42).contains(&left), "{left} of 100 are left");
    assert!(second.iter().zip(&third).all(|(before, after)| *before || !*after), "nobody goes back");

    // Phase 4: the monolith is gone.
    legacy.close().await;
    let shop = self::shop(Vec::new()).await;
    assert!(served(&shop).await.iter().all(|is_legacy| !is_legacy));
    assert_eq!(shop.get("/api/v1/vouchers").await.problem(), (404, "no_such_path".to_owned()));
}

#[actix_web::test]
async fn what_is_not_compared_is_the_same() {
    let legacy = Legacy::open();
    let ignore = ["title", "shelf", "description", "status", "version", "created_at", "updated_at"].map(str::to_owned);
    let mut ignore = ignore.to_vec();
    let all =
        |ignore: Vec<String>| Upstream { shadow_percent: 100, ignore, ..upstream(&legacy, "/api/v1/products", 100) };
    let shop = self::shop(vec![all(ignore.clone())]).await;
    shop.get(PRODUCT).await;
    let told = report(&shop, "/api/v1/products", 1).await;
    // Whatever else the shop says and the old one does not.
    for row in told["places"].as_array().expect("places") {
        let place = row["place"].as_str().expect("a place").trim_end_matches(" is missing upstream");
        ignore.push(place.trim_start_matches('/').to_owned());
    }
    let shop = self::shop(vec![all(ignore)]).await;
    shop.get(PRODUCT).await;
    let told = report(&shop, "/api/v1/products", 1).await;
    assert_eq!(told["compared"]["same"], 1, "{told}");
}

#[actix_web::test]
async fn the_upstream_hears_who_it_is_from_the_gateway_alone() {
    let legacy = Legacy::open();
    let shop = self::shop(vec![upstream(&legacy, "/api/v1", 100)]).await;
    let answer = shop
        .ask("POST", "/api/v1/products")
        .bearer(ADMIN)
        .header("X-Mercat-Subject", "usr_somebody_else")
        .header("X-Forwarded-For", "203.0.113.7")
        .header("Cookie", "a=b")
        .header("Connection", "close, X-Hop")
        .header("X-Hop", "1")
        .header("Idempotency-Key", "k-1")
        .json(r#"{"title": "Cap"}"#)
        .send()
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!((answer.sure("location"), answer.header("set-cookie")), ("/api/v1/products/old-1", None));
    assert_ne!(answer.header("server"), Some("shop/0.9"));
    assert_eq!(answer.sure("x-content-type-options"), "nosniff");
    let [asked] = legacy.asked().try_into().expect("one request");
    assert_eq!(
        (asked.method.as_str(), asked.target.as_str(), asked.body.as_str()),
        ("POST", "/api/v1/products", r#"{"title": "Cap"}"#)
    );
    let said = |name: &str| asked.header(name);
    assert_eq!(
        (said("x-mercat-subject"), said("x-mercat-role"), said("x-mercat-scopes")),
        (Some("usr_admin"), Some("admin"), Some("*"))
    );
    assert_eq!((said("x-forwarded-for"), said("x-forwarded-proto")), (Some("127.0.0.1"), Some("http")));
    assert_eq!((said("idempotency-key"), said("x-request-id")), (Some("k-1"), answer.header("x-request-id")));
    for gone in ["authorization", "cookie", "x-hop", "transfer-encoding"] {
        assert_eq!(said(gone), None, "{gone}");
    }
    // The door is still the door: what the contract asks of a client it asks here too.
    assert_eq!(shop.ask("POST", "/api/v1/products").bearer(GUEST).json("{}").send().await.problem().0, 403);
    assert_eq!(shop.ask("GET", PRODUCT).bearer("nobody-s-token-at-all").send().await.problem().0, 401);
    assert!(legacy.asked().is_empty());
}

#[actix_web::test]
async fn an_upstream_that_does_not_answer_is_told_as_that() {
    let legacy = Legacy::open();
    let quick =
        Upstream { unknown: true, timeout_ms: 300, answer_bytes_max: 5_000, ..upstream(&legacy, "/api/v1", 100) };
    let shop = self::shop(vec![quick]).await;
    assert_eq!(shop.get("/api/v1/slow").await.problem(), (504, "timeout".to_owned()));
    assert_eq!(shop.post("/api/v1/slow", "{}").await.problem(), (504, "outcome_unknown".to_owned()));
    assert_eq!(shop.get("/api/v1/large").await.problem(), (502, "upstream_too_large".to_owned()));
    for path in ["/api/v1/a//b", "/api/v1/../health/live", "/api/v1/%2e%2e/admin", "/api/v1/a%2fb"] {
        assert_eq!(shop.get(path).await.status, 404, "{path}");
    }
    assert!(legacy.asked().iter().all(|asked| ["/api/v1/slow", "/api/v1/large"].contains(&asked.target.as_str())));

    legacy.close().await;
    // A connection that was open may be answered to its end.
    while shop.get(PRODUCT).await.status == 200 {
        actix_web::rt::task::yield_now().await;
    }
    // Until somebody notices that it is gone, and then without asking.
    let mut codes = Vec::new();
    for _ in 0..8 {
        let answer = shop.get(PRODUCT).await;
        assert_eq!(answer.problem(), (503, "upstream_unavailable".to_owned()));
        assert!(answer.header("retry-after").is_some());
        codes.push(answer.json()["detail"].as_str().expect("a detail").contains("left alone"));
    }
    assert_eq!((codes[0], codes[7]), (false, true), "the breaker opens");
    assert_eq!(shop.get("/health/ready").await.status, 200, "the shop is well");
    let told = report(&shop, "/api/v1", 0).await;
    assert!(told["served"]["refused"].as_u64().is_some_and(|refused| refused >= 8), "{told}");
}

#[actix_web::test]
async fn who_is_not_staff_does_not_read_the_report() {
    let legacy = Legacy::open();
    let shop = self::shop(vec![Upstream { unknown: true, ..upstream(&legacy, "/api/v1", 100) }]).await;
    let ask = |token: &str| Ask::new(shop.address, "GET", "/api/v1/gateway/strangler").bearer(token).send();
    assert_eq!(ask(GUEST).await.problem(), (403, "forbidden".to_owned()));
    assert_eq!(ask(ADMIN).await.status, 200);
    assert!(legacy.asked().is_empty(), "what is the gateway's own is not passed on");
}

#[actix_web::test]
async fn an_upstream_that_cannot_be_meant_is_refused_at_start() {
    let at = |prefix: &str| Upstream {
        prefix: prefix.to_owned(),
        url: "http://legacy:9000".to_owned(),
        ..Upstream::default()
    };
    let (first, good) = (at("/api/v1/first"), at("/api/v1/second"));
    for (bad, told) in [
        (Upstream { prefix: "/health".to_owned(), ..good.clone() }, "/health"),
        (Upstream { prefix: "/api/v1/../x".to_owned(), ..good.clone() }, "/api/v1/../x"),
        (Upstream { url: "legacy:9000".to_owned(), ..good.clone() }, "legacy:9000"),
        (Upstream { url: "http://user@legacy".to_owned(), ..good.clone() }, "user@legacy"),
        (Upstream { percent: 101, ..good.clone() }, "at most 100"),
        (Upstream { timeout_ms: 0, ..good.clone() }, "at least 1"),
        (Upstream { ignore: vec!["a//b".to_owned()], ..good.clone() }, "a//b"),
        (first.clone(), "twice"),
    ] {
        let connect: gateway::Connect = std::sync::Arc::new(|| unreachable!("it does not start"));
        let config = Config { upstreams: vec![first.clone(), bad], ..config() };
        let error = gateway::Gateway::bind(config, connect).err().expect("refused");
        let error = std::error::Error::source(&error).map_or(error.to_string(), ToString::to_string);
        assert!(error.contains(told) && error.contains("upstreams[1]"), "{error}");
    }
}

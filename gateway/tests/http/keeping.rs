//! Keeping: which answers are shown again, to whom, and what ends that.

use std::time::Duration;

use futures::future::join_all;
use messages::product::v1::ProductStatus;
use runtime::bus::Headers;
use runtime::headers;
use runtime::log::SharedLog;
use runtime::turn::{COMMITS, EVENTS};

use crate::support::group::Says;
use crate::support::http::Answer;
use crate::support::products::{ID, PRODUCT, Products, shirt, shop};
use crate::support::{ADMIN, GUEST, Shop};

/// A shop with a log of products, whose answers are kept.
async fn keeping() -> (Shop, SharedLog) {
    let shop = shop().await;
    let log = shop.nats.log("product").await;
    until_kept(&shop).await;
    (shop, log)
}

/// Reads until the answer is one that was kept: from then on the log is followed.
async fn until_kept(shop: &Shop) -> Answer {
    until(async || Some(shop.ask("GET", PRODUCT).send().await).filter(was_kept)).await
}

/// Looks until there is something to see.
async fn until<T>(look: impl AsyncFn() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), looking).await.expect("it comes to pass")
}

fn was_kept(answer: &Answer) -> bool {
    answer.header("cache-status") == Some("mercat; hit")
}

/// Something happened in the product's partition.
async fn append(log: &SharedLog, events: &str) -> u64 {
    let partition = messages::partition::of(ID, 8);
    let last = log.last_of(partition).await.expect("the server answers");
    let mut said = Headers::new();
    said.insert(COMMITS, "1");
    said.insert(EVENTS, events);
    log.append(partition, last, said, "a turn".into()).await.expect("appended")
}

#[actix_web::test]
async fn what_was_read_is_shown_again_without_asking() {
    let (shop, _log) = keeping().await;
    shop.heard();
    let answer = shop.ask("GET", PRODUCT).send().await;
    assert_eq!((answer.status, answer.sure("etag")), (200, "\"3\""));
    assert_eq!(answer.sure("content-type"), "application/json");
    assert_eq!(answer.sure("cache-control"), "private, max-age=60");
    assert!(answer.sure("age").parse::<u64>().expect("seconds") < 60);
    assert_eq!(answer.json()["title"], "Trail shirt");
    let head = shop.ask("HEAD", PRODUCT).send().await;
    assert_eq!(head.header("content-length"), answer.header("content-length"));
    let known = shop.ask("GET", PRODUCT).header("If-None-Match", "\"3\"").send().await;
    assert_eq!((known.status, known.header("cache-status")), (304, Some("mercat; hit")));
    assert_eq!(shop.heard().len(), 0, "the group is asked nothing");
}

#[actix_web::test]
async fn a_client_that_wants_it_anew_gets_it_anew() {
    let (shop, _log) = keeping().await;
    shop.heard();
    for control in ["no-cache", "max-age=0", "no-transform, No-Cache"] {
        let answer = shop.ask("GET", PRODUCT).header("Cache-Control", control).send().await;
        assert_eq!((answer.status, answer.sure("cache-status")), (200, "mercat; fwd=miss; stored"), "{control}");
        shop.heard_one();
    }
}

#[actix_web::test]
async fn what_staff_see_is_not_shown_to_customers() {
    let (shop, _log) = keeping().await;
    for (token, others) in [(Some(ADMIN), None), (Some(GUEST), Some(ADMIN))] {
        shop.heard();
        let ask = |token: Option<&str>| {
            let ask = shop.ask("GET", PRODUCT);
            token.into_iter().fold(ask, |ask, token| ask.bearer(token))
        };
        let answer = ask(token).send().await;
        assert_eq!(answer.sure("cache-status"), "mercat; fwd=miss; stored", "{token:?} has another role");
        shop.heard_one();
        assert!(was_kept(&ask(token).send().await), "{token:?} the second time");
        assert!(was_kept(&ask(others).send().await), "{others:?} still");
    }
}

#[actix_web::test]
async fn an_event_ends_what_was_kept_and_the_group_is_told_to_include_it() {
    let (shop, log) = keeping().await;
    let partition = messages::partition::of(ID, 8);
    for _ in 0..5 {
        shop.heard();
        let sequence = append(&log, &format!("product.updated {ID}")).await;
        let heard = until(async || {
            let answer = shop.ask("GET", PRODUCT).send().await;
            (!was_kept(&answer)).then(|| shop.heard_one())
        });
        let heard = heard.await;
        assert_eq!(heard.header(headers::WAIT), Some(&*format!("product/{partition}/{sequence}")));
        assert!(was_kept(&shop.ask("GET", PRODUCT).send().await), "the new answer is kept");
    }
}

#[actix_web::test]
async fn what_changes_no_answer_ends_none() {
    let (shop, log) = keeping().await;
    shop.heard();
    let list = "/api/v1/products?limit=3";
    shop.ask("GET", list).send().await;
    for _ in 0..5 {
        append(&log, &format!("search.found_nothing {ID}")).await;
    }
    let last = append(&log, &format!("product.updated {ID}")).await;
    // The sixth is seen when it has ended the list; so were the five before it.
    until(async || (!was_kept(&shop.ask("GET", list).send().await)).then_some(())).await;
    let asked = shop.heard();
    assert_eq!(asked.len(), 2, "asked before and after the one that matters: {asked:?}");
    let wait = asked[1].header(headers::WAIT).expect("it has to include what was seen");
    assert!(wait.contains(&format!("/{last}")), "{wait}");
}

#[actix_web::test]
async fn a_write_through_the_gateway_is_shown_to_everyone_at_once() {
    let (shop, log) = keeping().await;
    let mut products = 0;
    for title in ["Summit shirt", "Valley shirt"] {
        let body = format!(r#"{{"title":"{title}","status":"active"}}"#);
        let written = shop.ask("PATCH", PRODUCT).bearer(ADMIN).header("Content-Type", "application/merge-patch+json");
        let written = written.body(body).send().await;
        assert_eq!(written.status, 200, "{}", written.text());
        products += 1;
        // The played group says that it wrote to partition 5, and the log does not bring it yet.
        assert_eq!(written.sure("shop-position"), format!("product/5/{products}"));
        for _ in 0..3 {
            assert!(!was_kept(&shop.ask("GET", "/api/v1/products").send().await), "a list of before is not shown");
        }
    }
    // Once the log has brought as much, answers are kept again.
    let mut last = 0;
    while last < products {
        let mut said = Headers::new();
        said.insert(COMMITS, "1");
        last = log.append(5, last, said, "a turn".into()).await.expect("appended");
    }
    until(async || Some(shop.ask("GET", "/api/v1/products").send().await).filter(was_kept)).await;
}

#[actix_web::test]
async fn who_has_seen_more_is_not_shown_less() {
    let (shop, _log) = keeping().await;
    let partition = messages::partition::of(ID, 8);
    let ahead = format!("product/{partition}/1000");
    for _ in 0..2 {
        shop.heard();
        let answer = shop.ask("GET", PRODUCT).header("Shop-Position", ahead.as_str()).send().await;
        assert!(!was_kept(&answer), "{}", answer.text());
        assert_eq!(shop.heard_one().header(headers::WAIT), Some(&*ahead));
    }
}

#[actix_web::test]
async fn of_many_who_miss_the_same_one_asks() {
    let mut products = Products::with(shirt());
    let (ask, asked) = tokio::sync::watch::channel(0_usize);
    let shop = Shop::open(move |heard| {
        ask.send_modify(|count| *count += 1);
        products.answer(heard)
    });
    let shop = shop.await;
    let _log = shop.nats.log("product").await;
    until_kept(&shop).await;
    let before = *asked.borrow();
    let target = format!("{PRODUCT}?");
    let answers = join_all((0..50).map(|_| shop.ask("GET", &target).send())).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert_eq!(*asked.borrow() - before, 1, "all others are shown what the one got");
}

#[actix_web::test]
async fn a_refusal_is_not_kept() {
    let (shop, _log) = keeping().await;
    let missing = "/api/v1/products/prd_01h455vb4pex5vsknk084sn02r";
    for _ in 0..2 {
        shop.heard();
        assert_eq!(shop.ask("GET", missing).send().await.problem(), (404, "not_found".to_owned()));
        shop.heard_one();
    }
}

#[actix_web::test]
async fn nothing_is_shown_from_memory_while_the_log_is_out_of_sight() {
    let mut config = crate::support::config();
    config.limits.ask_timeout_ms = 200;
    let mut products = Products::with(shirt());
    let mut shop = Shop::with(config, move |heard| products.answer(heard)).await;
    let _log = shop.nats.log("product").await;
    until_kept(&shop).await;
    shop.nats.node().pause().expect("paused");
    // For a moment what is known counts; then it could be anything.
    until(async || {
        let answer = shop.ask("GET", PRODUCT).send().await;
        assert!(was_kept(&answer) || answer.status >= 500, "{}", answer.text());
        (answer.status >= 500).then_some(())
    })
    .await;
    shop.nats.node().resume().expect("resumed");
    until_kept(&shop).await;
}

#[actix_web::test]
async fn without_memory_every_read_is_asked() {
    let config = gateway::config::Config { cache_bytes_max: 0, ..crate::support::config() };
    let shop = Shop::with(config, |_| {
        Some(Says::yes(&messages::product::v1::GetProductResponse {
            product: Some(messages::product::v1::Product { status: ProductStatus::Active.into(), ..shirt() }),
        }))
    });
    let shop = shop.await;
    let _log = shop.nats.log("product").await;
    for _ in 0..3 {
        let answer = shop.ask("GET", PRODUCT).send().await;
        assert_eq!((answer.status, answer.header("cache-status")), (200, None));
        shop.heard_one();
    }
}

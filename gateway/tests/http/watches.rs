//! Watching an entity: shown as it is, and again whenever it has changed.

use gateway::config::{Config, Limits};
use messages::problem::Problem;
use messages::product::v1::GetProductResponse;
use runtime::headers;

use crate::support::group::{Heard, Says};
use crate::support::http::{Answer, Ask, Connection};
use crate::support::nats::Nats;
use crate::support::products::{PRODUCT, Products, shirt, shop};
use crate::support::{ADMIN, Shop, config, start};

fn limited(limits: Limits) -> Config {
    Config { limits, ..config() }
}

fn watching(shop: &Shop) -> Ask {
    shop.ask("GET", PRODUCT).header("Accept", "text/event-stream")
}

/// A watch that has begun.
async fn watch(ask: Ask, shop: &Shop) -> Connection {
    let mut connection = Connection::open(shop.address).await;
    let answer = ask.send_on(&mut connection).await;
    assert_eq!((answer.status, answer.sure("content-type")), (200, "text/event-stream"), "{}", answer.text());
    assert_eq!(connection.event().await.as_deref(), Some("retry: 1000"));
    connection
}

/// The id and the title that the next event shows.
#[track_caller]
fn shown(event: Option<String>) -> (String, String) {
    let event = event.expect("an event");
    let (id, data) = event.split_once('\n').expect("two lines");
    let id = id.strip_prefix("id: ").unwrap_or_else(|| panic!("{event}"));
    let data = data.strip_prefix("data: ").unwrap_or_else(|| panic!("{event}"));
    let entity: serde_json::Value = serde_json::from_str(data).expect("JSON");
    (id.to_owned(), entity["title"].as_str().expect("a title").to_owned())
}

fn pair(id: &str, title: &str) -> (String, String) {
    (id.to_owned(), title.to_owned())
}

async fn rename(shop: &Shop, title: &str) {
    let body = format!(r#"{{"title": "{title}", "status": "active"}}"#);
    assert_eq!(shop.ask("PUT", PRODUCT).bearer(ADMIN).json(body).send().await.status, 200);
}

/// A shop whose product is said to have these versions, one with each look; then it is gone.
async fn shop_of_versions(versions: &'static [u64]) -> Shop {
    let mut versions = versions.iter();
    Shop::open(move |_| {
        Some(match versions.next() {
            Some(version) => Says::yes(&GetProductResponse { product: Some(shirt()) }).with(headers::VERSION, version),
            None => Says::no(&Problem::not_found("not_found", "There is no such product.")),
        })
    })
    .await
}

#[actix_web::test]
async fn an_entity_is_shown_whenever_it_has_changed() {
    let shop = shop().await;
    let mut watch = watch(watching(&shop), &shop).await;
    assert_eq!(shown(watch.event().await), pair("3", "Trail shirt"));
    rename(&shop, "Rain shirt").await;
    assert_eq!(shown(watch.event().await), pair("4", "Rain shirt"));
    rename(&shop, "Snow shirt").await;
    assert_eq!(shown(watch.event().await), pair("5", "Snow shirt"));
    let looks = shop.heard().into_iter().filter(|heard| heard.verb() == "get");
    assert!(
        looks
            .map(|look| look.header(headers::CALLER).map(str::to_owned))
            .all(|who| who.as_deref() == Some("anonymous - -"))
    );
}

#[actix_web::test]
async fn who_comes_back_is_shown_what_is_new() {
    let shop = shop().await;
    let mut watch = watch(watching(&shop).header("Last-Event-ID", "3"), &shop).await;
    rename(&shop, "Rain shirt").await;
    assert_eq!(shown(watch.event().await), pair("4", "Rain shirt"));
}

#[actix_web::test]
async fn nothing_older_is_shown_after_something_newer() {
    let shop = shop_of_versions(&[3, 2, 3, 5, 4, 5, 6]).await;
    let mut watch = watch(watching(&shop), &shop).await;
    for id in ["3", "5", "6"] {
        assert_eq!(shown(watch.event().await).0, id);
    }
    let end = watch.event().await.expect("why it ends");
    let problem = end.strip_prefix("event: problem\ndata: ").unwrap_or_else(|| panic!("{end}"));
    let problem: serde_json::Value = serde_json::from_str(problem).expect("JSON");
    assert_eq!((&problem["status"], &problem["code"]), (&404.into(), &"not_found".into()));
    assert_eq!(watch.event().await, None);
}

#[actix_web::test]
async fn a_group_that_is_away_for_a_moment_ends_nothing() {
    let mut products = Products::with(shirt());
    let busy = Problem::unavailable("busy", "too many commands wait", std::time::Duration::from_millis(1));
    let mut looks = 0;
    let shop = Shop::open(move |heard: &Heard| {
        looks += u32::from(heard.verb() == "get");
        // Longer than the client tries by itself.
        if (2..8).contains(&looks) { Some(Says::no(&busy)) } else { products.answer(heard) }
    })
    .await;
    let mut watch = watch(watching(&shop), &shop).await;
    assert_eq!(shown(watch.event().await).0, "3");
    rename(&shop, "Rain shirt").await;
    assert_eq!(shown(watch.event().await), pair("4", "Rain shirt"));
}

#[actix_web::test]
async fn who_may_not_read_may_not_watch() {
    let shop = shop().await;
    let missing =
        shop.ask("GET", "/api/v1/products/prd_01h455vb4pex5vsknk084sn02r").header("Accept", "text/event-stream");
    assert_eq!(missing.send().await.problem(), (404, "not_found".to_owned()));
    let level = "/api/v1/inventory/levels/wh_01h455vb4pex5vsknk084sn02q/A";
    let anonymous = shop.ask("GET", level).header("Accept", "text/event-stream").send().await;
    assert_eq!(anonymous.problem().0, 401);
    let past = shop.ask("GET", format!("{PRODUCT}?at=2")).header("Accept", "text/event-stream").send().await;
    assert_eq!(past.problem(), (400, "invalid_request".to_owned()));
    assert_eq!(past.json()["errors"][0]["pointer"], "/at");
}

#[actix_web::test]
async fn only_an_entity_is_watched_and_only_when_asked() {
    let shop = shop().await;
    let json = |answer: &Answer| answer.sure("content-type") == "application/json";
    for accept in ["*/*", "text/*", "application/json", "text/event-streams"] {
        assert!(json(&shop.ask("GET", PRODUCT).header("Accept", accept).send().await), "{accept}");
    }
    assert!(json(&shop.ask("GET", "/api/v1/products").header("Accept", "text/event-stream").send().await), "a list");
    assert!(json(&shop.ask("HEAD", PRODUCT).header("Accept", "text/event-stream").send().await), "HEAD");
    for accept in ["text/event-stream", "Text/Event-Stream;charset=utf-8", "application/json;q=0.5, text/event-stream"]
    {
        let answer = shop.ask("GET", PRODUCT).header("Accept", accept).send().await;
        assert_eq!(answer.sure("content-type"), "text/event-stream", "{accept}");
        assert_eq!((answer.sure("cache-control"), answer.header("etag")), ("no-store", None), "{accept}");
        assert_eq!(answer.sure("x-accel-buffering"), "no", "{accept}");
    }
    let read = shop.ask("GET", PRODUCT).send().await;
    assert!(read.sure("vary").contains("accept"), "what is kept of a read is not given to who watches");
}

#[actix_web::test]
async fn a_watch_outlives_every_limit_of_a_request() {
    let limits = Limits { keep_alive_ms: 1, header_timeout_ms: 1, watch_silence_ms: 1, ..Limits::default() };
    // The first head must not be late.
    let limits = Limits { header_timeout_ms: 5_000, ..limits };
    let mut products = Products::with(shirt());
    let shop = Shop::with(limited(limits), move |heard| products.answer(heard)).await;
    let mut watch = watch(watching(&shop), &shop).await;
    assert_eq!(shown(watch.event().await).0, "3");
    for _ in 0..3 {
        assert_eq!(watch.event().await.as_deref(), Some(":"), "silence is never long");
    }
    rename(&shop, "Rain shirt").await;
    let mut event = watch.event().await;
    while event.as_deref() == Some(":") {
        event = watch.event().await;
    }
    assert_eq!(shown(event), pair("4", "Rain shirt"));
}

#[actix_web::test]
async fn a_watch_has_an_end_and_its_connection_goes_on() {
    let mut products = Products::with(shirt());
    let limits = Limits { watch_ms_max: 1, ..Limits::default() };
    let shop = Shop::with(limited(limits), move |heard| products.answer(heard)).await;
    let mut watch = watch(watching(&shop), &shop).await;
    assert_eq!(shown(watch.event().await).0, "3");
    assert_eq!(watch.event().await, None);
    assert_eq!(shop.ask("GET", PRODUCT).send_on(&mut watch).await.json()["title"], "Trail shirt");
}

#[actix_web::test]
async fn there_are_so_many_places_and_who_hangs_up_leaves_one() {
    let mut products = Products::with(shirt());
    let limits = Limits { watches_max: 2, ..Limits::default() };
    let shop = Shop::with(limited(limits), move |heard| products.answer(heard)).await;
    let (first, _second) = (watch(watching(&shop), &shop).await, watch(watching(&shop), &shop).await);
    let third = watching(&shop).send().await;
    assert_eq!(third.problem(), (503, "too_many_watches".to_owned()));
    assert_eq!(third.sure("retry-after"), "10");
    assert_eq!(shop.ask("GET", PRODUCT).send().await.status, 200, "others read on");
    drop(first);
    // Nothing changes, so nothing is written that could fail: that the client hung up is all there is to notice.
    while watching(&shop).send().await.status != 200 {
        tokio::task::yield_now().await;
    }
}

#[actix_web::test]
async fn a_gateway_that_stops_ends_its_watches() {
    let nats = Nats::start().await;
    let mut products = Products::with(shirt());
    crate::support::group::play(&nats.url(), move |heard| products.answer(heard)).await;
    let (address, stop) = start(config(), &nats);
    let mut watch = Connection::open(address).await;
    Ask::new(address, "GET", PRODUCT).header("Accept", "text/event-stream").send_on(&mut watch).await;
    assert_eq!(watch.event().await.as_deref(), Some("retry: 1000"));
    assert_eq!(shown(watch.event().await).0, "3");
    drop(stop);
    assert_eq!(watch.event().await, None, "it ends as it should, and the client comes back to another");
}

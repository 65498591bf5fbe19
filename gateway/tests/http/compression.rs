//! Compression: what is long is short for who can unpack it, and the same for everybody.

use std::io::Read as _;

use flate2::read::GzDecoder;
use gateway::config::Config;
use messages::product::v1::Product;

use crate::support::http::{Answer, Ask};
use crate::support::products::{PRODUCT, Products, shirt};
use crate::support::{ADMIN, Shop, config};

/// A product about which there is much to say.
fn long() -> Product {
    Product { description: "Light, dries fast. ".repeat(200), ..shirt() }
}

async fn shop_of(product: Product, config: Config) -> Shop {
    let mut products = Products::with(product);
    Shop::with(config, move |heard| products.answer(heard)).await
}

fn packed(ask: Ask) -> Ask {
    ask.header("Accept-Encoding", "br, gzip;q=0.8")
}

#[track_caller]
fn unpacked(answer: &Answer) -> Vec<u8> {
    assert_eq!(answer.sure("content-encoding"), "gzip");
    let mut plain = Vec::new();
    GzDecoder::new(answer.body.as_slice()).read_to_end(&mut plain).expect("gzip");
    plain
}

#[actix_web::test]
async fn what_is_long_is_sent_short() {
    let shop = shop_of(long(), config()).await;
    let plain = shop.ask("GET", PRODUCT).send().await;
    let short = packed(shop.ask("GET", PRODUCT)).send().await;
    assert_eq!(unpacked(&short), plain.body);
    assert!(short.body.len() * 5 < plain.body.len(), "{} of {}", short.body.len(), plain.body.len());
    assert_eq!(short.sure("etag"), plain.sure("etag"), "the version that a change will name");
    for answer in [&plain, &short] {
        assert!(answer.all("vary").contains(&"accept-encoding"), "{:?}", answer.all("vary"));
    }
    assert_eq!(plain.header("content-encoding"), None);
    let head = packed(shop.ask("HEAD", PRODUCT)).send().await;
    assert_eq!(head.sure("content-length"), short.sure("content-length"));
    let known = packed(shop.ask("GET", PRODUCT)).header("If-None-Match", "\"3\"").send().await;
    assert_eq!((known.status, known.header("content-encoding")), (304, None));
}

#[actix_web::test]
async fn what_is_short_or_secret_or_never_ends_is_sent_as_it_is() {
    let shop = shop_of(shirt(), config()).await;
    let short = packed(shop.ask("GET", PRODUCT)).send().await;
    assert_eq!((short.header("content-encoding"), &short.json()["title"]), (None, &"Trail shirt".into()));

    let shop = shop_of(long(), config()).await;
    let body = serde_json::json!({"title": "Cap", "status": "active", "description": long().description}).to_string();
    let command = packed(shop.ask("PUT", PRODUCT)).bearer(ADMIN).json(&body).send().await;
    assert_eq!((command.status, command.header("content-encoding")), (200, None), "{}", command.text());
    let watch = packed(shop.ask("GET", PRODUCT)).header("Accept", "text/event-stream").send().await;
    assert_eq!((watch.status, watch.header("content-encoding")), (200, None));
    let asset = packed(shop.ask("GET", "/docs/swagger-ui.css")).send().await;
    assert!(unpacked(&asset).starts_with(b"."), "what was packed before is not packed twice");

    let shop = shop_of(long(), Config { compress: false, ..config() }).await;
    assert_eq!(packed(shop.ask("GET", PRODUCT)).send().await.header("content-encoding"), None);
}

#[actix_web::test]
async fn what_is_very_long_is_packed_beside_the_others() {
    let shop = shop_of(shirt(), config()).await;
    let plain = shop.ask("GET", "/openapi.json").send().await;
    assert!(plain.body.len() > 64 * 1024, "the test wants more");
    assert_eq!(unpacked(&packed(shop.ask("GET", "/openapi.json")).send().await), plain.body);
}

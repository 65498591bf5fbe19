//! Reads: what is shown, in which version, as of when, and to whom.

use messages::product::v1::{ListProductsRequest, ProductStatus};
use messages::promotion::v1::{PreviewRequest, PreviewResponse};
use prost::Message as _;
use runtime::headers;
use serde_json::json;

use crate::support::group::Says;
use crate::support::products::{ID, PRODUCT, shop};
use crate::support::{GUEST, Shop};

#[actix_web::test]
async fn a_read_shows_the_entity_and_its_version() {
    let shop = shop().await;
    let answer = shop.ask("GET", PRODUCT).send().await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.sure("content-type"), "application/json");
    assert_eq!(answer.sure("etag"), "\"3\"");
    assert_eq!(answer.sure("cache-control"), "private, max-age=60");
    assert_eq!(answer.json()["title"], "Trail shirt");
    assert_eq!(answer.json()["status"], "active");

    let heard = shop.heard_one();
    let partition = messages::partition::of(ID, 8);
    assert_eq!(heard.subject, format!("shop.cmd.product.{partition}.{ID}.get"));
    assert_eq!(heard.header(headers::CALLER), Some("anonymous - -"));
    assert_eq!(heard.header(headers::COMMAND), None);
}

#[actix_web::test]
async fn what_the_client_holds_is_not_sent_again() {
    let shop = shop().await;
    for held in ["\"3\"", "W/\"3\"", "\"1\", \"3\"", "*"] {
        let answer = shop.ask("GET", PRODUCT).header("If-None-Match", held).send().await;
        assert_eq!((answer.status, answer.sure("etag")), (304, "\"3\""), "{held}");
    }
    for held in ["\"2\"", "3", "nonsense"] {
        let answer = shop.ask("GET", PRODUCT).header("If-None-Match", held).send().await;
        assert_eq!(answer.status, 200, "{held}");
    }
}

#[actix_web::test]
async fn head_is_get_without_the_body() {
    let shop = shop().await;
    let got = shop.ask("GET", PRODUCT).send().await;
    let answer = shop.ask("HEAD", PRODUCT).send().await;
    assert_eq!(answer.status, 200);
    for header in ["etag", "content-type", "content-length", "cache-control"] {
        assert_eq!(answer.header(header), got.header(header), "{header}");
    }
}

#[actix_web::test]
async fn a_query_is_read_by_the_contract() {
    let shop = shop().await;
    let answer =
        shop.ask("GET", "/api/v1/products?limit=5&status[in]=draft,active&sort=-title&after=a%2Bb").send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["has_more"], false);
    let heard = shop.heard_one();
    assert_eq!(heard.subject, "shop.query.product.list");
    let asked = ListProductsRequest::decode(heard.payload).expect("a request");
    assert_eq!((asked.limit, asked.sort.as_deref(), asked.after.as_deref()), (Some(5), Some("-title"), Some("a+b")));
    let status = asked.status.expect("a filter");
    assert_eq!(status.r#in, [ProductStatus::Draft as i32, ProductStatus::Active as i32]);

    shop.ask("GET", "/api/v1/products?status=draft&after=a+b").send().await;
    let asked = ListProductsRequest::decode(shop.heard_one().payload).expect("a request");
    assert_eq!(asked.status.expect("a filter").eq, ProductStatus::Draft as i32);
    assert_eq!(asked.after.as_deref(), Some("a b"));

    for (query, pointer, code) in [
        ("limit=0", "/limit", "too_small"),
        ("limit=101", "/limit", "too_large"),
        ("limit=ten", "/limit", "not_an_integer"),
        ("status[in]=draft,,active", "/status/in/1", "unknown_value"),
        ("limit=1.0", "/limit", "not_an_integer"),
        ("limit=", "/limit", "not_an_integer"),
        ("limit=1&limit=2", "/limit", "duplicate_key"),
        ("limit[gte]=1", "/limit", "unknown_parameter"),
        ("colour=red", "/colour", "unknown_parameter"),
        ("status[like]=a", "/status", "unknown_parameter"),
        ("status=draft&status[eq]=active", "/status/eq", "duplicate_key"),
        ("status=sold", "/status/eq", "unknown_value"),
        ("status[in]=draft,sold", "/status/in/1", "unknown_value"),
        ("sort=price", "/sort", "unknown_value"),
        ("at=3", "/at", "unknown_parameter"),
        ("after=%ff", "", "bad_format"),
    ] {
        let answer = shop.ask("GET", format!("/api/v1/products?{query}")).send().await;
        assert_eq!(answer.problem(), (400, "invalid_request".to_owned()), "{query}");
        let errors = &answer.json()["errors"];
        assert_eq!(errors.as_array().map(Vec::len), Some(1), "{query}: {errors}");
        assert_eq!((&errors[0]["pointer"], &errors[0]["code"]), (&json!(pointer), &json!(code)), "{query}");
    }
    let twice = shop.ask("GET", format!("{PRODUCT}?product_id={ID}")).send().await;
    assert_eq!(twice.json()["errors"][0]["code"], "unknown_parameter", "the path says it already");
    let command = shop.post("/api/v1/products?title=Cap", r#"{"title": "Cap"}"#).await;
    assert_eq!(command.problem().0, 400);
    assert!(shop.heard().is_empty());
}

#[actix_web::test]
async fn the_past_can_be_asked_for() {
    let shop = shop().await;
    for at in ["2", "2026-01-31T12:00:00Z"] {
        assert_eq!(shop.ask("GET", format!("{PRODUCT}?at={at}")).send().await.status, 200);
        assert_eq!(shop.heard_one().header(headers::AT), Some(at));
    }
    for at in ["", "yesterday", "2%0d%0aShop-Strong:%201"] {
        let answer = shop.ask("GET", format!("{PRODUCT}?at={at}")).send().await;
        assert_eq!(answer.problem().0, 400, "{at}");
        assert_eq!(answer.json()["errors"][0]["pointer"], "/at", "{at}");
    }
    assert!(shop.heard().is_empty());
}

#[actix_web::test]
async fn a_read_waits_for_what_its_reader_wrote() {
    let shop = shop().await;
    let created = shop.post("/api/v1/products", r#"{"title": "Cap"}"#).await;
    let position = created.sure("shop-position").to_owned();
    shop.heard();

    shop.get("/api/v1/products").await;
    assert_eq!(shop.heard_one().header(headers::WAIT), Some(&*position), "the writer's own list");
    shop.ask("GET", "/api/v1/products").bearer(GUEST).send().await;
    assert_eq!(shop.heard_one().header(headers::WAIT), None, "somebody else's list");
    shop.ask("GET", "/api/v1/products").send().await;
    assert_eq!(shop.heard_one().header(headers::WAIT), None, "nobody's list");
    shop.get(PRODUCT).await;
    let elsewhere = messages::partition::of(ID, 8) != 5;
    assert!(elsewhere, "the test wants another partition");
    assert_eq!(shop.heard_one().header(headers::WAIT), None, "one product of another partition");

    let told = shop.ask("GET", "/api/v1/products").header("Shop-Position", "product/1/7, inventory/2/9");
    told.send().await;
    assert_eq!(shop.heard_one().header(headers::WAIT), Some("product/1/7"));
    let malformed = shop.ask("GET", PRODUCT).header("Shop-Position", "product/1").send().await;
    assert_eq!(malformed.problem(), (400, "shop_position_malformed".to_owned()));
}

#[actix_web::test]
async fn a_question_too_long_for_an_address_is_posted() {
    let shop = Shop::open(|_| Some(Says::yes(&PreviewResponse::default()))).await;
    let target = "/api/v1/promotions/evaluate";
    let basket =
        r#"{"currency":"EUR","lines":[{"sku":"MUG","quantity":2,"unit_price":{"amount":999,"currency":"EUR"}}]}"#;
    // Anyone may ask, without a key, and nothing is remembered of it.
    let answer = shop.ask("POST", target).json(basket).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json(), json!({"adjustments": [], "applied": [], "not_applied": []}));
    let heard = shop.heard_one();
    assert_eq!((heard.subject.as_str(), heard.header(headers::COMMAND)), ("shop.query.promotion.preview", None));
    let asked = PreviewRequest::decode(heard.payload).expect("a request");
    assert_eq!((asked.currency.as_str(), asked.lines[0].quantity), ("EUR", Some(2)));
    let answer = shop.ask("POST", target).json(r#"{"currency":"EUR","lines":[{"sku":"MUG"}]}"#).send().await;
    assert_eq!((answer.status, answer.json()["errors"][0]["pointer"].as_str()), (400, Some("/lines/0/quantity")));
}

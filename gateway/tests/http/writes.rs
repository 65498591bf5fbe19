//! Writes: created once, changed by whom they should, refused with all that is wrong.

use expect_test::expect;
use messages::product::v1::GetProductResponse;
use runtime::headers;
use serde_json::json;

use crate::support::group::{Heard, Says};
use crate::support::products::{ID, PRODUCT, Products, shirt, shop};
use crate::support::{ADMIN, Shop};

#[actix_web::test]
async fn a_create_says_where_and_which_version() {
    let shop = shop().await;
    let answer = shop.post("/api/v1/products", r#"{"title": "Cap"}"#).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let id = answer.json()["product_id"].as_str().expect("an id").to_owned();
    assert!(id.starts_with("prd_"), "{id}");
    assert_eq!(answer.sure("location"), format!("/api/v1/products/{id}"));
    assert_eq!(answer.sure("etag"), "\"1\"");
    assert_eq!(answer.sure("shop-position"), "product/5/1");
    assert_eq!(answer.sure("cache-control"), "no-store");
    assert_eq!(answer.header("idempotent-replayed"), None);

    let heard = shop.heard_one();
    assert!(heard.subject.ends_with(&format!("{id}.create")), "{}", heard.subject);
    assert_eq!(heard.header(headers::CALLER), Some("admin usr_admin *"));
    let command = heard.header(headers::COMMAND).expect("a command has an id");
    assert!(!command.ends_with(".keyed"), "{command}");

    let again = shop.post("/api/v1/products", r#"{"title": "Cap"}"#).await;
    assert_ne!(again.json()["product_id"], id.as_str(), "without a key every request is its own");
}

#[actix_web::test]
async fn the_same_key_is_the_same_command() {
    let shop = shop().await;
    let create = |token: &'static str, key: &'static str, body: &'static str| {
        shop.ask("POST", "/api/v1/products").bearer(token).header("Idempotency-Key", key).json(body).send()
    };
    let first = create(ADMIN, "k-1", r#"{"title": "Cap"}"#).await;
    let again = create(ADMIN, "k-1", r#"{ "title" : "Cap" }"#).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.body, again.body);
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_eq!(again.sure("idempotent-replayed"), "true");
    assert_eq!(again.sure("location"), first.sure("location"));
    let [first, again] = shop.heard().try_into().expect("two requests");
    assert_eq!(first.subject, again.subject, "the same actor");
    assert_eq!(first.header(headers::COMMAND), again.header(headers::COMMAND));
    assert!(first.header(headers::COMMAND).expect("an id").ends_with(".keyed"));

    let other_body = create(ADMIN, "k-1", r#"{"title": "Hat"}"#).await;
    assert_eq!(other_body.problem(), (422, "idempotency_key_reused".to_owned()));
    let other_key = create(ADMIN, "k-2", r#"{"title": "Cap"}"#).await;
    assert_eq!(other_key.status, 201);
}

#[actix_web::test]
async fn a_key_that_cannot_be_kept_is_refused() {
    let shop = shop().await;
    for key in ["", "two words", &"x".repeat(256), "caf\u{e9}"] {
        let answer = shop
            .ask("POST", "/api/v1/products")
            .bearer(ADMIN)
            .header("Idempotency-Key", key)
            .json(r#"{"title": "Cap"}"#)
            .send()
            .await;
        assert_eq!(answer.problem(), (400, "idempotency_key_malformed".to_owned()), "{key:?}");
    }
    let twice = shop.ask("POST", "/api/v1/products").bearer(ADMIN).header("Idempotency-Key", "a");
    let answer = twice.header("Idempotency-Key", "b").json(r#"{"title": "Cap"}"#).send().await;
    assert_eq!(answer.problem(), (400, "idempotency_key_malformed".to_owned()));
    assert!(shop.heard().is_empty());
}

#[actix_web::test]
async fn what_moves_stock_needs_a_key() {
    let shop = shop().await;
    let body = json!({"warehouse_id": "wh_01h455vb4pex5vsknk084sn02q", "sku": "A", "delta": 1, "reason": "found"});
    let answer = shop.post("/api/v1/inventory/adjust", &body.to_string()).await;
    assert_eq!(answer.problem(), (400, "idempotency_key_required".to_owned()));
    assert!(shop.heard().is_empty());
}

#[actix_web::test]
async fn a_write_can_insist_on_a_version() {
    let shop = shop().await;
    let put = |tag: &'static str| {
        let body = r#"{"title": "Rain shirt", "status": "active"}"#;
        shop.ask("PUT", PRODUCT).bearer(ADMIN).header("If-Match", tag).json(body).send()
    };
    let answer = put("\"3\"").await;
    assert_eq!((answer.status, answer.sure("etag")), (200, "\"4\""));
    assert_eq!(shop.heard_one().header(headers::IF_VERSION), Some("3"));

    let stale = put("\"3\"").await;
    assert_eq!(stale.problem(), (412, "stale_version".to_owned()));
    assert_eq!(stale.json()["current_version"], 4);
    shop.heard();

    for foreign in ["W/\"4\"", "\"04\"", "\"abc\""] {
        assert_eq!(put(foreign).await.problem(), (412, "stale_version".to_owned()), "{foreign}");
    }
    for malformed in ["4", "\"4", "\"4\", \"5\"", "\"\"\""] {
        assert_eq!(put(malformed).await.problem(), (400, "if_match_malformed".to_owned()), "{malformed}");
    }
    assert!(shop.heard().is_empty());
    assert_eq!(put("*").await.status, 200);
}

#[actix_web::test]
async fn a_patch_changes_what_it_names() {
    let shop = shop().await;
    let patch = |body: &'static str| shop.ask("PATCH", PRODUCT).bearer(ADMIN).json(body).send();
    let answer = patch(r#"{"title": "Rain shirt"}"#).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["title"], "Rain shirt");
    assert_eq!(answer.json()["description"], "Light, dries fast.");
    let [read, written] = shop.heard().try_into().expect("a read and a write");
    assert_eq!((read.verb(), written.verb()), ("get", "update"));
    assert_eq!(written.header(headers::IF_VERSION), Some("3"));

    let cleared = patch(r#"{"description": null}"#).await;
    assert_eq!(cleared.json()["description"], "");
    assert_eq!(cleared.json()["title"], "Rain shirt");
    shop.heard();

    for (body, pointer, code) in [
        (r#"{"product_id": "prd_01h455vb4pex5vsknk084sn02r"}"#, "/product_id", "path_mismatch"),
        (r#"{"version": 9}"#, "/version", "unknown_field"),
        (r#"{"created_at": null}"#, "/created_at", "unknown_field"),
        (r#"{"bogus": null}"#, "/bogus", "unknown_field"),
        (r#"{"title": null}"#, "/title", "required"),
        (r#"{"status": "archived"}"#, "/status", "unknown_value"),
    ] {
        let answer = patch(body).await;
        assert_eq!(answer.problem(), (400, "invalid_request".to_owned()), "{body}");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}");
        assert_eq!(answer.json()["errors"][0]["code"], code, "{body}");
    }
    let merge_patch = shop.ask("PATCH", PRODUCT).bearer(ADMIN).header("Content-Type", "application/merge-patch+json");
    assert_eq!(merge_patch.body(r#"{"title": "Cap"}"#).send().await.status, 200);
}

#[actix_web::test]
async fn a_patch_of_what_is_not_there_yet_makes_its_first_version() {
    let mut products = Products::with(shirt());
    // A group may show what an entity would be before it is: without a version.
    let shop = Shop::open(move |heard| match heard.verb() {
        "get" => Some(Says::yes(&GetProductResponse { product: Some(shirt()) })),
        _ => products.answer(heard),
    });
    let shop = shop.await;
    let answer = shop.ask("PATCH", PRODUCT).bearer(ADMIN).json(r#"{"title": "Cap"}"#).send().await;
    // The played group has it at version 3, and says that this is not the first.
    assert_eq!(answer.problem(), (412, "stale_version".to_owned()));
    let written: Vec<_> = shop.heard().into_iter().filter(|heard| heard.verb() == "update").collect();
    assert!(written.iter().all(|heard| heard.header(headers::IF_VERSION) == Some("0")), "{written:?}");
    assert!(!written.is_empty());
}

#[actix_web::test]
async fn a_patch_starts_over_when_somebody_else_wrote() {
    let mut products = Products::with(shirt());
    let mut others = 2;
    let script = move |heard: &Heard| {
        let says = products.answer(heard);
        if heard.verb() == "get" && others > 0 {
            others -= 1;
            products.change(ID);
        }
        says
    };
    let shop = Shop::open(script).await;
    let answer = shop.ask("PATCH", PRODUCT).bearer(ADMIN).json(r#"{"title": "Cap"}"#).send().await;
    assert_eq!((answer.status, answer.sure("etag")), (200, "\"6\""));
    let heard = shop.heard();
    let verbs: Vec<_> = heard.iter().map(Heard::verb).collect();
    assert_eq!(verbs, ["get", "update", "get", "update", "get", "update"]);
    let strong: Vec<_> = heard.iter().map(|heard| heard.header(headers::STRONG).is_some()).collect();
    assert_eq!(strong, [false, false, true, false, true, false], "after a stale read only the latest will do");
}

#[actix_web::test]
async fn a_patch_with_a_version_does_not_start_over() {
    let shop = shop().await;
    let patch = shop.ask("PATCH", PRODUCT).bearer(ADMIN).header("If-Match", "\"2\"");
    assert_eq!(patch.json(r#"{"title": "Cap"}"#).send().await.problem(), (412, "stale_version".to_owned()));
    assert_eq!(shop.heard_one().verb(), "get");
}

#[actix_web::test]
async fn all_errors_of_a_request_come_at_once() {
    let shop = shop().await;
    let body = r#"{"title": 7, "colour": "red", "description": null, "variants": [{"sku": "a b"}]}"#;
    let answer = shop.post("/api/v1/products", body).await;
    let (status, _) = answer.problem();
    assert_eq!(status, 400);
    let errors = answer.json()["errors"].as_array().expect("errors").clone();
    let told: Vec<String> = errors.iter().map(|error| format!("{} {}", error["pointer"], error["code"])).collect();
    expect![[r#"
        "/colour" "unknown_field"
        "/description" "null"
        "/title" "wrong_type"
        "/variants/0/price" "required"
        "/variants/0/sku" "bad_format""#]]
    .assert_eq(&{
        let mut told = told;
        told.sort();
        told.join("\n")
    });
    assert!(shop.heard().is_empty());
}

#[actix_web::test]
async fn what_the_shop_sets_is_refused_in_a_body() {
    let shop = shop().await;
    let body = json!({"title": "Cap", "product_id": ID}).to_string();
    let answer = shop.post("/api/v1/products", &body).await;
    assert_eq!(answer.problem().0, 400);
    assert_eq!(
        answer.json()["errors"][0],
        json!({
            "pointer": "/product_id", "code": "read_only", "detail": answer.json()["errors"][0]["detail"],
        })
    );
    assert!(shop.heard().is_empty());
}

//! Shapes and versions: the same rpcs for clients that were written for other names, and the end of a version.

use gateway::config::{Config, Shaping, Version};
use serde_json::{Value, json};

use crate::support::http::Connection;
use crate::support::products::{ID, PRODUCT, Products, shirt};
use crate::support::{ADMIN, GUEST, Shop, config};

/// `/api/v2`, where a title is called a name.
fn second(more: Value) -> Version {
    let mut version = json!({
        "prefix": "/api/v2",
        "shapes": [
            {
                "path": "/api/v2/products",
                "request": {"body": {"rename": {"name": "title"}}},
                "response": {"body": {"rename": {"title": "name", "data/*/title": "name"}, "set": {"api": "2"}}},
            },
        ],
    });
    for (name, value) in more.as_object().expect("members") {
        version[name] = value.clone();
    }
    serde_json::from_value(version).expect("a version")
}

fn shaping(text: Value) -> Shaping {
    serde_json::from_value(text).expect("a shaping")
}

async fn shop(config: Config) -> Shop {
    let mut products = Products::with(shirt());
    Shop::with(config, move |heard| products.answer(heard)).await
}

async fn versioned(more: Value) -> Shop {
    shop(Config { versions: vec![second(more)], ..config() }).await
}

const SHOWN: &str = "/api/v2/products/prd_01h455vb4pex5vsknk084sn02q";

#[actix_web::test]
async fn a_version_is_the_same_rpcs_under_other_names() {
    let shop = versioned(json!({})).await;
    let created = shop.post("/api/v2/products", r#"{"name": "Cap"}"#).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let product = created.json();
    assert_eq!((&product["name"], &product["api"], product.get("title")), (&json!("Cap"), &json!("2"), None));
    let id = product["product_id"].as_str().expect("an id");
    assert_eq!(created.sure("location"), format!("/api/v2/products/{id}"));

    let (old, new) = (shop.get(PRODUCT).await, shop.get(SHOWN).await);
    assert_eq!((old.json()["title"].as_str(), new.json()["name"].as_str()), (Some("Trail shirt"), Some("Trail shirt")));
    assert_eq!((old.sure("etag"), new.sure("etag")), ("\"3\"", "\"3\""));
    assert_eq!((old.json().get("name"), new.json().get("title")), (None, None));
    let known = shop.ask("GET", SHOWN).bearer(ADMIN).header("If-None-Match", "\"3\"").send().await;
    assert_eq!(known.status, 304);
    let list = shop.get("/api/v2/products").await.json();
    assert_eq!((list["data"][0]["name"].is_string(), list["data"][0].get("title")), (true, None));
}

#[actix_web::test]
async fn a_command_is_the_same_under_every_name() {
    let shop = versioned(json!({})).await;
    let create = |path: &'static str, body: &'static str| {
        shop.ask("POST", path).bearer(ADMIN).header("Idempotency-Key", "k-1").json(body).send()
    };
    let first = create("/api/v2/products", r#"{"name": "Cap"}"#).await;
    let again = create("/api/v1/products", r#"{"title": "Cap"}"#).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(again.sure("idempotent-replayed"), "true");
    assert_eq!(first.json()["product_id"], again.json()["product_id"]);
    let other = create("/api/v2/products", r#"{"name": "Hat"}"#).await;
    assert_eq!(other.problem(), (422, "idempotency_key_reused".to_owned()));
}

#[actix_web::test]
async fn a_patch_and_its_version_mean_the_same() {
    let shop = versioned(json!({})).await;
    let patch = |tag: &'static str| {
        let patch = shop.ask("PATCH", SHOWN).bearer(ADMIN).header("If-Match", tag);
        patch.header("Content-Type", "application/merge-patch+json").body(r#"{"name": "Town shirt"}"#).send()
    };
    let patched = patch("\"3\"").await;
    assert_eq!((patched.status, patched.json()["name"].as_str()), (200, Some("Town shirt")), "{}", patched.text());
    assert_eq!(patched.sure("etag"), "\"4\"");
    assert_eq!(patch("\"3\"").await.problem(), (412, "stale_version".to_owned()));
    assert_eq!(shop.get(PRODUCT).await.json()["title"], "Town shirt");
}

#[actix_web::test]
async fn what_is_wrong_is_told_in_the_clients_own_names() {
    let shop = versioned(json!({})).await;
    let answer = shop.post("/api/v2/products", r#"{"name": 5, "titel": "x"}"#).await;
    assert_eq!(answer.problem(), (400, "invalid_request".to_owned()));
    let told =
        answer.json()["errors"].as_array().expect("errors").iter().map(|error| error["pointer"].clone()).collect();
    let mut told: Vec<Value> = told;
    told.sort_by_key(Value::to_string);
    assert_eq!(told, [json!("/name"), json!("/titel")]);
    // The contract's own name is no name here: one of the two would be lost.
    let answer = shop.post("/api/v2/products", r#"{"name": "Cap", "title": "Hat"}"#).await;
    assert_eq!(answer.problem(), (400, "invalid_request".to_owned()));
    assert_eq!(answer.json()["errors"][0]["pointer"], "/title");
    for body in ["{", "[]", r#"{"name": "a", "name": "b"}"#] {
        assert_eq!(shop.post("/api/v2/products", body).await.status, 400, "{body}");
    }
    assert!(shop.heard().is_empty(), "nothing of it reached the group");
}

#[actix_web::test]
async fn who_watches_sees_the_shape_too() {
    let shop = versioned(json!({})).await;
    let mut connection = Connection::open(shop.address).await;
    let ask = shop.ask("GET", SHOWN).bearer(ADMIN).header("Accept", "text/event-stream");
    assert_eq!(ask.send_on(&mut connection).await.status, 200);
    connection.event().await.expect("when to come back");
    let event = connection.event().await.expect("the product");
    assert!(event.contains(r#""name":"Trail shirt""#) && !event.contains("title"), "{event}");
}

#[actix_web::test]
async fn headers_are_changed_on_their_way() {
    let shapes = vec![
        shaping(json!({
            "path": "/api/v1/products", "method": "POST",
            "request": {"headers": {"rename": {"X-Request-Key": "idempotency-key"}}},
        })),
        shaping(json!({
            "route": "product.get",
            "response": {"headers": {"set": {"x-served-by": "mercat"}, "remove": ["referrer-policy"]}},
        })),
    ];
    let shop = shop(Config { shapes, ..config() }).await;
    let create = || {
        shop.ask("POST", "/api/v1/products").bearer(ADMIN).header("X-Request-Key", "k-9").json(r#"{"title": "Cap"}"#)
    };
    assert_eq!(create().send().await.header("idempotent-replayed"), None);
    assert_eq!(create().send().await.sure("idempotent-replayed"), "true");
    let twice = create().header("Idempotency-Key", "k-8").send().await;
    assert_eq!(twice.problem(), (400, "idempotency_key_malformed".to_owned()));
    let shown = shop.get(PRODUCT).await;
    assert_eq!((shown.sure("x-served-by"), shown.header("referrer-policy")), ("mercat", None));
    assert_eq!(shop.get("/api/v1/products").await.header("x-served-by"), None);
}

#[actix_web::test]
async fn a_version_that_ends_says_so_and_who_still_asks() {
    let own = Version {
        prefix: "/api/v1".to_owned(),
        deprecated: Some("2026-01-01".to_owned()),
        sunset: Some("9999-01-31".to_owned()),
        successor: Some("/api/v2".to_owned()),
        documentation: Some("https://shop.example/moving".to_owned()),
        ..Version::default()
    };
    let shop = shop(Config { versions: vec![own, second(json!({}))], ..config() }).await;
    let answer = shop.get(PRODUCT).await;
    assert_eq!((answer.status, answer.sure("deprecation")), (200, "@1767225600"));
    assert_eq!(answer.sure("sunset"), "Sun, 31 Jan 9999 00:00:00 GMT");
    let links = answer.all("link");
    assert!(links.contains(&&*format!("<{SHOWN}>; rel=\"successor-version\"")), "{links:?}");
    assert!(
        links.iter().any(|link| link.contains("https://shop.example/moving") && link.contains("rel=\"deprecation\""))
    );
    assert_eq!(shop.get(SHOWN).await.header("deprecation"), None);
    shop.get(PRODUCT).await;

    const LIST: &str = "/api/v1/gateway/deprecations";
    let list = shop.get(LIST).await;
    assert_eq!(list.status, 200, "{}", list.text());
    let row = &list.json()["data"][0];
    assert_eq!(
        (&row["client"], &row["version"], &row["rpc"]),
        (&json!("usr_admin"), &json!("/api/v1"), &json!("product.get"))
    );
    assert_eq!(row["count"], 2);
    assert_eq!(shop.ask("GET", LIST).bearer(GUEST).send().await.problem(), (403, "forbidden".to_owned()));
    assert_eq!(shop.ask("GET", LIST).send().await.problem(), (401, "unauthenticated".to_owned()));
    assert_eq!(shop.post(LIST, "{}").await.problem(), (405, "method_not_allowed".to_owned()));

    let document = shop.get("/openapi.json").await.json();
    let (old, new) = (&document["paths"]["/api/v1/products"]["post"], &document["paths"]["/api/v2/products"]["post"]);
    assert_eq!((&old["deprecated"], new.get("deprecated")), (&json!(true), None));
    let sends =
        |operation: &Value| operation["requestBody"]["content"]["application/json"]["schema"]["properties"].clone();
    assert!(sends(old)["title"].is_object() && sends(old).get("name").is_none());
    assert!(sends(new)["name"].is_object() && sends(new).get("title").is_none());
    let shown = &document["paths"]["/api/v2/products/{product_id}"]["get"]["responses"]["200"]["content"];
    let shown = &shown["application/json"]["schema"]["properties"];
    assert_eq!((shown["name"].is_object(), shown.get("title"), &shown["api"]["const"]), (true, None, &json!("2")));
}

#[actix_web::test]
async fn after_its_end_a_version_is_gone() {
    let shop = versioned(json!({"sunset": "2026-01-02", "successor": "/api/v1"})).await;
    let answer = shop.get(SHOWN).await;
    assert_eq!(answer.problem(), (410, "gone".to_owned()));
    assert_eq!(answer.sure("sunset"), "Fri, 02 Jan 2026 00:00:00 GMT");
    assert_eq!(answer.sure("link"), format!("<{PRODUCT}>; rel=\"successor-version\""));
    assert!(shop.heard().is_empty());
    assert_eq!(shop.get(PRODUCT).await.status, 200);
}

#[actix_web::test]
async fn a_version_has_only_what_it_names() {
    let shop = versioned(json!({"routes": ["product.get", "product.create"], "shapes": []})).await;
    assert_eq!(shop.get(format!("/api/v2/products/{ID}")).await.status, 200);
    assert_eq!(shop.get("/api/v2/products").await.problem().0, 404);
    let document = shop.get("/openapi.json").await.json();
    assert!(document["paths"]["/api/v2/products/{product_id}"]["get"].is_object());
    assert!(document["paths"]["/api/v2/products"].get("get").is_none());
}

#[actix_web::test]
async fn what_names_nothing_is_refused_at_start() {
    let refused = |config: Config| {
        let connect: gateway::Connect = std::sync::Arc::new(|| unreachable!("it does not start"));
        let error = gateway::Gateway::bind(config, connect).err().expect("refused");
        std::error::Error::source(&error).map_or(error.to_string(), ToString::to_string)
    };
    for (shape, told) in [
        (json!({"route": "product.gett"}), "product.gett"),
        (json!({"path": "/api/v1/nothing"}), "/api/v1/nothing"),
        (json!({"path": "/api/v1/products", "method": "TRACE"}), "TRACE"),
        (json!({}), "route, or path"),
        (json!({"route": "product.create", "request": {"body": {"rename": {"name": "titel"}}}}), "titel"),
        (json!({"route": "product.get", "request": {"body": {"set": {"title": "x"}}}}), "title"),
        (json!({"route": "product.get", "request": {"headers": {"set": {"Authorization": "x"}}}}), "authorization"),
    ] {
        let error = refused(Config { shapes: vec![shaping(shape.clone())], ..config() });
        assert!(error.contains(told) && error.contains("shapes[0]"), "{shape}: {error}");
    }
}

//! What the gateway tells about itself: the OpenAPI document and its explorer.

use std::collections::BTreeSet;

use crate::support::{Shop, config};
use messages::ROUTES;
use serde_json::Value;

async fn shop() -> Shop {
    Shop::with(config(), |_| None).await
}

/// Every value below a name, wherever it stands.
fn all<'a>(document: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match document {
        Value::Object(members) => {
            found.extend(members.get(name));
            members.values().for_each(|value| all(value, name, found));
        }
        Value::Array(items) => items.iter().for_each(|item| all(item, name, found)),
        _ => {}
    }
}

#[actix_web::test]
async fn the_document_tells_every_route() {
    let document = shop().await.get("/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    for route in ROUTES {
        for http in route.http {
            let operation = &document["paths"][http.path][http.method.as_str().to_ascii_lowercase()];
            assert!(operation.is_object(), "{http:?}");
            assert_eq!(operation["description"], route.doc, "{http:?}");
            assert!(operation["responses"].get(route.success.to_string()).is_some(), "{http:?}");
            for refusal in route.refusals {
                let told = &operation["responses"][refusal.status.to_string()]["content"]["application/problem+json"];
                assert!(told["examples"].get(refusal.code).is_some(), "{http:?}: {}", refusal.code);
            }
        }
    }
    let content = |path: &str| &document["paths"][path]["get"]["responses"]["200"]["content"];
    assert!(content("/api/v1/products/{product_id}")["text/event-stream"].is_object(), "an entity can be watched");
    for path in ["/api/v1/products", "/api/v1/products/{product_id}/history"] {
        assert!(content(path)["application/json"].is_object() && content(path).get("text/event-stream").is_none());
    }
    let put = ROUTES.iter().find(|route| route.name == "product.update").expect("it exists").http[0].path;
    assert!(document["paths"][put]["patch"].is_object());
}

#[actix_web::test]
async fn every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own() {
    let shop = shop().await;
    for target in ["/openapi.json", "/openapi.json?version=3.0"] {
        let document = shop.get(target).await.json();
        let mut references = Vec::new();
        all(&document, "$ref", &mut references);
        assert!(references.len() > 100, "{target}: {}", references.len());
        for reference in references {
            let pointer = reference.as_str().expect("a text").strip_prefix('#').expect("within the document");
            assert!(document.pointer(pointer).is_some_and(Value::is_object), "{target}: {pointer}");
        }
        let mut ids = Vec::new();
        all(&document["paths"], "operationId", &mut ids);
        let different: BTreeSet<_> = ids.iter().map(ToString::to_string).collect();
        assert_eq!(different.len(), ids.len(), "{target}: {ids:?}");
    }
}

#[actix_web::test]
async fn the_document_shows_what_a_client_may_send() {
    let document = shop().await.get("/openapi.json").await.json();
    let create = &document["paths"]["/api/v1/products"]["post"];
    let body = &create["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(body["additionalProperties"], false);
    assert_eq!(body["required"], serde_json::json!(["title"]));
    assert!(body["properties"].get("product_id").is_none(), "the shop chooses the id");
    assert_eq!(body["properties"]["title"]["maxLength"], 200);
    let parameters = document["paths"]["/api/v1/products"]["get"]["parameters"].as_array().expect("a list");
    let names: Vec<_> = parameters.iter().filter_map(|parameter| parameter["name"].as_str()).collect();
    let filters = ["status", "status[in]", "channel", "category_id", "product_type"];
    assert_eq!(names, [&["limit", "after", "before", "sort"][..], &filters].concat());
}

#[actix_web::test]
async fn the_older_dialect_has_nothing_of_the_newer() {
    let shop = shop().await;
    let document = shop.get("/openapi.json?version=3.0").await.json();
    assert_eq!(document["openapi"], "3.0.3");
    let mut schemas = Vec::new();
    all(&document, "schema", &mut schemas);
    for schema in schemas.iter().copied().chain([&document["components"]["schemas"]]) {
        for newer in ["contentEncoding", "const"] {
            let mut found = Vec::new();
            all(schema, newer, &mut found);
            assert!(found.is_empty(), "{newer} in {schema}");
        }
    }
    assert_eq!(shop.get("/openapi.json?version=2").await.problem(), (400, "unknown_version".to_owned()));
}

#[actix_web::test]
async fn the_document_is_sent_once() {
    let shop = shop().await;
    let first = shop.get("/openapi.json").await;
    let tag = first.sure("etag").to_owned();
    let again = shop.ask("GET", "/openapi.json").header("If-None-Match", tag).send().await;
    assert_eq!(again.status, 304);
}

#[actix_web::test]
async fn the_explorer_needs_no_other_server() {
    let shop = shop().await;
    let page = shop.get("/docs").await;
    assert_eq!((page.status, page.sure("content-type")), (200, "text/html; charset=utf-8"));
    assert!(!page.text().contains("//"), "a page that names another server: {}", page.text());
    let policy = page.sure("content-security-policy");
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    for (name, magic) in [("swagger-ui.css", b"\x1f\x8b"), ("swagger-ui-bundle.js", b"\x1f\x8b")] {
        let file = shop.get(format!("/docs/{name}")).await;
        assert_eq!((file.status, file.sure("content-encoding")), (200, "gzip"), "{name}");
        assert!(file.body.starts_with(magic), "{name}");
    }
    assert_eq!(shop.get("/docs/nothing.js").await.problem().0, 404);
    assert_eq!(shop.get("/docsify").await.problem().0, 404);
}

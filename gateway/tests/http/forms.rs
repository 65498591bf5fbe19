//! Doors that speak no JSON: what comes is handed on as it came, and what is a file leaves as one.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use messages::errors::FieldError;
use messages::json::Json;
use messages::problem::{Kind, Problem};
use messages::product::v1::{GetProductResponse, Product};
use messages::route::{File, Http, Idempotency, Method, Opened, Raw, Refusal, Route, RpcKind};
use messages::{Field, Transcoder};
use prost::Message as _;
use runtime::headers;
use serde_json::{Value, json};

use crate::support::group::{Heard, Says};
use crate::support::http::{Answer, Ask};
use crate::support::products::{ID, PRODUCT, shirt};
use crate::support::{ADMIN, Shop, config};

/// What a provider calls.
const DOOR: &str = "/webhooks/payment/stripe";
/// What no JSON is.
const BODY: &[u8] = b"{\"a\": 1,\r\n \"a\": 2}\x00\xff";

/// What a group hears of a provider.
#[derive(Clone, PartialEq, prost::Message)]
struct Called {
    #[prost(string, tag = "1")]
    provider: String,
    #[prost(bytes = "vec", tag = "2")]
    payload: Vec<u8>,
    #[prost(btree_map = "string, string", tag = "3")]
    headers: BTreeMap<String, String>,
}

/// As the build would make it: reads the members, and wants no more than 64 bytes.
fn read(json: &Json) -> Result<Vec<u8>, Vec<FieldError>> {
    let Json::Object(members) = json else { panic!("{json:?}") };
    let text = |name: &str| members.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let headers = match members.get("headers") {
        Some(Json::Object(headers)) => {
            headers.iter().map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned())).collect()
        }
        _ => BTreeMap::new(),
    };
    let payload = STANDARD.decode(text("payload")).expect("base64");
    if payload.len() > 64 {
        let detail = "must have at most 64 bytes".to_owned();
        return Err(vec![FieldError { pointer: "/payload".to_owned(), code: "too_long", detail }]);
    }
    Ok(Called { provider: text("provider"), payload, headers }.encode_to_vec())
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn named(name: &str) -> &'static Route {
    Route::named(name).expect("the contract has it")
}

/// A text field that is the first of its message.
fn provider() -> Field {
    let field = named("product.get").request.fields[0];
    Field { name: "provider", id: None, ..field }
}

/// What the contract says of a webhook.
fn webhook() -> Route {
    let archive = named("product.archive");
    let to_json = |_: &[u8], out: &mut Vec<u8>| {
        out.extend_from_slice(b"{}");
        Ok(())
    };
    Route {
        kind: RpcKind::Command,
        verb: "hear",
        key: Some("provider"),
        http: &[Http { method: Method::Post, path: "/webhooks/payment/{provider}", segments: &[] }],
        scope: None,
        public: true,
        idempotency: Idempotency::None,
        response_body: None,
        raw: Some(Raw { body: "payload", headers: Some("headers"), allow: &["content-type", "x-signature", "x-none"] }),
        refusals: &[Refusal {
            code: "bad_signature",
            status: 401,
            kind: Kind::Unauthenticated,
            detail: "The signature is not the provider's.",
            facts: &[],
        }],
        request: leak(Transcoder { from_json: read, fields: leak(vec![provider()]), ..*archive.request }),
        response: leak(Transcoder { to_json, fields: &[], ..*archive.response }),
        locate: |_| None,
        ..*archive
    }
}

/// What the contract says of a file: a product whose title is its name and whose description is what is in it.
fn print() -> Route {
    let open = |bytes: &[u8]| {
        let product = GetProductResponse::decode(bytes)?.product.unwrap_or_default();
        let content = product.description.into_bytes();
        Ok(Opened { content, media_type: product.product_type, name: product.title })
    };
    Route {
        file: Some(File { content: "description", media_type: "product_type", name: "title", open }),
        response_body: None,
        ..*named("product.get")
    }
}

async fn shop_of(route: Route, script: impl FnMut(&Heard) -> Option<Says> + Send + 'static) -> Shop {
    Shop::with_routes(vec![leak(route)].leak(), config(), script).await
}

fn call(shop: &Shop) -> Ask {
    shop.ask("POST", DOOR).header("Content-Type", "text/plain; charset=x").header("X-Signature", "t=1,v1=ab").body(BODY)
}

#[actix_web::test]
async fn what_a_provider_sends_is_handed_on_as_it_came() {
    let shop = shop_of(webhook(), |_| Some(Says::raw(b"").with(headers::VERSION, 1))).await;
    let answer: Answer = call(&shop)
        .header("x-signature", "t=2")
        .header("Cookie", "a=b")
        .header("X-Other", "c")
        .header("Idempotency-Key", "not a key")
        .header("Authorization", "Basic YTpi")
        .header("Guest-Token", "short")
        .send()
        .await;
    assert_eq!((answer.status, answer.text().as_str()), (200, ""), "the status says it all");
    assert_eq!((answer.header("content-type"), answer.header("guest-token")), (None, None));

    let heard = shop.heard_one();
    let called = Called::decode(heard.payload.clone()).expect("a request");
    assert_eq!((called.provider.as_str(), called.payload.as_slice()), ("stripe", BODY));
    let pairs: Vec<_> = called.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(pairs, [("content-type", "text/plain; charset=x"), ("x-signature", "t=1,v1=ab, t=2")]);
    assert_eq!(heard.header(headers::CALLER), Some("anonymous - -"), "nobody asks who a provider is");
    assert!(!heard.header(headers::COMMAND).expect("a command").ends_with(".keyed"));

    call(&shop).send().await;
    assert_ne!(shop.heard_one().header(headers::COMMAND), heard.header(headers::COMMAND), "repeats are the group's");
}

#[actix_web::test]
async fn what_a_provider_must_not_send_ends_here() {
    let shop = shop_of(webhook(), |_| None).await;
    let packed = call(&shop).header("Content-Encoding", "gzip").send().await;
    assert_eq!(packed.problem(), (415, "unsupported_media_type".to_owned()));
    let unreadable = call(&shop).header("X-Signature", "caf\u{e9}").send().await;
    assert_eq!(unreadable.problem(), (400, "header_unreadable".to_owned()));
    let long = shop.ask("POST", DOOR).body("x".repeat(65)).send().await;
    assert_eq!(long.problem(), (400, "invalid_request".to_owned()));
    assert_eq!(long.json()["errors"][0]["pointer"], "/payload", "the contract bounds it");
    let huge = shop.ask("POST", DOOR).body("x".repeat(1024 * 1024 + 1)).send().await;
    assert_eq!(huge.problem(), (413, "body_too_large".to_owned()));
    let query = shop.ask("POST", format!("{DOOR}?secret=x")).body("x").send().await;
    assert_eq!(query.problem().0, 400);
    let get = shop.ask("GET", DOOR).send().await;
    assert_eq!((get.problem().0, get.sure("allow")), (405, "OPTIONS, POST"));
    assert!(shop.heard().is_empty());
}

#[actix_web::test]
async fn a_group_says_no_to_a_provider_as_to_anybody() {
    let problem = Problem::new(Kind::Unauthenticated, "bad_signature", "The signature is not the provider's.");
    let shop = shop_of(webhook(), move |_| Some(Says::no(&problem))).await;
    assert_eq!(call(&shop).send().await.problem(), (401, "bad_signature".to_owned()));
    let told = Route { response: named("product.archive").response, response_body: Some("product"), ..webhook() };
    let says = GetProductResponse { product: Some(shirt()) };
    let shop = shop_of(told, move |_| Some(Says::yes(&says))).await;
    assert_eq!(call(&shop).send().await.json()["title"], "Trail shirt", "a response that says something is said");
}

/// A shop that prints this.
async fn shop_that_prints(title: &str, product_type: &str) -> Shop {
    let product = Product {
        product_id: ID.to_owned(),
        title: title.to_owned(),
        product_type: product_type.to_owned(),
        description: "sku,on_hand\r\nA,3\r\n".to_owned(),
        ..Product::default()
    };
    let says = GetProductResponse { product: Some(product) };
    shop_of(print(), move |_| Some(Says::yes(&says).with(headers::VERSION, 3))).await
}

#[actix_web::test]
async fn a_file_is_sent_as_what_it_is() {
    let shop = shop_that_prints("stock.csv", "text/csv; charset=utf-8").await;
    let answer = shop.get(PRODUCT).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "sku,on_hand\r\nA,3\r\n"));
    assert_eq!(answer.sure("content-type"), "text/csv; charset=utf-8");
    assert_eq!(answer.sure("content-disposition"), "attachment; filename=\"stock.csv\"");
    assert_eq!((answer.sure("etag"), answer.sure("x-content-type-options")), ("\"3\"", "nosniff"));
    let known = shop.ask("GET", PRODUCT).bearer(ADMIN).header("If-None-Match", "\"3\"").send().await;
    assert_eq!(known.status, 304);

    let hostile = shop_that_prints("../\"x\r\nSet-Cookie: a=b", "text/html\r\nX: y").await;
    let answer = hostile.get(PRODUCT).await;
    assert_eq!(answer.sure("content-type"), "application/octet-stream");
    assert!(answer.sure("content-disposition").starts_with("attachment; filename=\"_xSet-Cookie: a=b\""));
    assert_eq!(answer.header("set-cookie"), None);
}

#[actix_web::test]
async fn a_file_that_cannot_be_read_is_our_fault() {
    let shop = shop_of(print(), |_| Some(Says::raw(b"\xff\xff\xff"))).await;
    assert_eq!(shop.get(PRODUCT).await.problem(), (500, "internal".to_owned()));
}

#[actix_web::test]
async fn the_document_tells_what_is_no_json() {
    const LIMIT: u64 = 1 << 20;
    let routes: &'static [&'static Route] = vec![leak(webhook()), leak(print())].leak();
    let shop = Shop::with_routes(routes, config(), |_| None).await;
    for (target, schema) in [
        (
            "/openapi.json",
            json!({"type": "string", "contentMediaType": "application/octet-stream", "maxLength": LIMIT}),
        ),
        ("/openapi.json?version=3.0", json!({"type": "string", "format": "binary", "maxLength": LIMIT})),
    ] {
        let document = shop.get(target).await.json();
        let hear = &document["paths"]["/webhooks/payment/{provider}"]["post"];
        assert_eq!(hear["requestBody"]["content"]["*/*"]["schema"], schema);
        assert_eq!(hear["security"], json!([{}]), "nobody has to show who they are");
        let parameters = hear["parameters"].as_array().expect("a list");
        let names: Vec<_> = parameters.iter().filter_map(|parameter| parameter["name"].as_str()).collect();
        assert_eq!(names, ["content-type", "x-signature", "x-none"]);
        assert_eq!(hear["responses"]["200"].get("content"), None::<&Value>);
        let print = &document["paths"]["/api/v1/products/{product_id}"]["get"]["responses"]["200"];
        let (media_type, told) = print["content"].as_object().expect("a map").iter().next().expect("a type");
        // What is sent has a limit; what is answered has none.
        let mut answered = schema.clone();
        answered.as_object_mut().expect("a schema").remove("maxLength");
        assert_eq!((told["schema"].clone(), media_type.is_empty()), (answered, false));
        assert!(print["headers"]["Content-Disposition"].is_object());
    }
}

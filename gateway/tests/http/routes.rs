//! What the contract can say of a route and no route says yet: its end, its successor, and an outcome that comes later.

use crate::support::group::{Heard, Says};
use crate::support::http::Answer;
use crate::support::products::{ID, PRODUCT};
use crate::support::{ADMIN, Shop, config};
use messages::Transcoder;
use messages::problem::Kind;
use messages::product::v1::{CreateProductResponse, GetProductResponse, Product, ProductStatus};
use messages::route::{Http, Lifecycle, Method, Refusal, Route, Settle};
use runtime::headers;

fn named(name: &str) -> &'static Route {
    Route::named(name).expect("the contract has it")
}

fn serve(routes: Vec<Route>) -> &'static [&'static Route] {
    let routes: Vec<&'static Route> = routes.into_iter().map(|route| &*Box::leak(Box::new(route))).collect();
    routes.leak()
}

fn says_product(status: ProductStatus) -> Says {
    let product = Product { product_id: ID.to_owned(), status: status.into(), ..Product::default() };
    Says::yes(&GetProductResponse { product: Some(product) }).with(headers::VERSION, 3)
}

#[actix_web::test]
async fn a_route_that_ends_says_so_and_then_is_gone() {
    const SUCCESSOR: &[Http] = &[Http { method: Method::Get, path: "/api/v2/products/{product_id}", segments: &[] }];
    let since = named("product.get").lifecycle;
    let dying = |sunset| Lifecycle {
        deprecated: Some("2026-01-01"),
        sunset: Some(sunset),
        successor: Some("product.show"),
        ..since
    };
    let successor = || Route { name: "product.show", http: SUCCESSOR, ..*named("product.get") };

    let routes = serve(vec![Route { lifecycle: dying("9999-01-31"), ..*named("product.get") }, successor()]);
    let shop = Shop::with_routes(routes, config(), |_| Some(says_product(ProductStatus::Active))).await;
    let answer = shop.get(PRODUCT).await;
    assert_eq!(answer.status, 200);
    // 2026-01-01T00:00:00Z.
    assert_eq!(answer.sure("deprecation"), "@1767225600");
    assert_eq!(answer.sure("sunset"), "Sun, 31 Jan 9999 00:00:00 GMT");
    assert_eq!(answer.sure("link"), format!("</api/v2/products/{ID}>; rel=\"successor-version\""));
    assert_eq!(shop.get(format!("/api/v2/products/{ID}")).await.header("deprecation"), None);

    let routes = serve(vec![Route { lifecycle: dying("2026-01-02"), ..*named("product.get") }, successor()]);
    let shop = Shop::with_routes(routes, config(), |_| Some(says_product(ProductStatus::Active))).await;
    let answer = shop.get(PRODUCT).await;
    assert_eq!(answer.problem(), (410, "gone".to_owned()));
    assert_eq!(answer.sure("sunset"), "Fri, 02 Jan 2026 00:00:00 GMT");
    assert_eq!(answer.sure("link"), format!("</api/v2/products/{ID}>; rel=\"successor-version\""));
    assert!(shop.heard().is_empty());
}

#[actix_web::test]
async fn two_routes_for_one_path_are_refused_at_start() {
    let routes = serve(vec![Route { ..*named("product.get") }, Route { ..*named("product.get") }]);
    let connect: gateway::Connect = std::sync::Arc::new(|| unreachable!("it does not start"));
    let refused = gateway::Gateway::with_routes(routes, config(), connect).err().expect("ambiguous");
    assert!(matches!(refused, gateway::Error::Contract(_)), "{refused:?}");
}

/// A create that has settled when its product is active.
fn settling() -> &'static [&'static Route] {
    const SETTLE: Settle =
        Settle { until: &["active"], within_ms: 400, respond_async: true, problem: None, accepted: &[] };
    let create = Route { settle: Some(SETTLE), reads: Some("GetProduct"), ..*named("product.create") };
    serve(vec![create, Route { ..*named("product.get") }])
}

/// A shop whose product is active when it is looked at for the `looks`-th time; never, if 0.
async fn shop_that_settles(looks: u32) -> Shop {
    let mut seen = 0;
    let script = move |heard: &Heard| {
        if heard.verb() == "create" {
            let product =
                Product { product_id: ID.to_owned(), status: ProductStatus::Draft.into(), ..Product::default() };
            let created = CreateProductResponse { product: Some(product) };
            return Some(Says::yes(&created).with(headers::VERSION, 1).with(headers::POSITION, "product/5/9"));
        }
        seen += 1;
        Some(says_product(if seen == looks { ProductStatus::Active } else { ProductStatus::Draft }))
    };
    Shop::with_routes(settling(), config(), script).await
}

/// Where what a command creates will be shown: its address is its key.
fn created(command: &Heard) -> String {
    format!("/api/v1/products/{}", command.subject.split('.').nth(4).expect("a key"))
}

async fn create(shop: &Shop, prefer: &str) -> Answer {
    let post = shop.ask("POST", "/api/v1/products").bearer(ADMIN).header("Prefer", prefer);
    post.json(r#"{"title": "Cap"}"#).send().await
}

#[actix_web::test]
async fn what_settles_in_time_is_answered_as_settled() {
    let shop = shop_that_settles(2).await;
    let answer = create(&shop, "").await;
    assert_eq!((answer.status, answer.sure("etag")), (201, "\"3\""), "{}", answer.text());
    assert_eq!(answer.json()["status"], "active");
    assert_eq!(answer.sure("shop-position"), "product/5/9");
    let heard = shop.heard();
    assert_eq!(answer.sure("location"), created(&heard[0]));
    let verbs: Vec<_> = heard.iter().map(Heard::verb).collect();
    assert_eq!(verbs, ["create", "get", "get"]);
    assert_eq!(heard[1].header(headers::WAIT), Some("product/5/9"), "a look includes the command");
}

#[actix_web::test]
async fn what_does_not_settle_in_time_is_accepted() {
    let shop = shop_that_settles(0).await;
    let answer = create(&shop, "").await;
    assert_eq!((answer.status, answer.sure("location")), (202, &*created(&shop.heard()[0])));
    assert_eq!(answer.json()["status"], "draft");
}

#[actix_web::test]
async fn who_does_not_want_to_wait_does_not() {
    let shop = shop_that_settles(2).await;
    let answer = create(&shop, "return=minimal, respond-async").await;
    assert_eq!((answer.status, answer.sure("location")), (202, PRODUCT));
    assert_eq!(answer.sure("preference-applied"), "respond-async");
    assert_eq!(shop.heard_one().verb(), "create");
}

#[actix_web::test]
async fn an_unknown_outcome_of_what_settles_is_no_failure() {
    let limits = gateway::config::Limits { ask_timeout_ms: 300, ..gateway::config::Limits::default() };
    let shop = Shop::with_routes(settling(), gateway::Config { limits, ..config() }, |_| None).await;
    let answer = create(&shop, "").await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.sure("location"), created(&shop.heard()[0]));
}

/// An order of which the group says in JSON what has become of it: one after the other, and then the last for ever.
async fn shop_that_sells(said: &'static [&'static str]) -> Shop {
    const SETTLE: Settle = Settle {
        until: &["confirmed", "cancelled"],
        within_ms: 5_000,
        respond_async: true,
        problem: Some("problem"),
        accepted: &["requires_action"],
    };
    const DECLINED: Refusal = Refusal {
        code: "payment_declined",
        status: 402,
        kind: Kind::PaymentRequired,
        detail: "The card was declined.",
        facts: &["order_id", "decline_code"],
    };
    let shown = || {
        let to_json = |bytes: &[u8], out: &mut Vec<u8>| {
            out.extend_from_slice(bytes);
            Ok(())
        };
        &*Box::leak(Box::new(Transcoder { to_json, ..*named("product.get").response }))
    };
    let create = Route {
        settle: Some(SETTLE),
        reads: Some("GetProduct"),
        refusals: &[DECLINED],
        response: shown(),
        ..*named("product.create")
    };
    let routes = serve(vec![create, Route { response: shown(), ..*named("product.get") }]);
    let mut said = said.iter();
    let mut last = "";
    let script = move |_: &Heard| {
        last = said.next().copied().unwrap_or(last);
        Some(Says::raw(last.as_bytes()).with(headers::VERSION, 1).with(headers::POSITION, "product/5/9"))
    };
    Shop::with_routes(routes, config(), script).await
}

#[actix_web::test]
async fn what_settles_as_a_refusal_is_refused() {
    let shop = shop_that_sells(&[
        r#"{"status": "pending"}"#,
        r#"{"status": "pending", "problem": {"code": "not_yet", "detail": ""}}"#,
        r#"{"status": "cancelled", "problem": {
            "code": "payment_declined", "kind": "payment_required", "title": "", "detail": "Your bank said no.",
            "errors": [], "retry_after_ms": 0,
            "facts": [{"name": "order_id", "text": "ord_1"}, {"name": "decline_code", "text": "insufficient_funds"}]
        }}"#,
    ])
    .await;
    let answer = create(&shop, "").await;
    assert_eq!(answer.problem(), (402, "payment_declined".to_owned()), "{}", answer.text());
    let told = answer.json();
    assert_eq!(told["detail"], "Your bank said no.");
    assert_eq!((&told["order_id"], &told["decline_code"]), (&"ord_1".into(), &"insufficient_funds".into()));
    assert!(told.get("facts").is_none() && told.get("kind").is_none(), "a problem like any other: {told}");
    assert_eq!(answer.sure("shop-position"), "product/5/9");
    let heard = shop.heard();
    let verbs: Vec<_> = heard.iter().map(Heard::verb).collect();
    assert_eq!(verbs, ["create", "get", "get"], "a problem counts when it has settled");
}

#[actix_web::test]
async fn what_came_to_nothing_is_no_failure_of_ours() {
    for (problem, status, code) in [
        (r#"{"code": "payment_declined"}"#, 402, "payment_declined"),
        (r#"{"code": "no_courier", "kind": "unprocessable"}"#, 422, "no_courier"),
        (r#"{"code": "nobody_knows_this"}"#, 409, "nobody_knows_this"),
    ] {
        let said = format!(r#"{{"status": "cancelled", "problem": {problem}}}"#).leak();
        let shop = shop_that_sells(vec![&*said].leak()).await;
        assert_eq!(create(&shop, "").await.problem(), (status, code.to_owned()));
    }
    let shop = shop_that_sells(&[r#"{"status": "cancelled"}"#]).await;
    let without = create(&shop, "").await;
    assert_eq!((without.status, &without.json()["status"]), (201, &"cancelled".into()), "no problem, no refusal");
}

#[actix_web::test]
async fn what_waits_for_the_caller_is_accepted_at_once() {
    let shop = shop_that_sells(&[r#"{"status": "pending"}"#, r#"{"status": "requires_action", "url": "x"}"#]).await;
    let answer = create(&shop, "").await;
    assert_eq!((answer.status, &answer.json()["status"]), (202, &"requires_action".into()));
    let heard = shop.heard();
    assert_eq!(answer.sure("location"), created(&heard[0]));
    assert_eq!(heard.len(), 2, "nobody is waited for");
}

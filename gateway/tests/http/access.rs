//! Access: who may, by which path, in which language, and under which names.

use runtime::headers;

use crate::support::products::{PRODUCT, shop};
use crate::support::{ADMIN, GUEST};

#[actix_web::test]
async fn who_may_not_is_told_why() {
    let shop = shop().await;
    let post = || shop.ask("POST", "/api/v1/products").json(r#"{"title": "Cap"}"#);
    let nobody = post().send().await;
    assert_eq!(nobody.problem(), (401, "unauthenticated".to_owned()));
    assert_eq!(nobody.sure("www-authenticate"), "Bearer realm=\"mercat\"");
    let unknown = post().bearer("nobody-holds-this-token").send().await;
    assert_eq!(unknown.problem(), (401, "unauthenticated".to_owned()));
    assert!(unknown.sure("www-authenticate").contains("invalid_token"));
    let guest = post().bearer(GUEST).send().await;
    assert_eq!(guest.problem(), (403, "forbidden".to_owned()));
    assert!(guest.sure("www-authenticate").contains("scope=\"product:write\""));
    // A token that nobody holds is refused where none is needed, too: its bearer believes to be somebody.
    let public = shop.ask("GET", PRODUCT).bearer("nobody-holds-this-token").send().await;
    assert_eq!(public.problem().0, 401);
    assert!(shop.heard().is_empty());
}

#[actix_web::test]
async fn paths_methods_and_media_types_are_known_or_refused() {
    let shop = shop().await;
    assert_eq!(shop.get("/api/v1/nothing").await.problem(), (404, "no_such_path".to_owned()));
    let delete = shop.ask("DELETE", PRODUCT).bearer(ADMIN).send().await;
    assert_eq!(delete.problem(), (405, "method_not_allowed".to_owned()));
    assert_eq!(delete.sure("allow"), "GET, HEAD, OPTIONS, PATCH, PUT");
    let options = shop.ask("OPTIONS", PRODUCT).send().await;
    assert_eq!((options.status, options.sure("allow")), (204, "GET, HEAD, OPTIONS, PATCH, PUT"));

    let post = || shop.ask("POST", "/api/v1/products").bearer(ADMIN).body(r#"{"title": "Cap"}"#);
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", ""] {
        let answer = post().header("Content-Type", media_type).send().await;
        assert_eq!(answer.problem(), (415, "unsupported_media_type".to_owned()), "{media_type}");
        assert_eq!(answer.sure("accept-post"), "application/json");
    }
    assert_eq!(post().send().await.problem().0, 415, "no type at all");
    let packed = post().header("Content-Type", "application/json").header("Content-Encoding", "gzip").send().await;
    assert_eq!(packed.problem().0, 415);
    let body_of_get = shop.ask("GET", PRODUCT).json("{}").send().await;
    assert_eq!(body_of_get.problem(), (400, "unexpected_body".to_owned()));
    assert!(shop.heard().is_empty());
    for media_type in ["application/json", "Application/JSON;charset=UTF-8", "application/json; charset=\"utf-8\""] {
        assert_eq!(post().header("Content-Type", media_type).send().await.status, 201, "{media_type}");
    }
}

#[actix_web::test]
async fn names_of_a_request_are_kept_and_told() {
    let shop = shop().await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let answer = shop
        .ask("GET", PRODUCT)
        .header("X-Request-Id", "req-1")
        .header("X-Correlation-ID", "story-1")
        .header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"))
        .send()
        .await;
    assert_eq!(answer.sure("x-request-id"), "req-1");
    assert_eq!(answer.sure("x-correlation-id"), "story-1");
    assert_eq!(answer.sure("x-trace-id"), trace);
    let heard = shop.heard_one();
    assert_eq!(heard.header(headers::REQUEST), Some("req-1"));
    assert_eq!(heard.header(headers::CORRELATION), Some("story-1"));
    let parent = heard.header(headers::TRACEPARENT).expect("a trace");
    assert_eq!(answer.sure("traceparent"), parent);
    assert!(parent.starts_with(&format!("00-{trace}-")) && parent.ends_with("-01"), "{parent}");

    let made = shop.ask("GET", "/api/v1/nothing").header("X-Request-Id", "not a name").send().await;
    assert_eq!(made.sure("x-request-id").len(), 32);
    assert_eq!(made.json()["request_id"], made.sure("x-request-id"));
}

#[actix_web::test]
async fn every_answer_protects_its_reader() {
    let shop = shop().await;
    for target in [PRODUCT, "/api/v1/nothing", "/health/live", "/docs", "/openapi.json"] {
        let answer = shop.ask("GET", target).send().await;
        assert_eq!(answer.sure("x-content-type-options"), "nosniff", "{target}");
        assert_eq!(answer.sure("x-frame-options"), "DENY", "{target}");
        assert_eq!(answer.sure("referrer-policy"), "no-referrer", "{target}");
        assert!(answer.sure("content-security-policy").starts_with("default-src 'none'"), "{target}");
        assert!(answer.header("cache-control").is_some(), "{target}");
    }
}

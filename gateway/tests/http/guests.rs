//! Guests: who shows nothing and does something is somebody from then on.

use std::collections::BTreeSet;

use gateway::config::{Config, Cors, Limits};
use runtime::headers;
use serde_json::{Value, json};

use crate::support::http::{Answer, Ask};
use crate::support::products::{Products, shirt};
use crate::support::{ADMIN, GUEST, Shop, config};

/// A secret as a client may make one.
const SECRET: &str = "0123456789abcdefghijkl";
/// A list that is not public.
const WAREHOUSES: &str = "/api/v1/warehouses";

/// A configuration in which guests may write products and look at stock, as the contract has no cart here.
fn for_guests() -> Config {
    Config { guest_scopes: vec!["product:write".to_owned(), "inventory:read".to_owned()], ..config() }
}

async fn shop() -> Shop {
    let mut products = Products::with(shirt());
    Shop::with(for_guests(), move |heard| products.answer(heard)).await
}

fn create(shop: &Shop) -> Ask {
    shop.ask("POST", "/api/v1/products").json(r#"{"title": "Cap"}"#)
}

/// Who asked, as the only request that was heard says.
#[track_caller]
fn caller(shop: &Shop) -> String {
    shop.heard_one().header(headers::CALLER).expect("somebody asks").to_owned()
}

#[actix_web::test]
async fn who_shows_nothing_and_does_something_is_a_guest_from_then_on() {
    let shop = shop().await;
    let first = create(&shop).send().await;
    assert_eq!(first.status, 201, "{}", first.text());
    let secret = first.sure("guest-token").to_owned();
    assert_eq!(secret.len(), 43, "256 bits in base64url: {secret}");
    assert!(secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{secret}");
    let guest = caller(&shop);
    let words: Vec<_> = guest.split(' ').collect();
    let [role, subject, scopes] = words.as_slice() else { panic!("{guest}") };
    assert_eq!((*role, *scopes), ("guest", "product:write,inventory:read"));
    assert!(messages::id::UserId::parse(subject).is_ok(), "{subject}");
    assert!(!guest.contains(&secret), "the secret stays here");

    let again = create(&shop).header("Guest-Token", &secret).send().await;
    assert_eq!((again.status, again.header("guest-token")), (201, None), "whoever has one gets none");
    assert_eq!(caller(&shop), guest);
    let other = create(&shop).send().await;
    assert_ne!(other.sure("guest-token"), secret);
    assert_ne!(caller(&shop), guest, "whoever shows nothing is somebody new");
}

#[actix_web::test]
async fn a_guest_is_made_by_doing_and_not_by_looking() {
    let shop = shop().await;
    let looks = shop.ask("GET", WAREHOUSES).send().await;
    assert_eq!((looks.problem().0, looks.header("guest-token")), (401, None), "nothing is anybody's yet");
    let public = shop.ask("GET", "/api/v1/products").send().await;
    assert_eq!((public.status, public.header("guest-token")), (200, None));
    assert_eq!(caller(&shop), "anonymous - -");

    let public = shop.ask("GET", "/api/v1/products").header("Guest-Token", SECRET).send().await;
    assert_eq!((public.status, public.header("guest-token")), (200, None));
    assert!(caller(&shop).starts_with("guest usr_"));
}

#[actix_web::test]
async fn a_guest_may_what_guests_may() {
    let shop = shop().await;
    let adjust = || {
        let body = json!({"warehouse_id": "wh_01h455vb4pex5vsknk084sn02q", "sku": "A", "delta": 1, "reason": "found"});
        shop.ask("POST", "/api/v1/inventory/adjust").header("Idempotency-Key", "k").json(body.to_string())
    };
    let nobody = adjust().send().await;
    assert_eq!((nobody.problem().0, nobody.header("guest-token")), (401, None), "no guest could");
    let guest = adjust().header("Guest-Token", SECRET).send().await;
    assert_eq!(guest.problem(), (403, "forbidden".to_owned()));
    assert!(shop.heard().is_empty());

    let closed = Shop::with(Config { guest_scopes: Vec::new(), ..config() }, |_| None).await;
    let nobody = create(&closed).send().await;
    assert_eq!((nobody.problem().0, nobody.header("guest-token")), (401, None), "a shop without guests");
}

#[actix_web::test]
async fn what_is_no_secret_is_refused() {
    let shop = shop().await;
    let long = "x".repeat(129);
    for secret in ["", "0123456789abcdefghijk", &long, "0123456789 abcdefghijkl", "0123456789abcdefghijk\u{e9}"] {
        let answer = create(&shop).header("Guest-Token", secret).send().await;
        assert_eq!(answer.problem(), (400, "guest_token_malformed".to_owned()), "{secret:?}");
    }
    let twice = create(&shop).header("Guest-Token", SECRET).header("Guest-Token", SECRET).send().await;
    assert_eq!(twice.problem(), (400, "guest_token_malformed".to_owned()));
    assert!(shop.heard().is_empty());
    let longest = create(&shop).header("Guest-Token", "~".repeat(128)).send().await;
    assert_eq!(longest.status, 201);
}

#[actix_web::test]
async fn a_bearer_who_was_a_guest_says_so_and_stays_the_bearer() {
    let shop = shop().await;
    create(&shop).header("Guest-Token", SECRET).send().await;
    let guest = caller(&shop);
    let user_id = guest.split(' ').nth(1).expect("a subject").to_owned();

    let answer = create(&shop).bearer(ADMIN).header("Guest-Token", SECRET).send().await;
    assert_eq!((answer.status, answer.header("guest-token")), (201, None));
    assert_eq!(caller(&shop), format!("admin usr_admin * {user_id}"));
    create(&shop).bearer(ADMIN).send().await;
    assert_eq!(caller(&shop), "admin usr_admin *");

    let foreign = create(&shop).bearer("nobody-holds-this-token").header("Guest-Token", SECRET).send().await;
    assert_eq!(foreign.problem().0, 401, "a token that nobody holds is not made good by a guest's");
    let without_scope = create(&shop).bearer(GUEST).header("Guest-Token", SECRET).send().await;
    assert_eq!(without_scope.problem().0, 403, "nor does the bearer get what guests have");
}

#[actix_web::test]
async fn keys_of_guests_are_apart() {
    let shop = shop().await;
    let keyed = |ask: Ask| ask.header("Idempotency-Key", "k").send();
    let one = keyed(create(&shop).header("Guest-Token", SECRET)).await;
    let repeated = keyed(create(&shop).header("Guest-Token", SECRET)).await;
    assert_eq!(repeated.sure("idempotent-replayed"), "true");
    assert_eq!(repeated.body, one.body);
    let other = keyed(create(&shop).header("Guest-Token", "another-guest-of-the-shop")).await;
    // Who shows nothing repeats nothing: what is answered is theirs alone, and so is the secret.
    let nobody = keyed(create(&shop)).await;
    let nobody_again = keyed(create(&shop)).await;
    let answers = [&one, &other, &nobody, &nobody_again];
    let ids: BTreeSet<_> = answers.iter().map(|answer| answer.json()["product_id"].to_string()).collect();
    assert_eq!(ids.len(), answers.len(), "{ids:?}");
    for answer in answers {
        assert_eq!((answer.status, answer.header("idempotent-replayed")), (201, None));
    }
    let secrets: Vec<_> = answers.iter().filter_map(|answer| answer.header("guest-token")).collect();
    assert_eq!(secrets.len(), 2, "{secrets:?}");
    assert_ne!(secrets[0], secrets[1]);

    let replayed = |secret: &str| keyed(create(&shop).header("Guest-Token", secret.to_owned()));
    let mine = replayed(secrets[0]).await;
    assert_eq!(mine.body, nobody.body, "with the secret the new guest finds its command again");
    assert_eq!((mine.sure("idempotent-replayed"), mine.header("guest-token")), ("true", None));
}

#[actix_web::test]
async fn a_replay_never_brings_a_secret() {
    // A group that takes a command of somebody who has just come into being for a repeat is wrong, and tells nobody.
    let mut products = Products::with(shirt());
    let config = for_guests();
    let shop =
        Shop::with(config, move |heard| products.answer(heard).map(|says| says.with(headers::REPLAYED, "1"))).await;
    let answer = create(&shop).send().await;
    assert_eq!((answer.sure("idempotent-replayed"), answer.header("guest-token")), ("true", None));
}

#[actix_web::test]
async fn an_outcome_nobody_heard_can_be_asked_for_by_the_same_guest() {
    let limits = Limits { ask_timeout_ms: 300, ..Limits::default() };
    let shop = Shop::with(Config { limits, ..for_guests() }, |_| None).await;
    let lost: Answer = create(&shop).header("Idempotency-Key", "k").send().await;
    assert_eq!(lost.problem().0, 504);
    let secret = lost.sure("guest-token").to_owned();
    let commands = || {
        let heard = shop.heard();
        heard.iter().map(|heard| heard.header(headers::COMMAND).expect("an id").to_owned()).collect::<BTreeSet<_>>()
    };
    let first = commands();
    create(&shop).header("Idempotency-Key", "k").header("Guest-Token", secret).send().await;
    assert_eq!(commands(), first, "the same command");
}

#[actix_web::test]
async fn a_guest_reads_what_it_wrote() {
    let shop = shop().await;
    let created = create(&shop).send().await;
    let (secret, position) = (created.sure("guest-token"), created.sure("shop-position"));
    shop.heard();
    shop.ask("GET", "/api/v1/products").header("Guest-Token", secret).send().await;
    assert_eq!(shop.heard_one().header(headers::WAIT), Some(position));
    shop.ask("GET", "/api/v1/products").header("Guest-Token", SECRET).send().await;
    assert_eq!(shop.heard_one().header(headers::WAIT), None, "another guest's list");
}

#[actix_web::test]
async fn pages_of_other_origins_may_keep_a_guest() {
    let cors = Cors { origins: vec!["https://shop.example".to_owned()], credentials: false };
    let mut products = Products::with(shirt());
    let shop = Shop::with(Config { cors, ..for_guests() }, move |heard| products.answer(heard)).await;
    let names = |answer: &Answer, header: &str| answer.sure(header).split(", ").any(|name| name == "guest-token");
    let from = |ask: Ask| ask.header("Origin", "https://shop.example");
    let preflight = from(shop.ask("OPTIONS", "/api/v1/products")).header("Access-Control-Request-Method", "POST");
    assert!(names(&preflight.send().await, "access-control-allow-headers"));
    assert!(names(&from(create(&shop)).send().await, "access-control-expose-headers"));
}

#[actix_web::test]
async fn what_depends_on_who_asks_is_not_kept_for_another() {
    let shop = shop().await;
    let answer = shop.ask("GET", crate::support::products::PRODUCT).send().await;
    assert!(answer.all("vary").contains(&"accept, authorization, guest-token"), "{:?}", answer.all("vary"));
}

#[actix_web::test]
async fn the_document_tells_how_to_be_a_guest() {
    for target in ["/openapi.json", "/openapi.json?version=3.0"] {
        let document = shop().await.get(target).await.json();
        let scheme = &document["components"]["securitySchemes"]["guest"];
        assert_eq!(
            (&scheme["type"], &scheme["in"], &scheme["name"]),
            (&json!("apiKey"), &json!("header"), &json!("Guest-Token"))
        );
        let operation = |path: &str, method: &str| document["paths"][path][method].clone();
        let create = operation("/api/v1/products", "post");
        assert_eq!(create["security"], json!([{"oauth": ["product:write"]}, {"bearer": []}, {"guest": []}, {}]));
        assert!(create["responses"]["201"]["headers"]["Guest-Token"].is_object());
        let list = operation(WAREHOUSES, "get");
        let or_a_token = json!([{"oauth": ["inventory:read"]}, {"bearer": []}, {"guest": []}]);
        assert_eq!(list["security"], or_a_token, "reading makes no guest");
        assert_eq!(list["responses"]["200"]["headers"].get("Guest-Token"), None::<&Value>);
        let adjust = operation("/api/v1/inventory/adjust", "post");
        assert_eq!(adjust["security"], json!([{"oauth": ["inventory:write"]}, {"bearer": []}]));
        let public = operation("/api/v1/products", "get")["security"].clone();
        assert_eq!(public, json!([{}, {"oauth": []}, {"bearer": []}]));
    }
}

//! Screens: what a page shows, in one answer, and what of it when a group is away.

use std::net::SocketAddr;
use std::time::Duration;

use runtime::server::{Server, ServerOptions};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::journey;
use crate::customer::GOOD;
use crate::house::{Ask, Http, Process, free_port, mercat};
use crate::stocked::{Stocked, expect, text};

const PASSWORD: &str = "correct horse battery staple";
const TOKEN: &str = "token-of-the-administrator";

/// The body of a request that must be answered well.
async fn good(http: &mut Http, ask: &Ask) -> Value {
    expect(&http.try_send(ask).await.expect("an answer"), 200, ask)
}

#[test]
fn a_screen_says_what_the_single_calls_say() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let category = shop.owner(201, Ask::post("/api/v1/categories", &json!({"name": "Cups"}))).await;
        let category = text(&category, "/category_id");
        let cup = json!({"title": "Cup", "status": "active", "product_type": "physical", "category_ids": [category],
                         "variants": [{"sku": "CUP", "price": {"amount": 900, "currency": "EUR"}}]});
        let product_id = text(&shop.owner(201, Ask::post("/api/v1/products", &cup)).await, "/product_id");
        shop.until(Ask::get("/api/v1/prices/CUP"), |price| price["sku"] == "CUP").await;

        let mut nobody = shop.up.stranger();
        let page = Ask::get(format!("/bff/storefront/product/{product_id}"));
        let answer = nobody.try_send(&page).await.expect("an answer");
        let screen = expect(&answer, 200, &page);
        assert_eq!(screen["partial"], false, "{screen:#}");
        assert_eq!(answer.header("cache-control"), Some("public, max-age=10"));
        let of_category = format!("/api/v1/products?category_id={category}&limit=12");
        for (part, single) in [
            ("product", format!("/api/v1/products/{product_id}")),
            ("price", "/api/v1/prices?sku=CUP".to_owned()),
            ("availability", format!("/api/v1/inventory/{product_id}/stock")),
            ("related", of_category),
        ] {
            assert_eq!(screen[part]["data"], good(&mut nobody, &Ask::get(single)).await, "{part}");
        }
        assert!(screen["promotions"]["data"]["applied"].is_array(), "{screen:#}");
        let tag = answer.header("etag").expect("an etag").to_owned();
        let again = nobody.try_send(&page.clone().header("If-None-Match", tag)).await.expect("an answer");
        assert_eq!(again.status, 304);
        let missing = nobody.try_send(&Ask::get("/bff/storefront/product/prd_01h455vb4pex5vsknk084sn02q")).await;
        assert_eq!(missing.expect("an answer").status, 404, "without its product there is no screen");
        let wrong = nobody.try_send(&Ask::get("/bff/storefront/home?colour=red")).await.expect("an answer");
        assert_eq!(wrong.status, 400, "what a screen does not take is refused");

        let home = good(&mut nobody, &Ask::get("/bff/storefront/home")).await;
        assert_eq!(home["categories"]["data"]["data"][0]["name"], "Cups", "{home:#}");
        assert_eq!((&home["partial"], &home["featured"]["data"]), (&json!(false), &Value::Null));

        // The cart and the account are their owner's.
        let cart = Ask::get("/bff/storefront/cart");
        assert_eq!(nobody.try_send(&cart).await.expect("an answer").status, 401);
        let mut guest = shop.guest();
        let cart_id = guest.cart(&[("MUG", 2)]).await;
        let seen = guest.send(200, &cart).await;
        assert_eq!(seen["cart"]["data"], guest.see_cart(&cart_id).await);
        assert_eq!(seen["prices"]["data"]["data"][0]["sku"], "MUG");
        assert_eq!(seen["availability"]["data"]["data"][0]["sku"], "MUG", "{seen:#}");
        assert!(seen["delivery"]["data"].to_string().contains("standard"), "{seen:#}");
        assert_eq!(guest.try_send(&cart).await.header("cache-control"), Some("private, no-cache"));
        let mut other = shop.guest();
        let others = other.cart(&[("SHIRT", 1)]).await;
        assert_eq!(other.send(200, &cart).await["cart"]["data"]["cart_id"], others.as_str());

        let person = json!({"email": "eve@example.com", "password": PASSWORD, "name": "Eve"});
        let eve = text(&shop.stranger().send(201, &Ask::post("/api/v1/users", &person)).await, "/user_id");
        let right = json!({"email": "eve@example.com", "password": PASSWORD});
        let session = shop.stranger().send(200, &Ask::post("/api/v1/users/authenticate", &right)).await;
        let mut bearer = shop.up.stranger().bearing(&text(&session, "/access_token"));
        let account = good(&mut bearer, &Ask::get("/bff/account")).await;
        assert_eq!(account["profile"]["data"]["user_id"], eve.as_str(), "{account:#}");
        assert_eq!((&account["orders"]["data"]["data"], &account["partial"]), (&json!([]), &json!(false)));
        assert_eq!(good(&mut bearer, &cart).await["cart"]["data"], Value::Null, "no cart is no problem");
        assert_eq!(nobody.try_send(&Ask::get("/bff/account")).await.expect("an answer").status, 401);
        assert_eq!(guest.try_send(&Ask::get("/bff/account")).await.status, 403, "a guest has no account");
        guest.place(&cart_id, GOOD, 201).await;
        assert_eq!(guest.send(200, &cart).await["cart"]["data"], Value::Null, "what is ordered is no cart any more");
    });
}

/// Groups in a process of their own.
fn serve(home: &std::path::Path, server: &Server, name: &str, what: &[&str]) -> Process {
    let mut command = mercat(home);
    let tokens = format!(r#"[{{token="{TOKEN}",role="admin",scopes=["*"]}}]"#);
    command.arg("--data").arg(home.join(name)).args(["--nats", &server.urls().join(","), "serve"]).args(what);
    command.env("MERCAT_REPLICA", name).env("MERCAT_GATEWAY__TOKENS", tokens);
    command.env("MERCAT_NATS__MONITORS", format!("{:?}", server.monitors()));
    Process::start(home, name, command)
}

/// Asks until it is so.
async fn until(http: &mut Http, ask: &Ask, so: impl Fn(u16, &Value) -> bool) -> Value {
    let began = tokio::time::Instant::now();
    loop {
        let said = http.try_send(ask).await;
        let shown = said.as_ref().ok().and_then(|said| serde_json::from_slice(&said.body).ok()).unwrap_or(Value::Null);
        if said.as_ref().is_ok_and(|said| so(said.status, &shown)) {
            return shown;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "it never came to be so: {said:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn a_screen_is_partial_while_a_group_is_away_and_whole_when_it_is_back() {
    journey(async || {
        let home = tempfile::tempdir().expect("a directory");
        let options = ServerOptions {
            port: Some(free_port()),
            monitor_port: Some(free_port()),
            ..ServerOptions::new(home.path().join("nats"))
        };
        let server = Server::start(options).await.expect("a server");
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        // Promotion is never started, and pricing is stopped for a while.
        let mut gateway =
            serve(home.path(), &server, "door", &["gateway", "product", "inventory", "--listen", &listen]);
        let mut pricing = serve(home.path(), &server, "pricing", &["pricing"]);
        gateway.says("gateway on").await;
        pricing.says("ready: pricing").await;
        let mut owner = Http::new(SocketAddr::from(([127, 0, 0, 1], port)), TOKEN.to_owned());
        until(&mut owner, &Ask::get("/api/v1/products"), |status, _| status == 200).await;
        let cup = json!({"title": "Cup", "status": "active", "product_type": "physical",
                         "variants": [{"sku": "CUP", "price": {"amount": 900, "currency": "EUR"}}]});
        let create = Ask::post("/api/v1/products", &cup);
        let made = expect(&owner.try_send(&create).await.expect("an answer"), 201, &create);
        let page = Ask::get(format!("/bff/storefront/product/{}", text(&made, "/product_id")));
        let is_priced = |_, screen: &Value| screen["price"]["data"]["data"][0]["sku"] == "CUP";
        let screen = until(&mut owner, &page, is_priced).await;
        assert_eq!(screen["partial"], true);
        assert_eq!(screen["promotions"]["problem"]["code"], "unavailable", "{screen:#}");

        pricing.signal(Signal::STOP);
        let answer = owner.try_send(&page).await.expect("an answer within the time of one request");
        let screen = expect(&answer, 200, &page);
        assert_eq!((&screen["partial"], &screen["product"]["data"]["title"]), (&json!(true), &json!("Cup")));
        assert!(screen["price"]["problem"]["status"].as_u64().is_some_and(|status| status >= 503), "{screen:#}");
        assert!(screen["availability"]["data"].is_object(), "{screen:#}");
        assert_eq!(answer.header("cache-control"), Some("private, no-cache"), "nobody keeps what is not whole");
        pricing.signal(Signal::CONT);
        until(&mut owner, &page, is_priced).await;
    });
}

//! Kept answers, raced: who reads while others write is never shown less than what was acknowledged before they asked, and
//! never what is somebody else's.

use std::cell::Cell;

use futures::future::join_all;
use serde_json::{Value, json};

use super::journey;
use crate::customer::Customer;
use crate::house::{Ask, Http};
use crate::stocked::{Stocked, expect, text};

/// How many writes are raced.
const WRITES: u64 = 150;
/// How many read meanwhile.
const READERS: usize = 6;

/// Reads again and again while somebody writes. Says how often, and how often the answer was a kept one.
async fn read(
    mut http: Http,
    ask: Ask,
    acknowledged: &Cell<u64>,
    done: &Cell<bool>,
    shown: fn(&Value) -> u64,
) -> [u64; 2] {
    let [mut reads, mut hits, mut last] = [0, 0, 0];
    while !done.get() {
        let before = acknowledged.get();
        let answer = http.try_send(&ask).await.expect("an answer");
        let seen = shown(&expect(&answer, 200, &ask));
        assert!(seen >= before, "{ask} showed version {seen} after {before} was acknowledged");
        assert!(seen >= last, "{ask} showed version {seen} after it had shown {last}");
        last = seen;
        reads += 1;
        hits += u64::from(answer.header("cache-status").is_some_and(|status| status.contains("hit")));
        tokio::task::yield_now().await;
    }
    [reads, hits]
}

#[test]
fn a_kept_answer_is_never_older_than_what_was_acknowledged_before_it_was_asked_for() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let product_id = shop.product("Version 0", "RACED", 500).await;
        let path = format!("/api/v1/products/{product_id}");
        let (acknowledged, done) = (Cell::new(1), Cell::new(false));
        let version = |shown: &Value| shown["version"].as_u64().expect("a version");
        // Anybody, and who works here, whose answers are kept apart.
        let clients = (0..READERS).map(|reader| if reader % 2 == 0 { shop.up.stranger() } else { shop.up.http() });
        let readers = join_all(clients.map(|http| read(http, Ask::get(path.clone()), &acknowledged, &done, version)));
        let mut owner = shop.up.http();
        let write = async {
            for number in 1..=WRITES {
                let change = Ask::of("PATCH", path.clone(), Some(&json!({"title": format!("Version {number}")})));
                let answer = owner.try_send(&change).await.expect("an answer");
                acknowledged.set(expect(&answer, 200, &change)["version"].as_u64().expect("a version"));
                // Somebody reads what is kept before the next write ends it.
                tokio::time::sleep(std::time::Duration::from_millis(number % 7)).await;
            }
            done.set(true);
        };
        let (counted, ()) = futures::future::join(readers, write).await;
        let [reads, hits] = counted.iter().fold([0, 0], |[a, b], [c, d]| [a + c, b + d]);
        eprintln!("{reads} reads, {hits} of them kept, beside {WRITES} writes");
        assert!(hits > 0 && hits < reads, "{hits} of {reads} reads were kept ones: nothing was raced");
    });
}

#[test]
fn what_staff_are_shown_of_a_draft_is_never_kept_for_a_stranger() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let draft = json!({"title": "Not yet", "status": "draft", "product_type": "physical"});
        let product_id = text(&shop.owner(201, Ask::post("/api/v1/products", &draft)).await, "/product_id");
        let asks = [format!("/api/v1/products/{product_id}"), "/api/v1/products?limit=100".to_owned()].map(Ask::get);
        let done = Cell::new(false);
        let look = async |mut http: Http, is_staff: bool| {
            let mut hits = 0_u64;
            while !done.get() {
                for ask in &asks {
                    let answer = http.try_send(ask).await.expect("an answer");
                    hits += u64::from(answer.header("cache-status").is_some_and(|status| status.contains("hit")));
                    let shown = answer.status == 200 && String::from_utf8_lossy(&answer.body).contains(&product_id);
                    assert_eq!(shown, is_staff, "{ask}: {}", answer.status);
                }
            }
            hits
        };
        let (staff, stranger) = (shop.up.http(), shop.up.stranger());
        let write = async {
            for number in 0..60_u64 {
                let path = format!("/api/v1/products/{product_id}");
                shop.owner(200, Ask::of("PATCH", path, Some(&json!({"title": format!("Not yet {number}")})))).await;
                tokio::time::sleep(std::time::Duration::from_millis(number % 9)).await;
            }
            done.set(true);
        };
        let (of_staff, of_a_stranger, ()) =
            futures::future::join3(look(staff, true), look(stranger, false), write).await;
        eprintln!("{of_staff} and {of_a_stranger} kept answers");
        assert!(of_staff > 0 && of_a_stranger > 0, "nothing was kept, so nothing was shown");
    });
}

/// Writes to a cart of one's own and reads it, many times; sees nothing of anybody else's.
async fn keep_to_oneself(mut customer: Customer, sku: &str) -> u64 {
    let cart = customer.cart(&[(sku, 1)]).await;
    let mut hits = 0;
    for number in 0..40_u64 {
        let quantity = i64::try_from(number % 3 + 1).expect("small");
        let items = json!({"items": [{"sku": sku, "quantity": quantity}]});
        customer.send(200, &Ask::put(format!("/api/v1/carts/{cart}/items"), &items)).await;
        for ask in [
            Ask::get(format!("/api/v1/carts/{cart}")),
            Ask::get("/api/v1/carts"),
            Ask::get(format!("/api/v1/carts/{cart}")),
        ] {
            let answer = customer.try_send(&ask).await;
            hits += u64::from(answer.header("cache-status").is_some_and(|status| status.contains("hit")));
            let shown = expect(&answer, 200, &ask);
            let one = if shown["data"].is_array() { shown["data"][0].clone() } else { shown.clone() };
            assert_eq!(text(&one, "/cart_id"), cart, "a cart of somebody else: {shown:#}");
            let lines = one["lines"].as_array().expect("lines").clone();
            assert!(lines.iter().all(|line| line["sku"] == sku), "things of somebody else: {shown:#}");
            assert_eq!(lines[0]["quantity"], quantity, "{ask} is older than one's own write: {shown:#}");
        }
        let product = customer.try_send(&Ask::get("/api/v1/prices/MUG")).await;
        hits += u64::from(product.header("cache-status").is_some_and(|status| status.contains("hit")));
    }
    hits
}

#[test]
fn a_kept_answer_is_nobody_elses() {
    journey(async || {
        let mut shop = Stocked::open().await;
        shop.product("Plate", "PLATE", 700).await;
        let vienna = shop.vienna.clone();
        shop.stock(&vienna, "PLATE", 50).await;
        shop.until(Ask::get("/api/v1/prices/PLATE"), |price| price["sku"] == "PLATE").await;
        let people =
            [(shop.guest(), "MUG"), (shop.guest(), "SHIRT"), (shop.guest(), "LAMP"), (shop.customer(), "PLATE")];
        let hits: Vec<u64> = join_all(people.map(|(customer, sku)| keep_to_oneself(customer, sku))).await;
        eprintln!("{hits:?} kept answers");
        assert!(hits.iter().sum::<u64>() > 0, "nothing was kept, so nothing was shown");
    });
}

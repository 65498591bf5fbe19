//! A shop whose stores are deleted shows what it showed before, field by field: every GET of the contract.
//!
//! Which GETs there are says the route table. What they show is found by walking: lists first, and then everything that
//! the answers name. A GET of which nothing is found fails the test, unless it is listed here with the reason.

use std::collections::{BTreeMap, BTreeSet};

use messages::route::{Http, Method, Segment};
use serde_json::{Value, json};

use crate::customer::{DECLINED, GOOD, NEEDS_3DS};
use crate::house::Ask;
use crate::journeys::journey;
use crate::stocked::{Stocked, text};

/// GETs of which this shop has nothing to show, and why.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("/api/v1/api-keys", "those of who asks, and a token of the configuration is no person"),
    ("/api/v1/api-keys/{api_key_id}", "the same"),
    ("/api/v1/api-keys/{api_key_id}/history", "the same"),
    ("/api/v1/events", "the feed is off until `keep_events` is set"),
    ("/api/v1/sessions", "those of who asks, and a token of the configuration is no person"),
    ("/api/v1/users/{user_id}/passkeys/{passkey_id}", "nobody here has a device that makes one"),
];

/// What some GETs have to be asked.
const QUESTIONS: &[(&str, &str)] = &[
    ("/api/v1/inventory/availability", "sku=MUG"),
    ("/api/v1/notifications/templates/resolve", "topic=shipped&channel=email&locale=de"),
    ("/api/v1/prices", "sku=MUG"),
    ("/api/v1/products/export", "format=csv"),
    ("/api/v1/products/lookup", "skus=MUG"),
    ("/api/v1/products/search", "q=mug"),
    ("/api/v1/users/search", "q=ada"),
];

/// How many of a kind are looked at.
const OF_A_KIND_MAX: usize = 12;

/// Names and what they stand for, as an answer says them: `order_id`, `sku`.
type Named = BTreeMap<String, String>;

/// Everything a shop shows, by where: JSON as it is, files as their bytes.
type Shown = BTreeMap<String, Value>;

/// Looks at one thing; `None` when there is no such thing.
async fn look(shop: &mut Stocked, target: &str) -> Option<Value> {
    let answer = shop.try_owner(Ask::get(target)).await;
    let is_shown = answer.status == 200;
    is_shown.then(|| serde_json::from_slice(&answer.body).unwrap_or_else(|_| json!(answer.body)))
}

async fn shown(shop: &mut Stocked, targets: impl Iterator<Item = &String>) -> Shown {
    let mut shown = Shown::new();
    for target in targets {
        let seen = look(shop, target).await;
        shown.insert(target.clone(), seen.unwrap_or_else(|| panic!("{target} shows nothing any more")));
    }
    shown
}

/// The paths of the contract that show something.
fn paths() -> impl Iterator<Item = &'static Http> {
    let all = messages::ROUTES.iter().flat_map(|route| route.http);
    all.filter(|http| http.method == Method::Get && http.path.starts_with("/api/v1/"))
}

/// A path with names filled in; `None` when one is not known.
fn filled(segments: &[Segment], named: &Named) -> Option<String> {
    let word = |segment: &Segment| match segment {
        Segment::Literal(word) => Some((*word).to_owned()),
        Segment::Field(field) => {
            // A transfer belongs to the warehouse that it leaves.
            let also = if *field == "warehouse_id" { "from_warehouse_id" } else { *field };
            let name = named.get(*field).or_else(|| named.get(also)).filter(|name| is_plain(name));
            name.cloned()
        }
    };
    let words: Option<Vec<String>> = segments.iter().map(word).collect();
    Some(format!("/{}", words?.join("/")))
}

/// It can stand in a path as it is.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

/// Notes the names of every object in an answer, with those of what it is in.
fn note(value: &Value, around: &Named, known: &mut BTreeSet<Named>) {
    match value {
        Value::Object(fields) => {
            let mut named = around.clone();
            let texts = fields.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
            named.extend(texts.filter(|(name, _)| name.ends_with("_id") || NAMES.contains(&name.as_str())));
            known.insert(named.clone());
            fields.values().for_each(|field| note(field, &named, known));
        }
        Value::Array(items) => items.iter().for_each(|item| note(item, around, known)),
        _ => {}
    }
}

/// Names in paths that are no ids.
const NAMES: [&str; 5] = ["sku", "country", "tracking_number", "product_type", "name"];

/// Walks the shop: everything that it shows, by the path of the contract that shows it.
async fn walk(shop: &mut Stocked, made: &[Value]) -> (Shown, BTreeMap<&'static str, usize>) {
    let (mut all, mut counts) = (Shown::new(), BTreeMap::<&str, usize>::new());
    let mut known = BTreeSet::from([Named::new()]);
    made.iter().for_each(|made| note(made, &Named::new(), &mut known));
    let mut tried = BTreeSet::new();
    loop {
        let before = all.len();
        let mut next = Vec::new();
        for path in paths() {
            for named in &known {
                let place = filled(path.segments, named).filter(|place| tried.insert(place.clone()));
                next.extend(place.map(|place| (path, place, named.clone())));
            }
        }
        for (path, place, named) in next {
            if counts.get(path.path).is_some_and(|count| *count >= OF_A_KIND_MAX) {
                continue;
            }
            let question = QUESTIONS.iter().find(|(of, _)| *of == path.path).map(|(_, question)| *question);
            for question in [question.unwrap_or("limit=100"), ""] {
                let target = format!("{place}?{question}").trim_end_matches('?').to_owned();
                if let Some(seen) = look(shop, &target).await {
                    note(&seen, &named, &mut known);
                    all.insert(target, seen);
                    *counts.entry(path.path).or_default() += 1;
                    break;
                }
            }
        }
        if all.len() == before {
            return (all, counts);
        }
    }
}

/// What the groups know beside what is bought and sold: a thing of each kind. Says what was made.
async fn furnish(shop: &mut Stocked) -> Vec<Value> {
    let cups = shop.owner(201, Ask::post("/api/v1/categories", &json!({"name": "Cups"}))).await;
    let all = json!({"title": "All cups", "rules": [{"category_id": cups["category_id"]}]});
    let all = shop.owner(201, Ask::post("/api/v1/collections", &all)).await;
    let clothes = shop.owner(200, Ask::put("/api/v1/product-types/apparel", &json!({"label": "Clothes"}))).await;
    let synonyms = json!({"words": ["mug", "cup"]});
    let synonyms = shop.owner(200, Ask::put("/api/v1/search-synonyms/cups", &synonyms)).await;
    let csv = "title,status,sku,price,currency\nHat,active,HAT,1999,EUR\n";
    let import = json!({"format": "csv", "content": csv});
    let import = shop.owner(201, Ask::post("/api/v1/products/import", &import).keyed("import")).await;
    let hook = json!({"url": "https://example.com/hooks", "events": ["warehouse.updated"]});
    let hook = shop.owner(201, Ask::post("/api/v1/webhook-endpoints", &hook)).await;
    // Nothing is sent, and something waits.
    for (what, status) in [("pause", 200), ("test", 201)] {
        let told = format!("/api/v1/webhook-endpoints/{}/{what}", text(&hook, "/endpoint_id"));
        shop.owner(status, Ask::post(told, &json!({}))).await;
    }
    let transfer = json!({"from_warehouse_id": shop.vienna, "to_warehouse_id": shop.graz,
                          "lines": [{"sku": "MUG", "quantity": 1}]});
    let transfer = shop.owner(201, Ask::post("/api/v1/inventory/transfers", &transfer).keyed("transfer")).await;
    let consents = json!([{"purpose": "terms", "granted": true, "wording": "2026-01"}]);
    let ada = json!({"email": "ada@example.com", "password": "correct horse battery staple", "name": "Ada",
                     "consents": consents});
    let ada = shop.stranger().send(201, &Ask::post("/api/v1/users", &ada)).await;
    let user_id = text(&ada, "/user_id");
    let card = json!({"token": GOOD, "label": "The blue one", "user_id": user_id});
    let card = shop.owner(201, Ask::post("/api/v1/payment-methods", &card).keyed("card")).await;
    let home = json!({"label": "Home", "address": crate::customer::address()});
    let home = shop.owner(201, Ask::post(format!("/api/v1/users/{user_id}/addresses"), &home)).await;
    let client = json!({"name": "ERP", "grant_types": ["client_credentials"], "scopes": ["product:read"]});
    let client = shop.owner(201, Ask::post("/api/v1/oauth-clients", &client)).await;
    vec![cups, all, clothes, synonyms, import, hook, transfer, ada, card, home, client]
}

/// A shop with some of everything: a life of each kind, at rest.
async fn lived_in() -> (Stocked, Vec<Value>) {
    let mut shop = Stocked::open().await;
    let list = json!({"title": "Pounds", "currency": "GBP"});
    let list_id = text(&shop.owner(201, Ask::post("/api/v1/price-lists", &list)).await, "/price_list_id");
    let rate = json!({"tax_category": "standard", "title": "USt", "rate_ppm": 200_000});
    let taxes = json!({"prices_include_tax": true, "rates": [rate]});
    shop.owner(200, Ask::put("/api/v1/tax-rates/AT", &taxes)).await;
    let action = json!({"percent_off": {"target": "order", "share_ppm": 100_000}});
    let campaign = json!({"title": "Ten per cent", "trigger": "coupon", "actions": [action]});
    let campaign_id = text(&shop.owner(201, Ask::post("/api/v1/campaigns", &campaign)).await, "/campaign_id");
    shop.owner(200, Ask::post(format!("/api/v1/campaigns/{campaign_id}/activate"), &json!({}))).await;
    let tiers = json!({"tiers": [{"min_quantity": 1, "unit_price": {"amount": 1300, "currency": "GBP"}}]});
    let coupon = json!({"code": "TEN", "campaign_id": campaign_id});
    shop.owner(201, Ask::post("/api/v1/coupons", &coupon)).await;
    let lines = json!({"currency": "EUR", "lines": [{"sku": "MUG", "quantity": 2}]});
    let mut made = vec![shop.owner(201, Ask::post("/api/v1/quotes", &lines)).await];
    shop.owner(200, Ask::put(format!("/api/v1/price-lists/{list_id}/prices/MUG"), &tiers)).await;

    let mut guest = shop.guest();
    made.extend(furnish(&mut shop).await);
    // Delivered, and one of three sent back.
    let returned = guest.buy(&[("MUG", 3)]).await;
    let parcel = shop.parcels(&returned, 1).await.remove(0);
    shop.deliver(&parcel).await;
    shop.order_is(&returned, "completed").await;
    let returns = format!("/api/v1/orders/{returned}/returns");
    let wanted = json!({"lines": [{"sku": "MUG", "quantity": 1}], "reason": "does_not_fit"});
    let return_id = text(&guest.send(201, &Ask::post(returns.clone(), &wanted).keyed("back")).await, "/return_id");
    let here = json!({"warehouse_id": shop.vienna});
    for (what, body) in [("approve", json!({})), ("receive", here)] {
        shop.owner(200, Ask::post(format!("{returns}/{return_id}/{what}"), &body).keyed(what)).await;
    }
    shop.until(Ask::get(format!("{returns}/{return_id}")), |shown| shown["status"] == "refunded").await;
    // One exchanged, which waits for the goods; and an order that was changed.
    let wish = json!({"lines": [{"sku": "MUG", "quantity": 1}], "reason": "does_not_fit",
                      "replacements": [{"sku": "MUG", "quantity": 1}]});
    guest.send(201, &Ask::post(format!("/api/v1/orders/{returned}/exchanges"), &wish).keyed("exchange")).await;
    let edited = guest.buy(&[("MUG", 2)]).await;
    shop.parcels(&edited, 1).await;
    let less = json!({"lines": [{"sku": "MUG", "quantity": 1}]});
    guest.send(201, &Ask::post(format!("/api/v1/orders/{edited}/edits"), &less).keyed("edit")).await;
    let is_less = |order: &Value| order["items"][0]["cancelled"] == 1;
    shop.until(Ask::get(format!("/api/v1/orders/{edited}")), is_less).await;
    // Paid with a coupon from two warehouses, cancelled, declined, and waiting for the customer.
    let cart = guest.cart(&[("SHIRT", 5)]).await;
    guest.send(200, &Ask::post(format!("/api/v1/carts/{cart}/coupons"), &json!({"code": "TEN"}))).await;
    let paid = text(&guest.place(&cart, GOOD, 201).await, "/order_id");
    shop.order_is(&paid, "processing").await;
    let cancelled = guest.buy(&[("MUG", 1)]).await;
    shop.order_is(&cancelled, "processing").await;
    guest.cancel(&cancelled, 200).await;
    let declined = guest.cart(&[("MUG", 1)]).await;
    guest.place(&declined, DECLINED, 402).await;
    let waiting = guest.cart(&[("MUG", 1)]).await;
    guest.place(&waiting, NEEDS_3DS, 202).await;
    guest.cart(&[("LAMP", 1)]).await;
    guest.send(200, &Ask::get("/api/v1/products/search?q=unicorn")).await;
    crate::audit::is_clean(&shop.up).await;
    (shop, made)
}

#[test]
fn a_shop_without_its_stores_shows_what_it_showed_before() {
    journey(async || {
        let (mut shop, made) = lived_in().await;
        let (mut before, counts) = walk(&mut shop, &made).await;
        let is_shown = |path: &str| counts.contains_key(path);
        let missed: BTreeSet<&str> = paths().map(|http| http.path).filter(|path| !is_shown(path)).collect();
        let excused: BTreeSet<&str> = NOT_SHOWN.iter().map(|(path, _)| *path).collect();
        assert_eq!(missed, excused, "what shows nothing here needs a row, or a reason");
        // Lists lag a little behind; at rest they come to a stand.
        loop {
            let again = shown(&mut shop, before.keys()).await;
            if again == before {
                break;
            }
            before = again;
        }
        let (status, _) = shop.up.stop().await;
        assert!(status.success(), "{status}");
        shop.up.wipe();
        shop.up.begin();
        shop.up.is_open().await;
        shop.was_started_again();
        let after = shown(&mut shop, before.keys()).await;
        for (target, shown) in &before {
            assert_eq!(shown, &after[target], "{target} shows something else");
        }
        eprintln!("{counts:#?}");
        eprintln!("{} reads are what they were before the stores were deleted", before.len());
        crate::audit::is_clean(&shop.up).await;
    });
}

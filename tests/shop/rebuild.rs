//! A shop whose stores are deleted shows what it showed before, field by field.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::customer::{DECLINED, GOOD, NEEDS_3DS};
use crate::house::Ask;
use crate::journeys::journey;
use crate::stocked::{Stocked, text};

/// Everything a shop shows, by where.
async fn shown(shop: &mut Stocked, targets: &[String]) -> BTreeMap<String, Value> {
    let mut shown = BTreeMap::new();
    for target in targets {
        let answer = shop.try_owner(Ask::get(target.clone())).await;
        assert_eq!(answer.status, 200, "{target}: {}", String::from_utf8_lossy(&answer.body));
        shown.insert(target.clone(), answer.json());
    }
    shown
}

/// Names of something in a list.
async fn ids(shop: &mut Stocked, list: &str, id: &str) -> Vec<String> {
    let page = shop.owner(200, Ask::get(list)).await;
    let data = page["data"].as_array().cloned().unwrap_or_default();
    let ids: Vec<String> = data.iter().map(|item| text(item, &format!("/{id}"))).collect();
    assert!(!ids.is_empty(), "{list} is empty");
    ids
}

/// A shop with some of everything: a life of each kind, at rest.
async fn lived_in() -> (Stocked, Vec<String>) {
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
    let coupon = json!({"code": "TEN", "campaign_id": campaign_id});
    let coupon_id = text(&shop.owner(201, Ask::post("/api/v1/coupons", &coupon)).await, "/coupon_id");
    let lines = json!({"currency": "EUR", "lines": [{"sku": "MUG", "quantity": 2}]});
    let quote_id = text(&shop.owner(201, Ask::post("/api/v1/quotes", &lines)).await, "/quote_id");

    let mut guest = shop.guest();
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
    let open = guest.cart(&[("LAMP", 1)]).await;
    crate::audit::is_clean(&shop.up).await;

    let mut targets: Vec<String> = [
        "products?limit=100",
        "products/search?q=mug",
        "prices?sku=MUG",
        "price-lists",
        "tax-rates",
        "campaigns",
        "coupons",
        "warehouses",
        "inventory/levels?limit=100",
        "inventory/low-stock",
        "inventory/movements?limit=100",
        "inventory/availability?sku=MUG",
        "carts?limit=100",
        "orders?limit=100",
        "returns?limit=100",
        "payments?limit=100",
        "transactions?limit=100",
        "transactions/balances",
        "shipping/zones",
        "shipments?limit=100",
        "notifications?limit=100",
        "notifications/mailbox?limit=100",
    ]
    .iter()
    .map(|target| format!("/api/v1/{target}"))
    .collect();
    let of = |kind: &str, id: &str| format!("/api/v1/{kind}/{id}");
    for (list, kind, id) in [
        ("products", "products", "product_id"),
        ("warehouses", "warehouses", "warehouse_id"),
        ("carts", "carts", "cart_id"),
        ("orders", "orders", "order_id"),
        ("payments", "payments", "payment_id"),
        ("notifications", "notifications", "notification_id"),
        ("shipping/zones", "shipping/zones", "zone_id"),
    ] {
        for id in ids(&mut shop, &format!("/api/v1/{list}?limit=100"), id).await {
            targets.push(of(kind, &id));
            targets.push(format!("{}/history?limit=100", of(kind, &id)));
        }
    }
    for order_id in [&returned, &paid, &cancelled] {
        targets.push(format!("/api/v1/orders/{order_id}/shipments"));
        let order = shop.order(order_id).await;
        for part in order["parts"].as_array().expect("parts") {
            let (warehouse, reservation) = (text(part, "/warehouse_id"), text(part, "/reservation_id"));
            targets.push(format!("/api/v1/inventory/reservations/{warehouse}/{reservation}"));
        }
    }
    for sku in ["MUG", "SHIRT", "LAMP"] {
        targets.push(of("prices", sku));
    }
    targets.extend([of("price-lists", &list_id), of("campaigns", &campaign_id), of("coupons", &coupon_id)]);
    targets.extend([
        of("quotes", &quote_id),
        format!("/api/v1/orders/{returned}/invoice"),
        format!("{returns}/{return_id}"),
    ]);
    targets.push(of("carts", &open));
    targets.push(of("tax-rates", "AT"));
    (shop, targets)
}

#[test]
fn a_shop_without_its_stores_shows_what_it_showed_before() {
    journey(async || {
        let (mut shop, targets) = lived_in().await;
        // Lists lag a little behind; at rest they come to a stand.
        let mut before = shown(&mut shop, &targets).await;
        loop {
            let again = shown(&mut shop, &targets).await;
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
        let after = shown(&mut shop, &targets).await;
        for (target, shown) in &before {
            assert_eq!(shown, &after[target], "{target} shows something else");
        }
        eprintln!("{} reads are what they were before the stores were deleted", before.len());
        crate::audit::is_clean(&shop.up).await;
    });
}

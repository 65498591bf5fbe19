//! Buying what is not here yet.

use serde_json::{Value, json};

use super::journey;
use crate::audit::is_clean;
use crate::house::Ask;
use crate::stocked::{Stocked, text};

/// So many units of a SKU may be waited for in Vienna, until a day.
async fn may_be_waited_for(shop: &mut Stocked, sku: &str, units: i64) {
    let policy = format!("/api/v1/inventory/levels/{}/{sku}/policy", shop.vienna);
    let terms = json!({"backorder_limit": units, "backorder_expected_at": "2099-03-01T00:00:00Z"});
    shop.owner(200, Ask::put(policy, &terms)).await;
    // What is planned is planned by the levels that are seen.
    let seen =
        |page: &Value| page["data"].as_array().is_some_and(|data| data.iter().any(|l| l["backorder_limit"] == units));
    shop.until(Ask::get(format!("/api/v1/inventory/levels?sku={sku}")), seen).await;
}

/// What an order waits for, part by part.
fn awaited(order: &Value) -> Vec<Value> {
    let parts = order["parts"].as_array().expect("parts");
    parts.iter().flat_map(|part| part["awaited"].as_array().cloned().unwrap_or_default()).collect()
}

#[test]
fn what_is_not_here_is_charged_and_sent_when_it_has_come() {
    journey(async || {
        let mut shop = Stocked::open().await;
        may_be_waited_for(&mut shop, "LAMP", 5).await;
        let mut guest = shop.guest();
        // One is here and goes first; two are waited for.
        let order_id = guest.buy(&[("LAMP", 3)]).await;
        let parcel = shop.parcels(&order_id, 1).await.remove(0);
        assert_eq!((&parcel["lines"][0]["quantity"], shop.units("LAMP").await), (&json!(1), (0, 1, 0)));
        let seen = guest.see_order(&order_id).await;
        let expected = json!([{"sku": "LAMP", "quantity": 2, "expected_at": "2099-03-01T00:00:00Z"}]);
        assert_eq!(json!(awaited(&seen)), expected, "{seen:#}");
        shop.deliver(&parcel).await;
        shop.order_is(&order_id, "partially_shipped").await;
        is_clean(&shop.up).await;
        // Two come, and belong to the order before anybody else can buy them.
        let vienna = shop.vienna.clone();
        shop.stock(&vienna, "LAMP", 2).await;
        let parcels = shop.parcels(&order_id, 2).await;
        let rest = parcels.iter().find(|other| other["shipment_id"] != parcel["shipment_id"]).expect("another").clone();
        assert_eq!(rest["lines"][0]["quantity"], 2, "{rest:#}");
        assert!(awaited(&guest.see_order(&order_id).await).is_empty());
        shop.deliver(&rest).await;
        shop.order_is(&order_id, "completed").await;
        shop.until(Ask::get("/api/v1/inventory/levels?sku=LAMP"), |page| page["data"][0]["shipped"] == 3).await;
        assert_eq!(shop.units("LAMP").await, (0, 0, 3));
        // The customer was told what is missing and when it is expected, and that it came.
        let mails = Ask::get("/api/v1/notifications/mailbox?limit=100");
        let mails = shop.until(mails, |page| page.to_string().contains("waited for has come")).await.to_string();
        assert!(mails.contains("2 × Lamp  expected on 2099-03-01"), "{mails}");
        is_clean(&shop.up).await;
    });
}

#[test]
fn nobody_pays_for_what_is_not_here_and_who_waits_no_longer_gives_it_back() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let vienna = shop.vienna.clone();
        shop.stock(&vienna, "LAMP", 0).await;
        may_be_waited_for(&mut shop, "LAMP", 1).await;
        let mut guest = shop.guest();
        let order_id = guest.buy(&[("LAMP", 1)]).await;
        let seen = guest.see_order(&order_id).await;
        assert_eq!((&seen["status"], awaited(&seen).len()), (&json!("confirmed"), 1), "{seen:#}");
        assert_eq!(shop.money(&order_id).await, (0, 0), "promised, and not taken");
        is_clean(&shop.up).await;
        // No more may be waited for than the shop says.
        let mut other = shop.guest();
        let cart = other.cart(&[("LAMP", 1)]).await;
        let refused = other.place(&cart, crate::customer::GOOD, 409).await;
        assert_eq!(refused["code"], "out_of_stock", "{refused:#}");
        guest.cancel(&order_id, 200).await;
        let cancelled = shop.order_is(&order_id, "cancelled").await;
        assert!(awaited(&cancelled).is_empty(), "{cancelled:#}");
        // What comes now is anybody's, and whoever buys it next waits for nothing.
        shop.stock(&vienna, "LAMP", 1).await;
        assert_eq!(shop.units("LAMP").await, (1, 0, 0));
        let second = other.place(&cart, crate::customer::GOOD, 201).await;
        shop.parcels(&text(&second, "/order_id"), 1).await;
        assert_eq!(shop.money(&order_id).await, (0, 0));
        is_clean(&shop.up).await;
    });
}

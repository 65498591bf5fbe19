//! Parcels.

use serde_json::{Value, json};

use super::journey;
use crate::house::Ask;
use crate::stocked::{Stocked, text};

#[test]
fn a_parcel_goes_its_way_and_completes_the_order() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        let order_id = guest.buy(&[("MUG", 2)]).await;
        let parcels = shop.parcels(&order_id, 1).await;
        shop.deliver(&parcels[0]).await;
        shop.order_is(&order_id, "completed").await;
        shop.until(crate::house::Ask::get("/api/v1/inventory/levels?sku=MUG"), |page| page["data"][0]["shipped"] == 2)
            .await;
        assert_eq!(shop.units("MUG").await, (18, 0, 2));
        let seen = guest.see_order(&order_id).await;
        assert_eq!(seen["status"], "completed");
    });
}

#[test]
fn a_basket_from_two_warehouses_goes_in_two_parcels() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        // Three in Vienna, three in Graz.
        let order_id = guest.buy(&[("SHIRT", 5)]).await;
        assert_eq!(shop.units("SHIRT").await, (1, 5, 0));
        let parcels = shop.parcels(&order_id, 2).await;
        let warehouses: Vec<String> = parcels.iter().map(|parcel| text(parcel, "/warehouse_id")).collect();
        assert!(warehouses.contains(&shop.vienna) && warehouses.contains(&shop.graz), "{parcels:#?}");
        shop.deliver(&parcels[0]).await;
        shop.order_is(&order_id, "partially_shipped").await;
        shop.deliver(&parcels[1]).await;
        shop.order_is(&order_id, "completed").await;
        shop.until(crate::house::Ask::get("/api/v1/inventory/levels?sku=SHIRT"), |page| {
            page["data"].as_array().is_some_and(|levels| levels.iter().all(|level| level["reserved"] == 0))
        })
        .await;
        assert_eq!(shop.units("SHIRT").await, (1, 0, 5));
    });
}

#[test]
fn a_parcel_that_is_split_leaves_in_two_and_the_order_is_sent_in_parts() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        let order_id = guest.buy(&[("MUG", 3)]).await;
        let parcel = shop.parcels(&order_id, 1).await.remove(0);
        let shipment = text(&parcel, "/shipment_id");
        let shown = format!("/api/v1/shipments/{order_id}/{shipment}");
        shop.until(Ask::get(shown.clone()), |parcel| parcel["status"] == "label_ready").await;
        let some = json!({"lines": [{"sku": "MUG", "quantity": 1, "title": "Mug"}]});
        shop.owner(201, Ask::post(format!("{shown}/split"), &some).keyed("split")).await;
        let parcels = shop.parcels(&order_id, 2).await;
        let units = |parcel: &Value| parcel["lines"][0]["quantity"].as_i64().unwrap_or(0);
        assert_eq!(parcels.iter().map(units).sum::<i64>(), 3, "{parcels:#?}");
        shop.deliver(&parcels[0]).await;
        let partly = shop.order_is(&order_id, "partially_shipped").await;
        assert_eq!(partly["items"][0]["shipped"], units(&parcels[0]), "{partly:#}");
        shop.deliver(&parcels[1]).await;
        shop.order_is(&order_id, "completed").await;
        shop.until(Ask::get("/api/v1/inventory/levels?sku=MUG"), |page| page["data"][0]["shipped"] == 3).await;
        assert_eq!(shop.units("MUG").await, (17, 0, 3));
    });
}

//! Sending back.

use serde_json::json;

use super::journey;
use crate::house::Ask;
use crate::stocked::{Stocked, text};

#[test]
fn what_is_sent_back_is_paid_back_and_put_back() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        let order_id = guest.buy(&[("MUG", 3)]).await;
        let parcels = shop.parcels(&order_id, 1).await;
        shop.deliver(&parcels[0]).await;
        shop.order_is(&order_id, "completed").await;
        let returns = format!("/api/v1/orders/{order_id}/returns");
        let wanted = json!({"lines": [{"sku": "MUG", "quantity": 2}], "reason": "does_not_fit"});
        let asked = guest.send(201, &Ask::post(returns.clone(), &wanted).keyed("back")).await;
        let return_id = text(&asked, "/return_id");
        let too_much = json!({"lines": [{"sku": "MUG", "quantity": 2}], "reason": "other"});
        let refused = guest.try_send(&Ask::post(returns.clone(), &too_much).keyed("more")).await;
        assert!((400..500).contains(&refused.status), "{refused:?}");
        let step = |what: &str, body: &serde_json::Value| {
            Ask::post(format!("{returns}/{return_id}/{what}"), body).keyed(format!("{what}-{return_id}"))
        };
        shop.owner(200, step("approve", &json!({}))).await;
        let here = json!({"warehouse_id": shop.vienna});
        shop.owner(200, step("receive", &here)).await;
        shop.until(Ask::get(format!("{returns}/{return_id}")), |shown| shown["status"] == "refunded").await;
        assert_eq!(shop.money(&order_id).await, (4990, 3000));
        shop.until(Ask::get("/api/v1/inventory/levels?sku=MUG"), |page| page["data"][0]["on_hand"] == 19).await;
    });
}

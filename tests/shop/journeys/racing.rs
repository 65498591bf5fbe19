//! Races.

use futures::future::join_all;
use serde_json::json;

use super::journey;
use crate::customer::GOOD;
use crate::house::Ask;
use crate::stocked::Stocked;

#[test]
fn the_last_one_is_sold_once() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut buyers: Vec<_> = (0..8).map(|_| shop.guest()).collect();
        let placed = join_all(buyers.iter_mut().map(async |buyer| {
            let cart = buyer.cart(&[("LAMP", 1)]).await;
            let placing = buyer.placing(&cart, GOOD);
            let answer = buyer.try_send(&placing).await;
            (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
        }))
        .await;
        let sold = placed.iter().filter(|(status, _)| *status == 201).count();
        assert_eq!(sold, 1, "{placed:?}");
        assert!(placed.iter().all(|(status, code)| *status == 201 || code == "out_of_stock"), "{placed:?}");
        shop.until(Ask::get("/api/v1/inventory/levels?sku=LAMP"), |page| page["data"][0]["on_hand"] == 0).await;
        assert_eq!(shop.units("LAMP").await, (0, 1, 0));
    });
}

#[test]
fn one_key_is_one_order_however_many_ask_at_once() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.customer();
        let cart = guest.cart(&[("MUG", 1)]).await;
        let order = json!({"cart_id": cart, "email": "ada@example.com", "payment_method": {"token": GOOD}});
        let ask = Ask::post("/api/v1/orders", &order).keyed("only-one");
        let mut askers: Vec<_> = (0..20).map(|_| shop.customer()).collect();
        let answers = join_all(askers.iter_mut().map(async |asker| asker.try_send(&ask).await)).await;
        let done: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert!(!done.is_empty(), "{answers:?}");
        assert!(answers.iter().all(|answer| matches!(answer.status, 201 | 409)), "{answers:?}");
        assert!(done.iter().all(|answer| answer.json()["order_id"] == done[0].json()["order_id"]));
        assert_eq!(shop.units("MUG").await, (19, 1, 0));
    });
}

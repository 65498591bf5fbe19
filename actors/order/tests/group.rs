//! The group through real bytes, in a shop whose other groups are their real contracts with scripts behind them.

#[path = "group/amending.rs"]
mod amending;
#[path = "group/doors.rs"]
mod doors;
#[path = "group/journeys.rs"]
mod journeys;
#[path = "group/kills.rs"]
mod kills;
#[path = "group/payment.rs"]
mod payment;
#[path = "group/shelf.rs"]
mod shelf;
#[path = "group/shop.rs"]
mod shop;
#[path = "group/stock.rs"]
mod stock;
#[path = "group/stub.rs"]
mod stub;

use runtime::testkit::{World, seeded};

use shop::Shop;

/// A scene in a shop of its own, for every seed.
fn play<F: Future<Output = Shop>>(scene: impl Fn(Shop) -> F) {
    seeded(|seed| {
        let world = World::new(seed);
        let scene = &scene;
        async move {
            let shop = scene(Shop::open(&world, &["a"]).await).await;
            shop.close().await;
            world.idle().await;
        }
    });
}

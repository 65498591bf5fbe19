//! The group through real bytes, in a world of its own for every seed, with the bank as the provider.

#[path = "group/doors.rs"]
mod doors;
#[path = "group/faults.rs"]
mod faults;
#[path = "group/money.rs"]
mod money;
#[path = "group/orders.rs"]
mod orders;
#[path = "group/shop.rs"]
mod shop;
#[path = "group/storm.rs"]
mod storm;

use runtime::testkit::{World, seeded};

/// Every fact in a shop of its own, for every seed.
fn in_a_world<F: Future<Output = ()>>(fact: impl Fn(World) -> F) {
    seeded(|seed| {
        let world = World::new(seed);
        let playing = fact(world.clone());
        async move {
            playing.await;
            world.idle().await;
        }
    });
}

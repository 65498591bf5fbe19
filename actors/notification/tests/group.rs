//! The group through real bytes, in a world in memory: what people are told, and what machines are told.

#[path = "group/feed.rs"]
mod feed;
#[path = "group/hooks.rs"]
mod hooks;
#[path = "group/mail.rs"]
mod mail;
#[path = "group/newsroom.rs"]
mod newsroom;
#[path = "group/outside.rs"]
mod outside;
#[path = "group/storm.rs"]
mod storm;
#[path = "group/texts.rs"]
mod texts;

use runtime::testkit::{Ground, Stage, World, seeded};

/// How many seeds are played when nobody says how many. This group hears nine others, so its worlds are large.
const SEEDS: u64 = 3;

/// A test in a world of its own, for a few seeds; `MERCAT_SEEDS` and `MERCAT_SEED` ask for others.
fn play<F: Future<Output = ()>>(act: impl Fn(World) -> F) {
    let asked_for = ["MERCAT_SEEDS", "MERCAT_SEED"].iter().any(|name| std::env::var_os(name).is_some());
    seeded(|seed| {
        let act = &act;
        async move {
            if seed >= SEEDS && !asked_for {
                return;
            }
            let world = World::new(seed);
            act(world.clone()).await;
            world.idle().await;
        }
    });
}

/// The group with the outside of these tests.
fn stage(world: &World) -> Stage {
    Stage::new(Ground::World(world.clone()), outside::group)
}

//! The contract suite on the world in memory, in fair weather.
#![cfg(feature = "testkit")]

use futures::FutureExt as _;
use futures::future::BoxFuture;
use runtime::fabric::SharedFabric;
use runtime::testkit::suite::fabric::{self, Fact, Site};
use runtime::testkit::{World, seeded};

struct InMemory(World);

impl Site for InMemory {
    fn fabric<'a>(&'a self, group: &'a str, replica: &'a str) -> BoxFuture<'a, SharedFabric> {
        async move { self.0.fabric(group, replica) }.boxed()
    }
}

/// Checks each fact in a world of its own, and then all of them in one.
fn hold(facts: &'static [Fact]) {
    seeded(|seed| async move {
        for fact in facts {
            let world = World::new(seed);
            fabric::check(&InMemory(world.clone()), std::slice::from_ref(fact)).await;
            world.idle().await;
        }
        let world = World::new(seed);
        fabric::check(&InMemory(world.clone()), facts).await;
        world.idle().await;
    });
}

#[test]
fn the_log_keeps_its_facts() {
    hold(fabric::LOG);
}

#[test]
fn the_bus_keeps_its_facts() {
    hold(fabric::BUS);
}

#[test]
fn hearings_keep_their_facts() {
    hold(fabric::HEARINGS);
}

#[test]
fn members_keep_their_facts() {
    hold(fabric::MEMBERS);
}

#[test]
fn dead_letters_keep_their_facts() {
    hold(fabric::LETTERS);
}

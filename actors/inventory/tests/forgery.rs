//! Messages in the log that claim a place far ahead in the chain: what has no turn in it is skipped, as all garbage is;
//! a turn whose predecessors are missing is a hole in the log, and nobody goes on behind it.

#[path = "group/shop.rs"]
mod shop;

use messages::inventory::v1::rpc;
use messages::runtime::v1::Turn;
use runtime::client::Failure;
use runtime::testkit::{Ground, MemoryStore, World, seeded};
use runtime::turn;

use shop::{adjust, adjustment, level, open, reserve, warehouse};

/// A turn that says of itself that it is the thousandth.
fn far_ahead() -> Turn {
    Turn { number: 1_000, previous_sequence: 7, previous_hash: vec![0; 32], ..Turn::default() }
}

#[test]
fn a_forged_place_far_ahead_stops_nothing() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (mut stage, asker) = open(&Ground::World(world.clone()), &["a"]).await;
        let here = warehouse(&asker, "graz", &[("MUG", 3)]).await;
        let subject = format!("shop.log.inventory.{}", messages::partition::of(&here, 8));
        // Its header is that of a turn, what it holds is not.
        let (said, _, _) = turn::write(&far_ahead());
        world.inject_log(&subject, said, "no turn".into());
        adjust(&asker, &here, "MUG", 1).await.expect("the partition goes on behind it");
        reserve(&asker, &here, "one", &[("MUG", 2)]).await.expect("and on");
        stage.kill("a");
        stage.set_store("a", MemoryStore::new());
        stage.start("a").await;
        assert_eq!(level(&asker, &here, "MUG").await, [2, 2, 0, 4], "whoever starts anew skips it as well");
        stage.clear().await;
        drop(asker);
        world.idle().await;
    });
}

#[test]
fn a_turn_whose_predecessors_are_missing_stops_its_partition() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (mut stage, asker) = open(&Ground::World(world.clone()), &["a"]).await;
        let here = warehouse(&asker, "graz", &[("MUG", 3)]).await;
        let subject = format!("shop.log.inventory.{}", messages::partition::of(&here, 8));
        let (said, payload, _) = turn::write(&far_ahead());
        world.inject_log(&subject, said, payload);
        let call = asker.call::<rpc::AdjustStock>(Some(&here), &adjustment(&here, "MUG", 1));
        let Err(Failure::Refused { problem, .. }) = asker.send(&call).await else { panic!("not refused") };
        assert_eq!(problem.code, "not_hosting");
        assert!(problem.detail.contains("missing"), "{}", problem.detail);
        stage.clear().await;
        drop(asker);
        world.idle().await;
    });
}

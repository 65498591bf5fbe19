//! What holds for canaries: a second set of replicas, with subjects of their own and the same log.

use inventory::wire::v1;
use messages::Rpc;
use messages::inventory::v1::rpc;
use runtime::client::Answer;
use runtime::reach::Set;
use runtime::testkit::{Asker, Ground};
use serde_json::json;

use super::shop::{adjustment, id, level, open, warehouse};

/// Asks the canary; whoever answers has done it.
async fn canaried<R: Rpc>(asker: &Asker, key: &str, request: &R::Request) -> Answer {
    let mut call = asker.call::<R>(Some(key), request);
    call.set = Set::Canary;
    asker.send(&call).await.expect("an answer")
}

/// Adds one to a shelf until it was done by this set. How often it was.
async fn until_done_by(set: Set, asker: &Asker, here: &str) -> i64 {
    let mut times = 1;
    while canaried::<rpc::AdjustStock>(asker, here, &adjustment(here, "MUG", 1)).await.set != set {
        times += 1;
    }
    times
}

pub(crate) async fn a_canary_writes_into_the_same_log_and_is_not_missed_when_it_stops(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    let here = warehouse(&asker, "graz", &[]).await;
    stage.canary("c");
    stage.start("c").await;
    // It does nothing before it has heard what the stable replica can read.
    let mut units = until_done_by(Set::Canary, &asker, &here).await;
    for _ in 0..20 {
        let one = adjustment(&here, "MUG", 1);
        let call = asker.call::<rpc::AdjustStock>(Some(&here), &one);
        let (stable, canary) = (asker.send(&call), canaried::<rpc::AdjustStock>(&asker, &here, &one));
        let (stable, canary) = futures::join!(stable, canary);
        assert_eq!((stable.expect("room").set, canary.set), (Set::Stable, Set::Canary));
        units += 2;
    }
    assert_eq!(level(&asker, &here, "MUG").await, [units, 0, 0, units]);
    stage.stop("c").await;
    assert_eq!(canaried::<rpc::AdjustStock>(&asker, &here, &adjustment(&here, "MUG", 1)).await.set, Set::Stable);
    assert_eq!(level(&asker, &here, "MUG").await, [units + 1, 0, 0, units + 1]);
    stage.stop("a").await;
    for name in ["a", "c"] {
        assert_eq!(stage.verify(Some(name)).await, Vec::<String>::new(), "{name}");
    }
}

pub(crate) async fn a_canary_writes_nothing_that_a_stable_replica_cannot_read(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    let here = warehouse(&asker, "graz", &[]).await;
    stage.canary("c");
    stage.start("c").await;
    until_done_by(Set::Canary, &asker, &here).await;
    let fabric = match &ground {
        Ground::World(world) => world.fabric("inventory", "old"),
        Ground::Servers(site) => site.fabric("inventory", "old").await,
    };
    // A replica of the version before, which does not know what a warehouse says of itself today.
    let says = json!({ "caught_up": false, "cannot": [], "set": "stable", "schema": 1 }).to_string();
    fabric.members().announce("inventory.old".to_owned(), says.into()).await.expect("a word");
    let open_one = async |number: i32| {
        let warehouse_id = id("wh", &format!("linz{number}"));
        let create = v1::CreateWarehouseRequest {
            warehouse_id: warehouse_id.clone(),
            name: "linz".to_owned(),
            country: "AT".to_owned(),
            ..v1::CreateWarehouseRequest::default()
        };
        canaried::<rpc::CreateWarehouse>(&asker, &warehouse_id, &create).await.set
    };
    let mut number = 0;
    while open_one(number).await == Set::Canary {
        number += 1;
    }
    let adjusted = canaried::<rpc::AdjustStock>(&asker, &here, &adjustment(&here, "MUG", 1)).await;
    assert_eq!(adjusted.set, Set::Canary, "what the old version knows is done");
    fabric.members().leave("inventory.old".to_owned()).await.expect("a word");
    // The last of them has been replaced: the new version is promoted.
    while open_one(number + 1).await == Set::Stable {
        number += 1;
    }
    stage.clear().await;
    for name in ["a", "c"] {
        assert_eq!(stage.verify(Some(name)).await, Vec::<String>::new(), "{name}");
    }
}

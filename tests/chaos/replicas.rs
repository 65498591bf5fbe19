//! Replicas in a storm: all of them host, all of them die, sleep and lose their servers, and the servers do too.

use std::time::{Duration, Instant};

use futures::future::join_all;
use runtime::entropy::Entropy;
use runtime::server::Server;

use super::crowd::Crowd;
use super::fleet::{Fleet, Replica};
use super::judge::judge;
use super::seed::kills;

const CLIENTS: usize = 8;
/// How long all is well between two faults of one replica, and of the servers.
const CALM_MS: u64 = 1_200;
/// How long most faults last.
const FAULT_MS: u64 = 2_500;
/// How long the long ones last: members count as gone after 7 s, and connections as dead after 6.
const LONG_MS: u64 = 8_000;
/// How often each list is read: often enough that every replica has answered.
const LISTS: usize = 4;

/// A storm over this many servers and these replicas.
pub(crate) async fn storm(dice: Entropy, nodes: usize, names: &[&str]) {
    let (times, began) = (kills(1), Instant::now());
    let mut fleet = Fleet::start(nodes, names).await;
    let crowd = Crowd::gather(fleet.doors(CLIENTS).await, &dice, "storm", 4).await;
    let each = times.div_ceil(u64::try_from(names.len()).expect("few"));
    let Fleet { server, replicas, .. } = &mut fleet;
    let of_replicas = join_all(replicas.iter_mut().map(|replica| {
        let dice = Entropy::seeded(u64::from_le_bytes(dice.bytes()));
        async move { trouble(replica, &dice, each).await }
    }));
    let of_servers = trouble_at_the_servers(server, Entropy::seeded(u64::from_le_bytes(dice.bytes())), times / 3);
    futures::join!(of_replicas, of_servers);
    crowd.goes_on(200).await;
    let (record, warehouses) = crowd.go_home().await;
    let doors = fleet.doors(LISTS * names.len()).await;
    let said = judge(&fleet.bench(), &record, &warehouses, doors).await;
    let gave_up: Vec<&String> = fleet.replicas.iter().flat_map(|replica| &replica.gave_up).collect();
    for reason in &gave_up {
        eprintln!("a replica gave up: {reason}");
    }
    let gave_up = gave_up.len();
    fleet.stop_and_verify().await;
    eprintln!(
        "{} faults at {} replicas, {} at {nodes} servers: {said}; {gave_up} replicas gave up by themselves; {} s in all",
        each * u64::try_from(names.len()).expect("few"),
        names.len(),
        times / 3,
        began.elapsed().as_secs()
    );
}

/// One fault after the other at one replica.
async fn trouble(replica: &mut Replica, dice: &Entropy, times: u64) {
    for _ in 0..times {
        pause(dice.below(CALM_MS)).await;
        replica.still_runs().await;
        let lasts = if dice.below(8) == 0 { LONG_MS } else { 100 + dice.below(FAULT_MS) };
        match dice.below(6) {
            0 | 1 => {
                replica.kill9();
                if dice.below(3) == 0 {
                    replica.wipe();
                }
                pause(lasts / 4).await;
                replica.begin();
            }
            2 => {
                replica.pause();
                pause(lasts).await;
                replica.resume();
            }
            3 => {
                replica.wire.cut();
                pause(lasts).await;
                replica.wire.heal();
            }
            4 => {
                replica.wire.half_open();
                pause(lasts).await;
                replica.wire.heal();
            }
            _ => {
                replica.wire.delay(Duration::from_millis(5 + dice.below(60)));
                pause(lasts).await;
                replica.wire.heal();
            }
        }
    }
    replica.still_runs().await;
}

/// One server after the other is killed or paused. A cluster of three can always spare one.
async fn trouble_at_the_servers(server: &mut Server, dice: Entropy, times: u64) {
    for _ in 0..times {
        pause(dice.below(3 * CALM_MS)).await;
        let number = usize::try_from(dice.below(u64::try_from(server.nodes().len()).expect("few"))).expect("few");
        let node = server.node(number);
        if dice.below(2) == 0 {
            node.kill9();
            pause(dice.below(FAULT_MS / 2)).await;
            node.restart().await.expect("a server on the store it had");
        } else {
            node.pause().expect("a server that runs");
            pause(100 + dice.below(FAULT_MS)).await;
            node.resume().expect("a server that runs");
        }
    }
}

/// Lets time pass: not to wait for anything, but because a fault lasts.
async fn pause(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

//! Foul weather: everything that can go wrong does, seeded, and a checker reads the history.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use messages::inventory::v1::rpc;
use runtime::client::Failure;
use runtime::entropy::Entropy;
use runtime::testkit::checker::{self, Committed, History, Operation, Outcome};
use runtime::testkit::{Asker, Ground, MemoryStore, Stage, World, seeded};

use super::shop::{adjustment, basket, id, level, open, warehouse};

const REPLICAS: [&str; 3] = ["a", "b", "c"];
const CLIENTS: usize = 6;
const COMMANDS_EACH: usize = 40;
const SKUS: [&str; 3] = ["MUG", "TEE", "CAP"];

type Said = Rc<RefCell<History<String>>>;

/// Three replicas, six clients, and every fault there is: whatever was acknowledged is there exactly once, versions
/// have no gaps and follow real time, stock is never negative and nothing is lost or made.
#[test]
fn nothing_acknowledged_is_lost_or_done_twice_in_a_storm() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (mut stage, asker) = open(&Ground::World(world.clone()), &REPLICAS).await;
        let here = warehouse(&asker, "graz", &SKUS.map(|sku| (sku, 60))).await;
        let history = Said::default();
        let clients: Vec<_> = (0..CLIENTS).map(|_| world.entropy()).collect();
        let mut working = Vec::new();
        for (number, entropy) in clients.into_iter().enumerate() {
            let asker = stage.client(&format!("client{number}")).await;
            let client = Shopper { number, asker, entropy, history: history.clone(), warehouse: here.clone() };
            working.push(actix_rt::spawn(client.work()));
        }
        let storm = {
            let world = world.clone();
            actix_rt::spawn(async move { world.faults().storm(Duration::from_secs(60)).await })
        };
        kill_in_turn(&mut stage, &world).await;
        storm.await.expect("a storm");
        for client in working {
            client.await.expect("a client");
        }
        world.faults().quiet();
        judge(&mut stage, &asker, &here, &history).await;
        world.idle().await;
    });
}

/// Kills replicas one after the other; a third of them find their store wiped, the others what a crash left of it.
async fn kill_in_turn(stage: &mut Stage, world: &World) {
    let entropy = world.entropy();
    for round in 0..9 {
        world.pass(Duration::from_millis(2_000 + entropy.below(4_000))).await;
        let name = REPLICAS[round % REPLICAS.len()];
        stage.kill(name);
        let store = match entropy.below(3) {
            0 => MemoryStore::new(),
            _ => stage.store(name).crash(&mut dice(&entropy)),
        };
        stage.set_store(name, store);
        world.pass(Duration::from_millis(entropy.below(1_500))).await;
        while let Err(error) = stage.try_start(name).await {
            // The world may not answer just now; whoever started the process starts it again.
            assert!(!error.to_string().contains("checkpoint"), "{error}");
            world.pass(Duration::from_millis(200)).await;
        }
    }
}

fn dice(entropy: &Entropy) -> impl rand::Rng + use<> {
    <rand::rngs::StdRng as rand::SeedableRng>::from_seed(entropy.bytes())
}

struct Shopper {
    number: usize,
    asker: Asker,
    entropy: Entropy,
    history: Said,
    warehouse: String,
}

impl Shopper {
    async fn work(self) {
        for round in 0..COMMANDS_EACH {
            let name = format!("{}-{round}", self.number);
            let sku = SKUS[usize::try_from(self.entropy.below(3)).expect("small")];
            let (actor, call) = match self.entropy.below(4) {
                0 => {
                    let delta = i64::try_from(self.entropy.below(9)).expect("small") - 4;
                    let request = adjustment(&self.warehouse, sku, if delta == 0 { 1 } else { delta });
                    let call = self.asker.keyed::<rpc::AdjustStock>(&name, &self.warehouse, &request);
                    (format!("shelf/{}/{sku}", self.warehouse), call)
                }
                1 if round > 0 => {
                    let of = id("rsv", &format!("{}-{}", self.number, round - 1));
                    let request = inventory::wire::v1::ReleaseRequest {
                        warehouse_id: self.warehouse.clone(),
                        reservation_id: of.clone(),
                        lines: Vec::new(),
                    };
                    (format!("reservation/{of}"), self.asker.keyed::<rpc::Release>(&name, &self.warehouse, &request))
                }
                _ => {
                    let request = basket(&self.warehouse, &name, &[("MUG", 1), (sku, 2)][usize::from(sku == "MUG")..]);
                    let actor = format!("reservation/{}", request.reservation_id);
                    (actor, self.asker.keyed::<rpc::Reserve>(&name, &self.warehouse, &request))
                }
            };
            let command = call.command.expect("a key").id;
            // A client that hears nothing asks again with the same key, as one would.
            for _ in 0..20 {
                let running = self.history.borrow_mut().start(command, actor.clone());
                let outcome = outcome(self.asker.send(&retimed(&self.asker, &call)).await);
                let settled = !matches!(outcome, Outcome::Unknown);
                self.history.borrow_mut().end(running, outcome);
                if settled {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100 + self.entropy.below(400))).await;
            }
        }
    }
}

fn retimed(asker: &Asker, call: &runtime::client::Call) -> runtime::client::Call {
    let deadline = asker.client.clock().now().saturating_add(jiff::SignedDuration::from_secs(3)).expect("a deadline");
    runtime::client::Call { deadline, ..call.clone() }
}

fn outcome(result: Result<runtime::client::Answer, Failure>) -> Outcome<String> {
    match result {
        Ok(answer) => Outcome::Acked {
            version: answer.version.unwrap_or(0),
            position: answer.position.map_or(0, |position| position.sequence),
        },
        Err(Failure::Refused { problem, .. }) => {
            let business = ["out_of_stock", "insufficient_stock", "not_found", "reservation_released"];
            if business.contains(&problem.code.as_str()) { Outcome::Refused(problem.code) } else { Outcome::Unknown }
        }
        Err(_) => Outcome::Unknown,
    }
}

async fn judge(stage: &mut Stage, asker: &Asker, here: &str, history: &Said) {
    let mut received = [0; SKUS.len()];
    for (sku, received) in SKUS.iter().zip(&mut received) {
        let [on_hand, reserved, shipped, all] = level(asker, here, sku).await;
        assert!(on_hand >= 0 && reserved >= 0 && shipped >= 0, "{sku}: {on_hand} {reserved} {shipped}");
        assert_eq!(all, on_hand + reserved + shipped, "{sku}: nothing is lost or made");
        *received = all;
    }
    stage.clear().await;
    for replica in REPLICAS {
        assert_eq!(stage.verify(Some(replica)).await, Vec::<String>::new(), "{replica}");
    }
    let commits = commits(stage).await;
    let history = history.borrow();
    let settled = history.operations().iter().filter(|op| !matches!(op.outcome, Outcome::Unknown)).count();
    assert!(settled * 10 >= CLIENTS * COMMANDS_EACH * 9, "the storm let only {settled} through");
    let wrong = checker::check(history.operations(), &commits, |_: &Operation<String>, _, _| true);
    assert!(wrong.is_empty(), "{wrong:#?}");
    let acked: i64 = commits.iter().map(|commit| i64::try_from(commit.changes.len()).expect("few")).sum();
    assert!(acked > 0 && received.iter().all(|units| *units >= 0));
}

/// Every commit in the log, in its order.
async fn commits(stage: &Stage) -> Vec<Committed> {
    let log = stage.log().await;
    let mut entries = Vec::new();
    for partition in 0..8 {
        let mut after = 0;
        while let Some(entry) = log.next(partition, after).await.expect("an answer") {
            after = entry.sequence;
            entries.push(entry);
        }
    }
    entries.sort_by_key(|entry| entry.sequence);
    checker::committed(&entries).expect("a whole chain")
}

//! Kill -9 after every single turn of every life of an order: not sampled.
//!
//! An undisturbed run of each scene counts the turns of the order's log and of the payment's. Then every scene is played
//! once for each of them, and the shop is killed when so many turns are stored and the next one is lost. Orders that live
//! in different partitions do not wait for each other, so one kill serves one order in each partition.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::join_all;
use runtime::server::{Server, ServerOptions};
use tokio::task::JoinHandle;

use super::audit::is_clean;
use super::gate::{Gate, Place};
use super::house::{Ask, Elsewhere, Up, free_port};
use super::scenes::{Role, SCENES, Scene, play};
use super::stocked::Stocked;

/// How long is waited until all of a batch are stopped. What does not come so far, because others that are stopped keep
/// it waiting, is tried again in a batch with fewer.
const STOPPED_WITHIN: Duration = Duration::from_secs(6);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Every so many kills, the server is killed too.
const SERVER_EVERY: usize = 4;

/// A kill: of whom, in whose log, after how many turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Kill {
    log: &'static str,
    scene: Scene,
    turns: usize,
}

struct Theatre {
    gate: Gate,
    server: Server,
    shop: Stocked,
    /// The number of the next name.
    names: u32,
    played: Vec<Role>,
    _home: tempfile::TempDir,
}

impl Theatre {
    async fn open() -> Theatre {
        let home = tempfile::tempdir().expect("a directory");
        let options = ServerOptions {
            port: Some(free_port()),
            monitor_port: Some(free_port()),
            ..ServerOptions::new(home.path().join("nats"))
        };
        let server = Server::start(options).await.expect("a server");
        let gate = Gate::open(server.nodes()[0].port()).await;
        let elsewhere = Elsewhere { url: gate.url(), monitors: server.monitors() };
        let mut shop = Stocked::in_a(Up::open_on(Some(elsewhere)).await).await;
        let vienna = shop.vienna.clone();
        shop.stock(&vienna, "MUG", 10_000).await;
        shop.stock(&vienna, "SHIRT", 10_000).await;
        Theatre { gate, server, shop, names: 0, played: Vec::new(), _home: home }
    }

    /// A role whose order, or payment, lives in this partition, with something to buy that nobody else wants.
    async fn role(&mut self, scene: Scene, place: Place) -> Role {
        let role = loop {
            self.names += 1;
            let sku = if scene == Scene::SoldOut { format!("LAST-{}", self.names) } else { "MUG".to_owned() };
            let role = Role::new(scene, &self.names.to_string(), &sku);
            let (order, payment) = role.partitions();
            if place.1 == (if place.0 == "order" { order } else { payment }) {
                break role;
            }
        };
        if scene == Scene::SoldOut {
            let sku = format!("LAST-{}", self.names);
            self.shop.product("The last one", &sku, 1500).await;
            let vienna = self.shop.vienna.clone();
            self.shop.stock(&vienna, &sku, 1).await;
            self.shop.until(Ask::get(format!("/api/v1/prices/{sku}")), |price| price["sku"] == sku.as_str()).await;
        }
        self.played.push(role.clone());
        role
    }

    /// Plays each scene undisturbed, and counts the turns of its order and its payment.
    async fn rehearse(&mut self) -> Vec<Kill> {
        let mut roles = Vec::new();
        for (number, scene) in (0..).zip(SCENES) {
            let mut role = self.role(scene, ("order", number)).await;
            // Each payment in a partition of its own too.
            while roles.iter().any(|other: &Role| other.partitions().1 == role.partitions().1) {
                self.played.pop();
                role = self.role(scene, ("order", number)).await;
            }
            let (order, payment) = role.partitions();
            self.gate.mark(("order", order), &role.order_id, usize::MAX);
            self.gate.mark(("payment", payment), &role.payment_id, usize::MAX);
            roles.push(role);
        }
        let (doors, vienna) = (self.shop.up.doors(), &self.shop.vienna);
        join_all(roles.iter().map(|role| play(role.clone(), doors.clone(), vienna.clone()))).await;
        let mut kills = Vec::new();
        for role in &roles {
            let (order, payment) = role.partitions();
            for (log, partition) in [("order", order), ("payment", payment)] {
                let turns = self.gate.look((log, partition)).passed;
                assert!(turns > 1, "{:?} had {turns} turns in the log of {log}", role.scene);
                kills.extend((0..turns).map(|turns| Kill { log, scene: role.scene, turns }));
            }
        }
        self.gate.clear();
        kills
    }

    /// Plays a scene for each kill, stops each where it is to be stopped, and kills. Says where each was stopped.
    async fn kill(&mut self, kills: &[Kill], server_too: bool) -> BTreeMap<Kill, String> {
        let mut roles = Vec::new();
        for (number, kill) in (0..).zip(kills) {
            let role = self.role(kill.scene, (kill.log, number)).await;
            let actor = if kill.log == "order" { &role.order_id } else { &role.payment_id };
            self.gate.mark((kill.log, number), actor, kill.turns);
            roles.push(role);
        }
        let up = &mut self.shop.up;
        let play = |role: &Role| tokio::spawn(play(role.clone(), up.doors(), self.shop.vienna.clone()));
        let playing: Vec<JoinHandle<()>> = roles.iter().map(play).collect();
        let began = Instant::now();
        let waits = |((number, kill), playing): ((u32, &Kill), &JoinHandle<()>)| {
            self.gate.look((kill.log, number)).stopped.is_none() && !playing.is_finished()
        };
        while (0..).zip(kills).zip(&playing).any(waits) && began.elapsed() < STOPPED_WITHIN {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        up.kill9();
        let stopped = (0..)
            .zip(kills)
            .filter_map(|(number, kill): (u32, _)| Some((*kill, self.gate.look((kill.log, number)).stopped?)));
        let stopped: BTreeMap<Kill, String> = stopped.collect();
        self.gate.clear();
        if server_too {
            self.server.only().kill9();
            self.server.only().restart().await.expect("the server starts again");
        }
        up.begin();
        up.gets_open().await;
        self.shop.was_started_again();
        for playing in playing {
            playing.await.expect("a scene that ends as it should");
        }
        stopped
    }
}

/// What the bank really did for each payment: how often it took money, and how often it gave some back.
fn moves(up: &Up) -> BTreeMap<String, (usize, usize)> {
    use bank::books::{Line, Thing, What};
    let lines: Vec<Line> = bank::journal::read(&up.journal()).expect("a journal");
    let (mut whose, mut moves) = (BTreeMap::new(), BTreeMap::<String, (usize, usize)>::new());
    for line in lines {
        let Line::Done(entry) = line else { continue };
        for thing in &entry.things {
            if let Thing::Intent(intent) = thing {
                whose.insert(intent.id.clone(), intent.metadata.get("payment_id").cloned().unwrap_or_default());
            }
        }
        for moved in entry.moves {
            let (taken, given) = moves.entry(whose[&moved.intent].clone()).or_default();
            match moved.what {
                What::Charged => *taken += 1,
                What::Returned => *given += 1,
                What::Held | What::Released => {}
            }
        }
    }
    moves
}

/// The shop is killed after every turn of a log, an order's or its payment's, in every scene.
pub(crate) async fn after_every_turn(log: &'static str) {
    let began = Instant::now();
    let mut theatre = Theatre::open().await;
    let mut wanted = theatre.rehearse().await;
    wanted.retain(|kill| kill.log == log);
    let (mut left, mut batches, mut kills) = (wanted.clone(), 0, BTreeMap::new());
    // Those of a batch come to be stopped at about the same time.
    left.sort_by_key(|kill| kill.turns);
    let partitions = usize::try_from(messages::Group::named(log).expect("a group").partitions).expect("few");
    for at_once in [partitions, partitions / 2] {
        for batch in std::mem::take(&mut left).chunks(at_once) {
            batches += 1;
            let stopped = theatre.kill(batch, batches % SERVER_EVERY == 0).await;
            left.extend(batch.iter().filter(|kill| !stopped.contains_key(kill)));
            kills.extend(stopped);
        }
    }
    for (Kill { log, scene, turns }, stopped) in &kills {
        eprintln!("{scene:?}: killed after turn {turns} of {log}, which lost: {stopped}");
    }
    // A run may pack what another says in two turns into one; it cannot be much shorter.
    assert!(kills.len() * 10 >= wanted.len() * 9, "{} of {} turns were stopped", kills.len(), wanted.len());
    let up = &theatre.shop.up;
    let moves = moves(up);
    for role in &theatre.played {
        let moved = moves.get(&role.payment_id).copied().unwrap_or_default();
        assert_eq!(moved, role.scene.moves(), "{:?}: charges and refunds of {}", role.scene, role.order_id);
        let more = role.more_payment_id.as_ref().and_then(|payment_id| moves.get(payment_id));
        let more = more.copied().unwrap_or_default();
        assert_eq!(more, role.scene.more_moves(), "{:?}: of the difference of {}", role.scene, role.order_id);
    }
    is_clean(up).await;
    let verified = up.mercat(&["verify"]).await;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    let (orders, secs) = (theatre.played.len(), began.elapsed().as_secs());
    eprintln!(
        "{} of {} turns killed after, in {batches} kills of the shop: {orders} orders right; {secs} s",
        kills.len(),
        wanted.len()
    );
}

//! The protocol of the log in foul weather, judged by the checker.
//!
//! Replicas append commands to one partition and tell their clients what became of them. Those that follow the rules
//! (after an unknown outcome append again with the same expectation; when fenced, fold and look for your own command)
//! are never caught. Those that settle an unknown outcome by reading are, and so are those that do not look.
#![cfg(feature = "testkit")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use futures::{FutureExt as _, StreamExt as _};
use runtime::bus::Headers;
use runtime::entropy::Entropy;
use runtime::headers::CommandId;
use runtime::log::{AppendError, Entry, SharedLog};
use runtime::testkit::checker::{Change, Committed, History, Outcome, Violation, check};
use runtime::testkit::{Odds, World, seeded};

const ACTOR: &str = "counter";
const COMMANDS: u64 = 60;
const REPLICAS: [&str; 3] = ["n1", "n2", "n3"];

fn group() -> &'static messages::Group {
    messages::GROUPS[0]
}

/// What a replica does after an unknown outcome or a refused fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conduct {
    /// By the rules.
    Right,
    /// Reads whether it is there, and believes the answer.
    TrustsReads,
    /// Decides again without looking for what it did before.
    NeverLooksBack,
}

/// No state justifies this.
type NotDone = ();
type SharedHistory = Rc<RefCell<History<NotDone>>>;

fn command_of(entry: &Entry) -> CommandId {
    CommandId(entry.payload[..].try_into().expect("a turn here is a command id"))
}

/// A replica that hosts the partition, as all of them believe they do.
struct Replica {
    log: SharedLog,
    conduct: Conduct,
    /// Where the partition ends, as far as it has folded, and the version that is.
    last: u64,
    version: u64,
    /// Version and position of every command it has folded.
    seen: BTreeMap<CommandId, (u64, u64)>,
}

impl Replica {
    fn fold(&mut self, sequence: u64, command: CommandId) {
        self.last = sequence;
        self.version += 1;
        self.seen.insert(command, (self.version, sequence));
    }

    /// Folds what can be read. After a refused fence that may be nothing: what fenced us may still be under way.
    async fn catch_up(&mut self) {
        while let Ok(Some(entry)) = self.log.next(0, self.last).await {
            self.fold(entry.sequence, command_of(&entry));
        }
    }

    async fn run(&mut self, command: CommandId) -> Outcome<NotDone> {
        loop {
            if self.conduct != Conduct::NeverLooksBack
                && let Some((version, position)) = self.seen.get(&command).copied()
            {
                return Outcome::Acked { version, position };
            }
            let payload = Bytes::copy_from_slice(&command.0);
            match self.log.append(0, self.last, Headers::new(), payload).await {
                Ok(sequence) => {
                    self.fold(sequence, command);
                    return Outcome::Acked { version: self.version, position: sequence };
                }
                Err(AppendError::Fenced { .. }) => self.catch_up().await,
                Err(AppendError::Unknown { .. }) if self.conduct == Conduct::TrustsReads => {
                    if let Ok(None) = self.log.next(0, self.last).await {
                        return Outcome::Refused(());
                    }
                    self.catch_up().await;
                }
                Err(AppendError::Unknown { .. }) => {}
                Err(AppendError::Full { reason, .. }) => panic!("{reason}"),
            }
        }
    }
}

/// Runs all commands of a client on a replica of its own; now and then one goes to it twice.
async fn client(world: World, replica: &'static str, conduct: Conduct, history: SharedHistory, entropy: Entropy) {
    let fabric = world.fabric(group().name, replica);
    let log = loop {
        if let Ok(log) = fabric.log(group()).await {
            break log;
        }
    };
    let mut host = Replica { log, conduct, last: 0, version: 0, seen: BTreeMap::new() };
    for number in 0..COMMANDS {
        let command = CommandId::derived(&[replica.as_bytes(), &number.to_le_bytes()]);
        for _ in 0..=entropy.below(10) / 9 {
            if conduct == Conduct::NeverLooksBack && host.seen.contains_key(&command) {
                continue;
            }
            let running = history.borrow_mut().start(command, ACTOR);
            let outcome = host.run(command).await;
            history.borrow_mut().end(running, outcome);
        }
        world.pass(Duration::from_micros(entropy.below(400_000))).await;
    }
}

/// The log as the checker wants it: each entry is one command and one event.
fn committed(world: &World) -> Vec<Committed> {
    let entries = world.entries(group().name).into_iter().zip(1..);
    let committed = entries.map(|(entry, version)| Committed {
        command: command_of(&entry),
        position: entry.sequence,
        actor: ACTOR.to_owned(),
        version,
        refused: false,
        changes: vec![Change { actor: ACTOR.to_owned(), version }],
    });
    committed.collect()
}

/// Lets three replicas work through a storm and judges what they told their clients.
async fn judged(world: &World, conduct: Conduct) -> Vec<Violation> {
    let history = SharedHistory::default();
    let clients = REPLICAS.map(|replica| client(world.clone(), replica, conduct, history.clone(), world.entropy()));
    let weather = async {
        world.faults().storm(Duration::from_secs(20)).await;
        world.faults().set(Odds { append_late: 200, ack_lost: 100, ..Odds::ROUGH });
    };
    tokio::join!(join_all(clients), weather);
    world.faults().quiet();
    // What is late is late by less than this.
    world.pass(Duration::from_mins(1)).await;
    let history = history.borrow();
    check(history.operations(), &committed(world), |_, (), _| false)
}

#[test]
fn who_follows_the_rules_is_never_caught() {
    seeded(|seed| async move {
        let world = World::new(seed);
        assert_eq!(judged(&world, Conduct::Right).await, []);
        let commands = REPLICAS.len() * usize::try_from(COMMANDS).unwrap();
        assert_eq!(world.entries(group().name).len(), commands, "every command was done in the end");
        let counters = world.counters();
        assert!(counters.unknown > 0 && counters.fenced > 0, "there was no weather: {counters:?}");
    });
}

/// How many storms it takes at most to catch one who breaks the rules.
const STORMS_MAX: u64 = 50;

async fn caught(seed: u64, conduct: Conduct, wrong: fn(&Violation) -> bool) {
    for storm in 0..STORMS_MAX {
        let world = World::new(seed * STORMS_MAX + storm);
        if judged(&world, conduct).await.iter().any(wrong) {
            return;
        }
    }
    panic!("nobody noticed in {STORMS_MAX} storms");
}

#[test]
fn who_settles_an_unknown_outcome_by_reading_is_caught() {
    seeded(|seed| caught(seed, Conduct::TrustsReads, |wrong| matches!(wrong, Violation::RefusedYetDone { .. })));
}

#[test]
fn who_never_looks_back_is_caught() {
    seeded(|seed| caught(seed, Conduct::NeverLooksBack, |wrong| matches!(wrong, Violation::Twice { .. })));
}

/// Everything a fabric can do at once, in a storm.
async fn everything(world: &World) {
    let background = async {
        let fabric = world.fabric(group().name, "n4");
        fabric.log(group()).await.ok();
        fabric.seat_hearers(group()).await.ok();
        let bus = fabric.bus();
        let mut requests = bus.subscribe("shop.any.g.*.get".to_owned(), Some("g".to_owned())).await.unwrap();
        let responder = async {
            while let Some(request) = requests.next().await {
                let reply = request.reply.unwrap().to_string();
                bus.publish(reply, None, Headers::new(), request.payload).await.unwrap();
            }
        };
        let hearer = async {
            loop {
                let Ok(mut hearing) = fabric.hear(group(), "evt", 0).await else { continue };
                while let Ok(heard) = hearing.next().await {
                    let subject = format!("shop.evt.g.{}.made", heard.entry.sequence);
                    if fabric
                        .store(subject, heard.entry.sequence.to_string(), Headers::new(), Bytes::new())
                        .await
                        .is_ok()
                    {
                        heard.receipt.done().await.ok();
                    }
                }
            }
        };
        let member = async {
            loop {
                fabric.members().announce(format!("{}.n4", group().name), Bytes::new()).await.ok();
                world.pass(Duration::from_secs(2)).await;
            }
        };
        tokio::join!(responder, hearer, member);
    };
    let foreground = async {
        let asker = world.fabric(group().name, "n5");
        let (bus, mut watch) = (asker.bus(), asker.members().watch(group().name));
        for _ in 0..200 {
            let patience = Duration::from_millis(400);
            let request = bus.request("shop.any.g.k.get".to_owned(), Headers::new(), Bytes::new(), patience);
            let _answer = request.await;
            let _member = watch.next().now_or_never();
        }
        judged(world, Conduct::Right).await
    };
    tokio::select! { biased; violations = foreground => assert_eq!(violations, []), () = background.map(drop) => {} }
}

#[test]
fn a_seed_reproduces_a_run_exactly() {
    let run = || {
        let prints = RefCell::new(BTreeMap::new());
        seeded(|seed| {
            let prints = &prints;
            async move {
                let world = World::new(seed);
                everything(&world).await;
                world.idle().await;
                prints.borrow_mut().insert(world.fingerprint(), (world.counters(), world.latest()));
            }
        });
        prints.into_inner()
    };
    let (first, second) = (run(), run());
    assert!(first == second, "a second run with the same seeds went another way");
    assert!(first.len() > 1 || std::env::var("MERCAT_SEED").is_ok(), "all seeds go the same way");
}

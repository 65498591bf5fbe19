//! The replica: one process's copy of a group. What its actors share, and how they start, are mended and stop.

mod admission;
mod running;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use actix::Addr;
use jiff::Timestamp;

pub use admission::Refused;
pub use running::{Ended, Health, Replica, StartError, start};

use crate::bus::Bus;
use crate::client::Client;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::fabric::SharedFabric;
use crate::group::Group;
use crate::kind::Kinds;
use crate::log::SharedLog;
use crate::partition::Partition;
use crate::reach::Set;
use crate::stats::Stats;
use crate::store::SharedStore;

/// What a replica is told at start.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its name; unique among the replicas of the group at any time.
    pub replica: String,
    /// How long between two checkpoints.
    pub checkpoint_every: Duration,
    /// Its clock.
    pub clock: Clock,
    /// Its dice.
    pub entropy: Entropy,
    /// Which replicas of the group it is one of. A canary only answers what it is asked: timers, calls outside, news and
    /// the feed stay with the stable replicas, and what those cannot fold it refuses to record.
    pub set: Set,
}

impl Options {
    /// The machine's clock and dice, and checkpoints at the usual pace.
    #[must_use]
    pub fn named(replica: impl Into<String>) -> Options {
        Options {
            replica: replica.into(),
            checkpoint_every: crate::checkpoint::EVERY,
            clock: Clock::system(),
            entropy: Entropy::system(),
            set: Set::Stable,
        }
    }
}

/// What all actors of a replica share. Everything in it is set once at start but the gauges and addresses.
pub(crate) struct Shared {
    pub(crate) group: Group,
    pub(crate) kinds: Arc<Kinds>,
    pub(crate) replica: String,
    /// Its name as a token of a subject.
    pub(crate) address: String,
    pub(crate) set: Set,
    /// The newest schema of events that may be recorded here.
    pub(crate) schema_max: AtomicU32,
    pub(crate) checkpoint_every: Duration,
    pub(crate) started: Timestamp,
    pub(crate) fabric: SharedFabric,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) client: Client,
    pub(crate) log: SharedLog,
    pub(crate) store: SharedStore,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) stats: Stats,
    pub(crate) gauges: Gauges,
    /// How far the tail has dealt.
    pub(crate) dealt: tokio::sync::watch::Receiver<u64>,
    partitions: RwLock<BTreeMap<u32, Addr<Partition>>>,
    /// Partitions that cannot be served here: their next turn is damaged, or newer than this code.
    cannot: RwLock<BTreeSet<u32>>,
}

impl Shared {
    /// The group's name.
    pub(crate) fn name(&self) -> &'static str {
        self.group.contract.name
    }

    /// Where a partition is now. It moves when it is restarted.
    pub(crate) fn partition(&self, number: u32) -> Option<Addr<Partition>> {
        self.partitions.read().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }

    /// Where all partitions are now.
    pub(crate) fn all_partitions(&self) -> Vec<Addr<Partition>> {
        self.partitions.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Partitions that cannot be served here.
    pub(crate) fn cannot(&self) -> BTreeSet<u32> {
        self.cannot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A partition can be served here, or no longer.
    pub(crate) fn set_able(&self, number: u32, able: bool) {
        let mut cannot = self.cannot.write().unwrap_or_else(PoisonError::into_inner);
        if able {
            cannot.remove(&number)
        } else {
            cannot.insert(number)
        };
    }

    /// A partition is here now.
    pub(crate) fn moved(&self, number: u32, to: Addr<Partition>) {
        self.partitions.write().unwrap_or_else(PoisonError::into_inner).insert(number, to);
    }
}

/// What the actors of a replica say of themselves to metrics, ops and health.
#[derive(Default)]
pub(crate) struct Gauges {
    /// The account is so full that nothing new may begin.
    pub(crate) storage_low: AtomicBool,
    /// Our clock and the server's disagree too much to host anything.
    pub(crate) skewed: AtomicBool,
    /// Caught up and listening.
    pub(crate) ready: AtomicBool,
    /// Stopping: nothing new is taken.
    pub(crate) draining: AtomicBool,
    pub(crate) turns: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) fenced: AtomicU64,
    pub(crate) unknown: AtomicU64,
    pub(crate) strangers: AtomicU64,
    pub(crate) panics: AtomicU64,
    pub(crate) quarantined: AtomicU64,
    pub(crate) busy: AtomicU64,
    pub(crate) late: AtomicU64,
    pub(crate) dead_letters: AtomicU64,
    pub(crate) checkpoints: AtomicU64,
    pub(crate) restarts: AtomicU64,
}

impl Gauges {
    pub(crate) fn add(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }

    pub(crate) fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    pub(crate) fn is(flag: &AtomicBool) -> bool {
        flag.load(Ordering::Relaxed)
    }

    fn each(&self) -> [(&'static str, &AtomicU64); 12] {
        [
            ("turns", &self.turns),
            ("commits", &self.commits),
            ("fenced", &self.fenced),
            ("unknown", &self.unknown),
            ("strangers", &self.strangers),
            ("panics", &self.panics),
            ("quarantined", &self.quarantined),
            ("busy", &self.busy),
            ("late", &self.late),
            ("dead_letters", &self.dead_letters),
            ("checkpoints", &self.checkpoints),
            ("restarts", &self.restarts),
        ]
    }

    /// All counters, by name.
    pub(crate) fn counters(&self) -> serde_json::Value {
        let value = |counter: &AtomicU64| serde_json::Value::from(counter.load(Ordering::Relaxed));
        self.each().iter().map(|(name, counter)| ((*name).to_owned(), value(counter))).collect()
    }

    /// Hands all counters to metrics.
    pub(crate) fn publish(&self, group: &'static str) {
        for (name, counter) in self.each() {
            let value = counter.load(Ordering::Relaxed);
            metrics::counter!("group_events_total", "group" => group, "what" => name).absolute(value);
        }
    }
}

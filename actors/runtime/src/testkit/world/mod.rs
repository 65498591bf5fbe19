//! The world: a NATS account with its logs, bus, hearings and members, in memory and in one thread.
//!
//! Everything that happens is an event in one queue, in an order drawn from one seed, under tokio's clock, which a test
//! pauses. So a seed reproduces a run exactly, provided that the code under test takes its chances from
//! [`World::entropy`], iterates over nothing hashed at random, selects with `biased`, and leaves other threads alone.
//!
//! Subjects, queue groups, fences, redelivery, expiry and reconnection follow nats-server 2.15.1 and async-nats 0.51 as
//! measured; the suites say where that was compared. What it leaves out: permissions, `$SRV`, purging, and everything
//! else that no [`Fabric`](crate::fabric::Fabric) can ask for.

mod bucket;
mod client;
mod dice;
mod exchange;
mod faults;
mod feed;
mod leader;
mod link;
mod schedule;
mod seat;
mod state;
mod stream;
mod subject;
mod trace;

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use self::client::Client;
use self::exchange::Parcel;
pub use self::faults::{Faults, Odds};
pub use self::feed::Stored;
use self::state::State;
use super::MemoryStore;
use crate::bus::Headers;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::fabric::SharedFabric;
use crate::log::Entry;

/// The largest message the server takes (`max_payload`).
const PAYLOAD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// When every world begins, in seconds since 1970: 2026-01-01T00:00:00Z.
const EPOCH_SECONDS: i64 = 1_767_225_600;

/// What has happened in a world so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Core messages sent.
    pub published: u64,
    /// Core messages that reached a subscription or a waiting request.
    pub delivered: u64,
    /// Core messages a slow subscription had no room for.
    pub dropped: u64,
    /// Messages and receipts that vanished by the odds.
    pub lost: u64,
    /// Messages and appends that arrived twice.
    pub doubled: u64,
    /// Core messages that were late.
    pub delayed: u64,
    /// Requests nobody listened for.
    pub no_responders: u64,
    /// Appends tried.
    pub appends: u64,
    /// Appends the fence refused, second copies included.
    pub fenced: u64,
    /// Appends refused because the account was full.
    pub refused_full: u64,
    /// Appends whose sender never learnt their outcome.
    pub unknown: u64,
    /// Appends that landed late.
    pub landed_late: u64,
    /// Tails that ended by the odds.
    pub tails_ended: u64,
    /// Tails that repeated themselves.
    pub tails_repeated: u64,
    /// Turns handed to hearers.
    pub heard: u64,
    /// Of these, not for the first time.
    pub heard_again: u64,
}

/// A world. Clones are handles on the same one; dropping the last fails a test that leaves work behind.
#[derive(Clone)]
pub struct World(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    clock: Clock,
    seed: u64,
}

/// What the world and its clients share.
struct Shared {
    state: Mutex<State>,
    /// Told whenever anything may have changed.
    changed: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and lets everybody look at it again.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.notify_waiters();
        changed
    }

    /// Looks at the state, after every change, until something is found.
    async fn when<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let mut changed = pin!(self.changed.notified());
            // Before looking, or a change in between would be missed.
            changed.as_mut().enable();
            let found = look(&mut self.lock());
            if let Some(found) = found {
                return found;
            }
            changed.await;
        }
    }

    /// Lets everything happen that is due, and says when the next thing is.
    fn run_due(&self) -> Option<Instant> {
        self.change(|state| {
            while let Some(event) = state.schedule.take_due(Instant::now()) {
                event(state);
            }
            state.schedule.first_due()
        })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Wakes the task that runs the world, which then finds that there is none.
        self.lock().schedule.sooner.notify_one();
    }
}

/// Runs a world until it is dropped.
async fn run(world: Weak<Shared>, sooner: Arc<Notify>) {
    loop {
        let Some(next_due) = world.upgrade().map(|shared| shared.run_due()) else { return };
        match next_due {
            // Either the time has come or something sooner was scheduled: both are looked at above.
            Some(due) => drop(timeout_at(due, sooner.notified()).await),
            None => sooner.notified().await,
        }
    }
}

impl World {
    /// A world without faults. Must be made inside the runtime that runs it, which should have a paused clock.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn new(seed: u64) -> World {
        let epoch = Timestamp::from_second(EPOCH_SECONDS).expect("it is a date");
        let clock = Clock::simulated(epoch);
        let state = State::new(seed, clock.clone());
        let sooner = state.schedule.sooner.clone();
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() });
        tokio::spawn(run(Arc::downgrade(&shared), sooner));
        World(Arc::new(Handle { shared, clock, seed }))
    }

    fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// A new connection of a replica. The last living one of a name is the one that [`Faults`] mean.
    #[must_use]
    pub fn fabric(&self, group: &str, replica: &str) -> SharedFabric {
        Arc::new(Client::connect(&self.0.shared, group, replica))
    }

    /// The clock everybody shares; [`Clock::skewed`] gives a replica a wrong one.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.0.clock.clone()
    }

    /// Chances for a replica, drawn from the world's seed.
    #[must_use]
    pub fn entropy(&self) -> Entropy {
        Entropy::seeded(self.shared().change(|state| state.dice.seed()))
    }

    /// An empty store for a replica.
    #[must_use]
    pub fn store(&self) -> Arc<MemoryStore> {
        MemoryStore::new()
    }

    /// The seed it was made with.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.0.seed
    }

    /// What may go wrong.
    #[must_use]
    pub fn faults(&self) -> Faults<'_> {
        Faults(self)
    }

    /// Everything in the log of a group; nothing before there is one.
    #[must_use]
    pub fn entries(&self, group: &str) -> Vec<Entry> {
        let state = self.shared().lock();
        let Some(stream) = state.streams.get(group) else { return Vec::new() };
        (1..=stream.last_sequence()).filter_map(|sequence| stream.entry(sequence)).map(|(entry, _)| entry).collect()
    }

    /// What is stored in the feed and the dead letters under subjects that match a pattern.
    #[must_use]
    pub fn stored(&self, pattern: &str) -> Vec<Stored> {
        self.shared().lock().feeds.matching(pattern)
    }

    /// Puts a message on a subject of a log (`shop.log.<group>.<anything>`) past the fence, as a person could.
    /// Returns its sequence.
    ///
    /// # Panics
    /// When the subject is none of a log's, or nobody has made that log.
    pub fn inject_log(&self, subject: &str, headers: Headers, payload: Bytes) -> u64 {
        let (group, _) = subject::of_log(subject).unwrap_or_else(|| panic!("{subject} is not a subject of a log"));
        let parcel = Parcel { subject: subject.to_owned(), reply: None, headers, payload };
        self.shared().change(|state| {
            assert!(state.streams.contains_key(group), "nobody has made the log of {group}");
            state.land(group, parcel)
        })
    }

    /// What has happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared().lock().counters.clone()
    }

    /// A digest of everything that has happened so far, times included. Equal for equal runs.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        self.shared().lock().trace.fingerprint()
    }

    /// The last things that happened, oldest first.
    #[must_use]
    pub fn latest(&self) -> Vec<String> {
        self.shared().lock().trace.lines().map(str::to_owned).collect()
    }

    /// What replicas hold open: subscriptions, requests, hearings, tails and watches.
    #[must_use]
    pub fn leftovers(&self) -> Vec<String> {
        self.shared().lock().leftovers()
    }

    /// Lets simulated time pass. Whatever is due in it happens.
    pub async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Waits until nothing is held open any more.
    pub async fn idle(&self) {
        self.shared().when(|state| state.leftovers().is_empty().then_some(())).await;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let state = self.shared.lock();
        if std::thread::panicking() {
            eprintln!("the last things that happened in the world of seed {}:", self.seed);
            state.trace.lines().for_each(|line| eprintln!("  {line}"));
            return;
        }
        let leftovers = state.leftovers();
        drop(state);
        assert!(leftovers.is_empty(), "the test leaves work behind: {}", leftovers.join(", "));
    }
}

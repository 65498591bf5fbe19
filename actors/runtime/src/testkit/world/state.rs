//! The state of a world: everything behind its one lock.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::Counters;
use super::bucket::Bucket;
use super::dice::Dice;
use super::exchange::Exchange;
use super::faults::Odds;
use super::feed::Feeds;
use super::link::{Link, LinkId};
use super::schedule::{Event, Schedule};
use super::seat::{Place, Seat};
use super::stream::LogStream;
use super::trace::Trace;
use crate::clock::Clock;

/// The longest election of a storm; measured ones took up to 8 s.
const ELECTION_MAX: Duration = Duration::from_secs(8);

pub(super) struct State {
    pub(super) clock: Clock,
    pub(super) dice: Dice,
    pub(super) odds: Odds,
    pub(super) schedule: Schedule,
    pub(super) links: BTreeMap<LinkId, Link>,
    pub(super) exchange: Exchange,
    pub(super) streams: BTreeMap<String, LogStream>,
    pub(super) seats: BTreeMap<Place, Seat>,
    pub(super) bucket: Bucket,
    pub(super) feeds: Feeds,
    pub(super) storage_used_percent: u64,
    pub(super) counters: Counters,
    pub(super) trace: Trace,
    /// What the replicas hold open: whose it is and what.
    pub(super) open: BTreeMap<u64, (LinkId, String)>,
    /// The last number given to a listener, request or anything else that needs one.
    numbers: u64,
}

impl State {
    pub(super) fn new(seed: u64, clock: Clock) -> State {
        State {
            clock,
            dice: Dice::seeded(seed),
            odds: Odds::FAIR,
            schedule: Schedule::default(),
            links: BTreeMap::new(),
            exchange: Exchange::default(),
            streams: BTreeMap::new(),
            seats: BTreeMap::new(),
            bucket: Bucket::default(),
            feeds: Feeds::default(),
            storage_used_percent: 0,
            counters: Counters::default(),
            trace: Trace::default(),
            open: BTreeMap::new(),
            numbers: 0,
        }
    }

    pub(super) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(super) fn at(&mut self, when: Instant, event: impl FnOnce(&mut State) + Send + 'static) {
        self.schedule.at(when, Box::new(event) as Event);
    }

    pub(super) fn is_full(&self) -> bool {
        self.storage_used_percent >= 100
    }

    /// Writes down what happens, for the fingerprint and for whoever looks at a failure.
    pub(super) fn note(&mut self, what: std::fmt::Arguments<'_>) {
        self.trace.note(self.clock.now(), what);
    }

    /// What replicas that still live hold open.
    pub(super) fn leftovers(&self) -> Vec<String> {
        let of_the_living = self.open.values().filter(|(link, _)| !self.links[link].is_dead());
        of_the_living.map(|(link, what)| format!("{what} of {}", self.links[link].name)).collect()
    }

    /// Does something to a replica or a log, as the dice have it: whoever is struck already is mostly let go.
    pub(super) fn strike(&mut self) {
        let living: Vec<(String, bool)> = (self.links.values().filter(|link| !link.is_dead()))
            .map(|link| (link.name.clone(), link.is_struck()))
            .collect();
        let groups: Vec<String> = self.streams.keys().cloned().collect();
        if !groups.is_empty() && self.dice.happens(200) {
            let lasting = self.dice.up_to(ELECTION_MAX);
            let group = &groups[self.dice.choose(groups.len())];
            self.leader_change(group, lasting);
        } else if !living.is_empty() {
            let (name, is_struck) = &living[self.dice.choose(living.len())];
            match (is_struck, self.dice.coin()) {
                (true, _) => {
                    self.heal(name);
                    self.resume(name);
                }
                (false, true) => self.cut(name),
                (false, false) => self.pause(name),
            }
        }
    }

    pub(super) fn quiet(&mut self) {
        self.odds = Odds::FAIR;
        self.storage_used_percent = 0;
        let names: Vec<String> = self.links.values().map(|link| link.name.clone()).collect();
        for name in names {
            self.heal(&name);
            self.resume(&name);
        }
        let groups: Vec<String> = self.streams.keys().cloned().collect();
        for group in groups {
            self.elect(&group);
        }
    }
}

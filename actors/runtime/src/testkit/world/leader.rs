//! Leaders: who answers for a stream, and what becomes of those who ask while nobody does.
//!
//! A change has two halves. In the first there is no leader. In the second there is one, but the old one has not heard
//! of it and goes on answering reads from its copy; it cannot confirm an append, for that takes the others.

use std::time::Duration;

use tokio::time::Instant;

use super::state::State;
use super::stream::{LogStream, log_subject};
use crate::log::{Entry, Extent};

/// A change of leader.
pub(super) struct Election {
    /// Until then there is no leader.
    leaderless_until: Instant,
    /// Until then the old leader answers some reads from its copy.
    old_leader_until: Instant,
    /// Where that copy ends.
    copy_ends: u64,
}

/// What a read that was answered found.
pub(super) struct Found(pub(super) Option<Entry>);

impl LogStream {
    /// A leader goes, and with it what it knew of appends under way.
    pub(super) fn step_down(&mut self) {
        self.term += 1;
        self.proposed.clear();
    }

    /// When there will be a leader again, if there is none.
    pub(super) fn leaderless_until(&self) -> Option<Instant> {
        self.election.as_ref().map(|election| election.leaderless_until).filter(|until| Instant::now() < *until)
    }

    pub(super) fn is_leaderless(&self) -> bool {
        self.leaderless_until().is_some()
    }
}

impl State {
    /// How far a read of a log sees. `None`: it is not answered.
    fn sight(&mut self, group: &str) -> Option<u64> {
        if self.dice.happens(self.odds.read_unanswered) {
            return None;
        }
        let stream = self.stream(group);
        let end = stream.last_sequence();
        let Some(election) = &stream.election else { return Some(end) };
        let (leaderless, copy_ends) = (stream.is_leaderless(), election.copy_ends);
        let is_old_leader_there = Instant::now() < election.old_leader_until;
        match (leaderless, is_old_leader_there && self.dice.coin()) {
            (_, true) => Some(copy_ends),
            (true, false) => None,
            (false, false) => Some(end),
        }
    }

    pub(super) fn read(&mut self, group: &str, sequence: u64) -> Option<Found> {
        let end = self.sight(group)?;
        Some(Found(self.stream(group).entry(sequence).filter(|_| sequence <= end).map(|(entry, _)| entry)))
    }

    pub(super) fn next(&mut self, group: &str, partition: u32, after: u64) -> Option<Found> {
        let end = self.sight(group)?;
        let stream = self.stream(group);
        let found = stream.next_of(&log_subject(group, partition), after).filter(|sequence| *sequence <= end);
        Some(Found(found.and_then(|sequence| stream.entry(sequence)).map(|(entry, _)| entry)))
    }

    pub(super) fn last_of(&mut self, group: &str, partition: u32) -> Option<u64> {
        let end = self.sight(group)?;
        let stream = self.stream(group);
        let is_of =
            |sequence: &u64| stream.entry(*sequence).is_some_and(|(entry, _)| entry.partition == Some(partition));
        Some((1..=end).rev().find(is_of).unwrap_or(0))
    }

    pub(super) fn extent(&mut self, group: &str) -> Option<Extent> {
        let last_sequence = self.sight(group)?;
        let server_time = self.clock.now();
        let stream = self.stream(group);
        Some(Extent { created: stream.created, partitions: stream.partitions, last_sequence, server_time })
    }

    pub(super) fn leader_change(&mut self, group: &str, lasting: Duration) {
        let Some(stream) = self.streams.get_mut(group) else { return };
        let leaderless_until = Instant::now() + lasting;
        let copy_ends = stream.last_sequence();
        let old_leader_until = leaderless_until + lasting;
        stream.election = Some(Election { leaderless_until, old_leader_until, copy_ends });
        stream.step_down();
        self.note(format_args!("the log of {group} has no leader for {lasting:?}"));
        self.unseat(group);
        let group = group.to_owned();
        // Served after what lands with the new leader: that was scheduled for the same moment, and may be the reason.
        self.at(leaderless_until, move |state| state.serve_group(&group));
    }

    /// Ends a change of leader at once.
    pub(super) fn elect(&mut self, group: &str) {
        if let Some(stream) = self.streams.get_mut(group) {
            stream.election = None;
            self.serve_group(group);
        }
    }
}

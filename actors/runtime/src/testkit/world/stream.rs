//! The streams of the logs: the fence, and how a message lands.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::Instant;

use super::exchange::Parcel;
use super::leader::Election;
use super::state::State;
use super::subject;
use crate::bus::Headers;
use crate::log::Entry;

/// How long three servers take to agree on a message at most; measured, half of them within 3.4 ms.
const COMMIT_MAX: Duration = Duration::from_millis(6);

/// A group's stream. Nothing is ever deleted, so the message at sequence `n` is the `n`th.
pub(super) struct LogStream {
    pub(super) partitions: u32,
    pub(super) created: Timestamp,
    messages: Vec<Kept>,
    /// The last sequence of each subject: what the fence compares.
    last: BTreeMap<String, u64>,
    /// Subjects with an append that the leader has taken and the others have not confirmed: one at a time each.
    pub(super) proposed: BTreeSet<String>,
    /// Counts leaders.
    pub(super) term: u64,
    pub(super) election: Option<Election>,
    /// Rises when another stream takes this one's name.
    pub(super) generation: u64,
}

/// A message in a stream.
struct Kept {
    subject: String,
    stored: Instant,
    at: Timestamp,
    headers: Headers,
    payload: Bytes,
}

/// What is done with the outcome of an append.
pub(super) type Answer = Box<dyn FnOnce(&mut State, Result<u64, Refused>) + Send>;

/// Why the server refuses an append. It says so, and the append certainly did not land.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The subject ends otherwise (10071), or an append to it is under way (10164).
    Fenced,
    /// The account has no room.
    Full,
}

/// Why the log of a group may not be used.
#[derive(Debug)]
pub(super) enum Unusable {
    /// It is not there, and the one who asks may not make it.
    Missing,
    /// It was made for this many partitions.
    OtherPartitions(u32),
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn index(sequence: u64) -> usize {
    usize::try_from(sequence).unwrap_or(usize::MAX)
}

/// The subject of a partition of a log.
pub(super) fn log_subject(group: &str, partition: u32) -> String {
    format!("shop.log.{group}.{partition}")
}

impl LogStream {
    fn new(partitions: u32, created: Timestamp) -> LogStream {
        LogStream {
            partitions,
            created,
            messages: Vec::new(),
            last: BTreeMap::new(),
            proposed: BTreeSet::new(),
            term: 0,
            election: None,
            generation: 0,
        }
    }

    pub(super) fn last_sequence(&self) -> u64 {
        number(self.messages.len())
    }

    fn last_of(&self, subject: &str) -> u64 {
        self.last.get(subject).copied().unwrap_or(0)
    }

    /// The message at a sequence, and when it was stored.
    pub(super) fn entry(&self, sequence: u64) -> Option<(Entry, Instant)> {
        let kept = self.messages.get(index(sequence.checked_sub(1)?))?;
        let entry = Entry {
            partition: self.partition(&kept.subject),
            sequence,
            at: kept.at,
            headers: kept.headers.clone(),
            payload: kept.payload.clone(),
        };
        Some((entry, kept.stored))
    }

    /// The sequence of the first message of a subject after a sequence.
    pub(super) fn next_of(&self, subject: &str, after: u64) -> Option<u64> {
        if self.last_of(subject) <= after {
            return None;
        }
        let found = self.messages.iter().skip(index(after)).position(|kept| kept.subject == subject)?;
        Some(after + number(found) + 1)
    }

    /// The partition a subject names, if it is one of this stream's and written as we write it.
    fn partition(&self, subject: &str) -> Option<u32> {
        let (group, token) = subject::of_log(subject)?;
        let partition = token.parse().ok().filter(|partition| *partition < self.partitions)?;
        (subject == log_subject(group, partition)).then_some(partition)
    }
}

impl State {
    pub(super) fn stream(&self, group: &str) -> &LogStream {
        self.streams.get(group).expect("a log is used after it was made")
    }

    pub(super) fn stream_mut(&mut self, group: &str) -> &mut LogStream {
        self.streams.get_mut(group).expect("a log is used after it was made")
    }

    /// Makes the log of a group, or finds that it is there.
    pub(super) fn open_log(&mut self, group: &messages::Group, is_owner: bool) -> Result<(), Unusable> {
        match self.streams.get(group.name) {
            Some(stream) if stream.partitions == group.partitions => Ok(()),
            Some(stream) => Err(Unusable::OtherPartitions(stream.partitions)),
            None if is_owner => {
                self.note(format_args!("the log of {} is made", group.name));
                let created = self.clock.now();
                self.streams.insert(group.name.to_owned(), LogStream::new(group.partitions, created));
                Ok(())
            }
            None => Err(Unusable::Missing),
        }
    }

    /// Appends if the fence lets it. Dropping `answer` is not answering.
    pub(super) fn append(&mut self, group: &str, parcel: Parcel, expected: u64, answer: Answer) {
        // A core subscriber sees every publish, also one that the fence rejects: why nobody may subscribe to a log.
        self.copy_to_listeners(&parcel);
        if let Some(elected) = self.stream(group).leaderless_until() {
            // Half of the appends in an election are lost; the others land now or after it, unheard of.
            if self.dice.coin() {
                let lands_at = if self.dice.coin() { Instant::now() } else { elected };
                let group = group.to_owned();
                self.at(lands_at, move |state| state.land_unheard(&group, parcel, expected));
            }
            return;
        }
        if let Err(refused) = self.admit(group, &parcel.subject, expected) {
            return answer(self, Err(refused));
        }
        // The leader has taken it and asks the others. Until they have it, it fences and cannot be read.
        let stream = self.stream_mut(group);
        stream.proposed.insert(parcel.subject.clone());
        let (term, group) = (stream.term, group.to_owned());
        let agreed = Instant::now() + self.dice.up_to(COMMIT_MAX);
        self.at(agreed, move |state| {
            if state.stream(&group).term == term {
                state.stream_mut(&group).proposed.remove(&parcel.subject);
                let sequence = state.land(&group, parcel);
                answer(state, Ok(sequence));
            } else if state.dice.coin() {
                // Its leader has gone. Enough of the others may have had it, or not.
                state.land_unheard(&group, parcel, expected);
            }
        });
    }

    /// Whether a log takes an append now.
    fn admit(&mut self, group: &str, subject: &str, expected: u64) -> Result<(), Refused> {
        if self.is_full() {
            self.counters.refused_full += 1;
            return Err(Refused::Full);
        }
        let stream = self.stream(group);
        let last = stream.last_of(subject);
        if stream.proposed.contains(subject) {
            self.note(format_args!("{subject} has an append under way: fenced"));
        } else if last != expected {
            self.note(format_args!("{subject} ends with {last}, not {expected}: fenced"));
        } else {
            return Ok(());
        }
        self.counters.fenced += 1;
        Err(Refused::Fenced)
    }

    /// Stores a message if it still fits; nobody is told.
    fn land_unheard(&mut self, group: &str, parcel: Parcel, expected: u64) {
        if self.admit(group, &parcel.subject, expected).is_ok() {
            self.land(group, parcel);
        }
    }

    /// Stores a message at the end of a log, whatever it is.
    pub(super) fn land(&mut self, group: &str, parcel: Parcel) -> u64 {
        let at = self.clock.now();
        let sequence = self.stream(group).last_sequence() + 1;
        self.note(format_args!("{} has {sequence}: {}", parcel.subject, blake3::hash(&parcel.payload)));
        let stream = self.stream_mut(group);
        let partition = stream.partition(&parcel.subject);
        stream.last.insert(parcel.subject.clone(), sequence);
        let Parcel { subject, headers, payload, .. } = parcel;
        stream.messages.push(Kept { subject, stored: Instant::now(), at, headers, payload });
        if let Some(partition) = partition {
            self.serve_partition(group, partition);
        }
        sequence
    }

    pub(super) fn replace_log(&mut self, group: &str, kept: u64) {
        let created = self.clock.now();
        let Some(stream) = self.streams.get_mut(group) else { return };
        stream.created = created;
        stream.generation += 1;
        stream.step_down();
        stream.messages.truncate(index(kept));
        stream.last = stream.messages.iter().map(|kept| kept.subject.clone()).zip(1..).collect();
        self.seats.retain(|place, _| place.source != group);
        self.note(format_args!("the log of {group} is another one, with {kept} messages"));
    }
}

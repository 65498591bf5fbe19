//! The feed and the dead letters: streams that deduplicate by id and that nobody in the shop reads back in order.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::Instant;

use super::exchange::Parcel;
use super::state::State;
use super::subject;
use crate::bus::Headers;
use crate::fabric::Letter;

/// How long a stream remembers the ids it has seen (`duplicate_window`). A repeat after that is stored again.
const WINDOW: Duration = Duration::from_mins(2);

/// A message of the feed or the dead letters.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its sequence in its stream.
    pub sequence: u64,
    /// Where it was sent.
    pub subject: String,
    /// The id that makes a repeat harmless; none when it was published by hand.
    pub id: Option<String>,
    /// When it was stored.
    pub at: Timestamp,
    /// Its headers.
    pub headers: Headers,
    /// Its payload.
    pub payload: Bytes,
}

/// The streams beside the logs.
#[derive(Default)]
pub(super) struct Feeds {
    events: Feed,
    letters: Feed,
}

#[derive(Default)]
struct Feed {
    last: u64,
    stored: Vec<Stored>,
    /// When an id was seen.
    seen: BTreeMap<String, Instant>,
}

impl Feeds {
    /// The stream that owns a subject.
    fn owner(&mut self, subject: &str) -> Option<&mut Feed> {
        match subject.split('.').take(2).collect::<Vec<_>>()[..] {
            ["shop", "evt"] => Some(&mut self.events),
            ["shop", "dlq"] => Some(&mut self.letters),
            _ => None,
        }
    }

    /// Everything stored under subjects that match a pattern.
    pub(super) fn matching(&self, pattern: &str) -> Vec<Stored> {
        let stored = self.events.stored.iter().chain(&self.letters.stored);
        stored.filter(|stored| subject::matches(pattern, &stored.subject)).cloned().collect()
    }

    /// The dead letters under subjects that match a pattern, oldest first.
    pub(super) fn letters(&self, pattern: &str) -> Vec<Letter> {
        let matching = self.letters.stored.iter().filter(|stored| subject::matches(pattern, &stored.subject));
        let letters = matching.cloned().map(|Stored { sequence, subject, at, headers, payload, .. }| Letter {
            sequence,
            subject,
            at,
            headers,
            payload,
        });
        letters.collect()
    }

    pub(super) fn discard(&mut self, sequence: u64) {
        self.letters.stored.retain(|stored| stored.sequence != sequence);
    }
}

impl State {
    /// Stores a message in the stream that owns its subject. Returns whether there is one that took it.
    pub(super) fn keep(&mut self, id: Option<String>, parcel: &Parcel) -> bool {
        let (is_full, at) = (self.is_full(), self.clock.now());
        let Some(feed) = self.feeds.owner(&parcel.subject) else { return false };
        if is_full {
            return false;
        }
        if let Some(id) = &id {
            feed.seen.retain(|_, seen| seen.elapsed() < WINDOW);
            if feed.seen.insert(id.clone(), Instant::now()).is_some() {
                return true;
            }
        }
        feed.last += 1;
        self.trace.note(at, format_args!("{} is stored as {id:?}", parcel.subject));
        let Parcel { subject, headers, payload, .. } = parcel.clone();
        feed.stored.push(Stored { sequence: feed.last, subject, id, at, headers, payload });
        true
    }
}

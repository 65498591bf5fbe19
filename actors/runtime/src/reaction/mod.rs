//! Reactions: what a group does about news, its own feed included.
//!
//! A turn is heard, every event in it is answered, and only then is the next one asked for. An event becomes a command
//! to an own actor whose id names the event, so hearing twice does once. What cannot be understood is put aside with
//! its reason, and later news of the same actor follow it there, so that order holds; everything else waits for as long
//! as it takes.

mod feed;
mod hearer;

pub(crate) use feed::Feed;
pub(crate) use hearer::{Ear, Hearer};

use std::collections::BTreeMap;
use std::time::Duration;

use messages::runtime::v1::{Commit, Turn, record};
use prost::Message as _;

use crate::entity::Undecodable;
use crate::headers;
use crate::log::Entry;
use crate::turn;

/// How long to wait before something outside is tried again: the first time, and the most.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);
pub(crate) const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How often a hearer says that it is still at work; the place is given to another after 5 s of silence.
pub(crate) const WORKING_EVERY: Duration = Duration::from_secs(2);

/// The pause after so many failures.
pub(crate) fn pause(failures: u32) -> Duration {
    PAUSE.saturating_mul(1 << failures.min(8)).min(PAUSE_MAX)
}

/// Tells turns from other things in a log one does not fold.
#[derive(Default)]
pub(crate) struct Sieve {
    /// The highest turn number seen, and where.
    last: BTreeMap<u32, (u64, u64)>,
}

impl Sieve {
    /// The turn in a message; `None` when it is not one. Without the whole chain only plain strangers and forks of what
    /// was heard here are told; the log's owner checks the rest and raises the alarm.
    pub(crate) fn turn(&mut self, entry: &Entry) -> Result<Option<Turn>, Undecodable> {
        let Some(chain) = headers::get(&entry.headers, turn::CHAIN) else { return Ok(None) };
        let number: Option<u64> = chain.split(' ').next().and_then(|number| number.parse().ok());
        let (Some(number), Some(partition)) = (number, entry.partition) else { return Ok(None) };
        if let Some((last, at)) = self.last.get(&partition)
            && number <= *last
            && entry.sequence > *at
        {
            return Ok(None);
        }
        let what = || format!("turn {number} at sequence {}", entry.sequence);
        let turn = Turn::decode(entry.payload.clone()).map_err(|e| Undecodable::new(what(), e))?;
        self.last.insert(partition, (number, entry.sequence));
        Ok(Some(turn))
    }
}

/// An event of a turn, with what came with it.
pub(crate) struct Event<'a> {
    pub(crate) index: u32,
    pub(crate) commit: &'a Commit,
    pub(crate) id: &'a str,
    pub(crate) version: u64,
    pub(crate) event: &'a messages::runtime::v1::Event,
}

/// The events of a turn, in order.
pub(crate) fn events(turn: &Turn) -> impl Iterator<Item = Event<'_>> {
    let records = turn.commits.iter().flat_map(|commit| commit.records.iter().map(move |record| (commit, record)));
    let events = records.filter_map(|(commit, record)| match &record.what {
        Some(record::What::Event(event)) => Some((commit, record, event)),
        _ => None,
    });
    events.zip(0..).map(|((commit, record, event), index)| Event {
        index,
        commit,
        id: &record.id,
        version: record.version,
        event,
    })
}

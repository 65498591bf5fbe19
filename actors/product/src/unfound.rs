//! What customers searched for in vain: one actor that counts it.
//!
//! Anybody may search for anything, so the count is bounded in what it keeps and in what it writes: of a flood it is a
//! sample.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::wire::Problem;

/// The one report.
pub const MAIN: &str = "main";
/// How many different words are kept; the rarest make room.
pub const KEPT_MAX: usize = 1_000;
/// How many searches are noted in a minute: some 90 kB of log an hour at worst.
pub const NOTED_PER_MINUTE_MAX: u32 = 10;

/// What was searched for in vain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfound {
    /// By the words.
    pub kept: BTreeMap<String, Count>,
    /// What made room last.
    pub dropped: Option<String>,
    minute: i64,
    noted: u32,
}

/// How often something was searched for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// How often.
    pub count: u64,
    /// When first.
    pub first_at: Timestamp,
    /// When last.
    pub last_at: Timestamp,
}

/// What can be asked of the report.
#[derive(Debug, Clone)]
pub enum Command {
    /// Note that this found nothing.
    Note {
        /// The report.
        report: String,
        /// The words.
        words: String,
    },
}

/// What can have happened to the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// This found nothing.
    FoundNothing {
        /// The report.
        report: String,
        /// The words.
        words: String,
        /// When.
        at: Timestamp,
    },
}

fn minute(at: Timestamp) -> i64 {
    at.as_second().div_euclid(60)
}

impl Entity for Unfound {
    const KIND: &'static str = "unfound";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Problem;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Problem> {
        let Command::Note { report, words } = command;
        if self.minute == minute(facts.now) && self.noted >= NOTED_PER_MINUTE_MAX {
            return Ok(vec![]);
        }
        Ok(vec![Event::FoundNothing { report, words, at: facts.now }])
    }

    fn evolve(&mut self, event: &Event) {
        let Event::FoundNothing { words, at, .. } = event;
        if self.minute != minute(*at) {
            (self.minute, self.noted) = (minute(*at), 0);
        }
        self.noted += 1;
        self.dropped = None;
        if !self.kept.contains_key(words) && self.kept.len() >= KEPT_MAX {
            let rarest = self.kept.iter().min_by_key(|(_, count)| (count.count, count.last_at));
            self.dropped = rarest.map(|(words, _)| words.clone());
            if let Some(words) = &self.dropped {
                self.kept.remove(words);
            }
        }
        let count = self.kept.entry(words.clone()).or_insert(Count { count: 0, first_at: *at, last_at: *at });
        (count.count, count.last_at) = (count.count + 1, *at);
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, fold, moment};

    use super::*;

    fn note(words: &str) -> Command {
        Command::Note { report: MAIN.into(), words: words.into() }
    }

    fn noted(words: &str, at: i64) -> Event {
        Event::FoundNothing { report: MAIN.into(), words: words.into(), at: moment(at) }
    }

    #[test]
    fn a_flood_is_sampled() {
        let flood = |at: i64| (0..NOTED_PER_MINUTE_MAX).map(|_| noted("x", at)).collect::<Vec<_>>();
        let count = |given: &[Event]| decide::<Unfound>(given, note("y")).expect("never refused").len();
        // Commands come at 100, in the minute that began at 60.
        assert_eq!((count(&[]), count(&flood(59)), count(&flood(60)), count(&flood(60)[1..])), (1, 1, 0, 1));
    }

    #[test]
    fn the_rarest_makes_room() {
        let mut events: Vec<Event> = (0..KEPT_MAX).map(|n| noted(&format!("w{n}"), 10)).collect();
        events.push(noted("w0", 20));
        let full: Unfound = fold(&events);
        assert_eq!((full.kept["w0"].count, full.kept["w0"].first_at, full.dropped.clone()), (2, moment(10), None));
        events.push(noted("new", 30));
        let after: Unfound = fold(&events);
        assert_eq!((after.kept.len(), after.dropped.as_deref()), (KEPT_MAX, Some("w1")));
        assert!(after.kept.contains_key("w0") && after.kept.contains_key("new"));
    }
}

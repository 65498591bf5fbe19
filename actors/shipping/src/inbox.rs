//! The inbox of a carrier: what its webhooks said, in order, before each word goes to its parcel.
//!
//! A webhook may speak of many parcels, which live in many partitions: so what it said is noted here in one turn, and the
//! group hears itself. A carrier that sends a webhook again finds it noted; what slips through, each parcel knows by the
//! carrier's event id.

use std::collections::VecDeque;

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::tracking::Sign;

/// How many webhooks are remembered. A carrier repeats one within minutes; this is hours of a busy day.
const REMEMBERED: usize = 1_000;

/// The state of an inbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbox {
    /// The last webhooks, by id.
    pub heard: VecDeque<String>,
}

/// What can be asked of an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Take a webhook.
    Take {
        /// The carrier.
        provider: String,
        /// The webhook's id.
        webhook_id: String,
        /// What it says.
        words: Vec<Word>,
    },
}

/// What a carrier says of one parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The order.
    pub order_id: String,
    /// The parcel.
    pub shipment_id: String,
    /// The carrier's name for it.
    pub carrier_event_id: String,
    /// What became of the parcel.
    pub sign: Sign,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Where.
    pub place: String,
    /// What else there is to say.
    pub detail: String,
}

/// A word was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The carrier.
    pub provider: String,
    /// The webhook's id.
    pub webhook_id: String,
    /// The word.
    pub word: Word,
    /// When it was heard.
    pub at: Timestamp,
}

/// An inbox never says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {}

impl Entity for Inbox {
    const KIND: &'static str = "inbox";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let Command::Take { provider, webhook_id, words } = command;
        if self.heard.contains(&webhook_id) {
            return Ok(vec![]);
        }
        let event = |word| Event { provider: provider.clone(), webhook_id: webhook_id.clone(), word, at: facts.now };
        Ok(words.into_iter().map(event).collect())
    }

    fn evolve(&mut self, event: &Event) {
        if self.heard.back() == Some(&event.webhook_id) {
            return;
        }
        self.heard.push_back(event.webhook_id.clone());
        while self.heard.len() > REMEMBERED {
            self.heard.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, fold, moment};

    use super::*;

    fn word(event: &str) -> Word {
        Word {
            order_id: "ord_1".into(),
            shipment_id: "shp_1".into(),
            carrier_event_id: event.into(),
            sign: Sign::Accepted,
            occurred_at: moment(1),
            place: String::new(),
            detail: String::new(),
        }
    }

    fn take(id: &str, words: &[&str]) -> Command {
        let words = words.iter().map(|event| word(event)).collect();
        Command::Take { provider: "swift".into(), webhook_id: id.into(), words }
    }

    fn events(ids: impl IntoIterator<Item = usize>) -> Vec<Event> {
        let event = |id: usize| decide::<Inbox>(&[], take(&id.to_string(), &["a", "b"])).expect("no refusal");
        ids.into_iter().flat_map(event).collect()
    }

    #[test]
    fn a_webhook_is_taken_once() {
        let count = |given: &[Event], when| decide::<Inbox>(given, when).map(|events| events.len());
        assert_eq!(count(&[], take("1", &["a", "b"])), Ok(2));
        assert_eq!(count(&events([1]), take("1", &["a", "b"])), Ok(0));
        assert_eq!(count(&events([1]), take("2", &["a"])), Ok(1));
        assert_eq!(count(&[], take("1", &[])), Ok(0), "one that says nothing leaves nothing");
    }

    #[test]
    fn an_inbox_does_not_grow_for_ever() {
        let inbox: Inbox = fold(&events(0..REMEMBERED + 5));
        assert_eq!((inbox.heard.len(), inbox.heard.front().map(String::as_str)), (REMEMBERED, Some("5")));
    }
}

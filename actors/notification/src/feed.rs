//! The feed: what happened in the shop, one event after the other, for those who rather ask than be told.
//!
//! There is one, and it does nothing but count: an event that is kept gets the next number and never another. So the order
//! of the numbers is the order in which the news were heard, and what happened to one entity is in its own order.

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

/// The one feed's name, and its partition key.
pub const FEED: &str = "events";

/// The state of the feed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// How many events it has kept.
    pub kept: u64,
}

/// Keep this event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// Its type.
    pub event_type: String,
    /// The entity that it happened to.
    pub entity: String,
    /// As webhooks say it.
    pub body: String,
}

/// It was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its number, from 1.
    pub number: u64,
    /// The event.
    pub event: Keep,
    /// When.
    pub at: Timestamp,
}

/// It never says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {}

impl Entity for Feed {
    const KIND: &'static str = "feed";
    const FOLD: u32 = 1;
    type Command = Keep;
    type Event = Kept;
    type Refusal = Refusal;

    fn decide(&self, event: Keep, facts: &Facts) -> Result<Vec<Kept>, Refusal> {
        Ok(vec![Kept { number: self.kept + 1, event, at: facts.now }])
    }

    fn evolve(&mut self, kept: &Kept) {
        self.kept = kept.number;
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, moment};

    use super::*;

    #[test]
    fn every_event_gets_the_next_number() {
        let event = Keep { event_type: "order.created".into(), entity: "ord_1".into(), body: "{}".into() };
        let first = Kept { number: 1, event: event.clone(), at: moment(100) };
        assert_eq!(decide::<Feed>(&[], event.clone()), Ok(vec![first.clone()]));
        let second = Kept { number: 2, ..first.clone() };
        assert_eq!(decide::<Feed>(&[first], event), Ok(vec![second]));
    }
}

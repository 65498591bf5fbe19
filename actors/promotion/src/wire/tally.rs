//! Tallies: contract to domain and back. What a tally refuses, the redemption that asked it puts into words.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Recorded, Undecodable};

use super::{Problem, money, unreadable, v1};
use crate::tally::{Count, Event, Refusal};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let said = refusal.to_string();
        match refusal {
            Refusal::UsedUp => Problem::conflict("campaign_exhausted", said),
            Refusal::OverBudget => Problem::conflict("budget_exhausted", said),
            Refusal::NotCounted => Problem::new(messages::problem::Kind::Internal, "not_counted", said),
        }
    }
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        match self.clone() {
            Event::Raised { count: Count { tally_id, redemption_id, amount }, uses, at } => {
                let (amount, at) = (Some(amount.into()), Some(to_wire(at)));
                let event = v1::TallyRaised { tally_id, redemption_id, amount, uses, at };
                ("tally.raised", event.encode_to_vec())
            }
            Event::Lowered { count: Count { tally_id, redemption_id, amount }, uses, at } => {
                let (amount, at) = (Some(amount.into()), Some(to_wire(at)));
                let event = v1::TallyLowered { tally_id, redemption_id, amount, uses, at };
                ("tally.lowered", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        let unreadable = unreadable(event_type);
        match event_type {
            "tally.raised" => {
                let v1::TallyRaised { tally_id, redemption_id, amount, uses, at } =
                    v1::TallyRaised::decode(data).map_err(unreadable)?;
                let count = Count { tally_id, redemption_id, amount: money(event_type, amount)? };
                Ok(Event::Raised { count, uses, at: from_wire(at.as_ref()) })
            }
            "tally.lowered" => {
                let v1::TallyLowered { tally_id, redemption_id, amount, uses, at } =
                    v1::TallyLowered::decode(data).map_err(unreadable)?;
                let count = Count { tally_id, redemption_id, amount: money(event_type, amount)? };
                Ok(Event::Lowered { count, uses, at: from_wire(at.as_ref()) })
            }
            other => Err(Undecodable::new(other, "a tally has no such event")),
        }
    }
}

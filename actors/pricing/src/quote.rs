//! A quote: a basket with a price that is held for a while. It is made once and never changes.

use jiff::{SignedDuration, Timestamp};
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::reckon::Sums;
use crate::wire::Currency;

/// How long a quote holds: as long as stock is held for a checkout.
pub const HOLD: SignedDuration = SignedDuration::from_mins(15);

/// The state of a quote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quote {
    /// Nobody asked for it.
    #[default]
    Unknown,
    /// It was made.
    Made(Box<Made>),
}

/// A quote that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Its id.
    pub id: String,
    /// For whom and for where.
    pub asked: Asked,
    /// What it says.
    pub sums: Sums,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it can no longer be ordered.
    pub expires_at: Timestamp,
}

/// For whom and for where a basket was priced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Whose basket it is; empty when nobody said.
    pub user_id: String,
    /// The currency to pay in.
    pub currency: Currency,
    /// Where it was asked for.
    pub channel: String,
    /// The group the customer belongs to.
    pub customer_group: String,
    /// The country it would be sent to.
    pub country: String,
    /// The region there.
    pub region: String,
}

/// What can be asked of a quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Hold these sums.
    Make {
        /// Its id.
        id: String,
        /// For whom and for where.
        asked: Asked,
        /// What it says.
        sums: Box<Sums>,
    },
}

/// What can have happened to a quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It was made.
    Created(Box<Made>),
}

/// Why a quote says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none, or it is not the caller's to see.
    #[error("there is no such quote")]
    NotFound,
    /// There is one.
    #[error("there is already a quote with this id")]
    AlreadyExists,
}

impl Entity for Quote {
    const KIND: &'static str = "quote";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, Command::Make { id, asked, sums }: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        match self {
            Quote::Made(_) => Err(Refusal::AlreadyExists),
            Quote::Unknown => {
                let expires_at = facts.now.saturating_add(HOLD).unwrap_or(facts.now);
                Ok(vec![Event::Created(Box::new(Made { id, asked, sums: *sums, created_at: facts.now, expires_at }))])
            }
        }
    }

    fn evolve(&mut self, Event::Created(made): &Event) {
        *self = Quote::Made(made.clone());
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, moment};

    use super::*;
    use crate::taxes::Rounding;
    use crate::wire::euros;

    fn sums() -> Sums {
        Sums {
            lines: vec![],
            shipping: None,
            discounts: vec![],
            subtotal: euros(0),
            discount_total: euros(0),
            shipping_total: euros(0),
            tax_total: euros(0),
            total: euros(0),
            tax_included: false,
            rounding: Rounding::Line,
            derivation: vec![],
        }
    }

    #[test]
    fn a_quote_is_made_once_and_holds_for_fifteen_minutes() {
        let asked = Asked {
            user_id: "usr_1".into(),
            currency: euros(0).currency(),
            channel: String::new(),
            customer_group: String::new(),
            country: String::new(),
            region: String::new(),
        };
        let make = || Command::Make { id: "quo_1".into(), asked: asked.clone(), sums: Box::new(sums()) };
        let (created_at, expires_at) = (moment(100), moment(100 + 15 * 60));
        let made = Made { id: "quo_1".into(), asked: asked.clone(), sums: sums(), created_at, expires_at };
        let created = Event::Created(Box::new(made));
        assert_eq!(decide::<Quote>(&[], make()), Ok(vec![created.clone()]));
        assert_eq!(decide::<Quote>(&[created], make()), Err(Refusal::AlreadyExists));
    }
}

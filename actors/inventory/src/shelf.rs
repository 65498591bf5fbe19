//! A shelf: the stock of one SKU in one warehouse.
//!
//! Every unit that ever came in is on hand, reserved or shipped, and nothing is ever below zero:
//! `received = on_hand + reserved + shipped`. Units leave this sum only by an adjustment with a reason, or with a transfer.
//!
//! Units that are waited for are in none of these numbers: they are a promise, kept in a queue, the longest wait first.
//! While anybody waits nothing can be sold, for what comes is theirs; see [`Shelf::next_fill`].

mod command;
mod deciding;
mod event;
mod folding;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

pub use command::{Because, Claim, Command, Move, Reason};
pub use event::Event;

/// The most units a shelf can count: a trillion, so that sums over many shelves stay far inside 2^53.
pub const UNITS_MAX: i64 = 1_000_000_000_000;

/// How many reservations wait at one shelf at most: all of them may be filled by one delivery, in one turn.
pub const WAITING_MAX: usize = 500;

/// The state of a shelf. One that nothing ever happened to is empty, which is true of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf {
    /// Units nobody has a claim on.
    pub on_hand: i64,
    /// Units held for reservations.
    pub reserved: i64,
    /// Units that left.
    pub shipped: i64,
    /// Units that ever came in, less those written off.
    pub received: i64,
    /// At how many units on hand or fewer somebody wants to know.
    pub threshold: Option<i64>,
    /// They were told, and stock has not risen above the threshold since.
    pub is_low: bool,
    /// The product the SKU belongs to; empty until the catalogue says so.
    pub product_id: String,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
    /// How it is run.
    pub policy: Policy,
    /// Reservations that wait for units, the longest wait first.
    pub waiting: VecDeque<Waiting>,
    /// They were told to fill it up, and it has not risen above the reorder point since.
    pub is_due: bool,
    /// Units that were sent to other warehouses.
    pub sent: i64,
    /// Units that came from other warehouses.
    pub arrived: i64,
}

/// How a shelf is run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Units on hand that are kept back and never sold.
    pub safety: i64,
    /// How many units may be waited for at most.
    pub backorder_max: i64,
    /// When units that are waited for are expected.
    pub expected_at: Option<Timestamp>,
    /// At which position or below the shelf has to be filled up; never, when `None`.
    pub reorder_point: Option<i64>,
    /// How many units are ordered at once; 1 when `None`.
    pub reorder_lot: Option<i64>,
}

/// A reservation that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Which one.
    pub reservation_id: String,
    /// For how many units.
    pub quantity: i64,
}

/// Names a shelf.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The warehouse.
    pub warehouse_id: String,
    /// The SKU.
    pub sku: String,
}

impl Place {
    /// The actor's id. Neither part holds a slash.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.warehouse_id, self.sku)
    }
}

/// Why a shelf says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More was wanted than there is.
    #[error("{requested} of {sku} were asked for, {available} are available")]
    Insufficient {
        /// The SKU.
        sku: String,
        /// Units asked for.
        requested: i64,
        /// Units there are.
        available: i64,
    },
    /// Somebody else changed it first.
    #[error("{sku} was expected to have {expected} on hand, it has {current}")]
    Changed {
        /// The SKU.
        sku: String,
        /// What the caller had seen.
        expected: i64,
        /// What there is.
        current: i64,
    },
    /// A number beyond what a shelf can count.
    #[error("a shelf counts at most {UNITS_MAX} units")]
    TooMany,
    /// A reservation speaks of more than the shelf holds for anyone. Our bug, if it happens.
    #[error("the shelf holds fewer of {sku} than the reservation claims")]
    NotHeld {
        /// The SKU.
        sku: String,
    },
}

impl Shelf {
    /// Units that can be sold now.
    #[must_use]
    pub fn sellable(&self) -> i64 {
        (self.on_hand - self.policy.safety).max(0)
    }

    /// Units that are waited for.
    #[must_use]
    pub fn awaited(&self) -> i64 {
        // At most so many as a policy once allowed: far from overflowing.
        self.waiting.iter().map(|waiting| waiting.quantity).sum()
    }

    /// Units that more people may still wait for.
    #[must_use]
    pub fn awaitable(&self) -> i64 {
        if self.waiting.len() >= WAITING_MAX {
            return 0;
        }
        (self.policy.backorder_max - self.awaited()).max(0)
    }

    /// Units on hand, less those waited for: what a reorder point is compared with. Below zero when more are waited for.
    #[must_use]
    pub fn position(&self) -> i64 {
        self.on_hand - self.awaited()
    }

    /// What of a quantity is held at once and what is waited for; `None` when that is not enough.
    #[must_use]
    pub fn split(&self, quantity: i64, may_wait: bool) -> Option<(i64, i64)> {
        let now = quantity.min(self.sellable());
        let later = quantity - now;
        (later == 0 || may_wait && later <= self.awaitable()).then_some((now, later))
    }

    /// Whose turn it is, and how many units they get of what can be sold.
    #[must_use]
    pub fn next_fill(&self, place: &Place) -> Option<Claim> {
        let first = self.waiting.front()?;
        let quantity = first.quantity.min(self.sellable());
        let reservation_id = first.reservation_id.clone();
        (quantity > 0).then(|| Claim { place: place.clone(), quantity, reservation_id })
    }
}

impl Policy {
    /// How many units to order at a position: the fewest lots that lift it above the reorder point; 0 above that.
    #[must_use]
    pub fn suggested(&self, position: i64) -> i64 {
        let Some(point) = self.reorder_point.filter(|point| position <= *point) else { return 0 };
        let (lot, missing) = (self.reorder_lot.unwrap_or(1).max(1), point - position + 1);
        (missing + lot - 1) / lot * lot
    }
}

impl Entity for Shelf {
    const KIND: &'static str = "shelf";
    const FOLD: u32 = 2;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        deciding::decide(self, command, facts.now)
    }

    fn evolve(&mut self, event: &Event) {
        folding::fold(self, event);
    }
}

//! What can have happened to a shelf.

use jiff::Timestamp;

use super::{Because, Claim, Move, Place, Policy, Reason};

/// What can have happened to a shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Somebody set what is on hand, or the threshold.
    Set {
        /// Which shelf.
        place: Place,
        /// On hand after it.
        on_hand: i64,
        /// The difference to before.
        delta: i64,
        /// The threshold after it.
        threshold: Option<i64>,
        /// Why.
        reason: Reason,
        /// In somebody's own words.
        note: String,
        /// The product the SKU belongs to.
        product_id: String,
        /// When.
        at: Timestamp,
    },
    /// Units came or went.
    Adjusted {
        /// Which shelf.
        place: Place,
        /// How many came, or went when negative.
        delta: i64,
        /// On hand after it.
        on_hand: i64,
        /// Why.
        reason: Reason,
        /// In somebody's own words.
        note: String,
        /// The product the SKU belongs to.
        product_id: String,
        /// When.
        at: Timestamp,
    },
    /// Units are held.
    Reserved(Claim, Timestamp),
    /// Units are let go.
    Released(Claim, Because, Timestamp),
    /// Units left.
    Shipped(Claim, Timestamp),
    /// It is low now.
    Low {
        /// Which shelf.
        place: Place,
        /// On hand.
        on_hand: i64,
        /// The threshold.
        threshold: i64,
        /// The product the SKU belongs to.
        product_id: String,
        /// When.
        at: Timestamp,
    },
    /// It is run like this now.
    Governed {
        /// Which shelf.
        place: Place,
        /// How.
        policy: Policy,
        /// The product the SKU belongs to.
        product_id: String,
        /// When.
        at: Timestamp,
    },
    /// A reservation waits for units.
    Awaited(Claim, Timestamp),
    /// Units that were waited for are held.
    Filled(Claim, Timestamp),
    /// A reservation waits no more for units.
    Withdrawn(Claim, Because, Timestamp),
    /// Units left for another warehouse.
    Sent(Move, Timestamp),
    /// Units came from another warehouse.
    Arrived {
        /// The units.
        units: Move,
        /// The product the SKU belongs to.
        product_id: String,
        /// When.
        at: Timestamp,
    },
    /// It has to be filled up.
    Due {
        /// Which shelf.
        place: Place,
        /// Units on hand, less those waited for.
        position: i64,
        /// The reorder point.
        point: i64,
        /// How many units to order.
        suggested: i64,
        /// The product the SKU belongs to.
        product_id: String,
        /// When.
        at: Timestamp,
    },
}

impl Event {
    /// When it happened.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        match self {
            Event::Set { at, .. }
            | Event::Adjusted { at, .. }
            | Event::Low { at, .. }
            | Event::Governed { at, .. }
            | Event::Arrived { at, .. }
            | Event::Due { at, .. } => *at,
            Event::Reserved(_, at)
            | Event::Shipped(_, at)
            | Event::Awaited(_, at)
            | Event::Filled(_, at)
            | Event::Released(_, _, at)
            | Event::Withdrawn(_, _, at)
            | Event::Sent(_, at) => *at,
        }
    }
}

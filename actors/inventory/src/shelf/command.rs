//! What can be asked of a shelf.

use serde::{Deserialize, Serialize};

use super::{Place, Policy};

/// Why units came or went by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// Goods came in.
    Received,
    /// Goods broke.
    Damaged,
    /// Goods are gone.
    Lost,
    /// Goods turned up.
    Found,
    /// A customer sent goods back.
    Returned,
    /// Somebody had typed a wrong number.
    Correction,
    /// Somebody counted the shelf.
    Counted,
}

/// Why held units are let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Because {
    /// Somebody asked for it.
    Requested,
    /// The time of the hold was over.
    Expired,
}

/// What can be asked of a shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// There are this many on hand now.
    Set {
        /// Which shelf.
        place: Place,
        /// Units on hand from now on.
        on_hand: i64,
        /// Only if there are this many on hand (compare and set).
        expected: Option<i64>,
        /// At how many units on hand or fewer to call it low from now on; never, when `None`.
        threshold: Option<i64>,
        /// Why.
        reason: Reason,
        /// In somebody's own words.
        note: String,
        /// The product the SKU belongs to, as far as anyone knows.
        product_id: String,
    },
    /// This many came or went.
    Adjust {
        /// Which shelf.
        place: Place,
        /// Units that came, or went when negative.
        delta: i64,
        /// Why.
        reason: Reason,
        /// In somebody's own words.
        note: String,
        /// The product the SKU belongs to, as far as anyone knows.
        product_id: String,
    },
    /// Hold units for a reservation.
    Reserve(Claim),
    /// Let units of a reservation go.
    Release(Claim, Because),
    /// Units of a reservation leave.
    Ship(Claim),
    /// Run the shelf like this from now on.
    Govern {
        /// Which shelf.
        place: Place,
        /// How.
        policy: Policy,
        /// The product the SKU belongs to, as far as anyone knows.
        product_id: String,
    },
    /// A reservation waits for units.
    Await(Claim),
    /// Units on hand go to a reservation that waits for them.
    Fill(Claim),
    /// A reservation waits no more for units.
    Withdraw(Claim, Because),
    /// Units leave for another warehouse.
    Send(Move),
    /// Units come from another warehouse.
    Arrive {
        /// The units.
        units: Move,
        /// The product the SKU belongs to, as far as anyone knows.
        product_id: String,
    },
}

/// Units of a shelf that a transfer speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Which shelf.
    pub place: Place,
    /// How many.
    pub quantity: i64,
    /// With which transfer.
    pub transfer_id: String,
}

/// Units of a shelf that a reservation speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which shelf.
    pub place: Place,
    /// How many.
    pub quantity: i64,
    /// For which reservation.
    pub reservation_id: String,
}

//! A transfer: units on their way from one warehouse to another.
//!
//! It lives with the warehouse that it leaves, so that it takes its units off the shelves there in one turn. The other
//! warehouse may be in another partition: what came is told to it by the agenda, once for each receipt, and until its
//! shelves have it the units are in transit. So nothing is ever in two places, and what is missing has a name.

mod deciding;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use runtime::entity::{Agenda, Asked, Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::reservation::Units;
use crate::wire;

/// The state of a transfer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Its id; empty when nothing ever happened to it.
    pub id: String,
    /// The warehouse that it leaves.
    pub from: String,
    /// The warehouse that it goes to.
    pub to: String,
    /// How far it is.
    pub stage: Stage,
    /// What it moves, by SKU.
    pub lines: BTreeMap<String, Line>,
    /// How often something of it came.
    pub receipts: u32,
    /// What came and is not on the shelves yet, by receipt.
    pub pending: BTreeMap<u32, Pending>,
    /// When it was asked for.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Nothing ever happened to it.
    #[default]
    Unknown,
    /// Somebody asked for it; nothing has moved.
    Requested,
    /// It has left, and has not come in full.
    Dispatched,
    /// All of it has come or is missing.
    Received,
    /// It was called off before anything moved.
    Cancelled,
}

/// What a transfer moves of one SKU.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Units sent.
    pub quantity: i64,
    /// Units that came.
    pub received: i64,
    /// Units that never came.
    pub missing: i64,
    /// Units that came and lie on the shelf.
    pub put_away: i64,
}

impl Line {
    /// Units that have not come and are not missing.
    #[must_use]
    pub fn awaited(&self) -> i64 {
        self.quantity - self.received - self.missing
    }
}

/// What came at once and is not on the shelves yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The units.
    pub units: Units,
    /// Since when.
    pub since: Timestamp,
}

/// What can be asked of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Be there.
    Request {
        /// Its id.
        id: String,
        /// The warehouse that it leaves.
        from: String,
        /// The warehouse that it goes to.
        to: String,
        /// What to send.
        units: Units,
    },
    /// Leave.
    Dispatch,
    /// Some of it came.
    Receive {
        /// What; all that is awaited, or nothing if the rest is missing, when `None`.
        units: Option<Units>,
        /// Nothing more will come.
        rest_is_missing: bool,
    },
    /// What came with a receipt lies on the shelves; or the other warehouse will not have it.
    PutAway {
        /// The receipt.
        receipt: u32,
        /// It is there.
        done: bool,
    },
    /// Do not leave.
    Cancel,
}

/// What can have happened to a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// The warehouse that it leaves.
    pub from: String,
    /// The warehouse that it goes to.
    pub to: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Somebody asked for it.
    Requested(Units),
    /// It left.
    Dispatched(Units),
    /// Some of it came.
    Received {
        /// The how manieth receipt it is, from 1.
        receipt: u32,
        /// What came.
        units: Units,
        /// What never came.
        missing: Units,
        /// Nothing more is awaited.
        is_complete: bool,
    },
    /// What came lies on the shelves.
    PutAway(u32, Units),
    /// It was called off.
    Cancelled,
}

/// Why a transfer says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such transfer from this warehouse")]
    NotFound,
    /// There is one.
    #[error("there is already a transfer with this id")]
    AlreadyExists,
    /// It would go nowhere.
    #[error("a transfer goes from one warehouse to another")]
    SameWarehouse,
    /// It was called off.
    #[error("the transfer was called off")]
    Cancelled,
    /// It has not left.
    #[error("the transfer has not left")]
    NotDispatched,
    /// It has left.
    #[error("the transfer has left")]
    AlreadyDispatched,
    /// It has come.
    #[error("the transfer has come")]
    Received,
    /// More came than is awaited.
    #[error("more came than is awaited")]
    ExceedsTransit {
        /// What is said to have come and what is awaited, by SKU, where they do not fit.
        lines: Vec<(String, i64, i64)>,
    },
}

impl Transfer {
    /// Units in transit, by SKU: they left, lie on no shelf yet, and are not missing.
    #[must_use]
    pub fn in_transit(&self) -> Units {
        match self.stage {
            Stage::Unknown | Stage::Requested | Stage::Cancelled => Units::new(),
            Stage::Dispatched | Stage::Received => {
                let units = |line: &Line| line.quantity - line.put_away - line.missing;
                self.lines
                    .iter()
                    .map(|(sku, line)| (sku.clone(), units(line)))
                    .filter(|(_, units)| *units > 0)
                    .collect()
            }
        }
    }

    fn line(&mut self, sku: &str) -> &mut Line {
        self.lines.entry(sku.to_owned()).or_default()
    }
}

impl Entity for Transfer {
    const KIND: &'static str = "transfer";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        deciding::decide(self, command, facts.now)
    }

    fn evolve(&mut self, event: &Event) {
        self.updated_at = Some(event.at);
        match &event.what {
            What::Requested(units) => {
                let line = |(sku, units): (&String, &i64)| (sku.clone(), Line { quantity: *units, ..Line::default() });
                self.id.clone_from(&event.id);
                self.from.clone_from(&event.from);
                self.to.clone_from(&event.to);
                self.lines = units.iter().map(line).collect();
                self.stage = Stage::Requested;
                self.created_at = Some(event.at);
            }
            What::Dispatched(_) => self.stage = Stage::Dispatched,
            What::Received { receipt, units, missing, is_complete } => {
                units.iter().for_each(|(sku, units)| self.line(sku).received += units);
                missing.iter().for_each(|(sku, units)| self.line(sku).missing += units);
                self.receipts = *receipt;
                if !units.is_empty() {
                    self.pending.insert(*receipt, Pending { units: units.clone(), since: event.at });
                }
                if *is_complete {
                    self.stage = Stage::Received;
                }
            }
            What::PutAway(receipt, units) => {
                units.iter().for_each(|(sku, units)| self.line(sku).put_away += units);
                self.pending.remove(receipt);
            }
            What::Cancelled => self.stage = Stage::Cancelled,
        }
    }

    fn agenda(&self) -> Agenda<Command> {
        let ask = |agenda: Agenda<Command>, (receipt, pending): (&u32, &Pending)| {
            let request = wire::put_away_request(self, *receipt, &pending.units);
            let (key, receipt) = (format!("put_away.{receipt}"), *receipt);
            agenda.ask::<wire::rpc::PutAway>(key, pending.since, &self.to, &request, move |asked| Command::PutAway {
                receipt,
                done: matches!(asked, Asked::Done(_)),
            })
        };
        self.pending.iter().fold(Agenda::nothing(), ask)
    }
}

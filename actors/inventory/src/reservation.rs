//! A reservation: a claim of one customer on units of several shelves of one warehouse.
//!
//! It remembers what became of every unit it ever held. The shelves are changed with it in the same turn, so their
//! `reserved` is always the sum of what reservations hold, and their queues the sum of what reservations wait for.

mod deciding;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use runtime::entity::{Agenda, Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::shelf::Because;

/// The state of a reservation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Its id; empty when nothing ever happened to it.
    pub id: String,
    /// The warehouse.
    pub warehouse_id: String,
    /// The order it is for.
    pub order_id: Option<String>,
    /// What it held at first and what became of that, by SKU.
    pub lines: BTreeMap<String, Line>,
    /// When the hold ends by itself; `None` once it is confirmed.
    pub expires_at: Option<Timestamp>,
    /// Its time was over.
    pub expired: bool,
    /// When it came into being.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

/// What a reservation holds of one SKU.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Units asked for.
    pub quantity: i64,
    /// Units given back since, those included that it waits for no more.
    pub released: i64,
    /// Units shipped since.
    pub shipped: i64,
    /// Units it waits for.
    pub waiting: i64,
    /// When those were expected, as it was said at first.
    pub expected_at: Option<Timestamp>,
}

impl Line {
    /// Units it still holds.
    #[must_use]
    pub fn held(&self) -> i64 {
        self.open() - self.waiting
    }

    /// Units it still holds or waits for.
    #[must_use]
    pub fn open(&self) -> i64 {
        self.quantity - self.released - self.shipped
    }
}

/// Units of a SKU that are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// How many.
    pub units: i64,
    /// When they are expected.
    pub expected_at: Option<Timestamp>,
}

/// Units by SKU.
pub type Units = BTreeMap<String, i64>;

/// How a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It holds units or waits for some, for a while.
    Held,
    /// It holds units or waits for some, until they are shipped or released.
    Confirmed,
    /// It holds nothing more, and some of it was shipped.
    Shipped,
    /// It holds nothing more, and nothing was shipped.
    Released,
    /// Its time was over before it was confirmed.
    Expired,
}

/// What can be asked of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Hold these units.
    Open {
        /// Its id.
        id: String,
        /// The warehouse.
        warehouse_id: String,
        /// The order it is for.
        order_id: Option<String>,
        /// What to hold.
        lines: Units,
        /// What to wait for.
        waiting: BTreeMap<String, Awaited>,
        /// Until when.
        expires_at: Timestamp,
    },
    /// Units came that it waited for.
    Fill(Units),
    /// The hold ends no more by itself.
    Confirm,
    /// Give units back: these, or all that is held or waited for. What is waited for goes first.
    Release(Option<Units>),
    /// Units leave: these, or all that is held.
    Ship(Option<Units>),
    /// Its time is over.
    Expire,
}

/// What can have happened to a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// The warehouse.
    pub warehouse_id: String,
    /// The order it is for.
    pub order_id: Option<String>,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It holds these units until then.
    Opened {
        /// The units.
        lines: Units,
        /// Until when.
        expires_at: Timestamp,
    },
    /// The hold ends no more by itself.
    Confirmed,
    /// It waits for these units too.
    Backordered(BTreeMap<String, Awaited>),
    /// Units came that it waited for.
    Filled {
        /// The units.
        units: Units,
        /// It waits for nothing more.
        is_whole: bool,
    },
    /// It waits for these units no more.
    Withdrawn(Units, Because),
    /// Units were given back.
    Released(Units, Because),
    /// Units left.
    Shipped(Units),
}

/// Why a reservation says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such reservation in this warehouse")]
    NotFound,
    /// There is one.
    #[error("there is already a reservation with this id")]
    AlreadyExists,
    /// It does not hold that much.
    #[error("the reservation does not hold that much any more")]
    ExceedsHeld {
        /// What was asked for and what is held, by SKU, where they do not fit.
        lines: Vec<(String, i64, i64)>,
    },
    /// Everything has been shipped.
    #[error("all that the reservation held has been shipped")]
    Shipped,
    /// Its time was over.
    #[error("the time of the reservation was over; what it held has been given back")]
    Expired,
    /// Everything has been given back.
    #[error("the reservation has given everything back")]
    Released,
    /// There is nothing yet that could leave.
    #[error("all that the reservation still wants is waited for")]
    Waiting,
}

impl Reservation {
    /// How it stands; `None` when nothing ever happened to it.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        if self.id.is_empty() {
            return None;
        }
        let holds = self.lines.values().any(|line| line.open() > 0);
        Some(match (holds, self.expired) {
            (true, _) if self.expires_at.is_some() => Status::Held,
            (true, _) => Status::Confirmed,
            (false, true) => Status::Expired,
            (false, false) if self.lines.values().any(|line| line.shipped > 0) => Status::Shipped,
            (false, false) => Status::Released,
        })
    }

    /// What it still holds.
    #[must_use]
    pub fn held(&self) -> Units {
        self.units(Line::held)
    }

    /// What it waits for.
    #[must_use]
    pub fn waiting(&self) -> Units {
        self.units(|line| line.waiting)
    }

    fn units(&self, of: impl Fn(&Line) -> i64) -> Units {
        let units = self.lines.iter().map(|(sku, line)| (sku.clone(), of(line)));
        units.filter(|(_, units)| *units > 0).collect()
    }
}

impl Entity for Reservation {
    const KIND: &'static str = "reservation";
    const FOLD: u32 = 2;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        deciding::decide(self, command, facts.now)
    }

    fn evolve(&mut self, event: &Event) {
        self.updated_at = Some(event.at);
        match &event.what {
            What::Opened { lines, expires_at } => {
                let line =
                    |(sku, quantity): (&String, &i64)| (sku.clone(), Line { quantity: *quantity, ..Line::default() });
                self.id.clone_from(&event.id);
                self.warehouse_id.clone_from(&event.warehouse_id);
                self.order_id.clone_from(&event.order_id);
                self.lines = lines.iter().map(line).collect();
                self.expires_at = Some(*expires_at);
                self.created_at = Some(event.at);
            }
            What::Confirmed => self.expires_at = None,
            What::Backordered(waiting) => {
                for (sku, awaited) in waiting {
                    let line = self.lines.entry(sku.clone()).or_default();
                    line.quantity += awaited.units;
                    line.waiting += awaited.units;
                    line.expected_at = awaited.expected_at;
                }
            }
            What::Filled { units, .. } => {
                units.iter().for_each(|(sku, units)| self.lines.entry(sku.clone()).or_default().waiting -= units);
            }
            What::Withdrawn(units, because) => {
                for (sku, units) in units {
                    let line = self.lines.entry(sku.clone()).or_default();
                    line.waiting -= units;
                    line.released += units;
                }
                self.expired |= *because == Because::Expired;
            }
            What::Released(units, because) => {
                units.iter().for_each(|(sku, units)| self.lines.entry(sku.clone()).or_default().released += units);
                self.expired |= *because == Because::Expired;
            }
            What::Shipped(units) => {
                units.iter().for_each(|(sku, units)| self.lines.entry(sku.clone()).or_default().shipped += units);
            }
        }
    }

    fn agenda(&self) -> Agenda<Command> {
        match (self.status(), self.expires_at) {
            (Some(Status::Held), Some(expires_at)) => {
                Agenda::nothing().wake(format!("expire@{expires_at}"), expires_at, Command::Expire)
            }
            _ => Agenda::nothing(),
        }
    }
}

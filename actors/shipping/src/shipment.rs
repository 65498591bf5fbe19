//! A shipment: one parcel, from the plan to the door.
//!
//! It only ever comes further: `planned → label_ready → dispatched → accepted → in_transit → delivered | returned | lost`,
//! or `cancelled` before it leaves. A carrier's news come late, twice and in any order, so each is kept once, and the
//! furthest of them says how far the parcel is; what they skip (the dispatch that nobody noted) is said with them.
//!
//! Its agenda asks the carrier for a label, and gives back the label of a parcel that will not leave.

mod agenda;
mod deciding;
mod event;
mod folding;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use event::{Contents, Event, Leaving, What};

pub use crate::carriers::{Errand, Label};
use crate::tracking::{Sign, Tracked};

/// The state of a shipment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// How far it has come.
    pub status: Status,
    /// What was planned; its lines are what is left in it.
    pub plan: Plan,
    /// The carrier that is asked for the label.
    pub carrier: String,
    /// Counts the labels that were asked for.
    pub label_round: u32,
    /// When the label was asked for.
    pub label_asked_at: Option<Timestamp>,
    /// The label.
    pub label: Option<Label>,
    /// When the label came.
    pub label_at: Option<Timestamp>,
    /// Why there is none, until another is asked for.
    pub label_problem: Option<String>,
    /// It was cancelled while the carrier was being asked: the label is still to be learnt of.
    pub label_owed: bool,
    /// The label was given back.
    pub label_voided: bool,
    /// What is known of its way, in the order of hearing.
    pub tracking: Vec<Tracked>,
    /// When it was planned.
    pub created_at: Option<Timestamp>,
    /// When it left.
    pub dispatched_at: Option<Timestamp>,
    /// When the carrier took it.
    pub accepted_at: Option<Timestamp>,
    /// When it arrived.
    pub delivered_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

/// How far a parcel has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Status {
    /// Nothing ever happened to it.
    #[default]
    Unknown,
    /// It is to be sent.
    Planned,
    /// It can be handed over.
    LabelReady,
    /// It left.
    Dispatched,
    /// The carrier took it.
    Accepted,
    /// The carrier moves it.
    InTransit,
    /// It arrived.
    Delivered,
    /// It came back.
    Returned,
    /// Nobody knows where it is; it may turn up again.
    Lost,
    /// It never left.
    Cancelled,
}

impl Status {
    /// Where it can go from here.
    #[must_use]
    pub fn next(self) -> &'static [Status] {
        use Status::{
            Accepted, Cancelled, Delivered, Dispatched, InTransit, LabelReady, Lost, Planned, Returned, Unknown,
        };
        match self {
            Planned => &[LabelReady, Cancelled],
            LabelReady => &[Dispatched, Cancelled],
            Dispatched => &[Accepted, InTransit, Delivered, Returned, Lost],
            Accepted => &[InTransit, Delivered, Returned, Lost],
            InTransit => &[Delivered, Returned, Lost],
            Lost => &[Delivered, Returned],
            Unknown | Delivered | Returned | Cancelled => &[],
        }
    }
}

/// What is to be sent, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its id.
    pub id: String,
    /// The order.
    pub order_id: String,
    /// Whose order it is.
    pub user_id: String,
    /// The warehouse it leaves from.
    pub warehouse_id: String,
    /// The reservation that holds its stock.
    pub reservation_id: String,
    /// What is in it.
    pub lines: Vec<Line>,
    /// Where it goes.
    pub address: Address,
    /// The option that was ordered.
    pub option_id: String,
    /// The carrier of that option.
    pub carrier: String,
    /// How many working days it takes, when that is known.
    pub days: Option<(u32, u32)>,
    /// Where news of it go.
    pub email: String,
    /// The number to follow it by.
    pub tracking_number: String,
    /// The shipment it was split from.
    pub split_from: Option<String>,
}

/// Units of one SKU.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The SKU.
    pub sku: String,
    /// How many.
    pub quantity: i64,
    /// What people call it.
    pub title: String,
}

/// Where a parcel goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Who lives there.
    pub name: String,
    /// Street and number.
    pub line1: String,
    /// What else the postman needs.
    pub line2: String,
    /// The postal code.
    pub postal_code: String,
    /// The town.
    pub city: String,
    /// The state or province.
    pub region: String,
    /// The country.
    pub country: String,
    /// Where the carrier may call.
    pub phone: String,
}

/// What can be asked of a shipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Be sent.
    Plan(Box<Plan>),
    /// Give lines to a shipment of their own.
    Give {
        /// The other shipment.
        to: String,
        /// What goes over.
        lines: Vec<Line>,
    },
    /// Ask for another label, of this carrier if one is named.
    Relabel(Option<String>),
    /// The carrier made a label.
    Labelled(Box<Label>),
    /// The carrier makes none.
    NotLabelled(String),
    /// The carrier took the label back, or gave a reason why not.
    Voided(Option<String>),
    /// It left.
    Dispatch,
    /// The carrier took it.
    Accept,
    /// It arrived.
    Deliver,
    /// It came back.
    Return,
    /// Nobody knows where it is.
    Lose,
    /// Something happened to it.
    Track(Box<Tracked>),
    /// The make-believe carrier does what a real one would.
    Pretend(Sign),
    /// Do not be sent; refused when it has left.
    Cancel,
    /// Do not be sent, if it has not left.
    Stop,
}

/// Why a shipment says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("the order has no such shipment")]
    NotFound,
    /// There is another one.
    #[error("there is already another shipment with this id")]
    AlreadyExists,
    /// It has left.
    #[error("the shipment has left the warehouse")]
    AlreadyDispatched(String),
    /// It has not left.
    #[error("the shipment has not left the warehouse")]
    NotDispatched,
    /// It has no label.
    #[error("the shipment has no label yet")]
    LabelMissing,
    /// The carrier has been asked.
    #[error("the carrier has been asked and has not answered yet")]
    LabelUnderWay,
    /// It has one of another carrier.
    #[error("the shipment has a label of another carrier")]
    LabelExists,
    /// It does not hold that much.
    #[error("the shipment does not hold that much")]
    ExceedsShipment {
        /// What was asked for and what is there, by SKU, where they do not fit.
        lines: Vec<(String, i64, i64)>,
    },
    /// It would be empty.
    #[error("nothing would be left in the shipment")]
    NothingLeft,
    /// It arrived.
    #[error("the shipment has arrived")]
    Delivered,
    /// It came back.
    #[error("the shipment came back")]
    Returned,
    /// It is cancelled.
    #[error("the shipment is cancelled")]
    Cancelled,
    /// It has had too many events.
    #[error("the shop keeps no more events of this shipment")]
    TrackingFull,
}

impl Shipment {
    /// Whether it is there.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.status != Status::Unknown
    }

    /// The days on which it should arrive, counted from its leaving once it has left.
    #[must_use]
    pub fn estimate(&self) -> Option<(jiff::civil::Date, jiff::civil::Date)> {
        let (min, max) = self.plan.days?;
        let day = crate::days::day(self.dispatched_at.or(self.created_at)?);
        Some((crate::days::after(day, min), crate::days::after(day, max)))
    }
}

//! What can have happened to a shipment.

use jiff::Timestamp;

use super::{Label, Line, Plan};
use crate::tracking::Tracked;

/// What can have happened to a shipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// The order.
    pub order_id: String,
    /// Whose order it is.
    pub user_id: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It is to be sent.
    Planned(Box<Plan>),
    /// Lines went over to another shipment.
    Gave {
        /// The other one.
        to: String,
        /// What went over.
        lines: Vec<Line>,
    },
    /// Another label was asked for.
    Relabelling {
        /// Of this carrier.
        carrier: String,
    },
    /// There is a label.
    Labelled {
        /// The carrier.
        carrier: String,
        /// The number to follow the parcel by.
        tracking_number: String,
        /// The label.
        label: Label,
    },
    /// The carrier makes none.
    NotLabelled {
        /// The carrier.
        carrier: String,
        /// Why.
        reason: String,
    },
    /// The label was given back, or the carrier says why not.
    Voided(Option<String>),
    /// It left.
    Dispatched(Leaving),
    /// The carrier took it.
    Completed(Leaving),
    /// It moves.
    InTransit,
    /// It arrived.
    Delivered {
        /// Where news of it go.
        email: String,
    },
    /// It came back.
    Returned(Contents),
    /// Nobody knows where it is.
    Lost {
        /// What was in it.
        lines: Vec<Line>,
    },
    /// It will not be sent.
    Cancelled {
        /// What was to be in it.
        contents: Contents,
        /// A label may be in the making.
        label_owed: bool,
    },
    /// Something happened to it on its way.
    Tracked(Tracked),
}

/// What is in a parcel, and whose stock that was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The warehouse.
    pub warehouse_id: String,
    /// The reservation.
    pub reservation_id: String,
    /// What.
    pub lines: Vec<Line>,
}

/// A parcel as it leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaving {
    /// What is in it.
    pub contents: Contents,
    /// Who carries it.
    pub carrier: String,
    /// The number to follow it by.
    pub tracking_number: String,
    /// The carrier's own number; empty when there is no label yet.
    pub carrier_number: String,
    /// Where the carrier shows it; empty when it does not.
    pub carrier_url: String,
    /// Where news of it go.
    pub email: String,
}

//! Tracking: what is said of a parcel on its way, and the number by which it is followed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wire::Id;

/// How many events a parcel keeps. A long way has some thirty; what comes beyond is refused, unless it moves the parcel.
pub const EVENTS_MAX: usize = 200;

/// Something that happened to a parcel on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracked {
    /// The carrier's name for it: the same name is the same event.
    pub carrier_event_id: String,
    /// What became of the parcel.
    pub sign: Sign,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Where.
    pub place: String,
    /// What else there is to say.
    pub detail: String,
    /// When the shop heard of it.
    pub recorded_at: Timestamp,
}

/// What became of a parcel, as a carrier says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sign {
    /// A word that changes nothing.
    Notice,
    /// The carrier took it.
    Accepted,
    /// It moves.
    InTransit,
    /// It is on its last way.
    OutForDelivery,
    /// Nobody opened.
    DeliveryFailed,
    /// It arrived.
    Delivered,
    /// It is back.
    Returned,
    /// Nobody knows where it is.
    Lost,
}

/// The number by which anybody who knows it may follow a parcel: 122 bits that nobody guesses, of the shipment's id.
#[must_use]
pub fn number(shipment_id: &str) -> String {
    let id = Id::derived("trk", shipment_id.as_bytes()).to_string();
    id.replace("trk_", "MT").to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tracking_number_says_nothing_and_stays_the_same() {
        let number = number("shp_01h455vb4pex5vsknk084sn02q");
        assert_eq!(number, super::number("shp_01h455vb4pex5vsknk084sn02q"));
        assert_ne!(number, super::number("shp_01h455vb4pex5vsknk084sn02r"));
        assert_eq!(number.len(), 28);
        assert!(number.starts_with("MT") && number.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
    }
}

//! A delivery: all that is sent for one order. It knows which parcels there are, and whether there may be more.
//!
//! It outlives the order of news: when the order's end is heard before a parcel is asked for, the parcel is refused.

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

/// The state of a delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Whose order it is; empty until there is a parcel.
    pub user_id: String,
    /// The parcels, in the order in which they were planned.
    pub shipments: Vec<String>,
    /// The order is cancelled.
    pub closed: bool,
}

/// What can be asked of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// One more parcel.
    Extend {
        /// The order.
        order_id: String,
        /// The parcel.
        shipment_id: String,
        /// Whose order it is.
        user_id: String,
    },
    /// No more parcels.
    Close {
        /// The order.
        order_id: String,
    },
}

/// What can have happened to a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// There is one more parcel.
    Extended {
        /// The order.
        order_id: String,
        /// The parcel.
        shipment_id: String,
        /// Whose order it is.
        user_id: String,
        /// When.
        at: Timestamp,
    },
    /// There will be no more parcels.
    Closed {
        /// The order.
        order_id: String,
        /// When.
        at: Timestamp,
    },
}

/// Why a delivery says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The order is cancelled.
    #[error("the order is cancelled; nothing more is sent for it")]
    Closed,
}

impl Entity for Delivery {
    const KIND: &'static str = "delivery";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = facts.now;
        match command {
            // What is there already is there, whatever came after.
            Command::Extend { shipment_id, .. } if self.shipments.contains(&shipment_id) => Ok(vec![]),
            Command::Extend { .. } if self.closed => Err(Refusal::Closed),
            Command::Extend { order_id, shipment_id, user_id } => {
                Ok(vec![Event::Extended { order_id, shipment_id, user_id, at }])
            }
            Command::Close { .. } if self.closed => Ok(vec![]),
            Command::Close { order_id } => Ok(vec![Event::Closed { order_id, at }]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Extended { shipment_id, user_id, .. } => {
                self.user_id.clone_from(user_id);
                self.shipments.push(shipment_id.clone());
            }
            Event::Closed { .. } => self.closed = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, fold, moment};

    use super::*;

    fn extend(shipment: &str) -> Command {
        Command::Extend { order_id: "ord_1".into(), shipment_id: shipment.into(), user_id: "usr_1".into() }
    }

    fn extended(shipment: &str) -> Event {
        let (order_id, user_id) = ("ord_1".into(), "usr_1".into());
        Event::Extended { order_id, shipment_id: shipment.into(), user_id, at: moment(1) }
    }

    fn closed() -> Event {
        Event::Closed { order_id: "ord_1".into(), at: moment(1) }
    }

    #[test]
    fn a_delivery_grows_until_it_is_closed() {
        let close = || Command::Close { order_id: "ord_1".into() };
        let count = |given: &[Event], when| decide::<Delivery>(given, when).map(|events| events.len());
        assert_eq!(count(&[], extend("shp_1")), Ok(1));
        assert_eq!(count(&[extended("shp_1")], extend("shp_1")), Ok(0));
        assert_eq!(count(&[extended("shp_1")], extend("shp_2")), Ok(1));
        assert_eq!(count(&[extended("shp_1"), closed()], extend("shp_1")), Ok(0));
        assert_eq!(count(&[extended("shp_1"), closed()], extend("shp_2")), Err(Refusal::Closed));
        assert_eq!(count(&[closed()], extend("shp_1")), Err(Refusal::Closed), "the order's end may be heard first");
        assert_eq!(count(&[], close()), Ok(1));
        assert_eq!(count(&[extended("shp_1")], close()), Ok(1));
        assert_eq!(count(&[closed()], close()), Ok(0));
        let delivery: Delivery = fold(&[extended("shp_2"), extended("shp_1")]);
        assert_eq!(delivery.shipments, ["shp_2", "shp_1"]);
    }
}

//! Events of a shelf as they are stored, and the movements that they are.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Recorded, Undecodable};

use super::super::reservation::claim;
use super::super::{place, unreadable, v1};
use super::{because_in, because_out, reason_in, reason_out};
use crate::shelf::{self, Because, Claim, Move, Place, Policy, Reason};

impl Recorded for shelf::Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        use shelf::Event::{
            Adjusted, Arrived, Awaited, Due, Filled, Governed, Low, Released, Reserved, Sent, Set, Shipped, Withdrawn,
        };
        match self.clone() {
            Set { place, on_hand, delta, threshold, reason, note, product_id, at } => {
                let event = v1::StockSet {
                    warehouse_id: place.warehouse_id,
                    sku: place.sku,
                    product_id,
                    on_hand,
                    delta,
                    low_stock_threshold: threshold,
                    reason: reason_out(reason).into(),
                    at: Some(to_wire(at)),
                    note,
                };
                ("inventory.stock_set", event.encode_to_vec())
            }
            Adjusted { place, delta, on_hand, reason, note, product_id, at } => {
                let event = v1::StockAdjusted {
                    warehouse_id: place.warehouse_id,
                    sku: place.sku,
                    product_id,
                    delta,
                    on_hand,
                    reason: reason_out(reason).into(),
                    note,
                    at: Some(to_wire(at)),
                };
                ("inventory.stock_adjusted", event.encode_to_vec())
            }
            Reserved(Claim { place, quantity, reservation_id }, at) => {
                let Place { warehouse_id, sku } = place;
                let event = v1::StockReserved { warehouse_id, sku, quantity, reservation_id, at: Some(to_wire(at)) };
                ("inventory.stock_reserved", event.encode_to_vec())
            }
            Released(Claim { place, quantity, reservation_id }, because, at) => {
                let (Place { warehouse_id, sku }, reason) = (place, because_out(because).into());
                let at = Some(to_wire(at));
                let event = v1::StockReleased { warehouse_id, sku, quantity, reservation_id, reason, at };
                ("inventory.stock_released", event.encode_to_vec())
            }
            Shipped(Claim { place, quantity, reservation_id }, at) => {
                let Place { warehouse_id, sku } = place;
                let event = v1::StockShipped { warehouse_id, sku, quantity, reservation_id, at: Some(to_wire(at)) };
                ("inventory.stock_shipped", event.encode_to_vec())
            }
            Low { place, on_hand, threshold, product_id, at } => {
                let event = v1::LowStock {
                    product_id,
                    current_stock: on_hand,
                    threshold,
                    warehouse: place.warehouse_id,
                    sku: place.sku,
                    at: Some(to_wire(at)),
                };
                ("inventory.low_stock", event.encode_to_vec())
            }
            Governed { place: Place { warehouse_id, sku }, policy, product_id, at } => {
                let event = v1::StockPolicySet {
                    warehouse_id,
                    sku,
                    product_id,
                    safety_stock: policy.safety,
                    backorder_limit: policy.backorder_max,
                    backorder_expected_at: policy.expected_at.map(to_wire),
                    reorder_point: policy.reorder_point,
                    reorder_quantity: policy.reorder_lot,
                    at: Some(to_wire(at)),
                };
                ("inventory.stock_policy_set", event.encode_to_vec())
            }
            Awaited(Claim { place, quantity, reservation_id }, at) => {
                let Place { warehouse_id, sku } = place;
                let event = v1::StockBackordered { warehouse_id, sku, quantity, reservation_id, at: Some(to_wire(at)) };
                ("inventory.stock_backordered", event.encode_to_vec())
            }
            Filled(Claim { place, quantity, reservation_id }, at) => {
                let Place { warehouse_id, sku } = place;
                let event = v1::StockFilled { warehouse_id, sku, quantity, reservation_id, at: Some(to_wire(at)) };
                ("inventory.stock_filled", event.encode_to_vec())
            }
            Withdrawn(Claim { place, quantity, reservation_id }, because, at) => {
                let (Place { warehouse_id, sku }, reason) = (place, because_out(because).into());
                let at = Some(to_wire(at));
                let event = v1::StockWithdrawn { warehouse_id, sku, quantity, reservation_id, reason, at };
                ("inventory.stock_withdrawn", event.encode_to_vec())
            }
            Sent(Move { place, quantity, transfer_id }, at) => {
                let Place { warehouse_id, sku } = place;
                let event = v1::StockSent { warehouse_id, sku, quantity, transfer_id, at: Some(to_wire(at)) };
                ("inventory.stock_sent", event.encode_to_vec())
            }
            Arrived { units: Move { place, quantity, transfer_id }, product_id, at } => {
                let (Place { warehouse_id, sku }, at) = (place, Some(to_wire(at)));
                let event = v1::StockArrived { warehouse_id, sku, quantity, transfer_id, at, product_id };
                ("inventory.stock_arrived", event.encode_to_vec())
            }
            Due { place: Place { warehouse_id, sku }, position, point, suggested, product_id, at } => {
                let event = v1::ReorderDue {
                    warehouse_id,
                    sku,
                    product_id,
                    position,
                    reorder_point: point,
                    suggested_quantity: suggested,
                    at: Some(to_wire(at)),
                };
                ("inventory.reorder_due", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        let unreadable = unreadable(event_type);
        match event_type {
            "inventory.stock_set" => {
                let event = v1::StockSet::decode(data).map_err(unreadable)?;
                Ok(Self::Set {
                    reason: reason_in(event.reason(), Reason::Counted),
                    place: place(&event.warehouse_id, &event.sku),
                    on_hand: event.on_hand,
                    delta: event.delta,
                    threshold: event.low_stock_threshold,
                    note: event.note,
                    product_id: event.product_id,
                    at: from_wire(event.at.as_ref()),
                })
            }
            "inventory.stock_adjusted" => {
                let event = v1::StockAdjusted::decode(data).map_err(unreadable)?;
                Ok(Self::Adjusted {
                    reason: reason_in(event.reason(), Reason::Correction),
                    place: place(&event.warehouse_id, &event.sku),
                    delta: event.delta,
                    on_hand: event.on_hand,
                    note: event.note,
                    product_id: event.product_id,
                    at: from_wire(event.at.as_ref()),
                })
            }
            "inventory.stock_reserved" => {
                let event = v1::StockReserved::decode(data).map_err(unreadable)?;
                let claim = claim(&event.warehouse_id, &event.reservation_id, &event.sku, event.quantity);
                Ok(Self::Reserved(claim, from_wire(event.at.as_ref())))
            }
            "inventory.stock_released" => {
                let event = v1::StockReleased::decode(data).map_err(unreadable)?;
                let claim = claim(&event.warehouse_id, &event.reservation_id, &event.sku, event.quantity);
                Ok(Self::Released(claim, because_in(event.reason()), from_wire(event.at.as_ref())))
            }
            "inventory.stock_shipped" => {
                let event = v1::StockShipped::decode(data).map_err(unreadable)?;
                let claim = claim(&event.warehouse_id, &event.reservation_id, &event.sku, event.quantity);
                Ok(Self::Shipped(claim, from_wire(event.at.as_ref())))
            }
            "inventory.low_stock" => {
                let event = v1::LowStock::decode(data).map_err(unreadable)?;
                Ok(Self::Low {
                    place: place(&event.warehouse, &event.sku),
                    on_hand: event.current_stock,
                    threshold: event.threshold,
                    product_id: event.product_id,
                    at: from_wire(event.at.as_ref()),
                })
            }
            "inventory.stock_policy_set" => {
                let event = v1::StockPolicySet::decode(data).map_err(unreadable)?;
                let policy = Policy {
                    safety: event.safety_stock,
                    backorder_max: event.backorder_limit,
                    expected_at: event.backorder_expected_at.as_ref().map(|at| from_wire(Some(at))),
                    reorder_point: event.reorder_point,
                    reorder_lot: event.reorder_quantity,
                };
                let (place, at) = (place(&event.warehouse_id, &event.sku), from_wire(event.at.as_ref()));
                Ok(Self::Governed { place, policy, product_id: event.product_id, at })
            }
            "inventory.stock_backordered" => {
                let event = v1::StockBackordered::decode(data).map_err(unreadable)?;
                let claim = claim(&event.warehouse_id, &event.reservation_id, &event.sku, event.quantity);
                Ok(Self::Awaited(claim, from_wire(event.at.as_ref())))
            }
            "inventory.stock_filled" => {
                let event = v1::StockFilled::decode(data).map_err(unreadable)?;
                let claim = claim(&event.warehouse_id, &event.reservation_id, &event.sku, event.quantity);
                Ok(Self::Filled(claim, from_wire(event.at.as_ref())))
            }
            "inventory.stock_withdrawn" => {
                let event = v1::StockWithdrawn::decode(data).map_err(unreadable)?;
                let claim = claim(&event.warehouse_id, &event.reservation_id, &event.sku, event.quantity);
                Ok(Self::Withdrawn(claim, because_in(event.reason()), from_wire(event.at.as_ref())))
            }
            "inventory.stock_sent" => {
                let v1::StockSent { warehouse_id, sku, quantity, transfer_id, at } =
                    v1::StockSent::decode(data).map_err(unreadable)?;
                let units = Move { place: place(&warehouse_id, &sku), quantity, transfer_id };
                Ok(Self::Sent(units, from_wire(at.as_ref())))
            }
            "inventory.stock_arrived" => {
                let v1::StockArrived { warehouse_id, sku, quantity, transfer_id, at, product_id } =
                    v1::StockArrived::decode(data).map_err(unreadable)?;
                let units = Move { place: place(&warehouse_id, &sku), quantity, transfer_id };
                Ok(Self::Arrived { units, product_id, at: from_wire(at.as_ref()) })
            }
            "inventory.reorder_due" => {
                let event = v1::ReorderDue::decode(data).map_err(unreadable)?;
                Ok(Self::Due {
                    place: place(&event.warehouse_id, &event.sku),
                    position: event.position,
                    point: event.reorder_point,
                    suggested: event.suggested_quantity,
                    product_id: event.product_id,
                    at: from_wire(event.at.as_ref()),
                })
            }
            other => Err(Undecodable::new(other, "a shelf has no such event")),
        }
    }
}

/// The movement a shelf's event is; `None` for events that move nothing.
#[must_use]
pub fn movement(event_type: &str, data: &[u8]) -> Option<v1::Movement> {
    use shelf::Event::{
        Adjusted, Arrived, Awaited, Due, Filled, Governed, Low, Released, Reserved, Sent, Set, Shipped, Withdrawn,
    };
    use v1::MovementReason as Why;
    let event = <shelf::Event as Recorded>::recall(event_type, data).ok()?;
    let at = event.at();
    let by_hand = |reason| match reason {
        Reason::Received => Why::Received,
        Reason::Damaged => Why::Damaged,
        Reason::Lost => Why::Lost,
        Reason::Found => Why::Found,
        Reason::Returned => Why::Returned,
        Reason::Correction => Why::Correction,
        Reason::Counted => Why::Counted,
    };
    let (place, reason, [on_hand, reserved, shipped], reference) = match event {
        Set { delta: 0, .. } | Low { .. } | Due { .. } | Governed { .. } | Awaited(..) | Withdrawn(..) => return None,
        Set { place, delta, reason, note, .. } | Adjusted { place, delta, reason, note, .. } => {
            (place, by_hand(reason), [delta, 0, 0], note)
        }
        Sent(units, _) => (units.place, Why::Sent, [-units.quantity, 0, 0], units.transfer_id),
        Arrived { units, .. } => (units.place, Why::Arrived, [units.quantity, 0, 0], units.transfer_id),
        Reserved(claim, _) | Filled(claim, _) => {
            (claim.place, Why::Reserved, [-claim.quantity, claim.quantity, 0], claim.reservation_id)
        }
        Released(claim, because, _) => {
            let why = if because == Because::Expired { Why::Expired } else { Why::Released };
            (claim.place, why, [claim.quantity, -claim.quantity, 0], claim.reservation_id)
        }
        Shipped(claim, _) => (claim.place, Why::Shipped, [0, -claim.quantity, claim.quantity], claim.reservation_id),
    };
    Some(v1::Movement {
        at: Some(to_wire(at)),
        warehouse_id: place.warehouse_id,
        sku: place.sku,
        reason: reason.into(),
        on_hand_delta: on_hand,
        reserved_delta: reserved,
        shipped_delta: shipped,
        reference,
    })
}

//! Stock: contract to domain and back.

use messages::problem::Kind;
use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};

use super::filling::tell_shelf;
use super::reservation::claim;
use super::warehouse::must_be_open;
use super::{Problem, place, unreadable, v1};
use crate::shelf::{self, Because, Claim, Move, Place, Policy, Reason, Shelf};
use crate::views;
use crate::warehouse::Warehouse;

pub(crate) fn set_stock(desk: &mut Desk<'_>, request: &v1::SetStockRequest) -> Result<v1::SetStockResponse, Problem> {
    must_be_open(desk, &request.warehouse_id)?;
    let place = place(&request.warehouse_id, &request.sku);
    let command = shelf::Command::Set {
        on_hand: request.on_hand.unwrap_or_default(),
        expected: request.expected_on_hand,
        threshold: request.low_stock_threshold,
        reason: reason_in(request.reason(), Reason::Counted),
        note: request.note.clone(),
        product_id: views::product_of(&desk.rows::<views::Stock>(), &request.sku),
        place: place.clone(),
    };
    tell_shelf(desk, &place, command)?;
    Ok(v1::SetStockResponse { level: Some(level_now(desk, &place)) })
}

pub(crate) fn adjust_stock(
    desk: &mut Desk<'_>,
    request: &v1::AdjustStockRequest,
) -> Result<v1::AdjustStockResponse, Problem> {
    must_be_open(desk, &request.warehouse_id)?;
    let place = place(&request.warehouse_id, &request.sku);
    let command = shelf::Command::Adjust {
        delta: request.delta.unwrap_or_default(),
        reason: reason_in(request.reason(), Reason::Correction),
        note: request.note.clone(),
        product_id: views::product_of(&desk.rows::<views::Stock>(), &request.sku),
        place: place.clone(),
    };
    tell_shelf(desk, &place, command)?;
    Ok(v1::AdjustStockResponse { level: Some(level_now(desk, &place)) })
}

pub(crate) fn set_policy(
    desk: &mut Desk<'_>,
    request: &v1::SetStockPolicyRequest,
) -> Result<v1::SetStockPolicyResponse, Problem> {
    must_be_open(desk, &request.warehouse_id)?;
    let place = place(&request.warehouse_id, &request.sku);
    let policy = Policy {
        safety: request.safety_stock,
        backorder_max: request.backorder_limit,
        expected_at: request.backorder_expected_at.as_ref().map(|at| from_wire(Some(at))),
        reorder_point: request.reorder_point,
        reorder_lot: request.reorder_quantity,
    };
    let product_id = views::product_of(&desk.rows::<views::Stock>(), &request.sku);
    tell_shelf(desk, &place, shelf::Command::Govern { place: place.clone(), policy, product_id })?;
    Ok(v1::SetStockPolicyResponse { level: Some(level_now(desk, &place)) })
}

pub(crate) fn get_level(
    window: &Window<'_>,
    request: &v1::GetStockLevelRequest,
) -> Result<v1::GetStockLevelResponse, Problem> {
    let v1::GetStockLevelRequest { warehouse_id, sku } = request;
    let id = place(warehouse_id, sku).id();
    let (shelf, version) = (window.see::<Shelf>(&id), window.version::<Shelf>(&id));
    let rows = window.rows::<views::Stock>();
    // A SKU of the catalogue has a shelf in every warehouse, empty until something comes in.
    let exists = version > 0 || (window.see::<Warehouse>(warehouse_id).is_open() && views::is_known(&rows, sku));
    if !exists {
        return Err(Problem::not_found("not_found", "there is no such shelf"));
    }
    let mut level = level(warehouse_id, sku, &shelf, version);
    if level.product_id.is_empty() {
        level.product_id = views::product_of(&rows, sku);
    }
    Ok(v1::GetStockLevelResponse { level: Some(level) })
}

fn level_now(desk: &Desk<'_>, place: &Place) -> v1::StockLevel {
    let id = place.id();
    level(&place.warehouse_id, &place.sku, &desk.see::<Shelf>(&id), desk.version::<Shelf>(&id))
}

/// A shelf as the world sees it.
#[must_use]
pub fn level(warehouse_id: &str, sku: &str, shelf: &Shelf, version: u64) -> v1::StockLevel {
    v1::StockLevel {
        warehouse_id: warehouse_id.to_owned(),
        sku: sku.to_owned(),
        product_id: shelf.product_id.clone(),
        on_hand: shelf.on_hand,
        reserved: shelf.reserved,
        shipped: shelf.shipped,
        received: shelf.received,
        low_stock_threshold: shelf.threshold,
        version,
        updated_at: shelf.updated_at.map(to_wire),
        sellable: shelf.sellable(),
        safety_stock: shelf.policy.safety,
        backordered: shelf.awaited(),
        backorder_limit: shelf.policy.backorder_max,
        backorder_expected_at: shelf.policy.expected_at.map(to_wire),
        reorder_point: shelf.policy.reorder_point,
        reorder_quantity: shelf.policy.reorder_lot,
        transferred_out: shelf.sent,
        transferred_in: shelf.arrived,
    }
}

/// How a level says that its shelf is run.
#[must_use]
pub fn policy(level: &v1::StockLevel) -> Policy {
    Policy {
        safety: level.safety_stock,
        backorder_max: level.backorder_limit,
        expected_at: level.backorder_expected_at.as_ref().map(|at| from_wire(Some(at))),
        reorder_point: level.reorder_point,
        reorder_lot: level.reorder_quantity,
    }
}

fn reason_in(wire: v1::StockReason, otherwise: Reason) -> Reason {
    match wire {
        v1::StockReason::Unspecified => otherwise,
        v1::StockReason::Received => Reason::Received,
        v1::StockReason::Damaged => Reason::Damaged,
        v1::StockReason::Lost => Reason::Lost,
        v1::StockReason::Found => Reason::Found,
        v1::StockReason::Returned => Reason::Returned,
        v1::StockReason::Correction => Reason::Correction,
        v1::StockReason::Counted => Reason::Counted,
    }
}

fn reason_out(reason: Reason) -> v1::StockReason {
    match reason {
        Reason::Received => v1::StockReason::Received,
        Reason::Damaged => v1::StockReason::Damaged,
        Reason::Lost => v1::StockReason::Lost,
        Reason::Found => v1::StockReason::Found,
        Reason::Returned => v1::StockReason::Returned,
        Reason::Correction => v1::StockReason::Correction,
        Reason::Counted => v1::StockReason::Counted,
    }
}

impl From<shelf::Refusal> for Problem {
    fn from(refusal: shelf::Refusal) -> Problem {
        use shelf::Refusal::{Changed, Insufficient, NotHeld, TooMany};
        let said = refusal.to_string();
        match refusal {
            Insufficient { available, requested, .. } => {
                Problem::conflict("insufficient_stock", said).with("available", available).with("requested", requested)
            }
            Changed { current, .. } => Problem::conflict("stock_changed", said).with("current", current),
            TooMany => Problem::new(Kind::Unprocessable, "too_many_units", said),
            NotHeld { .. } => Problem::new(Kind::Internal, "not_held", said),
        }
    }
}

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

pub(crate) fn because_out(because: Because) -> v1::ReleaseReason {
    match because {
        Because::Requested => v1::ReleaseReason::Requested,
        Because::Expired => v1::ReleaseReason::Expired,
    }
}

pub(crate) fn because_in(wire: v1::ReleaseReason) -> Because {
    match wire {
        v1::ReleaseReason::Expired => Because::Expired,
        v1::ReleaseReason::Requested | v1::ReleaseReason::Unspecified => Because::Requested,
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

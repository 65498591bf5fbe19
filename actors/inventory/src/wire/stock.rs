//! Stock: contract to domain and back.

mod events;

use messages::problem::Kind;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};

use super::filling::tell_shelf;
use super::warehouse::must_be_open;
use super::{Problem, place, v1};
use crate::shelf::{self, Because, Place, Policy, Reason, Shelf};
use crate::views;
use crate::warehouse::Warehouse;

pub use events::movement;

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

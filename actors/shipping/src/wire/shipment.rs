//! Shipments as the world sees them, and their refusals.

use messages::common::v1 as common;
use messages::common::v1::fact::Value;
use runtime::clock::to_wire;
use runtime::desk::{Desk, Window};
use serde::Serialize;

use super::{Problem, v1};
use crate::label;
use crate::shipment::{Address, Line, Refusal, Shipment, Status};
use crate::tracking::{Sign, Tracked};

/// A parcel, for its owner and for staff; anybody else hears that there is none.
pub(crate) fn get_shipment(
    window: &Window<'_>,
    request: &v1::GetShipmentRequest,
) -> Result<v1::GetShipmentResponse, Problem> {
    let shown = window_shipment(window, &request.shipment_id);
    let shown = shown.filter(|shown| shown.order_id == request.order_id && window.caller().may_touch(&shown.user_id));
    Ok(v1::GetShipmentResponse { shipment: Some(shown.ok_or(Refusal::NotFound)?) })
}

/// The label of a parcel, to be printed.
pub(crate) fn get_label(window: &Window<'_>, request: &v1::GetLabelRequest) -> Result<v1::GetLabelResponse, Problem> {
    let shipment = window.see::<Shipment>(&request.shipment_id);
    if !shipment.is_known() || shipment.plan.order_id != request.order_id {
        return Err(Refusal::NotFound.into());
    }
    let content = label::pdf(&shipment).ok_or(Refusal::LabelMissing)?;
    let name = format!("{}.pdf", request.shipment_id);
    Ok(v1::GetLabelResponse { content, media_type: "application/pdf".to_owned(), name })
}

pub(super) fn window_shipment(window: &Window<'_>, id: &str) -> Option<v1::Shipment> {
    shipment(&window.see::<Shipment>(id), window.version::<Shipment>(id))
}

pub(super) fn shipment_now(desk: &Desk<'_>, id: &str) -> Option<v1::Shipment> {
    shipment(&desk.see::<Shipment>(id), desk.version::<Shipment>(id))
}

/// A shipment as its owner sees it; `None` when there is none.
#[must_use]
pub fn shipment(shipment: &Shipment, version: u64) -> Option<v1::Shipment> {
    let status = status_out(shipment.status)?;
    let plan = &shipment.plan;
    let label = shipment.label.clone().unwrap_or_default();
    let (delivers_from, delivers_until) = estimate(shipment);
    let mut way: Vec<&Tracked> = shipment.tracking.iter().collect();
    way.sort_by_key(|tracked| tracked.occurred_at);
    Some(v1::Shipment {
        shipment_id: plan.id.clone(),
        version,
        order_id: plan.order_id.clone(),
        user_id: plan.user_id.clone(),
        warehouse_id: plan.warehouse_id.clone(),
        reservation_id: plan.reservation_id.clone(),
        status: status.into(),
        next_states: shipment.status.next().iter().filter_map(|next| status_out(*next)).map(Into::into).collect(),
        lines: lines_out(&plan.lines),
        address: Some(address_out(&plan.address)),
        email: plan.email.clone(),
        option_id: plan.option_id.clone(),
        carrier: shipment.carrier.clone(),
        tracking_number: plan.tracking_number.clone(),
        carrier_number: label.number,
        carrier_url: label.url,
        label_problem: shipment.label_problem.clone().unwrap_or_default(),
        delivers_from,
        delivers_until,
        tracking: way.into_iter().map(tracked_out).collect(),
        split_from: plan.split_from.clone(),
        created_at: shipment.created_at.map(to_wire),
        dispatched_at: shipment.dispatched_at.map(to_wire),
        accepted_at: shipment.accepted_at.map(to_wire),
        delivered_at: shipment.delivered_at.map(to_wire),
        updated_at: shipment.updated_at.map(to_wire),
    })
}

/// A parcel as anybody sees it who knows its tracking number: no names, no places of people.
#[must_use]
pub fn tracking(shipment: v1::Shipment) -> v1::Tracking {
    let step = |event: v1::TrackingEvent| v1::TrackingStep { status: event.status, occurred_at: event.occurred_at };
    v1::Tracking {
        tracking_number: shipment.tracking_number,
        status: shipment.status,
        carrier: shipment.carrier,
        carrier_number: shipment.carrier_number,
        carrier_url: shipment.carrier_url,
        delivers_from: shipment.delivers_from,
        delivers_until: shipment.delivers_until,
        steps: shipment.tracking.into_iter().map(step).collect(),
        dispatched_at: shipment.dispatched_at,
        delivered_at: shipment.delivered_at,
    }
}

/// Nothing is estimated of what is at its end.
fn estimate(shipment: &Shipment) -> (String, String) {
    let is_over = matches!(shipment.status, Status::Cancelled | Status::Delivered | Status::Returned | Status::Lost);
    let estimate = shipment.estimate().filter(|_| !is_over);
    estimate.map(|(from, until)| (from.to_string(), until.to_string())).unwrap_or_default()
}

fn status_out(status: Status) -> Option<v1::ShipmentStatus> {
    Some(match status {
        Status::Unknown => return None,
        Status::Planned => v1::ShipmentStatus::Planned,
        Status::LabelReady => v1::ShipmentStatus::LabelReady,
        Status::Dispatched => v1::ShipmentStatus::Dispatched,
        Status::Accepted => v1::ShipmentStatus::Accepted,
        Status::InTransit => v1::ShipmentStatus::InTransit,
        Status::Delivered => v1::ShipmentStatus::Delivered,
        Status::Returned => v1::ShipmentStatus::Returned,
        Status::Lost => v1::ShipmentStatus::Lost,
        Status::Cancelled => v1::ShipmentStatus::Cancelled,
    })
}

pub(super) fn sign_in(status: v1::TrackingStatus) -> Sign {
    match status {
        v1::TrackingStatus::Unspecified | v1::TrackingStatus::Notice => Sign::Notice,
        v1::TrackingStatus::Accepted => Sign::Accepted,
        v1::TrackingStatus::InTransit => Sign::InTransit,
        v1::TrackingStatus::OutForDelivery => Sign::OutForDelivery,
        v1::TrackingStatus::DeliveryFailed => Sign::DeliveryFailed,
        v1::TrackingStatus::Delivered => Sign::Delivered,
        v1::TrackingStatus::Returned => Sign::Returned,
        v1::TrackingStatus::Lost => Sign::Lost,
    }
}

pub(super) fn sign_out(sign: Sign) -> v1::TrackingStatus {
    match sign {
        Sign::Notice => v1::TrackingStatus::Notice,
        Sign::Accepted => v1::TrackingStatus::Accepted,
        Sign::InTransit => v1::TrackingStatus::InTransit,
        Sign::OutForDelivery => v1::TrackingStatus::OutForDelivery,
        Sign::DeliveryFailed => v1::TrackingStatus::DeliveryFailed,
        Sign::Delivered => v1::TrackingStatus::Delivered,
        Sign::Returned => v1::TrackingStatus::Returned,
        Sign::Lost => v1::TrackingStatus::Lost,
    }
}

pub(super) fn tracked_out(tracked: &Tracked) -> v1::TrackingEvent {
    v1::TrackingEvent {
        carrier_event_id: tracked.carrier_event_id.clone(),
        status: sign_out(tracked.sign).into(),
        occurred_at: Some(to_wire(tracked.occurred_at)),
        place: tracked.place.clone(),
        detail: tracked.detail.clone(),
        recorded_at: Some(to_wire(tracked.recorded_at)),
    }
}

pub(super) fn lines_in(lines: Vec<v1::ShipmentLine>) -> Vec<Line> {
    let line =
        |line: v1::ShipmentLine| Line { quantity: line.quantity.unwrap_or_default(), sku: line.sku, title: line.title };
    lines.into_iter().map(line).collect()
}

pub(super) fn lines_out(lines: &[Line]) -> Vec<v1::ShipmentLine> {
    let line = |line: &Line| v1::ShipmentLine {
        sku: line.sku.clone(),
        quantity: Some(line.quantity),
        title: line.title.clone(),
    };
    lines.iter().map(line).collect()
}

pub(super) fn address_in(address: Option<common::Address>) -> Address {
    let common::Address { name, line1, line2, postal_code, city, region, country, phone } = address.unwrap_or_default();
    Address { name, line1, line2, postal_code, city, region, country, phone }
}

pub(super) fn address_out(address: &Address) -> common::Address {
    let Address { name, line1, line2, postal_code, city, region, country, phone } = address.clone();
    common::Address { name, line1, line2, postal_code, city, region, country, phone }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        #[derive(Serialize)]
        struct Beyond {
            sku: String,
            requested: i64,
            held: i64,
        }
        let said = refusal.to_string();
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", said),
            Refusal::AlreadyExists => Problem::conflict("already_exists", said),
            Refusal::AlreadyDispatched(id) => {
                Problem::conflict("already_dispatched", said).with("shipment_id", Value::Text(id))
            }
            Refusal::NotDispatched => Problem::conflict("not_dispatched", said),
            Refusal::LabelMissing => Problem::conflict("label_missing", said),
            Refusal::LabelUnderWay => Problem::conflict("label_under_way", said),
            Refusal::LabelExists => Problem::conflict("label_exists", said),
            Refusal::ExceedsShipment { lines } => {
                let beyond = lines.into_iter().map(|(sku, requested, held)| Beyond { sku, requested, held });
                Problem::conflict("exceeds_shipment", said).with_json("lines", &beyond.collect::<Vec<_>>())
            }
            Refusal::NothingLeft => Problem::conflict("nothing_left", said),
            Refusal::Delivered => Problem::conflict("shipment_delivered", said),
            Refusal::Returned => Problem::conflict("shipment_returned", said),
            Refusal::Cancelled => Problem::conflict("shipment_cancelled", said),
            Refusal::TrackingFull => Problem::conflict("tracking_full", said),
        }
    }
}

//! What staff tell parcels, stage by stage: contract to domain.

use runtime::clock::from_wire;
use runtime::desk::Desk;

use super::shipment::{lines_in, shipment_now, sign_in};
use super::zone::unknown_carrier;
use super::{Problem, delivery, v1};
use crate::settings::Settings;
use crate::shipment::{Command, Line, Plan, Refusal, Shipment};
use crate::tracking::{self, Tracked};

pub(crate) fn split(
    desk: &mut Desk<'_>,
    request: &v1::SplitShipmentRequest,
) -> Result<v1::SplitShipmentResponse, Problem> {
    let v1::SplitShipmentRequest { order_id, shipment_id, new_shipment_id, lines } = request.clone();
    must_be_of(desk, &order_id, &shipment_id)?;
    let before = desk.see::<Shipment>(&shipment_id).plan.clone();
    let titled = |line: Line| {
        let title = before.lines.iter().find(|known| known.sku == line.sku).map(|known| known.title.clone());
        Line { title: title.unwrap_or_default(), ..line }
    };
    let lines: Vec<Line> = lines_in(lines).into_iter().map(titled).collect();
    let give = Command::Give { to: new_shipment_id.clone(), lines: lines.clone() };
    desk.tell::<Shipment>(&shipment_id, give)?;
    let (id, tracking_number) = (new_shipment_id.clone(), tracking::number(&new_shipment_id));
    let plan = Plan { id, tracking_number, lines, split_from: Some(shipment_id), ..before };
    if desk.tell::<Shipment>(&plan.id, Command::Plan(Box::new(plan.clone())))? == 0 {
        return Err(Refusal::AlreadyExists.into());
    }
    delivery::extend(desk, plan)?;
    Ok(v1::SplitShipmentResponse { shipment: shipment_now(desk, &new_shipment_id) })
}

pub(crate) fn label(
    desk: &mut Desk<'_>,
    request: &v1::RequestLabelRequest,
) -> Result<v1::RequestLabelResponse, Problem> {
    let carrier = (!request.carrier.is_empty()).then(|| request.carrier.clone());
    if let Some(unknown) = carrier.iter().find(|name| !Settings::current().names().contains(&name.as_str())) {
        return Err(unknown_carrier(unknown));
    }
    let shipment = tell(desk, &request.order_id, &request.shipment_id, Command::Relabel(carrier))?;
    Ok(v1::RequestLabelResponse { shipment })
}

pub(crate) fn dispatch(
    desk: &mut Desk<'_>,
    request: &v1::DispatchShipmentRequest,
) -> Result<v1::DispatchShipmentResponse, Problem> {
    let shipment = tell(desk, &request.order_id, &request.shipment_id, Command::Dispatch)?;
    Ok(v1::DispatchShipmentResponse { shipment })
}

pub(crate) fn accept(
    desk: &mut Desk<'_>,
    request: &v1::AcceptShipmentRequest,
) -> Result<v1::AcceptShipmentResponse, Problem> {
    let shipment = tell(desk, &request.order_id, &request.shipment_id, Command::Accept)?;
    Ok(v1::AcceptShipmentResponse { shipment })
}

pub(crate) fn deliver(
    desk: &mut Desk<'_>,
    request: &v1::DeliverShipmentRequest,
) -> Result<v1::DeliverShipmentResponse, Problem> {
    let shipment = tell(desk, &request.order_id, &request.shipment_id, Command::Deliver)?;
    Ok(v1::DeliverShipmentResponse { shipment })
}

pub(crate) fn come_back(
    desk: &mut Desk<'_>,
    request: &v1::ReturnShipmentRequest,
) -> Result<v1::ReturnShipmentResponse, Problem> {
    let shipment = tell(desk, &request.order_id, &request.shipment_id, Command::Return)?;
    Ok(v1::ReturnShipmentResponse { shipment })
}

pub(crate) fn lose(
    desk: &mut Desk<'_>,
    request: &v1::LoseShipmentRequest,
) -> Result<v1::LoseShipmentResponse, Problem> {
    let shipment = tell(desk, &request.order_id, &request.shipment_id, Command::Lose)?;
    Ok(v1::LoseShipmentResponse { shipment })
}

pub(crate) fn track(
    desk: &mut Desk<'_>,
    request: &v1::RecordTrackingRequest,
) -> Result<v1::RecordTrackingResponse, Problem> {
    let now = desk.facts().now;
    let tracked = Tracked {
        carrier_event_id: request.carrier_event_id.clone(),
        sign: sign_in(request.status()),
        occurred_at: request.occurred_at.as_ref().map_or(now, |at| from_wire(Some(at))),
        place: request.place.clone(),
        detail: request.detail.clone(),
        recorded_at: now,
    };
    let carrier = desk.see::<Shipment>(&request.shipment_id).carrier.clone();
    if !request.carrier.is_empty() && request.carrier != carrier {
        return Err(Refusal::NotFound.into());
    }
    let shipment = tell(desk, &request.order_id, &request.shipment_id, Command::Track(Box::new(tracked)))?;
    Ok(v1::RecordTrackingResponse { shipment })
}

/// Two orders may share a partition; a parcel belongs to one of them.
fn must_be_of(desk: &Desk<'_>, order_id: &str, shipment_id: &str) -> Result<(), Problem> {
    if desk.see::<Shipment>(shipment_id).plan.order_id == order_id { Ok(()) } else { Err(Refusal::NotFound.into()) }
}

fn tell(
    desk: &mut Desk<'_>,
    order_id: &str,
    shipment_id: &str,
    command: Command,
) -> Result<Option<v1::Shipment>, Problem> {
    must_be_of(desk, order_id, shipment_id)?;
    desk.tell::<Shipment>(shipment_id, command)?;
    Ok(shipment_now(desk, shipment_id))
}

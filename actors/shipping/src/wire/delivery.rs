//! Deliveries: contract to domain and back. A parcel and the delivery that it belongs to change in one commit.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};

use super::shipment::{address_in, lines_in, shipment_now, window_shipment};
use super::{Problem, unreadable, v1};
use crate::delivery::{Command, Delivery, Event, Refusal};
use crate::shipment::{self, Plan, Shipment};
use crate::{carriers, tracking, views};

pub(crate) fn create_shipment(
    desk: &mut Desk<'_>,
    request: &v1::CreateShipmentRequest,
) -> Result<v1::CreateShipmentResponse, Problem> {
    let v1::CreateShipmentRequest {
        order_id,
        shipment_id: id,
        user_id,
        warehouse_id,
        reservation_id,
        lines,
        address,
        option_id,
        email,
    } = request.clone();
    // The option as far as this replica has heard: what was paid for is sent, whatever became of its zone.
    let way = views::way(&desk.rows::<views::Zones>(), &option_id);
    let carrier = way.as_ref().map_or_else(|| carriers::table::NAME.to_owned(), |way| way.carrier.clone());
    let plan = Plan {
        id: id.clone(),
        order_id: order_id.clone(),
        user_id: user_id.clone(),
        warehouse_id,
        reservation_id,
        lines: lines_in(lines),
        address: address_in(address),
        option_id,
        carrier,
        days: way.map(|way| (way.min_days, way.max_days)),
        email,
        tracking_number: tracking::number(&id),
        split_from: None,
    };
    extend(desk, plan)?;
    Ok(v1::CreateShipmentResponse { shipment: shipment_now(desk, &id) })
}

/// Plans a parcel and notes it in the delivery.
pub(super) fn extend(desk: &mut Desk<'_>, plan: Plan) -> Result<(), Problem> {
    let (order_id, shipment_id, user_id) = (plan.order_id.clone(), plan.id.clone(), plan.user_id.clone());
    desk.tell::<Delivery>(&order_id.clone(), Command::Extend { order_id, shipment_id, user_id })?;
    desk.tell::<Shipment>(&plan.id.clone(), shipment::Command::Plan(Box::new(plan)))?;
    Ok(())
}

pub(crate) fn cancel_shipments(
    desk: &mut Desk<'_>,
    request: &v1::CancelShipmentsRequest,
) -> Result<v1::CancelShipmentsResponse, Problem> {
    let all = desk.see::<Delivery>(&request.order_id).shipments.clone();
    let asked = match &request.shipment_id {
        Some(id) if !all.contains(id) => return Err(shipment::Refusal::NotFound.into()),
        Some(id) => vec![id.clone()],
        None => all,
    };
    let shipments = stop(desk, &asked, &shipment::Command::Cancel)?;
    Ok(v1::CancelShipmentsResponse { shipments })
}

pub(crate) fn close_delivery(
    desk: &mut Desk<'_>,
    request: &v1::CloseDeliveryRequest,
) -> Result<v1::CloseDeliveryResponse, Problem> {
    let order_id = request.order_id.clone();
    let all = desk.see::<Delivery>(&order_id).shipments.clone();
    desk.tell::<Delivery>(&request.order_id, Command::Close { order_id })?;
    let shipments = stop(desk, &all, &shipment::Command::Stop)?;
    Ok(v1::CloseDeliveryResponse { shipments })
}

/// Tells parcels to stop, and shows those that have.
fn stop(desk: &mut Desk<'_>, ids: &[String], command: &shipment::Command) -> Result<Vec<v1::Shipment>, Problem> {
    for id in ids {
        desk.tell::<Shipment>(id, command.clone())?;
    }
    let stopped = |id: &&String| desk.see::<Shipment>(id).status == shipment::Status::Cancelled;
    Ok(ids.iter().filter(stopped).filter_map(|id| shipment_now(desk, id)).collect())
}

/// The life of a parcel, or of all that is sent for an order, is its owner's to see, like the parcel.
pub(crate) fn may_see_history(window: &Window<'_>, request: &v1::GetHistoryRequest) -> Result<(), Problem> {
    let v1::GetHistoryRequest { order_id, shipment_id, .. } = request.clone();
    if let Some(shipment_id) = shipment_id {
        return super::shipment::get_shipment(window, &v1::GetShipmentRequest { order_id, shipment_id }).map(drop);
    }
    let is_theirs = window.caller().may_touch(&window.see::<Delivery>(&order_id).user_id);
    if is_theirs { Ok(()) } else { Err(shipment::Refusal::NotFound.into()) }
}

/// The parcels of an order; of somebody else's order none, as of one that was never heard of.
pub(crate) fn list_order_shipments(
    window: &Window<'_>,
    request: &v1::ListOrderShipmentsRequest,
) -> Result<v1::ListOrderShipmentsResponse, Problem> {
    let delivery = window.see::<Delivery>(&request.order_id);
    let is_theirs = window.caller().may_touch(&delivery.user_id);
    let ids = delivery.shipments.iter().filter(|_| is_theirs);
    Ok(v1::ListOrderShipmentsResponse { data: ids.filter_map(|id| window_shipment(window, id)).collect() })
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {
            Refusal::Closed => Problem::conflict("order_cancelled", refusal.to_string()),
        }
    }
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        match self.clone() {
            Event::Extended { order_id, shipment_id, user_id, at } => {
                let event = v1::DeliveryExtended { order_id, shipment_id, user_id, at: Some(to_wire(at)) };
                ("delivery.extended", event.encode_to_vec())
            }
            Event::Closed { order_id, at } => {
                ("delivery.closed", v1::DeliveryClosed { order_id, at: Some(to_wire(at)) }.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        match event_type {
            "delivery.extended" => {
                let event = v1::DeliveryExtended::decode(data).map_err(unreadable(event_type))?;
                let v1::DeliveryExtended { order_id, shipment_id, user_id, at } = event;
                Ok(Event::Extended { order_id, shipment_id, user_id, at: from_wire(at.as_ref()) })
            }
            "delivery.closed" => {
                let v1::DeliveryClosed { order_id, at } =
                    v1::DeliveryClosed::decode(data).map_err(unreadable(event_type))?;
                Ok(Event::Closed { order_id, at: from_wire(at.as_ref()) })
            }
            other => Err(Undecodable::new(other, "a delivery has no such event")),
        }
    }
}

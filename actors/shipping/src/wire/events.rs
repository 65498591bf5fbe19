//! Events of shipments: domain to contract and back.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Recorded, Undecodable};

use super::shipment::{address_in, address_out, lines_in, lines_out, sign_in, tracked_out};
use super::{unreadable, v1};
use crate::carriers::{Label, Pretence};
use crate::shipment::{Contents, Event, Leaving, Plan, What};
use crate::tracking::Tracked;

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let Event { id: shipment_id, order_id, user_id, at, what } = self.clone();
        let at = Some(to_wire(at));
        match what {
            What::Planned(plan) => {
                let (min_days, max_days) = plan.days.unzip();
                let event = v1::ShipmentPlanned {
                    shipment_id,
                    order_id,
                    user_id,
                    warehouse_id: plan.warehouse_id,
                    reservation_id: plan.reservation_id,
                    lines: lines_out(&plan.lines),
                    address: Some(address_out(&plan.address)),
                    option_id: plan.option_id,
                    carrier: plan.carrier,
                    min_days,
                    max_days,
                    email: plan.email,
                    split_from: plan.split_from,
                    at,
                    tracking_number: plan.tracking_number,
                };
                ("shipping.planned", event.encode_to_vec())
            }
            What::Gave { to: new_shipment_id, lines } => {
                let lines = lines_out(&lines);
                let event = v1::ShipmentSplit { shipment_id, order_id, user_id, new_shipment_id, lines, at };
                ("shipping.split", event.encode_to_vec())
            }
            What::Relabelling { carrier } => {
                let event = v1::LabelRequested { shipment_id, order_id, user_id, carrier, at };
                ("shipping.label_requested", event.encode_to_vec())
            }
            What::Labelled { carrier, tracking_number, label } => {
                let Label { number: carrier_number, url: carrier_url, pretence } = label;
                let Pretence { dispatch_after_s, accept_after_s, deliver_after_s } = pretence;
                let event = v1::LabelReady {
                    shipment_id,
                    order_id,
                    user_id,
                    carrier,
                    tracking_number,
                    carrier_number,
                    carrier_url,
                    dispatch_after_s,
                    accept_after_s,
                    deliver_after_s,
                    at,
                };
                ("shipping.label_ready", event.encode_to_vec())
            }
            What::NotLabelled { carrier, reason } => {
                let event = v1::LabelRefused { shipment_id, order_id, user_id, carrier, reason, at };
                ("shipping.label_refused", event.encode_to_vec())
            }
            What::Voided(problem) => {
                let event = v1::LabelVoided { shipment_id, order_id, user_id, problem, at };
                ("shipping.label_voided", event.encode_to_vec())
            }
            What::Dispatched(leaving) => {
                let event = v1::ShipmentDispatched { shipment_id, order_id, user_id, at, ..leaving_out(leaving) };
                ("shipping.dispatched", event.encode_to_vec())
            }
            What::Completed(leaving) => {
                // The contract gives both the same fields, and the golden events hold it to that.
                let event = v1::ShipmentDispatched { shipment_id, order_id, user_id, at, ..leaving_out(leaving) };
                ("shipping.completed", event.encode_to_vec())
            }
            What::InTransit => {
                let event = v1::ShipmentInTransit { shipment_id, order_id, user_id, at };
                ("shipment.in_transit", event.encode_to_vec())
            }
            What::Delivered { email } => {
                let event = v1::ShipmentDelivered { shipment_id, order_id, user_id, at, email };
                ("shipment.delivered", event.encode_to_vec())
            }
            What::Returned(Contents { warehouse_id, reservation_id, lines }) => {
                let lines = lines_out(&lines);
                let event =
                    v1::ShipmentReturned { shipment_id, order_id, user_id, warehouse_id, reservation_id, lines, at };
                ("shipment.returned", event.encode_to_vec())
            }
            What::Lost { lines } => {
                let event = v1::ShipmentLost { shipment_id, order_id, user_id, lines: lines_out(&lines), at };
                ("shipment.lost", event.encode_to_vec())
            }
            What::Cancelled { contents: Contents { warehouse_id, reservation_id, lines }, label_owed } => {
                let event = v1::ShipmentCancelled {
                    shipment_id,
                    order_id,
                    user_id,
                    warehouse_id,
                    reservation_id,
                    lines: lines_out(&lines),
                    label_owed,
                    at,
                };
                ("shipping.cancelled", event.encode_to_vec())
            }
            What::Tracked(tracked) => {
                let event = Some(tracked_out(&tracked));
                let event = v1::ShipmentTracked { shipment_id, order_id, user_id, event, at };
                ("shipping.tracked", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        recall(event_type, data)
            .map_err(unreadable(event_type))?
            .ok_or_else(|| Undecodable::new(event_type, "a shipment has no such event"))
    }
}

/// The event in the bytes; `None` when no shipment has events of this type.
fn recall(event_type: &str, data: &[u8]) -> Result<Option<Event>, prost::DecodeError> {
    let (id, order_id, user_id, at, what) = match event_type {
        "shipping.planned" => {
            let event = v1::ShipmentPlanned::decode(data)?;
            let plan = Plan {
                id: event.shipment_id.clone(),
                order_id: event.order_id.clone(),
                user_id: event.user_id.clone(),
                warehouse_id: event.warehouse_id,
                reservation_id: event.reservation_id,
                lines: lines_in(event.lines),
                address: address_in(event.address),
                option_id: event.option_id,
                carrier: event.carrier,
                days: event.min_days.zip(event.max_days),
                email: event.email,
                tracking_number: event.tracking_number,
                split_from: event.split_from,
            };
            (event.shipment_id, event.order_id, event.user_id, event.at, What::Planned(Box::new(plan)))
        }
        "shipping.split" => {
            let v1::ShipmentSplit { shipment_id, order_id, user_id, new_shipment_id: to, lines, at } =
                v1::ShipmentSplit::decode(data)?;
            (shipment_id, order_id, user_id, at, What::Gave { to, lines: lines_in(lines) })
        }
        "shipping.label_requested" => {
            let v1::LabelRequested { shipment_id, order_id, user_id, carrier, at } = v1::LabelRequested::decode(data)?;
            (shipment_id, order_id, user_id, at, What::Relabelling { carrier })
        }
        "shipping.label_ready" => {
            let event = v1::LabelReady::decode(data)?;
            let v1::LabelReady { dispatch_after_s, accept_after_s, deliver_after_s, .. } = event;
            let pretence = Pretence { dispatch_after_s, accept_after_s, deliver_after_s };
            let label = Label { number: event.carrier_number, url: event.carrier_url, pretence };
            let what = What::Labelled { carrier: event.carrier, tracking_number: event.tracking_number, label };
            (event.shipment_id, event.order_id, event.user_id, event.at, what)
        }
        "shipping.label_refused" => {
            let v1::LabelRefused { shipment_id, order_id, user_id, carrier, reason, at } =
                v1::LabelRefused::decode(data)?;
            (shipment_id, order_id, user_id, at, What::NotLabelled { carrier, reason })
        }
        "shipping.label_voided" => {
            let v1::LabelVoided { shipment_id, order_id, user_id, problem, at } = v1::LabelVoided::decode(data)?;
            (shipment_id, order_id, user_id, at, What::Voided(problem))
        }
        "shipping.dispatched" | "shipping.completed" => {
            let event = v1::ShipmentDispatched::decode(data)?;
            let v1::ShipmentDispatched { shipment_id, order_id, user_id, at, .. } = event.clone();
            let leaving = leaving_in(event);
            let is_first = event_type == "shipping.dispatched";
            let what = if is_first { What::Dispatched(leaving) } else { What::Completed(leaving) };
            (shipment_id, order_id, user_id, at, what)
        }
        "shipment.in_transit" => {
            let v1::ShipmentInTransit { shipment_id, order_id, user_id, at } = v1::ShipmentInTransit::decode(data)?;
            (shipment_id, order_id, user_id, at, What::InTransit)
        }
        "shipment.delivered" => {
            let v1::ShipmentDelivered { shipment_id, order_id, user_id, at, email } =
                v1::ShipmentDelivered::decode(data)?;
            (shipment_id, order_id, user_id, at, What::Delivered { email })
        }
        "shipment.returned" => {
            let v1::ShipmentReturned { shipment_id, order_id, user_id, warehouse_id, reservation_id, lines, at } =
                v1::ShipmentReturned::decode(data)?;
            let contents = Contents { warehouse_id, reservation_id, lines: lines_in(lines) };
            (shipment_id, order_id, user_id, at, What::Returned(contents))
        }
        "shipment.lost" => {
            let v1::ShipmentLost { shipment_id, order_id, user_id, lines, at } = v1::ShipmentLost::decode(data)?;
            (shipment_id, order_id, user_id, at, What::Lost { lines: lines_in(lines) })
        }
        "shipping.cancelled" => {
            let event = v1::ShipmentCancelled::decode(data)?;
            let v1::ShipmentCancelled { warehouse_id, reservation_id, label_owed, .. } = event;
            let contents = Contents { warehouse_id, reservation_id, lines: lines_in(event.lines) };
            let what = What::Cancelled { contents, label_owed };
            (event.shipment_id, event.order_id, event.user_id, event.at, what)
        }
        "shipping.tracked" => {
            let v1::ShipmentTracked { shipment_id, order_id, user_id, event, at } = v1::ShipmentTracked::decode(data)?;
            (shipment_id, order_id, user_id, at, What::Tracked(tracked_in(event.unwrap_or_default())))
        }
        _ => return Ok(None),
    };
    Ok(Some(Event { id, order_id, user_id, at: from_wire(at.as_ref()), what }))
}

fn tracked_in(event: v1::TrackingEvent) -> Tracked {
    Tracked {
        sign: sign_in(event.status()),
        carrier_event_id: event.carrier_event_id,
        occurred_at: from_wire(event.occurred_at.as_ref()),
        place: event.place,
        detail: event.detail,
        recorded_at: from_wire(event.recorded_at.as_ref()),
    }
}

/// How a parcel leaves, in an event that does not say yet whose parcel and when.
fn leaving_out(leaving: Leaving) -> v1::ShipmentDispatched {
    let Leaving { contents, carrier, tracking_number, carrier_number, carrier_url, email } = leaving;
    let Contents { warehouse_id, reservation_id, lines } = contents;
    v1::ShipmentDispatched {
        warehouse_id,
        reservation_id,
        lines: lines_out(&lines),
        carrier,
        tracking_number,
        email,
        carrier_number,
        carrier_url,
        ..v1::ShipmentDispatched::default()
    }
}

fn leaving_in(event: v1::ShipmentDispatched) -> Leaving {
    let v1::ShipmentDispatched { warehouse_id, reservation_id, lines, .. } = event;
    Leaving {
        contents: Contents { warehouse_id, reservation_id, lines: lines_in(lines) },
        carrier: event.carrier,
        tracking_number: event.tracking_number,
        carrier_number: event.carrier_number,
        carrier_url: event.carrier_url,
        email: event.email,
    }
}

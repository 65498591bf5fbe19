//! Events of orders: domain to contract and back.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Recorded, Undecodable};

use super::deal::{
    action_in, action_out, address_in, address_out, allotments_in, allotments_out, awaited_in, awaited_lines_in,
    awaited_lines_out, awaited_out, choice_in, choice_out, created_in, created_out, item_in, item_out, lines, money,
    paid_in, paid_out, say, shares_in, shares_out, some, units,
};
use super::show::{kind_in, kind_out, parcel_in, parcel_out, status_in, status_out, step_in, step_out};
use super::{Trouble, unreadable, v1};
use crate::order::event::{Addition, Confirmation};
use crate::order::{Event, What};

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let Event { order_id, at: when, what } = self.clone();
        let at = Some(to_wire(when));
        match what {
            What::Created(deal) => ("order.created", created_out(&deal, when).encode_to_vec()),
            What::StepDone { step, of } => {
                ("order.step_done", v1::StepDone { order_id, step: step_out(step).into(), of, at }.encode_to_vec())
            }
            What::StepFailed { step, of, problem } => {
                let problem = Some(problem.problem().clone());
                let event = v1::StepFailed { order_id, step: step_out(step).into(), of, problem, at };
                ("order.step_failed", event.encode_to_vec())
            }
            What::StepUndone { step, by, of } => {
                let (step, compensation) = (step_out(step).into(), step_out(by).into());
                ("order.step_undone", v1::StepUndone { order_id, step, compensation, of, at }.encode_to_vec())
            }
            What::Allocated { round, parts } => {
                let event = v1::OrderAllocated { order_id, round, parts: allotments_out(&parts), at };
                ("order.allocated", event.encode_to_vec())
            }
            What::Backordered { reservation_id, waiting } => {
                let event = v1::OrderBackordered { order_id, reservation_id, lines: awaited_out(&waiting), at };
                ("order.backordered", event.encode_to_vec())
            }
            What::BackorderFilled { user_id, reservation_id, units, status, number } => {
                let (lines, status) = (lines(&units), status_out(status).into());
                let event = v1::OrderBackorderFilled { order_id, user_id, reservation_id, lines, status, number, at };
                ("order.backorder_filled", event.encode_to_vec())
            }
            What::PaymentRequested { payment_id, amount } => {
                let event = v1::PaymentRequested { order_id, payment_id, amount: say(amount), at };
                ("order.payment_requested", event.encode_to_vec())
            }
            What::PaymentInReview { payment_id } => {
                ("order.payment_in_review", v1::PaymentInReview { order_id, payment_id, at }.encode_to_vec())
            }
            What::ActionRequired { payment_id, action } => {
                let next_action = Some(action_out(&action));
                let event = v1::ActionRequired { order_id, payment_id, next_action, at };
                ("order.action_required", event.encode_to_vec())
            }
            What::PaymentAuthorized { payment_id, amount } => {
                let event = v1::PaymentAuthorized { order_id, payment_id, amount: say(amount), at };
                ("order.payment_authorized", event.encode_to_vec())
            }
            What::PaymentCaptured { payment_id, amount } => {
                let event = v1::PaymentCaptured { order_id, payment_id, amount: say(amount), at };
                ("order.payment_captured", event.encode_to_vec())
            }
            What::Confirmed(confirmation) => {
                let Confirmation { user_id, email, total, parts, ship_to, option, awaited } = *confirmation;
                let event = v1::OrderConfirmed {
                    order_id,
                    user_id,
                    email,
                    status: v1::OrderStatus::Confirmed.into(),
                    total_amount: say(total),
                    parts: allotments_out(&parts),
                    ship_to: address_out(&ship_to),
                    shipping_option: option.as_ref().map(choice_out),
                    at,
                    awaited: awaited_lines_out(&awaited),
                };
                ("order.confirmed", event.encode_to_vec())
            }
            What::Paid(bill) => ("order.paid", paid_out(&order_id, &bill, when).encode_to_vec()),
            What::ParcelUpdated { shipment_id, state, carrier, tracking_number } => {
                let status = parcel_out(state).into();
                let event = v1::ParcelUpdated { order_id, shipment_id, status, carrier, tracking_number, at };
                ("order.parcel_updated", event.encode_to_vec())
            }
            What::ParcelSplit { shipment_id, new_shipment_id, lines: over } => {
                let event = v1::ParcelSplit { order_id, shipment_id, new_shipment_id, lines: lines(&over), at };
                ("order.parcel_split", event.encode_to_vec())
            }
            What::Completed { user_id, amount } => {
                let event = v1::OrderCompleted { order_id, user_id, total_amount: say(amount), at };
                ("order.completed", event.encode_to_vec())
            }
            What::Updated { user_id, status, reason } => {
                let event = v1::OrderUpdated { order_id, user_id, status: status_out(status).into(), reason, at };
                ("order.updated", event.encode_to_vec())
            }
            What::CancelBegan { user_id, reason, problem, awaits } => {
                let problem = problem.map(|trouble| trouble.problem().clone());
                let event = v1::CancelBegan { order_id, user_id, reason, problem, awaits, at };
                ("order.cancel_began", event.encode_to_vec())
            }
            What::CancelRefused { user_id, shipment_ids } => {
                let event = v1::CancelRefused { order_id, user_id, shipment_ids, at };
                ("order.cancel_refused", event.encode_to_vec())
            }
            What::Cancelled { user_id, email, reason, payment_id, parts } => {
                let parts = allotments_out(&parts);
                let event = v1::OrderCancelled { order_id, user_id, email, reason, payment_id, parts, at };
                ("order.cancelled", event.encode_to_vec())
            }
            What::LatePayment { payment_id, number, amount, captured } => {
                let event = v1::LatePayment { order_id, payment_id, number, amount: say(amount), captured, at };
                ("order.late_payment", event.encode_to_vec())
            }
            What::Refunded { payment_id, refund_id, amount } => {
                let event = v1::OrderRefunded { order_id, payment_id, refund_id, amount: say(amount), at };
                ("order.refunded", event.encode_to_vec())
            }
            What::Stuck { step, of, reason, detail } => {
                let event = v1::OrderStuck { order_id, step: step_out(step).into(), of, reason, detail, at };
                ("order.stuck", event.encode_to_vec())
            }
            What::Retried { tries } => ("order.retried", v1::OrderRetried { order_id, tries, at }.encode_to_vec()),
            What::ReductionBegan { number, refund_id, units, parts, amount, shares, reason } => {
                let event = v1::ReductionBegan {
                    order_id,
                    reduction: number,
                    refund_id,
                    lines: lines(&units),
                    parts: allotments_out(&parts),
                    amount: say(amount),
                    reason,
                    at,
                    shares: shares_out(&shares),
                };
                ("order.reduction_began", event.encode_to_vec())
            }
            What::Reduced { user_id, number: reduction, units, amount } => {
                let (lines, amount) = (lines(&units), say(amount));
                ("order.reduced", v1::OrderReduced { order_id, user_id, reduction, lines, amount, at }.encode_to_vec())
            }
            What::ReductionRefused { number: reduction, shipment_id } => {
                let event = v1::ReductionRefused { order_id, reduction, shipment_id, at };
                ("order.reduction_refused", event.encode_to_vec())
            }
            What::ReturnOpened { return_id, units, amendment_id } => {
                let amendment_id = some(&amendment_id);
                let event = v1::ReturnOpened { order_id, return_id, lines: lines(&units), at, amendment_id };
                ("order.return_opened", event.encode_to_vec())
            }
            What::ReturnClosed { return_id, units, amount, refund_id, shares } => {
                let (lines, amount, shares) = (lines(&units), say(amount), shares_out(&shares));
                let event = v1::ReturnClosed { order_id, return_id, lines, amount, refund_id, at, shares };
                ("order.return_closed", event.encode_to_vec())
            }
            What::AmendmentOpened { amendment_id, return_id, payment_id, removed } => {
                let removed = lines(&removed);
                let event = v1::AmendmentOpened { order_id, amendment_id, return_id, payment_id, removed, at };
                ("order.amendment_opened", event.encode_to_vec())
            }
            What::AmendmentClosed { amendment_id } => {
                ("order.amendment_closed", v1::AmendmentClosed { order_id, amendment_id, at }.encode_to_vec())
            }
            What::Amended(added) => {
                let event = v1::OrderAmended {
                    order_id,
                    user_id: added.user_id,
                    amendment_id: added.amendment_id,
                    kind: kind_out(added.kind).into(),
                    items: added.lines.iter().map(item_out).collect(),
                    parts: allotments_out(&added.parts),
                    amount: say(added.amount),
                    subtotal: say(added.subtotal),
                    discount_total: say(added.discount_total),
                    tax_total: say(added.tax_total),
                    credited: say(added.credited),
                    payment_id: added.payment_id,
                    captured: say(added.captured),
                    at,
                };
                ("order.amended", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        let unreadable = unreadable(event_type);
        /// Decodes an event, and makes one of the domain's of what it says.
        macro_rules! read {
            ($Message:ident, |$said:ident| $what:expr) => {{
                let $said = v1::$Message::decode(data).map_err(unreadable)?;
                let at = from_wire($said.at.as_ref());
                let order_id = $said.order_id.clone();
                Ok(Event { order_id, at, what: $what })
            }};
        }
        match event_type {
            "order.created" => read!(OrderCreated, |said| What::Created(Box::new(created_in(said)))),
            "order.step_done" => read!(StepDone, |said| What::StepDone { step: step_in(said.step()), of: said.of }),
            "order.step_failed" => read!(StepFailed, |said| What::StepFailed {
                step: step_in(said.step()),
                of: said.of,
                problem: Trouble::of(said.problem.unwrap_or_default()),
            }),
            "order.step_undone" => read!(StepUndone, |said| What::StepUndone {
                step: step_in(said.step()),
                by: step_in(said.compensation()),
                of: said.of,
            }),
            "order.allocated" => {
                read!(OrderAllocated, |said| What::Allocated { round: said.round, parts: allotments_in(&said.parts) })
            }
            "order.backordered" => read!(OrderBackordered, |said| What::Backordered {
                waiting: awaited_in(&said.lines),
                reservation_id: said.reservation_id,
            }),
            "order.backorder_filled" => read!(OrderBackorderFilled, |said| What::BackorderFilled {
                units: units(&said.lines),
                status: status_in(said.status()),
                user_id: said.user_id,
                reservation_id: said.reservation_id,
                number: said.number,
            }),
            "order.payment_requested" => read!(PaymentRequested, |said| What::PaymentRequested {
                payment_id: said.payment_id,
                amount: money(said.amount.as_ref()),
            }),
            "order.payment_in_review" => {
                read!(PaymentInReview, |said| What::PaymentInReview { payment_id: said.payment_id })
            }
            "order.action_required" => read!(ActionRequired, |said| What::ActionRequired {
                action: action_in(said.next_action.as_ref()),
                payment_id: said.payment_id,
            }),
            "order.payment_authorized" => read!(PaymentAuthorized, |said| What::PaymentAuthorized {
                amount: money(said.amount.as_ref()),
                payment_id: said.payment_id,
            }),
            "order.payment_captured" => read!(PaymentCaptured, |said| What::PaymentCaptured {
                amount: money(said.amount.as_ref()),
                payment_id: said.payment_id,
            }),
            "order.confirmed" => read!(OrderConfirmed, |said| What::Confirmed(Box::new(Confirmation {
                total: money(said.total_amount.as_ref()),
                parts: allotments_in(&said.parts),
                ship_to: address_in(said.ship_to.as_ref()),
                option: said.shipping_option.as_ref().map(choice_in),
                awaited: awaited_lines_in(said.awaited.as_ref()),
                user_id: said.user_id,
                email: said.email,
            }))),
            "order.paid" => read!(OrderPaid, |said| What::Paid(Box::new(paid_in(&said)))),
            "order.parcel_updated" => read!(ParcelUpdated, |said| What::ParcelUpdated {
                state: parcel_in(said.status()),
                shipment_id: said.shipment_id,
                carrier: said.carrier,
                tracking_number: said.tracking_number,
            }),
            "order.parcel_split" => read!(ParcelSplit, |said| What::ParcelSplit {
                lines: units(&said.lines),
                shipment_id: said.shipment_id,
                new_shipment_id: said.new_shipment_id,
            }),
            "order.completed" => read!(OrderCompleted, |said| What::Completed {
                amount: money(said.total_amount.as_ref()),
                user_id: said.user_id,
            }),
            "order.updated" => read!(OrderUpdated, |said| What::Updated {
                status: status_in(said.status()),
                user_id: said.user_id,
                reason: said.reason,
            }),
            "order.cancel_began" => read!(CancelBegan, |said| What::CancelBegan {
                user_id: said.user_id,
                reason: said.reason,
                problem: said.problem.map(Trouble::of),
                awaits: said.awaits,
            }),
            "order.cancel_refused" => read!(CancelRefused, |said| What::CancelRefused {
                user_id: said.user_id,
                shipment_ids: said.shipment_ids,
            }),
            "order.cancelled" => read!(OrderCancelled, |said| What::Cancelled {
                parts: allotments_in(&said.parts),
                user_id: said.user_id,
                email: said.email,
                reason: said.reason,
                payment_id: said.payment_id,
            }),
            "order.late_payment" => read!(LatePayment, |said| What::LatePayment {
                amount: money(said.amount.as_ref()),
                payment_id: said.payment_id,
                number: said.number,
                captured: said.captured,
            }),
            "order.refunded" => read!(OrderRefunded, |said| What::Refunded {
                amount: money(said.amount.as_ref()),
                payment_id: said.payment_id,
                refund_id: said.refund_id,
            }),
            "order.stuck" => read!(OrderStuck, |said| What::Stuck {
                step: step_in(said.step()),
                of: said.of,
                reason: said.reason,
                detail: said.detail,
            }),
            "order.retried" => read!(OrderRetried, |said| What::Retried { tries: said.tries }),
            "order.reduction_began" => read!(ReductionBegan, |said| What::ReductionBegan {
                units: units(&said.lines),
                parts: allotments_in(&said.parts),
                amount: money(said.amount.as_ref()),
                shares: shares_in(said.shares.as_ref()),
                number: said.reduction,
                refund_id: said.refund_id,
                reason: said.reason,
            }),
            "order.reduced" => read!(OrderReduced, |said| What::Reduced {
                units: units(&said.lines),
                amount: money(said.amount.as_ref()),
                user_id: said.user_id,
                number: said.reduction,
            }),
            "order.reduction_refused" => read!(ReductionRefused, |said| What::ReductionRefused {
                number: said.reduction,
                shipment_id: said.shipment_id,
            }),
            "order.return_opened" => read!(ReturnOpened, |said| What::ReturnOpened {
                units: units(&said.lines),
                return_id: said.return_id,
                amendment_id: said.amendment_id.unwrap_or_default(),
            }),
            "order.return_closed" => read!(ReturnClosed, |said| What::ReturnClosed {
                units: units(&said.lines),
                amount: money(said.amount.as_ref()),
                shares: shares_in(said.shares.as_ref()),
                return_id: said.return_id,
                refund_id: said.refund_id,
            }),
            "order.amendment_opened" => read!(AmendmentOpened, |said| What::AmendmentOpened {
                removed: units(&said.removed),
                amendment_id: said.amendment_id,
                return_id: said.return_id,
                payment_id: said.payment_id,
            }),
            "order.amendment_closed" => {
                read!(AmendmentClosed, |said| What::AmendmentClosed { amendment_id: said.amendment_id })
            }
            "order.amended" => read!(OrderAmended, |said| What::Amended(Box::new(Addition {
                kind: kind_in(said.kind()),
                lines: said.items.iter().map(item_in).collect(),
                parts: allotments_in(&said.parts),
                amount: money(said.amount.as_ref()),
                subtotal: money(said.subtotal.as_ref()),
                discount_total: money(said.discount_total.as_ref()),
                tax_total: money(said.tax_total.as_ref()),
                credited: money(said.credited.as_ref()),
                captured: money(said.captured.as_ref()),
                user_id: said.user_id,
                amendment_id: said.amendment_id,
                payment_id: said.payment_id,
            }))),
            other => Err(Undecodable::new(other, "an order has no such event")),
        }
    }
}

//! Events of amendments: domain to contract and back.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Recorded, Undecodable};

use super::deal::{
    action_in, action_out, allotments_in, allotments_out, item_in, item_out, lines, method_in, method_out, money, say,
    units,
};
use super::show::{kind_in, kind_out, step_in, step_out};
use super::{Trouble, unreadable, v1};
use crate::amendment::{Event, Terms, What};

fn requested_out(terms: Terms) -> v1::AmendmentRequested {
    v1::AmendmentRequested {
        kind: kind_out(terms.kind).into(),
        items: terms.lines.iter().map(item_out).collect(),
        parts: allotments_out(&terms.parts),
        removed: lines(&terms.removed),
        added_amount: say(terms.added),
        subtotal: say(terms.subtotal),
        discount_total: say(terms.discount_total),
        tax_total: say(terms.tax_total),
        removed_amount: say(terms.worth),
        payment_method: method_out(&terms.method),
        expires_at: Some(to_wire(terms.expires_at)),
        amendment_id: terms.amendment_id,
        order_id: terms.order_id,
        user_id: terms.user_id,
        return_id: terms.return_id,
        payment_id: terms.payment_id,
        at: None,
    }
}

fn requested_in(said: v1::AmendmentRequested) -> Terms {
    Terms {
        kind: kind_in(said.kind()),
        lines: said.items.iter().map(item_in).collect(),
        parts: allotments_in(&said.parts),
        removed: units(&said.removed),
        added: money(said.added_amount.as_ref()),
        subtotal: money(said.subtotal.as_ref()),
        discount_total: money(said.discount_total.as_ref()),
        tax_total: money(said.tax_total.as_ref()),
        worth: money(said.removed_amount.as_ref()),
        method: method_in(said.payment_method.as_ref()),
        expires_at: from_wire(said.expires_at.as_ref()),
        amendment_id: said.amendment_id,
        order_id: said.order_id,
        user_id: said.user_id,
        return_id: said.return_id,
        payment_id: said.payment_id,
    }
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let Event { amendment_id, order_id, user_id, at, what } = self.clone();
        let at = Some(to_wire(at));
        match what {
            What::Requested(terms) => {
                let event = v1::AmendmentRequested { at, ..requested_out(*terms) };
                ("amendment.requested", event.encode_to_vec())
            }
            What::StepDone { step, of } => {
                let step = step_out(step).into();
                let event = v1::AmendmentStepDone { amendment_id, order_id, step, of, at };
                ("amendment.step_done", event.encode_to_vec())
            }
            What::StepFailed { step, of, problem } => {
                let (step, problem) = (step_out(step).into(), Some(problem.problem().clone()));
                let event = v1::AmendmentStepFailed { amendment_id, order_id, step, of, problem, at };
                ("amendment.step_failed", event.encode_to_vec())
            }
            What::StepUndone { step, by, of } => {
                let (step, compensation) = (step_out(step).into(), step_out(by).into());
                let event = v1::AmendmentStepUndone { amendment_id, order_id, step, compensation, of, at };
                ("amendment.step_undone", event.encode_to_vec())
            }
            What::PaymentRequested { payment_id, amount } => {
                let amount = say(amount);
                let event = v1::AmendmentPaymentRequested { amendment_id, order_id, payment_id, amount, at };
                ("amendment.payment_requested", event.encode_to_vec())
            }
            What::ActionRequired { payment_id, action } => {
                let next_action = Some(action_out(&action));
                let event =
                    v1::AmendmentActionRequired { amendment_id, order_id, user_id, payment_id, next_action, at };
                ("amendment.action_required", event.encode_to_vec())
            }
            What::Paid { payment_id, amount } => {
                let amount = say(amount);
                let event = v1::AmendmentPaid { amendment_id, order_id, user_id, payment_id, amount, at };
                ("amendment.paid", event.encode_to_vec())
            }
            What::Refunded { payment_id, refund_id, amount } => {
                let amount = say(amount);
                let event = v1::AmendmentRefunded { amendment_id, order_id, payment_id, refund_id, amount, at };
                ("amendment.refunded", event.encode_to_vec())
            }
            What::Ready { kind } => {
                let kind = kind_out(kind).into();
                let event = v1::AmendmentReady { amendment_id, order_id, user_id, kind, at };
                ("amendment.ready", event.encode_to_vec())
            }
            What::Applied => {
                let event = v1::AmendmentApplied { amendment_id, order_id, user_id, at };
                ("amendment.applied", event.encode_to_vec())
            }
            What::CancelBegan { reason, problem, awaits } => {
                let problem = problem.map(|trouble| trouble.problem().clone());
                let event = v1::AmendmentCancelBegan { amendment_id, order_id, user_id, reason, problem, awaits, at };
                ("amendment.cancel_began", event.encode_to_vec())
            }
            What::Cancelled { reason } => {
                let event = v1::AmendmentCancelled { amendment_id, order_id, user_id, reason, at };
                ("amendment.cancelled", event.encode_to_vec())
            }
            What::Stuck { step, of, reason, detail } => {
                let step = step_out(step).into();
                let event = v1::AmendmentStuck { amendment_id, order_id, step, of, reason, detail, at };
                ("amendment.stuck", event.encode_to_vec())
            }
            What::Retried { tries } => {
                let event = v1::AmendmentRetried { amendment_id, order_id, tries, at };
                ("amendment.retried", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        let unreadable = unreadable(event_type);
        /// Decodes an event, and makes one of the domain's of what it says. Those that others care for say whose it is.
        macro_rules! read {
            ($Message:ident, |$said:ident| $what:expr) => {
                read!(@ $Message, $said, String::new(), $what)
            };
            ($Message:ident, owned |$said:ident| $what:expr) => {
                read!(@ $Message, $said, $said.user_id.clone(), $what)
            };
            (@ $Message:ident, $said:ident, $user_id:expr, $what:expr) => {{
                let $said = v1::$Message::decode(data).map_err(unreadable)?;
                let (at, user_id) = (from_wire($said.at.as_ref()), $user_id);
                let (amendment_id, order_id) = ($said.amendment_id.clone(), $said.order_id.clone());
                Ok(Event { amendment_id, order_id, user_id, at, what: $what })
            }};
        }
        match event_type {
            "amendment.requested" => {
                read!(AmendmentRequested, owned | said | What::Requested(Box::new(requested_in(said))))
            }
            "amendment.step_done" => {
                read!(AmendmentStepDone, |said| What::StepDone { step: step_in(said.step()), of: said.of })
            }
            "amendment.step_failed" => read!(AmendmentStepFailed, |said| What::StepFailed {
                step: step_in(said.step()),
                of: said.of,
                problem: Trouble::of(said.problem.unwrap_or_default()),
            }),
            "amendment.step_undone" => read!(AmendmentStepUndone, |said| What::StepUndone {
                step: step_in(said.step()),
                by: step_in(said.compensation()),
                of: said.of,
            }),
            "amendment.payment_requested" => read!(AmendmentPaymentRequested, |said| What::PaymentRequested {
                amount: money(said.amount.as_ref()),
                payment_id: said.payment_id,
            }),
            "amendment.action_required" => read!(
                AmendmentActionRequired,
                owned
                    | said
                    | What::ActionRequired {
                        action: action_in(said.next_action.as_ref()),
                        payment_id: said.payment_id,
                    }
            ),
            "amendment.paid" => read!(
                AmendmentPaid,
                owned | said | What::Paid { amount: money(said.amount.as_ref()), payment_id: said.payment_id }
            ),
            "amendment.refunded" => read!(AmendmentRefunded, |said| What::Refunded {
                amount: money(said.amount.as_ref()),
                payment_id: said.payment_id,
                refund_id: said.refund_id,
            }),
            "amendment.ready" => read!(AmendmentReady, owned | said | What::Ready { kind: kind_in(said.kind()) }),
            "amendment.applied" => read!(AmendmentApplied, owned | said | What::Applied),
            "amendment.cancel_began" => read!(
                AmendmentCancelBegan,
                owned
                    | said
                    | What::CancelBegan {
                        reason: said.reason,
                        problem: said.problem.map(Trouble::of),
                        awaits: said.awaits,
                    }
            ),
            "amendment.cancelled" => read!(AmendmentCancelled, owned | said | What::Cancelled { reason: said.reason }),
            "amendment.stuck" => read!(AmendmentStuck, |said| What::Stuck {
                step: step_in(said.step()),
                of: said.of,
                reason: said.reason,
                detail: said.detail,
            }),
            "amendment.retried" => read!(AmendmentRetried, |said| What::Retried { tries: said.tries }),
            other => Err(Undecodable::new(other, "an amendment has no such event")),
        }
    }
}

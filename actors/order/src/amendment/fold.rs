//! How an amendment changes with what happened to it. No rules here: what was decided once must fold for ever.

use super::{Asked, Event, Pay, Stage, Undo, What};
use crate::order::event::Step;
use crate::order::placed::{Stock, Stuck};
use crate::wire::Money;

/// As it was asked for; `None` when that is not what happened.
pub(super) fn asked(event: &Event) -> Option<Asked> {
    let What::Requested(terms) = &event.what else { return None };
    let terms = (**terms).clone();
    Some(Asked {
        stage: Stage::Arranging,
        stock: terms.parts.iter().map(|part| (part.reservation_id.clone(), Stock::Planned)).collect(),
        pay: if terms.payment_id.is_empty() { Pay::Free } else { Pay::Unasked },
        captured: terms.nothing(),
        refunds: Default::default(),
        trouble: None,
        stuck: None,
        tries: 0,
        created_at: event.at,
        updated_at: event.at,
        terms,
    })
}

impl Asked {
    pub(super) fn fold(&mut self, event: &Event) {
        self.updated_at = event.at;
        match event.what.clone() {
            What::Requested(_) => {}
            What::StepDone { step, of } => self.fold_done(step, &of),
            What::StepFailed { step, of, problem } => {
                match step {
                    Step::ReserveItems | Step::ConfirmItems => self.fold_stock(&of, Stock::Missed),
                    Step::ProcessPayment => self.pay = Pay::Failed,
                    _ => {}
                }
                self.trouble = Some(problem);
            }
            What::StepUndone { step, by, of } => {
                match step {
                    Step::ReserveItems => self.fold_stock(&of, Stock::Released),
                    Step::ProcessPayment => self.pay = Pay::Undone,
                    _ => {}
                }
                self.stuck = self.stuck.take().filter(|stuck| (stuck.step, &stuck.of) != (by, &of));
            }
            What::PaymentRequested { .. } => self.pay = Pay::Requested,
            What::ActionRequired { action, .. } => self.pay = Pay::ActionRequired(action),
            What::Paid { amount, .. } => {
                self.captured = amount;
                self.pay = Pay::Captured;
            }
            What::Refunded { refund_id, amount, .. } => drop(self.refunds.insert(refund_id, amount)),
            What::Ready { .. } => self.stage = Stage::Ready,
            What::Applied => {
                self.stage = Stage::Applied;
                self.stuck = None;
            }
            What::CancelBegan { reason, problem, awaits } => {
                self.stuck = None;
                self.trouble = problem;
                self.stage = Stage::Cancelling(Undo { reason, awaits: awaits.into_iter().collect() });
            }
            What::Cancelled { .. } => {
                if let Stage::Cancelling(undo) = &self.stage {
                    self.stage = Stage::Cancelled(undo.clone());
                }
                self.stuck = None;
            }
            What::Stuck { step, of, reason, detail } => {
                self.stuck = Some(Stuck { step, of, reason, detail, at: event.at });
            }
            What::Retried { tries } => {
                self.tries = tries;
                self.stuck = None;
            }
        }
    }

    fn fold_done(&mut self, step: Step, of: &str) {
        match step {
            Step::ReserveItems => self.fold_stock(of, Stock::Held),
            Step::ConfirmItems => self.fold_stock(of, Stock::Firm),
            _ => {}
        }
    }

    fn fold_stock(&mut self, reservation_id: &str, stock: Stock) {
        if let Stage::Cancelling(undo) = &mut self.stage {
            undo.awaits.remove(reservation_id);
        }
        self.stock.entry(reservation_id.to_owned()).and_modify(|now| *now = stock);
    }

    /// What went back. Sums of parts of one charge overflow no more than the charge does.
    pub(super) fn refunded(&self) -> Money {
        Money::sum(self.captured.currency(), self.refunds.values().copied()).unwrap_or(self.terms.nothing())
    }
}

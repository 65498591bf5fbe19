//! Money that goes back: partly, many times, and never more than was taken.

use jiff::Timestamp;

use super::{Event, Open, REFUNDS_MAX, RefundStatus, Refusal, Stage, What};
use crate::provider::RefundTold;
use crate::wire::{self, Money};

impl Open {
    pub(super) fn refund(
        &self,
        id: String,
        amount: Option<Money>,
        reason: String,
        at: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        let Stage::Captured { refunds, .. } = &self.stage else {
            return Err(Refusal::NotCaptured(self.status()));
        };
        if let Some(refund) = refunds.iter().find(|refund| refund.id == id) {
            let same = amount.is_none_or(|amount| amount == refund.amount);
            return if same { Ok(vec![]) } else { Err(Refusal::RefundExists) };
        }
        if refunds.len() >= REFUNDS_MAX {
            return Err(Refusal::TooManyRefunds);
        }
        let left = self.refundable();
        let amount = amount.unwrap_or(left);
        let fits = left.minus(amount).is_ok_and(|rest| !rest.is_negative()) && amount.amount() > 0;
        if !fits {
            return Err(Refusal::ExceedsRefundable(left));
        }
        Ok(vec![self.event(at, What::RefundRequested { id, amount, reason, closing: false })])
    }

    /// All that is left goes back, if anything is.
    pub(super) fn rest(&self, reason: String, at: Timestamp) -> Option<Event> {
        let left = self.refundable();
        (left.amount() > 0).then(|| self.refund_requested(self.refunds().len(), left, reason, true, at))
    }

    /// A refund that the payment itself asks for. Its id is made of the payment's and of how many there were before.
    pub(super) fn refund_requested(
        &self,
        before: usize,
        amount: Money,
        reason: String,
        closing: bool,
        at: Timestamp,
    ) -> Event {
        let id = wire::refund_id(&self.terms.id, before);
        self.event(at, What::RefundRequested { id, amount, reason, closing })
    }

    pub(super) fn refund_told(&self, id: &str, told: RefundTold, at: Timestamp) -> Vec<Event> {
        let Stage::Captured { closing, .. } = &self.stage else { return vec![] };
        let pending = |refund: &&super::Refund| refund.id == id && refund.status == RefundStatus::Pending;
        let Some(refund) = self.refunds().iter().find(pending) else { return vec![] };
        let (id, amount) = (refund.id.clone(), refund.amount);
        match told {
            RefundTold::Done { reference } => {
                vec![self.event(at, What::RefundProcessed { id, amount, reference })]
            }
            RefundTold::Refused(reason) => {
                let mut events = vec![self.event(at, What::RefundFailed { id, amount, reason })];
                // Of a payment that was given up nothing may stay; but what was refused as such is not asked for again
                // and again: a person has to see to it.
                if let Some(why) = closing.clone().filter(|_| !refund.closing) {
                    let left = self.refundable().plus(amount).unwrap_or(amount);
                    events.push(self.refund_requested(self.refunds().len(), left, why, true, at));
                }
                events
            }
        }
    }
}

//! How events change a payment. No rules: whatever was decided once folds for ever.

use super::{Event, Inquiry, Open, Payment, Refund, RefundStatus, Stage, Terms, What};

pub(super) fn fold(payment: &mut Payment, event: &Event) {
    if let What::Initiated(amount) = &event.what {
        let Event { id, order_id, user_id, at, .. } = event.clone();
        *payment = Payment::Open(Box::new(Open {
            terms: Terms { id, order_id, user_id, amount: *amount },
            means: None,
            reference: None,
            stage: Stage::Initiated,
            approvals: 0,
            suspicion: None,
            inquiries: 0,
            inquiry: None,
            heard: Vec::new(),
            created_at: at,
            updated_at: at,
        }));
        return;
    }
    match payment {
        Payment::Open(open) => open.fold(event),
        Payment::Unknown | Payment::Barred => {
            if matches!(event.what, What::Voided(_)) {
                *payment = Payment::Barred;
            }
        }
    }
}

impl Open {
    fn fold(&mut self, event: &Event) {
        let since = event.at;
        self.updated_at = event.at;
        match event.what.clone() {
            What::Initiated(_) => {}
            What::Submitted(means) => {
                // It was said before how to pay: the provider is asked to go on.
                self.approvals += u32::from(self.means.is_some());
                self.means = Some(means);
                self.stage = Stage::Authorising { since, cancel: None };
            }
            What::Suspected(_, suspicion, means) => {
                self.means = Some(means);
                self.suspicion = Some(suspicion);
                self.stage = Stage::InReview;
            }
            What::Cleared(_) => self.stage = Stage::Authorising { since, cancel: None },
            What::ActionRequired { url, reference } => {
                self.reference = Some(reference);
                self.stage = Stage::RequiresAction { url, since };
            }
            What::Inquired { number, reference, news } => {
                self.inquiries = number;
                self.heard.extend(Some(news).filter(|news| !news.is_empty()));
                self.inquiry = Some(Inquiry { number, reference, since });
            }
            What::Authorised { amount, reference } => {
                self.reference = Some(reference);
                self.stage = Stage::Authorised { held: amount };
            }
            What::CaptureRequested(amount) => {
                let held = match &self.stage {
                    Stage::Authorised { held } => *held,
                    _ => amount,
                };
                self.stage = Stage::Capturing { held, amount, since, cancel: None };
            }
            What::Completed { amount, reference } => {
                self.reference = Some(reference);
                self.inquiry = None;
                self.stage = Stage::Captured { captured: amount, refunds: Vec::new(), closing: None };
            }
            What::Failed { failure, releasing: true } => {
                self.stage = Stage::Voiding { since, reason: String::new(), failed: Some(failure) };
            }
            What::Failed { failure, releasing: false } => {
                self.inquiry = None;
                self.stage = Stage::Failed(failure);
            }
            What::CancelRequested(why) => match &mut self.stage {
                Stage::Authorising { cancel, .. } | Stage::Capturing { cancel, .. } => *cancel = Some(why),
                Stage::Captured { closing, .. } => *closing = Some(why),
                _ => {}
            },
            What::VoidRequested { reason, reference } => {
                self.reference = Some(reference);
                if !matches!(self.stage, Stage::Voiding { .. }) {
                    self.stage = Stage::Voiding { since, reason, failed: None };
                }
            }
            What::Voided(reason) => {
                self.inquiry = None;
                self.stage = match std::mem::replace(&mut self.stage, Stage::Initiated) {
                    Stage::Voiding { failed: Some(failure), .. } => Stage::Failed(failure),
                    _ => Stage::Voided { reason },
                };
            }
            What::RefundRequested { id, amount, reason, closing } => {
                let status = RefundStatus::Pending;
                let refund = Refund { id, amount, reason, closing, status, created_at: since, updated_at: since };
                if let Stage::Captured { refunds, .. } = &mut self.stage {
                    refunds.push(refund);
                }
            }
            What::RefundProcessed { id, .. } => self.refund_ended(event, &id, RefundStatus::Succeeded),
            What::RefundFailed { id, reason, .. } => self.refund_ended(event, &id, RefundStatus::Failed(reason)),
        }
    }

    fn refund_ended(&mut self, event: &Event, id: &str, status: RefundStatus) {
        let Stage::Captured { refunds, .. } = &mut self.stage else { return };
        if let Some(refund) = refunds.iter_mut().find(|refund| refund.id == id) {
            refund.status = status;
            refund.updated_at = event.at;
        }
    }
}

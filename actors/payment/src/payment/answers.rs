//! What the provider says about a payment, in every stage. An intent only ever goes forward (action required, held,
//! taken; or closed), so what says less than is known is old news, and what says more is true, whoever brought it.

use jiff::Timestamp;

use super::{Event, Open, Stage, Step, What, Why};
use crate::provider::{State, Told};
use crate::wire::Money;

impl Open {
    pub(super) fn told(&self, told: Told, at: Timestamp) -> Vec<Event> {
        let Told::Intent { reference, state } = told else { return vec![] };
        if self.reference.as_ref().is_some_and(|ours| *ours != reference) {
            return vec![];
        }
        match state {
            State::ActionRequired { url } => self.told_to_act(url, reference, at),
            State::Approved => self.told_approved(reference, at),
            State::Authorised(held) => self.told_held(held, reference, at),
            State::Captured(taken) => self.told_taken(taken, reference, at),
            State::Cancelled => self.told_closed("", "", at),
            State::Declined { code, detail } => self.told_declined(&code, &detail, at),
        }
    }

    fn told_to_act(&self, url: String, reference: String, at: Timestamp) -> Vec<Event> {
        match &self.stage {
            Stage::Authorising { cancel: None, .. } => vec![self.event(at, What::ActionRequired { url, reference })],
            Stage::Authorising { cancel: Some(reason), .. } => {
                vec![self.event(at, What::VoidRequested { reason: reason.clone(), reference })]
            }
            Stage::Initiated
            | Stage::InReview
            | Stage::RequiresAction { .. }
            | Stage::Authorised { .. }
            | Stage::Capturing { .. }
            | Stage::Captured { .. }
            | Stage::Voiding { .. }
            | Stage::Voided { .. }
            | Stage::Failed(_) => vec![],
        }
    }

    /// The provider waits for us to have the money held: nobody's money moves before we do.
    fn told_approved(&self, reference: String, at: Timestamp) -> Vec<Event> {
        match (&self.stage, &self.means) {
            (Stage::RequiresAction { .. }, Some(means)) => vec![self.event(at, What::Submitted(means.clone()))],
            (Stage::Authorising { cancel: Some(reason), .. }, _) => {
                vec![self.event(at, What::VoidRequested { reason: reason.clone(), reference })]
            }
            // Old news; or it was given up, and is not held.
            (
                Stage::Initiated
                | Stage::InReview
                | Stage::Authorising { cancel: None, .. }
                | Stage::RequiresAction { .. }
                | Stage::Authorised { .. }
                | Stage::Capturing { .. }
                | Stage::Captured { .. }
                | Stage::Voiding { .. }
                | Stage::Voided { .. }
                | Stage::Failed(_),
                _,
            ) => vec![],
        }
    }

    fn told_held(&self, held: Money, reference: String, at: Timestamp) -> Vec<Event> {
        match &self.stage {
            Stage::Authorising { cancel: None, .. } | Stage::RequiresAction { .. } => {
                if held != self.terms.amount {
                    let failed = self.failed(Why::AmountMismatch, "", "", Step::Authorise, true, at);
                    let reason = Why::AmountMismatch.slug().to_owned();
                    return vec![failed, self.event(at, What::VoidRequested { reason, reference })];
                }
                let mut events = vec![self.event(at, What::Authorised { amount: held, reference })];
                if self.captures_itself() {
                    events.push(self.event(at, What::CaptureRequested(held)));
                }
                events
            }
            Stage::Authorising { cancel: Some(reason), .. } => {
                vec![self.event(at, What::VoidRequested { reason: reason.clone(), reference })]
            }
            Stage::Initiated
            | Stage::InReview
            | Stage::Authorised { .. }
            | Stage::Capturing { .. }
            | Stage::Captured { .. }
            | Stage::Voiding { .. }
            | Stage::Voided { .. }
            | Stage::Failed(_) => vec![],
        }
    }

    /// Money that was taken is a fact, wanted or not. If nobody wants it any more, it goes back.
    fn told_taken(&self, taken: Money, reference: String, at: Timestamp) -> Vec<Event> {
        let unwanted = match &self.stage {
            Stage::Initiated | Stage::InReview | Stage::Captured { .. } => return vec![],
            Stage::Authorising { cancel: None, .. }
            | Stage::RequiresAction { .. }
            | Stage::Authorised { .. }
            | Stage::Capturing { cancel: None, .. } => None,
            Stage::Authorising { cancel: Some(reason), .. } | Stage::Capturing { cancel: Some(reason), .. } => {
                Some(reason.clone())
            }
            Stage::Voiding { failed: Some(failure), .. } | Stage::Failed(failure) => {
                Some(failure.why.slug().to_owned())
            }
            Stage::Voiding { reason, .. } | Stage::Voided { reason } => Some(reason.clone()),
        };
        let mut events = vec![self.event(at, What::Completed { amount: taken, reference })];
        if let Some(reason) = unwanted {
            events.push(self.event(at, What::CancelRequested(reason.clone())));
            events.push(self.refund_requested(0, taken, reason, true, at));
        }
        events
    }

    /// Nothing is held there, and nothing ever will be.
    fn told_closed(&self, code: &str, detail: &str, at: Timestamp) -> Vec<Event> {
        match &self.stage {
            Stage::Voiding { failed: Some(failure), .. } => {
                vec![self.event(at, What::Voided(failure.why.slug().to_owned()))]
            }
            Stage::Authorising { cancel: Some(reason), .. }
            | Stage::Capturing { cancel: Some(reason), .. }
            | Stage::Voiding { reason, .. } => vec![self.event(at, What::Voided(reason.clone()))],
            Stage::Authorising { cancel: None, .. } | Stage::RequiresAction { .. } => {
                vec![self.failed(Why::AuthorizationLost, code, detail, Step::Authorise, false, at)]
            }
            Stage::Authorised { .. } | Stage::Capturing { cancel: None, .. } => {
                vec![self.failed(Why::AuthorizationLost, code, detail, Step::Capture, false, at)]
            }
            Stage::Initiated | Stage::InReview | Stage::Captured { .. } | Stage::Voided { .. } | Stage::Failed(_) => {
                vec![]
            }
        }
    }

    fn told_declined(&self, code: &str, detail: &str, at: Timestamp) -> Vec<Event> {
        match &self.stage {
            Stage::Authorising { cancel: None, .. } => {
                vec![self.failed(Why::Declined, code, detail, Step::Authorise, false, at)]
            }
            // The customer could try again on the provider's page; nobody would wait for it, so the door is closed.
            Stage::RequiresAction { .. } => vec![self.failed(Why::Declined, code, detail, Step::Authorise, true, at)],
            Stage::Authorising { cancel: Some(_), .. }
            | Stage::Authorised { .. }
            | Stage::Capturing { .. }
            | Stage::Initiated
            | Stage::InReview
            | Stage::Captured { .. }
            | Stage::Voided { .. }
            | Stage::Failed(_) => self.told_closed(code, detail, at),
            // It is still open there, and the void is owed.
            Stage::Voiding { .. } => vec![],
        }
    }

    pub(super) fn authorisation_refused(&self, code: String, detail: String, at: Timestamp) -> Vec<Event> {
        match &self.stage {
            Stage::Authorising { cancel: None, .. } => {
                vec![self.failed(Why::ProviderRefused, &code, &detail, Step::Authorise, false, at)]
            }
            Stage::Authorising { cancel: Some(reason), .. } => vec![self.event(at, What::Voided(reason.clone()))],
            _ => vec![],
        }
    }

    pub(super) fn capture_refused(&self, code: String, detail: String, at: Timestamp) -> Vec<Event> {
        match &self.stage {
            Stage::Capturing { cancel: None, .. } => {
                vec![self.failed(Why::Declined, &code, &detail, Step::Capture, true, at)]
            }
            Stage::Capturing { cancel: Some(reason), .. } => vec![self.void_requested(reason.clone(), at)],
            _ => vec![],
        }
    }
}

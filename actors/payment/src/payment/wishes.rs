//! What people and other groups want of a payment: every stage has an answer to every wish.

use jiff::Timestamp;
use runtime::entity::Facts;

use super::{Capture, Command, Event, Failure, Hint, Means, Open, Refusal, Stage, Step, Terms, What, Why};
use crate::fraud::Suspicion;
use crate::wire::Money;

type Decision = Result<Vec<Event>, Refusal>;

fn event(terms: &Terms, at: Timestamp, what: What) -> Event {
    let Terms { id, order_id, user_id, .. } = terms.clone();
    Event { id, order_id, user_id, at, what }
}

/// What happens when somebody says how to pay.
fn begin(terms: &Terms, at: Timestamp, means: Means, suspicion: Option<Suspicion>) -> Event {
    let what = match suspicion {
        Some(suspicion) => What::Suspected(terms.amount, suspicion, means),
        None => What::Submitted(means),
    };
    event(terms, at, what)
}

/// Nobody has asked for this payment yet.
pub(super) fn of_nothing(command: Command, facts: &Facts) -> Decision {
    let at = facts.now;
    match command {
        Command::Open(terms) => Ok(vec![event(&terms, at, What::Initiated(terms.amount))]),
        Command::Authorise { terms, means, suspicion } => {
            let begun = begin(&terms, at, means, suspicion);
            Ok(vec![event(&terms, at, What::Initiated(terms.amount)), begun])
        }
        // Whoever asks for it later finds it given up: a message that was overtaken must not charge anybody.
        Command::Cancel { id, reason } => {
            Ok(vec![Event { id, order_id: None, user_id: String::new(), at, what: What::Voided(reason) }])
        }
        Command::Approve(_)
        | Command::Decline
        | Command::Confirm
        | Command::Capture(_)
        | Command::Void(_)
        | Command::Refund { .. } => Err(Refusal::NotFound),
        // News about something that is not ours.
        Command::Inquire { .. }
        | Command::Expire
        | Command::Told(_)
        | Command::AuthorisationRefused { .. }
        | Command::CaptureRefused { .. }
        | Command::RefundTold { .. } => Ok(vec![]),
    }
}

/// It was given up before anybody asked for it.
pub(super) fn of_barred(command: Command) -> Decision {
    match command {
        Command::Authorise { .. } => Err(Refusal::Voided(String::new())),
        Command::Approve(_)
        | Command::Decline
        | Command::Confirm
        | Command::Capture(_)
        | Command::Void(_)
        | Command::Refund { .. } => Err(Refusal::NotFound),
        Command::Open(_)
        | Command::Cancel { .. }
        | Command::Inquire { .. }
        | Command::Expire
        | Command::Told(_)
        | Command::AuthorisationRefused { .. }
        | Command::CaptureRefused { .. }
        | Command::RefundTold { .. } => Ok(vec![]),
    }
}

impl Open {
    pub(super) fn decide(&self, command: Command, facts: &Facts) -> Decision {
        let at = facts.now;
        match command {
            Command::Open(terms) => {
                if terms == self.terms {
                    Ok(vec![])
                } else {
                    Err(Refusal::AlreadyExists)
                }
            }
            Command::Authorise { terms, means, suspicion } => self.authorise(&terms, means, suspicion, at),
            Command::Approve(by) => self.approve(by, at),
            Command::Decline => self.decline(at),
            Command::Confirm => self.confirm(at),
            Command::Capture(amount) => self.capture(amount, at),
            Command::Void(reason) => match &self.stage {
                Stage::Capturing { amount, cancel: None, .. } => Err(Refusal::AlreadyCaptured(*amount)),
                Stage::Captured { captured, .. } => Err(Refusal::AlreadyCaptured(*captured)),
                _ => Ok(self.cancel(reason, facts)),
            },
            Command::Cancel { reason, .. } => Ok(self.cancel(reason, facts)),
            Command::Refund { id, amount, reason } => self.refund(id, amount, reason, at),
            Command::Inquire { reference, hint, news } => Ok(self.inquire(reference, hint, news, at)),
            Command::Expire => Ok(self.expire(at)),
            Command::Told(told) => Ok(self.told(told, at)),
            Command::AuthorisationRefused { code, detail } => Ok(self.authorisation_refused(code, detail, at)),
            Command::CaptureRefused { code, detail } => Ok(self.capture_refused(code, detail, at)),
            Command::RefundTold { id, told } => Ok(self.refund_told(&id, told, at)),
        }
    }

    fn authorise(&self, terms: &Terms, means: Means, suspicion: Option<Suspicion>, at: Timestamp) -> Decision {
        if *terms != self.terms {
            return Err(Refusal::AlreadyExists);
        }
        match &self.stage {
            Stage::Initiated => Ok(vec![begin(terms, at, means, suspicion)]),
            Stage::Voided { reason } | Stage::Voiding { reason, failed: None, .. } => {
                Err(Refusal::Voided(reason.clone()))
            }
            Stage::Authorising { cancel: Some(reason), .. } => Err(Refusal::Voided(reason.clone())),
            // It is under way, or has been: whoever asks again is shown how it stands, and nobody is charged twice.
            Stage::InReview
            | Stage::Authorising { .. }
            | Stage::RequiresAction { .. }
            | Stage::Authorised { .. }
            | Stage::Capturing { .. }
            | Stage::Captured { .. }
            | Stage::Voiding { .. }
            | Stage::Failed(_) => Ok(vec![]),
        }
    }

    fn approve(&self, by: String, at: Timestamp) -> Decision {
        match &self.stage {
            Stage::InReview => Ok(vec![self.event(at, What::Cleared(by))]),
            // Approved before; what became of it does not matter.
            _ if self.suspicion.is_some() && !self.is_fraud() && self.given_up().is_none() => Ok(vec![]),
            _ => Err(Refusal::NotInReview(self.status())),
        }
    }

    fn decline(&self, at: Timestamp) -> Decision {
        match &self.stage {
            Stage::InReview => Ok(vec![self.failed(Why::Fraud, "", "", Step::Authorise, false, at)]),
            _ if self.is_fraud() => Ok(vec![]),
            _ => Err(Refusal::NotInReview(self.status())),
        }
    }

    fn is_fraud(&self) -> bool {
        self.failure().is_some_and(|failure| failure.why == Why::Fraud)
    }

    fn confirm(&self, at: Timestamp) -> Decision {
        match &self.stage {
            Stage::RequiresAction { .. } => Ok(vec![self.inquired(None, String::new(), at)]),
            Stage::Initiated | Stage::InReview => Err(Refusal::NothingToConfirm),
            // It has gone on already, by a webhook or by itself.
            Stage::Authorising { .. }
            | Stage::Authorised { .. }
            | Stage::Capturing { .. }
            | Stage::Captured { .. }
            | Stage::Voiding { .. }
            | Stage::Voided { .. }
            | Stage::Failed(_) => Ok(vec![]),
        }
    }

    fn capture(&self, amount: Option<Money>, at: Timestamp) -> Decision {
        match &self.stage {
            Stage::Authorised { held } => {
                let amount = amount.unwrap_or(*held);
                let fits = held.minus(amount).is_ok_and(|rest| !rest.is_negative()) && amount.amount() > 0;
                if !fits {
                    return Err(Refusal::ExceedsAuthorised(*held));
                }
                Ok(vec![self.event(at, What::CaptureRequested(amount))])
            }
            Stage::Initiated
            | Stage::InReview
            | Stage::Authorising { cancel: None, .. }
            | Stage::RequiresAction { .. } => Err(Refusal::NotAuthorised(self.status())),
            Stage::Capturing { cancel: Some(reason), .. } | Stage::Authorising { cancel: Some(reason), .. } => {
                Err(Refusal::Voided(reason.clone()))
            }
            Stage::Capturing { amount: taking, .. } | Stage::Captured { captured: taking, .. } => {
                if amount.is_none_or(|amount| amount == *taking) {
                    Ok(vec![])
                } else {
                    Err(Refusal::AlreadyCaptured(*taking))
                }
            }
            Stage::Voiding { failed: None, reason, .. } | Stage::Voided { reason } => {
                Err(Refusal::Voided(reason.clone()))
            }
            Stage::Voiding { failed: Some(_), .. } | Stage::Failed(_) => Err(Refusal::Failed),
        }
    }

    /// Gives it up. A call that may have reached the provider is waited for: what it did is then undone.
    pub(super) fn cancel(&self, reason: String, facts: &Facts) -> Vec<Event> {
        let at = facts.now;
        match &self.stage {
            Stage::Initiated | Stage::InReview => vec![self.event(at, What::Voided(reason))],
            Stage::Authorising { cancel: None, .. } if !self.has_begun(&self.holding(), facts) => {
                vec![self.event(at, What::Voided(reason))]
            }
            Stage::Authorising { cancel: None, .. } => vec![self.event(at, What::CancelRequested(reason))],
            Stage::Capturing { cancel: None, .. } if self.has_begun("capture", facts) => {
                vec![self.event(at, What::CancelRequested(reason))]
            }
            Stage::RequiresAction { .. } | Stage::Authorised { .. } | Stage::Capturing { cancel: None, .. } => {
                vec![self.void_requested(reason, at)]
            }
            Stage::Captured { closing: None, .. } => {
                let mut events = vec![self.event(at, What::CancelRequested(reason.clone()))];
                events.extend(self.rest(reason, at));
                events
            }
            Stage::Authorising { cancel: Some(_), .. }
            | Stage::Capturing { cancel: Some(_), .. }
            | Stage::Captured { closing: Some(_), .. }
            | Stage::Voiding { .. }
            | Stage::Voided { .. }
            | Stage::Failed(_) => vec![],
        }
    }

    /// Has the provider asked, unless what it hints at is known.
    fn inquire(&self, reference: Option<String>, hint: Hint, news: String, at: Timestamp) -> Vec<Event> {
        let foreign = self.reference.as_ref().zip(reference.as_ref()).is_some_and(|(ours, theirs)| ours != theirs);
        if foreign || self.means.is_none() || self.heard.contains(&news) {
            return vec![];
        }
        let is_news = match (&self.stage, hint) {
            (Stage::Initiated | Stage::InReview | Stage::Captured { .. }, _) => false,
            (_, Hint::Anything) => self.reference.is_some() || reference.is_some() || self.is_waiting(),
            (Stage::Authorising { .. }, _) => true,
            (Stage::RequiresAction { .. }, hint) => hint != Hint::ActionRequired,
            (Stage::Authorised { .. } | Stage::Capturing { .. }, hint) => {
                matches!(hint, Hint::Captured | Hint::Ended)
            }
            (Stage::Voiding { .. } | Stage::Voided { .. } | Stage::Failed(_), hint) => hint == Hint::Captured,
        };
        if is_news { vec![self.inquired(reference, news, at)] } else { vec![] }
    }

    fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Authorising { .. } | Stage::RequiresAction { .. } | Stage::Capturing { .. })
    }

    fn expire(&self, at: Timestamp) -> Vec<Event> {
        match &self.stage {
            Stage::RequiresAction { .. } => {
                vec![self.failed(Why::AuthenticationExpired, "", "", Step::Authorise, true, at)]
            }
            // The customer was just in time.
            _ => vec![],
        }
    }

    fn inquired(&self, reference: Option<String>, news: String, at: Timestamp) -> Event {
        let number = self.inquiries + 1;
        self.event(at, What::Inquired { number, reference: reference.unwrap_or_default(), news })
    }

    pub(super) fn void_requested(&self, reason: String, at: Timestamp) -> Event {
        let reference = self.reference.clone().unwrap_or_default();
        self.event(at, What::VoidRequested { reason, reference })
    }

    pub(super) fn failed(
        &self,
        why: Why,
        code: &str,
        detail: &str,
        step: Step,
        releasing: bool,
        at: Timestamp,
    ) -> Event {
        let failure = Failure { why, decline_code: code.to_owned(), detail: detail.to_owned(), step };
        self.event(at, What::Failed { failure, releasing })
    }

    pub(super) fn captures_itself(&self) -> bool {
        self.means.as_ref().is_some_and(|means| means.capture == Capture::Automatic)
    }
}

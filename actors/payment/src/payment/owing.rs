//! What a payment owes the world: calls to the provider and moments to wake at.

use jiff::{SignedDuration, Timestamp};
use runtime::entity::{Agenda, Outcome};

use super::{ACTION_MAX, Command, Hint, LOOK_EVERY, Open, Payment, RefundStatus, Stage};
use crate::provider::{self, Ask, RefundTold, Told};

/// Something owed.
#[derive(Debug, Clone, PartialEq)]
pub enum Debt {
    /// A command to itself.
    Wake(Command),
    /// A question to a provider.
    Ask {
        /// Which.
        provider: &'static str,
        /// What.
        ask: Ask,
    },
}

impl Debt {
    /// Puts it on an agenda.
    pub(super) fn enter(self, agenda: Agenda<Command>, key: String, at: Timestamp) -> Agenda<Command> {
        match self {
            Debt::Wake(command) => agenda.wake(key, at, command),
            Debt::Ask { provider, ask } => {
                let request = ask.encode();
                agenda.call(key, at, provider, request, move |outcome| answered(&ask, outcome))
            }
        }
    }
}

/// The command that tells a payment how its question was answered.
pub(super) fn answered(ask: &Ask, outcome: Outcome) -> Command {
    match (ask, outcome) {
        (Ask::Refund { refund_id, .. }, Outcome::Done(bytes)) => {
            Command::RefundTold { id: refund_id.clone(), told: RefundTold::decode(&bytes) }
        }
        (Ask::Refund { refund_id, .. }, Outcome::Refused(problem)) => {
            Command::RefundTold { id: refund_id.clone(), told: RefundTold::Refused(problem.code) }
        }
        (_, Outcome::Done(bytes)) => Command::Told(Told::decode(&bytes)),
        (Ask::Authorise { .. } | Ask::Complete { .. }, Outcome::Refused(problem)) => {
            Command::AuthorisationRefused { code: problem.code, detail: problem.detail }
        }
        (Ask::Capture { .. }, Outcome::Refused(problem)) => {
            Command::CaptureRefused { code: problem.code, detail: problem.detail }
        }
        // A void is asked until the intent is closed, and a look has nothing to refuse.
        (Ask::Void { .. } | Ask::Look { .. } | Ask::Keep { .. } | Ask::Forget { .. }, Outcome::Refused(_)) => {
            Command::Told(Told::Nothing)
        }
    }
}

fn after(since: Timestamp, pause: SignedDuration) -> Timestamp {
    since.saturating_add(pause).unwrap_or(since)
}

impl Payment {
    /// What is owed: under which key, from when on, and what.
    #[must_use]
    pub fn owed(&self) -> Vec<(String, Timestamp, Debt)> {
        self.open().map(Open::owed).unwrap_or_default()
    }
}

impl Open {
    fn owed(&self) -> Vec<(String, Timestamp, Debt)> {
        let Some(means) = &self.means else { return Vec::new() };
        let Some(provider) = provider::named(&means.provider) else { return Vec::new() };
        let id = &self.terms.id;
        let reference = self.reference.clone().unwrap_or_default();
        let ask = |verb: &str, since: Timestamp, ask: Ask| (format!("{id}.{verb}"), since, Debt::Ask { provider, ask });
        let mut owed = Vec::new();
        match &self.stage {
            Stage::Authorising { since, .. } if self.approvals > 0 => {
                let (payment_id, capture) = (id.clone(), means.capture);
                owed.push(ask(&self.holding(), *since, Ask::Complete { payment_id, reference, capture }));
            }
            Stage::Authorising { since, .. } => {
                let (terms, means, since) = (self.terms.clone(), means.clone(), *since);
                owed.push(ask(&self.holding(), since, Ask::Authorise { terms, means, since }));
            }
            Stage::RequiresAction { since, .. } => {
                let heard = self.inquiry.as_ref().map_or(*since, |inquiry| inquiry.since);
                let inquire = Command::Inquire { reference: None, hint: Hint::Anything, news: String::new() };
                let next = format!("{id}.next_look.{}", self.inquiries);
                owed.push((next, after(heard, LOOK_EVERY), Debt::Wake(inquire)));
                owed.push((format!("{id}.expire"), after(*since, ACTION_MAX), Debt::Wake(Command::Expire)));
            }
            Stage::Capturing { amount, since, .. } => {
                let (payment_id, amount, since) = (id.clone(), *amount, *since);
                owed.push(ask("capture", since, Ask::Capture { payment_id, reference, amount, since }));
            }
            Stage::Voiding { since, .. } => {
                let payment_id = id.clone();
                owed.push(ask("void", *since, Ask::Void { payment_id, reference, since: *since }));
            }
            Stage::Captured { refunds, .. } => {
                for refund in refunds.iter().filter(|refund| refund.status == RefundStatus::Pending) {
                    let ask = Ask::Refund {
                        payment_id: id.clone(),
                        refund_id: refund.id.clone(),
                        reference: reference.clone(),
                        amount: refund.amount,
                        since: refund.created_at,
                    };
                    owed.push((format!("{}.refund", refund.id), refund.created_at, Debt::Ask { provider, ask }));
                }
            }
            Stage::Initiated | Stage::InReview | Stage::Authorised { .. } | Stage::Voided { .. } | Stage::Failed(_) => {
            }
        }
        if let Some(inquiry) = &self.inquiry {
            let known = self.reference.clone().unwrap_or_else(|| inquiry.reference.clone());
            let look = Ask::Look { payment_id: id.clone(), reference: known };
            owed.push(ask(&format!("look.{}", inquiry.number), inquiry.since, look));
        }
        owed
    }

    /// The word for the call that has the money held: another one each time that the customer approved it.
    pub(super) fn holding(&self) -> String {
        if self.approvals == 0 { "authorise".to_owned() } else { format!("complete.{}", self.approvals) }
    }

    /// Whether a call may have reached the provider already.
    pub(super) fn has_begun(&self, verb: &str, facts: &runtime::entity::Facts) -> bool {
        let key = format!("{}.{verb}", self.terms.id);
        facts.open_calls.contains(&key)
    }
}

//! A delivery: one event on its way to one endpoint.
//!
//! Its body is fixed when the event is noted and posted byte for byte each time under the same id, so a receiver that
//! keeps ids never does anything twice. A try is signed when it begins, with the secrets and for the address that the
//! endpoint has then.

use bytes::Bytes;
use jiff::Timestamp;
use runtime::entity::{Agenda, Entity, Facts, Outcome};
use serde::{Deserialize, Serialize};

use crate::backoff;
use crate::providers::{Posting, WEBHOOK};

/// What a delivery is of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// The endpoint.
    pub endpoint_id: String,
    /// Its number among those of the endpoint.
    pub number: u64,
    /// The type of the event.
    pub event_type: String,
    /// The entity it happened to.
    pub entity: String,
    /// What is posted.
    pub body: String,
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Nothing ever happened to it.
    #[default]
    Unknown,
    /// It waits for its turn.
    Waiting,
    /// It is being posted, since then.
    Sending(Timestamp),
    /// It failed, and is tried again then.
    Postponed(Timestamp),
    /// The endpoint took it then.
    Delivered(Timestamp),
    /// It was given up.
    Failed,
}

/// What the endpoint made of a try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// It took it.
    Taken {
        /// The HTTP status.
        status: u16,
    },
    /// It is gone and wants nothing more.
    Gone {
        /// The HTTP status.
        status: u16,
    },
    /// It did not take it, or nobody knows that it did.
    NotTaken {
        /// The HTTP status, if it answered.
        status: Option<u16>,
        /// Why, as a slug.
        reason: String,
    },
}

impl Reply {
    /// It did not take it.
    #[must_use]
    pub fn not_taken(status: Option<u16>, reason: &str) -> Reply {
        Reply::NotTaken { status, reason: reason.to_owned() }
    }

    fn of(outcome: Outcome) -> Reply {
        match outcome {
            Outcome::Done(said) => {
                serde_json::from_slice(&said).unwrap_or_else(|_| Reply::not_taken(None, "provider_failed"))
            }
            Outcome::Refused(problem) => Reply::not_taken(None, &problem.code),
        }
    }
}

/// The state of a delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id: endpoint and number.
    pub id: String,
    /// What it is of.
    pub noted: Noted,
    /// How it stands.
    pub status: Status,
    /// How often it was posted.
    pub attempts: u32,
    /// How many of those tries belong to rounds that were over.
    pub rounds_before: u32,
    /// When the round of tries began.
    pub round_began_at: Option<Timestamp>,
    /// Where the try that is under way goes, and its signature.
    pub try_to: (String, String),
    /// The HTTP status of the last answer.
    pub response_status: Option<u16>,
    /// Why the last try failed.
    pub reason: String,
    /// When it was noted.
    pub noted_at: Option<Timestamp>,
}

/// What can be asked of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Be of this, under this id.
    Note(String, Noted),
    /// Be posted to this address with this signature.
    Post(String, String),
    /// The endpoint made this of the try of this number.
    Settle(u32, Reply),
    /// Be made once more.
    Requeue,
}

/// What can have happened to a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened. Numbers are those of tries, or HTTP statuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It is of this.
    Noted(Noted),
    /// A try began, to this address with this signature.
    Attempted(u32, String, String),
    /// The endpoint took it.
    Delivered(u32, u16),
    /// It did not; why, and when it is tried again.
    Postponed(u32, Option<u16>, String, Timestamp),
    /// It did not, and is given up; why.
    Failed(u32, Option<u16>, String),
    /// It is to be made once more.
    Requeued,
}

/// Why a delivery says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such delivery")]
    NotFound,
    /// It is not over.
    #[error("the delivery is not over yet")]
    StillPending,
}

/// The reason of a delivery that was given up because its endpoint is gone.
pub const GONE: &str = "gone";

impl Delivery {
    fn event(&self, at: Timestamp, what: What) -> Vec<Event> {
        vec![Event { id: self.id.clone(), at, what }]
    }

    fn settled(&self, reply: Reply, at: Timestamp) -> What {
        let attempt = self.attempts;
        match reply {
            Reply::Taken { status } => What::Delivered(attempt, status),
            Reply::Gone { status } => What::Failed(attempt, Some(status), GONE.to_owned()),
            Reply::NotTaken { status, reason } => match backoff::next_try(attempt - self.rounds_before, at) {
                Some(next) => What::Postponed(attempt, status, reason, next),
                None => What::Failed(attempt, status, reason),
            },
        }
    }
}

impl Entity for Delivery {
    const KIND: &'static str = "delivery";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        use Status::{Delivered, Failed, Postponed, Sending, Unknown, Waiting};
        let at = facts.now;
        match (self.status, command) {
            (Unknown, Command::Note(id, noted)) => Ok(vec![Event { id, at, what: What::Noted(noted) }]),
            (_, Command::Note(..)) => Ok(vec![]),
            (Unknown, Command::Post(..) | Command::Requeue) => Err(Refusal::NotFound),
            (Sending(_), Command::Post(..)) => Ok(vec![]),
            (Waiting | Postponed(_) | Delivered(_) | Failed, Command::Post(url, signature)) => {
                Ok(self.event(at, What::Attempted(self.attempts + 1, url, signature)))
            }
            (Sending(_), Command::Settle(attempt, reply)) if attempt == self.attempts => {
                Ok(self.event(at, self.settled(reply, at)))
            }
            // The answer to a try that is over.
            (Unknown | Waiting | Sending(_) | Postponed(_) | Delivered(_) | Failed, Command::Settle(..)) => Ok(vec![]),
            (Waiting | Sending(_) | Postponed(_), Command::Requeue) => Err(Refusal::StillPending),
            (Delivered(_) | Failed, Command::Requeue) => Ok(self.event(at, What::Requeued)),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match &event.what {
            What::Noted(noted) => {
                self.id.clone_from(&event.id);
                self.noted = noted.clone();
                self.noted_at = Some(event.at);
                self.status = Status::Waiting;
            }
            What::Attempted(attempt, url, signature) => {
                if !matches!(self.status, Status::Postponed(_)) {
                    self.rounds_before = self.attempts;
                    self.round_began_at = Some(event.at);
                }
                self.attempts = *attempt;
                self.try_to = (url.clone(), signature.clone());
                self.status = Status::Sending(event.at);
            }
            What::Delivered(_, status) => {
                self.status = Status::Delivered(event.at);
                self.response_status = Some(*status);
                self.reason.clear();
                self.try_to = Default::default();
            }
            What::Postponed(_, status, reason, next) => {
                self.status = Status::Postponed(*next);
                self.response_status = *status;
                self.reason.clone_from(reason);
                self.try_to = Default::default();
            }
            What::Failed(_, status, reason) => {
                self.status = Status::Failed;
                self.response_status = *status;
                self.reason.clone_from(reason);
                self.try_to = Default::default();
            }
            What::Requeued => self.status = Status::Waiting,
        }
    }

    fn agenda(&self) -> Agenda<Command> {
        let Status::Sending(since) = self.status else { return Agenda::nothing() };
        let posting = Posting {
            url: self.try_to.0.clone(),
            id: self.id.clone(),
            timestamp: since.as_second(),
            signature: self.try_to.1.clone(),
            body: self.noted.body.clone(),
        };
        let request = Bytes::from(serde_json::to_vec(&posting).unwrap_or_default());
        let attempt = self.attempts;
        let report = move |outcome: Outcome| Command::Settle(attempt, Reply::of(outcome));
        Agenda::nothing().call(format!("post/{attempt}"), since, WEBHOOK, request, report)
    }
}

#[cfg(test)]
mod tests;

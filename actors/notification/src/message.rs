//! A message: one thing said to one person by one channel, written once and sent once.
//!
//! Its text is fixed when it is queued, whatever becomes of the template later. Handing it to the provider is an agenda
//! call whose key is the number of the try. "Later" is an answer like any other and is tried again for three days; when
//! nobody knows whether the provider took it, the runtime repeats the call with the same key, and the provider sees the
//! same message id.

use bytes::Bytes;
use jiff::Timestamp;
use runtime::entity::{Agenda, Entity, Facts, Outcome};
use serde::{Deserialize, Serialize};

use crate::backoff;
use crate::providers::Verdict;
use crate::topic::{Channel, Topic};

/// What a message is about, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The message's id.
    pub id: String,
    /// What it is about.
    pub topic: Topic,
    /// The way it goes.
    pub channel: Channel,
    /// Whom it is for, when the shop knows.
    pub user_id: Option<String>,
    /// The order it is about.
    pub order_id: Option<String>,
}

/// What is sent, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// What it is about.
    pub about: About,
    /// Where it goes.
    pub to: String,
    /// The language it is written in.
    pub locale: String,
    /// The template it was written with.
    pub template_id: String,
    /// That template's version.
    pub template_version: u64,
    /// The subject or title.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML; empty when there is none.
    pub html: String,
}

impl Letter {
    /// A letter that nobody has written: there is only somebody who would have got it.
    #[must_use]
    pub fn unwritten(about: About, to: String) -> Letter {
        let nothing = String::new;
        let (subject, text, html) = (nothing(), nothing(), nothing());
        Letter { about, to, locale: nothing(), template_id: nothing(), template_version: 0, subject, text, html }
    }
}

/// How a message stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Nothing ever happened to it.
    #[default]
    Unknown,
    /// It waits until then.
    Queued(Timestamp),
    /// It is being handed to the provider, since then.
    Sending(Timestamp),
    /// The provider took it.
    Sent,
    /// It arrived.
    Delivered,
    /// It came back.
    Bounced,
    /// It was given up.
    Failed,
    /// It was not sent, because the person does not want it.
    Suppressed,
}

/// Why it waits, came back, failed or was held back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// For machines.
    pub reason: String,
    /// What the provider said; about a person.
    pub detail: String,
}

/// The state of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// What is sent.
    pub letter: Option<Letter>,
    /// How it stands.
    pub status: Status,
    /// How often it was handed to the provider.
    pub attempts: u32,
    /// How many of those tries belong to rounds that were over before somebody asked for another one.
    pub rounds_before: u32,
    /// The provider that took it, and what that calls it.
    pub taken_by: Option<(String, String)>,
    /// Why it stands as it does.
    pub why: Why,
    /// When it came into being.
    pub created_at: Option<Timestamp>,
    /// When the provider took it.
    pub sent_at: Option<Timestamp>,
    /// When it arrived.
    pub delivered_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

/// What can be asked of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Send this then.
    Queue(Letter, Timestamp),
    /// Note that this is not sent, and why.
    Suppress(Letter, String),
    /// Its time has come.
    Start,
    /// The provider says this about the try that is under way.
    Settle(Verdict),
    /// Somebody knows that it arrived.
    Arrived,
    /// Somebody knows that it came back.
    CameBack(Why),
    /// Try once more.
    Retry,
}

/// What can have happened to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What the message is about.
    pub about: About,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// This was written, and waits until then.
    Queued(Letter, Timestamp),
    /// It is not sent to this recipient; why.
    Suppressed(String, String),
    /// The try of this number began.
    Sending(u32),
    /// The try of this number did not work; the next is then.
    Delayed(u32, Why, Timestamp),
    /// This provider took it and calls it that.
    Sent(String, String),
    /// It arrived.
    Delivered,
    /// It came back.
    Bounced(Why),
    /// It was given up.
    Failed(Why),
}

/// Why a message says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such message")]
    NotFound,
    /// It was not sent.
    #[error("the message was not sent, so it can neither have arrived nor come back")]
    NotSent,
    /// It is not over, or it is over for good.
    #[error("only a message that came back or was given up can be sent once more")]
    NotRetryable,
}

impl Message {
    fn event(&self, at: Timestamp, what: What) -> Vec<Event> {
        self.letter.iter().map(|letter| Event { about: letter.about.clone(), at, what: what.clone() }).collect()
    }

    fn settled(&self, verdict: Verdict, at: Timestamp) -> Vec<Event> {
        match verdict {
            Verdict::Taken { provider, reference, arrived } => {
                let mut events = self.event(at, What::Sent(provider, reference));
                if arrived {
                    events.extend(self.event(at, What::Delivered));
                }
                events
            }
            Verdict::NoSuchRecipient(why) => self.event(at, What::Bounced(why)),
            Verdict::Refused(why) => self.event(at, What::Failed(why)),
            Verdict::Later(why) => match backoff::next_try(self.attempts - self.rounds_before, at) {
                Some(next) => self.event(at, What::Delayed(self.attempts, why, next)),
                None => self.event(at, What::Failed(why)),
            },
        }
    }
}

impl Entity for Message {
    const KIND: &'static str = "message";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        use Status::{Bounced, Delivered, Failed, Queued, Sending, Sent, Suppressed, Unknown};
        let at = facts.now;
        match (self.status, command) {
            (Unknown, Command::Queue(letter, send_at)) => {
                let about = letter.about.clone();
                let queued = Event { about: about.clone(), at, what: What::Queued(letter, send_at.max(at)) };
                let sending = (send_at <= at).then_some(Event { about, at, what: What::Sending(1) });
                Ok(std::iter::once(queued).chain(sending).collect())
            }
            (Unknown, Command::Suppress(letter, reason)) => {
                Ok(vec![Event { about: letter.about, at, what: What::Suppressed(letter.to, reason) }])
            }
            (Unknown, Command::Start | Command::Settle(_)) => Ok(vec![]),
            (Unknown, Command::Arrived | Command::CameBack(_) | Command::Retry) => Err(Refusal::NotFound),
            // The same news again: it has been said.
            (_, Command::Queue(..) | Command::Suppress(..)) => Ok(vec![]),
            (Queued(until), Command::Start) if until <= at => Ok(self.event(at, What::Sending(self.attempts + 1))),
            (Sending(_), Command::Settle(verdict)) => Ok(self.settled(verdict, at)),
            // A timer that rang late, or an answer to a try that is over.
            (_, Command::Start | Command::Settle(_)) => Ok(vec![]),
            (Sent, Command::Arrived) => Ok(self.event(at, What::Delivered)),
            (Delivered, Command::Arrived) | (Bounced, Command::CameBack(_)) => Ok(vec![]),
            // Some mail is taken by the last server but one, and still comes back.
            (Sent | Delivered, Command::CameBack(why)) => Ok(self.event(at, What::Bounced(why))),
            (Queued(_) | Sending(_) | Failed | Suppressed, Command::Arrived | Command::CameBack(_))
            | (Bounced, Command::Arrived) => Err(Refusal::NotSent),
            (Bounced | Failed, Command::Retry) => Ok(self.event(at, What::Sending(self.attempts + 1))),
            (Queued(_) | Sending(_) | Sent | Delivered | Suppressed, Command::Retry) => Err(Refusal::NotRetryable),
        }
    }

    fn evolve(&mut self, event: &Event) {
        self.updated_at = Some(event.at);
        match &event.what {
            What::Queued(letter, until) => {
                self.letter = Some(letter.clone());
                self.created_at = Some(event.at);
                self.status = Status::Queued(*until);
            }
            What::Suppressed(to, reason) => {
                self.letter = Some(Letter::unwritten(event.about.clone(), to.clone()));
                self.created_at = Some(event.at);
                self.status = Status::Suppressed;
                self.why = Why { reason: reason.clone(), detail: String::new() };
            }
            What::Sending(attempt) => {
                if matches!(self.status, Status::Bounced | Status::Failed) {
                    self.rounds_before = self.attempts;
                }
                self.attempts = *attempt;
                self.status = Status::Sending(event.at);
            }
            What::Delayed(_, why, next) => {
                self.status = Status::Queued(*next);
                self.why = why.clone();
            }
            What::Sent(provider, reference) => {
                self.status = Status::Sent;
                self.taken_by = Some((provider.clone(), reference.clone()));
                self.sent_at = Some(event.at);
                self.why = Why::default();
            }
            What::Delivered => {
                self.status = Status::Delivered;
                self.delivered_at = Some(event.at);
            }
            What::Bounced(why) => {
                self.status = Status::Bounced;
                self.why = why.clone();
            }
            What::Failed(why) => {
                self.status = Status::Failed;
                self.why = why.clone();
            }
        }
    }

    fn agenda(&self) -> Agenda<Command> {
        let Some(letter) = &self.letter else { return Agenda::nothing() };
        match self.status {
            Status::Queued(until) => {
                Agenda::nothing().wake(format!("start/{}", self.attempts + 1), until, Command::Start)
            }
            Status::Sending(since) => {
                let request = Bytes::from(serde_json::to_vec(letter).unwrap_or_default());
                let report = |outcome: Outcome| Command::Settle(Verdict::of(outcome));
                Agenda::nothing().call(
                    format!("send/{}", self.attempts),
                    since,
                    letter.about.channel.word(),
                    request,
                    report,
                )
            }
            Status::Unknown
            | Status::Sent
            | Status::Delivered
            | Status::Bounced
            | Status::Failed
            | Status::Suppressed => Agenda::nothing(),
        }
    }
}

#[cfg(test)]
mod tests;

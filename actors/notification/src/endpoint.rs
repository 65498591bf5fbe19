//! An endpoint: an address outside that is told what happens, and the secret by which it knows us.

use jiff::{SignedDuration, Timestamp};
use runtime::entity::{Agenda, Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::signing::Secret;

/// How long what happens is kept for an endpoint that is not told: two weeks of holidays. After that nobody is coming
/// back for it, and it would grow for ever.
pub const PAUSE_MAX: SignedDuration = SignedDuration::from_hours(14 * 24);

/// What an endpoint says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// Where events are posted.
    pub url: String,
    /// Which events.
    pub events: Vec<String>,
    /// What it is for.
    pub description: String,
}

/// Whether it is being told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Nothing ever happened to it.
    #[default]
    Unknown,
    /// It is told.
    Active,
    /// It is not told since then, and what happens is kept for it; why.
    Paused(Timestamp, String),
    /// It is not told, and nothing is kept; why.
    Disabled(String),
    /// It is no more.
    Deleted,
}

/// The state of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id.
    pub id: String,
    /// What it says about itself.
    pub details: Details,
    /// Whether it is being told.
    pub status: Status,
    /// What signs; `None` only while nothing ever happened to it.
    pub secret: Option<Secret>,
    /// What signed before, and until when it still does.
    pub previous: Option<(Secret, Timestamp)>,
    /// When it came into being.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

/// What can be asked of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Be this, with this secret.
    Create(String, Details, Secret),
    /// Say this about yourself.
    Update(Details),
    /// Sign with this; with the one before too until then.
    Rotate(Secret, Timestamp),
    /// Be told nothing for now; why.
    Pause(&'static str),
    /// Be told again.
    Resume,
    /// Be told nothing more; why.
    Disable(&'static str),
    /// The pause has lasted too long.
    Expire,
    /// Be no more.
    Delete,
}

/// What can have happened to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It is this, with this secret.
    Created(Details, Secret),
    /// It says this about itself.
    Updated(Details),
    /// It has this secret; the one before is good until then.
    Rotated(Secret, Timestamp),
    /// It is told nothing for now; why.
    Paused(String),
    /// It is told again.
    Resumed,
    /// It is told nothing more; why.
    Disabled(String),
    /// It is no more.
    Deleted,
}

/// Why an endpoint says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such endpoint")]
    NotFound,
    /// There is one.
    #[error("there is already an endpoint with this id")]
    AlreadyExists,
    /// It is disabled.
    #[error("the endpoint is disabled; resume it first")]
    Disabled,
}

impl Endpoint {
    /// Whether it exists.
    #[must_use]
    pub fn exists(&self) -> bool {
        !matches!(self.status, Status::Unknown | Status::Deleted)
    }

    /// Whether what happens is kept for it.
    #[must_use]
    pub fn notes(&self) -> bool {
        matches!(self.status, Status::Active | Status::Paused(..))
    }

    /// The header `webhook-signature`: every secret that is good at that time signs.
    #[must_use]
    pub fn sign(&self, id: &str, at: Timestamp, body: &str) -> String {
        let previous = self.previous.iter().filter(|(_, until)| at < *until).map(|(secret, _)| secret);
        let signatures = self.secret.iter().chain(previous).map(|secret| secret.sign(id, at.as_second(), body));
        signatures.collect::<Vec<_>>().join(" ")
    }

    fn event(&self, at: Timestamp, what: What) -> Vec<Event> {
        vec![Event { id: self.id.clone(), at, what }]
    }
}

impl Entity for Endpoint {
    const KIND: &'static str = "endpoint";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        use Status::{Active, Deleted, Disabled, Paused, Unknown};
        let at = facts.now;
        match (&self.status, command) {
            (Unknown, Command::Create(id, details, secret)) => {
                Ok(vec![Event { id, at, what: What::Created(details, secret) }])
            }
            (Active | Paused(..) | Disabled(_) | Deleted, Command::Create(..)) => Err(Refusal::AlreadyExists),
            // Timers and replies that come too late for anybody.
            (Unknown | Deleted, Command::Expire | Command::Disable(_)) => Ok(vec![]),
            (
                Unknown | Deleted,
                Command::Update(_) | Command::Rotate(..) | Command::Pause(_) | Command::Resume | Command::Delete,
            ) => Err(Refusal::NotFound),
            (_, Command::Update(details)) if self.details == details => Ok(vec![]),
            (_, Command::Update(details)) => Ok(self.event(at, What::Updated(details))),
            (_, Command::Rotate(secret, until)) => Ok(self.event(at, What::Rotated(secret, until))),
            (Active, Command::Pause(why)) => Ok(self.event(at, What::Paused(why.to_owned()))),
            (Paused(..), Command::Pause(_)) => Ok(vec![]),
            (Disabled(_), Command::Pause(_)) => Err(Refusal::Disabled),
            (Active, Command::Resume) => Ok(vec![]),
            (Paused(..) | Disabled(_), Command::Resume) => Ok(self.event(at, What::Resumed)),
            (Active | Paused(..), Command::Disable(why)) => Ok(self.event(at, What::Disabled(why.to_owned()))),
            (Disabled(_), Command::Disable(_)) => Ok(vec![]),
            (Paused(since, _), Command::Expire) if at.duration_since(*since) >= PAUSE_MAX => {
                Ok(self.event(at, What::Disabled("paused_too_long".to_owned())))
            }
            (Active | Paused(..) | Disabled(_), Command::Expire) => Ok(vec![]),
            (Active | Paused(..) | Disabled(_), Command::Delete) => Ok(self.event(at, What::Deleted)),
        }
    }

    fn evolve(&mut self, event: &Event) {
        self.updated_at = Some(event.at);
        match &event.what {
            What::Created(details, secret) => {
                self.id.clone_from(&event.id);
                self.details = details.clone();
                self.secret = Some(secret.clone());
                self.status = Status::Active;
                self.created_at = Some(event.at);
            }
            What::Updated(details) => self.details = details.clone(),
            What::Rotated(secret, until) => {
                self.previous = self.secret.replace(secret.clone()).map(|before| (before, *until));
            }
            What::Paused(why) => self.status = Status::Paused(event.at, why.clone()),
            What::Resumed => self.status = Status::Active,
            What::Disabled(why) => self.status = Status::Disabled(why.clone()),
            What::Deleted => {
                self.status = Status::Deleted;
                self.secret = None;
                self.previous = None;
            }
        }
    }

    fn agenda(&self) -> Agenda<Command> {
        match &self.status {
            Status::Paused(since, _) => {
                let until = since.saturating_add(PAUSE_MAX).unwrap_or(*since);
                Agenda::nothing().wake(format!("expire/{}", since.as_microsecond()), until, Command::Expire)
            }
            Status::Unknown | Status::Active | Status::Disabled(_) | Status::Deleted => Agenda::nothing(),
        }
    }
}

#[cfg(test)]
mod tests;

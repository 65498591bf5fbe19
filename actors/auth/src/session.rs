//! A session: somebody who has signed in, somewhere, until they sign out or its time is over.

use jiff::{SignedDuration, Timestamp};
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::crypto;
use crate::recorded::recorded;
use crate::wire::{Problem, v1};

/// For how long a session goes on.
pub const LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The state of a session; `opened_at` is absent while nothing ever happened to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Who.
    pub user_id: String,
    /// What the secret of its cookie hashes to; empty when there is none.
    pub secret_hash: Vec<u8>,
    /// How they showed who they are.
    pub amr: Vec<String>,
    /// Through which application; empty for the shop itself.
    pub client_id: String,
    /// From which address. Opaque.
    pub source: String,
    /// With which program. Opaque.
    pub user_agent: String,
    /// When it began.
    pub opened_at: Option<Timestamp>,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
}

/// What can be asked of a session.
#[derive(Debug, Clone)]
pub enum Command {
    /// Begin.
    Open(Box<v1::RecordSessionRequest>),
    /// End, for a reason.
    Revoke {
        /// Its id.
        session_id: String,
        /// Why.
        reason: &'static str,
    },
}

recorded! {
    /// What can have happened to a session.
    Event {
        /// It began.
        Opened(SessionOpened) = "session.opened",
        /// It was ended.
        Revoked(SessionRevoked) = "session.revoked",
    }
}

/// Why a session says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such session")]
    NotFound,
    /// There is one.
    #[error("there is already a session with this id")]
    AlreadyExists,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", refusal.to_string()),
            Refusal::AlreadyExists => Problem::conflict("already_exists", refusal.to_string()),
        }
    }
}

impl Session {
    /// Whether it goes on at a time.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.opened_at.is_some() && self.revoked_at.is_none() && now < self.expires_at
    }

    /// Whether a secret that hashes to this is that of its cookie.
    #[must_use]
    pub fn is_shown_by(&self, secret_hash: &[u8]) -> bool {
        crypto::same(&self.secret_hash, secret_hash)
    }

    /// As its owner sees it.
    #[must_use]
    pub fn shown(&self, session_id: &str) -> Option<v1::Session> {
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        Some(v1::Session {
            session_id: session_id.to_owned(),
            user_id: self.user_id.clone(),
            amr: self.amr.clone(),
            client_id: some(&self.client_id),
            source: some(&self.source),
            user_agent: some(&self.user_agent),
            created_at: Some(to_wire(self.opened_at?)),
            expires_at: Some(to_wire(self.expires_at)),
            revoked_at: self.revoked_at.map(to_wire),
            current: false,
        })
    }
}

impl Entity for Session {
    const KIND: &'static str = "session";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = Some(to_wire(facts.now));
        match (self.opened_at, command) {
            (None, Command::Open(request)) => Ok(vec![Event::Opened(v1::SessionOpened {
                session_id: request.session_id,
                user_id: request.user_id,
                secret_hash: request.secret_hash,
                amr: request.amr,
                client_id: request.client_id,
                source: request.source,
                user_agent: request.user_agent,
                expires_at: Some(to_wire(facts.now + LIFE)),
                at,
            })]),
            (Some(_), Command::Open(_)) => Err(Refusal::AlreadyExists),
            (None, Command::Revoke { .. }) => Err(Refusal::NotFound),
            // It is over already.
            (Some(_), Command::Revoke { .. }) if !self.is_live(facts.now) => Ok(vec![]),
            (Some(_), Command::Revoke { session_id, reason }) => Ok(vec![Event::Revoked(v1::SessionRevoked {
                session_id,
                user_id: self.user_id.clone(),
                reason: reason.to_owned(),
                at,
            })]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Opened(event) => {
                *self = Session {
                    user_id: event.user_id.clone(),
                    secret_hash: event.secret_hash.clone(),
                    amr: event.amr.clone(),
                    client_id: event.client_id.clone(),
                    source: event.source.clone(),
                    user_agent: event.user_agent.clone(),
                    opened_at: Some(from_wire(event.at.as_ref())),
                    expires_at: from_wire(event.expires_at.as_ref()),
                    revoked_at: None,
                };
            }
            Event::Revoked(event) => self.revoked_at = Some(from_wire(event.at.as_ref())),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use runtime::entity::testing::{decide, fold, moment};

    use super::*;

    /// A session of `usr_1` that began at a moment.
    pub(crate) fn opened(at: i64) -> Event {
        Event::Opened(v1::SessionOpened {
            session_id: "ses_1".into(),
            user_id: "usr_1".into(),
            secret_hash: vec![1],
            amr: vec!["pwd".into()],
            expires_at: Some(to_wire(moment(at) + LIFE)),
            at: Some(to_wire(moment(at))),
            ..v1::SessionOpened::default()
        })
    }

    fn revoked() -> Event {
        Event::Revoked(v1::SessionRevoked { at: Some(to_wire(moment(2))), ..v1::SessionRevoked::default() })
    }

    fn check(given: &[Event], when: Command, expected: &str) {
        let said = match decide::<Session>(given, when) {
            Err(refusal) => refusal.to_string(),
            Ok(events) => events.iter().map(Event::name).collect::<Vec<_>>().join(", "),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn a_session_begins_once_and_ends_once() {
        let open = || Command::Open(Box::default());
        let revoke = || Command::Revoke { session_id: "ses_1".into(), reason: "signed_out" };
        let over = opened(100 - LIFE.as_secs());
        check(&[], open(), "session.opened");
        check(&[opened(1)], open(), "there is already a session with this id");
        check(&[opened(1), revoked()], open(), "there is already a session with this id");
        check(std::slice::from_ref(&over), open(), "there is already a session with this id");
        check(&[], revoke(), "there is no such session");
        check(&[opened(1)], revoke(), "session.revoked");
        check(&[opened(1), revoked()], revoke(), "");
        check(&[over], revoke(), "");
    }

    #[test]
    fn it_goes_on_until_it_is_ended_or_over() {
        let live = fold::<Session>(&[opened(1)]);
        assert!(live.is_live(moment(2)) && !live.is_live(moment(1) + LIFE));
        assert!(!fold::<Session>(&[opened(1), revoked()]).is_live(moment(3)));
        assert!(!Session::default().is_live(moment(0)));
        assert!(live.is_shown_by(&[1]) && !live.is_shown_by(&[2]) && !Session::default().is_shown_by(&[]));
    }
}

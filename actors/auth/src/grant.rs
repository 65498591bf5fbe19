//! A grant: an application was given tokens, and may have new ones for them, each refresh token once.
//!
//! Whoever shows a refresh token that was exchanged long ago has stolen it, or been robbed: nobody knows which, so the
//! whole family ends. For a few seconds the one before is good still, and is exchanged for the same successor: an answer
//! may get lost on its way.

use jiff::{SignedDuration, Timestamp};
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::crypto;
use crate::recorded::recorded;
use crate::wire::{Problem, v1};

/// For how long an application may have new tokens without anybody signing in.
pub const LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// For how long a refresh token that was exchanged is exchanged again, for the same one.
pub const GRACE: SignedDuration = SignedDuration::from_secs(10);
/// How many refresh tokens that were exchanged are known again; older ones are just not good.
const SPENT_MAX: usize = 200;

/// The state of a grant; `opened_at` is absent while nothing ever happened to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The application.
    pub client_id: String,
    /// For whom; empty for the application itself.
    pub user_id: String,
    /// In which session; empty for none.
    pub session_id: String,
    /// What its tokens may do.
    pub scopes: Vec<String>,
    /// What the application wants to see in id tokens.
    pub nonce: String,
    /// When whoever it acts for signed in.
    pub authenticated_at: Option<Timestamp>,
    /// How.
    pub amr: Vec<String>,
    /// What the refresh token hashes to; empty when there is none.
    pub refresh_hash: Vec<u8>,
    /// What those before hashed to, oldest first.
    pub spent: Vec<Vec<u8>>,
    /// When the last one was exchanged.
    pub refreshed_at: Option<Timestamp>,
    /// When it was opened.
    pub opened_at: Option<Timestamp>,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// It was ended.
    pub revoked: bool,
    /// The key that whoever renews it has to have, by its thumbprint; empty for any.
    pub jkt: String,
}

/// What can be asked of a grant.
#[derive(Debug, Clone)]
pub enum Command {
    /// Be this. Its times are set here.
    Open(Box<v1::GrantOpened>),
    /// Exchange a refresh token for the next one.
    Refresh {
        /// Its id.
        grant_id: String,
        /// What is shown.
        shown_hash: Vec<u8>,
        /// What comes next.
        next_hash: Vec<u8>,
        /// The key that was proved to be had, by its thumbprint; empty for none.
        jkt: String,
    },
    /// End, for a reason.
    Revoke {
        /// Its id.
        grant_id: String,
        /// Why.
        reason: &'static str,
    },
}

recorded! {
    /// What can have happened to a grant.
    Event {
        /// It was opened.
        Opened(GrantOpened) = "grant.opened",
        /// Its refresh token was exchanged.
        Refreshed(GrantRefreshed) = "grant.refreshed",
        /// It was ended.
        Revoked(GrantRevoked) = "grant.revoked",
    }
}

/// Why a grant says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none, it is over, or nothing of it was shown.
    #[error("the refresh token is not good")]
    NotGood,
    /// Somebody showed what was exchanged long ago.
    #[error("the refresh token has been used")]
    Reused,
    /// It is bound to a key that was not proved to be had.
    #[error("the refresh token is bound to another key")]
    WrongKey,
    /// There is one.
    #[error("there is already a grant with this id")]
    AlreadyExists,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let code = match refusal {
            Refusal::NotGood | Refusal::WrongKey => "invalid_grant",
            Refusal::Reused => REUSED,
            Refusal::AlreadyExists => "already_exists",
        };
        Problem::conflict(code, refusal.to_string())
    }
}

/// The code of the refusal that ends the family.
pub const REUSED: &str = "refresh_token_reused";

impl Grant {
    /// Whether it goes on at a time.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.opened_at.is_some() && !self.revoked && now < self.expires_at
    }

    fn refresh(&self, shown: &[u8], now: Timestamp) -> Result<bool, Refusal> {
        if !self.is_live(now) {
            return Err(Refusal::NotGood);
        }
        if crypto::same(&self.refresh_hash, shown) {
            return Ok(true);
        }
        let in_grace = self.refreshed_at.is_some_and(|at| now <= at + GRACE);
        match self.spent.iter().rposition(|spent| crypto::same(spent, shown)) {
            Some(last) if last + 1 == self.spent.len() && in_grace => Ok(false),
            Some(_) => Err(Refusal::Reused),
            None => Err(Refusal::NotGood),
        }
    }
}

impl Entity for Grant {
    const KIND: &'static str = "grant";
    const FOLD: u32 = 2;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = Some(to_wire(facts.now));
        match (self.opened_at, command) {
            (None, Command::Open(event)) => {
                let expires_at = Some(to_wire(facts.now + LIFE));
                Ok(vec![Event::Opened(v1::GrantOpened { expires_at, at, ..*event })])
            }
            (Some(_), Command::Open(_)) => Err(Refusal::AlreadyExists),
            (None, Command::Refresh { .. }) => Err(Refusal::NotGood),
            // Before anything else: whoever has stolen a token but not its key ends nothing with it.
            (Some(_), Command::Refresh { jkt, .. }) if !self.jkt.is_empty() && self.jkt != jkt => {
                Err(Refusal::WrongKey)
            }
            (Some(_), Command::Refresh { grant_id, shown_hash, next_hash, .. }) => {
                let is_next = self.refresh(&shown_hash, facts.now)?;
                let refreshed = Event::Refreshed(v1::GrantRefreshed { grant_id, refresh_hash: next_hash, at });
                Ok(if is_next { vec![refreshed] } else { vec![] })
            }
            (None, Command::Revoke { .. }) => Ok(vec![]),
            (Some(_), Command::Revoke { .. }) if !self.is_live(facts.now) => Ok(vec![]),
            (Some(_), Command::Revoke { grant_id, reason }) => Ok(vec![Event::Revoked(v1::GrantRevoked {
                grant_id,
                client_id: self.client_id.clone(),
                reason: reason.to_owned(),
                at,
            })]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Opened(event) => {
                *self = Grant {
                    client_id: event.client_id.clone(),
                    user_id: event.user_id.clone(),
                    session_id: event.session_id.clone(),
                    scopes: event.scopes.clone(),
                    nonce: event.nonce.clone(),
                    authenticated_at: event.authenticated_at.as_ref().map(|at| from_wire(Some(at))),
                    amr: event.amr.clone(),
                    refresh_hash: event.refresh_hash.clone(),
                    spent: Vec::new(),
                    refreshed_at: None,
                    opened_at: Some(from_wire(event.at.as_ref())),
                    expires_at: from_wire(event.expires_at.as_ref()),
                    revoked: false,
                    jkt: event.jkt.clone().unwrap_or_default(),
                };
            }
            Event::Refreshed(event) => {
                let spent = std::mem::replace(&mut self.refresh_hash, event.refresh_hash.clone());
                self.spent.push(spent);
                let beyond = self.spent.len().saturating_sub(SPENT_MAX);
                self.spent.drain(..beyond);
                self.refreshed_at = Some(from_wire(event.at.as_ref()));
            }
            Event::Revoked(_) => self.revoked = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, moment};

    use super::*;

    fn opened(at: i64) -> Event {
        Event::Opened(v1::GrantOpened {
            client_id: "cli_1".into(),
            refresh_hash: vec![1],
            expires_at: Some(to_wire(moment(at) + LIFE)),
            at: Some(to_wire(moment(at))),
            ..v1::GrantOpened::default()
        })
    }

    fn refreshed(hash: u8, at: i64) -> Event {
        let at = Some(to_wire(moment(at)));
        Event::Refreshed(v1::GrantRefreshed { grant_id: "gnt_1".into(), refresh_hash: vec![hash], at })
    }

    fn revoked() -> Event {
        Event::Revoked(v1::GrantRevoked::default())
    }

    fn refresh(shown: u8) -> Command {
        refresh_with(shown, "")
    }

    fn refresh_with(shown: u8, jkt: &str) -> Command {
        let (grant_id, shown_hash, next_hash) = ("gnt_1".into(), vec![shown], vec![shown + 1]);
        Command::Refresh { grant_id, shown_hash, next_hash, jkt: jkt.into() }
    }

    fn check(given: &[Event], when: Command, expected: &str) {
        let said = match decide::<Grant>(given, when) {
            Err(refusal) => refusal.to_string(),
            Ok(events) => events.first().map_or("already so", Event::name).to_owned(),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn a_refresh_token_is_exchanged_once_and_in_the_grace_for_the_same_one() {
        check(&[], refresh(1), "the refresh token is not good");
        check(&[opened(1)], refresh(1), "grant.refreshed");
        check(&[opened(1)], refresh(9), "the refresh token is not good");
        check(&[opened(1), refreshed(2, 90)], refresh(1), "already so");
        check(&[opened(1), refreshed(2, 90)], refresh(2), "grant.refreshed");
        check(&[opened(1), refreshed(2, 89)], refresh(1), "the refresh token has been used");
        // Two exchanges within the grace: only the last one before is still good.
        check(&[opened(1), refreshed(2, 95), refreshed(3, 96)], refresh(1), "the refresh token has been used");
        check(&[opened(1), refreshed(2, 95), refreshed(3, 96)], refresh(2), "already so");
        check(&[opened(1), refreshed(2, 95), revoked()], refresh(2), "the refresh token is not good");
        check(&[opened(100 - LIFE.as_secs())], refresh(1), "the refresh token is not good");
    }

    #[test]
    fn a_refresh_token_that_is_bound_to_a_key_is_worth_nothing_without_it() {
        let Event::Opened(plain) = opened(1) else { return };
        let bound = Event::Opened(v1::GrantOpened { jkt: Some("key".into()), ..plain });
        check(std::slice::from_ref(&bound), refresh_with(1, "key"), "grant.refreshed");
        for jkt in ["", "other"] {
            check(std::slice::from_ref(&bound), refresh_with(1, jkt), "the refresh token is bound to another key");
            // Nor does it end the family.
            let used = [bound.clone(), refreshed(2, 2)];
            check(&used, refresh_with(1, jkt), "the refresh token is bound to another key");
        }
        check(&[opened(1)], refresh_with(1, "any"), "grant.refreshed");
    }

    #[test]
    fn a_grant_opens_once_and_ends_once() {
        let open = || Command::Open(Box::default());
        let revoke = || Command::Revoke { grant_id: "gnt_1".into(), reason: "revoked" };
        check(&[], open(), "grant.opened");
        check(&[opened(1)], open(), "there is already a grant with this id");
        check(&[opened(1), revoked()], open(), "there is already a grant with this id");
        check(&[], revoke(), "already so");
        check(&[opened(1)], revoke(), "grant.revoked");
        check(&[opened(1), revoked()], revoke(), "already so");
        check(&[opened(100 - LIFE.as_secs())], revoke(), "already so");
    }
}

//! A pushed request: what an application asks for, left here until somebody comes with it (RFC 9126).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::recorded::recorded;
use crate::wire::{Problem, v1};

/// For how long it is kept: as long as somebody may take to sign in.
pub const LIFE: SignedDuration = SignedDuration::from_mins(10);

/// The state of a pushed request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// The application; empty while nothing ever happened to it.
    pub client_id: String,
    /// What it asks for.
    pub params: BTreeMap<String, String>,
    /// Until when it is kept.
    pub expires_at: Timestamp,
    /// A code was issued for it.
    pub taken: bool,
}

/// What can be asked of it.
#[derive(Debug, Clone)]
pub enum Command {
    /// Be this.
    Push {
        /// Its id.
        pushed_id: String,
        /// The application.
        client_id: String,
        /// What it asks for.
        params: BTreeMap<String, String>,
    },
    /// Be used up.
    Take {
        /// Its id.
        pushed_id: String,
    },
}

recorded! {
    /// What can have happened to it.
    Event {
        /// It was left.
        Pushed(AuthorizationPushed) = "authorization.pushed",
        /// It was used up.
        Taken(AuthorizationTaken) = "authorization.taken",
    }
}

/// Why it says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none, or its time is over.
    #[error("the request_uri is not good")]
    NotGood,
    /// There is one.
    #[error("there is already such a request")]
    AlreadyExists,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        Problem::conflict("invalid_request_uri", refusal.to_string())
    }
}

impl Pushed {
    /// Whether it can be used at a time.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        !self.client_id.is_empty() && !self.taken && now < self.expires_at
    }
}

impl Entity for Pushed {
    const KIND: &'static str = "pushed";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = Some(to_wire(facts.now));
        match command {
            Command::Push { pushed_id, client_id, params } if self.client_id.is_empty() => {
                let expires_at = Some(to_wire(facts.now + LIFE));
                Ok(vec![Event::Pushed(v1::AuthorizationPushed { pushed_id, client_id, params, expires_at, at })])
            }
            Command::Push { .. } => Err(Refusal::AlreadyExists),
            Command::Take { pushed_id } if self.is_live(facts.now) => {
                Ok(vec![Event::Taken(v1::AuthorizationTaken { pushed_id, at })])
            }
            Command::Take { .. } => Err(Refusal::NotGood),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Pushed(event) => {
                *self = Pushed {
                    client_id: event.client_id.clone(),
                    params: event.params.clone(),
                    expires_at: from_wire(event.expires_at.as_ref()),
                    taken: false,
                };
            }
            Event::Taken(_) => {
                self.taken = true;
                self.params.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, moment};

    use super::*;

    #[test]
    fn a_request_is_left_once_and_used_once_in_time() {
        let push = || Command::Push { pushed_id: "par_1".into(), client_id: "cli_1".into(), params: BTreeMap::new() };
        let take = || Command::Take { pushed_id: "par_1".into() };
        let pushed = |at: i64| {
            let expires_at = Some(to_wire(moment(at)));
            Event::Pushed(v1::AuthorizationPushed { client_id: "cli_1".into(), expires_at, ..Default::default() })
        };
        let taken = Event::Taken(v1::AuthorizationTaken::default());
        let count = |given: &[Event], when: Command| decide::<Pushed>(given, when).map(|events| events.len());
        assert_eq!(count(&[], push()), Ok(1));
        assert_eq!(count(&[pushed(200)], push()), Err(Refusal::AlreadyExists));
        assert_eq!(count(&[pushed(200), taken.clone()], push()), Err(Refusal::AlreadyExists));
        assert_eq!(count(&[], take()), Err(Refusal::NotGood));
        assert_eq!(count(&[pushed(101)], take()), Ok(1));
        assert_eq!(count(&[pushed(100)], take()), Err(Refusal::NotGood));
        assert_eq!(count(&[pushed(200), taken], take()), Err(Refusal::NotGood));
    }
}

//! An account: that somebody can sign in, what they may do beside their role, and which applications act for them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::recorded::recorded;
use crate::session;
use crate::wire::{Problem, v1};

/// The state of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// They can sign in.
    pub registered: bool,
    /// They no longer can.
    pub closed: bool,
    /// What they may do beside what their role lets them.
    pub scopes: Vec<String>,
    /// When that last changed.
    pub granted_at: Option<Timestamp>,
    /// What each application may have of them without asking again.
    pub consents: BTreeMap<String, BTreeSet<String>>,
    /// Sessions that may still go on, and when they began.
    pub sessions: BTreeMap<String, Timestamp>,
}

/// What can be asked of an account.
#[derive(Debug, Clone)]
pub enum Command {
    /// Note that they can sign in.
    Register {
        /// Who.
        user_id: String,
        /// Where they are written to. Opaque.
        email: String,
    },
    /// Note that they signed in.
    Authenticate {
        /// Who.
        user_id: String,
        /// The session.
        session_id: String,
        /// How.
        amr: Vec<String>,
        /// Through which application.
        client_id: String,
    },
    /// Note that there were too many attempts.
    Lock {
        /// Who.
        user_id: String,
        /// For how long.
        retry_after_seconds: u32,
    },
    /// Let them do this beside their role.
    Grant {
        /// Who.
        user_id: String,
        /// What.
        scopes: Vec<String>,
    },
    /// Let an application act for them.
    Consent {
        /// Who.
        user_id: String,
        /// Which.
        client_id: String,
        /// What it may.
        scopes: Vec<String>,
    },
    /// They are gone.
    Close {
        /// Who.
        user_id: String,
        /// Why.
        reason: String,
    },
}

recorded! {
    /// What can have happened to an account.
    Event {
        /// They can sign in.
        Registered(UserRegistered) = "user.registered",
        /// They signed in.
        Authenticated(UserAuthenticated) = "user.authenticated",
        /// There were too many attempts.
        Locked(UserLocked) = "user.locked",
        /// They may do this beside their role.
        Granted(UserGranted) = "user.granted",
        /// An application may act for them.
        Consented(ConsentGiven) = "consent.given",
        /// They are gone.
        Closed(AccountClosed) = "account.closed",
    }
}

/// Why an account says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is gone.
    #[error("the account is gone")]
    Closed,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        Problem::conflict("account_closed", refusal.to_string())
    }
}

impl Account {
    /// Whether an application may have all of this without asking.
    #[must_use]
    pub fn lets(&self, client_id: &str, scopes: &[String]) -> bool {
        self.consents.get(client_id).is_some_and(|given| scopes.iter().all(|scope| given.contains(scope)))
    }
}

impl Entity for Account {
    const KIND: &'static str = "account";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = Some(to_wire(facts.now));
        match (self.closed, command) {
            // The news of a registration may come after that of the end.
            (true, Command::Register { .. } | Command::Close { .. } | Command::Lock { .. }) => Ok(vec![]),
            (true, Command::Authenticate { .. } | Command::Grant { .. } | Command::Consent { .. }) => {
                Err(Refusal::Closed)
            }
            (false, Command::Register { .. }) if self.registered => Ok(vec![]),
            (false, Command::Register { user_id, email }) => {
                Ok(vec![Event::Registered(v1::UserRegistered { user_id, email, at })])
            }
            (false, Command::Authenticate { user_id, session_id, amr, client_id }) => {
                Ok(vec![Event::Authenticated(v1::UserAuthenticated { user_id, session_id, amr, client_id, at })])
            }
            (false, Command::Lock { user_id, retry_after_seconds }) => {
                Ok(vec![Event::Locked(v1::UserLocked { user_id, retry_after_seconds, at })])
            }
            (false, Command::Grant { scopes, .. }) if self.scopes == scopes => Ok(vec![]),
            (false, Command::Grant { user_id, scopes }) => {
                Ok(vec![Event::Granted(v1::UserGranted { user_id, scopes, at })])
            }
            (false, Command::Consent { client_id, scopes, .. }) if self.lets(&client_id, &scopes) => Ok(vec![]),
            (false, Command::Consent { user_id, client_id, scopes }) => {
                Ok(vec![Event::Consented(v1::ConsentGiven { user_id, client_id, scopes, at })])
            }
            (false, Command::Close { user_id, reason }) => {
                Ok(vec![Event::Closed(v1::AccountClosed { user_id, reason, at })])
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Registered(_) => self.registered = true,
            Event::Authenticated(event) => {
                let at = from_wire(event.at.as_ref());
                self.sessions.retain(|_, began| at < *began + session::LIFE);
                self.sessions.insert(event.session_id.clone(), at);
            }
            Event::Locked(_) => {}
            Event::Granted(event) => {
                self.scopes = event.scopes.clone();
                self.granted_at = Some(from_wire(event.at.as_ref()));
            }
            Event::Consented(event) => {
                self.consents.entry(event.client_id.clone()).or_default().extend(event.scopes.iter().cloned());
            }
            Event::Closed(_) => *self = Account { registered: self.registered, closed: true, ..Account::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, fold, moment};

    use super::*;

    const WHO: &str = "usr_1";

    fn commands() -> [(&'static str, Command); 6] {
        let user_id = || WHO.to_owned();
        [
            ("register", Command::Register { user_id: user_id(), email: "sealed".into() }),
            ("authenticate", authenticate()),
            ("lock", Command::Lock { user_id: user_id(), retry_after_seconds: 60 }),
            ("grant", Command::Grant { user_id: user_id(), scopes: vec!["order:manage".into()] }),
            ("consent", consent(&["order:read"])),
            ("close", Command::Close { user_id: user_id(), reason: "deleted".into() }),
        ]
    }

    fn authenticate() -> Command {
        Command::Authenticate {
            user_id: WHO.into(),
            session_id: "ses_1".into(),
            amr: vec!["pwd".into()],
            client_id: String::new(),
        }
    }

    fn consent(scopes: &[&str]) -> Command {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        Command::Consent { user_id: WHO.into(), client_id: "cli_1".into(), scopes }
    }

    /// What each command makes of a state, in the order of [`commands`].
    fn row(given: &[Event]) -> Vec<String> {
        let said = |command: Command| match decide::<Account>(given, command) {
            Err(refusal) => refusal.to_string(),
            Ok(events) => events.first().map_or("already so", Event::name).to_owned(),
        };
        commands().map(|(_, command)| said(command)).to_vec()
    }

    fn all(given: &[Event]) -> Vec<Event> {
        commands().into_iter().flat_map(|(_, command)| decide::<Account>(given, command).expect("done")).collect()
    }

    #[test]
    fn every_command_in_every_state() {
        let fresh =
            ["user.registered", "user.authenticated", "user.locked", "user.granted", "consent.given", "account.closed"];
        assert_eq!(row(&[]), fresh);
        let events = all(&[]);
        let open = ["already so", "user.authenticated", "user.locked", "already so", "already so", "account.closed"];
        assert_eq!(row(&events[..5]), open);
        let gone = "the account is gone";
        assert_eq!(row(&events), ["already so", gone, "already so", gone, gone, "already so"]);
    }

    #[test]
    fn consent_is_asked_again_for_more_and_not_for_less() {
        let given = decide::<Account>(&[], consent(&["order:read", "cart:read"])).expect("done");
        assert_eq!(decide::<Account>(&given, consent(&["cart:read"])), Ok(vec![]));
        assert_eq!(decide::<Account>(&given, consent(&["order:write"])).map(|events| events.len()), Ok(1));
        assert!(!fold::<Account>(&given).lets("cli_2", &["cart:read".into()]));
    }

    #[test]
    fn sessions_that_are_over_are_forgotten() {
        let signed_in = |session_id: &str, at: Timestamp| {
            Event::Authenticated(v1::UserAuthenticated {
                session_id: session_id.into(),
                at: Some(to_wire(at)),
                ..v1::UserAuthenticated::default()
            })
        };
        let account = fold::<Account>(&[signed_in("old", moment(0)), signed_in("new", moment(1) + session::LIFE)]);
        assert_eq!(account.sessions.keys().collect::<Vec<_>>(), ["new"]);
    }
}

//! A code: what a browser carries from the page of consent to an application, which exchanges it for tokens, once.

use jiff::{SignedDuration, Timestamp};
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::crypto;
use crate::recorded::recorded;
use crate::wire::{Problem, v1};

/// For how long a code is good. It is exchanged by a machine, at once.
pub const LIFE: SignedDuration = SignedDuration::from_secs(60);

/// The state of a code; `issued` is false while nothing ever happened to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// It was issued.
    pub issued: bool,
    /// What its secret hashes to.
    pub code_hash: Vec<u8>,
    /// The application.
    pub client_id: String,
    /// Who let it.
    pub user_id: String,
    /// In which session.
    pub session_id: String,
    /// Where it was sent.
    pub redirect_uri: String,
    /// What the tokens may do.
    pub scopes: Vec<String>,
    /// What the application wants to see in the id token.
    pub nonce: String,
    /// What the verifier has to hash to.
    pub challenge: String,
    /// When they signed in.
    pub authenticated_at: Timestamp,
    /// How.
    pub amr: Vec<String>,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// The grant that it was exchanged for.
    pub grant_id: Option<String>,
    /// The key that whoever exchanges it has to have, by its thumbprint; empty for any.
    pub jkt: String,
}

/// What can be asked of a code.
#[derive(Debug, Clone)]
pub enum Command {
    /// Be this. Its times are set here.
    Issue(Box<v1::CodeIssued>),
    /// Be exchanged.
    Redeem {
        /// Its id.
        code_id: String,
        /// For this grant.
        grant_id: String,
        /// What is shown.
        shown: Shown,
    },
}

/// What is shown with a code.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// What its secret hashes to.
    pub code_hash: Vec<u8>,
    /// By which application.
    pub client_id: String,
    /// Where it says that the code was sent; empty when it does not say.
    pub redirect_uri: String,
    /// What its verifier hashes to.
    pub challenge: String,
    /// The key that was proved to be had, by its thumbprint; empty for none.
    pub jkt: String,
}

recorded! {
    /// What can have happened to a code.
    #[expect(clippy::large_enum_variant, reason = "an event is made, written and gone; none is kept in a list")]
    Event {
        /// It was issued.
        Issued(CodeIssued) = "authorization.code_issued",
        /// It was exchanged.
        Redeemed(CodeRedeemed) = "authorization.code_redeemed",
    }
}

/// Why a code says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none, or something that was shown with it is wrong.
    #[error("the code is not good")]
    NotGood,
    /// Its time is over.
    #[error("the code has expired")]
    Expired,
    /// It was exchanged before.
    #[error("the code has been used")]
    Used,
    /// The verifier is not that of the challenge.
    #[error("the code_verifier is not that of the code_challenge")]
    WrongVerifier,
    /// The key is not the one that was named when the code was asked for.
    #[error("the code was asked for with another key")]
    WrongKey,
    /// There is one.
    #[error("there is already a code with this id")]
    AlreadyExists,
}

/// The code of the refusal that ends the grant.
pub const USED: &str = "code_used";

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let code = if refusal == Refusal::Used { USED } else { "invalid_grant" };
        Problem::conflict(code, refusal.to_string())
    }
}

impl Entity for Code {
    const KIND: &'static str = "code";
    const FOLD: u32 = 2;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = Some(to_wire(facts.now));
        match (self.issued, command) {
            (false, Command::Issue(event)) => {
                let expires_at = Some(to_wire(facts.now + LIFE));
                Ok(vec![Event::Issued(v1::CodeIssued { expires_at, at, ..*event })])
            }
            (true, Command::Issue(_)) => Err(Refusal::AlreadyExists),
            (false, Command::Redeem { .. }) => Err(Refusal::NotGood),
            (true, Command::Redeem { code_id, grant_id, shown }) => {
                let said = shown.redirect_uri.is_empty() || shown.redirect_uri == self.redirect_uri;
                if !crypto::same(&self.code_hash, &shown.code_hash) || shown.client_id != self.client_id || !said {
                    return Err(Refusal::NotGood);
                }
                if self.grant_id.is_some() {
                    return Err(Refusal::Used);
                }
                if facts.now >= self.expires_at {
                    return Err(Refusal::Expired);
                }
                if !crypto::same(self.challenge.as_bytes(), shown.challenge.as_bytes()) {
                    return Err(Refusal::WrongVerifier);
                }
                if !self.jkt.is_empty() && self.jkt != shown.jkt {
                    return Err(Refusal::WrongKey);
                }
                Ok(vec![Event::Redeemed(v1::CodeRedeemed { code_id, grant_id, at })])
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Issued(event) => {
                *self = Code {
                    issued: true,
                    code_hash: event.code_hash.clone(),
                    client_id: event.client_id.clone(),
                    user_id: event.user_id.clone(),
                    session_id: event.session_id.clone(),
                    redirect_uri: event.redirect_uri.clone(),
                    scopes: event.scopes.clone(),
                    nonce: event.nonce.clone(),
                    challenge: event.challenge.clone(),
                    authenticated_at: from_wire(event.authenticated_at.as_ref()),
                    amr: event.amr.clone(),
                    expires_at: from_wire(event.expires_at.as_ref()),
                    grant_id: None,
                    jkt: event.jkt.clone().unwrap_or_default(),
                };
            }
            Event::Redeemed(event) => self.grant_id = Some(event.grant_id.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, moment};

    use super::*;

    fn issued(at: i64) -> Event {
        Event::Issued(v1::CodeIssued {
            code_hash: vec![1],
            client_id: "cli_1".into(),
            redirect_uri: "https://app.example/callback".into(),
            challenge: "challenge".into(),
            expires_at: Some(to_wire(moment(at) + LIFE)),
            ..v1::CodeIssued::default()
        })
    }

    fn redeemed() -> Event {
        Event::Redeemed(v1::CodeRedeemed { grant_id: "gnt_1".into(), ..v1::CodeRedeemed::default() })
    }

    fn shown() -> Shown {
        Shown {
            code_hash: vec![1],
            client_id: "cli_1".into(),
            redirect_uri: String::new(),
            challenge: "challenge".into(),
            jkt: String::new(),
        }
    }

    fn check(given: &[Event], shown: Shown, expected: &str) {
        let when = Command::Redeem { code_id: "azc_1".into(), grant_id: "gnt_1".into(), shown };
        let said = match decide::<Code>(given, when) {
            Err(refusal) => refusal.to_string(),
            Ok(events) => events.first().map_or("already so", Event::name).to_owned(),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn a_code_is_exchanged_once_in_time_by_whom_it_was_made_for() {
        check(&[], shown(), "the code is not good");
        check(&[issued(50)], shown(), "authorization.code_redeemed");
        check(&[issued(40)], shown(), "the code has expired");
        check(&[issued(50), redeemed()], shown(), "the code has been used");
        check(&[issued(40), redeemed()], shown(), "the code has been used");
        let good = [issued(50)];
        check(&good, Shown { code_hash: vec![2], ..shown() }, "the code is not good");
        check(&good, Shown { client_id: "cli_2".into(), ..shown() }, "the code is not good");
        check(&good, Shown { redirect_uri: "https://evil.example".into(), ..shown() }, "the code is not good");
        check(
            &good,
            Shown { redirect_uri: "https://app.example/callback".into(), ..shown() },
            "authorization.code_redeemed",
        );
        for challenge in ["", "other"] {
            let wrong = Shown { challenge: challenge.into(), ..shown() };
            check(&good, wrong, "the code_verifier is not that of the code_challenge");
        }
    }

    #[test]
    fn a_code_that_was_asked_for_with_a_key_is_exchanged_with_that_key() {
        let Event::Issued(plain) = issued(50) else { return };
        let bound = [Event::Issued(v1::CodeIssued { jkt: Some("key".into()), ..plain })];
        check(&bound, Shown { jkt: "key".into(), ..shown() }, "authorization.code_redeemed");
        for jkt in ["", "other"] {
            check(&bound, Shown { jkt: jkt.into(), ..shown() }, "the code was asked for with another key");
        }
        check(&[issued(50)], Shown { jkt: "any".into(), ..shown() }, "authorization.code_redeemed");
    }

    #[test]
    fn a_code_is_issued_once() {
        let issue = || Command::Issue(Box::default());
        assert_eq!(decide::<Code>(&[], issue()).map(|events| events.len()), Ok(1));
        assert_eq!(decide::<Code>(&[issued(1)], issue()), Err(Refusal::AlreadyExists));
        assert_eq!(decide::<Code>(&[issued(1), redeemed()], issue()), Err(Refusal::AlreadyExists));
    }
}

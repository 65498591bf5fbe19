//! What happened to claims and guards, as it is stored.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Recorded, Undecodable};

use super::v1;
use crate::claim;
use crate::guard::{Attempt, Event, Outcome, What};

impl Recorded for claim::Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let (email_id, user_id, at) = (self.id.clone(), self.user.clone(), Some(to_wire(self.at)));
        match self.taken {
            true => ("email.claimed", v1::EmailClaimed { email_id, user_id, at }.encode_to_vec()),
            false => ("email.released", v1::EmailReleased { email_id, user_id, at }.encode_to_vec()),
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<claim::Event, Undecodable> {
        let unreadable = |e: prost::DecodeError| Undecodable::new(event_type, e);
        let (id, user, at, taken) = match event_type {
            "email.claimed" => {
                let said = v1::EmailClaimed::decode(data).map_err(unreadable)?;
                (said.email_id, said.user_id, said.at, true)
            }
            "email.released" => {
                let said = v1::EmailReleased::decode(data).map_err(unreadable)?;
                (said.email_id, said.user_id, said.at, false)
            }
            other => return Err(Undecodable::new(other, "an address has no such event")),
        };
        Ok(claim::Event { id, user, at: from_wire(at.as_ref()), taken })
    }
}

pub(super) fn outcome_out(outcome: Outcome) -> v1::VerifyOutcome {
    match outcome {
        Outcome::Verified => v1::VerifyOutcome::Verified,
        Outcome::MfaRequired => v1::VerifyOutcome::MfaRequired,
        Outcome::Refused => v1::VerifyOutcome::Refused,
    }
}

fn outcome_in(outcome: v1::VerifyOutcome) -> Outcome {
    match outcome {
        v1::VerifyOutcome::Verified => Outcome::Verified,
        v1::VerifyOutcome::MfaRequired => Outcome::MfaRequired,
        v1::VerifyOutcome::Refused | v1::VerifyOutcome::Locked | v1::VerifyOutcome::Unspecified => Outcome::Refused,
    }
}

/// Why tries were forgotten: nobody came for long.
const QUIET: &str = "quiet";

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let (email_id, at) = (self.id.clone(), Some(to_wire(self.at)));
        match &self.what {
            What::Judged(attempt) => {
                let Attempt { id: attempt_id, user: user_id, outcome, amr, place, source, agent } = (**attempt).clone();
                let event = v1::AttemptJudged {
                    email_id,
                    user_id,
                    attempt_id,
                    outcome: outcome_out(outcome).into(),
                    amr,
                    source_key: place,
                    source,
                    user_agent: agent,
                    at,
                };
                ("attempt.judged", event.encode_to_vec())
            }
            What::Reset(place) => {
                let (reason, source_key) = ("reset".to_owned(), place.clone());
                ("guard.cleared", v1::GuardCleared { email_id, reason, source_key, at }.encode_to_vec())
            }
            What::Quiet => {
                let (reason, source_key) = (QUIET.to_owned(), String::new());
                ("guard.cleared", v1::GuardCleared { email_id, reason, source_key, at }.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Event, Undecodable> {
        let unreadable = |e: prost::DecodeError| Undecodable::new(event_type, e);
        let (id, at, what) = match event_type {
            "attempt.judged" => {
                let said = v1::AttemptJudged::decode(data).map_err(unreadable)?;
                let outcome = outcome_in(said.outcome());
                let attempt = Attempt {
                    id: said.attempt_id,
                    user: said.user_id,
                    outcome,
                    amr: said.amr,
                    place: said.source_key,
                    source: said.source,
                    agent: said.user_agent,
                };
                (said.email_id, said.at, What::Judged(Box::new(attempt)))
            }
            "guard.cleared" => {
                let said = v1::GuardCleared::decode(data).map_err(unreadable)?;
                let what = if said.reason == QUIET { What::Quiet } else { What::Reset(said.source_key) };
                (said.email_id, said.at, what)
            }
            other => return Err(Undecodable::new(other, "a guard has no such event")),
        };
        Ok(Event { id, at: from_wire(at.as_ref()), what })
    }
}

/// A try at an account, as its owner sees it; `None` when an event is none, or there was no account.
pub(crate) fn tried(event_type: &str, data: &[u8]) -> Option<(String, v1::Authentication)> {
    let said = (event_type == "attempt.judged").then(|| v1::AttemptJudged::decode(data).ok()).flatten()?;
    let shown = v1::Authentication {
        attempt_id: said.attempt_id,
        outcome: said.outcome,
        amr: said.amr,
        source: said.source,
        user_agent: said.user_agent,
        at: said.at,
    };
    Some(said.user_id).filter(|user_id| !user_id.is_empty()).map(|user_id| (user_id, shown))
}

//! A device: something without a keyboard that waits until somebody lets it in from elsewhere (RFC 8628).

use jiff::{SignedDuration, Timestamp};
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::crypto;
use crate::recorded::recorded;
use crate::wire::{Problem, v1};

/// For how long it waits.
pub const LIFE: SignedDuration = SignedDuration::from_mins(10);
/// How many seconds a device waits between two questions at first, and how many more each time it asked too soon
/// (RFC 8628 §3.2 and §3.5).
pub const INTERVAL_SECS: u32 = 5;
/// By how much a question may be early: the one before may have been longer on its way.
const EARLY: SignedDuration = SignedDuration::from_secs(1);

/// The state of a device's request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// What the secret of its code hashes to.
    pub device_hash: Vec<u8>,
    /// The application; empty while nothing ever happened to it.
    pub client_id: String,
    /// What it wants.
    pub scopes: Vec<String>,
    /// Until when it waits.
    pub expires_at: Timestamp,
    /// What somebody said.
    pub answer: Option<Answer>,
    /// It took its tokens.
    pub redeemed: bool,
    /// When it asked last, and nobody had answered.
    pub polled_at: Option<Timestamp>,
    /// How many seconds it waits between two questions; 0 while it never asked.
    pub interval_secs: u32,
}

/// What somebody said to a device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Who.
    pub user_id: String,
    /// In which session.
    pub session_id: String,
    /// Whether it may in.
    pub approved: bool,
    /// When they signed in.
    pub authenticated_at: Timestamp,
    /// How.
    pub amr: Vec<String>,
}

/// What can be asked of a device.
#[derive(Debug, Clone)]
pub enum Command {
    /// Wait. Its times are set here.
    Request(Box<v1::DeviceRequested>),
    /// Somebody says yes or no.
    Answer {
        /// Its id.
        device_id: String,
        /// What they say.
        answer: Answer,
    },
    /// Note that it asked and nobody had answered.
    Poll {
        /// Its id.
        device_id: String,
    },
    /// Take the tokens.
    Redeem {
        /// Its id.
        device_id: String,
        /// The grant.
        grant_id: String,
        /// What the secret that is shown hashes to.
        device_hash: Vec<u8>,
        /// By which application.
        client_id: String,
    },
}

recorded! {
    /// What can have happened to a device.
    Event {
        /// It waits.
        Requested(DeviceRequested) = "device.requested",
        /// Somebody said yes or no.
        Answered(DeviceAnswered) = "device.answered",
        /// It asked before somebody had answered.
        Polled(DevicePolled) = "device.polled",
        /// It took its tokens.
        Redeemed(DeviceRedeemed) = "device.redeemed",
    }
}

/// Why a device is told no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none, or the wrong thing was shown, or it was used.
    #[error("the device code is not good")]
    NotGood,
    /// Its time is over.
    #[error("the device code has expired")]
    Expired,
    /// Nobody has said anything yet.
    #[error("nobody has answered yet")]
    Pending,
    /// Nobody has said anything yet, and it asks too often.
    #[error("nobody has answered yet, and the device asks too often: wait five seconds longer each time")]
    TooOften,
    /// Somebody said no.
    #[error("it was not let in")]
    Denied,
    /// There is one.
    #[error("there is already such a device")]
    AlreadyExists,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let code = match refusal {
            Refusal::NotGood => "invalid_grant",
            Refusal::Expired => "expired_token",
            Refusal::Pending => PENDING,
            Refusal::TooOften => TOO_OFTEN,
            Refusal::Denied => "access_denied",
            Refusal::AlreadyExists => "already_exists",
        };
        Problem::conflict(code, refusal.to_string())
    }
}

/// The code of the refusal while nobody has answered.
pub const PENDING: &str = "authorization_pending";
/// The code of the refusal when it asks too often.
pub const TOO_OFTEN: &str = "slow_down";

impl Device {
    /// Whether somebody can still say yes or no.
    #[must_use]
    pub fn is_waiting(&self, now: Timestamp) -> bool {
        !self.client_id.is_empty() && self.answer.is_none() && now < self.expires_at
    }

    /// Whether it has to wait longer than there is somebody to wait for.
    fn waits_for_good(&self) -> bool {
        i64::from(self.interval_secs) >= LIFE.as_secs()
    }

    /// Whether it was told to wait longer than it did.
    fn is_early(&self, now: Timestamp) -> bool {
        let pause = SignedDuration::from_secs(self.interval_secs.into()) - EARLY;
        self.polled_at.is_some_and(|at| now.duration_since(at) < pause)
    }

    fn redeem(&self, shown: &[u8], by: &str, now: Timestamp) -> Result<(), Refusal> {
        if !crypto::same(&self.device_hash, shown) || by != self.client_id || self.redeemed {
            return Err(Refusal::NotGood);
        }
        match &self.answer {
            _ if now >= self.expires_at => Err(Refusal::Expired),
            None if self.is_early(now) => Err(Refusal::TooOften),
            None => Err(Refusal::Pending),
            Some(answer) if !answer.approved => Err(Refusal::Denied),
            Some(_) => Ok(()),
        }
    }
}

impl Entity for Device {
    const KIND: &'static str = "device";
    const FOLD: u32 = 2;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = Some(to_wire(facts.now));
        match command {
            Command::Request(event) if self.client_id.is_empty() => {
                let expires_at = Some(to_wire(facts.now + LIFE));
                Ok(vec![Event::Requested(v1::DeviceRequested { expires_at, at, ..*event })])
            }
            Command::Request(_) => Err(Refusal::AlreadyExists),
            Command::Answer { device_id, answer } if self.is_waiting(facts.now) => {
                let Answer { user_id, session_id, approved, authenticated_at, amr } = answer;
                let authenticated_at = Some(to_wire(authenticated_at));
                let event = v1::DeviceAnswered { device_id, user_id, session_id, approved, authenticated_at, amr, at };
                Ok(vec![Event::Answered(event)])
            }
            Command::Answer { .. } => Err(Refusal::NotGood),
            Command::Poll { .. } if !self.is_waiting(facts.now) => Ok(vec![]),
            // Whoever is to wait beyond the end is told so without another line in the log: this bounds what a device
            // that never listens can write.
            Command::Poll { .. } if self.is_early(facts.now) && self.waits_for_good() => Ok(vec![]),
            Command::Poll { device_id } => {
                let longer = if self.is_early(facts.now) { INTERVAL_SECS } else { 0 };
                let interval_seconds = self.interval_secs.max(INTERVAL_SECS) + longer;
                Ok(vec![Event::Polled(v1::DevicePolled { device_id, interval_seconds, at })])
            }
            Command::Redeem { device_id, grant_id, device_hash, client_id } => {
                self.redeem(&device_hash, &client_id, facts.now)?;
                Ok(vec![Event::Redeemed(v1::DeviceRedeemed { device_id, grant_id, at })])
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Requested(event) => {
                *self = Device {
                    device_hash: event.device_hash.clone(),
                    client_id: event.client_id.clone(),
                    scopes: event.scopes.clone(),
                    expires_at: from_wire(event.expires_at.as_ref()),
                    ..Device::default()
                };
            }
            Event::Answered(event) => {
                self.answer = Some(Answer {
                    user_id: event.user_id.clone(),
                    session_id: event.session_id.clone(),
                    approved: event.approved,
                    authenticated_at: from_wire(event.authenticated_at.as_ref()),
                    amr: event.amr.clone(),
                });
            }
            Event::Polled(event) => {
                self.polled_at = Some(from_wire(event.at.as_ref()));
                self.interval_secs = event.interval_seconds;
            }
            Event::Redeemed(_) => self.redeemed = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, moment};

    use super::*;

    fn requested(until: i64) -> Event {
        Event::Requested(v1::DeviceRequested {
            device_hash: vec![1],
            client_id: "cli_1".into(),
            expires_at: Some(to_wire(moment(until))),
            ..Default::default()
        })
    }

    fn answered(approved: bool) -> Event {
        Event::Answered(v1::DeviceAnswered { approved, ..Default::default() })
    }

    fn polled(interval_seconds: u32, at: i64) -> Event {
        Event::Polled(v1::DevicePolled { interval_seconds, at: Some(to_wire(moment(at))), ..Default::default() })
    }

    fn redeem(hash: u8, client_id: &str) -> Command {
        let (device_id, grant_id) = ("dvc_1".into(), "gnt_1".into());
        Command::Redeem { device_id, grant_id, device_hash: vec![hash], client_id: client_id.into() }
    }

    fn check(given: &[Event], when: Command, expected: &str) {
        let said = match decide::<Device>(given, when) {
            Err(refusal) => refusal.to_string(),
            Ok(events) => events.first().map_or("already so", Event::name).to_owned(),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn every_command_in_every_state() {
        let request = || Command::Request(Box::default());
        let answer = || Command::Answer { device_id: "dvc_1".into(), answer: Answer::default() };
        let take = || redeem(1, "cli_1");
        let redeemed = Event::Redeemed(v1::DeviceRedeemed::default());
        let rows: [(&[Event], [&str; 3]); 6] = [
            (&[], ["device.requested", "the device code is not good", "the device code is not good"]),
            (&[requested(200)], ["there is already such a device", "device.answered", "nobody has answered yet"]),
            (
                &[requested(100)],
                ["there is already such a device", "the device code is not good", "the device code has expired"],
            ),
            (
                &[requested(200), answered(true)],
                ["there is already such a device", "the device code is not good", "device.redeemed"],
            ),
            (
                &[requested(200), answered(false)],
                ["there is already such a device", "the device code is not good", "it was not let in"],
            ),
            (
                &[requested(200), answered(true), redeemed],
                ["there is already such a device", "the device code is not good", "the device code is not good"],
            ),
        ];
        for (given, expected) in rows {
            for (command, expected) in [request(), answer(), take()].into_iter().zip(expected) {
                check(given, command, expected);
            }
        }
        let ready = [requested(200), answered(true)];
        check(&ready, redeem(2, "cli_1"), "the device code is not good");
        check(&ready, redeem(1, "cli_2"), "the device code is not good");
    }

    /// The interval after a device asked, a hundred seconds after the beginning; 0 when nothing is noted.
    fn interval(given: &[Event]) -> u32 {
        match decide::<Device>(given, Command::Poll { device_id: "dvc_1".into() }).expect("noted").as_slice() {
            [Event::Polled(polled)] => polled.interval_seconds,
            _ => 0,
        }
    }

    #[test]
    fn a_device_that_asks_too_often_waits_five_seconds_longer_each_time() {
        let (pending, slow_down) = (Refusal::Pending.to_string(), Refusal::TooOften.to_string());
        for (asked, said, next) in [
            (polled(5, 90), &pending, 5),
            (polled(5, 96), &pending, 5),
            (polled(5, 97), &slow_down, 10),
            (polled(10, 95), &slow_down, 15),
            (polled(10, 91), &pending, 10),
            // It is to wait beyond its end: there is nothing left to note.
            (polled(600, 99), &slow_down, 0),
        ] {
            let given = [requested(200), asked];
            check(&given, redeem(1, "cli_1"), said);
            assert_eq!(interval(&given), next);
        }
        assert_eq!(interval(&[requested(200)]), 5);
        assert_eq!(interval(&[requested(100)]), 0, "its time is over");
        // Once somebody has answered, nobody has to wait.
        check(&[requested(200), polled(5, 99), answered(true)], redeem(1, "cli_1"), "device.redeemed");
        assert_eq!(interval(&[requested(200), polled(5, 99), answered(true)]), 0);
    }
}

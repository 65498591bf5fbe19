//! A guard: what stands between an account and somebody who tries passwords.
//!
//! It is named by the address's blind index and there whether the address has an account or not, so that a lockout tells
//! nobody which addresses do. Wrong tries make their source wait, a little longer each time and never longer than
//! [`WAIT_MAX`]. Tries from many sources make all sources wait that the account was never signed in from; whoever signs in
//! from where they always do is not kept out by what strangers try elsewhere. Setting a new password by a secret that was
//! sent forgets all of it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use runtime::entity::{Agenda, Entity, Facts};
use serde::{Deserialize, Serialize};

/// So many wrong tries from one source are a person who mistypes.
pub const FREE_TRIES: u32 = 5;
/// So many wrong tries from strange sources are an attack from many of them.
pub const FREE_TRIES_OF_ALL: u32 = 50;
/// The longest wait, in seconds: a quarter of an hour. A program gets under a hundred tries a day and source; a person
/// gets a coffee.
pub const WAIT_MAX_SECS: i64 = 900;
/// From so many places somebody is known at most; the oldest is forgotten.
pub const PLACES_KNOWN_MAX: usize = 10;
/// So many places with wrong tries are remembered one by one; the others are counted together.
pub const PLACES_WATCHED_MAX: usize = 64;
/// After so long without a try, wrong tries are forgotten.
pub const QUIET: SignedDuration = SignedDuration::from_hours(24);

/// Wrong tries, and until when no other is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// How many were wrong.
    pub wrong: u32,
    /// Until when it waits.
    pub until: Timestamp,
}

impl Watch {
    fn add(&mut self, free: u32, at: Timestamp) {
        self.wrong = self.wrong.saturating_add(1);
        if let Some(beyond) = self.wrong.checked_sub(free) {
            // 1, 2, 4 … seconds: the tenth doubling is beyond the longest wait.
            let secs = 1_i64.checked_shl(beyond.min(10)).unwrap_or(WAIT_MAX_SECS).min(WAIT_MAX_SECS);
            self.until = at.saturating_add(SignedDuration::from_secs(secs)).unwrap_or(at);
        }
    }
}

/// The state of a guard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// The address, by its blind index.
    pub id: String,
    /// By the place that a try came from.
    pub places: BTreeMap<String, Watch>,
    /// Of all strange places together.
    pub strange: Watch,
    /// Places that somebody has signed in from, the latest last.
    pub known: Vec<String>,
    /// When the last try was.
    pub last: Timestamp,
}

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is them.
    Verified,
    /// A code is needed too.
    MfaRequired,
    /// Something was wrong.
    Refused,
}

/// A try to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The try.
    pub id: String,
    /// The account; empty when the address has none.
    pub user: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How they showed who they are.
    pub amr: Vec<String>,
    /// Where it came from, as a keyed hash; empty when nobody knows.
    pub place: String,
    /// Where it came from. Opaque.
    pub source: String,
    /// With which program. Opaque.
    pub agent: String,
}

/// What can be asked of a guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// This was tried.
    Note(String, Box<Attempt>),
    /// The password was set anew from this place.
    Clear(String, String),
    /// It was long ago.
    Forget,
}

/// What can have happened to a guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The address, by its blind index.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What can have happened to a guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Somebody tried.
    Judged(Box<Attempt>),
    /// Wrong tries are forgotten: the password was set anew from this place.
    Reset(String),
    /// Wrong tries are forgotten: they were long ago.
    Quiet,
}

/// A guard never says no: it is told what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {}

impl Guard {
    /// How many seconds a try from a place has to wait; 0 when it need not.
    #[must_use]
    pub fn wait_secs(&self, place: &str, now: Timestamp) -> u32 {
        let own = self.places.get(place).map_or(Timestamp::UNIX_EPOCH, |watch| watch.until);
        let until = if self.known.iter().any(|known| known == place) { own } else { own.max(self.strange.until) };
        let left = until.duration_since(now).as_millis();
        u32::try_from((left + 999) / 1000).unwrap_or(0)
    }

    fn know(&mut self, place: &str) {
        if place.is_empty() {
            return;
        }
        self.known.retain(|known| known != place);
        self.known.push(place.to_owned());
        if self.known.len() > PLACES_KNOWN_MAX {
            self.known.remove(0);
        }
    }

    fn wrong(&mut self, place: &str, at: Timestamp) {
        if !self.known.iter().any(|known| known == place) {
            self.strange.add(FREE_TRIES_OF_ALL, at);
        }
        if self.places.len() < PLACES_WATCHED_MAX || self.places.contains_key(place) {
            self.places.entry(place.to_owned()).or_default().add(FREE_TRIES, at);
        }
    }

    fn is_quiet(&self) -> bool {
        self.places.is_empty() && self.strange == Watch::default()
    }

    fn forget(&mut self) {
        self.places.clear();
        self.strange = Watch::default();
    }
}

impl Entity for Guard {
    const KIND: &'static str = "guard";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = facts.now;
        Ok(match command {
            Command::Note(id, attempt) => vec![Event { id, at, what: What::Judged(attempt) }],
            Command::Clear(id, place) => vec![Event { id, at, what: What::Reset(place) }],
            Command::Forget if self.is_quiet() || at < quiet_at(self.last) => vec![],
            Command::Forget => vec![Event { id: self.id.clone(), at, what: What::Quiet }],
        })
    }

    fn evolve(&mut self, event: &Event) {
        self.id.clone_from(&event.id);
        match &event.what {
            What::Judged(attempt) => {
                self.last = event.at;
                match attempt.outcome {
                    Outcome::Verified => {
                        self.places.remove(&attempt.place);
                        self.know(&attempt.place);
                    }
                    // Neither good nor bad: whoever has only the password gets no further.
                    Outcome::MfaRequired => {}
                    Outcome::Refused => self.wrong(&attempt.place, event.at),
                }
            }
            What::Reset(place) => {
                self.forget();
                self.know(place);
            }
            What::Quiet => self.forget(),
        }
    }

    fn agenda(&self) -> Agenda<Command> {
        if self.is_quiet() {
            return Agenda::nothing();
        }
        Agenda::nothing().wake(format!("quiet {}", self.last), quiet_at(self.last), Command::Forget)
    }
}

fn quiet_at(last: Timestamp) -> Timestamp {
    last.saturating_add(QUIET).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, facts, fold, moment, owed};

    use super::*;

    fn tried(place: &str, outcome: Outcome, second: i64) -> Event {
        let attempt = Attempt {
            id: "att".into(),
            user: "ada".into(),
            outcome,
            amr: vec![],
            place: place.into(),
            source: "sealed".into(),
            agent: "sealed".into(),
        };
        Event { id: "eml".into(), at: moment(second), what: What::Judged(Box::new(attempt)) }
    }

    fn wrong(place: &str, times: u32) -> Vec<Event> {
        (0..times).map(|_| tried(place, Outcome::Refused, 100)).collect()
    }

    fn wait(events: &[Event], place: &str, second: i64) -> u32 {
        fold::<Guard>(events).wait_secs(place, moment(second))
    }

    #[test]
    fn the_wait_grows_with_every_wrong_try_and_has_an_end() {
        for (times, secs) in [(4, 0), (5, 1), (6, 2), (9, 16), (14, 512), (15, 900), (4_000, 900)] {
            assert_eq!(wait(&wrong("here", times), "here", 100), secs, "{times}");
            assert_eq!(wait(&wrong("here", times), "here", 100 + i64::from(secs)), 0, "{times}");
        }
    }

    #[test]
    fn a_stranger_does_not_keep_the_owner_out() {
        let home = tried("home", Outcome::Verified, 50);
        let mut events = vec![home];
        events.extend(wrong("away", 400));
        assert_eq!((wait(&events, "away", 100), wait(&events, "home", 100)), (900, 0));
        // From a third place everybody waits, for a while.
        assert_eq!((wait(&events, "third", 100), wait(&events, "third", 1_000)), (900, 0));
        assert_eq!(wait(&wrong("away", FREE_TRIES_OF_ALL - 1), "third", 100), 0);
    }

    #[test]
    fn success_clears_its_own_place_and_a_new_password_clears_all() {
        let mut events = wrong("home", 9);
        events.push(tried("home", Outcome::MfaRequired, 101));
        assert_eq!(wait(&events, "home", 101), 15, "half a success changes nothing");
        events.push(tried("home", Outcome::Verified, 200));
        assert_eq!(wait(&events, "home", 100), 0);
        let mut events = wrong("away", 100);
        events.push(Event { id: "eml".into(), at: moment(101), what: What::Reset("home".into()) });
        assert_eq!(fold::<Guard>(&events).known, ["home"]);
        assert_eq!((wait(&events, "away", 100), wait(&events, "new", 100)), (0, 0));
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        let day = 24 * 60 * 60;
        assert!(owed::<Guard>(&[tried("home", Outcome::Verified, 0)]).is_empty());
        assert_eq!(owed::<Guard>(&wrong("away", 1)).len(), 1);
        assert_eq!(decide::<Guard>(&wrong("away", 1), Command::Forget), Ok(vec![]), "not yet");
        let later = fold::<Guard>(&wrong("away", 1)).decide(Command::Forget, &facts(moment(100 + day)));
        let quiet = Event { id: "eml".into(), at: moment(100 + day), what: What::Quiet };
        assert_eq!(later, Ok(vec![quiet.clone()]));
        let mut events = wrong("away", 60);
        events.push(quiet);
        assert!(fold::<Guard>(&events).is_quiet() && owed::<Guard>(&events).is_empty());
        assert_eq!(decide::<Guard>(&[], Command::Forget), Ok(vec![]));
    }

    #[test]
    fn many_sources_do_not_fill_the_memory() {
        let events: Vec<Event> = (0..1_000).map(|n| tried(&format!("place {n}"), Outcome::Refused, 100)).collect();
        assert_eq!(fold::<Guard>(&events).places.len(), PLACES_WATCHED_MAX);
        let known: Vec<Event> = (0..30).map(|n| tried(&format!("home {n}"), Outcome::Verified, 100)).collect();
        assert_eq!(fold::<Guard>(&known).known.len(), PLACES_KNOWN_MAX);
    }
}

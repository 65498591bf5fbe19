//! The keyring: the keys with which tokens are signed.
//!
//! A new key is shown before it signs, so that everybody knows it by then, and shown on after another one signs in its
//! place, until no token of it can be good. Private halves come here sealed and are never opened here.

use jiff::{SignedDuration, Timestamp};
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Agenda, Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::recorded::recorded;
use crate::wire::v1::{SigningAlgorithm, SigningKey};
use crate::wire::{Problem, RING, v1};

/// For how long a key signs.
pub const LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// For how long a key is shown before it signs. Ten times as long as gateways wait before they look again.
pub const LEAD: SignedDuration = SignedDuration::from_mins(10);
/// For how long a key is shown after it signed last. The longest token lives an hour.
pub const OVERLAP: SignedDuration = SignedDuration::from_hours(2);

/// The state of a ring.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyring {
    /// The keys that are shown, oldest first.
    pub keys: Vec<Key>,
}

/// A key of a ring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Its name.
    pub kid: String,
    /// Whether it is Ed25519; ES256 otherwise.
    pub eddsa: bool,
    /// Its public half.
    pub public: Vec<u8>,
    /// Its private half, sealed.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it signs.
    pub signs_from: Timestamp,
    /// Until when it is shown, once another one signs.
    pub shown_until: Option<Timestamp>,
}

/// What can be asked of a ring.
#[derive(Debug, Clone)]
pub enum Command {
    /// Take these new keys; only if it is time, if so wished.
    Rotate {
        /// Whether only if it is time.
        if_due: bool,
        /// The keys, without their times.
        keys: Vec<SigningKey>,
    },
    /// The rotation that was asked for is under way or done.
    Asked,
}

recorded! {
    /// What can have happened to a ring.
    Event {
        /// It has new keys.
        Rotated(SigningKeysRotated) = "signing_keys.rotated",
    }
}

/// A ring says no to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {}
    }
}

impl Keyring {
    fn newest(&self) -> Option<Timestamp> {
        self.keys.iter().map(|key| key.created_at).max()
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.newest().is_none_or(|newest| now >= newest + LIFE)
    }

    /// The keys as the contract says them.
    #[must_use]
    pub fn shown(&self) -> Vec<SigningKey> {
        let shown = |key: &Key| SigningKey {
            kid: key.kid.clone(),
            algorithm: if key.eddsa { SigningAlgorithm::Eddsa } else { SigningAlgorithm::Es256 }.into(),
            public: key.public.clone(),
            sealed: key.sealed.clone(),
            created_at: Some(to_wire(key.created_at)),
            signs_from: Some(to_wire(key.signs_from)),
            shown_until: key.shown_until.map(to_wire),
        };
        self.keys.iter().map(shown).collect()
    }
}

/// The key of these that signs at a time.
#[must_use]
pub fn signing(keys: &[SigningKey], algorithm: SigningAlgorithm, now: Timestamp) -> Option<&SigningKey> {
    let signs = |key: &&SigningKey| key.algorithm() == algorithm && from_wire(key.signs_from.as_ref()) <= now;
    keys.iter().filter(signs).max_by_key(|key| from_wire(key.signs_from.as_ref()))
}

/// Whether a key is shown at a time.
#[must_use]
pub fn is_shown(key: &SigningKey, now: Timestamp) -> bool {
    key.shown_until.as_ref().is_none_or(|until| now < from_wire(Some(until)))
}

impl Entity for Keyring {
    const KIND: &'static str = "keyring";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Asked => Ok(vec![]),
            Command::Rotate { if_due: true, .. } if !self.is_due(facts.now) => Ok(vec![]),
            Command::Rotate { keys, .. } => {
                let signs_from = if self.keys.is_empty() { facts.now } else { facts.now + LEAD };
                let timed = |key: SigningKey| SigningKey {
                    created_at: Some(to_wire(facts.now)),
                    signs_from: Some(to_wire(signs_from)),
                    shown_until: None,
                    ..key
                };
                let keys = keys.into_iter().map(timed).collect();
                let at = Some(to_wire(facts.now));
                Ok(vec![Event::Rotated(v1::SigningKeysRotated { ring: RING.to_owned(), keys, at })])
            }
        }
    }

    fn evolve(&mut self, Event::Rotated(event): &Event) {
        let at = from_wire(event.at.as_ref());
        self.keys.retain(|key| key.shown_until.is_none_or(|until| at < until));
        let signs_from = event.keys.first().map_or(at, |key| from_wire(key.signs_from.as_ref()));
        for key in &mut self.keys {
            key.shown_until.get_or_insert(signs_from + OVERLAP);
        }
        self.keys.extend(event.keys.iter().map(|key| Key {
            kid: key.kid.clone(),
            eddsa: key.algorithm() == SigningAlgorithm::Eddsa,
            public: key.public.clone(),
            sealed: key.sealed.clone(),
            created_at: from_wire(key.created_at.as_ref()),
            signs_from: from_wire(key.signs_from.as_ref()),
            shown_until: None,
        }));
    }

    fn agenda(&self) -> Agenda<Command> {
        let Some(newest) = self.newest() else { return Agenda::nothing() };
        let request = v1::RotateSigningKeysRequest { ring: RING.to_owned(), if_due: true };
        let due = newest + LIFE;
        let key = format!("rotate-{}", due.as_second());
        Agenda::nothing().ask::<crate::wire::rpc::RotateSigningKeys>(key, due, RING, &request, |_| Command::Asked)
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, fold, moment, owed};

    use super::*;

    fn key(kid: &str) -> SigningKey {
        SigningKey { kid: kid.into(), algorithm: SigningAlgorithm::Es256.into(), ..SigningKey::default() }
    }

    fn rotated(kid: &str, at: Timestamp, signs_from: Timestamp) -> Event {
        let key = SigningKey { created_at: Some(to_wire(at)), signs_from: Some(to_wire(signs_from)), ..key(kid) };
        Event::Rotated(v1::SigningKeysRotated { ring: RING.into(), keys: vec![key], at: Some(to_wire(at)) })
    }

    fn rotate(if_due: bool) -> Command {
        Command::Rotate { if_due, keys: vec![key("b")] }
    }

    #[test]
    fn the_first_key_signs_at_once_and_the_next_ones_when_they_are_known() {
        let Ok(first) = decide::<Keyring>(&[], rotate(true));
        assert_eq!(first, [rotated("b", moment(100), moment(100))]);
        let given = [rotated("a", moment(1), moment(1))];
        let Ok(not_due) = decide::<Keyring>(&given, rotate(true));
        assert_eq!(not_due, []);
        let Ok(forced) = decide::<Keyring>(&given, rotate(false));
        assert_eq!(forced, [rotated("b", moment(100), moment(700))]);
        let old = [rotated("a", moment(100) - LIFE, moment(1))];
        let Ok(due) = decide::<Keyring>(&old, rotate(true));
        assert_eq!(due, [rotated("b", moment(100), moment(700))]);
        let Ok(asked) = decide::<Keyring>(&given, Command::Asked);
        assert_eq!(asked, []);
    }

    #[test]
    fn a_key_signs_until_the_next_one_does_and_is_shown_a_while_longer() {
        let ring = fold::<Keyring>(&[rotated("a", moment(0), moment(0)), rotated("b", moment(100), moment(700))]);
        let keys = ring.shown();
        let signs = |at: i64| signing(&keys, SigningAlgorithm::Es256, moment(at)).map(|key| key.kid.as_str());
        assert_eq!((signs(699), signs(700)), (Some("a"), Some("b")));
        assert_eq!(signing(&keys, SigningAlgorithm::Eddsa, moment(700)), None);
        let shown = |at: i64| keys.iter().filter(|key| is_shown(key, moment(at))).count();
        assert_eq!((shown(7899), shown(7900)), (2, 1));
        let later = fold::<Keyring>(&[
            rotated("a", moment(0), moment(0)),
            rotated("b", moment(100), moment(700)),
            rotated("c", moment(90_000), moment(90_600)),
        ]);
        assert_eq!(later.keys.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    }

    #[test]
    fn the_next_rotation_is_owed() {
        assert!(owed::<Keyring>(&[]).is_empty());
        let due = (moment(0) + LIFE).as_second();
        assert_eq!(owed::<Keyring>(&[rotated("a", moment(0), moment(0))]), [format!("rotate-{due}")]);
    }
}

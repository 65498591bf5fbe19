//! The passkeys of an account.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Refusal, Status, User, What};
use crate::passkey::{Answered, Made};

/// So many passkeys has an account.
pub const PASSKEYS_MAX: usize = 20;

/// A passkey.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    /// Its id.
    pub id: String,
    /// What its owner calls it. Opaque.
    pub name: String,
    /// Its own name for itself.
    pub credential_id: Vec<u8>,
    /// The public half.
    pub public_key: Vec<u8>,
    /// How often it has signed, by its own count; 0 when it does not count.
    pub sign_count: u32,
    /// It is kept in several places.
    pub backed_up: bool,
    /// Its count went back: there are two of it.
    pub suspended: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// When somebody last signed in with it.
    pub last_used_at: Option<Timestamp>,
}

/// What can be asked of the passkeys of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// This one is new.
    Add(String, String, Box<Made>),
    /// It is called so.
    Rename(String, String),
    /// It is no more.
    Remove(String),
    /// It was shown, and its signature was right.
    Use(Box<Use>),
}

/// A passkey that was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// Its id.
    pub id: String,
    /// How often it has signed.
    pub sign_count: u32,
    /// It is kept in several places.
    pub backed_up: bool,
    /// The challenge that it answers.
    pub answered: Answered,
}

/// What can have happened to the passkeys of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// There is a new one.
    Added(String, String, Box<Made>),
    /// It is called so.
    Renamed(String, String),
    /// It is no more.
    Removed(String),
    /// Somebody signed in with it.
    Used(Box<Use>),
    /// It showed this count, which is not above the one that is known.
    Suspended(String, u32),
}

impl User {
    /// A passkey of the account.
    #[must_use]
    pub fn passkey(&self, id: &str) -> Option<&Passkey> {
        self.passkeys.iter().find(|known| known.id == id)
    }

    fn is_used_up(&self, answered: &Answered) -> bool {
        self.challenges.iter().any(|(hash, _)| *hash == answered.hash)
    }

    pub(super) fn asked_of_passkeys(&self, ask: Ask, now: Timestamp) -> Result<Vec<What>, Refusal> {
        let known = |id: &str| self.passkey(id).ok_or(Refusal::PasskeyNotFound);
        let happened = match ask {
            Ask::Add(..) if self.status != Status::Active => return Err(Refusal::Inactive),
            Ask::Add(id, name, made) => {
                if self.is_used_up(&made.answered) || now >= made.answered.until {
                    return Err(Refusal::PasskeyRefused);
                }
                if self.passkeys.iter().any(|known| known.id == id || known.credential_id == made.credential_id) {
                    return Err(Refusal::PasskeyExists);
                }
                if self.passkeys.len() >= PASSKEYS_MAX {
                    return Err(Refusal::TooManyPasskeys);
                }
                Happened::Added(id, name, made)
            }
            Ask::Rename(id, name) if known(&id)?.name == name => return Ok(vec![]),
            Ask::Rename(id, name) => Happened::Renamed(id, name),
            Ask::Remove(id) => {
                known(&id)?;
                Happened::Removed(id)
            }
            Ask::Use(shown) => {
                let passkey = self.passkey(&shown.id).ok_or(Refusal::PasskeyRefused)?;
                let is_good = self.status == Status::Active && !passkey.suspended && now < shown.answered.until;
                if !is_good || self.is_used_up(&shown.answered) {
                    return Err(Refusal::PasskeyRefused);
                }
                // One that has ever counted goes on counting; a count that stays is that of a copy (§6.1.1).
                let counts = passkey.sign_count > 0 || shown.sign_count > 0;
                if counts && shown.sign_count <= passkey.sign_count {
                    Happened::Suspended(shown.id, shown.sign_count)
                } else {
                    Happened::Used(shown)
                }
            }
        };
        Ok(vec![What::Passkey(happened)])
    }

    pub(super) fn folded_passkeys(&mut self, happened: &Happened, at: Timestamp) {
        match happened {
            Happened::Added(id, name, made) => {
                self.use_up(&made.answered, at);
                let Made { credential_id, public_key, sign_count, backed_up, .. } = (**made).clone();
                self.passkeys.push(Passkey {
                    id: id.clone(),
                    name: name.clone(),
                    credential_id,
                    public_key,
                    sign_count,
                    backed_up,
                    suspended: false,
                    created_at: at,
                    last_used_at: None,
                });
            }
            Happened::Renamed(id, name) => self.change(id, |passkey| passkey.name.clone_from(name)),
            Happened::Removed(id) => self.passkeys.retain(|known| known.id != *id),
            Happened::Used(shown) => {
                self.use_up(&shown.answered, at);
                self.change(&shown.id, |passkey| {
                    (passkey.sign_count, passkey.backed_up) = (shown.sign_count, shown.backed_up);
                    passkey.last_used_at = Some(at);
                });
            }
            Happened::Suspended(id, _) => self.change(id, |passkey| passkey.suspended = true),
        }
    }

    fn change(&mut self, id: &str, change: impl FnOnce(&mut Passkey)) {
        if let Some(passkey) = self.passkeys.iter_mut().find(|known| known.id == id) {
            change(passkey);
        }
    }

    /// A challenge is good no more; those whose time is over need not be remembered.
    fn use_up(&mut self, answered: &Answered, at: Timestamp) {
        self.challenges.retain(|(_, until)| at < *until);
        self.challenges.push((answered.hash.clone(), answered.until));
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, fold, moment};

    use super::*;
    use crate::user::{Command, Event};

    fn event(what: What) -> Event {
        Event { id: "ada".into(), at: moment(1), what }
    }

    fn active() -> Vec<Event> {
        let standing = crate::user::Standing { status: Status::Active, ..Default::default() };
        vec![event(What::Registered(Box::default())), event(What::Created(Box::new(standing)))]
    }

    fn answered(name: &str) -> Answered {
        Answered { hash: name.into(), until: moment(200) }
    }

    fn made(credential: u8, challenge: &str, sign_count: u32) -> Box<Made> {
        let (credential_id, answered) = (vec![credential], answered(challenge));
        Box::new(Made { credential_id, public_key: vec![1], sign_count, backed_up: false, answered })
    }

    fn add(id: &str, made: Box<Made>) -> Command {
        Command::Passkey(Ask::Add(id.into(), "Phone".into(), made))
    }

    fn show(id: &str, challenge: &str, sign_count: u32) -> Command {
        let answered = answered(challenge);
        Command::Passkey(Ask::Use(Box::new(Use { id: id.into(), sign_count, backed_up: true, answered })))
    }

    fn after(mut given: Vec<Event>, when: Command) -> Vec<Event> {
        given.extend(decide::<User>(&given, when).expect("done"));
        given
    }

    fn refused(given: &[Event], when: Command) -> Refusal {
        decide::<User>(given, when).expect_err("refused")
    }

    #[test]
    fn a_passkey_is_added_once_named_and_forgotten() {
        let given = after(active(), add("one", made(1, "a", 0)));
        assert_eq!(refused(&given, add("two", made(1, "b", 0))), Refusal::PasskeyExists);
        assert_eq!(refused(&given, add("two", made(2, "a", 0))), Refusal::PasskeyRefused, "the challenge was used");
        let rename = |name: &str| Command::Passkey(Ask::Rename("one".into(), name.into()));
        assert_eq!(decide::<User>(&given, rename("Phone")), Ok(vec![]));
        let given = after(given, rename("Key"));
        assert_eq!(fold::<User>(&given).passkeys[0].name, "Key");
        let given = after(given, Command::Passkey(Ask::Remove("one".into())));
        assert!(fold::<User>(&given).passkeys.is_empty());
        for ask in [Ask::Remove("one".into()), Ask::Rename("one".into(), "x".into())] {
            assert_eq!(refused(&given, Command::Passkey(ask)), Refusal::PasskeyNotFound);
        }
        assert_eq!(refused(&given, show("one", "b", 1)), Refusal::PasskeyRefused);
        assert_eq!(refused(&active()[..1], add("one", made(1, "a", 0))), Refusal::Inactive);
        let full = (0..20).fold(active(), |given, n| after(given, add(&n.to_string(), made(n, &n.to_string(), 0))));
        assert_eq!(refused(&full, add("more", made(99, "more", 0))), Refusal::TooManyPasskeys);
    }

    #[test]
    fn a_challenge_is_good_once_and_in_its_time() {
        let given = after(active(), add("one", made(1, "a", 0)));
        assert_eq!(refused(&given, show("one", "a", 0)), Refusal::PasskeyRefused, "it was used to add the passkey");
        let given = after(given, show("one", "b", 0));
        assert_eq!(refused(&given, show("one", "b", 0)), Refusal::PasskeyRefused);
        let late = Use {
            id: "one".into(),
            sign_count: 0,
            backed_up: true,
            answered: Answered { hash: "c".into(), until: moment(100) },
        };
        assert_eq!(refused(&given, Command::Passkey(Ask::Use(Box::new(late)))), Refusal::PasskeyRefused);
        let user = fold::<User>(&after(given, show("one", "d", 0)));
        assert!(user.passkeys[0].backed_up && user.passkeys[0].last_used_at.is_some());
    }

    #[test]
    fn a_count_that_goes_back_sets_the_passkey_aside() {
        for (known, shown, is_suspended) in
            [(0, 0, false), (0, 1, false), (7, 8, false), (7, 7, true), (7, 6, true), (7, 0, true)]
        {
            let given = after(active(), add("one", made(1, "a", known)));
            let given = after(given, show("one", "b", shown));
            assert_eq!(fold::<User>(&given).passkeys[0].suspended, is_suspended, "{known} {shown}");
            if is_suspended {
                assert_eq!(refused(&given, show("one", "c", 99)), Refusal::PasskeyRefused);
            }
        }
    }
}

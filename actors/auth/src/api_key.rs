//! An API key: what a program shows instead of a person's token.
//!
//! As text it is `mk_<id>_<secret><checksum>`: the prefix is what scanners for leaked secrets look for, the checksum
//! tells a typing error from a key without asking anybody. Only the hash of the whole is kept.

use jiff::{SignedDuration, Timestamp};
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::crypto;
use crate::recorded::recorded;
use crate::wire::{Kind, Problem, v1};

/// For how long a key is good when nobody says otherwise.
pub const LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// For how long a key is good at most.
pub const LIFE_MAX: SignedDuration = SignedDuration::from_hours(366 * 24);
/// How often its use is noted.
pub const NOTED_EVERY: SignedDuration = SignedDuration::from_mins(1);
/// How many keys that work somebody may have.
pub const KEYS_MAX: usize = 100;

/// The state of a key; `created_at` is absent while nothing ever happened to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Whose it is.
    pub user_id: String,
    /// What they call it.
    pub name: String,
    /// How it begins.
    pub prefix: String,
    /// What it hashes to.
    pub secret_hash: Vec<u8>,
    /// What the one before hashes to, and until when it works.
    pub previous: Option<(Vec<u8>, Timestamp)>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// The role of its owner when it was made.
    pub role: String,
    /// Its rate class.
    pub tier: String,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

/// What can be asked of a key.
#[derive(Debug, Clone)]
pub enum Command {
    /// Be this. Its times are set here.
    Create(Box<v1::RecordApiKeyRequest>),
    /// Have this secret from now on.
    Rotate {
        /// Its id.
        api_key_id: String,
        /// How it begins.
        prefix: String,
        /// What it hashes to.
        secret_hash: Vec<u8>,
        /// For how long the one before works.
        overlap: SignedDuration,
    },
    /// Be worth nothing.
    Revoke {
        /// Its id.
        api_key_id: String,
        /// Why.
        reason: &'static str,
    },
    /// Note that it was used.
    NoteUse {
        /// Its id.
        api_key_id: String,
    },
}

recorded! {
    /// What can have happened to a key.
    Event {
        /// It was made.
        Created(ApiKeyCreated) = "api_key.created",
        /// It has another secret.
        Rotated(ApiKeyRotated) = "api_key.rotated",
        /// It was taken back.
        Revoked(ApiKeyRevoked) = "api_key.revoked",
        /// It was used.
        Used(ApiKeyUsed) = "api_key.used",
    }
}

/// Why a key says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such key")]
    NotFound,
    /// There is one.
    #[error("there is already a key with this id")]
    AlreadyExists,
    /// It is over.
    #[error("the key has expired or was taken back")]
    Ended,
    /// It would end before it begins, or never.
    #[error("a key ends in the future, and within a year")]
    BadExpiry,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let said = refusal.to_string();
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", said),
            Refusal::AlreadyExists => Problem::conflict("already_exists", said),
            Refusal::Ended => Problem::conflict("api_key_ended", said),
            Refusal::BadExpiry => Problem::new(Kind::Unprocessable, "bad_expiry", said),
        }
    }
}

/// A new key: as its owner gets it, and how it begins.
#[must_use]
pub fn minted(api_key_id: &str) -> (String, String) {
    let id = api_key_id.strip_prefix("key_").unwrap_or(api_key_id);
    let body = format!("mk_{id}_{}", crypto::secret());
    let prefix = body.chars().take(11).collect();
    let key = format!("{body}{}", checksum(&body));
    (key, prefix)
}

/// The id of a key, if the text looks like one.
#[must_use]
pub fn id_of(key: &str) -> Option<String> {
    let body = key.get(..key.len().checked_sub(CHECKSUM_CHARS)?)?;
    let (id, _) = body.strip_prefix("mk_")?.split_once('_')?;
    let fits = checksum(body) == key[body.len()..];
    (fits && id.len() == 26).then(|| format!("key_{id}"))
}

const CHECKSUM_CHARS: usize = 6;

fn checksum(body: &str) -> String {
    crypto::challenge(body).chars().filter(char::is_ascii_alphanumeric).take(CHECKSUM_CHARS).collect()
}

impl ApiKey {
    /// Whether it works at a time.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.created_at.is_some() && self.revoked_at.is_none() && now < self.expires_at
    }

    /// Whether what hashes to this is the key, at a time.
    #[must_use]
    pub fn is_shown_by(&self, hash: &[u8], now: Timestamp) -> bool {
        let before = self.previous.as_ref().is_some_and(|(before, until)| now < *until && crypto::same(before, hash));
        self.is_live(now) && (before || crypto::same(&self.secret_hash, hash))
    }

    /// Whether its use is worth noting again.
    #[must_use]
    pub fn is_to_be_noted(&self, now: Timestamp) -> bool {
        self.used_at.is_none_or(|used| now >= used + NOTED_EVERY)
    }

    /// As its owner sees it.
    #[must_use]
    pub fn shown(&self, api_key_id: &str) -> Option<v1::ApiKey> {
        Some(v1::ApiKey {
            api_key_id: api_key_id.to_owned(),
            user_id: self.user_id.clone(),
            name: self.name.clone(),
            prefix: self.prefix.clone(),
            scopes: self.scopes.clone(),
            tier: self.tier.clone(),
            created_at: Some(to_wire(self.created_at?)),
            expires_at: Some(to_wire(self.expires_at)),
            last_used_at: self.used_at.map(to_wire),
            revoked_at: self.revoked_at.map(to_wire),
            previous_until: self.previous.as_ref().map(|(_, until)| to_wire(*until)),
            secret: None,
        })
    }
}

impl Entity for ApiKey {
    const KIND: &'static str = "api_key";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = Some(to_wire(facts.now));
        match (self.created_at, command) {
            (Some(_), Command::Create(_)) => Err(Refusal::AlreadyExists),
            (None, Command::Create(request)) => {
                let until = request.expires_at.as_ref().map_or(facts.now + LIFE, |until| from_wire(Some(until)));
                if until <= facts.now || until > facts.now + LIFE_MAX {
                    return Err(Refusal::BadExpiry);
                }
                let v1::RecordApiKeyRequest {
                    api_key_id, user_id, name, prefix, secret_hash, scopes, role, tier, ..
                } = *request;
                let expires_at = Some(to_wire(until));
                Ok(vec![Event::Created(v1::ApiKeyCreated {
                    api_key_id,
                    user_id,
                    name,
                    prefix,
                    secret_hash,
                    scopes,
                    role,
                    tier,
                    expires_at,
                    at,
                })])
            }
            (None, Command::Rotate { .. } | Command::Revoke { .. } | Command::NoteUse { .. }) => Err(Refusal::NotFound),
            (Some(_), Command::Rotate { .. }) if !self.is_live(facts.now) => Err(Refusal::Ended),
            (Some(_), Command::Rotate { api_key_id, prefix, secret_hash, overlap }) => {
                let previous_until = Some(to_wire(facts.now + overlap));
                Ok(vec![Event::Rotated(v1::ApiKeyRotated { api_key_id, prefix, secret_hash, previous_until, at })])
            }
            (Some(_), Command::Revoke { .. }) if self.revoked_at.is_some() => Ok(vec![]),
            (Some(_), Command::Revoke { api_key_id, reason }) => {
                Ok(vec![Event::Revoked(v1::ApiKeyRevoked { api_key_id, reason: reason.to_owned(), at })])
            }
            (Some(_), Command::NoteUse { .. }) if !self.is_to_be_noted(facts.now) => Ok(vec![]),
            (Some(_), Command::NoteUse { api_key_id }) => Ok(vec![Event::Used(v1::ApiKeyUsed { api_key_id, at })]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Created(event) => {
                *self = ApiKey {
                    user_id: event.user_id.clone(),
                    name: event.name.clone(),
                    prefix: event.prefix.clone(),
                    secret_hash: event.secret_hash.clone(),
                    previous: None,
                    scopes: event.scopes.clone(),
                    role: event.role.clone(),
                    tier: event.tier.clone(),
                    created_at: Some(from_wire(event.at.as_ref())),
                    expires_at: from_wire(event.expires_at.as_ref()),
                    used_at: None,
                    revoked_at: None,
                };
            }
            Event::Rotated(event) => {
                let before = std::mem::replace(&mut self.secret_hash, event.secret_hash.clone());
                self.previous = Some((before, from_wire(event.previous_until.as_ref())));
                self.prefix.clone_from(&event.prefix);
            }
            Event::Revoked(event) => self.revoked_at = Some(from_wire(event.at.as_ref())),
            Event::Used(event) => self.used_at = Some(from_wire(event.at.as_ref())),
        }
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, fold, moment};

    use super::*;

    fn create(expires_at: Option<Timestamp>) -> Command {
        Command::Create(Box::new(v1::RecordApiKeyRequest {
            secret_hash: vec![1],
            expires_at: expires_at.map(to_wire),
            ..Default::default()
        }))
    }

    fn rotate() -> Command {
        let overlap = SignedDuration::from_secs(60);
        Command::Rotate { api_key_id: "key_1".into(), prefix: "mk_".into(), secret_hash: vec![2], overlap }
    }

    fn check(given: &[Event], when: Command, expected: &str) {
        let said = match decide::<ApiKey>(given, when) {
            Err(refusal) => refusal.to_string(),
            Ok(events) => events.first().map_or("already so", Event::name).to_owned(),
        };
        assert_eq!(said, expected);
    }

    fn created() -> Vec<Event> {
        decide::<ApiKey>(&[], create(None)).expect("created")
    }

    #[test]
    fn every_command_in_every_state() {
        let revoke = || Command::Revoke { api_key_id: "key_1".into(), reason: "revoked" };
        let note = || Command::NoteUse { api_key_id: "key_1".into() };
        let used = [created(), decide::<ApiKey>(&created(), note()).expect("noted")].concat();
        let revoked = [created(), decide::<ApiKey>(&created(), revoke()).expect("revoked")].concat();
        let none = "there is no such key";
        let there = "there is already a key with this id";
        for (given, expected) in [
            (vec![], ["api_key.created", none, none, none]),
            (created(), [there, "api_key.rotated", "api_key.revoked", "api_key.used"]),
            (used, [there, "api_key.rotated", "api_key.revoked", "already so"]),
            (revoked, [there, "the key has expired or was taken back", "already so", "api_key.used"]),
        ] {
            for (command, expected) in [create(None), rotate(), revoke(), note()].into_iter().zip(expected) {
                check(&given, command, expected);
            }
        }
    }

    #[test]
    fn a_key_ends_within_a_year() {
        let bad = "a key ends in the future, and within a year";
        check(&[], create(Some(moment(100))), bad);
        check(&[], create(Some(moment(101))), "api_key.created");
        check(&[], create(Some(moment(101) + LIFE_MAX)), bad);
        let key = fold::<ApiKey>(&created());
        assert!(key.is_live(moment(99) + LIFE) && !key.is_live(moment(100) + LIFE));
    }

    #[test]
    fn the_secret_before_works_for_a_while() {
        let rotated = [created(), decide::<ApiKey>(&created(), rotate()).expect("rotated")].concat();
        let key = fold::<ApiKey>(&rotated);
        assert!(key.is_shown_by(&[2], moment(101)) && key.is_shown_by(&[1], moment(159)));
        assert!(!key.is_shown_by(&[1], moment(160)) && !key.is_shown_by(&[3], moment(101)));
        assert!(!key.is_shown_by(&[], moment(101)));
    }

    #[test]
    fn a_key_says_which_it_is_and_a_typing_error_is_none() {
        let id = messages::id::KeyId::new().to_string();
        let (key, prefix) = minted(&id);
        assert!(key.starts_with(&prefix));
        assert_eq!(id_of(&key).as_deref(), Some(&*id));
        let mut wrong = key.clone();
        wrong.replace_range(40..41, if &key[40..41] == "a" { "b" } else { "a" });
        assert_eq!(id_of(&wrong), None);
        for bad in ["", "mk_", "mk_1_2", "ä", "a-token-of-the-catalogue"] {
            assert_eq!(id_of(bad), None);
        }
    }
}

//! Passwords: argon2id (RFC 9106), with a salt for each, and a key that is in no log. Hashing is work for a whole core, so
//! it is done on threads for such work, so many at once and no more; whoever would wait too long for their turn is told to
//! come again.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2 as Argon, Params, Version};
use runtime::workbench::{Undone, Workbench};

use crate::keys::Keys;
use crate::settings::Argon2;
use crate::wire::{Kind, Problem};

/// How long somebody waits for their turn.
const TURN_WITHIN: Duration = Duration::from_millis(1_500);
/// Bytes of a salt (RFC 9106 §3.1).
const SALT_BYTES: usize = 16;

/// Hashes passwords.
#[derive(Clone)]
pub struct Hasher {
    params: Params,
    pepper: [u8; 32],
    bench: Workbench,
    /// What a password is checked against when there is no account: it takes as long, and is never right.
    nobody: Arc<str>,
}

/// What became of checking a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// It is right.
    pub right: bool,
    /// Its hash by the parameters of today, when it is right and the old ones were weaker.
    pub stronger: Option<String>,
}

impl Hasher {
    /// By these parameters; `None` when argon2 does not take them.
    #[must_use]
    pub fn new(argon2: Argon2, at_once: usize, keys: &Keys) -> Option<Hasher> {
        let params = Params::new(argon2.memory_kib, argon2.passes, argon2.lanes, None).ok()?;
        let bench = Workbench::new(at_once, TURN_WITHIN);
        let mut hasher = Hasher { params, pepper: keys.pepper, bench, nobody: "".into() };
        hasher.nobody = hasher.hashed("", keys.pepper.first_chunk()?).ok()?.into();
        Some(hasher)
    }

    /// The hash of a password.
    ///
    /// # Errors
    /// `busy`.
    pub async fn hash(&self, password: &str, salt: [u8; SALT_BYTES]) -> Result<String, Problem> {
        let (hasher, password) = (self.clone(), password.to_owned());
        self.in_turn(move || hasher.hashed(&password, &salt)).await?
    }

    /// Whether a password is the one with this hash. Without a hash it takes as long, and it is not.
    ///
    /// # Errors
    /// `busy`.
    pub async fn check(&self, password: &str, hash: &str, salt: [u8; SALT_BYTES]) -> Result<Checked, Problem> {
        let known = !hash.is_empty();
        let hash = if known { hash.to_owned() } else { self.nobody.to_string() };
        let (hasher, password) = (self.clone(), password.to_owned());
        let work = move || {
            let right = hasher.is_right(&password, &hash) && known;
            let stronger = if right && hasher.is_weak(&hash) { Some(hasher.hashed(&password, &salt)?) } else { None };
            Ok(Checked { right, stronger })
        };
        self.in_turn(work).await?
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        self.bench.run(work).await.map_err(|undone| match undone {
            Undone::Busy => {
                let said = "Too many passwords are being checked at once; try again in a moment.";
                Problem::new(Kind::Exhausted, "busy", said).retry_after(TURN_WITHIN)
            }
            Undone::Panicked => Problem::internal(),
        })
    }

    fn argon(&self, params: Params) -> Option<Argon<'_>> {
        Argon::new_with_secret(&self.pepper, Algorithm::Argon2id, Version::V0x13, params).ok()
    }

    fn hashed(&self, password: &str, salt: &[u8; SALT_BYTES]) -> Result<String, Problem> {
        let salt = SaltString::encode_b64(salt).map_err(|_| Problem::internal())?;
        let argon = self.argon(self.params.clone()).ok_or_else(Problem::internal)?;
        let hash = argon.hash_password(password.as_bytes(), &salt).map_err(|_| Problem::internal())?;
        Ok(hash.to_string())
    }

    fn is_right(&self, password: &str, hash: &str) -> bool {
        let Ok(hash) = PasswordHash::new(hash) else { return false };
        let argon = Params::try_from(&hash).ok().and_then(|params| self.argon(params));
        argon.is_some_and(|argon| argon.verify_password(password.as_bytes(), &hash).is_ok())
    }

    /// Whether a hash was made with less work than one of today.
    fn is_weak(&self, hash: &str) -> bool {
        let was = PasswordHash::new(hash).ok().and_then(|hash| Params::try_from(&hash).ok());
        was.is_none_or(|was| was.m_cost() < self.params.m_cost() || was.t_cost() < self.params.t_cost())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(memory_kib: u32, secret: &str) -> Hasher {
        Hasher::new(Argon2 { memory_kib, passes: 1, lanes: 1 }, 2, &Keys::of(secret)).expect("parameters")
    }

    fn runs<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(future)
    }

    #[test]
    fn a_password_is_right_for_its_hash_alone() {
        runs(async {
            let (ours, salt) = (hasher(8, "ours"), [7; 16]);
            let hash = ours.hash("correct horse", salt).await.expect("a hash");
            assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
            assert!(!hash.contains("horse"));
            let right = Checked { right: true, stronger: None };
            let wrong = Checked { right: false, stronger: None };
            assert_eq!(ours.check("correct horse", &hash, salt).await, Ok(right));
            assert_eq!(ours.check("Correct horse", &hash, salt).await, Ok(wrong.clone()));
            assert_eq!(ours.check("correct horse", "", salt).await, Ok(wrong.clone()), "nobody has no password");
            assert_eq!(ours.check("", "", salt).await, Ok(wrong.clone()), "not even the empty one");
            assert_eq!(ours.check("correct horse", "$nonsense", salt).await, Ok(wrong.clone()));
            assert_eq!(
                hasher(8, "theirs").check("correct horse", &hash, salt).await,
                Ok(wrong),
                "the key is part of it"
            );
        });
    }

    #[test]
    fn a_hash_becomes_stronger_when_its_password_is_shown() {
        runs(async {
            let (before, today) = (hasher(8, "ours"), hasher(16, "ours"));
            let old = before.hash("correct horse", [7; 16]).await.expect("a hash");
            let checked = today.check("correct horse", &old, [8; 16]).await.expect("checked");
            let new = checked.stronger.expect("a stronger one");
            assert!(new.contains("m=16"), "{new}");
            assert!(today.check("correct horse", &new, [9; 16]).await.is_ok_and(|checked| checked.right));
            assert_eq!(
                before.check("correct horse", &new, [9; 16]).await.expect("checked").stronger,
                None,
                "never weaker"
            );
        });
    }
}

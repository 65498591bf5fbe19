//! What can be set.

use std::path::PathBuf;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::breached::Breached;
use crate::keys::Keys;
use crate::passkey::party::Party;
use crate::password::Hasher;

/// Everything that can be set.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What everything is keyed with that must not be guessed offline: passwords, blind indexes, secrets that are sent.
    /// At least 32 characters; the same for all replicas, for ever: with another, nobody can sign in.
    pub secret: String,
    /// What authenticators call the shop.
    pub issuer: String,
    /// How much work a password is.
    pub argon2: Argon2,
    /// How many passwords are hashed at once in this process; each takes `argon2.memory_kib`.
    pub hashes_at_once: usize,
    /// For how many hours the secret is good that shows that mail reaches somebody.
    pub verification_hours: u32,
    /// For how many minutes the secret is good by which a new password can be set.
    pub reset_minutes: u32,
    /// How many loyalty points a whole unit of currency is worth.
    pub points_per_unit: u32,
    /// For how many days one unit of a membership is paid (a product of the type `membership`).
    pub membership_days: u32,
    /// Whoever has earned so many loyalty points is served as `premium`; 0 for nobody.
    pub premium_points: u32,
    /// More passwords that are known to everybody, one a line.
    pub breached_file: Option<PathBuf>,
    /// To which name passkeys belong, and which pages may ask for them. Unless set, those of the gateway's `issuer`, if
    /// that has a name.
    pub passkeys: Party,
}

/// How much work a password is: the parameters of argon2id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Argon2 {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

/// The memory is that of RFC 9106's second recommendation, for where memory is dear; the README says what it takes.
impl Default for Argon2 {
    fn default() -> Argon2 {
        Argon2 { memory_kib: 64 * 1024, passes: 3, lanes: 1 }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            secret: String::new(),
            issuer: "Mercat".to_owned(),
            argon2: Argon2::default(),
            hashes_at_once: 2,
            verification_hours: 48,
            reset_minutes: 60,
            points_per_unit: 1,
            membership_days: 365,
            premium_points: 0,
            breached_file: None,
            passkeys: Party::default(),
        }
    }
}

/// Secrets are never printed.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("issuer", &self.issuer).field("argon2", &self.argon2).finish_non_exhaustive()
    }
}

/// The fewest characters of the secret.
pub const SECRET_CHARS_MIN: usize = 32;

/// Settings that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Passwords without a secret could be guessed by whoever has a log.
    #[error("user.secret has at least {SECRET_CHARS_MIN} characters, and is the same for all replicas")]
    Secret,
    /// Argon2 does not take these.
    #[error("user.argon2 is not something that argon2id takes")]
    Argon2,
    /// Nothing could be hashed.
    #[error("user.hashes_at_once is at least 1")]
    AtOnce,
    /// Browsers would not take these.
    #[error(
        "user.passkeys has an rp_id such as shop.example and origins of it such as https://shop.example, or neither"
    )]
    Passkeys,
    /// The list cannot be read.
    #[error("could not read user.breached_file {}", path.display())]
    Breached {
        /// Where it was looked for.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// What the handlers of this process go by.
pub(crate) struct Tools {
    pub(crate) settings: Settings,
    pub(crate) keys: Keys,
    pub(crate) hasher: Hasher,
    pub(crate) breached: Breached,
}

impl Settings {
    pub(crate) fn tools(self) -> Result<Tools, Error> {
        if self.secret.chars().count() < SECRET_CHARS_MIN {
            return Err(Error::Secret);
        }
        if self.hashes_at_once == 0 {
            return Err(Error::AtOnce);
        }
        if !self.passkeys.is_sound() && self.passkeys != Party::default() {
            return Err(Error::Passkeys);
        }
        let keys = Keys::of(&self.secret);
        let hasher = Hasher::new(self.argon2, self.hashes_at_once, &keys).ok_or(Error::Argon2)?;
        let more = match &self.breached_file {
            None => String::new(),
            Some(path) => {
                let unreadable = |source| Error::Breached { path: path.clone(), source };
                std::fs::read_to_string(path).map_err(unreadable)?
            }
        };
        Ok(Tools { keys, hasher, breached: Breached::with(&more), settings: self })
    }
}

/// Handlers are plain functions, so what the process was configured with is the process's own.
static TOOLS: OnceLock<Tools> = OnceLock::new();

/// Sets them, before the first request; the first to do so is heard.
pub(crate) fn set(tools: Tools) {
    // A process has one configuration; a second group in it, as in tests, has the same.
    let _ = TOOLS.set(tools);
}

/// What was set.
///
/// # Panics
/// When no group was made: nothing can ask then.
pub(crate) fn tools() -> &'static Tools {
    #[expect(clippy::expect_used, reason = "the group sets them before anybody can ask it")]
    TOOLS.get().expect("the group was made")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused() {
        let good = Settings { secret: "0123456789abcdef0123456789abcdef".into(), ..Settings::default() };
        assert!(good.clone().tools().is_ok());
        assert!(matches!(Settings { secret: "short".into(), ..good.clone() }.tools(), Err(Error::Secret)));
        assert!(matches!(Settings { hashes_at_once: 0, ..good.clone() }.tools(), Err(Error::AtOnce)));
        let argon2 = Argon2 { memory_kib: 1, ..Argon2::default() };
        assert!(matches!(Settings { argon2, ..good.clone() }.tools(), Err(Error::Argon2)));
        let passkeys = Party { rp_id: "shop.example".into(), origins: vec!["https://evil.example".into()] };
        assert!(matches!(Settings { passkeys, ..good.clone() }.tools(), Err(Error::Passkeys)));
        let breached_file = Some(PathBuf::from("/nowhere"));
        assert!(matches!(Settings { breached_file, ..good.clone() }.tools(), Err(Error::Breached { .. })));
        assert!(!format!("{good:?}").contains("0123"));
    }
}

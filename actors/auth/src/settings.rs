//! What can be set: where the shop is found, and the master key.
//!
//! Both are settled once for the process, before the group runs: what mints and signs is asked from many places.

use std::fmt;
use std::sync::OnceLock;

use serde::Deserialize;

/// The fewest characters of a master key: base64 of 192 bits.
const SECRET_CHARS_MIN: usize = 32;

/// What can be set.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The public address of the gateway: who issues the tokens.
    pub issuer: String,
    /// The master key: whoever has it can read the private keys and make refresh tokens. At least 32 characters.
    pub secret: String,
    /// With which token an application may register itself; empty when none may.
    pub registration_token: String,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            issuer: "http://127.0.0.1:8080".to_owned(),
            secret: String::new(),
            registration_token: String::new(),
        }
    }
}

/// Secrets are not printed.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// Why the group cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Keys would lie open.
    #[error("auth.secret: set a master key of at least {SECRET_CHARS_MIN} characters; `mercat up` makes one by itself")]
    Secret,
    /// Nobody could check who issued a token.
    #[error("auth.issuer: {0:?} is not the address of a gateway such as https://shop.example")]
    Issuer(String),
}

impl Settings {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// With the setting that cannot be meant.
    pub fn check(&self) -> Result<(), Error> {
        let rest = self.issuer.strip_prefix("https://").or_else(|| self.issuer.strip_prefix("http://"));
        if rest.is_none_or(|host| host.is_empty() || host.contains(['/', '?', '#', ' '])) {
            return Err(Error::Issuer(self.issuer.clone()));
        }
        if self.secret.len() < SECRET_CHARS_MIN {
            return Err(Error::Secret);
        }
        Ok(())
    }
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();

/// Settles them for this process. The first ones count.
pub fn set(settings: Settings) {
    SETTINGS.get_or_init(|| settings);
}

/// Those of this process.
#[must_use]
pub fn get() -> &'static Settings {
    SETTINGS.get_or_init(Settings::default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_without_a_key_does_not_start() {
        let good = Settings { secret: "0123456789abcdef0123456789abcdef".into(), ..Settings::default() };
        assert_eq!(good.check(), Ok(()));
        assert_eq!(Settings::default().check(), Err(Error::Secret));
        for issuer in ["", "shop.example", "https://", "https://shop.example/", "https://shop.example?x"] {
            let settings = Settings { issuer: issuer.into(), ..good.clone() };
            assert_eq!(settings.check(), Err(Error::Issuer(issuer.into())));
        }
        assert!(!format!("{good:?}").contains("0123"));
    }
}

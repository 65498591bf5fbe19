//! What can be set: whether the embedded carrier pretends to be a real one, and which carriers are reached over HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::Deserialize;

use crate::carriers::http::{Access, Http};
use crate::carriers::live::{self, Live};
use crate::carriers::table::{self, Table};
use crate::carriers::{Carriers, Pretence};

/// Everything that can be set. All of it is off by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// After how many seconds the `table` carrier fetches, takes and delivers a parcel by itself. For demonstrations.
    pub pretend: Pretence,
    /// The carriers that are reached over HTTP, by the name that zones call them.
    pub carriers: BTreeMap<String, Access>,
}

/// Settings that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A name that no zone can say, or that is taken.
    #[error("{0:?} cannot be a carrier's name: it is a word like `swift-post`, and not `table`")]
    Name(String),
    /// An address that keeps no secret.
    #[error("the url of the carrier {0} must begin with https://, or with http://127.0.0.1 or http://localhost")]
    Url(String),
    /// Nothing to show it.
    #[error("there is no token for the carrier {0}")]
    Token(String),
    /// A secret that is none.
    #[error("the webhook_secret of the carrier {0} must be whsec_ and base64 behind it, or empty")]
    Secret(String),
}

/// What the handlers of this process go by. Handlers are plain functions, so what the process was configured with is the
/// process's own.
static CURRENT: OnceLock<Settings> = OnceLock::new();

/// Sets them, before the first request; the first to do so is heard.
pub fn set(settings: Settings) {
    live::set(settings.live());
    // A process has one configuration; a second group in it, as in tests, has the same.
    let _ = CURRENT.set(settings);
}

impl Settings {
    /// What was set for this process.
    #[must_use]
    pub fn current() -> &'static Settings {
        CURRENT.get_or_init(Settings::default)
    }

    /// Whether they can be.
    ///
    /// # Errors
    /// When parcels could not be sent with them.
    pub fn check(&self) -> Result<(), Error> {
        for (name, access) in &self.carriers {
            let is_word = |part: &str| {
                !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            };
            if name == table::NAME || name.len() > 40 || !name.split('-').all(is_word) {
                return Err(Error::Name(name.clone()));
            }
            if !access.is_private() {
                return Err(Error::Url(name.clone()));
            }
            if access.token.is_empty() {
                return Err(Error::Token(name.clone()));
            }
            if !access.webhook_secret.is_empty() && access.secret().is_none() {
                return Err(Error::Secret(name.clone()));
            }
        }
        Ok(())
    }

    /// The names that zones may say.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        std::iter::once(table::NAME).chain(self.carriers.keys().map(String::as_str)).collect()
    }

    /// The carriers that are asked what they take for a parcel.
    #[must_use]
    pub fn live(&self) -> Live {
        let asked = self.carriers.iter().filter(|(_, access)| access.rates);
        asked.fold(Live::default(), |live, (name, access)| {
            let patience = Duration::from_millis(access.rates_timeout_ms.into());
            let keep = Duration::from_secs(access.rates_keep_s.into());
            live.with(name, Arc::new(Http::new(access)), patience, keep)
        })
    }

    /// The carriers themselves.
    #[must_use]
    pub fn open(&self) -> Carriers {
        let table = Carriers::default().with(table::NAME, Arc::new(Table { pretence: self.pretend }));
        self.carriers.iter().fold(table, |carriers, (name, access)| carriers.with(name, Arc::new(Http::new(access))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carrier(name: &str, change: impl FnOnce(&mut Access)) -> Settings {
        let (url, token) = ("https://carrier.example".to_owned(), "token".to_owned());
        let mut access = Access { url, token, webhook_secret: "whsec_c2VjcmV0".to_owned(), ..Access::default() };
        change(&mut access);
        Settings { carriers: BTreeMap::from([(name.to_owned(), access)]), ..Settings::default() }
    }

    #[test]
    fn a_carrier_needs_a_name_a_private_address_a_token_and_a_good_secret() {
        assert_eq!(Settings::default().check(), Ok(()));
        assert_eq!(carrier("swift-2", |_| {}).check(), Ok(()));
        assert_eq!(carrier("swift", |access| access.webhook_secret.clear()).check(), Ok(()));
        for name in ["table", "", "Swift", "swift post", "-"] {
            assert_eq!(carrier(name, |_| {}).check(), Err(Error::Name(name.to_owned())));
        }
        for url in ["http://carrier.example", "", "http://127.0.0.1.example", "http://localhost.example/"] {
            let settings = carrier("swift", |access| access.url = url.to_owned());
            assert_eq!(settings.check(), Err(Error::Url("swift".to_owned())), "{url}");
        }
        for url in ["http://127.0.0.1:9000", "http://localhost/api"] {
            assert_eq!(carrier("swift", |access| access.url = url.to_owned()).check(), Ok(()), "{url}");
        }
        assert_eq!(carrier("swift", |access| access.token.clear()).check(), Err(Error::Token("swift".to_owned())));
        let plain = carrier("swift", |access| access.webhook_secret = "plain".to_owned());
        assert_eq!(plain.check(), Err(Error::Secret("swift".to_owned())));
        assert_eq!(carrier("swift", |_| {}).names(), ["table", "swift"]);
    }

    #[test]
    fn what_is_not_a_setting_is_refused_by_name() {
        let read = |json: &str| serde_json::from_str::<Settings>(json);
        let settings = read(r#"{"pretend": {"accept_after_s": 2}}"#).expect("settings");
        assert_eq!(settings.pretend.accept_after_s, Some(2));
        for wrong in [r#"{"pretend": {"accept": 2}}"#, r#"{"carrier": {}}"#, r#"{"carriers": {"a": {"key": ""}}}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}

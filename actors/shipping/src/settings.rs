//! What is set for a shop, from the environment. Absent means off.
//!
//! | variable | meaning |
//! |---|---|
//! | `SHIPPING_PRETEND_DISPATCH_S`, `…_ACCEPT_S`, `…_DELIVER_S` | the `table` carrier fetches, takes and delivers parcels by itself after so many seconds |
//! | `SHIPPING_CARRIER_NAME` | the name of the carrier that is reached over HTTP, as zones say it |
//! | `SHIPPING_CARRIER_URL` | its address, `https://carrier.example/api` |
//! | `SHIPPING_CARRIER_TOKEN` | what the shop shows it |
//! | `SHIPPING_CARRIER_SECRET` | what its webhooks are signed with, `whsec_…`; without it none are taken |

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::carriers::http::{self, Http};
use crate::carriers::table::{self, Table};
use crate::carriers::{Carriers, Pretence};

/// What is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// How the `table` carrier pretends to be a real one.
    pub pretence: Option<Pretence>,
    /// The carriers that are reached over HTTP, by name.
    pub http: BTreeMap<String, http::Access>,
}

/// What is wrong with what is set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a number.
    #[error("{0} is not a number of seconds")]
    Seconds(String),
    /// A carrier without an address.
    #[error("SHIPPING_CARRIER_NAME is set, and {0} is not")]
    Missing(&'static str),
    /// An address that keeps no secret.
    #[error("SHIPPING_CARRIER_URL must begin with https://, or with http://127.0.0.1 or http://localhost")]
    Url,
    /// A secret that is none.
    #[error("SHIPPING_CARRIER_SECRET must be whsec_ and base64 behind it")]
    Secret,
    /// A name that is taken.
    #[error("SHIPPING_CARRIER_NAME must not be `table`")]
    Name,
}

static CURRENT: OnceLock<Settings> = OnceLock::new();

/// Sets what a process goes by, in place of its environment, before the first group is built; the first to do so is heard.
pub fn set(settings: Settings) {
    // A process has one configuration; a second group in it, as in tests, has the same.
    let _ = CURRENT.set(settings);
}

impl Settings {
    /// What is set for this process.
    ///
    /// # Panics
    /// When it makes no sense: a shop that would not do what it was told must not start.
    #[must_use]
    pub fn current() -> &'static Settings {
        CURRENT.get_or_init(|| {
            Settings::read(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
                .unwrap_or_else(|error| panic!("shipping cannot start: {error}"))
        })
    }

    /// Reads what is set.
    ///
    /// # Errors
    /// When it makes no sense.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Settings, Error> {
        let seconds = |name: &str| match variable(name).map(|value| value.trim().parse::<u32>()) {
            None => Ok(None),
            Some(Ok(seconds)) => Ok(Some(seconds)),
            Some(Err(_)) => Err(Error::Seconds(name.to_owned())),
        };
        let pretence = Pretence {
            dispatch_after_s: seconds("SHIPPING_PRETEND_DISPATCH_S")?,
            accept_after_s: seconds("SHIPPING_PRETEND_ACCEPT_S")?,
            deliver_after_s: seconds("SHIPPING_PRETEND_DELIVER_S")?,
        };
        let mut http = BTreeMap::new();
        if let Some(name) = variable("SHIPPING_CARRIER_NAME") {
            let must = |variable_name: &'static str| variable(variable_name).ok_or(Error::Missing(variable_name));
            let (url, token) = (must("SHIPPING_CARRIER_URL")?, must("SHIPPING_CARRIER_TOKEN")?);
            let access =
                http::Access { url, token, webhook_secret: variable("SHIPPING_CARRIER_SECRET").unwrap_or_default() };
            if name == table::NAME {
                return Err(Error::Name);
            }
            if !access.webhook_secret.is_empty() && access.secret().is_none() {
                return Err(Error::Secret);
            }
            if !access.is_private() {
                return Err(Error::Url);
            }
            http.insert(name, access);
        }
        Ok(Settings { pretence: (pretence != Pretence::default()).then_some(pretence), http })
    }

    /// The names that zones may say.
    #[must_use]
    pub fn carriers(&self) -> Vec<&str> {
        std::iter::once(table::NAME).chain(self.http.keys().map(String::as_str)).collect()
    }

    /// The carriers themselves.
    #[must_use]
    pub fn open(&self) -> Carriers {
        let table = Carriers::default().with(table::NAME, Arc::new(Table { pretence: self.pretence }));
        self.http.iter().fold(table, |carriers, (name, access)| carriers.with(name, Arc::new(Http::new(access))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Settings, Error> {
        let set: BTreeMap<_, _> = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::read(|name| set.get(name).cloned())
    }

    #[test]
    fn nothing_is_pretended_unless_it_is_said() {
        assert_eq!(read(&[]), Ok(Settings::default()));
        let pretence = read(&[("SHIPPING_PRETEND_ACCEPT_S", "2")]).expect("a setting").pretence;
        assert_eq!(pretence, Some(Pretence { accept_after_s: Some(2), ..Pretence::default() }));
        let wrong = read(&[("SHIPPING_PRETEND_ACCEPT_S", "soon")]);
        assert_eq!(wrong, Err(Error::Seconds("SHIPPING_PRETEND_ACCEPT_S".to_owned())));
    }

    #[test]
    fn a_carrier_over_http_needs_a_name_a_private_address_and_a_token() {
        let named = ("SHIPPING_CARRIER_NAME", "swift");
        let token = ("SHIPPING_CARRIER_TOKEN", "secret");
        assert_eq!(read(&[named, token]), Err(Error::Missing("SHIPPING_CARRIER_URL")));
        let url = ("SHIPPING_CARRIER_URL", "https://carrier.example");
        assert_eq!(read(&[named, url]), Err(Error::Missing("SHIPPING_CARRIER_TOKEN")));
        assert_eq!(read(&[named, token, ("SHIPPING_CARRIER_URL", "http://carrier.example")]), Err(Error::Url));
        assert_eq!(read(&[("SHIPPING_CARRIER_NAME", "table"), url, token]), Err(Error::Name));
        assert_eq!(read(&[named, url, token, ("SHIPPING_CARRIER_SECRET", "plain")]), Err(Error::Secret));
        assert!(read(&[named, url, token, ("SHIPPING_CARRIER_SECRET", "whsec_c2VjcmV0")]).is_ok());
        assert_eq!(read(&[named, url, token]).expect("a carrier").carriers(), ["table", "swift"]);
    }
}

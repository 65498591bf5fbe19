//! Canary: which of a group's sets of replicas a request is for.
//!
//! Whoever names a version in `Api-Version` gets it; of all others, a share. Who belongs to that share follows from who
//! they are, so a person stays with a version as long as the share does not shrink, on every gateway, and is in the
//! share of every group at once: nobody sees a new cart over an old catalogue by chance. A canary that is not there,
//! or may not do what it is asked, is no reason to fail: the stable replicas are asked instead, and the answer says who
//! gave it.

use std::collections::BTreeMap;

use actix_web::http::header::{HeaderMap, HeaderName};
use runtime::headers::CommandId;
use runtime::reach::Set;
use serde::Deserialize;

use crate::error::Error;

/// Which version is wanted, and on an answer, which one gave it.
pub(crate) const API_VERSION: HeaderName = HeaderName::from_static("api-version");

/// A canary of a group.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Canary {
    /// How many in a hundred people it answers who do not ask for a version.
    pub percent: u8,
    /// What `Api-Version` calls it, beside `canary`.
    pub version: String,
}

impl Default for Canary {
    fn default() -> Canary {
        Canary { percent: 0, version: Set::Canary.name().to_owned() }
    }
}

/// The canaries, by group.
pub type Canaries = BTreeMap<String, Canary>;

/// Nobody goes by this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Api-Version is stable, canary or the version of a canary that is configured")]
pub struct UnknownVersion;

impl From<UnknownVersion> for Error {
    fn from(unknown: UnknownVersion) -> Error {
        Error::bad_request("unknown_api_version", unknown.to_string())
    }
}

/// The version that a request names.
///
/// # Errors
/// When it names two, or none that can be one.
pub(crate) fn wanted(headers: &HeaderMap) -> Result<Option<&str>, UnknownVersion> {
    let mut named = headers.get_all(API_VERSION);
    match (named.next(), named.next()) {
        (None, _) => Ok(None),
        (Some(version), None) => version.to_str().map(|version| Some(version.trim())).map_err(|_| UnknownVersion),
        (Some(_), Some(_)) => Err(UnknownVersion),
    }
}

/// Which replicas of a group are asked for somebody.
///
/// # Errors
/// When nobody goes by the version that they name.
pub(crate) fn set(
    canaries: &Canaries,
    group: &str,
    version: Option<&str>,
    identity: &str,
) -> Result<Set, UnknownVersion> {
    let canary = canaries.get(group);
    match version {
        None => {}
        Some(stable) if stable == Set::Stable.name() => return Ok(Set::Stable),
        Some(named) => {
            let is_ours = |canary: &Canary| canary.version == named || named == Set::Canary.name();
            let known = named == Set::Canary.name() || canaries.values().any(is_ours);
            let ours = canary.is_some_and(is_ours);
            return if known { Ok(if ours { Set::Canary } else { Set::Stable }) } else { Err(UnknownVersion) };
        }
    }
    let percent = canary.map_or(0, |canary| canary.percent);
    Ok(if place(identity) < percent { Set::Canary } else { Set::Stable })
}

/// Where somebody stands among a hundred: evenly spread, and always the same.
fn place(identity: &str) -> u8 {
    let [a, b, c, d, ..] = CommandId::derived(&[b"canary", identity.as_bytes()]).0;
    u8::try_from(u32::from_le_bytes([a, b, c, d]) % 100).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canaries(percent: u8) -> Canaries {
        Canaries::from([("product".to_owned(), Canary { percent, version: "2".to_owned() })])
    }

    fn people(percent: u8) -> Vec<bool> {
        let canaries = canaries(percent);
        let chosen = |number: u32| set(&canaries, "product", None, &format!("usr_{number}"));
        (0..10_000).map(|number| chosen(number) == Ok(Set::Canary)).collect()
    }

    #[test]
    fn of_many_people_a_tenth_is_chosen_and_stays_when_more_are() {
        let (tenth, fifth) = (people(10), people(20));
        let count = tenth.iter().filter(|chosen| **chosen).count();
        assert!((900..=1_100).contains(&count), "{count}");
        assert!(tenth.iter().zip(&fifth).all(|(before, after)| *after || !before), "nobody goes back");
        assert!(people(0).iter().all(|chosen| !chosen) && people(100).iter().all(|chosen| *chosen));
    }

    #[test]
    fn who_names_a_version_gets_it() {
        for (percent, group, version, expected) in [
            (0, "product", "canary", Ok(Set::Canary)),
            (0, "product", "2", Ok(Set::Canary)),
            (100, "product", "stable", Ok(Set::Stable)),
            (100, "cart", "2", Ok(Set::Stable)),
            (100, "cart", "canary", Ok(Set::Stable)),
            (100, "product", "3", Err(UnknownVersion)),
            (100, "product", "", Err(UnknownVersion)),
        ] {
            assert_eq!(set(&canaries(percent), group, Some(version), "usr_1"), expected, "{group} {version}");
        }
        assert_eq!(set(&Canaries::new(), "product", Some("canary"), "usr_1"), Ok(Set::Stable), "it was taken away");
    }
}

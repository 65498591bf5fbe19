//! What can be set: how long carts wait for their owners.

use std::sync::OnceLock;

use jiff::SignedDuration;
use serde::Deserialize;

use crate::cart::Patience;

/// Everything that can be set. A cart keeps what counted when it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// After how many seconds without a change a cart with something in it counts as abandoned.
    pub abandoned_after_s: u32,
    /// After how many seconds without a change a cart is deleted.
    pub deleted_after_s: u32,
}

/// An hour, and thirty days.
impl Default for Settings {
    fn default() -> Settings {
        Settings { abandoned_after_s: 60 * 60, deleted_after_s: 30 * 24 * 60 * 60 }
    }
}

/// Settings that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A cart would be gone at once.
    #[error("{0} of carts must be at least 1")]
    Zero(&'static str),
}

impl Settings {
    /// Whether they can be.
    ///
    /// # Errors
    /// When no cart could be filled with them.
    pub fn check(&self) -> Result<(), Error> {
        for (name, seconds) in
            [("abandoned_after_s", self.abandoned_after_s), ("deleted_after_s", self.deleted_after_s)]
        {
            if seconds == 0 {
                return Err(Error::Zero(name));
            }
        }
        Ok(())
    }

    /// As carts have it.
    #[must_use]
    pub fn patience(&self) -> Patience {
        let seconds = |seconds: u32| SignedDuration::from_secs(seconds.into());
        Patience { idle: seconds(self.abandoned_after_s), keep: seconds(self.deleted_after_s) }
    }
}

/// What the handlers of this process go by. Handlers are plain functions, so what the process was configured with is the
/// process's own.
static CURRENT: OnceLock<Settings> = OnceLock::new();

/// Sets them, before the first request; the first to do so is heard.
pub(crate) fn set(settings: Settings) {
    // A process has one configuration; a second group in it, as in tests, has the same.
    let _ = CURRENT.set(settings);
}

/// How long a cart waits that is taken now.
#[must_use]
pub(crate) fn patience() -> Patience {
    CURRENT.get_or_init(Settings::default).patience()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_seconds_above_zero_and_no_other_name() {
        let read = |json: &str| serde_json::from_str::<Settings>(json);
        let settings = read(r#"{"abandoned_after_s": 90}"#).expect("settings");
        assert_eq!((settings.abandoned_after_s, settings.deleted_after_s), (90, 2_592_000));
        assert_eq!(settings.check(), Ok(()));
        assert_eq!(settings.patience().idle, SignedDuration::from_secs(90));
        for (json, name) in
            [(r#"{"abandoned_after_s": 0}"#, "abandoned_after_s"), (r#"{"deleted_after_s": 0}"#, "deleted_after_s")]
        {
            assert_eq!(read(json).expect("a number").check(), Err(Error::Zero(name)));
        }
        for wrong in [r#"{"abandoned_after": 2}"#, r#"{"abandoned_after_s": "1h"}"#, r#"{"deleted_after_s": -1}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}

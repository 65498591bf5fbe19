//! What can be set: how warehouses are chosen when nobody says how.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::allocation::Strategy;

/// Everything that can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How baskets are allocated when whoever asks does not say how, as orders do not.
    pub allocation: Strategy,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { allocation: Strategy::Nearest }
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

/// What was set for this process.
#[must_use]
pub(crate) fn current() -> Settings {
    *CURRENT.get_or_init(Settings::default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strategy_has_a_name_and_nothing_else_can_be_set() {
        let read = |json: &str| serde_json::from_str::<Settings>(json);
        for (word, strategy) in [
            ("nearest", Strategy::Nearest),
            ("fewest_parcels", Strategy::FewestParcels),
            ("priority", Strategy::Priority),
        ] {
            let settings = read(&format!(r#"{{"allocation": "{word}"}}"#)).expect("settings");
            assert_eq!(settings.allocation, strategy);
        }
        assert_eq!(read("{}").expect("settings"), Settings::default());
        for wrong in [r#"{"allocation": "cheapest"}"#, r#"{"strategy": "nearest"}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}

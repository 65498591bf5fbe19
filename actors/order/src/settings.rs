//! What can be set: who the shop is, as its invoices say.

use std::sync::OnceLock;

use serde::Deserialize;

/// Everything that can be set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Who sells.
    pub seller: Seller,
}

/// Who sells, as invoices say.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seller {
    /// The name of the company.
    pub name: String,
    /// Where it is, line by line.
    pub address: Vec<String>,
    /// The number that the tax office knows it by.
    pub tax_number: String,
}

impl Default for Seller {
    fn default() -> Seller {
        Seller { name: "Mercat".to_owned(), address: Vec::new(), tax_number: String::new() }
    }
}

/// What the handlers of this process go by. Handlers are plain functions, so what the process was configured with is the
/// process's own.
static CURRENT: OnceLock<Settings> = OnceLock::new();

/// Sets them, before the first request; the first to do so is heard.
pub fn set(settings: Settings) {
    // A process has one configuration; a second group in it, as in tests, has the same.
    let _ = CURRENT.set(settings);
}

impl Settings {
    /// What was set for this process.
    #[must_use]
    pub fn current() -> &'static Settings {
        CURRENT.get_or_init(Settings::default)
    }
}

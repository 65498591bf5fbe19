//! What can be set: who the shop is, as its invoices say, and how orders wait for what is not here.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::order::deal::Backorder;

/// Everything that can be set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Who sells.
    pub seller: Seller,
    /// How orders wait for what is not here, where inventory lets them.
    pub backorder: Backorders,
}

/// How orders wait for what is not here. Which shelves may be waited for, and for how much, says inventory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backorders {
    /// What is sent when.
    pub send: Sending,
    /// When the customer is charged.
    pub capture: Charging,
}

/// What is sent when some of it is not here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sending {
    /// What is here goes first.
    #[default]
    AsReady,
    /// Everything at once, when all of it is here.
    Together,
    /// No order waits: what is not here is not sold.
    Never,
}

/// When the customer is charged for an order that waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charging {
    /// When the first parcel can be packed. Promises of money end after some days, by the provider's rules.
    #[default]
    WhenReady,
    /// As soon as the order is confirmed.
    AtOnce,
}

impl Backorders {
    /// The terms of an order that is placed now; `None` when it does not wait.
    #[must_use]
    pub fn terms(self) -> Option<Backorder> {
        let terms =
            Backorder { together: self.send == Sending::Together, capture_at_once: self.capture == Charging::AtOnce };
        (self.send != Sending::Never).then_some(terms)
    }
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

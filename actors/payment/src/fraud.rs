//! Fraud: what makes a payment suspicious before the provider is asked.
//!
//! The rules look at the amount and at how many payments the customer began lately. They may read a list that lags a
//! little: they note something and protect nothing that must hold. What is suspicious enough waits for a person.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::wire::Money;

/// From this score on a person has to approve a payment.
pub const SCORE_REVIEW: u32 = 50;

/// The rules.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// More than this is suspicious, in whole units of any currency: 10,000 are 10,000.00 EUR and 10,000 JPY. 0: nothing is.
    pub amount_max: u32,
    /// More payments than this in the window are suspicious. 0: no number is.
    pub payments_max: u32,
    /// The window, in minutes.
    pub window_minutes: u32,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules { amount_max: 10_000, payments_max: 30, window_minutes: 10 }
    }
}

/// What is suspicious about a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspicion {
    /// How much, from 0 to 100.
    pub score: u32,
    /// Which rules it broke.
    pub signals: Vec<String>,
}

impl Rules {
    /// How far back payments are counted.
    #[must_use]
    pub fn window(&self) -> SignedDuration {
        SignedDuration::from_mins(self.window_minutes.into())
    }

    /// What is suspicious about a payment of a customer who began so many others lately; nothing, if it is not enough
    /// for a review.
    #[must_use]
    pub fn judge(&self, amount: Money, lately: usize) -> Option<Suspicion> {
        let whole = 10_i64.checked_pow(amount.currency().decimals()).unwrap_or(1);
        let large = self.amount_max > 0 && amount.amount() / whole >= i64::from(self.amount_max);
        let often = self.payments_max > 0 && lately >= usize::try_from(self.payments_max).unwrap_or(usize::MAX);
        let broken: Vec<String> = [(large, "amount"), (often, "velocity")]
            .into_iter()
            .filter(|(is, _)| *is)
            .map(|(_, why)| why.to_owned())
            .collect();
        // Each rule alone is worth a look; both together are nearly certain.
        let score = match broken.len() {
            0 => 0,
            1 => 60,
            _ => 95,
        };
        (score >= SCORE_REVIEW).then_some(Suspicion { score, signals: broken })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::money;

    fn judged(amount: i64, currency: &str, lately: usize) -> String {
        let judged = Rules::default().judge(money(amount, currency).expect("money"), lately);
        judged.map_or("sound".to_owned(), |found| format!("{} {}", found.score, found.signals.join(" ")))
    }

    #[test]
    fn much_and_often_are_suspicious() {
        assert_eq!(judged(999_999, "EUR", 29), "sound");
        assert_eq!(judged(1_000_000, "EUR", 0), "60 amount");
        assert_eq!(judged(10_000, "JPY", 0), "60 amount");
        assert_eq!(judged(9_999_999, "KWD", 30), "60 velocity");
        assert_eq!(judged(10_000_000, "KWD", 30), "95 amount velocity");
        let off = Rules { amount_max: 0, payments_max: 0, ..Rules::default() };
        assert_eq!(off.judge(money(100_000_000, "EUR").expect("money"), 1_000), None);
    }
}

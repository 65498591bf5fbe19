//! Money: whole minor units of one currency, and arithmetic that can say no.
//!
//! There is no conversion between currencies here and no rounding: a tax or a rate rounds where the rule for it is known.
//! Every amount fits JSON exactly (±2^53 − 1 minor units, some 90 billion dollars a thousand times over), so what can be
//! calculated can also be said.

mod currency;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::common::v1 as wire;
use crate::json::SAFE_MAX;

pub use currency::Currency;

/// An amount of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct Money {
    amount: i64,
    currency: Currency,
}

/// Why there is no such money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The amount cannot be said in JSON.
    #[error("the amount is beyond ±(2^53 − 1) minor units")]
    Overflow,
    /// Two currencies do not add up.
    #[error("{left} and {right} do not add up")]
    Currencies {
        /// The one.
        left: Currency,
        /// The other.
        right: Currency,
    },
    /// No such currency.
    #[error("not a currency of ISO 4217")]
    UnknownCurrency,
    /// Money without an amount.
    #[error("there is no amount")]
    NoAmount,
    /// There is nobody to share with.
    #[error("the ratios of a split must not all be zero")]
    NoRatio,
}

impl Money {
    /// So many minor units.
    pub const fn new(amount: i64, currency: Currency) -> Result<Money, Error> {
        if amount.unsigned_abs() <= SAFE_MAX.unsigned_abs() {
            Ok(Money { amount, currency })
        } else {
            Err(Error::Overflow)
        }
    }

    /// None of it.
    pub const fn zero(currency: Currency) -> Money {
        Money { amount: 0, currency }
    }

    /// Minor units.
    pub const fn amount(self) -> i64 {
        self.amount
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Neither more nor less than nothing.
    pub const fn is_zero(self) -> bool {
        self.amount == 0
    }

    /// Less than nothing.
    pub const fn is_negative(self) -> bool {
        self.amount < 0
    }

    /// Both together.
    pub fn plus(self, other: Money) -> Result<Money, Error> {
        self.combine(other, i64::checked_add)
    }

    /// What is left of this without the other.
    pub fn minus(self, other: Money) -> Result<Money, Error> {
        self.combine(other, i64::checked_sub)
    }

    fn combine(self, other: Money, operation: fn(i64, i64) -> Option<i64>) -> Result<Money, Error> {
        if self.currency != other.currency {
            return Err(Error::Currencies { left: self.currency, right: other.currency });
        }
        Money::new(operation(self.amount, other.amount).ok_or(Error::Overflow)?, self.currency)
    }

    /// This many times it.
    pub fn times(self, count: i64) -> Result<Money, Error> {
        Money::new(self.amount.checked_mul(count).ok_or(Error::Overflow)?, self.currency)
    }

    /// As much below zero as it was above.
    pub const fn negated(self) -> Money {
        // The range is symmetric, so nothing overflows.
        Money { amount: -self.amount, currency: self.currency }
    }

    /// All of them together; nothing, if there are none.
    pub fn sum(currency: Currency, all: impl IntoIterator<Item = Money>) -> Result<Money, Error> {
        all.into_iter().try_fold(Money::zero(currency), Money::plus)
    }

    /// Splits by ratios without losing a unit: the shares add up to the whole. Units that do not divide go to the shares
    /// that lost most by rounding down, the first of equals first; a ratio of zero gets nothing.
    pub fn allocate(self, ratios: &[u64]) -> Result<Vec<Money>, Error> {
        let total: u128 = ratios.iter().map(|&ratio| u128::from(ratio)).sum();
        if total == 0 {
            return Err(Error::NoRatio);
        }
        let whole = u128::from(self.amount.unsigned_abs());
        // Below 2^53 · 2^64, so the products fit.
        let mut shares: Vec<u128> = ratios.iter().map(|&ratio| whole * u128::from(ratio) / total).collect();
        let lost = |index: usize| whole * u128::from(ratios[index]) % total;
        let mut order: Vec<usize> = (0..ratios.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(lost(index)));
        let left = whole - shares.iter().sum::<u128>();
        // Fewer units are left than shares lost something, so every index below is there.
        for &index in order.iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
            shares[index] += 1;
        }
        shares
            .into_iter()
            .map(|share| {
                let share = Money::new(i64::try_from(share).map_err(|_| Error::Overflow)?, self.currency)?;
                Ok(if self.is_negative() { share.negated() } else { share })
            })
            .collect()
    }
}

/// `19.99 EUR`, `1999 JPY`, `1.999 KWD`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, units) = (if self.amount < 0 { "-" } else { "" }, self.amount.unsigned_abs());
        match self.currency.decimals() {
            0 => write!(f, "{sign}{units} {}", self.currency),
            decimals => {
                let one = 10u64.pow(decimals);
                write!(f, "{sign}{}.{:0width$} {}", units / one, units % one, self.currency, width = decimals as usize)
            }
        }
    }
}

impl From<Money> for wire::Money {
    fn from(money: Money) -> Self {
        wire::Money { amount: Some(money.amount), currency: money.currency.to_string() }
    }
}

impl TryFrom<wire::Money> for Money {
    type Error = Error;

    fn try_from(money: wire::Money) -> Result<Self, Error> {
        Money::try_from(&money)
    }
}

impl TryFrom<&wire::Money> for Money {
    type Error = Error;

    fn try_from(money: &wire::Money) -> Result<Self, Error> {
        Money::new(money.amount.ok_or(Error::NoAmount)?, Currency::parse(&money.currency)?)
    }
}

/// What a store holds: the bound is checked on the way back in.
#[derive(Serialize, Deserialize)]
struct Unchecked {
    amount: i64,
    currency: Currency,
}

impl From<Money> for Unchecked {
    fn from(Money { amount, currency }: Money) -> Self {
        Unchecked { amount, currency }
    }
}

impl TryFrom<Unchecked> for Money {
    type Error = Error;

    fn try_from(Unchecked { amount, currency }: Unchecked) -> Result<Self, Error> {
        Money::new(amount, currency)
    }
}

#[cfg(test)]
mod tests;

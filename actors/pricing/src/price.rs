//! A price as it is stored: what the catalogue says, or what a list says by quantity. Both change with the same event.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wire::{Currency, Money};

/// The price of a SKU changed: in the catalogue, or on a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated {
    /// The SKU.
    pub sku: String,
    /// The product it is a form of; empty when a list changed.
    pub product_id: String,
    /// The list; empty when the catalogue changed.
    pub price_list_id: String,
    /// What one unit costs in the catalogue.
    pub price: Option<Money>,
    /// What it is to the tax office; empty when a list changed.
    pub tax_category: String,
    /// What one unit costs on the list; none when it was taken off.
    pub tiers: Tiers,
    /// When.
    pub at: Timestamp,
}

/// What one unit costs, by the fewest units for which that holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tiers(BTreeMap<i64, Money>);

/// What is wrong with tiers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A list has one currency.
    #[error("a price of {sku} is in {found}, and the list is in {listed}")]
    WrongCurrency {
        /// The SKU.
        sku: String,
        /// The price's currency.
        found: Currency,
        /// The list's.
        listed: Currency,
    },
    /// It would have two prices.
    #[error("two tiers of {sku} begin at {min_quantity}")]
    DuplicateTier {
        /// The SKU.
        sku: String,
        /// Where both begin.
        min_quantity: i64,
    },
}

impl Tiers {
    /// Tiers of a SKU on a list in this currency: each begins somewhere else.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn parse(sku: &str, listed: Currency, tiers: impl IntoIterator<Item = (i64, Money)>) -> Result<Tiers, Fault> {
        let mut all = BTreeMap::new();
        for (min_quantity, price) in tiers {
            let sku = sku.to_owned();
            if price.currency() != listed {
                return Err(Fault::WrongCurrency { sku, found: price.currency(), listed });
            }
            if all.insert(min_quantity, price).is_some() {
                return Err(Fault::DuplicateTier { sku, min_quantity });
            }
        }
        Ok(Tiers(all))
    }

    /// The same from a record, where nothing is refused any more.
    #[must_use]
    pub fn recorded(tiers: impl IntoIterator<Item = (i64, Money)>) -> Tiers {
        Tiers(tiers.into_iter().collect())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, rising.
    pub fn iter(&self) -> impl Iterator<Item = (i64, Money)> + '_ {
        self.0.iter().map(|(min_quantity, price)| (*min_quantity, *price))
    }

    /// What counts for so many units, and from how many on.
    #[must_use]
    pub fn at(&self, quantity: i64) -> Option<(i64, Money)> {
        self.0.range(..=quantity).next_back().map(|(min_quantity, price)| (*min_quantity, *price))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::euros;

    fn eur() -> Currency {
        Currency::parse("EUR").expect("a currency")
    }

    #[test]
    fn the_highest_tier_that_is_reached_counts() {
        let tiers = Tiers::parse("MUG", eur(), [(10, euros(900)), (5, euros(950))]).expect("tiers");
        for (quantity, at) in
            [(4, None), (5, Some((5, 950))), (9, Some((5, 950))), (10, Some((10, 900))), (11, Some((10, 900)))]
        {
            assert_eq!(tiers.at(quantity), at.map(|(from, cents)| (from, euros(cents))), "{quantity}");
        }
    }

    #[test]
    fn tiers_are_in_the_currency_of_the_list_and_begin_apart() {
        let chf = Currency::parse("CHF").expect("a currency");
        let wrong = Tiers::parse("MUG", chf, [(1, euros(900))]);
        assert_eq!(wrong, Err(Fault::WrongCurrency { sku: "MUG".into(), found: eur(), listed: chf }));
        let twice = Tiers::parse("MUG", eur(), [(2, euros(900)), (2, euros(800))]);
        assert_eq!(twice, Err(Fault::DuplicateTier { sku: "MUG".into(), min_quantity: 2 }));
    }
}

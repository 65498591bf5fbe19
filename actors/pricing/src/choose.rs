//! The choice of a price: of everything that is known of a SKU, what one unit of a line costs one customer.
//!
//! The order is declared: a list for the customer's group before one for everybody, then one for the channel before one
//! for all channels, then the higher priority, then the lower price, then the id that comes first. The catalogue counts
//! only where no list does. Nothing is ever converted from one currency into another.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base;
use crate::price::Tiers;
use crate::price_list::Details;
use crate::tax;
use crate::taxes::{Rate, Rules};
use crate::wire::{Currency, Money, MoneyError};

/// Whom prices are for, where, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The currency to pay in.
    pub currency: Currency,
    /// Where it is asked for.
    pub channel: String,
    /// The group the customer belongs to.
    pub customer_group: String,
    /// The region it would be sent to.
    pub region: String,
    /// How the country it would be sent to taxes: `None` when no country is named, no rates when nothing is known of it.
    pub rules: Option<Rules>,
    /// The moment whose lists count.
    pub at: Timestamp,
}

/// Everything that is known of the price of a SKU.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// What the catalogue says.
    pub base: Option<base::Known>,
    /// What lists say.
    pub lists: Vec<Listed>,
}

/// What one list says of a SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The list.
    pub id: String,
    /// What the list says about itself.
    pub details: Details,
    /// What it says about the SKU.
    pub tiers: Tiers,
}

/// What a line costs before discounts and tax on top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    /// The SKU.
    pub sku: String,
    /// The product it is a form of.
    pub product_id: String,
    /// How many units.
    pub quantity: i64,
    /// What one costs.
    pub unit_price: Money,
    /// What one costs in the catalogue, if it has a price in this currency.
    pub list_price: Money,
    /// Where the unit price comes from.
    pub source: Source,
    /// What it is there, before tax was put on or taken out.
    pub listed: Money,
    /// From how many units on it counts.
    pub from: i64,
    /// What it is to the tax office.
    pub tax_category: String,
}

/// Where a price comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// The catalogue.
    Catalogue,
    /// A price list.
    List(String),
}

/// Why a line has no price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unpriced {
    /// The catalogue never named it.
    #[error("{sku} is not in the catalogue.")]
    UnknownSku {
        /// The SKU.
        sku: String,
    },
    /// Nothing is converted.
    #[error("{sku} has no price in {currency} for {quantity} units.")]
    NoPriceInCurrency {
        /// The SKU.
        sku: String,
        /// The currency that was asked for.
        currency: Currency,
        /// How many units.
        quantity: i64,
    },
    /// It is more than money can be.
    #[error("the price of {sku} is more than can be counted.")]
    OutOfRange {
        /// The SKU.
        sku: String,
    },
}

impl Terms {
    /// Whether tax is in the prices that are shown.
    #[must_use]
    pub fn tax_included(&self) -> bool {
        self.rules.as_ref().is_some_and(|rules| rules.prices_include_tax)
    }

    /// The rate on a category; `None` when no country is named.
    #[must_use]
    pub fn rate(&self, category: &str) -> Option<Rate> {
        self.rules.as_ref().map(|rules| rules.rate(&self.region, category))
    }

    /// A price of a list as it is shown here: with tax where prices have it, without where they have not.
    fn shown(&self, price: Money, has_tax: Option<bool>, category: &str) -> Result<Money, MoneyError> {
        let Some(rate) = self.rate(category) else { return Ok(price) };
        match (has_tax.unwrap_or(self.tax_included()), self.tax_included()) {
            (true, false) => price.minus(tax::within(price, rate.ppm)?),
            (false, true) => price.plus(tax::on(price, rate.ppm)?),
            (true, true) | (false, false) => Ok(price),
        }
    }

    fn counts(&self, list: &Details) -> bool {
        list.counts(self.currency, &self.channel, &self.customer_group, self.at)
    }
}

impl Known {
    /// What so many units cost each.
    ///
    /// # Errors
    /// See [`Unpriced`].
    pub fn price(&self, sku: &str, quantity: i64, terms: &Terms) -> Result<Priced, Unpriced> {
        let Some(base) = &self.base else { return Err(Unpriced::UnknownSku { sku: sku.to_owned() }) };
        let too_much = |_| Unpriced::OutOfRange { sku: sku.to_owned() };
        let catalogue = (base.price.currency() == terms.currency).then_some(base.price);
        let mut best: Option<(_, Money, Money, i64)> = None;
        for list in self.lists.iter().filter(|list| terms.counts(&list.details)) {
            let Some((from, listed)) = list.tiers.at(quantity) else { continue };
            let Details { channel, customer_group, priority, tax_included, .. } = &list.details;
            let unit_price = terms.shown(listed, *tax_included, &base.tax_category).map_err(too_much)?;
            let rank = (
                Reverse(!customer_group.is_empty()),
                Reverse(!channel.is_empty()),
                Reverse(*priority),
                unit_price.amount(),
                &list.id,
            );
            if best.as_ref().is_none_or(|(known, ..)| rank < *known) {
                best = Some((rank, unit_price, listed, from));
            }
        }
        let (unit_price, source, listed, from) = match (best, catalogue) {
            (Some((rank, unit_price, listed, from)), _) => (unit_price, Source::List(rank.4.clone()), listed, from),
            (None, Some(price)) => (price, Source::Catalogue, price, 1),
            (None, None) => {
                let (sku, currency) = (sku.to_owned(), terms.currency);
                return Err(Unpriced::NoPriceInCurrency { sku, currency, quantity });
            }
        };
        Ok(Priced {
            sku: sku.to_owned(),
            product_id: base.product_id.clone(),
            quantity,
            unit_price,
            list_price: catalogue.unwrap_or(unit_price),
            source,
            listed,
            from,
            tax_category: base.tax_category.clone(),
        })
    }

    /// What a unit costs by quantity, where that changes.
    ///
    /// # Errors
    /// See [`Unpriced`]; that there is no price for few units is none.
    pub fn steps(&self, sku: &str, terms: &Terms) -> Result<Vec<Priced>, Unpriced> {
        let lists = self.lists.iter().filter(|list| terms.counts(&list.details));
        let mut begins: BTreeSet<i64> = lists.flat_map(|list| list.tiers.iter().map(|(from, _)| from)).collect();
        begins.insert(1);
        let mut steps: Vec<Priced> = Vec::new();
        for quantity in begins {
            match self.price(sku, quantity, terms) {
                Ok(priced) if steps.last().is_some_and(|last| last.unit_price == priced.unit_price) => {}
                Ok(priced) => steps.push(priced),
                Err(Unpriced::NoPriceInCurrency { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        if steps.is_empty() {
            return Err(Unpriced::NoPriceInCurrency { sku: sku.to_owned(), currency: terms.currency, quantity: 1 });
        }
        Ok(steps)
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::moment;

    use super::*;
    use crate::taxes::{Rounding, Taxed};
    use crate::wire::euros;

    fn eur() -> Currency {
        Currency::parse("EUR").expect("a currency")
    }

    fn list(id: &str, channel: &str, customer_group: &str, priority: i32, tiers: &[(i64, i64)]) -> Listed {
        let details = Details {
            title: id.into(),
            currency: eur(),
            channel: channel.into(),
            customer_group: customer_group.into(),
            valid_from: None,
            valid_until: None,
            priority,
            tax_included: None,
        };
        Listed {
            id: id.into(),
            details,
            tiers: Tiers::recorded(tiers.iter().map(|(from, cents)| (*from, euros(*cents)))),
        }
    }

    fn base(price: Money) -> Option<base::Known> {
        let (sku, product_id, tax_category) = ("MUG".into(), "prd_1".into(), base::STANDARD.into());
        Some(base::Known { sku, product_id, price, tax_category, updated_at: moment(0) })
    }

    fn terms() -> Terms {
        Terms {
            currency: eur(),
            channel: "web".into(),
            customer_group: "vip".into(),
            region: String::new(),
            rules: None,
            at: moment(100),
        }
    }

    /// Who gives the price, and what it is, of so many units.
    fn chosen(lists: &[Listed], quantity: i64) -> (String, i64) {
        let known = Known { base: base(euros(1_000)), lists: lists.to_vec() };
        let priced = known.price("MUG", quantity, &terms()).expect("a price");
        assert_eq!(priced.list_price, euros(1_000));
        let source = match priced.source {
            Source::Catalogue => "catalogue".to_owned(),
            Source::List(id) => id,
        };
        (source, priced.unit_price.amount())
    }

    #[test]
    fn the_most_specific_price_wins() {
        let everyone = || list("a", "", "", 0, &[(1, 500)]);
        let channel = || list("b", "web", "", 0, &[(1, 600)]);
        let group = || list("c", "", "vip", -5, &[(1, 1_200)]);
        let both = || list("d", "web", "vip", -9, &[(1, 1_300)]);
        assert_eq!(chosen(&[], 1), ("catalogue".into(), 1_000));
        assert_eq!(chosen(&[everyone()], 1), ("a".into(), 500));
        assert_eq!(chosen(&[everyone(), channel()], 1), ("b".into(), 600), "a channel before all channels");
        assert_eq!(chosen(&[channel(), group()], 1), ("c".into(), 1_200), "a group before a channel, even if dearer");
        assert_eq!(chosen(&[group(), both(), channel()], 1), ("d".into(), 1_300));
        assert_eq!(chosen(&[list("x", "shop", "", 9, &[(1, 1)]), everyone()], 1), ("a".into(), 500), "not for the web");
        assert_eq!(chosen(&[list("x", "", "staff", 9, &[(1, 1)]), everyone()], 1), ("a".into(), 500), "not for a vip");
    }

    #[test]
    fn of_equally_specific_lists_priority_decides_then_the_lower_price_then_the_id() {
        let high = list("z", "", "", 2, &[(1, 900)]);
        let low = list("a", "", "", 1, &[(1, 100)]);
        assert_eq!(chosen(&[low.clone(), high.clone()], 1), ("z".into(), 900));
        assert_eq!(chosen(&[list("m", "", "", 1, &[(1, 90)]), low.clone()], 1), ("m".into(), 90));
        assert_eq!(chosen(&[list("b", "", "", 1, &[(1, 100)]), low], 1), ("a".into(), 100));
    }

    #[test]
    fn below_its_lowest_tier_a_list_says_nothing() {
        let bulk = list("bulk", "", "vip", 0, &[(10, 700), (100, 600)]);
        let plain = list("plain", "", "", 0, &[(1, 950)]);
        for (quantity, expected) in
            [(1, ("plain", 950)), (9, ("plain", 950)), (10, ("bulk", 700)), (500, ("bulk", 600))]
        {
            let (source, cents) = chosen(&[bulk.clone(), plain.clone()], quantity);
            assert_eq!((source.as_str(), cents), expected, "{quantity}");
        }
        let known = Known { base: base(euros(1_000)), lists: vec![bulk, plain] };
        let steps = known.steps("MUG", &terms()).expect("steps");
        assert_eq!(
            steps.iter().map(|step| (step.quantity, step.unit_price.amount())).collect::<Vec<_>>(),
            [(1, 950), (10, 700), (100, 600)]
        );
    }

    #[test]
    fn nothing_is_converted() {
        let chf = Currency::parse("CHF").expect("a currency");
        let francs = Terms { currency: chf, ..terms() };
        let known = Known { base: base(euros(1_000)), lists: vec![list("a", "", "", 0, &[(1, 500)])] };
        let none = Unpriced::NoPriceInCurrency { sku: "MUG".into(), currency: chf, quantity: 1 };
        assert_eq!(known.price("MUG", 1, &francs), Err(none.clone()));
        assert_eq!(known.steps("MUG", &francs), Err(none));
        let unknown = Known { base: None, ..known };
        assert_eq!(unknown.price("MUG", 1, &terms()), Err(Unpriced::UnknownSku { sku: "MUG".into() }));
    }

    #[test]
    fn a_list_counts_only_in_its_time() {
        let mut spring = list("spring", "", "", 0, &[(1, 500)]);
        spring.details.valid_until = Some(moment(100));
        assert_eq!(chosen(&[spring], 1), ("catalogue".into(), 1_000));
    }

    #[test]
    fn a_list_with_tax_is_shown_without_where_prices_have_none_and_the_other_way_round() {
        let taxed = Taxed { region: String::new(), category: base::STANDARD.into() };
        let rate = Rate { title: "VAT".into(), ppm: 200_000 };
        for (country_has, list_has, shown) in
            [(false, Some(true), 1_000), (true, Some(false), 1_440), (true, Some(true), 1_200), (false, None, 1_200)]
        {
            let rules = Rules::parse(country_has, Rounding::Line, [(taxed.clone(), rate.clone())]).expect("rules");
            let terms = Terms { rules: Some(rules), ..terms() };
            let mut listed = list("a", "", "", 0, &[(1, 1_200)]);
            listed.details.tax_included = list_has;
            let known = Known { base: base(euros(2_000)), lists: vec![listed] };
            let priced = known.price("MUG", 1, &terms).expect("a price");
            assert_eq!((priced.unit_price, priced.listed), (euros(shown), euros(1_200)), "{country_has} {list_has:?}");
        }
    }
}

//! What a campaign says: when it applies, to which baskets, what it takes off, and how often.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wire::{Currency, Money};

/// A whole, in parts per million.
pub const WHOLE_PPM: u32 = 1_000_000;

/// One amount for each currency that matters.
pub type Amounts = BTreeMap<Currency, Money>;

/// Everything that people decide about a campaign but its status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What customers read.
    pub title: String,
    /// What colleagues should know.
    pub description: String,
    /// From when on it applies.
    pub starts_at: Option<Timestamp>,
    /// Until when it applies.
    pub ends_at: Option<Timestamp>,
    /// What makes it apply.
    pub trigger: Trigger,
    /// What a basket must be like.
    pub conditions: Conditions,
    /// What is taken off, one after the other.
    pub actions: Vec<Action>,
    /// The higher goes first.
    pub priority: u32,
    /// It applies alone or not at all.
    pub exclusive: bool,
    /// The group of which only the best deal applies; empty for none.
    pub stacking_group: String,
    /// In how many orders it is used at most.
    pub uses_max: Option<u32>,
    /// In how many orders of one customer it is used at most.
    pub uses_per_customer_max: Option<u32>,
    /// How much it takes off at most, in all orders together; no limit when empty.
    pub budget: Amounts,
}

/// What makes a campaign apply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trigger {
    /// A basket that meets its conditions.
    #[default]
    Automatic,
    /// One of its coupons as well.
    Coupon,
}

/// What a basket must be like. What is not said does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// What the lines must add up to, by currency.
    pub minimum_subtotal: Amounts,
    /// What must be in it.
    pub items: Selection,
    /// How many units of that there must be.
    pub minimum_quantity: Option<u32>,
    /// Groups one of which the customer must be in.
    pub customer_groups: BTreeSet<String>,
    /// It must be the customer's first order.
    pub first_order: bool,
    /// Currencies one of which it must be in.
    pub currencies: BTreeSet<Currency>,
}

/// Some lines: of these SKUs or products; all lines when it names none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// SKUs.
    pub skus: BTreeSet<String>,
    /// Products.
    pub product_ids: BTreeSet<String>,
}

impl Selection {
    /// Whether it names nothing, and so means everything.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.skus.is_empty() && self.product_ids.is_empty()
    }

    /// Whether it means this.
    #[must_use]
    pub fn takes(&self, sku: &str, product_id: &str) -> bool {
        self.is_everything() || self.skus.contains(sku) || self.product_ids.contains(product_id)
    }
}

/// What something is taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// Lines.
    Line,
    /// All lines together.
    Order,
    /// Shipping.
    Shipping,
}

/// One thing that a campaign does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Takes a share off.
    PercentOff {
        /// Off what.
        target: Target,
        /// The share.
        share_ppm: u32,
        /// Off which lines.
        items: Selection,
        /// Not more than this altogether.
        amount_max: Amounts,
    },
    /// Takes an amount off: off each unit, when it is off lines.
    AmountOff {
        /// Off what.
        target: Target,
        /// How much.
        amounts: Amounts,
        /// Off which lines.
        items: Selection,
    },
    /// Lets units go cheaper with others.
    BuyGet {
        /// What must be bought.
        buy: Selection,
        /// How many of it, each time.
        buy_quantity: u32,
        /// What is got; the same as what is bought, when `None`.
        get: Option<Selection>,
        /// How many of it, each time.
        get_quantity: u32,
        /// What is taken off each unit that is got.
        share_ppm: u32,
        /// How many times at most.
        times_max: Option<u32>,
    },
    /// Ships free of charge.
    FreeShipping {
        /// Only up to this.
        amount_max: Amounts,
    },
}

impl Terms {
    /// Whether a moment is between its start and its end.
    #[must_use]
    pub fn runs_at(&self, now: Timestamp) -> bool {
        self.starts_at.is_none_or(|start| start <= now) && self.ends_at.is_none_or(|end| now < end)
    }

    /// Why it makes no sense, if it makes none.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        let ends_first = |(start, end): (Timestamp, Timestamp)| end <= start;
        if self.starts_at.zip(self.ends_at).is_some_and(ends_first) {
            return Some("it would end before it starts");
        }
        if self.actions.is_empty() {
            return Some("it does nothing");
        }
        if above_zero(&self.budget) && above_zero(&self.conditions.minimum_subtotal) {
            return self.actions.iter().find_map(Action::fault);
        }
        Some("an amount is not above zero")
    }
}

impl Action {
    fn fault(&self) -> Option<&'static str> {
        let (sensible, amounts) = match self {
            Action::PercentOff { share_ppm, amount_max, .. } => ((1..=WHOLE_PPM).contains(share_ppm), amount_max),
            Action::AmountOff { amounts, .. } => (!amounts.is_empty(), amounts),
            Action::BuyGet { buy_quantity, get_quantity, share_ppm, .. } => {
                let counts = *buy_quantity > 0 && *get_quantity > 0;
                return (!counts || !(1..=WHOLE_PPM).contains(share_ppm)).then_some("an action does nothing");
            }
            Action::FreeShipping { amount_max } => (true, amount_max),
        };
        if !sensible {
            return Some("an action does nothing");
        }
        (!above_zero(amounts)).then_some("an amount is not above zero")
    }
}

fn above_zero(amounts: &Amounts) -> bool {
    amounts.values().all(|money| money.amount() > 0)
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::moment;

    use super::*;
    use crate::sample::{eur, ten_percent};

    #[test]
    fn what_makes_no_sense_says_why() {
        let terms = ten_percent;
        let euros = |amount: i64| Amounts::from([(eur(1).currency(), eur(amount))]);
        let with = |action: Action| Terms { actions: vec![action], ..terms() };
        assert_eq!(terms().fault(), None);
        let table = [
            (
                Terms { starts_at: Some(moment(2)), ends_at: Some(moment(2)), ..terms() },
                "it would end before it starts",
            ),
            (Terms { actions: vec![], ..terms() }, "it does nothing"),
            (Terms { budget: euros(0), ..terms() }, "an amount is not above zero"),
            (
                Terms { conditions: Conditions { minimum_subtotal: euros(-1), ..Conditions::default() }, ..terms() },
                "an amount is not above zero",
            ),
            (
                with(Action::AmountOff { target: Target::Order, amounts: Amounts::new(), items: Selection::default() }),
                "an action does nothing",
            ),
            (with(Action::FreeShipping { amount_max: euros(-5) }), "an amount is not above zero"),
        ];
        for (terms, why) in table {
            assert_eq!(terms.fault(), Some(why));
        }
    }

    #[test]
    fn it_runs_from_its_start_and_not_at_its_end() {
        let terms = Terms { starts_at: Some(moment(10)), ends_at: Some(moment(20)), ..ten_percent() };
        let runs = |second| terms.runs_at(moment(second));
        assert_eq!([9, 10, 19, 20].map(runs), [false, true, true, false]);
    }
}

//! The reckoning: what a basket costs, and how every cent came about. Pure, and the same for a cart and for a quote.
//!
//! Line by line: unit price times quantity; less what promotions take off the line; less its share of what they take off
//! the order, spread by largest remainder over what is left of the lines; nothing goes below zero. Then tax, on top of
//! that or within it, as the country has it. What goes in comes out: the amounts of the derivation add up to the total.

mod spread;
mod steps;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::choose::{Priced, Source, Terms};
use crate::taxes::{self, Rounding};
use crate::wire::{Currency, Money, MoneyError};

pub use steps::{Step, StepKind};

/// A basket whose lines have prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basket {
    /// Whom it is for, where, and when.
    pub terms: Terms,
    /// The lines.
    pub lines: Vec<Priced>,
    /// What promotions take off, in this order.
    pub adjustments: Vec<Adjustment>,
    /// How it would be sent.
    pub shipping: Option<Shipping>,
}

/// What a promotion takes off, at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// Tells it from the others.
    pub id: String,
    /// The coupon it is for, or empty.
    pub code: String,
    /// The campaign it belongs to, or empty.
    pub campaign_id: String,
    /// What it is taken off.
    pub target: Target,
    /// The line it is taken off; for people to read, when the target is none.
    pub sku: String,
    /// How much.
    pub amount: Money,
    /// What people call it.
    pub title: String,
}

/// What a promotion is taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// One line.
    Line,
    /// The parcels.
    Shipping,
    /// All lines together.
    Order,
}

/// How a basket would be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipping {
    /// The option.
    pub option_id: String,
    /// What people call it.
    pub title: String,
    /// What it costs.
    pub amount: Money,
}

/// What a basket costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// By line.
    pub lines: Vec<Line>,
    /// For the parcels.
    pub shipping: Option<Parcels>,
    /// What promotions took off.
    pub discounts: Vec<Discount>,
    /// The lines before discounts.
    pub subtotal: Money,
    /// All that was taken off.
    pub discount_total: Money,
    /// Shipping before discounts.
    pub shipping_total: Money,
    /// All tax.
    pub tax_total: Money,
    /// What is to be paid.
    pub total: Money,
    /// Whether tax is in the prices.
    pub tax_included: bool,
    /// Where tax was rounded.
    pub rounding: Rounding,
    /// How it came about.
    pub derivation: Vec<Step>,
}

/// What a line costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The SKU.
    pub sku: String,
    /// How many units.
    pub quantity: i64,
    /// What one costs.
    pub unit_price: Money,
    /// What one costs in the catalogue.
    pub list_price: Money,
    /// Where the unit price comes from.
    pub source: Source,
    /// What it is to the tax office.
    pub tax_category: String,
    /// The unit price times the quantity, and what becomes of it.
    pub charge: Charge,
}

/// What parcels cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcels {
    /// The option.
    pub option_id: String,
    /// What people call it.
    pub title: String,
    /// The amount, and what becomes of it.
    pub charge: Charge,
}

/// What something costs, from its price to what is paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Before discounts.
    pub amount: Money,
    /// What was taken off.
    pub discount: Money,
    /// What tax falls on.
    pub taxable: Money,
    /// The tax.
    pub tax: Money,
    /// What is paid: `taxable` and `tax`.
    pub total: Money,
    /// The rate, in millionths.
    pub rate_ppm: i64,
}

/// What a promotion took off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discount {
    /// What it asked for.
    pub asked: Adjustment,
    /// What there was to take off.
    pub amount: Money,
}

/// Why a basket cannot be reckoned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A basket has one currency.
    #[error("an amount is in {0}, and the basket is not")]
    Mixed(Currency),
    /// It is more than money can be.
    #[error("the basket costs more than can be counted")]
    OutOfRange(#[source] MoneyError),
}

impl From<MoneyError> for Fault {
    fn from(error: MoneyError) -> Fault {
        Fault::OutOfRange(error)
    }
}

/// What a basket costs.
///
/// # Errors
/// See [`Fault`].
pub fn reckon(basket: &Basket) -> Result<Sums, Fault> {
    let Basket { terms, lines, adjustments, shipping } = basket;
    let zero = Money::zero(terms.currency);
    let amounts = adjustments.iter().map(|one| one.amount).chain(shipping.iter().map(|one| one.amount));
    if let Some(other) = amounts.map(Money::currency).find(|currency| *currency != terms.currency) {
        return Err(Fault::Mixed(other));
    }
    let mut derivation = Vec::new();
    let mut left = Vec::new();
    for line in lines {
        let amount = line.unit_price.times(line.quantity)?;
        derivation.push(steps::price(line, terms, amount));
        left.push(amount);
    }
    let before = left.clone();
    let parcels_before = shipping.as_ref().map_or(zero, |shipping| shipping.amount);
    let mut parcels_left = parcels_before;
    let mut off_parcels = Vec::new();
    let mut discounts = Vec::new();
    for asked in adjustments {
        let (mut off_lines, mut amount) = (Vec::new(), zero);
        match asked.target {
            Target::Line => off_lines = spread::off_line(lines, &mut left, asked)?,
            Target::Order => off_lines = spread::off_order(&mut left, asked.amount)?,
            Target::Shipping => {
                amount = spread::take(&mut parcels_left, asked.amount)?;
                off_parcels.extend(steps::discount(asked, None, amount));
            }
        }
        for (line, taken) in lines.iter().zip(off_lines) {
            amount = amount.plus(taken)?;
            derivation.extend(steps::discount(asked, Some(&line.sku), taken));
        }
        discounts.push(Discount { asked: asked.clone(), amount });
    }
    if let Some(shipping) = shipping {
        derivation.push(steps::shipping(shipping));
    }
    derivation.append(&mut off_parcels);

    let rates: Vec<_> = lines.iter().map(|line| terms.rate(&line.tax_category)).collect();
    let parcels_rate = shipping.as_ref().and_then(|_| terms.rate(taxes::SHIPPING));
    let taxed = left.iter().zip(&rates).chain([(&parcels_left, &parcels_rate)]);
    let taxed: Vec<_> = taxed.map(|(amount, rate)| (*amount, rate.as_ref().map_or(0, |rate| rate.ppm))).collect();
    let (included, rounding) = (terms.tax_included(), terms.rules.as_ref().map_or(Rounding::Line, |r| r.rounding));
    let tax = spread::taxes(&taxed, included, rounding)?;
    let charge = |index: usize, amount: Money| -> Result<Charge, MoneyError> {
        let ((left, rate_ppm), tax) = (taxed[index], tax[index]);
        let (taxable, total) = if included { (left.minus(tax)?, left) } else { (left, left.plus(tax)?) };
        Ok(Charge { amount, discount: amount.minus(left)?, taxable, tax, total, rate_ppm })
    };
    let mut charged = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let charge = charge(index, before[index])?;
        derivation.extend(
            rates[index]
                .as_ref()
                .map(|rate| steps::tax(Some(&line.sku), rate, taxed[index].0, &charge, included, rounding)),
        );
        let Priced { sku, quantity, unit_price, list_price, source, tax_category, .. } = line.clone();
        charged.push(Line { sku, quantity, unit_price, list_price, source, tax_category, charge });
    }
    let parcels = match shipping {
        None => None,
        Some(Shipping { option_id, title, .. }) => {
            let charge = charge(lines.len(), parcels_before)?;
            let step = |rate| steps::tax(None, rate, parcels_left, &charge, included, rounding);
            derivation.extend(parcels_rate.as_ref().map(step));
            Some(Parcels { option_id: option_id.clone(), title: title.clone(), charge })
        }
    };
    let charges = || charged.iter().map(|line| &line.charge).chain(parcels.iter().map(|parcels| &parcels.charge));
    let sum = |of: fn(&Charge) -> Money| Money::sum(terms.currency, charges().map(of));
    Ok(Sums {
        subtotal: Money::sum(terms.currency, before)?,
        discount_total: sum(|charge| charge.discount)?,
        shipping_total: parcels_before,
        tax_total: sum(|charge| charge.tax)?,
        total: sum(|charge| charge.total)?,
        tax_included: included,
        rounding,
        derivation,
        discounts,
        shipping: parcels,
        lines: charged,
    })
}

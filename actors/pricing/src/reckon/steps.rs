//! The derivation: what happened to every cent, in sentences that people can check.

use serde::{Deserialize, Serialize};

use super::{Adjustment, Charge, Shipping, Target};
use crate::choose::{Priced, Source, Terms};
use crate::tax::percent;
use crate::taxes::{Rate, Rounding};
use crate::wire::Money;

/// One step on the way to the total.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What sort of step.
    pub kind: StepKind,
    /// The line it is about; empty when it is about none.
    pub sku: String,
    /// How it was calculated.
    pub detail: String,
    /// What it adds, or takes off when it is below zero.
    pub amount: Money,
}

/// The sorts of steps. All but the last add up to the total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepKind {
    /// The price of a line.
    Price,
    /// Taken off a line.
    Discount,
    /// The price of shipping.
    Shipping,
    /// Taken off shipping.
    ShippingDiscount,
    /// Tax on top.
    Tax,
    /// Tax within: it adds nothing.
    IncludedTax,
}

pub(super) fn price(line: &Priced, terms: &Terms, amount: Money) -> Step {
    let source = match &line.source {
        Source::Catalogue => "from the catalogue".to_owned(),
        Source::List(id) if line.from > 1 => format!("from the list {id} for {} or more", line.from),
        Source::List(id) => format!("from the list {id}"),
    };
    let mut detail = format!("{} at {}, {source}", line.quantity, line.unit_price);
    if line.listed != line.unit_price {
        let rate = terms.rate(&line.tax_category).map_or(0, |rate| rate.ppm);
        let how = if terms.tax_included() { "with" } else { "without" };
        detail.push_str(&format!(", which says {}, {how} {} tax", line.listed, percent(rate)));
    }
    Step { kind: StepKind::Price, sku: line.sku.clone(), detail, amount }
}

/// What an adjustment took off a line, or off shipping; no step when that is nothing.
pub(super) fn discount(asked: &Adjustment, sku: Option<&str>, taken: Money) -> Option<Step> {
    if taken.is_zero() {
        return None;
    }
    let name = if asked.title.is_empty() { &asked.id } else { &asked.title };
    let detail = match asked.target {
        Target::Order => format!("{name}: its share of {} off the order", asked.amount),
        Target::Line | Target::Shipping if taken == asked.amount => name.clone(),
        Target::Line | Target::Shipping => format!("{name}: as much of {} as was left", asked.amount),
    };
    let kind = if sku.is_some() { StepKind::Discount } else { StepKind::ShippingDiscount };
    Some(Step { kind, sku: sku.unwrap_or_default().to_owned(), detail, amount: taken.negated() })
}

pub(super) fn shipping(shipping: &Shipping) -> Step {
    let detail = if shipping.title.is_empty() { &shipping.option_id } else { &shipping.title };
    Step { kind: StepKind::Shipping, sku: String::new(), detail: detail.clone(), amount: shipping.amount }
}

pub(super) fn tax(
    sku: Option<&str>,
    rate: &Rate,
    left: Money,
    charge: &Charge,
    included: bool,
    rounding: Rounding,
) -> Step {
    let (kind, word) = if included { (StepKind::IncludedTax, "in") } else { (StepKind::Tax, "of") };
    let how = match rounding {
        Rounding::Line => "halves rounded up",
        Rounding::Order => "its share of the tax of the order",
    };
    let detail = format!("{}: {} {word} {left}, {how}", rate.title, percent(rate.ppm));
    Step { kind, sku: sku.unwrap_or_default().to_owned(), detail, amount: charge.tax }
}

//! Baskets: what callers ask about, and prices as they are shown.

use messages::common::v1::SkuQuantity;
use runtime::entity::Facts;
use serde::Serialize;

use super::price::tier;
use super::{Currency, MoneyError, Problem, bad_money, money, v1};
use crate::choose::{Priced, Source, Unpriced};
use crate::quote::Asked;
use crate::reckon::{Adjustment, Fault, Shipping, Target};

/// A basket before it has prices.
pub(crate) struct Wanted {
    pub(crate) asked: Asked,
    pub(crate) lines: Vec<(String, i64)>,
    pub(crate) adjustments: Vec<Adjustment>,
    pub(crate) shipping: Option<Shipping>,
}

pub(crate) fn lines(lines: &[SkuQuantity]) -> Vec<(String, i64)> {
    lines.iter().map(|line| (line.sku.clone(), line.quantity.unwrap_or_default())).collect()
}

pub(crate) fn priced_for(request: &v1::PriceLinesRequest) -> Result<Asked, Problem> {
    let v1::PriceLinesRequest { currency, channel, customer_group, country, region, .. } = request;
    Ok(Asked {
        user_id: String::new(),
        currency: currency_in(currency)?,
        channel: channel.clone(),
        customer_group: customer_group.clone(),
        country: country.clone(),
        region: region.clone(),
    })
}

pub(crate) fn currency_in(currency: &str) -> Result<Currency, Problem> {
    Currency::parse(currency).map_err(|e| bad_money(&e))
}

pub(crate) fn total_wanted(request: &v1::TotalBasketRequest) -> Result<Wanted, Problem> {
    let request = request.clone();
    let asked = Asked {
        user_id: request.user_id,
        currency: currency_in(&request.currency)?,
        channel: request.channel,
        customer_group: request.customer_group,
        country: request.ship_to_country,
        region: request.ship_to_region,
    };
    wanted(asked, &request.lines, &request.adjustments, request.shipping)
}

/// A basket to be quoted, whose owner the caller is unless they may name another.
pub(crate) fn quote_wanted(facts: &Facts, request: &v1::CreateQuoteRequest) -> Result<Wanted, Problem> {
    must_be_theirs_to_say(facts, request)?;
    let request = request.clone();
    let caller = || facts.caller.person().unwrap_or_default().to_owned();
    let asked = Asked {
        user_id: if request.user_id.is_empty() { caller() } else { request.user_id },
        currency: currency_in(&request.currency)?,
        channel: request.channel,
        customer_group: request.customer_group,
        country: request.ship_to_country,
        region: request.ship_to_region,
    };
    wanted(asked, &request.lines, &request.adjustments, request.shipping)
}

/// What is taken off and what parcels cost, other groups alone say. Whose the basket is and to which group its owner
/// belongs, staff may say too.
fn must_be_theirs_to_say(facts: &Facts, request: &v1::CreateQuoteRequest) -> Result<(), Problem> {
    let caller = &facts.caller;
    let service = caller.role == "service";
    let somebody_else = !request.user_id.is_empty() && !caller.may_touch(&request.user_id);
    let wrong = [
        ("adjustments", !service && !request.adjustments.is_empty()),
        ("shipping", !service && request.shipping.is_some()),
        ("customer_group", !service && !caller.is_staff() && !request.customer_group.is_empty()),
        ("user_id", !service && somebody_else),
    ];
    let Some((field, _)) = wrong.into_iter().find(|(_, wrong)| *wrong) else { return Ok(()) };
    let detail = format!("`{field}` is the shop's to say, and not yours");
    Err(Problem::new(messages::problem::Kind::Forbidden, "field_not_allowed", detail).with("field", field.to_owned()))
}

fn wanted(
    asked: Asked,
    wanted: &[SkuQuantity],
    adjustments: &[v1::Adjustment],
    shipping: Option<v1::ShippingChoice>,
) -> Result<Wanted, Problem> {
    let adjustments: Result<Vec<_>, _> = adjustments.iter().map(adjustment_in).collect();
    let shipping = shipping.map(|v1::ShippingChoice { option_id, title, amount }| {
        money(amount.as_ref()).map(|amount| Shipping { option_id, title, amount })
    });
    Ok(Wanted {
        asked,
        lines: lines(wanted),
        adjustments: adjustments.map_err(|e| bad_money(&e))?,
        shipping: shipping.transpose().map_err(|e| bad_money(&e))?,
    })
}

fn adjustment_in(adjustment: &v1::Adjustment) -> Result<Adjustment, MoneyError> {
    let target = target_in(adjustment.target());
    let v1::Adjustment { id, code, campaign_id, sku, amount, title, .. } = adjustment.clone();
    Ok(Adjustment { id, code, campaign_id, target, sku, amount: money(amount.as_ref())?, title })
}

pub(super) fn target_in(target: v1::AdjustmentTarget) -> Target {
    match target {
        v1::AdjustmentTarget::Line => Target::Line,
        v1::AdjustmentTarget::Shipping => Target::Shipping,
        v1::AdjustmentTarget::Unspecified | v1::AdjustmentTarget::Order => Target::Order,
    }
}

/// The source of a price, as the world names it.
const CATALOGUE: &str = "catalogue";

pub(super) fn source_out(source: &Source) -> String {
    match source {
        Source::Catalogue => CATALOGUE.to_owned(),
        Source::List(id) => id.clone(),
    }
}

pub(super) fn source_in(source: String) -> Source {
    if source == CATALOGUE { Source::Catalogue } else { Source::List(source) }
}

/// A line with its price, as the world sees it.
///
/// # Errors
/// When all of it together costs more than money can be.
pub fn priced_line(line: &Priced, tax_included: bool) -> Result<v1::PricedLine, Problem> {
    let total = line.unit_price.times(line.quantity).map_err(Fault::OutOfRange)?;
    Ok(v1::PricedLine {
        sku: line.sku.clone(),
        quantity: line.quantity,
        unit_price: Some(line.unit_price.into()),
        total: Some(total.into()),
        list_price: Some(line.list_price.into()),
        source: source_out(&line.source),
        tax_category: line.tax_category.clone(),
        tax_included,
    })
}

/// What a SKU costs everybody, from its price by quantity.
#[must_use]
pub fn public_price(steps: &[Priced], tax_included: bool) -> Option<v1::PublicPrice> {
    let first = steps.first()?;
    Some(v1::PublicPrice {
        sku: first.sku.clone(),
        product_id: first.product_id.clone(),
        unit_price: (first.quantity == 1).then(|| first.unit_price.into()),
        list_price: (first.quantity == 1).then(|| first.list_price.into()),
        tax_included,
        tiers: steps.iter().map(|step| tier(step.quantity, step.unit_price)).collect(),
    })
}

/// A line without a price, as the world sees it; a problem, when it has one that cannot be counted.
///
/// # Errors
/// When it has a price, which is more than money can be.
pub fn unpriced_line(unpriced: &Unpriced) -> Result<v1::UnpricedLine, Problem> {
    let (reason, sku) = match unpriced {
        Unpriced::UnknownSku { sku } => (v1::UnpricedReason::UnknownSku, sku),
        Unpriced::NoPriceInCurrency { sku, .. } => (v1::UnpricedReason::NoPriceInCurrency, sku),
        Unpriced::OutOfRange { .. } => return Err(Fault::OutOfRange(MoneyError::Overflow).into()),
    };
    Ok(v1::UnpricedLine { sku: sku.clone(), reason: reason.into(), detail: unpriced.to_string() })
}

/// A line without a price, as a refusal names it.
#[derive(Serialize)]
struct Missing<'a> {
    sku: &'a str,
    reason: &'static str,
}

impl Missing<'_> {
    fn of(unpriced: &Unpriced) -> Missing<'_> {
        match unpriced {
            Unpriced::UnknownSku { sku } => Missing { sku, reason: "unknown_sku" },
            Unpriced::NoPriceInCurrency { sku, .. } => Missing { sku, reason: "no_price_in_currency" },
            Unpriced::OutOfRange { sku } => Missing { sku, reason: "amount_out_of_range" },
        }
    }
}

/// A basket with lines that have no price cannot be quoted.
pub(super) fn no_price(unpriced: &[Unpriced]) -> Problem {
    let lines: Vec<_> = unpriced.iter().map(Missing::of).collect();
    let detail = unpriced.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    Problem::new(messages::problem::Kind::Unprocessable, "no_price", detail).with_json("lines", &lines)
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Problem {
        let said = fault.to_string();
        let unprocessable = |code| Problem::new(messages::problem::Kind::Unprocessable, code, said);
        match fault {
            Fault::Mixed(currency) => unprocessable("mixed_currencies").with("currency", currency.to_string()),
            Fault::OutOfRange(_) => unprocessable("amount_out_of_range"),
        }
    }
}

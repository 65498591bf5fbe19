//! Sums: what a basket costs, domain to contract and back.

use super::basket::{source_in, source_out, target_in};
use super::taxes::{rounding_in, rounding_out};
use super::{Currency, Money, MoneyError, money, v1};
use crate::quote::Asked;
use crate::reckon::{Adjustment, Charge, Discount, Line, Parcels, Step, StepKind, Sums, Target};

/// A quote that says so, still without an id and without times.
pub(crate) fn quote_of(asked: &Asked, sums: &Sums) -> v1::Quote {
    let Asked { user_id, currency, channel, customer_group, country, region } = asked.clone();
    let sums = sums.clone();
    v1::Quote {
        quote_id: String::new(),
        version: 0,
        user_id,
        currency: currency.to_string(),
        channel,
        customer_group,
        ship_to_country: country,
        ship_to_region: region,
        lines: sums.lines.into_iter().map(line_out).collect(),
        shipping: sums.shipping.map(parcels_out),
        discounts: sums.discounts.into_iter().map(discount_out).collect(),
        subtotal: Some(sums.subtotal.into()),
        discount_total: Some(sums.discount_total.into()),
        shipping_total: Some(sums.shipping_total.into()),
        tax_total: Some(sums.tax_total.into()),
        total: Some(sums.total.into()),
        tax_included: sums.tax_included,
        rounding: rounding_out(sums.rounding).into(),
        derivation: sums.derivation.into_iter().map(step_out).collect(),
        expires_at: None,
        created_at: None,
    }
}

/// What a recorded quote says.
pub(super) fn sums_of(quote: v1::Quote) -> Result<(Asked, Sums), MoneyError> {
    let (rounding, tax_included) = (rounding_in(quote.rounding()), quote.tax_included);
    let asked = Asked {
        user_id: quote.user_id,
        currency: Currency::parse(&quote.currency)?,
        channel: quote.channel,
        customer_group: quote.customer_group,
        country: quote.ship_to_country,
        region: quote.ship_to_region,
    };
    let sums = Sums {
        lines: quote.lines.into_iter().map(line_in).collect::<Result<_, _>>()?,
        shipping: quote.shipping.map(parcels_in).transpose()?,
        discounts: quote.discounts.into_iter().map(discount_in).collect::<Result<_, _>>()?,
        subtotal: money(quote.subtotal.as_ref())?,
        discount_total: money(quote.discount_total.as_ref())?,
        shipping_total: money(quote.shipping_total.as_ref())?,
        tax_total: money(quote.tax_total.as_ref())?,
        total: money(quote.total.as_ref())?,
        tax_included,
        rounding,
        derivation: quote.derivation.into_iter().map(step_in).collect::<Result<_, _>>()?,
    };
    Ok((asked, sums))
}

fn line_out(line: Line) -> v1::QuoteLine {
    let Line { sku, quantity, unit_price, list_price, source, tax_category, charge } = line;
    v1::QuoteLine {
        sku,
        quantity,
        unit_price: Some(unit_price.into()),
        list_price: Some(list_price.into()),
        source: source_out(&source),
        subtotal: Some(charge.amount.into()),
        discount: Some(charge.discount.into()),
        taxable: Some(charge.taxable.into()),
        tax: Some(charge.tax.into()),
        total: Some(charge.total.into()),
        tax_category,
        tax_rate_ppm: charge.rate_ppm,
    }
}

fn line_in(line: v1::QuoteLine) -> Result<Line, MoneyError> {
    let charge = Charge {
        amount: money(line.subtotal.as_ref())?,
        discount: money(line.discount.as_ref())?,
        taxable: money(line.taxable.as_ref())?,
        tax: money(line.tax.as_ref())?,
        total: money(line.total.as_ref())?,
        rate_ppm: line.tax_rate_ppm,
    };
    Ok(Line {
        sku: line.sku,
        quantity: line.quantity,
        unit_price: money(line.unit_price.as_ref())?,
        list_price: money(line.list_price.as_ref())?,
        source: source_in(line.source),
        tax_category: line.tax_category,
        charge,
    })
}

fn parcels_out(parcels: Parcels) -> v1::QuoteShipping {
    let Parcels { option_id, title, charge } = parcels;
    v1::QuoteShipping {
        option_id,
        title,
        amount: Some(charge.amount.into()),
        discount: Some(charge.discount.into()),
        taxable: Some(charge.taxable.into()),
        tax: Some(charge.tax.into()),
        total: Some(charge.total.into()),
        tax_rate_ppm: charge.rate_ppm,
    }
}

fn parcels_in(parcels: v1::QuoteShipping) -> Result<Parcels, MoneyError> {
    let charge = Charge {
        amount: money(parcels.amount.as_ref())?,
        discount: money(parcels.discount.as_ref())?,
        taxable: money(parcels.taxable.as_ref())?,
        tax: money(parcels.tax.as_ref())?,
        total: money(parcels.total.as_ref())?,
        rate_ppm: parcels.tax_rate_ppm,
    };
    Ok(Parcels { option_id: parcels.option_id, title: parcels.title, charge })
}

fn discount_out(discount: Discount) -> v1::QuoteDiscount {
    let Discount { asked: Adjustment { id, code, campaign_id, target, sku, amount: asked, title }, amount } = discount;
    let target = match target {
        Target::Line => v1::AdjustmentTarget::Line,
        Target::Shipping => v1::AdjustmentTarget::Shipping,
        Target::Order => v1::AdjustmentTarget::Order,
    };
    let (asked, amount) = (Some(asked.into()), Some(amount.into()));
    v1::QuoteDiscount { id, code, campaign_id, target: target.into(), sku, title, asked, amount }
}

fn discount_in(discount: v1::QuoteDiscount) -> Result<Discount, MoneyError> {
    let target = target_in(discount.target());
    let v1::QuoteDiscount { id, code, campaign_id, sku, title, asked, amount, .. } = discount;
    let asked = Adjustment { id, code, campaign_id, target, sku, amount: money(asked.as_ref())?, title };
    Ok(Discount { asked, amount: money(amount.as_ref())? })
}

fn step_out(step: Step) -> v1::Derivation {
    let Step { kind, sku, detail, amount } = step;
    let kind = match kind {
        StepKind::Price => v1::DerivationStep::Price,
        StepKind::Discount => v1::DerivationStep::Discount,
        StepKind::Shipping => v1::DerivationStep::Shipping,
        StepKind::ShippingDiscount => v1::DerivationStep::ShippingDiscount,
        StepKind::Tax => v1::DerivationStep::Tax,
        StepKind::IncludedTax => v1::DerivationStep::IncludedTax,
    };
    v1::Derivation { step: kind.into(), sku, detail, amount: Some(Money::into(amount)) }
}

fn step_in(step: v1::Derivation) -> Result<Step, MoneyError> {
    let kind = match step.step() {
        v1::DerivationStep::Unspecified | v1::DerivationStep::Price => StepKind::Price,
        v1::DerivationStep::Discount => StepKind::Discount,
        v1::DerivationStep::Shipping => StepKind::Shipping,
        v1::DerivationStep::ShippingDiscount => StepKind::ShippingDiscount,
        v1::DerivationStep::Tax => StepKind::Tax,
        v1::DerivationStep::IncludedTax => StepKind::IncludedTax,
    };
    let v1::Derivation { sku, detail, amount, .. } = step;
    Ok(Step { kind, sku, detail, amount: money(amount.as_ref())? })
}

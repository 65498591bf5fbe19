//! Evaluations: contract to domain and back.

use messages::problem::Kind;

use super::{Currency, Money, MoneyError, Problem, v1};
use crate::evaluation::{self, Basket, Line};

/// What is asked about a basket, by whoever asks.
pub struct Asked {
    /// The basket.
    pub basket: Basket,
    /// What was typed into the coupon field.
    pub codes: Vec<String>,
    /// The customer, whose own limits are then looked at.
    pub user_id: Option<String>,
}

/// A basket that does not add up.
fn mismatch(error: &MoneyError) -> Problem {
    Problem::new(Kind::Unprocessable, "currency_mismatch", error.to_string())
}

impl TryFrom<&v1::EvaluateRequest> for Asked {
    type Error = Problem;

    fn try_from(request: &v1::EvaluateRequest) -> Result<Asked, Problem> {
        let v1::EvaluateRequest { lines, shipping, currency, coupon_codes, user_id, customer_group, first_order } =
            request;
        let basket = basket(lines, shipping.as_ref(), currency).map_err(|e| mismatch(&e))?;
        let basket = basket.of(customer_group.clone(), first_order.unwrap_or_default());
        Ok(Asked { basket, codes: coupon_codes.clone(), user_id: user_id.clone() })
    }
}

impl TryFrom<&v1::PreviewRequest> for Asked {
    type Error = Problem;

    fn try_from(request: &v1::PreviewRequest) -> Result<Asked, Problem> {
        let v1::PreviewRequest { lines, shipping, currency, coupon_codes, first_order } = request;
        let basket = basket(lines, shipping.as_ref(), currency).map_err(|e| mismatch(&e))?;
        let basket = basket.of(None, first_order.unwrap_or_default());
        Ok(Asked { basket, codes: coupon_codes.clone(), user_id: None })
    }
}

fn basket(
    lines: &[v1::BasketLine],
    shipping: Option<&messages::common::v1::Money>,
    currency: &str,
) -> Result<Basket, MoneyError> {
    let line = |line: &v1::BasketLine| {
        let unit_price = Money::try_from(line.unit_price.clone().unwrap_or_default())?;
        // The contract allows a million units.
        let quantity = u32::try_from(line.quantity.unwrap_or_default()).unwrap_or_default();
        Line::new(line.sku.clone(), line.product_id.clone(), quantity, unit_price)
    };
    let lines = lines.iter().map(line).collect::<Result<_, _>>()?;
    Basket::new(Currency::parse(currency)?, lines, shipping.map(Money::try_from).transpose()?)
}

/// What is to be subtracted from what.
#[must_use]
pub fn adjustments(applied: &[evaluation::Applied]) -> Vec<v1::Adjustment> {
    let of = |applied: &evaluation::Applied, cut: &evaluation::Cut| {
        let target = super::terms::target(cut.target);
        let what = cut.sku.as_deref().unwrap_or(match target {
            v1::Target::Shipping => "shipping",
            _ => "order",
        });
        v1::Adjustment {
            id: format!("{}/{}/{what}", applied.campaign_id, cut.action),
            campaign_id: applied.campaign_id.clone(),
            code: applied.code.clone(),
            target: target.into(),
            sku: cut.sku.clone(),
            amount: Some(cut.amount.into()),
            title: applied.title.clone(),
        }
    };
    applied.iter().flat_map(|applied| applied.cuts.iter().map(move |cut| of(applied, cut))).collect()
}

/// The campaigns that apply.
#[must_use]
pub fn applied(applied: Vec<evaluation::Applied>) -> Vec<v1::Applied> {
    let shown = |applied: evaluation::Applied| v1::Applied {
        campaign_id: applied.campaign_id,
        code: applied.code,
        title: applied.title,
        amount: Some(applied.amount.into()),
    };
    applied.into_iter().map(shown).collect()
}

/// What does not apply, and why.
#[must_use]
pub fn not_applied(not_applied: Vec<evaluation::NotApplied>) -> Vec<v1::NotApplied> {
    let shown = |not: evaluation::NotApplied| v1::NotApplied {
        campaign_id: not.campaign_id,
        code: not.code,
        reason: not.reason.slug().to_owned(),
        detail: not.reason.to_string(),
    };
    not_applied.into_iter().map(shown).collect()
}

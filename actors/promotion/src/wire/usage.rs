//! Usage figures, which lists keep as the contract shows them.

use super::{Money, v1};
use crate::redemption::{Status, Use};

type Wire = messages::common::v1::Money;

/// Counts a use among those of its status, or no more.
pub fn count(usage: &mut v1::CampaignUsage, status: Status, used: &Use, more: bool) {
    let (orders, amounts) = match status {
        Status::Reserved => (&mut usage.reserved, Some(&mut usage.amount_reserved)),
        Status::Committed => (&mut usage.committed, Some(&mut usage.amount_committed)),
        Status::Released => (&mut usage.released, None),
        Status::Expired => (&mut usage.expired, None),
    };
    *orders = if more { *orders + 1 } else { orders.saturating_sub(1) };
    let amount = if more { used.amount } else { used.amount.negated() };
    amounts.into_iter().for_each(|amounts| add(amounts, amount));
}

fn add(amounts: &mut Vec<Wire>, amount: Money) {
    let before = of(amounts, amount);
    // A sum that cannot be said stays as it was: the tally is what counts, this only shows it.
    let sum = before.plus(amount).unwrap_or(before);
    amounts.retain(|money| money.currency != sum.currency().as_str());
    amounts.push(sum.into());
    amounts.sort_by(|a, b| a.currency.cmp(&b.currency));
}

fn of(amounts: &[Wire], like: Money) -> Money {
    let found = amounts.iter().find(|money| money.currency == like.currency().as_str());
    found.and_then(|money| Money::try_from(money).ok()).unwrap_or(Money::zero(like.currency()))
}

/// What is left of a budget; never below zero.
#[must_use]
pub fn left(budget: Money, usage: &v1::CampaignUsage) -> Money {
    let (held, made) = (of(&usage.amount_reserved, budget), of(&usage.amount_committed, budget));
    let left = budget.minus(held).and_then(|left| left.minus(made));
    left.ok().filter(|left| !left.is_negative()).unwrap_or(Money::zero(budget.currency()))
}

/// What is left of all budgets.
#[must_use]
pub fn all_left(budget: &[Wire], usage: &v1::CampaignUsage) -> Vec<Wire> {
    let budgets = budget.iter().filter_map(|money| Money::try_from(money).ok());
    budgets.map(|money| left(money, usage).into()).collect()
}

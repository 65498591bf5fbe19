//! Evaluation: what comes off a basket, and why not more. A pure function of the basket and the campaigns.
//!
//! Campaigns go one after the other, the higher priority first, of equals the older id, whatever order they came in. Each
//! takes of what the ones before it have left, so no line, nor all of them together, nor shipping, ever falls below zero.
//!
//! 1. A campaign whose conditions the basket does not meet is out. Conditions look at the basket before any discount.
//! 2. So is one that would take nothing off, or more than its budget still holds.
//! 3. Of those in the same stacking group the one that alone would take most off stays.
//! 4. One that is exclusive applies only as the first, and then nothing follows it.

mod conditions;
mod discount;
mod reason;

use std::cmp::Reverse;
use std::collections::BTreeMap;

pub use discount::{Cut, Remains};
pub use reason::Reason;

use crate::terms::{Amounts, Terms};
use crate::wire::{Currency, Money, MoneyError};

/// What is bought, before any discount. All amounts are in one currency and add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basket {
    pub(crate) lines: Vec<Line>,
    pub(crate) shipping: Option<Money>,
    pub(crate) subtotal: Money,
    pub(crate) customer_group: Option<String>,
    pub(crate) first_order: bool,
}

/// One line of a basket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub(crate) sku: String,
    pub(crate) product_id: String,
    pub(crate) quantity: u32,
    pub(crate) unit_price: Money,
    pub(crate) total: Money,
}

impl Line {
    /// So many units at a price.
    ///
    /// # Errors
    /// When that adds up to more than can be said.
    pub fn new(sku: String, product_id: String, quantity: u32, unit_price: Money) -> Result<Line, MoneyError> {
        let total = unit_price.times(quantity.into())?;
        Ok(Line { sku, product_id, quantity, unit_price, total })
    }
}

impl Basket {
    /// These lines, in this currency.
    ///
    /// # Errors
    /// When a currency differs, or all of it adds up to more than can be said.
    pub fn new(currency: Currency, lines: Vec<Line>, shipping: Option<Money>) -> Result<Basket, MoneyError> {
        let subtotal = Money::sum(currency, lines.iter().map(|line| line.total))?;
        subtotal.plus(shipping.unwrap_or(Money::zero(currency)))?;
        Ok(Basket { lines, shipping, subtotal, customer_group: None, first_order: false })
    }

    /// The same, of a customer of this group.
    #[must_use]
    pub fn of(mut self, customer_group: Option<String>, first_order: bool) -> Basket {
        self.customer_group = customer_group;
        self.first_order = first_order;
        self
    }

    pub(crate) fn currency(&self) -> Currency {
        self.subtotal.currency()
    }
}

/// A campaign that may apply: it is in force, and whoever needs a code for it has shown one that works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The campaign.
    pub campaign_id: String,
    /// The code that was shown.
    pub code: Option<String>,
    /// What it says.
    pub terms: Terms,
    /// What is left of its budget; no limit when empty.
    pub budget_left: Amounts,
}

/// A campaign that applies, and what it takes off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The campaign.
    pub campaign_id: String,
    /// The code that was shown.
    pub code: Option<String>,
    /// What customers read.
    pub title: String,
    /// What it takes off, one after the other; never nothing.
    pub cuts: Vec<Cut>,
    /// All of that together.
    pub amount: Money,
}

/// A campaign or code that does not apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotApplied {
    /// The campaign, if there is one.
    pub campaign_id: Option<String>,
    /// The code that was shown.
    pub code: Option<String>,
    /// Why.
    pub reason: Reason,
}

/// What comes off, and what does not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evaluation {
    /// What applies, in order.
    pub applied: Vec<Applied>,
    /// What does not.
    pub not_applied: Vec<NotApplied>,
}

/// Evaluates. Each campaign comes at most once.
///
/// # Errors
/// Never, for a [`Basket`] that could be made: what is taken off is always less than what is there.
pub fn evaluate(basket: &Basket, mut candidates: Vec<Candidate>) -> Result<Evaluation, MoneyError> {
    candidates
        .sort_by(|a, b| (Reverse(a.terms.priority), &a.campaign_id).cmp(&(Reverse(b.terms.priority), &b.campaign_id)));
    let mut evaluation = Evaluation::default();
    let (candidates, alone) = able(basket, candidates, &mut evaluation)?;
    let candidates = best_of_groups(candidates, &alone, &mut evaluation);
    let mut remains = Remains::of(basket);
    for candidate in candidates {
        let first = evaluation.applied.first();
        let ruled_out = first.filter(|first| candidate.terms.exclusive || alone_is(first, &alone));
        if let Some(first) = ruled_out {
            let reason = Reason::NotCombinable { with: first.title.clone() };
            evaluation.refuse(candidate, reason);
            continue;
        }
        let mut left = remains.clone();
        let cuts = discount::cuts(&candidate.terms, basket, &mut left)?;
        let amount = discount::sum(basket, &cuts)?;
        match fault(&candidate, amount) {
            Some(reason) => evaluation.refuse(candidate, reason),
            None => {
                remains = left;
                let Candidate { campaign_id, code, terms, .. } = candidate;
                evaluation.applied.push(Applied { campaign_id, code, title: terms.title, cuts, amount });
            }
        }
    }
    Ok(evaluation)
}

/// What a candidate would do if it were the only one.
struct Alone {
    amount: Money,
    exclusive: bool,
}

fn alone_is(first: &Applied, alone: &BTreeMap<String, Alone>) -> bool {
    alone.get(&first.campaign_id).is_some_and(|alone| alone.exclusive)
}

/// Those whose conditions are met and that would take something off if they were alone, and how much that would be.
fn able(
    basket: &Basket,
    candidates: Vec<Candidate>,
    evaluation: &mut Evaluation,
) -> Result<(Vec<Candidate>, BTreeMap<String, Alone>), MoneyError> {
    let (mut able, mut alone) = (Vec::new(), BTreeMap::new());
    for candidate in candidates {
        if let Some(reason) = conditions::unmet(&candidate.terms.conditions, basket)? {
            // Whoever is not in the group need not know what the group gets, unless they hold a code.
            if reason != Reason::NotInCustomerGroup || candidate.code.is_some() {
                evaluation.refuse(candidate, reason);
            }
            continue;
        }
        let amount = discount::sum(basket, &discount::cuts(&candidate.terms, basket, &mut Remains::of(basket))?)?;
        if let Some(reason) = fault(&candidate, amount) {
            evaluation.refuse(candidate, reason);
            continue;
        }
        alone.insert(candidate.campaign_id.clone(), Alone { amount, exclusive: candidate.terms.exclusive });
        able.push(candidate);
    }
    Ok((able, alone))
}

/// Why a campaign that takes this off does not apply after all.
fn fault(candidate: &Candidate, amount: Money) -> Option<Reason> {
    if amount.is_zero() {
        return Some(Reason::NothingToDiscount);
    }
    match candidate.budget_left.get(&amount.currency()) {
        None if candidate.budget_left.is_empty() => None,
        None => Some(Reason::CurrencyNotCovered),
        Some(left) => (amount.amount() > left.amount()).then_some(Reason::BudgetExhausted),
    }
}

fn best_of_groups(
    candidates: Vec<Candidate>,
    alone: &BTreeMap<String, Alone>,
    evaluation: &mut Evaluation,
) -> Vec<Candidate> {
    let amount = |candidate: &Candidate| alone.get(&candidate.campaign_id).map_or(0, |alone| alone.amount.amount());
    let mut best: BTreeMap<String, (i64, String, String)> = BTreeMap::new();
    for candidate in candidates.iter().filter(|candidate| !candidate.terms.stacking_group.is_empty()) {
        let group = candidate.terms.stacking_group.clone();
        // Of equals the one that goes first stays.
        if best.get(&group).is_none_or(|(most, ..)| amount(candidate) > *most) {
            best.insert(group, (amount(candidate), candidate.campaign_id.clone(), candidate.terms.title.clone()));
        }
    }
    let (stay, go): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|candidate| {
        best.get(&candidate.terms.stacking_group).is_none_or(|(_, id, _)| *id == candidate.campaign_id)
    });
    for candidate in go {
        let title = best.get(&candidate.terms.stacking_group).map(|(_, _, title)| title.clone());
        evaluation.refuse(candidate, Reason::BetterDeal { title: title.unwrap_or_default() });
    }
    stay
}

impl Evaluation {
    fn refuse(&mut self, candidate: Candidate, reason: Reason) {
        let campaign_id = Some(candidate.campaign_id);
        self.not_applied.push(NotApplied { campaign_id, code: candidate.code, reason });
    }
}

#[cfg(test)]
mod tests;

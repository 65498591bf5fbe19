//! What a campaign says: contract to domain and back.

use runtime::clock::{from_wire, to_wire};

use super::{Currency, Money, MoneyError, v1};
use crate::terms::{Action, Amounts, Conditions, Selection, Target, Terms, Trigger, WHOLE_PPM};

/// Terms as events and lists hold them.
#[must_use]
pub fn terms(terms: &Terms) -> v1::Terms {
    v1::Terms {
        title: terms.title.clone(),
        description: terms.description.clone(),
        starts_at: terms.starts_at.map(to_wire),
        ends_at: terms.ends_at.map(to_wire),
        trigger: match terms.trigger {
            Trigger::Automatic => v1::Trigger::Automatic,
            Trigger::Coupon => v1::Trigger::Coupon,
        }
        .into(),
        conditions: conditions(&terms.conditions),
        actions: terms.actions.iter().map(action).collect(),
        priority: terms.priority,
        exclusive: terms.exclusive,
        stacking_group: terms.stacking_group.clone(),
        uses_max: terms.uses_max,
        uses_per_customer_max: terms.uses_per_customer_max,
        budget: amounts(&terms.budget),
    }
}

/// The terms that these are.
///
/// # Errors
/// When an amount or a currency is none.
pub fn terms_in(wire: v1::Terms) -> Result<Terms, MoneyError> {
    let trigger = match wire.trigger() {
        v1::Trigger::Coupon => Trigger::Coupon,
        v1::Trigger::Automatic | v1::Trigger::Unspecified => Trigger::Automatic,
    };
    Ok(Terms {
        title: wire.title,
        description: wire.description,
        starts_at: wire.starts_at.as_ref().map(|at| from_wire(Some(at))),
        ends_at: wire.ends_at.as_ref().map(|at| from_wire(Some(at))),
        trigger,
        conditions: conditions_in(wire.conditions.unwrap_or_default())?,
        actions: wire.actions.into_iter().filter_map(action_in).collect::<Result<_, _>>()?,
        priority: wire.priority,
        exclusive: wire.exclusive,
        stacking_group: wire.stacking_group,
        uses_max: wire.uses_max,
        uses_per_customer_max: wire.uses_per_customer_max,
        budget: amounts_in(&wire.budget)?,
    })
}

pub(super) fn amounts(amounts: &Amounts) -> Vec<messages::common::v1::Money> {
    amounts.values().map(|money| (*money).into()).collect()
}

pub(super) fn amounts_in(wire: &[messages::common::v1::Money]) -> Result<Amounts, MoneyError> {
    wire.iter().map(|money| Money::try_from(money).map(|money| (money.currency(), money))).collect()
}

/// Conditions that say nothing are absent.
fn conditions(conditions: &Conditions) -> Option<v1::Conditions> {
    if *conditions == Conditions::default() {
        return None;
    }
    Some(v1::Conditions {
        minimum_subtotal: amounts(&conditions.minimum_subtotal),
        items: selection(&conditions.items),
        minimum_quantity: conditions.minimum_quantity,
        customer_groups: conditions.customer_groups.iter().cloned().collect(),
        first_order: conditions.first_order,
        currencies: conditions.currencies.iter().map(ToString::to_string).collect(),
    })
}

fn conditions_in(wire: v1::Conditions) -> Result<Conditions, MoneyError> {
    Ok(Conditions {
        minimum_subtotal: amounts_in(&wire.minimum_subtotal)?,
        items: selection_in(wire.items),
        minimum_quantity: wire.minimum_quantity,
        customer_groups: wire.customer_groups.into_iter().collect(),
        first_order: wire.first_order,
        currencies: wire.currencies.iter().map(|code| Currency::parse(code)).collect::<Result<_, _>>()?,
    })
}

/// A selection that names nothing is absent.
fn selection(selection: &Selection) -> Option<v1::Selection> {
    (!selection.is_everything()).then(|| v1::Selection {
        skus: selection.skus.iter().cloned().collect(),
        product_ids: selection.product_ids.iter().cloned().collect(),
    })
}

fn selection_in(wire: Option<v1::Selection>) -> Selection {
    let v1::Selection { skus, product_ids } = wire.unwrap_or_default();
    Selection { skus: skus.into_iter().collect(), product_ids: product_ids.into_iter().collect() }
}

pub(super) fn target(target: Target) -> v1::Target {
    match target {
        Target::Line => v1::Target::Line,
        Target::Order => v1::Target::Order,
        Target::Shipping => v1::Target::Shipping,
    }
}

fn target_in(wire: v1::Target) -> Target {
    match wire {
        v1::Target::Line => Target::Line,
        v1::Target::Shipping => Target::Shipping,
        v1::Target::Order | v1::Target::Unspecified => Target::Order,
    }
}

fn action(action: &Action) -> v1::Action {
    use v1::action::What;
    let what = match action {
        Action::PercentOff { target: off, share_ppm, items, amount_max } => What::PercentOff(v1::PercentOff {
            target: target(*off).into(),
            share_ppm: Some(*share_ppm),
            items: selection(items),
            amount_max: amounts(amount_max),
        }),
        Action::AmountOff { target: off, amounts: off_each, items } => What::AmountOff(v1::AmountOff {
            target: target(*off).into(),
            amounts: amounts(off_each),
            items: selection(items),
        }),
        Action::BuyGet { buy, buy_quantity, get, get_quantity, share_ppm, times_max } => What::BuyGet(v1::BuyGet {
            buy: selection(buy),
            buy_quantity: Some(*buy_quantity),
            // Everything is said by naming nothing; the same as what is bought, by saying nothing.
            get: get.as_ref().map(|get| selection(get).unwrap_or_default()),
            get_quantity: Some(*get_quantity),
            share_ppm: Some(*share_ppm),
            times_max: *times_max,
        }),
        Action::FreeShipping { amount_max } => What::FreeShipping(v1::FreeShipping { amount_max: amounts(amount_max) }),
    };
    v1::Action { what: Some(what) }
}

/// One that says nothing is none, and terms without any are refused.
fn action_in(wire: v1::Action) -> Option<Result<Action, MoneyError>> {
    use v1::action::What;
    Some(match wire.what? {
        What::PercentOff(off) => amounts_in(&off.amount_max).map(|amount_max| Action::PercentOff {
            target: target_in(off.target()),
            share_ppm: off.share_ppm.unwrap_or_default(),
            items: selection_in(off.items),
            amount_max,
        }),
        What::AmountOff(off) => amounts_in(&off.amounts).map(|amounts| Action::AmountOff {
            target: target_in(off.target()),
            amounts,
            items: selection_in(off.items),
        }),
        What::BuyGet(deal) => Ok(Action::BuyGet {
            buy: selection_in(deal.buy),
            buy_quantity: deal.buy_quantity.unwrap_or_default(),
            get: deal.get.map(|get| selection_in(Some(get))),
            get_quantity: deal.get_quantity.unwrap_or_default(),
            share_ppm: deal.share_ppm.unwrap_or(WHOLE_PPM),
            times_max: deal.times_max,
        }),
        What::FreeShipping(free) => amounts_in(&free.amount_max).map(|amount_max| Action::FreeShipping { amount_max }),
    })
}

//! Conditions: what a basket must be like before anything is taken off.

use super::{Basket, Reason};
use crate::terms::Conditions;
use crate::wire::MoneyError;

/// The first condition that a basket does not meet. The group comes first: to others the rest is nobody's business.
pub(super) fn unmet(conditions: &Conditions, basket: &Basket) -> Result<Option<Reason>, MoneyError> {
    let groups = &conditions.customer_groups;
    if !groups.is_empty() && !basket.customer_group.as_ref().is_some_and(|group| groups.contains(group)) {
        return Ok(Some(Reason::NotInCustomerGroup));
    }
    if conditions.first_order && !basket.first_order {
        return Ok(Some(Reason::NotFirstOrder));
    }
    let (currency, minimum) = (basket.currency(), &conditions.minimum_subtotal);
    let covered = conditions.currencies.is_empty() || conditions.currencies.contains(&currency);
    if !covered || !minimum.is_empty() && !minimum.contains_key(&currency) {
        return Ok(Some(Reason::CurrencyNotCovered));
    }
    if let Some(minimum) = minimum.get(&currency) {
        let missing = minimum.minus(basket.subtotal)?;
        if missing.amount() > 0 {
            return Ok(Some(Reason::BelowMinimum { missing }));
        }
    }
    let counted = basket.lines.iter().filter(|line| conditions.items.takes(&line.sku, &line.product_id));
    let units: u64 = counted.map(|line| u64::from(line.quantity)).sum();
    let needed = match conditions.minimum_quantity {
        Some(needed) => needed.into(),
        None => u64::from(!conditions.items.is_everything()),
    };
    let missing = needed.saturating_sub(units);
    Ok((missing > 0).then_some(Reason::ItemsMissing { missing }))
}

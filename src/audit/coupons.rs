//! Coupons and campaigns: no oftener than they may, and no use uncounted.

use std::collections::{BTreeMap, BTreeSet};

use messages::money::Money;
use messages::order::v1::{Order, OrderStatus};

use super::facts::Facts;
use super::finding::Finding;

/// Orders that keep what was taken off.
fn keeping(facts: &Facts) -> impl Iterator<Item = &Order> {
    facts.orders.iter().filter(|order| !matches!(order.status(), OrderStatus::Cancelled | OrderStatus::Cancelling))
}

pub(super) fn check(facts: &Facts, found: &mut Vec<Finding>) {
    let mut orders_of: BTreeMap<&str, Vec<&Order>> = BTreeMap::new();
    let mut campaigns_of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for order in keeping(facts) {
        let codes: BTreeSet<&str> = order.discounts.iter().filter_map(|discount| discount.code.as_deref()).collect();
        codes.into_iter().for_each(|code| orders_of.entry(code).or_default().push(order));
        for discount in &order.discounts {
            campaigns_of.entry(&discount.campaign_id).or_default().insert(&order.order_id);
        }
    }
    for (coupon, codes) in &facts.coupons {
        for code in codes {
            let place = format!("coupon {}", code.code);
            let orders = orders_of.get(code.code.as_str()).map(Vec::as_slice).unwrap_or_default();
            let (uses, used) = (u64::from(code.uses), orders.len() as u64);
            if let Some(max) = coupon.uses_per_code_max.map(u64::from).filter(|max| uses.max(used) > *max) {
                let says = format!("it may be used {max} times; {uses} uses are counted and {used} orders use it");
                found.push(Finding::wrong("coupon_overused", place.clone(), says));
            }
            if used > uses {
                let says = format!("{used} orders use it, but {uses} uses are counted");
                found.push(Finding::wrong("use_not_counted", place.clone(), says));
            }
            let mut by_customer: BTreeMap<&str, u64> = BTreeMap::new();
            orders.iter().for_each(|order| *by_customer.entry(&order.user_id).or_default() += 1);
            for (customer, used) in by_customer {
                if let Some(max) = coupon.uses_per_customer_max.map(u64::from).filter(|max| used > *max) {
                    let says = format!("{customer} may use it {max} times, and {used} of their orders do");
                    found.push(Finding::wrong("coupon_overused", place.clone(), says));
                }
            }
        }
    }
    for (campaign, usage) in &facts.campaigns {
        let place = format!("campaign {}", campaign.campaign_id);
        let uses = usage.reserved.saturating_add(usage.committed);
        let used = campaigns_of.get(campaign.campaign_id.as_str()).map_or(0, |orders| orders.len() as u64);
        if let Some(max) = campaign.uses_max.map(u64::from).filter(|max| uses.max(used) > *max) {
            let says = format!("it may be used {max} times; {uses} uses are counted and {used} orders use it");
            found.push(Finding::wrong("campaign_overused", place.clone(), says));
        }
        if used > uses {
            let says = format!("{used} orders use it, but {uses} uses are counted");
            found.push(Finding::wrong("use_not_counted", place.clone(), says));
        }
        for budget in campaign.budget.iter().filter_map(|budget| Money::try_from(budget).ok()) {
            let given = usage.amount_reserved.iter().chain(&usage.amount_committed);
            let given = given.filter_map(|money| Money::try_from(money).ok());
            let given = given.filter(|money| money.currency() == budget.currency());
            match Money::sum(budget.currency(), given) {
                Ok(given) if given.amount() <= budget.amount() => {}
                Ok(given) => {
                    let says = format!("its budget is {budget}, and {given} were taken off");
                    found.push(Finding::wrong("budget_overspent", place.clone(), says));
                }
                Err(error) => found.push(Finding::wrong("unreadable_money", place.clone(), error.to_string())),
            }
        }
    }
}

//! What this group does about others' news.

use runtime::entity::Undecodable;
use runtime::group::{News, Reaction, Views};

use crate::settings::tools;
use crate::wire::{Money, auth, money, order, payment, rpc, v1};

/// `auth` has made its record: the account is active.
///
/// # Errors
/// When the news cannot be read.
pub fn auth(news: &News, _: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    if news.event_type != "user.registered" {
        return Ok(Vec::new());
    }
    let auth::UserRegistered { user_id, .. } = news.read()?;
    let activate = v1::ActivateUserRequest { user_id: user_id.clone() };
    Ok(vec![Reaction::command::<rpc::ActivateUser>(user_id, &activate)])
}

/// An order was completed: whole units of its currency are points.
///
/// # Errors
/// When the news cannot be read.
pub fn orders(news: &News, _: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    if news.event_type != "order.completed" {
        return Ok(Vec::new());
    }
    let order::OrderCompleted { order_id, user_id, total_amount, .. } = news.read()?;
    let odd = |e: money::Error| Undecodable::new(news.event_type.clone(), e);
    let total = Money::try_from(total_amount.unwrap_or_default()).map_err(odd)?;
    let points = points(total, tools().settings.points_per_unit);
    if points == 0 {
        return Ok(Vec::new());
    }
    let earn = v1::EarnPointsRequest { user_id: user_id.clone(), order_id, points };
    Ok(vec![Reaction::command::<rpc::EarnPoints>(user_id, &earn)])
}

/// A payment was made: it may have paid for a membership.
///
/// # Errors
/// When the news cannot be read.
pub fn payments(news: &News, _: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    if news.event_type != "payment.completed" {
        return Ok(Vec::new());
    }
    let payment::PaymentCompleted { payment_id, order_id, user_id, .. } = news.read()?;
    let Some(order_id) = order_id else { return Ok(Vec::new()) };
    let start = v1::StartSubscriptionRequest { user_id: user_id.clone(), order_id, payment_id };
    Ok(vec![Reaction::command::<rpc::StartSubscription>(user_id, &start)])
}

/// Points for an amount: whole units, and so many points each. What is broken counts nothing.
fn points(total: Money, per_unit: u32) -> i64 {
    let unit = 10_i64.saturating_pow(total.currency().decimals());
    total.amount().max(0).checked_div(unit).unwrap_or_default().saturating_mul(per_unit.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Currency;

    #[test]
    fn points_are_whole_units_of_any_currency() {
        for (amount, currency, per_unit, expected) in [
            (11_999, "EUR", 1, 119),
            (99, "EUR", 1, 0),
            (11_999, "EUR", 5, 595),
            (11_999, "JPY", 1, 11_999),
            (11_999, "KWD", 1, 11),
            (0, "EUR", 1, 0),
            (11_999, "EUR", 0, 0),
        ] {
            let money = Money::new(amount, Currency::parse(currency).expect("a currency")).expect("money");
            assert_eq!(points(money, per_unit), expected, "{amount} {currency}");
        }
    }
}

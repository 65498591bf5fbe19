//! What we say to PayPal.

use serde_json::{Value, json};

use super::reading::No;
use crate::wire::{self, Money};

/// How many decimals PayPal writes: it has none for forints and Taiwan dollars, which ISO 4217 gives two.
fn decimals(money: Money) -> u32 {
    if matches!(money.currency().as_str(), "HUF" | "TWD") { 0 } else { money.currency().decimals() }
}

/// So many of our units make one of what PayPal writes last.
fn shrink(money: Money) -> i64 {
    10_i64.pow(money.currency().decimals().saturating_sub(decimals(money)))
}

/// An amount as PayPal writes it: `19.99`.
pub(super) fn amount_out(money: Money) -> Result<Value, No> {
    let shrink = shrink(money);
    if money.amount() % shrink != 0 || money.is_negative() {
        let detail = format!("{money} is not a whole number of what the provider counts in");
        return Err(No::Refused { code: "amount_not_divisible".to_owned(), detail });
    }
    let (units, decimals) = (money.amount() / shrink, decimals(money));
    let unit = 10_i64.pow(decimals);
    let value = match usize::try_from(decimals) {
        Ok(width @ 1..) => format!("{}.{:0width$}", units / unit, units % unit),
        _ => units.to_string(),
    };
    Ok(json!({"currency_code": money.currency().as_str(), "value": value}))
}

/// An amount as we count it; `None` when it is none.
pub(super) fn amount_in(amount: &Value) -> Option<Money> {
    let (value, currency) = (amount["value"].as_str()?, amount["currency_code"].as_str()?);
    let one = wire::money(1, currency)?;
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    let width = usize::try_from(one.currency().decimals()).ok()?;
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    // More decimals than the currency has may only be noughts.
    let (part, noughts) = part.split_at_checked(width).unwrap_or((part, ""));
    if whole.is_empty() || !is_digits(whole) || !is_digits(part) || noughts.bytes().any(|byte| byte != b'0') {
        return None;
    }
    wire::money(format!("{whole}{part:0<width$}").parse().ok()?, currency)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_come_back_as_they_went() {
        for (amount, currency, written) in [
            (1999, "EUR", "19.99"),
            (5, "EUR", "0.05"),
            (100, "EUR", "1.00"),
            (5, "JPY", "5"),
            (12_300, "HUF", "123"),
            (1, "USD", "0.01"),
        ] {
            let money = wire::money(amount, currency).expect("money");
            let out = amount_out(money).map_err(|_| ()).expect("an amount");
            assert_eq!(out, json!({"currency_code": currency, "value": written}));
            assert_eq!(amount_in(&out), Some(money), "{written}");
        }
        assert!(amount_out(wire::money(150, "HUF").expect("money")).is_err(), "half a forint cannot be paid");
        for (value, currency) in
            [("1.999", "EUR"), ("", "EUR"), (".5", "EUR"), ("-1", "EUR"), ("1", "XXX"), ("1.5", "JPY")]
        {
            assert_eq!(amount_in(&json!({"currency_code": currency, "value": value})), None, "{value} {currency}");
        }
        let long = amount_in(&json!({"currency_code": "EUR", "value": "1.5"}));
        assert_eq!(long, wire::money(150, "EUR"));
    }
}

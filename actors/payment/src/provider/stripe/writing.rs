//! What we say to Stripe.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::reading::No;
use crate::wire::{self, Money};

/// How many of Stripe's units make one of ours, by currency. Stripe writes Icelandic krónur and Ugandan shillings as if
/// they had two decimals, which they do not have.
fn scale(currency: &str) -> i64 {
    if matches!(currency, "ISK" | "UGX") { 100 } else { 1 }
}

/// How many of our units make one of Stripe's: it writes Malagasy ariary without the decimals that ISO 4217 gives them.
fn shrink(currency: &str) -> i64 {
    if currency == "MGA" { 100 } else { 1 }
}

/// An amount as Stripe counts it.
pub(super) fn units(money: Money) -> Result<i64, No> {
    let currency = money.currency().to_string();
    let (scale, shrink) = (scale(&currency), shrink(&currency));
    if money.amount() % shrink != 0 {
        let detail = format!("{money} is not a whole number of what the provider counts in");
        return Err(No::Refused { code: "amount_not_divisible".to_owned(), detail });
    }
    let too_much = || No::Refused { code: "amount_too_large".to_owned(), detail: format!("{money} is too much") };
    (money.amount() / shrink).checked_mul(scale).ok_or_else(too_much)
}

/// An amount as we count it; `None` when it is none.
pub(super) fn money(units: i64, currency: &str) -> Option<Money> {
    let currency = currency.to_ascii_uppercase();
    let (scale, shrink) = (scale(&currency), shrink(&currency));
    if units % scale != 0 {
        return None;
    }
    wire::money((units / scale).checked_mul(shrink)?, &currency)
}

/// A form, as it goes over the wire.
pub(super) struct Form(pub(super) String);

impl Form {
    pub(super) fn new() -> Form {
        Form(String::new())
    }

    /// Adds a parameter.
    pub(super) fn put(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(&escaped(name));
        self.0.push('=');
        self.0.push_str(&escaped(value));
    }
}

/// Everything but what RFC 3986 §2.3 leaves alone everywhere.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A text as it may stand in a path, a query or a form.
pub(super) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_that_stripe_counts_in_its_own_way_come_back_as_they_were() {
        for (amount, currency, counted) in
            [(1999, "EUR", 1999), (5, "JPY", 5), (1999, "KWD", 1999), (5, "ISK", 500), (7, "UGX", 700), (900, "MGA", 9)]
        {
            let money_of = wire::money(amount, currency).expect("money");
            assert_eq!(units(money_of).ok(), Some(counted), "{currency}");
            assert_eq!(money(counted, &currency.to_ascii_lowercase()), Some(money_of), "{currency}");
        }
        assert!(units(wire::money(905, "MGA").expect("money")).is_err(), "less than an ariary cannot be charged");
        assert_eq!(money(505, "isk"), None);
    }

    #[test]
    fn what_goes_into_a_form_stays_one_value() {
        let mut form = Form::new();
        form.put("metadata[a_1]", "b&c=d e");
        form.put("x", "ü");
        assert_eq!(form.0, "metadata%5Ba_1%5D=b%26c%3Dd%20e&x=%C3%BC");
    }
}

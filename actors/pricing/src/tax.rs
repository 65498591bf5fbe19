//! Tax: the one place where money is rounded. Halves go up, and all arithmetic is in whole numbers.
//!
//! The two directions agree: the tax that [`on`] puts on a price is the tax that [`within`] finds in the sum. A test says
//! so for every rate.

use crate::wire::{Money, MoneyError};

/// A rate of 100 %.
const WHOLE_PPM: i128 = 1_000_000;

/// The tax on top of an amount without it.
///
/// # Errors
/// When it is more than money can be.
pub fn on(net: Money, rate_ppm: i64) -> Result<Money, MoneyError> {
    part(net, rate_ppm, WHOLE_PPM)
}

/// The tax contained in an amount with it.
///
/// # Errors
/// When it is more than money can be.
pub fn within(gross: Money, rate_ppm: i64) -> Result<Money, MoneyError> {
    part(gross, rate_ppm, WHOLE_PPM + i128::from(rate_ppm))
}

/// So many parts of a whole of so many, halves up. Below 2^53 · 2^20 · 2, so nothing overflows.
fn part(money: Money, parts: i64, whole: i128) -> Result<Money, MoneyError> {
    let doubled = 2 * i128::from(money.amount()) * i128::from(parts);
    let rounded = (doubled + whole).div_euclid(2 * whole);
    Money::new(i64::try_from(rounded).map_err(|_| MoneyError::Overflow)?, money.currency())
}

/// A rate as people say it: `20 %`, `8.875 %`.
#[must_use]
pub fn percent(rate_ppm: i64) -> String {
    let (whole, rest) = (rate_ppm / 10_000, rate_ppm % 10_000);
    if rest == 0 {
        return format!("{whole} %");
    }
    format!("{whole}.{} %", format!("{rest:04}").trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::Currency;

    fn cents(amount: i64) -> Money {
        Money::new(amount, Currency::parse("EUR").expect("a currency")).expect("an amount")
    }

    #[test]
    fn halves_go_up() {
        // Ten per cent of 5, 4 and 15 cents are 0.5, 0.4 and 1.5.
        for (net, tax) in [(5, 1), (4, 0), (15, 2), (0, 0), (1_000_000, 100_000)] {
            assert_eq!(on(cents(net), 100_000), Ok(cents(tax)), "on {net}");
        }
        for (gross, rate, tax) in [(12_000, 200_000, 2_000), (119, 190_000, 19), (100, 190_000, 16), (3, 1_000_000, 2)]
        {
            assert_eq!(within(cents(gross), rate), Ok(cents(tax)), "within {gross}");
        }
    }

    #[test]
    fn a_rate_is_said_without_needless_zeros() {
        assert_eq!([200_000, 88_750, 0, 1].map(percent), ["20 %", "8.875 %", "0 %", "0.0001 %"]);
    }

    proptest! {
        #[test]
        fn what_is_put_on_is_what_is_found_within(net in 0..1i64 << 51, rate in 0..=1_000_000i64) {
            let tax = on(cents(net), rate).expect("room");
            prop_assert_eq!(within(cents(net).plus(tax).expect("room"), rate), Ok(tax));
        }
    }
}

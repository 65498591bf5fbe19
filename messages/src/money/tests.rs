use proptest::prelude::*;

use super::*;

fn money(amount: i64, currency: &str) -> Money {
    Money::new(amount, Currency::parse(currency).expect("a currency")).expect("in range")
}

fn amounts(shares: &[Money]) -> Vec<i64> {
    shares.iter().map(|share| share.amount()).collect()
}

#[test]
fn money_prints_with_the_decimals_of_its_currency() {
    for (amount, currency, text) in [
        (1999, "EUR", "19.99 EUR"),
        (-5, "EUR", "-0.05 EUR"),
        (1999, "JPY", "1999 JPY"),
        (1999, "KWD", "1.999 KWD"),
        (12345, "CLF", "1.2345 CLF"),
    ] {
        assert_eq!(money(amount, currency).to_string(), text);
    }
}

#[test]
fn two_currencies_do_not_add_up() {
    let (eur, jpy) = (Currency::parse("EUR").expect("known"), Currency::parse("JPY").expect("known"));
    let expected = Err(Error::Currencies { left: eur, right: jpy });
    assert_eq!(money(1, "EUR").plus(money(1, "JPY")), expected);
    assert_eq!(money(1, "EUR").minus(money(1, "JPY")), expected);
    assert_eq!(Money::sum(eur, [money(1, "EUR"), money(1, "JPY")]), expected);
}

#[test]
fn an_amount_that_json_cannot_say_is_no_money() {
    let eur = Currency::parse("EUR").expect("known");
    let most = money(SAFE_MAX, "EUR");
    assert_eq!(Money::new(SAFE_MAX + 1, eur), Err(Error::Overflow));
    assert_eq!(Money::new(i64::MIN, eur), Err(Error::Overflow));
    assert_eq!(most.plus(money(1, "EUR")), Err(Error::Overflow));
    assert_eq!(most.negated().minus(money(1, "EUR")), Err(Error::Overflow));
    assert_eq!(most.times(2), Err(Error::Overflow));
    assert_eq!(most.times(i64::MAX), Err(Error::Overflow));
    assert_eq!(most.allocate(&[u64::MAX, u64::MAX]).map(|shares| shares[0].amount()), Ok(SAFE_MAX / 2 + 1));
}

#[test]
fn the_last_cent_goes_to_who_lost_most() {
    assert_eq!(amounts(&money(100, "EUR").allocate(&[1, 1, 1]).expect("ratios")), [34, 33, 33]);
    assert_eq!(amounts(&money(100, "EUR").allocate(&[1, 5, 0]).expect("ratios")), [17, 83, 0]);
    assert_eq!(amounts(&money(-100, "EUR").allocate(&[1, 1, 1]).expect("ratios")), [-34, -33, -33]);
    assert_eq!(money(100, "EUR").allocate(&[0, 0]), Err(Error::NoRatio));
    assert_eq!(money(100, "EUR").allocate(&[]), Err(Error::NoRatio));
}

#[test]
fn what_comes_off_the_wire_is_checked() {
    let wire = |amount, currency: &str| wire::Money { amount, currency: currency.into() };
    assert_eq!(Money::try_from(wire(Some(1), "EUR")), Ok(money(1, "EUR")));
    assert_eq!(Money::try_from(wire(None, "EUR")), Err(Error::NoAmount));
    assert_eq!(Money::try_from(wire(Some(1), "eur")), Err(Error::UnknownCurrency));
    assert_eq!(Money::try_from(wire(Some(i64::MAX), "EUR")), Err(Error::Overflow));
}

#[test]
fn what_comes_out_of_a_store_is_checked() {
    let stored = serde_json::to_string(&money(1999, "EUR")).expect("serializes");
    assert_eq!(stored, r#"{"amount":1999,"currency":"EUR"}"#);
    assert_eq!(serde_json::from_str::<Money>(&stored).ok(), Some(money(1999, "EUR")));
    assert!(serde_json::from_str::<Money>(r#"{"amount":9007199254740992,"currency":"EUR"}"#).is_err());
    assert!(serde_json::from_str::<Money>(r#"{"amount":1,"currency":"XXY"}"#).is_err());
}

proptest! {
    #[test]
    fn shares_add_up_and_differ_by_less_than_a_unit(
        amount in -SAFE_MAX..=SAFE_MAX,
        ratios in prop::collection::vec(0..=u64::MAX, 1..20),
    ) {
        prop_assume!(ratios.iter().any(|&ratio| ratio > 0));
        let whole = money(amount, "EUR");
        let shares = whole.allocate(&ratios).expect("a ratio");
        prop_assert_eq!(Money::sum(whole.currency(), shares.iter().copied()), Ok(whole));
        let total: i128 = ratios.iter().map(|&ratio| i128::from(ratio)).sum();
        for (share, ratio) in shares.iter().zip(&ratios) {
            let off = i128::from(share.amount()) * total - i128::from(amount) * i128::from(*ratio);
            prop_assert!(off.abs() < total);
        }
    }

    #[test]
    fn what_is_added_can_be_taken_away(left in -SAFE_MAX / 2..=SAFE_MAX / 2, right in -SAFE_MAX / 2..=SAFE_MAX / 2) {
        let (left, right) = (money(left, "EUR"), money(right, "EUR"));
        prop_assert_eq!(left.plus(right), right.plus(left));
        prop_assert_eq!(left.plus(right).and_then(|sum| sum.minus(right)), Ok(left));
        prop_assert_eq!(left.plus(left), left.times(2));
        prop_assert_eq!(left.negated().negated(), left);
    }
}

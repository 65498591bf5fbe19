//! Baskets by hand, and baskets by the thousand.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use runtime::entity::testing::moment;

use super::*;
use crate::base::STANDARD;
use crate::tax;
use crate::taxes::{Rate, Rules, Taxed};
use crate::wire::euros;

const SKUS: [&str; 6] = ["A", "B", "C", "D", "E", "F"];
/// The categories of the SKUs, in turn.
const CATEGORIES: [&str; 3] = [STANDARD, "reduced", "books"];

fn rules(included: bool, rounding: Rounding, standard: i64, reduced: i64, shipping: i64) -> Rules {
    let rate = |category: &str, ppm| {
        let taxed = Taxed { region: String::new(), category: category.into() };
        (taxed, Rate { title: format!("VAT {category}"), ppm })
    };
    let rates = [rate(STANDARD, standard), rate("reduced", reduced), rate(taxes::SHIPPING, shipping)];
    Rules::parse(included, rounding, rates).expect("rules")
}

fn terms(rules: Option<Rules>) -> Terms {
    Terms {
        currency: euros(0).currency(),
        channel: String::new(),
        customer_group: String::new(),
        region: String::new(),
        rules,
        at: moment(0),
    }
}

fn line(index: usize, quantity: i64, cents: i64) -> Priced {
    Priced {
        sku: SKUS[index].into(),
        product_id: "prd_1".into(),
        quantity,
        unit_price: euros(cents),
        list_price: euros(cents),
        source: Source::Catalogue,
        listed: euros(cents),
        from: 1,
        tax_category: CATEGORIES[index % CATEGORIES.len()].into(),
    }
}

fn off(id: usize, target: Target, sku: &str, cents: i64) -> Adjustment {
    let (code, campaign_id) = (String::new(), String::new());
    Adjustment {
        id: id.to_string(),
        code,
        campaign_id,
        target,
        sku: sku.into(),
        amount: euros(cents),
        title: format!("Off {id}"),
    }
}

fn parcels(cents: i64) -> Option<Shipping> {
    Some(Shipping { option_id: "post".into(), title: "By post".into(), amount: euros(cents) })
}

/// The derivation, and what it adds up to.
fn check(basket: &Basket, expected: Expect) {
    let sums = reckon(basket).expect("sums");
    let step = |step: &Step| format!("{:?} {} {}: {}\n", step.kind, step.sku, step.amount, step.detail);
    let steps: String = sums.derivation.iter().map(step).collect();
    expected.assert_eq(&format!("{steps}tax {}, total {}\n", sums.tax_total, sums.total));
    adds_up(&sums);
}

/// What is always true.
fn adds_up(sums: &Sums) {
    let charges: Vec<&Charge> =
        sums.lines.iter().map(|line| &line.charge).chain(sums.shipping.iter().map(|parcels| &parcels.charge)).collect();
    let total = |of: fn(&Charge) -> Money| charges.iter().map(|charge| of(charge).amount()).sum::<i64>();
    for charge in &charges {
        let Charge { amount, discount, taxable, tax, total, .. } = charge;
        for part in [amount, discount, taxable, tax, total] {
            assert!(!part.is_negative(), "nothing is below zero: {charge:?}");
        }
        assert_eq!(taxable.amount() + tax.amount(), total.amount());
        let rest = if sums.tax_included { total.amount() } else { taxable.amount() };
        assert_eq!(amount.amount() - discount.amount(), rest);
    }
    for line in &sums.lines {
        assert_eq!(line.unit_price.amount() * line.quantity, line.charge.amount.amount());
    }
    let on_top = if sums.tax_included { 0 } else { sums.tax_total.amount() };
    let sum = sums.subtotal.amount() - sums.discount_total.amount() + sums.shipping_total.amount() + on_top;
    assert_eq!(sum, sums.total.amount(), "the declared sum");
    assert_eq!(total(|charge| charge.total), sums.total.amount());
    assert_eq!(total(|charge| charge.tax), sums.tax_total.amount());
    assert_eq!(total(|charge| charge.discount), sums.discount_total.amount());
    assert_eq!(sums.discounts.iter().map(|one| one.amount.amount()).sum::<i64>(), sums.discount_total.amount());
    assert!(sums.discounts.iter().all(|one| one.amount.amount() <= one.asked.amount.amount()));
    let counted = sums.derivation.iter().filter(|step| step.kind != StepKind::IncludedTax);
    assert_eq!(counted.map(|step| step.amount.amount()).sum::<i64>(), sums.total.amount(), "the derivation");
    let taxes = sums.derivation.iter().filter(|step| matches!(step.kind, StepKind::Tax | StepKind::IncludedTax));
    assert_eq!(taxes.map(|step| step.amount.amount()).sum::<i64>(), sums.tax_total.amount());
}

#[test]
fn tax_goes_on_top_of_what_is_left_after_discounts() {
    let basket = Basket {
        terms: terms(Some(rules(false, Rounding::Line, 200_000, 100_000, 200_000))),
        lines: vec![line(0, 2, 1_999), line(1, 1, 501)],
        adjustments: vec![off(1, Target::Line, "A", 498), off(2, Target::Order, "", 100)],
        shipping: parcels(490),
    };
    check(
        &basket,
        expect![[r#"
        Price A 39.98 EUR: 2 at 19.99 EUR, from the catalogue
        Price B 5.01 EUR: 1 at 5.01 EUR, from the catalogue
        Discount A -4.98 EUR: Off 1
        Discount A -0.87 EUR: Off 2: its share of 1.00 EUR off the order
        Discount B -0.13 EUR: Off 2: its share of 1.00 EUR off the order
        Shipping  4.90 EUR: By post
        Tax A 6.83 EUR: VAT standard: 20 % of 34.13 EUR, halves rounded up
        Tax B 0.49 EUR: VAT reduced: 10 % of 4.88 EUR, halves rounded up
        Tax  0.98 EUR: VAT shipping: 20 % of 4.90 EUR, halves rounded up
        tax 8.30 EUR, total 52.21 EUR
    "#]],
    );
}

#[test]
fn tax_within_prices_adds_nothing() {
    let basket = Basket {
        terms: terms(Some(rules(true, Rounding::Line, 200_000, 100_000, 0))),
        lines: vec![line(0, 1, 12_000), line(1, 1, 1_100)],
        adjustments: vec![],
        shipping: parcels(490),
    };
    check(
        &basket,
        expect![[r#"
        Price A 120.00 EUR: 1 at 120.00 EUR, from the catalogue
        Price B 11.00 EUR: 1 at 11.00 EUR, from the catalogue
        Shipping  4.90 EUR: By post
        IncludedTax A 20.00 EUR: VAT standard: 20 % in 120.00 EUR, halves rounded up
        IncludedTax B 1.00 EUR: VAT reduced: 10 % in 11.00 EUR, halves rounded up
        IncludedTax  0.00 EUR: VAT shipping: 0 % in 4.90 EUR, halves rounded up
        tax 21.00 EUR, total 135.90 EUR
    "#]],
    );
}

#[test]
fn rounding_by_order_rounds_once_for_every_rate() {
    // Three times 0.2 cents of tax: by line nothing, by order 0.6, which is one cent.
    let by = |rounding| Basket {
        terms: terms(Some(rules(false, rounding, 200_000, 0, 0))),
        lines: vec![line(0, 1, 1), line(2, 1, 1), line(3, 1, 1)],
        adjustments: vec![],
        shipping: None,
    };
    let tax = |rounding| reckon(&by(rounding)).expect("sums").tax_total;
    assert_eq!((tax(Rounding::Line), tax(Rounding::Order)), (euros(0), euros(1)));
    check(
        &by(Rounding::Order),
        expect![[r#"
        Price A 0.01 EUR: 1 at 0.01 EUR, from the catalogue
        Price C 0.01 EUR: 1 at 0.01 EUR, from the catalogue
        Price D 0.01 EUR: 1 at 0.01 EUR, from the catalogue
        Tax A 0.01 EUR: VAT standard: 20 % of 0.01 EUR, its share of the tax of the order
        Tax C 0.00 EUR: VAT standard: 20 % of 0.01 EUR, its share of the tax of the order
        Tax D 0.00 EUR: VAT standard: 20 % of 0.01 EUR, its share of the tax of the order
        tax 0.01 EUR, total 0.04 EUR
    "#]],
    );
}

#[test]
fn nothing_is_taken_below_zero() {
    let basket = Basket {
        terms: terms(Some(rules(false, Rounding::Line, 200_000, 0, 0))),
        lines: vec![line(0, 1, 500), line(1, 1, 300)],
        adjustments: vec![
            off(1, Target::Line, "A", 900),
            off(2, Target::Order, "", 9_000),
            off(3, Target::Order, "", 1),
            off(4, Target::Shipping, "", 700),
            off(5, Target::Line, "GONE", 100),
        ],
        shipping: parcels(490),
    };
    let sums = reckon(&basket).expect("sums");
    let taken: Vec<_> = sums.discounts.iter().map(|one| one.amount.amount()).collect();
    assert_eq!((taken, sums.total), (vec![500, 300, 0, 490, 0], euros(0)));
    adds_up(&sums);
}

#[test]
fn without_a_country_there_is_no_tax() {
    let basket = Basket { terms: terms(None), lines: vec![line(0, 3, 100)], adjustments: vec![], shipping: parcels(5) };
    check(
        &basket,
        expect![[r#"
        Price A 3.00 EUR: 3 at 1.00 EUR, from the catalogue
        Shipping  0.05 EUR: By post
        tax 0.00 EUR, total 3.05 EUR
    "#]],
    );
}

#[test]
fn a_price_of_a_list_says_where_it_comes_from_and_what_tax_did_to_it() {
    let source = Source::List("prl_1".into());
    let priced = Priced { source, unit_price: euros(1_000), listed: euros(1_200), from: 10, ..line(0, 10, 1_000) };
    let terms = terms(Some(rules(false, Rounding::Line, 200_000, 0, 0)));
    let step = steps::price(&priced, &terms, euros(10_000));
    assert_eq!(
        step.detail,
        "10 at 10.00 EUR, from the list prl_1 for 10 or more, which says 12.00 EUR, without 20 % tax"
    );
}

#[test]
fn what_cannot_be_counted_or_is_in_another_currency_is_refused() {
    let dollars = Money::new(1, Currency::parse("USD").expect("a currency")).expect("an amount");
    let adjustment = Adjustment { amount: dollars, ..off(1, Target::Order, "", 1) };
    let basket = |lines, adjustments| Basket { terms: terms(None), lines, adjustments, shipping: None };
    assert_eq!(reckon(&basket(vec![], vec![adjustment])), Err(Fault::Mixed(dollars.currency())));
    let dear = basket(vec![line(0, 1_000_000, 1 << 50)], vec![]);
    assert_eq!(reckon(&dear), Err(Fault::OutOfRange(MoneyError::Overflow)));
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![Just(Target::Line), Just(Target::Shipping), Just(Target::Order)]
}

fn adjustments() -> impl Strategy<Value = Vec<Adjustment>> {
    let one = (target(), 0..SKUS.len(), 0..200_000i64);
    prop::collection::vec(one, 0..6).prop_map(|all| {
        let each = all.into_iter().enumerate();
        each.map(|(id, (target, sku, cents))| off(id, target, SKUS[sku], cents)).collect()
    })
}

fn lines() -> impl Strategy<Value = Vec<Priced>> {
    let one = (1..200i64, 0..100_000i64);
    prop::collection::vec(one, 0..=SKUS.len()).prop_map(|all| {
        let each = all.into_iter().enumerate();
        each.map(|(index, (quantity, cents))| line(index, quantity, cents)).collect()
    })
}

fn all_rules() -> impl Strategy<Value = Option<Rules>> {
    let rounding = prop_oneof![Just(Rounding::Line), Just(Rounding::Order)];
    let rate = || 0..=1_000_000i64;
    prop::option::weighted(
        0.9,
        (any::<bool>(), rounding, rate(), rate(), rate())
            .prop_map(|(included, rounding, a, b, c)| rules(included, rounding, a, b, c)),
    )
}

fn baskets() -> impl Strategy<Value = Basket> {
    (all_rules(), lines(), adjustments(), prop::option::of(0..5_000i64)).prop_map(
        |(rules, lines, adjustments, post)| Basket {
            terms: terms(rules),
            lines,
            adjustments,
            shipping: post.and_then(parcels),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_cent_adds_up(basket in baskets()) {
        adds_up(&reckon(&basket).expect("sums"));
    }

    /// The same goods at prices without tax, and at those prices with their tax in them, cost the same and are taxed
    /// the same, line by line.
    #[test]
    fn inclusive_and_exclusive_agree(
        bought in prop::collection::vec(0..1_000_000i64, 1..=SKUS.len()),
        post in 0..5_000i64,
        rates in (0..=1_000_000i64, 0..=1_000_000i64, 0..=1_000_000i64),
    ) {
        let at = |included, of: &dyn Fn(i64, i64) -> i64| {
            let terms = terms(Some(rules(included, Rounding::Line, rates.0, rates.1, rates.2)));
            let rate = |category: &str| terms.rate(category).expect("a rate").ppm;
            let lines = bought.iter().enumerate().map(|(index, net)| {
                line(index, 1, of(*net, rate(CATEGORIES[index % CATEGORIES.len()])))
            }).collect();
            let shipping = parcels(of(post, rate(taxes::SHIPPING)));
            reckon(&Basket { terms, lines, adjustments: vec![], shipping }).expect("sums")
        };
        let without = at(false, &|net, _| net);
        let with = at(true, &|net, rate| net + tax::on(euros(net), rate).expect("room").amount());
        prop_assert_eq!(with.total, without.total);
        prop_assert_eq!(with.tax_total, without.tax_total);
        for (with, without) in with.lines.iter().zip(&without.lines) {
            let of = |line: &Line| (line.charge.taxable, line.charge.tax, line.charge.total);
            prop_assert_eq!(of(with), of(without));
        }
    }

    /// The tax of an order is that of its sum, once for every rate, whichever way it is spread.
    #[test]
    fn the_tax_of_an_order_is_that_of_its_sum(
        lines in lines(), included in any::<bool>(), rate in 0..=1_000_000i64,
    ) {
        let rules = Rules::parse(included, Rounding::Order, [(
            Taxed { region: String::new(), category: STANDARD.into() },
            Rate { title: "VAT".into(), ppm: rate },
        )]).expect("rules");
        let sums = reckon(&Basket { terms: terms(Some(rules)), lines, adjustments: vec![], shipping: None });
        let sums = sums.expect("sums");
        let whole = if included { tax::within(sums.subtotal, rate) } else { tax::on(sums.subtotal, rate) };
        prop_assert_eq!(Ok(sums.tax_total), whole);
    }
}

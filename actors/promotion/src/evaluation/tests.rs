//! What comes off which basket: tables first, then whatever anybody can think of.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::sample::{eur, percent, ten_percent};
use crate::terms::{Action, Conditions, Selection, Target};

fn line(sku: &str, quantity: u32, cents: i64) -> Line {
    Line::new(sku.to_owned(), format!("prd_{}", sku.to_lowercase()), quantity, eur(cents)).expect("a line")
}

/// Three mugs at 10.00, a shirt at 40.00, and 5.00 for shipping.
fn basket() -> Basket {
    let lines = vec![line("MUG", 3, 1000), line("TEE", 1, 4000)];
    Basket::new(eur(0).currency(), lines, Some(eur(500))).expect("a basket")
}

fn skus(skus: &[&str]) -> Selection {
    Selection { skus: skus.iter().map(|sku| (*sku).to_owned()).collect(), ..Selection::default() }
}

fn euros(cents: i64) -> Amounts {
    Amounts::from([(eur(0).currency(), eur(cents))])
}

fn candidate(id: &str, actions: Vec<Action>) -> Candidate {
    let terms = Terms { title: id.to_uppercase(), actions, ..Terms::default() };
    Candidate { campaign_id: id.to_owned(), code: None, terms, budget_left: Amounts::new() }
}

fn off(target: Target, cents: i64) -> Action {
    Action::AmountOff { target, amounts: euros(cents), items: Selection::default() }
}

fn with(candidate: Candidate, change: impl FnOnce(&mut Candidate)) -> Candidate {
    let mut changed = candidate;
    change(&mut changed);
    changed
}

fn said(evaluation: &Evaluation) -> String {
    let cut = |cut: &Cut| {
        let target = cut.sku.clone().unwrap_or_else(|| format!("{:?}", cut.target).to_lowercase());
        format!("{} {}", target, cut.amount)
    };
    let applied = evaluation.applied.iter().map(|applied| {
        format!("{}: {}", applied.campaign_id, applied.cuts.iter().map(cut).collect::<Vec<_>>().join(", "))
    });
    let not = evaluation.not_applied.iter().map(|not| {
        let what = not.code.clone().or(not.campaign_id.clone()).unwrap_or_default();
        format!("{what} not: {} ({})", not.reason.slug(), not.reason)
    });
    applied.chain(not).collect::<Vec<_>>().join("\n")
}

fn check(basket: &Basket, candidates: Vec<Candidate>, expected: Expect) {
    expected.assert_eq(&said(&evaluate(basket, candidates).expect("an evaluation")));
}

#[test]
fn every_action_takes_off_what_it_says() {
    let one = |action: Action| vec![candidate("a", vec![action])];
    let percent_off =
        |target, share_ppm, items, amount_max| Action::PercentOff { target, share_ppm, items, amount_max };
    check(&basket(), one(percent(Target::Line, 100_000)), expect!["a: MUG 3.00 EUR, TEE 4.00 EUR"]);
    check(&basket(), one(percent(Target::Order, 100_000)), expect!["a: order 7.00 EUR"]);
    check(&basket(), one(percent(Target::Shipping, 500_000)), expect!["a: shipping 2.50 EUR"]);
    let some = percent_off(Target::Line, 250_000, skus(&["TEE"]), Amounts::new());
    check(&basket(), one(some), expect!["a: TEE 10.00 EUR"]);
    let product = Selection { product_ids: ["prd_mug".to_owned()].into(), ..Selection::default() };
    let some = percent_off(Target::Line, 250_000, product, Amounts::new());
    check(&basket(), one(some), expect!["a: MUG 7.50 EUR"]);
    let at_most = percent_off(Target::Line, 500_000, Selection::default(), euros(1000));
    check(&basket(), one(at_most), expect!["a: MUG 4.29 EUR, TEE 5.71 EUR"]);
    let at_most = percent_off(Target::Order, 500_000, Selection::default(), euros(1000));
    check(&basket(), one(at_most), expect!["a: order 10.00 EUR"]);
    check(&basket(), one(off(Target::Line, 300)), expect!["a: MUG 9.00 EUR, TEE 3.00 EUR"]);
    check(&basket(), one(off(Target::Order, 1234)), expect!["a: order 12.34 EUR"]);
    check(&basket(), one(off(Target::Shipping, 200)), expect!["a: shipping 2.00 EUR"]);
    check(&basket(), one(Action::FreeShipping { amount_max: Amounts::new() }), expect!["a: shipping 5.00 EUR"]);
    check(&basket(), one(Action::FreeShipping { amount_max: euros(300) }), expect!["a: shipping 3.00 EUR"]);
}

#[test]
fn a_share_is_rounded_to_the_nearest_cent_a_half_up() {
    for (cents, ppm, expected) in [(5, 100_000, 1), (4, 100_000, 0), (15, 100_000, 2), (333, 333_333, 111)] {
        let basket = Basket::new(eur(0).currency(), vec![line("MUG", 1, cents)], None).expect("a basket");
        let candidates = vec![candidate("a", vec![percent(Target::Order, ppm)])];
        let evaluation = evaluate(&basket, candidates).expect("an evaluation");
        let taken: i64 = evaluation.applied.iter().map(|applied| applied.amount.amount()).sum();
        assert_eq!(taken, expected, "{ppm} of {cents}");
    }
}

#[test]
fn nothing_falls_below_zero() {
    let one = |action: Action| vec![candidate("a", vec![action])];
    check(&basket(), one(off(Target::Line, 999_999)), expect!["a: MUG 30.00 EUR, TEE 40.00 EUR"]);
    check(&basket(), one(off(Target::Order, 999_999)), expect!["a: order 70.00 EUR"]);
    check(&basket(), one(off(Target::Shipping, 999_999)), expect!["a: shipping 5.00 EUR"]);
    // 60.00 off all of it leave 4.29 of the mugs and 5.71 of the shirt; no line gives more than that.
    let both = vec![
        candidate("a", vec![off(Target::Order, 6000)]),
        candidate("b", vec![off(Target::Line, 1000)]),
        candidate("c", vec![off(Target::Order, 1)]),
    ];
    check(
        &basket(),
        both,
        expect![[r#"
            a: order 60.00 EUR
            b: MUG 4.29 EUR, TEE 5.71 EUR
            c not: nothing_to_discount (There is nothing that this could be taken off.)"#]],
    );
    let most = eur(9_007_199_254_740_991);
    let huge = Action::AmountOff {
        target: Target::Line,
        amounts: Amounts::from([(most.currency(), most)]),
        items: Selection::default(),
    };
    check(&basket(), one(huge), expect!["a: MUG 30.00 EUR, TEE 40.00 EUR"]);
}

#[test]
fn some_are_bought_and_others_are_got() {
    let buy_get = |buy: Selection, buy_quantity, get: Option<Selection>, get_quantity, share_ppm, times_max| {
        vec![candidate("a", vec![Action::BuyGet { buy, buy_quantity, get, get_quantity, share_ppm, times_max }])]
    };
    let all = Selection::default;
    check(&basket(), buy_get(skus(&["MUG"]), 2, None, 1, 1_000_000, None), expect!["a: MUG 10.00 EUR"]);
    check(&basket(), buy_get(skus(&["MUG"]), 1, None, 1, 1_000_000, None), expect!["a: MUG 10.00 EUR"]);
    check(&basket(), buy_get(all(), 1, None, 1, 1_000_000, None), expect!["a: MUG 20.00 EUR"]);
    check(&basket(), buy_get(all(), 1, None, 1, 1_000_000, Some(1)), expect!["a: MUG 10.00 EUR"]);
    check(&basket(), buy_get(skus(&["TEE"]), 1, Some(skus(&["MUG"])), 2, 500_000, None), expect!["a: MUG 10.00 EUR"]);
    // The shirt could be got, but it is what must be bought.
    check(&basket(), buy_get(skus(&["TEE"]), 1, Some(all()), 1, 1_000_000, None), expect!["a: MUG 10.00 EUR"]);
    // The mugs are cheaper, but all of them are needed as bought ones.
    check(&basket(), buy_get(skus(&["MUG"]), 3, Some(all()), 1, 1_000_000, None), expect!["a: TEE 40.00 EUR"]);
    check(
        &basket(),
        buy_get(skus(&["MUG"]), 3, None, 1, 1_000_000, None),
        expect!["a not: nothing_to_discount (There is nothing that this could be taken off.)"],
    );
    check(
        &basket(),
        buy_get(skus(&["CAP"]), 1, Some(all()), 1, 1_000_000, None),
        expect!["a not: nothing_to_discount (There is nothing that this could be taken off.)"],
    );
}

#[test]
fn a_basket_must_be_as_the_campaign_says() {
    let one = |conditions: Conditions| {
        let terms = Terms { conditions, ..ten_percent() };
        vec![Candidate { campaign_id: "a".into(), code: Some("SAVE".into()), terms, budget_left: Amounts::new() }]
    };
    let minimum = |cents| Conditions { minimum_subtotal: euros(cents), ..Conditions::default() };
    check(&basket(), one(minimum(7000)), expect!["a: order 7.00 EUR"]);
    check(&basket(), one(minimum(7001)), expect!["SAVE not: below_minimum (Another 0.01 EUR are needed.)"]);
    let dollars = Conditions { currencies: ["USD".parse().expect("a currency")].into(), ..Conditions::default() };
    check(
        &basket(),
        one(dollars),
        expect!["SAVE not: currency_not_covered (This promotion does not cover this currency.)"],
    );
    let items =
        |sku: &str, minimum_quantity| Conditions { items: skus(&[sku]), minimum_quantity, ..Conditions::default() };
    check(&basket(), one(items("MUG", Some(3))), expect!["a: order 7.00 EUR"]);
    check(&basket(), one(items("TEE", None)), expect!["a: order 7.00 EUR"]);
    check(
        &basket(),
        one(items("MUG", Some(5))),
        expect!["SAVE not: items_missing (Another 2 of the promoted items are needed.)"],
    );
    check(
        &basket(),
        one(items("CAP", None)),
        expect!["SAVE not: items_missing (Another 1 of the promoted items are needed.)"],
    );
    let group = || Conditions { customer_groups: ["vip".to_owned()].into(), ..Conditions::default() };
    check(&basket().of(Some("vip".into()), false), one(group()), expect!["a: order 7.00 EUR"]);
    check(
        &basket(),
        one(group()),
        expect!["SAVE not: not_in_customer_group (This promotion is for another group of customers.)"],
    );
    let quiet = with(one(group()).remove(0), |candidate| candidate.code = None);
    check(&basket(), vec![quiet], expect![""]);
    let first = || Conditions { first_order: true, ..Conditions::default() };
    check(&basket().of(None, true), one(first()), expect!["a: order 7.00 EUR"]);
    check(&basket(), one(first()), expect!["SAVE not: not_first_order (This promotion is for first orders.)"]);
}

#[test]
fn the_higher_priority_goes_first_and_what_follows_takes_of_the_rest() {
    let half = |id: &str, priority| {
        with(candidate(id, vec![percent(Target::Order, 500_000)]), |candidate| candidate.terms.priority = priority)
    };
    check(
        &basket(),
        vec![half("c", 1), half("b", 2), half("a", 1)],
        expect![[r#"
            b: order 35.00 EUR
            a: order 17.50 EUR
            c: order 8.75 EUR"#]],
    );
}

#[test]
fn what_is_exclusive_is_alone() {
    let exclusive = |id: &str, priority| {
        with(candidate(id, vec![off(Target::Order, 100)]), |candidate| {
            candidate.terms.exclusive = true;
            candidate.terms.priority = priority;
        })
    };
    let plain = || candidate("p", vec![off(Target::Order, 200)]);
    check(
        &basket(),
        vec![plain(), exclusive("x", 1)],
        expect![[r#"
            x: order 1.00 EUR
            p not: not_combinable (It cannot be combined with “X”.)"#]],
    );
    check(
        &basket(),
        vec![exclusive("x", 0), plain()],
        expect![[r#"
            p: order 2.00 EUR
            x not: not_combinable (It cannot be combined with “P”.)"#]],
    );
    check(
        &basket(),
        vec![exclusive("y", 1), exclusive("x", 1)],
        expect![[r#"
            x: order 1.00 EUR
            y not: not_combinable (It cannot be combined with “X”.)"#]],
    );
}

#[test]
fn of_a_stacking_group_the_best_deal_applies() {
    let grouped = |id: &str, cents| {
        with(candidate(id, vec![off(Target::Order, cents)]), |candidate| {
            candidate.terms.stacking_group = "seasonal".into();
        })
    };
    check(
        &basket(),
        vec![grouped("a", 100), grouped("b", 300), grouped("c", 300), candidate("d", vec![off(Target::Order, 50)])],
        expect![[r#"
            b: order 3.00 EUR
            d: order 0.50 EUR
            a not: better_deal (“B” is the better deal.)
            c not: better_deal (“B” is the better deal.)"#]],
    );
    // What cannot be paid for is no deal.
    let broke = with(grouped("b", 300), |candidate| candidate.budget_left = euros(299));
    check(
        &basket(),
        vec![grouped("a", 100), broke],
        expect![[r#"
            a: order 1.00 EUR
            b not: budget_exhausted (This promotion has been used up.)"#]],
    );
}

#[test]
fn a_basket_that_does_not_add_up_is_none() {
    let dollars = Money::new(1, "USD".parse().expect("a currency")).expect("an amount");
    let currency = eur(0).currency();
    assert!(Basket::new(currency, vec![line("MUG", 1, 1)], Some(dollars)).is_err());
    let most = 9_007_199_254_740_991;
    assert!(Line::new("MUG".into(), String::new(), 2, eur(most)).is_err());
    assert!(Basket::new(currency, vec![line("MUG", 1, most), line("TEE", 1, 1)], None).is_err());
}

fn any_selection() -> impl Strategy<Value = Selection> {
    let names = prop::collection::btree_set(prop::sample::select(vec!["A", "B", "C", "D"]), 0..3);
    names.prop_map(|names| Selection { skus: names.into_iter().map(str::to_owned).collect(), ..Selection::default() })
}

fn any_action() -> impl Strategy<Value = Action> {
    let target = || prop::sample::select(vec![Target::Line, Target::Order, Target::Shipping]);
    let cap = || prop::option::of(1..3000i64).prop_map(|cents| cents.map(euros).unwrap_or_default());
    prop_oneof![
        (target(), 1..=1_000_000u32, any_selection(), cap()).prop_map(|(target, share_ppm, items, amount_max)| {
            Action::PercentOff { target, share_ppm, items, amount_max }
        }),
        (target(), prop_oneof![1..5000i64, Just(9_007_199_254_740_991)], any_selection())
            .prop_map(|(target, cents, items)| Action::AmountOff { target, amounts: euros(cents), items }),
        (any_selection(), 1..4u32, prop::option::of(any_selection()), 1..4u32, 1..=1_000_000u32, cap()).prop_map(
            |(buy, buy_quantity, get, get_quantity, share_ppm, cap)| {
                let times_max = (!cap.is_empty()).then_some(2);
                Action::BuyGet { buy, buy_quantity, get, get_quantity, share_ppm, times_max }
            }
        ),
        cap().prop_map(|amount_max| Action::FreeShipping { amount_max }),
    ]
}

prop_compose! {
    fn any_candidate()(
        actions in prop::collection::vec(any_action(), 1..4),
        priority in 0..3u32,
        exclusive in prop::bool::weighted(0.2),
        group in prop::sample::select(vec!["", "", "one", "two"]),
        minimum in prop::option::of(0..20_000i64),
        budget in prop::option::of(0..5000i64),
    ) -> Candidate {
        let conditions = Conditions { minimum_subtotal: minimum.map(euros).unwrap_or_default(), ..Conditions::default() };
        let stacking_group = group.to_owned();
        let terms = Terms { conditions, actions, priority, exclusive, stacking_group, ..Terms::default() };
        Candidate { campaign_id: String::new(), code: None, terms, budget_left: budget.map(euros).unwrap_or_default() }
    }
}

prop_compose! {
    fn any_basket()(
        lines in prop::collection::btree_map(prop::sample::select(vec!["A", "B", "C", "D"]), (1..9u32, 0..5000i64), 1..5),
        shipping in prop::option::of(0..900i64),
    ) -> Basket {
        let lines = lines.into_iter().map(|(sku, (quantity, cents))| line(sku, quantity, cents)).collect();
        Basket::new(eur(0).currency(), lines, shipping.map(eur)).expect("a basket")
    }
}

fn any_shop() -> impl Strategy<Value = (Basket, Vec<Candidate>)> {
    let named = prop::collection::vec(any_candidate(), 0..7).prop_map(|mut candidates| {
        for (number, candidate) in candidates.iter_mut().enumerate() {
            candidate.campaign_id = format!("cmp_{number}");
        }
        candidates
    });
    (any_basket(), named)
}

fn total<'a>(cuts: impl Iterator<Item = &'a Cut>) -> i64 {
    cuts.map(|cut| cut.amount.amount()).sum()
}

proptest! {
    /// No line, nor all of them together, nor shipping, falls below zero, and nothing is ever added.
    #[test]
    fn never_more_comes_off_than_there_is((basket, candidates) in any_shop()) {
        let evaluation = evaluate(&basket, candidates).expect("an evaluation");
        let cuts: Vec<&Cut> = evaluation.applied.iter().flat_map(|applied| &applied.cuts).collect();
        prop_assert!(cuts.iter().all(|cut| cut.amount.amount() > 0));
        for line in &basket.lines {
            let off = total(cuts.iter().filter(|cut| cut.sku.as_ref() == Some(&line.sku)).copied());
            prop_assert!(off <= line.total.amount(), "{} off {}", off, line.sku);
        }
        let of = |targets: &[Target]| total(cuts.iter().filter(|cut| targets.contains(&cut.target)).copied());
        prop_assert!(of(&[Target::Line, Target::Order]) <= basket.subtotal.amount());
        prop_assert!(of(&[Target::Shipping]) <= basket.shipping.map_or(0, |shipping| shipping.amount()));
        for applied in &evaluation.applied {
            prop_assert_eq!(total(applied.cuts.iter()), applied.amount.amount());
        }
    }

    /// Every campaign applies or does not, once, whatever order they come in.
    #[test]
    fn the_answer_is_whole_and_does_not_depend_on_the_order((basket, candidates) in any_shop(), turn in 0..7usize) {
        let evaluation = evaluate(&basket, candidates.clone()).expect("an evaluation");
        let mut named: Vec<_> = evaluation.applied.iter().map(|applied| applied.campaign_id.clone()).collect();
        named.extend(evaluation.not_applied.iter().filter_map(|not| not.campaign_id.clone()));
        named.sort();
        prop_assert_eq!(named, candidates.iter().map(|candidate| candidate.campaign_id.clone()).collect::<Vec<_>>());
        let mut turned = candidates;
        if !turned.is_empty() {
            let by = turn % turned.len();
            turned.rotate_left(by);
        }
        prop_assert_eq!(evaluate(&basket, turned).expect("an evaluation"), evaluation);
    }

    /// What is exclusive is alone, of a group one applies, and nobody spends more than their budget.
    #[test]
    fn exclusive_is_exclusive_and_groups_do_not_stack((basket, candidates) in any_shop()) {
        let evaluation = evaluate(&basket, candidates.clone()).expect("an evaluation");
        let terms = |applied: &Applied| {
            candidates.iter().find(|candidate| candidate.campaign_id == applied.campaign_id).expect("a candidate")
        };
        if evaluation.applied.iter().any(|applied| terms(applied).terms.exclusive) {
            prop_assert_eq!(evaluation.applied.len(), 1);
        }
        let groups: Vec<_> = evaluation.applied.iter().map(|applied| &terms(applied).terms.stacking_group).collect();
        for group in ["one", "two"] {
            prop_assert!(groups.iter().filter(|one| **one == group).count() <= 1);
        }
        for applied in &evaluation.applied {
            let budget = &terms(applied).budget_left;
            prop_assert!(budget.values().all(|left| applied.amount.amount() <= left.amount()));
        }
    }
}

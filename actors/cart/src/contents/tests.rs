//! What becomes of contents.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use runtime::entity::testing::moment;

use super::*;

fn eur(cents: i64) -> Option<Money> {
    Money::new(cents, euro()).ok()
}

fn euro() -> Currency {
    Currency::parse("EUR").expect("a currency")
}

fn line(sku: &str, quantity: i64, cents: i64) -> Line {
    Line { sku: sku.into(), quantity, noted: eur(cents), added_at: moment(1) }
}

fn wish(sku: &str, quantity: i64, cents: i64) -> Wish {
    Wish { sku: sku.into(), quantity, price: eur(cents) }
}

fn contents(lines: &[(&str, i64)], saved: &[(&str, i64)], coupons: &[&str]) -> Contents {
    let of = |lines: &[(&str, i64)]| lines.iter().map(|(sku, quantity)| line(sku, *quantity, 100)).collect();
    Contents { lines: of(lines), saved: of(saved), coupons: coupons.iter().map(|code| (*code).into()).collect() }
}

fn shown(contents: &Contents) -> String {
    let line = |line: &Line| {
        let noted = line.noted.map_or("?".to_owned(), |noted| noted.amount().to_string());
        format!("{}x{}@{noted}", line.quantity, line.sku)
    };
    let lines = |lines: &[Line]| lines.iter().map(line).collect::<Vec<_>>().join(" ");
    format!("{} | {} | {}", lines(&contents.lines), lines(&contents.saved), contents.coupons.join(" "))
}

fn check(contents: Contents, expected: Expect) {
    expected.assert_eq(&shown(&contents));
}

#[test]
fn a_list_replaces_and_what_stays_keeps_its_price_and_place() {
    let before = || contents(&[("MUG", 1), ("TEE", 2), ("CAP", 1)], &[], &[]);
    let wishes = || vec![wish("HAT", 1, 90), wish("TEE", 3, 90), wish("MUG", 1, 90)];
    check(before().put(wishes(), moment(5)), expect!["1xMUG@100 3xTEE@90 1xHAT@90 |  | "]);
    check(before().put(vec![], moment(5)), expect![" |  | "]);
}

#[test]
fn units_add_up_at_the_price_of_all_of_them() {
    let before = || contents(&[("MUG", 1)], &[], &[]);
    check(before().add(wish("MUG", 9, 80), moment(5)), expect!["10xMUG@80 |  | "]);
    let nobody_says = Wish { price: None, ..wish("MUG", 1, 0) };
    check(before().add(nobody_says, moment(5)), expect!["2xMUG@? |  | "]);
    check(before().add(wish("TEE", 1, 80), moment(5)), expect!["1xMUG@100 1xTEE@80 |  | "]);
    check(before().remove("MUG"), expect![" |  | "]);
    check(before().remove("TEE"), expect!["1xMUG@100 |  | "]);
}

#[test]
fn a_line_is_put_aside_and_back() {
    let before = || contents(&[("MUG", 1), ("TEE", 2)], &[("MUG", 2), ("CAP", 1)], &[]);
    check(before().save("MUG").expect("there"), expect!["2xTEE@100 | 3xMUG@? 1xCAP@100 | "]);
    check(before().save("TEE").expect("there"), expect!["1xMUG@100 | 2xMUG@100 1xCAP@100 2xTEE@100 | "]);
    assert_eq!(before().save("CAP"), None);
    check(before().restore("CAP").expect("there"), expect!["1xMUG@100 2xTEE@100 1xCAP@100 | 2xMUG@100 | "]);
    check(before().restore("MUG").expect("there"), expect!["3xMUG@? 2xTEE@100 | 1xCAP@100 | "]);
    assert_eq!(before().restore("TEE"), None);
    check(before().forget("CAP"), expect!["1xMUG@100 2xTEE@100 | 2xMUG@100 | "]);
}

#[test]
fn a_price_that_was_seen_is_noted() {
    let before = || contents(&[("MUG", 1)], &[], &[]);
    check(before().accept("MUG", eur(120).expect("money")).expect("there"), expect!["1xMUG@120 |  | "]);
    assert_eq!(before().accept("TEE", eur(120).expect("money")), None);
}

#[test]
fn a_code_is_one_code_however_it_is_written() {
    let before = || contents(&[], &[], &["Spring10"]);
    check(before().with_coupon("SPRING10".into()), expect![" |  | Spring10"]);
    check(before().with_coupon("WINTER".into()), expect![" |  | Spring10 WINTER"]);
    check(before().without_coupon("SPRING10"), expect![" |  | "]);
}

#[test]
fn contents_are_merged_by_policy() {
    let own = || contents(&[("MUG", 1), ("TEE", 5), ("CAP", 1)], &[("HAT", 1)], &["A"]);
    let guest = || contents(&[("PEN", 1), ("TEE", 3), ("MUG", 2)], &[("HAT", 2), ("BAG", 1)], &["a", "B"]);
    let merged = |policy| own().merged(guest(), policy, euro());
    check(merged(Policy::Add), expect!["3xMUG@? 8xTEE@? 1xCAP@100 1xPEN@100 | 2xHAT@100 1xBAG@100 | A B"]);
    check(merged(Policy::KeepLarger), expect!["2xMUG@100 5xTEE@100 1xCAP@100 1xPEN@100 | 2xHAT@100 1xBAG@100 | A B"]);
    check(merged(Policy::Replace), expect!["2xMUG@100 3xTEE@100 1xPEN@100 | 2xHAT@100 1xBAG@100 | A B"]);
    let yen = Currency::parse("JPY").expect("a currency");
    let elsewhere = contents(&[], &[], &[]).merged(guest(), Policy::Add, yen);
    check(elsewhere, expect!["1xPEN@? 3xTEE@? 2xMUG@? | 2xHAT@? 1xBAG@? | a B"]);
}

#[test]
fn every_limit_is_kept() {
    let many =
        |count: usize, quantity| (0..count).map(|number| line(&format!("S{number}"), quantity, 1)).collect::<Vec<_>>();
    let lines = |lines| Contents { lines, ..Contents::default() };
    assert!(lines(many(LINES_MAX, 50)).checked().is_ok());
    assert_eq!(lines(many(LINES_MAX + 1, 1)).checked(), Err(Beyond::Lines));
    assert_eq!(lines(many(LINES_MAX, 51)).checked(), Err(Beyond::Units));
    assert_eq!(lines(vec![line("A", i64::MAX, 1), line("B", i64::MAX, 1)]).checked(), Err(Beyond::Units));
    let saved = Contents { saved: many(SAVED_MAX + 1, 1), ..Contents::default() };
    assert_eq!(saved.checked(), Err(Beyond::Saved));
    let coupons = (0..=COUPONS_MAX).map(|number| format!("C{number}")).collect();
    assert_eq!(Contents { coupons, ..Contents::default() }.checked(), Err(Beyond::Coupons));
}

const SKUS: [&str; 5] = ["A", "B", "C", "D", "E"];

fn some_lines() -> impl Strategy<Value = Vec<Line>> {
    let lines = prop::collection::vec((1_i64..4, prop::option::of(1_i64..3)), SKUS.len());
    (prop::sample::subsequence(SKUS.to_vec(), 0..=SKUS.len()).prop_shuffle(), lines).prop_map(|(skus, lines)| {
        let line = |(sku, (quantity, cents)): (&str, (i64, Option<i64>))| Line {
            sku: sku.into(),
            quantity,
            noted: cents.and_then(eur),
            added_at: moment(1),
        };
        skus.into_iter().zip(lines).map(line).collect()
    })
}

fn some_contents() -> impl Strategy<Value = Contents> {
    let coupons = prop::sample::subsequence(vec!["X".to_owned(), "Y".to_owned(), "Z".to_owned()], 0..=3);
    (some_lines(), some_lines(), coupons.prop_shuffle()).prop_map(|(lines, saved, coupons)| Contents {
        lines,
        saved,
        coupons,
    })
}

#[derive(Debug, Clone)]
enum Deed {
    Put(Vec<Line>),
    Add(&'static str, i64),
    Remove(&'static str),
    Save(&'static str),
    Restore(&'static str),
    Forget(&'static str),
    Merge(Contents, Policy),
}

fn done(deed: Deed, contents: Contents) -> Contents {
    let before = contents.clone();
    let wish_of = |line: Line| Wish { sku: line.sku, quantity: line.quantity, price: line.noted };
    match deed {
        Deed::Put(lines) => contents.put(lines.into_iter().map(wish_of).collect(), moment(9)),
        Deed::Add(sku, more) => contents.add(wish(sku, more, 7), moment(9)),
        Deed::Remove(sku) => contents.remove(sku),
        Deed::Save(sku) => contents.save(sku).unwrap_or(before),
        Deed::Restore(sku) => contents.restore(sku).unwrap_or(before),
        Deed::Forget(sku) => contents.forget(sku),
        Deed::Merge(other, policy) => contents.merged(other, policy, euro()),
    }
}

fn some_deed() -> impl Strategy<Value = Deed> {
    let sku = || prop::sample::select(SKUS.to_vec());
    let policy = prop::sample::select(vec![Policy::Add, Policy::KeepLarger, Policy::Replace]);
    prop_oneof![
        some_lines().prop_map(Deed::Put),
        (sku(), 1_i64..3).prop_map(|(sku, more)| Deed::Add(sku, more)),
        sku().prop_map(Deed::Remove),
        sku().prop_map(Deed::Save),
        sku().prop_map(Deed::Restore),
        sku().prop_map(Deed::Forget),
        (some_contents(), policy).prop_map(|(other, policy)| Deed::Merge(other, policy)),
    ]
}

proptest! {
    /// What is stored is the difference: it must make of the old contents exactly the new ones, in their order, whatever
    /// was done. And a SKU stays one line.
    #[test]
    fn a_change_makes_the_new_contents_of_the_old(before in some_contents(), deed in some_deed()) {
        let after = done(deed, before.clone());
        let mut applied = before.clone();
        Change::between(&before, &after).apply(&mut applied);
        prop_assert_eq!(&applied, &after);
        for lines in [&after.lines, &after.saved] {
            prop_assert!(lines.iter().all(|line| lines.iter().filter(|other| other.sku == line.sku).count() == 1));
        }
        prop_assert_eq!(Change::between(&after, &after), Change::default());
    }
}

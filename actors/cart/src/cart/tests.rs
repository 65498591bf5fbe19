//! What a cart decides: every command in every state.

use expect_test::{Expect, expect};
use runtime::entity::testing::{decide, facts, fold, moment};

use super::*;
use crate::contents::UNITS_MAX;

const HOUR: i64 = 3_600;

fn euro() -> Currency {
    Currency::parse("EUR").expect("a currency")
}

fn details(country: &str) -> Details {
    let country = country.to_owned();
    Details { currency: euro(), country, channel: String::new(), ship_to: None, shipping_option: String::new() }
}

fn patience() -> Patience {
    Patience { idle: SignedDuration::from_hours(1), keep: SignedDuration::from_hours(48) }
}

fn wish(sku: &str, quantity: i64) -> Wish {
    Wish { sku: sku.into(), quantity, price: Money::new(100, euro()).ok() }
}

fn line(sku: &str, quantity: i64) -> Line {
    Line { sku: sku.into(), quantity, noted: Money::new(100, euro()).ok(), added_at: moment(1) }
}

fn happened(what: What) -> Event {
    Event { id: "cart_1".into(), owner: "usr_1".into(), at: moment(1), what }
}

fn created() -> Event {
    happened(What::Created { details: Box::new(details("AT")), lines: vec![line("MUG", 2)], patience: patience() })
}

fn changed(change: Change, merged_from: Option<&str>) -> Event {
    let merged_from = merged_from.map(str::to_owned);
    happened(What::Updated { change: Box::new(change), details: None, merged_from, patience: patience() })
}

fn with_saved() -> [Event; 2] {
    let change = Change { saved: vec![line("CAP", 1)], coupons_added: vec!["SPRING".into()], ..Change::default() };
    [created(), changed(change, Some("cart_0"))]
}

fn then(last: What) -> [Event; 3] {
    let [first, second] = with_saved();
    [first, second, happened(last)]
}

fn merged() -> What {
    What::Merged { into: "cart_2".into(), into_owner: "usr_2".into(), policy: Policy::Add }
}

fn hand_over(into: &str) -> Command {
    Command::HandOver { into: into.into(), into_owner: "usr_2".into(), policy: Policy::Add }
}

fn take_over(from: &str, lines: Vec<Line>) -> Command {
    let contents = Contents { lines, ..Contents::default() };
    Command::TakeOver { from: from.into(), contents, policy: Policy::Add }
}

fn create() -> Command {
    let (id, owner) = ("cart_1".into(), "usr_1".into());
    Command::Create { id, owner, details: details("AT"), wishes: vec![wish("MUG", 2)], patience: patience() }
}

fn said(decided: Result<Vec<Event>, Refusal>) -> String {
    match decided {
        Err(refusal) => format!("refused: {refusal}"),
        Ok(events) if events.is_empty() => "already so".to_owned(),
        Ok(events) => events.iter().map(|event| name(&event.what)).collect::<Vec<_>>().join(", "),
    }
}

fn name(what: &What) -> String {
    let lines = |lines: &[Line]| {
        lines.iter().map(|line| format!("{}x{}", line.quantity, line.sku)).collect::<Vec<_>>().join(" ")
    };
    match what {
        What::Created { lines: put, .. } => format!("created with {}", lines(put)),
        What::Updated { change, details, merged_from, .. } => {
            let Change { put, removed, saved, unsaved, coupons_added, coupons_removed } = &**change;
            let mut parts = vec!["updated".to_owned()];
            parts.extend((!put.is_empty()).then(|| format!("put {}", lines(put))));
            parts.extend((!removed.is_empty()).then(|| format!("removed {}", removed.join(" "))));
            parts.extend((!saved.is_empty()).then(|| format!("saved {}", lines(saved))));
            parts.extend((!unsaved.is_empty()).then(|| format!("unsaved {}", unsaved.join(" "))));
            parts.extend((!coupons_added.is_empty()).then(|| format!("coupons +{}", coupons_added.join(" "))));
            parts.extend((!coupons_removed.is_empty()).then(|| format!("coupons -{}", coupons_removed.join(" "))));
            parts.extend(details.as_ref().map(|details| format!("goes to {}", details.country)));
            parts.extend(merged_from.as_ref().map(|from| format!("took over {from}")));
            parts.join(" ")
        }
        What::Abandoned(left) => format!("abandoned with {}", lines(left)),
        What::Ordered(order) => format!("became {order}"),
        What::Merged { into, policy, .. } => format!("went into {into} by {policy:?}"),
        What::Reopened { reason, .. } => format!("reopened: {reason}"),
        What::Deleted { expired } => format!("deleted, expired: {expired}"),
    }
}

fn check(given: &[Event], when: Command, expected: Expect) {
    expected.assert_eq(&said(decide::<Cart>(given, when)));
}

/// At so many seconds after midnight of the day on which the cart was taken.
fn check_at(given: &[Event], when: Command, seconds: i64, expected: Expect) {
    expected.assert_eq(&said(fold::<Cart>(given).decide(when, &facts(moment(seconds)))));
}

/// Every command there is.
fn all() -> Vec<Command> {
    let price = Money::new(90, euro()).expect("money");
    vec![
        create(),
        Command::Update(details("DE")),
        Command::Put(vec![wish("TEE", 1)]),
        Command::Add(wish("TEE", 1)),
        Command::Remove("MUG".into()),
        Command::Accept(vec![("MUG".into(), price)]),
        Command::Save("MUG".into()),
        Command::Restore("CAP".into()),
        Command::Forget("CAP".into()),
        Command::AddCoupon("WINTER".into()),
        Command::RemoveCoupon("SPRING".into()),
        Command::Delete,
        Command::Complete("ord_1".into()),
        hand_over("cart_2"),
        take_over("cart_0", vec![line("TEE", 1)]),
        take_over("cart_3", vec![line("TEE", 1)]),
        Command::HandedOver(None),
        Command::HandedOver(Some("too_many_units".into())),
        Command::Abandon,
        Command::Expire,
    ]
}

fn check_all(given: &[Event], expected: Expect) {
    let lines: Vec<String> = all().into_iter().map(|command| said(decide::<Cart>(given, command))).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn what_never_was_can_only_be_created() {
    check_all(
        &[],
        expect![[r#"
        created with 2xMUG
        refused: there is no such cart
        refused: there is no such cart
        refused: there is no such cart
        refused: there is no such cart
        refused: there is no such cart
        refused: there is no such cart
        refused: there is no such cart
        refused: there is no such cart
        refused: there is no such cart
        refused: there is no such cart
        refused: there is no such cart
        refused: there is no such cart
        refused: there is no such cart
        refused: there is no such cart
        refused: there is no such cart
        already so
        already so
        already so
        already so"#]],
    );
}

#[test]
fn an_open_cart_does_as_it_is_told() {
    check_all(
        &with_saved(),
        expect![[r#"
        refused: there is already a cart with this id
        updated goes to DE
        updated put 1xTEE removed MUG
        updated put 1xTEE
        updated removed MUG
        updated put 2xMUG
        updated removed MUG saved 2xMUG
        updated put 1xCAP unsaved CAP
        updated unsaved CAP
        updated coupons +WINTER
        updated coupons -SPRING
        deleted, expired: false
        became ord_1
        went into cart_2 by Add
        already so
        updated put 1xTEE took over cart_3
        already so
        already so
        already so
        already so"#]],
    );
}

#[test]
fn an_abandoned_cart_is_as_open_as_any() {
    let change = Change { put: vec![line("MUG", 3)], ..Change::default() };
    let again = [created(), happened(What::Abandoned(vec![line("MUG", 2)])), changed(change, None)];
    assert_eq!(fold::<Cart>(&again[..2]).stage, Stage::Abandoned);
    assert_eq!(fold::<Cart>(&again).stage, Stage::Active);
    check_all(
        &then(What::Abandoned(vec![line("MUG", 2)])),
        expect![[r#"
        refused: there is already a cart with this id
        updated goes to DE
        updated put 1xTEE removed MUG
        updated put 1xTEE
        updated removed MUG
        updated put 2xMUG
        updated removed MUG saved 2xMUG
        updated put 1xCAP unsaved CAP
        updated unsaved CAP
        updated coupons +WINTER
        updated coupons -SPRING
        deleted, expired: false
        became ord_1
        went into cart_2 by Add
        already so
        updated put 1xTEE took over cart_3
        already so
        already so
        already so
        already so"#]],
    );
}

#[test]
fn an_ordered_cart_no_longer_changes() {
    check_all(
        &then(What::Ordered("ord_1".into())),
        expect![[r#"
        refused: there is already a cart with this id
        refused: the cart is ordered and no longer changes
        refused: the cart is ordered and no longer changes
        refused: the cart is ordered and no longer changes
        refused: the cart is ordered and no longer changes
        refused: the cart is ordered and no longer changes
        refused: the cart is ordered and no longer changes
        refused: the cart is ordered and no longer changes
        refused: the cart is ordered and no longer changes
        refused: the cart is ordered and no longer changes
        refused: the cart is ordered and no longer changes
        refused: the cart is ordered and no longer changes
        already so
        refused: the cart is ordered and no longer changes
        already so
        refused: the cart is ordered and no longer changes
        already so
        already so
        already so
        already so"#]],
    );
    let ordered = then(What::Ordered("ord_1".into()));
    check(&ordered, Command::Complete("ord_2".into()), expect!["refused: the cart became another order"]);
}

#[test]
fn a_merged_cart_waits_to_be_taken_over() {
    check_all(
        &then(merged()),
        expect![[r#"
        refused: there is already a cart with this id
        refused: the cart is merged and no longer changes
        refused: the cart is merged and no longer changes
        refused: the cart is merged and no longer changes
        refused: the cart is merged and no longer changes
        refused: the cart is merged and no longer changes
        refused: the cart is merged and no longer changes
        refused: the cart is merged and no longer changes
        refused: the cart is merged and no longer changes
        refused: the cart is merged and no longer changes
        refused: the cart is merged and no longer changes
        refused: the cart is merged and no longer changes
        refused: the cart is merged and no longer changes
        already so
        already so
        refused: the cart is merged and no longer changes
        already so
        reopened: too_many_units
        already so
        already so"#]],
    );
    check(&then(merged()), hand_over("cart_9"), expect!["refused: the cart is merged and no longer changes"]);
}

#[test]
fn a_deleted_cart_is_as_good_as_none() {
    check_all(
        &then(What::Deleted { expired: true }),
        expect![[r#"
            refused: there is already a cart with this id
            refused: there is no such cart
            refused: there is no such cart
            refused: there is no such cart
            refused: there is no such cart
            refused: there is no such cart
            refused: there is no such cart
            refused: there is no such cart
            refused: there is no such cart
            refused: there is no such cart
            refused: there is no such cart
            already so
            refused: there is no such cart
            refused: there is no such cart
            already so
            refused: there is no such cart
            already so
            already so
            already so
            already so"#]],
    );
    let gone: Cart = fold(&then(What::Deleted { expired: true }));
    assert_eq!(gone.contents, Contents::default());
}

#[test]
fn nothing_happens_where_nothing_would_change() {
    let given = with_saved();
    check(&given, Command::Update(details("AT")), expect!["already so"]);
    check(&given, Command::Put(vec![wish("MUG", 2)]), expect!["already so"]);
    check(&given, Command::Remove("TEE".into()), expect!["already so"]);
    check(&given, Command::Forget("TEE".into()), expect!["already so"]);
    check(&given, Command::AddCoupon("spring".into()), expect!["already so"]);
    check(&given, Command::RemoveCoupon("WINTER".into()), expect!["already so"]);
    let price = Money::new(100, euro()).expect("money");
    check(&given, Command::Accept(vec![("MUG".into(), price)]), expect!["already so"]);
    check(
        &given,
        Command::Accept(vec![("TEE".into(), price)]),
        expect!["refused: there is no line with the SKU TEE in the cart"],
    );
    check(&given, Command::Save("TEE".into()), expect!["refused: there is no line with the SKU TEE in the cart"]);
    check(&given, Command::Restore("TEE".into()), expect!["refused: there is no line with the SKU TEE put aside"]);
    check(&given, hand_over("cart_1"), expect!["refused: a cart is not merged with itself"]);
    check(&given, take_over("cart_1", vec![]), expect!["refused: a cart is not merged with itself"]);
    // An empty cart that was taken over is remembered too, so that its word is heard once.
    check(&given, take_over("cart_3", vec![]), expect!["updated took over cart_3"]);
}

#[test]
fn limits_are_refused() {
    check(
        &[created()],
        Command::Add(wish("TEE", UNITS_MAX - 1)),
        expect!["refused: a cart holds 10000 units and no more"],
    );
    check(
        &[created()],
        take_over("cart_3", vec![line("TEE", UNITS_MAX)]),
        expect!["refused: a cart holds 10000 units and no more"],
    );
    let Command::Create { id, owner, details, patience, .. } = create() else { panic!("it is one") };
    let much = Command::Create { id, owner, details, wishes: vec![wish("TEE", UNITS_MAX + 1)], patience };
    check(&[], much, expect!["refused: a cart holds 10000 units and no more"]);
}

#[test]
fn timers_ring_when_the_time_has_come_and_not_before() {
    let given = with_saved();
    check_at(&given, Command::Abandon, HOUR, expect!["already so"]);
    check_at(&given, Command::Abandon, HOUR + 1, expect!["abandoned with 2xMUG"]);
    check_at(&given, Command::Expire, 48 * HOUR, expect!["already so"]);
    check_at(&given, Command::Expire, 48 * HOUR + 1, expect!["deleted, expired: true"]);
    let abandoned = then(What::Abandoned(vec![line("MUG", 2)]));
    check_at(&abandoned, Command::Abandon, HOUR + 1, expect!["already so"]);
    check_at(&abandoned, Command::Expire, 48 * HOUR + 1, expect!["deleted, expired: true"]);
    let empty = Change { removed: vec!["MUG".into()], ..Change::default() };
    check_at(&[created(), changed(empty, None)], Command::Abandon, HOUR + 1, expect!["already so"]);
}

#[test]
fn a_cart_that_was_not_taken_over_is_as_it_was() {
    let given = then(merged());
    let reopened = What::Reopened { reason: "too_many_units".into(), patience: patience() };
    let again: Cart = fold(&[&given[..], &[happened(reopened)]].concat());
    assert_eq!(again.stage, Stage::Active);
    assert_eq!(again.contents, fold::<Cart>(&with_saved()).contents);
}

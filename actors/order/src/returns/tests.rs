//! Returns: every command in every state.

use expect_test::{Expect, expect};
use runtime::entity::testing::{decide, fold, moment};

use super::*;
use crate::wire::Currency;

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::parse("EUR").expect("a currency")).expect("an amount")
}

fn mugs(count: i64) -> Units {
    Units::from([("MUG".to_owned(), count)])
}

fn event(what: What) -> Event {
    Event { return_id: "ret_1".into(), order_id: "ord_1".into(), at: moment(1), what }
}

fn requested() -> Event {
    let (user_id, units, reason) = ("usr_1".into(), mugs(2), Reason::DoesNotFit);
    event(What::Requested { user_id, units, reason, note: String::new(), amendment_id: String::new() })
}

fn approved() -> Event {
    event(What::Approved { user_id: "usr_1".into() })
}

fn rejected() -> Event {
    event(What::Rejected { user_id: "usr_1".into(), reason: "worn".into() })
}

fn received() -> Event {
    event(What::Received {
        user_id: "usr_1".into(),
        units: mugs(2),
        warehouse_id: "wh_1".into(),
        restock: true,
        amount: eur(2_000),
        payment_id: "pay_1".into(),
        refund_id: "rfd_1".into(),
        shares: vec![],
    })
}

fn refunded() -> Event {
    event(What::Refunded { user_id: "usr_1".into(), refund_id: "rfd_1".into(), amount: eur(2_000) })
}

fn restocked() -> Event {
    event(What::Restocked { sku: "MUG".into(), count: 2 })
}

fn stuck() -> Event {
    let (step, of, reason) = (Step::RefundPayment, "rfd_1".into(), "refund_failed".into());
    event(What::Stuck { step, of, reason, detail: String::new() })
}

fn receive(amount: i64) -> Command {
    let is_free = amount == 0;
    Command::Receive {
        units: mugs(2),
        warehouse_id: "wh_1".into(),
        restock: true,
        amount: eur(amount),
        payment_id: if is_free { String::new() } else { "pay_1".into() },
        refund_id: if is_free { String::new() } else { "rfd_1".into() },
        shares: vec![],
    }
}

fn no() -> Trouble {
    Trouble::of(crate::wire::Problem::conflict("no_way", "no"))
}

fn everything() -> Vec<(&'static str, Command)> {
    let slip = Slip {
        return_id: "ret_1".into(),
        order_id: "ord_1".into(),
        user_id: "usr_1".into(),
        units: mugs(2),
        reason: Reason::Other,
        note: String::new(),
        amendment_id: String::new(),
        created_at: moment(1),
        updated_at: moment(1),
    };
    vec![
        ("request", Command::Request(Box::new(slip))),
        ("approve", Command::Approve),
        ("reject", Command::Reject("worn".into())),
        ("receive", receive(2_000)),
        ("receive what cost nothing", receive(0)),
        ("restocked", Command::Restocked("MUG".into(), None)),
        ("not restocked", Command::Restocked("MUG".into(), Some(no()))),
        ("restocked something else", Command::Restocked("TEE".into(), None)),
        ("refund accepted", Command::RefundAsked(None)),
        ("refund refused", Command::RefundAsked(Some(no()))),
        ("refunded", Command::Refunded),
        ("refund failed", Command::RefundFailed("account_closed".into())),
        ("retry", Command::Retry),
    ]
}

fn word(event: &Event) -> String {
    match &event.what {
        What::Requested { .. } => "requested".into(),
        What::Approved { .. } => "approved".into(),
        What::Rejected { .. } => "rejected".into(),
        What::Received { amount, .. } => format!("received {amount}"),
        What::Restocked { sku, count } => format!("restocked {count} {sku}"),
        What::Refunded { amount, .. } => format!("refunded {amount}"),
        What::Stuck { step, reason, .. } => format!("STUCK {step:?}: {reason}"),
        What::Retried { tries } => format!("retried {tries}"),
    }
}

fn check(given: &[Event], expected: Expect) {
    let mut text = format!("owes {:?}\n", fold::<Return>(given).owed());
    for (name, command) in everything() {
        let said = match decide::<Return>(given, command) {
            Err(refusal) => format!("refused: {refusal}"),
            Ok(events) if events.is_empty() => "already so".to_owned(),
            Ok(events) => events.iter().map(word).collect::<Vec<_>>().join(", "),
        };
        text += &format!("{name}: {said}\n");
    }
    expected.assert_eq(&text);
}

#[test]
fn a_return_that_is_not() {
    check(
        &[],
        expect![[r#"
        owes []
        request: requested
        approve: refused: there is no such return of this order
        reject: refused: there is no such return of this order
        receive: refused: there is no such return of this order
        receive what cost nothing: refused: there is no such return of this order
        restocked: refused: there is no such return of this order
        not restocked: refused: there is no such return of this order
        restocked something else: refused: there is no such return of this order
        refund accepted: refused: there is no such return of this order
        refund refused: refused: there is no such return of this order
        refunded: refused: there is no such return of this order
        refund failed: refused: there is no such return of this order
        retry: refused: there is no such return of this order
    "#]],
    );
}

#[test]
fn a_return_that_was_asked_for() {
    check(
        &[requested()],
        expect![[r#"
        owes []
        request: refused: there is already a return with this id
        approve: approved
        reject: rejected
        receive: refused: nobody has approved the return yet
        receive what cost nothing: refused: nobody has approved the return yet
        restocked: already so
        not restocked: already so
        restocked something else: already so
        refund accepted: already so
        refund refused: already so
        refunded: already so
        refund failed: already so
        retry: refused: the return is not stuck with anything
    "#]],
    );
}

#[test]
fn a_return_whose_goods_are_waited_for() {
    check(
        &[requested(), approved()],
        expect![[r#"
        owes []
        request: refused: there is already a return with this id
        approve: already so
        reject: rejected
        receive: received 20.00 EUR
        receive what cost nothing: received 0.00 EUR, refunded 0.00 EUR
        restocked: already so
        not restocked: already so
        restocked something else: already so
        refund accepted: already so
        refund refused: already so
        refunded: already so
        refund failed: already so
        retry: refused: the return is not stuck with anything
    "#]],
    );
}

#[test]
fn a_return_that_was_turned_down() {
    check(
        &[requested(), rejected()],
        expect![[r#"
        owes []
        request: refused: there is already a return with this id
        approve: refused: the return is decided already
        reject: already so
        receive: refused: the return is decided already
        receive what cost nothing: refused: the return is decided already
        restocked: already so
        not restocked: already so
        restocked something else: already so
        refund accepted: already so
        refund refused: already so
        refunded: already so
        refund failed: already so
        retry: refused: the return is not stuck with anything
    "#]],
    );
}

#[test]
fn a_return_whose_goods_are_here() {
    check(
        &[requested(), approved(), received()],
        expect![[r#"
            owes [Restock { key: "restock/MUG/0", sku: "MUG", count: 2 }, Refund { key: "refund/0", share: Share { payment_id: "pay_1", refund_id: "rfd_1", amount: Money { amount: 2000, currency: EUR } } }]
            request: refused: there is already a return with this id
            approve: refused: the return is decided already
            reject: refused: the return is decided already
            receive: refused: the return is decided already
            receive what cost nothing: refused: the return is decided already
            restocked: restocked 2 MUG
            not restocked: STUCK RestockItems: no_way
            restocked something else: already so
            refund accepted: already so
            refund refused: STUCK RefundPayment: no_way
            refunded: refunded 20.00 EUR
            refund failed: STUCK RefundPayment: refund_failed
            retry: refused: the return is not stuck with anything
        "#]],
    );
}

#[test]
fn a_return_that_is_stuck() {
    check(
        &[requested(), approved(), received(), stuck()],
        expect![[r#"
            owes [Restock { key: "restock/MUG/0", sku: "MUG", count: 2 }, Refund { key: "refund/0", share: Share { payment_id: "pay_1", refund_id: "rfd_1", amount: Money { amount: 2000, currency: EUR } } }]
            request: refused: there is already a return with this id
            approve: refused: the return is decided already
            reject: refused: the return is decided already
            receive: refused: the return is decided already
            receive what cost nothing: refused: the return is decided already
            restocked: restocked 2 MUG
            not restocked: STUCK RestockItems: no_way
            restocked something else: already so
            refund accepted: already so
            refund refused: STUCK RefundPayment: no_way
            refunded: refunded 20.00 EUR
            refund failed: STUCK RefundPayment: refund_failed
            retry: retried 1
        "#]],
    );
}

#[test]
fn a_return_whose_money_is_back_and_whose_shelf_follows() {
    check(
        &[requested(), approved(), received(), refunded()],
        expect![[r#"
        owes [Restock { key: "restock/MUG/0", sku: "MUG", count: 2 }]
        request: refused: there is already a return with this id
        approve: refused: the return is decided already
        reject: refused: the return is decided already
        receive: refused: the return is decided already
        receive what cost nothing: refused: the return is decided already
        restocked: restocked 2 MUG
        not restocked: STUCK RestockItems: no_way
        restocked something else: already so
        refund accepted: already so
        refund refused: already so
        refunded: already so
        refund failed: already so
        retry: refused: the return is not stuck with anything
    "#]],
    );
}

#[test]
fn a_return_that_is_done() {
    check(
        &[requested(), approved(), received(), restocked(), refunded()],
        expect![[r#"
        owes []
        request: refused: there is already a return with this id
        approve: refused: the return is decided already
        reject: refused: the return is decided already
        receive: refused: the return is decided already
        receive what cost nothing: refused: the return is decided already
        restocked: already so
        not restocked: already so
        restocked something else: already so
        refund accepted: already so
        refund refused: already so
        refunded: already so
        refund failed: already so
        retry: refused: the return is not stuck with anything
    "#]],
    );
}

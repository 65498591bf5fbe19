//! Amendments: every command in every state, and what they owe.

use expect_test::{Expect, expect};
use runtime::entity::Facts;
use runtime::entity::testing::{facts, moment};

use super::*;
use crate::wire::{Currency, Problem};

const RSV: &str = "rsv_1";

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::parse("EUR").expect("a currency")).expect("an amount")
}

fn terms(kind: Kind, added: i64, worth: i64) -> Terms {
    Terms {
        amendment_id: "amd_1".into(),
        order_id: "ord_1".into(),
        user_id: "usr_1".into(),
        kind,
        return_id: if kind == Kind::Exchange { "ret_1".into() } else { String::new() },
        lines: vec![],
        parts: vec![Allotment {
            warehouse_id: "wh_1".into(),
            reservation_id: RSV.into(),
            lines: Units::from([("CAP".to_owned(), 1)]),
        }],
        removed: Units::from([("TEE".to_owned(), 1)]),
        subtotal: eur(added),
        discount_total: eur(0),
        tax_total: eur(0),
        added: eur(added),
        worth: eur(worth),
        payment_id: if added > worth { "pay_2".into() } else { String::new() },
        method: Method::default(),
        expires_at: moment(900),
    }
}

fn no(code: &str) -> Trouble {
    Trouble::of(Problem::conflict(code, "no"))
}

/// An amendment that is told things.
#[derive(Clone, Default)]
struct Told {
    amendment: Amendment,
    open: Vec<String>,
    clock: i64,
}

impl Told {
    fn asked(kind: Kind, added: i64, worth: i64) -> Told {
        let mut told = Told::default();
        told.tell(Command::Request(Box::new(terms(kind, added, worth)))).expect("a new one");
        told
    }

    fn tell(&mut self, command: Command) -> Result<String, Refusal> {
        let facts = Facts { open_calls: self.open.clone(), ..facts(moment(self.clock)) };
        let events = self.amendment.decide(command, &facts)?;
        events.iter().for_each(|event| self.amendment.evolve(event));
        let said: Vec<String> = events.iter().map(word).collect();
        Ok(if said.is_empty() { "already so".to_owned() } else { said.join(", ") })
    }

    fn answer(&mut self, call: Call, answer: Answer) -> String {
        self.tell(Command::Answered(call, answer)).expect("an answer cannot be refused")
    }

    fn state(&self) -> &Asked {
        self.amendment.asked().expect("an amendment")
    }

    fn owes(&self) -> String {
        let word = |owed: Owed| match owed {
            Owed::Expire(_) => "expire".to_owned(),
            Owed::Ask { key, .. } => key,
        };
        let owed = self.amendment.asked().map(Asked::owed).unwrap_or_default();
        owed.into_iter().map(word).collect::<Vec<_>>().join(", ")
    }

    /// Its stock is held.
    fn held(kind: Kind, added: i64, worth: i64) -> Told {
        let mut told = Told::asked(kind, added, worth);
        told.answer(Call::Reserve(RSV.into()), Answer::Done);
        told.answer(Call::Secure(RSV.into()), Answer::Done);
        told
    }

    /// Its difference was asked for.
    fn charging(kind: Kind) -> Told {
        let mut told = Told::held(kind, 2_500, 1_000);
        told.answer(Call::Charge, Answer::Payment(PaymentNews::Pending));
        told
    }

    /// And paid.
    fn paid(kind: Kind) -> Told {
        let mut told = Told::charging(kind);
        told.tell(Command::Payment(PaymentNews::Captured(eur(1_500)))).expect("news");
        told
    }
}

fn word(event: &Event) -> String {
    match &event.what {
        What::Requested(_) => "requested".into(),
        What::StepDone { step, .. } => format!("{step:?} done"),
        What::StepFailed { step, problem, .. } => format!("{step:?} failed: {}", problem.code()),
        What::StepUndone { step, by, .. } => format!("{step:?} undone by {by:?}"),
        What::PaymentRequested { amount, .. } => format!("asked for {amount}"),
        What::ActionRequired { action, .. } => format!("action required: {}", action.kind),
        What::Paid { amount, .. } => format!("paid {amount}"),
        What::Refunded { amount, .. } => format!("refunded {amount}"),
        What::Ready { kind } => format!("ready: {}", kind.word()),
        What::Applied => "applied".into(),
        What::CancelBegan { reason, awaits, .. } => format!("cancel began: {reason}, awaits {}", awaits.len()),
        What::Cancelled { reason } => format!("cancelled: {reason}"),
        What::Stuck { step, reason, .. } => format!("STUCK {step:?}: {reason}"),
        What::Retried { tries } => format!("retried {tries}"),
    }
}

fn everything() -> Vec<(&'static str, Command)> {
    let answered = |call: Call, answer| Command::Answered(call, answer);
    let rsv = || RSV.to_owned();
    let refused = |code: &str| Answer::Refused(no(code));
    let action = Action { kind: "redirect".into(), url: "https://bank.example/3ds".into() };
    let back = |amount| RefundNews::Processed { refund_id: "rfd_1".into(), amount: eur(amount) };
    let failed = RefundNews::Failed { refund_id: "rfd_1".into(), reason: "account_closed".into() };
    let declined = Trouble::payment_declined("ord_1", "payment_declined", "do_not_honor", "");
    vec![
        ("request", Command::Request(Box::new(terms(Kind::Edit, 2_500, 1_000)))),
        ("reserved", answered(Call::Reserve(rsv()), Answer::Done)),
        ("not reserved", answered(Call::Reserve(rsv()), refused("out_of_stock"))),
        ("secured", answered(Call::Secure(rsv()), Answer::Done)),
        ("not secured", answered(Call::Secure(rsv()), refused("reservation_expired"))),
        ("charge accepted", answered(Call::Charge, Answer::Payment(PaymentNews::Pending))),
        ("charge refused", answered(Call::Charge, refused("provider_refused"))),
        ("settled", answered(Call::Settle, Answer::Done)),
        ("not settled", answered(Call::Settle, refused("order_not_editable"))),
        ("given up", answered(Call::CancelPayment, Answer::Payment(PaymentNews::Voided))),
        ("giving up accepted", answered(Call::CancelPayment, Answer::Payment(PaymentNews::Pending))),
        ("giving up refused", answered(Call::CancelPayment, refused("no_way"))),
        ("released", answered(Call::Release(rsv()), Answer::Done)),
        ("nothing to release", answered(Call::Release(rsv()), refused("not_found"))),
        ("not released", answered(Call::Release(rsv()), refused("no_way"))),
        ("news: action", Command::Payment(PaymentNews::ActionRequired(action))),
        ("news: authorized", Command::Payment(PaymentNews::Authorized(eur(1_500)))),
        ("news: in review", Command::Payment(PaymentNews::InReview)),
        ("news: captured", Command::Payment(PaymentNews::Captured(eur(1_500)))),
        ("news: captured less", Command::Payment(PaymentNews::Captured(eur(1_000)))),
        ("news: declined", Command::Payment(PaymentNews::Declined(declined.clone()))),
        ("news: capture failed", Command::Payment(PaymentNews::CaptureFailed(declined))),
        ("news: voided", Command::Payment(PaymentNews::Voided)),
        ("news: refunded", Command::Refund(back(1_500))),
        ("news: some refunded", Command::Refund(back(500))),
        ("news: refund failed", Command::Refund(failed)),
        ("cancel", Command::Cancel("customer_request")),
        ("expire", Command::Expire),
        ("apply", Command::Apply),
        ("close", Command::Close),
        ("retry", Command::Retry),
    ]
}

/// What everything makes of a state, by what it makes of it.
fn check(told: &Told, expected: Expect) {
    let mut by_outcome: Vec<(String, Vec<&'static str>)> = Vec::new();
    for (name, command) in everything() {
        let mut told = told.clone();
        told.clock = 901;
        let said = told.tell(command);
        let outcome = match said {
            Ok(said) if said == "already so" => said,
            Ok(said) => format!("{said}; owes [{}]", told.owes()),
            Err(refusal) => format!("refused: {refusal}"),
        };
        match by_outcome.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, names)) => names.push(name),
            None => by_outcome.push((outcome, vec![name])),
        }
    }
    let standing = told.amendment.asked().map(|asked| format!("{:?}", asked.standing()));
    let mut text = format!("{}, owes [{}]\n", standing.unwrap_or_default(), told.owes());
    for (outcome, names) in by_outcome {
        text += &format!("{outcome}\n    ← {}\n", names.join(" | "));
    }
    expected.assert_eq(&text);
}

#[test]
fn one_that_is_not() {
    check(
        &Told::default(),
        expect![[r#"
        , owes []
        requested; owes [reserve/rsv_1, expire]
            ← request
        refused: there is no such exchange or edit of this order
            ← reserved | not reserved | secured | not secured | charge accepted | charge refused | settled | not settled | given up | giving up accepted | giving up refused | released | nothing to release | not released | news: action | news: authorized | news: in review | news: captured | news: captured less | news: declined | news: capture failed | news: voided | news: refunded | news: some refunded | news: refund failed | cancel | expire | apply | close | retry
    "#]],
    );
}

#[test]
fn asked_for() {
    check(
        &Told::asked(Kind::Edit, 2_500, 1_000),
        expect![[r#"
        Pending, owes [reserve/rsv_1, expire]
        refused: there is already an exchange or an edit with this id
            ← request
        ReserveItems done; owes [secure/rsv_1, expire]
            ← reserved
        ReserveItems failed: out_of_stock, cancel began: out_of_stock, awaits 0; owes [close/0]
            ← not reserved
        already so
            ← secured | not secured | charge accepted | charge refused | settled | not settled | given up | giving up accepted | giving up refused | released | nothing to release | not released | news: authorized | news: in review | news: refund failed
        action required: redirect; owes [reserve/rsv_1, expire]
            ← news: action
        paid 15.00 EUR; owes [reserve/rsv_1]
            ← news: captured
        paid 10.00 EUR, cancel began: payment_failed, awaits 0; owes [cancel_payment/0]
            ← news: captured less
        ProcessPayment failed: payment_declined, cancel began: payment_declined, awaits 0; owes [close/0]
            ← news: declined
        asked for 15.00 EUR, cancel began: payment_declined, awaits 0; owes [cancel_payment/0]
            ← news: capture failed
        ProcessPayment failed: payment_failed, cancel began: payment_failed, awaits 0; owes [close/0]
            ← news: voided
        refunded 15.00 EUR; owes [reserve/rsv_1, expire]
            ← news: refunded
        refunded 5.00 EUR; owes [reserve/rsv_1, expire]
            ← news: some refunded
        cancel began: customer_request, awaits 0; owes [close/0]
            ← cancel
        cancel began: payment_expired, awaits 0; owes [close/0]
            ← expire
        refused: its goods are not held, or not paid
            ← apply | close
        refused: it is not stuck with anything
            ← retry
    "#]],
    );
}

#[test]
fn its_stock_is_held_for_a_while() {
    let mut told = Told::asked(Kind::Edit, 2_500, 1_000);
    told.answer(Call::Reserve(RSV.into()), Answer::Done);
    check(
        &told,
        expect![[r#"
        Pending, owes [secure/rsv_1, expire]
        refused: there is already an exchange or an edit with this id
            ← request
        already so
            ← reserved | not reserved | charge accepted | charge refused | settled | not settled | given up | giving up accepted | giving up refused | released | nothing to release | not released | news: authorized | news: in review | news: refund failed
        ConfirmItems done; owes [charge, expire]
            ← secured
        ConfirmItems failed: out_of_stock, cancel began: out_of_stock, awaits 0; owes [close/0]
            ← not secured
        action required: redirect; owes [secure/rsv_1, expire]
            ← news: action
        paid 15.00 EUR; owes [secure/rsv_1]
            ← news: captured
        paid 10.00 EUR, cancel began: payment_failed, awaits 0; owes [cancel_payment/0]
            ← news: captured less
        ProcessPayment failed: payment_declined, cancel began: payment_declined, awaits 0; owes [release/rsv_1/0]
            ← news: declined
        asked for 15.00 EUR, cancel began: payment_declined, awaits 0; owes [cancel_payment/0]
            ← news: capture failed
        ProcessPayment failed: payment_failed, cancel began: payment_failed, awaits 0; owes [release/rsv_1/0]
            ← news: voided
        refunded 15.00 EUR; owes [secure/rsv_1, expire]
            ← news: refunded
        refunded 5.00 EUR; owes [secure/rsv_1, expire]
            ← news: some refunded
        cancel began: customer_request, awaits 0; owes [release/rsv_1/0]
            ← cancel
        cancel began: payment_expired, awaits 0; owes [release/rsv_1/0]
            ← expire
        refused: its goods are not held, or not paid
            ← apply | close
        refused: it is not stuck with anything
            ← retry
    "#]],
    );
}

#[test]
fn its_stock_is_held_for_good() {
    check(
        &Told::held(Kind::Edit, 2_500, 1_000),
        expect![[r#"
        Pending, owes [charge, expire]
        refused: there is already an exchange or an edit with this id
            ← request
        already so
            ← reserved | not reserved | secured | not secured | settled | not settled | given up | giving up accepted | giving up refused | released | nothing to release | not released | news: authorized | news: in review | news: refund failed
        asked for 15.00 EUR; owes [expire]
            ← charge accepted
        ProcessPayment failed: payment_failed, cancel began: payment_failed, awaits 0; owes [release/rsv_1/0]
            ← charge refused | news: voided
        action required: redirect; owes [expire]
            ← news: action
        paid 15.00 EUR, ready: edit; owes [apply/0]
            ← news: captured
        paid 10.00 EUR, cancel began: payment_failed, awaits 0; owes [cancel_payment/0]
            ← news: captured less
        ProcessPayment failed: payment_declined, cancel began: payment_declined, awaits 0; owes [release/rsv_1/0]
            ← news: declined
        asked for 15.00 EUR, cancel began: payment_declined, awaits 0; owes [cancel_payment/0]
            ← news: capture failed
        refunded 15.00 EUR; owes [charge, expire]
            ← news: refunded
        refunded 5.00 EUR; owes [charge, expire]
            ← news: some refunded
        cancel began: customer_request, awaits 0; owes [release/rsv_1/0]
            ← cancel
        cancel began: payment_expired, awaits 0; owes [release/rsv_1/0]
            ← expire
        refused: its goods are not held, or not paid
            ← apply | close
        refused: it is not stuck with anything
            ← retry
    "#]],
    );
}

#[test]
fn its_difference_was_asked_for() {
    check(
        &Told::charging(Kind::Edit),
        expect![[r#"
        Pending, owes [expire]
        refused: there is already an exchange or an edit with this id
            ← request
        already so
            ← reserved | not reserved | secured | not secured | charge accepted | charge refused | settled | not settled | given up | giving up accepted | giving up refused | released | nothing to release | not released | news: authorized | news: in review | news: refund failed
        action required: redirect; owes [expire]
            ← news: action
        paid 15.00 EUR, ready: edit; owes [apply/0]
            ← news: captured
        paid 10.00 EUR, cancel began: payment_failed, awaits 0; owes [cancel_payment/0]
            ← news: captured less
        ProcessPayment failed: payment_declined, cancel began: payment_declined, awaits 0; owes [release/rsv_1/0]
            ← news: declined
        cancel began: payment_declined, awaits 0; owes [cancel_payment/0]
            ← news: capture failed
        ProcessPayment failed: payment_failed, cancel began: payment_failed, awaits 0; owes [release/rsv_1/0]
            ← news: voided
        refunded 15.00 EUR; owes [expire]
            ← news: refunded
        refunded 5.00 EUR; owes [expire]
            ← news: some refunded
        cancel began: customer_request, awaits 0; owes [cancel_payment/0]
            ← cancel
        cancel began: payment_expired, awaits 0; owes [cancel_payment/0]
            ← expire
        refused: its goods are not held, or not paid
            ← apply | close
        refused: it is not stuck with anything
            ← retry
    "#]],
    );
}

#[test]
fn an_edit_is_ready() {
    check(
        &Told::paid(Kind::Edit),
        expect![[r#"
        Ready, owes [apply/0]
        refused: there is already an exchange or an edit with this id
            ← request
        already so
            ← reserved | not reserved | secured | not secured | charge accepted | charge refused | settled | given up | giving up accepted | giving up refused | released | nothing to release | not released | news: action | news: authorized | news: in review | news: captured | news: captured less | news: declined | news: capture failed | news: voided | news: refund failed | expire
        cancel began: order_not_editable, awaits 0; owes [cancel_payment/0]
            ← not settled
        refunded 15.00 EUR; owes [apply/0]
            ← news: refunded
        refunded 5.00 EUR; owes [apply/0]
            ← news: some refunded
        cancel began: customer_request, awaits 0; owes [cancel_payment/0]
            ← cancel
        applied; owes []
            ← apply
        refused: its goods are not held, or not paid
            ← close
        refused: it is not stuck with anything
            ← retry
    "#]],
    );
}

#[test]
fn an_exchange_is_ready() {
    check(
        &Told::paid(Kind::Exchange),
        expect![[r#"
        Ready, owes []
        refused: there is already an exchange or an edit with this id
            ← request
        already so
            ← reserved | not reserved | secured | not secured | charge accepted | charge refused | settled | not settled | given up | giving up accepted | giving up refused | released | nothing to release | not released | news: action | news: authorized | news: in review | news: captured | news: captured less | news: declined | news: capture failed | news: voided | news: refund failed | expire
        refunded 15.00 EUR; owes []
            ← news: refunded
        refunded 5.00 EUR; owes []
            ← news: some refunded
        cancel began: customer_request, awaits 0; owes [cancel_payment/0]
            ← cancel
        applied; owes []
            ← apply
        refused: its goods are not held, or not paid
            ← close
        refused: it is not stuck with anything
            ← retry
    "#]],
    );
}

#[test]
fn applied() {
    let mut told = Told::paid(Kind::Edit);
    told.tell(Command::Apply).expect("it is ready");
    check(
        &told,
        expect![[r#"
        Applied, owes []
        refused: there is already an exchange or an edit with this id
            ← request
        already so
            ← reserved | not reserved | secured | not secured | charge accepted | charge refused | settled | not settled | given up | giving up accepted | giving up refused | released | nothing to release | not released | news: action | news: authorized | news: in review | news: captured | news: captured less | news: declined | news: capture failed | news: voided | news: refunded | news: some refunded | news: refund failed | expire | apply
        refused: it is a part of the order already
            ← cancel
        refused: its goods are not held, or not paid
            ← close
        refused: it is not stuck with anything
            ← retry
    "#]],
    );
}

#[test]
fn being_undone_after_it_was_paid() {
    let mut told = Told::paid(Kind::Exchange);
    told.tell(Command::Cancel("customer_request")).expect("the goods are not here");
    check(
        &told,
        expect![[r#"
        Cancelling, owes [cancel_payment/0]
        refused: there is already an exchange or an edit with this id
            ← request
        already so
            ← reserved | not reserved | secured | not secured | charge accepted | charge refused | settled | not settled | given up | giving up accepted | released | nothing to release | not released | news: action | news: authorized | news: in review | news: captured | news: captured less | news: declined | news: capture failed | news: voided | cancel | expire
        STUCK RefundPayment: no_way; owes [cancel_payment/0]
            ← giving up refused
        refunded 15.00 EUR, ProcessPayment undone by RefundPayment; owes [release/rsv_1/0]
            ← news: refunded
        refunded 5.00 EUR; owes [cancel_payment/0]
            ← news: some refunded
        STUCK RefundPayment: refund_failed; owes [cancel_payment/0]
            ← news: refund failed
        refused: its goods are not held, or not paid
            ← apply | close
        refused: it is not stuck with anything
            ← retry
    "#]],
    );
}

#[test]
fn being_undone_and_only_the_order_has_to_know() {
    let mut told = Told::asked(Kind::Edit, 2_500, 1_000);
    told.answer(Call::Reserve(RSV.into()), Answer::Refused(no("out_of_stock")));
    check(
        &told,
        expect![[r#"
        Cancelling, owes [close/0]
        refused: there is already an exchange or an edit with this id
            ← request
        already so
            ← reserved | not reserved | secured | not secured | charge accepted | charge refused | settled | given up | giving up accepted | giving up refused | released | nothing to release | not released | news: action | news: authorized | news: in review | news: captured | news: captured less | news: declined | news: capture failed | news: voided | cancel | expire
        STUCK CancelOrder: order_not_editable; owes [close/0]
            ← not settled
        refunded 15.00 EUR; owes [close/0]
            ← news: refunded
        refunded 5.00 EUR; owes [close/0]
            ← news: some refunded
        STUCK RefundPayment: refund_failed; owes [close/0]
            ← news: refund failed
        refused: its goods are not held, or not paid
            ← apply
        cancelled: out_of_stock; owes []
            ← close
        refused: it is not stuck with anything
            ← retry
    "#]],
    );
}

#[test]
fn undone() {
    let mut told = Told::asked(Kind::Edit, 2_500, 1_000);
    told.answer(Call::Reserve(RSV.into()), Answer::Refused(no("out_of_stock")));
    told.tell(Command::Close).expect("all is undone");
    check(
        &told,
        expect![[r#"
        Cancelled, owes []
        refused: there is already an exchange or an edit with this id
            ← request
        already so
            ← reserved | not reserved | secured | not secured | charge accepted | charge refused | settled | not settled | given up | giving up accepted | giving up refused | released | nothing to release | not released | news: action | news: authorized | news: in review | news: captured | news: captured less | news: declined | news: capture failed | news: voided | news: refunded | news: some refunded | news: refund failed | cancel | expire | close
        refused: its goods are not held, or not paid
            ← apply
        refused: it is not stuck with anything
            ← retry
    "#]],
    );
}

#[test]
fn stuck_with_money_that_does_not_go_back() {
    let mut told = Told::paid(Kind::Exchange);
    told.tell(Command::Cancel("customer_request")).expect("the goods are not here");
    told.answer(Call::CancelPayment, Answer::Refused(no("no_way")));
    check(
        &told,
        expect![[r#"
        Cancelling, owes [cancel_payment/0]
        refused: there is already an exchange or an edit with this id
            ← request
        already so
            ← reserved | not reserved | secured | not secured | charge accepted | charge refused | settled | not settled | given up | giving up accepted | released | nothing to release | not released | news: action | news: authorized | news: in review | news: captured | news: captured less | news: declined | news: capture failed | news: voided | news: refund failed | cancel | expire
        STUCK RefundPayment: no_way; owes [cancel_payment/0]
            ← giving up refused
        refunded 15.00 EUR, ProcessPayment undone by RefundPayment; owes [release/rsv_1/0]
            ← news: refunded
        refunded 5.00 EUR; owes [cancel_payment/0]
            ← news: some refunded
        refused: its goods are not held, or not paid
            ← apply | close
        retried 1; owes [cancel_payment/1]
            ← retry
    "#]],
    );
}

#[test]
fn what_is_worth_as_much_or_more_needs_no_payment_and_nothing_goes_back_before_the_goods_are_here() {
    for (added, worth, refund, credited) in [(1_000, 1_000, 0, 1_000), (1_000, 2_500, 1_500, 1_000), (0, 500, 500, 0)] {
        let told = Told::held(Kind::Exchange, added, worth);
        assert_eq!(told.state().standing(), Standing::Ready);
        assert_eq!(told.owes(), "");
        let terms = &told.state().terms;
        assert_eq!((terms.charge(), terms.refund(), terms.credited()), (eur(0), eur(refund), eur(credited)));
    }
}

#[test]
fn an_edit_that_adds_nothing_is_ready_at_once() {
    let mut told = Told::default();
    let nothing = Terms { parts: vec![], ..terms(Kind::Edit, 0, 1_000) };
    assert_eq!(told.tell(Command::Request(Box::new(nothing))), Ok("requested, ready: edit".to_owned()));
    assert_eq!(told.owes(), "apply/0");
}

#[test]
fn what_may_still_happen_is_waited_for_and_then_undone() {
    // A reservation that was asked for and not answered.
    let mut told = Told::asked(Kind::Edit, 2_500, 1_000);
    told.open = vec![format!("reserve/{RSV}")];
    told.tell(Command::Cancel("customer_request")).expect("it is not applied");
    assert_eq!(told.owes(), format!("reserve/{RSV}"), "the same call, by the same key");
    assert_eq!(told.answer(Call::Reserve(RSV.into()), Answer::Done), "ReserveItems done");
    assert_eq!(told.owes(), format!("release/{RSV}/0"));
    // A charge that was asked for and not answered.
    let mut told = Told::held(Kind::Edit, 2_500, 1_000);
    told.open = vec!["charge".to_owned()];
    let said = told.tell(Command::Cancel("customer_request")).expect("it is not applied");
    assert_eq!(said, "asked for 15.00 EUR, cancel began: customer_request, awaits 0");
    assert_eq!(told.owes(), "cancel_payment/0", "a payment that is given up first is never made");
}

#[test]
fn an_edit_that_its_order_is_being_asked_to_take_cannot_be_given_up_this_moment() {
    let mut told = Told::paid(Kind::Edit);
    told.open = vec!["apply/0".to_owned()];
    assert_eq!(told.tell(Command::Cancel("customer_request")), Err(Refusal::Changing));
}

#[test]
fn money_that_came_while_it_was_being_undone_goes_back() {
    let mut told = Told::charging(Kind::Edit);
    told.clock = 900;
    told.tell(Command::Expire).expect("its time");
    assert_eq!(told.owes(), "cancel_payment/0");
    told.tell(Command::Payment(PaymentNews::Captured(eur(1_500)))).expect("news");
    told.answer(Call::CancelPayment, Answer::Payment(PaymentNews::Captured(eur(1_500))));
    assert_eq!(told.state().standing(), Standing::Cancelling, "until it is back");
    let back = RefundNews::Processed { refund_id: "rfd_1".into(), amount: eur(1_500) };
    told.tell(Command::Refund(back)).expect("news");
    told.answer(Call::Release(RSV.into()), Answer::Done);
    told.tell(Command::Close).expect("all is undone");
    assert_eq!(told.state().standing(), Standing::Cancelled);
}

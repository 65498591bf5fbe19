//! Tables: every stage has an answer to every command.

use expect_test::{Expect, expect};
use runtime::entity::Entity;
use runtime::entity::testing::{facts, fold, moment};

use super::*;
use crate::provider::State;
use crate::wire::money;

fn euros(amount: i64) -> Money {
    money(amount, "EUR").expect("money")
}

fn terms() -> Terms {
    Terms { id: "pay_1".into(), order_id: Some("ord_1".into()), user_id: "usr_1".into(), amount: euros(100) }
}

fn means() -> Means {
    Means {
        token: "pm_card_visa".into(),
        payment_method_id: None,
        customer: String::new(),
        provider: "test".into(),
        capture: Capture::Manual,
        return_url: String::new(),
    }
}

fn suspicion() -> Suspicion {
    Suspicion { score: 60, signals: vec!["velocity".into()] }
}

fn event(what: What) -> Event {
    let Terms { id, order_id, user_id, .. } = terms();
    Event { id, order_id, user_id, at: moment(1), what }
}

fn initiated() -> Event {
    event(What::Initiated(euros(100)))
}

fn submitted() -> Event {
    event(What::Submitted(means()))
}

fn suspected() -> Event {
    event(What::Suspected(euros(100), suspicion(), means()))
}

fn acting() -> Event {
    event(What::ActionRequired { url: "https://bank/3ds".into(), reference: "pi_1".into() })
}

fn authorised() -> Event {
    event(What::Authorised { amount: euros(100), reference: "pi_1".into() })
}

fn capturing(amount: i64) -> Event {
    event(What::CaptureRequested(euros(amount)))
}

fn completed(amount: i64) -> Event {
    event(What::Completed { amount: euros(amount), reference: "pi_1".into() })
}

fn failed(why: Why, step: Step, releasing: bool) -> Event {
    let failure = Failure { why, decline_code: "lost_card".into(), detail: String::new(), step };
    event(What::Failed { failure, releasing })
}

fn giving_up() -> Event {
    event(What::CancelRequested("why".into()))
}

fn voiding() -> Event {
    event(What::VoidRequested { reason: "why".into(), reference: "pi_1".into() })
}

fn voided() -> Event {
    event(What::Voided("why".into()))
}

fn refunding(id: &str, amount: i64, closing: bool) -> Event {
    event(What::RefundRequested { id: id.into(), amount: euros(amount), reason: "why".into(), closing })
}

fn refunded(id: &str, amount: i64) -> Event {
    event(What::RefundProcessed { id: id.into(), amount: euros(amount), reference: "re_1".into() })
}

fn unrefunded(id: &str, amount: i64) -> Event {
    event(What::RefundFailed { id: id.into(), amount: euros(amount), reason: "disputed".into() })
}

fn told(state: State) -> Command {
    Command::Told(Told::Intent { reference: "pi_1".into(), state })
}

fn commands() -> Vec<(&'static str, Command)> {
    let other = Terms { amount: euros(200), ..terms() };
    let hint = |hint| Command::Inquire { reference: Some("pi_1".into()), hint, news: "evt_1".into() };
    let refund =
        |amount: Option<i64>| Command::Refund { id: "rfd_9".into(), amount: amount.map(euros), reason: "why".into() };
    vec![
        ("open", Command::Open(terms())),
        ("open another", Command::Open(other.clone())),
        ("authorise", Command::Authorise { terms: terms(), means: means(), suspicion: None }),
        ("authorise suspicious", Command::Authorise { terms: terms(), means: means(), suspicion: Some(suspicion()) }),
        ("authorise another", Command::Authorise { terms: other, means: means(), suspicion: None }),
        ("approve", Command::Approve("usr_9".into())),
        ("decline", Command::Decline),
        ("confirm", Command::Confirm),
        ("capture", Command::Capture(None)),
        ("capture 40", Command::Capture(Some(euros(40)))),
        ("capture 101", Command::Capture(Some(euros(101)))),
        ("capture JPY", Command::Capture(money(40, "JPY"))),
        ("void", Command::Void("stop".into())),
        ("cancel", Command::Cancel { id: "pay_1".into(), reason: "stop".into() }),
        ("refund", refund(None)),
        ("refund 30", refund(Some(30))),
        ("refund 101", refund(Some(101))),
        ("refund again", Command::Refund { id: "rfd_1".into(), amount: Some(euros(30)), reason: "why".into() }),
        ("refund again other", Command::Refund { id: "rfd_1".into(), amount: Some(euros(31)), reason: "why".into() }),
        ("hint anything", hint(Hint::Anything)),
        ("hint act", hint(Hint::ActionRequired)),
        ("hint held", hint(Hint::Authorised)),
        ("hint taken", hint(Hint::Captured)),
        ("hint ended", hint(Hint::Ended)),
        (
            "hint foreign",
            Command::Inquire { reference: Some("pi_2".into()), hint: Hint::Captured, news: "evt_1".into() },
        ),
        ("expire", Command::Expire),
        ("told nothing", Command::Told(Told::Nothing)),
        ("told act", told(State::ActionRequired { url: "https://bank/3ds".into() })),
        ("told approved", told(State::Approved)),
        ("told held", told(State::Authorised(euros(100)))),
        ("told held 99", told(State::Authorised(euros(99)))),
        ("told taken", told(State::Captured(euros(100)))),
        ("told cancelled", told(State::Cancelled)),
        ("told declined", told(State::Declined { code: "lost_card".into(), detail: String::new() })),
        ("told foreign", Command::Told(Told::Intent { reference: "pi_2".into(), state: State::Captured(euros(100)) })),
        ("authorisation refused", Command::AuthorisationRefused { code: "bad".into(), detail: String::new() }),
        ("capture refused", Command::CaptureRefused { code: "lost_card".into(), detail: String::new() }),
        (
            "refund done",
            Command::RefundTold { id: "rfd_1".into(), told: RefundTold::Done { reference: "re_1".into() } },
        ),
        ("refund refused", Command::RefundTold { id: "rfd_1".into(), told: RefundTold::Refused("disputed".into()) }),
    ]
}

fn word(event: &Event) -> String {
    match &event.what {
        What::Initiated(amount) => format!("initiated {amount}"),
        What::Submitted(_) => "submitted".into(),
        What::Suspected(..) => "suspected".into(),
        What::Cleared(by) => format!("cleared by {by}"),
        What::ActionRequired { .. } => "action required".into(),
        What::Inquired { number, reference, .. } => format!("inquired {number} {reference}"),
        What::Authorised { amount, .. } => format!("authorised {amount}"),
        What::CaptureRequested(amount) => format!("capture requested {amount}"),
        What::Completed { amount, .. } => format!("completed {amount}"),
        What::Failed { failure, releasing } => {
            let releasing = if *releasing { " releasing" } else { "" };
            format!("failed {} at {:?}{releasing}", failure.why.slug(), failure.step)
        }
        What::CancelRequested(reason) => format!("cancel requested {reason}"),
        What::VoidRequested { reason, .. } => format!("void requested {reason}"),
        What::Voided(reason) => format!("voided {reason}"),
        What::RefundRequested { amount, closing, .. } => {
            format!("refund requested {amount}{}", if *closing { " closing" } else { "" })
        }
        What::RefundProcessed { amount, .. } => format!("refund processed {amount}"),
        What::RefundFailed { amount, reason, .. } => format!("refund failed {amount} {reason}"),
    }
}

/// What every command makes of the state that these events add up to. Of the many that change nothing only the names are
/// said, together.
fn table(given: &[Event], begun: &[&str]) -> String {
    let payment: Payment = fold(given);
    let mut facts = facts(moment(100));
    facts.open_calls = begun.iter().map(|key| (*key).to_owned()).collect();
    let (mut lines, mut same) = (Vec::new(), Vec::new());
    for (name, command) in commands() {
        match payment.decide(command, &facts) {
            Ok(events) if events.is_empty() => same.push(name),
            Ok(events) => {
                let said: Vec<_> = events.iter().map(word).collect();
                let mut after = payment.clone();
                events.iter().for_each(|event| after.evolve(event));
                let status = after.open().map_or("-", Open::status);
                lines.push(format!("{name}: {} -> {status}", said.join(", ")));
            }
            Err(refusal) => lines.push(format!("{name}: no, {refusal}")),
        }
    }
    lines.push(format!("already so: {}", same.join(", ")));
    lines.join("\n")
}

fn check(given: &[Event], begun: &[&str], expected: Expect) {
    expected.assert_eq(&table(given, begun));
}

/// What is owed, by key.
fn owed(given: &[Event]) -> String {
    let payment: Payment = fold(given);
    let owed =
        payment.owed().into_iter().map(|(key, at, _)| format!("{key} at {}", at.duration_since(moment(0)).as_secs()));
    owed.collect::<Vec<_>>().join(", ")
}

#[test]
fn nothing() {
    check(
        &[],
        &[],
        expect![[r#"
        open: initiated 1.00 EUR -> initiated
        open another: initiated 2.00 EUR -> initiated
        authorise: initiated 1.00 EUR, submitted -> pending
        authorise suspicious: initiated 1.00 EUR, suspected -> in_review
        authorise another: initiated 2.00 EUR, submitted -> pending
        approve: no, there is no such payment
        decline: no, there is no such payment
        confirm: no, there is no such payment
        capture: no, there is no such payment
        capture 40: no, there is no such payment
        capture 101: no, there is no such payment
        capture JPY: no, there is no such payment
        void: no, there is no such payment
        cancel: voided stop -> -
        refund: no, there is no such payment
        refund 30: no, there is no such payment
        refund 101: no, there is no such payment
        refund again: no, there is no such payment
        refund again other: no, there is no such payment
        already so: hint anything, hint act, hint held, hint taken, hint ended, hint foreign, expire, told nothing, told act, told approved, told held, told held 99, told taken, told cancelled, told declined, told foreign, authorisation refused, capture refused, refund done, refund refused"#]],
    );
}

#[test]
fn given_up_before_it_was() {
    check(
        &[voided()],
        &[],
        expect![[r#"
        authorise: no, the payment was given up
        authorise suspicious: no, the payment was given up
        authorise another: no, the payment was given up
        approve: no, there is no such payment
        decline: no, there is no such payment
        confirm: no, there is no such payment
        capture: no, there is no such payment
        capture 40: no, there is no such payment
        capture 101: no, there is no such payment
        capture JPY: no, there is no such payment
        void: no, there is no such payment
        refund: no, there is no such payment
        refund 30: no, there is no such payment
        refund 101: no, there is no such payment
        refund again: no, there is no such payment
        refund again other: no, there is no such payment
        already so: open, open another, cancel, hint anything, hint act, hint held, hint taken, hint ended, hint foreign, expire, told nothing, told act, told approved, told held, told held 99, told taken, told cancelled, told declined, told foreign, authorisation refused, capture refused, refund done, refund refused"#]],
    );
}

#[test]
fn initiated_only() {
    check(
        &[initiated()],
        &[],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise: submitted -> pending
        authorise suspicious: suspected -> in_review
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        confirm: no, it has not been said how to pay
        capture: no, no money is held for this payment yet
        capture 40: no, no money is held for this payment yet
        capture 101: no, no money is held for this payment yet
        capture JPY: no, no money is held for this payment yet
        void: voided stop -> voided
        cancel: voided stop -> voided
        refund: no, no money was taken for this payment
        refund 30: no, no money was taken for this payment
        refund 101: no, no money was taken for this payment
        refund again: no, no money was taken for this payment
        refund again other: no, no money was taken for this payment
        already so: open, hint anything, hint act, hint held, hint taken, hint ended, hint foreign, expire, told nothing, told act, told approved, told held, told held 99, told taken, told cancelled, told declined, told foreign, authorisation refused, capture refused, refund done, refund refused"#]],
    );
}

#[test]
fn in_review() {
    check(
        &[initiated(), suspected()],
        &[],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise another: no, there is already another payment with this id
        approve: cleared by usr_9 -> pending
        decline: failed suspected_fraud at Authorise -> failed
        confirm: no, it has not been said how to pay
        capture: no, no money is held for this payment yet
        capture 40: no, no money is held for this payment yet
        capture 101: no, no money is held for this payment yet
        capture JPY: no, no money is held for this payment yet
        void: voided stop -> voided
        cancel: voided stop -> voided
        refund: no, no money was taken for this payment
        refund 30: no, no money was taken for this payment
        refund 101: no, no money was taken for this payment
        refund again: no, no money was taken for this payment
        refund again other: no, no money was taken for this payment
        already so: open, authorise, authorise suspicious, hint anything, hint act, hint held, hint taken, hint ended, hint foreign, expire, told nothing, told act, told approved, told held, told held 99, told taken, told cancelled, told declined, told foreign, authorisation refused, capture refused, refund done, refund refused"#]],
    );
}

#[test]
fn authorising_before_the_call() {
    check(
        &[initiated(), submitted()],
        &[],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        capture: no, no money is held for this payment yet
        capture 40: no, no money is held for this payment yet
        capture 101: no, no money is held for this payment yet
        capture JPY: no, no money is held for this payment yet
        void: voided stop -> voided
        cancel: voided stop -> voided
        refund: no, no money was taken for this payment
        refund 30: no, no money was taken for this payment
        refund 101: no, no money was taken for this payment
        refund again: no, no money was taken for this payment
        refund again other: no, no money was taken for this payment
        hint anything: inquired 1 pi_1 -> pending
        hint act: inquired 1 pi_1 -> pending
        hint held: inquired 1 pi_1 -> pending
        hint taken: inquired 1 pi_1 -> pending
        hint ended: inquired 1 pi_1 -> pending
        hint foreign: inquired 1 pi_2 -> pending
        told act: action required -> requires_action
        told held: authorised 1.00 EUR -> authorized
        told held 99: failed amount_mismatch at Authorise releasing, void requested amount_mismatch -> failed
        told taken: completed 1.00 EUR -> captured
        told cancelled: failed authorization_lost at Authorise -> failed
        told declined: failed payment_declined at Authorise -> failed
        told foreign: completed 1.00 EUR -> captured
        authorisation refused: failed provider_refused at Authorise -> failed
        already so: open, authorise, authorise suspicious, confirm, expire, told nothing, told approved, capture refused, refund done, refund refused"#]],
    );
}

#[test]
fn authorising_after_the_customer_approved() {
    let given = [initiated(), submitted(), acting(), submitted()];
    assert_eq!(owed(&given), "pay_1.complete.1 at 1");
    check(
        &given,
        &[],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        capture: no, no money is held for this payment yet
        capture 40: no, no money is held for this payment yet
        capture 101: no, no money is held for this payment yet
        capture JPY: no, no money is held for this payment yet
        void: voided stop -> voided
        cancel: voided stop -> voided
        refund: no, no money was taken for this payment
        refund 30: no, no money was taken for this payment
        refund 101: no, no money was taken for this payment
        refund again: no, no money was taken for this payment
        refund again other: no, no money was taken for this payment
        hint anything: inquired 1 pi_1 -> pending
        hint act: inquired 1 pi_1 -> pending
        hint held: inquired 1 pi_1 -> pending
        hint taken: inquired 1 pi_1 -> pending
        hint ended: inquired 1 pi_1 -> pending
        told act: action required -> requires_action
        told held: authorised 1.00 EUR -> authorized
        told held 99: failed amount_mismatch at Authorise releasing, void requested amount_mismatch -> failed
        told taken: completed 1.00 EUR -> captured
        told cancelled: failed authorization_lost at Authorise -> failed
        told declined: failed payment_declined at Authorise -> failed
        authorisation refused: failed provider_refused at Authorise -> failed
        already so: open, authorise, authorise suspicious, confirm, hint foreign, expire, told nothing, told approved, told foreign, capture refused, refund done, refund refused"#]],
    );
    let again = [&given[..], &[acting(), submitted()]].concat();
    assert_eq!(owed(&again), "pay_1.complete.2 at 1", "another approval is another call");
}

#[test]
fn authorising_after_the_customer_approved_with_the_call_under_way() {
    check(
        &[initiated(), submitted(), acting(), submitted()],
        &["pay_1.complete.1"],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        capture: no, no money is held for this payment yet
        capture 40: no, no money is held for this payment yet
        capture 101: no, no money is held for this payment yet
        capture JPY: no, no money is held for this payment yet
        void: cancel requested stop -> voiding
        cancel: cancel requested stop -> voiding
        refund: no, no money was taken for this payment
        refund 30: no, no money was taken for this payment
        refund 101: no, no money was taken for this payment
        refund again: no, no money was taken for this payment
        refund again other: no, no money was taken for this payment
        hint anything: inquired 1 pi_1 -> pending
        hint act: inquired 1 pi_1 -> pending
        hint held: inquired 1 pi_1 -> pending
        hint taken: inquired 1 pi_1 -> pending
        hint ended: inquired 1 pi_1 -> pending
        told act: action required -> requires_action
        told held: authorised 1.00 EUR -> authorized
        told held 99: failed amount_mismatch at Authorise releasing, void requested amount_mismatch -> failed
        told taken: completed 1.00 EUR -> captured
        told cancelled: failed authorization_lost at Authorise -> failed
        told declined: failed payment_declined at Authorise -> failed
        authorisation refused: failed provider_refused at Authorise -> failed
        already so: open, authorise, authorise suspicious, confirm, hint foreign, expire, told nothing, told approved, told foreign, capture refused, refund done, refund refused"#]],
    );
}

#[test]
fn authorising_with_the_call_under_way() {
    check(
        &[initiated(), submitted()],
        &["pay_1.authorise"],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        capture: no, no money is held for this payment yet
        capture 40: no, no money is held for this payment yet
        capture 101: no, no money is held for this payment yet
        capture JPY: no, no money is held for this payment yet
        void: cancel requested stop -> voiding
        cancel: cancel requested stop -> voiding
        refund: no, no money was taken for this payment
        refund 30: no, no money was taken for this payment
        refund 101: no, no money was taken for this payment
        refund again: no, no money was taken for this payment
        refund again other: no, no money was taken for this payment
        hint anything: inquired 1 pi_1 -> pending
        hint act: inquired 1 pi_1 -> pending
        hint held: inquired 1 pi_1 -> pending
        hint taken: inquired 1 pi_1 -> pending
        hint ended: inquired 1 pi_1 -> pending
        hint foreign: inquired 1 pi_2 -> pending
        told act: action required -> requires_action
        told held: authorised 1.00 EUR -> authorized
        told held 99: failed amount_mismatch at Authorise releasing, void requested amount_mismatch -> failed
        told taken: completed 1.00 EUR -> captured
        told cancelled: failed authorization_lost at Authorise -> failed
        told declined: failed payment_declined at Authorise -> failed
        told foreign: completed 1.00 EUR -> captured
        authorisation refused: failed provider_refused at Authorise -> failed
        already so: open, authorise, authorise suspicious, confirm, expire, told nothing, told approved, capture refused, refund done, refund refused"#]],
    );
}

#[test]
fn authorising_and_given_up() {
    check(
        &[initiated(), submitted(), giving_up()],
        &["pay_1.authorise"],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise: no, the payment was given up
        authorise suspicious: no, the payment was given up
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        capture: no, the payment was given up
        capture 40: no, the payment was given up
        capture 101: no, the payment was given up
        capture JPY: no, the payment was given up
        refund: no, no money was taken for this payment
        refund 30: no, no money was taken for this payment
        refund 101: no, no money was taken for this payment
        refund again: no, no money was taken for this payment
        refund again other: no, no money was taken for this payment
        hint anything: inquired 1 pi_1 -> voiding
        hint act: inquired 1 pi_1 -> voiding
        hint held: inquired 1 pi_1 -> voiding
        hint taken: inquired 1 pi_1 -> voiding
        hint ended: inquired 1 pi_1 -> voiding
        hint foreign: inquired 1 pi_2 -> voiding
        told act: void requested why -> voiding
        told approved: void requested why -> voiding
        told held: void requested why -> voiding
        told held 99: void requested why -> voiding
        told taken: completed 1.00 EUR, cancel requested why, refund requested 1.00 EUR closing -> captured
        told cancelled: voided why -> voided
        told declined: voided why -> voided
        told foreign: completed 1.00 EUR, cancel requested why, refund requested 1.00 EUR closing -> captured
        authorisation refused: voided why -> voided
        already so: open, confirm, void, cancel, expire, told nothing, capture refused, refund done, refund refused"#]],
    );
}

#[test]
fn cleared_after_review() {
    let cleared = event(What::Cleared("usr_9".into()));
    check(
        &[initiated(), suspected(), cleared],
        &[],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise another: no, there is already another payment with this id
        decline: no, the payment does not wait for a review
        capture: no, no money is held for this payment yet
        capture 40: no, no money is held for this payment yet
        capture 101: no, no money is held for this payment yet
        capture JPY: no, no money is held for this payment yet
        void: voided stop -> voided
        cancel: voided stop -> voided
        refund: no, no money was taken for this payment
        refund 30: no, no money was taken for this payment
        refund 101: no, no money was taken for this payment
        refund again: no, no money was taken for this payment
        refund again other: no, no money was taken for this payment
        hint anything: inquired 1 pi_1 -> pending
        hint act: inquired 1 pi_1 -> pending
        hint held: inquired 1 pi_1 -> pending
        hint taken: inquired 1 pi_1 -> pending
        hint ended: inquired 1 pi_1 -> pending
        hint foreign: inquired 1 pi_2 -> pending
        told act: action required -> requires_action
        told held: authorised 1.00 EUR -> authorized
        told held 99: failed amount_mismatch at Authorise releasing, void requested amount_mismatch -> failed
        told taken: completed 1.00 EUR -> captured
        told cancelled: failed authorization_lost at Authorise -> failed
        told declined: failed payment_declined at Authorise -> failed
        told foreign: completed 1.00 EUR -> captured
        authorisation refused: failed provider_refused at Authorise -> failed
        already so: open, authorise, authorise suspicious, approve, confirm, expire, told nothing, told approved, capture refused, refund done, refund refused"#]],
    );
}

#[test]
fn requires_action() {
    check(
        &[initiated(), submitted(), acting()],
        &[],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        confirm: inquired 1  -> requires_action
        capture: no, no money is held for this payment yet
        capture 40: no, no money is held for this payment yet
        capture 101: no, no money is held for this payment yet
        capture JPY: no, no money is held for this payment yet
        void: void requested stop -> voiding
        cancel: void requested stop -> voiding
        refund: no, no money was taken for this payment
        refund 30: no, no money was taken for this payment
        refund 101: no, no money was taken for this payment
        refund again: no, no money was taken for this payment
        refund again other: no, no money was taken for this payment
        hint anything: inquired 1 pi_1 -> requires_action
        hint held: inquired 1 pi_1 -> requires_action
        hint taken: inquired 1 pi_1 -> requires_action
        hint ended: inquired 1 pi_1 -> requires_action
        expire: failed authentication_expired at Authorise releasing -> failed
        told approved: submitted -> pending
        told held: authorised 1.00 EUR -> authorized
        told held 99: failed amount_mismatch at Authorise releasing, void requested amount_mismatch -> failed
        told taken: completed 1.00 EUR -> captured
        told cancelled: failed authorization_lost at Authorise -> failed
        told declined: failed payment_declined at Authorise releasing -> failed
        already so: open, authorise, authorise suspicious, hint act, hint foreign, told nothing, told act, told foreign, authorisation refused, capture refused, refund done, refund refused"#]],
    );
}

#[test]
fn is_authorised() {
    check(
        &[initiated(), submitted(), authorised()],
        &[],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        capture: capture requested 1.00 EUR -> capturing
        capture 40: capture requested 0.40 EUR -> capturing
        capture 101: no, 1.00 EUR are held
        capture JPY: no, 1.00 EUR are held
        void: void requested stop -> voiding
        cancel: void requested stop -> voiding
        refund: no, no money was taken for this payment
        refund 30: no, no money was taken for this payment
        refund 101: no, no money was taken for this payment
        refund again: no, no money was taken for this payment
        refund again other: no, no money was taken for this payment
        hint anything: inquired 1 pi_1 -> authorized
        hint taken: inquired 1 pi_1 -> authorized
        hint ended: inquired 1 pi_1 -> authorized
        told taken: completed 1.00 EUR -> captured
        told cancelled: failed authorization_lost at Capture -> failed
        told declined: failed authorization_lost at Capture -> failed
        already so: open, authorise, authorise suspicious, confirm, hint act, hint held, hint foreign, expire, told nothing, told act, told approved, told held, told held 99, told foreign, authorisation refused, capture refused, refund done, refund refused"#]],
    );
}

#[test]
fn capturing_before_the_call() {
    check(
        &[initiated(), submitted(), authorised(), capturing(40)],
        &[],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        capture 101: no, 0.40 EUR were taken, or are being taken
        capture JPY: no, 0.40 EUR were taken, or are being taken
        void: no, 0.40 EUR were taken, or are being taken
        cancel: void requested stop -> voiding
        refund: no, no money was taken for this payment
        refund 30: no, no money was taken for this payment
        refund 101: no, no money was taken for this payment
        refund again: no, no money was taken for this payment
        refund again other: no, no money was taken for this payment
        hint anything: inquired 1 pi_1 -> capturing
        hint taken: inquired 1 pi_1 -> capturing
        hint ended: inquired 1 pi_1 -> capturing
        told taken: completed 1.00 EUR -> captured
        told cancelled: failed authorization_lost at Capture -> failed
        told declined: failed authorization_lost at Capture -> failed
        capture refused: failed payment_declined at Capture releasing -> failed
        already so: open, authorise, authorise suspicious, confirm, capture, capture 40, hint act, hint held, hint foreign, expire, told nothing, told act, told approved, told held, told held 99, told foreign, authorisation refused, refund done, refund refused"#]],
    );
}

#[test]
fn capturing_with_the_call_under_way() {
    check(
        &[initiated(), submitted(), authorised(), capturing(100)],
        &["pay_1.capture"],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        capture 40: no, 1.00 EUR were taken, or are being taken
        capture 101: no, 1.00 EUR were taken, or are being taken
        capture JPY: no, 1.00 EUR were taken, or are being taken
        void: no, 1.00 EUR were taken, or are being taken
        cancel: cancel requested stop -> voiding
        refund: no, no money was taken for this payment
        refund 30: no, no money was taken for this payment
        refund 101: no, no money was taken for this payment
        refund again: no, no money was taken for this payment
        refund again other: no, no money was taken for this payment
        hint anything: inquired 1 pi_1 -> capturing
        hint taken: inquired 1 pi_1 -> capturing
        hint ended: inquired 1 pi_1 -> capturing
        told taken: completed 1.00 EUR -> captured
        told cancelled: failed authorization_lost at Capture -> failed
        told declined: failed authorization_lost at Capture -> failed
        capture refused: failed payment_declined at Capture releasing -> failed
        already so: open, authorise, authorise suspicious, confirm, capture, hint act, hint held, hint foreign, expire, told nothing, told act, told approved, told held, told held 99, told foreign, authorisation refused, refund done, refund refused"#]],
    );
}

#[test]
fn capturing_and_given_up() {
    let given = [initiated(), submitted(), authorised(), capturing(100), giving_up()];
    check(
        &given,
        &["pay_1.capture"],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        capture: no, the payment was given up
        capture 40: no, the payment was given up
        capture 101: no, the payment was given up
        capture JPY: no, the payment was given up
        refund: no, no money was taken for this payment
        refund 30: no, no money was taken for this payment
        refund 101: no, no money was taken for this payment
        refund again: no, no money was taken for this payment
        refund again other: no, no money was taken for this payment
        hint anything: inquired 1 pi_1 -> voiding
        hint taken: inquired 1 pi_1 -> voiding
        hint ended: inquired 1 pi_1 -> voiding
        told taken: completed 1.00 EUR, cancel requested why, refund requested 1.00 EUR closing -> captured
        told cancelled: voided why -> voided
        told declined: voided why -> voided
        capture refused: void requested why -> voiding
        already so: open, authorise, authorise suspicious, confirm, void, cancel, hint act, hint held, hint foreign, expire, told nothing, told act, told approved, told held, told held 99, told foreign, authorisation refused, refund done, refund refused"#]],
    );
}

#[test]
fn captured() {
    check(
        &[initiated(), submitted(), authorised(), capturing(100), completed(100)],
        &[],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        capture 40: no, 1.00 EUR were taken, or are being taken
        capture 101: no, 1.00 EUR were taken, or are being taken
        capture JPY: no, 1.00 EUR were taken, or are being taken
        void: no, 1.00 EUR were taken, or are being taken
        cancel: cancel requested stop, refund requested 1.00 EUR closing -> captured
        refund: refund requested 1.00 EUR -> captured
        refund 30: refund requested 0.30 EUR -> captured
        refund 101: no, 1.00 EUR are left to give back
        refund again: refund requested 0.30 EUR -> captured
        refund again other: refund requested 0.31 EUR -> captured
        already so: open, authorise, authorise suspicious, confirm, capture, hint anything, hint act, hint held, hint taken, hint ended, hint foreign, expire, told nothing, told act, told approved, told held, told held 99, told taken, told cancelled, told declined, told foreign, authorisation refused, capture refused, refund done, refund refused"#]],
    );
}

#[test]
fn captured_with_a_refund_under_way() {
    let given = [initiated(), submitted(), authorised(), capturing(100), completed(100), refunding("rfd_1", 30, false)];
    check(
        &given,
        &[],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        capture 40: no, 1.00 EUR were taken, or are being taken
        capture 101: no, 1.00 EUR were taken, or are being taken
        capture JPY: no, 1.00 EUR were taken, or are being taken
        void: no, 1.00 EUR were taken, or are being taken
        cancel: cancel requested stop, refund requested 0.70 EUR closing -> captured
        refund: refund requested 0.70 EUR -> captured
        refund 30: refund requested 0.30 EUR -> captured
        refund 101: no, 0.70 EUR are left to give back
        refund again other: no, there is already another refund with this id
        refund done: refund processed 0.30 EUR -> partially_refunded
        refund refused: refund failed 0.30 EUR disputed -> captured
        already so: open, authorise, authorise suspicious, confirm, capture, refund again, hint anything, hint act, hint held, hint taken, hint ended, hint foreign, expire, told nothing, told act, told approved, told held, told held 99, told taken, told cancelled, told declined, told foreign, authorisation refused, capture refused"#]],
    );
}

#[test]
fn captured_and_partly_refunded() {
    let refund = [refunding("rfd_1", 30, false), refunded("rfd_1", 30)];
    let given = [initiated(), submitted(), authorised(), capturing(100), completed(100)].into_iter().chain(refund);
    check(
        &given.collect::<Vec<_>>(),
        &[],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        capture 40: no, 1.00 EUR were taken, or are being taken
        capture 101: no, 1.00 EUR were taken, or are being taken
        capture JPY: no, 1.00 EUR were taken, or are being taken
        void: no, 1.00 EUR were taken, or are being taken
        cancel: cancel requested stop, refund requested 0.70 EUR closing -> partially_refunded
        refund: refund requested 0.70 EUR -> partially_refunded
        refund 30: refund requested 0.30 EUR -> partially_refunded
        refund 101: no, 0.70 EUR are left to give back
        refund again other: no, there is already another refund with this id
        already so: open, authorise, authorise suspicious, confirm, capture, refund again, hint anything, hint act, hint held, hint taken, hint ended, hint foreign, expire, told nothing, told act, told approved, told held, told held 99, told taken, told cancelled, told declined, told foreign, authorisation refused, capture refused, refund done, refund refused"#]],
    );
}

#[test]
fn captured_and_a_refund_failed() {
    let refund = [refunding("rfd_1", 30, false), unrefunded("rfd_1", 30)];
    let given = [initiated(), submitted(), authorised(), capturing(100), completed(100)].into_iter().chain(refund);
    check(
        &given.collect::<Vec<_>>(),
        &[],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        capture 40: no, 1.00 EUR were taken, or are being taken
        capture 101: no, 1.00 EUR were taken, or are being taken
        capture JPY: no, 1.00 EUR were taken, or are being taken
        void: no, 1.00 EUR were taken, or are being taken
        cancel: cancel requested stop, refund requested 1.00 EUR closing -> captured
        refund: refund requested 1.00 EUR -> captured
        refund 30: refund requested 0.30 EUR -> captured
        refund 101: no, 1.00 EUR are left to give back
        refund again other: no, there is already another refund with this id
        already so: open, authorise, authorise suspicious, confirm, capture, refund again, hint anything, hint act, hint held, hint taken, hint ended, hint foreign, expire, told nothing, told act, told approved, told held, told held 99, told taken, told cancelled, told declined, told foreign, authorisation refused, capture refused, refund done, refund refused"#]],
    );
}

#[test]
fn captured_and_given_up_while_a_refund_is_under_way() {
    let refund = [refunding("rfd_1", 30, false), giving_up(), refunding("rfd_2", 70, true)];
    let given = [initiated(), submitted(), authorised(), capturing(100), completed(100)].into_iter().chain(refund);
    check(
        &given.collect::<Vec<_>>(),
        &[],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        capture 40: no, 1.00 EUR were taken, or are being taken
        capture 101: no, 1.00 EUR were taken, or are being taken
        capture JPY: no, 1.00 EUR were taken, or are being taken
        void: no, 1.00 EUR were taken, or are being taken
        refund: no, 0.00 EUR are left to give back
        refund 30: no, 0.00 EUR are left to give back
        refund 101: no, 0.00 EUR are left to give back
        refund again other: no, there is already another refund with this id
        refund done: refund processed 0.30 EUR -> partially_refunded
        refund refused: refund failed 0.30 EUR disputed, refund requested 0.30 EUR closing -> captured
        already so: open, authorise, authorise suspicious, confirm, capture, cancel, refund again, hint anything, hint act, hint held, hint taken, hint ended, hint foreign, expire, told nothing, told act, told approved, told held, told held 99, told taken, told cancelled, told declined, told foreign, authorisation refused, capture refused"#]],
    );
}

#[test]
fn captured_and_given_up_and_refused() {
    let refund = [giving_up(), refunding("rfd_1", 100, true)];
    let given = [initiated(), submitted(), authorised(), capturing(100), completed(100)].into_iter().chain(refund);
    check(
        &given.collect::<Vec<_>>(),
        &[],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        capture 40: no, 1.00 EUR were taken, or are being taken
        capture 101: no, 1.00 EUR were taken, or are being taken
        capture JPY: no, 1.00 EUR were taken, or are being taken
        void: no, 1.00 EUR were taken, or are being taken
        refund: no, 0.00 EUR are left to give back
        refund 30: no, 0.00 EUR are left to give back
        refund 101: no, 0.00 EUR are left to give back
        refund again: no, there is already another refund with this id
        refund again other: no, there is already another refund with this id
        refund done: refund processed 1.00 EUR -> refunded
        refund refused: refund failed 1.00 EUR disputed -> captured
        already so: open, authorise, authorise suspicious, confirm, capture, cancel, hint anything, hint act, hint held, hint taken, hint ended, hint foreign, expire, told nothing, told act, told approved, told held, told held 99, told taken, told cancelled, told declined, told foreign, authorisation refused, capture refused"#]],
    );
}

#[test]
fn is_voiding() {
    check(
        &[initiated(), submitted(), authorised(), voiding()],
        &[],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise: no, the payment was given up
        authorise suspicious: no, the payment was given up
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        capture: no, the payment was given up
        capture 40: no, the payment was given up
        capture 101: no, the payment was given up
        capture JPY: no, the payment was given up
        refund: no, no money was taken for this payment
        refund 30: no, no money was taken for this payment
        refund 101: no, no money was taken for this payment
        refund again: no, no money was taken for this payment
        refund again other: no, no money was taken for this payment
        hint anything: inquired 1 pi_1 -> voiding
        hint taken: inquired 1 pi_1 -> voiding
        told taken: completed 1.00 EUR, cancel requested why, refund requested 1.00 EUR closing -> captured
        told cancelled: voided why -> voided
        already so: open, confirm, void, cancel, hint act, hint held, hint ended, hint foreign, expire, told nothing, told act, told approved, told held, told held 99, told declined, told foreign, authorisation refused, capture refused, refund done, refund refused"#]],
    );
}

#[test]
fn failed_and_letting_go() {
    let given = [initiated(), submitted(), authorised(), capturing(100), failed(Why::Declined, Step::Capture, true)];
    check(
        &given,
        &[],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        capture: no, the payment failed
        capture 40: no, the payment failed
        capture 101: no, the payment failed
        capture JPY: no, the payment failed
        refund: no, no money was taken for this payment
        refund 30: no, no money was taken for this payment
        refund 101: no, no money was taken for this payment
        refund again: no, no money was taken for this payment
        refund again other: no, no money was taken for this payment
        hint anything: inquired 1 pi_1 -> failed
        hint taken: inquired 1 pi_1 -> failed
        told taken: completed 1.00 EUR, cancel requested payment_declined, refund requested 1.00 EUR closing -> captured
        told cancelled: voided payment_declined -> failed
        already so: open, authorise, authorise suspicious, confirm, void, cancel, hint act, hint held, hint ended, hint foreign, expire, told nothing, told act, told approved, told held, told held 99, told declined, told foreign, authorisation refused, capture refused, refund done, refund refused"#]],
    );
}

#[test]
fn is_voided() {
    check(
        &[initiated(), submitted(), authorised(), voiding(), voided()],
        &[],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise: no, the payment was given up
        authorise suspicious: no, the payment was given up
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        capture: no, the payment was given up
        capture 40: no, the payment was given up
        capture 101: no, the payment was given up
        capture JPY: no, the payment was given up
        refund: no, no money was taken for this payment
        refund 30: no, no money was taken for this payment
        refund 101: no, no money was taken for this payment
        refund again: no, no money was taken for this payment
        refund again other: no, no money was taken for this payment
        hint anything: inquired 1 pi_1 -> voided
        hint taken: inquired 1 pi_1 -> voided
        told taken: completed 1.00 EUR, cancel requested why, refund requested 1.00 EUR closing -> captured
        already so: open, confirm, void, cancel, hint act, hint held, hint ended, hint foreign, expire, told nothing, told act, told approved, told held, told held 99, told cancelled, told declined, told foreign, authorisation refused, capture refused, refund done, refund refused"#]],
    );
}

#[test]
fn failed_for_good() {
    check(
        &[initiated(), submitted(), failed(Why::Declined, Step::Authorise, false)],
        &[],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        decline: no, the payment does not wait for a review
        capture: no, the payment failed
        capture 40: no, the payment failed
        capture 101: no, the payment failed
        capture JPY: no, the payment failed
        refund: no, no money was taken for this payment
        refund 30: no, no money was taken for this payment
        refund 101: no, no money was taken for this payment
        refund again: no, no money was taken for this payment
        refund again other: no, no money was taken for this payment
        hint anything: inquired 1 pi_1 -> failed
        hint taken: inquired 1 pi_1 -> failed
        hint foreign: inquired 1 pi_2 -> failed
        told taken: completed 1.00 EUR, cancel requested payment_declined, refund requested 1.00 EUR closing -> captured
        told foreign: completed 1.00 EUR, cancel requested payment_declined, refund requested 1.00 EUR closing -> captured
        already so: open, authorise, authorise suspicious, confirm, void, cancel, hint act, hint held, hint ended, expire, told nothing, told act, told approved, told held, told held 99, told cancelled, told declined, authorisation refused, capture refused, refund done, refund refused"#]],
    );
}

#[test]
fn declined_as_fraud() {
    check(
        &[initiated(), suspected(), failed(Why::Fraud, Step::Authorise, false)],
        &[],
        expect![[r#"
        open another: no, there is already another payment with this id
        authorise another: no, there is already another payment with this id
        approve: no, the payment does not wait for a review
        capture: no, the payment failed
        capture 40: no, the payment failed
        capture 101: no, the payment failed
        capture JPY: no, the payment failed
        refund: no, no money was taken for this payment
        refund 30: no, no money was taken for this payment
        refund 101: no, no money was taken for this payment
        refund again: no, no money was taken for this payment
        refund again other: no, no money was taken for this payment
        hint anything: inquired 1 pi_1 -> failed
        hint taken: inquired 1 pi_1 -> failed
        hint foreign: inquired 1 pi_2 -> failed
        told taken: completed 1.00 EUR, cancel requested suspected_fraud, refund requested 1.00 EUR closing -> captured
        told foreign: completed 1.00 EUR, cancel requested suspected_fraud, refund requested 1.00 EUR closing -> captured
        already so: open, authorise, authorise suspicious, decline, confirm, void, cancel, hint act, hint held, hint ended, expire, told nothing, told act, told approved, told held, told held 99, told cancelled, told declined, authorisation refused, capture refused, refund done, refund refused"#]],
    );
}

#[test]
fn a_failure_outlives_the_letting_go() {
    let given = [initiated(), submitted(), acting(), failed(Why::AuthenticationExpired, Step::Authorise, true)];
    let after: Payment = fold(&[&given[..], &[voided()]].concat());
    let failure = after.open().and_then(Open::failure).map(|failure| failure.why);
    assert_eq!(failure, Some(Why::AuthenticationExpired));
    assert_eq!(owed(&given), "pay_1.void at 1");
}

#[test]
fn what_is_owed_has_a_key_that_stays() {
    let looking = event(What::Inquired { number: 1, reference: String::new(), news: String::new() });
    for (given, expected) in [
        (vec![initiated()], ""),
        (vec![initiated(), suspected()], ""),
        (vec![initiated(), submitted()], "pay_1.authorise at 1"),
        (vec![initiated(), submitted(), giving_up()], "pay_1.authorise at 1"),
        (vec![initiated(), submitted(), looking.clone()], "pay_1.authorise at 1, pay_1.look.1 at 1"),
        (vec![initiated(), submitted(), acting()], "pay_1.next_look.0 at 301, pay_1.expire at 1801"),
        (
            vec![initiated(), submitted(), acting(), looking],
            "pay_1.next_look.1 at 301, pay_1.expire at 1801, pay_1.look.1 at 1",
        ),
        (vec![initiated(), submitted(), authorised()], ""),
        (vec![initiated(), submitted(), authorised(), capturing(40)], "pay_1.capture at 1"),
        (vec![initiated(), submitted(), authorised(), voiding()], "pay_1.void at 1"),
        (vec![initiated(), submitted(), authorised(), capturing(100), completed(100)], ""),
        (
            vec![
                initiated(),
                submitted(),
                authorised(),
                capturing(100),
                completed(100),
                refunding("rfd_1", 30, false),
                refunding("rfd_2", 30, false),
                refunded("rfd_1", 30),
            ],
            "rfd_2.refund at 1",
        ),
        (vec![initiated(), submitted(), authorised(), voiding(), voided()], ""),
    ] {
        assert_eq!(owed(&given), expected);
    }
}

#[test]
fn money_taken_automatically_is_asked_for_as_soon_as_it_is_held() {
    let means = Means { capture: Capture::Automatic, ..means() };
    let payment: Payment = fold(&[initiated(), event(What::Submitted(means))]);
    let events = payment.decide(told(State::Authorised(euros(100))), &facts(moment(100))).expect("a fact");
    assert_eq!(events.iter().map(word).collect::<Vec<_>>(), ["authorised 1.00 EUR", "capture requested 1.00 EUR"]);
}

#[test]
fn news_that_are_told_twice_are_heard_once() {
    let news = || Command::Inquire { reference: Some("pi_1".into()), hint: Hint::Captured, news: "evt_1".into() };
    let heard = event(What::Inquired { number: 1, reference: "pi_1".into(), news: "evt_1".into() });
    for stage in [vec![initiated(), submitted()], vec![initiated(), submitted(), authorised()]] {
        let before: Payment = fold(&stage);
        assert_eq!(before.decide(news(), &facts(moment(100))).expect("a fact").len(), 1);
        let after: Payment = fold(&[&stage[..], std::slice::from_ref(&heard)].concat());
        assert_eq!(after.decide(news(), &facts(moment(100))), Ok(vec![]));
    }
}

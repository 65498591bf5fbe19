//! What holds of money in the bank, whatever is asked of it and however often.

use std::collections::BTreeMap;

use bank::Bank;
use bank::bank::{Answer, Asked, NewIntent};
use bank::books::{Line, Thing, What};
use bank::intent::{Intent, Refund, RefundStatus, Status};
use proptest::prelude::*;

fn asked<'a>(key: &'a str, print: &'a str) -> Asked<'a> {
    Asked { key: Some(key), print }
}

fn new(amount: i64, method: &str) -> NewIntent {
    NewIntent {
        amount,
        currency: "eur".to_owned(),
        method: Some(method.to_owned()),
        confirm: true,
        ..NewIntent::default()
    }
}

fn intent(answer: &Answer) -> Intent {
    let thing = match &answer.result {
        Ok(thing) => Some(thing),
        Err((_, thing)) => thing.as_ref(),
    };
    match thing {
        Some(Thing::Intent(intent)) => intent.clone(),
        other => panic!("no intent: {other:?}"),
    }
}

fn refund(answer: &Answer) -> Refund {
    match &answer.result {
        Ok(Thing::Refund(refund)) => refund.clone(),
        other => panic!("no refund: {other:?}"),
    }
}

fn code(answer: &Answer) -> String {
    let (fault, _) = answer.result.as_ref().expect_err("a fault");
    fault.decline_code.clone().or_else(|| fault.code.clone()).unwrap_or_default()
}

#[test]
fn a_key_is_answered_once_and_for_all() {
    let dir = tempfile::tempdir().expect("a directory");
    let bank = Bank::open(dir.path()).expect("a bank");
    let first = bank.create(asked("k", "p"), new(1999, "pm_card_visa")).expect("a disk");
    let again = bank.create(asked("k", "p"), new(1999, "pm_card_visa")).expect("a disk");
    assert_eq!((intent(&again), again.replayed), (intent(&first), true));
    let other = bank.create(asked("k", "q"), new(2999, "pm_card_visa")).expect("a disk");
    assert_eq!(other.result.expect_err("another body").0.word(), "idempotency_error");
    drop(bank);
    let bank = Bank::open(dir.path()).expect("the same bank");
    let after = bank.create(asked("k", "p"), new(1999, "pm_card_visa")).expect("a disk");
    assert_eq!((intent(&after), after.replayed), (intent(&first), true));
    assert_eq!(bank.intents(None, 10).expect("a disk").len(), 1);
    let declined = bank.create(asked("d", "p"), new(5, "pm_card_chargeDeclinedInsufficientFunds")).expect("a disk");
    let still = bank.create(asked("d", "p"), new(5, "pm_card_chargeDeclinedInsufficientFunds")).expect("a disk");
    assert_eq!((code(&declined), code(&still), still.replayed), ("insufficient_funds".into(), code(&declined), true));
}

#[test]
fn a_key_finds_what_was_done_under_it_as_it_is_now() {
    let bank = Bank::in_memory();
    assert_eq!(bank.by_key("k").expect("a disk"), None);
    let held = intent(&bank.create(asked("k", "p"), new(100, "pm_card_visa")).expect("a disk"));
    bank.capture(asked("c", "p"), &held.id, Some(40)).expect("a disk");
    let Some(Thing::Intent(now)) = bank.by_key("k").expect("a disk") else { panic!("not found") };
    assert_eq!((now.status, now.taken, now.held), (Status::Succeeded, 40, 0));
}

#[test]
fn money_is_taken_once_and_goes_back_at_most_as_far() {
    let bank = Bank::in_memory();
    let held = intent(&bank.create(asked("k", "p"), new(100, "pm_card_visa")).expect("a disk"));
    assert_eq!(
        code(&bank.refund(asked("r0", "p"), &held.id, None, None, BTreeMap::new()).expect("a disk")),
        "payment_intent_unexpected_state"
    );
    bank.capture(asked("c", "p"), &held.id, None).expect("a disk");
    let twice = bank.capture(asked("c2", "p"), &held.id, None).expect("a disk");
    assert_eq!(code(&twice), "payment_intent_unexpected_state");
    let part = bank.refund(asked("r1", "p"), &held.id, Some(60), None, BTreeMap::new()).expect("a disk");
    assert_eq!(refund(&part).amount, 60);
    let over = bank.refund(asked("r2", "p"), &held.id, Some(41), None, BTreeMap::new()).expect("a disk");
    assert_eq!(code(&over), "amount_too_large");
    let rest = bank.refund(asked("r3", "p"), &held.id, None, None, BTreeMap::new()).expect("a disk");
    assert_eq!(refund(&rest).amount, 40);
    let none = bank.refund(asked("r4", "p"), &held.id, None, None, BTreeMap::new()).expect("a disk");
    assert_eq!(code(&none), "charge_already_refunded");
    let late = bank.cancel(asked("x", "p"), &held.id, None).expect("a disk");
    assert_eq!(code(&late), "payment_intent_unexpected_state");
}

#[test]
fn cards_behave_as_their_tokens_say() {
    let bank = Bank::in_memory();
    let try_card = |key: &str, token: &str| bank.create(asked(key, "p"), new(100, token)).expect("a disk");
    assert_eq!(code(&try_card("1", "pm_card_chargeDeclined")), "generic_decline");
    let proving = intent(&try_card("2", "pm_card_threeDSecure2Required"));
    assert_eq!((proving.status, proving.held), (Status::RequiresAction, 0));
    let proved = intent(&bank.authenticate(&proving.id, true).expect("a disk"));
    assert_eq!((proved.status, proved.held), (Status::RequiresCapture, 100));
    let failing = intent(&try_card("3", "pm_card_threeDSecure2Required"));
    let failed = bank.authenticate(&failing.id, false).expect("a disk");
    assert_eq!(code(&failed), "payment_intent_authentication_failure");
    assert_eq!(intent(&failed).status, Status::RequiresPaymentMethod);
    let declining = intent(&try_card("4", "pm_card_threeDSecureRequiredChargeDeclined"));
    assert_eq!(code(&bank.authenticate(&declining.id, true).expect("a disk")), "generic_decline");
    let uncaptured = intent(&try_card("5", "pm_card_captureDeclined"));
    assert_eq!(code(&bank.capture(asked("c5", "p"), &uncaptured.id, None).expect("a disk")), "generic_decline");
    assert_eq!(bank.intent(&uncaptured.id).expect("a disk").expect("there").held, 100, "it is still held");
    for (token, first, later) in [
        ("pm_card_pendingRefund", RefundStatus::Pending, RefundStatus::Succeeded),
        ("pm_card_refundFail", RefundStatus::Failed, RefundStatus::Failed),
    ] {
        let taken = intent(&try_card(token, token));
        bank.capture(asked(&format!("c{token}"), "p"), &taken.id, None).expect("a disk");
        let answer = bank.refund(asked(&format!("r{token}"), "p"), &taken.id, None, None, BTreeMap::new());
        let asked_for = refund(&answer.expect("a disk"));
        let found = bank.look_at_refund(&asked_for.id).expect("a disk").expect("there");
        assert_eq!((asked_for.status, found.status), (first, later), "{token}");
    }
}

#[derive(Debug, Clone)]
enum Deed {
    Create { key: u8, amount: i64, itself: bool, card: usize },
    Authenticate { which: usize, proved: bool },
    Capture { key: u8, which: usize, amount: Option<i64> },
    Cancel { key: u8, which: usize },
    Refund { key: u8, which: usize, amount: Option<i64> },
    Reopen,
}

const CARDS: [&str; 6] = [
    "pm_card_visa",
    "pm_card_chargeDeclined",
    "pm_card_threeDSecureRequired",
    "pm_card_captureDeclined",
    "pm_card_pendingRefund",
    "pm_card_refundFail",
];

fn deed() -> impl Strategy<Value = Deed> {
    let amount = || prop::option::of(1..150i64);
    prop_oneof![
        (0..20u8, 1..100i64, any::<bool>(), 0..CARDS.len()).prop_map(|(key, amount, itself, card)| Deed::Create {
            key,
            amount,
            itself,
            card
        }),
        (0..9usize, any::<bool>()).prop_map(|(which, proved)| Deed::Authenticate { which, proved }),
        (20..40u8, 0..9usize, amount()).prop_map(|(key, which, amount)| Deed::Capture { key, which, amount }),
        (40..60u8, 0..9usize).prop_map(|(key, which)| Deed::Cancel { key, which }),
        (60..90u8, 0..9usize, amount()).prop_map(|(key, which, amount)| Deed::Refund { key, which, amount }),
        Just(Deed::Reopen),
    ]
}

/// What moved, by the journal alone.
fn audited(dir: &std::path::Path) -> BTreeMap<String, [i64; 4]> {
    let lines: Vec<Line> = bank::journal::read(&dir.join(bank::bank::JOURNAL)).expect("a whole journal");
    let mut sums: BTreeMap<String, [i64; 4]> = BTreeMap::new();
    for line in lines {
        let Line::Done(entry) = line else { continue };
        for moved in entry.moves {
            let sum = sums.entry(moved.intent).or_default();
            let place = match moved.what {
                What::Held => 0,
                What::Released => 1,
                What::Charged => 2,
                What::Returned => 3,
            };
            sum[place] += moved.amount;
        }
    }
    sums
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Of every intent: held = released + charged + what is still held; returned ≤ charged ≤ amount; and the journal
    /// says the same as the books, also after it was opened again.
    #[test]
    fn nothing_is_lost_or_made(deeds in prop::collection::vec(deed(), 1..60)) {
        let dir = tempfile::tempdir().expect("a directory");
        let mut bank = Bank::open(dir.path()).expect("a bank");
        for deed in deeds {
            let ids: Vec<String> = bank.intents(None, 100).expect("a disk").into_iter().map(|intent| intent.id).collect();
            let pick = |which: usize| ids.get(which % ids.len().max(1)).cloned().unwrap_or_default();
            match deed {
                Deed::Create { key, amount, itself, card } => {
                    let new = NewIntent { captures_itself: itself, ..new(amount, CARDS[card]) };
                    bank.create(asked(&key.to_string(), "p"), new).map(drop)
                }
                Deed::Authenticate { which, proved } => bank.authenticate(&pick(which), proved).map(drop),
                Deed::Capture { key, which, amount } => bank.capture(asked(&key.to_string(), "p"), &pick(which), amount).map(drop),
                Deed::Cancel { key, which } => bank.cancel(asked(&key.to_string(), "p"), &pick(which), None).map(drop),
                Deed::Refund { key, which, amount } => {
                    bank.refund(asked(&key.to_string(), "p"), &pick(which), amount, None, BTreeMap::new()).map(drop)
                }
                Deed::Reopen => {
                    drop(bank);
                    bank = Bank::open(dir.path()).expect("the same bank");
                    Ok(())
                }
            }.expect("a disk");
        }
        let intents = bank.intents(None, 100).expect("a disk");
        let sums = audited(dir.path());
        for intent in &intents {
            let [held, released, charged, returned] = sums.get(&intent.id).copied().unwrap_or_default();
            prop_assert_eq!(held, released + charged + intent.held);
            prop_assert_eq!(charged, intent.taken);
            prop_assert!(returned <= intent.returned && intent.returned <= charged && charged <= intent.amount);
            prop_assert!(held <= intent.amount, "it is held at most once");
        }
        prop_assert!(sums.keys().all(|id| intents.iter().any(|intent| intent.id == *id)));
    }
}

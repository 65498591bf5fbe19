//! Money on its way, and back.

use messages::payment::v1::{self, LedgerAccount, PaymentStatus, RefundStatus, rpc};
use runtime::testkit::refusal;

use super::in_a_world;
use super::shop::{
    authorisation, authorise, balance, cancel, capture, euros, id, ledger_sums, open, refund, refunded, token, until,
};

#[test]
fn a_payment_from_beginning_to_end() {
    in_a_world(|world| async move {
        let (mut stage, asker, way) = open(&world, &["a"]).await;
        let accepted = authorise(&asker, "one", "pm_card_visa").await;
        assert_eq!(accepted.status(), PaymentStatus::Pending, "accepted at once");
        let held = until(&asker, "one", PaymentStatus::Authorized).await;
        assert_eq!(way.money(&held.payment_id), [1999, 0, 0]);
        assert_eq!(refusal(refund(&asker, "one", "early", None).await).code, "not_captured");
        capture(&asker, "one", Some(1500)).await.expect("it is held");
        let taken = until(&asker, "one", PaymentStatus::Captured).await;
        assert_eq!((taken.captured, taken.refundable), (euros(1500), euros(1500)));
        assert_eq!(way.money(&held.payment_id), [0, 1500, 0]);
        for (name, amount) in [("first", 500), ("second", 300)] {
            refund(&asker, "one", name, Some(amount)).await.expect("something is left");
        }
        let over = refusal(refund(&asker, "one", "third", Some(701)).await);
        assert_eq!(over.code, "exceeds_refundable");
        assert_eq!(over.fact("refundable"), Some(&700.into()));
        let refunds = refunded(&asker, "one").await;
        assert_eq!(refunds.iter().map(v1::Refund::status).collect::<Vec<_>>(), [RefundStatus::Succeeded; 2]);
        refund(&asker, "one", "rest", None).await.expect("something is left");
        until(&asker, "one", PaymentStatus::Refunded).await;
        assert_eq!(way.money(&held.payment_id), [0, 1500, 1500]);
        let ledger = v1::ListTransactionsRequest::default();
        let booked = asker.until::<rpc::ListTransactions>(None, &ledger, |booked| booked.data.len() == 4).await;
        for transaction in &booked.data {
            let sum: i64 = transaction.entries.iter().filter_map(|entry| entry.amount.as_ref()?.amount).sum();
            assert_eq!(sum, 0, "{transaction:?}");
        }
        assert_eq!(ledger_sums(&asker).await, 0);
        assert_eq!(balance(&asker, LedgerAccount::Revenue).await, -1500);
        assert_eq!(balance(&asker, LedgerAccount::Refunds).await, 1500);
        assert_eq!(balance(&asker, LedgerAccount::ProviderClearing).await, 0);
        assert_eq!(balance(&asker, LedgerAccount::CustomerReceivable).await, 0);
        stage.clear().await;
    });
}

#[test]
fn a_card_that_says_no_says_why() {
    in_a_world(|world| async move {
        let (mut stage, asker, way) = open(&world, &["a"]).await;
        for (name, card, code) in [
            ("none", "pm_card_chargeDeclined", "generic_decline"),
            ("poor", "pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
            ("old", "pm_card_chargeDeclinedExpiredCard", "expired_card"),
        ] {
            authorise(&asker, name, card).await;
            let failed = until(&asker, name, PaymentStatus::Failed).await;
            let problem = failed.problem.expect("a problem");
            assert_eq!((problem.code.as_str(), problem.fact("decline_code")), ("payment_declined", Some(&code.into())));
            assert_eq!(way.money(&failed.payment_id), [0; 3]);
            assert_eq!(refusal(capture(&asker, name, None).await).code, "payment_failed");
        }
        authorise(&asker, "who", "pm_card_nobody").await;
        let refused = until(&asker, "who", PaymentStatus::Failed).await;
        assert_eq!(refused.problem.expect("a problem").code, "provider_refused");
        // A capture that is refused lets go what was held.
        authorise(&asker, "late", "pm_card_captureDeclined").await;
        until(&asker, "late", PaymentStatus::Authorized).await;
        capture(&asker, "late", None).await.expect("accepted");
        let failed = until(&asker, "late", PaymentStatus::Failed).await;
        assert_eq!(failed.problem.expect("a problem").code, "payment_declined");
        while way.money(&failed.payment_id) != [0; 3] {
            world.pass(std::time::Duration::from_millis(50)).await;
        }
        stage.clear().await;
    });
}

#[test]
fn a_payment_that_is_given_up_leaves_nothing_wherever_it_was() {
    in_a_world(|world| async move {
        let (mut stage, asker, way) = open(&world, &["a"]).await;
        // Before anybody asked for it: whoever asks later is told.
        cancel(&asker, "never").await;
        let request = authorisation("never", "pm_card_visa");
        let late = asker.ask::<rpc::AuthorizePayment>(Some(&request.payment_id), &request).await;
        assert_eq!(refusal(late).code, "payment_voided");
        // While the provider is asked.
        authorise(&asker, "asked", "pm_card_visa").await;
        cancel(&asker, "asked").await;
        until(&asker, "asked", PaymentStatus::Voided).await;
        // Held.
        authorise(&asker, "held", "pm_card_visa").await;
        until(&asker, "held", PaymentStatus::Authorized).await;
        cancel(&asker, "held").await;
        cancel(&asker, "held").await;
        until(&asker, "held", PaymentStatus::Voided).await;
        // While it is taken, and the answer gets lost.
        authorise(&asker, "taking", "pm_card_visa").await;
        until(&asker, "taking", PaymentStatus::Authorized).await;
        way.lose_answers(2);
        capture(&asker, "taking", None).await.expect("it is held");
        while way.money(&id("pay", "taking"))[1] == 0 {
            world.pass(std::time::Duration::from_millis(10)).await;
        }
        cancel(&asker, "taking").await;
        let back = until(&asker, "taking", PaymentStatus::Refunded).await;
        assert_eq!(back.cancel_reason, "out_of_stock");
        // Taken, and partly given back.
        authorise(&asker, "taken", "pm_card_visa").await;
        until(&asker, "taken", PaymentStatus::Authorized).await;
        capture(&asker, "taken", None).await.expect("it is held");
        until(&asker, "taken", PaymentStatus::Captured).await;
        refund(&asker, "taken", "part", Some(999)).await.expect("something is left");
        cancel(&asker, "taken").await;
        until(&asker, "taken", PaymentStatus::Refunded).await;
        for (name, returned) in [("never", 0), ("asked", 0), ("held", 0), ("taking", 1999), ("taken", 1999)] {
            assert_eq!(way.money(&id("pay", name)), [0, returned, returned], "{name}");
        }
        assert_eq!(ledger_sums(&asker).await, 0);
        stage.clear().await;
    });
}

#[test]
fn a_customer_proves_who_they_are() {
    in_a_world(|world| async move {
        let (mut stage, asker, way) = open(&world, &["a"]).await;
        let confirm = async |name: &str| {
            let request = v1::ConfirmPaymentRequest { payment_id: id("pay", name) };
            asker.ask::<rpc::ConfirmPayment>(Some(&request.payment_id), &request).await.expect("accepted")
        };
        authorise(&asker, "yes", "pm_card_threeDSecure2Required").await;
        let waiting = until(&asker, "yes", PaymentStatus::RequiresAction).await;
        let action = waiting.next_action.expect("an action");
        assert!(action.r#type == "redirect" && action.url.starts_with("http://bank/3ds/pi_"), "{action:?}");
        confirm("yes").await;
        way.prove(&waiting.payment_id, true);
        confirm("yes").await;
        until(&asker, "yes", PaymentStatus::Authorized).await;
        // Whoever cannot prove it is declined, and the door is closed behind them.
        authorise(&asker, "no", "pm_card_threeDSecure2Required").await;
        let waiting = until(&asker, "no", PaymentStatus::RequiresAction).await;
        way.prove(&waiting.payment_id, false);
        confirm("no").await;
        until(&asker, "no", PaymentStatus::Failed).await;
        // Nobody comes back: the provider is asked, and in the end the payment fails by itself.
        authorise(&asker, "lost", "pm_card_threeDSecure2Required").await;
        until(&asker, "lost", PaymentStatus::RequiresAction).await;
        world.pass(std::time::Duration::from_secs(31 * 60)).await;
        let expired = until(&asker, "lost", PaymentStatus::Failed).await;
        assert_eq!(expired.problem.expect("a problem").code, "authentication_expired");
        // The customer proves it and closes the browser: reconciliation finds out.
        authorise(&asker, "silent", "pm_card_threeDSecure2Required").await;
        let silent = until(&asker, "silent", PaymentStatus::RequiresAction).await;
        way.prove(&silent.payment_id, true);
        world.pass(std::time::Duration::from_secs(6 * 60)).await;
        until(&asker, "silent", PaymentStatus::Authorized).await;
        stage.clear().await;
    });
}

#[test]
fn money_that_is_to_be_taken_at_once_is() {
    in_a_world(|world| async move {
        let (mut stage, asker, way) = open(&world, &["a"]).await;
        let request = v1::CreatePaymentRequest {
            payment_id: id("pay", "alone"),
            amount: euros(500),
            method: token("pm_card_visa"),
            order_id: None,
            user_id: Some(id("usr", "ada")),
            capture: v1::CaptureMode::Automatic.into(),
            return_url: String::new(),
        };
        asker.ask::<rpc::CreatePayment>(Some(&request.payment_id), &request).await.expect("accepted");
        until(&asker, "alone", PaymentStatus::Captured).await;
        assert_eq!(way.money(&request.payment_id), [0, 500, 0]);
        stage.clear().await;
    });
}

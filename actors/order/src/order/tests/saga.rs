//! Stories: the way forwards, and every way back.

use expect_test::{Expect, expect};

use super::super::placed::Pay;
use super::*;

/// What happened since a moment, one thing a line.
fn story(told: &Told, from: usize, expected: Expect) {
    let log: Vec<String> = told.log[from..].iter().map(words).collect();
    expected.assert_eq(&(log.join("\n") + "\n"));
}

#[test]
fn an_order_goes_all_the_way_and_each_step_waits_for_those_before_it() {
    let mut told = Told::placed(rich_deal());
    let mut steps = Vec::new();
    let mut note = |told: &Told| steps.push(format!("{:?}: {}", status(told), owes(&told.order)));
    note(&told);
    told.answer(Call::Redeem, Answer::Done);
    note(&told);
    told.answer(Call::Reserve(rsv(1, 1)), Answer::Done);
    note(&told);
    told.answer(Call::Reserve(rsv(1, 0)), Answer::Done);
    note(&told);
    told.answer(Call::Authorize, Answer::Payment(PaymentNews::Pending));
    note(&told);
    told.tell(Command::Payment(PaymentNews::Authorized(eur(4_000)))).expect("news");
    note(&told);
    for part in 0..2 {
        told.answer(Call::Secure(rsv(1, part)), Answer::Done);
    }
    note(&told);
    told.answer(Call::CompleteCart, Answer::Done);
    note(&told);
    told.answer(Call::Capture, Answer::Payment(PaymentNews::Pending));
    told.tell(Command::Payment(PaymentNews::Captured(eur(4_000)))).expect("news");
    note(&told);
    told.go_on(|_| false);
    note(&told);
    told.tell(parcel(&shp(1, 0), dispatched())).expect("news");
    note(&told);
    told.tell(parcel(&shp(1, 1), dispatched())).expect("news");
    note(&told);
    for part in 0..2 {
        told.tell(parcel(&shp(1, part), ParcelNews::Delivered)).expect("news");
    }
    note(&told);
    expect![[r#"
        Pending: redeem, expire
        Pending: reserve/rsv1.0, reserve/rsv1.1, expire
        Pending: reserve/rsv1.0, expire
        Pending: authorize, expire
        Pending: expire
        Pending: secure/rsv1.0, secure/rsv1.1, cart
        Pending: cart
        Confirmed: capture
        Processing: ship/shp1.0.0/0, ship/shp1.1.0/0, commit
        Processing: 
        PartiallyShipped: 
        Shipped: 
        Completed: 
    "#]]
    .assert_eq(&(steps.join("\n") + "\n"));
    story(
        &told,
        0,
        expect![[r#"
        created
        CreateOrder done
        ReserveCoupons done rdm
        ReserveItems done rsv1.1
        ReserveItems done rsv1.0
        payment requested
        authorized 40.00 EUR
        ConfirmItems done rsv1.0
        ConfirmItems done rsv1.1
        CompleteCart done cart
        confirmed
        captured 40.00 EUR
        ProcessPayment done pay
        paid
        CreateShipment done shp1.0.0
        CreateShipment done shp1.1.0
        CommitCoupons done rdm
        parcel shp1.0.0 Dispatched
        parcel shp1.1.0 Dispatched
        parcel shp1.0.0 Delivered
        parcel shp1.1.0 Delivered
        completed
    "#]],
    );
}

#[test]
fn an_answer_that_news_overtook_changes_nothing() {
    let mut told = Told::placed(deal());
    told.go_on(|call| matches!(call, Call::Authorize));
    told.tell(Command::Payment(PaymentNews::Authorized(eur(4_000)))).expect("news");
    assert_eq!(told.answer(Call::Authorize, Answer::Payment(PaymentNews::Pending)), "already so");
    told.go_on(|call| matches!(call, Call::Capture));
    told.tell(Command::Payment(PaymentNews::Captured(eur(4_000)))).expect("news");
    assert_eq!(told.answer(Call::Capture, Answer::Payment(PaymentNews::Pending)), "already so");
    assert_eq!(status(&told), Status::Processing);
}

#[test]
fn what_costs_nothing_is_paid_without_a_payment() {
    let nothing = Totals { total: eur(0), ..deal().totals };
    let mut told = Told::placed(Deal { totals: nothing, payment_id: String::new(), ..deal() });
    told.go_on(|_| false);
    assert_eq!(status(&told), Status::Processing);
    assert_eq!(told.state().pay, Pay::Free);
    assert!(!told.log.iter().any(|event| words(event).contains("payment")));
}

#[test]
fn a_declined_payment_undoes_the_stock_and_the_coupons_in_this_order() {
    let mut told = Told::placed(rich_deal());
    told.go_on(|call| matches!(call, Call::Authorize));
    let from = told.log.len();
    told.answer(Call::Authorize, Answer::Payment(PaymentNews::Pending));
    let problem = Trouble::payment_declined(ORDER, "payment_declined", "insufficient_funds", "");
    told.tell(Command::Payment(PaymentNews::Declined(problem))).expect("news");
    told.go_on(|_| false);
    story(
        &told,
        from,
        expect![[r#"
        payment requested
        ProcessPayment failed pay: payment_declined
        cancel began: payment_declined
        ReserveItems undone by ReleaseItems rsv1.0
        ReserveItems undone by ReleaseItems rsv1.1
        ReserveCoupons undone by ReleaseCoupons rdm
        CreateOrder undone by CancelOrder
        cancelled: payment_declined
    "#]],
    );
}

#[test]
fn a_capture_that_fails_lets_the_promise_go_and_then_the_rest() {
    let mut told = Told::confirmed(rich_deal());
    let from = told.log.len();
    told.tell(Command::Payment(PaymentNews::CaptureFailed(trouble("provider_refused")))).expect("news");
    assert_eq!(owes(&told.order), "cancel_payment/0/0");
    told.answer(Call::CancelPayment, Answer::Payment(PaymentNews::Pending));
    assert_eq!(owes(&told.order), "cancel_payment/0/0", "asked, and nothing else until it is so");
    told.tell(Command::Payment(PaymentNews::Voided)).expect("news");
    told.go_on(|_| false);
    story(
        &told,
        from,
        expect![[r#"
        ProcessPayment failed pay: provider_refused
        cancel began: provider_refused
        ProcessPayment undone by RefundPayment pay
        ReserveItems undone by ReleaseItems rsv1.0
        ReserveItems undone by ReleaseItems rsv1.1
        ReserveCoupons undone by ReleaseCoupons rdm
        CreateOrder undone by CancelOrder
        cancelled: provider_refused
    "#]],
    );
}

#[test]
fn a_paid_order_is_undone_in_reverse_parcels_money_stock_coupons() {
    let mut told = Told::packing(rich_deal());
    let from = told.log.len();
    told.tell(cancel()).expect("nothing has left");
    for part in 0..2 {
        assert_eq!(told.answer(Call::Recall(shp(1, part)), Answer::Done), "already so", "the news will tell");
        told.tell(parcel(&shp(1, part), ParcelNews::Cancelled)).expect("news");
    }
    told.answer(Call::CancelPayment, Answer::Payment(PaymentNews::Captured(eur(4_000))));
    assert_eq!(status(&told), Status::Cancelling, "accepted is not done");
    told.tell(processed("rfd_rest", 4_000)).expect("news");
    told.go_on(|_| false);
    story(
        &told,
        from,
        expect![[r#"
        cancel began: customer_request
        CreateShipment undone by CancelShipment shp1.0.0
        CreateShipment undone by CancelShipment shp1.1.0
        refunded 40.00 EUR
        ProcessPayment undone by RefundPayment pay
        ReserveItems undone by ReleaseItems rsv1.0
        ReserveItems undone by ReleaseItems rsv1.1
        ReserveCoupons undone by ReleaseCoupons rdm
        CreateOrder undone by CancelOrder
        cancelled: customer_request
    "#]],
    );
    let placed = told.state();
    assert_eq!((placed.captured, placed.refunded(), placed.billed()), (eur(4_000), eur(4_000), eur(0)));
}

#[test]
fn a_call_that_was_announced_is_waited_for_and_then_undone() {
    let mut told = Told::placed(deal());
    let key = format!("reserve/{}", rsv(1, 0));
    told.open = vec![key.clone()];
    told.tell(cancel()).expect("nothing has left");
    assert_eq!(
        told.state().owed(),
        vec![Owed::Ask { key, call: Call::Reserve(rsv(1, 0)) }],
        "the same call, the same key"
    );
    told.answer(Call::Reserve(rsv(1, 0)), Answer::Done);
    assert_eq!(owes(&told.order), "release/rsv1.0/0");
    told.answer(Call::Release(rsv(1, 0)), Answer::Done);
    assert_eq!(status(&told), Status::Cancelled);
}

#[test]
fn a_parcel_that_was_asked_for_and_not_answered_is_waited_for_and_then_stopped() {
    let mut told = Told::paid(deal());
    told.open = vec![format!("ship/{}/0", shp(1, 0))];
    told.tell(cancel()).expect("nothing has left");
    told.answer(Call::Ship(shp(1, 0)), Answer::Done);
    assert_eq!(owes(&told.order), "recall/shp1.0.0/0");
}

#[test]
fn money_that_comes_after_the_end_goes_back_every_time() {
    let mut told = Told::placed(deal());
    told.tell(cancel()).expect("nothing has left");
    assert_eq!(status(&told), Status::Cancelled);
    let from = told.log.len();
    told.tell(Command::Payment(PaymentNews::Authorized(eur(4_000)))).expect("news cannot be refused");
    assert_eq!(owes(&told.order), "cancel_payment/1/0");
    told.answer(Call::CancelPayment, Answer::Payment(PaymentNews::Pending));
    told.tell(Command::Payment(PaymentNews::Voided)).expect("news");
    assert_eq!(owes(&told.order), "");
    told.tell(Command::Payment(PaymentNews::Captured(eur(4_000)))).expect("news cannot be refused");
    assert_eq!(owes(&told.order), "cancel_payment/2/0");
    told.tell(processed("rfd_rest", 4_000)).expect("news");
    assert_eq!(owes(&told.order), "");
    story(
        &told,
        from,
        expect![[r#"
        late payment 1 captured false
        ProcessPayment undone by RefundPayment pay
        late payment 2 captured true
        refunded 40.00 EUR
        ProcessPayment undone by RefundPayment pay
    "#]],
    );
    assert_eq!(status(&told), Status::Cancelled);
}

#[test]
fn stock_that_is_missed_is_looked_for_elsewhere_three_times() {
    let mut told = Told::placed(rich_deal());
    told.answer(Call::Redeem, Answer::Done);
    told.answer(Call::Reserve(rsv(1, 0)), Answer::Done);
    told.answer(Call::Reserve(rsv(1, 1)), refused("out_of_stock"));
    assert_eq!(owes(&told.order), "release/rsv1.0/0, expire", "what it holds goes back before another plan is made");
    told.answer(Call::Release(rsv(1, 0)), Answer::Done);
    let plan = |round| Answer::Plan(vec![allotment(round, 0, &[("MUG", 3), ("TEE", 1)])]);
    told.answer(Call::Allocate, plan(2));
    told.answer(Call::Reserve(rsv(2, 0)), refused("out_of_stock"));
    told.answer(Call::Allocate, plan(3));
    assert_eq!(
        told.answer(Call::Reserve(rsv(3, 0)), refused("out_of_stock")),
        "ReserveItems failed rsv3.0: out_of_stock, cancel began: out_of_stock"
    );
    told.go_on(|_| false);
    assert_eq!(status(&told), Status::Cancelled);
}

#[test]
fn a_hold_that_ended_before_the_money_came_is_taken_again_or_the_money_goes_back() {
    let mut told = Told::authorized(deal());
    told.answer(Call::Secure(rsv(1, 0)), refused("reservation_expired"));
    assert_eq!(owes(&told.order), "allocate/1");
    let mut lucky = told.clone();
    lucky.answer(Call::Allocate, Answer::Plan(vec![allotment(2, 0, &[("MUG", 3), ("TEE", 1)])]));
    lucky.go_on(|call| matches!(call, Call::Capture));
    assert_eq!(status(&lucky), Status::Confirmed, "held for good, from the second plan");
    told.answer(Call::Allocate, refused("out_of_stock"));
    assert_eq!(owes(&told.order), "cancel_payment/0/0", "the promise is let go");
}

#[test]
fn nobody_who_does_not_pay_holds_stock_for_ever() {
    let mut told = Told::placed(deal());
    told.go_on(|call| matches!(call, Call::Authorize));
    told.answer(Call::Authorize, Answer::Payment(PaymentNews::ActionRequired(redirect())));
    told.clock = 899;
    assert_eq!(told.tell(Command::Expire), Ok("already so".to_owned()));
    told.clock = 900;
    told.tell(Command::Expire).expect("its time");
    assert_eq!(owes(&told.order), "cancel_payment/0/0");
    told.answer(Call::CancelPayment, Answer::Payment(PaymentNews::Voided));
    told.go_on(|_| false);
    assert_eq!(status(&told), Status::Cancelled);
}

#[test]
fn lines_are_cancelled_with_their_share_of_the_money_and_the_rest_is_packed_anew() {
    let mut told = Told::packing(deal());
    let from = told.log.len();
    told.tell(cancel_lines(&[("MUG", 1)])).expect("nothing has left");
    told.tell(parcel(&shp(1, 0), ParcelNews::Cancelled)).expect("news");
    let refund_id = told.state().reduction.as_ref().expect("a reduction").refund_id.clone();
    assert_eq!(owes(&told.order), "refund/1/0", "the money before the stock");
    told.answer(Call::Refund, Answer::Refund(RefundNews::Pending));
    told.tell(processed(&refund_id, 1_000)).expect("news");
    assert_eq!(owes(&told.order), "reduce/rsv1.0/1/0");
    told.answer(Call::ReleaseSome(rsv(1, 0)), Answer::Done);
    assert_eq!(owes(&told.order), "ship/shp1.0.1/0", "another parcel, for what is left");
    told.go_on(|_| false);
    story(
        &told,
        from,
        expect![[r#"
        reduction began 10.00 EUR
        CreateShipment undone by CancelShipment shp1.0.0
        refunded 10.00 EUR
        ReserveItems undone by ReleaseItems rsv1.0
        reduced
        CreateShipment done shp1.0.1
    "#]],
    );
    let placed = told.state();
    assert_eq!(placed.parts[0].lines, units(&[("MUG", 2), ("TEE", 1)]));
    assert_eq!((placed.billed(), placed.refunded()), (eur(3_000), eur(1_000)));
}

#[test]
fn a_cancellation_that_a_parcel_outran_keeps_that_parcel_and_gives_the_rest_back() {
    let mut told = Told::packing(rich_deal());
    let from = told.log.len();
    told.tell(cancel()).expect("nothing has left");
    told.tell(parcel(&shp(1, 1), ParcelNews::Cancelled)).expect("news");
    told.answer(Call::Recall(shp(1, 0)), refused("already_dispatched"));
    assert_eq!(status(&told), Status::PartiallyShipped);
    let refund_id = told.state().reduction.as_ref().expect("a reduction").refund_id.clone();
    told.tell(processed(&refund_id, 1_000)).expect("news");
    told.go_on(|_| false);
    assert_eq!(status(&told), Status::Shipped);
    told.tell(parcel(&shp(1, 0), ParcelNews::Delivered)).expect("news");
    story(
        &told,
        from,
        expect![[r#"
        cancel began: customer_request
        CreateShipment undone by CancelShipment shp1.1.0
        parcel shp1.0.0 Dispatched
        cancel refused
        reduction began 10.00 EUR
        refunded 10.00 EUR
        ReserveItems undone by ReleaseItems rsv1.1
        reduced
        parcel shp1.0.0 Delivered
        completed
    "#]],
    );
    assert_eq!((told.state().billed(), told.state().refunded()), (eur(3_000), eur(1_000)));
}

#[test]
fn a_shipment_that_is_refused_gives_everything_back() {
    let mut told = Told::paid(deal());
    let from = told.log.len();
    told.answer(Call::Ship(shp(1, 0)), refused("carrier_refuses"));
    told.tell(processed("rfd_rest", 4_000)).expect("news");
    told.go_on(|_| false);
    story(
        &told,
        from,
        expect![[r#"
        CreateShipment failed shp1.0.0: carrier_refuses
        cancel began: shipment_refused
        refunded 40.00 EUR
        ProcessPayment undone by RefundPayment pay
        ReserveItems undone by ReleaseItems rsv1.0
        CreateOrder undone by CancelOrder
        cancelled: shipment_refused
    "#]],
    );
    let Stage::Cancelled(undo) = &told.state().stage else { panic!("{:?}", told.state().stage) };
    assert_eq!(undo.problem.as_ref().map(Trouble::code), Some("shipment_refused"));
}

#[test]
fn an_undoing_that_does_not_work_is_stuck_in_sight_until_somebody_retries() {
    let mut told = Told::packing(deal());
    told.tell(cancel()).expect("nothing has left");
    told.tell(parcel(&shp(1, 0), ParcelNews::Cancelled)).expect("news");
    let failed = RefundNews::Failed { refund_id: "rfd_rest".to_owned(), reason: "account_closed".to_owned() };
    assert_eq!(told.tell(Command::Refund(failed)), Ok("STUCK RefundPayment: refund_failed".to_owned()));
    assert_eq!(status(&told), Status::Cancelling, "neither cancelled nor forgotten");
    told.tell(Command::Retry).expect("it is stuck");
    assert_eq!(owes(&told.order), "cancel_payment/0/1", "another key: another try");
    assert!(told.state().stuck.is_none());
    told.tell(processed("rfd_again", 4_000)).expect("news");
    told.go_on(|_| false);
    assert_eq!(status(&told), Status::Cancelled);
}

#[test]
fn what_says_that_it_is_undone_already_is_undone() {
    for code in ["not_found", "reservation_released", "reservation_expired"] {
        let mut told = Told::placed(deal());
        told.answer(Call::Reserve(rsv(1, 0)), Answer::Done);
        told.tell(cancel()).expect("nothing has left");
        told.answer(Call::Release(rsv(1, 0)), refused(code));
        assert_eq!(status(&told), Status::Cancelled, "{code}");
    }
    let mut told = Told::placed(deal());
    told.answer(Call::Reserve(rsv(1, 0)), Answer::Done);
    told.tell(cancel()).expect("nothing has left");
    let said = told.answer(Call::Release(rsv(1, 0)), refused("reservation_shipped"));
    assert_eq!(said, "STUCK ReleaseItems: reservation_shipped", "goods that left are not released");
}

#[test]
fn a_held_order_keeps_its_stock_and_takes_no_money() {
    let mut told = Told::authorized(deal());
    told.tell(Command::Hold("a look".to_owned())).expect("it may be held");
    told.go_on(|_| false);
    assert_eq!((status(&told), owes(&told.order).as_str()), (Status::OnHold, ""));
    told.clock = 100_000;
    assert_eq!(told.tell(Command::Expire), Ok("already so".to_owned()), "it waits for somebody, not for the clock");
    assert_eq!(told.tell(Command::Approve), Ok("updated Pending, confirmed".to_owned()));
}

#[test]
fn a_held_parcel_is_stopped_and_packed_again() {
    let mut told = Told::packing(deal());
    told.tell(Command::Hold("a look".to_owned())).expect("it may be held");
    told.open = vec![format!("recall/{}/0", shp(1, 0))];
    assert_eq!(told.tell(Command::Approve), Err(Refusal::Changing), "nobody knows yet whether it has left");
    told.open.clear();
    told.tell(parcel(&shp(1, 0), ParcelNews::Cancelled)).expect("news");
    told.tell(Command::Approve).expect("it is held");
    assert_eq!(owes(&told.order), "ship/shp1.0.1/0");
}

#[test]
fn no_more_comes_back_than_left_and_its_worth_adds_up() {
    let mut told = Told::shipped(deal());
    let open = |id: &str, count| {
        let (return_id, amendment_id) = (id.to_owned(), String::new());
        Command::OpenReturn { return_id, units: units(&[("MUG", count)]), amendment_id }
    };
    told.tell(open("ret_1", 2)).expect("three have left");
    assert!(matches!(told.tell(open("ret_2", 2)), Err(Refusal::ExceedsReturnable(_))), "over-return");
    let close = |id: &str, count, amount| Command::CloseReturn {
        return_id: id.to_owned(),
        units: units(&[("MUG", count)]),
        amount,
        refund_id: format!("rfd_{id}"),
        shares: vec![],
    };
    let worth = told.state().worth(&units(&[("MUG", 1)]));
    told.tell(close("ret_1", 1, worth)).expect("one of the two came");
    told.tell(open("ret_2", 2)).expect("the other may come with another");
    let rest = told.state().worth(&units(&[("MUG", 2)]));
    assert_eq!((worth, rest), (eur(1_000), eur(2_000)));
    told.tell(close("ret_2", 2, rest)).expect("they came");
    assert_eq!(told.state().billed(), eur(1_000));
    told.tell(processed("rfd_ret_1", 1_000)).expect("news");
    told.tell(processed("rfd_ret_2", 2_000)).expect("news");
    assert_eq!((told.state().billed(), told.state().refunded()), (eur(1_000), eur(3_000)));
}

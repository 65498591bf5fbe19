//! Stories of orders that were amended: more than one payment pays them.

use expect_test::{Expect, expect};

use super::*;

fn story(told: &Told, from: usize, expected: Expect) {
    let lines: Vec<String> = told.log[from..].iter().map(words).collect();
    expected.assert_eq(&(lines.join("\n") + "\n"));
}

/// What was charged, minus what went back, is what is billed.
#[track_caller]
fn adds_up(told: &Told) {
    let placed = told.state();
    assert_eq!(placed.charged().minus(placed.refunded()), Ok(placed.billed()));
}

/// Two caps came instead of a tee.
fn edited() -> Told {
    let mut told = Told::packing(deal());
    told.tell(open_amendment("", &[("TEE", 1)])).expect("nothing has left");
    told.tell(amend()).expect("nothing has left");
    told.tell(parcel(&shp(1, 0), ParcelNews::Cancelled)).expect("news");
    told.go_on(|_| false);
    told
}

#[test]
fn an_edit_adds_what_is_paid_and_takes_off_what_pays_for_it() {
    let mut told = Told::packing(deal());
    told.tell(open_amendment("", &[("TEE", 1)])).expect("nothing has left");
    let from = told.log.len();
    told.tell(amend()).expect("nothing has left");
    assert_eq!(owes(&told.order), "recall/shp1.0.0/0, ship/shp4.0.0/0", "the caps go, the tee is taken out");
    told.tell(parcel(&shp(1, 0), ParcelNews::Cancelled)).expect("news");
    told.go_on(|_| false);
    story(
        &told,
        from,
        expect![[r#"
            amended 25.00 EUR +15.00 EUR −10.00 EUR
            updated Processing
            reduction began 0.00 EUR
            CreateShipment undone by CancelShipment shp1.0.0
            CreateShipment done shp4.0.0
            ReserveItems undone by ReleaseItems rsv1.0
            reduced
            CreateShipment done shp1.0.1
        "#]],
    );
    let placed = told.state();
    assert_eq!((placed.charged(), placed.refunded(), placed.billed()), (eur(5_500), eur(0), eur(5_500)));
    assert_eq!(placed.kept(), units(&[("CAP", 2), ("MUG", 3)]));
}

#[test]
fn what_goes_back_of_an_edited_order_goes_by_the_first_payment_and_then_by_the_other() {
    let mut told = edited();
    let shares = told.state().shares(eur(5_000), "rfd_1");
    let said: Vec<(&str, Money)> = shares.iter().map(|share| (share.payment_id.as_str(), share.amount)).collect();
    assert_eq!(said, [(PAYMENT, eur(4_000)), ("pay_2", eur(1_000))]);
    assert_ne!(shares[0].refund_id, shares[1].refund_id);
    // Three mugs and a cap: more than the first payment has.
    told.tell(cancel_lines(&[("MUG", 3), ("CAP", 1)])).expect("nothing has left");
    let parcels = [shipment_id(&rsv(1, 0), 1), shipment_id(&rsv(4, 0), 0)];
    for shipment_id in parcels {
        told.tell(parcel(&shipment_id, ParcelNews::Cancelled)).expect("news");
    }
    let shares = told.state().reduction.as_ref().expect("a reduction").shares.clone();
    let amounts: Vec<Money> = shares.iter().map(|share| share.amount).collect();
    assert_eq!(amounts, [eur(4_000), eur(250)], "3,000 and 1,250");
    assert_eq!(told.state().owed().len(), 2, "each by its own refund");
    told.answer(Call::Refund, Answer::Refund(RefundNews::Pending));
    told.answer(Call::RefundMore(shares[1].refund_id.clone()), Answer::Refund(RefundNews::Pending));
    told.tell(processed(&shares[0].refund_id, 4_000)).expect("news");
    assert!(told.state().reduction.is_some(), "half of it is not all of it");
    told.tell(refunded_by("pay_2", &shares[1].refund_id, 250)).expect("news");
    told.go_on(|_| false);
    assert!(told.state().reduction.is_none());
    adds_up(&told);
    assert_eq!(told.state().billed(), eur(1_250));
}

#[test]
fn an_edited_order_that_is_cancelled_gives_both_payments_back() {
    let mut told = edited();
    told.tell(cancel()).expect("nothing has left");
    for shipment_id in [shipment_id(&rsv(1, 0), 1), shipment_id(&rsv(4, 0), 0)] {
        told.tell(parcel(&shipment_id, ParcelNews::Cancelled)).expect("news");
    }
    assert_eq!(owes(&told.order), "cancel_payment/0/0");
    told.answer(Call::CancelPayment, Answer::Payment(PaymentNews::Pending));
    told.tell(processed("rfd_a", 4_000)).expect("news");
    assert_eq!(owes(&told.order), "give_back/pay_2/0", "and then the other");
    told.answer(Call::CancelSupplement("pay_2".to_owned()), refused("provider_refused"));
    assert!(told.state().stuck.is_some(), "somebody has to look");
    told.tell(Command::Retry).expect("it is stuck");
    told.answer(Call::CancelSupplement("pay_2".to_owned()), Answer::Payment(PaymentNews::Pending));
    told.tell(refunded_by("pay_2", "rfd_b", 1_500)).expect("news");
    told.go_on(|_| false);
    assert_eq!(told.state().status(), Status::Cancelled);
    assert_eq!(told.state().charged(), told.state().refunded());
    assert!(told.state().parts.iter().all(|part| part.stock == super::super::placed::Stock::Released));
}

#[test]
fn an_edit_comes_too_late_when_something_has_left() {
    let mut told = Told::packing(deal());
    told.tell(open_amendment("", &[("TEE", 1)])).expect("nothing has left");
    assert_eq!(told.tell(open_amendment("", &[])), Ok("already so".to_owned()));
    told.tell(parcel(&shp(1, 0), dispatched())).expect("news");
    assert_eq!(told.tell(amend()), Err(Refusal::NotEditable(Status::Shipped)));
    told.tell(Command::CloseAmendment { amendment_id: "amd_1".to_owned() }).expect("it came to nothing");
    assert_eq!(told.tell(amend()), Ok("already so".to_owned()), "it is over");
    adds_up(&told);
}

#[test]
fn an_order_that_had_arrived_sends_what_an_exchange_adds_and_arrives_only_once() {
    let mut told = Told::shipped(deal());
    told.tell(parcel(&shp(1, 0), ParcelNews::Delivered)).expect("news");
    assert_eq!(told.state().status(), Status::Completed);
    told.tell(open_amendment("ret_1", &[("TEE", 1)])).expect("it was sent");
    let back = |amendment: &str| Command::OpenReturn {
        return_id: "ret_1".to_owned(),
        units: units(&[("TEE", 1)]),
        amendment_id: amendment.to_owned(),
    };
    told.tell(back("amd_1")).expect("it was sent");
    assert_eq!(told.state().given_back(), units(&[("TEE", 1)]), "it is spoken for");
    let from = told.log.len();
    told.tell(Command::CloseReturn {
        return_id: "ret_1".to_owned(),
        units: units(&[("TEE", 1)]),
        amount: eur(0),
        refund_id: String::new(),
        shares: vec![],
    })
    .expect("it is here");
    let amend = Command::Amend { addition: Box::new(addition(Kind::Exchange)), removed: Units::new(), refund: eur(0) };
    told.tell(amend).expect("it is here");
    told.go_on(|_| false);
    let sent = shipment_id(&rsv(4, 0), 0);
    told.tell(parcel(&sent, dispatched())).expect("news");
    told.tell(parcel(&sent, ParcelNews::Delivered)).expect("news");
    story(
        &told,
        from,
        expect![[r#"
        return closed 0.00 EUR
        amended 25.00 EUR +15.00 EUR −10.00 EUR
        updated Completed
        CreateShipment done shp4.0.0
        parcel shp4.0.0 Dispatched
        parcel shp4.0.0 Delivered
    "#]],
    );
    adds_up(&told);
    assert_eq!(told.state().given_back(), units(&[("TEE", 1)]), "once");
    assert_eq!(told.state().worth(&units(&[("CAP", 2)])), eur(2_500), "they can be sent back at their own price");
}

#[test]
fn units_of_one_sku_are_given_back_at_the_price_that_was_paid_for_each() {
    let mut told = Told::packing(deal());
    told.tell(open_amendment("", &[])).expect("nothing has left");
    let dearer = Addition { lines: vec![line("MUG", 2, 2_600)], amount: eur(2_600), ..addition(Kind::Edit) };
    let dearer = Addition { credited: eur(0), captured: eur(2_600), ..dearer };
    let amend = Command::Amend { addition: Box::new(dearer), removed: Units::new(), refund: eur(0) };
    told.tell(amend).expect("nothing has left");
    let worth = |count| told.state().worth(&units(&[("MUG", count)]));
    assert_eq!((worth(1), worth(3), worth(4), worth(5)), (eur(1_000), eur(3_000), eur(4_300), eur(5_600)));
    adds_up(&told);
}

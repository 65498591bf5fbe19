//! Stories of orders that wait for what is not here.

use expect_test::{Expect, expect};

use super::*;

const AS_READY: Backorder = Backorder { together: false, capture_at_once: false };

fn waiting(lines: &[(&str, i64)]) -> Answer {
    let awaited = |(sku, units): &(&str, i64)| ((*sku).to_owned(), Awaited { units: *units, expected_at: None });
    Answer::Waiting(lines.iter().map(awaited).collect())
}

fn filled(part: usize, lines: &[(&str, i64)]) -> Command {
    Command::Filled { reservation_id: rsv(1, part), units: units(lines) }
}

/// Three mugs and a tee, of which so much is not here, up to the order being confirmed.
fn confirmed(terms: Backorder, lines: &[(&str, i64)]) -> Told {
    let mut told = Told::placed(Deal { backorder: Some(terms), ..deal() });
    told.answer(Call::Reserve(rsv(1, 0)), waiting(lines));
    told.answer(Call::Authorize, Answer::Payment(PaymentNews::Pending));
    told.tell(Command::Payment(PaymentNews::Authorized(eur(4_000)))).expect("news");
    told.answer(Call::Secure(rsv(1, 0)), Answer::Done);
    assert_eq!(status(&told), Status::Confirmed);
    told
}

fn paid(terms: Backorder, lines: &[(&str, i64)]) -> Told {
    let mut told = confirmed(terms, lines);
    told.tell(Command::Payment(PaymentNews::Captured(eur(4_000)))).expect("news");
    told
}

/// How it stands, what waits and what it owes, line by line.
fn story(told: &mut Told, commands: Vec<Command>, expected: Expect) {
    let mut said = vec![];
    let mut note = |told: &Told, what: &str| {
        let waits: Vec<String> =
            told.state().awaited().iter().map(|(sku, awaited)| format!("{} {sku}", awaited.units)).collect();
        said.push(format!("{:?}, waits for [{}], owes [{}]{what}", status(told), waits.join(", "), owes(&told.order)));
    };
    note(told, "");
    for command in commands {
        let what = told.tell(command).unwrap_or_else(|no| format!("refused: {no}"));
        note(told, &format!(" ← {what}"));
    }
    expected.assert_eq(&(said.join("\n") + "\n"));
}

fn done(call: Call) -> Command {
    Command::Answered(call, Answer::Done)
}

#[test]
fn what_is_here_goes_first_and_the_rest_when_it_has_come() {
    let mut told = confirmed(AS_READY, &[("MUG", 1), ("TEE", 1)]);
    let second = shipment_id(&rsv(1, 0), 1);
    let commands = vec![
        Command::Payment(PaymentNews::Captured(eur(4_000))),
        done(Call::Ship(shp(1, 0))),
        parcel(&shp(1, 0), dispatched()),
        parcel(&shp(1, 0), ParcelNews::Delivered),
        filled(0, &[("MUG", 1)]),
        done(Call::Ship(second.clone())),
        filled(0, &[("TEE", 1)]),
        done(Call::Ship(shipment_id(&rsv(1, 0), 2))),
        parcel(&second, ParcelNews::Delivered),
        parcel(&shipment_id(&rsv(1, 0), 2), ParcelNews::Delivered),
    ];
    story(
        &mut told,
        commands,
        expect![[r#"
        Confirmed, waits for [1 MUG, 1 TEE], owes [capture]
        Processing, waits for [1 MUG, 1 TEE], owes [ship/shp1.0.0/0] ← captured 40.00 EUR, ProcessPayment done pay, paid
        Processing, waits for [1 MUG, 1 TEE], owes [] ← CreateShipment done shp1.0.0
        PartiallyShipped, waits for [1 MUG, 1 TEE], owes [] ← parcel shp1.0.0 Dispatched
        PartiallyShipped, waits for [1 MUG, 1 TEE], owes [] ← parcel shp1.0.0 Delivered
        PartiallyShipped, waits for [1 TEE], owes [ship/shp1.0.1/0] ← filled 1 when PartiallyShipped
        PartiallyShipped, waits for [1 TEE], owes [] ← CreateShipment done shp1.0.1
        PartiallyShipped, waits for [], owes [ship/shp1.0.2/0] ← filled 2 when PartiallyShipped
        PartiallyShipped, waits for [], owes [] ← CreateShipment done shp1.0.2
        PartiallyShipped, waits for [], owes [] ← parcel shp1.0.1 Delivered
        Completed, waits for [], owes [] ← parcel shp1.0.2 Delivered, completed
    "#]],
    );
}

#[test]
fn what_comes_while_a_parcel_is_asked_for_goes_in_the_next_one() {
    let mut told = paid(AS_READY, &[("TEE", 1)]);
    told.open.push(told.state().key(&Call::Ship(shp(1, 0))));
    let second = shipment_id(&rsv(1, 0), 1);
    story(
        &mut told,
        vec![filled(0, &[("TEE", 1)]), done(Call::Ship(shp(1, 0))), done(Call::Ship(second.clone()))],
        expect![[r#"
            Processing, waits for [1 TEE], owes [ship/shp1.0.0/0]
            Processing, waits for [1 TEE], owes [ship/shp1.0.0/0] ← filled 1 when Processing
            Processing, waits for [], owes [ship/shp1.0.1/0] ← CreateShipment done shp1.0.0
            Processing, waits for [], owes [] ← CreateShipment done shp1.0.1
        "#]],
    );
    let lines = |id: &str| told.state().parcel(id).expect("a parcel").lines.clone();
    assert_eq!((lines(&shp(1, 0)), lines(&second)), (units(&[("MUG", 3)]), units(&[("TEE", 1)])));
}

#[test]
fn nobody_is_charged_before_something_can_be_sent() {
    let all = [("MUG", 3), ("TEE", 1)];
    let mut told = confirmed(AS_READY, &all);
    story(
        &mut told,
        vec![filled(0, &[("MUG", 1)])],
        expect![[r#"
        Confirmed, waits for [3 MUG, 1 TEE], owes []
        Confirmed, waits for [2 MUG, 1 TEE], owes [capture] ← filled 1 when Confirmed
    "#]],
    );
    let told = confirmed(Backorder { capture_at_once: true, ..AS_READY }, &all);
    assert_eq!(owes(&told.order), "capture");
}

#[test]
fn what_goes_together_waits_for_the_last_of_it() {
    let mut told = confirmed(Backorder { together: true, ..AS_READY }, &[("MUG", 1), ("TEE", 1)]);
    let commands = vec![
        filled(0, &[("MUG", 1)]),
        filled(0, &[("TEE", 1)]),
        Command::Payment(PaymentNews::Captured(eur(4_000))),
        done(Call::Ship(shp(1, 0))),
    ];
    story(
        &mut told,
        commands,
        expect![[r#"
        Confirmed, waits for [1 MUG, 1 TEE], owes []
        Confirmed, waits for [1 TEE], owes [] ← filled 1 when Confirmed
        Confirmed, waits for [], owes [capture] ← filled 2 when Confirmed
        Processing, waits for [], owes [ship/shp1.0.0/0] ← captured 40.00 EUR, ProcessPayment done pay, paid
        Processing, waits for [], owes [] ← CreateShipment done shp1.0.0
    "#]],
    );
    let mut told = paid(Backorder { together: true, capture_at_once: true }, &[("TEE", 1)]);
    story(
        &mut told,
        vec![filled(0, &[("TEE", 1)])],
        expect![[r#"
        Processing, waits for [1 TEE], owes []
        Processing, waits for [], owes [ship/shp1.0.0/0] ← filled 1 when Processing
    "#]],
    );
}

#[test]
fn an_order_that_waits_can_be_cancelled_and_gives_back_what_it_waits_for() {
    let mut told = confirmed(AS_READY, &[("MUG", 3), ("TEE", 1)]);
    let commands = vec![
        cancel(),
        filled(0, &[("MUG", 1)]),
        Command::Answered(Call::CancelPayment, Answer::Payment(PaymentNews::Voided)),
        done(Call::Release(rsv(1, 0))),
        filled(0, &[("MUG", 1)]),
    ];
    story(
        &mut told,
        commands,
        expect![[r#"
        Confirmed, waits for [3 MUG, 1 TEE], owes []
        Cancelling, waits for [3 MUG, 1 TEE], owes [cancel_payment/0/0] ← cancel began: customer_request
        Cancelling, waits for [2 MUG, 1 TEE], owes [cancel_payment/0/0] ← filled 1 when Cancelling
        Cancelling, waits for [2 MUG, 1 TEE], owes [release/rsv1.0/0] ← ProcessPayment undone by RefundPayment pay
        Cancelled, waits for [], owes [] ← ReserveItems undone by ReleaseItems rsv1.0, CreateOrder undone by CancelOrder, cancelled: customer_request
        Cancelled, waits for [], owes [] ← already so
    "#]],
    );
}

#[test]
fn a_line_that_is_cancelled_is_waited_for_no_more() {
    let mut told = paid(AS_READY, &[("TEE", 1)]);
    told.answer(Call::Ship(shp(1, 0)), Answer::Done);
    let commands = vec![
        cancel_lines(&[("TEE", 1)]),
        parcel(&shp(1, 0), ParcelNews::Cancelled),
        processed(&crate::wire::refund_id(ORDER, 1), 1_000),
        done(Call::ReleaseSome(rsv(1, 0))),
    ];
    story(
        &mut told,
        commands,
        expect![[r#"
        Processing, waits for [1 TEE], owes []
        Processing, waits for [1 TEE], owes [recall/shp1.0.0/0, refund/1/0] ← reduction began 10.00 EUR
        Processing, waits for [1 TEE], owes [refund/1/0] ← CreateShipment undone by CancelShipment shp1.0.0
        Processing, waits for [1 TEE], owes [reduce/rsv1.0/1/0] ← refunded 10.00 EUR
        Processing, waits for [], owes [ship/shp1.0.1/0] ← ReserveItems undone by ReleaseItems rsv1.0, reduced
    "#]],
    );
}

#[test]
fn stock_that_came_before_the_answer_did_is_not_waited_for() {
    let mut told = Told::placed(Deal { backorder: Some(AS_READY), ..deal() });
    told.tell(filled(0, &[("TEE", 1)])).expect("news");
    told.answer(Call::Reserve(rsv(1, 0)), waiting(&[("TEE", 1)]));
    assert!(!told.state().waits());
}

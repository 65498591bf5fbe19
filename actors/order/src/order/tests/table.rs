//! Every state against everything that can be asked of an order or told to it. What changes nothing is listed as such: it
//! was thought of.

use expect_test::{Expect, expect};

use super::*;

/// Everything that can be asked or told, by a short name.
fn everything() -> Vec<(&'static str, Command)> {
    let payment = |news| Command::Payment(news);
    let declined = || Trouble::payment_declined(ORDER, "payment_declined", "do_not_honor", "");
    let gone = |code| Command::Refund(RefundNews::Failed { refund_id: "rfd_x".to_owned(), reason: code });
    let set = |status| Command::SetStatus { status, reason: "by hand".to_owned() };
    let back = || Command::OpenReturn {
        return_id: "ret_9".to_owned(),
        units: units(&[("MUG", 1)]),
        amendment_id: String::new(),
    };
    let came = || Command::CloseReturn {
        return_id: "ret_9".to_owned(),
        units: units(&[("MUG", 1)]),
        amount: eur(0),
        refund_id: String::new(),
        shares: vec![],
    };
    let calls = [
        ("redeem", Call::Redeem),
        ("reserve", Call::Reserve(rsv(1, 0))),
        ("allocate", Call::Allocate),
        ("authorize", Call::Authorize),
        ("secure", Call::Secure(rsv(1, 0))),
        ("cart", Call::CompleteCart),
        ("capture", Call::Capture),
        ("ship", Call::Ship(shp(1, 0))),
        ("commit", Call::Commit),
        ("recall", Call::Recall(shp(1, 0))),
        ("cancel payment", Call::CancelPayment),
        ("release", Call::Release(rsv(1, 0))),
        ("refund", Call::Refund),
        ("release some", Call::ReleaseSome(rsv(1, 0))),
        ("withdraw", Call::Withdraw),
        ("refund more", Call::RefundMore("rfd_y".to_owned())),
        ("give back", Call::CancelSupplement("pay_2".to_owned())),
    ];
    let mut all = vec![("place", Command::Place(Box::new(deal())))];
    for (name, call) in calls {
        let done = match call {
            Call::Allocate => Answer::Plan(vec![allotment(2, 0, &[("MUG", 3), ("TEE", 1)])]),
            Call::Authorize | Call::Capture => Answer::Payment(PaymentNews::Pending),
            Call::CancelPayment => Answer::Payment(PaymentNews::Voided),
            _ => Answer::Done,
        };
        all.push((leak(format!("{name} done")), Command::Answered(call.clone(), done)));
        all.push((leak(format!("{name} refused")), Command::Answered(call, refused("no_way"))));
    }
    all.extend([
        ("news: review", payment(PaymentNews::InReview)),
        ("news: action", payment(PaymentNews::ActionRequired(redirect()))),
        ("news: authorized", payment(PaymentNews::Authorized(eur(4_000)))),
        ("news: authorized less", payment(PaymentNews::Authorized(eur(3_000)))),
        ("news: captured", payment(PaymentNews::Captured(eur(4_000)))),
        ("news: captured less", payment(PaymentNews::Captured(eur(3_000)))),
        ("news: declined", payment(PaymentNews::Declined(declined()))),
        ("news: capture failed", payment(PaymentNews::CaptureFailed(declined()))),
        ("news: voided", payment(PaymentNews::Voided)),
        ("news: nothing yet", payment(PaymentNews::Pending)),
        ("news: refunded", processed("rfd_x", 500)),
        ("news: refund failed", gone("account_closed".to_owned())),
        ("parcel left", parcel(&shp(1, 0), dispatched())),
        ("parcel arrived", parcel(&shp(1, 0), ParcelNews::Delivered)),
        ("parcel stopped", parcel(&shp(1, 0), ParcelNews::Cancelled)),
        ("parcel lost", parcel(&shp(1, 0), ParcelNews::Lost)),
        ("parcel returned", parcel(&shp(1, 0), ParcelNews::Returned)),
        ("parcel split", parcel(&shp(1, 0), split())),
        ("filled", Command::Filled { reservation_id: rsv(1, 0), units: units(&[("TEE", 1)]) }),
        ("hold", Command::Hold("a look".to_owned())),
        ("approve", Command::Approve),
        ("cancel", cancel()),
        ("cancel a mug", cancel_lines(&[("MUG", 1)])),
        ("cancel nine mugs", cancel_lines(&[("MUG", 9)])),
        ("set on hold", set(Status::OnHold)),
        ("set confirmed", set(Status::Confirmed)),
        ("set processing", set(Status::Processing)),
        ("set shipped", set(Status::Shipped)),
        ("set completed", set(Status::Completed)),
        ("set cancelled", set(Status::Cancelled)),
        ("retry", Command::Retry),
        ("expire", Command::Expire),
        ("open a return", back()),
        ("close a return", came()),
        ("open an edit", open_amendment("", &[("TEE", 1)])),
        ("open an exchange", open_amendment("ret_8", &[("MUG", 1)])),
        ("amend", amend()),
        ("close an amendment", Command::CloseAmendment { amendment_id: "amd_1".to_owned() }),
        ("news: refunded by another", refunded_by("pay_2", "rfd_y", 300)),
    ]);
    all
}

fn split() -> ParcelNews {
    ParcelNews::Split { new_shipment_id: "shp_other".to_owned(), lines: units(&[("MUG", 1)]) }
}

fn leak(name: String) -> &'static str {
    Box::leak(name.into_boxed_str())
}

/// What everything makes of a state, by what it makes of it.
fn check(told: &Told, expected: Expect) {
    let mut by_outcome: Vec<(String, Vec<&'static str>)> = Vec::new();
    for (name, command) in everything() {
        let mut told = told.clone();
        told.clock = 901;
        let outcome = match told.tell(command) {
            Ok(said) => said,
            Err(refusal) => format!("refused: {refusal}"),
        };
        match by_outcome.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, names)) => names.push(name),
            None => by_outcome.push((outcome, vec![name])),
        }
    }
    let status = told.order.placed().map(|placed| format!("{:?} → {:?}", placed.status(), placed.next_states()));
    let mut text = format!("{}, owes [{}]\n", status.unwrap_or_default(), owes(&told.order));
    for (outcome, names) in by_outcome {
        text += &format!("{outcome}\n    ← {}\n", names.join(" | "));
    }
    expected.assert_eq(&text);
}

#[test]
fn an_order_that_is_not() {
    check(
        &Told::default(),
        expect![[r#"
            , owes []
            created, CreateOrder done
                ← place
            refused: there is no such order
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | recall refused | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: review | news: action | news: authorized | news: authorized less | news: captured | news: captured less | news: declined | news: capture failed | news: voided | news: nothing yet | news: refunded | news: refund failed | parcel left | parcel arrived | parcel stopped | parcel lost | parcel returned | parcel split | filled | hold | approve | cancel | cancel a mug | cancel nine mugs | set on hold | set confirmed | set processing | set shipped | set completed | set cancelled | retry | expire | open a return | close a return | open an edit | open an exchange | amend | close an amendment | news: refunded by another
        "#]],
    );
}

#[test]
fn placed_and_coupons_are_being_reserved() {
    check(
        &Told::placed(rich_deal()),
        expect![[r#"
            Pending → [RequiresAction, OnHold, Confirmed, Cancelled], owes [redeem, expire]
            refused: there is already an order with this id
                ← place
            ReserveCoupons done rdm
                ← redeem done
            ReserveCoupons failed rdm: order_not_possible, cancel began: order_not_possible, CreateOrder undone by CancelOrder, cancelled: order_not_possible
                ← redeem refused
            already so
                ← reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | recall refused | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: capture failed | news: voided | news: nothing yet | news: refund failed | parcel left | parcel arrived | parcel stopped | parcel lost | parcel returned | parcel split | approve | close a return | amend | close an amendment
            payment in review
                ← news: review
            action required: redirect
                ← news: action
            authorized 40.00 EUR
                ← news: authorized
            authorized 30.00 EUR, cancel began: payment_failed
                ← news: authorized less
            captured 40.00 EUR
                ← news: captured
            captured 30.00 EUR
                ← news: captured less
            ProcessPayment failed pay: payment_declined, cancel began: payment_declined, CreateOrder undone by CancelOrder, cancelled: payment_declined
                ← news: declined
            refunded 5.00 EUR
                ← news: refunded
            filled 1 when Pending
                ← filled
            updated OnHold
                ← hold | set on hold
            cancel began: customer_request, CreateOrder undone by CancelOrder, cancelled: customer_request
                ← cancel
            refused: single lines can be cancelled once the order is paid; now it can be cancelled as a whole
                ← cancel a mug | cancel nine mugs
            refused: the order cannot stand so next
                ← set confirmed | set processing | set shipped | set completed
            cancel began: staff_request, CreateOrder undone by CancelOrder, cancelled: staff_request
                ← set cancelled
            refused: the order is not stuck with anything
                ← retry
            cancel began: payment_expired, CreateOrder undone by CancelOrder, cancelled: payment_expired
                ← expire
            refused: not that much has left and is not on its way back already
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn placed_and_stock_is_being_held() {
    check(
        &Told::placed(deal()),
        expect![[r#"
            Pending → [RequiresAction, OnHold, Confirmed, Cancelled], owes [reserve/rsv1.0, expire]
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | recall refused | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: capture failed | news: voided | news: nothing yet | news: refund failed | parcel left | parcel arrived | parcel stopped | parcel lost | parcel returned | parcel split | approve | close a return | amend | close an amendment
            ReserveItems done rsv1.0
                ← reserve done
            ReserveItems failed rsv1.0: order_not_possible
                ← reserve refused
            payment in review
                ← news: review
            action required: redirect
                ← news: action
            authorized 40.00 EUR
                ← news: authorized
            authorized 30.00 EUR, cancel began: payment_failed
                ← news: authorized less
            captured 40.00 EUR
                ← news: captured
            captured 30.00 EUR
                ← news: captured less
            ProcessPayment failed pay: payment_declined, cancel began: payment_declined, CreateOrder undone by CancelOrder, cancelled: payment_declined
                ← news: declined
            refunded 5.00 EUR
                ← news: refunded
            filled 1 when Pending
                ← filled
            updated OnHold
                ← hold | set on hold
            cancel began: customer_request, CreateOrder undone by CancelOrder, cancelled: customer_request
                ← cancel
            refused: single lines can be cancelled once the order is paid; now it can be cancelled as a whole
                ← cancel a mug | cancel nine mugs
            refused: the order cannot stand so next
                ← set confirmed | set processing | set shipped | set completed
            cancel began: staff_request, CreateOrder undone by CancelOrder, cancelled: staff_request
                ← set cancelled
            refused: the order is not stuck with anything
                ← retry
            cancel began: payment_expired, CreateOrder undone by CancelOrder, cancelled: payment_expired
                ← expire
            refused: not that much has left and is not on its way back already
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn placed_and_stock_was_missed() {
    let mut told = Told::placed(deal());
    told.answer(Call::Reserve(rsv(1, 0)), refused("out_of_stock"));
    check(
        &told,
        expect![[r#"
            Pending → [RequiresAction, OnHold, Confirmed, Cancelled], owes [allocate/1, expire]
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | recall refused | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: capture failed | news: voided | news: nothing yet | news: refund failed | parcel left | parcel arrived | parcel stopped | parcel lost | parcel returned | parcel split | approve | close a return | amend | close an amendment
            allocated 2
                ← allocate done
            ReserveItems failed: order_not_possible, cancel began: order_not_possible, CreateOrder undone by CancelOrder, cancelled: order_not_possible
                ← allocate refused
            payment in review
                ← news: review
            action required: redirect
                ← news: action
            authorized 40.00 EUR
                ← news: authorized
            authorized 30.00 EUR, cancel began: payment_failed
                ← news: authorized less
            captured 40.00 EUR
                ← news: captured
            captured 30.00 EUR
                ← news: captured less
            ProcessPayment failed pay: payment_declined, cancel began: payment_declined, CreateOrder undone by CancelOrder, cancelled: payment_declined
                ← news: declined
            refunded 5.00 EUR
                ← news: refunded
            filled 1 when Pending
                ← filled
            updated OnHold
                ← hold | set on hold
            cancel began: customer_request, CreateOrder undone by CancelOrder, cancelled: customer_request
                ← cancel
            refused: single lines can be cancelled once the order is paid; now it can be cancelled as a whole
                ← cancel a mug | cancel nine mugs
            refused: the order cannot stand so next
                ← set confirmed | set processing | set shipped | set completed
            cancel began: staff_request, CreateOrder undone by CancelOrder, cancelled: staff_request
                ← set cancelled
            refused: the order is not stuck with anything
                ← retry
            cancel began: payment_expired, CreateOrder undone by CancelOrder, cancelled: payment_expired
                ← expire
            refused: not that much has left and is not on its way back already
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn placed_and_the_money_is_to_be_asked_for() {
    let mut told = Told::placed(deal());
    told.go_on(|call| matches!(call, Call::Authorize));
    check(
        &told,
        expect![[r#"
            Pending → [RequiresAction, OnHold, Confirmed, Cancelled], owes [authorize, expire]
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | recall refused | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: capture failed | news: voided | news: nothing yet | news: refund failed | parcel left | parcel arrived | parcel stopped | parcel lost | parcel returned | parcel split | approve | close a return | amend | close an amendment
            payment requested
                ← authorize done
            ProcessPayment failed pay: payment_failed, cancel began: payment_failed
                ← authorize refused
            payment in review
                ← news: review
            action required: redirect
                ← news: action
            authorized 40.00 EUR
                ← news: authorized
            authorized 30.00 EUR, cancel began: payment_failed
                ← news: authorized less
            captured 40.00 EUR
                ← news: captured
            captured 30.00 EUR
                ← news: captured less
            ProcessPayment failed pay: payment_declined, cancel began: payment_declined
                ← news: declined
            refunded 5.00 EUR
                ← news: refunded
            filled 1 when Pending
                ← filled
            updated OnHold
                ← hold | set on hold
            cancel began: customer_request
                ← cancel
            refused: single lines can be cancelled once the order is paid; now it can be cancelled as a whole
                ← cancel a mug | cancel nine mugs
            refused: the order cannot stand so next
                ← set confirmed | set processing | set shipped | set completed
            cancel began: staff_request
                ← set cancelled
            refused: the order is not stuck with anything
                ← retry
            cancel began: payment_expired
                ← expire
            refused: not that much has left and is not on its way back already
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn placed_and_the_money_was_asked_for() {
    let mut told = Told::placed(deal());
    told.go_on(|call| matches!(call, Call::Authorize));
    told.answer(Call::Authorize, Answer::Payment(PaymentNews::Pending));
    check(
        &told,
        expect![[r#"
            Pending → [RequiresAction, OnHold, Confirmed, Cancelled], owes [expire]
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | recall refused | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: capture failed | news: nothing yet | news: refund failed | parcel left | parcel arrived | parcel stopped | parcel lost | parcel returned | parcel split | approve | close a return | amend | close an amendment
            payment in review
                ← news: review
            action required: redirect
                ← news: action
            authorized 40.00 EUR
                ← news: authorized
            authorized 30.00 EUR, cancel began: payment_failed
                ← news: authorized less
            captured 40.00 EUR
                ← news: captured
            captured 30.00 EUR
                ← news: captured less
            ProcessPayment failed pay: payment_declined, cancel began: payment_declined
                ← news: declined
            ProcessPayment failed pay: payment_failed, ProcessPayment undone by RefundPayment pay, cancel began: payment_failed
                ← news: voided
            refunded 5.00 EUR
                ← news: refunded
            filled 1 when Pending
                ← filled
            updated OnHold
                ← hold | set on hold
            cancel began: customer_request
                ← cancel
            refused: single lines can be cancelled once the order is paid; now it can be cancelled as a whole
                ← cancel a mug | cancel nine mugs
            refused: the order cannot stand so next
                ← set confirmed | set processing | set shipped | set completed
            cancel began: staff_request
                ← set cancelled
            refused: the order is not stuck with anything
                ← retry
            cancel began: payment_expired
                ← expire
            refused: not that much has left and is not on its way back already
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn placed_and_the_customer_has_to_act() {
    let mut told = Told::placed(deal());
    told.go_on(|call| matches!(call, Call::Authorize));
    told.answer(Call::Authorize, Answer::Payment(PaymentNews::ActionRequired(redirect())));
    check(
        &told,
        expect![[r#"
            RequiresAction → [OnHold, Confirmed, Cancelled], owes [expire]
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | recall refused | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: action | news: capture failed | news: nothing yet | news: refund failed | parcel left | parcel arrived | parcel stopped | parcel lost | parcel returned | parcel split | approve | close a return | amend | close an amendment
            payment in review
                ← news: review
            authorized 40.00 EUR
                ← news: authorized
            authorized 30.00 EUR, cancel began: payment_failed
                ← news: authorized less
            captured 40.00 EUR
                ← news: captured
            captured 30.00 EUR
                ← news: captured less
            ProcessPayment failed pay: payment_declined, cancel began: payment_declined
                ← news: declined
            ProcessPayment failed pay: payment_failed, ProcessPayment undone by RefundPayment pay, cancel began: payment_failed
                ← news: voided
            refunded 5.00 EUR
                ← news: refunded
            filled 1 when RequiresAction
                ← filled
            updated OnHold
                ← hold | set on hold
            cancel began: customer_request
                ← cancel
            refused: single lines can be cancelled once the order is paid; now it can be cancelled as a whole
                ← cancel a mug | cancel nine mugs
            refused: the order cannot stand so next
                ← set confirmed | set processing | set shipped | set completed
            cancel began: staff_request
                ← set cancelled
            refused: the order is not stuck with anything
                ← retry
            cancel began: payment_expired
                ← expire
            refused: not that much has left and is not on its way back already
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn placed_and_the_payment_is_looked_at() {
    let mut told = Told::placed(deal());
    told.go_on(|call| matches!(call, Call::Authorize));
    told.answer(Call::Authorize, Answer::Payment(PaymentNews::InReview));
    check(
        &told,
        expect![[r#"
            OnHold → [Confirmed, Cancelled], owes []
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | recall refused | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: review | news: capture failed | news: nothing yet | news: refund failed | parcel left | parcel arrived | parcel stopped | parcel lost | parcel returned | parcel split | approve | set on hold | expire | close a return | amend | close an amendment
            action required: redirect
                ← news: action
            authorized 40.00 EUR
                ← news: authorized
            authorized 30.00 EUR, cancel began: payment_failed
                ← news: authorized less
            captured 40.00 EUR
                ← news: captured
            captured 30.00 EUR
                ← news: captured less
            ProcessPayment failed pay: payment_declined, cancel began: payment_declined
                ← news: declined
            ProcessPayment failed pay: payment_failed, ProcessPayment undone by RefundPayment pay, cancel began: payment_failed
                ← news: voided
            refunded 5.00 EUR
                ← news: refunded
            filled 1 when OnHold
                ← filled
            updated OnHold
                ← hold
            cancel began: customer_request
                ← cancel
            refused: single lines can be cancelled once the order is paid; now it can be cancelled as a whole
                ← cancel a mug | cancel nine mugs
            refused: the order cannot stand so next
                ← set confirmed | set processing | set shipped | set completed
            cancel began: staff_request
                ← set cancelled
            refused: the order is not stuck with anything
                ← retry
            refused: not that much has left and is not on its way back already
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn placed_and_the_money_is_promised() {
    check(
        &Told::authorized(deal()),
        expect![[r#"
            Pending → [RequiresAction, OnHold, Confirmed, Cancelled], owes [secure/rsv1.0]
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | recall refused | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: review | news: action | news: authorized | news: authorized less | news: capture failed | news: nothing yet | news: refund failed | parcel left | parcel arrived | parcel stopped | parcel lost | parcel returned | parcel split | approve | expire | close a return | amend | close an amendment
            ConfirmItems done rsv1.0, confirmed
                ← secure done
            ConfirmItems failed rsv1.0: out_of_stock
                ← secure refused
            captured 40.00 EUR
                ← news: captured
            captured 30.00 EUR
                ← news: captured less
            ProcessPayment failed pay: payment_declined, cancel began: payment_declined
                ← news: declined
            ProcessPayment failed pay: payment_failed, ProcessPayment undone by RefundPayment pay, cancel began: payment_failed
                ← news: voided
            refunded 5.00 EUR
                ← news: refunded
            filled 1 when Pending
                ← filled
            updated OnHold
                ← hold | set on hold
            cancel began: customer_request
                ← cancel
            refused: single lines can be cancelled once the order is paid; now it can be cancelled as a whole
                ← cancel a mug | cancel nine mugs
            refused: the order cannot stand so next
                ← set confirmed | set processing | set shipped | set completed
            cancel began: staff_request
                ← set cancelled
            refused: the order is not stuck with anything
                ← retry
            refused: not that much has left and is not on its way back already
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn placed_and_waiting_for_approval() {
    let mut told = Told::authorized(Deal { hold_reason: Some("by phone".to_owned()), ..deal() });
    told.go_on(|_| false);
    check(
        &told,
        expect![[r#"
            OnHold → [Confirmed, Cancelled], owes []
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | recall refused | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: review | news: action | news: authorized | news: authorized less | news: capture failed | news: nothing yet | news: refund failed | parcel left | parcel arrived | parcel stopped | parcel lost | parcel returned | parcel split | set on hold | expire | close a return | amend | close an amendment
            captured 40.00 EUR
                ← news: captured
            captured 30.00 EUR
                ← news: captured less
            ProcessPayment failed pay: payment_declined, cancel began: payment_declined
                ← news: declined
            ProcessPayment failed pay: payment_failed, ProcessPayment undone by RefundPayment pay, cancel began: payment_failed
                ← news: voided
            refunded 5.00 EUR
                ← news: refunded
            filled 1 when OnHold
                ← filled
            updated OnHold
                ← hold
            updated Pending, confirmed
                ← approve | set confirmed
            cancel began: customer_request
                ← cancel
            refused: single lines can be cancelled once the order is paid; now it can be cancelled as a whole
                ← cancel a mug | cancel nine mugs
            refused: the order cannot stand so next
                ← set processing | set shipped | set completed
            cancel began: staff_request
                ← set cancelled
            refused: the order is not stuck with anything
                ← retry
            refused: not that much has left and is not on its way back already
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn confirmed() {
    check(
        &Told::confirmed(deal()),
        expect![[r#"
            Confirmed → [OnHold, Processing, Cancelled], owes [capture]
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | ship done | ship refused | commit done | commit refused | recall done | recall refused | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: review | news: action | news: authorized | news: authorized less | news: nothing yet | news: refund failed | parcel left | parcel arrived | parcel stopped | parcel lost | parcel returned | parcel split | approve | set confirmed | expire | close a return | amend | close an amendment
            ProcessPayment failed pay: payment_failed, cancel began: payment_failed
                ← capture refused
            captured 40.00 EUR, ProcessPayment done pay, paid
                ← news: captured
            captured 30.00 EUR, STUCK ProcessPayment: amount_differs
                ← news: captured less
            ProcessPayment failed pay: payment_declined, ProcessPayment undone by RefundPayment pay, cancel began: payment_declined
                ← news: declined
            ProcessPayment failed pay: payment_declined, cancel began: payment_declined
                ← news: capture failed
            ProcessPayment failed pay: payment_failed, ProcessPayment undone by RefundPayment pay, cancel began: payment_failed
                ← news: voided
            refunded 5.00 EUR
                ← news: refunded
            filled 1 when Confirmed
                ← filled
            updated OnHold
                ← hold | set on hold
            cancel began: customer_request
                ← cancel
            refused: single lines can be cancelled once the order is paid; now it can be cancelled as a whole
                ← cancel a mug | cancel nine mugs
            refused: the order cannot stand so next
                ← set processing | set shipped | set completed
            cancel began: staff_request
                ← set cancelled
            refused: the order is not stuck with anything
                ← retry
            refused: not that much has left and is not on its way back already
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn paid() {
    check(
        &Told::paid(rich_deal()),
        expect![[r#"
            Processing → [OnHold, PartiallyShipped, Shipped, Cancelled], owes [ship/shp1.0.0/0, ship/shp1.1.0/0, commit]
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | recall done | recall refused | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: review | news: action | news: authorized | news: authorized less | news: captured | news: declined | news: capture failed | news: voided | news: nothing yet | news: refund failed | approve | set processing | expire | close a return | amend | close an amendment
            CreateShipment done shp1.0.0
                ← ship done
            CreateShipment failed shp1.0.0: no_way, cancel began: shipment_refused
                ← ship refused
            CommitCoupons done rdm
                ← commit done
            CommitCoupons failed rdm: no_way
                ← commit refused
            STUCK ProcessPayment: amount_differs
                ← news: captured less
            refunded 5.00 EUR
                ← news: refunded
            parcel shp1.0.0 Dispatched
                ← parcel left
            parcel shp1.0.0 Delivered
                ← parcel arrived
            parcel shp1.0.0 Cancelled, STUCK CreateShipment: parcel_cancelled
                ← parcel stopped
            parcel shp1.0.0 Lost, STUCK CreateShipment: parcel_lost
                ← parcel lost
            parcel shp1.0.0 Returned, STUCK CreateShipment: parcel_returned
                ← parcel returned
            CreateShipment done shp1.0.0, parcel split
                ← parcel split
            filled 1 when Processing
                ← filled
            updated OnHold
                ← hold | set on hold
            cancel began: customer_request
                ← cancel
            reduction began 10.00 EUR
                ← cancel a mug
            refused: not that much of the order can still be cancelled
                ← cancel nine mugs
            refused: the order cannot stand so next
                ← set confirmed | set shipped | set completed
            cancel began: staff_request
                ← set cancelled
            refused: the order is not stuck with anything
                ← retry
            refused: not that much has left and is not on its way back already
                ← open a return
            amendment opened
                ← open an edit | open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn packing() {
    check(
        &Told::packing(deal()),
        expect![[r#"
            Processing → [OnHold, PartiallyShipped, Shipped, Cancelled], owes []
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | recall refused | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: review | news: action | news: authorized | news: authorized less | news: captured | news: declined | news: capture failed | news: voided | news: nothing yet | news: refund failed | approve | set processing | expire | close a return | amend | close an amendment
            STUCK ProcessPayment: amount_differs
                ← news: captured less
            refunded 5.00 EUR
                ← news: refunded
            parcel shp1.0.0 Dispatched
                ← parcel left
            parcel shp1.0.0 Delivered, completed
                ← parcel arrived
            parcel shp1.0.0 Cancelled, STUCK CreateShipment: parcel_cancelled
                ← parcel stopped
            parcel shp1.0.0 Lost, STUCK CreateShipment: parcel_lost
                ← parcel lost
            parcel shp1.0.0 Returned, STUCK CreateShipment: parcel_returned
                ← parcel returned
            parcel split
                ← parcel split
            filled 1 when Processing
                ← filled
            updated OnHold
                ← hold | set on hold
            cancel began: customer_request
                ← cancel
            reduction began 10.00 EUR
                ← cancel a mug
            refused: not that much of the order can still be cancelled
                ← cancel nine mugs
            refused: the order cannot stand so next
                ← set confirmed | set shipped | set completed
            cancel began: staff_request
                ← set cancelled
            refused: the order is not stuck with anything
                ← retry
            refused: not that much has left and is not on its way back already
                ← open a return
            amendment opened
                ← open an edit | open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn packing_and_on_hold() {
    let mut told = Told::packing(deal());
    told.tell(Command::Hold("a look".to_owned())).expect("it may be held");
    check(
        &told,
        expect![[r#"
            OnHold → [Processing, Cancelled], owes [recall/shp1.0.0/0]
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: review | news: action | news: authorized | news: authorized less | news: captured | news: declined | news: capture failed | news: voided | news: nothing yet | news: refund failed | hold | set on hold | expire | close a return | amend | close an amendment
            STUCK CancelShipment: no_way
                ← recall refused
            STUCK ProcessPayment: amount_differs
                ← news: captured less
            refunded 5.00 EUR
                ← news: refunded
            parcel shp1.0.0 Dispatched
                ← parcel left
            parcel shp1.0.0 Delivered, completed
                ← parcel arrived
            CreateShipment undone by CancelShipment shp1.0.0
                ← parcel stopped
            parcel shp1.0.0 Lost, STUCK CreateShipment: parcel_lost
                ← parcel lost
            parcel shp1.0.0 Returned, STUCK CreateShipment: parcel_returned
                ← parcel returned
            parcel split
                ← parcel split
            filled 1 when OnHold
                ← filled
            updated Processing
                ← approve | set processing
            cancel began: customer_request
                ← cancel
            reduction began 10.00 EUR
                ← cancel a mug
            refused: not that much of the order can still be cancelled
                ← cancel nine mugs
            refused: the order cannot stand so next
                ← set confirmed | set shipped | set completed
            cancel began: staff_request
                ← set cancelled
            refused: the order is not stuck with anything
                ← retry
            refused: not that much has left and is not on its way back already
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn packing_and_lines_are_being_cancelled() {
    let mut told = Told::packing(deal());
    told.tell(cancel_lines(&[("TEE", 1)])).expect("nothing has left");
    check(
        &told,
        expect![[r#"
            Processing → [OnHold, PartiallyShipped, Shipped, Cancelled], owes [recall/shp1.0.0/0]
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: review | news: action | news: authorized | news: authorized less | news: captured | news: declined | news: capture failed | news: voided | news: nothing yet | news: refund failed | approve | set processing | expire | close a return | amend | close an amendment
            STUCK CancelShipment: no_way
                ← recall refused
            STUCK ProcessPayment: amount_differs
                ← news: captured less
            refunded 5.00 EUR
                ← news: refunded
            parcel shp1.0.0 Dispatched, reduction refused
                ← parcel left
            parcel shp1.0.0 Delivered, reduction refused, completed
                ← parcel arrived
            CreateShipment undone by CancelShipment shp1.0.0
                ← parcel stopped
            parcel shp1.0.0 Lost, STUCK CreateShipment: parcel_lost
                ← parcel lost
            parcel shp1.0.0 Returned, STUCK CreateShipment: parcel_returned
                ← parcel returned
            parcel split
                ← parcel split
            filled 1 when Processing
                ← filled
            refused: something else is being changed about the order; try again
                ← hold | cancel | cancel a mug | cancel nine mugs | set on hold | set cancelled | open an edit
            refused: the order cannot stand so next
                ← set confirmed | set shipped | set completed
            refused: the order is not stuck with anything
                ← retry
            refused: not that much has left and is not on its way back already
                ← open a return
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn a_parcel_of_two_has_left() {
    let mut told = Told::packing(rich_deal());
    told.tell(parcel(&shp(1, 0), dispatched())).expect("news");
    check(
        &told,
        expect![[r#"
            PartiallyShipped → [Shipped], owes []
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | recall refused | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: review | news: action | news: authorized | news: authorized less | news: captured | news: declined | news: capture failed | news: voided | news: nothing yet | news: refund failed | parcel left | parcel stopped | approve | expire | close a return | amend | close an amendment
            STUCK ProcessPayment: amount_differs
                ← news: captured less
            refunded 5.00 EUR
                ← news: refunded
            parcel shp1.0.0 Delivered
                ← parcel arrived
            parcel shp1.0.0 Lost, STUCK CreateShipment: parcel_lost
                ← parcel lost
            parcel shp1.0.0 Returned, STUCK CreateShipment: parcel_returned
                ← parcel returned
            parcel split
                ← parcel split
            filled 1 when PartiallyShipped
                ← filled
            refused: the order cannot stand so next
                ← hold | set on hold | set confirmed | set processing | set shipped | set completed | set cancelled
            refused: a parcel of the order has left; what arrived can be sent back
                ← cancel
            refused: not that much of the order can still be cancelled
                ← cancel a mug | cancel nine mugs
            refused: the order is not stuck with anything
                ← retry
            return opened
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn shipped() {
    check(
        &Told::shipped(deal()),
        expect![[r#"
            Shipped → [Completed], owes []
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | recall refused | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: review | news: action | news: authorized | news: authorized less | news: captured | news: declined | news: capture failed | news: voided | news: nothing yet | news: refund failed | parcel left | parcel stopped | approve | set shipped | expire | close a return | amend | close an amendment
            STUCK ProcessPayment: amount_differs
                ← news: captured less
            refunded 5.00 EUR
                ← news: refunded
            parcel shp1.0.0 Delivered, completed
                ← parcel arrived
            parcel shp1.0.0 Lost, STUCK CreateShipment: parcel_lost
                ← parcel lost
            parcel shp1.0.0 Returned, STUCK CreateShipment: parcel_returned
                ← parcel returned
            parcel split
                ← parcel split
            filled 1 when Shipped
                ← filled
            refused: the order cannot stand so next
                ← hold | set on hold | set confirmed | set processing | set cancelled
            refused: a parcel of the order has left; what arrived can be sent back
                ← cancel
            refused: not that much of the order can still be cancelled
                ← cancel a mug | cancel nine mugs
            completed
                ← set completed
            refused: the order is not stuck with anything
                ← retry
            return opened
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn a_parcel_was_lost() {
    let mut told = Told::shipped(deal());
    told.tell(parcel(&shp(1, 0), ParcelNews::Lost)).expect("news");
    check(
        &told,
        expect![[r#"
            Shipped → [Completed], owes []
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | recall refused | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: review | news: action | news: authorized | news: authorized less | news: captured | news: declined | news: capture failed | news: voided | news: nothing yet | news: refund failed | parcel left | parcel stopped | parcel lost | parcel returned | approve | set shipped | expire | close a return | amend | close an amendment
            STUCK ProcessPayment: amount_differs
                ← news: captured less
            refunded 5.00 EUR
                ← news: refunded
            parcel shp1.0.0 Delivered, completed
                ← parcel arrived
            parcel split
                ← parcel split
            filled 1 when Shipped
                ← filled
            refused: the order cannot stand so next
                ← hold | set on hold | set confirmed | set processing | set cancelled
            refused: a parcel of the order has left; what arrived can be sent back
                ← cancel
            refused: not that much of the order can still be cancelled
                ← cancel a mug | cancel nine mugs
            completed
                ← set completed
            retried 1
                ← retry
            return opened
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn completed() {
    let mut told = Told::shipped(deal());
    told.tell(parcel(&shp(1, 0), ParcelNews::Delivered)).expect("news");
    check(
        &told,
        expect![[r#"
            Completed → [], owes []
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | recall refused | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: review | news: action | news: authorized | news: authorized less | news: captured | news: declined | news: capture failed | news: voided | news: nothing yet | news: refund failed | parcel left | parcel arrived | parcel stopped | parcel lost | parcel returned | set completed | expire | close a return | amend | close an amendment
            STUCK ProcessPayment: amount_differs
                ← news: captured less
            refunded 5.00 EUR
                ← news: refunded
            parcel split
                ← parcel split
            filled 1 when Completed
                ← filled
            refused: the order cannot stand so next
                ← hold | approve | set on hold | set confirmed | set processing | set shipped | set cancelled
            refused: a parcel of the order has left; what arrived can be sent back
                ← cancel | cancel a mug | cancel nine mugs
            refused: the order is not stuck with anything
                ← retry
            return opened
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn cancelling_and_a_parcel_is_being_stopped() {
    let mut told = Told::packing(deal());
    told.tell(cancel()).expect("nothing has left");
    check(
        &told,
        expect![[r#"
            Cancelling → [Cancelled, PartiallyShipped, Shipped], owes [recall/shp1.0.0/0]
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: review | news: action | news: authorized | news: authorized less | news: captured | news: declined | news: capture failed | news: voided | news: nothing yet | cancel | set cancelled | expire | close a return | amend | close an amendment
            STUCK CancelShipment: no_way
                ← recall refused
            captured 30.00 EUR
                ← news: captured less
            refunded 5.00 EUR
                ← news: refunded
            STUCK RefundPayment: refund_failed
                ← news: refund failed
            parcel shp1.0.0 Dispatched, cancel refused
                ← parcel left
            parcel shp1.0.0 Delivered, cancel refused, completed
                ← parcel arrived
            CreateShipment undone by CancelShipment shp1.0.0
                ← parcel stopped
            parcel shp1.0.0 Lost, STUCK CreateShipment: parcel_lost, cancel refused
                ← parcel lost
            parcel shp1.0.0 Returned, STUCK CreateShipment: parcel_returned, cancel refused
                ← parcel returned
            parcel split
                ← parcel split
            filled 1 when Cancelling
                ← filled
            refused: the order cannot stand so next
                ← hold | approve | set on hold | set confirmed | set processing | set shipped | set completed
            refused: the order is cancelled
                ← cancel a mug | cancel nine mugs
            retried 1
                ← retry
            refused: not that much has left and is not on its way back already
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn cancelling_and_the_promise_is_being_let_go() {
    let mut told = Told::confirmed(deal());
    told.tell(cancel()).expect("nothing has left");
    check(
        &told,
        expect![[r#"
            Cancelling → [Cancelled], owes [cancel_payment/0/0]
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | recall refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: review | news: action | news: authorized | news: authorized less | news: capture failed | news: nothing yet | parcel stopped | parcel lost | parcel returned | cancel | set cancelled | expire | close a return | amend | close an amendment
            ProcessPayment undone by RefundPayment pay
                ← cancel payment done | news: declined | news: voided
            STUCK RefundPayment: no_way
                ← cancel payment refused
            captured 40.00 EUR
                ← news: captured
            captured 30.00 EUR
                ← news: captured less
            refunded 5.00 EUR
                ← news: refunded
            STUCK RefundPayment: refund_failed
                ← news: refund failed
            parcel shp1.0.0 Dispatched, STUCK CancelShipment: left_anyway
                ← parcel left
            parcel shp1.0.0 Delivered, STUCK CancelShipment: left_anyway
                ← parcel arrived
            CreateShipment done shp1.0.0, parcel split
                ← parcel split
            filled 1 when Cancelling
                ← filled
            refused: the order cannot stand so next
                ← hold | approve | set on hold | set confirmed | set processing | set shipped | set completed
            refused: the order is cancelled
                ← cancel a mug | cancel nine mugs
            retried 1
                ← retry
            refused: not that much has left and is not on its way back already
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn cancelling_and_the_money_is_going_back() {
    let mut told = Told::packing(deal());
    told.tell(cancel()).expect("nothing has left");
    told.tell(parcel(&shp(1, 0), ParcelNews::Cancelled)).expect("news");
    check(
        &told,
        expect![[r#"
            Cancelling → [Cancelled, PartiallyShipped, Shipped], owes [cancel_payment/0/0]
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | recall refused | cancel payment done | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: review | news: action | news: authorized | news: authorized less | news: captured | news: declined | news: capture failed | news: voided | news: nothing yet | parcel stopped | parcel lost | parcel returned | cancel | set cancelled | expire | close a return | amend | close an amendment
            STUCK RefundPayment: no_way
                ← cancel payment refused
            captured 30.00 EUR
                ← news: captured less
            refunded 5.00 EUR
                ← news: refunded
            STUCK RefundPayment: refund_failed
                ← news: refund failed
            parcel shp1.0.0 Dispatched, STUCK CancelShipment: left_anyway
                ← parcel left
            parcel shp1.0.0 Delivered, STUCK CancelShipment: left_anyway
                ← parcel arrived
            parcel split
                ← parcel split
            filled 1 when Cancelling
                ← filled
            refused: the order cannot stand so next
                ← hold | approve | set on hold | set confirmed | set processing | set shipped | set completed
            refused: the order is cancelled
                ← cancel a mug | cancel nine mugs
            retried 1
                ← retry
            refused: not that much has left and is not on its way back already
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn cancelling_and_a_call_may_still_happen() {
    let mut told = Told::placed(deal());
    told.open = vec![format!("reserve/{}", rsv(1, 0))];
    told.tell(cancel()).expect("nothing has left");
    check(
        &told,
        expect![[r#"
            Cancelling → [Cancelled], owes [reserve/rsv1.0]
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | recall refused | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: review | news: action | news: declined | news: capture failed | news: voided | news: nothing yet | news: refund failed | parcel stopped | parcel lost | parcel returned | cancel | set cancelled | expire | close a return | amend | close an amendment
            ReserveItems done rsv1.0
                ← reserve done
            ReserveItems failed rsv1.0: order_not_possible, CreateOrder undone by CancelOrder, cancelled: customer_request
                ← reserve refused
            late payment 1 captured false
                ← news: authorized | news: authorized less
            late payment 1 captured true
                ← news: captured | news: captured less
            refunded 5.00 EUR
                ← news: refunded
            parcel shp1.0.0 Dispatched, STUCK CancelShipment: left_anyway
                ← parcel left
            parcel shp1.0.0 Delivered, STUCK CancelShipment: left_anyway
                ← parcel arrived
            CreateShipment done shp1.0.0, parcel split
                ← parcel split
            filled 1 when Cancelling
                ← filled
            refused: the order cannot stand so next
                ← hold | approve | set on hold | set confirmed | set processing | set shipped | set completed
            refused: the order is cancelled
                ← cancel a mug | cancel nine mugs
            retried 1
                ← retry
            refused: not that much has left and is not on its way back already
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn cancelling_and_stuck() {
    let mut told = Told::confirmed(deal());
    told.tell(cancel()).expect("nothing has left");
    told.answer(Call::CancelPayment, refused("provider_says_no"));
    check(
        &told,
        expect![[r#"
            Cancelling → [Cancelled], owes [cancel_payment/0/0]
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | recall refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: review | news: action | news: authorized | news: authorized less | news: capture failed | news: nothing yet | news: refund failed | parcel stopped | parcel lost | parcel returned | cancel | set cancelled | expire | close a return | amend | close an amendment
            ProcessPayment undone by RefundPayment pay
                ← cancel payment done | news: declined | news: voided
            STUCK RefundPayment: no_way
                ← cancel payment refused
            captured 40.00 EUR
                ← news: captured
            captured 30.00 EUR
                ← news: captured less
            refunded 5.00 EUR
                ← news: refunded
            parcel shp1.0.0 Dispatched, STUCK CancelShipment: left_anyway
                ← parcel left
            parcel shp1.0.0 Delivered, STUCK CancelShipment: left_anyway
                ← parcel arrived
            CreateShipment done shp1.0.0, parcel split
                ← parcel split
            filled 1 when Cancelling
                ← filled
            refused: the order cannot stand so next
                ← hold | approve | set on hold | set confirmed | set processing | set shipped | set completed
            refused: the order is cancelled
                ← cancel a mug | cancel nine mugs
            retried 1
                ← retry
            refused: not that much has left and is not on its way back already
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

#[test]
fn cancelled() {
    let mut told = Told::placed(deal());
    told.tell(cancel()).expect("nothing has left");
    check(
        &told,
        expect![[r#"
            Cancelled → [], owes []
            refused: there is already an order with this id
                ← place
            already so
                ← redeem done | redeem refused | reserve done | reserve refused | allocate done | allocate refused | authorize done | authorize refused | secure done | secure refused | cart done | cart refused | capture done | capture refused | ship done | ship refused | commit done | commit refused | recall done | recall refused | cancel payment done | cancel payment refused | release done | release refused | refund done | refund refused | release some done | release some refused | withdraw done | withdraw refused | refund more done | refund more refused | give back done | give back refused | news: review | news: action | news: declined | news: capture failed | news: voided | news: nothing yet | news: refund failed | parcel stopped | parcel lost | parcel returned | filled | cancel | set cancelled | expire | close a return | amend | close an amendment
            late payment 1 captured false
                ← news: authorized | news: authorized less
            late payment 1 captured true
                ← news: captured | news: captured less
            refunded 5.00 EUR
                ← news: refunded
            parcel shp1.0.0 Dispatched, STUCK CancelShipment: left_anyway
                ← parcel left
            parcel shp1.0.0 Delivered, STUCK CancelShipment: left_anyway
                ← parcel arrived
            CreateShipment done shp1.0.0, parcel split
                ← parcel split
            refused: the order cannot stand so next
                ← hold | approve | set on hold | set confirmed | set processing | set shipped | set completed
            refused: the order is cancelled
                ← cancel a mug | cancel nine mugs
            refused: the order is not stuck with anything
                ← retry
            refused: not that much has left and is not on its way back already
                ← open a return
            refused: only an order that is paid, not on hold, and of which nothing has left can be edited
                ← open an edit
            amendment opened
                ← open an exchange
            refunded 3.00 EUR
                ← news: refunded by another
        "#]],
    );
}

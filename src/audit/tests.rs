//! Every kind of finding, planted into facts that are clean without it.

use messages::common::v1::{Money as Wire, SkuQuantity};
use messages::inventory::v1 as inventory;
use messages::money::{Currency, Money};
use messages::order::v1 as order;
use messages::payment::v1 as payment;
use messages::promotion::v1 as promotion;

use super::check;
use super::facts::{Account, Facts};
use super::finding::{Finding, Level};

fn eur(cents: i64) -> Option<Wire> {
    Some(Wire { amount: Some(cents), currency: "EUR".to_owned() })
}

fn money(cents: i64) -> Money {
    Money::new(cents, Currency::parse("EUR").expect("euros")).expect("little money")
}

/// One paid order of two mugs for 30 EUR, with a coupon that may be used once.
fn clean() -> Facts {
    let lines = vec![SkuQuantity { sku: "MUG".to_owned(), quantity: Some(2) }];
    let parcel = order::Parcel { shipment_id: "shp_1".to_owned(), lines: lines.clone(), ..Default::default() };
    let part = order::OrderPart {
        warehouse_id: "wh_1".to_owned(),
        reservation_id: "rsv_1".to_owned(),
        lines,
        stock: order::StockStatus::Confirmed.into(),
        parcels: vec![parcel],
        ..Default::default()
    };
    let discount = order::Discount {
        campaign_id: "cmp_1".to_owned(),
        code: Some("ONCE".to_owned()),
        amount: eur(100),
        ..Default::default()
    };
    let placed = order::Order {
        order_id: "ord_1".to_owned(),
        user_id: "usr_1".to_owned(),
        status: order::OrderStatus::Processing.into(),
        items: vec![order::OrderItem { sku: "MUG".to_owned(), quantity: 2, ..Default::default() }],
        total_amount: eur(3000),
        billed_amount: eur(3000),
        captured_amount: eur(3000),
        refunded_amount: eur(0),
        payment_id: "pay_1".to_owned(),
        parts: vec![part],
        discounts: vec![discount],
        ..Default::default()
    };
    let paid = payment::Payment {
        payment_id: "pay_1".to_owned(),
        order_id: Some("ord_1".to_owned()),
        amount: eur(3000),
        status: payment::PaymentStatus::Captured.into(),
        captured: eur(3000),
        refunded: eur(0),
        provider: "test".to_owned(),
        ..Default::default()
    };
    let entry = |cents| payment::LedgerEntry { amount: eur(cents), ..Default::default() };
    let charge = payment::Transaction {
        transaction_id: "txn_1".to_owned(),
        r#type: payment::TransactionType::Charge.into(),
        payment_id: "pay_1".to_owned(),
        amount: eur(3000),
        entries: vec![entry(3000), entry(-3000)],
        ..Default::default()
    };
    let balance = |cents| payment::AccountBalance { balance: eur(cents), ..Default::default() };
    let shelf = inventory::StockLevel {
        warehouse_id: "wh_1".to_owned(),
        sku: "MUG".to_owned(),
        on_hand: 7,
        reserved: 2,
        shipped: 1,
        received: 10,
        ..Default::default()
    };
    let line = inventory::ReservationLine { sku: "MUG".to_owned(), quantity: 2, ..Default::default() };
    let reservation = inventory::Reservation {
        reservation_id: "rsv_1".to_owned(),
        warehouse_id: "wh_1".to_owned(),
        lines: vec![line],
        ..Default::default()
    };
    let campaign = promotion::Campaign {
        campaign_id: "cmp_1".to_owned(),
        uses_max: Some(1),
        budget: vec![eur(100).expect("money")],
        ..Default::default()
    };
    let usage = promotion::CampaignUsage {
        committed: 1,
        amount_committed: vec![eur(100).expect("money")],
        ..Default::default()
    };
    let coupon = promotion::Coupon { uses_per_code_max: Some(1), uses_per_customer_max: Some(1), ..Default::default() };
    let account = Account {
        payment_id: Some("pay_1".to_owned()),
        charges: 1,
        charged: money(3000),
        returned: money(0),
        held: money(0),
    };
    Facts {
        orders: vec![placed],
        payments: vec![paid],
        transactions: vec![charge],
        balances: vec![balance(3000), balance(-3000)],
        shelves: vec![shelf],
        reservations: [("rsv_1".to_owned(), reservation)].into(),
        campaigns: vec![(campaign, usage)],
        coupons: vec![(coupon, vec![promotion::Code { code: "ONCE".to_owned(), uses: 1 }])],
        bank: Some([("pi_1".to_owned(), account)].into()),
        ..Facts::default()
    }
}

/// What is found after something was planted, in short: level, code and place.
#[track_caller]
fn found(plant: impl FnOnce(&mut Facts), expected: &[&str]) {
    let mut facts = clean();
    plant(&mut facts);
    let short = |Finding { level, code, place, .. }: &Finding| match level {
        Level::Wrong => format!("{code} at {place}"),
        Level::Alarm => format!("alarm {code} at {place}"),
    };
    let found: Vec<String> = check(&facts).iter().map(short).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_clean_shop_has_no_findings() {
    found(|_| (), &[]);
    assert!(check(&Facts::default()).is_empty(), "nor has an empty one");
}

#[test]
fn a_charge_that_no_order_knows_is_found() {
    let stranger = |payment_id: Option<&str>, charges, cents, held| Account {
        payment_id: payment_id.map(str::to_owned),
        charges,
        charged: money(cents),
        returned: money(0),
        held: money(held),
    };
    let plant = |account: Account| {
        move |facts: &mut Facts| {
            facts.bank.as_mut().expect("a bank").insert("pi_2".to_owned(), account);
        }
    };
    found(plant(stranger(None, 1, 500, 0)), &["unknown_charge at intent pi_2"]);
    found(plant(stranger(Some("pay_9"), 1, 500, 0)), &["unknown_charge at intent pi_2"]);
    found(plant(stranger(None, 0, 0, 500)), &["unknown_charge at intent pi_2"]);
    // Money that was never taken is nobody's business.
    found(plant(stranger(None, 0, 0, 0)), &[]);
    found(
        plant(stranger(Some("pay_1"), 1, 3000, 0)),
        &["bank_differs at payment pay_1", "charged_twice at payment pay_1"],
    );
    found(plant(stranger(Some("pay_1"), 0, 0, 3000)), &["hold_left at payment pay_1"]);
}

#[test]
fn money_that_comes_or_goes_unseen_is_found() {
    found(
        |facts| facts.bank.as_mut().expect("a bank").get_mut("pi_1").expect("an intent").returned = money(1),
        &["bank_differs at payment pay_1"],
    );
    found(|facts| facts.bank.as_mut().expect("a bank").clear(), &["bank_differs at payment pay_1"]);
    found(|facts| facts.bank = None, &[]);
    found(
        |facts| facts.orders[0].refunded_amount = eur(1000),
        &["money_not_conserved at order ord_1", "payment_differs at order ord_1"],
    );
    found(|facts| facts.orders[0].billed_amount = eur(2000), &["money_not_conserved at order ord_1"]);
    found(
        |facts| facts.orders[0].captured_amount = Some(Wire { amount: Some(3000), currency: "USD".to_owned() }),
        &["unreadable_money at order ord_1"],
    );
    found(
        |facts| facts.payments[0].order_id = Some("ord_2".to_owned()),
        &["order_missing at payment pay_1", "payment_of_another at order ord_1"],
    );
    found(|facts| facts.orders[0].payment_id = "pay_2".to_owned(), &["payment_missing at order ord_1"]);
    let never_opened = |facts: &mut Facts| {
        let declined = facts.orders[0].clone();
        facts.orders.push(order::Order {
            order_id: "ord_2".to_owned(),
            payment_id: "pay_2".to_owned(),
            status: order::OrderStatus::Cancelled.into(),
            captured_amount: None,
            billed_amount: None,
            parts: Vec::new(),
            ..declined
        });
    };
    found(never_opened, &["payment_missing at order ord_2"]);
    let for_nothing = |facts: &mut Facts| {
        never_opened(facts);
        facts.orders[1].payment_id = String::new();
    };
    found(for_nothing, &[]);
}

#[test]
fn a_cancelled_order_that_keeps_money_or_stock_is_found() {
    found(
        |facts| facts.orders[0].status = order::OrderStatus::Cancelled.into(),
        &["held_for_nobody at order ord_1", "money_not_conserved at order ord_1"],
    );
}

#[test]
fn a_ledger_that_does_not_balance_is_found() {
    found(|facts| facts.balances[1].balance = eur(-2999), &["ledger_not_zero at ledger EUR"]);
    found(|facts| facts.transactions[0].entries[0].amount = eur(1), &["entries_not_zero at transaction txn_1"]);
    found(|facts| facts.transactions[0].amount = eur(1), &["ledger_differs at payment pay_1"]);
    found(|facts| facts.transactions.clear(), &["ledger_differs at payment pay_1"]);
}

#[test]
fn stock_that_does_not_add_up_is_found() {
    found(|facts| facts.shelves[0].received = 11, &["stock_not_conserved at shelf wh_1 MUG"]);
    found(
        |facts| {
            facts.shelves[0].on_hand = -1;
            facts.shelves[0].received = 2;
        },
        &["negative_stock at shelf wh_1 MUG"],
    );
    found(
        |facts| {
            facts.shelves[0].reserved = 1;
            facts.shelves[0].received = 9;
        },
        &["oversold at shelf wh_1 MUG"],
    );
    found(|facts| facts.shelves.clear(), &["oversold at shelf wh_1 MUG"]);
    let line = |facts: &mut Facts, released, shipped| {
        let reservation = facts.reservations.get_mut("rsv_1").expect("a reservation");
        (reservation.lines[0].released, reservation.lines[0].shipped) = (released, shipped);
    };
    found(|facts| line(facts, 1, 0), &["promise_not_held at order ord_1"]);
    found(|facts| line(facts, 0, 2), &[]);
    found(
        |facts| facts.reservations.clear(),
        &["promise_not_held at order ord_1", "reservation_missing at order ord_1"],
    );
    // What the customer cancelled of it is promised no more.
    found(
        |facts| {
            line(facts, 1, 0);
            facts.orders[0].items[0].cancelled = 1;
        },
        &[],
    );
    found(|facts| facts.orders[0].status = order::OrderStatus::Completed.into(), &["held_for_nobody at order ord_1"]);
    // What is exchanged is packed after the order was completed.
    let exchanged = |facts: &mut Facts| {
        let order = &mut facts.orders[0];
        order.status = order::OrderStatus::Completed.into();
        let status = order::ParcelStatus::Packing.into();
        order.parts[0].parcels = vec![order::Parcel { status, ..order::Parcel::default() }];
    };
    found(exchanged, &[]);
}

/// Three mugs left for another warehouse: one is on its way, one is missing, one is there.
fn moved(facts: &mut Facts) {
    let line = inventory::TransferLine { sku: "MUG".to_owned(), quantity: 3, received: 1, missing: 1, put_away: 1 };
    facts.transfers.push(inventory::Transfer {
        transfer_id: "trf_1".to_owned(),
        from_warehouse_id: "wh_1".to_owned(),
        to_warehouse_id: "wh_2".to_owned(),
        status: inventory::TransferStatus::Dispatched.into(),
        lines: vec![line],
        ..Default::default()
    });
    facts.shelves[0].transferred_out = 3;
    facts.shelves.push(inventory::StockLevel {
        warehouse_id: "wh_2".to_owned(),
        sku: "MUG".to_owned(),
        on_hand: 1,
        received: 1,
        transferred_in: 1,
        ..Default::default()
    });
}

#[test]
fn units_that_vanish_between_warehouses_are_found() {
    found(moved, &[]);
    let and = |change: fn(&mut Facts)| {
        move |facts: &mut Facts| {
            moved(facts);
            change(facts);
        }
    };
    found(and(|facts| facts.shelves[0].transferred_out = 2), &["transfers_not_conserved at shelf wh_1 MUG"]);
    found(and(|facts| facts.shelves[1].transferred_in = 0), &["transfers_not_conserved at shelf wh_2 MUG"]);
    found(and(|facts| facts.shelves[1].transferred_in = 2), &["transfers_not_conserved at shelf wh_2 MUG"]);
    found(and(|facts| drop(facts.shelves.pop())), &["transfers_not_conserved at shelf wh_2 MUG"]);
    found(and(|facts| facts.transfers[0].lines[0].missing = 3), &["transfer_not_conserved at transfer trf_1"]);
    found(
        and(|facts| facts.transfers[0].set_status(inventory::TransferStatus::Received)),
        &["transfer_not_conserved at transfer trf_1"],
    );
    found(and(|facts| facts.transfers[0].lines[0].received = 2), &["alarm not_put_away at transfer trf_1"]);
    found(
        and(|facts| facts.transfers[0].set_status(inventory::TransferStatus::Cancelled)),
        &["transfers_not_conserved at shelf wh_1 MUG", "transfers_not_conserved at shelf wh_2 MUG"],
    );
}

#[test]
fn a_coupon_that_is_used_too_often_is_found() {
    found(|facts| facts.coupons[0].1[0].uses = 2, &["coupon_overused at coupon ONCE"]);
    found(|facts| facts.coupons[0].1[0].uses = 0, &["use_not_counted at coupon ONCE"]);
    found(|facts| facts.campaigns[0].1.reserved = 1, &["campaign_overused at campaign cmp_1"]);
    found(|facts| facts.campaigns[0].1.committed = 0, &["use_not_counted at campaign cmp_1"]);
    found(|facts| facts.campaigns[0].0.budget = vec![eur(99).expect("money")], &["budget_overspent at campaign cmp_1"]);
    // Twice by one customer, where codes and campaign have room for more.
    found(
        |facts| {
            let order = facts.orders[0].clone();
            let again = order::Order {
                order_id: "ord_2".to_owned(),
                payment_id: String::new(),
                captured_amount: eur(0),
                billed_amount: eur(0),
                items: Vec::new(),
                parts: Vec::new(),
                ..order
            };
            facts.orders.push(again);
            facts.coupons[0].0.uses_per_code_max = None;
            facts.coupons[0].1[0].uses = 2;
            facts.campaigns[0].0.uses_max = None;
            facts.campaigns[0].1.committed = 2;
        },
        &["coupon_overused at coupon ONCE"],
    );
}

#[test]
fn a_saga_that_stands_still_is_found_and_one_that_says_so_is_an_alarm() {
    for status in [order::OrderStatus::Pending, order::OrderStatus::Confirmed, order::OrderStatus::Cancelling] {
        found(|facts| facts.orders[0].status = status.into(), &["order_unfinished at order ord_1"]);
    }
    found(|facts| facts.orders[0].parts[0].parcels.clear(), &["order_unfinished at order ord_1"]);
    found(
        |facts| {
            facts.orders[0].status = order::OrderStatus::Cancelling.into();
            facts.orders[0].parts[0].parcels[0].status = order::ParcelStatus::Dispatched.into();
        },
        &["alarm order_waits at order ord_1"],
    );
    found(
        |facts| {
            facts.orders[0].billed_amount = eur(0);
            facts.orders[0].stuck = Some(order::Stuck::default());
        },
        &["alarm money_not_conserved at order ord_1", "alarm order_stuck at order ord_1"],
    );
    for status in [payment::PaymentStatus::Capturing, payment::PaymentStatus::Voiding, payment::PaymentStatus::Pending]
    {
        found(|facts| facts.payments[0].status = status.into(), &["payment_unfinished at payment pay_1"]);
    }
    let asked = |status: order::ReturnStatus, stuck| order::Return {
        return_id: "ret_1".to_owned(),
        status: status.into(),
        stuck,
        ..Default::default()
    };
    found(
        |facts| facts.returns.push(asked(order::ReturnStatus::Received, None)),
        &["return_unfinished at return ret_1"],
    );
    found(|facts| facts.returns.push(asked(order::ReturnStatus::Approved, None)), &[]);
    found(
        |facts| facts.returns.push(asked(order::ReturnStatus::Received, Some(order::Stuck::default()))),
        &["alarm return_stuck at return ret_1"],
    );
    found(
        |facts| facts.dead_letters.push(("shop.dlq.order.payment.1.pay_1".to_owned(), "unknown".to_owned())),
        &["alarm dead_letter at letter shop.dlq.order.payment.1.pay_1"],
    );
}

/// An exchange for a shirt that costs 15 EUR more, and the payment of that.
fn exchange(status: order::AmendmentStatus, captured: i64, refunded: i64) -> (order::Amendment, payment::Payment) {
    let part = order::OrderPart {
        warehouse_id: "wh_1".to_owned(),
        reservation_id: "rsv_2".to_owned(),
        lines: vec![SkuQuantity { sku: "SHIRT".to_owned(), quantity: Some(1) }],
        ..Default::default()
    };
    let amendment = order::Amendment {
        amendment_id: "amd_1".to_owned(),
        order_id: "ord_1".to_owned(),
        kind: order::AmendmentKind::Exchange.into(),
        status: status.into(),
        difference: eur(1500),
        payment_id: Some("pay_2".to_owned()),
        parts: vec![part],
        ..Default::default()
    };
    let paid = payment::Payment {
        payment_id: "pay_2".to_owned(),
        order_id: Some("ord_1".to_owned()),
        amount: eur(1500),
        status: payment::PaymentStatus::Captured.into(),
        captured: eur(captured),
        refunded: eur(refunded),
        provider: "stripe".to_owned(),
        ..Default::default()
    };
    (amendment, paid)
}

/// Puts an exchange into the facts, with what the ledger booked for it, and so many shirts held.
fn with_exchange(facts: &mut Facts, status: order::AmendmentStatus, moved: (i64, i64), held: i64) {
    let (amendment, paid) = exchange(status, moved.0, moved.1);
    let line =
        inventory::ReservationLine { sku: "SHIRT".to_owned(), quantity: 1, released: 1 - held, ..Default::default() };
    let reservation = inventory::Reservation {
        warehouse_id: "wh_1".to_owned(),
        reservation_id: "rsv_2".to_owned(),
        lines: vec![line],
        ..Default::default()
    };
    let shelf = inventory::StockLevel {
        warehouse_id: "wh_1".to_owned(),
        sku: "SHIRT".to_owned(),
        received: 1,
        on_hand: 1 - held,
        reserved: held,
        ..Default::default()
    };
    let booked = |what: payment::TransactionType, cents: i64| payment::Transaction {
        transaction_id: format!("txn_{what:?}"),
        payment_id: "pay_2".to_owned(),
        r#type: what.into(),
        amount: eur(cents),
        entries: facts.transactions.first().map(|one| one.entries.clone()).unwrap_or_default(),
        ..Default::default()
    };
    let charge = booked(payment::TransactionType::Charge, moved.0);
    let refund = booked(payment::TransactionType::Refund, moved.1);
    facts.transactions.extend([charge, refund]);
    facts.shelves.push(shelf);
    facts.reservations.insert("rsv_2".to_owned(), reservation);
    facts.payments.push(paid);
    facts.amendments.push(amendment);
}

#[test]
fn an_order_may_wait_for_what_its_reservation_waits_for() {
    for (status, says, waits, expected) in [
        (order::OrderStatus::Confirmed, 1, 1, None),
        (order::OrderStatus::Processing, 1, 1, None),
        // The news that it came got lost.
        (order::OrderStatus::Confirmed, 1, 0, Some("order_unfinished at order ord_1")),
        (order::OrderStatus::Confirmed, 0, 1, Some("order_unfinished at order ord_1")),
    ] {
        let plant = |facts: &mut Facts| {
            let line = order::AwaitedLine { sku: "MUG".to_owned(), quantity: says, expected_at: None };
            let part = &mut facts.orders[0].parts[0];
            (part.awaited, part.parcels) = (Some(line).filter(|_| says > 0).into_iter().collect(), Vec::new());
            facts.orders[0].status = status.into();
            facts.reservations.get_mut("rsv_1").expect("a reservation").lines[0].backordered = waits;
        };
        found(plant, expected.as_slice());
    }
}

#[test]
fn an_exchange_is_held_and_paid_or_neither() {
    use order::AmendmentStatus::{Applied, Cancelled, Pending, Ready};
    found(|facts| with_exchange(facts, Ready, (1500, 0), 1), &[]);
    found(|facts| with_exchange(facts, Ready, (0, 0), 1), &["amendment_not_paid at amendment amd_1"]);
    found(|facts| with_exchange(facts, Ready, (1500, 0), 0), &["promise_not_held at amendment amd_1"]);
    found(|facts| with_exchange(facts, Cancelled, (1500, 1500), 0), &[]);
    found(|facts| with_exchange(facts, Cancelled, (1500, 0), 0), &["amendment_not_paid at amendment amd_1"]);
    found(|facts| with_exchange(facts, Cancelled, (0, 0), 1), &["held_for_nobody at amendment amd_1"]);
    found(|facts| with_exchange(facts, Pending, (0, 0), 0), &["amendment_unfinished at amendment amd_1"]);
    // As a part of the order, its payment is one of the order's.
    let applied = |facts: &mut Facts| {
        with_exchange(facts, Applied, (1500, 0), 1);
        let order = &mut facts.orders[0];
        order.more_payment_ids = vec!["pay_2".to_owned()];
        (order.billed_amount, order.captured_amount) = (eur(4500), eur(4500));
    };
    found(applied, &[]);
    found(
        |facts| {
            applied(facts);
            facts.orders[0].captured_amount = eur(3000);
        },
        &["money_not_conserved at order ord_1", "payment_differs at order ord_1"],
    );
    found(
        |facts| {
            applied(facts);
            facts.orders[0].more_payment_ids.push("pay_3".to_owned());
        },
        &["payment_missing at order ord_1"],
    );
}

#[test]
fn what_is_gone_at_the_next_look_was_only_on_its_way() {
    let old = [Finding::wrong("oversold", "shelf a", "1"), Finding::wrong("oversold", "shelf b", "1")];
    let now = vec![Finding::wrong("oversold", "shelf a", "2"), Finding::wrong("oversold", "shelf c", "1")];
    assert_eq!(super::lasting(&old, now), [Finding::wrong("oversold", "shelf a", "2")]);
}

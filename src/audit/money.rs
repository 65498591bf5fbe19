//! Money: order against payment against ledger against the bank.

use std::collections::{BTreeMap, BTreeSet};

use messages::common::v1 as wire;
use messages::money::{Currency, Money};
use messages::order::v1::{Amendment, AmendmentStatus, Order, OrderStatus};
use messages::payment::v1::{Payment, PaymentStatus, TransactionType};

use super::facts::{Account, Facts};
use super::finding::Finding;

/// The provider whose journal can be read.
const TEST: &str = "test";

/// Money in a message; none stands for nothing of the currency.
fn read(money: Option<&wire::Money>, currency: Currency) -> Option<Money> {
    match money {
        Some(money) => Money::try_from(money).ok().filter(|money| money.currency() == currency),
        None => Some(Money::zero(currency)),
    }
}

fn currency(money: Option<&wire::Money>) -> Option<Currency> {
    Currency::parse(&money?.currency).ok()
}

pub(super) fn check(facts: &Facts, found: &mut Vec<Finding>) {
    let payments: BTreeMap<&str, &Payment> = facts.payments.iter().map(|one| (one.payment_id.as_str(), one)).collect();
    let orders: BTreeSet<&str> = facts.orders.iter().map(|order| order.order_id.as_str()).collect();
    for order in &facts.orders {
        let more = order.more_payment_ids.iter().filter_map(|id| payments.get(id.as_str()).copied());
        let of_it: Vec<&Payment> = payments.get(order.payment_id.as_str()).copied().into_iter().chain(more).collect();
        if check_order(order, &of_it, found).is_none() {
            found.push(Finding::wrong("unreadable_money", place(order), "its amounts are not of one currency"));
        }
    }
    for amendment in &facts.amendments {
        let payment = payments.get(amendment.payment_id.as_deref().unwrap_or_default()).copied();
        if check_amendment(amendment, payment, found).is_none() {
            let place = format!("amendment {}", amendment.amendment_id);
            found.push(Finding::wrong("unreadable_money", place, "its amounts are not of one currency"));
        }
    }
    for payment in &facts.payments {
        if let Some(order_id) = payment.order_id.as_deref().filter(|id| !orders.contains(id)) {
            let says = format!("it is for order {order_id}, which does not exist");
            found.push(Finding::wrong("order_missing", format!("payment {}", payment.payment_id), says));
        }
        if check_payment(payment, facts, found).is_none() {
            let place = format!("payment {}", payment.payment_id);
            found.push(Finding::wrong("unreadable_money", place, "its amounts are not of one currency"));
        }
    }
    check_ledger(facts, found);
    for (intent, account) in facts.bank.iter().flatten() {
        let known = account.payment_id.as_deref().is_some_and(|id| payments.contains_key(id));
        if !known && (account.charges > 0 || !account.held.is_zero()) {
            let whose = account.payment_id.as_deref().unwrap_or("nobody");
            let says = format!(
                "the bank took {} and holds {} for {whose}, and no payment of the shop knows",
                account.charged, account.held
            );
            found.push(Finding::wrong("unknown_charge", format!("intent {intent}"), says));
        }
    }
}

fn place(order: &Order) -> String {
    format!("order {}", order.order_id)
}

fn check_order(order: &Order, of_it: &[&Payment], found: &mut Vec<Finding>) -> Option<()> {
    use OrderStatus::{Cancelled, Completed, PartiallyShipped, Processing, Shipped};
    let currency = currency(order.total_amount.as_ref())?;
    let [captured, refunded, billed] = [&order.captured_amount, &order.refunded_amount, &order.billed_amount]
        .map(|amount| read(amount.as_ref(), currency));
    let (captured, refunded, billed) = (captured?, refunded?, billed?);
    let paid = captured.minus(refunded).ok()?;
    let nothing = Money::zero(currency);
    let fits = match order.status() {
        Cancelled => paid == nothing,
        Processing | PartiallyShipped | Shipped | Completed => paid == billed,
        // Before the money is taken, and while it goes back.
        _ => paid == nothing || paid == billed || order.status() == OrderStatus::Cancelling,
    };
    if !fits {
        let says = format!("captured {captured} − refunded {refunded} is {paid}, but {billed} is billed");
        // An order that is stuck says so itself, and waits for somebody.
        let finding = if order.stuck.is_some() { Finding::alarm } else { Finding::wrong };
        found.push(finding("money_not_conserved", place(order), says));
    }
    // What costs nothing has none. All others get theirs by the news that they exist, also when they came to nothing.
    let named = order.more_payment_ids.iter().chain(Some(&order.payment_id).filter(|id| !id.is_empty()));
    for payment_id in named {
        if !of_it.iter().any(|payment| payment.payment_id == *payment_id) {
            let says = format!("{captured} captured, but there is no payment {payment_id:?}");
            found.push(Finding::wrong("payment_missing", place(order), says));
            return Some(());
        }
    }
    if of_it.is_empty() {
        if !captured.is_zero() {
            let says = format!("{captured} captured, but there is no payment {:?}", order.payment_id);
            found.push(Finding::wrong("payment_missing", place(order), says));
        }
        return Some(());
    }
    let ids: Vec<&str> = of_it.iter().map(|payment| payment.payment_id.as_str()).collect();
    let sum = |amount: fn(&Payment) -> Option<&wire::Money>| {
        let amounts: Option<Vec<Money>> = of_it.iter().map(|payment| read(amount(payment), currency)).collect();
        Money::sum(currency, amounts?).ok()
    };
    for (what, ours, theirs) in [
        ("captured", captured, sum(|payment| payment.captured.as_ref())?),
        ("refunded", refunded, sum(|payment| payment.refunded.as_ref())?),
    ] {
        if ours != theirs {
            let says = format!("{ours} {what}, but its payment {} says {theirs}", ids.join(", "));
            found.push(Finding::wrong("payment_differs", place(order), says));
        }
    }
    for payment in of_it.iter().filter(|one| one.order_id.as_deref() != Some(order.order_id.as_str())) {
        let says = format!("its payment {} is for order {:?}", payment.payment_id, payment.order_id);
        found.push(Finding::wrong("payment_of_another", place(order), says));
    }
    Some(())
}

/// The difference of an exchange or an edit is paid when it is ready, and back when it came to nothing.
fn check_amendment(amendment: &Amendment, payment: Option<&Payment>, found: &mut Vec<Finding>) -> Option<()> {
    let currency = currency(amendment.difference.as_ref())?;
    let nothing = Money::zero(currency);
    let difference = read(amendment.difference.as_ref(), currency)?;
    let charge = if difference.is_negative() { nothing } else { difference };
    let captured = read(payment.and_then(|payment| payment.captured.as_ref()), currency)?;
    let refunded = read(payment.and_then(|payment| payment.refunded.as_ref()), currency)?;
    let place = format!("amendment {}", amendment.amendment_id);
    let fits = match amendment.status() {
        AmendmentStatus::Ready | AmendmentStatus::Applied => captured == charge,
        AmendmentStatus::Cancelled => captured == refunded,
        AmendmentStatus::Unspecified
        | AmendmentStatus::Pending
        | AmendmentStatus::RequiresAction
        | AmendmentStatus::Cancelling => true,
    };
    if !fits {
        let shown = amendment.status().as_str_name();
        let says = format!("it is {shown} and costs {charge}, but {captured} was captured and {refunded} refunded");
        found.push(Finding::wrong("amendment_not_paid", place, says));
    }
    Some(())
}

fn check_payment(payment: &Payment, facts: &Facts, found: &mut Vec<Finding>) -> Option<()> {
    let currency = currency(payment.amount.as_ref())?;
    let captured = read(payment.captured.as_ref(), currency)?;
    let refunded = read(payment.refunded.as_ref(), currency)?;
    let place = format!("payment {}", payment.payment_id);
    let booked = |what: TransactionType| {
        let of = facts.transactions.iter().filter(|one| one.payment_id == payment.payment_id && one.r#type() == what);
        let amounts: Option<Vec<Money>> = of.map(|one| read(one.amount.as_ref(), currency)).collect();
        Money::sum(currency, amounts?).ok()
    };
    for (what, said, booked) in [
        ("captured", captured, booked(TransactionType::Charge)),
        ("refunded", refunded, booked(TransactionType::Refund)),
    ] {
        let booked = booked?;
        if said != booked {
            let says = format!("{said} {what}, but the ledger has {booked}");
            found.push(Finding::wrong("ledger_differs", place.clone(), says));
        }
    }
    let Some(accounts) = facts.bank.as_ref().filter(|_| payment.provider == TEST) else { return Some(()) };
    let of_it: Vec<(&String, &Account)> =
        accounts.iter().filter(|(_, account)| account.payment_id.as_ref() == Some(&payment.payment_id)).collect();
    let charges: u32 = of_it.iter().map(|(_, account)| account.charges).sum();
    if charges > 1 {
        let intents: Vec<&str> = of_it.iter().map(|(intent, _)| intent.as_str()).collect();
        let says = format!("the bank took money {charges} times: {}", intents.join(", "));
        found.push(Finding::wrong("charged_twice", place.clone(), says));
    }
    let sum =
        |amount: fn(&Account) -> Money| Money::sum(currency, of_it.iter().map(|(_, account)| amount(account))).ok();
    let (charged, returned, held) = (sum(|a| a.charged)?, sum(|a| a.returned)?, sum(|a| a.held)?);
    for (what, said, done) in [("captured", captured, charged), ("refunded", refunded, returned)] {
        if said != done {
            let says = format!("{said} {what}, but the bank's journal has {done}");
            found.push(Finding::wrong("bank_differs", place.clone(), says));
        }
    }
    let has_ended = !matches!(
        payment.status(),
        PaymentStatus::Initiated
            | PaymentStatus::InReview
            | PaymentStatus::Pending
            | PaymentStatus::RequiresAction
            | PaymentStatus::Authorized
            | PaymentStatus::Capturing
            | PaymentStatus::Voiding
    );
    if has_ended && !held.is_zero() {
        let says = format!("it has ended, but the bank still holds {held}");
        found.push(Finding::wrong("hold_left", place, says));
    }
    Some(())
}

fn check_ledger(facts: &Facts, found: &mut Vec<Finding>) {
    let mut sums: BTreeMap<&str, Option<Money>> = BTreeMap::new();
    for balance in facts.balances.iter().filter_map(|balance| balance.balance.as_ref()) {
        add(&mut sums, balance);
    }
    for (currency, sum) in sums {
        if sum.is_none_or(|sum| !sum.is_zero()) {
            let sum = sum.map_or_else(|| "no sum at all".to_owned(), |sum| sum.to_string());
            let says = format!("the balances of all accounts add up to {sum}");
            found.push(Finding::wrong("ledger_not_zero", format!("ledger {currency}"), says));
        }
    }
    for transaction in &facts.transactions {
        let mut sums: BTreeMap<&str, Option<Money>> = BTreeMap::new();
        transaction.entries.iter().filter_map(|entry| entry.amount.as_ref()).for_each(|money| add(&mut sums, money));
        if sums.is_empty() || sums.values().any(|sum| sum.is_none_or(|sum| !sum.is_zero())) {
            let place = format!("transaction {}", transaction.transaction_id);
            found.push(Finding::wrong("entries_not_zero", place, "its entries do not add up to zero"));
        }
    }
}

fn add<'a>(sums: &mut BTreeMap<&'a str, Option<Money>>, money: &'a wire::Money) {
    let read = Money::try_from(money).ok();
    let sum = sums.entry(&money.currency).or_insert_with(|| read.map(|money| Money::zero(money.currency())));
    *sum = sum.zip(read).and_then(|(sum, money)| sum.plus(money).ok());
}

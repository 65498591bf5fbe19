//! Sagas: every order, return and payment has come to rest, waits for a person, or says that it is stuck.

use messages::order::v1::{
    Amendment, AmendmentKind, AmendmentStatus, Order, OrderPart, OrderStatus, ParcelStatus, Return, ReturnStatus,
    StockStatus,
};
use messages::payment::v1::{Payment, PaymentStatus};

use super::facts::Facts;
use super::finding::Finding;
use super::stock;

pub(super) fn check(facts: &Facts, found: &mut Vec<Finding>) {
    found.extend(facts.orders.iter().filter_map(|order| of_order(order, facts)));
    found.extend(facts.returns.iter().filter_map(of_return));
    found.extend(facts.amendments.iter().filter_map(of_amendment));
    found.extend(facts.payments.iter().filter_map(of_payment));
    found.extend(facts.dead_letters.iter().map(|(subject, reason)| {
        Finding::alarm("dead_letter", format!("letter {subject}"), format!("{reason}; see `mercat dlq`"))
    }));
}

fn of_order(order: &Order, facts: &Facts) -> Option<Finding> {
    let place = format!("order {}", order.order_id);
    if let Some(stuck) = &order.stuck {
        let says = format!("stuck at {}: {}. {}", stuck.step().as_str_name(), stuck.reason, stuck.detail);
        return Some(Finding::alarm("order_stuck", place, says));
    }
    let status = order.status();
    let shown = status.as_str_name();
    match status {
        // Stock that is on its way, as the part says, is charged and sent when it has come.
        OrderStatus::Confirmed | OrderStatus::Processing if order.parts.iter().any(|part| !part.awaited.is_empty()) => {
            waits_for_nothing(order, facts)
        }
        OrderStatus::Pending | OrderStatus::Confirmed => {
            Some(Finding::wrong("order_unfinished", place, format!("it stays {shown}")))
        }
        OrderStatus::Cancelling => {
            let mut parcels = order.parts.iter().flat_map(|part| &part.parcels);
            if parcels.any(|parcel| parcel.status() == ParcelStatus::Dispatched) {
                return Some(Finding::alarm("order_waits", place, "cancelled, and waits for a parcel that has left"));
            }
            Some(Finding::wrong("order_unfinished", place, format!("it stays {shown}")))
        }
        OrderStatus::Processing => {
            let has_no_parcel = |reservation: &str| {
                let held = facts.reservations.get(reservation);
                held.is_some_and(|held| stock::open(held).any(|(_, units)| units > 0))
            };
            let mut parts = order.parts.iter().filter(|part| part.stock() == StockStatus::Confirmed);
            let forgotten = parts.find(|part| part.parcels.is_empty() && has_no_parcel(&part.reservation_id))?;
            let says = format!("paid, but no parcel was made of reservation {}", forgotten.reservation_id);
            Some(Finding::wrong("order_unfinished", place, says))
        }
        OrderStatus::Unspecified => Some(Finding::wrong("order_unfinished", place, "it has no status")),
        OrderStatus::RequiresAction
        | OrderStatus::OnHold
        | OrderStatus::PartiallyShipped
        | OrderStatus::Shipped
        | OrderStatus::Completed
        | OrderStatus::Cancelled => None,
    }
}

/// An order says that it waits, and its reservation that everything is here: the news of it got lost.
fn waits_for_nothing(order: &Order, facts: &Facts) -> Option<Finding> {
    let awaited = |reservation: &str| {
        let lines = facts.reservations.get(reservation).map(|held| held.lines.as_slice()).unwrap_or_default();
        lines.iter().map(|line| line.backordered).sum::<i64>()
    };
    let waits = |part: &&OrderPart| part.awaited.iter().map(|line| line.quantity).sum::<i64>();
    let differs = |part: &&OrderPart| waits(part) != awaited(&part.reservation_id);
    let part = order.parts.iter().find(differs)?;
    let (waits, awaited) = (waits(&part), awaited(&part.reservation_id));
    let says = format!("it waits for {waits} units of reservation {}, which waits for {awaited}", part.reservation_id);
    Some(Finding::wrong("order_unfinished", format!("order {}", order.order_id), says))
}

fn of_return(asked: &Return) -> Option<Finding> {
    let place = format!("return {}", asked.return_id);
    if let Some(stuck) = &asked.stuck {
        let says = format!("stuck at {}: {}. {}", stuck.step().as_str_name(), stuck.reason, stuck.detail);
        return Some(Finding::alarm("return_stuck", place, says));
    }
    let is_open = asked.status() == ReturnStatus::Received;
    is_open.then(|| Finding::wrong("return_unfinished", place, "it arrived, and its money has not gone back"))
}

fn of_amendment(amendment: &Amendment) -> Option<Finding> {
    let place = format!("amendment {}", amendment.amendment_id);
    if let Some(stuck) = &amendment.stuck {
        let says = format!("stuck at {}: {}. {}", stuck.step().as_str_name(), stuck.reason, stuck.detail);
        return Some(Finding::alarm("amendment_stuck", place, says));
    }
    let status = amendment.status();
    let is_open = match status {
        AmendmentStatus::Unspecified | AmendmentStatus::Pending | AmendmentStatus::Cancelling => true,
        // An exchange waits for the goods.
        AmendmentStatus::Ready => amendment.kind() == AmendmentKind::Edit,
        AmendmentStatus::RequiresAction | AmendmentStatus::Applied | AmendmentStatus::Cancelled => false,
    };
    is_open.then(|| Finding::wrong("amendment_unfinished", place, format!("it stays {}", status.as_str_name())))
}

fn of_payment(payment: &Payment) -> Option<Finding> {
    let status = payment.status();
    let is_moving = matches!(
        status,
        PaymentStatus::Unspecified | PaymentStatus::Pending | PaymentStatus::Capturing | PaymentStatus::Voiding
    );
    let place = format!("payment {}", payment.payment_id);
    is_moving.then(|| Finding::wrong("payment_unfinished", place, format!("it stays {}", status.as_str_name())))
}

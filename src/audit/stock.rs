//! Stock: shelves against themselves, and what orders promised against what is held for them.

use std::collections::BTreeMap;

use messages::inventory::v1::Reservation;
use messages::order::v1::{Amendment, AmendmentStatus, Order, OrderStatus, StockStatus};

use super::facts::Facts;
use super::finding::Finding;

pub(super) fn check(facts: &Facts, found: &mut Vec<Finding>) {
    check_shelves(facts, found);
    facts.orders.iter().for_each(|order| check_order(order, &facts.reservations, found));
    facts.amendments.iter().for_each(|amendment| check_amendment(amendment, &facts.reservations, found));
}

/// Units that a reservation still holds, by SKU.
pub(super) fn open(reservation: &Reservation) -> impl Iterator<Item = (&str, i64)> {
    reservation.lines.iter().map(|line| {
        let gone = line.released.saturating_add(line.shipped);
        (line.sku.as_str(), line.quantity.saturating_sub(gone))
    })
}

fn check_shelves(facts: &Facts, found: &mut Vec<Finding>) {
    let mut held: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for reservation in facts.reservations.values() {
        for (sku, units) in open(reservation) {
            let sum = held.entry((&reservation.warehouse_id, sku)).or_default();
            *sum = sum.saturating_add(units);
        }
    }
    for shelf in &facts.shelves {
        let place = format!("shelf {} {}", shelf.warehouse_id, shelf.sku);
        let (on_hand, reserved, shipped) = (shelf.on_hand, shelf.reserved, shelf.shipped);
        let sum = on_hand.saturating_add(reserved).saturating_add(shipped);
        if sum != shelf.received {
            let says = format!(
                "received {}, but on hand {on_hand} + reserved {reserved} + shipped {shipped} is {sum}",
                shelf.received
            );
            found.push(Finding::wrong("stock_not_conserved", place.clone(), says));
        }
        if on_hand < 0 || reserved < 0 || shipped < 0 {
            let says = format!("on hand {on_hand}, reserved {reserved}, shipped {shipped}");
            found.push(Finding::wrong("negative_stock", place.clone(), says));
        }
        // Whoever reserves without an order is not known here, so a shelf may hold more.
        let held = held.remove(&(shelf.warehouse_id.as_str(), shelf.sku.as_str())).unwrap_or(0);
        if held > reserved {
            let says = format!("orders hold {held}, but only {reserved} are reserved");
            found.push(Finding::wrong("oversold", place, says));
        }
    }
    for ((warehouse, sku), units) in held.into_iter().filter(|(_, units)| *units > 0) {
        let says = format!("orders hold {units} of what was never there");
        found.push(Finding::wrong("oversold", format!("shelf {warehouse} {sku}"), says));
    }
}

/// What is ready is held, and what came to nothing is not.
fn check_amendment(amendment: &Amendment, reservations: &BTreeMap<String, Reservation>, found: &mut Vec<Finding>) {
    let place = format!("amendment {}", amendment.amendment_id);
    for part in &amendment.parts {
        let held: i64 = reservations.get(&part.reservation_id).into_iter().flat_map(open).map(|(_, units)| units).sum();
        let wanted: i64 = part.lines.iter().filter_map(|line| line.quantity).sum();
        match amendment.status() {
            AmendmentStatus::Ready if held < wanted => {
                let says = format!("it is ready, but {held} of {wanted} units are held for it");
                found.push(Finding::wrong("promise_not_held", place.clone(), says));
            }
            AmendmentStatus::Cancelled if held > 0 => {
                let says = format!("it came to nothing, but {held} units are still held for it");
                found.push(Finding::wrong("held_for_nobody", place.clone(), says));
            }
            _ => {}
        }
    }
}

fn check_order(order: &Order, reservations: &BTreeMap<String, Reservation>, found: &mut Vec<Finding>) {
    use OrderStatus::{Cancelled, Completed, Confirmed, PartiallyShipped, Processing, Shipped};
    let place = format!("order {}", order.order_id);
    let (mut still, mut kept): (BTreeMap<&str, i64>, BTreeMap<&str, i64>) = Default::default();
    for part in &order.parts {
        let reservation = reservations.get(&part.reservation_id);
        if reservation.is_none() && matches!(part.stock(), StockStatus::Held | StockStatus::Confirmed) {
            let says = format!("it counts on reservation {}, which does not exist", part.reservation_id);
            found.push(Finding::wrong("reservation_missing", place.clone(), says));
        }
        for (sku, units) in reservation.into_iter().flat_map(open) {
            *still.entry(sku).or_default() += units;
        }
        for line in reservation.into_iter().flat_map(|reservation| &reservation.lines) {
            *kept.entry(&line.sku).or_default() += line.quantity.saturating_sub(line.released);
        }
    }
    let held: i64 = still.values().sum();
    if matches!(order.status(), Cancelled | Completed) && held > 0 && order.stuck.is_none() {
        let says = format!("it has ended, but {held} units are still held for it");
        found.push(Finding::wrong("held_for_nobody", place.clone(), says));
    }
    if !matches!(order.status(), Confirmed | Processing | PartiallyShipped | Shipped | Completed) {
        return;
    }
    // A SKU is there once more for every amendment that added units of it.
    let mut promised: BTreeMap<&str, i64> = BTreeMap::new();
    for item in &order.items {
        let sum = promised.entry(&item.sku).or_default();
        *sum = sum.saturating_add(item.quantity.saturating_sub(item.cancelled));
    }
    for (sku, promised) in promised {
        // What needs no shelf is in no part.
        let is_stocked = order.parts.iter().flat_map(|part| &part.lines).any(|line| line.sku == sku);
        let kept = kept.get(sku).copied().unwrap_or(0);
        if is_stocked && kept < promised {
            let says = format!("{promised} of {sku} are promised, but {kept} are held or shipped");
            found.push(Finding::wrong("promise_not_held", place.clone(), says));
        }
    }
}

//! Stock: shelves against themselves, what left for other warehouses against what came there, and what orders promised
//! against what is held for them.

use std::collections::BTreeMap;

use messages::inventory::v1::{Reservation, TransferStatus};
use messages::order::v1::{Amendment, AmendmentStatus, Order, OrderStatus, ParcelStatus, StockStatus};

use super::facts::Facts;
use super::finding::Finding;

pub(super) fn check(facts: &Facts, found: &mut Vec<Finding>) {
    check_shelves(facts, found);
    check_transfers(facts, found);
    facts.orders.iter().for_each(|order| check_order(order, &facts.reservations, found));
    facts.amendments.iter().for_each(|amendment| check_amendment(amendment, &facts.reservations, found));
}

/// Units that a reservation still holds, by SKU.
pub(super) fn open(reservation: &Reservation) -> impl Iterator<Item = (&str, i64)> {
    reservation.lines.iter().map(|line| {
        let gone = line.released.saturating_add(line.shipped).saturating_add(line.backordered);
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

/// What left one warehouse has come to another, is missing, or is on its way: the sum over all warehouses is kept.
fn check_transfers(facts: &Facts, found: &mut Vec<Finding>) {
    // By warehouse and SKU: what transfers say was sent, was put away, and came.
    let mut said: BTreeMap<(&str, &str), [i64; 3]> = BTreeMap::new();
    for transfer in &facts.transfers {
        let place = format!("transfer {}", transfer.transfer_id);
        let has_left = matches!(transfer.status(), TransferStatus::Dispatched | TransferStatus::Received);
        for line in transfer.lines.iter().filter(|_| has_left) {
            let [sent, ..] = said.entry((&transfer.from_warehouse_id, &line.sku)).or_default();
            *sent = sent.saturating_add(line.quantity);
            let [_, put_away, came] = said.entry((&transfer.to_warehouse_id, &line.sku)).or_default();
            *put_away = put_away.saturating_add(line.put_away);
            *came = came.saturating_add(line.received);
            let awaited = line.quantity.saturating_sub(line.received).saturating_sub(line.missing);
            let lies_about = line.received.saturating_sub(line.put_away);
            if awaited < 0 || lies_about < 0 || transfer.status() == TransferStatus::Received && awaited != 0 {
                let says = format!(
                    "of {} {} sent, {} came, {} are missing and {} are put away",
                    line.quantity, line.sku, line.received, line.missing, line.put_away
                );
                found.push(Finding::wrong("transfer_not_conserved", place.clone(), says));
            } else if lies_about > 0 {
                let says = format!("{lies_about} of {} came and are on no shelf yet", line.sku);
                found.push(Finding::alarm("not_put_away", place.clone(), says));
            }
        }
    }
    for shelf in &facts.shelves {
        let of = (shelf.warehouse_id.as_str(), shelf.sku.as_str());
        let [sent, put_away, came] = said.remove(&of).unwrap_or_default();
        // Units lie on the shelf a moment before the transfer knows.
        if sent != shelf.transferred_out || !(put_away..=came).contains(&shelf.transferred_in) {
            let says = format!(
                "transfers say that {sent} left and {put_away} to {came} came, the shelf says {} and {}",
                shelf.transferred_out, shelf.transferred_in
            );
            let place = format!("shelf {} {}", shelf.warehouse_id, shelf.sku);
            found.push(Finding::wrong("transfers_not_conserved", place, says));
        }
    }
    for ((warehouse, sku), [sent, put_away, _]) in said.into_iter().filter(|(_, [sent, came, _])| sent + came > 0) {
        let says = format!("transfers say that {sent} left and {put_away} came, and there never was such a shelf");
        found.push(Finding::wrong("transfers_not_conserved", format!("shelf {warehouse} {sku}"), says));
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
        // What is exchanged is packed after the order was completed.
        let is_on_its_way =
            order.status() == Completed && part.parcels.iter().any(|parcel| parcel.status() == ParcelStatus::Packing);
        let reservation = reservations.get(&part.reservation_id);
        if reservation.is_none() && matches!(part.stock(), StockStatus::Held | StockStatus::Confirmed) {
            let says = format!("it counts on reservation {}, which does not exist", part.reservation_id);
            found.push(Finding::wrong("reservation_missing", place.clone(), says));
        }
        for (sku, units) in reservation.into_iter().filter(|_| !is_on_its_way).flat_map(open) {
            *still.entry(sku).or_default() += units;
        }
        for line in reservation.into_iter().flat_map(|reservation| &reservation.lines) {
            // What is waited for is promised too: it is held as soon as it comes.
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

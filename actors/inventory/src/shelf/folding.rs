//! What a shelf's events make of it. No rules here: what was decided once folds for ever.

use super::{Claim, Event, Shelf, Waiting};

pub(super) fn fold(shelf: &mut Shelf, event: &Event) {
    shelf.updated_at = Some(event.at());
    match event {
        Event::Set { delta, threshold, product_id, .. } => {
            shelf.on_hand += delta;
            shelf.received += delta;
            shelf.is_low &= shelf.threshold == *threshold;
            shelf.threshold = *threshold;
            shelf.product_id.clone_from(product_id);
        }
        Event::Adjusted { delta, product_id, .. } => {
            shelf.on_hand += delta;
            shelf.received += delta;
            shelf.product_id.clone_from(product_id);
        }
        Event::Reserved(claim, _) => {
            shelf.on_hand -= claim.quantity;
            shelf.reserved += claim.quantity;
        }
        Event::Released(claim, ..) => {
            shelf.reserved -= claim.quantity;
            shelf.on_hand += claim.quantity;
        }
        Event::Shipped(claim, _) => {
            shelf.reserved -= claim.quantity;
            shelf.shipped += claim.quantity;
        }
        Event::Low { .. } => shelf.is_low = true,
        Event::Governed { policy, product_id, .. } => {
            shelf.is_due &= shelf.policy.reorder_point == policy.reorder_point;
            shelf.policy.clone_from(policy);
            shelf.product_id.clone_from(product_id);
        }
        Event::Awaited(claim, _) => shelf.wait(claim),
        Event::Filled(claim, _) => {
            shelf.wait_less(claim);
            shelf.on_hand -= claim.quantity;
            shelf.reserved += claim.quantity;
        }
        Event::Withdrawn(claim, ..) => shelf.wait_less(claim),
        Event::Sent(units, _) => {
            shelf.on_hand -= units.quantity;
            shelf.received -= units.quantity;
            shelf.sent += units.quantity;
        }
        Event::Arrived { units, product_id, .. } => {
            shelf.on_hand += units.quantity;
            shelf.received += units.quantity;
            shelf.arrived += units.quantity;
            shelf.product_id.clone_from(product_id);
        }
        Event::Due { .. } => shelf.is_due = true,
    }
    if shelf.threshold.is_some_and(|threshold| shelf.on_hand > threshold) {
        shelf.is_low = false;
    }
    if shelf.policy.reorder_point.is_none_or(|point| shelf.position() > point) {
        shelf.is_due = false;
    }
}

impl Shelf {
    fn wait(&mut self, claim: &Claim) {
        let (reservation_id, quantity) = (claim.reservation_id.clone(), claim.quantity);
        self.waiting.push_back(Waiting { reservation_id, quantity });
    }

    fn wait_less(&mut self, claim: &Claim) {
        let same = |waiting: &&mut Waiting| waiting.reservation_id == claim.reservation_id;
        if let Some(waiting) = self.waiting.iter_mut().find(same) {
            waiting.quantity -= claim.quantity;
        }
        self.waiting.retain(|waiting| waiting.quantity > 0);
    }
}

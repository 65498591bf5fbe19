//! What a shelf says to a command, and what follows from that.

use jiff::Timestamp;

use super::{Claim, Command, Event, Move, Place, Refusal, Shelf, UNITS_MAX};

/// What happens. Whatever it is, the shelf may be low after it, or have to be filled up.
pub(super) fn decide(shelf: &Shelf, command: Command, at: Timestamp) -> Result<Vec<Event>, Refusal> {
    let place = command.place().clone();
    let mut events: Vec<Event> = shelf.change(command, at)?.into_iter().collect();
    if let Some(event) = events.first() {
        let mut after = shelf.clone();
        super::folding::fold(&mut after, event);
        events.extend(after.warnings(&place, at));
    }
    Ok(events)
}

impl Command {
    fn place(&self) -> &Place {
        match self {
            Command::Set { place, .. } | Command::Adjust { place, .. } | Command::Govern { place, .. } => place,
            Command::Reserve(claim)
            | Command::Release(claim, _)
            | Command::Ship(claim)
            | Command::Await(claim)
            | Command::Fill(claim)
            | Command::Withdraw(claim, _) => &claim.place,
            Command::Send(units) | Command::Arrive { units, .. } => &units.place,
        }
    }
}

impl Shelf {
    /// What the command does; `None` when it is already so.
    fn change(&self, command: Command, at: Timestamp) -> Result<Option<Event>, Refusal> {
        Ok(Some(match command {
            Command::Set { place, on_hand, expected, threshold, reason, note, product_id } => {
                if let Some(expected) = expected.filter(|expected| *expected != self.on_hand) {
                    return Err(Refusal::Changed { sku: place.sku, expected, current: self.on_hand });
                }
                let delta = on_hand.checked_sub(self.on_hand).ok_or(Refusal::TooMany)?;
                self.came(&place, delta)?;
                if delta == 0 && threshold == self.threshold {
                    return Ok(None);
                }
                let product_id = self.product_now(product_id);
                Event::Set { place, on_hand, delta, threshold, reason, note, product_id, at }
            }
            Command::Adjust { place, delta, reason, note, product_id } => {
                let on_hand = self.came(&place, delta)?;
                if delta == 0 {
                    return Ok(None);
                }
                let product_id = self.product_now(product_id);
                Event::Adjusted { place, delta, on_hand, reason, note, product_id, at }
            }
            Command::Reserve(claim) => {
                within(&claim, self.sellable())?;
                Event::Reserved(claim, at)
            }
            Command::Release(claim, because) => {
                self.held(&claim)?;
                Event::Released(claim, because, at)
            }
            Command::Ship(claim) => {
                self.held(&claim)?;
                Event::Shipped(claim, at)
            }
            Command::Govern { policy, .. } if policy == self.policy => return Ok(None),
            Command::Govern { place, policy, product_id } => {
                let product_id = self.product_now(product_id);
                Event::Governed { place, policy, product_id, at }
            }
            Command::Await(claim) => {
                within(&claim, self.awaitable())?;
                Event::Awaited(claim, at)
            }
            Command::Fill(claim) => {
                within(&claim, self.sellable())?;
                self.waits(&claim)?;
                Event::Filled(claim, at)
            }
            Command::Withdraw(claim, because) => {
                self.waits(&claim)?;
                Event::Withdrawn(claim, because, at)
            }
            Command::Send(units) => {
                let Move { place, quantity, .. } = &units;
                // Safety stock is kept back from customers, not from other warehouses.
                if !(1..=self.on_hand).contains(quantity) {
                    let (sku, requested, available) = (place.sku.clone(), *quantity, self.on_hand);
                    return Err(Refusal::Insufficient { sku, requested, available });
                }
                Event::Sent(units, at)
            }
            Command::Arrive { units, product_id } => {
                self.came(&units.place, units.quantity)?;
                let product_id = self.product_now(product_id);
                Event::Arrived { units, product_id, at }
            }
        }))
    }

    fn came(&self, place: &Place, delta: i64) -> Result<i64, Refusal> {
        let on_hand = self.on_hand.checked_add(delta).ok_or(Refusal::TooMany)?;
        let received = self.received.checked_add(delta).ok_or(Refusal::TooMany)?;
        if on_hand < 0 {
            let requested = delta.checked_neg().ok_or(Refusal::TooMany)?;
            return Err(Refusal::Insufficient { sku: place.sku.clone(), requested, available: self.on_hand });
        }
        if received > UNITS_MAX {
            return Err(Refusal::TooMany);
        }
        Ok(on_hand)
    }

    fn held(&self, claim: &Claim) -> Result<(), Refusal> {
        let held = (1..=self.reserved).contains(&claim.quantity);
        held.then_some(()).ok_or_else(|| Refusal::NotHeld { sku: claim.place.sku.clone() })
    }

    fn waits(&self, claim: &Claim) -> Result<(), Refusal> {
        let of = |id: &str| self.waiting.iter().find(|waiting| waiting.reservation_id == id).map_or(0, |w| w.quantity);
        let waits = (1..=of(&claim.reservation_id)).contains(&claim.quantity);
        waits.then_some(()).ok_or_else(|| Refusal::NotHeld { sku: claim.place.sku.clone() })
    }

    /// Whom to tell, once: that it is low, and that it has to be filled up.
    fn warnings(&self, place: &Place, at: Timestamp) -> impl Iterator<Item = Event> + use<> {
        let threshold = self.threshold.filter(|threshold| !self.is_low && self.on_hand <= *threshold);
        let low = threshold.map(|threshold| {
            let (place, product_id) = (place.clone(), self.product_id.clone());
            Event::Low { place, on_hand: self.on_hand, threshold, product_id, at }
        });
        let position = self.position();
        let point = self.policy.reorder_point.filter(|point| !self.is_due && position <= *point);
        let due = point.map(|point| {
            let (place, product_id) = (place.clone(), self.product_id.clone());
            Event::Due { place, position, point, suggested: self.policy.suggested(position), product_id, at }
        });
        low.into_iter().chain(due)
    }

    fn product_now(&self, said: String) -> String {
        if said.is_empty() { self.product_id.clone() } else { said }
    }
}

/// At least one unit, and no more than there are.
fn within(claim: &Claim, available: i64) -> Result<(), Refusal> {
    if (1..=available).contains(&claim.quantity) {
        return Ok(());
    }
    Err(Refusal::Insufficient { sku: claim.place.sku.clone(), requested: claim.quantity, available })
}

//! What a reservation says to a command.

use jiff::Timestamp;

use super::{Command, Event, Line, Refusal, Reservation, Status, Units, What};
use crate::shelf::Because;

pub(super) fn decide(reservation: &Reservation, command: Command, at: Timestamp) -> Result<Vec<Event>, Refusal> {
    use Status::{Confirmed, Expired, Held, Released, Shipped};
    let Some(status) = reservation.status() else { return first(command, at) };
    let say = |what| vec![reservation.event(at, what)];
    match (status, command) {
        (_, Command::Open { .. }) => Err(Refusal::AlreadyExists),
        (Held | Confirmed, Command::Fill(units)) => {
            let units = reservation.claimed(&units, |line| line.waiting)?;
            let is_whole = reservation.waiting() == units;
            Ok(say(What::Filled { units, is_whole }))
        }
        // It waits for nothing.
        (Shipped | Released | Expired, Command::Fill(units)) => {
            reservation.claimed(&units, |line| line.waiting).map(|_| vec![])
        }
        (Held, Command::Confirm) => Ok(say(What::Confirmed)),
        (Confirmed | Shipped, Command::Confirm) => Ok(vec![]),
        (Held | Confirmed, Command::Release(units)) => reservation.give_back(units, Because::Requested, at),
        (Held | Confirmed, Command::Ship(None)) => {
            let units = reservation.held();
            if units.is_empty() { Err(Refusal::Waiting) } else { Ok(say(What::Shipped(units))) }
        }
        (Held | Confirmed, Command::Ship(Some(units))) => {
            Ok(say(What::Shipped(reservation.claimed(&units, Line::held)?)))
        }
        (Held, Command::Expire) => reservation.give_back(None, Because::Expired, at),
        // Confirmed just before the timer rang, or emptied already: nothing to give back.
        (Confirmed | Shipped | Released | Expired, Command::Expire) => Ok(vec![]),
        // It is already so, whoever made it so; only naming units that are not held is refused.
        (Released | Expired, Command::Release(None)) => Ok(vec![]),
        (Released | Expired, Command::Release(Some(units))) => reservation.claimed(&units, Line::open).map(|_| vec![]),
        (Shipped, Command::Release(_)) => Err(Refusal::Shipped),
        (Shipped, Command::Ship(None)) => Ok(vec![]),
        (Shipped, Command::Ship(Some(units))) => reservation.claimed(&units, Line::held).map(|_| vec![]),
        (Expired, Command::Confirm | Command::Ship(_)) => Err(Refusal::Expired),
        (Released, Command::Confirm | Command::Ship(_)) => Err(Refusal::Released),
    }
}

/// What is asked of one that never was.
fn first(command: Command, at: Timestamp) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::Open { id, warehouse_id, order_id, lines, waiting, expires_at } => {
            let opened = Event { id, warehouse_id, order_id, at, what: What::Opened { lines, expires_at } };
            let backordered = Event { what: What::Backordered(waiting.clone()), ..opened.clone() };
            Ok(if waiting.is_empty() { vec![opened] } else { vec![opened, backordered] })
        }
        Command::Expire => Ok(vec![]),
        Command::Confirm | Command::Release(_) | Command::Ship(_) | Command::Fill(_) => Err(Refusal::NotFound),
    }
}

impl Reservation {
    /// These units, if there are so many of them.
    fn claimed(&self, units: &Units, of: impl Fn(&Line) -> i64) -> Result<Units, Refusal> {
        let there = |sku: &String| self.lines.get(sku).map_or(0, &of);
        let beyond = units.iter().filter(|(sku, asked)| **asked > there(sku));
        let lines: Vec<_> = beyond.map(|(sku, asked)| (sku.clone(), *asked, there(sku))).collect();
        if lines.is_empty() { Ok(units.clone()) } else { Err(Refusal::ExceedsHeld { lines }) }
    }

    /// Gives units back, these or all. What is waited for goes before what is held.
    fn give_back(&self, units: Option<Units>, because: Because, at: Timestamp) -> Result<Vec<Event>, Refusal> {
        let units = match units {
            Some(units) => self.claimed(&units, Line::open)?,
            None => self.units(Line::open),
        };
        let (mut withdrawn, mut released) = (Units::new(), Units::new());
        for (sku, units) in units {
            let waits = self.lines.get(&sku).map_or(0, |line| line.waiting).min(units);
            if waits > 0 {
                withdrawn.insert(sku.clone(), waits);
            }
            if units > waits {
                released.insert(sku, units - waits);
            }
        }
        let withdrawn = (!withdrawn.is_empty()).then_some(What::Withdrawn(withdrawn, because));
        let released = (!released.is_empty()).then_some(What::Released(released, because));
        Ok(withdrawn.into_iter().chain(released).map(|what| self.event(at, what)).collect())
    }

    fn event(&self, at: Timestamp, what: What) -> Event {
        let (id, warehouse_id) = (self.id.clone(), self.warehouse_id.clone());
        Event { id, warehouse_id, order_id: self.order_id.clone(), at, what }
    }
}

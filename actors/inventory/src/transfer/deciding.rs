//! What a transfer says to a command.

use jiff::Timestamp;

use super::{Command, Event, Refusal, Stage, Transfer, What};
use crate::reservation::Units;

pub(super) fn decide(transfer: &Transfer, command: Command, at: Timestamp) -> Result<Vec<Event>, Refusal> {
    use Stage::{Cancelled, Dispatched, Received, Requested, Unknown};
    let say = |what| Ok(vec![transfer.event(at, what)]);
    match (transfer.stage, command) {
        (Unknown, Command::Request { from, to, .. }) if from == to => Err(Refusal::SameWarehouse),
        (Unknown, Command::Request { id, from, to, units }) => {
            Ok(vec![Event { id, from, to, at, what: What::Requested(units) }])
        }
        (Requested | Dispatched | Received | Cancelled, Command::Request { .. }) => Err(Refusal::AlreadyExists),
        (Unknown, Command::Dispatch | Command::Receive { .. } | Command::Cancel) => Err(Refusal::NotFound),
        (Requested, Command::Dispatch) => say(What::Dispatched(transfer.sent())),
        (Dispatched | Received, Command::Dispatch) => Ok(vec![]),
        (Cancelled, Command::Dispatch | Command::Receive { .. }) => Err(Refusal::Cancelled),
        (Requested, Command::Receive { .. }) => Err(Refusal::NotDispatched),
        (Dispatched, Command::Receive { units, rest_is_missing }) => say(transfer.receive(units, rest_is_missing)?),
        (Received, Command::Receive { .. }) => Err(Refusal::Received),
        (Dispatched | Received, Command::PutAway { receipt, done: true }) => match transfer.pending.get(&receipt) {
            Some(pending) => say(What::PutAway(receipt, pending.units.clone())),
            None => Ok(vec![]),
        },
        // The other warehouse will not have it: it stays in transit, for people to see.
        (Dispatched | Received, Command::PutAway { done: false, .. }) => Ok(vec![]),
        // Nothing came, so nobody says this.
        (Unknown | Requested | Cancelled, Command::PutAway { .. }) => Ok(vec![]),
        (Requested, Command::Cancel) => say(What::Cancelled),
        (Dispatched | Received, Command::Cancel) => Err(Refusal::AlreadyDispatched),
        (Cancelled, Command::Cancel) => Ok(vec![]),
    }
}

impl Transfer {
    fn sent(&self) -> Units {
        self.lines.iter().map(|(sku, line)| (sku.clone(), line.quantity)).collect()
    }

    fn awaited(&self) -> Units {
        let awaited = self.lines.iter().map(|(sku, line)| (sku.clone(), line.awaited()));
        awaited.filter(|(_, units)| *units > 0).collect()
    }

    fn receive(&self, units: Option<Units>, rest_is_missing: bool) -> Result<What, Refusal> {
        let awaited = self.awaited();
        let units = match units {
            Some(units) => units,
            None if rest_is_missing => Units::new(),
            None => awaited.clone(),
        };
        let awaited_of = |sku: &String| awaited.get(sku).copied().unwrap_or(0);
        let beyond = units.iter().filter(|(sku, came)| **came > awaited_of(sku));
        let lines: Vec<_> = beyond.map(|(sku, came)| (sku.clone(), *came, awaited_of(sku))).collect();
        if !lines.is_empty() {
            return Err(Refusal::ExceedsTransit { lines });
        }
        let left = awaited.iter().map(|(sku, awaited)| (sku.clone(), awaited - units.get(sku).unwrap_or(&0)));
        let left: Units = left.filter(|(_, left)| *left > 0).collect();
        let is_complete = rest_is_missing || left.is_empty();
        let missing = if rest_is_missing { left } else { Units::new() };
        Ok(What::Received { receipt: self.receipts.saturating_add(1), units, missing, is_complete })
    }

    fn event(&self, at: Timestamp, what: What) -> Event {
        Event { id: self.id.clone(), from: self.from.clone(), to: self.to.clone(), at, what }
    }
}

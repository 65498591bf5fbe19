//! An order: what was agreed on, and the carrying out of it, step by step, with the undoing of every step.
//!
//! The saga is the agenda of this entity ([`owed`]); its steps are the order's events, so its history is its log. A step
//! that is refused undoes those before it, the last first. What might have happened is treated as if it had: a call that
//! was announced and not answered is waited for before it is undone, and money that comes late goes back.
//!
//! It never charges twice, never ships what is not paid, and never ends with something held: a state that owes nothing
//! more is delivered or undone, and one that cannot go on says so ([`placed::Stuck`]).

pub mod command;
pub mod deal;
pub mod event;
pub mod owed;
pub mod placed;
pub mod status;

mod amending;
mod decide;
mod fold;
mod follow;
mod news;
#[cfg(test)]
mod tests;

use runtime::entity::{Agenda, Entity, Facts};
use serde::{Deserialize, Serialize};

pub use command::{Command, Refusal};
pub(crate) use decide::is_gone;
pub use event::{Event, What};
use placed::Placed;

/// The state of an order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Order {
    /// Nothing ever happened to it.
    #[default]
    Unplaced,
    /// It was placed.
    Placed(Box<Placed>),
}

impl Order {
    /// The order, if it was placed.
    #[must_use]
    pub fn placed(&self) -> Option<&Placed> {
        match self {
            Order::Unplaced => None,
            Order::Placed(placed) => Some(placed),
        }
    }
}

impl Entity for Order {
    const KIND: &'static str = "order";
    const FOLD: u32 = 3;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        match (self, command) {
            (Order::Unplaced, Command::Place(deal)) => {
                let order_id = deal.order_id.clone();
                let event = |what| Event { order_id: order_id.clone(), at: facts.now, what };
                let done = What::StepDone { step: event::Step::CreateOrder, of: String::new() };
                Ok(vec![event(What::Created(deal)), event(done)])
            }
            (Order::Unplaced, _) => Err(Refusal::NotFound),
            (Order::Placed(placed), command) => {
                let open_calls = placed.open_besides(&command, &facts.open_calls);
                let outcome = placed.decide(command, facts.now, &open_calls)?;
                Ok(placed.carry_out(outcome, facts.now, &open_calls))
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match (&mut *self, &event.what) {
            (Order::Unplaced, What::Created(deal)) => {
                *self = Order::Placed(Box::new(Placed::new((**deal).clone(), event.at)));
            }
            (Order::Unplaced, _) => {}
            (Order::Placed(placed), _) => placed.fold(event),
        }
    }

    fn agenda(&self) -> Agenda<Command> {
        self.placed().map_or_else(Agenda::nothing, crate::wire::calls::agenda)
    }
}

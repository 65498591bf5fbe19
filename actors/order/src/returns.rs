//! A return: goods that come back, and the money for them.
//!
//! It lives under the key of its order, which knows how much may come back and what it is worth. Once the goods are here it
//! puts them on their shelves and asks for the refund; both are its agenda.

use std::collections::BTreeSet;

use jiff::Timestamp;
use runtime::entity::{Agenda, Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::order::deal::Units;
use crate::order::event::Step;
use crate::order::placed::{Share, Stuck};
use crate::wire::{Money, Trouble};

/// The state of a return.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Return {
    /// Nothing ever happened to it.
    #[default]
    Unknown,
    /// The customer asked for it.
    Requested(Slip),
    /// The shop waits for the goods.
    Approved(Slip),
    /// The shop does not want them.
    Rejected(Slip),
    /// They are here; shelf and money follow.
    Received(Slip, Box<Receipt>),
    /// The money went back. The shelf may still follow.
    Refunded(Slip, Box<Receipt>),
}

/// What a customer wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slip {
    /// The return.
    pub return_id: String,
    /// The order.
    pub order_id: String,
    /// Whose it is.
    pub user_id: String,
    /// What is to come back.
    pub units: Units,
    /// Why.
    pub reason: Reason,
    /// In their own words.
    pub note: String,
    /// The exchange that it belongs to; empty when there is none.
    pub amendment_id: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Why goods come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// It does not fit.
    DoesNotFit,
    /// It is not what the customer thought.
    NotAsExpected,
    /// It is broken.
    Defective,
    /// It is something else.
    WrongItem,
    /// The customer does not want it any more.
    ChangedMind,
    /// Anything else.
    Other,
}

/// What arrived, and what is owed for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// What arrived.
    pub units: Units,
    /// Where.
    pub warehouse_id: String,
    /// What goes back to the customer.
    pub amount: Money,
    /// The payment it goes back by; empty when nothing does.
    pub payment_id: String,
    /// The refund; empty when nothing goes back.
    pub refund_id: String,
    /// What goes back, by payment.
    pub shares: Vec<Share>,
    /// SKUs that are not on their shelves yet.
    pub to_restock: BTreeSet<String>,
    /// What does not work, and waits for somebody.
    pub stuck: Option<Stuck>,
    /// How often somebody had it tried once more.
    pub tries: u32,
}

/// What can be asked of a return.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Send something back.
    Request(Box<Slip>),
    /// Wait for the goods.
    Approve,
    /// Turn it down, for this reason.
    Reject(String),
    /// The goods are here.
    Receive {
        /// What arrived.
        units: Units,
        /// Where.
        warehouse_id: String,
        /// They go back on their shelves.
        restock: bool,
        /// What goes back to the customer.
        amount: Money,
        /// By which payment; empty when nothing does.
        payment_id: String,
        /// The refund; empty when nothing goes back.
        refund_id: String,
        /// By which payments, if not all of it by the one.
        shares: Vec<Share>,
    },
    /// A SKU is on its shelf, or the warehouse says no.
    Restocked(String, Option<Trouble>),
    /// The refund was accepted, or the payment says no.
    RefundAsked(Option<Trouble>),
    /// The money went back.
    Refunded,
    /// It did not, for this reason.
    RefundFailed(String),
    /// Try once more what does not work.
    Retry,
}

/// One thing that happened to a return.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The return.
    pub return_id: String,
    /// The order.
    pub order_id: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of the events of the contract, which says what they are")]
pub enum What {
    /// The customer asked for it.
    Requested { user_id: String, units: Units, reason: Reason, note: String, amendment_id: String },
    /// The shop waits for the goods.
    Approved { user_id: String },
    /// The shop does not want them.
    Rejected { user_id: String, reason: String },
    /// They are here.
    Received {
        user_id: String,
        units: Units,
        warehouse_id: String,
        restock: bool,
        amount: Money,
        payment_id: String,
        refund_id: String,
        shares: Vec<Share>,
    },
    /// A SKU is on its shelf.
    Restocked { sku: String, count: i64 },
    /// The money went back.
    Refunded { user_id: String, refund_id: String, amount: Money },
    /// A step does not work.
    Stuck { step: Step, of: String, reason: String, detail: String },
    /// It is tried once more.
    Retried { tries: u32 },
}

/// Why a return says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such return of this order")]
    NotFound,
    /// There is one.
    #[error("there is already a return with this id")]
    AlreadyExists,
    /// It is decided.
    #[error("the return is decided already")]
    Closed(Standing),
    /// Nobody has approved it.
    #[error("nobody has approved the return yet")]
    NotApproved,
    /// It works.
    #[error("the return is not stuck with anything")]
    NotStuck,
}

/// How a return stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The customer asked for it.
    Requested,
    /// The shop waits for the goods.
    Approved,
    /// The shop does not want them.
    Rejected,
    /// They are here.
    Received,
    /// The money went back.
    Refunded,
}

/// What a return owes the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owed {
    /// Units of a SKU go on their shelf.
    Restock {
        /// The key of the call.
        key: String,
        /// The SKU.
        sku: String,
        /// How many.
        count: i64,
    },
    /// Money goes back.
    Refund {
        /// The key of the call.
        key: String,
        /// By which payment, and how much.
        share: Share,
    },
}

impl Return {
    /// How it stands; `None` when nothing ever happened to it.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        match self {
            Return::Unknown => None,
            Return::Requested(_) => Some(Standing::Requested),
            Return::Approved(_) => Some(Standing::Approved),
            Return::Rejected(_) => Some(Standing::Rejected),
            Return::Received(..) => Some(Standing::Received),
            Return::Refunded(..) => Some(Standing::Refunded),
        }
    }

    /// What the customer wrote.
    #[must_use]
    pub fn slip(&self) -> Option<&Slip> {
        match self {
            Return::Unknown => None,
            Return::Requested(slip)
            | Return::Approved(slip)
            | Return::Rejected(slip)
            | Return::Received(slip, _)
            | Return::Refunded(slip, _) => Some(slip),
        }
    }

    /// What arrived.
    #[must_use]
    pub fn receipt(&self) -> Option<&Receipt> {
        match self {
            Return::Received(_, receipt) | Return::Refunded(_, receipt) => Some(receipt),
            Return::Unknown | Return::Requested(_) | Return::Approved(_) | Return::Rejected(_) => None,
        }
    }

    /// What is owed.
    #[must_use]
    pub fn owed(&self) -> Vec<Owed> {
        let Some(receipt) = self.receipt() else { return Vec::new() };
        let restock = |sku: &String| Owed::Restock {
            key: format!("restock/{sku}/{}", receipt.tries),
            sku: sku.clone(),
            count: receipt.units.get(sku).copied().unwrap_or(0),
        };
        let mut owed: Vec<Owed> = receipt.to_restock.iter().map(restock).collect();
        if matches!(self, Return::Received(..)) && !receipt.refund_id.is_empty() {
            let tries = receipt.tries;
            let key = |number| if number == 0 { format!("refund/{tries}") } else { format!("refund/{tries}/{number}") };
            let refund = |(number, share): (usize, &Share)| Owed::Refund { key: key(number), share: share.clone() };
            owed.extend(receipt.shares.iter().enumerate().map(refund));
        }
        owed
    }

    fn refunded(slip: &Slip, receipt: &Receipt) -> What {
        let (user_id, refund_id) = (slip.user_id.clone(), receipt.refund_id.clone());
        What::Refunded { user_id, refund_id, amount: receipt.amount }
    }
}

fn stuck(step: Step, of: &str, problem: &Trouble) -> What {
    let (reason, detail) = (problem.code().to_owned(), problem.detail().to_owned());
    What::Stuck { step, of: of.to_owned(), reason, detail }
}

fn decide(this: &Return, command: Command) -> Result<Vec<What>, Refusal> {
    use Return::{Approved, Received, Refunded, Rejected, Requested, Unknown};
    let closed = || Refusal::Closed(this.standing().unwrap_or(Standing::Requested));
    let (slip, receipt) = (this.slip(), this.receipt());
    match (this, command) {
        (Unknown, Command::Request(slip)) => {
            let Slip { user_id, units, reason, note, amendment_id, .. } = *slip;
            Ok(vec![What::Requested { user_id, units, reason, note, amendment_id }])
        }
        (Unknown, _) => Err(Refusal::NotFound),
        (_, Command::Request(_)) => Err(Refusal::AlreadyExists),
        (Requested(slip), Command::Approve) => Ok(vec![What::Approved { user_id: slip.user_id.clone() }]),
        (Approved(_), Command::Approve) => Ok(vec![]),
        (Rejected(_) | Received(..) | Refunded(..), Command::Approve) => Err(closed()),
        (Requested(slip) | Approved(slip), Command::Reject(reason)) => {
            Ok(vec![What::Rejected { user_id: slip.user_id.clone(), reason }])
        }
        (Rejected(_), Command::Reject(_)) => Ok(vec![]),
        (Received(..) | Refunded(..), Command::Reject(_)) => Err(closed()),
        (Requested(_), Command::Receive { .. }) => Err(Refusal::NotApproved),
        (Approved(slip), Command::Receive { units, warehouse_id, restock, amount, payment_id, refund_id, shares }) => {
            let user_id = slip.user_id.clone();
            let is_free = refund_id.is_empty();
            let refunded = What::Refunded { user_id: user_id.clone(), refund_id: refund_id.clone(), amount };
            let mut whats =
                vec![What::Received { user_id, units, warehouse_id, restock, amount, payment_id, refund_id, shares }];
            // What cost nothing is paid back as soon as it is here.
            whats.extend(is_free.then_some(refunded));
            Ok(whats)
        }
        (Rejected(_) | Received(..) | Refunded(..), Command::Receive { .. }) => Err(closed()),
        (Received(..) | Refunded(..), Command::Restocked(sku, problem)) => {
            let Some(receipt) = receipt.filter(|receipt| receipt.to_restock.contains(&sku)) else { return Ok(vec![]) };
            Ok(vec![match problem {
                None => What::Restocked { count: receipt.units.get(&sku).copied().unwrap_or(0), sku },
                Some(problem) => stuck(Step::RestockItems, &sku, &problem),
            }])
        }
        (Received(_, receipt), Command::RefundAsked(Some(problem))) => {
            Ok(vec![stuck(Step::RefundPayment, &receipt.refund_id, &problem)])
        }
        // Accepted: whether it went back is news.
        (Received(..) | Refunded(..), Command::RefundAsked(_)) => Ok(vec![]),
        (Received(slip, receipt), Command::Refunded) => Ok(vec![Return::refunded(slip, receipt)]),
        (Received(_, receipt), Command::RefundFailed(reason)) => {
            Ok(vec![stuck(Step::RefundPayment, &receipt.refund_id, &Trouble::refund_failed(&reason))])
        }
        (Refunded(..), Command::Refunded | Command::RefundFailed(_)) => Ok(vec![]),
        // News of a refund that nobody here asked for yet.
        (
            Requested(_) | Approved(_) | Rejected(_),
            Command::Restocked(..) | Command::RefundAsked(_) | Command::Refunded | Command::RefundFailed(_),
        ) => Ok(vec![]),
        (_, Command::Retry) => match receipt.filter(|receipt| receipt.stuck.is_some()) {
            Some(receipt) if slip.is_some() => Ok(vec![What::Retried { tries: receipt.tries + 1 }]),
            _ => Err(Refusal::NotStuck),
        },
    }
}

impl Entity for Return {
    const KIND: &'static str = "return";
    const FOLD: u32 = 2;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let ids = match (&command, self.slip()) {
            (Command::Request(slip), None) => Some((slip.return_id.clone(), slip.order_id.clone())),
            (_, slip) => slip.map(|slip| (slip.return_id.clone(), slip.order_id.clone())),
        };
        let whats = decide(self, command)?;
        let Some((return_id, order_id)) = ids else { return Ok(Vec::new()) };
        let event = |what| Event { return_id: return_id.clone(), order_id: order_id.clone(), at: facts.now, what };
        Ok(whats.into_iter().map(event).collect())
    }

    fn evolve(&mut self, event: &Event) {
        if let What::Requested { user_id, units, reason, note, amendment_id } = event.what.clone() {
            let (return_id, order_id) = (event.return_id.clone(), event.order_id.clone());
            let (created_at, updated_at) = (event.at, event.at);
            *self = Return::Requested(Slip {
                return_id,
                order_id,
                user_id,
                units,
                reason,
                note,
                amendment_id,
                created_at,
                updated_at,
            });
            return;
        }
        let Some(mut slip) = self.slip().cloned() else { return };
        slip.updated_at = event.at;
        let receipt = self.receipt().cloned().map(Box::new);
        let is_refunded = matches!(self, Return::Refunded(..));
        let received = move |slip, receipt| {
            if is_refunded { Return::Refunded(slip, receipt) } else { Return::Received(slip, receipt) }
        };
        *self = match (event.what.clone(), receipt) {
            (What::Approved { .. }, _) => Return::Approved(slip),
            (What::Rejected { .. }, _) => Return::Rejected(slip),
            (What::Received { units, warehouse_id, restock, amount, payment_id, refund_id, shares, .. }, _) => {
                let plain = || Share { payment_id: payment_id.clone(), refund_id: refund_id.clone(), amount };
                let shares = if shares.is_empty() && !refund_id.is_empty() { vec![plain()] } else { shares };
                let to_restock = if restock { units.keys().cloned().collect() } else { BTreeSet::new() };
                let (stuck, tries) = (None, 0);
                let receipt =
                    Receipt { units, warehouse_id, amount, payment_id, refund_id, shares, to_restock, stuck, tries };
                Return::Received(slip, Box::new(receipt))
            }
            (What::Restocked { sku, .. }, Some(mut receipt)) => {
                receipt.to_restock.remove(&sku);
                received(slip, receipt)
            }
            (What::Refunded { .. }, Some(mut receipt)) => {
                receipt.stuck = receipt.stuck.filter(|stuck| stuck.step != Step::RefundPayment);
                Return::Refunded(slip, receipt)
            }
            (What::Stuck { step, of, reason, detail }, Some(mut receipt)) => {
                receipt.stuck = Some(Stuck { step, of, reason, detail, at: event.at });
                received(slip, receipt)
            }
            (What::Retried { tries }, Some(mut receipt)) => {
                receipt.tries = tries;
                receipt.stuck = None;
                received(slip, receipt)
            }
            (
                What::Requested { .. }
                | What::Restocked { .. }
                | What::Refunded { .. }
                | What::Stuck { .. }
                | What::Retried { .. },
                _,
            ) => return,
        };
    }

    fn agenda(&self) -> Agenda<Command> {
        crate::wire::calls::agenda_of_return(self)
    }
}

#[cfg(test)]
mod tests;

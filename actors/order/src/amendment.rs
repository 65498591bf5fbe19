//! An amendment: what is added to an order that is paid, and what goes for it. An edit changes lines before anything has
//! left; the replacement of an exchange waits for what comes back.
//!
//! It lives under the key of its order and is a small saga of its own: stock is held, then the difference is taken, and
//! only then does the order change, in one commit. Until then nothing of the order has changed, so whatever is refused is
//! undone here alone: the money goes back, then the stock, the last thing first. It never changes an order that cannot be
//! changed any more, and never takes money for stock that it does not hold.

mod decide;
mod fold;
mod owed;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use runtime::entity::{Agenda, Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::order::command::{Answer, PaymentNews, RefundNews};
use crate::order::deal::{Allotment, Line, Method, Units};
use crate::order::event::Step;
use crate::order::placed::{Action, Stock, Stuck};
use crate::wire::{Money, Trouble};

pub use owed::Owed;

/// The state of an amendment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Amendment {
    /// Nothing ever happened to it.
    #[default]
    Unknown,
    /// It was asked for.
    Asked(Box<Asked>),
}

/// The state of an amendment that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// What was agreed on.
    pub terms: Terms,
    /// How far it has come.
    pub stage: Stage,
    /// How its stock stands, by reservation.
    pub stock: BTreeMap<String, Stock>,
    /// How the difference stands.
    pub pay: Pay,
    /// What the customer was charged for it.
    pub captured: Money,
    /// What of that went back before it was a part of the order, by refund.
    pub refunds: BTreeMap<String, Money>,
    /// What went wrong, if something did.
    pub trouble: Option<Trouble>,
    /// What does not work, and waits for somebody.
    pub stuck: Option<Stuck>,
    /// How often somebody had it tried once more.
    pub tries: u32,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What was agreed on. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The amendment.
    pub amendment_id: String,
    /// The order.
    pub order_id: String,
    /// Whose it is.
    pub user_id: String,
    /// What it is.
    pub kind: Kind,
    /// The return by which goods come back; empty for an edit.
    pub return_id: String,
    /// What is added.
    pub lines: Vec<Line>,
    /// What of it comes from where.
    pub parts: Vec<Allotment>,
    /// What goes.
    pub removed: Units,
    /// What is added, at its prices.
    pub subtotal: Money,
    /// What is taken off that.
    pub discount_total: Money,
    /// The taxes on it.
    pub tax_total: Money,
    /// What is added costs so much.
    pub added: Money,
    /// What goes was worth so much.
    pub worth: Money,
    /// The payment of the difference; empty when there is nothing to pay.
    pub payment_id: String,
    /// How it is paid.
    pub method: Method,
    /// When it is given up unless it is paid by then.
    pub expires_at: Timestamp,
}

/// What an amendment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Lines change before anything has left.
    Edit,
    /// Goods come back, and others go out for them.
    Exchange,
}

impl Terms {
    /// What the customer pays; below zero, it goes back.
    #[must_use]
    pub fn difference(&self) -> Money {
        self.added.minus(self.worth).unwrap_or(self.nothing())
    }

    /// What the customer pays, or nothing.
    #[must_use]
    pub fn charge(&self) -> Money {
        let difference = self.difference();
        if difference.is_negative() { self.nothing() } else { difference }
    }

    /// What goes back to the customer, or nothing.
    #[must_use]
    pub fn refund(&self) -> Money {
        let difference = self.difference();
        if difference.is_negative() { difference.negated() } else { self.nothing() }
    }

    /// What of the added is paid with what goes.
    #[must_use]
    pub fn credited(&self) -> Money {
        if self.added.amount() < self.worth.amount() { self.added } else { self.worth }
    }

    /// None of its currency.
    #[must_use]
    pub fn nothing(&self) -> Money {
        Money::zero(self.added.currency())
    }
}

/// How far an amendment has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Stock is being held and the difference taken.
    Arranging,
    /// Both are.
    Ready,
    /// It is a part of the order.
    Applied,
    /// What was done for it is being undone.
    Cancelling(Undo),
    /// All is undone.
    Cancelled(Undo),
}

/// Why it came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// Why, as a slug.
    pub reason: String,
    /// Reservations that were being made: they may still be, so each is waited for and then released.
    pub awaits: BTreeSet<String>,
}

/// How the difference stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pay {
    /// There is nothing to pay.
    Free,
    /// Nobody has asked for it.
    Unasked,
    /// It was asked for.
    Requested,
    /// The customer has to do something.
    ActionRequired(Action),
    /// It is here.
    Captured,
    /// It will not come, and nothing is held.
    Failed,
    /// It was let go, or went back.
    Undone,
}

/// What an amendment asks of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Hold the stock of a part, by its reservation.
    Reserve(String),
    /// Hold it until it leaves.
    Secure(String),
    /// Take the difference.
    Charge,
    /// Become a part of the order, or be over.
    Settle,
    /// Let the money go, or give it back.
    CancelPayment,
    /// Give the stock of a part back.
    Release(String),
}

/// What can be asked of an amendment, or told to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Change an order.
    Request(Box<Terms>),
    /// What it asked of somebody was answered.
    Answered(Call, Answer),
    /// News of its payment.
    Payment(PaymentNews),
    /// News of money that was to go back.
    Refund(RefundNews),
    /// Come to nothing, for this reason.
    Cancel(&'static str),
    /// The time to pay is over.
    Expire,
    /// It is a part of the order now.
    Apply,
    /// Everything is undone, and the order knows.
    Close,
    /// Try once more what does not work.
    Retry,
}

/// One thing that happened to an amendment.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The amendment.
    pub amendment_id: String,
    /// The order.
    pub order_id: String,
    /// Whose it is.
    pub user_id: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of the events of the contract, which says what they are")]
pub enum What {
    /// The customer wants something else, and was told what it costs.
    Requested(Box<Terms>),
    /// A step is done.
    StepDone { step: Step, of: String },
    /// A step was refused.
    StepFailed { step: Step, of: String, problem: Trouble },
    /// A step is undone.
    StepUndone { step: Step, by: Step, of: String },
    /// The difference was asked for.
    PaymentRequested { payment_id: String, amount: Money },
    /// The customer has to do something.
    ActionRequired { payment_id: String, action: Action },
    /// The difference is paid.
    Paid { payment_id: String, amount: Money },
    /// Money went back.
    Refunded { payment_id: String, refund_id: String, amount: Money },
    /// Stock is held and the difference paid.
    Ready { kind: Kind },
    /// It is a part of the order.
    Applied,
    /// It is being undone.
    CancelBegan { reason: String, problem: Option<Trouble>, awaits: Vec<String> },
    /// It is over.
    Cancelled { reason: String },
    /// A step does not work.
    Stuck { step: Step, of: String, reason: String, detail: String },
    /// It is tried once more.
    Retried { tries: u32 },
}

/// Why an amendment says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such exchange or edit of this order")]
    NotFound,
    /// There is one.
    #[error("there is already an exchange or an edit with this id")]
    AlreadyExists,
    /// It is too late.
    #[error("it is a part of the order already")]
    Applied,
    /// It is too early, or it came to nothing.
    #[error("its goods are not held, or not paid")]
    NotReady(Standing),
    /// Something else is going on.
    #[error("it is becoming a part of the order this moment")]
    Changing,
    /// It works.
    #[error("it is not stuck with anything")]
    NotStuck,
}

/// How an amendment stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Stock and money are being asked for.
    Pending,
    /// The customer has to do something.
    RequiresAction,
    /// It waits for the goods that come back, or for its order.
    Ready,
    /// It is a part of the order.
    Applied,
    /// It is being undone.
    Cancelling,
    /// It came to nothing.
    Cancelled,
}

impl Amendment {
    /// What was asked for, if something was.
    #[must_use]
    pub fn asked(&self) -> Option<&Asked> {
        match self {
            Amendment::Unknown => None,
            Amendment::Asked(asked) => Some(asked),
        }
    }
}

impl Asked {
    /// How it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        match (&self.stage, &self.pay) {
            (Stage::Arranging, Pay::ActionRequired(_)) => Standing::RequiresAction,
            (Stage::Arranging, _) => Standing::Pending,
            (Stage::Ready, _) => Standing::Ready,
            (Stage::Applied, _) => Standing::Applied,
            (Stage::Cancelling(_), _) => Standing::Cancelling,
            (Stage::Cancelled(_), _) => Standing::Cancelled,
        }
    }

    /// What comes from a warehouse, by the reservation.
    #[must_use]
    pub fn part(&self, reservation_id: &str) -> Option<&Allotment> {
        self.terms.parts.iter().find(|part| part.reservation_id == reservation_id)
    }

    /// The customer was charged, or may have been.
    fn owes_money_back(&self) -> bool {
        match self.pay {
            Pay::Free | Pay::Unasked | Pay::Failed | Pay::Undone => false,
            Pay::Requested | Pay::ActionRequired(_) | Pay::Captured => true,
        }
    }

    /// The difference is neither paid nor refused yet.
    fn is_undecided(&self) -> bool {
        self.stage == Stage::Arranging && matches!(self.pay, Pay::Unasked | Pay::Requested | Pay::ActionRequired(_))
    }

    fn reservations(&self, which: impl Fn(Stock) -> bool) -> Vec<String> {
        self.stock.iter().filter(|(_, stock)| which(**stock)).map(|(id, _)| id.clone()).collect()
    }
}

impl Entity for Amendment {
    const KIND: &'static str = "amendment";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        match (self, command) {
            (Amendment::Unknown, Command::Request(terms)) => {
                let (amendment_id, order_id) = (terms.amendment_id.clone(), terms.order_id.clone());
                let (user_id, what) = (terms.user_id.clone(), What::Requested(terms));
                let requested = Event { amendment_id, order_id, user_id, at: facts.now, what };
                let asked = fold::asked(&requested);
                let follows = asked.map(|asked| asked.carry_out(decide::Outcome::look(), facts.now, &[]));
                Ok([vec![requested], follows.unwrap_or_default()].concat())
            }
            (Amendment::Unknown, _) => Err(Refusal::NotFound),
            (Amendment::Asked(asked), command) => {
                let outcome = asked.decide(command, facts)?;
                Ok(asked.carry_out(outcome, facts.now, &facts.open_calls))
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match &mut *self {
            Amendment::Unknown => {
                if let Some(asked) = fold::asked(event) {
                    *self = Amendment::Asked(Box::new(asked));
                }
            }
            Amendment::Asked(asked) => asked.fold(event),
        }
    }

    fn agenda(&self) -> Agenda<Command> {
        self.asked().map_or_else(Agenda::nothing, crate::wire::amending::agenda)
    }
}

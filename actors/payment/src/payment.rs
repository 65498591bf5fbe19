//! A payment: a customer's money on its way to the shop, and back.
//!
//! It is a saga: whatever it owes the provider is derived from its stage, asked under a key that never changes, and told
//! to it as a command. What the provider says is a fact and is never refused, whenever it comes; what people want is a
//! wish and may be. Two things are always true: the provider is asked to authorise at most once, and what goes back is
//! never more than what was taken.

mod answers;
mod folding;
mod owing;
mod refunds;
mod wishes;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use runtime::entity::{Agenda, Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::fraud::Suspicion;
use crate::provider::{RefundTold, Told};
use crate::wire::Money;

pub use owing::Debt;

/// How long a customer may take to prove who they are. Stock is held for 15 minutes and card redirects take up to 10.
pub const ACTION_MAX: SignedDuration = SignedDuration::from_mins(30);
/// How often the provider is asked while nothing is heard of a customer.
pub const LOOK_EVERY: SignedDuration = SignedDuration::from_mins(5);
/// How many refunds a payment has at most.
pub const REFUNDS_MAX: usize = 100;

/// A payment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payment {
    /// Nothing ever happened to it.
    #[default]
    Unknown,
    /// It was given up before anybody asked for it: it will never be.
    Barred,
    /// Somebody is paying, or has.
    Open(Box<Open>),
}

/// A payment that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// What was agreed.
    pub terms: Terms,
    /// How it is paid, once that was said.
    pub means: Option<Means>,
    /// The provider's own name for it, once the provider has answered.
    pub reference: Option<String>,
    /// How far it has come.
    pub stage: Stage,
    /// How often the customer approved it and the provider waited for us to go on.
    pub approvals: u32,
    /// What made it suspicious.
    pub suspicion: Option<Suspicion>,
    /// How often the provider was asked how it stands.
    pub inquiries: u64,
    /// The provider is being asked how it stands.
    pub inquiry: Option<Inquiry>,
    /// The provider's news that made us ask, by their names: told twice, they are heard once.
    pub heard: Vec<String>,
    /// When it came into being.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Who pays how much, for what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The payment's id.
    pub id: String,
    /// The order, if there is one.
    pub order_id: Option<String>,
    /// Who pays.
    pub user_id: String,
    /// How much.
    pub amount: Money,
}

/// How it is paid. The token stands for a card that only the provider knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Means {
    /// The provider's token.
    pub token: String,
    /// The stored method it is of.
    pub payment_method_id: Option<String>,
    /// The provider's name for the customer; empty when it knows none.
    pub customer: String,
    /// The provider.
    pub provider: String,
    /// When the money is taken.
    pub capture: Capture,
    /// Where the customer's browser goes back to; empty when nobody said.
    pub return_url: String,
}

/// When the money is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Capture {
    /// When somebody says so.
    Manual,
    /// As soon as it is held.
    Automatic,
}

/// How far a payment has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// How to pay has not been said.
    Initiated,
    /// A person has to approve it.
    InReview,
    /// The provider is being asked to hold the money.
    Authorising {
        /// Since when.
        since: Timestamp,
        /// It was given up meanwhile, and why.
        cancel: Option<String>,
    },
    /// The customer must prove who they are.
    RequiresAction {
        /// Where.
        url: String,
        /// Since when.
        since: Timestamp,
    },
    /// The money is held.
    Authorised {
        /// How much.
        held: Money,
    },
    /// The provider is being asked to take it.
    Capturing {
        /// How much is held.
        held: Money,
        /// How much of it is to be taken.
        amount: Money,
        /// Since when.
        since: Timestamp,
        /// It was given up meanwhile, and why.
        cancel: Option<String>,
    },
    /// It was taken.
    Captured {
        /// How much.
        captured: Money,
        /// What goes back, or went, in the order in which it was asked for.
        refunds: Vec<Refund>,
        /// It was given up, and why: all that is left goes back.
        closing: Option<String>,
    },
    /// The provider is being asked to let it go.
    Voiding {
        /// Since when.
        since: Timestamp,
        /// Why, if it was given up.
        reason: String,
        /// Why, if it failed.
        failed: Option<Failure>,
    },
    /// It was given up, and nothing is held or taken.
    Voided {
        /// Why.
        reason: String,
    },
    /// The money did not come.
    Failed(Failure),
}

/// Why the money did not come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What sort of failure.
    pub why: Why,
    /// The provider's own word; empty when it gave none.
    pub decline_code: String,
    /// A sentence for people; empty when there is none.
    pub detail: String,
    /// At which step.
    pub step: Step,
}

/// What sort of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// The card.
    Declined,
    /// A person who found it to be fraud.
    Fraud,
    /// The customer did not prove in time who they are.
    AuthenticationExpired,
    /// The provider holds another amount than was asked for.
    AmountMismatch,
    /// What was held is held no more.
    AuthorizationLost,
    /// The provider would not have the request.
    ProviderRefused,
}

impl Why {
    /// The contract's word for it.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Why::Declined => "payment_declined",
            Why::Fraud => "suspected_fraud",
            Why::AuthenticationExpired => "authentication_expired",
            Why::AmountMismatch => "amount_mismatch",
            Why::AuthorizationLost => "authorization_lost",
            Why::ProviderRefused => "provider_refused",
        }
    }
}

/// At which step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// When the money was to be held.
    Authorise,
    /// When it was to be taken.
    Capture,
}

/// The provider is being asked how a payment stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inquiry {
    /// Counts them.
    pub number: u64,
    /// The provider's name for the payment; by ours when empty.
    pub reference: String,
    /// Since when.
    pub since: Timestamp,
}

/// Money that goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Its id.
    pub id: String,
    /// How much.
    pub amount: Money,
    /// Why.
    pub reason: String,
    /// Whether it is all that was left of a payment that was given up.
    pub closing: bool,
    /// How it stands.
    pub status: RefundStatus,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// How a refund stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundStatus {
    /// The provider is being asked.
    Pending,
    /// The money is back.
    Succeeded,
    /// The provider would not, and why.
    Failed(String),
}

/// What can be asked of a payment, and what it can be told.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Somebody is going to pay.
    Open(Terms),
    /// Have the money held; suspicious or not.
    Authorise {
        /// What was agreed.
        terms: Terms,
        /// How it is paid.
        means: Means,
        /// What is suspicious about it.
        suspicion: Option<Suspicion>,
    },
    /// It is sound, said this person.
    Approve(String),
    /// It is fraud, said a person.
    Decline,
    /// The customer came back.
    Confirm,
    /// Take the money: so much, or all that is held.
    Capture(Option<Money>),
    /// Give it up, if nothing was taken.
    Void(String),
    /// Give it up, however far it has come.
    Cancel {
        /// The payment's id: it may not be there yet.
        id: String,
        /// Why.
        reason: String,
    },
    /// Give money back: so much, or all that is left.
    Refund {
        /// The refund's id.
        id: String,
        /// How much.
        amount: Option<Money>,
        /// Why.
        reason: String,
    },
    /// The provider knows more: it says so, or was not heard of for long.
    Inquire {
        /// The provider's name for the payment, if it was said.
        reference: Option<String>,
        /// How it stands there, as far as the message says.
        hint: Hint,
        /// The provider's name for its news; empty when there were none.
        news: String,
    },
    /// The customer's time is over.
    Expire,
    /// This is how it stands at the provider.
    Told(Told),
    /// The provider would not hold the money: not for this request, ever.
    AuthorisationRefused {
        /// Its word for why.
        code: String,
        /// A sentence.
        detail: String,
    },
    /// The provider would not take the money: not this time, ever.
    CaptureRefused {
        /// Its word for why.
        code: String,
        /// A sentence.
        detail: String,
    },
    /// This is how a refund ended.
    RefundTold {
        /// The refund.
        id: String,
        /// How.
        told: RefundTold,
    },
}

/// How a payment stands at the provider, as far as a message says. It may be late, doubled or out of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// It does not say.
    Anything,
    /// The customer must do something.
    ActionRequired,
    /// The money is held.
    Authorised,
    /// The money was taken.
    Captured,
    /// It did not come, or is held no more.
    Ended,
}

/// What happened to a payment.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// The order, if there is one.
    pub order_id: Option<String>,
    /// Who pays; empty when nobody ever asked for it.
    pub user_id: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Somebody is going to pay so much.
    Initiated(Money),
    /// The provider is asked to hold the money.
    Submitted(Means),
    /// It waits for a person.
    Suspected(Money, Suspicion, Means),
    /// A person found it to be sound.
    Cleared(String),
    /// The customer must prove who they are.
    ActionRequired {
        /// Where.
        url: String,
        /// The provider's name for the payment.
        reference: String,
    },
    /// The provider is asked how it stands.
    Inquired {
        /// Counts them.
        number: u64,
        /// The provider's name for the payment; by ours when empty.
        reference: String,
        /// The provider's name for the news that made us ask; empty when there were none.
        news: String,
    },
    /// So much is held.
    Authorised {
        /// How much.
        amount: Money,
        /// The provider's name for the payment.
        reference: String,
    },
    /// So much is to be taken.
    CaptureRequested(Money),
    /// So much was taken.
    Completed {
        /// How much.
        amount: Money,
        /// The provider's name for the payment.
        reference: String,
    },
    /// It did not come.
    Failed {
        /// Why.
        failure: Failure,
        /// Something may be held, and is being let go.
        releasing: bool,
    },
    /// It was given up while the provider was at work, or after the money was taken.
    CancelRequested(String),
    /// What is held is to be let go.
    VoidRequested {
        /// Why.
        reason: String,
        /// The provider's name for the payment.
        reference: String,
    },
    /// Nothing is held or taken.
    Voided(String),
    /// Money is to go back.
    RefundRequested {
        /// The refund.
        id: String,
        /// How much.
        amount: Money,
        /// Why.
        reason: String,
        /// It is all that is left of a payment that was given up.
        closing: bool,
    },
    /// Money went back.
    RefundProcessed {
        /// The refund.
        id: String,
        /// How much.
        amount: Money,
        /// The provider's name for the refund.
        reference: String,
    },
    /// Money did not go back.
    RefundFailed {
        /// The refund.
        id: String,
        /// How much.
        amount: Money,
        /// Why.
        reason: String,
    },
}

/// Why a payment says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such payment")]
    NotFound,
    /// There is another one.
    #[error("there is already another payment with this id")]
    AlreadyExists,
    /// Nobody has said how to pay.
    #[error("it has not been said how to pay")]
    NothingToConfirm,
    /// No money is held yet.
    #[error("no money is held for this payment yet")]
    NotAuthorised(&'static str),
    /// So much is not held.
    #[error("{0} are held")]
    ExceedsAuthorised(Money),
    /// Money was taken, or is being taken.
    #[error("{0} were taken, or are being taken")]
    AlreadyCaptured(Money),
    /// It was given up.
    #[error("the payment was given up")]
    Voided(String),
    /// It failed.
    #[error("the payment failed")]
    Failed,
    /// No money was taken.
    #[error("no money was taken for this payment")]
    NotCaptured(&'static str),
    /// So much is not left.
    #[error("{0} are left to give back")]
    ExceedsRefundable(Money),
    /// There is another refund with the id.
    #[error("there is already another refund with this id")]
    RefundExists,
    /// There are enough.
    #[error("a payment has at most {REFUNDS_MAX} refunds")]
    TooManyRefunds,
    /// It does not wait for a person.
    #[error("the payment does not wait for a review")]
    NotInReview(&'static str),
}

impl Payment {
    /// The payment, if somebody asked for it.
    #[must_use]
    pub fn open(&self) -> Option<&Open> {
        match self {
            Payment::Open(open) => Some(open),
            Payment::Unknown | Payment::Barred => None,
        }
    }
}

impl Open {
    /// What was taken.
    #[must_use]
    pub fn captured(&self) -> Money {
        match &self.stage {
            Stage::Captured { captured, .. } => *captured,
            _ => Money::zero(self.terms.amount.currency()),
        }
    }

    /// What went back, or is going back.
    #[must_use]
    pub fn refunded(&self) -> Money {
        let zero = Money::zero(self.terms.amount.currency());
        let going = |refund: &&Refund| !matches!(refund.status, RefundStatus::Failed(_));
        self.refunds().iter().filter(going).try_fold(zero, |sum, refund| sum.plus(refund.amount)).unwrap_or(zero)
    }

    /// What has gone back.
    #[must_use]
    pub fn returned(&self) -> Money {
        let zero = Money::zero(self.terms.amount.currency());
        let gone = self.refunds().iter().filter(|refund| refund.status == RefundStatus::Succeeded);
        gone.into_iter().try_fold(zero, |sum, refund| sum.plus(refund.amount)).unwrap_or(zero)
    }

    /// What can still go back.
    #[must_use]
    pub fn refundable(&self) -> Money {
        self.captured().minus(self.refunded()).unwrap_or(Money::zero(self.terms.amount.currency()))
    }

    /// What goes back, or went, in the order in which it was asked for.
    #[must_use]
    pub fn refunds(&self) -> &[Refund] {
        match &self.stage {
            Stage::Captured { refunds, .. } => refunds,
            _ => &[],
        }
    }

    /// How it stands, in the contract's word.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match &self.stage {
            Stage::Initiated => "initiated",
            Stage::InReview => "in_review",
            Stage::Authorising { cancel: None, .. } => "pending",
            Stage::RequiresAction { .. } => "requires_action",
            Stage::Authorised { .. } => "authorized",
            Stage::Capturing { cancel: None, .. } => "capturing",
            Stage::Captured { .. } if self.returned().is_zero() => "captured",
            Stage::Captured { captured, .. } if self.returned() == *captured => "refunded",
            Stage::Captured { .. } => "partially_refunded",
            Stage::Voiding { failed: Some(_), .. } | Stage::Failed(_) => "failed",
            Stage::Authorising { .. } | Stage::Capturing { .. } | Stage::Voiding { .. } => "voiding",
            Stage::Voided { .. } => "voided",
        }
    }

    /// Why it failed, if it has.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match &self.stage {
            Stage::Failed(failure) | Stage::Voiding { failed: Some(failure), .. } => Some(failure),
            _ => None,
        }
    }

    /// Why it was given up, if it was.
    #[must_use]
    pub fn given_up(&self) -> Option<&str> {
        match &self.stage {
            Stage::Authorising { cancel, .. } | Stage::Capturing { cancel, .. } => cancel.as_deref(),
            Stage::Captured { closing, .. } => closing.as_deref(),
            Stage::Voiding { reason, failed: None, .. } | Stage::Voided { reason } => Some(reason),
            _ => None,
        }
    }

    fn event(&self, at: Timestamp, what: What) -> Event {
        let Terms { id, order_id, user_id, .. } = self.terms.clone();
        Event { id, order_id, user_id, at, what }
    }
}

impl Entity for Payment {
    const KIND: &'static str = "payment";
    const FOLD: u32 = 2;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        match self {
            Payment::Unknown => wishes::of_nothing(command, facts),
            Payment::Barred => wishes::of_barred(command),
            Payment::Open(open) => open.decide(command, facts),
        }
    }

    fn evolve(&mut self, event: &Event) {
        folding::fold(self, event);
    }

    fn agenda(&self) -> Agenda<Command> {
        self.owed().into_iter().fold(Agenda::nothing(), |agenda, (key, at, debt)| debt.enter(agenda, key, at))
    }
}

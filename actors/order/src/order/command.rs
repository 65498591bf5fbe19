//! What can be asked of an order, what it asks of others, and why it says no.

use super::deal::{Allotment, Deal, Units, Waiting};
use super::event::Addition;
use super::placed::{Action, Share};
use super::status::Status;
use crate::wire::{Money, Trouble};

/// What can be asked of an order, or told to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Buy.
    Place(Box<Deal>),
    /// What it asked of somebody was answered.
    Answered(Call, Answer),
    /// News of its payment.
    Payment(PaymentNews),
    /// News of money that was to go back.
    Refund(RefundNews),
    /// News of a parcel.
    Parcel {
        /// The shipment.
        shipment_id: String,
        /// What.
        news: ParcelNews,
    },
    /// News of what a part waited for: it has come.
    Filled {
        /// The reservation.
        reservation_id: String,
        /// What.
        units: Units,
    },
    /// Let nothing more leave, for this reason.
    Hold(String),
    /// Go on.
    Approve,
    /// Undo all of it, or lines of it.
    Cancel {
        /// Why.
        reason: &'static str,
        /// These; all, when `None`.
        units: Option<Units>,
    },
    /// Stand so, by hand.
    SetStatus {
        /// How.
        status: Status,
        /// Why.
        reason: String,
    },
    /// Try once more what does not work.
    Retry,
    /// The time to pay is over.
    Expire,
    /// Something is to come back.
    OpenReturn {
        /// The return.
        return_id: String,
        /// What.
        units: Units,
        /// The exchange that it belongs to; empty when there is none.
        amendment_id: String,
    },
    /// It came back, or nothing will.
    CloseReturn {
        /// The return.
        return_id: String,
        /// What came.
        units: Units,
        /// What goes back for it.
        amount: Money,
        /// The refund; empty when nothing goes back.
        refund_id: String,
        /// By which payments, if not all of it by the first.
        shares: Vec<Share>,
    },
    /// An exchange or an edit was asked for.
    OpenAmendment {
        /// Which.
        amendment_id: String,
        /// The return by which goods come back; empty for an edit.
        return_id: String,
        /// The payment of the difference; empty when nothing is paid.
        payment_id: String,
        /// What goes.
        removed: Units,
    },
    /// It came to nothing.
    CloseAmendment {
        /// Which.
        amendment_id: String,
    },
    /// Its stock is held and its difference paid.
    Amend {
        /// What is added.
        addition: Box<Addition>,
        /// What goes, of an edit.
        removed: Units,
        /// What goes back for that.
        refund: Money,
    },
    /// News of money that was to go back by another payment than the first.
    SupplementRefund {
        /// The payment.
        payment_id: String,
        /// What.
        news: RefundNews,
    },
}

/// What an order asks of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Reserve the uses of promotions.
    Redeem,
    /// Hold the stock of a part, by its reservation.
    Reserve(String),
    /// Say where else it could come from.
    Allocate,
    /// Promise the money.
    Authorize,
    /// Hold the stock of a part until it leaves.
    Secure(String),
    /// Close the cart.
    CompleteCart,
    /// Take the money.
    Capture,
    /// Pack a parcel, by its shipment.
    Ship(String),
    /// Make the uses of promotions final.
    Commit,
    /// Stop a parcel.
    Recall(String),
    /// Let the money go, or give back what is left.
    CancelPayment,
    /// Give the stock of a part back.
    Release(String),
    /// Give back the money of the lines that are being cancelled.
    Refund,
    /// The same, of one of the other payments, by the refund.
    RefundMore(String),
    /// Give back what is left of another payment than the first.
    CancelSupplement(String),
    /// Give the stock of the lines that are being cancelled back, of one part.
    ReleaseSome(String),
    /// Give the uses of promotions back.
    Withdraw,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It was done.
    Done,
    /// It was done as far as it can be: this is not here yet, and waited for.
    Waiting(Waiting),
    /// This is where it could come from, in parts without a reservation yet.
    Plan(Vec<Allotment>),
    /// It was accepted, and the payment stands so.
    Payment(PaymentNews),
    /// It was accepted, and the refund stands so.
    Refund(RefundNews),
    /// It was not done, and never will be.
    Refused(Trouble),
}

/// What became of a payment.
#[derive(Debug, Clone, PartialEq)]
pub enum PaymentNews {
    /// Nothing yet, or nothing that matters here.
    Pending,
    /// Somebody looks at it.
    InReview,
    /// The customer has to do something.
    ActionRequired(Action),
    /// The money is promised.
    Authorized(Money),
    /// The money is here.
    Captured(Money),
    /// It will not be promised.
    Declined(Trouble),
    /// It was promised, and could not be taken.
    CaptureFailed(Trouble),
    /// The promise was let go; nothing was charged.
    Voided,
}

/// What became of money that was to go back.
#[derive(Debug, Clone, PartialEq)]
pub enum RefundNews {
    /// Nothing yet.
    Pending,
    /// It went back.
    Processed {
        /// The refund.
        refund_id: String,
        /// How much.
        amount: Money,
    },
    /// It did not.
    Failed {
        /// The refund.
        refund_id: String,
        /// Why.
        reason: String,
    },
}

/// What became of a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParcelNews {
    /// It left.
    Dispatched {
        /// With whom.
        carrier: String,
        /// By what it can be followed.
        tracking_number: String,
    },
    /// It arrived.
    Delivered,
    /// It will not leave.
    Cancelled,
    /// The carrier has lost it.
    Lost,
    /// It came back.
    Returned,
    /// Two were made of it.
    Split {
        /// The new one.
        new_shipment_id: String,
        /// What went over.
        lines: Units,
    },
}

/// Units that were asked for, and those that there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beyond {
    /// The SKU.
    pub sku: String,
    /// Units asked for.
    pub requested: i64,
    /// Units that there are.
    pub available: i64,
}

/// Why an order says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such order")]
    NotFound,
    /// There is one.
    #[error("there is already an order with this id")]
    AlreadyExists,
    /// A parcel has left.
    #[error("a parcel of the order has left; what arrived can be sent back")]
    AlreadyShipped,
    /// Lines cannot be cancelled yet.
    #[error("single lines can be cancelled once the order is paid; now it can be cancelled as a whole")]
    NotPaidYet,
    /// Something else is going on.
    #[error("something else is being changed about the order; try again")]
    Changing,
    /// Not that much can be cancelled.
    #[error("not that much of the order can still be cancelled")]
    ExceedsCancellable(Vec<Beyond>),
    /// Not that much can come back.
    #[error("not that much has left and is not on its way back already")]
    ExceedsReturnable(Vec<Beyond>),
    /// It is over.
    #[error("the order is cancelled")]
    Cancelled,
    /// It cannot stand so next.
    #[error("the order cannot stand so next")]
    TransitionNotAllowed {
        /// How it stands.
        status: Status,
        /// How it may stand next.
        next_states: Vec<Status>,
    },
    /// It is too early, or too late.
    #[error("only an order that is paid, not on hold, and of which nothing has left can be edited")]
    NotEditable(Status),
    /// It is so.
    #[error("the order holds that already")]
    NothingChanges,
    /// It is as good as cancelled.
    #[error("nothing would be left of the order: cancel it")]
    EverythingGoes,
    /// Somebody was quicker.
    #[error("the order is no longer as the customer was shown it")]
    Changed(u64),
    /// It works.
    #[error("the order is not stuck with anything")]
    NotStuck,
}

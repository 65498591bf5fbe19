//! What can have happened to an order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::deal::{Address, Allotment, Choice, Deal, Line, Totals, Units, Waiting};
use super::placed::{Action, ParcelState, Share};
use super::status::Status;
use crate::amendment::Kind;
use crate::wire::{Money, Trouble};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
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
    /// The customer committed to buy.
    Created(Box<Deal>),
    /// A step is done.
    StepDone { step: Step, of: String },
    /// A step was refused.
    StepFailed { step: Step, of: String, problem: Trouble },
    /// A step is undone.
    StepUndone { step: Step, by: Step, of: String },
    /// It comes from these places instead.
    Allocated { round: u32, parts: Vec<Allotment> },
    /// Not all of a part is here.
    Backordered { reservation_id: String, waiting: Waiting },
    /// What a part waited for has come, or some of it.
    BackorderFilled { user_id: String, reservation_id: String, units: Units, status: Status, number: u32 },
    /// The payment has been told what to ask for.
    PaymentRequested { payment_id: String, amount: Money },
    /// Somebody looks at the payment.
    PaymentInReview { payment_id: String },
    /// The customer has to do something.
    ActionRequired { payment_id: String, action: Action },
    /// The money is promised.
    PaymentAuthorized { payment_id: String, amount: Money },
    /// The customer was charged.
    PaymentCaptured { payment_id: String, amount: Money },
    /// It will be delivered.
    Confirmed(Box<Confirmation>),
    /// The money is here.
    Paid(Box<Bill>),
    /// A parcel left, arrived, or will not.
    ParcelUpdated { shipment_id: String, state: ParcelState, carrier: String, tracking_number: String },
    /// Two parcels were made of one.
    ParcelSplit { shipment_id: String, new_shipment_id: String, lines: Units },
    /// All parcels have arrived.
    Completed { user_id: String, amount: Money },
    /// Somebody of the shop put it on hold, or let it go on.
    Updated { user_id: String, status: Status, reason: String },
    /// It is being undone.
    CancelBegan { user_id: String, reason: String, problem: Option<Trouble>, awaits: Vec<String> },
    /// Parcels have left, so it goes on with them.
    CancelRefused { user_id: String, shipment_ids: Vec<String> },
    /// It is over.
    Cancelled { user_id: String, email: String, reason: String, payment_id: String, parts: Vec<Allotment> },
    /// Money came after it was over.
    LatePayment { payment_id: String, number: u32, amount: Money, captured: bool },
    /// Money went back.
    Refunded { payment_id: String, refund_id: String, amount: Money },
    /// A step does not work.
    Stuck { step: Step, of: String, reason: String, detail: String },
    /// It is tried once more.
    Retried { tries: u32 },
    /// Lines are being cancelled.
    ReductionBegan {
        number: u32,
        refund_id: String,
        units: Units,
        parts: Vec<Allotment>,
        amount: Money,
        shares: Vec<Share>,
        reason: String,
    },
    /// Lines are cancelled.
    Reduced { user_id: String, number: u32, units: Units, amount: Money },
    /// They cannot be.
    ReductionRefused { number: u32, shipment_id: String },
    /// Something is to come back.
    ReturnOpened { return_id: String, units: Units, amendment_id: String },
    /// It came back, or not.
    ReturnClosed { return_id: String, units: Units, amount: Money, refund_id: String, shares: Vec<Share> },
    /// An exchange or an edit was asked for.
    AmendmentOpened { amendment_id: String, return_id: String, payment_id: String, removed: Units },
    /// It came to nothing.
    AmendmentClosed { amendment_id: String },
    /// Something was added.
    Amended(Box<Addition>),
}

/// What an amendment added.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the event of the contract, which says what they are")]
pub struct Addition {
    pub user_id: String,
    pub amendment_id: String,
    pub kind: Kind,
    pub lines: Vec<Line>,
    pub parts: Vec<Allotment>,
    pub amount: Money,
    pub subtotal: Money,
    pub discount_total: Money,
    pub tax_total: Money,
    pub credited: Money,
    pub payment_id: String,
    pub captured: Money,
}

/// What a confirmation says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the event of the contract, which says what they are")]
pub struct Confirmation {
    pub user_id: String,
    pub email: String,
    pub total: Money,
    pub parts: Vec<Allotment>,
    pub ship_to: Address,
    pub option: Option<Choice>,
    pub awaited: Waiting,
}

/// What an invoice says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// Who bought.
    pub user_id: String,
    /// The payment; empty when it cost nothing.
    pub payment_id: String,
    /// What was paid.
    pub amount: Money,
    /// What was bought.
    pub lines: Vec<Line>,
    /// What it costs.
    pub totals: Totals,
    /// To whom it is written.
    pub bill_to: Address,
}

/// What is done for an order, and what undoes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// The order is written down.
    CreateOrder,
    /// Uses of promotions are reserved.
    ReserveCoupons,
    /// Stock is held.
    ReserveItems,
    /// The hold no longer ends by itself.
    ConfirmItems,
    /// The cart is closed.
    CompleteCart,
    /// The money is promised, and taken.
    ProcessPayment,
    /// A parcel is asked for.
    CreateShipment,
    /// Uses of promotions are final.
    CommitCoupons,
    /// Undoes `CreateOrder`.
    CancelOrder,
    /// Undoes `ReserveCoupons`.
    ReleaseCoupons,
    /// Undoes `ReserveItems`.
    ReleaseItems,
    /// Undoes `ProcessPayment`.
    RefundPayment,
    /// Undoes `CreateShipment`.
    CancelShipment,
    /// Goods that came back are on their shelf.
    RestockItems,
}

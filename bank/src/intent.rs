//! What the bank keeps: payment intents, refunds, customers and their cards.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::card::{Behaviour, Card};
use crate::fault::Fault;

/// How an intent stands, in Stripe's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody has said yet how to pay, or the way that was said did not work.
    RequiresPaymentMethod,
    /// Nobody has said "go" yet.
    RequiresConfirmation,
    /// The customer must prove who they are.
    RequiresAction,
    /// The money is held.
    RequiresCapture,
    /// It was given up, and nothing is held.
    Canceled,
    /// The money was taken.
    Succeeded,
}

impl Status {
    /// Stripe's word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Status::RequiresPaymentMethod => "requires_payment_method",
            Status::RequiresConfirmation => "requires_confirmation",
            Status::RequiresAction => "requires_action",
            Status::RequiresCapture => "requires_capture",
            Status::Canceled => "canceled",
            Status::Succeeded => "succeeded",
        }
    }
}

/// Money that somebody intends to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// `pi_…`.
    pub id: String,
    /// When it came into being, in seconds since 1970.
    pub created: u64,
    /// Minor units.
    pub amount: i64,
    /// In small letters, as Stripe writes it.
    pub currency: String,
    /// Whether the money is taken by itself once it is held.
    pub captures_itself: bool,
    /// How it stands.
    pub status: Status,
    /// What is held for the merchant.
    pub held: i64,
    /// What was taken.
    pub taken: i64,
    /// What of that was given back, or is being given back.
    pub returned: i64,
    /// The method's name, as the merchant said it.
    pub method: Option<String>,
    /// How its card behaves.
    pub behaviour: Option<Behaviour>,
    /// The customer.
    pub customer: Option<String>,
    /// The merchant's own words.
    pub description: Option<String>,
    /// The merchant's own data.
    pub metadata: BTreeMap<String, String>,
    /// Where the customer's browser goes back to.
    pub return_url: Option<String>,
    /// Why the last try did not work.
    pub last_fault: Option<Fault>,
    /// Why it was given up.
    pub cancellation_reason: Option<String>,
    /// When it was given up.
    pub canceled_at: Option<u64>,
}

impl Intent {
    /// What the customer's browser shows to do something about it.
    #[must_use]
    pub fn client_secret(&self) -> String {
        let secret = blake3::derive_key("mercat bank client secret v1", self.id.as_bytes());
        format!("{}_secret_{}", self.id, hex(&secret[..12]))
    }

    /// What of the taken money can still be given back.
    #[must_use]
    pub fn refundable(&self) -> i64 {
        self.taken - self.returned
    }
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Money that goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// `re_…`.
    pub id: String,
    /// When it came into being, in seconds since 1970.
    pub created: u64,
    /// Of which intent.
    pub intent: String,
    /// Minor units.
    pub amount: i64,
    /// In small letters.
    pub currency: String,
    /// How it stands.
    pub status: RefundStatus,
    /// `duplicate`, `fraudulent` or `requested_by_customer`.
    pub reason: Option<String>,
    /// The merchant's own data.
    pub metadata: BTreeMap<String, String>,
}

/// How a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// It takes a while.
    Pending,
    /// The money is back.
    Succeeded,
    /// The money could not be given back; the merchant has it again.
    Failed,
}

impl RefundStatus {
    /// Stripe's word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            RefundStatus::Pending => "pending",
            RefundStatus::Succeeded => "succeeded",
            RefundStatus::Failed => "failed",
        }
    }
}

/// Somebody who pays more than once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// `cus_…`.
    pub id: String,
    /// When it came into being, in seconds since 1970.
    pub created: u64,
    /// The merchant's own data.
    pub metadata: BTreeMap<String, String>,
}

/// A card under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Method {
    /// `pm_…`.
    pub id: String,
    /// When it came into being, in seconds since 1970.
    pub created: u64,
    /// The card.
    pub card: Card,
    /// Whose it is; nobody's before it is attached and after it is detached.
    pub customer: Option<String>,
}

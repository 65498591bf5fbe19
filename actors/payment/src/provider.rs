//! Providers: who holds the cards. What a payment asks of one, and what one says, are values; [`stripe`] speaks them over
//! HTTP, to Stripe and to the test provider alike, and [`paypal`] to PayPal.
//!
//! An outcome is done, refused, or unknown. What is unknown is asked again with the same key, and the provider is first
//! asked what it did: keys are forgotten after a day at Stripe, and a charge must not be made twice on the second.

pub mod http;
pub mod paypal;
pub mod stripe;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::payment::{Capture, Means, Terms};
use crate::wire::Money;

/// The name of the test provider, which speaks as Stripe does.
pub const TEST: &str = "test";
/// The name of Stripe.
pub const STRIPE: &str = "stripe";

/// The name of PayPal.
pub const PAYPAL: &str = "paypal";

/// The provider of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static str> {
    [TEST, STRIPE, PAYPAL].into_iter().find(|known| *known == name)
}

/// What a provider is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// Hold the money.
    Authorise {
        /// How much, of whom, for what.
        terms: Terms,
        /// How.
        means: Means,
        /// When it was first to be asked.
        since: Timestamp,
    },
    /// The customer approved it: now hold the money, or take it if it is to be taken at once.
    Complete {
        /// Our name for it.
        payment_id: String,
        /// The provider's.
        reference: String,
        /// When it is to be taken.
        capture: Capture,
    },
    /// Say how it stands.
    Look {
        /// Our name for it.
        payment_id: String,
        /// The provider's; empty when it is not known.
        reference: String,
    },
    /// Take the money; what else is held is let go.
    Capture {
        /// Our name for it.
        payment_id: String,
        /// The provider's.
        reference: String,
        /// How much.
        amount: Money,
        /// When it was first to be asked.
        since: Timestamp,
    },
    /// Let go what is held.
    Void {
        /// Our name for it.
        payment_id: String,
        /// The provider's.
        reference: String,
        /// When it was first to be asked.
        since: Timestamp,
    },
    /// Give money back.
    Refund {
        /// Our name for the payment.
        payment_id: String,
        /// Our name for the refund.
        refund_id: String,
        /// The provider's for the payment.
        reference: String,
        /// How much.
        amount: Money,
        /// When it was first to be asked.
        since: Timestamp,
    },
    /// Keep a card for a customer.
    Keep {
        /// The customer.
        user_id: String,
        /// The card's token.
        token: String,
    },
    /// Keep a card no longer.
    Forget {
        /// The provider's name for it.
        reference: String,
    },
}

/// What a provider says about a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    /// It knows of none.
    Nothing,
    /// It stands so.
    Intent {
        /// The provider's name for it.
        reference: String,
        /// How.
        state: State,
    },
}

/// How a payment stands at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// The customer must prove who they are.
    ActionRequired {
        /// Where.
        url: String,
    },
    /// The customer agreed, and the provider waits for us to have the money held.
    Approved,
    /// So much is held.
    Authorised(Money),
    /// So much was taken.
    Captured(Money),
    /// Nothing is held, and nothing ever will be.
    Cancelled,
    /// The card did not do it.
    Declined {
        /// The provider's word for why.
        code: String,
        /// A sentence.
        detail: String,
    },
}

/// What a provider says about a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundTold {
    /// The money is back.
    Done {
        /// The provider's name for it.
        reference: String,
    },
    /// It will not be.
    Refused(String),
}

/// What a provider says about a card that it keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its name for the card.
    pub reference: String,
    /// Its name for the customer.
    pub customer: String,
    /// The card's brand.
    pub brand: String,
    /// The last four digits.
    pub last4: String,
    /// The month after which it ends.
    pub exp_month: u32,
    /// The year in which it ends.
    pub exp_year: u32,
}

/// Bytes that live as long as a call. They are made and read by the same code in the same process.
pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "derives do not fail, and a panic in an agenda is caught")]
    postcard::to_stdvec(value).expect("a value that encodes")
}

/// What bytes of a call hold, if they can be read.
pub(crate) fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    postcard::from_bytes(bytes).ok()
}

impl Ask {
    /// The bytes of a call.
    #[must_use]
    pub fn encode(&self) -> bytes::Bytes {
        encode(self).into()
    }
}

impl Told {
    /// What an answer holds; nothing, if it holds nothing that can be read.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Told {
        postcard::from_bytes(bytes).unwrap_or(Told::Nothing)
    }
}

impl RefundTold {
    /// What an answer holds.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> RefundTold {
        postcard::from_bytes(bytes).unwrap_or(RefundTold::Refused("unreadable_answer".to_owned()))
    }
}

//! Trouble: a refusal that an order remembers, and what its customer is told of it.

use std::fmt;

use messages::problem::{Kind, Problem};
use prost::Message as _;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::order::event::Step;

/// A refusal, kept as it was said.
#[derive(Clone, PartialEq)]
pub struct Trouble(Problem);

/// Codes that a customer of a placed order is told as they are; all others are told as `order_not_possible`.
const TOLD: [&str; 14] = [
    "cart_ordered",
    "coupon_not_applicable",
    "out_of_stock",
    "coupon_unknown",
    "coupon_exhausted",
    "coupon_expired",
    "campaign_exhausted",
    "campaign_not_active",
    "customer_limit_reached",
    "budget_exhausted",
    "payment_declined",
    "payment_failed",
    "payment_expired",
    "shipment_refused",
];

impl Trouble {
    /// A refusal of somebody else.
    #[must_use]
    pub fn of(problem: Problem) -> Trouble {
        Trouble(problem)
    }

    /// As it was said.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.0
    }

    /// The slug.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The sentence.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// What the customer is told when a step is refused like this. What they can act on keeps its name; the rest is ours.
    #[must_use]
    pub fn told(self, step: Step, order_id: &str) -> Trouble {
        let Problem { code, detail, .. } = self.0.clone();
        let told = match (step, code.as_str()) {
            (Step::ReserveItems | Step::ConfirmItems, "out_of_stock") => self.0,
            (Step::ConfirmItems, _) => return Trouble::out_of_stock(order_id),
            // Nobody waits for this one: it is noted as it was said.
            (Step::CommitCoupons, _) => return self,
            (Step::CompleteCart, _) => Problem::conflict("cart_ordered", "The cart has been ordered already."),
            (Step::ProcessPayment, "payment_declined") => self.0,
            (Step::ProcessPayment, _) => {
                Problem::new(Kind::PaymentRequired, "payment_failed", detail).with("cause", code)
            }
            (Step::CreateShipment, _) => Problem::conflict("shipment_refused", detail).with("cause", code),
            (_, known) if TOLD.contains(&known) => self.0,
            _ => Problem::conflict("order_not_possible", detail).with("cause", code),
        };
        Trouble(told).about(order_id)
    }

    fn about(self, order_id: &str) -> Trouble {
        let is_said = self.0.fact("order_id").is_some();
        Trouble(if is_said { self.0 } else { self.0.with("order_id", order_id) })
    }

    /// The bank declined.
    #[must_use]
    pub fn payment_declined(order_id: &str, reason: &str, decline_code: &str, detail: &str) -> Trouble {
        let detail = if detail.is_empty() { "The payment was declined." } else { detail };
        let declined = reason == "payment_declined" || reason.is_empty();
        let code = if declined { "payment_declined" } else { "payment_failed" };
        let mut problem = Problem::new(Kind::PaymentRequired, code, detail);
        if !decline_code.is_empty() {
            problem = problem.with("decline_code", decline_code);
        }
        if !declined {
            problem = problem.with("cause", reason);
        }
        Trouble(problem).about(order_id)
    }

    /// Nobody paid in time.
    #[must_use]
    pub fn payment_expired(order_id: &str) -> Trouble {
        let detail = "The payment was not made in time.";
        Trouble(Problem::new(Kind::PaymentRequired, "payment_expired", detail)).about(order_id)
    }

    /// Somebody let the promise go.
    #[must_use]
    pub fn payment_voided(order_id: &str) -> Trouble {
        let detail = "The payment was let go before the order was paid.";
        Trouble(Problem::new(Kind::PaymentRequired, "payment_failed", detail).with("cause", "payment_voided"))
            .about(order_id)
    }

    /// It is not what the customer was told.
    #[must_use]
    pub fn amount_differs(order_id: &str) -> Trouble {
        let detail = "The payment is about another amount than the order.";
        Trouble(Problem::new(Kind::PaymentRequired, "payment_failed", detail).with("cause", "amount_differs"))
            .about(order_id)
    }

    /// It cannot be had.
    #[must_use]
    pub fn out_of_stock(order_id: &str) -> Trouble {
        Trouble(Problem::conflict("out_of_stock", "Not every line can be had any more.")).about(order_id)
    }

    /// Money did not go back.
    #[must_use]
    pub fn refund_failed(reason: &str) -> Trouble {
        let detail = format!("The provider did not give the money back: {reason}");
        Trouble(Problem::conflict("refund_failed", detail))
    }
}

impl fmt::Debug for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Trouble {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.encode_to_vec().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Trouble {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Trouble, D::Error> {
        let bytes = Vec::<u8>::deserialize(deserializer)?;
        Problem::decode(bytes.as_slice()).map(Trouble).map_err(D::Error::custom)
    }
}

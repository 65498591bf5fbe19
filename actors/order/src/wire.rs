//! The border: contract to domain and back. The only place that says `messages::`.

pub(crate) mod amended;
pub(crate) mod amending;
pub(crate) mod calls;
pub(crate) mod deal;
pub(crate) mod events;
pub(crate) mod gather;
pub(crate) mod invoice;
pub(crate) mod news;
pub(crate) mod order;
pub(crate) mod placing;
pub(crate) mod planning;
pub(crate) mod returns;
pub(crate) mod show;
pub(crate) mod trouble;

use messages::id::{InvoiceId, PaymentId, QuoteId, RedemptionId, RefundId, ReservationId, ReturnId, ShipmentId};
use runtime::entity::Undecodable;

pub use messages::common::v1::StringFilter;
#[cfg(test)]
pub(crate) use messages::common::v1::{Address, Money as Said};
pub use messages::money::{Currency, Money};
pub use messages::order::v1::{self, rpc};
pub use messages::problem::Problem;
pub use trouble::Trouble;

/// A refusal that there is none of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Never {}

impl From<Never> for Problem {
    fn from(never: Never) -> Problem {
        match never {}
    }
}

/// The payment of an order, or of an amendment of one.
pub(crate) fn payment_id(order_id: &str) -> String {
    PaymentId::derived(order_id.as_bytes()).to_string()
}

/// The quote of an order, for this basket.
pub(crate) fn quote_id(order_id: &str, basket: &[u8]) -> String {
    QuoteId::derived(&[order_id.as_bytes(), basket].concat()).to_string()
}

/// The redemption of an order.
pub(crate) fn redemption_id(order_id: &str) -> String {
    RedemptionId::derived(order_id.as_bytes()).to_string()
}

/// The reservation of a part of a plan.
pub(crate) fn reservation_id(order_id: &str, round: u32, part: usize) -> String {
    ReservationId::derived(format!("{order_id}/{round}/{part}").as_bytes()).to_string()
}

/// The shipment of a part, when so many were made for it before.
pub(crate) fn shipment_id(reservation_id: &str, before: usize) -> String {
    ShipmentId::derived(format!("{reservation_id}/{before}").as_bytes()).to_string()
}

/// The refund of a reduction of an order.
pub(crate) fn refund_id(order_id: &str, reduction: u32) -> String {
    RefundId::derived(format!("{order_id}/{reduction}").as_bytes()).to_string()
}

/// A further refund beside one, when so many were made for the same before, each by another payment.
pub(crate) fn more_refund_id(refund_id: &str, before: usize) -> String {
    RefundId::derived(format!("{refund_id}/{before}").as_bytes()).to_string()
}

/// The return of an exchange.
pub(crate) fn return_id_of_exchange(amendment_id: &str) -> String {
    ReturnId::derived(amendment_id.as_bytes()).to_string()
}

/// The refund of a return.
pub(crate) fn refund_id_of_return(return_id: &str) -> String {
    RefundId::derived(return_id.as_bytes()).to_string()
}

/// The invoice of an order.
pub(crate) fn invoice_id(order_id: &str) -> String {
    InvoiceId::derived(order_id.as_bytes()).to_string()
}

fn unreadable(event_type: &str) -> impl Fn(prost::DecodeError) -> Undecodable + '_ {
    move |e| Undecodable::new(event_type, e)
}

/// The contract of this group.
///
/// # Panics
/// Never: the contract is compiled in and names this group.
#[must_use]
pub fn contract() -> &'static messages::Group {
    #[expect(clippy::expect_used, reason = "the contract is compiled in; a test starts the group")]
    messages::Group::named("order").expect("the contract names the group")
}

//! The border: contract to domain and back. The only place that says `messages::`.

pub(crate) mod events;
pub(crate) mod method;
pub(crate) mod payment;
pub(crate) mod review;
pub(crate) mod show;
pub(crate) mod webhook;

use messages::id::{RefundId, TransactionId};
use messages::money::Currency;
use messages::problem::Kind;
use runtime::entity::{ActorKey, Undecodable};
use runtime::group::{News, Reaction};

use crate::card_number;
use crate::payment::Payment;

pub use messages::common::v1::StringFilter;
pub use messages::money::Money;
pub use messages::payment::v1::{self, rpc};
pub use messages::problem::Problem;
pub use show::{method as shown_method, payment as shown_payment};

/// So many minor units of a currency; `None` when there is no such money.
#[must_use]
pub fn money(amount: i64, currency: &str) -> Option<Money> {
    Money::new(amount, Currency::parse(currency).ok()?).ok()
}

/// Money as the contract carries it.
pub(crate) fn money_in(wire: Option<&messages::common::v1::Money>) -> Result<Money, Problem> {
    let read = wire.and_then(|wire| Money::try_from(wire).ok());
    read.ok_or_else(|| Problem::new(Kind::Unprocessable, "unknown_currency", "there is no such currency"))
}

/// Money that was stored: it was checked before.
fn stored_money(wire: Option<&messages::common::v1::Money>, event_type: &str) -> Result<Money, Undecodable> {
    let read = wire.and_then(|wire| Money::try_from(wire).ok());
    read.ok_or_else(|| Undecodable::new(event_type, "it holds no money"))
}

/// The id of a refund that a payment asks for by itself, after so many others.
#[must_use]
pub fn refund_id(payment_id: &str, before: usize) -> String {
    RefundId::derived(format!("{payment_id}/rest/{before}").as_bytes()).to_string()
}

/// The id of the transaction that books a change of a payment.
#[must_use]
pub fn transaction_id(payment_id: &str, version: u64) -> String {
    TransactionId::derived(format!("{payment_id}/{version}").as_bytes()).to_string()
}

/// What a provider would not do, ever.
#[must_use]
pub fn refused_by_provider(code: String, detail: String) -> Problem {
    Problem::new(Kind::Unprocessable, code, detail)
}

/// Refuses a request in which a text looks like a card number. What it held is not repeated.
pub(crate) fn without_card_numbers(texts: &[(&'static str, &str)]) -> Result<(), Problem> {
    match texts.iter().find(|(_, text)| card_number::is_in(text)) {
        None => Ok(()),
        Some((field, _)) => {
            let detail = "a text in the request is a card number; the shop takes tokens of the provider only";
            Err(Problem::new(Kind::Unprocessable, "card_number", detail).with("field", *field))
        }
    }
}

pub(crate) fn whose_history(request: &v1::GetHistoryRequest) -> ActorKey {
    ActorKey::of::<Payment>(&request.payment_id)
}

/// What payment does about news of orders: opens their payments, and gives them up.
///
/// # Errors
/// When the news cannot be read.
pub fn news_of_orders(news: &News) -> Result<Vec<Reaction>, Undecodable> {
    use messages::order::v1::{OrderCancelled, OrderCreated};
    match news.event_type.as_str() {
        "order.created" => {
            let OrderCreated { order_id, user_id, payment_id, total_amount, .. } = news.read()?;
            // What costs nothing needs no payment.
            if payment_id.is_empty() {
                return Ok(Vec::new());
            }
            let order_id = Some(order_id);
            let request =
                v1::OpenPaymentRequest { payment_id: payment_id.clone(), order_id, user_id, amount: total_amount };
            Ok(vec![Reaction::command::<rpc::OpenPayment>(payment_id, &request)])
        }
        "order.cancelled" => {
            let OrderCancelled { payment_id, reason, .. } = news.read()?;
            if payment_id.is_empty() {
                return Ok(Vec::new());
            }
            let request = v1::CancelPaymentRequest { payment_id: payment_id.clone(), reason };
            Ok(vec![Reaction::command::<rpc::CancelPayment>(payment_id, &request)])
        }
        _ => Ok(Vec::new()),
    }
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
    messages::Group::named("payment").expect("the contract names the group")
}

//! The border: contract to domain and back. The only place that says `messages::`.

pub(crate) mod base;
pub(crate) mod basket;
pub(crate) mod list;
pub(crate) mod listed;
pub(crate) mod price;
pub(crate) mod quote;
pub(crate) mod sums;
pub(crate) mod taxes;

use runtime::entity::Undecodable;

use crate::list_price::Place;

pub use basket::{priced_line, public_price, unpriced_line};
pub use list::price_list;
pub use listed::list_price;
pub use messages::common::v1::StringFilter;
pub use messages::money::{Currency, Error as MoneyError, Money};
pub use messages::pricing::v1::{self, rpc};
pub use messages::problem::Problem;
pub use taxes::tax_rates;

pub(crate) fn place(price_list_id: &str, sku: &str) -> Place {
    Place { price_list_id: price_list_id.to_owned(), sku: sku.to_owned() }
}

fn unreadable(event_type: &str) -> impl Fn(prost::DecodeError) -> Undecodable + '_ {
    move |e| Undecodable::new(event_type, e)
}

fn no_money(event_type: &str) -> impl Fn(MoneyError) -> Undecodable + '_ {
    move |e| Undecodable::new(event_type, e)
}

/// Money that the contract demands. What its checks let through and money does not is more than can be counted.
fn money(wire: Option<&messages::common::v1::Money>) -> Result<Money, MoneyError> {
    Money::try_from(wire.ok_or(MoneyError::NoAmount)?)
}

fn bad_money(error: &MoneyError) -> Problem {
    Problem::new(messages::problem::Kind::Invalid, "bad_money", error.to_string())
}

/// The contract of this group.
///
/// # Panics
/// Never: the contract is compiled in and names this group.
#[must_use]
pub fn contract() -> &'static messages::Group {
    #[expect(clippy::expect_used, reason = "the contract is compiled in; a test starts the group")]
    messages::Group::named("pricing").expect("the contract names the group")
}

#[cfg(test)]
pub(crate) fn euros(cents: i64) -> Money {
    Money::new(cents, Currency::parse("EUR").expect("a currency")).expect("an amount")
}

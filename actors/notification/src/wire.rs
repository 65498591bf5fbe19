//! The border: contract to domain and back. These files alone say `messages::`.

pub(crate) mod accounts;
pub mod choices;
pub mod deliveries;
pub mod endpoints;
pub mod feed;
pub mod letters;
mod names;
pub mod news;
pub mod orders;
mod queues;
pub mod texts;

use messages::problem::Kind;
use prost::DecodeError;
use runtime::entity::Undecodable;

pub use messages::common::v1::Money;
pub use messages::notification::v1;
pub use messages::notification::v1::rpc;
pub use messages::problem::Problem;
pub use names::{channel_in, channel_out, co_located, money_text, template_id, topic_in, topic_out};

/// Why the bytes of an event of this type could not be read.
fn unreadable(event_type: &str) -> impl Fn(DecodeError) -> Undecodable + '_ {
    move |e| Undecodable::new(event_type, e)
}

/// An event that this entity never has.
fn stranger(event_type: &str, kind: &str) -> Undecodable {
    Undecodable::new(event_type, format!("a {kind} has no such event"))
}

/// An enum's value that this code does not know.
fn odd(event_type: &str, what: &str) -> Undecodable {
    Undecodable::new(event_type, format!("it names no {what} that is known here"))
}

/// A provider got a request that it cannot read.
#[must_use]
pub fn unreadable_request(cause: &dyn std::fmt::Display) -> Problem {
    Problem::new(Kind::Internal, "unreadable_request", cause.to_string())
}

/// A person's things that are not the caller's: as if there were none.
fn no_such_person() -> Problem {
    Problem::not_found("not_found", "there is no such person")
}

/// The contract of this group.
///
/// # Panics
/// Never: the contract is compiled in and names this group.
#[must_use]
pub fn contract() -> &'static messages::Group {
    #[expect(clippy::expect_used, reason = "the contract is compiled in; a test starts the group")]
    messages::Group::named("notification").expect("the contract names the group")
}

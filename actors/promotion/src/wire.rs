//! The border: contract to domain and back. The only place that says `messages::`.

pub(crate) mod campaign;
pub(crate) mod coupon;
pub(crate) mod evaluation;
pub(crate) mod redemption;
mod tally;
mod terms;
mod usage;

use runtime::entity::{ActorKey, Undecodable};

use crate::campaign::Campaign;
use crate::coupon::Coupon;

pub use campaign::campaign;
pub use coupon::{codes_file, coupon, coupon_in, generated, id_of_code};
pub use evaluation::{Asked, adjustments, applied, not_applied};
pub use messages::common::v1::StringFilter;
pub use messages::money::{Currency, Error as MoneyError, Money};
pub use messages::problem::Problem;
pub use messages::promotion::v1::{self, rpc};
pub use redemption::{HOLD, redemption};
pub use terms::{terms, terms_in};
pub use usage::{all_left, count, left};

pub(crate) fn whose_campaign(request: &v1::GetCampaignHistoryRequest) -> ActorKey {
    ActorKey::of::<Campaign>(&request.campaign_id)
}

pub(crate) fn whose_coupon(request: &v1::GetCouponHistoryRequest) -> ActorKey {
    ActorKey::of::<Coupon>(&request.coupon_id)
}

fn unreadable(event_type: &str) -> impl Fn(prost::DecodeError) -> Undecodable + '_ {
    move |e| Undecodable::new(event_type, e)
}

/// Money of an event; one that cannot be read means that the event cannot.
fn money(event_type: &str, wire: Option<messages::common::v1::Money>) -> Result<Money, Undecodable> {
    Money::try_from(wire.unwrap_or_default()).map_err(|e| Undecodable::new(event_type, e))
}

/// Money that a request says, which its contract has checked but for its size.
fn bad_money(error: &MoneyError) -> Problem {
    Problem::new(messages::problem::Kind::Invalid, "bad_money", error.to_string())
}

/// A basket that could be read and not evaluated, which is our mistake.
pub(crate) fn not_evaluated(error: &MoneyError) -> Problem {
    Problem::new(messages::problem::Kind::Internal, "not_evaluated", error.to_string())
}

/// A cursor that another list gave out.
pub(crate) fn bad_cursor() -> Problem {
    Problem::new(messages::problem::Kind::Invalid, "bad_cursor", "This cursor was not given out by this list.")
}

/// There is no such campaign in the lists.
#[must_use]
pub fn no_such_campaign() -> Problem {
    crate::campaign::Refusal::NotFound.into()
}

/// There is no such coupon in the lists.
#[must_use]
pub fn no_such_coupon() -> Problem {
    crate::coupon::Refusal::NotFound.into()
}

/// The contract of this group.
///
/// # Panics
/// Never: the contract is compiled in and names this group.
#[must_use]
pub fn contract() -> &'static messages::Group {
    #[expect(clippy::expect_used, reason = "the contract is compiled in; a test starts the group")]
    messages::Group::named("promotion").expect("the contract names the group")
}

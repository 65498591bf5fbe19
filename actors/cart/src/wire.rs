//! The border: contract to domain and back. The only place that says `messages::`.

mod commands;
mod events;
pub(crate) mod merge;
pub(crate) mod noting;
mod shown;
pub(crate) mod till;

use messages::common::v1::fact::Value;
use messages::problem::Kind;
use runtime::desk::Desk;
use runtime::headers::Caller;

use crate::cart::{Cart, Refusal, Stage};
use crate::contents::{Beyond, COUPONS_MAX, LINES_MAX, SAVED_MAX, UNITS_MAX};

pub(crate) use commands::{
    accept_prices, add_coupon, add_item, complete, create, delete, put_items, remove_coupon, remove_item, remove_saved,
    restore_item, save_item, update,
};
pub(crate) use merge::take_over_request;
pub use messages::cart::v1::{self, rpc};
pub use messages::money::{Currency, Money};
pub use messages::problem::Problem;
pub use shown::shown;

/// A cart that the caller may see and change.
///
/// # Errors
/// `not_found` when there is none, when it is deleted, and when it is somebody else's: the three look alike.
pub(crate) fn must_be_own(cart: &Cart, caller: &Caller) -> Result<(), Problem> {
    match cart.stage {
        Stage::Unknown | Stage::Deleted => Err(Refusal::NotFound.into()),
        _ if !caller.may_touch(&cart.owner) => Err(Refusal::NotFound.into()),
        Stage::Active | Stage::Abandoned | Stage::Ordered(_) | Stage::Merged { .. } => Ok(()),
    }
}

/// A cart as it is now, without prices.
pub(crate) fn now(desk: &Desk<'_>, id: &str) -> Option<v1::Cart> {
    shown(&desk.see::<Cart>(id), desk.version::<Cart>(id))
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let said = refusal.to_string();
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", said),
            Refusal::AlreadyExists => Problem::conflict("already_exists", said),
            Refusal::Closed(status) => Problem::conflict("cart_closed", said).with("status", status),
            Refusal::AlreadyOrdered(order_id) => {
                Problem::conflict("already_ordered", said).with("order_id", Value::Text(order_id))
            }
            Refusal::NotInCart(sku) => Problem::not_found("not_in_cart", said).with("sku", Value::Text(sku)),
            Refusal::NotSaved(sku) => Problem::not_found("not_saved", said).with("sku", Value::Text(sku)),
            Refusal::SameCart => Problem::new(Kind::Unprocessable, "same_cart", said),
            Refusal::Beyond(beyond) => {
                let (code, fact, most) = match beyond {
                    Beyond::Lines => ("too_many_lines", "lines_max", count(LINES_MAX)),
                    Beyond::Units => ("too_many_units", "units_max", UNITS_MAX),
                    Beyond::Saved => ("too_many_saved", "saved_max", count(SAVED_MAX)),
                    Beyond::Coupons => ("too_many_coupons", "coupons_max", count(COUPONS_MAX)),
                };
                Problem::new(Kind::Unprocessable, code, said).with(fact, most)
            }
        }
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The contract of this group.
///
/// # Panics
/// Never: the contract is compiled in and names this group.
#[must_use]
pub fn contract() -> &'static messages::Group {
    #[expect(clippy::expect_used, reason = "the contract is compiled in; a test starts the group")]
    messages::Group::named("cart").expect("the contract names the group")
}

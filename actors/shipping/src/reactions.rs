//! What shipping does about news: of orders, and its own.

use runtime::entity::Undecodable;
use runtime::group::{News, Reaction, Views};

use crate::wire;

/// The group's own news: what a carrier said of a parcel is told to the parcel.
///
/// # Errors
/// When the news cannot be read.
pub fn carriers(news: &News, _: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    wire::carried(news)
}

/// News of orders: what has not left of a cancelled order stays here.
///
/// # Errors
/// When the news cannot be read.
pub fn orders(news: &News, _: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    wire::order_ended(news)
}

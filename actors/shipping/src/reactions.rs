//! What shipping does about other groups' news.

use runtime::entity::Undecodable;
use runtime::group::{News, Reaction, Views};

use crate::wire;

/// News of orders: what has not left of a cancelled order stays here.
///
/// # Errors
/// When the news cannot be read.
pub fn orders(news: &News, _: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    wire::order_ended(news)
}

//! What payment does about other groups' news.

use runtime::entity::Undecodable;
use runtime::group::{News, Reaction, Views};

use crate::wire;

/// News of orders: what is ordered gets a payment, and what is cancelled gets its money back.
///
/// # Errors
/// When the news cannot be read.
pub fn orders(news: &News, _: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    wire::news_of_orders(news)
}

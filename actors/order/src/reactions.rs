//! What order does about other groups' news, and about its own. Every one is a fact for one order: what that makes of it,
//! the order decides.

use runtime::entity::Undecodable;
use runtime::group::{News, Reaction, Views};

use crate::wire;

/// News of payments and refunds.
///
/// # Errors
/// When the news cannot be read.
pub fn payment(news: &News, _: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    wire::news::of_payment(news)
}

/// News of stock: what an order waited for has come.
///
/// # Errors
/// When the news cannot be read.
pub fn inventory(news: &News, _: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    wire::news::of_inventory(news)
}

/// News of parcels.
///
/// # Errors
/// When the news cannot be read.
pub fn shipping(news: &News, _: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    wire::news::of_shipping(news)
}

/// News of our own: an order that was paid gets an invoice.
///
/// # Errors
/// When the news cannot be read.
pub fn order(news: &News, _: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    wire::news::of_order(news)
}

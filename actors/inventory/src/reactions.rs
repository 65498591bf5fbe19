//! What inventory does about other groups' news.

use runtime::entity::Undecodable;
use runtime::group::{News, Reaction, Views};

use crate::wire;

/// News of the catalogue: every SKU it names is listed here, so that it has a shelf in every warehouse.
///
/// # Errors
/// When the news cannot be read.
pub fn catalogue(news: &News, _: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    wire::named_skus(news)
}

/// News of orders: what is confirmed no longer ends by itself, and what is cancelled gives back what it still holds.
///
/// # Errors
/// When the news cannot be read.
pub fn orders(news: &News, _: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    wire::told_by_order(news)
}

/// News of parcels: what a carrier accepted has left the shelves.
///
/// # Errors
/// When the news cannot be read.
pub fn parcels(news: &News, _: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    wire::told_by_parcel(news)
}

//! What pricing does about other groups' news.

use runtime::entity::Undecodable;
use runtime::group::{News, Reaction, Views};

use crate::wire;

/// News of the catalogue: every SKU it names has the price it says. A SKU that it no longer names keeps its last price;
/// whether it can be bought is the catalogue's to say.
///
/// # Errors
/// When the news cannot be read.
pub fn catalogue(news: &News, _: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    wire::base::named_prices(news)
}

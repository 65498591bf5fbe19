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

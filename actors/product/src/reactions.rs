//! What the catalogue does about other groups' news.

use runtime::entity::Undecodable;
use runtime::group::{News, Reaction, Views};

use crate::{views, wire};

/// News of inventory: a product says of itself that few are left.
///
/// # Errors
/// When the news cannot be read.
pub fn stock(news: &News, views: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    let reaction = wire::few_left_of(news, |sku| views::product_of(views, sku))?;
    Ok(reaction.into_iter().collect())
}

//! What a SKU is, and what inventory says of it.

use messages::inventory::v1::LowStock;
use runtime::entity::Undecodable;
use runtime::group::{News, Reaction};

use super::{LookupItem, rpc, shown, v1};
use crate::product::Product;

/// The tax category of products that name none.
const STANDARD: &str = "standard";

/// What each SKU of a product is.
#[must_use]
pub fn lookup_items(product: &Product) -> Vec<LookupItem> {
    let Some(product) = shown(product, 0) else { return Vec::new() };
    let sellable = product.published;
    let item = |variant: &v1::Variant| LookupItem {
        sku: variant.sku.clone(),
        product_id: product.product_id.clone(),
        title: product.title.clone(),
        variant_title: variant.title.clone(),
        product_type: product.product_type.clone(),
        tax_category: product.tax_category.clone().unwrap_or_else(|| STANDARD.to_owned()),
        status: product.status,
        sellable,
        weight_grams: variant.weight_grams,
        price: variant.price.clone(),
    };
    product.variants.iter().map(item).collect()
}

/// What news of inventory mean for the product whose stock runs low. `product_of` knows the product of a SKU: inventory
/// may have stock of one whose product it has not heard of.
///
/// # Errors
/// When the news cannot be read.
pub fn few_left_of(news: &News, product_of: impl Fn(&str) -> Option<String>) -> Result<Option<Reaction>, Undecodable> {
    if news.event_type != "inventory.low_stock" {
        return Ok(None);
    }
    let LowStock { product_id, current_stock, sku, at, .. } = news.read()?;
    let product_id = if product_id.is_empty() { product_of(&sku) } else { Some(product_id) };
    Ok(product_id.map(|product_id| {
        let request = v1::MarkFewLeftRequest { product_id: product_id.clone(), sku, current_stock, at };
        Reaction::command::<rpc::MarkFewLeft>(product_id, &request)
    }))
}

//! The catalogue by SKU.

use prost::Message as _;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::view::{Rows, View, Writer};

use crate::product::Product;
use crate::wire::{self, LookupItem, LookupRequest, LookupResponse, Problem, ProductStatus};

/// How many products that ever named one SKU are looked at: far beyond any real one.
const NAMED_MAX: usize = 1_000;

/// The read model: `k<sku>\0<when it was named><product>` is the SKU as that product means it, the first to name it
/// first; `p<product>` are the keys of a product.
pub struct Skus;

impl View for Skus {
    const NAME: &'static str = "skus";
    const FOLD: u32 = 2;

    fn fold(rows: &mut Writer, event: &Folded) {
        let Some(product) = event.state::<Product>() else { return };
        let own = [b"p", event.actor.id.as_bytes()].concat();
        let before: Vec<(String, Vec<u8>)> = rows.read(&own).unwrap_or_default();
        before.iter().for_each(|(_, key)| rows.remove(key));
        let mut now = Vec::new();
        for item in wire::lookup_items(product) {
            let known = before.iter().find(|(sku, _)| *sku == item.sku).map(|(_, key)| key.clone());
            let key = known.unwrap_or_else(|| new_key(&item.sku, event));
            rows.put(&key, item.encode_to_vec());
            now.push((item.sku, key));
        }
        rows.write(&own, &now);
    }
}

fn new_key(sku: &str, event: &Folded) -> Vec<u8> {
    let (sequence, index) = (event.sequence.to_be_bytes(), event.index.to_be_bytes());
    [b"k", sku.as_bytes(), b"\0", &sequence, &index, event.actor.id.as_bytes()].concat()
}

/// What a SKU is: as the product means it that named it first and is not archived, or else that named it first.
fn item(rows: &Rows, sku: &str) -> Option<LookupItem> {
    let named = rows.scan(&[b"k", sku.as_bytes(), b"\0"].concat(), None, NAMED_MAX);
    let mut items = named.iter().filter_map(|(_, row)| LookupItem::decode(row.as_slice()).ok());
    let first = items.next()?;
    if first.status() != ProductStatus::Archived {
        return Some(first);
    }
    items.find(|item| item.status() != ProductStatus::Archived).or(Some(first))
}

/// The product of a SKU.
#[must_use]
pub fn product_of(views: &Views<'_>, sku: &str) -> Option<String> {
    item(&views.of::<Skus>(), sku).map(|item| item.product_id)
}

/// What some SKUs are.
///
/// # Errors
/// Never: a SKU that no product has is said to be unknown.
pub fn lookup(views: &Views<'_>, request: &LookupRequest) -> Result<LookupResponse, Problem> {
    let rows = views.of::<Skus>();
    let mut response = LookupResponse::default();
    for sku in &request.skus {
        match item(&rows, sku) {
            Some(item) => response.items.push(item),
            None => response.unknown.push(sku.clone()),
        }
    }
    Ok(response)
}

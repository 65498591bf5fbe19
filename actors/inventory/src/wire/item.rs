//! Items: contract to domain and back, and the news that list them.

use messages::common::v1::fact::Value;
use messages::inventory::v1::rpc;
use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::Desk;
use runtime::entity::{Recorded, Undecodable};
use runtime::group::{News, Reaction};

use super::{Problem, unreadable, v1};
use crate::item::{self, Item};

pub(crate) fn list_item(desk: &mut Desk<'_>, request: &v1::ListItemRequest) -> Result<v1::ListItemResponse, Problem> {
    let v1::ListItemRequest { sku, product_id, title } = request;
    let item = Item { sku: sku.clone(), product_id: product_id.clone(), title: title.clone() };
    desk.tell::<Item>(sku, item::Command::List(item.clone()))?;
    let version = desk.version::<Item>(sku);
    let Item { sku, product_id, title } = item;
    Ok(v1::ListItemResponse { item: Some(v1::Item { sku, version, product_id, title }) })
}

/// The SKUs that news of the catalogue name, each to be listed.
///
/// # Errors
/// When the news cannot be read.
pub fn named_skus(news: &News) -> Result<Vec<Reaction>, Undecodable> {
    use messages::product::v1::{ProductCreated, ProductUpdated};
    let (product_id, title, variants) = match news.event_type.as_str() {
        "product.created" => {
            let ProductCreated { product_id, title, variants, .. } = news.read()?;
            (product_id, title, variants)
        }
        "product.updated" => {
            let ProductUpdated { product_id, title, variants, .. } = news.read()?;
            (product_id, title, variants)
        }
        _ => return Ok(Vec::new()),
    };
    let listed = variants.into_iter().map(|variant| {
        let title = format!("{title} {}", variant.title).trim().to_owned();
        let request = v1::ListItemRequest { sku: variant.sku, product_id: product_id.clone(), title };
        Reaction::command::<rpc::ListItem>(request.sku.clone(), &request)
    });
    Ok(listed.collect())
}

/// The catalogue has not named such a product.
#[must_use]
pub fn no_such_product() -> Problem {
    Problem::not_found("not_found", "inventory knows no SKU of such a product")
}

impl From<item::Refusal> for Problem {
    fn from(refusal: item::Refusal) -> Problem {
        let said = refusal.to_string();
        let item::Refusal::Taken { product_id, .. } = refusal;
        Problem::conflict("sku_taken", said).with("product_id", Value::Text(product_id))
    }
}

impl Recorded for item::Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let item::Event::Listed(Item { sku, product_id, title }, at) = self.clone();
        let event = v1::ItemListed { sku, product_id, title, at: Some(to_wire(at)) };
        ("inventory.item_listed", event.encode_to_vec())
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        if event_type != "inventory.item_listed" {
            return Err(Undecodable::new(event_type, "an item has no such event"));
        }
        let event = v1::ItemListed::decode(data).map_err(unreadable(event_type))?;
        let v1::ItemListed { sku, product_id, title, at } = event;
        Ok(Self::Listed(Item { sku, product_id, title }, from_wire(at.as_ref())))
    }
}

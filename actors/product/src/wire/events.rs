//! What happened to a product, as it is stored.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Recorded, Undecodable};

use super::details::{Said, details, listing_out, variant_out};
use super::{Problem, ProductStatus, status, unreadable, v1};
use crate::product::{Event, FewLeft, Listing};

/// What is said of where it is found; absent when nothing is, as in the events of a time when nothing could be.
fn listing(listing: &Listing) -> Option<v1::Listing> {
    (*listing != Listing::default()).then(|| listing_out(listing))
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        match self.clone() {
            Event::Created { id, details, on_sale, at } => {
                let event = v1::ProductCreated {
                    product_id: id,
                    listing: listing(&details.listing),
                    title: details.title,
                    description: details.description,
                    slug: details.slug,
                    status: status(on_sale).into(),
                    product_type: details.product_type,
                    variants: details.variants.iter().map(variant_out).collect(),
                    tax_category: details.tax_category,
                    created_at: Some(to_wire(at)),
                };
                ("product.created", event.encode_to_vec())
            }
            Event::Updated { id, details, on_sale, at } => {
                let event = v1::ProductUpdated {
                    product_id: id,
                    listing: listing(&details.listing),
                    title: details.title,
                    description: details.description,
                    slug: details.slug,
                    status: status(on_sale).into(),
                    product_type: details.product_type,
                    variants: details.variants.iter().map(variant_out).collect(),
                    tax_category: details.tax_category,
                    updated_at: Some(to_wire(at)),
                };
                ("product.updated", event.encode_to_vec())
            }
            Event::Archived { id, at } => {
                let event = v1::ProductArchived { product_id: id, archived_at: Some(to_wire(at)) };
                ("product.archived", event.encode_to_vec())
            }
            Event::Published { id, at } => {
                let event = v1::ProductPublished { product_id: id, published_at: Some(to_wire(at)) };
                ("product.published", event.encode_to_vec())
            }
            Event::Hidden { id, at } => {
                let event = v1::ProductHidden { product_id: id, hidden_at: Some(to_wire(at)) };
                ("product.hidden", event.encode_to_vec())
            }
            Event::FewLeft { id, sku, few_left: FewLeft { current_stock, at } } => {
                let event = v1::ProductFewLeft { product_id: id, sku, current_stock, at: Some(to_wire(at)) };
                ("product.few_left", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Event, Undecodable> {
        let odd = |e: Problem| Undecodable::new(event_type, e.detail);
        match event_type {
            "product.created" => {
                let event = v1::ProductCreated::decode(data).map_err(unreadable(event_type))?;
                let (on_sale, at) = (event.status() == ProductStatus::Active, from_wire(event.created_at.as_ref()));
                let said = Said {
                    title: event.title,
                    description: event.description,
                    slug: event.slug,
                    product_type: event.product_type,
                    variants: event.variants,
                    tax_category: event.tax_category,
                    listing: event.listing.unwrap_or_default(),
                };
                Ok(Event::Created { id: event.product_id, details: details(said).map_err(odd)?, on_sale, at })
            }
            "product.updated" => {
                let event = v1::ProductUpdated::decode(data).map_err(unreadable(event_type))?;
                let (on_sale, at) = (event.status() == ProductStatus::Active, from_wire(event.updated_at.as_ref()));
                let said = Said {
                    title: event.title,
                    description: event.description,
                    slug: event.slug,
                    product_type: event.product_type,
                    variants: event.variants,
                    tax_category: event.tax_category,
                    listing: event.listing.unwrap_or_default(),
                };
                Ok(Event::Updated { id: event.product_id, details: details(said).map_err(odd)?, on_sale, at })
            }
            "product.archived" => {
                let event = v1::ProductArchived::decode(data).map_err(unreadable(event_type))?;
                Ok(Event::Archived { id: event.product_id, at: from_wire(event.archived_at.as_ref()) })
            }
            "product.published" => {
                let event = v1::ProductPublished::decode(data).map_err(unreadable(event_type))?;
                Ok(Event::Published { id: event.product_id, at: from_wire(event.published_at.as_ref()) })
            }
            "product.hidden" => {
                let event = v1::ProductHidden::decode(data).map_err(unreadable(event_type))?;
                Ok(Event::Hidden { id: event.product_id, at: from_wire(event.hidden_at.as_ref()) })
            }
            "product.few_left" => {
                let v1::ProductFewLeft { product_id: id, sku, current_stock, at } =
                    v1::ProductFewLeft::decode(data).map_err(unreadable(event_type))?;
                Ok(Event::FewLeft { id, sku, few_left: FewLeft { current_stock, at: from_wire(at.as_ref()) } })
            }
            other => Err(Undecodable::new(other, "a product has no such event")),
        }
    }
}

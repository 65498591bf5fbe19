//! What happened to a product, as it is stored.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Recorded, Undecodable};

use super::{Problem, ProductStatus, details, status, v1, variant_out};
use crate::product::{Event, FewLeft};

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        match self.clone() {
            Event::Created { id, details, on_sale, at } => {
                let event = v1::ProductCreated {
                    product_id: id,
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
            Event::FewLeft { id, sku, few_left: FewLeft { current_stock, at } } => {
                let event = v1::ProductFewLeft { product_id: id, sku, current_stock, at: Some(to_wire(at)) };
                ("product.few_left", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Event, Undecodable> {
        let unreadable = |e: prost::DecodeError| Undecodable::new(event_type, e);
        let odd = |e: Problem| Undecodable::new(event_type, e.detail);
        match event_type {
            "product.created" => {
                let event = v1::ProductCreated::decode(data).map_err(unreadable)?;
                let (on_sale, at) = (event.status() == ProductStatus::Active, from_wire(event.created_at.as_ref()));
                let id = event.product_id.clone();
                let v1::ProductCreated { title, description, slug, product_type, variants, tax_category, .. } = event;
                let details = details(&title, &description, &slug, &product_type, &variants, tax_category.as_deref());
                Ok(Event::Created { id, details: details.map_err(odd)?, on_sale, at })
            }
            "product.updated" => {
                let event = v1::ProductUpdated::decode(data).map_err(unreadable)?;
                let (on_sale, at) = (event.status() == ProductStatus::Active, from_wire(event.updated_at.as_ref()));
                let id = event.product_id.clone();
                let v1::ProductUpdated { title, description, slug, product_type, variants, tax_category, .. } = event;
                let details = details(&title, &description, &slug, &product_type, &variants, tax_category.as_deref());
                Ok(Event::Updated { id, details: details.map_err(odd)?, on_sale, at })
            }
            "product.archived" => {
                let event = v1::ProductArchived::decode(data).map_err(unreadable)?;
                Ok(Event::Archived { id: event.product_id, at: from_wire(event.archived_at.as_ref()) })
            }
            "product.few_left" => {
                let v1::ProductFewLeft { product_id: id, sku, current_stock, at } =
                    v1::ProductFewLeft::decode(data).map_err(unreadable)?;
                Ok(Event::FewLeft { id, sku, few_left: FewLeft { current_stock, at: from_wire(at.as_ref()) } })
            }
            other => Err(Undecodable::new(other, "a product has no such event")),
        }
    }
}

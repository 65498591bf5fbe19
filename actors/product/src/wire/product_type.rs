//! Product types: contract to domain and back.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};

use super::{Problem, unreadable, v1};
use crate::attributes::{Definition, Kind};
use crate::product_type::{Command, Demands, Event, ProductType};

pub(crate) fn define(
    desk: &mut Desk<'_>,
    request: &v1::DefineProductTypeRequest,
) -> Result<v1::DefineProductTypeResponse, Problem> {
    let v1::DefineProductTypeRequest { product_type: name, label, attributes } = request;
    let demands = Demands { label: label.clone(), attributes: definitions(attributes.clone()) };
    desk.tell::<ProductType>(name, Command::Define { name: name.clone(), demands })?;
    let product_type = shown(&desk.see::<ProductType>(name), desk.version::<ProductType>(name));
    Ok(v1::DefineProductTypeResponse { product_type })
}

pub(crate) fn get(
    window: &Window<'_>,
    request: &v1::GetProductTypeRequest,
) -> Result<v1::GetProductTypeResponse, Problem> {
    let name = &request.product_type;
    let shown = shown(&window.see::<ProductType>(name), window.version::<ProductType>(name));
    let missing = || Problem::not_found("not_found", "there is no such type of products");
    Ok(v1::GetProductTypeResponse { product_type: Some(shown.ok_or_else(missing)?) })
}

/// A type as the world sees it; `None` when nobody defined it.
#[must_use]
pub fn shown(product_type: &ProductType, version: u64) -> Option<v1::ProductType> {
    let ProductType::Defined { name, demands, updated_at } = product_type else { return None };
    Some(v1::ProductType {
        product_type: name.clone(),
        version,
        label: demands.label.clone(),
        attributes: demands.attributes.iter().map(definition_out).collect(),
        updated_at: Some(to_wire(*updated_at)),
    })
}

pub(crate) fn definitions(wire: Vec<v1::AttributeDefinition>) -> Vec<Definition> {
    let definition = |wire: v1::AttributeDefinition| Definition {
        kind: match wire.kind() {
            v1::AttributeKind::Unspecified | v1::AttributeKind::Text => Kind::Text,
            v1::AttributeKind::Number => Kind::Number,
            v1::AttributeKind::Boolean => Kind::Boolean,
            v1::AttributeKind::Choice => Kind::Choice,
            v1::AttributeKind::Date => Kind::Date,
        },
        name: wire.name,
        label: wire.label,
        required: wire.required,
        choices: wire.choices,
    };
    wire.into_iter().map(definition).collect()
}

fn definition_out(definition: &Definition) -> v1::AttributeDefinition {
    let kind = match definition.kind {
        Kind::Text => v1::AttributeKind::Text,
        Kind::Number => v1::AttributeKind::Number,
        Kind::Boolean => v1::AttributeKind::Boolean,
        Kind::Choice => v1::AttributeKind::Choice,
        Kind::Date => v1::AttributeKind::Date,
    };
    let Definition { name, label, required, choices, .. } = definition.clone();
    v1::AttributeDefinition { name, label, kind: kind.into(), required, choices }
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let Event::Defined { name, demands, at } = self;
        let event = v1::ProductTypeDefined {
            product_type: name.clone(),
            label: demands.label.clone(),
            attributes: demands.attributes.iter().map(definition_out).collect(),
            defined_at: Some(to_wire(*at)),
        };
        ("product_type.defined", event.encode_to_vec())
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Event, Undecodable> {
        if event_type != "product_type.defined" {
            return Err(Undecodable::new(event_type, "a product type has no such event"));
        }
        let v1::ProductTypeDefined { product_type: name, label, attributes, defined_at } =
            v1::ProductTypeDefined::decode(data).map_err(unreadable(event_type))?;
        let demands = Demands { label, attributes: definitions(attributes) };
        Ok(Event::Defined { name, demands, at: from_wire(defined_at.as_ref()) })
    }
}

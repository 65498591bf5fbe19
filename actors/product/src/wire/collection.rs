//! Collections: contract to domain and back.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};

use super::details::{attribute_in, attribute_out};
use super::{FieldError, Problem, code, unreadable, v1};
use crate::collection::{Collection, Command, Details, Event, Refusal, Rule};

/// What a request, an event or a collection as it is shown says about a collection.
macro_rules! said {
    ($from:expr) => {{
        let from = $from.clone();
        let any = from.r#match() == v1::CollectionMatch::Any;
        let rules = from.rules.iter().cloned().filter_map(rule_in).collect();
        Details { title: from.title, slug: from.slug, description: from.description, any, rules }
    }};
}

pub(crate) fn create(
    desk: &mut Desk<'_>,
    request: &v1::CreateCollectionRequest,
) -> Result<v1::CreateCollectionResponse, Problem> {
    check(&request.rules)?;
    let id = &request.collection_id;
    desk.tell::<Collection>(id, Command::Create { id: id.clone(), details: said!(request) })?;
    Ok(v1::CreateCollectionResponse { collection: now(desk, id) })
}

pub(crate) fn update(
    desk: &mut Desk<'_>,
    request: &v1::UpdateCollectionRequest,
) -> Result<v1::UpdateCollectionResponse, Problem> {
    check(&request.rules)?;
    desk.tell::<Collection>(&request.collection_id, Command::Update(said!(request)))?;
    Ok(v1::UpdateCollectionResponse { collection: now(desk, &request.collection_id) })
}

pub(crate) fn delete(
    desk: &mut Desk<'_>,
    request: &v1::DeleteCollectionRequest,
) -> Result<v1::DeleteCollectionResponse, Problem> {
    desk.tell::<Collection>(&request.collection_id, Command::Delete)?;
    Ok(v1::DeleteCollectionResponse {})
}

pub(crate) fn get(
    window: &Window<'_>,
    request: &v1::GetCollectionRequest,
) -> Result<v1::GetCollectionResponse, Problem> {
    let id = &request.collection_id;
    let shown = shown(&window.see::<Collection>(id), window.version::<Collection>(id)).ok_or(Refusal::NotFound)?;
    Ok(v1::GetCollectionResponse { collection: Some(shown) })
}

fn now(desk: &Desk<'_>, id: &str) -> Option<v1::Collection> {
    shown(&desk.see::<Collection>(id), desk.version::<Collection>(id))
}

/// A rule goes by something.
fn check(rules: &[v1::CollectionRule]) -> Result<(), Problem> {
    let empty = |rule: &v1::CollectionRule| rule_in(rule.clone()).is_none();
    let wrong = rules.iter().enumerate().filter(|(_, rule)| empty(rule)).map(|(place, _)| FieldError {
        pointer: format!("/rules/{place}"),
        code: code::REQUIRED,
        detail: "must go by a category, a type, a tag or an attribute".to_owned(),
    });
    let wrong: Vec<_> = wrong.collect();
    if wrong.is_empty() { Ok(()) } else { Err(Problem::invalid(wrong)) }
}

fn rule_in(wire: v1::CollectionRule) -> Option<Rule> {
    use v1::collection_rule::By;
    Some(match wire.by? {
        By::CategoryId(id) => Rule::Category(id),
        By::ProductType(product_type) => Rule::Type(product_type),
        By::Tag(tag) => Rule::Tag(tag),
        By::Attribute(attribute) => Rule::Attribute(attribute_in(attribute)),
    })
}

fn rule_out(rule: Rule) -> v1::CollectionRule {
    use v1::collection_rule::By;
    let by = match rule {
        Rule::Category(id) => By::CategoryId(id),
        Rule::Type(product_type) => By::ProductType(product_type),
        Rule::Tag(tag) => By::Tag(tag),
        Rule::Attribute(attribute) => By::Attribute(attribute_out(attribute)),
    };
    v1::CollectionRule { by: Some(by) }
}

fn matching(any: bool) -> i32 {
    if any { v1::CollectionMatch::Any.into() } else { v1::CollectionMatch::All.into() }
}

/// A collection as the world sees it; `None` when there is none.
#[must_use]
pub fn shown(collection: &Collection, version: u64) -> Option<v1::Collection> {
    let Collection::Known { id, details, created_at, updated_at } = collection else { return None };
    let Details { title, slug, description, any, rules } = details.clone();
    Some(v1::Collection {
        collection_id: id.clone(),
        version,
        title,
        slug,
        description,
        r#match: matching(any),
        rules: rules.into_iter().map(rule_out).collect(),
        created_at: Some(to_wire(*created_at)),
        updated_at: Some(to_wire(*updated_at)),
    })
}

/// What a collection that is shown says about itself.
#[must_use]
pub fn rules_of(shown: &v1::Collection) -> Details {
    said!(shown)
}

/// There is no such collection.
#[must_use]
pub fn no_such_collection() -> Problem {
    Refusal::NotFound.into()
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", refusal.to_string()),
            Refusal::AlreadyExists => Problem::conflict("already_exists", refusal.to_string()),
        }
    }
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        match self.clone() {
            Event::Created { id, details: Details { title, slug, description, any, rules }, at } => {
                let event = v1::CollectionCreated {
                    collection_id: id,
                    title,
                    slug,
                    description,
                    r#match: matching(any),
                    rules: rules.into_iter().map(rule_out).collect(),
                    created_at: Some(to_wire(at)),
                };
                ("collection.created", event.encode_to_vec())
            }
            Event::Updated { id, details: Details { title, slug, description, any, rules }, at } => {
                let event = v1::CollectionUpdated {
                    collection_id: id,
                    title,
                    slug,
                    description,
                    r#match: matching(any),
                    rules: rules.into_iter().map(rule_out).collect(),
                    updated_at: Some(to_wire(at)),
                };
                ("collection.updated", event.encode_to_vec())
            }
            Event::Deleted { id, at } => {
                let event = v1::CollectionDeleted { collection_id: id, deleted_at: Some(to_wire(at)) };
                ("collection.deleted", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Event, Undecodable> {
        match event_type {
            "collection.created" => {
                let event = v1::CollectionCreated::decode(data).map_err(unreadable(event_type))?;
                let (id, at) = (event.collection_id.clone(), from_wire(event.created_at.as_ref()));
                Ok(Event::Created { id, details: said!(event), at })
            }
            "collection.updated" => {
                let event = v1::CollectionUpdated::decode(data).map_err(unreadable(event_type))?;
                let (id, at) = (event.collection_id.clone(), from_wire(event.updated_at.as_ref()));
                Ok(Event::Updated { id, details: said!(event), at })
            }
            "collection.deleted" => {
                let event = v1::CollectionDeleted::decode(data).map_err(unreadable(event_type))?;
                Ok(Event::Deleted { id: event.collection_id, at: from_wire(event.deleted_at.as_ref()) })
            }
            other => Err(Undecodable::new(other, "a collection has no such event")),
        }
    }
}

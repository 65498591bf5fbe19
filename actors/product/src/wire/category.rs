//! Categories: contract to domain and back.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};
use runtime::inquiry::{Gathering, Inquiry};

use super::{Problem, rpc, unreadable, v1};
use crate::category::{Category, Command, Details, Event, Place, Refusal};
use crate::tree;

pub(crate) fn place_new<'a>(inquiry: &'a Inquiry, request: &'a v1::CreateCategoryRequest) -> Gathering<'a, Place> {
    Box::pin(arranged(inquiry, &request.category_id, request.parent_id.clone(), true))
}

pub(crate) fn place_known<'a>(inquiry: &'a Inquiry, request: &'a v1::MoveCategoryRequest) -> Gathering<'a, Place> {
    Box::pin(arranged(inquiry, &request.category_id, request.parent_id.clone(), false))
}

async fn arranged(inquiry: &Inquiry, id: &str, parent: Option<String>, is_new: bool) -> Result<Place, Problem> {
    let request = v1::ArrangeCategoryRequest {
        tree_id: tree::MAIN.to_owned(),
        category_id: id.to_owned(),
        parent_id: parent.clone(),
        is_new,
    };
    let said = inquiry.ask::<rpc::ArrangeCategory>(tree::MAIN, &request).await?;
    Ok(Place { parent, arrangement: said.arrangement })
}

pub(crate) fn create(
    desk: &mut Desk<'_>,
    request: &v1::CreateCategoryRequest,
    place: &Place,
) -> Result<v1::CreateCategoryResponse, Problem> {
    let v1::CreateCategoryRequest { category_id: id, name, slug, description, parent_id: _ } = request.clone();
    let details = Details { name, slug, description };
    desk.tell::<Category>(&id, Command::Create { id: id.clone(), details, place: place.clone() })?;
    Ok(v1::CreateCategoryResponse { category: now(desk, &id) })
}

pub(crate) fn update(
    desk: &mut Desk<'_>,
    request: &v1::UpdateCategoryRequest,
) -> Result<v1::UpdateCategoryResponse, Problem> {
    let v1::UpdateCategoryRequest { category_id: id, name, slug, description } = request.clone();
    desk.tell::<Category>(&id, Command::Update(Details { name, slug, description }))?;
    Ok(v1::UpdateCategoryResponse { category: now(desk, &id) })
}

pub(crate) fn relocate(
    desk: &mut Desk<'_>,
    request: &v1::MoveCategoryRequest,
    place: &Place,
) -> Result<v1::MoveCategoryResponse, Problem> {
    desk.tell::<Category>(&request.category_id, Command::Move(place.clone()))?;
    Ok(v1::MoveCategoryResponse { category: now(desk, &request.category_id) })
}

pub(crate) fn get(window: &Window<'_>, request: &v1::GetCategoryRequest) -> Result<v1::GetCategoryResponse, Problem> {
    let id = &request.category_id;
    let shown = shown(&window.see::<Category>(id), window.version::<Category>(id)).ok_or(Refusal::NotFound)?;
    Ok(v1::GetCategoryResponse { category: Some(shown) })
}

fn now(desk: &Desk<'_>, id: &str) -> Option<v1::Category> {
    shown(&desk.see::<Category>(id), desk.version::<Category>(id))
}

/// A category as the world sees it; `None` when there is none.
#[must_use]
pub fn shown(category: &Category, version: u64) -> Option<v1::Category> {
    let Category::Known { id, details, place, created_at, updated_at } = category else { return None };
    let Details { name, slug, description } = details.clone();
    Some(v1::Category {
        category_id: id.clone(),
        version,
        name,
        slug,
        description,
        parent_id: place.parent.clone(),
        created_at: Some(to_wire(*created_at)),
        updated_at: Some(to_wire(*updated_at)),
    })
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
            Event::Created { id, details: Details { name, slug, description }, place, at } => {
                let event = v1::CategoryCreated {
                    category_id: id,
                    name,
                    slug,
                    description,
                    parent_id: place.parent,
                    arrangement: place.arrangement,
                    created_at: Some(to_wire(at)),
                };
                ("category.created", event.encode_to_vec())
            }
            Event::Updated { id, details: Details { name, slug, description }, at } => {
                let updated_at = Some(to_wire(at));
                let event = v1::CategoryUpdated { category_id: id, name, slug, description, updated_at };
                ("category.updated", event.encode_to_vec())
            }
            Event::Moved { id, place: Place { parent, arrangement }, at } => {
                let moved_at = Some(to_wire(at));
                let event = v1::CategoryMoved { category_id: id, parent_id: parent, arrangement, moved_at };
                ("category.moved", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Event, Undecodable> {
        match event_type {
            "category.created" => {
                let v1::CategoryCreated {
                    category_id: id,
                    name,
                    slug,
                    description,
                    parent_id,
                    arrangement,
                    created_at,
                } = v1::CategoryCreated::decode(data).map_err(unreadable(event_type))?;
                let (details, place) = (Details { name, slug, description }, Place { parent: parent_id, arrangement });
                Ok(Event::Created { id, details, place, at: from_wire(created_at.as_ref()) })
            }
            "category.updated" => {
                let v1::CategoryUpdated { category_id: id, name, slug, description, updated_at } =
                    v1::CategoryUpdated::decode(data).map_err(unreadable(event_type))?;
                let details = Details { name, slug, description };
                Ok(Event::Updated { id, details, at: from_wire(updated_at.as_ref()) })
            }
            "category.moved" => {
                let v1::CategoryMoved { category_id: id, parent_id: parent, arrangement, moved_at } =
                    v1::CategoryMoved::decode(data).map_err(unreadable(event_type))?;
                Ok(Event::Moved { id, place: Place { parent, arrangement }, at: from_wire(moved_at.as_ref()) })
            }
            other => Err(Undecodable::new(other, "a category has no such event")),
        }
    }
}

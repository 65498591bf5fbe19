//! The tree of categories: contract to domain and back.

use messages::problem::Kind;
use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};

use super::{Problem, unreadable, v1};
use crate::category::Place;
use crate::tree::{Command, Event, Refusal, Tree};

pub(crate) fn arrange(
    desk: &mut Desk<'_>,
    request: &v1::ArrangeCategoryRequest,
) -> Result<v1::ArrangeCategoryResponse, Problem> {
    let v1::ArrangeCategoryRequest { tree_id: tree, category_id: category, parent_id: parent, is_new } =
        request.clone();
    desk.tell::<Tree>(&request.tree_id, Command::Arrange { tree, category, parent, is_new })?;
    let tree = desk.see::<Tree>(&request.tree_id);
    let arrangement = tree.place(&request.category_id).map_or(0, |place| place.arrangement);
    Ok(v1::ArrangeCategoryResponse { arrangement })
}

pub(crate) fn know(
    window: &Window<'_>,
    request: &v1::KnowCategoriesRequest,
) -> Result<v1::KnowCategoriesResponse, Problem> {
    let tree = window.see::<Tree>(&request.tree_id);
    let unknown = request.category_ids.iter().filter(|id| tree.place(id).is_none()).cloned().collect();
    Ok(v1::KnowCategoriesResponse { unknown })
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let detail = refusal.to_string();
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", detail),
            Refusal::ParentNotFound => Problem::new(Kind::Unprocessable, "parent_not_found", detail),
            Refusal::Cycle => Problem::conflict("category_cycle", detail),
            Refusal::TooDeep => Problem::conflict("too_deep", detail),
            Refusal::TooMany => Problem::conflict("too_many_categories", detail),
        }
    }
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let Event::Arranged { tree, category, place, at } = self.clone();
        let event = v1::CategoryTreeArranged {
            tree_id: tree,
            category_id: category,
            parent_id: place.parent,
            arrangement: place.arrangement,
            arranged_at: Some(to_wire(at)),
        };
        ("category_tree.arranged", event.encode_to_vec())
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Event, Undecodable> {
        if event_type != "category_tree.arranged" {
            return Err(Undecodable::new(event_type, "the tree of categories has no such event"));
        }
        let v1::CategoryTreeArranged { tree_id: tree, category_id: category, parent_id, arrangement, arranged_at } =
            v1::CategoryTreeArranged::decode(data).map_err(unreadable(event_type))?;
        let place = Place { parent: parent_id, arrangement };
        Ok(Event::Arranged { tree, category, place, at: from_wire(arranged_at.as_ref()) })
    }
}

//! Categories and product types as lists show them.

use prost::Message as _;
use runtime::entity::Recorded as _;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::paging::{self, Asked};
use runtime::view::{Rows, Writer};

use super::{Catalogue, id_of};
use crate::category::{Category, Place};
use crate::product_type::ProductType;
use crate::tree::{self, Tree};
use crate::wire::{
    self, ListCategoriesRequest, ListCategoriesResponse, ListProductTypesRequest, ListProductTypesResponse, Problem,
    ShownCategory, ShownType,
};

/// A category changed, or was moved.
pub(super) fn fold(rows: &mut Writer, event: &Folded) {
    if let Some(category) = event.state::<Category>() {
        let Some(shown) = wire::category_shown(category, event.version) else { return };
        if let Category::Known { place, .. } = category {
            learn(rows, &shown.category_id, place);
        }
        show(rows, shown);
    } else if event.state::<Tree>().is_some() {
        let Ok(tree::Event::Arranged { category, place, .. }) = tree::Event::recall(&event.event_type, &event.data)
        else {
            return;
        };
        learn(rows, &category, &place);
        if let Some(shown) = category_row(rows, &category) {
            show(rows, shown);
        }
    } else if let Some(product_type) = event.state::<ProductType>()
        && let Some(shown) = wire::type_shown(product_type, event.version)
    {
        rows.put(&[b"t", shown.product_type.as_bytes()].concat(), shown.encode_to_vec());
    }
}

/// The tree and the category speak through different partitions; the later arrangement is what is so.
fn learn(rows: &mut Writer, id: &str, place: &Place) {
    let key = [b"l", id.as_bytes()].concat();
    let known: Place = rows.read(&key).unwrap_or_default();
    if place.arrangement > known.arrangement {
        rows.write(&key, place);
    }
}

fn show(rows: &mut Writer, mut shown: ShownCategory) {
    let id = shown.category_id.clone();
    if let Some(before) = category_row(rows, &id) {
        order_keys(&before).iter().for_each(|key| rows.remove(key));
    }
    let place: Place = rows.read(&[b"l", id.as_bytes()].concat()).unwrap_or_default();
    shown.parent_id = place.parent;
    order_keys(&shown).iter().for_each(|key| rows.put(key, Vec::new()));
    rows.put(&[b"c", id.as_bytes()].concat(), shown.encode_to_vec());
}

pub(super) fn category_row(rows: &Rows, id: &str) -> Option<ShownCategory> {
    ShownCategory::decode(rows.get(&[b"c", id.as_bytes()].concat())?.as_slice()).ok()
}

fn order_keys(category: &ShownCategory) -> [Vec<u8>; 2] {
    let id = category.category_id.as_bytes();
    let time = runtime::clock::from_wire(category.created_at.as_ref()).as_microsecond().to_be_bytes();
    [
        [b"dcreated_at\0", &time[..], b"\0", id].concat(),
        [b"dname\0", category.name.to_lowercase().as_bytes(), b"\0", id].concat(),
    ]
}

/// Categories, a page at a time.
///
/// # Errors
/// `bad_cursor`.
pub fn categories(views: &Views<'_>, request: &ListCategoriesRequest) -> Result<ListCategoriesResponse, Problem> {
    let rows = views.of::<Catalogue>();
    let ListCategoriesRequest { limit, after, before, sort, parent_id, top } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let wanted = |category: &ShownCategory| {
        parent_id.as_ref().is_none_or(|parent| category.parent_id.as_ref() == Some(parent))
            && top.is_none_or(|top| category.parent_id.is_none() == top)
    };
    let page = asked.page(
        &rows,
        "name",
        |field| [b"d", field.as_bytes(), b"\0"].concat(),
        |key, _| category_row(&rows, &id_of(key)).filter(wanted),
    )?;
    Ok(ListCategoriesResponse { data: page.data, has_more: page.has_more, next: page.next })
}

/// Product types by their words, a page at a time.
///
/// # Errors
/// `bad_cursor`.
pub fn types(views: &Views<'_>, request: &ListProductTypesRequest) -> Result<ListProductTypesResponse, Problem> {
    let rows = views.of::<Catalogue>();
    let ListProductTypesRequest { limit, after, before } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: None };
    let paging::Page { data, has_more, next } =
        asked.page(&rows, "name", |_| b"t".to_vec(), |_, row| ShownType::decode(row).ok())?;
    Ok(ListProductTypesResponse { data, has_more, next })
}

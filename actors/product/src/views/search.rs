//! Search: products by words and filters, and what was searched for in vain.
//!
//! The rows of the catalogue are the truth; beside them an index is kept in memory. It is made when the rows are whole (at
//! start, and beside the live ones when they are made anew) and hears of every change before it is asked.

mod card;
mod facets;
mod index;
mod text;
mod words;

use std::collections::BTreeMap;

use prost::Message as _;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::paging::{self, Asked};
use runtime::view::{Rows, Writer};

use super::{Catalogue, product_row};
use crate::collection::Collection;
use crate::synonyms::Synonyms;
use crate::unfound::{self, Unfound};
use crate::wire::{
    self, FieldError, ListCollectionProductsRequest, ListCollectionProductsResponse, ListCollectionsRequest,
    ListCollectionsResponse, ListSynonymsRequest, ListSynonymsResponse, ListUnfoundRequest, ListUnfoundResponse,
    NoteUnfoundRequest, Problem, ProductStatus, SearchProductsRequest, SearchProductsResponse, Shown, ShownCollection,
    ShownSynonyms, ShownUnfound, code, rpc,
};
use facets::Filters;
use index::Order;

pub use index::Index;

/// How much of what was searched for in vain is noted: enough to know what it was.
const NOTED_CHARS_MAX: usize = 100;

/// Synonyms, collections or what was searched for in vain changed.
pub(super) fn fold(rows: &mut Writer, event: &Folded) {
    let own = |kind: &[u8]| [kind, event.actor.id.as_bytes()].concat();
    if let Some(synonyms) = event.state::<Synonyms>() {
        match wire::synonyms_shown(synonyms, event.version) {
            Some(shown) => rows.put(&own(b"y"), shown.encode_to_vec()),
            None => rows.remove(&own(b"y")),
        }
    } else if let Some(collection) = event.state::<Collection>() {
        if let Some(before) = collection_row(rows, &event.actor.id) {
            rows.remove(&collection_order(&before));
        }
        match wire::collection_shown(collection, event.version) {
            Some(shown) => {
                rows.put(&collection_order(&shown), Vec::new());
                rows.put(&own(b"o"), shown.encode_to_vec());
            }
            None => rows.remove(&own(b"o")),
        }
    } else if let Some(report) = event.state::<Unfound>() {
        if let Some(dropped) = &report.dropped {
            forget_unfound(rows, dropped);
        }
        let Ok(unfound::Event::FoundNothing { words, .. }) =
            runtime::entity::Recorded::recall(&event.event_type, &event.data)
        else {
            return;
        };
        forget_unfound(rows, &words);
        if let Some(count) = report.kept.get(&words) {
            let shown = wire::unfound_shown(&words, count);
            rows.put(&[b"u", words.as_bytes()].concat(), shown.encode_to_vec());
            rows.put(&unfound_order(&shown), Vec::new());
        }
    }
}

fn forget_unfound(rows: &mut Writer, words: &str) {
    let key = [b"u", words.as_bytes()].concat();
    if let Some(before) = rows.get(&key).and_then(|row| ShownUnfound::decode(row.as_slice()).ok()) {
        rows.remove(&unfound_order(&before));
    }
    rows.remove(&key);
}

fn unfound_order(shown: &ShownUnfound) -> Vec<u8> {
    [b"v", &(u64::MAX - shown.count).to_be_bytes()[..], shown.words.as_bytes()].concat()
}

fn collection_order(shown: &ShownCollection) -> Vec<u8> {
    [b"x", shown.title.to_lowercase().as_bytes(), b"\0", shown.collection_id.as_bytes()].concat()
}

fn collection_row(rows: &Rows, id: &str) -> Option<ShownCollection> {
    ShownCollection::decode(rows.get(&[b"o", id.as_bytes()].concat())?.as_slice()).ok()
}

/// Makes the index, so that no query has to wait for it.
pub(super) fn prepare(rows: &Rows) {
    rows.aside(Index::refresh);
}

/// The filters of a request.
fn filters(request: &SearchProductsRequest) -> Result<Filters, Problem> {
    let mut attributes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (place, said) in request.attribute.iter().enumerate() {
        match said.split_once(':') {
            Some((name, value)) if !name.is_empty() => {
                attributes.entry(name.to_owned()).or_default().push(value.to_owned());
            }
            _ => wrong.push(FieldError {
                pointer: format!("/attribute/{place}"),
                code: code::BAD_FORMAT,
                detail: "must be a name and a value, as `season:winter`".to_owned(),
            }),
        }
    }
    if !wrong.is_empty() {
        return Err(Problem::invalid(wrong));
    }
    let SearchProductsRequest { category_id, product_type, tag, .. } = request.clone();
    Ok(Filters { category: category_id, product_type, tag, attributes })
}

/// Products by words and filters.
///
/// # Errors
/// `bad_cursor`, and filters that are none.
pub fn search(views: &Views<'_>, request: &SearchProductsRequest) -> Result<SearchProductsResponse, Problem> {
    let rows = views.of::<Catalogue>();
    let (filters, is_staff, channel) = (filters(request)?, views.caller.is_staff(), request.channel.as_deref());
    let status = request.status.as_ref().filter(|_| is_staff);
    let is_seen = |card: &card::Card| match status {
        Some(filter) => card.is_seen(channel, true) && of_status(filter, card.status),
        None => card.is_seen(channel, false),
    };
    let order = order(request.limit, request.after.as_deref(), request.sort.as_deref().unwrap_or("relevance"));
    let (found, facets, inexact) =
        rows.aside(|index: &mut Index| index.search(request.q.trim(), &filters, is_seen, &order))?;
    if found.total == 0 && !is_staff && request.after.is_none() {
        note(views, &request.q);
    }
    Ok(SearchProductsResponse {
        data: shown(&rows, &found.ids),
        has_more: found.has_more,
        next: found.next,
        total: u32::try_from(found.total).unwrap_or(u32::MAX),
        inexact,
        facets: Some(facets),
    })
}

fn order<'a>(limit: Option<u32>, after: Option<&'a str>, sort: &'a str) -> Order<'a> {
    let limit = limit.map_or(paging::LIMIT, |limit| usize::try_from(limit).unwrap_or(paging::LIMIT));
    Order { sort, limit, after }
}

fn of_status(filter: &wire::ProductStatusFilter, status: ProductStatus) -> bool {
    let is = i32::from(status);
    (filter.r#in.is_empty() || filter.r#in.contains(&is)) && (filter.eq == 0 || filter.eq == is)
}

fn shown(rows: &Rows, ids: &[String]) -> Vec<Shown> {
    ids.iter().filter_map(|id| product_row(rows, id)).collect()
}

/// Notes that a customer found nothing, for the report.
fn note(views: &Views<'_>, text: &str) {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let words: String = words.chars().take(NOTED_CHARS_MAX).collect();
    if !words.is_empty() {
        let request = NoteUnfoundRequest { report_id: unfound::MAIN.to_owned(), words };
        views.note::<rpc::NoteUnfound>(unfound::MAIN, &request);
    }
}

/// What customers searched for in vain, the most frequent first.
///
/// # Errors
/// `bad_cursor`.
pub fn unfound(views: &Views<'_>, request: &ListUnfoundRequest) -> Result<ListUnfoundResponse, Problem> {
    let rows = views.of::<Catalogue>();
    let asked = Asked { limit: request.limit, after: request.after.as_deref(), ..Asked::default() };
    let entry = |key: &[u8], _: &[u8]| {
        // `v`, eight bytes of how often, and the words.
        let row = rows.get(&[b"u", key.get(9..)?].concat())?;
        ShownUnfound::decode(row.as_slice()).ok()
    };
    let paging::Page { data, has_more, next } = asked.page(&rows, "count", |_| b"v".to_vec(), entry)?;
    Ok(ListUnfoundResponse { data, has_more, next })
}

/// Words that mean the same, by the names of their sets.
///
/// # Errors
/// `bad_cursor`.
pub fn synonyms(views: &Views<'_>, request: &ListSynonymsRequest) -> Result<ListSynonymsResponse, Problem> {
    let rows = views.of::<Catalogue>();
    let asked = Asked { limit: request.limit, after: request.after.as_deref(), ..Asked::default() };
    let paging::Page { data, has_more, next } =
        asked.page(&rows, "name", |_| b"y".to_vec(), |_, row| ShownSynonyms::decode(row).ok())?;
    Ok(ListSynonymsResponse { data, has_more, next })
}

/// Collections by their titles.
///
/// # Errors
/// `bad_cursor`.
pub fn collections(views: &Views<'_>, request: &ListCollectionsRequest) -> Result<ListCollectionsResponse, Problem> {
    let rows = views.of::<Catalogue>();
    let asked = Asked { limit: request.limit, after: request.after.as_deref(), ..Asked::default() };
    let paging::Page { data, has_more, next } =
        asked.page(&rows, "title", |_| b"x".to_vec(), |key, _| collection_row(&rows, &super::id_of(key)))?;
    Ok(ListCollectionsResponse { data, has_more, next })
}

/// The products of a collection.
///
/// # Errors
/// `not_found`, `bad_cursor`.
pub fn collection_products(
    views: &Views<'_>,
    request: &ListCollectionProductsRequest,
) -> Result<ListCollectionProductsResponse, Problem> {
    let rows = views.of::<Catalogue>();
    let collection = collection_row(&rows, &request.collection_id).ok_or_else(wire::no_such_collection)?;
    let rules = wire::rules_of(&collection);
    let (is_staff, channel) = (views.caller.is_staff(), request.channel.as_deref());
    let order = order(request.limit, request.after.as_deref(), request.sort.as_deref().unwrap_or("title"));
    let so = |card: &card::Card| {
        card.is_seen(channel, is_staff) && card.status != ProductStatus::Archived && rules.holds(card)
    };
    let found = rows.aside(|index: &mut Index| index.those(so, &order))?;
    Ok(ListCollectionProductsResponse {
        data: shown(&rows, &found.ids),
        has_more: found.has_more,
        next: found.next,
        total: u32::try_from(found.total).unwrap_or(u32::MAX),
    })
}

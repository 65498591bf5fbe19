//! The catalogue as lists show it: products in several orders, and by the beginnings of words.

mod categories;
mod skus;

use prost::Message as _;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::paging::{self, Asked};
use runtime::view::{Rows, View, Writer};
use std::collections::{BTreeMap, BTreeSet};

use crate::product::Product;
use crate::wire::{
    self, ListProductsRequest, ListProductsResponse, Problem, SearchProductsRequest, SearchProductsResponse, Shown,
};

pub use categories::{categories, types};
pub use skus::{Skus, lookup, product_of};

/// How many products a word may begin in before a search looks no further: enough for any page a person reads.
const MATCHES_MAX: usize = 5_000;

/// The read model: `p<id>` is the product as shown; `s<order>\0<value>\0<id>` sorts; `w<word>\0<id>` finds. `c<id>` is a
/// category, `l<id>` its place and `d<order>\0<value>\0<id>` sorts it; `t<type>` is a product type.
pub struct Catalogue;

impl View for Catalogue {
    const NAME: &'static str = "catalogue";
    const FOLD: u32 = 3;

    fn fold(rows: &mut Writer, event: &Folded) {
        let Some(product) = event.state::<Product>() else { return categories::fold(rows, event) };
        let id = &event.actor.id;
        if let Some(before) = product_row(rows, id) {
            index_keys(&before).iter().for_each(|key| rows.remove(key));
        }
        if let Some(now) = wire::shown(product, event.version) {
            index_keys(&now).iter().for_each(|key| rows.put(key, Vec::new()));
            rows.put(&product_key(id), now.encode_to_vec());
        }
    }
}

fn product_key(id: &str) -> Vec<u8> {
    [b"p", id.as_bytes()].concat()
}

fn product_row(rows: &Rows, id: &str) -> Option<Shown> {
    Shown::decode(rows.get(&product_key(id))?.as_slice()).ok()
}

/// Every key under which a product is found.
fn index_keys(product: &Shown) -> Vec<Vec<u8>> {
    let id = product.product_id.as_bytes();
    let time = |at: &Option<_>| runtime::clock::from_wire(Option::as_ref(at)).as_microsecond().to_be_bytes();
    let mut keys = vec![
        [b"screated_at\0", &time(&product.created_at)[..], b"\0", id].concat(),
        [b"supdated_at\0", &time(&product.updated_at)[..], b"\0", id].concat(),
        [b"stitle\0", product.title.to_lowercase().as_bytes(), b"\0", id].concat(),
    ];
    if product.published {
        let skus = product.variants.iter().map(|variant| variant.sku.to_lowercase());
        let words: BTreeSet<String> = words(&product.title).into_iter().chain(skus).collect();
        keys.extend(words.iter().map(|word| [b"w", word.as_bytes(), b"\0", id].concat()));
    }
    keys
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

fn id_of(key: &[u8]) -> String {
    let id = key.rsplit(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(id).into_owned()
}

/// Whether somebody sees a product there: customers what is published and shown there, staff what is listed there.
fn may_see(product: &Shown, channel: Option<&str>, is_staff: bool) -> bool {
    let everywhere = product.channels.is_empty() || is_staff && channel.is_none();
    let here = everywhere || channel.is_some_and(|channel| product.channels.iter().any(|known| known == channel));
    here && (is_staff || product.published)
}

/// Products, a page at a time.
///
/// # Errors
/// `bad_cursor`.
pub fn list(views: &Views<'_>, request: &ListProductsRequest) -> Result<ListProductsResponse, Problem> {
    let rows = views.of::<Catalogue>();
    let ListProductsRequest { limit, after, before, sort, status, channel, category_id, product_type } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let is_staff = views.caller.is_staff();
    let wanted = |product: &Shown| {
        let of_status = status.as_ref().is_none_or(|filter| {
            let is = product.status;
            (filter.r#in.is_empty() || filter.r#in.contains(&is)) && (filter.eq == 0 || filter.eq == is)
        });
        of_status
            && may_see(product, channel.as_deref(), is_staff)
            && category_id.as_ref().is_none_or(|category| product.category_ids.contains(category))
            && product_type.as_ref().is_none_or(|wanted| product.product_type == *wanted)
    };
    let page = asked.page(
        &rows,
        "-created_at",
        |field| [b"s", field.as_bytes(), b"\0"].concat(),
        |key, _| product_row(&rows, &id_of(key)).filter(wanted),
    )?;
    Ok(ListProductsResponse { data: page.data, has_more: page.has_more, next: page.next })
}

/// Products on sale by the beginnings of words, the most whole words first, then by title.
///
/// # Errors
/// `bad_cursor`.
pub fn search(views: &Views<'_>, request: &SearchProductsRequest) -> Result<SearchProductsResponse, Problem> {
    let rows = views.of::<Catalogue>();
    let limit = request.limit.map_or(paging::LIMIT, |limit| usize::try_from(limit).unwrap_or(paging::LIMIT));
    let mut asked = words(&request.q);
    // A SKU is found as typed, dashes and all.
    if request.q.contains(['-', '.', '_']) {
        asked = vec![request.q.to_lowercase()];
    }
    let mut scores: Option<BTreeMap<String, usize>> = None;
    for word in &asked {
        let begins = rows.scan(&[b"w", word.as_bytes()].concat(), None, MATCHES_MAX);
        let mut hits: BTreeMap<String, usize> = BTreeMap::new();
        for (key, _) in begins {
            let whole = usize::from(key.get(1..=word.len() + 1) == Some(&[word.as_bytes(), &[0]].concat()[..]));
            let score = hits.entry(id_of(&key)).or_default();
            *score = (*score).max(whole);
        }
        scores = Some(match scores {
            None => hits,
            Some(before) => {
                before.into_iter().filter_map(|(id, score)| Some((id.clone(), score + hits.get(&id)?))).collect()
            }
        });
    }
    let mut found: Vec<(Vec<u8>, Shown)> = Vec::new();
    for (id, score) in scores.unwrap_or_default() {
        let seen = product_row(&rows, &id).filter(|product| may_see(product, None, false));
        let Some(product) = seen else { continue };
        let rank = u8::MAX - u8::try_from(score).unwrap_or(u8::MAX);
        let key = [&[rank][..], product.title.to_lowercase().as_bytes(), b"\0", id.as_bytes()].concat();
        found.push((key, product));
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    if let Some(after) = &request.after {
        let after = paging::key(after)?;
        found.retain(|(key, _)| *key > after);
    }
    let (data, has_more, next) = paging::page(found, limit);
    Ok(SearchProductsResponse { data, has_more, next })
}

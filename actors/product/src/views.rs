//! The catalogue as lists show it, and the rows that the search is made of.

mod categories;
mod search;
mod skus;

use prost::Message as _;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::paging::Asked;
use runtime::view::{Rows, View, Writer};

use crate::product::Product;
use crate::wire::{
    self, ExportProductsRequest, ExportProductsResponse, ListProductsRequest, ListProductsResponse, Problem,
    ProductStatus, Shown,
};

pub use categories::{categories, types};
pub use search::{Index, collection_products, collections, search, synonyms, unfound};
pub use skus::{Skus, lookup, product_of};

/// The read model: `p<id>` is the product as shown; `s<order>\0<value>\0<id>` sorts. `c<id>` is a category, `l<id>` its place
/// and `d<order>\0<value>\0<id>` sorts it; `t<type>` is a product type. `y<name>` are synonyms, `o<id>` is a collection and
/// `x<title>\0<id>` sorts it; `u<words>` is what was searched for in vain, and `v<count><words>` sorts that.
pub struct Catalogue;

impl View for Catalogue {
    const NAME: &'static str = "catalogue";
    const FOLD: u32 = 3;

    fn fold(rows: &mut Writer, event: &Folded) {
        let Some(product) = event.state::<Product>() else {
            categories::fold(rows, event);
            return search::fold(rows, event);
        };
        let id = &event.actor.id;
        if let Some(before) = product_row(rows, id) {
            index_keys(&before).iter().for_each(|key| rows.remove(key));
        }
        if let Some(now) = wire::shown(product, event.version) {
            index_keys(&now).iter().for_each(|key| rows.put(key, Vec::new()));
            rows.put(&product_key(id), now.encode_to_vec());
        }
    }

    fn prepare(rows: &Rows) {
        search::prepare(rows);
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
    vec![
        [b"screated_at\0", &time(&product.created_at)[..], b"\0", id].concat(),
        [b"supdated_at\0", &time(&product.updated_at)[..], b"\0", id].concat(),
        [b"stitle\0", product.title.to_lowercase().as_bytes(), b"\0", id].concat(),
    ]
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

/// How many products a file has when nobody says how many.
const EXPORTED: u32 = 1_000;
/// How many products are read at once for a file.
const CHUNK: usize = 256;

/// Products as a file, in the order of their ids.
///
/// # Errors
/// None of its own.
pub fn export(views: &Views<'_>, request: &ExportProductsRequest) -> Result<ExportProductsResponse, Problem> {
    let rows = views.of::<Catalogue>();
    let limit = usize::try_from(request.limit.unwrap_or(EXPORTED)).unwrap_or(CHUNK);
    let mut place = request.after.as_ref().map(|after| product_key(after));
    let chunks = std::iter::from_fn(|| {
        let chunk = rows.scan(b"p", place.as_deref(), CHUNK);
        place = chunk.last().map(|(key, _)| key.clone());
        place.is_some().then_some(chunk)
    });
    let products = chunks.flatten().filter_map(|(_, row)| Shown::decode(row.as_slice()).ok());
    let products = products.filter(|product| product.status() != ProductStatus::Archived).take(limit);
    Ok(wire::write_file(request.format(), products))
}

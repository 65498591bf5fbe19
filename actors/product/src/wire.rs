//! The border: contract to domain and back. The only place that says `messages::`.

pub(crate) mod category;
pub(crate) mod collection;
mod details;
mod events;
mod file;
pub(crate) mod import;
pub(crate) mod imported;
pub(crate) mod product_type;
mod skus;
pub(crate) mod synonyms;
pub(crate) mod tree;
pub(crate) mod vet;

use messages::product::v1;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::Undecodable;

use crate::product::{Command, FewLeft, Product, Refusal};
use details::{details, listing_out, said, variant_out};
use vet::Surroundings;

pub use category::shown as category_shown;
pub use collection::{no_such_collection, rules_of, shown as collection_shown};
pub use details::attributes_of;
pub use file::write as write_file;
pub use messages::errors::{FieldError, code};
pub use messages::money::{Currency, Money};
pub use messages::problem::Problem;
pub use messages::product::v1::rpc;
pub use messages::product::v1::{
    AttributeFacet, Category as ShownCategory, Collection as ShownCollection, ExportProductsRequest,
    ExportProductsResponse, FacetCount, ListCategoriesRequest, ListCategoriesResponse, ListCollectionProductsRequest,
    ListCollectionProductsResponse, ListCollectionsRequest, ListCollectionsResponse, ListProductTypesRequest,
    ListProductTypesResponse, ListProductsRequest, ListProductsResponse, ListSynonymsRequest, ListSynonymsResponse,
    ListUnfoundRequest, ListUnfoundResponse, LookupItem, LookupRequest, LookupResponse, NoteUnfoundRequest,
    Product as Shown, ProductStatus, ProductStatusFilter, ProductType as ShownType, SearchFacets,
    SearchProductsRequest, SearchProductsResponse, Synonyms as ShownSynonyms, Unfound as ShownUnfound,
};
pub use product_type::shown as type_shown;
pub use skus::{few_left_of, lookup_items};
pub use synonyms::{shown as synonyms_shown, unfound as unfound_shown};

pub(crate) fn create(
    desk: &mut Desk<'_>,
    request: &v1::CreateProductRequest,
    surroundings: &Surroundings,
) -> Result<v1::CreateProductResponse, Problem> {
    let (id, details) = (&request.product_id, details(said!(request))?);
    surroundings.check(&details)?;
    let on_sale = request.status() == ProductStatus::Active;
    desk.tell::<Product>(id, Command::Create { id: id.clone(), details, on_sale })?;
    Ok(v1::CreateProductResponse { product: now(desk, id) })
}

pub(crate) fn update(
    desk: &mut Desk<'_>,
    request: &v1::UpdateProductRequest,
    surroundings: &Surroundings,
) -> Result<v1::UpdateProductResponse, Problem> {
    let (id, details) = (&request.product_id, details(said!(request))?);
    surroundings.check(&details)?;
    let on_sale = request.status() == ProductStatus::Active;
    desk.tell::<Product>(id, Command::Update { details, on_sale })?;
    Ok(v1::UpdateProductResponse { product: now(desk, id) })
}

pub(crate) fn archive(
    desk: &mut Desk<'_>,
    request: &v1::ArchiveProductRequest,
) -> Result<v1::ArchiveProductResponse, Problem> {
    desk.tell::<Product>(&request.product_id, Command::Archive)?;
    Ok(v1::ArchiveProductResponse { product: now(desk, &request.product_id) })
}

pub(crate) fn mark_few_left(
    desk: &mut Desk<'_>,
    request: &v1::MarkFewLeftRequest,
) -> Result<v1::MarkFewLeftResponse, Problem> {
    let v1::MarkFewLeftRequest { product_id, sku, current_stock, at } = request;
    let few_left = FewLeft { current_stock: *current_stock, at: from_wire(at.as_ref()) };
    desk.tell::<Product>(product_id, Command::MarkFewLeft { sku: sku.clone(), few_left })?;
    Ok(v1::MarkFewLeftResponse { product: now(desk, product_id) })
}

pub(crate) fn get(window: &Window<'_>, request: &v1::GetProductRequest) -> Result<v1::GetProductResponse, Problem> {
    let product = window.see::<Product>(&request.product_id);
    let channel = request.channel.as_deref();
    // Staff who ask for a channel see what is listed there, published or not.
    let may_see = if window.caller().is_staff() { product.is_listed_in(channel) } else { product.is_shown(channel) };
    if !may_see {
        return Err(Refusal::NotFound.into());
    }
    let shown = shown(&product, window.version::<Product>(&request.product_id)).ok_or(Refusal::NotFound)?;
    Ok(v1::GetProductResponse { product: Some(shown) })
}

fn now(desk: &Desk<'_>, id: &str) -> Option<v1::Product> {
    shown(&desk.see::<Product>(id), desk.version::<Product>(id))
}

/// A product as the world sees it; `None` when there is none.
#[must_use]
pub fn shown(product: &Product, version: u64) -> Option<v1::Product> {
    let (id, details, status, created_at, updated_at) = match product {
        Product::Unknown => return None,
        Product::Listed { id, details, on_sale, created_at, updated_at, .. } => {
            (id, details, status(*on_sale), created_at, updated_at)
        }
        Product::Archived { id, details, created_at, archived_at } => {
            (id, details, ProductStatus::Archived, created_at, archived_at)
        }
    };
    let listing = listing_out(&details.listing);
    Some(v1::Product {
        product_id: id.clone(),
        version,
        title: details.title.clone(),
        description: details.description.clone(),
        slug: details.slug.clone(),
        status: status.into(),
        product_type: details.product_type.clone(),
        variants: details.variants.iter().map(variant_out).collect(),
        created_at: Some(to_wire(*created_at)),
        updated_at: Some(to_wire(*updated_at)),
        tax_category: details.tax_category.clone(),
        few_left: few_left(product),
        category_ids: listing.category_ids,
        options: listing.options,
        attributes: listing.attributes,
        media: listing.media,
        tags: listing.tags,
        channels: listing.channels,
        visible_from: listing.visible_from,
        visible_until: listing.visible_until,
        published: product.is_published(),
    })
}

fn few_left(product: &Product) -> Vec<v1::FewLeft> {
    let Product::Listed { few_left, .. } = product else { return Vec::new() };
    let said = |(sku, few_left): (&String, &FewLeft)| v1::FewLeft {
        sku: sku.clone(),
        current_stock: few_left.current_stock,
        at: Some(to_wire(few_left.at)),
    };
    few_left.iter().map(said).collect()
}

fn status(on_sale: bool) -> ProductStatus {
    if on_sale { ProductStatus::Active } else { ProductStatus::Draft }
}

fn unreadable(event_type: &str) -> impl Fn(prost::DecodeError) -> Undecodable {
    move |e| Undecodable::new(event_type, e)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", refusal.to_string()),
            Refusal::AlreadyExists => Problem::conflict("already_exists", refusal.to_string()),
            Refusal::Archived => Problem::conflict("product_archived", refusal.to_string()),
        }
    }
}

/// The contract of this group.
///
/// # Panics
/// Never: the contract is compiled in and names this group.
#[must_use]
pub fn contract() -> &'static messages::Group {
    #[expect(clippy::expect_used, reason = "the contract is compiled in; a test starts the group")]
    messages::Group::named("product").expect("the contract names the group")
}

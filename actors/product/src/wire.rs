//! The border: contract to domain and back. The only place that says `messages::`.

mod events;
mod skus;

use messages::problem::Kind;
use messages::product::v1;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};

use crate::product::{Command, Details, FewLeft, Product, Refusal, Variant};

pub use messages::money::{Currency, Money};
pub use messages::problem::Problem;
pub use messages::product::v1::rpc;
pub use messages::product::v1::{
    ListProductsRequest, ListProductsResponse, LookupItem, LookupRequest, LookupResponse, Product as Shown,
    ProductStatus, SearchProductsRequest, SearchProductsResponse,
};
pub use skus::{few_left_of, lookup_items};

pub(crate) fn create(
    desk: &mut Desk<'_>,
    request: &v1::CreateProductRequest,
) -> Result<v1::CreateProductResponse, Problem> {
    let v1::CreateProductRequest {
        product_id,
        title,
        description,
        slug,
        status: _,
        product_type,
        variants,
        tax_category,
    } = request;
    let details = details(title, description, slug, product_type, variants, tax_category.as_deref())?;
    let on_sale = request.status() == ProductStatus::Active;
    desk.tell::<Product>(product_id, Command::Create { id: product_id.clone(), details, on_sale })?;
    Ok(v1::CreateProductResponse { product: now(desk, product_id) })
}

pub(crate) fn update(
    desk: &mut Desk<'_>,
    request: &v1::UpdateProductRequest,
) -> Result<v1::UpdateProductResponse, Problem> {
    let v1::UpdateProductRequest {
        product_id,
        title,
        description,
        slug,
        status: _,
        product_type,
        variants,
        tax_category,
    } = request;
    let details = details(title, description, slug, product_type, variants, tax_category.as_deref())?;
    let on_sale = request.status() == ProductStatus::Active;
    desk.tell::<Product>(product_id, Command::Update { details, on_sale })?;
    Ok(v1::UpdateProductResponse { product: now(desk, product_id) })
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

fn details(
    title: &str,
    description: &str,
    slug: &str,
    product_type: &str,
    variants: &[v1::Variant],
    tax_category: Option<&str>,
) -> Result<Details, Problem> {
    let variants = variants.iter().map(variant_in).collect::<Result<_, _>>();
    Ok(Details {
        title: title.to_owned(),
        description: description.to_owned(),
        slug: slug.to_owned(),
        product_type: product_type.to_owned(),
        variants: variants
            .map_err(|e: messages::money::Error| Problem::new(Kind::Invalid, "bad_money", e.to_string()))?,
        tax_category: tax_category.filter(|word| !word.is_empty()).map(str::to_owned),
    })
}

fn variant_in(wire: &v1::Variant) -> Result<Variant, messages::money::Error> {
    let price = Money::try_from(wire.price.clone().unwrap_or_default())?;
    let options = wire.options.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    Ok(Variant { sku: wire.sku.clone(), title: wire.title.clone(), price, options, weight_grams: wire.weight_grams })
}

fn variant_out(variant: &Variant) -> v1::Variant {
    v1::Variant {
        sku: variant.sku.clone(),
        title: variant.title.clone(),
        price: Some(variant.price.into()),
        options: variant.options.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        weight_grams: variant.weight_grams,
    }
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

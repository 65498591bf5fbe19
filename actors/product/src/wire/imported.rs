//! What a row of an import does to its product.

use runtime::desk::{Desk, Window};
use runtime::inquiry::{Gathering, Inquiry};

use super::vet::{Surroundings, surroundings};
use super::{Problem, ProductStatus, details, file, said, shown, v1};
use crate::product::{Command, Details, Product, Refusal};

fn of(product: Option<&v1::ProductContent>) -> v1::ProductContent {
    product.cloned().unwrap_or_default()
}

pub(crate) fn importing<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::ImportProductRequest,
) -> Gathering<'a, Surroundings> {
    Box::pin(async {
        let product = of(request.product.as_ref());
        surroundings(inquiry, &product.product_type, &product.category_ids).await
    })
}

pub(crate) fn checking<'a>(inquiry: &'a Inquiry, request: &'a v1::CheckProductRequest) -> Gathering<'a, Surroundings> {
    Box::pin(async {
        let product = of(request.product.as_ref());
        surroundings(inquiry, &product.product_type, &product.category_ids).await
    })
}

/// What a row says of a product, if the product can be told so.
fn fitting(
    now: &Product,
    is_new: bool,
    product: &v1::ProductContent,
    surroundings: &Surroundings,
) -> Result<(Details, bool), Problem> {
    match (now, is_new) {
        (Product::Unknown, false) => return Err(Refusal::NotFound.into()),
        (Product::Archived { .. }, false) => return Err(Refusal::Archived.into()),
        (Product::Listed { .. } | Product::Archived { .. }, true) => return Err(Refusal::AlreadyExists.into()),
        (Product::Unknown, true) | (Product::Listed { .. }, false) => {}
    }
    let details = details(said!(product))?;
    surroundings.check(&details)?;
    Ok((details, product.status() == ProductStatus::Active))
}

pub(crate) fn import(
    desk: &mut Desk<'_>,
    request: &v1::ImportProductRequest,
    surroundings: &Surroundings,
) -> Result<v1::ImportProductResponse, Problem> {
    let (id, product) = (&request.product_id, of(request.product.as_ref()));
    let now = desk.see::<Product>(id);
    let (details, on_sale) = fitting(&now, request.is_new, &product, surroundings)?;
    let (outcome, before) = if request.is_new {
        desk.tell::<Product>(id, Command::Create { id: id.clone(), details, on_sale })?;
        (v1::RowOutcome::Created, None)
    } else if desk.tell::<Product>(id, Command::Update { details, on_sale })? > 0 {
        (v1::RowOutcome::Updated, shown(&now, 0).map(file::content))
    } else {
        (v1::RowOutcome::Unchanged, None)
    };
    Ok(v1::ImportProductResponse { outcome: outcome.into(), before })
}

pub(crate) fn check(
    window: &Window<'_>,
    request: &v1::CheckProductRequest,
    surroundings: &Surroundings,
) -> Result<v1::CheckProductResponse, Problem> {
    let now = window.see::<Product>(&request.product_id);
    fitting(&now, request.is_new, &of(request.product.as_ref()), surroundings)?;
    Ok(v1::CheckProductResponse {})
}

pub(crate) fn revert(
    desk: &mut Desk<'_>,
    request: &v1::RevertProductRequest,
) -> Result<v1::RevertProductResponse, Problem> {
    let (id, product) = (&request.product_id, of(request.product.as_ref()));
    let imported = (details(said!(product))?, product.status() == ProductStatus::Active);
    match &*desk.see::<Product>(id) {
        Product::Unknown => return Err(Refusal::NotFound.into()),
        Product::Archived { .. } => return Err(Refusal::Archived.into()),
        Product::Listed { details, on_sale, .. } if (details, on_sale) != (&imported.0, &imported.1) => {
            return Err(Problem::conflict("changed_since", "the product has changed since it was imported"));
        }
        Product::Listed { .. } => {}
    }
    match &request.before {
        None => desk.tell::<Product>(id, Command::Archive)?,
        Some(before) => {
            let on_sale = before.status() == ProductStatus::Active;
            desk.tell::<Product>(id, Command::Update { details: details(said!(before))?, on_sale })?
        }
    };
    Ok(v1::RevertProductResponse {})
}

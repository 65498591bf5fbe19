//! What a product's words are held against: its type and the categories there are. Both are other actors of this group,
//! so they are asked before the product decides. Both may change a moment later; a product is held to what was so.

use messages::problem::Kind;
use runtime::inquiry::{self, Gathering, Inquiry};

use super::{Problem, product_type, rpc, v1};
use crate::attributes::{self, Definition};
use crate::details::{self, Details};
use crate::tree;

/// What a product's words are held against.
pub(crate) struct Surroundings {
    /// What its type demands; nothing when nobody defined the type.
    definitions: Option<Vec<Definition>>,
    /// The categories that it names and there are not.
    unknown: Vec<String>,
}

impl Surroundings {
    /// Everything that is wrong with what a product says, each at its place in the request.
    pub(crate) fn check(&self, details: &Details) -> Result<(), Problem> {
        let mut wrong = details.contradictions();
        wrong.extend(attributes::wrong(&details.listing.attributes, self.definitions.as_deref()));
        for (place, id) in details.listing.category_ids.iter().enumerate().filter(|(_, id)| self.unknown.contains(id)) {
            let detail = format!("there is no category {id}");
            wrong.push(details::error(format!("/category_ids/{place}"), super::code::UNKNOWN_VALUE, detail));
        }
        if wrong.is_empty() { Ok(()) } else { Err(Problem::invalid(wrong)) }
    }
}

pub(crate) fn creation<'a>(inquiry: &'a Inquiry, request: &'a v1::CreateProductRequest) -> Gathering<'a, Surroundings> {
    Box::pin(surroundings(inquiry, &request.product_type, &request.category_ids))
}

pub(crate) fn update<'a>(inquiry: &'a Inquiry, request: &'a v1::UpdateProductRequest) -> Gathering<'a, Surroundings> {
    Box::pin(surroundings(inquiry, &request.product_type, &request.category_ids))
}

pub(crate) async fn surroundings(
    inquiry: &Inquiry,
    product_type: &str,
    category_ids: &[String],
) -> Result<Surroundings, Problem> {
    let (definitions, unknown) =
        inquiry::both(definitions(inquiry, product_type), unknown(inquiry, category_ids)).await;
    Ok(Surroundings { definitions: definitions?, unknown: unknown? })
}

async fn definitions(inquiry: &Inquiry, product_type: &str) -> Result<Option<Vec<Definition>>, Problem> {
    if product_type.is_empty() {
        return Ok(None);
    }
    let request = v1::GetProductTypeRequest { product_type: product_type.to_owned() };
    match inquiry.ask::<rpc::GetProductType>(product_type, &request).await {
        Ok(said) => Ok(said.product_type.map(|shown| product_type::definitions(shown.attributes))),
        Err(problem) if Kind::of(&problem) == Kind::NotFound => Ok(None),
        Err(problem) => Err(problem),
    }
}

async fn unknown(inquiry: &Inquiry, category_ids: &[String]) -> Result<Vec<String>, Problem> {
    if category_ids.is_empty() {
        return Ok(Vec::new());
    }
    let request = v1::KnowCategoriesRequest { tree_id: tree::MAIN.to_owned(), category_ids: category_ids.to_owned() };
    Ok(inquiry.ask::<rpc::KnowCategories>(tree::MAIN, &request).await?.unknown)
}

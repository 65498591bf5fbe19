//! Base prices: contract to domain and back, and the news that set them.

use runtime::clock::to_wire;
use runtime::desk::{Desk, Window};
use runtime::entity::Undecodable;
use runtime::group::{News, Reaction};

use super::{Problem, bad_money, money, rpc, v1};
use crate::base::{self, Base, Command, STANDARD};

pub(crate) fn set_base(
    desk: &mut Desk<'_>,
    request: &v1::SetBasePriceRequest,
) -> Result<v1::SetBasePriceResponse, Problem> {
    let v1::SetBasePriceRequest { sku, product_id, price, tax_category } = request;
    let price = money(price.as_ref()).map_err(|e| bad_money(&e))?;
    let tax_category = if tax_category.is_empty() { STANDARD } else { tax_category }.to_owned();
    desk.tell::<Base>(sku, Command::Set { sku: sku.clone(), product_id: product_id.clone(), price, tax_category })?;
    Ok(v1::SetBasePriceResponse { base_price: now(desk, sku) })
}

pub(crate) fn get_base(
    window: &Window<'_>,
    request: &v1::GetBasePriceRequest,
) -> Result<v1::GetBasePriceResponse, Problem> {
    let shown = base_price(&window.see::<Base>(&request.sku), window.version::<Base>(&request.sku));
    Ok(v1::GetBasePriceResponse { base_price: Some(shown.ok_or(base::Refusal::NotFound)?) })
}

fn now(desk: &Desk<'_>, sku: &str) -> Option<v1::BasePrice> {
    base_price(&desk.see::<Base>(sku), desk.version::<Base>(sku))
}

fn base_price(base: &Base, version: u64) -> Option<v1::BasePrice> {
    let Base::Known(base::Known { sku, product_id, price, tax_category, updated_at }) = base.clone() else {
        return None;
    };
    let (price, updated_at) = (Some(price.into()), Some(to_wire(updated_at)));
    Some(v1::BasePrice { sku, version, product_id, price, tax_category, updated_at })
}

/// The prices that news of the catalogue name, each to be set.
///
/// # Errors
/// When the news cannot be read.
pub(crate) fn named_prices(news: &News) -> Result<Vec<Reaction>, Undecodable> {
    use messages::product::v1::{ProductCreated, ProductUpdated};
    let (product_id, variants, tax_category) = match news.event_type.as_str() {
        "product.created" => {
            let ProductCreated { product_id, variants, tax_category, .. } = news.read()?;
            (product_id, variants, tax_category)
        }
        "product.updated" => {
            let ProductUpdated { product_id, variants, tax_category, .. } = news.read()?;
            (product_id, variants, tax_category)
        }
        _ => return Ok(Vec::new()),
    };
    let set = variants.into_iter().map(|variant| {
        let (product_id, tax_category) = (product_id.clone(), tax_category.clone().unwrap_or_default());
        let request = v1::SetBasePriceRequest { sku: variant.sku, product_id, price: variant.price, tax_category };
        Reaction::command::<rpc::SetBasePrice>(request.sku.clone(), &request)
    });
    Ok(set.collect())
}

impl From<base::Refusal> for Problem {
    fn from(refusal: base::Refusal) -> Problem {
        let said = refusal.to_string();
        match refusal {
            base::Refusal::NotFound => Problem::not_found("not_found", said),
            base::Refusal::Taken { product_id, .. } => {
                Problem::conflict("sku_taken", said).with("product_id", product_id)
            }
        }
    }
}

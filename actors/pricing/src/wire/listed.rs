//! List prices: contract to domain and back. A list that is not open has none.

use jiff::Timestamp;
use runtime::clock::to_wire;
use runtime::desk::{Desk, Window};

use super::price::{tiers_in, tiers_out};
use super::{Currency, Problem, place, v1};
use crate::list_price::{Command, ListPrice, Place, Refusal};
use crate::price::Tiers;
use crate::price_list::{self, PriceList};

pub(crate) fn set_prices(
    desk: &mut Desk<'_>,
    request: &v1::SetListPricesRequest,
) -> Result<v1::SetListPricesResponse, Problem> {
    let v1::SetListPricesRequest { price_list_id, prices } = request;
    let currency = currency_of(desk, price_list_id)?;
    let mut set = Vec::new();
    for v1::NewListPrice { sku, tiers } in prices {
        set.extend(put(desk, currency, &place(price_list_id, sku), tiers)?);
    }
    Ok(v1::SetListPricesResponse { prices: set })
}

pub(crate) fn set_price(
    desk: &mut Desk<'_>,
    request: &v1::SetListPriceRequest,
) -> Result<v1::SetListPriceResponse, Problem> {
    let v1::SetListPriceRequest { price_list_id, sku, tiers } = request;
    let currency = currency_of(desk, price_list_id)?;
    let list_price = put(desk, currency, &place(price_list_id, sku), tiers)?;
    Ok(v1::SetListPriceResponse { list_price })
}

pub(crate) fn remove_price(
    desk: &mut Desk<'_>,
    request: &v1::RemoveListPriceRequest,
) -> Result<v1::RemoveListPriceResponse, Problem> {
    currency_of(desk, &request.price_list_id)?;
    let place = place(&request.price_list_id, &request.sku);
    desk.tell::<ListPrice>(&place.id(), Command::Remove(place.clone()))?;
    Ok(v1::RemoveListPriceResponse { list_price: now(desk, &place) })
}

pub(crate) fn get_price(
    window: &Window<'_>,
    request: &v1::GetListPriceRequest,
) -> Result<v1::GetListPriceResponse, Problem> {
    let place = place(&request.price_list_id, &request.sku);
    let price = window.see::<ListPrice>(&place.id());
    let open = window.see::<PriceList>(&place.price_list_id).open().is_some();
    let shown = price.updated_at.filter(|_| open && !price.tiers.is_empty());
    let updated_at = shown.ok_or(Refusal::NotFound)?;
    let version = window.version::<ListPrice>(&place.id());
    Ok(v1::GetListPriceResponse { list_price: Some(list_price(&place, version, &price.tiers, updated_at)) })
}

fn currency_of(desk: &Desk<'_>, price_list_id: &str) -> Result<Currency, Problem> {
    let list = desk.see::<PriceList>(price_list_id);
    Ok(list.open().ok_or(price_list::Refusal::NotFound)?.details.currency)
}

fn put(
    desk: &mut Desk<'_>,
    currency: Currency,
    place: &Place,
    tiers: &[v1::Tier],
) -> Result<Option<v1::ListPrice>, Problem> {
    let tiers = tiers_in(&place.sku, currency, tiers)?;
    desk.tell::<ListPrice>(&place.id(), Command::Set(place.clone(), tiers))?;
    Ok(now(desk, place))
}

fn now(desk: &Desk<'_>, place: &Place) -> Option<v1::ListPrice> {
    let price = desk.see::<ListPrice>(&place.id());
    Some(list_price(place, desk.version::<ListPrice>(&place.id()), &price.tiers, price.updated_at?))
}

/// What a list says about a SKU, as the world sees it.
#[must_use]
pub fn list_price(place: &Place, version: u64, tiers: &Tiers, updated_at: Timestamp) -> v1::ListPrice {
    let Place { price_list_id, sku } = place.clone();
    v1::ListPrice { price_list_id, sku, version, tiers: tiers_out(tiers), updated_at: Some(to_wire(updated_at)) }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", refusal.to_string()),
        }
    }
}

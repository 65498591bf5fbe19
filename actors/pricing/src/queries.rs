//! What can be asked of prices: what a line, a basket or a SKU costs, and lists for people.

use prost::Message as _;
use runtime::clock::from_wire;
use runtime::group::Views;
use runtime::paging::{Asked, Page};

use crate::choose::Unpriced;
use crate::quote::Asked as For;
use crate::reckon::{Basket, reckon};
use crate::views::{self, Prices, Seen, last_part, pair};
use crate::wire::basket::{self, Wanted};
use crate::wire::sums::quote_of;
use crate::wire::{self, Problem, StringFilter, v1};

fn passes(filter: Option<&StringFilter>, value: &str) -> bool {
    let Some(filter) = filter else { return true };
    filter.eq.as_deref().is_none_or(|eq| eq == value)
        && (filter.r#in.is_empty() || filter.r#in.iter().any(|one| one == value))
}

fn unknown(unpriced: &[Unpriced]) -> Result<Vec<v1::UnpricedLine>, Problem> {
    unpriced.iter().map(wire::unpriced_line).collect()
}

/// What lines cost one customer.
///
/// # Errors
/// `amount_out_of_range`.
pub fn price(views: &Views<'_>, request: &v1::PriceLinesRequest) -> Result<v1::PriceLinesResponse, Problem> {
    let rows = views.of::<Prices>();
    let at = request.at.as_ref().map_or(views.now, |at| from_wire(Some(at)));
    let terms = views::terms(&rows, &basket::priced_for(request)?, at);
    let (lines, unpriced) = views::priced(&rows, &terms, &basket::lines(&request.lines));
    let lines: Result<_, _> = lines.iter().map(|line| wire::priced_line(line, terms.tax_included())).collect();
    Ok(v1::PriceLinesResponse { lines: lines?, unknown: unknown(&unpriced)? })
}

/// What a basket costs.
///
/// # Errors
/// `mixed_currencies`, `amount_out_of_range`.
pub fn total(views: &Views<'_>, request: &v1::TotalBasketRequest) -> Result<v1::TotalBasketResponse, Problem> {
    let rows = views.of::<Prices>();
    let Wanted { asked, lines, adjustments, shipping } = basket::total_wanted(request)?;
    let terms = views::terms(&rows, &asked, views.now);
    let (lines, unpriced) = views::priced(&rows, &terms, &lines);
    let unknown = unknown(&unpriced)?;
    let sums = reckon(&Basket { terms, lines, adjustments, shipping })?;
    Ok(v1::TotalBasketResponse { quote: Some(quote_of(&asked, &sums)), unknown })
}

/// What SKUs cost everybody.
///
/// # Errors
/// `amount_out_of_range`.
pub fn prices(views: &Views<'_>, request: &v1::ListPricesRequest) -> Result<v1::ListPricesResponse, Problem> {
    let rows = views.of::<Prices>();
    let v1::ListPricesRequest { sku, currency, channel, country, region } = request;
    let wanted = (!currency.is_empty()).then(|| basket::currency_in(currency)).transpose()?;
    let filter = sku.clone().unwrap_or_default();
    let (mut data, mut unpriced, mut seen) = (Vec::new(), Vec::new(), Seen::new());
    for sku in filter.eq.into_iter().chain(filter.r#in) {
        let known = views::known(&rows, &sku, &mut seen);
        let Some(currency) = wanted.or(known.base.as_ref().map(|base| base.price.currency())) else {
            unpriced.push(Unpriced::UnknownSku { sku });
            continue;
        };
        let asked = For {
            user_id: String::new(),
            currency,
            channel: channel.clone(),
            customer_group: String::new(),
            country: country.clone(),
            region: region.clone(),
        };
        let terms = views::terms(&rows, &asked, views.now);
        match known.steps(&sku, &terms) {
            Ok(steps) => data.extend(wire::public_price(&steps, terms.tax_included())),
            Err(none) => unpriced.push(none),
        }
    }
    Ok(v1::ListPricesResponse { data, unknown: unknown(&unpriced)? })
}

/// Price lists, a page at a time.
///
/// # Errors
/// `bad_cursor`.
pub fn lists(views: &Views<'_>, request: &v1::ListPriceListsRequest) -> Result<v1::ListPriceListsResponse, Problem> {
    let rows = views.of::<Prices>();
    let v1::ListPriceListsRequest { limit, after, before, sort, currency, channel, customer_group } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let wanted = |list: &v1::PriceList| {
        passes(currency.as_ref(), &list.currency)
            && passes(channel.as_ref(), &list.channel)
            && passes(customer_group.as_ref(), &list.customer_group)
    };
    let Page { data, has_more, next } = asked.page(
        &rows,
        "-created_at",
        |field| [b"n", field.as_bytes(), b"\0"].concat(),
        |key, _| views::shown_list(&rows, &last_part(key)).filter(wanted),
    )?;
    Ok(v1::ListPriceListsResponse { data, has_more, next })
}

/// The prices of a list, a page at a time.
///
/// # Errors
/// `not_found` when there is no such list, `bad_cursor`.
pub fn list_prices(
    views: &Views<'_>,
    request: &v1::ListListPricesRequest,
) -> Result<v1::ListListPricesResponse, Problem> {
    let rows = views.of::<Prices>();
    let v1::ListListPricesRequest { price_list_id, limit, after, before, sort, sku } = request;
    if views::shown_list(&rows, price_list_id).is_none() {
        return Err(crate::price_list::Refusal::NotFound.into());
    }
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let Page { data, has_more, next } = asked.page(
        &rows,
        "sku",
        |_| pair(b'p', price_list_id, ""),
        |_, value| v1::ListPrice::decode(value).ok().filter(|price| passes(sku.as_ref(), &price.sku)),
    )?;
    Ok(v1::ListListPricesResponse { data, has_more, next })
}

/// Tax rates, a page at a time.
///
/// # Errors
/// `bad_cursor`.
pub fn tax_rates(views: &Views<'_>, request: &v1::ListTaxRatesRequest) -> Result<v1::ListTaxRatesResponse, Problem> {
    let rows = views.of::<Prices>();
    let v1::ListTaxRatesRequest { limit, after, before, sort, country, tax_category } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let wanted = |rate: &v1::ListedTaxRate| {
        passes(country.as_ref(), &rate.country) && passes(tax_category.as_ref(), &rate.tax_category)
    };
    let Page { data, has_more, next } = asked.page(
        &rows,
        "country",
        |_| b"x".to_vec(),
        |_, value| v1::ListedTaxRate::decode(value).ok().filter(wanted),
    )?;
    Ok(v1::ListTaxRatesResponse { data, has_more, next })
}

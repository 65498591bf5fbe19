#![doc = include_str!("../README.md")]

pub mod base;
pub mod choose;
pub mod list_price;
pub mod price;
pub mod price_list;
pub mod queries;
pub mod quote;
pub mod reactions;
pub mod reckon;
pub mod tax;
pub mod taxes;
pub mod views;
pub mod wire;

use runtime::entity::ActorKey;
use runtime::group::Group;

use base::Base;
use list_price::ListPrice;
use price_list::PriceList;
use quote::Quote;
use taxes::Taxes;
use wire::rpc;

/// The group: what things cost whom, where and when.
#[must_use]
pub fn group() -> Group {
    Group::new(wire::contract())
        .entity::<Base>()
        .entity::<PriceList>()
        .entity::<ListPrice>()
        .entity::<Taxes>()
        .entity::<Quote>()
        .command::<rpc::SetBasePrice, Base>(|request| request.sku.clone(), wire::base::set_base)
        .read::<rpc::GetBasePrice, Base>(|request| request.sku.clone(), wire::base::get_base)
        .history::<rpc::GetBasePriceHistory>(|request| ActorKey::of::<Base>(&request.sku))
        .command::<rpc::CreatePriceList, PriceList>(|request| request.price_list_id.clone(), wire::list::create_list)
        .command::<rpc::UpdatePriceList, PriceList>(|request| request.price_list_id.clone(), wire::list::update_list)
        .command::<rpc::DeletePriceList, PriceList>(|request| request.price_list_id.clone(), wire::list::delete_list)
        .read::<rpc::GetPriceList, PriceList>(|request| request.price_list_id.clone(), wire::list::get_list)
        .history::<rpc::GetPriceListHistory>(wire::list::whose_history)
        .command::<rpc::SetListPrices, PriceList>(|request| request.price_list_id.clone(), wire::listed::set_prices)
        .command::<rpc::SetListPrice, ListPrice>(
            |request| wire::place(&request.price_list_id, &request.sku).id(),
            wire::listed::set_price,
        )
        .command::<rpc::RemoveListPrice, ListPrice>(
            |request| wire::place(&request.price_list_id, &request.sku).id(),
            wire::listed::remove_price,
        )
        .read::<rpc::GetListPrice, ListPrice>(
            |request| wire::place(&request.price_list_id, &request.sku).id(),
            wire::listed::get_price,
        )
        .command::<rpc::SetCountryTaxes, Taxes>(|request| request.country.clone(), wire::taxes::set_taxes)
        .command::<rpc::DeleteCountryTaxes, Taxes>(|request| request.country.clone(), wire::taxes::delete_taxes)
        .read::<rpc::GetCountryTaxes, Taxes>(|request| request.country.clone(), wire::taxes::get_taxes)
        .history::<rpc::GetCountryTaxesHistory>(|request| ActorKey::of::<Taxes>(&request.country))
        .command::<rpc::CreateQuote, Quote>(|request| request.quote_id.clone(), wire::quote::create_quote)
        .read::<rpc::GetQuote, Quote>(|request| request.quote_id.clone(), wire::quote::get_quote)
        .history_for::<rpc::GetQuoteHistory>(
            |request| ActorKey::of::<Quote>(&request.quote_id),
            wire::quote::may_see_history,
        )
        .view::<views::Prices>()
        .query::<rpc::ListPrices>(queries::prices)
        .query::<rpc::PriceLines>(queries::price)
        .query::<rpc::TotalBasket>(queries::total)
        .query::<rpc::ListPriceLists>(queries::lists)
        .query::<rpc::ListListPrices>(queries::list_prices)
        .query::<rpc::ListTaxRates>(queries::tax_rates)
        .react("product", reactions::catalogue)
}

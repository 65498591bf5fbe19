//! What is asked of one cart: requests to commands.

use messages::common::v1::SkuQuantity;
use messages::problem::Kind;
use runtime::desk::Desk;
use runtime::headers::Caller;

use super::noting::Prices;
use super::shown::address_in;
use super::{Currency, Money, Problem, must_be_own, now, v1};
use crate::cart::{Cart, Command, Details};
use crate::contents::Wish;
use crate::settings;

pub(crate) fn create(
    desk: &mut Desk<'_>,
    request: &v1::CreateCartRequest,
    prices: &Prices,
) -> Result<v1::CreateCartResponse, Problem> {
    let v1::CreateCartRequest { cart_id, currency, country, channel, ship_to, shipping_option, items, user_id } =
        request;
    let owner = owner(&desk.facts().caller, user_id.as_deref())?;
    let details = Details {
        currency: parsed(currency)?,
        country: country.clone(),
        channel: channel.clone(),
        ship_to: ship_to.as_ref().map(address_in),
        shipping_option: shipping_option.clone(),
    };
    let create = Command::Create {
        id: cart_id.clone(),
        owner,
        details,
        wishes: wishes(items, prices),
        patience: settings::patience(),
    };
    desk.tell::<Cart>(cart_id, create)?;
    Ok(v1::CreateCartResponse { cart: now(desk, cart_id) })
}

/// Whose a new cart is: the caller's own, or whom staff name.
fn owner(caller: &Caller, named: Option<&str>) -> Result<String, Problem> {
    match named {
        Some(named) if caller.may_touch(named) => Ok(named.to_owned()),
        Some(_) => Err(Problem::new(Kind::Forbidden, "foreign_owner", "Only staff take a cart for somebody else.")),
        None => {
            let nobody = "A cart belongs to somebody: sign in, or show a guest token.";
            let nobody = || Problem::new(Kind::Unauthenticated, "no_owner", nobody);
            caller.person().map(str::to_owned).ok_or_else(nobody)
        }
    }
}

/// The currency of a request. The contract has looked at it before.
pub(super) fn parsed(currency: &str) -> Result<Currency, Problem> {
    Currency::parse(currency).map_err(|e| Problem::new(Kind::Invalid, "bad_money", e.to_string()))
}

fn wishes(items: &[SkuQuantity], prices: &Prices) -> Vec<Wish> {
    let wish = |item: &SkuQuantity| wish(&item.sku, item.quantity.unwrap_or_default(), prices);
    items.iter().map(wish).collect()
}

fn wish(sku: &str, quantity: i64, prices: &Prices) -> Wish {
    Wish { sku: sku.to_owned(), quantity, price: prices.get(sku).copied() }
}

/// Puts a command to the caller's own cart.
fn tell(desk: &mut Desk<'_>, id: &str, command: Command) -> Result<Option<v1::Cart>, Problem> {
    must_be_own(&desk.see::<Cart>(id), &desk.facts().caller)?;
    desk.tell::<Cart>(id, command)?;
    Ok(now(desk, id))
}

pub(crate) fn update(desk: &mut Desk<'_>, request: &v1::UpdateCartRequest) -> Result<v1::UpdateCartResponse, Problem> {
    let v1::UpdateCartRequest { cart_id, currency, country, channel, ship_to, shipping_option } = request;
    let details = Details {
        currency: parsed(currency)?,
        country: country.clone(),
        channel: channel.clone(),
        ship_to: ship_to.as_ref().map(address_in),
        shipping_option: shipping_option.clone(),
    };
    Ok(v1::UpdateCartResponse { cart: tell(desk, cart_id, Command::Update(details))? })
}

pub(crate) fn delete(desk: &mut Desk<'_>, request: &v1::DeleteCartRequest) -> Result<v1::DeleteCartResponse, Problem> {
    Ok(v1::DeleteCartResponse { cart: tell(desk, &request.cart_id, Command::Delete)? })
}

pub(crate) fn put_items(
    desk: &mut Desk<'_>,
    request: &v1::PutItemsRequest,
    prices: &Prices,
) -> Result<v1::PutItemsResponse, Problem> {
    let command = Command::Put(wishes(&request.items, prices));
    Ok(v1::PutItemsResponse { cart: tell(desk, &request.cart_id, command)? })
}

pub(crate) fn add_item(
    desk: &mut Desk<'_>,
    request: &v1::AddItemRequest,
    prices: &Prices,
) -> Result<v1::AddItemResponse, Problem> {
    let command = Command::Add(wish(&request.sku, request.quantity.unwrap_or(1), prices));
    Ok(v1::AddItemResponse { cart: tell(desk, &request.cart_id, command)? })
}

pub(crate) fn remove_item(
    desk: &mut Desk<'_>,
    request: &v1::RemoveItemRequest,
) -> Result<v1::RemoveItemResponse, Problem> {
    Ok(v1::RemoveItemResponse { cart: tell(desk, &request.cart_id, Command::Remove(request.sku.clone()))? })
}

pub(crate) fn accept_prices(
    desk: &mut Desk<'_>,
    request: &v1::AcceptPricesRequest,
) -> Result<v1::AcceptPricesResponse, Problem> {
    let seen = |seen: &v1::SeenPrice| {
        let price = Money::try_from(seen.unit_price.clone().unwrap_or_default());
        let price = price.map_err(|e| Problem::new(Kind::Invalid, "bad_money", e.to_string()))?;
        Ok((seen.sku.clone(), price))
    };
    let prices = request.prices.iter().map(seen).collect::<Result<_, Problem>>()?;
    Ok(v1::AcceptPricesResponse { cart: tell(desk, &request.cart_id, Command::Accept(prices))? })
}

pub(crate) fn save_item(desk: &mut Desk<'_>, request: &v1::SaveItemRequest) -> Result<v1::SaveItemResponse, Problem> {
    Ok(v1::SaveItemResponse { cart: tell(desk, &request.cart_id, Command::Save(request.sku.clone()))? })
}

pub(crate) fn restore_item(
    desk: &mut Desk<'_>,
    request: &v1::RestoreItemRequest,
) -> Result<v1::RestoreItemResponse, Problem> {
    Ok(v1::RestoreItemResponse { cart: tell(desk, &request.cart_id, Command::Restore(request.sku.clone()))? })
}

pub(crate) fn remove_saved(
    desk: &mut Desk<'_>,
    request: &v1::RemoveSavedRequest,
) -> Result<v1::RemoveSavedResponse, Problem> {
    Ok(v1::RemoveSavedResponse { cart: tell(desk, &request.cart_id, Command::Forget(request.sku.clone()))? })
}

pub(crate) fn add_coupon(
    desk: &mut Desk<'_>,
    request: &v1::AddCouponRequest,
) -> Result<v1::AddCouponResponse, Problem> {
    Ok(v1::AddCouponResponse { cart: tell(desk, &request.cart_id, Command::AddCoupon(request.code.clone()))? })
}

pub(crate) fn remove_coupon(
    desk: &mut Desk<'_>,
    request: &v1::RemoveCouponRequest,
) -> Result<v1::RemoveCouponResponse, Problem> {
    let command = Command::RemoveCoupon(request.code.clone());
    Ok(v1::RemoveCouponResponse { cart: tell(desk, &request.cart_id, command)? })
}

/// The order says it; it has looked at whose the cart is.
pub(crate) fn complete(
    desk: &mut Desk<'_>,
    request: &v1::CompleteCartRequest,
) -> Result<v1::CompleteCartResponse, Problem> {
    desk.tell::<Cart>(&request.cart_id, Command::Complete(request.order_id.clone()))?;
    Ok(v1::CompleteCartResponse { cart: now(desk, &request.cart_id) })
}

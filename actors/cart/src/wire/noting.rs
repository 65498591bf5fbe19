//! What is noted of prices when something is put into a cart: what one of it costs at that moment, if pricing says so.
//!
//! It is asked before the cart decides and matters to nobody but the owner, who is told later when the price has changed.
//! So a price that cannot be had in time is left out, and the line goes in without it.

use std::collections::BTreeMap;
use std::time::Duration;

use messages::common::v1::SkuQuantity;
use messages::pricing::v1::{PriceLinesRequest, PriceLinesResponse, rpc as pricing};
use runtime::inquiry::{Gathering, Inquiry};

use super::{Money, Problem, rpc, v1};

/// How long another group is waited for. A group that works answers in a few milliseconds; one that hangs must not use up
/// what the customer waits.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// What one unit costs, by SKU.
pub(crate) type Prices = BTreeMap<String, Money>;

/// A cart of the caller's, without prices, asked of the partition it lives in.
///
/// # Errors
/// `not_found`, or that nobody answers there.
pub(super) async fn plain(inquiry: &Inquiry, cart_id: &str) -> Result<v1::Cart, Problem> {
    let request = v1::GetCartRequest { cart_id: cart_id.to_owned(), plain: true };
    Ok(inquiry.ask::<rpc::GetCart>(cart_id, &request).await?.cart.unwrap_or_default())
}

/// What these lines cost whoever has this cart.
///
/// # Errors
/// That nobody answers, or what pricing refused.
pub(super) async fn price(
    inquiry: &Inquiry,
    cart: &v1::Cart,
    lines: Vec<SkuQuantity>,
) -> Result<PriceLinesResponse, Problem> {
    if lines.is_empty() {
        return Ok(PriceLinesResponse::default());
    }
    let (country, region) = place(cart);
    let request = PriceLinesRequest {
        lines,
        currency: cart.currency.clone(),
        channel: cart.channel.clone(),
        country: country.to_owned(),
        region: region.to_owned(),
        ..PriceLinesRequest::default()
    };
    inquiry.ask_within::<pricing::PriceLines>(PATIENCE, "", &request).await
}

/// The country and region a cart is priced for: those of its address, or else the country its owner named.
pub(super) fn place(cart: &v1::Cart) -> (&str, &str) {
    cart.ship_to.as_ref().map_or((&cart.country, ""), |to| (&to.country, &to.region))
}

async fn noted(inquiry: &Inquiry, cart: &v1::Cart, lines: Vec<SkuQuantity>) -> Prices {
    let priced = price(inquiry, cart, lines).await.unwrap_or_default().lines;
    let price = |line: messages::pricing::v1::PricedLine| {
        Some((line.sku, line.unit_price.and_then(|price| Money::try_from(price).ok())?))
    };
    priced.into_iter().filter_map(price).collect()
}

pub(crate) fn for_create<'a>(inquiry: &'a Inquiry, request: &'a v1::CreateCartRequest) -> Gathering<'a, Prices> {
    Box::pin(async move {
        let cart = v1::Cart {
            currency: request.currency.clone(),
            country: request.country.clone(),
            channel: request.channel.clone(),
            ship_to: request.ship_to.clone(),
            ..v1::Cart::default()
        };
        Ok(noted(inquiry, &cart, request.items.clone()).await)
    })
}

pub(crate) fn for_put<'a>(inquiry: &'a Inquiry, request: &'a v1::PutItemsRequest) -> Gathering<'a, Prices> {
    Box::pin(async move {
        if request.items.is_empty() {
            return Ok(Prices::new());
        }
        let cart = plain(inquiry, &request.cart_id).await?;
        // A line that stays as it is keeps the price it has.
        let stays = |item: &SkuQuantity| {
            cart.lines.iter().any(|line| line.sku == item.sku && Some(line.quantity) == item.quantity)
        };
        let lines = request.items.iter().filter(|item| !stays(item)).cloned().collect();
        Ok(noted(inquiry, &cart, lines).await)
    })
}

pub(crate) fn for_add<'a>(inquiry: &'a Inquiry, request: &'a v1::AddItemRequest) -> Gathering<'a, Prices> {
    Box::pin(async move {
        let cart = plain(inquiry, &request.cart_id).await?;
        // What one costs may depend on how many there are then.
        let there = cart.lines.iter().find(|line| line.sku == request.sku).map_or(0, |line| line.quantity);
        let quantity = there.saturating_add(request.quantity.unwrap_or(1));
        let line = SkuQuantity { sku: request.sku.clone(), quantity: Some(quantity) };
        Ok(noted(inquiry, &cart, vec![line]).await)
    })
}

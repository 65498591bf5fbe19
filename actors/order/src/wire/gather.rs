//! Gathering: whom an order asks before it is placed, and in which order. What the answers mean says [`super::placing`].
//!
//! Nothing here holds anything: prices, promotions, ways and stock are as they were when they were asked for. What has to
//! be guaranteed is the saga's to ask for.

use messages::cart::v1 as cart;
use messages::inventory::v1 as inventory;
use messages::pricing::v1 as pricing;
use messages::product::v1 as product;
use messages::promotion::v1 as promotion;
use messages::shipping::v1 as shipping;
use runtime::inquiry::{Gathering, Inquiry, both};

use super::placing::{self, Answers, Wish};
use super::{Problem, v1};
use crate::order::deal::Deal;
use crate::settings::Settings;

/// Everything that an order notes when it is placed.
pub(crate) fn gather<'a>(inquiry: &'a Inquiry, request: &'a v1::PlaceOrderRequest) -> Gathering<'a, Deal> {
    Box::pin(gathered(inquiry, request))
}

async fn gathered(inquiry: &Inquiry, request: &v1::PlaceOrderRequest) -> Result<Deal, Problem> {
    let user_id = placing::customer(inquiry.caller(), request)?;
    let (cart, quote) = both(cart_of(inquiry, request), quote_of(inquiry, request)).await;
    let (cart, quote) = (cart?, quote?);
    let wish = placing::wish(request, user_id, cart.as_ref(), quote.as_ref(), inquiry.now())?;
    let (lookup, pricing) = (placing::lookup(&wish), placing::pricing(&wish));
    let (items, prices) =
        both(inquiry.ask::<product::rpc::Lookup>("", &lookup), inquiry.ask::<pricing::rpc::PriceLines>("", &pricing))
            .await;
    let (items, prices) = (items?, prices?);
    placing::for_sale(&wish, &items)?;
    placing::priced(&wish, &prices)?;
    let (offers, allocation) = both(offers(inquiry, &wish, &items, &prices), allocation(inquiry, &wish, &items)).await;
    let (offers, allocation) = (offers?, allocation?);
    let option = placing::option(&wish, &items, offers.as_ref())?;
    let evaluation = placing::evaluation(&wish, &items, &prices, option.as_ref())?;
    let promotions = inquiry.ask::<promotion::rpc::Evaluate>("", &evaluation).await?;
    placing::coupons(&wish, &promotions)?;
    let ask = placing::quote(request, &wish, &promotions, option.as_ref());
    let quoted = inquiry.ask::<pricing::rpc::CreateQuote>(&ask.quote_id, &ask).await?;
    let answers = Answers { items, option, promotions, quote: quoted.quote.unwrap_or_default(), allocation };
    placing::deal(request, wish, answers, inquiry.now())
}

async fn cart_of(inquiry: &Inquiry, request: &v1::PlaceOrderRequest) -> Result<Option<cart::Cart>, Problem> {
    let Some(cart_id) = &request.cart_id else { return Ok(None) };
    let get = cart::GetCartRequest { cart_id: cart_id.clone(), plain: true };
    let found = inquiry.ask::<cart::rpc::GetCart>(cart_id, &get).await;
    found.map(|said| said.cart).map_err(|problem| placing::missing(problem, "cart_not_found", "There is no such cart."))
}

async fn quote_of(inquiry: &Inquiry, request: &v1::PlaceOrderRequest) -> Result<Option<pricing::Quote>, Problem> {
    let Some(quote_id) = &request.quote_id else { return Ok(None) };
    let get = pricing::GetQuoteRequest { quote_id: quote_id.clone() };
    let found = inquiry.ask::<pricing::rpc::GetQuote>(quote_id, &get).await;
    found
        .map(|said| said.quote)
        .map_err(|problem| placing::missing(problem, "quote_not_found", "There is no such quote."))
}

async fn offers(
    inquiry: &Inquiry,
    wish: &Wish,
    items: &product::LookupResponse,
    prices: &pricing::PriceLinesResponse,
) -> Result<Option<shipping::ListOptionsResponse>, Problem> {
    let Some(ask) = placing::offers(wish, items, prices)? else { return Ok(None) };
    inquiry.ask::<shipping::rpc::ListOptions>("", &ask).await.map(Some)
}

async fn allocation(
    inquiry: &Inquiry,
    wish: &Wish,
    items: &product::LookupResponse,
) -> Result<inventory::AllocateResponse, Problem> {
    let wanted = placing::to_send(wish, items);
    if wanted.is_empty() {
        return Ok(inventory::AllocateResponse::default());
    }
    let may_wait = Settings::current().backorder.terms().is_some();
    inquiry.ask::<inventory::rpc::Allocate>("", &placing::allocation(&wish.ship_to, &wanted, may_wait)).await
}

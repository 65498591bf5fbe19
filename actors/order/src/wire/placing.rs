//! Placing: what the answers of other groups make of a wish. Pure: each step takes what is known and says what comes next,
//! or why not.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use messages::cart::v1 as cart;
use messages::common::v1 as common;
use messages::inventory::v1 as inventory;
use messages::pricing::v1 as pricing;
use messages::problem::Kind;
use messages::product::v1 as product;
use messages::promotion::v1 as promotion;
use messages::shipping::v1 as shipping;
use runtime::clock::from_wire;
use runtime::headers::Caller;
use serde::Serialize;

use super::deal::{address_in, lines, method_in, money, say, units};
use super::{Money, Problem, payment_id, quote_id, redemption_id, reservation_id, v1};
use crate::order::deal::{Address, Allotment, Choice, Deal, Discount, Line, Method, Totals, Units};

/// How long an order that is not confirmed waits for its money: as long as its stock is held.
pub(crate) const HOLD: Duration = Duration::from_secs(15 * 60);
/// The currency when nobody says another.
const CURRENCY: &str = "EUR";
/// What is sold and not sent.
const NOT_SENT: [&str; 4] = ["membership", "digital", "service", "gift-card"];

/// What somebody wants to buy, and on which terms.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wish {
    pub(crate) user_id: String,
    pub(crate) units: Units,
    pub(crate) currency: String,
    pub(crate) channel: String,
    pub(crate) customer_group: String,
    pub(crate) ship_to: Address,
    pub(crate) option_id: Option<String>,
    pub(crate) coupon_codes: Vec<String>,
    /// Unit prices that the customer was told, by SKU.
    pub(crate) told: Vec<(String, Money)>,
}

/// What others said about it.
pub(crate) struct Answers {
    pub(crate) items: product::LookupResponse,
    pub(crate) option: Option<Choice>,
    pub(crate) promotions: promotion::EvaluateResponse,
    pub(crate) quote: pricing::Quote,
    pub(crate) allocation: inventory::AllocateResponse,
}

fn unprocessable(code: &str, detail: &str) -> Problem {
    Problem::new(Kind::Unprocessable, code, detail)
}

/// Another group's `not_found`, told as ours; anything else as it is.
pub(crate) fn missing(problem: Problem, code: &str, detail: &str) -> Problem {
    if problem.code == "not_found" { Problem::not_found(code, detail) } else { problem }
}

/// Whose the order is: the person behind the request, or whom somebody of the shop names.
pub(crate) fn customer(caller: &Caller, request: &v1::PlaceOrderRequest) -> Result<String, Problem> {
    let named = request.user_id.as_deref().filter(|named| caller.may_touch(named));
    let person = match &request.user_id {
        Some(_) => named,
        None => caller.person(),
    };
    let person = person.filter(|person| messages::id::UserId::parse(person).is_ok());
    person.map(str::to_owned).ok_or_else(|| unprocessable("no_customer", "An order needs somebody whose it is."))
}

/// What is wanted, from the request and from the cart or quote that it names.
pub(crate) fn wish(
    request: &v1::PlaceOrderRequest,
    user_id: String,
    cart: Option<&cart::Cart>,
    quote: Option<&pricing::Quote>,
    now: Timestamp,
) -> Result<Wish, Problem> {
    let named = [!request.lines.is_empty(), request.cart_id.is_some(), request.quote_id.is_some()];
    if named.iter().filter(|named| **named).count() != 1 {
        let detail = "Exactly one of cart_id, quote_id and lines says what to buy.";
        return Err(unprocessable("what_to_buy", detail));
    }
    cart.map_or(Ok(()), still_open)?;
    quote.map_or(Ok(()), |quote| still_holds(quote, now))?;
    let wanted = match (cart, quote) {
        (Some(cart), _) => sum(cart.lines.iter().map(|line| (line.sku.as_str(), line.quantity))),
        (None, Some(quote)) => sum(quote.lines.iter().map(|line| (line.sku.as_str(), line.quantity))),
        (None, None) => units(&request.lines),
    };
    if wanted.is_empty() {
        return Err(unprocessable("nothing_to_buy", "There is nothing in it to buy."));
    }
    let said = |of_cart: fn(&cart::Cart) -> &String, of_quote: fn(&pricing::Quote) -> &String| {
        cart.map(of_cart).or(quote.map(of_quote)).filter(|text| !text.is_empty()).cloned()
    };
    let currency = request.currency.clone().or_else(|| said(|cart| &cart.currency, |quote| &quote.currency));
    let channel = request.channel.clone().or_else(|| said(|cart| &cart.channel, |quote| &quote.channel));
    let ship_to = request.shipping_address.as_ref().or(cart.and_then(|cart| cart.ship_to.as_ref()));
    let ship_to = ship_to.ok_or_else(|| unprocessable("no_address", "Nobody said where it goes."))?;
    let of_cart = cart.map(|cart| cart.shipping_option.clone()).filter(|option| !option.is_empty());
    let mut coupon_codes = cart.map(|cart| cart.coupon_codes.clone()).unwrap_or_default();
    coupon_codes.extend(request.coupon_codes.iter().cloned());
    let told = quote.map(|quote| quote.lines.iter().map(|l| (l.sku.clone(), money(l.unit_price.as_ref()))).collect());
    Ok(Wish {
        user_id,
        units: wanted,
        currency: currency.unwrap_or_else(|| CURRENCY.to_owned()),
        channel: channel.unwrap_or_default(),
        customer_group: quote.map(|quote| quote.customer_group.clone()).unwrap_or_default(),
        ship_to: address_in(Some(ship_to)),
        option_id: request.shipping_option_id.clone().or(of_cart),
        coupon_codes: distinct(coupon_codes),
        told: told.unwrap_or_default(),
    })
}

fn sum<'a>(lines: impl Iterator<Item = (&'a str, i64)>) -> Units {
    let mut units = Units::new();
    lines.for_each(|(sku, count)| *units.entry(sku.to_owned()).or_default() += count);
    units
}

/// Each code once, in the order in which they were given; a code is the same in capitals.
fn distinct(codes: Vec<String>) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for code in codes {
        if !distinct.iter().any(|known| known.eq_ignore_ascii_case(&code)) {
            distinct.push(code);
        }
    }
    distinct
}

fn still_open(cart: &cart::Cart) -> Result<(), Problem> {
    match cart.status() {
        cart::CartStatus::Ordered => Err(Problem::conflict("cart_ordered", "The cart has been ordered already.")),
        cart::CartStatus::Merged | cart::CartStatus::Deleted => {
            Err(Problem::not_found("cart_not_found", "There is no such cart."))
        }
        cart::CartStatus::Unspecified | cart::CartStatus::Active | cart::CartStatus::Abandoned => Ok(()),
    }
}

fn still_holds(quote: &pricing::Quote, now: Timestamp) -> Result<(), Problem> {
    let Some(expires_at) = quote.expires_at.as_ref().map(|at| from_wire(Some(at))) else { return Ok(()) };
    if now < expires_at {
        return Ok(());
    }
    let problem = Problem::conflict("quote_expired", "The quote no longer holds.");
    Err(problem.with("expired_at", expires_at.to_string()))
}

/// What the catalogue is asked.
pub(crate) fn lookup(wish: &Wish) -> product::LookupRequest {
    product::LookupRequest { skus: wish.units.keys().cloned().collect() }
}

/// What pricing is asked.
pub(crate) fn pricing(wish: &Wish) -> pricing::PriceLinesRequest {
    pricing::PriceLinesRequest {
        lines: lines(&wish.units),
        currency: wish.currency.clone(),
        channel: wish.channel.clone(),
        customer_group: wish.customer_group.clone(),
        country: wish.ship_to.country.clone(),
        region: wish.ship_to.region.clone(),
        at: None,
    }
}

/// Everything is a thing that can be bought now.
pub(crate) fn for_sale(wish: &Wish, items: &product::LookupResponse) -> Result<(), Problem> {
    let known = |sku: &&String| items.items.iter().any(|item| item.sku == **sku);
    let unknown: Vec<&String> = wish.units.keys().filter(|sku| !known(sku)).collect();
    if !unknown.is_empty() {
        let detail = format!("{} is no SKU of the catalogue.", unknown[0]);
        return Err(unprocessable("unknown_sku", &detail).with_json("skus", &unknown));
    }
    let closed: Vec<&String> = items.items.iter().filter(|item| !item.sellable).map(|item| &item.sku).collect();
    match closed.first() {
        None => Ok(()),
        Some(first) => {
            let detail = format!("{first} is not for sale.");
            Err(unprocessable("not_for_sale", &detail).with_json("skus", &closed))
        }
    }
}

/// Everything has a price, and the one that the customer was told.
pub(crate) fn priced(wish: &Wish, prices: &pricing::PriceLinesResponse) -> Result<(), Problem> {
    let unpriced: Vec<&String> = prices.unknown.iter().map(|line| &line.sku).collect();
    if let Some(first) = unpriced.first() {
        let detail = format!("{first} has no price in {}.", wish.currency);
        let problem = unprocessable("no_price", &detail).with_json("skus", &unpriced);
        return Err(problem.with("currency", wish.currency.clone()));
    }
    #[derive(Serialize)]
    struct Changed {
        sku: String,
        expected: i64,
        current: i64,
    }
    let current = |sku: &str| prices.lines.iter().find(|line| line.sku == sku).map(|l| money(l.unit_price.as_ref()));
    let changed = wish.told.iter().filter_map(|(sku, told)| {
        let current = current(sku)?;
        (current != *told).then(|| Changed { sku: sku.clone(), expected: told.amount(), current: current.amount() })
    });
    let changed: Vec<Changed> = changed.collect();
    if changed.is_empty() {
        return Ok(());
    }
    Err(Problem::conflict("price_changed", "Prices have changed since the quote.").with_json("lines", &changed))
}

/// Units that have to be sent: a membership does not.
pub(crate) fn to_send(wish: &Wish, items: &product::LookupResponse) -> Units {
    let is_sent = |sku: &String| {
        let item = items.items.iter().find(|item| item.sku == *sku);
        item.is_none_or(|item| !NOT_SENT.contains(&item.product_type.as_str()))
    };
    wish.units.iter().filter(|(sku, _)| is_sent(sku)).map(|(sku, count)| (sku.clone(), *count)).collect()
}

/// What inventory is asked: whether what is not here is planned where it may be waited for, too.
pub(crate) fn allocation(ship_to: &Address, wanted: &Units, backorder: bool) -> inventory::AllocateRequest {
    inventory::AllocateRequest {
        lines: lines(wanted),
        country: ship_to.country.clone(),
        postal_code: ship_to.postal_code.clone(),
        region: ship_to.region.clone(),
        backorder,
        ..inventory::AllocateRequest::default()
    }
}

/// What shipping is asked; nothing when nothing has to be sent.
pub(crate) fn offers(
    wish: &Wish,
    items: &product::LookupResponse,
    prices: &pricing::PriceLinesResponse,
) -> Result<Option<shipping::ListOptionsRequest>, Problem> {
    let wanted = to_send(wish, items);
    if wanted.is_empty() {
        return Ok(None);
    }
    let weight = |sku: &str| items.items.iter().find(|item| item.sku == sku).and_then(|item| item.weight_grams);
    let line = |(sku, count): (&String, &i64)| shipping::WeighedLine {
        sku: sku.clone(),
        quantity: Some(*count),
        weight_grams: weight(sku).unwrap_or_default(),
    };
    Ok(Some(shipping::ListOptionsRequest {
        country: wish.ship_to.country.clone(),
        region: wish.ship_to.region.clone(),
        postal_code: wish.ship_to.postal_code.clone(),
        lines: wanted.iter().map(line).collect(),
        subtotal: say(subtotal(prices)?),
        currency: wish.currency.clone(),
        weight_grams: None,
    }))
}

fn subtotal(prices: &pricing::PriceLinesResponse) -> Result<Money, Problem> {
    let mut totals = prices.lines.iter().map(|line| money(line.total.as_ref()));
    let first = totals.next().ok_or_else(Problem::internal)?;
    totals.try_fold(first, Money::plus).map_err(|_| unprocessable("nothing_to_buy", "It costs more than can be said."))
}

/// The way there that was chosen, or the cheapest.
pub(crate) fn option(
    wish: &Wish,
    items: &product::LookupResponse,
    offers: Option<&shipping::ListOptionsResponse>,
) -> Result<Option<Choice>, Problem> {
    if to_send(wish, items).is_empty() {
        return Ok(None);
    }
    let there: &[shipping::Offer] = offers.map(|offers| offers.options.as_slice()).unwrap_or_default();
    let chosen = match &wish.option_id {
        Some(option_id) => there.iter().find(|offer| offer.option_id == *option_id),
        None => there.iter().min_by_key(|offer| money(offer.amount.as_ref()).amount()),
    };
    let offer = chosen.ok_or_else(|| {
        let ids: Vec<&String> = there.iter().map(|offer| &offer.option_id).collect();
        unprocessable("no_shipping_option", "There is no such way to send it there.").with_json("options", &ids)
    })?;
    Ok(Some(Choice {
        option_id: offer.option_id.clone(),
        title: offer.title.clone(),
        amount: money(offer.amount.as_ref()),
        carrier: offer.carrier.clone(),
        min_days: offer.min_days.unwrap_or_default().into(),
        max_days: offer.max_days.unwrap_or_default().into(),
    }))
}

/// What promotion is asked.
pub(crate) fn evaluation(
    wish: &Wish,
    items: &product::LookupResponse,
    prices: &pricing::PriceLinesResponse,
    option: Option<&Choice>,
) -> Result<promotion::EvaluateRequest, Problem> {
    let product = |sku: &str| items.items.iter().find(|item| item.sku == sku).map(|item| item.product_id.clone());
    let line = |line: &pricing::PricedLine| promotion::BasketLine {
        sku: line.sku.clone(),
        product_id: product(&line.sku).unwrap_or_default(),
        quantity: Some(line.quantity),
        unit_price: line.unit_price.clone(),
    };
    Ok(promotion::EvaluateRequest {
        lines: prices.lines.iter().map(line).collect(),
        shipping: option.and_then(|option| say(option.amount)),
        currency: wish.currency.clone(),
        coupon_codes: wish.coupon_codes.clone(),
        user_id: Some(wish.user_id.clone()),
        customer_group: Some(wish.customer_group.clone()).filter(|group| !group.is_empty()),
        first_order: None,
    })
}

/// Every code that was given does something. A code that something better beats is in nobody's way.
pub(crate) fn coupons(wish: &Wish, promotions: &promotion::EvaluateResponse) -> Result<(), Problem> {
    #[derive(Serialize)]
    struct Coupon<'a> {
        code: &'a str,
        reason: &'a str,
        detail: &'a str,
    }
    let harmless = ["better_deal", "already_applied"];
    let given = |code: &str| wish.coupon_codes.iter().any(|given| given.eq_ignore_ascii_case(code));
    let refused = promotions.not_applied.iter().filter_map(|not| {
        let code = not.code.as_deref().filter(|code| given(code))?;
        (!harmless.contains(&not.reason.as_str())).then_some(Coupon { code, reason: &not.reason, detail: &not.detail })
    });
    let refused: Vec<Coupon<'_>> = refused.collect();
    match refused.first() {
        None => Ok(()),
        Some(first) => {
            let detail = format!("The code {} does not apply: {}", first.code, first.detail);
            Err(unprocessable("coupon_not_applicable", &detail).with_json("coupons", &refused))
        }
    }
}

/// What pricing is asked to hold. Another basket of the same order is another quote, so that a retry after a change is not
/// taken for a repeat.
pub(crate) fn quote(
    request: &v1::PlaceOrderRequest,
    wish: &Wish,
    promotions: &promotion::EvaluateResponse,
    option: Option<&Choice>,
) -> pricing::CreateQuoteRequest {
    use pricing::AdjustmentTarget as To;
    let target = |from: promotion::Target| match from {
        promotion::Target::Line => To::Line,
        promotion::Target::Order => To::Order,
        promotion::Target::Shipping => To::Shipping,
        promotion::Target::Unspecified => To::Unspecified,
    };
    let adjustment = |from: &promotion::Adjustment| pricing::Adjustment {
        id: from.id.clone(),
        code: from.code.clone().unwrap_or_default(),
        campaign_id: from.campaign_id.clone(),
        target: target(from.target()).into(),
        sku: from.sku.clone().unwrap_or_default(),
        amount: from.amount.clone(),
        title: from.title.clone(),
    };
    let shipping = option.map(|option| pricing::ShippingChoice {
        option_id: option.option_id.clone(),
        title: option.title.clone(),
        amount: say(option.amount),
    });
    let mut ask = pricing::CreateQuoteRequest {
        quote_id: String::new(),
        lines: lines(&wish.units),
        currency: wish.currency.clone(),
        channel: wish.channel.clone(),
        customer_group: wish.customer_group.clone(),
        ship_to_country: wish.ship_to.country.clone(),
        ship_to_region: wish.ship_to.region.clone(),
        adjustments: promotions.adjustments.iter().map(adjustment).collect(),
        shipping,
        user_id: wish.user_id.clone(),
    };
    ask.quote_id = quote_id(&request.order_id, &prost::Message::encode_to_vec(&ask));
    ask
}

/// Where a plan says that things come from, each part with a reservation of its own.
pub(crate) fn plan(order_id: &str, round: u32, parts: &[inventory::AllocationPart]) -> Vec<Allotment> {
    let lines = |part: &inventory::AllocationPart| {
        sum(part.lines.iter().map(|line| (line.sku.as_str(), line.quantity.unwrap_or_default())))
    };
    let allotment = |(index, part): (usize, &inventory::AllocationPart)| Allotment {
        warehouse_id: part.warehouse_id.clone(),
        reservation_id: reservation_id(order_id, round, index),
        lines: lines(part),
    };
    parts.iter().enumerate().map(allotment).collect()
}

/// What cannot be had.
pub(crate) fn out_of_stock(short: &[inventory::Shortage]) -> Problem {
    #[derive(Serialize)]
    struct Short<'a> {
        sku: &'a str,
        requested: i64,
        available: i64,
    }
    let shown = short.iter().map(|s| Short { sku: &s.sku, requested: s.requested, available: s.available });
    let shown: Vec<Short<'_>> = shown.collect();
    let detail = match shown.first() {
        Some(first) => format!("{} of {} were asked for, {} can be had.", first.requested, first.sku, first.available),
        None => "It cannot be had.".to_owned(),
    };
    Problem::conflict("out_of_stock", detail).with_json("lines", &shown)
}

/// The deal, when everything fits: nothing exists yet, and this is what will.
pub(crate) fn deal(
    request: &v1::PlaceOrderRequest,
    wish: Wish,
    answers: Answers,
    now: Timestamp,
) -> Result<Deal, Problem> {
    let Answers { items, option, promotions, quote, allocation } = answers;
    let totals = totals(&quote);
    still_costs(request, totals.total)?;
    if !allocation.short.is_empty() {
        return Err(out_of_stock(&allocation.short));
    }
    let method = method_in(request.payment_method.as_ref());
    let is_free = totals.total.is_zero();
    let is_named = !method.token.is_empty() || !method.payment_method_id.is_empty();
    if !is_free && !is_named {
        return Err(unprocessable("no_payment_method", "It costs something, and nobody said how it is paid."));
    }
    let order_id = &request.order_id;
    let discounts: Vec<Discount> = promotions.applied.iter().map(discount).collect();
    let expires_at = now.saturating_add(SignedDuration::try_from(HOLD).unwrap_or(SignedDuration::ZERO)).unwrap_or(now);
    Ok(Deal {
        order_id: order_id.clone(),
        lines: quote.lines.iter().map(|line| deal_line(line, &items)).collect(),
        totals,
        payment_id: if is_free { String::new() } else { payment_id(order_id) },
        method: if is_free { Method::default() } else { method },
        redemption_id: if discounts.is_empty() { String::new() } else { redemption_id(order_id) },
        parts: plan(order_id, 1, &allocation.parts),
        user_id: wish.user_id,
        email: request.email.clone(),
        ship_to: wish.ship_to,
        option,
        coupon_codes: wish.coupon_codes,
        discounts,
        locale: request.locale.clone().unwrap_or_default(),
        cart_id: request.cart_id.clone(),
        quote_id: quote.quote_id,
        note: request.note.clone().unwrap_or_default(),
        hold_reason: request.hold_reason.clone(),
        expires_at,
        backorder: crate::settings::Settings::current().backorder.terms(),
    })
}

pub(crate) fn totals(quote: &pricing::Quote) -> Totals {
    Totals {
        subtotal: money(quote.subtotal.as_ref()),
        discount_total: money(quote.discount_total.as_ref()),
        shipping_total: money(quote.shipping_total.as_ref()),
        tax_total: money(quote.tax_total.as_ref()),
        tax_included: quote.tax_included,
        total: money(quote.total.as_ref()),
    }
}

fn discount(applied: &promotion::Applied) -> Discount {
    Discount {
        title: applied.title.clone(),
        campaign_id: applied.campaign_id.clone(),
        code: applied.code.clone(),
        amount: money(applied.amount.as_ref()),
    }
}

/// It costs what the customer was told, if they were told anything.
fn still_costs(request: &v1::PlaceOrderRequest, total: Money) -> Result<(), Problem> {
    as_told(request.expected_total.as_ref(), total)
}

/// It is what the customer was told, if they were told anything.
pub(crate) fn as_told(expected: Option<&common::Money>, total: Money) -> Result<(), Problem> {
    let Some(expected) = expected.map(|expected| money(Some(expected))) else { return Ok(()) };
    if expected == total {
        return Ok(());
    }
    /// Money as everybody writes it.
    #[derive(Serialize)]
    struct Shown {
        amount: i64,
        currency: String,
    }
    let shown = |money: Money| Shown { amount: money.amount(), currency: money.currency().to_string() };
    let difference = total.minus(expected).map(Money::amount).unwrap_or_default();
    Err(Problem::conflict("price_changed", format!("It costs {total} and not {expected}."))
        .with_json("expected", &shown(expected))
        .with_json("current", &shown(total))
        .with("difference", difference))
}

pub(crate) fn deal_line(line: &pricing::QuoteLine, items: &product::LookupResponse) -> Line {
    let item = items.items.iter().find(|item| item.sku == line.sku).cloned().unwrap_or_default();
    let title = match item.variant_title.as_str() {
        "" => item.title.clone(),
        variant => format!("{} {variant}", item.title),
    };
    Line {
        sku: line.sku.clone(),
        product_id: item.product_id,
        title,
        quantity: line.quantity,
        unit_price: money(line.unit_price.as_ref()),
        discount: money(line.discount.as_ref()),
        tax: money(line.tax.as_ref()),
        tax_rate_ppm: line.tax_rate_ppm,
        total: money(line.total.as_ref()),
        weight_grams: item.weight_grams.unwrap_or_default(),
        product_type: item.product_type,
    }
}

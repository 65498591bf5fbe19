//! The till: what a cart costs now, asked of those who know. Product says what the SKUs are, pricing what they cost,
//! shipping what it takes to bring them there, promotion what comes off, and pricing again what it all comes to. The cart
//! adds up nothing itself: what it shows is what an order would be asked to pay.
//!
//! When one of them is away the cart is shown with what is known by then, without totals, and says so.

use std::collections::BTreeMap;

use messages::common::v1 as common;
use messages::common::v1::SkuQuantity;
use messages::pricing::v1::{
    Adjustment, AdjustmentTarget, DerivationStep, PricedLine, Quote, ShippingChoice, TotalBasketRequest,
    UnpricedReason, rpc as pricing,
};
use messages::problem::Kind;
use messages::product::v1::{LookupItem, LookupRequest, LookupResponse, rpc as product};
use messages::promotion::v1::{BasketLine, EvaluateRequest, EvaluateResponse, Target, rpc as promotion};
use messages::shipping::v1::{ListOptionsRequest, Offer, WeighedLine, rpc as shipping};
use runtime::desk::Window;
use runtime::inquiry::{Gathering, Inquiry, both};

use super::noting::{self, PATIENCE, place};
use super::{Currency, Money, Problem, must_be_own, shown, v1};
use crate::cart::{Cart, Stage};

/// What was gathered for a cart that is to be shown.
pub(crate) enum Gathered {
    /// Nothing: only the cart itself is wanted.
    Nothing,
    /// The cart with its prices, as it was when they were asked for.
    Priced(Box<v1::Cart>),
    /// The cart could not be asked what is in it.
    Away,
}

pub(crate) fn gather<'a>(inquiry: &'a Inquiry, request: &'a v1::GetCartRequest) -> Gathering<'a, Gathered> {
    Box::pin(async move {
        if request.plain {
            return Ok(Gathered::Nothing);
        }
        match noting::plain(inquiry, &request.cart_id).await {
            Ok(cart) => Ok(Gathered::Priced(Box::new(priced(inquiry, cart).await))),
            Err(problem) if Kind::of(&problem) == Kind::NotFound => Err(problem),
            Err(_) => Ok(Gathered::Away),
        }
    })
}

/// The life of a cart is its owner's to see, like the cart.
pub(crate) fn may_see_history(window: &Window<'_>, request: &v1::GetCartHistoryRequest) -> Result<(), Problem> {
    // What is gone has no owner any more; staff may still look at what became of it.
    if !window.caller().is_staff() {
        must_be_own(&window.see::<Cart>(&request.cart_id), window.caller())?;
    }
    Ok(())
}

pub(crate) fn get(
    window: &Window<'_>,
    request: &v1::GetCartRequest,
    gathered: &Gathered,
) -> Result<v1::GetCartResponse, Problem> {
    let id = &request.cart_id;
    let cart = window.see::<Cart>(id);
    must_be_own(&cart, window.caller())?;
    let plain = shown(&cart, window.version::<Cart>(id));
    let shown = match (gathered, plain) {
        (Gathered::Priced(priced), Some(plain)) if priced.version == plain.version => Some((**priced).clone()),
        // It changed while its prices were asked for, or it is shown as it was: these are prices of another cart.
        (Gathered::Priced(_) | Gathered::Away, Some(mut plain)) if is_open(&cart) && !plain.lines.is_empty() => {
            plain.problems.push(unavailable());
            Some(plain)
        }
        (_, plain) => plain,
    };
    Ok(v1::GetCartResponse { cart: shown })
}

fn is_open(cart: &Cart) -> bool {
    matches!(cart.stage, Stage::Active | Stage::Abandoned)
}

fn unavailable() -> v1::CartProblem {
    v1::CartProblem {
        code: "prices_unavailable".to_owned(),
        detail: "What it costs cannot be said right now. Try again in a moment.".to_owned(),
        ..v1::CartProblem::default()
    }
}

/// A cart with what it costs, as far as that can be said.
async fn priced(inquiry: &Inquiry, mut cart: v1::Cart) -> v1::Cart {
    let is_open = matches!(cart.status(), v1::CartStatus::Active | v1::CartStatus::Abandoned);
    if is_open && add_up(inquiry, &mut cart).await.is_err() {
        cart.totals = None;
        cart.problems.push(unavailable());
    }
    cart
}

/// Asks everybody in turn. An error is that one of them did not answer.
async fn add_up(inquiry: &Inquiry, cart: &mut v1::Cart) -> Result<(), Problem> {
    let wanted = cart.lines.iter().map(|line| SkuQuantity { sku: line.sku.clone(), quantity: Some(line.quantity) });
    let wanted: Vec<SkuQuantity> = wanted.collect();
    let saved: Vec<String> = cart.saved.iter().map(|line| line.sku.clone()).collect();
    let skus = wanted.iter().map(|line| line.sku.clone()).collect();
    let ((items, aside), prices) =
        both(both(look_up(inquiry, skus), look_up(inquiry, saved)), noting::price(inquiry, cart, wanted)).await;
    let (items, aside) = (items?, aside?);
    name_saved(cart, &aside);
    let buyable = note_items(cart, &items);
    let prices = prices?;
    let unpriced = prices.unknown.iter().map(|line| (line.sku.as_str(), (line.reason(), line.detail.as_str())));
    let lines = note_prices(cart, &prices.lines, &unpriced.collect(), &buyable);
    if lines.is_empty() {
        return Ok(());
    }
    let shipping = choose_shipping(inquiry, cart, &lines).await?;
    let said = evaluate(inquiry, cart, &lines, shipping.as_ref()).await?;
    note_promotions(cart, &said);
    let quote = total(inquiry, cart, &lines, shipping, said).await?;
    note_totals(cart, quote);
    Ok(())
}

/// A line that can be bought: what it is and what it costs.
struct Buyable {
    item: LookupItem,
    price: PricedLine,
}

async fn look_up(inquiry: &Inquiry, skus: Vec<String>) -> Result<LookupResponse, Problem> {
    if skus.is_empty() {
        return Ok(LookupResponse::default());
    }
    inquiry.ask_within::<product::Lookup>(PATIENCE, "", &LookupRequest { skus }).await
}

fn name_saved(cart: &mut v1::Cart, items: &LookupResponse) {
    for item in &items.items {
        for line in cart.saved.iter_mut().filter(|line| line.sku == item.sku) {
            line.product_id = Some(item.product_id.clone());
            line.title = Some(item.title.clone());
            line.variant_title = Some(item.variant_title.clone());
        }
    }
}

fn problem_of(code: &str, sku: &str, detail: String) -> v1::CartProblem {
    v1::CartProblem { code: code.to_owned(), detail, sku: Some(sku.to_owned()), ..v1::CartProblem::default() }
}

/// Names the lines and says which of them cannot be bought; returns what the others are.
fn note_items(cart: &mut v1::Cart, items: &LookupResponse) -> BTreeMap<String, LookupItem> {
    let mut buyable = BTreeMap::new();
    let items: BTreeMap<&str, &LookupItem> = items.items.iter().map(|item| (item.sku.as_str(), item)).collect();
    for line in &mut cart.lines {
        let sku = &line.sku;
        let Some(item) = items.get(sku.as_str()) else {
            cart.problems.push(problem_of("unknown_sku", sku, format!("No product has the SKU {sku}.")));
            continue;
        };
        line.product_id = Some(item.product_id.clone());
        line.title = Some(item.title.clone());
        line.variant_title = Some(item.variant_title.clone());
        if item.sellable {
            buyable.insert(sku.clone(), (*item).clone());
        } else {
            cart.problems.push(problem_of("not_for_sale", sku, format!("{sku} is not for sale now.")));
        }
    }
    buyable
}

/// Notes what lines cost, what has no price, and which price is another than when the line was put in; returns the lines
/// that can be bought.
fn note_prices(
    cart: &mut v1::Cart,
    prices: &[PricedLine],
    unpriced: &BTreeMap<&str, (UnpricedReason, &str)>,
    buyable: &BTreeMap<String, LookupItem>,
) -> Vec<Buyable> {
    let mut lines = Vec::new();
    let prices: BTreeMap<&str, &PricedLine> = prices.iter().map(|price| (price.sku.as_str(), price)).collect();
    for line in &mut cart.lines {
        let (sku, item) = (line.sku.clone(), buyable.get(&line.sku));
        let Some(price) = prices.get(sku.as_str()) else {
            if item.is_some() {
                // Pricing may not have heard of it yet; either way it cannot be bought.
                let why = unpriced.get(sku.as_str()).map_or("", |(_, detail)| detail);
                let detail = if why.is_empty() { format!("{sku} has no price.") } else { why.to_owned() };
                cart.problems.push(problem_of("no_price", &sku, detail));
            }
            continue;
        };
        (line.unit_price, line.subtotal) = (price.unit_price.clone(), price.total.clone());
        cart.problems.extend(price_changed(line));
        if let Some(item) = item {
            lines.push(Buyable { item: item.clone(), price: (*price).clone() });
        }
    }
    lines
}

/// That a price is another than when the line was put in. Prices in different currencies cannot be compared.
fn price_changed(line: &v1::CartLine) -> Option<v1::CartProblem> {
    let money = |money: &Option<common::Money>| money.as_ref().and_then(|money| Money::try_from(money).ok());
    let (noted, price) = (money(&line.noted_price)?, money(&line.unit_price)?);
    if noted.currency() != price.currency() || noted == price {
        return None;
    }
    let sku = &line.sku;
    let detail = format!("{sku} cost {noted} when it was put in, and costs {price} now.");
    let problem = problem_of("price_changed", sku, detail);
    Some(v1::CartProblem { noted_price: Some(noted.into()), unit_price: Some(price.into()), ..problem })
}

/// The chosen way of shipping with what it costs, once it is known where it goes.
async fn choose_shipping(inquiry: &Inquiry, cart: &mut v1::Cart, lines: &[Buyable]) -> Result<Option<Offer>, Problem> {
    let (country, region) = place(cart);
    let nothing_to_ask = country.is_empty() || cart.shipping_option.is_empty() && cart.ship_to.is_none();
    if nothing_to_ask {
        return Ok(None);
    }
    let weighed = lines.iter().map(|line| WeighedLine {
        sku: line.item.sku.clone(),
        quantity: Some(line.price.quantity),
        weight_grams: line.item.weight_grams.unwrap_or_default(),
    });
    let request = ListOptionsRequest {
        country: country.to_owned(),
        region: region.to_owned(),
        postal_code: cart.ship_to.as_ref().map(|to| to.postal_code.clone()).unwrap_or_default(),
        lines: weighed.collect(),
        subtotal: Some(subtotal(&cart.currency, lines)?),
        currency: cart.currency.clone(),
        weight_grams: None,
    };
    let options = inquiry.ask_within::<shipping::ListOptions>(PATIENCE, "", &request).await?.options;
    if options.is_empty() {
        let detail = "There is no way to send it there.".to_owned();
        let code = "no_shipping_option".to_owned();
        cart.problems.push(v1::CartProblem { code, detail, ..v1::CartProblem::default() });
        return Ok(None);
    }
    let chosen = options.into_iter().find(|option| option.option_id == cart.shipping_option);
    if chosen.is_none() && !cart.shipping_option.is_empty() {
        let detail = "The chosen way of shipping is not available for this.".to_owned();
        let code = "shipping_option_unavailable".to_owned();
        cart.problems.push(v1::CartProblem { code, detail, ..v1::CartProblem::default() });
    }
    Ok(chosen)
}

fn subtotal(currency: &str, lines: &[Buyable]) -> Result<common::Money, Problem> {
    let bad = |e: messages::money::Error| Problem::new(Kind::Unprocessable, "bad_money", e.to_string());
    let totals = lines.iter().map(|line| Money::try_from(line.price.total.clone().unwrap_or_default()));
    let totals = totals.collect::<Result<Vec<_>, _>>().map_err(bad)?;
    Ok(Money::sum(Currency::parse(currency).map_err(bad)?, totals).map_err(bad)?.into())
}

async fn evaluate(
    inquiry: &Inquiry,
    cart: &v1::Cart,
    lines: &[Buyable],
    shipping: Option<&Offer>,
) -> Result<EvaluateResponse, Problem> {
    let basket = lines.iter().map(|line| BasketLine {
        sku: line.item.sku.clone(),
        product_id: line.item.product_id.clone(),
        quantity: Some(line.price.quantity),
        unit_price: line.price.unit_price.clone(),
    });
    let request = EvaluateRequest {
        lines: basket.collect(),
        shipping: shipping.and_then(|offer| offer.amount.clone()),
        currency: cart.currency.clone(),
        coupon_codes: cart.coupon_codes.clone(),
        user_id: Some(cart.user_id.clone()),
        customer_group: None,
        first_order: None,
    };
    inquiry.ask_within::<promotion::Evaluate>(PATIENCE, "", &request).await
}

fn note_promotions(cart: &mut v1::Cart, said: &EvaluateResponse) {
    cart.discounts = said
        .applied
        .iter()
        .cloned()
        .map(|applied| v1::CartDiscount {
            campaign_id: applied.campaign_id,
            code: applied.code,
            title: applied.title,
            amount: applied.amount,
        })
        .collect();
    // Campaigns that nobody asked for by a code are promotion's to advertise, not this cart's problem.
    let refused = said.not_applied.iter().filter(|not| not.code.is_some());
    cart.problems.extend(refused.map(|not| v1::CartProblem {
        code: "coupon_not_applicable".to_owned(),
        detail: not.detail.clone(),
        coupon_code: not.code.clone(),
        reason: Some(not.reason.clone()),
        ..v1::CartProblem::default()
    }));
}

async fn total(
    inquiry: &Inquiry,
    cart: &v1::Cart,
    lines: &[Buyable],
    shipping: Option<Offer>,
    said: EvaluateResponse,
) -> Result<Quote, Problem> {
    let (country, region) = place(cart);
    let line = |line: &Buyable| SkuQuantity { sku: line.item.sku.clone(), quantity: Some(line.price.quantity) };
    let adjustments = said.adjustments.into_iter().map(|adjustment| Adjustment {
        target: target(adjustment.target()).into(),
        id: adjustment.id,
        code: adjustment.code.unwrap_or_default(),
        campaign_id: adjustment.campaign_id,
        sku: adjustment.sku.unwrap_or_default(),
        amount: adjustment.amount,
        title: adjustment.title,
    });
    let request = TotalBasketRequest {
        lines: lines.iter().map(line).collect(),
        currency: cart.currency.clone(),
        channel: cart.channel.clone(),
        customer_group: String::new(),
        ship_to_country: country.to_owned(),
        ship_to_region: region.to_owned(),
        adjustments: adjustments.collect(),
        shipping: shipping.map(|offer| ShippingChoice {
            option_id: offer.option_id,
            title: offer.title,
            amount: offer.amount,
        }),
        user_id: cart.user_id.clone(),
    };
    let said = inquiry.ask_within::<pricing::TotalBasket>(PATIENCE, "", &request).await?;
    said.quote.ok_or_else(Problem::internal)
}

fn target(target: Target) -> AdjustmentTarget {
    match target {
        Target::Unspecified => AdjustmentTarget::Unspecified,
        Target::Line => AdjustmentTarget::Line,
        Target::Shipping => AdjustmentTarget::Shipping,
        Target::Order => AdjustmentTarget::Order,
    }
}

fn note_totals(cart: &mut v1::Cart, quote: Quote) {
    for priced in quote.lines {
        for line in cart.lines.iter_mut().filter(|line| line.sku == priced.sku) {
            line.unit_price.clone_from(&priced.unit_price);
            line.subtotal.clone_from(&priced.subtotal);
            line.discount.clone_from(&priced.discount);
            line.tax.clone_from(&priced.tax);
            line.total.clone_from(&priced.total);
        }
    }
    let step = |step: messages::pricing::v1::Derivation| v1::CartDerivation {
        step: step_name(step.step()).to_owned(),
        sku: Some(step.sku).filter(|sku| !sku.is_empty()),
        detail: step.detail,
        amount: step.amount,
    };
    cart.totals = Some(v1::CartTotals {
        subtotal: quote.subtotal,
        discount_total: quote.discount_total,
        shipping_total: quote.shipping_total,
        tax_total: quote.tax_total,
        total: quote.total,
        tax_included: quote.tax_included,
        derivation: quote.derivation.into_iter().map(step).collect(),
    });
}

/// A step of pricing's in the words of its contract.
fn step_name(step: DerivationStep) -> &'static str {
    match step {
        DerivationStep::Unspecified => "",
        DerivationStep::Price => "price",
        DerivationStep::Discount => "discount",
        DerivationStep::Shipping => "shipping",
        DerivationStep::ShippingDiscount => "shipping_discount",
        DerivationStep::Tax => "tax",
        DerivationStep::IncludedTax => "included_tax",
    }
}

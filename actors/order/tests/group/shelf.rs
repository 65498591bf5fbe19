//! Catalogue, prices, promotions and carts, scripted: a thing costs ten euro, `SPRING` takes one off, `BAD` does not work.

use messages::Rpc as _;
use messages::cart::v1::{self as cart, rpc as carts};
use messages::common::v1::{Address, Money};
use messages::pricing::v1::{self as pricing, rpc as prices};
use messages::problem::Problem;
use messages::product::v1::{self as product, rpc as products};
use messages::promotion::v1::{self as promotion, rpc as promotions};
use runtime::desk::{Desk, Window};
use runtime::entity::{Entity, Facts};
use runtime::group::{Group, Views};
use serde::{Deserialize, Serialize};

use super::stub::{Happened, only};

fn eur(amount: i64) -> Option<Money> {
    Some(Money { amount: Some(amount), currency: "EUR".to_owned() })
}

/// One word that is remembered: the order of a cart, the standing of a redemption.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Word(String);

impl Entity for Word {
    const KIND: &'static str = "word";
    const FOLD: u32 = 1;
    type Command = String;
    type Event = Happened<String>;
    type Refusal = Problem;

    fn decide(&self, word: String, _: &Facts) -> Result<Vec<Happened<String>>, Problem> {
        Ok(if self.0 == word { vec![] } else { vec![Happened::Note(word)] })
    }

    fn evolve(&mut self, event: &Happened<String>) {
        if let Happened::Note(word) = event {
            self.0.clone_from(word);
        }
    }
}

fn lookup(_: &Views<'_>, r: &product::LookupRequest) -> Result<product::LookupResponse, Problem> {
    let item = |sku: &String| product::LookupItem {
        sku: sku.clone(),
        product_id: messages::id::Id::derived("prd", sku.as_bytes()).to_string(),
        title: sku.to_lowercase(),
        product_type: if sku == "CLUB" { "membership".to_owned() } else { "physical".to_owned() },
        sellable: sku != "CLOSED",
        weight_grams: Some(100),
        price: eur(1_000),
        ..Default::default()
    };
    let (unknown, known): (Vec<String>, Vec<String>) = r.skus.iter().cloned().partition(|sku| sku == "GHOST");
    Ok(product::LookupResponse { items: known.iter().map(item).collect(), unknown })
}

pub(crate) fn product() -> Group {
    Group::new(only("product", &[products::Lookup::ROUTE])).query::<products::Lookup>(lookup)
}

fn price(_: &Views<'_>, r: &pricing::PriceLinesRequest) -> Result<pricing::PriceLinesResponse, Problem> {
    let line = |line: &messages::common::v1::SkuQuantity| pricing::PricedLine {
        sku: line.sku.clone(),
        quantity: line.quantity.unwrap_or_default(),
        unit_price: eur(if line.sku == "GIFT" { 0 } else { 1_000 }),
        total: eur(if line.sku == "GIFT" { 0 } else { 1_000 * line.quantity.unwrap_or_default() }),
        ..Default::default()
    };
    let (unpriced, priced): (Vec<_>, Vec<_>) = r.lines.iter().partition(|line| line.sku == "DEAR");
    let unknown = unpriced.iter().map(|line| pricing::UnpricedLine { sku: line.sku.clone(), ..Default::default() });
    Ok(pricing::PriceLinesResponse { unknown: unknown.collect(), lines: priced.into_iter().map(line).collect() })
}

fn quote(_: &mut Desk<'_>, r: &pricing::CreateQuoteRequest) -> Result<pricing::CreateQuoteResponse, Problem> {
    let unit = |sku: &str| if sku == "GIFT" { 0 } else { 1_000 };
    let off: i64 = r.adjustments.iter().filter_map(|a| a.amount.as_ref()?.amount).sum();
    let mut left = off;
    let line = |line: &messages::common::v1::SkuQuantity| {
        let quantity = line.quantity.unwrap_or_default();
        let subtotal = unit(&line.sku) * quantity;
        let discount = left.min(subtotal);
        left -= discount;
        pricing::QuoteLine {
            sku: line.sku.clone(),
            quantity,
            unit_price: eur(unit(&line.sku)),
            subtotal: eur(subtotal),
            discount: eur(discount),
            tax: eur(0),
            total: eur(subtotal - discount),
            ..Default::default()
        }
    };
    let lines: Vec<_> = r.lines.iter().map(line).collect();
    let sum: i64 = lines.iter().filter_map(|line| line.subtotal.as_ref()?.amount).sum();
    let way = r.shipping.as_ref().and_then(|s| s.amount.as_ref()?.amount).unwrap_or(0);
    // What costs nothing is sent for nothing.
    let way = if sum == 0 { 0 } else { way };
    let quote = pricing::Quote {
        quote_id: r.quote_id.clone(),
        currency: r.currency.clone(),
        subtotal: eur(sum),
        discount_total: eur(off),
        shipping_total: eur(way),
        tax_total: eur(0),
        total: eur(sum - off + way),
        tax_included: true,
        lines,
        ..Default::default()
    };
    Ok(pricing::CreateQuoteResponse { quote: Some(quote) })
}

/// Somebody was told that a mug costs nine euro; or the same, long ago.
fn old_quote(window: &Window<'_>, r: &pricing::GetQuoteRequest) -> Result<pricing::GetQuoteResponse, Problem> {
    let (nine, late) = (super::shop::id("quo", "nine"), super::shop::id("quo", "late"));
    if r.quote_id != nine && r.quote_id != late {
        return Err(Problem::not_found("not_found", "There is no such quote."));
    }
    let expires_at = if r.quote_id == late { jiff::Timestamp::UNIX_EPOCH } else { jiff::Timestamp::MAX };
    let line = pricing::QuoteLine { sku: "MUG".to_owned(), quantity: 1, unit_price: eur(900), ..Default::default() };
    let expires_at = expires_at.min(window.now() + jiff::SignedDuration::from_hours(1));
    let expires_at = Some(runtime::clock::to_wire(expires_at));
    let quote = pricing::Quote {
        quote_id: r.quote_id.clone(),
        currency: "EUR".to_owned(),
        lines: vec![line],
        expires_at,
        ..Default::default()
    };
    Ok(pricing::GetQuoteResponse { quote: Some(quote) })
}

pub(crate) fn pricing() -> Group {
    Group::new(only("pricing", &[prices::PriceLines::ROUTE, prices::CreateQuote::ROUTE, prices::GetQuote::ROUTE]))
        .entity::<Word>()
        .query::<prices::PriceLines>(price)
        .command::<prices::CreateQuote, Word>(|r| r.quote_id.clone(), quote)
        .read::<prices::GetQuote, Word>(|r| r.quote_id.clone(), old_quote)
}

fn campaign() -> String {
    super::shop::id("cmp", "spring")
}

fn evaluate(_: &Views<'_>, r: &promotion::EvaluateRequest) -> Result<promotion::EvaluateResponse, Problem> {
    let (good, bad): (Vec<&String>, Vec<&String>) = r.coupon_codes.iter().partition(|code| *code != "BAD");
    let adjustment = |code: &&String| promotion::Adjustment {
        id: format!("adj-{code}"),
        campaign_id: campaign(),
        code: Some((*code).clone()),
        target: promotion::Target::Order.into(),
        amount: eur(100),
        title: "Spring".to_owned(),
        ..Default::default()
    };
    let applied = |code: &&String| promotion::Applied {
        campaign_id: campaign(),
        code: Some((*code).clone()),
        title: "Spring".to_owned(),
        amount: eur(100),
    };
    let refused = |code: &&String| promotion::NotApplied {
        code: Some((*code).clone()),
        reason: "coupon_unknown".to_owned(),
        detail: "there is no such coupon".to_owned(),
        ..Default::default()
    };
    Ok(promotion::EvaluateResponse {
        adjustments: good.iter().map(adjustment).collect(),
        applied: good.iter().map(applied).collect(),
        not_applied: bad.iter().map(refused).collect(),
    })
}

fn reserve(desk: &mut Desk<'_>, r: &promotion::ReserveRequest) -> Result<promotion::ReserveResponse, Problem> {
    if r.uses.iter().any(|used| used.code.as_deref() == Some("GONE")) {
        return Err(Problem::conflict("coupon_exhausted", "The code is used up."));
    }
    desk.tell::<Word>(&r.redemption_id, "reserved".to_owned())?;
    Ok(promotion::ReserveResponse::default())
}

fn commit(desk: &mut Desk<'_>, r: &promotion::CommitRequest) -> Result<promotion::CommitResponse, Problem> {
    desk.tell::<Word>(&r.redemption_id, "committed".to_owned())?;
    Ok(promotion::CommitResponse::default())
}

fn release(desk: &mut Desk<'_>, r: &promotion::ReleaseRequest) -> Result<promotion::ReleaseResponse, Problem> {
    desk.tell::<Word>(&r.redemption_id, "released".to_owned())?;
    Ok(promotion::ReleaseResponse::default())
}

fn redemption(
    w: &Window<'_>,
    r: &promotion::GetRedemptionRequest,
) -> Result<promotion::GetRedemptionResponse, Problem> {
    use promotion::RedemptionStatus as Status;
    let status = match w.see::<Word>(&r.redemption_id).0.as_str() {
        "reserved" => Status::Reserved,
        "committed" => Status::Committed,
        "released" => Status::Released,
        _ => Status::Unspecified,
    };
    let redemption = promotion::Redemption { status: status.into(), ..Default::default() };
    Ok(promotion::GetRedemptionResponse { redemption: Some(redemption) })
}

pub(crate) fn promotion() -> Group {
    let routes = [
        promotions::Evaluate::ROUTE,
        promotions::Reserve::ROUTE,
        promotions::Commit::ROUTE,
        promotions::Release::ROUTE,
        promotions::GetRedemption::ROUTE,
    ];
    Group::new(only("promotion", &routes))
        .entity::<Word>()
        .query::<promotions::Evaluate>(evaluate)
        .command::<promotions::Reserve, Word>(|r| r.redemption_id.clone(), reserve)
        .command::<promotions::Commit, Word>(|r| r.redemption_id.clone(), commit)
        .command::<promotions::Release, Word>(|r| r.redemption_id.clone(), release)
        .read::<promotions::GetRedemption, Word>(|r| r.redemption_id.clone(), redemption)
}

fn get_cart(window: &Window<'_>, r: &cart::GetCartRequest) -> Result<cart::GetCartResponse, Problem> {
    if r.cart_id != super::shop::id("cart", "full") {
        return Err(Problem::not_found("not_found", "There is no such cart."));
    }
    let is_open = window.see::<Word>(&r.cart_id).0.is_empty();
    let status = if is_open { cart::CartStatus::Active } else { cart::CartStatus::Ordered };
    let line = |sku: &str, quantity| cart::CartLine { sku: sku.to_owned(), quantity, ..Default::default() };
    let cart = cart::Cart {
        cart_id: r.cart_id.clone(),
        status: status.into(),
        currency: "EUR".to_owned(),
        lines: vec![line("MUG", 2), line("FAR-TEE", 1)],
        coupon_codes: vec!["SPRING".to_owned()],
        ship_to: Some(Address { ..super::shop::address() }),
        shipping_option: "standard".to_owned(),
        ..Default::default()
    };
    Ok(cart::GetCartResponse { cart: Some(cart) })
}

fn complete(desk: &mut Desk<'_>, r: &cart::CompleteCartRequest) -> Result<cart::CompleteCartResponse, Problem> {
    let known = desk.see::<Word>(&r.cart_id).0.clone();
    if !known.is_empty() && known != r.order_id {
        return Err(Problem::conflict("already_ordered", "The cart became another order."));
    }
    desk.tell::<Word>(&r.cart_id, r.order_id.clone())?;
    Ok(cart::CompleteCartResponse::default())
}

pub(crate) fn cart() -> Group {
    Group::new(only("cart", &[carts::GetCart::ROUTE, carts::CompleteCart::ROUTE]))
        .entity::<Word>()
        .read::<carts::GetCart, Word>(|r| r.cart_id.clone(), get_cart)
        .command::<carts::CompleteCart, Word>(|r| r.cart_id.clone(), complete)
}

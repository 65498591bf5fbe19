//! The groups a cart asks, each as small as it can be: they answer by heart what a test has told them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use messages::common::v1::Money;
use messages::pricing::v1::{
    Derivation, DerivationStep, PriceLinesRequest, PriceLinesResponse, PricedLine, Quote, QuoteLine,
    TotalBasketRequest, TotalBasketResponse, UnpricedLine, UnpricedReason, rpc as pricing,
};
use messages::problem::Problem;
use messages::product::v1::{LookupItem, LookupRequest, LookupResponse, ProductStatus, rpc as product};
use messages::promotion::v1::{
    Adjustment, Applied, EvaluateRequest, EvaluateResponse, NotApplied, Target, rpc as promotion,
};
use messages::shipping::v1::{ListOptionsRequest, ListOptionsResponse, Offer, rpc as shipping};
use messages::{Group as Contract, Route, Rpc as _};
use runtime::group::{Group, Views};
use runtime::testkit::{Ground, Stage, World};

thread_local! {
    /// What one unit costs, by SKU; what is not here has no price.
    pub(crate) static PRICES: RefCell<BTreeMap<String, i64>> = RefCell::default();
}

/// SKUs that no product has begin so.
const UNKNOWN: &str = "UNKNOWN";
/// SKUs that are not for sale begin so.
const DRAFT: &str = "DRAFT";
/// The coupon that takes one euro off every order.
pub(crate) const COUPON: &str = "EURO";
pub(crate) const CAMPAIGN: &str = "cmp_01h455vb4pex5vsknk084sn02q";
/// The one way of shipping, to Austria only.
pub(crate) const STANDARD: &str = "zon_01h455vb4pex5vsknk084sn02q.standard";

pub(crate) fn eur(amount: i64) -> Option<Money> {
    Some(Money { amount: Some(amount), currency: "EUR".into() })
}

fn amount(money: &Option<Money>) -> i64 {
    money.as_ref().and_then(|money| money.amount).unwrap_or_default()
}

fn price(sku: &str) -> Option<i64> {
    PRICES.with_borrow(|prices| prices.get(sku).copied())
}

fn look_up(_: &Views<'_>, request: &LookupRequest) -> Result<LookupResponse, Problem> {
    let (unknown, known): (Vec<_>, Vec<_>) = request.skus.iter().cloned().partition(|sku| sku.starts_with(UNKNOWN));
    let item = |sku: String| LookupItem {
        product_id: messages::id::Id::derived("prd", sku.as_bytes()).to_string(),
        title: format!("The {sku}"),
        status: ProductStatus::Active.into(),
        sellable: !sku.starts_with(DRAFT),
        weight_grams: Some(100),
        price: eur(1),
        sku,
        ..LookupItem::default()
    };
    Ok(LookupResponse { items: known.into_iter().map(item).collect(), unknown })
}

/// Ten of a kind cost a tenth less.
fn unit_price(sku: &str, quantity: i64) -> Option<i64> {
    price(sku).map(|cents| if quantity >= 10 { cents - cents / 10 } else { cents })
}

fn price_lines(_: &Views<'_>, request: &PriceLinesRequest) -> Result<PriceLinesResponse, Problem> {
    let mut said = PriceLinesResponse::default();
    for line in &request.lines {
        let (sku, quantity) = (line.sku.clone(), line.quantity.unwrap_or_default());
        match unit_price(&sku, quantity) {
            Some(cents) => said.lines.push(PricedLine {
                sku,
                quantity,
                unit_price: eur(cents),
                total: eur(cents * quantity),
                ..PricedLine::default()
            }),
            None => said.unknown.push(UnpricedLine {
                detail: format!("{sku} has no price in EUR."),
                sku,
                reason: UnpricedReason::NoPriceInCurrency.into(),
            }),
        }
    }
    Ok(said)
}

fn total(_: &Views<'_>, request: &TotalBasketRequest) -> Result<TotalBasketResponse, Problem> {
    let mut quote = Quote { currency: request.currency.clone(), tax_included: true, ..Quote::default() };
    let mut subtotal = 0;
    for line in &request.lines {
        let quantity = line.quantity.unwrap_or_default();
        let cents = unit_price(&line.sku, quantity).unwrap_or_default();
        subtotal += cents * quantity;
        quote.lines.push(QuoteLine {
            sku: line.sku.clone(),
            quantity,
            unit_price: eur(cents),
            subtotal: eur(cents * quantity),
            discount: eur(0),
            tax: eur(0),
            total: eur(cents * quantity),
            ..QuoteLine::default()
        });
        quote.derivation.push(Derivation {
            step: DerivationStep::Price.into(),
            sku: line.sku.clone(),
            detail: format!("{quantity} at {cents}"),
            amount: eur(cents * quantity),
        });
    }
    let discount: i64 = request.adjustments.iter().map(|adjustment| amount(&adjustment.amount)).sum();
    let shipping = request.shipping.as_ref().map_or(0, |choice| amount(&choice.amount));
    (quote.subtotal, quote.discount_total, quote.shipping_total) = (eur(subtotal), eur(discount), eur(shipping));
    (quote.tax_total, quote.total) = (eur(0), eur(subtotal - discount + shipping));
    Ok(TotalBasketResponse { quote: Some(quote), ..TotalBasketResponse::default() })
}

fn evaluate(_: &Views<'_>, request: &EvaluateRequest) -> Result<EvaluateResponse, Problem> {
    let mut said = EvaluateResponse::default();
    for code in &request.coupon_codes {
        if code == COUPON {
            let (campaign_id, code) = (CAMPAIGN.to_owned(), Some(code.clone()));
            let (title, amount) = ("One euro off".to_owned(), eur(100));
            said.adjustments.push(Adjustment {
                id: "a".into(),
                campaign_id: campaign_id.clone(),
                code: code.clone(),
                target: Target::Order.into(),
                sku: None,
                amount: amount.clone(),
                title: title.clone(),
            });
            said.applied.push(Applied { campaign_id, code, title, amount });
        } else {
            let (code, reason, detail) = (Some(code.clone()), "coupon_unknown".into(), "No such code.".into());
            said.not_applied.push(NotApplied { campaign_id: None, code, reason, detail });
        }
    }
    // An automatic campaign that does not apply is nobody's problem.
    let (reason, detail) = ("below_minimum".into(), "More is needed.".into());
    said.not_applied.push(NotApplied { campaign_id: Some(CAMPAIGN.into()), code: None, reason, detail });
    Ok(said)
}

fn options(_: &Views<'_>, request: &ListOptionsRequest) -> Result<ListOptionsResponse, Problem> {
    let standard = Offer {
        option_id: STANDARD.into(),
        title: "Standard".into(),
        amount: eur(490),
        carrier: "table".into(),
        ..Offer::default()
    };
    let options = if request.country == "AT" { vec![standard] } else { Vec::new() };
    Ok(ListOptionsResponse { options, ..ListOptionsResponse::default() })
}

/// A group's contract with only the rpcs that are handled here, and nobody heard.
fn part(name: &str, routes: &'static [&'static Route]) -> &'static Contract {
    let whole = Contract::named(name).expect("a group");
    Box::leak(Box::new(Contract { hears: &[], calls: &[], routes, ..*whole }))
}

thread_local! {
    static PRODUCT: &'static Contract = part("product", Box::leak(Box::new([product::Lookup::ROUTE])));
    static PRICING: &'static Contract =
        part("pricing", Box::leak(Box::new([pricing::PriceLines::ROUTE, pricing::TotalBasket::ROUTE])));
    static PROMOTION: &'static Contract = part("promotion", Box::leak(Box::new([promotion::Evaluate::ROUTE])));
    static SHIPPING: &'static Contract = part("shipping", Box::leak(Box::new([shipping::ListOptions::ROUTE])));
}

/// A group that is asked by a cart, in a world.
pub(crate) async fn open(world: &World, name: &str) -> Stage {
    let build: fn() -> Group = match name {
        "product" => || Group::new(PRODUCT.with(|contract| *contract)).query::<product::Lookup>(look_up),
        "pricing" => || {
            let group = Group::new(PRICING.with(|contract| *contract));
            group.query::<pricing::PriceLines>(price_lines).query::<pricing::TotalBasket>(total)
        },
        "promotion" => || Group::new(PROMOTION.with(|contract| *contract)).query::<promotion::Evaluate>(evaluate),
        _ => || Group::new(SHIPPING.with(|contract| *contract)).query::<shipping::ListOptions>(options),
    };
    let mut stage = Stage::new(Ground::World(world.clone()), build);
    stage.start("n").await;
    stage
}

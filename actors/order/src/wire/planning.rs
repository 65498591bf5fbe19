//! Planning an amendment: what other groups say of the goods that are to be added, and what that makes of an order.
//!
//! Nothing is held here. What was true when it was asked for is looked at again when the amendment is written down, and
//! stock and money are the amendment's to ask for.

use messages::inventory::v1 as inventory;
use messages::pricing::v1 as pricing;
use messages::product::v1 as product;
use runtime::inquiry::{Gathering, Inquiry, both};

use super::deal::{address_in, item_out, lines, money, say, units};
use super::placing::{self, Wish};
use super::{Money, Problem, rpc, v1};
use crate::order::command::Refusal;
use crate::order::deal::{Allotment, Line, Totals, Units};
use crate::order::placed::Placed;

/// What is to be added, as it can be had now. Nothing, if nothing is.
pub(crate) struct Goods {
    /// What was asked for.
    pub(crate) units: Units,
    /// The same, at the prices of the day.
    pub(crate) lines: Vec<Line>,
    /// What it costs; nothing is there when there are no lines.
    pub(crate) totals: Option<Totals>,
    /// Where it comes from.
    pub(crate) parts: Vec<inventory::AllocationPart>,
    /// When everybody was asked.
    pub(crate) at: jiff::Timestamp,
}

impl Goods {
    /// What of it comes from where, each part with a reservation of its own.
    pub(crate) fn allotted(&self, amendment_id: &str) -> Vec<Allotment> {
        placing::plan(amendment_id, 1, &self.parts)
    }
}

pub(crate) fn for_exchange<'a>(inquiry: &'a Inquiry, request: &'a v1::RequestExchangeRequest) -> Gathering<'a, Goods> {
    Box::pin(async move {
        let order = order_of(inquiry, &request.order_id).await?;
        goods(inquiry, &order, units(&request.replacements)).await
    })
}

pub(crate) fn for_edit<'a>(inquiry: &'a Inquiry, request: &'a v1::EditOrderRequest) -> Gathering<'a, Goods> {
    Box::pin(edited(inquiry, &request.order_id, &request.lines))
}

pub(crate) fn for_plan<'a>(inquiry: &'a Inquiry, request: &'a v1::PlanEditRequest) -> Gathering<'a, Goods> {
    Box::pin(edited(inquiry, &request.order_id, &request.lines))
}

/// A preview is a question to the order, which knows what was paid.
pub(crate) fn for_preview<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::PreviewEditRequest,
) -> Gathering<'a, Option<v1::EditPreview>> {
    Box::pin(async move {
        let v1::PreviewEditRequest { order_id, lines } = request.clone();
        let plan = v1::PlanEditRequest { order_id: order_id.clone(), lines };
        Ok(inquiry.ask::<rpc::PlanEdit>(&order_id, &plan).await?.preview)
    })
}

async fn edited(inquiry: &Inquiry, order_id: &str, wanted: &[v1::EditLine]) -> Result<Goods, Problem> {
    let order = order_of(inquiry, order_id).await?;
    let mut kept = Units::new();
    for item in &order.items {
        *kept.entry(item.sku.clone()).or_default() += item.quantity - item.cancelled;
    }
    goods(inquiry, &order, added(&kept, wanted)).await
}

async fn order_of(inquiry: &Inquiry, order_id: &str) -> Result<v1::Order, Problem> {
    let get = v1::GetOrderRequest { order_id: order_id.to_owned() };
    let found = inquiry.ask::<rpc::GetOrder>(order_id, &get).await?;
    found.order.ok_or_else(|| Refusal::NotFound.into())
}

/// What of this is more than there is.
fn added(kept: &Units, wanted: &[v1::EditLine]) -> Units {
    let more = |line: &v1::EditLine| {
        let count = line.quantity.unwrap_or_default() - kept.get(&line.sku).copied().unwrap_or(0);
        (count > 0).then(|| (line.sku.clone(), count))
    };
    wanted.iter().filter_map(more).collect()
}

/// What of it is less.
fn removed(kept: &Units, wanted: &[v1::EditLine]) -> Units {
    let less = |line: &v1::EditLine| {
        let count = kept.get(&line.sku).copied().unwrap_or(0) - line.quantity.unwrap_or_default();
        (count > 0).then(|| (line.sku.clone(), count))
    };
    wanted.iter().filter_map(less).collect()
}

async fn goods(inquiry: &Inquiry, order: &v1::Order, units: Units) -> Result<Goods, Problem> {
    let at = inquiry.now();
    if units.is_empty() {
        return Ok(Goods { units, lines: Vec::new(), totals: None, parts: Vec::new(), at });
    }
    let wish = Wish {
        user_id: order.user_id.clone(),
        units,
        currency: order.total_amount.as_ref().map(|total| total.currency.clone()).unwrap_or_default(),
        channel: String::new(),
        customer_group: String::new(),
        ship_to: address_in(order.shipping_address.as_ref()),
        option_id: None,
        coupon_codes: Vec::new(),
        told: Vec::new(),
    };
    let (lookup, prices) = (placing::lookup(&wish), placing::pricing(&wish));
    let (items, prices) =
        both(inquiry.ask::<product::rpc::Lookup>("", &lookup), inquiry.ask::<pricing::rpc::PriceLines>("", &prices))
            .await;
    let (items, prices) = (items?, prices?);
    placing::for_sale(&wish, &items)?;
    placing::priced(&wish, &prices)?;
    let wanted = placing::to_send(&wish, &items);
    let allocation = match wanted.is_empty() {
        true => inventory::AllocateResponse::default(),
        false => {
            let allocation = placing::allocation(&wish.ship_to, &wanted, false);
            inquiry.ask::<inventory::rpc::Allocate>("", &allocation).await?
        }
    };
    if !allocation.short.is_empty() {
        return Err(placing::out_of_stock(&allocation.short));
    }
    // A quote of its own for every time it is asked: prices of the day, with the taxes of the place.
    let ask = pricing::CreateQuoteRequest {
        quote_id: inquiry.id("quo", &order.order_id),
        lines: lines(&wish.units),
        currency: wish.currency.clone(),
        ship_to_country: wish.ship_to.country.clone(),
        ship_to_region: wish.ship_to.region.clone(),
        user_id: wish.user_id.clone(),
        ..pricing::CreateQuoteRequest::default()
    };
    let quote = inquiry.ask::<pricing::rpc::CreateQuote>(&ask.quote_id, &ask).await?.quote.unwrap_or_default();
    let lines = quote.lines.iter().map(|line| placing::deal_line(line, &items)).collect();
    Ok(Goods { units: wish.units, lines, totals: Some(placing::totals(&quote)), parts: allocation.parts, at })
}

/// What an edit makes of an order.
pub(super) struct Edit {
    /// What goes.
    pub(super) removed: Units,
    /// What each of it was worth.
    pub(super) worth: Vec<(String, i64, Money)>,
}

impl Edit {
    /// What goes was worth so much.
    pub(super) fn removed_amount(&self, placed: &Placed) -> Money {
        placed.sum(self.worth.iter().map(|(_, _, amount)| *amount))
    }
}

/// Looks at an edit as the order is now.
pub(super) fn edit(placed: &Placed, wanted: &[v1::EditLine], goods: &Goods) -> Result<Edit, Problem> {
    placed.may_be_edited("")?;
    let kept = placed.kept();
    let removed = removed(&kept, wanted);
    let added = added(&kept, wanted);
    if added != goods.units {
        // The order changed between the question and the answer.
        return Err(Refusal::Changing.into());
    }
    if added.is_empty() && removed.is_empty() {
        return Err(Refusal::NothingChanges.into());
    }
    if added.is_empty() && removed == kept {
        return Err(Refusal::EverythingGoes.into());
    }
    let beyond = placed.beyond_cancellable(&removed);
    if !beyond.is_empty() {
        return Err(Refusal::ExceedsCancellable(beyond).into());
    }
    Ok(Edit { worth: worth(placed, &removed), removed })
}

/// What each of these was worth, together no more than is left to give back.
fn worth(placed: &Placed, removed: &Units) -> Vec<(String, i64, Money)> {
    let mut units = Units::new();
    let mut before = placed.nothing();
    let mut worth = Vec::new();
    for (sku, count) in removed {
        units.insert(sku.clone(), *count);
        let sum = placed.worth(&units);
        worth.push((sku.clone(), *count, sum.minus(before).unwrap_or(placed.nothing())));
        before = sum;
    }
    worth
}

/// What is added costs so much.
pub(super) fn added_amount(placed: &Placed, goods: &Goods) -> Money {
    goods.totals.as_ref().map_or(placed.nothing(), |totals| totals.total)
}

/// What an edit would cost or give back.
pub(super) fn preview(
    placed: &Placed,
    version: u64,
    wanted: &[v1::EditLine],
    goods: &Goods,
) -> Result<v1::EditPreview, Problem> {
    let edit = edit(placed, wanted, goods)?;
    let (added, removed) = (added_amount(placed, goods), edit.removed_amount(placed));
    let difference = added.minus(removed).map_err(|_| Problem::internal())?;
    let billed = placed.billed().plus(difference).map_err(|_| Problem::internal())?;
    let entry = |sku: &str, quantity: i64, amount: Money, reason: &str| v1::EditEntry {
        sku: sku.to_owned(),
        quantity,
        amount: say(amount),
        reason: reason.to_owned(),
    };
    let mut derivation: Vec<v1::EditEntry> =
        goods.lines.iter().map(|line| entry(&line.sku, line.quantity, line.total, "price_of_today")).collect();
    derivation.extend(edit.worth.iter().map(|(sku, count, amount)| entry(sku, -count, amount.negated(), "price_paid")));
    Ok(v1::EditPreview {
        order_id: placed.deal.order_id.clone(),
        version,
        items: goods.lines.iter().map(item_out).collect(),
        removed: lines(&edit.removed),
        added_amount: say(added),
        removed_amount: say(removed),
        difference: say(difference),
        billed_amount: say(billed),
        derivation,
    })
}

/// How the difference is paid: as was said now, or as the order was.
pub(super) fn method(placed: &Placed, said: Option<&v1::PaymentMethod>) -> crate::order::deal::Method {
    match said {
        Some(said) => super::deal::method_in(Some(said)),
        None => placed.deal.method.clone(),
    }
}

/// The amount that a totals message says, in its parts; nothing of each when nothing is added.
pub(super) fn parts_of_amount(placed: &Placed, goods: &Goods) -> (Money, Money, Money) {
    match &goods.totals {
        Some(totals) => (totals.subtotal, totals.discount_total, totals.tax_total),
        None => (placed.nothing(), placed.nothing(), placed.nothing()),
    }
}

/// Money of the contract that somebody was told, as it is.
pub(super) fn told(difference: Money, expected: Option<&messages::common::v1::Money>) -> Result<(), Problem> {
    let expected = expected.map(|expected| money(Some(expected)).into());
    placing::as_told(expected.as_ref(), difference)
}

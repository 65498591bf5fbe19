//! What deals are made of: contract to domain and back.

use messages::common::v1::{self as common, SkuQuantity};
use runtime::clock::{from_wire, to_wire};

use super::{Currency, Money, v1};
use crate::order::deal::{
    Address, Allotment, Awaited, Backorder, Choice, Deal, Discount, Line, Method, Totals, Units, Waiting,
};
use crate::order::event::Bill;
use crate::order::placed::{Action, Share};

/// Money of the contract. What a log holds was checked when it was said; what was not there is nothing.
pub(crate) fn money(said: Option<&common::Money>) -> Money {
    let read = said.and_then(|money| Money::try_from(money).ok());
    read.unwrap_or_else(nothing)
}

fn nothing() -> Money {
    #[expect(clippy::expect_used, reason = "EUR is a currency of ISO 4217, as a test of messages says")]
    let euro = Currency::parse("EUR").expect("a currency");
    Money::zero(euro)
}

pub(super) fn say(money: Money) -> Option<common::Money> {
    Some(money.into())
}

pub(super) fn units(lines: &[SkuQuantity]) -> Units {
    let mut units = Units::new();
    lines.iter().for_each(|line| *units.entry(line.sku.clone()).or_default() += line.quantity.unwrap_or_default());
    units
}

pub(super) fn lines(units: &Units) -> Vec<SkuQuantity> {
    units.iter().map(|(sku, count)| SkuQuantity { sku: sku.clone(), quantity: Some(*count) }).collect()
}

/// A text that may be missing.
pub(super) fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

pub(crate) fn address_in(said: Option<&common::Address>) -> Address {
    let common::Address { name, line1, line2, postal_code, city, region, country, phone } =
        said.cloned().unwrap_or_default();
    Address { name, line1, line2, postal_code, city, region, country, phone }
}

pub(super) fn address_out(address: &Address) -> Option<common::Address> {
    let Address { name, line1, line2, postal_code, city, region, country, phone } = address.clone();
    Some(common::Address { name, line1, line2, postal_code, city, region, country, phone })
}

pub(super) fn choice_in(said: &v1::ShippingChoice) -> Choice {
    let v1::ShippingChoice { option_id, title, amount, carrier, min_days, max_days } = said.clone();
    Choice { option_id, title, amount: money(amount.as_ref()), carrier, min_days, max_days }
}

pub(super) fn choice_out(choice: &Choice) -> v1::ShippingChoice {
    let Choice { option_id, title, amount, carrier, min_days, max_days } = choice.clone();
    v1::ShippingChoice { option_id, title, amount: say(amount), carrier, min_days, max_days }
}

pub(super) fn allotments_in(said: &[v1::Allotment]) -> Vec<Allotment> {
    let allotment = |part: &v1::Allotment| Allotment {
        warehouse_id: part.warehouse_id.clone(),
        reservation_id: part.reservation_id.clone(),
        lines: units(&part.lines),
    };
    said.iter().map(allotment).collect()
}

pub(super) fn allotments_out(parts: &[Allotment]) -> Vec<v1::Allotment> {
    let allotment = |part: &Allotment| v1::Allotment {
        warehouse_id: part.warehouse_id.clone(),
        reservation_id: part.reservation_id.clone(),
        lines: lines(&part.lines),
    };
    parts.iter().map(allotment).collect()
}

pub(super) fn awaited_in(said: &[v1::AwaitedLine]) -> Waiting {
    let awaited = |line: &v1::AwaitedLine| Awaited {
        units: line.quantity,
        expected_at: line.expected_at.as_ref().map(|at| from_wire(Some(at))),
    };
    said.iter().map(|line| (line.sku.clone(), awaited(line))).collect()
}

pub(super) fn awaited_out(waiting: &Waiting) -> Vec<v1::AwaitedLine> {
    let line = |(sku, awaited): (&String, &Awaited)| v1::AwaitedLine {
        sku: sku.clone(),
        quantity: awaited.units,
        expected_at: awaited.expected_at.map(to_wire),
    };
    waiting.iter().map(line).collect()
}

/// Nothing, when nothing is waited for.
pub(super) fn awaited_lines_in(said: Option<&v1::AwaitedLines>) -> Waiting {
    said.map(|said| awaited_in(&said.data)).unwrap_or_default()
}

pub(super) fn awaited_lines_out(waiting: &Waiting) -> Option<v1::AwaitedLines> {
    (!waiting.is_empty()).then(|| v1::AwaitedLines { data: awaited_out(waiting) })
}

fn terms_in(said: v1::BackorderTerms) -> Backorder {
    let v1::BackorderTerms { together, capture_at_once } = said;
    Backorder { together, capture_at_once }
}

fn terms_out(terms: Backorder) -> v1::BackorderTerms {
    let Backorder { together, capture_at_once } = terms;
    v1::BackorderTerms { together, capture_at_once }
}

pub(super) fn item_in(said: &v1::OrderItem) -> Line {
    Line {
        sku: said.sku.clone(),
        product_id: said.product_id.clone(),
        title: said.title.clone(),
        quantity: said.quantity,
        unit_price: money(said.unit_price.as_ref()),
        discount: money(said.discount.as_ref()),
        tax: money(said.tax.as_ref()),
        tax_rate_ppm: said.tax_rate_ppm,
        total: money(said.total.as_ref()),
        weight_grams: said.weight_grams,
        product_type: said.product_type.clone(),
    }
}

pub(super) fn item_out(line: &Line) -> v1::OrderItem {
    v1::OrderItem {
        sku: line.sku.clone(),
        product_id: line.product_id.clone(),
        title: line.title.clone(),
        quantity: line.quantity,
        unit_price: say(line.unit_price),
        discount: say(line.discount),
        tax: say(line.tax),
        tax_rate_ppm: line.tax_rate_ppm,
        total: say(line.total),
        weight_grams: line.weight_grams,
        product_type: line.product_type.clone(),
        cancelled: 0,
        shipped: 0,
        returned: 0,
    }
}

/// None, when all of it goes back by the first payment.
pub(super) fn shares_in(said: Option<&v1::RefundShares>) -> Vec<Share> {
    let share = |said: &v1::RefundShare| Share {
        payment_id: said.payment_id.clone(),
        refund_id: said.refund_id.clone(),
        amount: money(said.amount.as_ref()),
    };
    said.map(|said| said.data.iter().map(share).collect()).unwrap_or_default()
}

pub(super) fn shares_out(shares: &[Share]) -> Option<v1::RefundShares> {
    let share = |share: &Share| v1::RefundShare {
        payment_id: share.payment_id.clone(),
        refund_id: share.refund_id.clone(),
        amount: say(share.amount),
    };
    (!shares.is_empty()).then(|| v1::RefundShares { data: shares.iter().map(share).collect() })
}

fn billed_in(said: &v1::InvoiceLine) -> Line {
    Line {
        sku: said.sku.clone(),
        product_id: String::new(),
        title: said.title.clone(),
        quantity: said.quantity,
        unit_price: money(said.unit_price.as_ref()),
        discount: money(said.discount.as_ref()),
        tax: money(said.tax.as_ref()),
        tax_rate_ppm: said.tax_rate_ppm,
        total: money(said.total.as_ref()),
        weight_grams: 0,
        product_type: String::new(),
    }
}

pub(super) fn billed_out(line: &Line) -> v1::InvoiceLine {
    v1::InvoiceLine {
        sku: line.sku.clone(),
        title: line.title.clone(),
        quantity: line.quantity,
        unit_price: say(line.unit_price),
        discount: say(line.discount),
        tax: say(line.tax),
        tax_rate_ppm: line.tax_rate_ppm,
        total: say(line.total),
    }
}

fn discount_in(said: &v1::Discount) -> Discount {
    let v1::Discount { title, campaign_id, code, amount } = said.clone();
    Discount { title, campaign_id, code, amount: money(amount.as_ref()) }
}

pub(super) fn discount_out(discount: &Discount) -> v1::Discount {
    let Discount { title, campaign_id, code, amount } = discount.clone();
    v1::Discount { title, campaign_id, code, amount: say(amount) }
}

pub(super) fn method_in(said: Option<&v1::PaymentMethod>) -> Method {
    let v1::PaymentMethod { token, payment_method_id, return_url } = said.cloned().unwrap_or_default();
    Method { token, payment_method_id, return_url }
}

pub(super) fn method_out(method: &Method) -> Option<v1::PaymentMethod> {
    let Method { token, payment_method_id, return_url } = method.clone();
    (*method != Method::default()).then_some(v1::PaymentMethod { token, payment_method_id, return_url })
}

pub(super) fn action_in(said: Option<&v1::NextAction>) -> Action {
    let v1::NextAction { r#type, url } = said.cloned().unwrap_or_default();
    Action { kind: r#type, url }
}

pub(super) fn action_in_payment(said: Option<&messages::payment::v1::NextAction>) -> Action {
    let messages::payment::v1::NextAction { r#type, url } = said.cloned().unwrap_or_default();
    Action { kind: r#type, url }
}

pub(super) fn action_out(action: &Action) -> v1::NextAction {
    v1::NextAction { r#type: action.kind.clone(), url: action.url.clone() }
}

pub(super) fn created_out(deal: &Deal, at: jiff::Timestamp) -> v1::OrderCreated {
    let totals = &deal.totals;
    v1::OrderCreated {
        order_id: deal.order_id.clone(),
        user_id: deal.user_id.clone(),
        email: deal.email.clone(),
        items: deal.lines.iter().map(item_out).collect(),
        subtotal: say(totals.subtotal),
        discount_total: say(totals.discount_total),
        shipping_total: say(totals.shipping_total),
        tax_total: say(totals.tax_total),
        tax_included: totals.tax_included,
        total_amount: say(totals.total),
        payment_id: deal.payment_id.clone(),
        payment_method: method_out(&deal.method),
        ship_to: address_out(&deal.ship_to),
        shipping_option: deal.option.as_ref().map(choice_out),
        coupon_codes: deal.coupon_codes.clone(),
        discounts: deal.discounts.iter().map(discount_out).collect(),
        redemption_id: deal.redemption_id.clone(),
        parts: allotments_out(&deal.parts),
        locale: deal.locale.clone(),
        cart_id: deal.cart_id.clone(),
        quote_id: deal.quote_id.clone(),
        note: deal.note.clone(),
        hold_reason: deal.hold_reason.clone(),
        expires_at: Some(to_wire(deal.expires_at)),
        at: Some(to_wire(at)),
        backorder: deal.backorder.map(terms_out),
    }
}

pub(super) fn created_in(said: v1::OrderCreated) -> Deal {
    Deal {
        totals: Totals {
            subtotal: money(said.subtotal.as_ref()),
            discount_total: money(said.discount_total.as_ref()),
            shipping_total: money(said.shipping_total.as_ref()),
            tax_total: money(said.tax_total.as_ref()),
            tax_included: said.tax_included,
            total: money(said.total_amount.as_ref()),
        },
        lines: said.items.iter().map(item_in).collect(),
        method: method_in(said.payment_method.as_ref()),
        ship_to: address_in(said.ship_to.as_ref()),
        option: said.shipping_option.as_ref().map(choice_in),
        discounts: said.discounts.iter().map(discount_in).collect(),
        parts: allotments_in(&said.parts),
        expires_at: from_wire(said.expires_at.as_ref()),
        order_id: said.order_id,
        user_id: said.user_id,
        email: said.email,
        payment_id: said.payment_id,
        coupon_codes: said.coupon_codes,
        redemption_id: said.redemption_id,
        locale: said.locale,
        cart_id: said.cart_id,
        quote_id: said.quote_id,
        note: said.note,
        hold_reason: said.hold_reason,
        backorder: said.backorder.map(terms_in),
    }
}

pub(super) fn paid_out(order_id: &str, bill: &Bill, at: jiff::Timestamp) -> v1::OrderPaid {
    let totals = &bill.totals;
    v1::OrderPaid {
        order_id: order_id.to_owned(),
        user_id: bill.user_id.clone(),
        payment_id: bill.payment_id.clone(),
        amount: say(bill.amount),
        lines: bill.lines.iter().map(billed_out).collect(),
        subtotal: say(totals.subtotal),
        discount_total: say(totals.discount_total),
        shipping_total: say(totals.shipping_total),
        tax_total: say(totals.tax_total),
        tax_included: totals.tax_included,
        total_amount: say(totals.total),
        bill_to: address_out(&bill.bill_to),
        at: Some(to_wire(at)),
    }
}

pub(super) fn paid_in(said: &v1::OrderPaid) -> Bill {
    Bill {
        user_id: said.user_id.clone(),
        payment_id: said.payment_id.clone(),
        amount: money(said.amount.as_ref()),
        lines: said.lines.iter().map(billed_in).collect(),
        totals: Totals {
            subtotal: money(said.subtotal.as_ref()),
            discount_total: money(said.discount_total.as_ref()),
            shipping_total: money(said.shipping_total.as_ref()),
            tax_total: money(said.tax_total.as_ref()),
            tax_included: said.tax_included,
            total: money(said.total_amount.as_ref()),
        },
        bill_to: address_in(said.bill_to.as_ref()),
    }
}

pub(super) fn issued_out(issued: &crate::numbering::Issued) -> v1::InvoiceIssued {
    let crate::numbering::Issued { invoice_id, number, order_id, bill, at } = issued.clone();
    let totals = bill.totals;
    v1::InvoiceIssued {
        invoice_id,
        number,
        order_id,
        user_id: bill.user_id,
        bill_to: address_out(&bill.bill_to),
        lines: bill.lines.iter().map(billed_out).collect(),
        subtotal: say(totals.subtotal),
        discount_total: say(totals.discount_total),
        shipping_total: say(totals.shipping_total),
        tax_total: say(totals.tax_total),
        tax_included: totals.tax_included,
        total_amount: say(totals.total),
        at: Some(to_wire(at)),
    }
}

pub(super) fn issued_in(said: v1::InvoiceIssued) -> crate::numbering::Issued {
    let total = money(said.total_amount.as_ref());
    let bill = Bill {
        user_id: said.user_id,
        payment_id: String::new(),
        amount: total,
        lines: said.lines.iter().map(billed_in).collect(),
        totals: Totals {
            subtotal: money(said.subtotal.as_ref()),
            discount_total: money(said.discount_total.as_ref()),
            shipping_total: money(said.shipping_total.as_ref()),
            tax_total: money(said.tax_total.as_ref()),
            tax_included: said.tax_included,
            total,
        },
        bill_to: address_in(said.bill_to.as_ref()),
    };
    let at = from_wire(said.at.as_ref());
    crate::numbering::Issued { invoice_id: said.invoice_id, number: said.number, order_id: said.order_id, bill, at }
}

//! News of other groups: their events as commands to our orders, and what those do.

use jiff::tz::TimeZone;
use messages::inventory::v1 as inventory;
use messages::payment::v1 as payment;
use messages::shipping::v1 as shipping;
use runtime::desk::Desk;
use runtime::entity::Undecodable;
use runtime::group::{News, Reaction};

use super::calls::payment_news;
use super::deal::{money, units};
use super::show::status_out;
use super::{Problem, invoice_id, rpc, v1};
use crate::amendment::{self, Amendment};
use crate::order::command::{Command, ParcelNews, RefundNews, Refusal};
use crate::order::{self, Order};
use crate::returns::{self, Return};

fn tell_payment(request: v1::NotePaymentRequest) -> Vec<Reaction> {
    vec![Reaction::command::<rpc::NotePayment>(request.order_id.clone(), &request)]
}

fn tell_refund(request: v1::NoteRefundRequest) -> Vec<Reaction> {
    vec![Reaction::command::<rpc::NoteRefund>(request.order_id.clone(), &request)]
}

fn tell_parcel(request: v1::NoteParcelRequest) -> Vec<Reaction> {
    vec![Reaction::command::<rpc::NoteParcel>(request.order_id.clone(), &request)]
}

/// What an order is told about news of its payment. Payments that are for no order are nobody's here.
pub(crate) fn of_payment(news: &News) -> Result<Vec<Reaction>, Undecodable> {
    use v1::PaymentOutcome as Outcome;
    let note = |order_id: Option<String>, payment_id: String, outcome: Outcome| {
        let outcome = outcome.into();
        order_id.map(|order_id| v1::NotePaymentRequest { order_id, payment_id, outcome, ..Default::default() })
    };
    let told = match news.event_type.as_str() {
        "payment.requires_action" => {
            let said: payment::PaymentRequiresAction = news.read()?;
            let next = said.next_action.map(|action| v1::NextAction { r#type: action.r#type, url: action.url });
            note(said.order_id, said.payment_id, Outcome::RequiresAction)
                .map(|request| v1::NotePaymentRequest { next_action: next, ..request })
        }
        "fraud.detected" => {
            let said: payment::FraudDetected = news.read()?;
            note(said.order_id, said.payment_id, Outcome::InReview)
        }
        "payment.authorized" => {
            let said: payment::PaymentAuthorized = news.read()?;
            note(said.order_id, said.payment_id, Outcome::Authorized)
                .map(|request| v1::NotePaymentRequest { amount: said.amount, ..request })
        }
        "payment.completed" => {
            let said: payment::PaymentCompleted = news.read()?;
            note(said.order_id, said.payment_id, Outcome::Captured)
                .map(|request| v1::NotePaymentRequest { amount: said.amount, ..request })
        }
        "payment.failed" => {
            let said: payment::PaymentFailed = news.read()?;
            let outcome = match said.stage() {
                payment::PaymentStage::Capture => Outcome::CaptureFailed,
                payment::PaymentStage::Authorize | payment::PaymentStage::Unspecified => Outcome::Declined,
            };
            let (reason, decline_code) = (said.reason, said.decline_code);
            note(said.order_id, said.payment_id, outcome).map(|request| v1::NotePaymentRequest {
                reason,
                decline_code,
                ..request
            })
        }
        "payment.voided" => {
            let said: payment::PaymentVoided = news.read()?;
            note(said.order_id, said.payment_id, Outcome::Voided)
        }
        "refund.processed" | "refund.failed" => return of_refund(news),
        _ => None,
    };
    Ok(told.map(tell_payment).unwrap_or_default())
}

fn of_refund(news: &News) -> Result<Vec<Reaction>, Undecodable> {
    let told = if news.event_type == "refund.failed" {
        let said: payment::RefundFailed = news.read()?;
        let (payment_id, refund_id, amount, reason) = (said.payment_id, said.refund_id, said.amount, said.reason);
        said.order_id.map(|order_id| v1::NoteRefundRequest {
            order_id,
            payment_id,
            refund_id,
            amount,
            failed: true,
            reason,
        })
    } else {
        let said: payment::RefundProcessed = news.read()?;
        let (payment_id, refund_id, amount) = (said.payment_id, said.refund_id, said.amount);
        said.order_id.map(|order_id| v1::NoteRefundRequest {
            order_id,
            payment_id,
            refund_id,
            amount,
            failed: false,
            reason: String::new(),
        })
    };
    Ok(told.map(tell_refund).unwrap_or_default())
}

/// What an order is told about stock that it waited for. What others wait for is not ours.
pub(crate) fn of_inventory(news: &News) -> Result<Vec<Reaction>, Undecodable> {
    if news.event_type != "inventory.backorder_filled" {
        return Ok(Vec::new());
    }
    let inventory::BackorderFilled { reservation_id, order_id: Some(order_id), lines, .. } = news.read()? else {
        return Ok(Vec::new());
    };
    let line = |inventory::Line { sku, quantity }| messages::common::v1::SkuQuantity { sku, quantity };
    let lines = lines.into_iter().map(line).collect();
    let request = v1::NoteBackorderRequest { order_id, reservation_id, lines };
    Ok(vec![Reaction::command::<rpc::NoteBackorder>(request.order_id.clone(), &request)])
}

/// What an order is told about news of its parcels.
pub(crate) fn of_shipping(news: &News) -> Result<Vec<Reaction>, Undecodable> {
    use v1::ParcelStatus as Status;
    let note = |order_id: String, shipment_id: String, status: Status| v1::NoteParcelRequest {
        order_id,
        shipment_id,
        status: status.into(),
        ..Default::default()
    };
    let told = match news.event_type.as_str() {
        "shipping.split" => {
            let said: shipping::ShipmentSplit = news.read()?;
            let over = said
                .lines
                .iter()
                .map(|line| messages::common::v1::SkuQuantity { sku: line.sku.clone(), quantity: line.quantity });
            let (new_shipment_id, lines) = (Some(said.new_shipment_id), over.collect());
            let request = note(said.order_id, said.shipment_id, Status::Packing);
            v1::NoteParcelRequest { new_shipment_id, lines, ..request }
        }
        "shipping.dispatched" => {
            let said: shipping::ShipmentDispatched = news.read()?;
            let (carrier, tracking_number) = (said.carrier, said.tracking_number);
            let request = note(said.order_id, said.shipment_id, Status::Dispatched);
            v1::NoteParcelRequest { carrier, tracking_number, ..request }
        }
        // The carrier has it: it had left before, whatever was heard.
        "shipping.completed" => {
            let said: shipping::ShipmentCompleted = news.read()?;
            let (carrier, tracking_number) = (said.carrier, said.tracking_number);
            let request = note(said.order_id, said.shipment_id, Status::Dispatched);
            v1::NoteParcelRequest { carrier, tracking_number, ..request }
        }
        "shipping.cancelled" => {
            let said: shipping::ShipmentCancelled = news.read()?;
            note(said.order_id, said.shipment_id, Status::Cancelled)
        }
        "shipment.delivered" => {
            let said: shipping::ShipmentDelivered = news.read()?;
            note(said.order_id, said.shipment_id, Status::Delivered)
        }
        "shipment.lost" => {
            let said: shipping::ShipmentLost = news.read()?;
            note(said.order_id, said.shipment_id, Status::Lost)
        }
        "shipment.returned" => {
            let said: shipping::ShipmentReturned = news.read()?;
            note(said.order_id, said.shipment_id, Status::Returned)
        }
        _ => return Ok(Vec::new()),
    };
    Ok(tell_parcel(told))
}

/// What numbering is told about an order that was paid: an invoice of the year in which it was.
pub(crate) fn of_order(news: &News) -> Result<Vec<Reaction>, Undecodable> {
    if news.event_type != "order.paid" {
        return Ok(Vec::new());
    }
    let paid: v1::OrderPaid = news.read()?;
    let year = runtime::clock::from_wire(paid.at.as_ref()).to_zoned(TimeZone::UTC).year();
    let series = format!("invoices-{year}");
    let invoice_id = invoice_id(&paid.order_id);
    let request = v1::IssueInvoiceRequest { series: series.clone(), invoice_id, paid: Some(paid) };
    Ok(vec![Reaction::command::<rpc::IssueInvoice>(series, &request)])
}

/// How an order stands; there is one.
fn status(desk: &Desk<'_>, order_id: &str) -> Result<i32, Problem> {
    let order = desk.see::<Order>(order_id);
    let placed = order.placed().ok_or(Refusal::NotFound)?;
    Ok(status_out(placed.status()).into())
}

/// Whether it is the order's own payment that is spoken of.
fn is_its_payment(desk: &Desk<'_>, order_id: &str, payment_id: &str) -> bool {
    desk.see::<Order>(order_id).placed().is_some_and(|placed| placed.deal.payment_id == payment_id)
}

/// The exchange or edit whose difference a payment pays.
fn amendment_of(desk: &Desk<'_>, order_id: &str, payment_id: &str) -> Option<String> {
    let order = desk.see::<Order>(order_id);
    let mut amendments = order.placed()?.amendments.iter();
    amendments.find(|(_, note)| note.payment_id == payment_id).map(|(amendment_id, _)| amendment_id.clone())
}

pub(crate) fn note_payment(
    desk: &mut Desk<'_>,
    request: &v1::NotePaymentRequest,
) -> Result<v1::NotePaymentResponse, Problem> {
    let order_id = &request.order_id;
    if is_its_payment(desk, order_id, &request.payment_id) {
        desk.tell::<Order>(order_id, Command::Payment(payment_news(request)))?;
    } else if let Some(amendment_id) = amendment_of(desk, order_id, &request.payment_id) {
        desk.tell::<Amendment>(&amendment_id, amendment::Command::Payment(payment_news(request)))?;
    }
    Ok(v1::NotePaymentResponse { status: status(desk, order_id)? })
}

pub(crate) fn note_refund(
    desk: &mut Desk<'_>,
    request: &v1::NoteRefundRequest,
) -> Result<v1::NoteRefundResponse, Problem> {
    let v1::NoteRefundRequest { order_id, payment_id, refund_id, amount, failed, reason } = request;
    let (refund_id, payment_id) = (refund_id.clone(), payment_id.clone());
    let news = if *failed {
        RefundNews::Failed { refund_id: refund_id.clone(), reason: reason.clone() }
    } else {
        RefundNews::Processed { refund_id: refund_id.clone(), amount: money(amount.as_ref()) }
    };
    let amendment_id = amendment_of(desk, order_id, &payment_id);
    let is_first = is_its_payment(desk, order_id, &payment_id);
    let is_one_of_its = desk.see::<Order>(order_id).placed().is_some_and(|placed| placed.is_paid_by(&payment_id));
    match amendment_id {
        _ if is_first => drop(desk.tell::<Order>(order_id, order::Command::Refund(news))?),
        _ if is_one_of_its => {
            desk.tell::<Order>(order_id, order::Command::SupplementRefund { payment_id, news })?;
        }
        // It is no part of the order yet, or never will be.
        Some(amendment_id) => drop(desk.tell::<Amendment>(&amendment_id, amendment::Command::Refund(news))?),
        None => {}
    }
    tell_return(desk, order_id, &refund_id, failed.then_some(reason))?;
    Ok(v1::NoteRefundResponse { status: status(desk, order_id)? })
}

/// The return that a refund is for has its money back when all of it is.
fn tell_return(desk: &mut Desk<'_>, order_id: &str, refund_id: &str, failed: Option<&String>) -> Result<(), Problem> {
    let order = desk.see::<Order>(order_id);
    let Some(placed) = order.placed() else { return Ok(()) };
    let Some(return_id) = placed.return_of_refund(refund_id) else { return Ok(()) };
    let command = match failed {
        Some(reason) => returns::Command::RefundFailed(reason.clone()),
        None if placed.return_is_refunded(return_id) => returns::Command::Refunded,
        None => return Ok(()),
    };
    desk.tell::<Return>(return_id, command)?;
    Ok(())
}

pub(crate) fn note_parcel(
    desk: &mut Desk<'_>,
    request: &v1::NoteParcelRequest,
) -> Result<v1::NoteParcelResponse, Problem> {
    let order_id = &request.order_id;
    if let Some(news) = parcel_news(request) {
        desk.tell::<Order>(order_id, Command::Parcel { shipment_id: request.shipment_id.clone(), news })?;
    }
    Ok(v1::NoteParcelResponse { status: status(desk, order_id)? })
}

pub(crate) fn note_backorder(
    desk: &mut Desk<'_>,
    request: &v1::NoteBackorderRequest,
) -> Result<v1::NoteBackorderResponse, Problem> {
    let v1::NoteBackorderRequest { order_id, reservation_id, lines } = request;
    let filled = Command::Filled { reservation_id: reservation_id.clone(), units: units(lines) };
    desk.tell::<Order>(order_id, filled)?;
    Ok(v1::NoteBackorderResponse { status: status(desk, order_id)? })
}

fn parcel_news(request: &v1::NoteParcelRequest) -> Option<ParcelNews> {
    use v1::ParcelStatus as Status;
    if let Some(new_shipment_id) = request.new_shipment_id.clone() {
        return Some(ParcelNews::Split { new_shipment_id, lines: units(&request.lines) });
    }
    match request.status() {
        Status::Unspecified | Status::Packing => None,
        Status::Dispatched => Some(ParcelNews::Dispatched {
            carrier: request.carrier.clone(),
            tracking_number: request.tracking_number.clone(),
        }),
        Status::Delivered => Some(ParcelNews::Delivered),
        Status::Cancelled => Some(ParcelNews::Cancelled),
        Status::Lost => Some(ParcelNews::Lost),
        Status::Returned => Some(ParcelNews::Returned),
    }
}

//! Returns: contract to domain and back. A return and what its order knows of it change in one commit.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};

use super::amending;
use super::deal::{lines, money, say, shares_in, shares_out, some, units};
use super::order::{must_be_theirs, with_lines};
use super::show::{reason_in, reason_out, returned, standing_out, standing_word, step_in, step_out};
use super::{Problem, refund_id_of_return, unreadable, v1};
use crate::amendment::{self, Amendment};
use crate::order::Order;
use crate::order::command::{Beyond, Command as OrderCommand, Refusal as OrderRefusal};
use crate::order::deal::Units;
use crate::returns::{Command, Event, Refusal, Return, Slip, What};

fn now(desk: &Desk<'_>, return_id: &str) -> Option<v1::Return> {
    returned(&desk.see::<Return>(return_id), desk.version::<Return>(return_id))
}

pub(crate) fn request(
    desk: &mut Desk<'_>,
    request: &v1::RequestReturnRequest,
) -> Result<v1::RequestReturnResponse, Problem> {
    let (order_id, return_id) = (request.order_id.clone(), request.return_id.clone());
    let order = desk.see::<Order>(&order_id);
    must_be_theirs(&order, &desk.facts().caller)?;
    let user_id = order.placed().map(|placed| placed.deal.user_id.clone()).ok_or(OrderRefusal::NotFound)?;
    let at = desk.facts().now;
    let slip = Slip {
        return_id: return_id.clone(),
        order_id: order_id.clone(),
        user_id,
        units: units(&request.lines),
        reason: reason_in(request.reason()),
        note: request.note.clone(),
        amendment_id: String::new(),
        created_at: at,
        updated_at: at,
    };
    let (units, amendment_id) = (slip.units.clone(), String::new());
    let open = OrderCommand::OpenReturn { return_id: return_id.clone(), units, amendment_id };
    desk.tell::<Return>(&return_id, Command::Request(Box::new(slip)))?;
    desk.tell::<Order>(&order_id, open)?;
    Ok(v1::RequestReturnResponse { r#return: now(desk, &return_id) })
}

/// The return, if it is of this order.
fn must_be_of(desk: &Desk<'_>, order_id: &str, return_id: &str) -> Result<Slip, Refusal> {
    let this = desk.see::<Return>(return_id);
    let slip = this.slip().filter(|slip| slip.order_id == order_id);
    slip.cloned().ok_or(Refusal::NotFound)
}

pub(crate) fn approve(
    desk: &mut Desk<'_>,
    request: &v1::ApproveReturnRequest,
) -> Result<v1::ApproveReturnResponse, Problem> {
    must_be_of(desk, &request.order_id, &request.return_id)?;
    desk.tell::<Return>(&request.return_id, Command::Approve)?;
    Ok(v1::ApproveReturnResponse { r#return: now(desk, &request.return_id) })
}

pub(crate) fn reject(
    desk: &mut Desk<'_>,
    request: &v1::RejectReturnRequest,
) -> Result<v1::RejectReturnResponse, Problem> {
    let v1::RejectReturnRequest { order_id, return_id, reason } = request;
    let slip = must_be_of(desk, order_id, return_id)?;
    let told = desk.tell::<Return>(return_id, Command::Reject(reason.clone()))?;
    if told > 0 {
        if !slip.amendment_id.is_empty() {
            desk.tell::<Amendment>(&slip.amendment_id, amendment::Command::Cancel("return_rejected"))?;
        }
        let nothing = desk.see::<Order>(order_id).placed().map(|placed| placed.nothing());
        let amount = nothing.ok_or(OrderRefusal::NotFound)?;
        let (return_id, units) = (return_id.clone(), Units::new());
        let (refund_id, shares) = (String::new(), Vec::new());
        let closed = OrderCommand::CloseReturn { return_id, units, amount, refund_id, shares };
        desk.tell::<Order>(order_id, closed)?;
    }
    Ok(v1::RejectReturnResponse { r#return: now(desk, return_id) })
}

pub(crate) fn receive(
    desk: &mut Desk<'_>,
    request: &v1::ReceiveReturnRequest,
) -> Result<v1::ReceiveReturnResponse, Problem> {
    let v1::ReceiveReturnRequest { order_id, return_id, warehouse_id, lines, restock } = request;
    let slip = must_be_of(desk, order_id, return_id)?;
    let (expected, amendment_id) = (slip.units, slip.amendment_id);
    let units = if lines.is_empty() { expected.clone() } else { units(lines) };
    let there = |sku: &str| expected.get(sku).copied().unwrap_or(0);
    let beyond = units.iter().filter(|(sku, count)| **count > there(sku));
    let beyond: Vec<Beyond> =
        beyond.map(|(sku, n)| Beyond { sku: sku.clone(), requested: *n, available: there(sku) }).collect();
    if !beyond.is_empty() {
        return Err(with_lines(Problem::conflict("exceeds_return", "more arrived than was to come back"), &beyond));
    }
    let order = desk.see::<Order>(order_id);
    let placed = order.placed().ok_or(OrderRefusal::NotFound)?;
    let amount = match amendment_id.as_str() {
        "" => placed.worth(&units),
        _ => amending::owed_for_exchange(desk, &amendment_id, &expected, &units)?,
    };
    let shares = placed.shares(amount, &refund_id_of_return(return_id));
    let first = shares.first().map(|share| (share.payment_id.clone(), share.refund_id.clone()));
    let (payment_id, refund_id) = first.unwrap_or_default();
    let shares = placed.noted(shares);
    let receive = Command::Receive {
        units: units.clone(),
        warehouse_id: warehouse_id.clone(),
        restock: restock.unwrap_or(true),
        amount,
        payment_id,
        refund_id: refund_id.clone(),
        shares: shares.clone(),
    };
    desk.tell::<Return>(return_id, receive)?;
    let closed = OrderCommand::CloseReturn { return_id: return_id.clone(), units, amount, refund_id, shares };
    desk.tell::<Order>(order_id, closed)?;
    if !amendment_id.is_empty() {
        amending::apply(desk, &amendment_id)?;
    }
    Ok(v1::ReceiveReturnResponse { r#return: now(desk, return_id) })
}

pub(crate) fn retry(desk: &mut Desk<'_>, request: &v1::RetryReturnRequest) -> Result<v1::RetryReturnResponse, Problem> {
    must_be_of(desk, &request.order_id, &request.return_id)?;
    desk.tell::<Return>(&request.return_id, Command::Retry)?;
    Ok(v1::RetryReturnResponse { r#return: now(desk, &request.return_id) })
}

pub(crate) fn get(window: &Window<'_>, request: &v1::GetReturnRequest) -> Result<v1::GetReturnResponse, Problem> {
    let id = &request.return_id;
    let shown = returned(&window.see::<Return>(id), window.version::<Return>(id));
    let shown = shown.filter(|this| this.order_id == request.order_id && window.caller().may_touch(&this.user_id));
    Ok(v1::GetReturnResponse { r#return: Some(shown.ok_or(Refusal::NotFound)?) })
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let said = refusal.to_string();
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", said),
            Refusal::AlreadyExists => Problem::conflict("already_exists", said),
            Refusal::Closed(standing) => {
                Problem::conflict("return_closed", said).with("status", standing_word(standing_out(standing)))
            }
            Refusal::NotApproved => Problem::conflict("not_approved", said),
            Refusal::NotStuck => Problem::conflict("not_stuck", said),
        }
    }
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let Event { return_id, order_id, at, what } = self.clone();
        let at = Some(to_wire(at));
        match what {
            What::Requested { user_id, units, reason, note, amendment_id } => {
                let (lines, reason, amendment_id) = (lines(&units), reason_out(reason).into(), some(&amendment_id));
                let event = v1::ReturnRequested { return_id, order_id, user_id, lines, reason, note, at, amendment_id };
                ("return.requested", event.encode_to_vec())
            }
            What::Approved { user_id } => {
                ("return.approved", v1::ReturnApproved { return_id, order_id, user_id, at }.encode_to_vec())
            }
            What::Rejected { user_id, reason } => {
                ("return.rejected", v1::ReturnRejected { return_id, order_id, user_id, reason, at }.encode_to_vec())
            }
            What::Received { user_id, units, warehouse_id, restock, amount, payment_id, refund_id, shares } => {
                let (lines, amount) = (lines(&units), say(amount));
                let event = v1::ReturnReceived {
                    return_id,
                    order_id,
                    user_id,
                    lines,
                    warehouse_id,
                    restock,
                    amount,
                    payment_id,
                    refund_id,
                    at,
                    shares: shares_out(&shares),
                };
                ("return.received", event.encode_to_vec())
            }
            What::Restocked { sku, count } => {
                let line = Some(messages::common::v1::SkuQuantity { sku, quantity: Some(count) });
                ("return.restocked", v1::ReturnRestocked { return_id, order_id, line, at }.encode_to_vec())
            }
            What::Refunded { user_id, refund_id, amount } => {
                let amount = say(amount);
                let event = v1::ReturnRefunded { return_id, order_id, user_id, refund_id, amount, at };
                ("return.refunded", event.encode_to_vec())
            }
            What::Stuck { step, of, reason, detail } => {
                let step = step_out(step).into();
                let event = v1::ReturnStuck { return_id, order_id, step, of, reason, detail, at };
                ("return.stuck", event.encode_to_vec())
            }
            What::Retried { tries } => {
                ("return.retried", v1::ReturnRetried { return_id, order_id, tries, at }.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        let unreadable = unreadable(event_type);
        /// Decodes an event, and makes one of the domain's of what it says.
        macro_rules! read {
            ($Message:ident, |$said:ident| $what:expr) => {{
                let $said = v1::$Message::decode(data).map_err(unreadable)?;
                let at = from_wire($said.at.as_ref());
                let (return_id, order_id) = ($said.return_id.clone(), $said.order_id.clone());
                Ok(Event { return_id, order_id, at, what: $what })
            }};
        }
        match event_type {
            "return.requested" => read!(ReturnRequested, |said| What::Requested {
                units: units(&said.lines),
                reason: reason_in(said.reason()),
                user_id: said.user_id,
                note: said.note,
                amendment_id: said.amendment_id.unwrap_or_default(),
            }),
            "return.approved" => read!(ReturnApproved, |said| What::Approved { user_id: said.user_id }),
            "return.rejected" => {
                read!(ReturnRejected, |said| What::Rejected { user_id: said.user_id, reason: said.reason })
            }
            "return.received" => read!(ReturnReceived, |said| What::Received {
                units: units(&said.lines),
                amount: money(said.amount.as_ref()),
                user_id: said.user_id,
                warehouse_id: said.warehouse_id,
                restock: said.restock,
                shares: shares_in(said.shares.as_ref()),
                payment_id: said.payment_id,
                refund_id: said.refund_id,
            }),
            "return.restocked" => read!(ReturnRestocked, |said| {
                let line = said.line.unwrap_or_default();
                What::Restocked { sku: line.sku, count: line.quantity.unwrap_or_default() }
            }),
            "return.refunded" => read!(ReturnRefunded, |said| What::Refunded {
                amount: money(said.amount.as_ref()),
                user_id: said.user_id,
                refund_id: said.refund_id,
            }),
            "return.stuck" => read!(ReturnStuck, |said| What::Stuck {
                step: step_in(said.step()),
                of: said.of,
                reason: said.reason,
                detail: said.detail,
            }),
            "return.retried" => read!(ReturnRetried, |said| What::Retried { tries: said.tries }),
            other => Err(Undecodable::new(other, "a return has no such event")),
        }
    }
}

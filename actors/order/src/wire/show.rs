//! Orders and returns as the world sees them.

use runtime::clock::to_wire;

use super::deal::{action_out, address_out, awaited_out, choice_out, discount_out, item_out, lines, say, some};
use super::v1;
use crate::amendment::{self, Amendment, Asked, Kind};
use crate::order::Order;
use crate::order::deal::{Allotment, Line, Units};
use crate::order::event::Step;
use crate::order::placed::{Parcel, ParcelState, Part, Pay, Placed, Stage, Stock, Stuck};
use crate::order::status::Status;
use crate::returns::{Reason, Return, Standing};

/// Two lists of words that mean the same, both ways.
macro_rules! same {
    ($out:ident, $into:ident: $Ours:ident = $Theirs:ident { $($word:ident),+ $(,)? } else $other:ident) => {
        pub(crate) fn $out(ours: $Ours) -> v1::$Theirs {
            match ours {
                $($Ours::$word => v1::$Theirs::$word,)+
            }
        }

        /// A word that is not said, or not known, is the plainest of them; the contract refuses it at the border.
        pub(crate) fn $into(theirs: v1::$Theirs) -> $Ours {
            match theirs {
                $(v1::$Theirs::$word => $Ours::$word,)+
                v1::$Theirs::Unspecified => $Ours::$other,
            }
        }
    };
}

same! { status_out, status_in: Status = OrderStatus {
    Pending, RequiresAction, OnHold, Confirmed, Processing, PartiallyShipped, Shipped, Completed, Cancelled, Cancelling,
} else Pending }
same! { step_out, step_in: Step = Step {
    CreateOrder, ReserveCoupons, ReserveItems, ConfirmItems, CompleteCart, ProcessPayment, CreateShipment, CommitCoupons,
    CancelOrder, ReleaseCoupons, ReleaseItems, RefundPayment, CancelShipment, RestockItems,
} else CreateOrder }
same! { parcel_out, parcel_in: ParcelState = ParcelStatus {
    Packing, Dispatched, Delivered, Cancelled, Lost, Returned,
} else Packing }
same! { kind_out, kind_in: Kind = AmendmentKind { Edit, Exchange } else Edit }
same! { reason_out, reason_in: Reason = ReturnReason {
    DoesNotFit, NotAsExpected, Defective, WrongItem, ChangedMind, Other,
} else Other }

pub(super) fn amendment_standing_out(standing: amendment::Standing) -> v1::AmendmentStatus {
    match standing {
        amendment::Standing::Pending => v1::AmendmentStatus::Pending,
        amendment::Standing::RequiresAction => v1::AmendmentStatus::RequiresAction,
        amendment::Standing::Ready => v1::AmendmentStatus::Ready,
        amendment::Standing::Applied => v1::AmendmentStatus::Applied,
        amendment::Standing::Cancelling => v1::AmendmentStatus::Cancelling,
        amendment::Standing::Cancelled => v1::AmendmentStatus::Cancelled,
    }
}

/// The word for how an amendment stands, as the JSON of the contract has it.
pub(crate) fn amendment_word(standing: v1::AmendmentStatus) -> String {
    standing.as_str_name().to_lowercase().trim_start_matches("amendment_status_").to_owned()
}

fn stock_out(stock: Stock) -> v1::StockStatus {
    match stock {
        Stock::Planned => v1::StockStatus::Planned,
        Stock::Held => v1::StockStatus::Held,
        Stock::Firm => v1::StockStatus::Confirmed,
        Stock::Missed => v1::StockStatus::Missed,
        Stock::Released => v1::StockStatus::Released,
    }
}

/// The word for a status, as the JSON of the contract has it.
pub(crate) fn status_word(status: Status) -> String {
    let name = status_out(status).as_str_name().to_lowercase();
    name.trim_start_matches("order_status_").to_owned()
}

pub(super) fn standing_out(standing: Standing) -> v1::ReturnStatus {
    match standing {
        Standing::Requested => v1::ReturnStatus::Requested,
        Standing::Approved => v1::ReturnStatus::Approved,
        Standing::Rejected => v1::ReturnStatus::Rejected,
        Standing::Received => v1::ReturnStatus::Received,
        Standing::Refunded => v1::ReturnStatus::Refunded,
    }
}

/// The word for how a return stands, as the JSON of the contract has it.
pub(crate) fn standing_word(standing: v1::ReturnStatus) -> String {
    standing.as_str_name().to_lowercase().trim_start_matches("return_status_").to_owned()
}

fn stuck_out(stuck: &Stuck) -> v1::Stuck {
    let Stuck { step, reason, detail, at, .. } = stuck.clone();
    v1::Stuck { step: step_out(step).into(), reason, detail, at: Some(to_wire(at)) }
}

fn parcel(shipment_id: &str, parcel: &Parcel) -> v1::Parcel {
    v1::Parcel {
        shipment_id: shipment_id.to_owned(),
        lines: lines(&parcel.lines),
        status: parcel_out(parcel.state).into(),
        carrier: some(&parcel.carrier),
        tracking_number: some(&parcel.tracking_number),
    }
}

fn part(part: &Part) -> v1::OrderPart {
    v1::OrderPart {
        warehouse_id: part.warehouse_id.clone(),
        reservation_id: part.reservation_id.clone(),
        lines: lines(&part.lines),
        stock: stock_out(part.stock).into(),
        parcels: part.parcels.iter().map(|(id, one)| parcel(id, one)).collect(),
        awaited: awaited_out(&part.waiting),
    }
}

/// An order as the world sees it; `None` when there is none.
pub(crate) fn order(order: &Order, version: u64) -> Option<v1::Order> {
    order.placed().map(|placed| shown(placed, version))
}

fn shown(placed: &Placed, version: u64) -> v1::Order {
    let (mut cancelled, mut shipped, mut returned) = (placed.cancelled.clone(), placed.shipped(), placed.returned());
    // Of a SKU that is there more than once, what was bought first is gone first.
    let take = |units: &mut Units, line: &Line| {
        let left = units.entry(line.sku.clone()).or_default();
        let taken = line.quantity.min(*left);
        *left -= taken;
        taken
    };
    let mut item = |line: &Line| v1::OrderItem {
        cancelled: take(&mut cancelled, line),
        shipped: take(&mut shipped, line),
        returned: take(&mut returned, line),
        ..item_out(line)
    };
    let deal = &placed.deal;
    let totals = &deal.totals;
    let undo = match &placed.stage {
        Stage::Cancelling(undo) | Stage::Cancelled(undo) => Some(undo),
        Stage::Placing | Stage::Capturing | Stage::Fulfilling | Stage::Completed => None,
    };
    let next_action = match (&placed.stage, &placed.pay) {
        (Stage::Placing, Pay::ActionRequired(action)) => Some(action_out(action)),
        _ => None,
    };
    v1::Order {
        order_id: deal.order_id.clone(),
        version,
        user_id: deal.user_id.clone(),
        status: status_out(placed.status()).into(),
        next_states: placed.next_states().into_iter().map(|status| status_out(status).into()).collect(),
        items: deal.lines.iter().map(&mut item).collect(),
        subtotal: say(totals.subtotal),
        discount_total: say(totals.discount_total),
        shipping_total: say(totals.shipping_total),
        tax_total: say(totals.tax_total),
        tax_included: totals.tax_included,
        total_amount: say(totals.total),
        billed_amount: say(placed.billed()),
        captured_amount: say(placed.charged()),
        refunded_amount: say(placed.refunded()),
        shipping_address: address_out(&deal.ship_to),
        email: deal.email.clone(),
        shipping_option: deal.option.as_ref().map(choice_out),
        coupon_codes: deal.coupon_codes.clone(),
        discounts: deal.discounts.iter().map(discount_out).collect(),
        payment_id: deal.payment_id.clone(),
        next_action,
        problem: undo.and_then(|undo| undo.problem.as_ref()).map(|trouble| trouble.problem().clone()),
        cancel_reason: undo.map(|undo| undo.reason.clone()),
        hold: placed.hold.as_ref().map(|hold| v1::Hold { reason: hold.reason.clone(), at: Some(to_wire(hold.at)) }),
        stuck: placed.stuck.as_ref().map(stuck_out),
        parts: placed.parts.iter().map(part).collect(),
        return_ids: placed.returns.keys().cloned().collect(),
        cart_id: deal.cart_id.clone(),
        quote_id: some(&deal.quote_id),
        locale: deal.locale.clone(),
        note: deal.note.clone(),
        created_at: Some(to_wire(placed.created_at)),
        updated_at: Some(to_wire(placed.updated_at)),
        more_payment_ids: placed.supplements.iter().map(|(payment_id, _)| payment_id.clone()).collect(),
        amendment_ids: placed.amendments.keys().cloned().collect(),
    }
}

/// An exchange or an edit as the world sees it; `None` when there is none.
pub(crate) fn amendment(amendment: &Amendment, version: u64) -> Option<v1::Amendment> {
    amendment.asked().map(|asked| amended(asked, version))
}

fn amended(asked: &Asked, version: u64) -> v1::Amendment {
    let terms = &asked.terms;
    let part = |part: &Allotment| {
        let stock = asked.stock.get(&part.reservation_id).copied().unwrap_or(Stock::Planned);
        self::part(&Part { stock, ..Part::planned(part) })
    };
    let (next_action, undo) = match (&asked.stage, &asked.pay) {
        (amendment::Stage::Arranging, amendment::Pay::ActionRequired(action)) => (Some(action_out(action)), None),
        (amendment::Stage::Cancelling(undo) | amendment::Stage::Cancelled(undo), _) => (None, Some(undo)),
        _ => (None, None),
    };
    v1::Amendment {
        amendment_id: terms.amendment_id.clone(),
        version,
        order_id: terms.order_id.clone(),
        user_id: terms.user_id.clone(),
        kind: kind_out(terms.kind).into(),
        status: amendment_standing_out(asked.standing()).into(),
        items: terms.lines.iter().map(item_out).collect(),
        removed: lines(&terms.removed),
        return_id: some(&terms.return_id),
        added_amount: say(terms.added),
        removed_amount: say(terms.worth),
        difference: say(terms.difference()),
        payment_id: some(&terms.payment_id),
        next_action,
        problem: undo.and(asked.trouble.as_ref()).map(|trouble| trouble.problem().clone()),
        cancel_reason: undo.map(|undo| undo.reason.clone()),
        stuck: asked.stuck.as_ref().map(stuck_out),
        parts: terms.parts.iter().map(part).collect(),
        created_at: Some(to_wire(asked.created_at)),
        updated_at: Some(to_wire(asked.updated_at)),
    }
}

/// A return as the world sees it; `None` when there is none.
pub(crate) fn returned(this: &Return, version: u64) -> Option<v1::Return> {
    let (slip, standing) = (this.slip()?, this.standing()?);
    let receipt = this.receipt();
    Some(v1::Return {
        return_id: slip.return_id.clone(),
        version,
        order_id: slip.order_id.clone(),
        user_id: slip.user_id.clone(),
        status: standing_out(standing).into(),
        lines: lines(&slip.units),
        reason: reason_out(slip.reason).into(),
        note: slip.note.clone(),
        received: receipt.map(|receipt| lines(&receipt.units)).unwrap_or_default(),
        warehouse_id: receipt.map(|receipt| receipt.warehouse_id.clone()),
        amount: receipt.and_then(|receipt| say(receipt.amount)),
        refund_id: receipt.and_then(|receipt| some(&receipt.refund_id)),
        stuck: receipt.and_then(|receipt| receipt.stuck.as_ref()).map(stuck_out),
        created_at: Some(to_wire(slip.created_at)),
        updated_at: Some(to_wire(slip.updated_at)),
        amendment_id: some(&slip.amendment_id),
    })
}

//! What an order and its returns ask of other groups: what is owed, as requests of their contracts.

use messages::cart::v1 as cart;
use messages::inventory::v1 as inventory;
use messages::payment::v1 as payment;
use messages::promotion::v1 as promotion;
use messages::shipping::v1 as shipping;
use runtime::clock::from_wire;
use runtime::entity::{Agenda, Asked};

use super::deal::{action_in_payment, address_out, money, say};
use super::placing::{out_of_stock, plan};
use super::{Problem, Trouble, v1};
use crate::order::command::{Answer, Call, Command, PaymentNews, RefundNews};
use crate::order::deal::{Awaited, Units, Waiting};
use crate::order::owed::Owed;
use crate::order::placed::{Placed, Stage};
use crate::returns::{self, Return};

/// How long stock is held for an order that is not confirmed. Card redirects take up to 10 minutes; 5 more cover a retry.
pub(super) const HOLD_SECONDS: u32 = 15 * 60;

type Owes = Agenda<Command>;

/// What an order owes, as calls.
pub(crate) fn agenda(placed: &Placed) -> Owes {
    placed.owed().into_iter().fold(Agenda::nothing(), |agenda, owed| match owed {
        Owed::Expire(at) => agenda.wake(format!("expire@{at}"), at, Command::Expire),
        Owed::Ask { key, call } => ask(agenda, placed, key, call),
    })
}

/// Done or refused, and nothing else of it matters.
fn plain<T>(call: Call) -> impl FnOnce(Asked<T>) -> Command {
    answered(call, |_| Answer::Done)
}

fn answered<T>(call: Call, done: impl FnOnce(T) -> Answer) -> impl FnOnce(Asked<T>) -> Command {
    move |asked| {
        let answer = match asked {
            Asked::Done(said) => done(said),
            Asked::Refused(problem) => Answer::Refused(Trouble::of(problem)),
        };
        Command::Answered(call, answer)
    }
}

fn ask(agenda: Owes, placed: &Placed, key: String, call: Call) -> Owes {
    match call {
        Call::Redeem | Call::Commit | Call::Withdraw => ask_promotion(agenda, placed, key, call),
        Call::Reserve(_) | Call::Secure(_) | Call::Release(_) | Call::ReleaseSome(_) | Call::Allocate => {
            ask_inventory(agenda, placed, key, call)
        }
        Call::Authorize
        | Call::Capture
        | Call::CancelPayment
        | Call::Refund
        | Call::RefundMore(_)
        | Call::CancelSupplement(_) => ask_payment(agenda, placed, key, call),
        Call::Ship(_) | Call::Recall(_) => ask_shipping(agenda, placed, key, call),
        Call::CompleteCart => {
            let cart_id = placed.deal.cart_id.clone().unwrap_or_default();
            let order_id = placed.deal.order_id.clone();
            let request = cart::CompleteCartRequest { cart_id: cart_id.clone(), order_id };
            agenda.ask::<cart::rpc::CompleteCart>(key, placed.updated_at, &cart_id, &request, plain(call))
        }
    }
}

fn ask_promotion(agenda: Owes, placed: &Placed, key: String, call: Call) -> Owes {
    use promotion::rpc::{Commit, Release, Reserve};
    let (deal, at) = (&placed.deal, placed.updated_at);
    let redemption_id = deal.redemption_id.clone();
    match call {
        Call::Redeem => {
            let used = |discount: &crate::order::deal::Discount| promotion::Use {
                campaign_id: discount.campaign_id.clone(),
                code: discount.code.clone(),
                amount: say(discount.amount),
            };
            let request = promotion::ReserveRequest {
                redemption_id: redemption_id.clone(),
                order_id: deal.order_id.clone(),
                user_id: deal.user_id.clone(),
                uses: deal.discounts.iter().map(used).collect(),
            };
            agenda.ask::<Reserve>(key, at, &redemption_id, &request, plain(call))
        }
        Call::Commit => {
            let request = promotion::CommitRequest { redemption_id: redemption_id.clone() };
            agenda.ask::<Commit>(key, at, &redemption_id, &request, plain(call))
        }
        call => {
            let request = promotion::ReleaseRequest { redemption_id: redemption_id.clone() };
            agenda.ask::<Release>(key, at, &redemption_id, &request, plain(call))
        }
    }
}

pub(super) fn stock_lines(units: &Units) -> Vec<inventory::Line> {
    let line = |(sku, count): (&String, &i64)| inventory::Line { sku: sku.clone(), quantity: Some(*count) };
    units.iter().map(line).collect()
}

fn ask_inventory(agenda: Owes, placed: &Placed, key: String, call: Call) -> Owes {
    use inventory::rpc::{Allocate, Confirm, Release, Reserve};
    let at = placed.updated_at;
    let order_id = placed.deal.order_id.clone();
    let Some(reservation_id) = reservation_of(&call) else {
        let may_wait = placed.deal.backorder.is_some();
        let request = super::placing::allocation(&placed.deal.ship_to, &wanted(placed), may_wait);
        let round = placed.round + 1;
        let planned = move |said: inventory::AllocateResponse| {
            if said.short.is_empty() && !said.parts.is_empty() {
                Answer::Plan(plan(&order_id, round, &said.parts))
            } else {
                Answer::Refused(Trouble::of(out_of_stock(&said.short)))
            }
        };
        return agenda.ask::<Allocate>(key, at, "", &request, answered(call, planned));
    };
    let Some(part) = placed.part(&reservation_id) else { return agenda };
    let warehouse_id = part.warehouse_id.clone();
    match &call {
        Call::Reserve(_) => {
            let request = inventory::ReserveRequest {
                warehouse_id: warehouse_id.clone(),
                reservation_id,
                lines: stock_lines(&part.lines),
                order_id: Some(order_id),
                hold_seconds: Some(HOLD_SECONDS),
                backorder: placed.deal.backorder.is_some(),
            };
            agenda.ask::<Reserve>(key, at, &warehouse_id, &request, answered(call, held))
        }
        Call::Secure(_) => {
            let request = inventory::ConfirmRequest { warehouse_id: warehouse_id.clone(), reservation_id };
            agenda.ask::<Confirm>(key, at, &warehouse_id, &request, plain(call))
        }
        _ => {
            let reduced = placed.reduction.as_ref().filter(|_| matches!(call, Call::ReleaseSome(_)));
            let reduced = reduced.and_then(|r| r.parts.iter().find(|p| p.reservation_id == reservation_id));
            let lines = reduced.map(|part| stock_lines(&part.lines)).unwrap_or_default();
            let request = inventory::ReleaseRequest { warehouse_id: warehouse_id.clone(), reservation_id, lines };
            agenda.ask::<Release>(key, at, &warehouse_id, &request, plain(call))
        }
    }
}

/// What a reservation holds, and what it waits for.
fn held(said: inventory::ReserveResponse) -> Answer {
    let lines = said.reservation.map(|reservation| reservation.lines).unwrap_or_default();
    let awaited = lines.into_iter().filter(|line| line.backordered > 0).map(|line| {
        let expected_at = line.expected_at.as_ref().map(|at| from_wire(Some(at)));
        (line.sku, Awaited { units: line.backordered, expected_at })
    });
    let waiting: Waiting = awaited.collect();
    if waiting.is_empty() { Answer::Done } else { Answer::Waiting(waiting) }
}

fn reservation_of(call: &Call) -> Option<String> {
    match call {
        Call::Reserve(id) | Call::Secure(id) | Call::Release(id) | Call::ReleaseSome(id) => Some(id.clone()),
        _ => None,
    }
}

/// All that has to be sent, wherever it was planned to come from.
fn wanted(placed: &Placed) -> Units {
    let mut wanted = Units::new();
    placed.parts.iter().for_each(|part| crate::order::placed::add(&mut wanted, &part.lines));
    wanted
}

fn ask_payment(agenda: Owes, placed: &Placed, key: String, call: Call) -> Owes {
    use payment::rpc::{AuthorizePayment, CancelPayment, CapturePayment, RefundPayment};
    let (deal, at) = (&placed.deal, placed.updated_at);
    let (payment_id, order_id) = (deal.payment_id.clone(), deal.order_id.clone());
    let stands = |said: Option<payment::Payment>, order_id: &str| {
        Answer::Payment(said.map_or(PaymentNews::Pending, |payment| standing(&payment, order_id)))
    };
    match call {
        Call::Authorize => {
            let request = payment::AuthorizePaymentRequest {
                payment_id: payment_id.clone(),
                order_id: Some(order_id.clone()),
                user_id: deal.user_id.clone(),
                amount: say(deal.totals.total),
                method: Some(method(&deal.method)),
                capture: payment::CaptureMode::Manual.into(),
                return_url: deal.method.return_url.clone(),
            };
            let done = move |said: payment::AuthorizePaymentResponse| stands(said.payment, &order_id);
            agenda.ask::<AuthorizePayment>(key, at, &payment_id, &request, answered(call, done))
        }
        Call::Capture => {
            let request =
                payment::CapturePaymentRequest { payment_id: payment_id.clone(), amount: say(deal.totals.total) };
            let done = move |said: payment::CapturePaymentResponse| stands(said.payment, &order_id);
            agenda.ask::<CapturePayment>(key, at, &payment_id, &request, answered(call, done))
        }
        Call::Refund | Call::RefundMore(_) => {
            let Some(reduction) = &placed.reduction else { return agenda };
            let refund_id = match &call {
                Call::RefundMore(refund_id) => refund_id,
                _ => &reduction.refund_id,
            };
            let Some(share) = reduction.shares.iter().find(|share| share.refund_id == *refund_id) else {
                return agenda;
            };
            let payment_id = share.payment_id.clone();
            let request = payment::RefundPaymentRequest {
                payment_id: payment_id.clone(),
                refund_id: share.refund_id.clone(),
                amount: say(share.amount),
                reason: reduction.reason.clone(),
            };
            let done = |said: payment::RefundPaymentResponse| Answer::Refund(refund_standing(said.refund.as_ref()));
            agenda.ask::<RefundPayment>(key, at, &payment_id, &request, answered(call, done))
        }
        call => {
            let reason = match &placed.stage {
                Stage::Cancelling(undo) | Stage::Cancelled(undo) => undo.reason.clone(),
                _ => String::new(),
            };
            let payment_id = match &call {
                Call::CancelSupplement(payment_id) => payment_id.clone(),
                _ => payment_id,
            };
            let request = payment::CancelPaymentRequest { payment_id: payment_id.clone(), reason };
            let done = move |said: payment::CancelPaymentResponse| stands(said.payment, &order_id);
            agenda.ask::<CancelPayment>(key, at, &payment_id, &request, answered(call, done))
        }
    }
}

pub(super) fn method(method: &crate::order::deal::Method) -> payment::MethodChoice {
    use payment::method_choice::Of;
    let of = match method.payment_method_id.as_str() {
        "" => Of::Token(method.token.clone()),
        kept => Of::PaymentMethodId(kept.to_owned()),
    };
    payment::MethodChoice { of: Some(of) }
}

/// What a payment's standing means to an order.
pub(super) fn standing(payment: &payment::Payment, order_id: &str) -> PaymentNews {
    use payment::PaymentStatus as Status;
    match payment.status() {
        Status::Unspecified | Status::Initiated | Status::Pending | Status::Capturing | Status::Voiding => {
            PaymentNews::Pending
        }
        Status::InReview => PaymentNews::InReview,
        Status::RequiresAction => PaymentNews::ActionRequired(action_in_payment(payment.next_action.as_ref())),
        Status::Authorized => PaymentNews::Authorized(money(payment.amount.as_ref())),
        Status::Captured | Status::PartiallyRefunded | Status::Refunded => {
            PaymentNews::Captured(money(payment.captured.as_ref()))
        }
        Status::Voided => PaymentNews::Voided,
        Status::Failed => {
            let problem = payment.problem.clone().unwrap_or_default();
            PaymentNews::Declined(declined(&problem, order_id))
        }
    }
}

fn declined(problem: &Problem, order_id: &str) -> Trouble {
    use messages::common::v1::fact::Value;
    let decline_code = match problem.fact("decline_code") {
        Some(Value::Text(code)) => code.as_str(),
        _ => "",
    };
    Trouble::payment_declined(order_id, &problem.code, decline_code, &problem.detail)
}

fn refund_standing(refund: Option<&payment::Refund>) -> RefundNews {
    let Some(refund) = refund else { return RefundNews::Pending };
    let refund_id = refund.refund_id.clone();
    match refund.status() {
        payment::RefundStatus::Unspecified | payment::RefundStatus::Pending => RefundNews::Pending,
        payment::RefundStatus::Succeeded => RefundNews::Processed { refund_id, amount: money(refund.amount.as_ref()) },
        payment::RefundStatus::Failed => RefundNews::Failed { refund_id, reason: refund.failure.clone() },
    }
}

fn ask_shipping(agenda: Owes, placed: &Placed, key: String, call: Call) -> Owes {
    use shipping::rpc::{CancelShipments, CreateShipment};
    let (deal, at) = (&placed.deal, placed.updated_at);
    let order_id = deal.order_id.clone();
    match &call {
        Call::Ship(shipment_id) => {
            let Some(part) = placed.part_of_shipment(shipment_id) else { return agenda };
            let line = |(sku, count): (&String, &i64)| shipping::ShipmentLine {
                sku: sku.clone(),
                quantity: Some(*count),
                title: deal.line(sku).map(|line| line.title.clone()).unwrap_or_default(),
            };
            let request = shipping::CreateShipmentRequest {
                order_id: order_id.clone(),
                shipment_id: shipment_id.clone(),
                user_id: deal.user_id.clone(),
                warehouse_id: part.warehouse_id.clone(),
                reservation_id: part.reservation_id.clone(),
                lines: part.to_pack().iter().map(line).collect(),
                address: address_out(&deal.ship_to),
                option_id: deal.option.as_ref().map(|option| option.option_id.clone()).unwrap_or_default(),
                email: deal.email.clone(),
            };
            agenda.ask::<CreateShipment>(key, at, &order_id, &request, plain(call))
        }
        Call::Recall(shipment_id) => {
            let shipment_id = Some(shipment_id.clone());
            let request = shipping::CancelShipmentsRequest { order_id: order_id.clone(), shipment_id };
            agenda.ask::<CancelShipments>(key, at, &order_id, &request, plain(call))
        }
        _ => agenda,
    }
}

/// What a return owes, as calls.
pub(crate) fn agenda_of_return(this: &Return) -> Agenda<returns::Command> {
    let (Some(slip), Some(receipt)) = (this.slip(), this.receipt()) else { return Agenda::nothing() };
    let refused = |asked: bool, problem: Option<Problem>| (!asked).then(|| Trouble::of(problem.unwrap_or_default()));
    this.owed().into_iter().fold(Agenda::nothing(), |agenda, owed| match owed {
        returns::Owed::Restock { key, sku, count } => {
            let request = inventory::AdjustStockRequest {
                warehouse_id: receipt.warehouse_id.clone(),
                sku: sku.clone(),
                delta: Some(count),
                reason: inventory::StockReason::Returned.into(),
                note: slip.return_id.clone(),
            };
            let report = move |asked| match asked {
                Asked::Done(_) => returns::Command::Restocked(sku, refused(true, None)),
                Asked::Refused(problem) => returns::Command::Restocked(sku, refused(false, Some(problem))),
            };
            let warehouse_id = &receipt.warehouse_id;
            agenda.ask::<inventory::rpc::AdjustStock>(key, slip.updated_at, warehouse_id, &request, report)
        }
        returns::Owed::Refund { key, share } => {
            let request = payment::RefundPaymentRequest {
                payment_id: share.payment_id.clone(),
                refund_id: share.refund_id.clone(),
                amount: say(share.amount),
                reason: format!("return {}", slip.return_id),
            };
            let report = move |asked| match asked {
                Asked::Done(_) => returns::Command::RefundAsked(refused(true, None)),
                Asked::Refused(problem) => returns::Command::RefundAsked(refused(false, Some(problem))),
            };
            agenda.ask::<payment::rpc::RefundPayment>(key, slip.updated_at, &share.payment_id, &request, report)
        }
    })
}

/// What became of a payment, as the reaction to its news tells it.
pub(super) fn payment_news(said: &v1::NotePaymentRequest) -> PaymentNews {
    use v1::PaymentOutcome as Outcome;
    let (order_id, amount) = (&said.order_id, || money(said.amount.as_ref()));
    let trouble = || Trouble::payment_declined(order_id, &said.reason, &said.decline_code, "");
    match said.outcome() {
        Outcome::Unspecified => PaymentNews::Pending,
        Outcome::RequiresAction => PaymentNews::ActionRequired(super::deal::action_in(said.next_action.as_ref())),
        Outcome::Authorized => PaymentNews::Authorized(amount()),
        Outcome::Captured => PaymentNews::Captured(amount()),
        Outcome::Declined => PaymentNews::Declined(trouble()),
        Outcome::CaptureFailed => PaymentNews::CaptureFailed(trouble()),
        Outcome::Voided => PaymentNews::Voided,
        Outcome::InReview => PaymentNews::InReview,
    }
}

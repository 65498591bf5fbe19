//! Exchanges and edits: contract to domain and back. An amendment, its order and its return change in one commit.

use messages::inventory::v1 as inventory;
use messages::payment::v1 as payment;
use messages::problem::Kind as ProblemKind;
use runtime::desk::{Desk, Window};
use runtime::entity::{Agenda, Asked as Reply};

use super::calls::{HOLD_SECONDS, method, standing, stock_lines};
use super::deal::{say, units};
use super::order::{must_be_theirs, with_lines};
use super::planning::{self, Goods};
use super::show::{amendment, amendment_standing_out, amendment_word, reason_in};
use super::{Problem, Trouble, payment_id, return_id_of_exchange, rpc, v1};
use crate::amendment::{Amendment, Asked, Call, Command, Kind, Owed, Refusal, Stage, Terms};
use crate::order::Order;
use crate::order::command::{
    Answer, Beyond, Command as OrderCommand, PaymentNews, RefundNews, Refusal as OrderRefusal,
};
use crate::order::deal::Units;
use crate::order::event::Addition;
use crate::order::placed::Placed;
use crate::returns::{self, Return, Slip, Standing as ReturnStanding};
use crate::wire::Money;

type Owes = Agenda<Command>;

/// What an amendment owes, as calls.
pub(crate) fn agenda(asked: &Asked) -> Owes {
    asked.owed().into_iter().fold(Agenda::nothing(), |agenda, owed| match owed {
        Owed::Expire(at) => agenda.wake(format!("expire@{at}"), at, Command::Expire),
        Owed::Ask { key, call } => ask(agenda, asked, key, call),
    })
}

fn answered<T>(call: Call, done: impl FnOnce(T) -> Answer) -> impl FnOnce(Reply<T>) -> Command {
    move |reply| {
        let answer = match reply {
            Reply::Done(said) => done(said),
            Reply::Refused(problem) => Answer::Refused(Trouble::of(problem)),
        };
        Command::Answered(call, answer)
    }
}

fn ask(agenda: Owes, asked: &Asked, key: String, call: Call) -> Owes {
    let (terms, at) = (&asked.terms, asked.updated_at);
    let order_id = terms.order_id.clone();
    match &call {
        Call::Reserve(id) | Call::Secure(id) | Call::Release(id) => {
            let Some(part) = asked.part(id) else { return agenda };
            let (warehouse_id, reservation_id) = (part.warehouse_id.clone(), part.reservation_id.clone());
            ask_inventory(agenda, asked, key, call.clone(), (warehouse_id, reservation_id, &part.lines))
        }
        Call::Charge => {
            let request = payment::AuthorizePaymentRequest {
                payment_id: terms.payment_id.clone(),
                order_id: Some(order_id.clone()),
                user_id: terms.user_id.clone(),
                amount: say(terms.charge()),
                method: Some(method(&terms.method)),
                // Its stock is held already: nothing is waited for between the promise and the money.
                capture: payment::CaptureMode::Automatic.into(),
                return_url: terms.method.return_url.clone(),
            };
            let done = move |said: payment::AuthorizePaymentResponse| {
                Answer::Payment(said.payment.map_or(PaymentNews::Pending, |payment| standing(&payment, &order_id)))
            };
            agenda.ask::<payment::rpc::AuthorizePayment>(key, at, &terms.payment_id, &request, answered(call, done))
        }
        Call::CancelPayment => {
            let reason = match &asked.stage {
                Stage::Cancelling(undo) | Stage::Cancelled(undo) => undo.reason.clone(),
                Stage::Arranging | Stage::Ready | Stage::Applied => String::new(),
            };
            let request = payment::CancelPaymentRequest { payment_id: terms.payment_id.clone(), reason };
            // A payment that was given up before anybody asked for it is shown as none, and never will be one.
            let done = move |said: payment::CancelPaymentResponse| {
                Answer::Payment(said.payment.map_or(PaymentNews::Voided, |payment| standing(&payment, &order_id)))
            };
            agenda.ask::<payment::rpc::CancelPayment>(key, at, &terms.payment_id, &request, answered(call, done))
        }
        Call::Settle => {
            let amendment_id = terms.amendment_id.clone();
            let request = v1::SettleAmendmentRequest { order_id: order_id.clone(), amendment_id };
            agenda.ask::<rpc::SettleAmendment>(key, at, &order_id, &request, answered(call, |_| Answer::Done))
        }
    }
}

fn ask_inventory(agenda: Owes, asked: &Asked, key: String, call: Call, part: (String, String, &Units)) -> Owes {
    let at = asked.updated_at;
    let (warehouse_id, reservation_id, lines) = part;
    match &call {
        Call::Reserve(_) => {
            let request = inventory::ReserveRequest {
                warehouse_id: warehouse_id.clone(),
                reservation_id,
                lines: stock_lines(lines),
                order_id: Some(asked.terms.order_id.clone()),
                hold_seconds: Some(HOLD_SECONDS),
                ..Default::default()
            };
            let done = |_| Answer::Done;
            agenda.ask::<inventory::rpc::Reserve>(key, at, &warehouse_id, &request, answered(call, done))
        }
        Call::Secure(_) => {
            let request = inventory::ConfirmRequest { warehouse_id: warehouse_id.clone(), reservation_id };
            let done = |_| Answer::Done;
            agenda.ask::<inventory::rpc::Confirm>(key, at, &warehouse_id, &request, answered(call, done))
        }
        _ => {
            let lines = Vec::new();
            let request = inventory::ReleaseRequest { warehouse_id: warehouse_id.clone(), reservation_id, lines };
            let done = |_| Answer::Done;
            agenda.ask::<inventory::rpc::Release>(key, at, &warehouse_id, &request, answered(call, done))
        }
    }
}

fn now(desk: &Desk<'_>, amendment_id: &str) -> Option<v1::Amendment> {
    amendment(&desk.see::<Amendment>(amendment_id), desk.version::<Amendment>(amendment_id))
}

/// The order, if it is the caller's.
fn theirs(desk: &Desk<'_>, order_id: &str) -> Result<Placed, Problem> {
    let order = desk.see::<Order>(order_id);
    must_be_theirs(&order, &desk.facts().caller)?;
    Ok(order.placed().cloned().ok_or(OrderRefusal::NotFound)?)
}

/// What was asked for, if it is of this order.
fn of_order(desk: &Desk<'_>, order_id: &str, amendment_id: &str) -> Result<Asked, Refusal> {
    let amendment = desk.see::<Amendment>(amendment_id);
    let asked = amendment.asked().filter(|asked| asked.terms.order_id == order_id);
    asked.cloned().ok_or(Refusal::NotFound)
}

/// What an amendment takes away and from whom, when it is written down.
struct Gone {
    kind: Kind,
    removed: Units,
    worth: Money,
}

fn terms(
    placed: &Placed,
    amendment_id: &str,
    gone: Gone,
    goods: &Goods,
    said: Option<&v1::PaymentMethod>,
) -> Result<Terms, Problem> {
    let Gone { kind, removed, worth } = gone;
    let (subtotal, discount_total, tax_total) = planning::parts_of_amount(placed, goods);
    let hold = jiff::SignedDuration::try_from(super::placing::HOLD).unwrap_or(jiff::SignedDuration::ZERO);
    let mut terms = Terms {
        amendment_id: amendment_id.to_owned(),
        order_id: placed.deal.order_id.clone(),
        user_id: placed.deal.user_id.clone(),
        kind,
        return_id: match kind {
            Kind::Exchange => return_id_of_exchange(amendment_id),
            Kind::Edit => String::new(),
        },
        lines: goods.lines.clone(),
        parts: goods.allotted(amendment_id),
        removed,
        subtotal,
        discount_total,
        tax_total,
        added: planning::added_amount(placed, goods),
        worth,
        payment_id: String::new(),
        method: Default::default(),
        expires_at: goods.at.saturating_add(hold).unwrap_or(goods.at),
    };
    if !terms.charge().is_zero() {
        terms.payment_id = payment_id(amendment_id);
        terms.method = planning::method(placed, said);
        if terms.method.token.is_empty() && terms.method.payment_method_id.is_empty() {
            let detail = "There is something to pay, and nobody said how.";
            return Err(Problem::new(ProblemKind::Unprocessable, "no_payment_method", detail));
        }
    }
    Ok(terms)
}

/// Writes an amendment down, and has its order know of it.
fn open(desk: &mut Desk<'_>, terms: Terms) -> Result<(), Problem> {
    let (order_id, amendment_id) = (terms.order_id.clone(), terms.amendment_id.clone());
    let known = OrderCommand::OpenAmendment {
        amendment_id: amendment_id.clone(),
        return_id: terms.return_id.clone(),
        payment_id: terms.payment_id.clone(),
        removed: terms.removed.clone(),
    };
    desk.tell::<Amendment>(&amendment_id, Command::Request(Box::new(terms)))?;
    desk.tell::<Order>(&order_id, known)?;
    Ok(())
}

pub(crate) fn exchange(
    desk: &mut Desk<'_>,
    request: &v1::RequestExchangeRequest,
    goods: &Goods,
) -> Result<v1::RequestExchangeResponse, Problem> {
    let v1::RequestExchangeRequest { order_id, amendment_id, payment_method, expected_difference, .. } = request;
    let placed = theirs(desk, order_id)?;
    let removed = units(&request.lines);
    let beyond = placed.beyond_returnable(&removed);
    if !beyond.is_empty() {
        return Err(OrderRefusal::ExceedsReturnable(beyond).into());
    }
    let gone = Gone { kind: Kind::Exchange, worth: placed.worth(&removed), removed: removed.clone() };
    let terms = terms(&placed, amendment_id, gone, goods, payment_method.as_ref())?;
    planning::told(terms.difference(), expected_difference.as_ref())?;
    let (return_id, at) = (terms.return_id.clone(), desk.facts().now);
    let slip = Slip {
        return_id: return_id.clone(),
        order_id: order_id.clone(),
        user_id: terms.user_id.clone(),
        units: removed.clone(),
        reason: reason_in(request.reason()),
        note: request.note.clone(),
        amendment_id: amendment_id.clone(),
        created_at: at,
        updated_at: at,
    };
    open(desk, terms)?;
    desk.tell::<Return>(&return_id, returns::Command::Request(Box::new(slip)))?;
    let amendment_id = amendment_id.clone();
    let back = OrderCommand::OpenReturn { return_id, units: removed, amendment_id: amendment_id.clone() };
    desk.tell::<Order>(order_id, back)?;
    Ok(v1::RequestExchangeResponse { amendment: now(desk, &amendment_id) })
}

pub(crate) fn edit(
    desk: &mut Desk<'_>,
    request: &v1::EditOrderRequest,
    goods: &Goods,
) -> Result<v1::EditOrderResponse, Problem> {
    let v1::EditOrderRequest { order_id, amendment_id, lines, payment_method, expected_difference, expected_version } =
        request;
    let placed = theirs(desk, order_id)?;
    let version = desk.version::<Order>(order_id);
    if expected_version.is_some_and(|expected| expected != version) {
        return Err(OrderRefusal::Changed(version).into());
    }
    let edit = planning::edit(&placed, lines, goods)?;
    let gone = Gone { kind: Kind::Edit, worth: edit.removed_amount(&placed), removed: edit.removed };
    let terms = terms(&placed, amendment_id, gone, goods, payment_method.as_ref())?;
    planning::told(terms.difference(), expected_difference.as_ref())?;
    open(desk, terms)?;
    Ok(v1::EditOrderResponse { amendment: now(desk, amendment_id) })
}

pub(crate) fn plan(
    window: &Window<'_>,
    request: &v1::PlanEditRequest,
    goods: &Goods,
) -> Result<v1::PlanEditResponse, Problem> {
    let order = window.see::<Order>(&request.order_id);
    must_be_theirs(&order, window.caller())?;
    let placed = order.placed().ok_or(OrderRefusal::NotFound)?;
    let version = window.version::<Order>(&request.order_id);
    Ok(v1::PlanEditResponse { preview: Some(planning::preview(placed, version, &request.lines, goods)?) })
}

pub(crate) fn get(window: &Window<'_>, request: &v1::GetAmendmentRequest) -> Result<v1::GetAmendmentResponse, Problem> {
    let id = &request.amendment_id;
    let shown = amendment(&window.see::<Amendment>(id), window.version::<Amendment>(id));
    let shown = shown.filter(|this| this.order_id == request.order_id && window.caller().may_touch(&this.user_id));
    Ok(v1::GetAmendmentResponse { amendment: Some(shown.ok_or(Refusal::NotFound)?) })
}

pub(crate) fn cancel(
    desk: &mut Desk<'_>,
    request: &v1::CancelAmendmentRequest,
) -> Result<v1::CancelAmendmentResponse, Problem> {
    let v1::CancelAmendmentRequest { order_id, amendment_id } = request;
    let asked = of_order(desk, order_id, amendment_id)?;
    let caller = &desk.facts().caller;
    if !caller.may_touch(&asked.terms.user_id) {
        return Err(Refusal::NotFound.into());
    }
    let by_customer = caller.person() == Some(asked.terms.user_id.as_str());
    let reason = if by_customer { "customer_request" } else { "staff_request" };
    desk.tell::<Amendment>(amendment_id, Command::Cancel(reason))?;
    Ok(v1::CancelAmendmentResponse { amendment: now(desk, amendment_id) })
}

pub(crate) fn retry(
    desk: &mut Desk<'_>,
    request: &v1::RetryAmendmentRequest,
) -> Result<v1::RetryAmendmentResponse, Problem> {
    let v1::RetryAmendmentRequest { order_id, amendment_id } = request;
    of_order(desk, order_id, amendment_id)?;
    desk.tell::<Amendment>(amendment_id, Command::Retry)?;
    Ok(v1::RetryAmendmentResponse { amendment: now(desk, amendment_id) })
}

/// An edit whose stock is held and whose difference is paid becomes a part of its order; one that came to nothing ends.
pub(crate) fn settle(
    desk: &mut Desk<'_>,
    request: &v1::SettleAmendmentRequest,
) -> Result<v1::SettleAmendmentResponse, Problem> {
    let v1::SettleAmendmentRequest { order_id, amendment_id } = request;
    let asked = of_order(desk, order_id, amendment_id)?;
    match &asked.stage {
        Stage::Ready if asked.terms.kind == Kind::Edit => apply(desk, amendment_id)?,
        Stage::Cancelling(_) => close(desk, &asked.terms)?,
        Stage::Applied | Stage::Cancelled(_) => {}
        Stage::Arranging | Stage::Ready => return Err(Refusal::NotReady(asked.standing()).into()),
    }
    Ok(v1::SettleAmendmentResponse { amendment: now(desk, amendment_id) })
}

/// What goes back for an exchange when its goods are here: what was agreed on, if they all are.
pub(super) fn owed_for_exchange(
    desk: &Desk<'_>,
    amendment_id: &str,
    expected: &Units,
    arrived: &Units,
) -> Result<Money, Problem> {
    let amendment = desk.see::<Amendment>(amendment_id);
    let asked = amendment.asked().ok_or(Refusal::NotFound)?;
    if asked.stage != Stage::Ready {
        let said = "the return belongs to an exchange whose goods are not held, or not paid";
        let status = amendment_word(amendment_standing_out(asked.standing()));
        return Err(Problem::conflict("exchange_not_ready", said).with("status", status));
    }
    let here = |sku: &str| arrived.get(sku).copied().unwrap_or(0);
    let missing = expected.iter().filter(|(sku, count)| here(sku) < **count);
    let missing: Vec<Beyond> =
        missing.map(|(sku, n)| Beyond { sku: sku.clone(), requested: *n, available: here(sku) }).collect();
    if !missing.is_empty() {
        let said = "of an exchange everything has to come back; cancel it, and take what arrived as a return";
        return Err(with_lines(Problem::conflict("exchange_incomplete", said), &missing));
    }
    Ok(asked.terms.refund())
}

/// Makes an amendment a part of its order.
pub(super) fn apply(desk: &mut Desk<'_>, amendment_id: &str) -> Result<(), Problem> {
    let amendment = desk.see::<Amendment>(amendment_id);
    let asked = amendment.asked().ok_or(Refusal::NotFound)?;
    let terms = &asked.terms;
    let addition = Addition {
        user_id: terms.user_id.clone(),
        amendment_id: terms.amendment_id.clone(),
        kind: terms.kind,
        lines: terms.lines.clone(),
        parts: terms.parts.clone(),
        amount: terms.added,
        subtotal: terms.subtotal,
        discount_total: terms.discount_total,
        tax_total: terms.tax_total,
        credited: terms.credited(),
        payment_id: terms.payment_id.clone(),
        captured: asked.captured,
    };
    // What an exchange gives back, its return does.
    let (removed, refund) = match terms.kind {
        Kind::Edit => (terms.removed.clone(), terms.refund()),
        Kind::Exchange => (Units::new(), terms.nothing()),
    };
    desk.tell::<Order>(&terms.order_id, OrderCommand::Amend { addition: Box::new(addition), removed, refund })?;
    // What somebody gave back of the difference meanwhile is the order's to know from now on.
    for (refund_id, amount) in &asked.refunds {
        let (payment_id, refund_id) = (terms.payment_id.clone(), refund_id.clone());
        let news = RefundNews::Processed { refund_id, amount: *amount };
        desk.tell::<Order>(&terms.order_id, OrderCommand::SupplementRefund { payment_id, news })?;
    }
    desk.tell::<Amendment>(amendment_id, Command::Apply)?;
    Ok(())
}

fn close(desk: &mut Desk<'_>, terms: &Terms) -> Result<(), Problem> {
    desk.tell::<Amendment>(&terms.amendment_id, Command::Close)?;
    let over = OrderCommand::CloseAmendment { amendment_id: terms.amendment_id.clone() };
    desk.tell::<Order>(&terms.order_id, over)?;
    let back = desk.see::<Return>(&terms.return_id);
    if matches!(back.standing(), Some(ReturnStanding::Requested | ReturnStanding::Approved)) {
        let reason = "The exchange came to nothing.".to_owned();
        desk.tell::<Return>(&terms.return_id, returns::Command::Reject(reason))?;
    }
    Ok(())
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let said = refusal.to_string();
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", said),
            Refusal::AlreadyExists => Problem::conflict("already_exists", said),
            Refusal::Applied => Problem::conflict("amendment_applied", said),
            Refusal::NotReady(standing) => Problem::conflict("exchange_not_ready", said)
                .with("status", amendment_word(amendment_standing_out(standing))),
            Refusal::Changing => {
                Problem::conflict("order_changing", said).retry_after(std::time::Duration::from_secs(1))
            }
            Refusal::NotStuck => Problem::conflict("not_stuck", said),
        }
    }
}

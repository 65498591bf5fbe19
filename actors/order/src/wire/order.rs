//! Orders: what people ask of them.

use messages::problem::Kind;
use runtime::desk::{Desk, Window};
use runtime::entity::ActorKey;
use runtime::headers::Caller;

use super::deal::units;
use super::show::{order, status_in, status_word};
use super::{Problem, v1};
use crate::amendment::Amendment;
use crate::order::command::{Beyond, Command, Refusal};
use crate::order::deal::Deal;
use crate::order::{self, Order};
use crate::returns::Return;

pub(crate) fn place(
    desk: &mut Desk<'_>,
    request: &v1::PlaceOrderRequest,
    deal: &Deal,
) -> Result<v1::PlaceOrderResponse, Problem> {
    desk.tell::<Order>(&request.order_id, Command::Place(Box::new(deal.clone())))?;
    Ok(v1::PlaceOrderResponse { order: now(desk, &request.order_id) })
}

fn now(desk: &Desk<'_>, order_id: &str) -> Option<v1::Order> {
    order(&desk.see::<Order>(order_id), desk.version::<Order>(order_id))
}

/// A foreign order is answered exactly like a missing one.
pub(super) fn must_be_theirs(order: &Order, caller: &Caller) -> Result<(), Refusal> {
    let owner = order.placed().map(|placed| placed.deal.user_id.as_str());
    owner.filter(|owner| caller.may_touch(owner)).map(drop).ok_or(Refusal::NotFound)
}

/// Tells an order what somebody wishes, if it is theirs.
fn wish(desk: &mut Desk<'_>, order_id: &str, command: Command) -> Result<Option<v1::Order>, Problem> {
    must_be_theirs(&desk.see::<Order>(order_id), &desk.facts().caller)?;
    desk.tell::<Order>(order_id, command)?;
    Ok(now(desk, order_id))
}

pub(crate) fn cancel(
    desk: &mut Desk<'_>,
    request: &v1::CancelOrderRequest,
) -> Result<v1::CancelOrderResponse, Problem> {
    let owner = desk.see::<Order>(&request.order_id).placed().map(|placed| placed.deal.user_id.clone());
    let by_customer = owner.as_deref() == desk.facts().caller.person();
    let reason = if by_customer { "customer_request" } else { "staff_request" };
    let units = (!request.lines.is_empty()).then(|| units(&request.lines));
    let order = wish(desk, &request.order_id, Command::Cancel { reason, units })?;
    Ok(v1::CancelOrderResponse { order })
}

pub(crate) fn set_status(
    desk: &mut Desk<'_>,
    request: &v1::SetOrderStatusRequest,
) -> Result<v1::SetOrderStatusResponse, Problem> {
    let command = Command::SetStatus { status: status_in(request.status()), reason: request.reason.clone() };
    Ok(v1::SetOrderStatusResponse { order: wish(desk, &request.order_id, command)? })
}

pub(crate) fn hold(desk: &mut Desk<'_>, request: &v1::HoldOrderRequest) -> Result<v1::HoldOrderResponse, Problem> {
    let order = wish(desk, &request.order_id, Command::Hold(request.reason.clone()))?;
    Ok(v1::HoldOrderResponse { order })
}

pub(crate) fn approve(
    desk: &mut Desk<'_>,
    request: &v1::ApproveOrderRequest,
) -> Result<v1::ApproveOrderResponse, Problem> {
    Ok(v1::ApproveOrderResponse { order: wish(desk, &request.order_id, Command::Approve)? })
}

pub(crate) fn retry(desk: &mut Desk<'_>, request: &v1::RetryOrderRequest) -> Result<v1::RetryOrderResponse, Problem> {
    Ok(v1::RetryOrderResponse { order: wish(desk, &request.order_id, Command::Retry)? })
}

pub(crate) fn get(window: &Window<'_>, request: &v1::GetOrderRequest) -> Result<v1::GetOrderResponse, Problem> {
    let found = window.see::<Order>(&request.order_id);
    must_be_theirs(&found, window.caller())?;
    Ok(v1::GetOrderResponse { order: order(&found, window.version::<Order>(&request.order_id)) })
}

pub(crate) fn whose_history(request: &v1::GetOrderHistoryRequest) -> ActorKey {
    match (&request.return_id, &request.amendment_id) {
        (Some(return_id), _) => ActorKey::of::<Return>(return_id),
        (None, Some(amendment_id)) => ActorKey::of::<Amendment>(amendment_id),
        (None, None) => ActorKey::of::<Order>(&request.order_id),
    }
}

/// The life of an order is its owner's to see, and so is that of a return, an exchange or an edit of it.
pub(crate) fn may_see_history(window: &Window<'_>, request: &v1::GetOrderHistoryRequest) -> Result<(), Problem> {
    must_be_theirs(&window.see::<Order>(&request.order_id), window.caller())?;
    let of_it = match (&request.return_id, &request.amendment_id) {
        (Some(return_id), _) => {
            let this = window.see::<Return>(return_id);
            this.slip().is_some_and(|slip| slip.order_id == request.order_id)
        }
        (None, Some(amendment_id)) => {
            let this = window.see::<Amendment>(amendment_id);
            this.asked().is_some_and(|asked| asked.terms.order_id == request.order_id)
        }
        (None, None) => true,
    };
    if of_it { Ok(()) } else { Err(crate::returns::Refusal::NotFound.into()) }
}

/// Where more was asked for than there is, as facts of a problem.
pub(super) fn with_lines(problem: Problem, beyond: &[Beyond]) -> Problem {
    #[derive(serde::Serialize)]
    struct Line<'a> {
        sku: &'a str,
        requested: i64,
        available: i64,
    }
    let lines = beyond.iter().map(|b| Line { sku: &b.sku, requested: b.requested, available: b.available });
    let lines: Vec<_> = lines.collect();
    problem.with_json("lines", &lines)
}

impl From<order::Refusal> for Problem {
    fn from(refusal: order::Refusal) -> Problem {
        use order::Refusal::{
            AlreadyExists, AlreadyShipped, Cancelled, Changed, Changing, EverythingGoes, ExceedsCancellable,
            ExceedsReturnable, NotEditable, NotFound, NotPaidYet, NotStuck, NothingChanges, TransitionNotAllowed,
        };
        let said = refusal.to_string();
        match refusal {
            NotFound => Problem::not_found("not_found", said),
            AlreadyExists => Problem::conflict("already_exists", said),
            AlreadyShipped => Problem::conflict("already_shipped", said),
            NotPaidYet => Problem::conflict("not_paid_yet", said),
            Changing => Problem::conflict("order_changing", said).retry_after(std::time::Duration::from_secs(1)),
            ExceedsCancellable(beyond) => with_lines(Problem::conflict("exceeds_cancellable", said), &beyond),
            ExceedsReturnable(beyond) => with_lines(Problem::conflict("exceeds_returnable", said), &beyond),
            Cancelled => Problem::conflict("order_cancelled", said),
            TransitionNotAllowed { status, next_states } => {
                let next: Vec<String> = next_states.into_iter().map(status_word).collect();
                Problem::conflict("transition_not_allowed", said)
                    .with("status", status_word(status))
                    .with_json("next_states", &next)
            }
            NotEditable(status) => Problem::conflict("order_not_editable", said).with("status", status_word(status)),
            NothingChanges => Problem::new(Kind::Unprocessable, "nothing_changes", said),
            EverythingGoes => Problem::new(Kind::Unprocessable, "everything_goes", said),
            Changed(version) => Problem::conflict("order_changed", said).with_json("version", &version),
            NotStuck => Problem::conflict("not_stuck", said),
        }
    }
}

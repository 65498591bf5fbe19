//! Payments and refunds: requests to commands, and what callers may see.

use messages::problem::Kind;
use runtime::desk::{Desk, Window};
use runtime::headers::Caller;
use runtime::inquiry::{Gathering, Inquiry};

use super::{Problem, money_in, rpc, show, v1, without_card_numbers};
use crate::payment::{Capture, Command, Hint, Means, Payment, Refusal, Terms};
use crate::{settings, views};

/// How somebody wants to pay, as far as it could be found out; or why it cannot be.
pub(crate) type Chosen = Result<Choice, Problem>;

/// How somebody wants to pay.
pub(crate) struct Choice {
    token: String,
    payment_method_id: Option<String>,
    /// The owner of the stored method.
    owner: Option<String>,
    customer: String,
    provider: String,
}

/// Finds out what the provider calls a stored method. Its actor lives in another partition.
async fn choose(inquiry: &Inquiry, method: Option<&v1::MethodChoice>) -> Result<Chosen, Problem> {
    use v1::method_choice::Of;
    let none = || Problem::new(Kind::Unprocessable, "unknown_payment_method", "the customer has no such stored method");
    match method.and_then(|method| method.of.as_ref()) {
        None => Ok(Err(none())),
        Some(Of::Token(token)) => {
            let (token, provider) = (token.clone(), settings::get().provider.clone());
            Ok(Ok(Choice { token, payment_method_id: None, owner: None, customer: String::new(), provider }))
        }
        Some(Of::PaymentMethodId(id)) => {
            let request = v1::ResolvePaymentMethodRequest { payment_method_id: id.clone() };
            match inquiry.ask::<rpc::ResolvePaymentMethod>(id, &request).await {
                Ok(v1::ResolvePaymentMethodResponse { user_id, provider, reference, customer }) => Ok(Ok(Choice {
                    token: reference,
                    payment_method_id: Some(id.clone()),
                    owner: Some(user_id),
                    customer,
                    provider,
                })),
                Err(problem) if problem.code == "not_found" => Ok(Err(none())),
                Err(problem) => Err(problem),
            }
        }
    }
}

pub(crate) fn gather_create<'a>(inquiry: &'a Inquiry, request: &'a v1::CreatePaymentRequest) -> Gathering<'a, Chosen> {
    Box::pin(choose(inquiry, request.method.as_ref()))
}

pub(crate) fn gather_authorize<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::AuthorizePaymentRequest,
) -> Gathering<'a, Chosen> {
    Box::pin(choose(inquiry, request.method.as_ref()))
}

/// The command that has money held.
fn authorise(
    desk: &Desk<'_>,
    terms: Terms,
    chosen: &Chosen,
    capture: v1::CaptureMode,
    return_url: &str,
) -> Result<Command, Problem> {
    let choice = chosen.as_ref().map_err(Clone::clone)?;
    without_card_numbers(&[("token", &choice.token), ("return_url", return_url)])?;
    if choice.owner.as_ref().is_some_and(|owner| *owner != terms.user_id) {
        let detail = "the customer has no such stored method";
        return Err(Problem::new(Kind::Unprocessable, "unknown_payment_method", detail));
    }
    let rules = &settings::get().fraud;
    let lately = views::begun_lately(&desk.rows::<views::Payments>(), &terms.user_id, desk.facts().now, rules.window());
    let suspicion = rules.judge(terms.amount, lately);
    let means = Means {
        token: choice.token.clone(),
        payment_method_id: choice.payment_method_id.clone(),
        customer: choice.customer.clone(),
        provider: choice.provider.clone(),
        capture: if capture == v1::CaptureMode::Automatic { Capture::Automatic } else { Capture::Manual },
        return_url: return_url.to_owned(),
    };
    Ok(Command::Authorise { terms, means, suspicion })
}

/// For whom a caller acts: itself, or, if it works here, whom it names.
pub(super) fn customer(caller: &Caller, named: Option<&String>) -> Result<String, Problem> {
    match (caller.is_staff(), named, caller.person()) {
        (true, Some(named), _) => Ok(named.clone()),
        (true, None, _) | (false, _, None) => {
            Err(Problem::new(Kind::Unprocessable, "user_required", "say for whom, by `user_id`"))
        }
        (false, Some(named), Some(person)) if named != person => {
            Err(Problem::new(Kind::Forbidden, "foreign_user", "only the staff acts for somebody else"))
        }
        (false, _, Some(person)) => Ok(person.to_owned()),
    }
}

/// An order is paid once, by whose it is. The list of payments may lag; a second payment of an order that is being placed
/// this moment is not what a customer does, and staff that does it anyway sees both.
fn order_may_be_paid(desk: &Desk<'_>, order_id: &str, user_id: &str) -> Result<(), Problem> {
    let staff = desk.facts().caller.is_staff();
    let payments = views::of_order(&desk.rows::<views::Payments>(), order_id);
    let own = payments.iter().all(|payment| payment.user_id == user_id);
    if (payments.is_empty() && !staff) || !own {
        return Err(Problem::new(Kind::Unprocessable, "unknown_order", "the customer has no such order"));
    }
    let over = [v1::PaymentStatus::Voided, v1::PaymentStatus::Failed];
    let in_the_way = payments.iter().find(|payment| !staff || !over.contains(&payment.status()));
    match in_the_way {
        None => Ok(()),
        Some(payment) => {
            let detail = "the order has a payment already, and is paid once";
            Err(Problem::conflict("order_has_payment", detail).with("payment_id", payment.payment_id.clone()))
        }
    }
}

pub(crate) fn create(
    desk: &mut Desk<'_>,
    request: &v1::CreatePaymentRequest,
    chosen: &Chosen,
) -> Result<v1::CreatePaymentResponse, Problem> {
    let v1::CreatePaymentRequest { payment_id: id, amount, order_id, user_id, return_url, .. } = request;
    let user_id = customer(&desk.facts().caller, user_id.as_ref())?;
    let amount = money_in(amount.as_ref())?;
    if let Some(order_id) = order_id {
        order_may_be_paid(desk, order_id, &user_id)?;
    }
    let terms = Terms { id: id.clone(), order_id: order_id.clone(), user_id, amount };
    if desk.see::<Payment>(id).open().is_some_and(|open| open.terms != terms) {
        return Err(Refusal::AlreadyExists.into());
    }
    let command = authorise(desk, terms, chosen, request.capture(), return_url)?;
    desk.tell::<Payment>(id, command)?;
    Ok(v1::CreatePaymentResponse { payment: now(desk, id) })
}

pub(crate) fn open(desk: &mut Desk<'_>, request: &v1::OpenPaymentRequest) -> Result<v1::OpenPaymentResponse, Problem> {
    let v1::OpenPaymentRequest { payment_id: id, order_id, user_id, amount } = request;
    let amount = money_in(amount.as_ref())?;
    let terms = Terms { id: id.clone(), order_id: order_id.clone(), user_id: user_id.clone(), amount };
    desk.tell::<Payment>(id, Command::Open(terms))?;
    Ok(v1::OpenPaymentResponse { payment: now(desk, id) })
}

pub(crate) fn authorize(
    desk: &mut Desk<'_>,
    request: &v1::AuthorizePaymentRequest,
    chosen: &Chosen,
) -> Result<v1::AuthorizePaymentResponse, Problem> {
    let v1::AuthorizePaymentRequest { payment_id: id, order_id, user_id, amount, return_url, .. } = request;
    let amount = money_in(amount.as_ref())?;
    let terms = Terms { id: id.clone(), order_id: order_id.clone(), user_id: user_id.clone(), amount };
    let command = authorise(desk, terms, chosen, request.capture(), return_url)?;
    desk.tell::<Payment>(id, command)?;
    Ok(v1::AuthorizePaymentResponse { payment: now(desk, id) })
}

/// A foreign payment is answered like a missing one.
fn own(desk: &Desk<'_>, id: &str) -> Result<(), Problem> {
    match desk.see::<Payment>(id).open() {
        Some(open) if desk.facts().caller.may_touch(&open.terms.user_id) => Ok(()),
        _ => Err(Refusal::NotFound.into()),
    }
}

pub(crate) fn confirm(
    desk: &mut Desk<'_>,
    request: &v1::ConfirmPaymentRequest,
) -> Result<v1::ConfirmPaymentResponse, Problem> {
    own(desk, &request.payment_id)?;
    desk.tell::<Payment>(&request.payment_id, Command::Confirm)?;
    Ok(v1::ConfirmPaymentResponse { payment: now(desk, &request.payment_id) })
}

pub(crate) fn capture(
    desk: &mut Desk<'_>,
    request: &v1::CapturePaymentRequest,
) -> Result<v1::CapturePaymentResponse, Problem> {
    let amount = request.amount.as_ref().map(|amount| money_in(Some(amount))).transpose()?;
    desk.tell::<Payment>(&request.payment_id, Command::Capture(amount))?;
    Ok(v1::CapturePaymentResponse { payment: now(desk, &request.payment_id) })
}

pub(crate) fn void(desk: &mut Desk<'_>, request: &v1::VoidPaymentRequest) -> Result<v1::VoidPaymentResponse, Problem> {
    let v1::VoidPaymentRequest { payment_id: id, reason } = request;
    without_card_numbers(&[("reason", reason)])?;
    desk.tell::<Payment>(id, Command::Void(reason.clone()))?;
    Ok(v1::VoidPaymentResponse { payment: now(desk, id) })
}

pub(crate) fn cancel(
    desk: &mut Desk<'_>,
    request: &v1::CancelPaymentRequest,
) -> Result<v1::CancelPaymentResponse, Problem> {
    let v1::CancelPaymentRequest { payment_id: id, reason } = request;
    without_card_numbers(&[("reason", reason)])?;
    desk.tell::<Payment>(id, Command::Cancel { id: id.clone(), reason: reason.clone() })?;
    Ok(v1::CancelPaymentResponse { payment: now(desk, id) })
}

pub(crate) fn refund(
    desk: &mut Desk<'_>,
    request: &v1::RefundPaymentRequest,
) -> Result<v1::RefundPaymentResponse, Problem> {
    let v1::RefundPaymentRequest { payment_id, refund_id, amount, reason } = request;
    without_card_numbers(&[("reason", reason)])?;
    let amount = amount.as_ref().map(|amount| money_in(Some(amount))).transpose()?;
    let command = Command::Refund { id: refund_id.clone(), amount, reason: reason.clone() };
    desk.tell::<Payment>(payment_id, command)?;
    let refund = desk.see::<Payment>(payment_id).open().and_then(|open| show::refund(open, refund_id));
    Ok(v1::RefundPaymentResponse { refund })
}

pub(crate) fn reconcile(
    desk: &mut Desk<'_>,
    request: &v1::ReconcilePaymentRequest,
) -> Result<v1::ReconcilePaymentResponse, Problem> {
    own(desk, &request.payment_id)?;
    let command = Command::Inquire { reference: None, hint: Hint::Anything, news: String::new() };
    desk.tell::<Payment>(&request.payment_id, command)?;
    Ok(v1::ReconcilePaymentResponse { payment: now(desk, &request.payment_id) })
}

pub(crate) fn get(window: &Window<'_>, request: &v1::GetPaymentRequest) -> Result<v1::GetPaymentResponse, Problem> {
    let payment = window.see::<Payment>(&request.payment_id);
    let open = payment.open().filter(|open| window.caller().may_touch(&open.terms.user_id));
    let open = open.ok_or(Refusal::NotFound)?;
    Ok(v1::GetPaymentResponse { payment: Some(show::payment(open, window.version::<Payment>(&request.payment_id))) })
}

/// The life of a payment is its owner's to see, like the payment.
pub(crate) fn may_see_history(window: &Window<'_>, request: &v1::GetHistoryRequest) -> Result<(), Problem> {
    get(window, &v1::GetPaymentRequest { payment_id: request.payment_id.clone() }).map(drop)
}

pub(crate) fn get_refund(
    window: &Window<'_>,
    request: &v1::GetRefundRequest,
) -> Result<v1::GetRefundResponse, Problem> {
    let payment = window.see::<Payment>(&request.payment_id);
    let open = payment.open().filter(|open| window.caller().may_touch(&open.terms.user_id));
    let refund = open.and_then(|open| show::refund(open, &request.refund_id));
    Ok(v1::GetRefundResponse { refund: Some(refund.ok_or(Refusal::NotFound)?) })
}

pub(super) fn now(desk: &Desk<'_>, id: &str) -> Option<v1::Payment> {
    desk.see::<Payment>(id).open().map(|open| show::payment(open, desk.version::<Payment>(id)))
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        use Refusal::{
            AlreadyCaptured, AlreadyExists, ExceedsAuthorised, ExceedsRefundable, Failed, NotAuthorised, NotCaptured,
            NotFound, NotInReview, NothingToConfirm, RefundExists, TooManyRefunds, Voided,
        };
        let said = refusal.to_string();
        match refusal {
            NotFound => Problem::not_found("not_found", said),
            AlreadyExists => Problem::conflict("already_exists", said),
            NothingToConfirm => Problem::conflict("nothing_to_confirm", said),
            NotAuthorised(status) => Problem::conflict("not_authorized", said).with("status", status),
            ExceedsAuthorised(held) => {
                Problem::new(Kind::Unprocessable, "exceeds_authorized", said).with("authorized", held.amount())
            }
            AlreadyCaptured(taken) => Problem::conflict("already_captured", said).with("captured", taken.amount()),
            Voided(reason) => Problem::conflict("payment_voided", said).with("reason", reason),
            Failed => Problem::conflict("payment_failed", said),
            NotCaptured(status) => Problem::conflict("not_captured", said).with("status", status),
            ExceedsRefundable(left) => Problem::new(Kind::Unprocessable, "exceeds_refundable", said)
                .with("refundable", left.amount())
                .with("currency", left.currency().to_string()),
            RefundExists => Problem::conflict("refund_exists", said),
            TooManyRefunds => Problem::conflict("too_many_refunds", said),
            NotInReview(status) => Problem::conflict("not_in_review", said).with("status", status),
        }
    }
}

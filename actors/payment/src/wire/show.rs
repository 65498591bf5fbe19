//! Payments, refunds and stored methods as the world sees them.

use messages::problem::Kind;
use runtime::clock::to_wire;

use super::{Problem, v1};
use crate::method::{self, Known};
use crate::payment::{Capture, Failure, Open, Refund, RefundStatus, Stage, Step, Why};

/// A payment.
#[must_use]
pub fn payment(open: &Open, version: u64) -> v1::Payment {
    let capture = open.means.as_ref().map(|means| capture_out(means.capture)).unwrap_or_default();
    let next_action = match &open.stage {
        Stage::RequiresAction { url, .. } => Some(next_action(url)),
        _ => None,
    };
    v1::Payment {
        payment_id: open.terms.id.clone(),
        version,
        order_id: open.terms.order_id.clone(),
        user_id: open.terms.user_id.clone(),
        amount: Some(open.terms.amount.into()),
        status: status(open).into(),
        capture: capture.into(),
        captured: Some(open.captured().into()),
        refunded: Some(open.refunded().into()),
        refundable: Some(open.refundable().into()),
        provider: open.means.as_ref().map(|means| means.provider.clone()).unwrap_or_default(),
        provider_reference: open.reference.clone().unwrap_or_default(),
        next_action,
        problem: open.failure().map(problem),
        cancel_reason: open.given_up().unwrap_or_default().to_owned(),
        suspicion: open.suspicion.as_ref().map(suspicion),
        refunds: open.refunds().iter().map(|refund| self::shown(open, refund)).collect(),
        created_at: Some(to_wire(open.created_at)),
        updated_at: Some(to_wire(open.updated_at)),
    }
}

/// Why a payment failed, as whoever asked for it is answered.
#[must_use]
pub(super) fn problem(failure: &Failure) -> Problem {
    let said = match failure.why {
        Why::Declined => "the provider declined the payment",
        Why::Fraud => "the payment was found to be fraud",
        Why::AuthenticationExpired => "what the provider asked for was not done in time",
        Why::AmountMismatch => "the provider says another amount than was asked for",
        Why::AuthorizationLost => "what was held for the shop is held no more",
        Why::ProviderRefused => "the provider refused the payment",
    };
    let kind = if failure.why == Why::AmountMismatch { Kind::Conflict } else { Kind::PaymentRequired };
    let detail = if failure.detail.is_empty() { said } else { failure.detail.as_str() };
    let problem = Problem::new(kind, failure.why.slug(), detail);
    if failure.decline_code.is_empty() { problem } else { problem.with("decline_code", failure.decline_code.clone()) }
}

pub(super) fn suspicion(found: &crate::fraud::Suspicion) -> v1::Suspicion {
    v1::Suspicion { score: found.score, signals: found.signals.clone() }
}

pub(super) fn next_action(url: &str) -> v1::NextAction {
    v1::NextAction { r#type: "redirect".to_owned(), url: url.to_owned() }
}

pub(super) fn capture_out(capture: Capture) -> v1::CaptureMode {
    match capture {
        Capture::Manual => v1::CaptureMode::Manual,
        Capture::Automatic => v1::CaptureMode::Automatic,
    }
}

pub(super) fn capture_in(wire: v1::CaptureMode) -> Capture {
    match wire {
        v1::CaptureMode::Automatic => Capture::Automatic,
        v1::CaptureMode::Manual | v1::CaptureMode::Unspecified => Capture::Manual,
    }
}

pub(super) fn step_out(step: Step) -> v1::PaymentStage {
    match step {
        Step::Authorise => v1::PaymentStage::Authorize,
        Step::Capture => v1::PaymentStage::Capture,
    }
}

fn status(open: &Open) -> v1::PaymentStatus {
    use v1::PaymentStatus as Status;
    match open.status() {
        "initiated" => Status::Initiated,
        "in_review" => Status::InReview,
        "pending" => Status::Pending,
        "requires_action" => Status::RequiresAction,
        "authorized" => Status::Authorized,
        "capturing" => Status::Capturing,
        "captured" => Status::Captured,
        "partially_refunded" => Status::PartiallyRefunded,
        "refunded" => Status::Refunded,
        "voiding" => Status::Voiding,
        "voided" => Status::Voided,
        _ => Status::Failed,
    }
}

/// A refund of a payment.
#[must_use]
pub(super) fn refund(open: &Open, id: &str) -> Option<v1::Refund> {
    open.refunds().iter().find(|refund| refund.id == id).map(|refund| shown(open, refund))
}

fn shown(open: &Open, refund: &Refund) -> v1::Refund {
    let (status, failure) = match &refund.status {
        RefundStatus::Pending => (v1::RefundStatus::Pending, String::new()),
        RefundStatus::Succeeded => (v1::RefundStatus::Succeeded, String::new()),
        RefundStatus::Failed(why) => (v1::RefundStatus::Failed, why.clone()),
    };
    v1::Refund {
        refund_id: refund.id.clone(),
        payment_id: open.terms.id.clone(),
        order_id: open.terms.order_id.clone(),
        user_id: open.terms.user_id.clone(),
        amount: Some(refund.amount.into()),
        reason: refund.reason.clone(),
        status: status.into(),
        failure,
        created_at: Some(to_wire(refund.created_at)),
        updated_at: Some(to_wire(refund.updated_at)),
    }
}

/// A stored method.
#[must_use]
pub fn method(known: &Known, version: u64) -> v1::PaymentMethod {
    use v1::PaymentMethodStatus as Status;
    let (status, kept) = match &known.stage {
        method::Stage::Pending { removed: false } => (Status::Pending, None),
        method::Stage::Ready(kept) => (Status::Ready, Some(kept)),
        method::Stage::Refused { .. } => (Status::Refused, None),
        method::Stage::Pending { removed: true } | method::Stage::Removed { .. } => (Status::Removed, None),
    };
    let problem = match &known.stage {
        method::Stage::Refused { code, detail } => {
            let problem = Problem::new(Kind::PaymentRequired, "payment_declined", detail.clone());
            Some(problem.with("decline_code", code.clone()))
        }
        _ => None,
    };
    v1::PaymentMethod {
        payment_method_id: known.card.id.clone(),
        version,
        user_id: known.card.user_id.clone(),
        status: status.into(),
        label: known.card.label.clone(),
        brand: kept.map(|kept| kept.brand.clone()).unwrap_or_default(),
        last4: kept.map(|kept| kept.last4.clone()).unwrap_or_default(),
        exp_month: kept.map_or(0, |kept| kept.exp_month),
        exp_year: kept.map_or(0, |kept| kept.exp_year),
        problem,
        created_at: Some(to_wire(known.created_at)),
    }
}

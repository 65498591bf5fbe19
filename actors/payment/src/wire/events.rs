//! The events of a payment, in both directions.

use jiff::Timestamp;
use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Recorded, Undecodable};

use super::show::{capture_in, capture_out, next_action, step_out, suspicion};
use super::{Money, stored_money, unreadable, v1};
use crate::fraud::Suspicion;
use crate::payment::{Event, Failure, Means, Step, What, Why};

const WHYS: [Why; 6] = [
    Why::Declined,
    Why::Fraud,
    Why::AuthenticationExpired,
    Why::AmountMismatch,
    Why::AuthorizationLost,
    Why::ProviderRefused,
];

fn why_in(slug: &str) -> Why {
    WHYS.into_iter().find(|why| why.slug() == slug).unwrap_or(Why::ProviderRefused)
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let Event { id: payment_id, order_id, user_id, at, what } = self.clone();
        let at = Some(to_wire(at));
        match what {
            What::Initiated(amount) => {
                let event = v1::PaymentInitiated { payment_id, order_id, user_id, amount: Some(amount.into()), at };
                ("payment.initiated", event.encode_to_vec())
            }
            What::Submitted(means) => {
                let Means { token, payment_method_id, customer, provider, capture, return_url } = means;
                let event = v1::PaymentSubmitted {
                    payment_id,
                    order_id,
                    user_id,
                    token,
                    payment_method_id,
                    customer,
                    provider,
                    capture: capture_out(capture).into(),
                    return_url,
                    at,
                };
                ("payment.submitted", event.encode_to_vec())
            }
            What::Suspected(amount, found, means) => {
                let Means { token, payment_method_id, customer, provider, capture, return_url } = means;
                let event = v1::FraudDetected {
                    payment_id,
                    order_id,
                    user_id,
                    amount: Some(amount.into()),
                    suspicion: Some(suspicion(&found)),
                    token,
                    payment_method_id,
                    customer,
                    provider,
                    capture: capture_out(capture).into(),
                    return_url,
                    at,
                };
                ("fraud.detected", event.encode_to_vec())
            }
            What::Cleared(by) => {
                let event = v1::FraudCleared { payment_id, order_id, user_id, by, at };
                ("fraud.cleared", event.encode_to_vec())
            }
            What::ActionRequired { url, reference } => {
                let next_action = Some(next_action(&url));
                let event = v1::PaymentRequiresAction { payment_id, order_id, user_id, next_action, reference, at };
                ("payment.requires_action", event.encode_to_vec())
            }
            What::Inquired { number, reference, news: news_id } => {
                let event = v1::PaymentInquired { payment_id, order_id, user_id, number, reference, news_id, at };
                ("payment.inquired", event.encode_to_vec())
            }
            What::Authorised { amount, reference } => {
                let amount = Some(amount.into());
                let event = v1::PaymentAuthorized { payment_id, order_id, user_id, amount, reference, at };
                ("payment.authorized", event.encode_to_vec())
            }
            What::CaptureRequested(amount) => {
                let amount = Some(amount.into());
                let event = v1::PaymentCaptureRequested { payment_id, order_id, user_id, amount, at };
                ("payment.capture_requested", event.encode_to_vec())
            }
            What::Completed { amount, reference } => {
                let amount = Some(amount.into());
                let event = v1::PaymentCompleted { payment_id, order_id, user_id, amount, reference, at };
                ("payment.completed", event.encode_to_vec())
            }
            What::Failed { failure, releasing } => {
                let event = v1::PaymentFailed {
                    payment_id,
                    order_id,
                    user_id,
                    reason: failure.why.slug().to_owned(),
                    decline_code: failure.decline_code,
                    detail: failure.detail,
                    stage: step_out(failure.step).into(),
                    releasing,
                    at,
                };
                ("payment.failed", event.encode_to_vec())
            }
            What::CancelRequested(reason) => {
                let event = v1::PaymentCancelRequested { payment_id, order_id, user_id, reason, at };
                ("payment.cancel_requested", event.encode_to_vec())
            }
            What::VoidRequested { reason, reference } => {
                let event = v1::PaymentVoidRequested { payment_id, order_id, user_id, reason, reference, at };
                ("payment.void_requested", event.encode_to_vec())
            }
            What::Voided(reason) => {
                let event = v1::PaymentVoided { payment_id, order_id, user_id, reason, at };
                ("payment.voided", event.encode_to_vec())
            }
            What::RefundRequested { id: refund_id, amount, reason, closing } => {
                let amount = Some(amount.into());
                let event =
                    v1::RefundRequested { refund_id, payment_id, order_id, user_id, amount, reason, closing, at };
                ("refund.requested", event.encode_to_vec())
            }
            What::RefundProcessed { id: refund_id, amount, reference } => {
                let amount = Some(amount.into());
                let event = v1::RefundProcessed { refund_id, payment_id, order_id, user_id, amount, reference, at };
                ("refund.processed", event.encode_to_vec())
            }
            What::RefundFailed { id: refund_id, amount, reason } => {
                let amount = Some(amount.into());
                let event = v1::RefundFailed { refund_id, payment_id, order_id, user_id, amount, reason, at };
                ("refund.failed", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        recall(event_type, data)
    }
}

/// What all events of a payment begin with.
struct Head(String, Option<String>, String, Option<prost_types::Timestamp>);

impl Head {
    fn with(self, what: What) -> Event {
        let Head(id, order_id, user_id, at) = self;
        let at: Timestamp = from_wire(at.as_ref());
        Event { id, order_id, user_id, at, what }
    }
}

/// Takes the head off an event of the contract.
macro_rules! head {
    ($event:expr) => {
        Head($event.payment_id, $event.order_id, $event.user_id, $event.at)
    };
}

fn recall(event_type: &str, data: &[u8]) -> Result<Event, Undecodable> {
    let unreadable = unreadable(event_type);
    let money = |wire: &Option<_>| -> Result<Money, Undecodable> { stored_money(wire.as_ref(), event_type) };
    Ok(match event_type {
        "payment.initiated" => {
            let event = v1::PaymentInitiated::decode(data).map_err(unreadable)?;
            let what = What::Initiated(money(&event.amount)?);
            head!(event).with(what)
        }
        "payment.submitted" => {
            let event = v1::PaymentSubmitted::decode(data).map_err(unreadable)?;
            let capture = capture_in(event.capture());
            let means = Means {
                token: event.token,
                payment_method_id: event.payment_method_id,
                customer: event.customer,
                provider: event.provider,
                capture,
                return_url: event.return_url,
            };
            Head(event.payment_id, event.order_id, event.user_id, event.at).with(What::Submitted(means))
        }
        "fraud.detected" => {
            let event = v1::FraudDetected::decode(data).map_err(unreadable)?;
            let (amount, capture) = (money(&event.amount)?, capture_in(event.capture()));
            let v1::Suspicion { score, signals } = event.suspicion.unwrap_or_default();
            let means = Means {
                token: event.token,
                payment_method_id: event.payment_method_id,
                customer: event.customer,
                provider: event.provider,
                capture,
                return_url: event.return_url,
            };
            let what = What::Suspected(amount, Suspicion { score, signals }, means);
            Head(event.payment_id, event.order_id, event.user_id, event.at).with(what)
        }
        "fraud.cleared" => {
            let event = v1::FraudCleared::decode(data).map_err(unreadable)?;
            let what = What::Cleared(event.by);
            head!(event).with(what)
        }
        "payment.requires_action" => {
            let event = v1::PaymentRequiresAction::decode(data).map_err(unreadable)?;
            let (url, reference) = (event.next_action.unwrap_or_default().url, event.reference);
            head!(event).with(What::ActionRequired { url, reference })
        }
        "payment.inquired" => {
            let event = v1::PaymentInquired::decode(data).map_err(unreadable)?;
            let (number, reference, news) = (event.number, event.reference, event.news_id);
            head!(event).with(What::Inquired { number, reference, news })
        }
        "payment.authorized" => {
            let event = v1::PaymentAuthorized::decode(data).map_err(unreadable)?;
            let (amount, reference) = (money(&event.amount)?, event.reference);
            head!(event).with(What::Authorised { amount, reference })
        }
        "payment.capture_requested" => {
            let event = v1::PaymentCaptureRequested::decode(data).map_err(unreadable)?;
            let what = What::CaptureRequested(money(&event.amount)?);
            head!(event).with(what)
        }
        "payment.completed" => {
            let event = v1::PaymentCompleted::decode(data).map_err(unreadable)?;
            let (amount, reference) = (money(&event.amount)?, event.reference);
            head!(event).with(What::Completed { amount, reference })
        }
        "payment.failed" => {
            let event = v1::PaymentFailed::decode(data).map_err(unreadable)?;
            let step = match event.stage() {
                v1::PaymentStage::Capture => Step::Capture,
                v1::PaymentStage::Authorize | v1::PaymentStage::Unspecified => Step::Authorise,
            };
            let failure =
                Failure { why: why_in(&event.reason), decline_code: event.decline_code, detail: event.detail, step };
            let releasing = event.releasing;
            head!(event).with(What::Failed { failure, releasing })
        }
        "payment.cancel_requested" => {
            let event = v1::PaymentCancelRequested::decode(data).map_err(unreadable)?;
            let what = What::CancelRequested(event.reason);
            head!(event).with(what)
        }
        "payment.void_requested" => {
            let event = v1::PaymentVoidRequested::decode(data).map_err(unreadable)?;
            let (reason, reference) = (event.reason, event.reference);
            head!(event).with(What::VoidRequested { reason, reference })
        }
        "payment.voided" => {
            let event = v1::PaymentVoided::decode(data).map_err(unreadable)?;
            let what = What::Voided(event.reason);
            head!(event).with(what)
        }
        "refund.requested" => {
            let event = v1::RefundRequested::decode(data).map_err(unreadable)?;
            let (id, amount, reason) = (event.refund_id, money(&event.amount)?, event.reason);
            let closing = event.closing;
            head!(event).with(What::RefundRequested { id, amount, reason, closing })
        }
        "refund.processed" => {
            let event = v1::RefundProcessed::decode(data).map_err(unreadable)?;
            let (id, amount, reference) = (event.refund_id, money(&event.amount)?, event.reference);
            head!(event).with(What::RefundProcessed { id, amount, reference })
        }
        "refund.failed" => {
            let event = v1::RefundFailed::decode(data).map_err(unreadable)?;
            let (id, amount, reason) = (event.refund_id, money(&event.amount)?, event.reason);
            head!(event).with(What::RefundFailed { id, amount, reason })
        }
        other => return Err(Undecodable::new(other, "a payment has no such event")),
    })
}

//! Webhooks: verified where they arrive, and told to the payment that they are about.

use messages::problem::Kind;
use runtime::desk::Desk;
use runtime::inquiry::{Gathering, Inquiry};

use super::{Problem, rpc, v1};
use crate::payment::{Command, Hint, Payment};
use crate::provider::paypal::{self, news::Unverified};
use crate::webhook::{self, Fault};
use crate::{provider, settings};

/// Verifies news and tells the payment, which may live in any partition. When that fails, the provider will say it again.
pub(crate) fn gather<'a>(inquiry: &'a Inquiry, request: &'a v1::ReceiveWebhookRequest) -> Gathering<'a, ()> {
    Box::pin(async move {
        let Some(news) = verified(inquiry, request).await? else { return Ok(()) };
        let note = v1::NotePaymentRequest {
            payment_id: news.payment_id.clone(),
            news_id: news.id,
            reference: news.reference,
            hint: hint_out(news.hint).into(),
        };
        match inquiry.ask::<rpc::NotePayment>(&news.payment_id, &note).await {
            Ok(_) => Ok(()),
            // What is no payment's name is nobody's, and saying it again would not help.
            Err(problem) if Kind::of(&problem) == Kind::Invalid => Ok(()),
            Err(problem) => Err(problem),
        }
    })
}

/// What a provider signed, if it is about a payment of ours.
async fn verified(inquiry: &Inquiry, request: &v1::ReceiveWebhookRequest) -> Result<Option<webhook::News>, Problem> {
    let unknown = || Problem::not_found("unknown_provider", "no such provider calls back here");
    let v1::ReceiveWebhookRequest { provider, body, headers } = request;
    if provider == provider::PAYPAL {
        let paypal = paypal::news::current().ok_or_else(unknown)?;
        paypal.verify(&headers.clone().into_iter().collect(), body).await?;
        return Ok(paypal::news::read(body)?);
    }
    let access = provider::named(provider).and_then(|name| settings::get().access(name));
    let access = access.filter(|access| !access.webhook_secret.is_empty()).ok_or_else(unknown)?;
    let signature = headers.get("stripe-signature").map(String::as_str).unwrap_or_default();
    webhook::verify(&access.webhook_secret, signature, body, inquiry.now())?;
    Ok(webhook::read(body)?)
}

pub(crate) fn receive(
    _: &mut Desk<'_>,
    _: &v1::ReceiveWebhookRequest,
    (): &(),
) -> Result<v1::ReceiveWebhookResponse, Problem> {
    Ok(v1::ReceiveWebhookResponse {})
}

pub(crate) fn note(desk: &mut Desk<'_>, request: &v1::NotePaymentRequest) -> Result<v1::NotePaymentResponse, Problem> {
    let v1::NotePaymentRequest { payment_id, news_id, reference, .. } = request;
    let (reference, hint) = (Some(reference.clone()), hint_in(request.hint()));
    desk.tell::<Payment>(payment_id, Command::Inquire { reference, hint, news: news_id.clone() })?;
    Ok(v1::NotePaymentResponse {})
}

fn hint_out(hint: Hint) -> v1::ProviderHint {
    match hint {
        Hint::Anything => v1::ProviderHint::Unspecified,
        Hint::ActionRequired => v1::ProviderHint::ActionRequired,
        Hint::Authorised => v1::ProviderHint::Authorized,
        Hint::Captured => v1::ProviderHint::Captured,
        Hint::Ended => v1::ProviderHint::Ended,
    }
}

fn hint_in(wire: v1::ProviderHint) -> Hint {
    match wire {
        v1::ProviderHint::Unspecified => Hint::Anything,
        v1::ProviderHint::ActionRequired => Hint::ActionRequired,
        v1::ProviderHint::Authorized => Hint::Authorised,
        v1::ProviderHint::Captured => Hint::Captured,
        v1::ProviderHint::Ended => Hint::Ended,
    }
}

impl From<Unverified> for Problem {
    fn from(unverified: Unverified) -> Problem {
        match unverified {
            Unverified::No(fault) => fault.into(),
            // PayPal says it again.
            Unverified::Unknown(reason) => Problem::new(Kind::Unavailable, "provider_unavailable", reason),
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Problem {
        let code = match fault {
            Fault::Signature => "invalid_signature",
            Fault::Body => "malformed_webhook",
        };
        Problem::new(Kind::Invalid, code, fault.to_string())
    }
}

//! Stripe's objects, as its client libraries read them.

use serde_json::{Value, json};

use crate::books::{News, Thing};
use crate::card::Card;
use crate::fault::Fault;
use crate::intent::{Customer, Intent, Method, Refund, Status};

/// The version of Stripe's API that the objects are like.
pub(crate) const VERSION: &str = "2024-06-20";

/// A thing, as Stripe shows it. `url` is where the bank's pages are.
#[must_use]
pub fn thing(thing: &Thing, url: &str) -> Value {
    match thing {
        Thing::Intent(intent) => self::intent(intent, url),
        Thing::Refund(refund) => self::refund(refund),
        Thing::Customer(customer) => self::customer(customer),
        Thing::Method(method) => self::method(method),
    }
}

/// News, as Stripe delivers them.
#[must_use]
pub fn event(at: u64, news: &News, about: &Thing, url: &str) -> Value {
    json!({
        "id": news.id,
        "object": "event",
        "api_version": VERSION,
        "created": at,
        "data": {"object": thing(about, url)},
        "livemode": false,
        "pending_webhooks": 1,
        "request": {"id": null, "idempotency_key": null},
        "type": news.kind,
    })
}

fn intent(intent: &Intent, url: &str) -> Value {
    let next_action = (intent.status == Status::RequiresAction).then(|| {
        let page = format!("{url}/3ds/{}?secret={}", intent.id, intent.client_secret());
        json!({"type": "redirect_to_url", "redirect_to_url": {"url": page, "return_url": intent.return_url}})
    });
    let charge = intent.id.replacen("pi_", "ch_", 1);
    let charged = matches!(intent.status, Status::RequiresCapture | Status::Succeeded);
    json!({
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": intent.held,
        "amount_received": intent.taken,
        "canceled_at": intent.canceled_at,
        "cancellation_reason": intent.cancellation_reason,
        "capture_method": if intent.captures_itself { "automatic" } else { "manual" },
        "client_secret": intent.client_secret(),
        "confirmation_method": "automatic",
        "created": intent.created,
        "currency": intent.currency,
        "customer": intent.customer,
        "description": intent.description,
        "last_payment_error": intent.last_fault.as_ref().map(last_error),
        "latest_charge": charged.then_some(charge),
        "livemode": false,
        "metadata": intent.metadata,
        "next_action": next_action,
        "payment_method": intent.method,
        "payment_method_types": ["card"],
        "status": intent.status.word(),
    })
}

fn last_error(fault: &Fault) -> Value {
    json!({
        "type": fault.word(),
        "code": fault.code,
        "decline_code": fault.decline_code,
        "message": fault.message,
    })
}

fn refund(refund: &Refund) -> Value {
    let failed = refund.status == crate::intent::RefundStatus::Failed;
    json!({
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "charge": refund.intent.replacen("pi_", "ch_", 1),
        "created": refund.created,
        "currency": refund.currency,
        "failure_reason": failed.then_some("expired_or_canceled_card"),
        "metadata": refund.metadata,
        "payment_intent": refund.intent,
        "reason": refund.reason,
        "status": refund.status.word(),
    })
}

fn customer(customer: &Customer) -> Value {
    json!({
        "id": customer.id,
        "object": "customer",
        "created": customer.created,
        "livemode": false,
        "metadata": customer.metadata,
    })
}

fn method(method: &Method) -> Value {
    let Card { brand, last4, exp_month, exp_year, .. } = &method.card;
    json!({
        "id": method.id,
        "object": "payment_method",
        "card": {"brand": brand, "last4": last4, "exp_month": exp_month, "exp_year": exp_year, "funding": "credit"},
        "created": method.created,
        "customer": method.customer,
        "livemode": false,
        "type": "card",
    })
}

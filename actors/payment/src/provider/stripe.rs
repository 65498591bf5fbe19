//! Payment intents, refunds and kept cards as Stripe has them.
//!
//! Money is always held first and taken by us, whatever the shop's customer asked for. Our own ids are in the metadata, so
//! that what was done under a key is found when the key is forgotten, and so that nothing foreign is taken for ours.

mod reading;
mod writing;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use jiff::SignedDuration;
use runtime::clock::Clock;
use runtime::entity::Outcome;
use runtime::group::{Provider, Said};
use serde_json::Value;

use self::reading::{Fault, No, read, refunded, text, told};
use self::writing::{Form, escaped, units};
use super::http::{Request, Transport};
use super::{Ask, Kept, RefundTold, State, Told, encode};
use crate::payment::{Means, Terms};
use crate::wire::{self, Money};

/// From this age on a question may have been asked before: the provider is asked first what it did. The runtime asks
/// again after two seconds at the earliest.
const FIRST_TRY_MAX: SignedDuration = SignedDuration::from_secs(1);

/// A provider that speaks as Stripe does.
pub struct Stripe {
    transport: Arc<dyn Transport>,
    clock: Clock,
    /// Where browsers go after an action when the customer said nothing.
    return_url: String,
}

type Answer = Result<Vec<u8>, No>;

impl Provider for Stripe {
    fn call<'a>(&'a self, key: &'a str, request: Bytes) -> Pin<Box<dyn Future<Output = Said> + Send + 'a>> {
        Box::pin(async move {
            match self.answer(key, &request).await {
                Ok(answer) => Said::Settled(Outcome::Done(answer.into())),
                Err(No::Refused { code, detail }) => {
                    Said::Settled(Outcome::Refused(wire::refused_by_provider(code, detail)))
                }
                Err(No::Unknown(reason)) => Said::Unknown(reason),
            }
        })
    }
}

impl Stripe {
    /// A provider behind a transport.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, clock: Clock, return_url: String) -> Stripe {
        Stripe { transport, clock, return_url }
    }

    async fn answer(&self, key: &str, request: &[u8]) -> Answer {
        let ask: Ask =
            postcard::from_bytes(request).map_err(|e| No::Unknown(format!("the question is unreadable: {e}")))?;
        match ask {
            Ask::Authorise { terms, means, since } => {
                if self.is_repeat(since) {
                    let told = self.find(&terms.id).await?;
                    if told != Told::Nothing {
                        return Ok(encode(&told));
                    }
                }
                self.authorise(key, &terms, &means).await.map(|told| encode(&told))
            }
            Ask::Look { payment_id, reference } if reference.is_empty() => {
                self.find(&payment_id).await.map(|told| encode(&told))
            }
            Ask::Look { payment_id, reference } => self.look(&payment_id, &reference).await.map(|told| encode(&told)),
            // Stripe holds the money as soon as the customer has proved who they are, and never says "approved".
            Ask::Complete { payment_id, reference, .. } => {
                self.look(&payment_id, &reference).await.map(|told| encode(&told))
            }
            Ask::Capture { payment_id, reference, amount, since } => {
                if self.is_repeat(since) {
                    let told = self.look(&payment_id, &reference).await?;
                    // Held is what it was before; everything else is news.
                    if !matches!(told, Told::Intent { state: State::Authorised(_), .. }) {
                        return Ok(encode(&told));
                    }
                }
                self.capture(key, &payment_id, &reference, amount).await.map(|told| encode(&told))
            }
            Ask::Void { payment_id, reference, .. } => {
                self.void(key, &payment_id, &reference).await.map(|told| encode(&told))
            }
            Ask::Refund { refund_id, reference, amount, since, .. } => {
                if self.is_repeat(since)
                    && let Some(told) = self.find_refund(&reference, &refund_id).await?
                {
                    return Ok(encode(&told));
                }
                self.refund(key, &reference, &refund_id, amount).await.map(|told| encode(&told))
            }
            Ask::Keep { user_id, token } => self.keep(key, &user_id, &token).await.map(|kept| encode(&kept)),
            Ask::Forget { reference } => self.forget(key, &reference).await.map(|()| Vec::new()),
        }
    }

    fn is_repeat(&self, since: jiff::Timestamp) -> bool {
        self.clock.now().duration_since(since) > FIRST_TRY_MAX
    }

    async fn authorise(&self, key: &str, terms: &Terms, means: &Means) -> Result<Told, No> {
        let mut form = Form::new();
        form.put("amount", &units(terms.amount)?.to_string());
        form.put("currency", &terms.amount.currency().to_string().to_ascii_lowercase());
        form.put("payment_method", &means.token);
        form.put("payment_method_types[]", "card");
        form.put("capture_method", "manual");
        form.put("confirm", "true");
        form.put("metadata[payment_id]", &terms.id);
        if let Some(order_id) = &terms.order_id {
            form.put("metadata[order_id]", order_id);
        }
        if !means.customer.is_empty() {
            form.put("customer", &means.customer);
        }
        let back = if means.return_url.is_empty() { &self.return_url } else { &means.return_url };
        form.put("return_url", back);
        match self.post("/v1/payment_intents", key, form).await? {
            Ok(intent) => told(&terms.id, &intent),
            Err(Fault { status: 402, code, detail, intent }) => {
                let reference = intent.as_ref().map(|intent| text(&intent["id"])).unwrap_or_default();
                Ok(Told::Intent { reference, state: State::Declined { code, detail } })
            }
            Err(fault) => Err(fault.refused()),
        }
    }

    /// How a payment stands, by the provider's name for it.
    async fn look(&self, payment_id: &str, reference: &str) -> Result<Told, No> {
        match self.get(&format!("/v1/payment_intents/{}", escaped(reference))).await? {
            Ok(intent) => told(payment_id, &intent),
            Err(Fault { status: 404, .. }) => Ok(Told::Nothing),
            Err(fault) => Err(No::Unknown(fault.detail)),
        }
    }

    /// How a payment stands, by our name for it.
    async fn find(&self, payment_id: &str) -> Result<Told, No> {
        let query = escaped(&format!("metadata['payment_id']:'{payment_id}'"));
        match self.get(&format!("/v1/payment_intents/search?query={query}&limit=1")).await? {
            Ok(found) => match found["data"].get(0) {
                Some(intent) => told(payment_id, intent),
                None => Ok(Told::Nothing),
            },
            Err(fault) => Err(No::Unknown(fault.detail)),
        }
    }

    async fn capture(&self, key: &str, payment_id: &str, reference: &str, amount: Money) -> Result<Told, No> {
        let mut form = Form::new();
        form.put("amount_to_capture", &units(amount)?.to_string());
        let path = format!("/v1/payment_intents/{}/capture", escaped(reference));
        match self.post(&path, key, form).await? {
            Ok(intent) => told(payment_id, &intent),
            Err(fault) => match &fault.intent {
                // It stands in another way than we believed: that is the answer, unless it stands as we believed.
                Some(intent) if fault.status != 402 => match told(payment_id, intent)? {
                    Told::Intent { state: State::Authorised(_), .. } => Err(fault.refused()),
                    told => Ok(told),
                },
                _ => Err(fault.refused()),
            },
        }
    }

    async fn void(&self, key: &str, payment_id: &str, reference: &str) -> Result<Told, No> {
        let path = format!("/v1/payment_intents/{}/cancel", escaped(reference));
        match self.post(&path, key, Form::new()).await? {
            Ok(intent) => told(payment_id, &intent),
            Err(fault) => match self.look(payment_id, reference).await? {
                Told::Intent { reference, state: state @ (State::Cancelled | State::Captured(_)) } => {
                    Ok(Told::Intent { reference, state })
                }
                // It is still open, or not where it was, so it is asked again: money that is held must not be forgotten.
                _ => Err(No::Unknown(fault.detail)),
            },
        }
    }

    async fn refund(&self, key: &str, reference: &str, refund_id: &str, amount: Money) -> Result<RefundTold, No> {
        let mut form = Form::new();
        form.put("payment_intent", reference);
        form.put("amount", &units(amount)?.to_string());
        form.put("metadata[refund_id]", refund_id);
        match self.post("/v1/refunds", key, form).await? {
            Ok(refund) => refunded(&refund),
            Err(fault) => Ok(RefundTold::Refused(fault.code)),
        }
    }

    /// How a refund stands, by our name for it.
    async fn find_refund(&self, reference: &str, refund_id: &str) -> Result<Option<RefundTold>, No> {
        let mut after = String::new();
        loop {
            let path = format!("/v1/refunds?payment_intent={}&limit=100{after}", escaped(reference));
            let page = match self.get(&path).await? {
                Ok(page) => page,
                Err(fault) => return Err(No::Unknown(fault.detail)),
            };
            let refunds = page["data"].as_array().cloned().unwrap_or_default();
            if let Some(refund) = refunds.iter().find(|refund| refund["metadata"]["refund_id"] == refund_id) {
                return refunded(refund).map(Some);
            }
            match refunds.last().filter(|_| page["has_more"] == true) {
                Some(last) => after = format!("&starting_after={}", escaped(&text(&last["id"]))),
                None => return Ok(None),
            }
        }
    }

    async fn keep(&self, key: &str, user_id: &str, token: &str) -> Result<Kept, No> {
        let mut form = Form::new();
        form.put("metadata[user_id]", user_id);
        let customer = match self.post("/v1/customers", &format!("{key}.customer"), form).await? {
            Ok(customer) => text(&customer["id"]),
            Err(fault) => return Err(fault.refused()),
        };
        let mut form = Form::new();
        form.put("customer", &customer);
        match self.post(&format!("/v1/payment_methods/{}/attach", escaped(token)), key, form).await? {
            Ok(method) => {
                let card = &method["card"];
                let number = |value: &Value| value.as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
                Ok(Kept {
                    reference: text(&method["id"]),
                    customer,
                    brand: text(&card["brand"]),
                    last4: text(&card["last4"]),
                    exp_month: number(&card["exp_month"]),
                    exp_year: number(&card["exp_year"]),
                })
            }
            Err(fault) => Err(fault.refused()),
        }
    }

    async fn forget(&self, key: &str, reference: &str) -> Result<(), No> {
        match self.post(&format!("/v1/payment_methods/{}/detach", escaped(reference)), key, Form::new()).await? {
            // Gone is what it is to be, whoever did it.
            Ok(_) | Err(Fault { status: 400 | 404, .. }) => Ok(()),
            Err(fault) => Err(fault.refused()),
        }
    }

    async fn post(&self, path: &str, key: &str, form: Form) -> Result<Result<Value, Fault>, No> {
        let (path, key) = (path.to_owned(), Some(key.to_owned()));
        let request = Request { method: "POST", path, key, form: form.0, headers: Vec::new() };
        read(self.transport.send(request).await?)
    }

    async fn get(&self, path: &str) -> Result<Result<Value, Fault>, No> {
        let path = path.to_owned();
        let request = Request { method: "GET", path, key: None, form: String::new(), headers: Vec::new() };
        read(self.transport.send(request).await?)
    }
}

//! Orders, authorisations, captures and refunds as PayPal has them (Orders v2, Payments v2).
//!
//! A PayPal order is approved by the customer on PayPal's pages and then waits for us: no money is held or taken before we
//! say so. So a payment goes `requires_action` → approved → asked again, under a key of its own, to be held; what was given
//! up meanwhile is simply never asked for. The provider's name for a payment is the order's id, which never changes; what
//! the authorisation and the capture are called is looked up in the order, each time.
//!
//! Keys are PayPal's `PayPal-Request-Id`. For an order it is forgotten after six hours; an order that was made twice holds
//! nothing, because nobody was shown the way to the first. What moves money is looked up before it is asked again.

pub mod news;
mod reading;
mod token;
mod writing;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use jiff::SignedDuration;
use runtime::clock::Clock;
use runtime::entity::Outcome;
use runtime::group::{Provider, Said};
use serde_json::{Value, json};

use self::reading::{Fault, No, link, order, read, refund_of, refunded};
use self::token::Token;
use self::writing::amount_out;
use super::http::{Request, Transport};
use super::{Ask, RefundTold, State, Told, encode};
use crate::payment::{Capture, Means, Terms};
use crate::wire::{self, Money};

/// From this age on a question may have been asked before: the provider is asked first what it did. The runtime asks
/// again after two seconds at the earliest.
const FIRST_TRY_MAX: SignedDuration = SignedDuration::from_secs(1);

/// PayPal.
pub struct PayPal {
    transport: Arc<dyn Transport>,
    clock: Clock,
    token: Token,
    /// PayPal's name for our webhook, which it needs to check a signature.
    webhook_id: String,
    /// Where browsers go after PayPal's pages when the customer said nothing.
    return_url: String,
}

/// Who the shop is at PayPal.
#[derive(Clone, Default)]
pub struct Credentials {
    /// The name of the shop's application.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// PayPal's name for our webhook; no webhooks are taken when it is empty.
    pub webhook_id: String,
}

type Answer = Result<Vec<u8>, No>;

impl Provider for PayPal {
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

impl PayPal {
    /// PayPal behind a transport.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, clock: Clock, credentials: &Credentials, return_url: String) -> PayPal {
        let token = Token::new(credentials);
        PayPal { transport, clock, token, webhook_id: credentials.webhook_id.clone(), return_url }
    }

    async fn answer(&self, key: &str, request: &[u8]) -> Answer {
        let ask: Ask =
            postcard::from_bytes(request).map_err(|e| No::Unknown(format!("the question is unreadable: {e}")))?;
        match ask {
            Ask::Authorise { terms, means, .. } => self.create(key, &terms, &means).await.map(|told| encode(&told)),
            Ask::Complete { payment_id, reference, capture } => {
                self.complete(key, &payment_id, &reference, capture).await.map(|told| encode(&told))
            }
            // What PayPal never named, it has not held.
            Ask::Look { reference, .. } if reference.is_empty() => Ok(encode(&Told::Nothing)),
            Ask::Look { payment_id, reference } => self.look(&payment_id, &reference).await.map(|told| encode(&told)),
            Ask::Capture { payment_id, reference, amount, .. } => {
                self.capture(key, &payment_id, &reference, amount).await.map(|told| encode(&told))
            }
            Ask::Void { payment_id, reference, .. } => {
                self.void(key, &payment_id, &reference).await.map(|told| encode(&told))
            }
            Ask::Refund { payment_id, refund_id, reference, amount, since } => {
                let is_repeat = self.clock.now().duration_since(since) > FIRST_TRY_MAX;
                let told = self.refund(key, &payment_id, &reference, &refund_id, amount, is_repeat).await?;
                Ok(encode(&told))
            }
            Ask::Keep { .. } => {
                let detail = "this shop keeps no PayPal accounts".to_owned();
                Err(No::Refused { code: "not_supported".to_owned(), detail })
            }
            // There is none that could be kept.
            Ask::Forget { .. } => Ok(Vec::new()),
        }
    }

    /// Makes an order, and says where the customer approves it.
    async fn create(&self, key: &str, terms: &Terms, means: &Means) -> Result<Told, No> {
        let back = if means.return_url.is_empty() { &self.return_url } else { &means.return_url };
        let intent = match means.capture {
            Capture::Manual => "AUTHORIZE",
            Capture::Automatic => "CAPTURE",
        };
        let body = json!({
            "intent": intent,
            "purchase_units": [{
                "reference_id": "default",
                // Ours, and on the merchant's statement; PayPal takes no money twice for one invoice.
                "custom_id": terms.id,
                "invoice_id": terms.id,
                "amount": amount_out(terms.amount)?,
            }],
            "payment_source": {"paypal": {"experience_context": {
                "return_url": back,
                "cancel_url": back,
                "user_action": "PAY_NOW",
                "shipping_preference": "NO_SHIPPING",
            }}},
        });
        match self.post("/v2/checkout/orders", key, Some(&body)).await? {
            Ok(made) => match order(&terms.id, &made)? {
                // Asked before, and approved meanwhile: the next look finds out. The customer is sent back to us for it.
                (reference, State::Approved) => {
                    Ok(Told::Intent { reference, state: State::ActionRequired { url: back.clone() } })
                }
                (_, State::ActionRequired { url }) if url.is_empty() => {
                    Err(No::Unknown("PayPal asks for an approval and does not say where".to_owned()))
                }
                (reference, state) => Ok(Told::Intent { reference, state }),
            },
            Err(fault) => Err(fault.refused()),
        }
    }

    /// Has the money of an approved order held, or taken if the order says so.
    async fn complete(&self, key: &str, payment_id: &str, reference: &str, capture: Capture) -> Result<Told, No> {
        let verb = match capture {
            Capture::Manual => "authorize",
            Capture::Automatic => "capture",
        };
        match self.post(&format!("/v2/checkout/orders/{reference}/{verb}"), key, None).await? {
            // The answer may leave parts of the order out.
            Ok(_) => self.look(payment_id, reference).await,
            Err(fault) => match fault.code.as_str() {
                "ORDER_ALREADY_AUTHORIZED" | "ORDER_ALREADY_CAPTURED" => self.look(payment_id, reference).await,
                // The customer has to choose another way to pay, on PayPal's pages.
                "INSTRUMENT_DECLINED" | "PAYER_ACTION_REQUIRED" => {
                    match (link(&fault.body), self.look(payment_id, reference).await?) {
                        (Some(url), _) => {
                            let reference = reference.to_owned();
                            Ok(Told::Intent { reference, state: State::ActionRequired { url } })
                        }
                        (None, told @ Told::Intent { state: State::Authorised(_) | State::Captured(_), .. }) => {
                            Ok(told)
                        }
                        (None, _) => Ok(declined(reference, fault)),
                    }
                }
                _ => Ok(declined(reference, fault)),
            },
        }
    }

    /// How an order stands.
    async fn look(&self, payment_id: &str, reference: &str) -> Result<Told, No> {
        match self.get(&format!("/v2/checkout/orders/{reference}")).await? {
            Ok(found) => order(payment_id, &found).map(|(reference, state)| Told::Intent { reference, state }),
            // Only orders that were never approved are forgotten, after some hours.
            Err(Fault { status: 404, .. }) => {
                Ok(Told::Intent { reference: reference.to_owned(), state: State::Cancelled })
            }
            Err(fault) => Err(No::Unknown(fault.detail)),
        }
    }

    async fn capture(&self, key: &str, payment_id: &str, reference: &str, amount: Money) -> Result<Told, No> {
        let found = self.found(reference).await?;
        let (_, state) = order(payment_id, &found)?;
        if !matches!(state, State::Authorised(_)) {
            return Ok(Told::Intent { reference: reference.to_owned(), state });
        }
        let authorisation = reading::authorisation(&found).ok_or_else(|| No::Unknown("it is held by nobody".into()))?;
        let body = json!({"amount": amount_out(amount)?, "final_capture": true, "invoice_id": payment_id});
        let path = format!("/v2/payments/authorizations/{authorisation}/capture");
        match self.post(&path, key, Some(&body)).await? {
            Ok(_) => self.look(payment_id, reference).await,
            Err(fault) => match self.look(payment_id, reference).await? {
                // It stands as we believed, so this is a no.
                Told::Intent { state: State::Authorised(_), .. } => Err(fault.refused()),
                told => Ok(told),
            },
        }
    }

    async fn void(&self, key: &str, payment_id: &str, reference: &str) -> Result<Told, No> {
        let closed = |reference: &str| Told::Intent { reference: reference.to_owned(), state: State::Cancelled };
        // What PayPal never named, it has not held.
        if reference.is_empty() {
            return Ok(closed(reference));
        }
        let found = match self.get(&format!("/v2/checkout/orders/{reference}")).await? {
            Ok(found) => found,
            Err(Fault { status: 404, .. }) => return Ok(closed(reference)),
            Err(fault) => return Err(No::Unknown(fault.detail)),
        };
        let authorisation = match order(payment_id, &found)? {
            // Nothing is held, and nobody but us can change that: it is never asked for.
            (_, State::ActionRequired { .. } | State::Approved | State::Cancelled | State::Declined { .. }) => {
                return Ok(closed(reference));
            }
            (reference, state @ State::Captured(_)) => return Ok(Told::Intent { reference, state }),
            (_, State::Authorised(_)) => reading::authorisation(&found),
        };
        let authorisation = authorisation.ok_or_else(|| No::Unknown("it is held by nobody".into()))?;
        match self.post(&format!("/v2/payments/authorizations/{authorisation}/void"), key, None).await? {
            Ok(_) => Ok(closed(reference)),
            Err(fault) => match self.look(payment_id, reference).await? {
                told @ Told::Intent { state: State::Cancelled | State::Captured(_), .. } => Ok(told),
                // It is still held, so it is asked again: money that is held must not be forgotten.
                _ => Err(No::Unknown(fault.detail)),
            },
        }
    }

    async fn refund(
        &self,
        key: &str,
        payment_id: &str,
        reference: &str,
        refund_id: &str,
        amount: Money,
        is_repeat: bool,
    ) -> Result<RefundTold, No> {
        let found = self.found(reference).await?;
        if is_repeat && let Some(refund) = refund_of(&found, refund_id) {
            return refunded(refund);
        }
        order(payment_id, &found)?;
        let capture = reading::capture(&found).ok_or_else(|| No::Unknown("nothing was taken".into()))?;
        let body = json!({"amount": amount_out(amount)?, "custom_id": refund_id, "invoice_id": refund_id});
        match self.post(&format!("/v2/payments/captures/{capture}/refund"), key, Some(&body)).await? {
            Ok(refund) => refunded(&refund),
            Err(fault) => Ok(RefundTold::Refused(fault.code)),
        }
    }

    /// An order that must be there.
    async fn found(&self, reference: &str) -> Result<Value, No> {
        self.get(&format!("/v2/checkout/orders/{reference}")).await?.map_err(|fault| No::Unknown(fault.detail))
    }

    async fn post(&self, path: &str, key: &str, body: Option<&Value>) -> Result<Result<Value, Fault>, No> {
        let form = body.map_or_else(|| "{}".to_owned(), Value::to_string);
        self.send("POST", path, Some(key), form).await
    }

    async fn get(&self, path: &str) -> Result<Result<Value, Fault>, No> {
        self.send("GET", path, None, String::new()).await
    }

    async fn send(
        &self,
        method: &'static str,
        path: &str,
        key: Option<&str>,
        form: String,
    ) -> Result<Result<Value, Fault>, No> {
        // A reference comes from PayPal and is a part of a path.
        if path.contains(|c: char| !c.is_ascii_alphanumeric() && !"/-_".contains(c)) {
            return Err(No::Unknown(format!("{path} is no path of PayPal's")));
        }
        let bearer = self.token.get(&*self.transport, self.clock.now()).await?;
        let mut headers = vec![
            ("authorization", format!("Bearer {bearer}")),
            ("content-type", "application/json".to_owned()),
            // Else a POST answers with little more than an id.
            ("prefer", "return=representation".to_owned()),
        ];
        headers.extend(key.map(|key| ("paypal-request-id", key.to_owned())));
        let request = Request { method, path: path.to_owned(), key: None, form, headers };
        let reply = self.transport.send(request).await?;
        if reply.status == 401 {
            self.token.forget(&bearer);
        }
        read(reply)
    }
}

/// It did not come, and PayPal says why.
fn declined(reference: &str, fault: Fault) -> Told {
    let (code, detail) = (fault.code.to_lowercase(), fault.detail);
    Told::Intent { reference: reference.to_owned(), state: State::Declined { code, detail } }
}

//! PayPal's webhooks. PayPal itself is asked whether it signed one: its certificates are its own affair. As with every
//! provider news are a hint and never an answer, so late, doubled and turned round they lead to the same.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::PayPal;
use super::reading::No;
use crate::payment::Hint;
use crate::webhook::{Fault, News};

/// The PayPal of this process. Handlers are plain functions, so what the process was configured with is the process's own.
static CURRENT: OnceLock<Arc<PayPal>> = OnceLock::new();

/// Sets it, before the first request; the first to do so is heard.
pub(crate) fn set(paypal: Arc<PayPal>) {
    // A process has one configuration; a second group in it, as in tests, has the same.
    let _ = CURRENT.set(paypal);
}

/// The PayPal that webhooks may come from; `None` when there is none.
#[must_use]
pub fn current() -> Option<&'static PayPal> {
    CURRENT.get().map(|paypal| &**paypal).filter(|paypal| !paypal.webhook_id.is_empty())
}

/// Why it is not known who sent a webhook.
pub enum Unverified {
    /// PayPal did not sign it.
    No(Fault),
    /// PayPal cannot be asked now.
    Unknown(String),
}

impl PayPal {
    /// Whether PayPal signed this.
    ///
    /// # Errors
    /// When it did not, or cannot be asked.
    pub async fn verify(&self, headers: &HashMap<String, String>, body: &[u8]) -> Result<(), Unverified> {
        let no = || Unverified::No(Fault::Signature);
        let event = std::str::from_utf8(body).map_err(|_| Unverified::No(Fault::Body))?;
        if serde_json::from_str::<serde::de::IgnoredAny>(event).is_err() {
            return Err(Unverified::No(Fault::Body));
        }
        let mut said = serde_json::Map::new();
        for (field, header) in [
            ("auth_algo", "paypal-auth-algo"),
            ("cert_url", "paypal-cert-url"),
            ("transmission_id", "paypal-transmission-id"),
            ("transmission_sig", "paypal-transmission-sig"),
            ("transmission_time", "paypal-transmission-time"),
        ] {
            let value = headers.get(header).filter(|value| !value.is_empty()).ok_or_else(no)?;
            said.insert(field.to_owned(), Value::String(value.clone()));
        }
        said.insert("webhook_id".to_owned(), Value::String(self.webhook_id.clone()));
        let said = Value::Object(said).to_string();
        // The event goes back byte for byte: written anew it would have another signature.
        let form = format!("{},\"webhook_event\":{event}}}", said.strip_suffix('}').unwrap_or(&said));
        match self.send("POST", "/v1/notifications/verify-webhook-signature", None, form).await {
            Ok(Ok(verdict)) if verdict["verification_status"] == "SUCCESS" => Ok(()),
            // What PayPal cannot even read, it did not sign.
            Ok(_) => Err(no()),
            Err(No::Unknown(reason) | No::Refused { detail: reason, .. }) => Err(Unverified::Unknown(reason)),
        }
    }
}

/// What news say about a payment of ours; `None` when they are about something else.
///
/// # Errors
/// When they are not what PayPal sends.
pub fn read(body: &[u8]) -> Result<Option<News>, Fault> {
    let event: Value = serde_json::from_slice(body).map_err(|_| Fault::Body)?;
    let (Some(id), Some(kind)) = (event["id"].as_str(), event["event_type"].as_str()) else { return Err(Fault::Body) };
    let resource = &event["resource"];
    let of_order = (&resource["purchase_units"][0]["custom_id"], &resource["id"]);
    let of_payment = (&resource["custom_id"], &resource["supplementary_data"]["related_ids"]["order_id"]);
    let (hint, (payment_id, reference)) = match kind {
        // That the customer approved it is as good a reason to look as that the money is held.
        "CHECKOUT.ORDER.APPROVED" => (Hint::Authorised, of_order),
        "CHECKOUT.ORDER.VOIDED" => (Hint::Ended, of_order),
        "PAYMENT.AUTHORIZATION.CREATED" => (Hint::Authorised, of_payment),
        "PAYMENT.AUTHORIZATION.VOIDED" | "PAYMENT.CAPTURE.DENIED" => (Hint::Ended, of_payment),
        "PAYMENT.CAPTURE.COMPLETED" => (Hint::Captured, of_payment),
        // Everything else we learn by asking.
        _ => return Ok(None),
    };
    // Somebody else's payments may go through the same account.
    let (Some(payment_id), Some(reference)) = (payment_id.as_str(), reference.as_str()) else { return Ok(None) };
    Ok(Some(News { id: id.to_owned(), payment_id: payment_id.to_owned(), reference: reference.to_owned(), hint }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn news_are_read_and_what_is_not_ours_is_passed_over() {
        let told = |kind: &str, resource: Value| {
            let body = json!({"id": "WH-1", "event_type": kind, "resource": resource}).to_string();
            read(body.as_bytes()).map(|news| news.map(|news| (news.payment_id, news.reference, news.hint)))
        };
        let order = json!({"id": "5O1", "purchase_units": [{"custom_id": "pay_1"}]});
        let related = json!({"related_ids": {"order_id": "5O1"}});
        let payment = json!({"id": "CAP", "custom_id": "pay_1", "supplementary_data": related});
        for (kind, resource, hint) in [
            ("CHECKOUT.ORDER.APPROVED", &order, Hint::Authorised),
            ("CHECKOUT.ORDER.VOIDED", &order, Hint::Ended),
            ("PAYMENT.AUTHORIZATION.CREATED", &payment, Hint::Authorised),
            ("PAYMENT.AUTHORIZATION.VOIDED", &payment, Hint::Ended),
            ("PAYMENT.CAPTURE.COMPLETED", &payment, Hint::Captured),
            ("PAYMENT.CAPTURE.DENIED", &payment, Hint::Ended),
        ] {
            assert_eq!(told(kind, resource.clone()), Ok(Some(("pay_1".into(), "5O1".into(), hint))), "{kind}");
        }
        assert_eq!(told("CUSTOMER.DISPUTE.CREATED", payment), Ok(None));
        assert_eq!(told("PAYMENT.CAPTURE.COMPLETED", json!({"id": "CAP"})), Ok(None));
        for bad in [&b""[..], b"[]", b"{}", b"{\"id\":7,\"event_type\":\"PAYMENT.CAPTURE.COMPLETED\"}"] {
            assert_eq!(read(bad), Err(Fault::Body));
        }
    }
}

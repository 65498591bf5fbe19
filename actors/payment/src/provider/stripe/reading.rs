//! What Stripe says, as we understand it.

use serde_json::Value;

use crate::provider::http::{Lost, Reply};
use crate::provider::{RefundTold, State, Told};

/// Why there is no answer to a question yet, or never will be.
pub(super) enum No {
    /// It will never be done.
    Refused { code: String, detail: String },
    /// Nobody knows; ask again.
    Unknown(String),
}

impl From<Lost> for No {
    fn from(lost: Lost) -> No {
        No::Unknown(lost.to_string())
    }
}

/// An error as Stripe says it.
pub(super) struct Fault {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) detail: String,
    /// The intent that it is about, as it stands.
    pub(super) intent: Option<Value>,
}

impl Fault {
    /// It will not be done, ever.
    pub(super) fn refused(self) -> No {
        No::Refused { code: self.code, detail: self.detail }
    }
}

/// What a reply says: the object, or why not for good. Whatever may pass is unknown: a provider that is overloaded, broken
/// or busy with the same key, and a key of ours that it does not know, which somebody has to mend.
pub(super) fn read(reply: Reply) -> Result<Result<Value, Fault>, No> {
    let Reply { status, body } = reply;
    let body: Value = serde_json::from_str(&body).map_err(|_| No::Unknown(format!("status {status}, and no JSON")))?;
    match status {
        200..=299 => Ok(Ok(body)),
        400 | 402 | 404 => {
            let error = &body["error"];
            if error["type"] == "idempotency_error" {
                // The same key with another question is our mistake; it is not an answer to this one.
                return Err(No::Unknown(text(&error["message"])));
            }
            let code = [&error["decline_code"], &error["code"], &error["type"]].into_iter().find_map(Value::as_str);
            let code = code.unwrap_or("unknown").to_owned();
            let intent = error.get("payment_intent").cloned();
            Ok(Err(Fault { status, code, detail: text(&error["message"]), intent }))
        }
        _ => Err(No::Unknown(format!("status {status}: {}", text(&body["error"]["message"])))),
    }
}

/// A text, or an empty one.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// How an intent stands.
pub(super) fn told(payment_id: &str, intent: &Value) -> Result<Told, No> {
    if intent["metadata"]["payment_id"] != payment_id {
        return Err(No::Unknown("the provider shows somebody else's intent".to_owned()));
    }
    let reference = text(&intent["id"]);
    let money = |field: &str| {
        let units = intent[field].as_i64().unwrap_or_default();
        super::writing::money(units, &text(&intent["currency"]))
            .ok_or_else(|| No::Unknown(format!("{field} is no money")))
    };
    let status = text(&intent["status"]);
    let state = match status.as_str() {
        "requires_action" => {
            let url = text(&intent["next_action"]["redirect_to_url"]["url"]);
            if url.is_empty() {
                return Err(No::Unknown("the provider asks for an action and does not say where".to_owned()));
            }
            State::ActionRequired { url }
        }
        "requires_capture" => State::Authorised(money("amount_capturable")?),
        "succeeded" => State::Captured(money("amount_received")?),
        "canceled" => State::Cancelled,
        "requires_payment_method" => {
            let error = &intent["last_payment_error"];
            let code = [&error["decline_code"], &error["code"]].into_iter().find_map(Value::as_str);
            let code = code.unwrap_or("unknown").to_owned();
            State::Declined { code, detail: text(&error["message"]) }
        }
        other => return Err(No::Unknown(format!("the intent is {other}"))),
    };
    Ok(Told::Intent { reference, state })
}

/// How a refund stands.
pub(super) fn refunded(refund: &Value) -> Result<RefundTold, No> {
    match text(&refund["status"]).as_str() {
        "succeeded" => Ok(RefundTold::Done { reference: text(&refund["id"]) }),
        "failed" | "canceled" => {
            let reason = refund["failure_reason"].as_str().unwrap_or("failed");
            Ok(RefundTold::Refused(reason.to_owned()))
        }
        other => Err(No::Unknown(format!("the refund is {other}"))),
    }
}

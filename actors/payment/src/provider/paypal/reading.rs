//! What PayPal says, as we understand it.

use serde_json::Value;

use super::writing::amount_in;
use crate::provider::http::{Lost, Reply};
use crate::provider::{RefundTold, State};

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

/// An error as PayPal says it.
pub(super) struct Fault {
    pub(super) status: u16,
    /// The issue, or the name when there is none: `ORDER_NOT_APPROVED`.
    pub(super) code: String,
    pub(super) detail: String,
    pub(super) body: Value,
}

impl Fault {
    /// It will not be done, ever.
    pub(super) fn refused(self) -> No {
        No::Refused { code: self.code.to_lowercase(), detail: self.detail }
    }
}

/// What a reply says: the object, or why not for good. Whatever may pass is unknown: PayPal overloaded or broken, a token
/// that has ended, and the same key while the first request with it is under way.
pub(super) fn read(reply: Reply) -> Result<Result<Value, Fault>, No> {
    let Reply { status, body } = reply;
    // A void is answered with nothing.
    let body = if body.is_empty() { "null" } else { &body };
    let body: Value = serde_json::from_str(body).map_err(|_| No::Unknown(format!("status {status}, and no JSON")))?;
    match status {
        200..=299 => Ok(Ok(body)),
        400 | 404 | 422 => {
            let issue = &body["details"][0];
            let code = [&issue["issue"], &body["name"]].into_iter().find_map(Value::as_str).unwrap_or("unknown");
            let detail = [&issue["description"], &body["message"]].into_iter().find_map(Value::as_str);
            let (code, detail) = (code.to_owned(), detail.unwrap_or_default().to_owned());
            Ok(Err(Fault { status, code, detail, body }))
        }
        _ => Err(No::Unknown(format!("status {status}: {}", text(&body["message"])))),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Where the customer approves it.
pub(super) fn link(body: &Value) -> Option<String> {
    let links = body["links"].as_array()?;
    let to = |rel: &str| links.iter().find(|link| link["rel"] == rel).and_then(|link| link["href"].as_str());
    to("payer-action").or_else(|| to("approve")).map(str::to_owned)
}

fn of<'v>(order: &'v Value, what: &str) -> impl DoubleEndedIterator<Item = &'v Value> + use<'v> {
    order["purchase_units"][0]["payments"][what].as_array().into_iter().flatten()
}

/// The authorisation of an order: the last, for PayPal may make another.
pub(super) fn authorisation(order: &Value) -> Option<&str> {
    of(order, "authorizations").next_back()?["id"].as_str()
}

/// The capture of an order.
pub(super) fn capture(order: &Value) -> Option<&str> {
    taken(order)?["id"].as_str()
}

fn taken(order: &Value) -> Option<&Value> {
    of(order, "captures").find(|it| ["COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"].iter().any(|s| it["status"] == *s))
}

/// A refund of an order, by our name for it.
pub(super) fn refund_of<'v>(order: &'v Value, refund_id: &str) -> Option<&'v Value> {
    of(order, "refunds").find(|refund| refund["custom_id"] == refund_id)
}

/// PayPal's name for an order of ours, and how it stands.
pub(super) fn order(payment_id: &str, order: &Value) -> Result<(String, State), No> {
    if order["purchase_units"][0]["custom_id"] != payment_id {
        return Err(No::Unknown("PayPal shows somebody else's order".to_owned()));
    }
    let Some(reference) = order["id"].as_str() else { return Err(No::Unknown("PayPal names no order".to_owned())) };
    state(order).map(|state| (reference.to_owned(), state))
}

fn state(order: &Value) -> Result<State, No> {
    let money = |it: &Value| amount_in(&it["amount"]).ok_or_else(|| No::Unknown("an amount is no money".to_owned()));
    let declined = |code: &str| State::Declined { code: code.to_owned(), detail: String::new() };
    if let Some(capture) = taken(order) {
        return money(capture).map(State::Captured);
    }
    if of(order, "captures").any(|capture| capture["status"] == "PENDING") {
        return Err(No::Unknown("the money is on its way".to_owned()));
    }
    if let Some(authorisation) = of(order, "authorizations").next_back() {
        return match text(&authorisation["status"]).as_str() {
            "CREATED" => money(authorisation).map(State::Authorised),
            "VOIDED" | "EXPIRED" => Ok(State::Cancelled),
            "DENIED" => Ok(declined("authorization_denied")),
            other => Err(No::Unknown(format!("the authorisation is {other}"))),
        };
    }
    if of(order, "captures").next().is_some() {
        return Ok(declined("capture_declined"));
    }
    match text(&order["status"]).as_str() {
        "CREATED" | "SAVED" | "PAYER_ACTION_REQUIRED" => {
            Ok(State::ActionRequired { url: link(order).unwrap_or_default() })
        }
        "APPROVED" => Ok(State::Approved),
        "VOIDED" => Ok(State::Cancelled),
        other => Err(No::Unknown(format!("the order is {other}"))),
    }
}

/// How a refund stands.
pub(super) fn refunded(refund: &Value) -> Result<RefundTold, No> {
    match text(&refund["status"]).as_str() {
        "COMPLETED" => Ok(RefundTold::Done { reference: text(&refund["id"]) }),
        "FAILED" | "CANCELLED" => {
            let reason = refund["status_details"]["reason"].as_str().unwrap_or("failed");
            Ok(RefundTold::Refused(reason.to_lowercase()))
        }
        other => Err(No::Unknown(format!("the refund is {other}"))),
    }
}

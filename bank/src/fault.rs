//! Faults: why the bank did not do what it was asked for, as Stripe says it.

use serde::{Deserialize, Serialize};

/// What sort of fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The card did not do it.
    Card,
    /// The request cannot be done.
    Request,
    /// There is no such thing.
    Missing,
    /// The key of the request.
    Idempotency,
    /// The merchant is not known.
    Stranger,
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What sort.
    pub kind: Kind,
    /// A slug, where there is one.
    pub code: Option<String>,
    /// The issuer's word for it, for cards.
    pub decline_code: Option<String>,
    /// A sentence.
    pub message: String,
    /// The parameter that is to blame.
    pub param: Option<String>,
}

impl Fault {
    fn new(kind: Kind, code: Option<&str>, message: impl Into<String>) -> Fault {
        Fault { kind, code: code.map(str::to_owned), decline_code: None, message: message.into(), param: None }
    }

    /// A request that cannot be done.
    #[must_use]
    pub fn request(code: &str, message: impl Into<String>) -> Fault {
        Fault::new(Kind::Request, Some(code), message)
    }

    /// A parameter that is wrong or not there.
    #[must_use]
    pub fn param(name: &str, code: &str, message: impl Into<String>) -> Fault {
        Fault { param: Some(name.to_owned()), ..Fault::request(code, message) }
    }

    /// A thing that is not there.
    #[must_use]
    pub fn missing(what: &str, id: &str, param: &str) -> Fault {
        let fault = Fault::new(Kind::Missing, Some("resource_missing"), format!("No such {what}: '{id}'"));
        Fault { param: Some(param.to_owned()), ..fault }
    }

    /// A key that came before with another request.
    #[must_use]
    pub fn key_reused() -> Fault {
        let message =
            "Keys for idempotent requests can only be used with the same parameters they were first used with.";
        Fault::new(Kind::Idempotency, None, message)
    }

    /// A merchant without the right key.
    #[must_use]
    pub fn stranger() -> Fault {
        Fault::new(Kind::Stranger, None, "Invalid API Key provided.")
    }

    /// A card that is declined.
    #[must_use]
    pub fn declined(decline: crate::card::Decline) -> Fault {
        let (code, decline_code) = decline.codes();
        let fault = Fault::new(Kind::Card, Some(code), decline.message());
        Fault { decline_code: decline_code.map(str::to_owned), ..fault }
    }

    /// A customer who did not prove who they are.
    #[must_use]
    pub fn unauthenticated() -> Fault {
        let message = "The provided PaymentMethod has failed authentication.";
        Fault::request("payment_intent_authentication_failure", message)
    }

    /// Whether its answer is kept under the key of the request: what was wrong before anything was tried is not.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        match self.kind {
            Kind::Card => true,
            Kind::Request => self.param.is_none(),
            Kind::Missing | Kind::Idempotency | Kind::Stranger => false,
        }
    }

    /// Stripe's word for the sort.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.kind {
            Kind::Card => "card_error",
            Kind::Idempotency => "idempotency_error",
            Kind::Request | Kind::Missing | Kind::Stranger => "invalid_request_error",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self.kind {
            Kind::Card => 402,
            Kind::Request | Kind::Idempotency => 400,
            Kind::Missing => 404,
            Kind::Stranger => 401,
        }
    }
}

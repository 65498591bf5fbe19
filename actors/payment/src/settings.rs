//! What can be set: which provider is asked, where it is, and what is suspicious.

use std::sync::OnceLock;
use std::time::Duration;

use serde::Deserialize;

use crate::fraud::Rules;
use crate::provider;
use crate::provider::paypal::Credentials;

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Which provider new payments go to: `test`, `stripe` or `paypal`.
    pub provider: String,
    /// The test provider.
    pub test: Access,
    /// Stripe.
    pub stripe: Access,
    /// PayPal.
    pub paypal: PayPalAccess,
    /// Where a customer's browser goes after proving who they are, when the customer's client said nothing.
    pub return_url: String,
    /// What is suspicious.
    pub fraud: Rules,
}

/// How a provider is reached.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    /// Its address.
    pub base_url: String,
    /// The shop's secret key.
    pub secret_key: String,
    /// What its webhooks are signed with; none are taken when it is empty.
    pub webhook_secret: String,
    /// How long it may take to answer, in milliseconds. Card networks take up to some 20 seconds.
    pub timeout_ms: u64,
}

/// How PayPal is reached.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PayPalAccess {
    /// Its address: `https://api-m.paypal.com`, or `https://api-m.sandbox.paypal.com` to try it out.
    pub base_url: String,
    /// The name of the shop's application there.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// PayPal's name for the shop's webhook; none are taken when it is empty.
    pub webhook_id: String,
    /// How long it may take to answer, in milliseconds.
    pub timeout_ms: u64,
}

impl Default for PayPalAccess {
    fn default() -> PayPalAccess {
        PayPalAccess {
            base_url: "https://api-m.paypal.com".to_owned(),
            client_id: String::new(),
            client_secret: String::new(),
            webhook_id: String::new(),
            timeout_ms: 30_000,
        }
    }
}

/// Secrets are never printed.
impl std::fmt::Debug for PayPalAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PayPalAccess")
            .field("base_url", &self.base_url)
            .field("timeout_ms", &self.timeout_ms)
            .finish_non_exhaustive()
    }
}

impl PayPalAccess {
    /// Whether the shop has an account there.
    #[must_use]
    pub fn is_set(&self) -> bool {
        !self.client_id.is_empty() && !self.client_secret.is_empty()
    }

    /// Who the shop is there.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        let PayPalAccess { client_id, client_secret, webhook_id, .. } = self.clone();
        Credentials { client_id, client_secret, webhook_id }
    }

    /// How long it may take to answer.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

impl Default for Access {
    fn default() -> Access {
        Access { base_url: String::new(), secret_key: String::new(), webhook_secret: String::new(), timeout_ms: 30_000 }
    }
}

/// Secrets are never printed.
impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access")
            .field("base_url", &self.base_url)
            .field("timeout_ms", &self.timeout_ms)
            .finish_non_exhaustive()
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            provider: provider::TEST.to_owned(),
            test: Access {
                base_url: "http://127.0.0.1:8090".to_owned(),
                secret_key: "sk_test_mercat".to_owned(),
                webhook_secret: "whsec_mercat".to_owned(),
                ..Access::default()
            },
            stripe: Access { base_url: "https://api.stripe.com".to_owned(), ..Access::default() },
            paypal: PayPalAccess::default(),
            return_url: "http://127.0.0.1:8080/".to_owned(),
            fraud: Rules::default(),
        }
    }
}

/// Settings that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No such provider.
    #[error("there is no payment provider {0:?}; there are test, stripe and paypal")]
    NoSuchProvider(String),
    /// A key is missing.
    #[error("payments go to {0}, and there is no secret key for it")]
    NoKey(&'static str),
}

impl Settings {
    /// How a provider is reached.
    #[must_use]
    pub fn access(&self, provider: &str) -> Option<&Access> {
        match provider {
            provider::TEST => Some(&self.test),
            provider::STRIPE => Some(&self.stripe),
            _ => None,
        }
    }

    /// Whether they can be.
    ///
    /// # Errors
    /// When payments could not be made with them.
    pub fn check(&self) -> Result<(), Error> {
        let named = provider::named(&self.provider).ok_or_else(|| Error::NoSuchProvider(self.provider.clone()))?;
        if named == provider::STRIPE && self.stripe.secret_key.is_empty() {
            return Err(Error::NoKey(named));
        }
        if named == provider::PAYPAL && !self.paypal.is_set() {
            return Err(Error::NoKey(named));
        }
        Ok(())
    }
}

impl Access {
    /// How long it may take to answer.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

/// What the handlers of this process go by. Handlers are plain functions, so what the process was configured with is the
/// process's own.
static SETTINGS: OnceLock<Settings> = OnceLock::new();

/// Sets them, before the first request; the first to do so is heard.
pub(crate) fn set(settings: Settings) {
    // A process has one configuration; a second group in it, as in tests, has the same.
    let _ = SETTINGS.set(settings);
}

/// What was set.
pub(crate) fn get() -> &'static Settings {
    SETTINGS.get_or_init(Settings::default)
}

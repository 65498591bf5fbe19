//! Settings: which providers there are. Read from the environment, `NOTIFICATION_EMAIL__HOST` and so on; without any,
//! every message is captured and nothing leaves the house but webhooks to public addresses. Secrets are never printed.

use std::sync::Arc;

use figment::Figment;
use figment::providers::Env;
use lettre::transport::smtp::authentication::Credentials;
use runtime::group::Provider;
use serde::Deserialize;

use super::{Alone, Capture, Doors, Gateway, Outside, Post, Security, Smtp, Webhooks};

/// What can be set.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The mail server; captured when absent.
    pub email: Option<Email>,
    /// The provider of text messages; captured when absent.
    pub sms: Option<Door>,
    /// The provider of push messages; captured when absent.
    pub push: Option<Door>,
    /// Where webhooks may go.
    pub webhooks: Webhook,
}

/// The mail server.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// Its name.
    host: String,
    /// Its port; what its security uses when absent: 25, 587 or 465.
    port: Option<u16>,
    /// `none`, `starttls` or `tls`.
    #[serde(default)]
    security: Security,
    /// Who we are to it.
    #[serde(default)]
    user: String,
    /// How it knows that.
    #[serde(default)]
    password: String,
    /// Who writes: `Shop <shop@example.com>`.
    from: String,
    /// Where mail to the people of the shop goes.
    #[serde(default)]
    staff: String,
}

/// A provider with an HTTP door.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Door {
    /// Its address.
    url: String,
    /// What it knows us by.
    #[serde(default)]
    token: String,
}

/// Where webhooks may go.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// Also to this machine and to private networks, and without TLS.
    allow_private: bool,
}

/// Why settings cannot be used. It names the setting and never repeats a secret.
#[derive(Debug, thiserror::Error)]
pub enum BadSettings {
    /// A key that is unknown, missing or of the wrong type.
    #[error("could not read the settings of notification")]
    Read(#[source] Box<figment::Error>),
    /// An address that is none.
    #[error("notification.{setting} is not an e-mail address")]
    Address {
        /// Which one.
        setting: &'static str,
    },
    /// TLS cannot be set up.
    #[error("could not set up a client for notification")]
    Client(#[source] reqwest::Error),
}

impl Settings {
    /// What the environment says.
    ///
    /// # Errors
    /// When it says something that nobody understands.
    pub fn from_env() -> Result<Settings, BadSettings> {
        let read = Figment::new().merge(Env::prefixed("NOTIFICATION_").split("__")).extract();
        read.map_err(|e| BadSettings::Read(Box::new(e)))
    }

    /// The providers that these settings ask for.
    ///
    /// # Errors
    /// When an address is none, or TLS cannot be set up.
    pub fn outside(self) -> Result<Outside, BadSettings> {
        let doors = if self.webhooks.allow_private { Doors::Any } else { Doors::Public };
        let email: Arc<dyn Provider> = match self.email {
            Some(email) => Arc::new(Alone::new(email.smtp()?)),
            None => Arc::new(Capture),
        };
        let webhook = Arc::new(Alone::new(Webhooks::new(doors).map_err(BadSettings::Client)?));
        Ok(Outside { email, sms: door(self.sms)?, push: door(self.push)?, webhook, doors })
    }
}

fn door(door: Option<Door>) -> Result<Arc<dyn Provider>, BadSettings> {
    match door {
        None => Ok(Arc::new(Capture)),
        Some(Door { url, token }) => {
            let post = Post::new(Gateway { url, token }).map_err(BadSettings::Client)?;
            Ok(Arc::new(Alone::new(post)))
        }
    }
}

impl Email {
    fn smtp(self) -> Result<Smtp, BadSettings> {
        let usual = match self.security {
            Security::None => 25,
            Security::StartTls => 587,
            Security::Tls => 465,
        };
        let address = |setting, text: &str| text.parse().map_err(|_| BadSettings::Address { setting });
        Ok(Smtp {
            port: self.port.unwrap_or(usual),
            security: self.security,
            credentials: (!self.user.is_empty()).then(|| Credentials::new(self.user, self.password)),
            from: address("email.from", &self.from)?,
            staff: (!self.staff.is_empty()).then(|| address("email.staff", &self.staff)).transpose()?,
            host: self.host,
        })
    }
}

#[cfg(test)]
mod tests {
    use figment::providers::Serialized;

    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Result<Outside, BadSettings> {
        let mut figment = Figment::new();
        for (key, value) in pairs {
            figment = figment.merge(Serialized::default(key, value));
        }
        let read: Result<Settings, _> = figment.extract();
        read.map_err(|e| BadSettings::Read(Box::new(e))).and_then(Settings::outside)
    }

    #[test]
    fn nothing_set_means_capture_and_public_webhooks() {
        assert_eq!(settings(&[]).map(|outside| outside.doors).ok(), Some(Doors::Public));
    }

    #[test]
    fn what_nobody_understands_is_refused_by_name_without_its_secrets() {
        let unknown = settings(&[("email.host", "mail"), ("email.pasword", "hunter2"), ("email.from", "a@b.example")]);
        let Err(BadSettings::Read(cause)) = unknown else { panic!("taken") };
        assert!(cause.to_string().contains("pasword") && !cause.to_string().contains("hunter2"), "{cause}");
        let from = settings(&[("email.host", "mail"), ("email.from", "nobody")]);
        assert_eq!(
            from.err().map(|e| e.to_string()).as_deref(),
            Some("notification.email.from is not an e-mail address")
        );
    }
}

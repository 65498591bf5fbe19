//! Settings: which providers there are. Without any, every message is captured and nothing leaves the house but webhooks
//! to public addresses. Secrets are never printed.

use std::sync::Arc;

use lettre::transport::smtp::authentication::Credentials;
use runtime::group::Provider;
use serde::Deserialize;

use super::{Alone, Capture, Doors, Gateway, Outside, Post, Security, Smtp, Webhooks};

/// What can be set.
#[derive(Debug, Clone, Default, Deserialize)]
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
    /// Whether every event of the shop is kept for `GET /api/v1/events`. It costs a write for each; what happened before it
    /// was switched on is not there.
    pub keep_events: bool,
}

/// A secret that does not print itself.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
struct Hidden(String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "hidden" })
    }
}

/// The mail server.
#[derive(Debug, Clone, Deserialize)]
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
    password: Hidden,
    /// Who writes: `Shop <shop@example.com>`.
    from: String,
    /// Where mail to the people of the shop goes.
    #[serde(default)]
    staff: String,
}

/// A provider with an HTTP door.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Door {
    /// Its address.
    url: String,
    /// What it knows us by.
    #[serde(default)]
    token: Hidden,
}

/// Where webhooks may go.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// Also to this machine and to private networks, and without TLS.
    allow_private: bool,
}

/// Why settings cannot be used. It names the setting and never repeats a secret.
#[derive(Debug, thiserror::Error)]
pub enum BadSettings {
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
        Ok(Outside {
            email,
            sms: door(self.sms)?,
            push: door(self.push)?,
            webhook,
            doors,
            keeps_events: self.keep_events,
        })
    }
}

fn door(door: Option<Door>) -> Result<Arc<dyn Provider>, BadSettings> {
    match door {
        None => Ok(Arc::new(Capture)),
        Some(Door { url, token }) => {
            let post = Post::new(Gateway { url, token: token.0 }).map_err(BadSettings::Client)?;
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
            credentials: (!self.user.is_empty()).then(|| Credentials::new(self.user, self.password.0)),
            from: address("email.from", &self.from)?,
            staff: (!self.staff.is_empty()).then(|| address("email.staff", &self.staff)).transpose()?,
            host: self.host,
        })
    }
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::Serialized;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, figment::Error> {
        let all = pairs.iter().fold(Figment::new(), |all, (key, value)| all.merge(Serialized::default(key, value)));
        all.extract()
    }

    #[test]
    fn nothing_set_means_capture_and_public_webhooks() {
        let outside = read(&[]).expect("nothing is something").outside();
        assert_eq!(outside.map(|outside| outside.doors).ok(), Some(Doors::Public));
    }

    #[test]
    fn what_nobody_understands_is_refused_by_name_and_secrets_are_not_repeated() {
        let email = [("email.host", "mail"), ("email.from", "a@b.example"), ("email.password", "hunter2")];
        let good = read(&email).expect("settings");
        assert!(!format!("{good:?}").contains("hunter2") && good.outside().is_ok());
        let unknown = read(&[("email.host", "mail"), ("email.pasword", "hunter2"), ("email.from", "a@b.example")]);
        let cause = unknown.expect_err("pasword is no key").to_string();
        assert!(cause.contains("pasword") && !cause.contains("hunter2"), "{cause}");
        let from = read(&[("email.host", "mail"), ("email.from", "nobody")]).expect("settings").outside();
        let said = from.err().map(|e| e.to_string());
        assert_eq!(said.as_deref(), Some("notification.email.from is not an e-mail address"));
    }
}

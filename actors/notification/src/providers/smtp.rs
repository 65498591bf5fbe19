//! SMTP: e-mail to a server that passes it on.
//!
//! The `Message-ID` derives from the message's id, so a mail that is handed over twice because nobody knows whether the
//! first one was taken is recognised as one by whoever keeps it. Until the text has been handed over nothing is unknown:
//! a server that is not there, or says no before that, has not taken the mail.

use std::time::Duration;

use bytes::Bytes;
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use runtime::clock::within;
use runtime::group::{Provider, Said};
use serde::Deserialize;

use super::post::Calling;
use super::{Verdict, unreadable, why};
use crate::message::{Letter, Why};
use crate::topic::STAFF;

/// How long connecting, encrypting and logging in may take together.
const CONNECT_MAX: Duration = Duration::from_secs(15);
/// How long handing over a mail may take. RFC 5321 §4.5.3.2.6 lets a server think for 10 minutes; none that is well does.
const HAND_OVER_MAX: Duration = Duration::from_secs(60);
/// How long a server may take to say goodbye, which nobody listens to.
const GOODBYE_MAX: Duration = Duration::from_secs(2);

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// Not at all: a server on this machine.
    None,
    /// After a greeting in the clear; refused when the server cannot.
    #[default]
    StartTls,
    /// From the first byte.
    Tls,
}

/// Where mail to the people of the shop goes.
pub type Staff = Option<Mailbox>;

/// A mail server.
#[derive(Clone)]
pub struct Smtp {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub security: Security,
    /// Who we are to it; nobody when it does not ask.
    pub credentials: Option<Credentials>,
    /// Who writes.
    pub from: Mailbox,
    /// Where mail to the people of the shop goes.
    pub staff: Staff,
}

impl Smtp {
    fn mail(&self, letter: &Letter) -> Result<lettre::Message, Why> {
        let to = match letter.to.as_str() {
            STAFF => {
                self.staff.clone().ok_or_else(|| why("no_staff_address", "no address of the staff is configured"))?
            }
            to => to.parse().map_err(|e| why("bad_address", e))?,
        };
        let mail = lettre::Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(letter.subject.as_str())
            .message_id(Some(format!("<{}@{}>", letter.about.id, self.from.email.domain())));
        let mail = match letter.html.as_str() {
            "" => mail.header(lettre::message::header::ContentType::TEXT_PLAIN).body(letter.text.clone()),
            html => mail.multipart(MultiPart::alternative_plain_html(letter.text.clone(), html.to_owned())),
        };
        mail.map_err(|e| why("bad_mail", e))
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let hello = ClientId::Domain(self.from.email.domain().to_owned());
        let tls = || TlsParameters::new_rustls(self.host.clone());
        let wrapped = match self.security {
            Security::Tls => Some(tls()?),
            Security::None | Security::StartTls => None,
        };
        let server = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(CONNECT_MAX), &hello, wrapped, None).await?;
        if self.security == Security::StartTls {
            connection.starttls(tls()?, &hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }

    async fn send(&self, letter: &Letter) -> Said {
        let mail = match self.mail(letter) {
            Ok(mail) => mail,
            Err(why) if why.reason == "bad_address" => return Verdict::NoSuchRecipient(why).said(),
            Err(why) => return Verdict::Refused(why).said(),
        };
        let mut connection = match within(CONNECT_MAX, self.connect()).await {
            Some(Ok(connection)) => connection,
            Some(Err(failure)) => return Verdict::Later(why("unreachable", told(&failure))).said(),
            None => return Verdict::Later(why("unreachable", "no answer in time")).said(),
        };
        let sent = within(HAND_OVER_MAX, connection.send(mail.envelope(), &mail.formatted())).await;
        let said = match sent {
            Some(Ok(response)) => {
                Verdict::Taken { provider: "smtp".to_owned(), reference: line(&response), arrived: false }.said()
            }
            Some(Err(failure)) => judged(&failure),
            None => Said::Unknown("the mail server did not answer in time".to_owned()),
        };
        if !connection.has_broken() {
            // The mail is taken or not, whatever comes now.
            let _ = within(GOODBYE_MAX, connection.quit()).await;
        }
        said
    }
}

/// What a failure while handing over means.
fn judged(failure: &Error) -> Said {
    let code = failure.status().map(u16::from);
    match code {
        // 550 no such mailbox, 551 moved, 553 not a mailbox name, 556 domain takes no mail (RFC 5321 §4.2.2, RFC 7504).
        Some(550 | 551 | 553 | 556) => Verdict::NoSuchRecipient(why("mailbox_unavailable", told(failure))).said(),
        // Not logged in, or not with enough: ours to mend, so the mail waits for it.
        Some(530 | 534 | 535 | 538) => Verdict::Later(why("not_authorised", told(failure))).said(),
        Some(_) if failure.is_transient() => Verdict::Later(why("busy", told(failure))).said(),
        Some(_) => Verdict::Refused(why("refused", told(failure))).said(),
        // Ours: what the server cannot do, such as an address that is not ASCII.
        None if failure.is_client() => Verdict::Refused(why("refused", told(failure))).said(),
        None => Said::Unknown(told(failure)),
    }
}

/// An error with its cause, which lettre keeps apart.
fn told(failure: &Error) -> String {
    let mut text = failure.to_string();
    let mut cause = std::error::Error::source(failure);
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}

fn line(response: &Response) -> String {
    format!("{} {}", response.code(), response.message().collect::<Vec<_>>().join(" "))
}

impl Provider for Smtp {
    fn call<'a>(&'a self, _: &'a str, request: Bytes) -> Calling<'a> {
        Box::pin(async move {
            match serde_json::from_slice::<Letter>(&request) {
                Ok(letter) => self.send(&letter).await,
                Err(e) => unreadable(&e),
            }
        })
    }
}

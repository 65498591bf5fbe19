//! Post: HTTP out of the house, for providers of text and push messages that have a plain HTTP door.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, StatusCode};
use runtime::group::{Provider, Said};
use serde::Serialize;

use super::{Verdict, unreadable, why};
use crate::message::Letter;

/// A call that is under way.
pub(super) type Calling<'a> = Pin<Box<dyn Future<Output = Said> + Send + 'a>>;

/// How long a provider may take to answer. Text gateways document 10 s at most; a try that fails costs little.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// The most that is kept of a provider's answer.
const ANSWER_BYTES_MAX: usize = 4_096;

/// Where a provider's HTTP door is, and how it knows us.
#[derive(Clone)]
pub struct Gateway {
    /// Its address.
    pub url: String,
    /// What it knows us by; empty when it does not ask.
    pub token: String,
}

/// Hands messages to a provider as JSON over HTTP, with the message's id as `Idempotency-Key`.
pub struct Post {
    gateway: Gateway,
    client: Client,
}

/// What the provider gets.
#[derive(Debug, Serialize)]
struct Handed<'a> {
    message_id: &'a str,
    channel: &'static str,
    to: &'a str,
    title: &'a str,
    text: &'a str,
    locale: &'a str,
}

/// What the provider may answer.
#[derive(serde::Deserialize)]
struct Answer {
    id: String,
}

impl Post {
    /// A provider behind an HTTP door.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(gateway: Gateway) -> Result<Post, reqwest::Error> {
        Ok(Post { gateway, client: Client::builder().timeout(ANSWER_MAX).build()? })
    }

    async fn hand_over(&self, letter: &Letter) -> Said {
        let about = &letter.about;
        let handed = Handed {
            message_id: &about.id,
            channel: about.channel.word(),
            to: &letter.to,
            title: &letter.subject,
            text: &letter.text,
            locale: &letter.locale,
        };
        let body = serde_json::to_vec(&handed).unwrap_or_default();
        let mut asked = self.client.post(&self.gateway.url).header(CONTENT_TYPE, "application/json").body(body);
        asked = asked.header("idempotency-key", &about.id);
        if !self.gateway.token.is_empty() {
            asked = asked.header(AUTHORIZATION, format!("Bearer {}", self.gateway.token));
        }
        match asked.send().await {
            Ok(answer) => verdict(answer).await.said(),
            // Nothing was said to anybody.
            Err(failure) if failure.is_connect() || failure.is_builder() => {
                Verdict::Later(why("unreachable", without_url(failure))).said()
            }
            Err(failure) => Said::Unknown(without_url(failure)),
        }
    }
}

/// An address may hold a secret, so it is not repeated.
fn without_url(failure: reqwest::Error) -> String {
    failure.without_url().to_string()
}

async fn verdict(answer: reqwest::Response) -> Verdict {
    let status = answer.status();
    let said = answer.bytes().await.unwrap_or_default();
    let said = said.slice(..said.len().min(ANSWER_BYTES_MAX));
    let text = || format!("{} {}", status.as_u16(), String::from_utf8_lossy(&said));
    match status {
        status if status.is_success() => {
            let reference = serde_json::from_slice::<Answer>(&said).map(|answer| answer.id).unwrap_or_default();
            Verdict::Taken { provider: "http".to_owned(), reference, arrived: false }
        }
        // What push services say of a device that is no more.
        StatusCode::GONE | StatusCode::NOT_FOUND => Verdict::NoSuchRecipient(why("no_such_recipient", text())),
        // Ours to mend, so the message waits for it.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Verdict::Later(why("not_authorised", text())),
        StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            Verdict::Later(why("busy", text()))
        }
        status if status.is_server_error() => Verdict::Later(why("provider_down", text())),
        _ => Verdict::Refused(why("refused", text())),
    }
}

impl Provider for Post {
    fn call<'a>(&'a self, _: &'a str, request: Bytes) -> Calling<'a> {
        Box::pin(async move {
            match serde_json::from_slice::<Letter>(&request) {
                Ok(letter) => self.hand_over(&letter).await,
                Err(e) => unreadable(&e),
            }
        })
    }
}

//! A carrier that is reached over HTTPS, with JSON. Its door is documented in the crate's README, section "The carrier's
//! door"; an adapter for a particular carrier is a few lines in front of that carrier's own.
//!
//! Only an answer that will be the same for ever is an outcome: 2xx is done; 400, 404, 409, 410 and 422 are refused.
//! Everything else, a wrong token included, is asked again with the same key.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::live::{Parcel, Quote, Quotes, Quoting};
use super::{Answer, Carrier, Label, Order, Pending, Pretence};
use crate::signature::Secret;

/// How long a carrier may take. Theirs are slow; the shop does not wait for them.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest answer that is read.
const ANSWER_MAX: usize = 64 * 1024;
/// The longest reason that is kept.
const REASON_MAX: usize = 500;

/// Where a carrier is, and what the shop shows it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    /// Its address.
    pub url: String,
    /// What the shop shows it.
    pub token: String,
    /// What its webhooks are signed with; empty when it sends none.
    pub webhook_secret: String,
    /// Whether it is asked what it takes for a parcel; else the tables of the zones say so.
    pub rates: bool,
    /// How long it is waited for when it is asked that, in milliseconds.
    pub rates_timeout_ms: u32,
    /// How long what it said about that is kept, in seconds.
    pub rates_keep_s: u32,
}

/// A cart waits a second for everything that it asks.
impl Default for Access {
    fn default() -> Access {
        let (url, token, webhook_secret) = (String::new(), String::new(), String::new());
        Access { url, token, webhook_secret, rates: false, rates_timeout_ms: 600, rates_keep_s: 60 }
    }
}

/// Secrets stay where they are.
impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Access {
    /// What its webhooks are signed with, if it sends any.
    #[must_use]
    pub fn secret(&self) -> Option<Secret> {
        Secret::read(&self.webhook_secret)
    }

    /// Whether nobody on the way can read what is said.
    #[must_use]
    pub fn is_private(&self) -> bool {
        let host = self.url.strip_prefix("http://").map(|rest| rest.split(['/', ':']).next().unwrap_or_default());
        self.url.starts_with("https://") || matches!(host, Some("127.0.0.1" | "localhost"))
    }
}

/// The carrier.
pub struct Http {
    /// A machine without certificates has none; it says so whenever it is asked.
    client: Result<Client, String>,
    url: String,
    token: String,
}

/// What the carrier answers to a label.
#[derive(Deserialize)]
struct Made {
    number: String,
    #[serde(default)]
    tracking_url: String,
}

/// Why it says no.
#[derive(Default, Deserialize)]
struct Why {
    #[serde(default)]
    detail: String,
}

#[derive(Serialize)]
struct Void<'a> {
    label_key: &'a str,
}

impl Http {
    /// A carrier at this address.
    #[must_use]
    pub fn new(access: &Access) -> Http {
        let url = access.url.trim_end_matches('/').to_owned();
        // A redirected POST becomes a GET: better to hear that the address is wrong.
        let client = Client::builder().redirect(Policy::none()).timeout(PATIENCE).build();
        Http { client: client.map_err(|e| e.to_string()), url, token: access.token.clone() }
    }

    async fn post(&self, path: &str, key: &str, body: &impl Serialize) -> Answer<Vec<u8>> {
        let body = match serde_json::to_vec(body) {
            Ok(body) => body,
            Err(error) => return Answer::Refused(format!("the request cannot be written: {error}")),
        };
        let client = match &self.client {
            Ok(client) => client,
            Err(reason) => return Answer::Unknown(reason.clone()),
        };
        let request = client.post(format!("{}{path}", self.url)).bearer_auth(&self.token);
        let request = request.header("content-type", "application/json").body(body);
        // A question has none: it may be asked as often as one likes.
        let request = if key.is_empty() { request } else { request.header("idempotency-key", key) };
        let mut response = match request.send().await {
            Ok(response) => response,
            // The address is in the error; what was sent is not.
            Err(error) => return Answer::Unknown(error.to_string()),
        };
        let status = response.status();
        match (read(&mut response).await, status) {
            (Err(reason), _) => Answer::Unknown(reason),
            (Ok(body), status) if status.is_success() => Answer::Done(body),
            (Ok(body), status) if is_final(status) => Answer::Refused(reason(&body, status)),
            (Ok(_), status) => Answer::Unknown(format!("the carrier answered {status}")),
        }
    }
}

async fn read(response: &mut Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| e.to_string())? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_MAX {
            return Err("the carrier's answer is too long".to_owned());
        }
    }
    Ok(body)
}

fn is_final(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST
            | StatusCode::NOT_FOUND
            | StatusCode::CONFLICT
            | StatusCode::GONE
            | StatusCode::UNPROCESSABLE_ENTITY
    )
}

fn reason(body: &[u8], status: StatusCode) -> String {
    let Why { detail } = serde_json::from_slice(body).unwrap_or_default();
    if detail.is_empty() { format!("the carrier answered {status}") } else { detail.chars().take(REASON_MAX).collect() }
}

impl Carrier for Http {
    fn label<'a>(&'a self, key: &'a str, order: &'a Order) -> Pending<'a, Label> {
        Box::pin(async move {
            match self.post("/v1/labels", key, order).await {
                Answer::Done(body) => match serde_json::from_slice(&body) {
                    Ok(Made { number, .. }) if !is_number(&number) => {
                        Answer::Unknown("the carrier's number is not one line of 1 to 100 characters".to_owned())
                    }
                    Ok(Made { number, tracking_url }) => {
                        let url = if is_web(&tracking_url) { tracking_url } else { String::new() };
                        Answer::Done(Label { number, url, pretence: Pretence::default() })
                    }
                    Err(error) => Answer::Unknown(format!("the carrier's label cannot be read: {error}")),
                },
                Answer::Refused(reason) => Answer::Refused(reason),
                Answer::Unknown(reason) => Answer::Unknown(reason),
            }
        })
    }

    fn void<'a>(&'a self, key: &'a str, label_key: &'a str, number: &'a str) -> Pending<'a, ()> {
        Box::pin(async move {
            let path = format!("/v1/labels/{}/void", escaped(number));
            match self.post(&path, key, &Void { label_key }).await {
                Answer::Done(_) => Answer::Done(()),
                Answer::Refused(reason) => Answer::Refused(reason),
                Answer::Unknown(reason) => Answer::Unknown(reason),
            }
        })
    }
}

/// What the carrier answers to a question for rates.
#[derive(Deserialize)]
struct Rates {
    rates: Vec<Quote>,
}

impl Quotes for Http {
    fn quote<'a>(&'a self, parcel: &'a Parcel) -> Quoting<'a> {
        Box::pin(async move {
            let body = match self.post("/v1/rates", "", parcel).await {
                Answer::Done(body) => body,
                // It says no to a question, which is an answer: it takes nothing there.
                Answer::Refused(_) => return Ok(Vec::new()),
                Answer::Unknown(reason) => return Err(reason),
            };
            let Rates { rates } =
                serde_json::from_slice(&body).map_err(|e| format!("its rates cannot be read: {e}"))?;
            Ok(rates)
        })
    }
}

fn is_number(number: &str) -> bool {
    (1..=100).contains(&number.chars().count()) && !number.chars().any(char::is_control) && number.trim() == number
}

fn is_web(url: &str) -> bool {
    url.len() <= 500 && (url.starts_with("https://") || url.starts_with("http://")) && !url.contains(char::is_control)
}

/// A carrier's number as one segment of a path.
fn escaped(number: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    number.bytes().map(byte).collect()
}

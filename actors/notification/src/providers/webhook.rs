//! Webhooks: events posted to addresses outside, as Standard Webhooks has it.
//!
//! A try either was taken (any 2xx) or was not; what nobody knows counts as not, because the next try has the same id and
//! the same body, and receivers tell repeats by the id. Redirects are not followed: they would lead past the guard.

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use runtime::group::{Provider, Said};
use serde::{Deserialize, Serialize};

use super::guard::{NotPublic, PublicOnly};
use super::post::Calling;
use super::{Doors, unreadable};
use crate::delivery::Reply;

/// How long an endpoint may take to answer. Standard Webhooks asks senders for 15 to 30 s.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// How long it may take to reach it.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// One try, complete: what is posted, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// Where to.
    pub url: String,
    /// The header `webhook-id`.
    pub id: String,
    /// The header `webhook-timestamp`: seconds since 1970.
    pub timestamp: i64,
    /// The header `webhook-signature`.
    pub signature: String,
    /// The body.
    pub body: String,
}

/// Posts to endpoints.
pub struct Webhooks {
    client: Client,
    doors: Doors,
}

impl Webhooks {
    /// A client that goes only through these doors.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(doors: Doors) -> Result<Webhooks, reqwest::Error> {
        let client = Client::builder()
            .timeout(ANSWER_MAX)
            .connect_timeout(CONNECT_MAX)
            .redirect(Policy::none())
            // A proxy would look names up itself, past the guard.
            .no_proxy()
            // A later try must not reuse a connection that was judged under another name's address.
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(Duration::from_secs(10));
        let client = match doors {
            Doors::Public => client.https_only(true).dns_resolver(PublicOnly),
            Doors::Any => client,
        };
        Ok(Webhooks { client: client.build()?, doors })
    }

    async fn post(&self, posting: Posting) -> Reply {
        if !self.doors.admit(&posting.url) {
            return Reply::not_taken(None, "address_not_allowed");
        }
        let asked = self
            .client
            .post(&posting.url)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("mercat/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", &posting.id)
            .header("webhook-timestamp", posting.timestamp)
            .header("webhook-signature", &posting.signature)
            .body(posting.body);
        match asked.send().await {
            Ok(answer) => match answer.status() {
                status if status.is_success() => Reply::Taken { status: status.as_u16() },
                StatusCode::GONE => Reply::Gone { status: StatusCode::GONE.as_u16() },
                status => Reply::not_taken(Some(status.as_u16()), "http_status"),
            },
            Err(failure) => Reply::not_taken(None, reason(&failure)),
        }
    }
}

fn reason(failure: &reqwest::Error) -> &'static str {
    let mut cause = failure.source();
    while let Some(deeper) = cause {
        if deeper.is::<NotPublic>() {
            return "address_not_allowed";
        }
        cause = deeper.source();
    }
    match failure {
        _ if failure.is_timeout() => "timeout",
        _ if failure.is_connect() => "unreachable",
        _ => "broken_off",
    }
}

impl Provider for Webhooks {
    fn call<'a>(&'a self, _: &'a str, request: Bytes) -> Calling<'a> {
        Box::pin(async move {
            match serde_json::from_slice::<Posting>(&request) {
                Ok(posting) => self.post(posting).await.said(),
                Err(e) => unreadable(&e),
            }
        })
    }
}

impl Reply {
    /// What is said to the runtime.
    #[must_use]
    pub fn said(&self) -> Said {
        let said = Bytes::from(serde_json::to_vec(self).unwrap_or_default());
        Said::Settled(runtime::entity::Outcome::Done(said))
    }
}

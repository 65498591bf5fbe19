//! What is stored beside the logs: the feed, the dead letters and the members.
//!
//! Each of these streams is made by whoever first finds it missing. Any group may make them, always alike; none may
//! change, purge or delete them.

use std::time::Duration;

use async_nats::Request;
use async_nats::RequestErrorKind;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::Config;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::link::{Link, Refusal};
use super::stored::{Stored, Which};
use super::streams::{self, LETTERS};
use crate::bus::Headers;
use crate::fabric::{Error, Letter};

/// How long the servers of a cluster usually take to tell each other of a new stream.
const KNOWN_EVERYWHERE: Duration = Duration::from_millis(10);

/// By how much a message adds to the count of its subject (ADR-49).
const INCREMENT: &str = "Nats-Incr";

/// What a stream says of a message that it has stored.
#[derive(Debug, Deserialize)]
pub(super) struct Ack {
    #[serde(rename = "seq")]
    _sequence: u64,
    /// Of a count: what it is now.
    val: Option<String>,
}

impl Link {
    /// Stores a message in the feed or among the dead letters.
    pub(super) async fn store(
        &self,
        subject: String,
        id: String,
        mut headers: Headers,
        payload: Bytes,
    ) -> Result<(), Error> {
        headers.insert(NATS_MESSAGE_ID, id);
        let options = &self.options;
        if subject.starts_with("shop.evt.") {
            let feed = |bytes| streams::feed(options.replicas, options.feed_max_age, bytes);
            self.publish_or_make(subject, headers, payload, feed).await.map(drop)
        } else if subject.starts_with("shop.dlq.") {
            let letters = |bytes| streams::letters(options.replicas, bytes);
            self.publish_or_make(subject, headers, payload, letters).await.map(drop)
        } else {
            Err(failed(&subject, &"neither the feed nor the dead letters own it"))
        }
    }

    /// Adds to a count, and says what it is then.
    pub(super) async fn count(&self, name: String, by: u64) -> Result<u64, Error> {
        let subject = format!("shop.count.{name}");
        let mut headers = Headers::new();
        headers.insert(INCREMENT, format!("+{by}"));
        let counts = |_| streams::counts(self.options.replicas);
        let ack = self.publish_or_make(subject.clone(), headers, Bytes::new(), counts).await?;
        let total = ack.val.and_then(|total| total.parse().ok());
        total.ok_or_else(|| failed(&subject, &"the server does not count: it is older than 2.12"))
    }

    /// Publishes to a stream, and makes it first when there is none.
    pub(super) async fn publish_or_make(
        &self,
        subject: String,
        headers: Headers,
        payload: Bytes,
        wanted: impl FnOnce(Option<i64>) -> Config,
    ) -> Result<Ack, Error> {
        let give_up = Instant::now() + self.options.server_within;
        let mut wanted = Some(wanted);
        loop {
            match self.publish_acked(&subject, headers.clone(), payload.clone()).await {
                // Not there, or so new that not every server of the cluster knows it yet.
                Err(Refusal::Nobody) if Instant::now() < give_up => match wanted.take() {
                    Some(wanted) => self.make(wanted).await?,
                    None => tokio::time::sleep(KNOWN_EVERYWHERE).await,
                },
                said => return said.map_err(|refusal| failed(&subject, &refusal)),
            }
        }
    }

    async fn make(&self, wanted: impl FnOnce(Option<i64>) -> Config) -> Result<(), Error> {
        let (_, limit) = self.account_storage().await.map_err(|refusal| refusal.failed("read the account's limits"))?;
        self.make_stream(&wanted(limit)).await.map(drop)
    }

    async fn publish_acked(&self, subject: &str, headers: Headers, payload: Bytes) -> Result<Ack, Refusal> {
        let asked = Instant::now();
        let request = Request::new().headers(headers).payload(payload).timeout(None);
        let sent = self.client.send_request(subject.to_owned(), request);
        match timeout(self.options.server_within, sent).await {
            Ok(Ok(message)) => match serde_json::from_slice::<Response<Ack>>(&message.payload) {
                Ok(Response::Ok(ack)) => Ok(ack),
                Ok(Response::Err { error }) => Err(Refusal::Said(error)),
                Err(failure) => Err(Refusal::Silence(format!("the ack cannot be read: {failure}"))),
            },
            Ok(Err(failure)) if failure.kind() == RequestErrorKind::NoResponders => Err(Refusal::Nobody),
            Ok(Err(failure)) => Err(Refusal::Silence(failure.to_string())),
            Err(_) => Err(Refusal::Silence(self.silence_since(asked))),
        }
    }

    /// What is stored under a subject of the dead letters, read from the leader: a letter that was acknowledged is in.
    pub(super) async fn letters(&self, subject: &str) -> Result<Vec<Letter>, Error> {
        let mut letters: Vec<Letter> = Vec::new();
        loop {
            let after = letters.last().map_or(0, |letter| letter.sequence);
            match self.stored(LETTERS, &Which::Next(after, subject.to_owned())).await {
                Ok(Some(Stored { subject, sequence, at, headers, payload })) => {
                    letters.push(Letter { sequence, subject, at, headers, payload });
                }
                Ok(None) => return Ok(letters),
                // Nobody ever wrote one.
                Err(refusal) if refusal.is_absent() => return Ok(letters),
                Err(refusal) => return Err(refusal.failed(format!("read the letters of {subject}"))),
            }
        }
    }

    /// Removes a dead letter. Removing it twice is no error.
    pub(super) async fn discard(&self, sequence: u64) -> Result<(), Error> {
        use async_nats::jetstream::ErrorCode;
        let api = format!("STREAM.MSG.DELETE.{LETTERS}");
        match self.ask::<IgnoredAny>(api, &json!({"seq": sequence, "no_erase": true})).await {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.is(ErrorCode::NO_MESSAGE_FOUND) || refusal.is(ErrorCode::SEQUENCE_NOT_FOUND) => {
                Ok(())
            }
            Err(refusal) => Err(refusal.failed(format!("discard letter {sequence}"))),
        }
    }
}

fn failed(subject: &str, reason: &dyn std::fmt::Display) -> Error {
    Error::Failed { operation: format!("store a message on {subject}"), reason: reason.to_string() }
}

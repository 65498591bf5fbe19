//! The link: one connection to NATS, and what it says of itself.
//!
//! The client library answers a forbidden publish with silence and a dropped message with nothing: both appear only as
//! events. Here they become log lines, counters, and the reason of a question that was not answered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::context::RequestErrorKind;
use async_nats::jetstream::response::Response;
use async_nats::{Client, ConnectOptions, Event, ServerError, jetstream};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::options::{Options, PING_EVERY};
use super::tls;
use crate::bus::SUBSCRIPTION_MESSAGES_MAX;
use crate::clock::Clock;
use crate::fabric::Error;

/// How long one attempt to ask the JetStream API may take.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What a connection has been through since it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Times connected, the first included.
    pub connects: u64,
    /// Times the connection was lost.
    pub disconnects: u64,
    /// What the server refused: permission violations first of all.
    pub refusals: u64,
    /// Messages dropped because a subscription was not read fast enough.
    pub dropped: u64,
    /// Attempts to connect that failed.
    pub failed_attempts: u64,
    /// The server's words at the last refusal.
    pub last_refusal: Option<String>,
}

/// Why the JetStream API did not do what was asked.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The server said no.
    Said(jetstream::Error),
    /// Nobody answers there: no such stream, no JetStream, or no leader.
    Nobody,
    /// No answer came.
    Silence(String),
}

impl Refusal {
    pub(super) fn is(&self, code: jetstream::ErrorCode) -> bool {
        matches!(self, Refusal::Said(error) if error.error_code() == code)
    }

    /// Whether it says that there is no such stream.
    pub(super) fn is_absent(&self) -> bool {
        self.is(jetstream::ErrorCode::STREAM_NOT_FOUND)
    }

    /// Whether it may be another answer soon: a cluster that elects a leader, a server that starts.
    pub(super) fn may_pass(&self) -> bool {
        use jetstream::ErrorCode;
        let passing = [ErrorCode::CLUSTER_NOT_AVAILABLE, ErrorCode::CLUSTER_NO_PEERS, ErrorCode::CLUSTER_NOT_LEADER];
        match self {
            Refusal::Said(error) => passing.contains(&error.error_code()),
            Refusal::Nobody | Refusal::Silence(_) => true,
        }
    }

    pub(super) fn failed(&self, operation: impl Into<String>) -> Error {
        Error::Failed { operation: operation.into(), reason: self.to_string() }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::Said(error) => write!(f, "the server refuses: {error}"),
            Refusal::Nobody => f.write_str("nobody answers for JetStream"),
            Refusal::Silence(reason) => f.write_str(reason),
        }
    }
}

#[derive(Debug, Default)]
struct Seen {
    disconnects: AtomicU64,
    refusals: AtomicU64,
    dropped: AtomicU64,
    failed_attempts: AtomicU64,
    last_refusal: Mutex<Option<(Instant, String)>>,
    last_failure: Mutex<Option<String>>,
    /// Why a server's certificate was not accepted.
    last_distrust: Mutex<Option<String>>,
}

/// A connection and what became of it.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) client: Client,
    pub(super) context: jetstream::Context,
    pub(super) options: Options,
    connects: watch::Receiver<u64>,
    seen: Arc<Seen>,
}

impl Link {
    /// Connects, and waits until it has.
    pub(super) async fn connect(options: Options) -> Result<Link, Error> {
        let name = options.name();
        Link::named(options, name).await
    }

    /// Connects once more, under another name.
    pub(super) async fn beside(&self, purpose: &str) -> Result<Link, Error> {
        let name = format!("{}.{purpose}", self.options.name());
        Link::named(self.options.clone(), name).await
    }

    async fn named(options: Options, name: String) -> Result<Link, Error> {
        options.validate()?;
        let seen = Arc::new(Seen::default());
        let (connected, mut connects) = watch::channel(0);
        let mut how = ConnectOptions::new()
            .name(name.clone())
            .custom_inbox_prefix(options.inbox())
            .ping_interval(PING_EVERY)
            .subscription_capacity(SUBSCRIPTION_MESSAGES_MAX)
            .retry_on_initial_connect()
            .event_callback({
                let seen = seen.clone();
                move |event| {
                    note(&seen, &connected, &name, event);
                    std::future::ready(())
                }
            });
        if let Some(seed) = &options.seed {
            how = how.nkey(seed.expose().to_owned());
        }
        let urls = options.urls.join(", ");
        let failed = |reason: String| Error::Failed { operation: format!("connect to {urls}"), reason };
        if let Some(files) = &options.tls {
            let seen = seen.clone();
            let told = move |why| *lock(&seen.last_distrust) = Some(why);
            let config = tls::client(files, Clock::system().now(), told).map_err(|unfit| failed(unfit.to_string()))?;
            how = how.require_tls(true).tls_client_config(config);
        }
        let client = how.connect(options.urls.as_slice()).await.map_err(|e| failed(e.to_string()))?;
        if timeout(options.connect_within, connects.wait_for(|times| *times > 0)).await.is_err() {
            let last = lock(&seen.last_distrust).clone().or_else(|| lock(&seen.last_failure).clone());
            return Err(failed(last.unwrap_or_else(|| "no server answers".to_owned())));
        }
        let mut context = jetstream::new(client.clone());
        context.set_timeout(options.server_within);
        Ok(Link { client, context, options, connects, seen })
    }

    /// Changes with every new connection. What was pulled or watched over the last one must be asked for again.
    pub(super) fn connects(&self) -> watch::Receiver<u64> {
        let mut connects = self.connects.clone();
        connects.mark_unchanged();
        connects
    }

    pub(super) fn counters(&self) -> Counters {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            connects: *self.connects.borrow(),
            disconnects: count(&self.seen.disconnects),
            refusals: count(&self.seen.refusals),
            dropped: count(&self.seen.dropped),
            failed_attempts: count(&self.seen.failed_attempts),
            last_refusal: lock(&self.seen.last_refusal).as_ref().map(|(_, words)| words.clone()),
        }
    }

    /// Asks the JetStream API: `STREAM.INFO.ORDER`. Only what may be asked twice: while a cluster elects a leader,
    /// questions are lost, so silence is asked again.
    pub(super) async fn ask<T: DeserializeOwned>(&self, api: String, body: &impl Serialize) -> Result<T, Refusal> {
        let asked = Instant::now();
        let give_up = asked + self.options.server_within;
        loop {
            // The library's own limit does not cover a full send buffer; this one does.
            let attempt = self.context.request(api.clone(), body);
            match timeout_at(give_up.min(Instant::now() + ASK_AGAIN), attempt).await {
                Ok(Ok(Response::Ok(answer))) => return Ok(answer),
                Ok(Ok(Response::Err { error })) => return Err(Refusal::Said(error)),
                Ok(Err(failure)) if failure.kind() == RequestErrorKind::NoResponders => return Err(Refusal::Nobody),
                Ok(Err(failure)) if failure.kind() != RequestErrorKind::TimedOut => {
                    return Err(Refusal::Silence(failure.to_string()));
                }
                Ok(Err(_)) | Err(_) if Instant::now() >= give_up || self.refusal_since(asked).is_some() => {
                    return Err(Refusal::Silence(self.silence_since(asked)));
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }

    /// Why there may have been no answer since a moment.
    pub(super) fn silence_since(&self, asked: Instant) -> String {
        match self.refusal_since(asked) {
            Some(words) => format!("no answer; meanwhile the server said: {words}"),
            None if self.client.connection_state() != State::Connected => {
                "no answer: the connection is down".to_owned()
            }
            None => "no answer in time".to_owned(),
        }
    }

    /// What the server refused since a moment. A forbidden question is not answered in any other way.
    fn refusal_since(&self, asked: Instant) -> Option<String> {
        lock(&self.seen.last_refusal).as_ref().filter(|(at, _)| *at >= asked).map(|(_, words)| words.clone())
    }
}

fn note(seen: &Seen, connected: &watch::Sender<u64>, name: &str, event: Event) {
    let count = |counter: &AtomicU64, what: &'static str| {
        counter.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("nats_events_total", "event" => what).increment(1);
    };
    match event {
        Event::Connected => {
            connected.send_modify(|times| *times += 1);
            tracing::info!(connection = name, "connected to nats");
        }
        Event::Disconnected => {
            count(&seen.disconnects, "disconnected");
            tracing::warn!(connection = name, "lost the connection to nats");
        }
        Event::SlowConsumer(subscription) => {
            count(&seen.dropped, "dropped");
            tracing::warn!(connection = name, subscription, "a subscription is full; a message was dropped");
        }
        Event::ServerError(error) => {
            count(&seen.refusals, "refused");
            let words = match error {
                ServerError::Other(words) => words,
                other => other.to_string(),
            };
            tracing::error!(connection = name, refusal = words, "nats refuses");
            *lock(&seen.last_refusal) = Some((Instant::now(), words));
        }
        Event::ClientError(error) => {
            count(&seen.failed_attempts, "failed");
            tracing::warn!(connection = name, cause = %error, "could not connect to nats");
            *lock(&seen.last_failure) = Some(error.to_string());
        }
        Event::LameDuckMode => tracing::info!(connection = name, "the nats server is about to stop"),
        Event::Draining | Event::Closed => tracing::info!(connection = name, "the connection to nats closes"),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

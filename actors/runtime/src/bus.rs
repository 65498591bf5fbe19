//! The bus: requests, replies and subscriptions between processes.
//!
//! A trait, because the same groups must run on NATS and in a simulated world where replies are lost, doubled and late.
//! It promises nothing about delivery: what must not be lost goes through a [`Log`](crate::log::Log).

use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use futures::future::BoxFuture;

pub use async_nats::{HeaderMap as Headers, Message};

/// How many delivered messages a subscription may hold before the client drops them and says so.
///
/// Small on purpose: a full mailbox must answer "busy" to the newest caller instead of letting all of them time out.
pub const SUBSCRIPTION_MESSAGES_MAX: usize = 4096;

/// Why a message could not be sent or a subscription not made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection is closed, or was closed while the operation ran.
    #[error("could not {operation} on {subject}")]
    Failed {
        /// What was tried: `publish`, `subscribe`.
        operation: &'static str,
        /// Where.
        subject: String,
        /// What the client library said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Why a request brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Nobody listens on the subject: the request was certainly not handled.
    #[error("nobody listens on {0}")]
    NoResponders(String),
    /// No answer came in time: the request may or may not have been handled.
    #[error("no answer on {0} in time")]
    TimedOut(String),
    /// The connection failed: the request may or may not have been handled.
    #[error("the connection failed during a request on {0}")]
    Disconnected(String),
}

impl RequestError {
    /// Whether the request certainly had no effect.
    #[must_use]
    pub fn certainly_unhandled(&self) -> bool {
        matches!(self, RequestError::NoResponders(_))
    }
}

/// Messages as they arrive on a subject. Dropping it ends the subscription at once.
pub trait Subscribed: Stream<Item = Message> + Send + Unpin {
    /// Asks the server to send no more; the stream ends after what had already been sent.
    fn drain(&mut self) -> BoxFuture<'_, ()>;
}

/// A subscription of either kind of bus.
pub type Subscription = Box<dyn Subscribed>;

/// Core messaging: at most once, no memory.
pub trait Bus: Send + Sync + 'static {
    /// Sends a message, optionally naming where an answer should go.
    ///
    /// # Errors
    /// Only when the message certainly cannot be sent; success says nothing about delivery.
    fn publish(
        &self,
        subject: String,
        reply: Option<String>,
        headers: Headers,
        payload: Bytes,
    ) -> BoxFuture<'_, Result<(), Error>>;

    /// Sends a request and waits for the first answer.
    ///
    /// # Errors
    /// See [`RequestError`]; only `NoResponders` proves that nothing happened.
    fn request(
        &self,
        subject: String,
        headers: Headers,
        payload: Bytes,
        within: Duration,
    ) -> BoxFuture<'_, Result<Message, RequestError>>;

    /// Subscribes to a subject (wildcards allowed). Members of the same queue group share the messages.
    ///
    /// # Errors
    /// When the subscription could not be made.
    fn subscribe(&self, subject: String, queue: Option<String>) -> BoxFuture<'_, Result<Subscription, Error>>;
}

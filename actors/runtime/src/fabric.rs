//! The fabric: all that a replica needs of the world outside its process.
//!
//! Two implementations: [`nats`](crate::nats) and the testkit's world. Nothing else in the runtime may know which.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

use crate::bus::{Bus, Headers};
use crate::log::{Entry, SharedLog};

/// Why the fabric could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The outside did not answer, or not as expected; trying again may help.
    #[error("could not {operation}: {reason}")]
    Failed {
        /// What was tried.
        operation: String,
        /// What happened.
        reason: String,
    },
    /// What is there contradicts the contract; trying again will not help.
    #[error("{what} does not fit: {reason}")]
    Mismatch {
        /// The stream, consumer or bucket.
        what: String,
        /// What is there and what was wanted.
        reason: String,
    },
}

/// A turn of another group, handed to exactly one hearer at a time until it is settled.
pub struct Heard {
    /// The turn as stored in the source's log.
    pub entry: Entry,
    /// How many times it has been delivered, this time included.
    pub deliveries: u64,
    /// How to say that it is done.
    pub receipt: Box<dyn Receipt>,
}

/// How a hearer answers for what it heard.
pub trait Receipt: Send + Sync {
    /// Done: the next turn may come.
    ///
    /// # Errors
    /// When the word did not get out; the turn will be heard again.
    fn done(&self) -> BoxFuture<'_, Result<(), Error>>;
    /// Still at work: do not hand it to anyone else yet.
    ///
    /// # Errors
    /// When the word did not get out.
    fn working(&self) -> BoxFuture<'_, Result<(), Error>>;
    /// Not done: deliver it again after a while.
    ///
    /// # Errors
    /// When the word did not get out; it will be delivered again anyway.
    fn again(&self, after: Duration) -> BoxFuture<'_, Result<(), Error>>;
}

/// A message of the dead-letter stream.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Its sequence in that stream.
    pub sequence: u64,
    /// `shop.dlq.<hearer>.<source>.<partition>.<actor>`.
    pub subject: String,
    /// When it was put there.
    pub at: jiff::Timestamp,
    /// The reason, in a header a person can read.
    pub headers: Headers,
    /// An encoded `DeadLetter`.
    pub payload: Bytes,
}

/// A durable place in another group's partition.
pub trait Hearing: Send + 'static {
    /// The next turn; waits as long as it takes.
    ///
    /// # Errors
    /// When the place is lost or the connection failed; ask the fabric for a new hearing.
    fn next(&mut self) -> BoxFuture<'_, Result<Heard, Error>>;
}

/// What is known of one key of the members' bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// `<group>.<replica>`.
    pub key: String,
    /// What it says of itself; `None` when it left.
    pub says: Option<Bytes>,
}

/// The bucket in which replicas say that they live. Keys vanish when not renewed.
pub trait Members: Send + Sync + 'static {
    /// Says it again.
    ///
    /// # Errors
    /// When the word did not get out.
    fn announce(&self, key: String, says: Bytes) -> BoxFuture<'_, Result<(), Error>>;
    /// Leaves.
    ///
    /// # Errors
    /// When the word did not get out; the key expires.
    fn leave(&self, key: String) -> BoxFuture<'_, Result<(), Error>>;
    /// All that is said by the members of a group, from the current state on. Ends when the connection breaks.
    fn watch(&self, group: &str) -> BoxStream<'static, Member>;
}

/// All that a replica needs of the world outside its process.
pub trait Fabric: Send + Sync + 'static {
    /// Requests and subscriptions.
    fn bus(&self) -> Arc<dyn Bus>;

    /// The log of a group this replica may read, made if this replica owns it and it is not there yet.
    ///
    /// # Errors
    /// `Mismatch` when the stream that is there was made for another contract.
    fn log(&self, group: &'static messages::Group) -> BoxFuture<'_, Result<SharedLog, Error>>;

    /// Makes the durable places of all hearers of a group. Called by the owner of the log at start.
    ///
    /// # Errors
    /// When the server did not answer.
    fn seat_hearers(&self, group: &'static messages::Group) -> BoxFuture<'_, Result<(), Error>>;

    /// Takes the durable place of `hearer` on a partition of `source`.
    ///
    /// # Errors
    /// When the owner of the log has not made the place yet.
    fn hear(
        &self,
        source: &'static messages::Group,
        hearer: &str,
        partition: u32,
    ) -> BoxFuture<'_, Result<Box<dyn Hearing>, Error>>;

    /// The members' bucket.
    fn members(&self) -> Arc<dyn Members>;

    /// Stores a message in the feed or the dead-letter stream, whichever owns the subject. `id` makes a repeat within
    /// the stream's window harmless.
    ///
    /// # Errors
    /// When no ack came; store it again.
    fn store(&self, subject: String, id: String, headers: Headers, payload: Bytes) -> BoxFuture<'_, Result<(), Error>>;

    /// What is stored under a subject (wildcards allowed) of the dead-letter stream, oldest first.
    ///
    /// # Errors
    /// When the server did not answer.
    fn letters(&self, subject: String) -> BoxFuture<'_, Result<Vec<Letter>, Error>> {
        let reason = "this fabric has no dead letters".to_owned();
        Box::pin(async move { Err(Error::Failed { operation: format!("read the letters of {subject}"), reason }) })
    }

    /// Removes a dead letter, when it was replayed or dropped.
    ///
    /// # Errors
    /// When the server did not answer.
    fn discard(&self, sequence: u64) -> BoxFuture<'_, Result<(), Error>> {
        let reason = "this fabric has no dead letters".to_owned();
        Box::pin(async move { Err(Error::Failed { operation: format!("discard letter {sequence}"), reason }) })
    }

    /// Adds to a count that all processes share, and says what it is then. Counts are kept in memory, for a few minutes.
    ///
    /// # Errors
    /// When the server did not answer; it may have been added.
    fn count(&self, name: String, by: u64) -> BoxFuture<'_, Result<u64, Error>> {
        let reason = "this fabric has no counts".to_owned();
        Box::pin(async move { Err(Error::Failed { operation: format!("add {by} to {name}"), reason }) })
    }

    /// How full the account is, in per cent of its storage limit (0 when it has none).
    ///
    /// # Errors
    /// When the server did not answer.
    fn storage_used_percent(&self) -> BoxFuture<'_, Result<u64, Error>>;
}

/// The fabric of a replica.
pub type SharedFabric = Arc<dyn Fabric>;

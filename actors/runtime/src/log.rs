//! The log of a group: one stream, one subject per partition, one message per turn.
//!
//! The append with an expected sequence is the only thing in Mercat that decides who was right. Everything this trait
//! leaves out is left out on purpose: no purge, no delete, no message ids (a resend answers differently on one and on
//! three servers), no wildcard fences (they let foreign writes through on three servers).

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use jiff::Timestamp;

use crate::bus::Headers;

/// A message of the log, as stored.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The partition its subject names; `None` when a foreign subject strayed into the stream.
    pub partition: Option<u32>,
    /// Its sequence in the stream. Sequences of one partition rise but are not dense.
    pub sequence: u64,
    /// When the server stored it.
    pub at: Timestamp,
    /// Headers for people: a summary of the turn.
    pub headers: Headers,
    /// The encoded turn.
    pub payload: Bytes,
}

/// Why an append was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The fence refused: the partition's last sequence is not the expected one (server codes 10071 and 10164).
    /// This append certainly did not land.
    #[error("another turn stands at the end of partition {partition}")]
    Fenced {
        /// The partition.
        partition: u32,
    },
    /// The account is full or the message too large; certainly did not land, and the next will fare no better.
    #[error("the log of partition {partition} refuses writes: {reason}")]
    Full {
        /// The partition.
        partition: u32,
        /// The server's words.
        reason: String,
    },
    /// Anything else, a lost ack first of all. About half of these did land: only the fence can tell.
    #[error("no word of the append to partition {partition}: {reason}")]
    Unknown {
        /// The partition.
        partition: u32,
        /// What happened.
        reason: String,
    },
}

/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
#[error("could not read {what} of the log of {group}: {reason}")]
pub struct ReadError {
    /// The group.
    pub group: String,
    /// What was asked for.
    pub what: String,
    /// What happened.
    pub reason: String,
}

/// Which stream this is and how far it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// When the stream was created: with the name, its identity. A checkpoint names it.
    pub created: Timestamp,
    /// The number of partitions its metadata states.
    pub partitions: u32,
    /// The last sequence stored, 0 when empty.
    pub last_sequence: u64,
    /// The server's clock when it answered.
    pub server_time: Timestamp,
}

/// A group's log.
pub trait Log: Send + Sync + 'static {
    /// Appends a message to a partition if that partition's last sequence is `expected` (0: none yet).
    /// Returns the new sequence, which proves that the appender's state was the latest.
    ///
    /// # Errors
    /// See [`AppendError`]; after `Unknown`, append again with the same `expected`.
    fn append(
        &self,
        partition: u32,
        expected: u64,
        headers: Headers,
        payload: Bytes,
    ) -> BoxFuture<'_, Result<u64, AppendError>>;

    /// The message at a sequence, if there is one.
    ///
    /// # Errors
    /// When the server gave no answer.
    fn read(&self, sequence: u64) -> BoxFuture<'_, Result<Option<Entry>, ReadError>>;

    /// The first message of a partition after a sequence, if there is one yet.
    ///
    /// # Errors
    /// When the server gave no answer. `None` may be stale on a cluster: it proves nothing.
    fn next(&self, partition: u32, after: u64) -> BoxFuture<'_, Result<Option<Entry>, ReadError>>;

    /// The sequence of a partition's last message, 0 when it has none.
    ///
    /// # Errors
    /// When the server gave no answer.
    fn last_of(&self, partition: u32) -> BoxFuture<'_, Result<u64, ReadError>>;

    /// Every message of the group after a sequence, in order and without end. A broken stream heals itself or ends;
    /// whoever reads it must check the chain and may start again from its cursor.
    fn tail(&self, after: u64) -> BoxStream<'static, Result<Entry, ReadError>>;

    /// Which stream this is and how far it goes.
    ///
    /// # Errors
    /// When the server gave no answer.
    fn extent(&self) -> BoxFuture<'_, Result<Extent, ReadError>>;
}

/// A log shared by the actors of a replica.
pub type SharedLog = Arc<dyn Log>;

//! Admission: whether a checkpoint belongs to this log and this code.
//!
//! A checkpoint made by other code is wiped and made anew. One that belongs to another, shorter or different stream is
//! refused and nothing is touched: somebody restored the wrong thing, and only a person can tell which.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::group::Group;
use crate::log::{Extent, SharedLog};
use crate::store::{Batch, SharedStore, Table};
use crate::turn::{self, Cursor};

/// Raised when rows change their shape.
const FORMAT: u32 = 2;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Meta {
    format: u32,
    /// When the stream was created, in microseconds since 1970: with the group's name, its identity.
    stream_created: i64,
    folds: Vec<(String, u32)>,
}

/// Why a checkpoint was not admitted.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// The log did not answer.
    #[error(transparent)]
    Log(#[from] crate::log::ReadError),
    /// The stream is another one.
    #[error(
        "the checkpoint of {group} belongs to a stream created {checkpoint}, but the stream there is was created \
         {stream}: the {older} is older. Restore the stream the checkpoint belongs to, or delete the checkpoint to \
         start from this stream"
    )]
    OtherStream {
        /// The group.
        group: &'static str,
        /// When the checkpoint's stream was created.
        checkpoint: Timestamp,
        /// When the present one was.
        stream: Timestamp,
        /// `checkpoint` or `stream`.
        older: &'static str,
    },
    /// The stream lacks what the checkpoint has folded.
    #[error(
        "the checkpoint of {group} stands at sequence {sequence} of partition {partition}, where the stream (last \
         sequence {last}) holds {holds}: the stream is older, or another. Restore it, or delete the checkpoint to \
         start from this stream"
    )]
    OtherHistory {
        /// The group.
        group: &'static str,
        /// The partition.
        partition: u32,
        /// Where the checkpoint stands.
        sequence: u64,
        /// Where the stream ends.
        last: u64,
        /// What stands there instead.
        holds: &'static str,
    },
}

/// Admits what the store holds, wiping what other code has made. Returns the lowest sequence to read from.
pub(super) async fn admit(
    group: &Group,
    store: &SharedStore,
    log: &SharedLog,
    extent: &Extent,
) -> Result<u64, Refused> {
    let name = group.contract.name;
    let now = Meta { format: FORMAT, stream_created: extent.created.as_microsecond(), folds: group.kinds.folds() };
    let row = store.get(Table::Meta, b"")?;
    let was: Option<Meta> = row.as_deref().and_then(|row| postcard::from_bytes(row).ok());
    match was {
        Some(was) if was.format == now.format && was.stream_created != now.stream_created => {
            let checkpoint = Timestamp::from_microsecond(was.stream_created).unwrap_or(Timestamp::UNIX_EPOCH);
            let older = if checkpoint < extent.created { "checkpoint" } else { "stream" };
            return Err(Refused::OtherStream { group: name, checkpoint, stream: extent.created, older });
        }
        Some(was) if was == now => {}
        None if row.is_none() => {}
        _ => {
            tracing::warn!(group = name, "the checkpoint was made by other code; made anew from the log");
            store.wipe()?;
        }
    }
    let mut batch = Batch::default();
    batch.put(Table::Meta, Vec::new(), postcard::to_stdvec(&now).unwrap_or_default());
    store.apply(batch)?;
    let mut from = u64::MAX;
    for partition in 0..group.contract.partitions {
        let row = store.get(Table::Cursor, &partition.to_be_bytes())?;
        let cursor: Cursor = row.and_then(|row| postcard::from_bytes(&row).ok()).unwrap_or_default();
        check(name, partition, &cursor, log, extent).await?;
        from = from.min(cursor.read_to.max(cursor.sequence));
    }
    Ok(if from == u64::MAX { 0 } else { from })
}

/// The stream must hold the turn a cursor stands on.
async fn check(
    group: &'static str,
    partition: u32,
    cursor: &Cursor,
    log: &SharedLog,
    extent: &Extent,
) -> Result<(), Refused> {
    let refused =
        |sequence, holds| Refused::OtherHistory { group, partition, sequence, last: extent.last_sequence, holds };
    if cursor.read_to.max(cursor.sequence) > extent.last_sequence {
        return Err(refused(cursor.read_to.max(cursor.sequence), "nothing"));
    }
    if cursor.turn_sequence == 0 {
        return Ok(());
    }
    match log.read(cursor.turn_sequence).await? {
        None => Err(refused(cursor.turn_sequence, "nothing")),
        Some(entry) if turn::hash(&entry.payload) == cursor.hash => Ok(()),
        Some(_) => Err(refused(cursor.turn_sequence, "something else")),
    }
}

//! The store: a group's rebuildable checkpoint on disk.
//!
//! It is never the only copy of anything. A crash may lose any number of the last batches, but a batch is whole or
//! absent, so state and cursors always agree. Rows live in tables of one ordered key space, so that one batch covers
//! them all.

use std::sync::Arc;

/// What a table holds. The discriminant is the first byte of its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// One row: which stream, which formats.
    Meta = 0,
    /// Cursor and hash per partition.
    Cursor = 1,
    /// State per actor.
    Actor = 2,
    /// Positions of an actor's turns, in chunks.
    Past = 3,
    /// Command id to position, for ever.
    Command = 4,
    /// Rows of the views, and their cursors.
    View = 5,
    /// Actors whose agenda is not empty.
    Agenda = 6,
}

impl Table {
    /// All tables, in key order.
    pub const ALL: [Table; 7] =
        [Table::Meta, Table::Cursor, Table::Actor, Table::Past, Table::Command, Table::View, Table::Agenda];
}

/// Changes that survive a crash together or not at all. While they are applied a reader may see some of them: whoever
/// hands them over keeps them in memory, where they are looked for first, until all are in.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Table, key and new value; `None` removes the row.
    pub rows: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>,
}

impl Batch {
    /// Writes a row.
    pub fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        self.rows.push((table, key, Some(value)));
    }

    /// Removes a row.
    pub fn remove(&mut self, table: Table, key: Vec<u8>) {
        self.rows.push((table, key, None));
    }
}

/// Why the store could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process holds the directory.
    #[error("the store at {path} is locked by another process")]
    Locked {
        /// The directory.
        path: String,
    },
    /// What is there cannot be read: delete it and rebuild from the log.
    #[error("the store at {path} is damaged: {reason}")]
    Damaged {
        /// The directory.
        path: String,
        /// What was found.
        reason: String,
    },
    /// The disk failed or is full.
    #[error("could not {operation} the store")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// An ordered key-value store with atomic batches.
pub trait Store: Send + Sync + 'static {
    /// The value of a row.
    ///
    /// # Errors
    /// When the disk fails or the store is damaged.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// Up to `limit` rows with `from <= key < until`, ascending, or descending from the end when `backwards`.
    /// An empty `until` means the end of the table.
    ///
    /// # Errors
    /// When the disk fails or the store is damaged.
    fn scan(&self, table: Table, from: &[u8], until: &[u8], backwards: bool, limit: usize) -> Result<Vec<Row>, Error>;

    /// Applies a batch: after a crash, whole or not at all. Blocks; called off the arbiter.
    ///
    /// # Errors
    /// When the disk fails.
    fn apply(&self, batch: Batch) -> Result<(), Error>;

    /// Waits until no batch is half-way in: for whoever reads without knowing what is being applied. Blocks.
    fn settle(&self) {}

    /// Whether [`apply`](Store::apply) and [`flush`](Store::flush) block long enough to be called off the arbiter.
    fn blocks(&self) -> bool {
        true
    }

    /// Waits until all that was applied is on disk.
    ///
    /// # Errors
    /// When the disk fails.
    fn flush(&self) -> Result<(), Error>;

    /// Removes every row.
    ///
    /// # Errors
    /// When the disk fails.
    fn wipe(&self) -> Result<(), Error>;

    /// Bytes on disk, for metrics.
    fn size(&self) -> u64;
}

/// A store shared by the actors of a replica.
pub type SharedStore = Arc<dyn Store>;

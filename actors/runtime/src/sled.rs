//! The store on sled: one tree, one batch at a time, a cache of stated size.
//!
//! sled 0.34.7 buffers without bound and loses an unbounded tail when killed; state and cursors in one batch always
//! agree. Hence: few large batches, flushes in the background, and a store that cannot be read is deleted and made anew
//! from the log.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::store::{Batch, Error, Row, Store, Table};

/// sled's page cache per group, in bytes. Its default of 1 GiB would be 17 GiB for a whole shop.
pub const CACHE_BYTES: u64 = 32 * 1024 * 1024;
/// How long to wait for another process to let go of the directory: after a kill -9 the lock lives on for a moment.
const LOCK_WAIT: Duration = Duration::from_secs(1);
/// How many rows one inner batch holds: sled's memory grows with the size of a batch under way.
const FLUSH_EVERY_MS: u64 = 500;

/// A store in a directory.
pub struct SledStore {
    db: sled::Db,
    tree: sled::Tree,
    path: PathBuf,
}

impl SledStore {
    /// Opens or makes the store in a directory. Says whether what was there could not be read and was deleted.
    ///
    /// # Errors
    /// `Locked` when another process keeps the directory, `Io` when the disk fails.
    pub fn open(path: &Path) -> Result<(SledStore, Option<String>), Error> {
        let started = Instant::now();
        loop {
            match SledStore::try_open(path) {
                Err(Error::Locked { .. }) if started.elapsed() < LOCK_WAIT => {
                    std::thread::sleep(Duration::from_millis(25));
                }
                Err(Error::Damaged { reason, .. }) => {
                    tracing::error!(path = %path.display(), reason, "the store is damaged; made anew from the log");
                    std::fs::remove_dir_all(path).map_err(|e| io("delete", e))?;
                    return SledStore::try_open(path).map(|store| (store, Some(reason)));
                }
                result => return result.map(|store| (store, None)),
            }
        }
    }

    fn try_open(path: &Path) -> Result<SledStore, Error> {
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(Some(FLUSH_EVERY_MS))
            .mode(sled::Mode::HighThroughput);
        // sled 0.34 panics on some damaged files instead of returning an error.
        let open = || config.open().and_then(|db| Ok((db.open_tree("rows")?, db)));
        let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(open));
        let damaged = |reason: String| Error::Damaged { path: path.display().to_string(), reason };
        let (tree, db) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(sled::Error::Io(cause))) if is_locked(&cause) => {
                return Err(Error::Locked { path: path.display().to_string() });
            }
            Ok(Err(sled::Error::Io(cause))) => return Err(io("open", cause)),
            Ok(Err(cause)) => return Err(damaged(cause.to_string())),
            Err(panic) => return Err(damaged(crate::partition::panic_text(&*panic))),
        };
        Ok(SledStore { db, tree, path: path.to_owned() })
    }

    fn failed(&self, operation: &'static str, cause: sled::Error) -> Error {
        match cause {
            sled::Error::Corruption { .. } | sled::Error::ReportableBug(_) => {
                Error::Damaged { path: self.path.display().to_string(), reason: cause.to_string() }
            }
            cause => Error::Io { operation, source: Box::new(cause) },
        }
    }
}

fn io(operation: &'static str, cause: std::io::Error) -> Error {
    Error::Io { operation, source: Box::new(cause) }
}

fn is_locked(cause: &std::io::Error) -> bool {
    cause.kind() == std::io::ErrorKind::WouldBlock || cause.to_string().contains("lock")
}

fn full(table: Table, key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(key.len() + 1);
    full.push(table as u8);
    full.extend_from_slice(key);
    full
}

impl Store for SledStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let found = self.tree.get(full(table, key)).map_err(|cause| self.failed("read", cause))?;
        Ok(found.map(|value| value.to_vec()))
    }

    fn scan(&self, table: Table, from: &[u8], until: &[u8], backwards: bool, limit: usize) -> Result<Vec<Row>, Error> {
        let until = if until.is_empty() { vec![table as u8 + 1] } else { full(table, until) };
        let from = full(table, from);
        if from >= until {
            return Ok(Vec::new());
        }
        let range = self.tree.range(from..until);
        let row = |row: sled::Result<(sled::IVec, sled::IVec)>| {
            let (key, value) = row.map_err(|cause| self.failed("scan", cause))?;
            Ok((key[1..].to_vec(), value.to_vec()))
        };
        if backwards { range.rev().take(limit).map(row).collect() } else { range.take(limit).map(row).collect() }
    }

    fn apply(&self, batch: Batch) -> Result<(), Error> {
        let mut rows = batch.rows;
        // sled splits pages as it goes; in key order it touches each once.
        rows.sort_by(|(a, ak, _), (b, bk, _)| (a, ak).cmp(&(b, bk)));
        let mut inner = sled::Batch::default();
        for (table, key, value) in rows {
            match value {
                Some(value) => inner.insert(full(table, &key), value),
                None => inner.remove(full(table, &key)),
            }
        }
        self.tree.apply_batch(inner).map_err(|cause| self.failed("write", cause))
    }

    fn flush(&self) -> Result<(), Error> {
        self.tree.flush().map(drop).map_err(|cause| self.failed("flush", cause))
    }

    fn wipe(&self) -> Result<(), Error> {
        self.tree.clear().map_err(|cause| self.failed("wipe", cause))?;
        self.flush()
    }

    fn size(&self) -> u64 {
        self.db.size_on_disk().unwrap_or(0)
    }
}

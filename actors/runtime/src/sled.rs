//! The store on sled: one tree, one batch at a time, a cache of stated size.
//!
//! sled 0.34.7 buffers without bound and loses an unbounded tail when killed; state and cursors in one batch always
//! agree. Hence: few large batches, flushes in the background, and a store that cannot be read is deleted and made anew
//! from the log. A large batch goes through a redo log, so that readers need not wait for all of it.

mod redo;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use self::redo::{Change, Redo};
use crate::store::{Batch, Error, Row, Store, Table};

/// sled's page cache per group, in bytes. Its default of 1 GiB would be 17 GiB for a whole shop.
pub const CACHE_BYTES: u64 = 32 * 1024 * 1024;
/// How long to wait for another process to let go of the directory: after a kill -9 the lock lives on for a moment.
const LOCK_WAIT: Duration = Duration::from_secs(1);
/// How often sled writes what it buffers.
const FLUSH_EVERY_MS: u64 = 500;
/// A batch of so many rows keeps every reader of the process waiting for about a millisecond. A larger one goes through
/// the redo log.
const ROWS_AT_ONCE_MAX: usize = 64;

/// A store in a directory.
pub struct SledStore {
    db: sled::Db,
    tree: sled::Tree,
    redo: Mutex<Redo>,
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
        let open = || {
            let db = config.open()?;
            let (tree, redo) = (db.open_tree("rows")?, Redo::open(&db)?);
            finish(&redo, &tree)?;
            Ok((db, tree, redo))
        };
        let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(open));
        let damaged = |reason: String| Error::Damaged { path: path.display().to_string(), reason };
        let (db, tree, redo) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(sled::Error::Io(cause))) if is_locked(&cause) => {
                return Err(Error::Locked { path: path.display().to_string() });
            }
            Ok(Err(sled::Error::Io(cause))) => return Err(io("open", cause)),
            Ok(Err(cause)) => return Err(damaged(cause.to_string())),
            Err(panic) => return Err(damaged(crate::partition::panic_text(&*panic))),
        };
        Ok(SledStore { db, tree, redo: Mutex::new(redo), path: path.to_owned() })
    }

    /// Whoever writes a batch, alone.
    fn writing(&self) -> MutexGuard<'_, Redo> {
        self.redo.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Brings a batch that was announced to its end.
fn finish(redo: &Redo, tree: &sled::Tree) -> sled::Result<()> {
    let changes = redo.unfinished()?;
    if changes.is_empty() {
        return Ok(());
    }
    write(tree, changes)?;
    redo.finished()
}

fn write(tree: &sled::Tree, changes: Vec<Change>) -> sled::Result<()> {
    for (table, key, value) in changes {
        match value {
            Some(value) => tree.insert(full(table, &key), value)?,
            None => tree.remove(full(table, &key))?,
        };
    }
    Ok(())
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
        let mut changes = batch.rows;
        // sled splits pages as it goes; in key order it touches each once.
        changes.sort_by(|(a, ak, _), (b, bk, _)| (a, ak).cmp(&(b, bk)));
        let redo = self.writing();
        let applied = if changes.len() <= ROWS_AT_ONCE_MAX {
            let mut at_once = sled::Batch::default();
            for (table, key, value) in changes {
                match value {
                    Some(value) => at_once.insert(full(table, &key), value),
                    None => at_once.remove(full(table, &key)),
                }
            }
            finish(&redo, &self.tree).and_then(|()| self.tree.apply_batch(at_once))
        } else {
            // One that failed half-way is brought to its end first.
            finish(&redo, &self.tree)
                .and_then(|()| redo.announce(&changes))
                .and_then(|()| write(&self.tree, changes))
                .and_then(|()| redo.finished())
        };
        applied.map_err(|cause| self.failed("write", cause))
    }

    fn settle(&self) {
        drop(self.writing());
    }

    fn flush(&self) -> Result<(), Error> {
        self.tree.flush().map(drop).map_err(|cause| self.failed("flush", cause))
    }

    fn wipe(&self) -> Result<(), Error> {
        let redo = self.writing();
        redo.finished().and_then(|()| self.tree.clear()).map_err(|cause| self.failed("wipe", cause))?;
        self.flush()
    }

    fn size(&self) -> u64 {
        self.db.size_on_disk().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(from: u32, count: u32) -> Batch {
        let mut batch = Batch::default();
        (from..from + count)
            .for_each(|n| batch.put(Table::Actor, n.to_be_bytes().to_vec(), from.to_be_bytes().to_vec()));
        batch
    }

    fn open(dir: &Path) -> SledStore {
        let (store, damage) = SledStore::open(dir).expect("a store");
        assert_eq!(damage, None);
        store
    }

    fn values(store: &SledStore) -> Vec<u32> {
        let rows = store.scan(Table::Actor, &[], &[], false, usize::MAX).expect("a table");
        rows.iter().map(|(_, value)| u32::from_be_bytes(value[..].try_into().expect("four bytes"))).collect()
    }

    #[test]
    fn a_large_batch_that_was_cut_off_is_brought_to_its_end_by_whoever_opens_the_store() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = open(dir.path());
        store.apply(batch(0, 300)).expect("room");
        // What a kill leaves behind half-way through the next batch.
        let changes = batch(100, 300).rows;
        store.writing().announce(&changes).expect("room");
        write(&store.tree, changes[..150].to_vec()).expect("room");
        store.flush().expect("a disk");
        drop(store);
        let store = open(dir.path());
        assert_eq!(values(&store), [vec![0; 100], vec![100; 300]].concat());
        assert_eq!(store.writing().unfinished().expect("a look"), []);
    }

    #[test]
    fn a_large_batch_that_failed_half_way_is_finished_before_the_next() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = open(dir.path());
        let changes = batch(0, 300).rows;
        store.writing().announce(&changes).expect("room");
        write(&store.tree, changes[..10].to_vec()).expect("room");
        store.apply(batch(1, 2)).expect("room");
        assert_eq!(values(&store), [vec![0], vec![1; 2], vec![0; 297]].concat());
    }
}

//! A store in memory that can crash.
//!
//! It loses what sled may lose and nothing else: an arbitrary number of the last batches applied since the last flush,
//! whole ones. A crash leaves the old handle dead, as the process that held it would be, and opens what the next
//! process finds.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::{Rng, RngExt as _};

use crate::store::{Batch, Error, Row, Store, Table};

type Rows = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// A [`Store`] that remembers which batches are not on disk yet.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// What everybody reads.
    rows: Rows,
    /// What is on disk.
    flushed: Rows,
    /// What has been applied since, in order.
    unflushed: Vec<Batch>,
    /// How many rows of each table were ever written.
    written: BTreeMap<Table, usize>,
    condition: Condition,
}

#[derive(Debug, Default)]
enum Condition {
    #[default]
    Sound,
    /// What is there cannot be read.
    Damaged(String),
    /// The process that held it is dead.
    Dead,
}

/// A row whose value was changed behind the store's back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flipped {
    /// Its table.
    pub table: Table,
    /// Its key.
    pub key: Vec<u8>,
    /// Which bit of its value.
    pub bit: usize,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Arc<MemoryStore> {
        Arc::default()
    }

    /// Kills the process that holds the store: this handle fails from now on. Returns what the next process finds,
    /// without an arbitrary number of the last batches that had not been flushed.
    #[must_use]
    pub fn crash(&self, dice: &mut impl Rng) -> Arc<MemoryStore> {
        let mut state = self.lock();
        let unflushed = std::mem::take(&mut state.unflushed);
        let kept = dice.random_range(0..=unflushed.len());
        let mut rows = std::mem::take(&mut state.flushed);
        for batch in unflushed.into_iter().take(kept) {
            write(&mut rows, batch);
        }
        let condition = std::mem::replace(&mut state.condition, Condition::Dead);
        Arc::new(MemoryStore(Mutex::new(State { rows: rows.clone(), flushed: rows, condition, ..State::default() })))
    }

    /// Lets the store notice that it is damaged: every operation but [`wipe`](Store::wipe) says so.
    pub fn damage(&self, reason: &str) {
        self.lock().condition = Condition::Damaged(reason.to_owned());
    }

    /// Flips one bit of one value, unnoticed. `None` when there is no value to damage.
    pub fn flip_a_bit(&self, dice: &mut impl Rng) -> Option<Flipped> {
        let mut state = self.lock();
        let full = state.rows.iter().filter(|(_, value)| !value.is_empty());
        let candidates: Vec<_> = full.map(|(place, value)| (place.clone(), value.len() * 8)).collect();
        if candidates.is_empty() {
            return None;
        }
        let ((table, key), bits) = candidates[dice.random_range(0..candidates.len())].clone();
        let bit = dice.random_range(0..bits);
        let state = &mut *state;
        // What a crash brings back is damaged as well.
        for rows in [&mut state.rows, &mut state.flushed] {
            if let Some(byte) = rows.get_mut(&(table, key.clone())).and_then(|value| value.get_mut(bit / 8)) {
                *byte ^= 1 << (bit % 8);
            }
        }
        Some(Flipped { table, key, bit })
    }

    /// How many batches a crash could lose.
    #[must_use]
    pub fn unflushed(&self) -> usize {
        self.lock().unflushed.len()
    }

    /// How many rows of a table were written, each as often as it was.
    #[must_use]
    pub fn written(&self, table: Table) -> usize {
        self.lock().written.get(&table).copied().unwrap_or(0)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sound(&self, operation: &'static str) -> Result<MutexGuard<'_, State>, Error> {
        let state = self.lock();
        match &state.condition {
            Condition::Sound => Ok(state),
            Condition::Damaged(reason) => Err(Error::Damaged { path: "memory".to_owned(), reason: reason.clone() }),
            Condition::Dead => Err(dead(operation)),
        }
    }
}

fn dead(operation: &'static str) -> Error {
    Error::Io { operation, source: "the process that held the store is dead".into() }
}

fn write(rows: &mut Rows, batch: Batch) {
    for (table, key, value) in batch.rows {
        match value {
            Some(value) => rows.insert((table, key), value),
            None => rows.remove(&(table, key)),
        };
    }
}

impl Store for MemoryStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.sound("read")?.rows.get(&(table, key.to_vec())).cloned())
    }

    fn scan(&self, table: Table, from: &[u8], until: &[u8], backwards: bool, limit: usize) -> Result<Vec<Row>, Error> {
        let state = self.sound("read")?;
        if !until.is_empty() && until <= from {
            return Ok(Vec::new());
        }
        let until = match (until, Table::ALL.iter().find(|other| **other > table)) {
            ([], None) => Bound::Unbounded,
            ([], Some(next)) => Bound::Excluded((*next, Vec::new())),
            (until, _) => Bound::Excluded((table, until.to_vec())),
        };
        let rows = state.rows.range((Bound::Included((table, from.to_vec())), until));
        let rows = rows.map(|((_, key), value)| (key.clone(), value.clone()));
        Ok(if backwards { rows.rev().take(limit).collect() } else { rows.take(limit).collect() })
    }

    fn apply(&self, batch: Batch) -> Result<(), Error> {
        let mut state = self.sound("write to")?;
        write(&mut state.rows, batch.clone());
        batch.rows.iter().for_each(|(table, ..)| *state.written.entry(*table).or_default() += 1);
        state.unflushed.push(batch);
        Ok(())
    }

    fn blocks(&self) -> bool {
        false
    }

    fn flush(&self) -> Result<(), Error> {
        let mut state = self.sound("flush")?;
        for batch in std::mem::take(&mut state.unflushed) {
            write(&mut state.flushed, batch);
        }
        Ok(())
    }

    fn wipe(&self) -> Result<(), Error> {
        let mut state = self.lock();
        if matches!(state.condition, Condition::Dead) {
            return Err(dead("wipe"));
        }
        *state = State::default();
        Ok(())
    }

    fn size(&self) -> u64 {
        let bytes: usize = self.lock().rows.iter().map(|((_, key), value)| key.len() + value.len()).sum();
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

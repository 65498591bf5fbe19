//! Cells: the actors of one partition, in memory while busy and in the store when not.
//!
//! A cell that has changed stays in memory until a checkpoint has written it, so memory is always the newest and the
//! store may lag. Cells nobody asked for leave memory when there are too many.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::entity::{ActorKey, State, Undecodable};
use crate::fold::Cause;
use crate::kind::Kinds;
use crate::store::{Batch, SharedStore, Table};

/// How many actors of a partition stay in memory. At about 1 kB each, 8 partitions stay within some 250 MB.
pub(crate) const ACTORS_IN_MEMORY_MAX: usize = 32_768;

/// How far an outside call has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CallState {
    /// Announced in the log; it may be under way or done until an outcome says otherwise. An unknown outcome is not
    /// recorded: at `next_try_at` the call is made again with the same key.
    Begun { attempt: u32, next_try_at: Timestamp },
    /// Done or refused: never again under this key.
    Settled,
}

/// An actor: its state and where it stands in the log.
#[derive(Clone)]
pub(crate) struct Cell {
    pub(crate) state: State,
    /// How many events it has folded.
    pub(crate) version: u64,
    /// The sequence of the last turn that changed it.
    pub(crate) sequence: u64,
    /// Calls its agenda has made, by key; entries the agenda no longer names are forgotten.
    pub(crate) calls: BTreeMap<String, CallState>,
    /// The command whose story its agenda goes on with; `None` when it owes nothing.
    pub(crate) story: Option<Arc<Cause>>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    version: u64,
    sequence: u64,
    calls: BTreeMap<String, CallState>,
    story: Option<Cause>,
    state: Vec<u8>,
}

struct Slot {
    cell: Cell,
    dirty: bool,
    writing: bool,
    asked: bool,
}

/// What went wrong with the store while a turn was decided.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    #[error(transparent)]
    Row(#[from] Undecodable),
}

pub(crate) struct Cells {
    kinds: Arc<Kinds>,
    /// Where cold actors are; without a store everything stays in memory.
    store: Option<SharedStore>,
    slots: HashMap<ActorKey, Slot>,
    /// The first failure since the last look. Handlers cannot fail half-way, so it is noticed after they ran.
    failure: Option<Error>,
}

impl Cells {
    pub(crate) fn new(kinds: Arc<Kinds>, store: Option<SharedStore>) -> Cells {
        Cells { kinds, store, slots: HashMap::new(), failure: None }
    }

    pub(crate) fn kinds(&self) -> &Arc<Kinds> {
        &self.kinds
    }

    /// The actor as it stands; blank when nothing ever happened to it.
    pub(crate) fn get(&mut self, key: &ActorKey) -> Cell {
        if let Some(slot) = self.slots.get_mut(key) {
            slot.asked = true;
            return slot.cell.clone();
        }
        match self.load(key) {
            Ok(Some(cell)) => {
                let slot = Slot { cell: cell.clone(), dirty: false, writing: false, asked: true };
                self.slots.insert(key.clone(), slot);
                cell
            }
            Ok(None) => self.blank(key),
            Err(failure) => {
                self.failure.get_or_insert(failure);
                self.blank(key)
            }
        }
    }

    /// The actor is now so.
    pub(crate) fn put(&mut self, key: ActorKey, cell: Cell) {
        match self.slots.get_mut(&key) {
            Some(slot) => {
                slot.cell = cell;
                slot.dirty = true;
                slot.asked = true;
            }
            None => {
                self.slots.insert(key, Slot { cell, dirty: true, writing: false, asked: true });
            }
        }
    }

    /// What went wrong since the last look.
    pub(crate) fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    fn blank(&self, key: &ActorKey) -> Cell {
        // A key's kind is a name of this group's own; the unit state is never seen.
        let state: State = self.kinds.get(key.kind).map_or_else(|| Arc::new(()) as State, |kind| kind.blank());
        Cell { state, version: 0, sequence: 0, calls: BTreeMap::new(), story: None }
    }

    fn load(&self, key: &ActorKey) -> Result<Option<Cell>, Error> {
        let Some(store) = &self.store else { return Ok(None) };
        let _inside = tracing::debug_span!("store.read", actor = %key).entered();
        let Some(bytes) = store.get(Table::Actor, &key.row())? else { return Ok(None) };
        let row: Row = postcard::from_bytes(&bytes).map_err(|e| Undecodable::new(format!("the row of {key}"), e))?;
        let state = self.kinds.known(key.kind)?.read(&row.state)?;
        let story = row.story.map(Arc::new);
        Ok(Some(Cell { state, version: row.version, sequence: row.sequence, calls: row.calls, story }))
    }

    /// Puts every changed actor into a batch.
    pub(crate) fn write_changed(&mut self, batch: &mut Batch) -> Result<usize, Undecodable> {
        let mut written = 0;
        for (key, slot) in self.slots.iter_mut().filter(|(_, slot)| slot.dirty) {
            let cell = &slot.cell;
            let state = self.kinds.known(key.kind)?.write(&cell.state)?;
            let story = cell.story.as_deref().cloned();
            let row = Row { version: cell.version, sequence: cell.sequence, calls: cell.calls.clone(), story, state };
            let bytes = postcard::to_stdvec(&row).map_err(|e| Undecodable::new(format!("the row of {key}"), e))?;
            batch.put(Table::Actor, key.row(), bytes);
            slot.dirty = false;
            slot.writing = true;
            written += 1;
        }
        Ok(written)
    }

    /// The batch is in the store: what has not changed since may leave memory, and some of it does.
    pub(crate) fn written(&mut self) {
        self.slots.values_mut().for_each(|slot| slot.writing = false);
        let surplus = self.slots.len().saturating_sub(ACTORS_IN_MEMORY_MAX);
        if surplus > 0 && self.store.is_some() {
            self.forget(surplus);
        }
    }

    /// The clock algorithm, one hand: those not asked for since the hand last passed go first.
    fn forget(&mut self, mut surplus: usize) {
        self.slots.retain(|_, slot| {
            let idle = !slot.dirty && !slot.writing && !std::mem::take(&mut slot.asked);
            if idle && surplus > 0 {
                surplus -= 1;
                return false;
            }
            true
        });
    }

    /// How many actors are in memory.
    pub(crate) fn in_memory(&self) -> usize {
        self.slots.len()
    }

    /// Every actor in memory, for comparing a fold with a checkpoint.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&ActorKey, &Cell)> {
        self.slots.iter().map(|(key, slot)| (key, &slot.cell))
    }
}

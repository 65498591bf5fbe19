//! What has been seen: command ids, and where an actor's turns stand.
//!
//! Both are indexes into the log, kept for ever in the store and made anew by folding. Ids of commands without a key
//! are remembered only while their client might still repeat them.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use messages::common::v1::Problem;
use serde::{Deserialize, Serialize};

use crate::entity::ActorKey;
use crate::headers::{CommandId, Fingerprint};
use crate::store::{self, Batch, SharedStore, Table};

/// How many outcomes a partition remembers whole, beside the index: a repeat usually comes at once.
const RECENT_MAX: usize = 16_384;
/// How many turns one chunk of an actor's past names.
const CHUNK_TURNS: usize = 64;

/// Where a command was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) sequence: u64,
    pub(crate) index: u32,
    pub(crate) fingerprint: [u8; 8],
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) result: Result<Bytes, Problem>,
    pub(crate) version: u64,
    pub(crate) sequence: u64,
}

/// What is known of a command id.
pub(crate) enum Known {
    /// It has not been decided here.
    No,
    /// This is how it ended.
    Outcome(Outcome),
    /// It has been decided; the outcome is in the log.
    At(Place),
}

pub(crate) struct Commands {
    store: Option<SharedStore>,
    recent: HashMap<CommandId, Outcome>,
    order: VecDeque<CommandId>,
    changed: HashMap<CommandId, Place>,
    writing: HashMap<CommandId, Place>,
}

impl Commands {
    pub(crate) fn new(store: Option<SharedStore>) -> Commands {
        Commands {
            store,
            recent: HashMap::new(),
            order: VecDeque::new(),
            changed: HashMap::new(),
            writing: HashMap::new(),
        }
    }

    /// What is known of an id. The store is asked only for those that are kept for ever.
    pub(crate) fn look(&self, id: CommandId, keyed: bool) -> Result<Known, store::Error> {
        if let Some(outcome) = self.recent.get(&id) {
            return Ok(Known::Outcome(outcome.clone()));
        }
        if let Some(place) = self.changed.get(&id).or_else(|| self.writing.get(&id)) {
            return Ok(Known::At(*place));
        }
        let Some(store) = self.store.as_ref().filter(|_| keyed) else { return Ok(Known::No) };
        let row = store.get(Table::Command, &id.0)?;
        Ok(row.and_then(|row| postcard::from_bytes(&row).ok()).map_or(Known::No, Known::At))
    }

    /// A command was decided.
    pub(crate) fn note(&mut self, id: CommandId, keyed: bool, index: u32, outcome: Outcome) {
        if keyed {
            let place = Place { sequence: outcome.sequence, index, fingerprint: outcome.fingerprint.0 };
            self.changed.insert(id, place);
        }
        if self.recent.insert(id, outcome).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > RECENT_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.recent.remove(&oldest);
            }
        }
    }

    pub(crate) fn write_changed(&mut self, batch: &mut Batch) {
        for (id, place) in self.changed.drain() {
            // A place is three integers and always encodes.
            batch.put(Table::Command, id.0.to_vec(), postcard::to_stdvec(&place).unwrap_or_default());
            self.writing.insert(id, place);
        }
    }

    pub(crate) fn written(&mut self) {
        self.writing.clear();
    }
}

/// A turn of an actor's past: its sequence, and the actor's version after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) sequence: u64,
    pub(crate) version: u64,
}

struct Chunk {
    number: u32,
    steps: Vec<Step>,
    dirty: bool,
    writing: bool,
}

/// Where the turns of each actor stand.
pub(crate) struct Pasts {
    store: Option<SharedStore>,
    open: HashMap<ActorKey, Chunk>,
    /// Chunks that filled up since the last checkpoint.
    full: Vec<(ActorKey, u32, Vec<Step>)>,
    full_writing: Vec<(ActorKey, u32, Vec<Step>)>,
}

fn chunk_row(actor: &ActorKey, number: u32) -> Vec<u8> {
    let mut row = actor.row();
    row.push(0);
    row.extend_from_slice(&number.to_be_bytes());
    row
}

fn chunk_number(row: &[u8]) -> u32 {
    row.last_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

impl Pasts {
    pub(crate) fn new(store: Option<SharedStore>) -> Pasts {
        Pasts { store, open: HashMap::new(), full: Vec::new(), full_writing: Vec::new() }
    }

    /// A turn changed an actor, which now has this version. `was_new` spares a look into the store.
    pub(crate) fn note(&mut self, actor: &ActorKey, step: Step, was_new: bool) -> Result<(), store::Error> {
        if !self.open.contains_key(actor) {
            let chunk = if was_new { None } else { self.load_last(actor)? };
            let empty = Chunk { number: 0, steps: Vec::new(), dirty: false, writing: false };
            self.open.insert(actor.clone(), chunk.unwrap_or(empty));
        }
        let Some(chunk) = self.open.get_mut(actor) else { return Ok(()) };
        match chunk.steps.last_mut() {
            Some(last) if last.sequence == step.sequence => *last = step,
            _ => chunk.steps.push(step),
        }
        chunk.dirty = true;
        if chunk.steps.len() >= CHUNK_TURNS {
            let steps = std::mem::take(&mut chunk.steps);
            self.full.push((actor.clone(), chunk.number, steps));
            chunk.number += 1;
        }
        Ok(())
    }

    fn load_last(&self, actor: &ActorKey) -> Result<Option<Chunk>, store::Error> {
        let Some(store) = &self.store else { return Ok(None) };
        let (from, until) = (chunk_row(actor, 0), chunk_row(actor, u32::MAX));
        let rows = store.scan(Table::Past, &from, &until, true, 1)?;
        Ok(rows.into_iter().next().map(|(row, steps)| {
            let (mut number, mut steps) = (chunk_number(&row), decode(&steps));
            if steps.len() >= CHUNK_TURNS {
                (number, steps) = (number + 1, Vec::new());
            }
            Chunk { number, steps, dirty: false, writing: false }
        }))
    }

    /// All turns of an actor, oldest first.
    pub(crate) fn of(&self, actor: &ActorKey) -> Result<Vec<Step>, store::Error> {
        let mut chunks: std::collections::BTreeMap<u32, Vec<Step>> = std::collections::BTreeMap::new();
        if let Some(store) = &self.store {
            let (mut from, until) = (chunk_row(actor, 0), chunk_row(actor, u32::MAX));
            loop {
                let rows = store.scan(Table::Past, &from, &until, false, 256)?;
                let Some((last, _)) = rows.last() else { break };
                from = [&last[..], &[0]].concat();
                chunks.extend(rows.iter().map(|(row, steps)| (chunk_number(row), decode(steps))));
            }
        }
        for (key, number, steps) in self.full_writing.iter().chain(&self.full) {
            if key == actor {
                chunks.insert(*number, steps.clone());
            }
        }
        if let Some(chunk) = self.open.get(actor) {
            chunks.insert(chunk.number, chunk.steps.clone());
        }
        Ok(chunks.into_values().flatten().collect())
    }

    pub(crate) fn write_changed(&mut self, batch: &mut Batch) {
        let encode = |steps: &Vec<Step>| postcard::to_stdvec(steps).unwrap_or_default();
        for (actor, number, steps) in self.full.drain(..) {
            batch.put(Table::Past, chunk_row(&actor, number), encode(&steps));
            self.full_writing.push((actor, number, steps));
        }
        for (actor, chunk) in self.open.iter_mut().filter(|(_, chunk)| chunk.dirty) {
            if !chunk.steps.is_empty() {
                batch.put(Table::Past, chunk_row(actor, chunk.number), encode(&chunk.steps));
            }
            chunk.dirty = false;
            chunk.writing = true;
        }
    }

    pub(crate) fn written(&mut self) {
        self.full_writing.clear();
        self.open.values_mut().for_each(|chunk| chunk.writing = false);
        if self.store.is_some() && self.open.len() > crate::cells::ACTORS_IN_MEMORY_MAX {
            // Clean chunks are read again when their actor stirs.
            self.open.retain(|_, chunk| chunk.dirty);
        }
    }
}

fn decode(steps: &[u8]) -> Vec<Step> {
    postcard::from_bytes(steps).unwrap_or_default()
}

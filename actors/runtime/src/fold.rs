//! The fold: how a turn changes cells. The same code for a host, a standby, a rebuild, a look at the past and a check.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use messages::runtime::v1::{Commit, Record, Turn, record};

use crate::cells::{CallState, Cell, Cells};
use crate::clock;
use crate::entity::{ActorKey, State, Undecodable};
use crate::kind::Kinds;
use crate::log::Entry;
use crate::turn::{self, Broken, Cursor, Seen};

/// One event after it was folded, as views hear it.
#[derive(Clone)]
pub struct Folded {
    /// Where it stands.
    pub partition: u32,
    /// The stream sequence of its turn.
    pub sequence: u64,
    /// Its place among the events of its turn.
    pub index: u32,
    /// When its turn was made.
    pub at: Timestamp,
    /// Whom it happened to.
    pub actor: ActorKey,
    /// The actor's version right after it.
    pub version: u64,
    /// Its type: `inventory.stock_reserved`.
    pub event_type: Arc<str>,
    /// Its bytes.
    pub data: bytes::Bytes,
    /// The actor's state right after it.
    pub after: State,
    /// The command that caused it.
    pub commit: Arc<Cause>,
}

impl Folded {
    /// The state right after it, if it happened to such an entity.
    #[must_use]
    pub fn state<E: crate::entity::Entity>(&self) -> Option<&E> {
        (self.actor.kind == E::KIND).then(|| self.after.downcast_ref()).flatten()
    }
}

/// The command behind an event.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Cause {
    /// Its id.
    pub command: Vec<u8>,
    /// Its rpc, or what else it was.
    pub rpc: String,
    /// Who asked.
    pub caller: String,
    /// What its story shares.
    pub correlation: String,
    /// Its trace.
    pub traceparent: String,
    /// The HTTP request it came with.
    pub request: String,
}

impl From<&Commit> for Cause {
    fn from(commit: &Commit) -> Cause {
        Cause {
            command: commit.command_id.to_vec(),
            rpc: commit.rpc.clone(),
            caller: commit.caller.clone(),
            correlation: commit.correlation_id.clone(),
            traceparent: commit.traceparent.clone(),
            request: commit.request_id.clone(),
        }
    }
}

/// When a turn was made.
pub(crate) fn time_of(turn: &Turn) -> Timestamp {
    clock::from_wire(turn.at.as_ref())
}

/// Folds one record into a cell. Says whether it was an event.
pub(crate) fn fold_record(kinds: &Kinds, cell: &mut Cell, record: &Record) -> Result<(), Undecodable> {
    let what = || format!("a record of {} {}", record.kind, record.id);
    match &record.what {
        Some(record::What::Event(event)) => {
            if record.version != cell.version + 1 {
                let reason = format!("it makes version {}, but the actor has {}", record.version, cell.version);
                return Err(Undecodable::new(what(), reason));
            }
            let nothing: State = NOTHING.with(Arc::clone);
            let state = std::mem::replace(&mut cell.state, nothing);
            cell.state = kinds.known(&record.kind)?.evolve(state, &event.r#type, &event.data)?;
            cell.version = record.version;
        }
        Some(call @ (record::What::Began(_) | record::What::Settled(_))) => note_call(&mut cell.calls, call),
        None => return Err(Undecodable::new(what(), "it says nothing")),
    }
    Ok(())
}

thread_local! {
    /// Stands in for a state while the real one is being changed in place.
    static NOTHING: State = Arc::new(());
}

/// Folds a step of an outside call.
pub(crate) fn note_call(calls: &mut BTreeMap<String, CallState>, what: &record::What) {
    match what {
        record::What::Began(began) => {
            let next_try_at = clock::from_wire(began.next_try_at.as_ref());
            calls.insert(began.key.clone(), CallState::Begun { attempt: began.attempt, next_try_at });
        }
        record::What::Settled(settled) => {
            calls.insert(settled.key.clone(), CallState::Settled);
        }
        record::What::Event(_) => {}
    }
}

/// Forgets calls that the agenda no longer names.
pub(crate) fn prune_calls(kinds: &Kinds, kind: &str, cell: &mut Cell) {
    if cell.calls.is_empty() {
        return;
    }
    let Some(kind) = kinds.get(kind) else { return };
    let owed = kind.agenda(&cell.state);
    cell.calls.retain(|key, _| owed.iter().any(|item| item.key == *key));
}

/// Notes the story that an actor is part of after a command: what it owes is done in its name, whoever hosts it then.
pub(crate) fn tell_story(kinds: &Kinds, kind: &str, after: &State, cause: &Arc<Cause>, story: &mut Option<Arc<Cause>>) {
    let owes = kinds.get(kind).is_some_and(|kind| kind.owes(after));
    if !owes {
        *story = None;
    } else if !cause.correlation.is_empty() {
        *story = Some(cause.clone());
    }
}

/// Folds a turn that is known to be the next one into cells, and says what happened.
pub(crate) fn fold_turn(
    cells: &mut Cells,
    partition: u32,
    entry: &Entry,
    turn: &Turn,
    mut each: impl FnMut(Folded),
) -> Result<(), Broken> {
    let kinds = cells.kinds().clone();
    let at = time_of(turn);
    let broken = |cause| Broken::from((turn.number, entry.sequence, cause));
    let mut index = 0;
    for commit in &turn.commits {
        if commit.records.is_empty() {
            continue;
        }
        let cause = Arc::new(Cause::from(commit));
        for record in &commit.records {
            let actor = actor_of(&kinds, record).map_err(broken)?;
            let mut cell = cells.get(&actor);
            fold_record(&kinds, &mut cell, record).map_err(broken)?;
            cell.sequence = entry.sequence;
            prune_calls(&kinds, actor.kind, &mut cell);
            tell_story(&kinds, actor.kind, &cell.state, &cause, &mut cell.story);
            if let Some(record::What::Event(event)) = &record.what {
                each(Folded {
                    partition,
                    sequence: entry.sequence,
                    index,
                    at,
                    actor: actor.clone(),
                    version: cell.version,
                    event_type: event.r#type.as_str().into(),
                    data: event.data.clone().into(),
                    after: cell.state.clone(),
                    commit: cause.clone(),
                });
                index += 1;
            }
            cells.put(actor, cell);
        }
    }
    Ok(())
}

/// The actor a record belongs to.
pub(crate) fn actor_of(kinds: &Kinds, record: &Record) -> Result<ActorKey, Undecodable> {
    Ok(ActorKey { kind: kinds.known(&record.kind)?.name(), id: record.id.as_str().into() })
}

/// The cursor after a turn.
pub(crate) fn advanced(cursor: &Cursor, entry: &Entry, turn: &Turn, hash: turn::Hash) -> Cursor {
    Cursor {
        sequence: entry.sequence,
        turn_sequence: entry.sequence,
        number: turn.number,
        hash,
        read_to: cursor.read_to.max(entry.sequence),
        at_micros: time_of(turn).as_microsecond().max(cursor.at_micros),
    }
}

/// A fold of a whole partition in memory, apart from everything live: for `verify`, for rebuilding a view and for
/// counting what is no turn.
pub struct Replay {
    kinds: Arc<Kinds>,
    schema: u32,
    partitions: BTreeMap<u32, (Cursor, Cells)>,
    /// Messages that were not turns.
    pub strangers: u64,
}

impl Replay {
    pub(crate) fn new(kinds: Arc<Kinds>, schema: u32) -> Replay {
        Replay { kinds, schema, partitions: BTreeMap::new(), strangers: 0 }
    }

    /// Folds the next message of the log.
    ///
    /// # Errors
    /// When the chain is broken there.
    pub fn fold(&mut self, entry: &Entry, each: impl FnMut(Folded)) -> Result<Option<Box<Turn>>, Broken> {
        let Some(partition) = entry.partition else {
            self.strangers += 1;
            return Ok(None);
        };
        let kinds = self.kinds.clone();
        let (cursor, cells) =
            self.partitions.entry(partition).or_insert_with(|| (Cursor::default(), Cells::new(kinds, None)));
        match turn::read(entry, cursor, self.schema)? {
            Seen::Next(turn, hash) => {
                fold_turn(cells, partition, entry, &turn, each)?;
                *cursor = advanced(cursor, entry, &turn, hash);
                Ok(Some(turn))
            }
            // Read from the beginning there is nothing in between to wait for, so it is a hole or a forgery; the
            // caller sees holes by the numbers that never come.
            Seen::Ahead | Seen::Stranger => {
                self.strangers += 1;
                cursor.sequence = entry.sequence;
                Ok(None)
            }
        }
    }

    /// Where each partition stands.
    #[must_use]
    pub fn cursors(&self) -> BTreeMap<u32, Cursor> {
        self.partitions.iter().map(|(partition, (cursor, _))| (*partition, *cursor)).collect()
    }

    pub(crate) fn cells(&self) -> impl Iterator<Item = (u32, &Cells)> {
        self.partitions.iter().map(|(partition, (_, cells))| (*partition, cells))
    }
}

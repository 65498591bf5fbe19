//! The desk: what a command handler sees of its partition, and the only way it changes anything.
//!
//! A command may look at and tell several actors of its partition. All of it becomes one commit of the turn, or none of
//! it: a refusal undoes what the same command told before. Every event is written to bytes and read back before it is
//! folded, on copies, so nothing reaches the log that cannot be read from it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use messages::common::v1::Problem;
use messages::runtime::v1::{Event, Record, record};

use crate::cells::{CallState, Cell, Cells};
use crate::entity::{ActorKey, Entity, Facts, Recorded, State};
use crate::headers::Caller;
use crate::view::{Models, Rows, View};

/// The actors a turn has changed so far, not yet in the log.
#[derive(Default)]
pub(crate) struct Scratch {
    changed: BTreeMap<ActorKey, Cell>,
}

impl Scratch {
    pub(crate) fn get(&self, key: &ActorKey) -> Option<&Cell> {
        self.changed.get(key)
    }

    pub(crate) fn into_changed(self) -> BTreeMap<ActorKey, Cell> {
        self.changed
    }
}

/// A record and the state of its actor right after it.
#[derive(Clone)]
pub(crate) struct Done {
    pub(crate) record: Record,
    pub(crate) actor: ActorKey,
    pub(crate) after: State,
}

impl Done {
    /// The schema at which its event appeared; 0 for what every version knows.
    pub(crate) fn schema(&self) -> u32 {
        match &self.record.what {
            Some(record::What::Event(event)) => {
                messages::EventType::named(&event.r#type).map_or(0, |event| event.schema)
            }
            _ => 0,
        }
    }
}

/// What a command handler sees of its partition.
pub struct Desk<'a> {
    cells: &'a RefCell<Cells>,
    models: &'a Models,
    scratch: &'a mut Scratch,
    facts: &'a Facts,
    undo: Vec<(ActorKey, Option<Cell>)>,
    done: Vec<Done>,
    /// Whom a panic would be blamed on.
    busy_with: Option<ActorKey>,
    /// The read models this command looked at.
    looked: RefCell<Vec<Rows>>,
}

impl<'a> Desk<'a> {
    pub(crate) fn new(
        cells: &'a RefCell<Cells>,
        models: &'a Models,
        scratch: &'a mut Scratch,
        facts: &'a Facts,
    ) -> Desk<'a> {
        Desk {
            cells,
            models,
            scratch,
            facts,
            undo: Vec::new(),
            done: Vec::new(),
            busy_with: None,
            looked: RefCell::default(),
        }
    }

    /// What is true while this command is decided.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        self.facts
    }

    /// An actor's state, with all that this turn has changed; the default when nothing ever happened to it.
    #[must_use]
    pub fn see<E: Entity>(&self, id: &str) -> Arc<E> {
        self.cell(&ActorKey::of::<E>(id)).state.downcast().unwrap_or_default()
    }

    /// How many events an actor has folded; 0 when nothing ever happened to it.
    #[must_use]
    pub fn version<E: Entity>(&self, id: &str) -> u64 {
        self.cell(&ActorKey::of::<E>(id)).version
    }

    /// The rows of a read model. They may lag: good for what a decision notes, not for what it depends on.
    #[must_use]
    pub fn rows<V: View>(&self) -> Rows {
        let rows = self.models.of(V::NAME);
        self.looked.borrow_mut().push(rows.clone());
        rows
    }

    /// The rows of a read model that is whole. They may lag, but nothing that they once showed is missing: for what a
    /// decision notes and would note wrongly while the model is made anew.
    ///
    /// # Errors
    /// `view_rebuilding`. Handed on, it is not kept as the command's outcome: a retry is decided anew.
    pub fn live_rows<V: View>(&self) -> Result<Rows, Problem> {
        let rows = self.rows::<V>();
        if rows.is_live() { Ok(rows) } else { Err(crate::problems::view_rebuilding(V::NAME)) }
    }

    /// Puts a command to an actor. Returns how many events that made; 0 means "already so".
    ///
    /// # Errors
    /// The actor's refusal. The caller may go on with other actors; if it returns an error itself, all is undone.
    pub fn tell<E: Entity>(&mut self, id: &str, command: E::Command) -> Result<usize, Problem> {
        let actor = ActorKey::of::<E>(id);
        self.busy_with = Some(actor.clone());
        let cell = self.cell(&actor);
        let entity: Arc<E> = cell.state.clone().downcast().unwrap_or_default();
        let open = cell.calls.iter().filter(|(_, call)| matches!(call, CallState::Begun { .. }));
        let open: Vec<String> = open.map(|(key, _)| key.clone()).collect();
        let events = if open.is_empty() {
            entity.decide(command, self.facts)
        } else {
            entity.decide(command, &Facts { open_calls: open, ..self.facts.clone() })
        };
        let events = events.map_err(Into::into)?;
        drop(entity);
        let count = events.len();
        if count == 0 {
            return Ok(0);
        }
        let mut cell = cell;
        for event in events {
            let (event_type, data) = event.record();
            let kinds = self.cells.borrow().kinds().clone();
            let kind = kinds.known(E::KIND).map_err(|e| crate::problems::internal(&e))?;
            cell.state = kind.evolve(cell.state, event_type, &data).map_err(|e| crate::problems::internal(&e))?;
            cell.version += 1;
            let event = Event { r#type: event_type.to_owned(), data };
            self.note(&actor, cell.version, record::What::Event(event), cell.state.clone());
        }
        self.replace(actor, cell);
        Ok(count)
    }

    /// Records a step of an outside call; it changes no state and no version.
    pub(crate) fn note_call(&mut self, actor: &ActorKey, what: record::What) {
        let mut cell = self.cell(actor);
        crate::fold::note_call(&mut cell.calls, &what);
        self.note(actor, cell.version, what, cell.state.clone());
        self.replace(actor.clone(), cell);
    }

    fn note(&mut self, actor: &ActorKey, version: u64, what: record::What, after: State) {
        let record = Record { kind: actor.kind.to_owned(), id: actor.id.to_string(), version, what: Some(what) };
        self.done.push(Done { record, actor: actor.clone(), after });
    }

    fn replace(&mut self, actor: ActorKey, cell: Cell) {
        let before = self.scratch.changed.insert(actor.clone(), cell);
        self.undo.push((actor, before));
    }

    pub(crate) fn cell(&self, actor: &ActorKey) -> Cell {
        match self.scratch.changed.get(actor) {
            Some(cell) => cell.clone(),
            None => self.cells.borrow_mut().get(actor),
        }
    }

    /// Why rows that this command looked at may not have been what they should.
    pub(crate) fn take_failure(&self) -> Option<crate::store::Error> {
        self.looked.borrow().iter().find_map(Rows::take_failure)
    }

    pub(crate) fn busy_with(&self) -> Option<&ActorKey> {
        self.busy_with.as_ref()
    }

    /// How much this command would record.
    pub(crate) fn recorded_bytes(&self) -> usize {
        use prost::Message as _;
        self.done.iter().map(|done| done.record.encoded_len()).sum()
    }

    /// The newest schema of the events this command would record.
    pub(crate) fn schema(&self) -> u32 {
        self.done.iter().map(Done::schema).max().unwrap_or(0)
    }

    /// Takes back everything this command told.
    pub(crate) fn undo(mut self) {
        while let Some((actor, before)) = self.undo.pop() {
            match before {
                Some(cell) => self.scratch.changed.insert(actor, cell),
                None => self.scratch.changed.remove(&actor),
            };
        }
    }

    /// Keeps it: what happened, in order.
    pub(crate) fn keep(self) -> Vec<Done> {
        self.done
    }
}

/// What a read handler sees of a partition: the same as a [`Desk`], with nothing to tell.
pub struct Window<'a> {
    cells: &'a RefCell<Cells>,
    models: &'a Models,
    /// The one actor that is shown as it was, when a moment of the past was asked for.
    past: Option<&'a (ActorKey, Cell)>,
    now: jiff::Timestamp,
    caller: &'a Caller,
}

impl<'a> Window<'a> {
    pub(crate) fn new(
        cells: &'a RefCell<Cells>,
        models: &'a Models,
        past: Option<&'a (ActorKey, Cell)>,
        now: jiff::Timestamp,
        caller: &'a Caller,
    ) -> Window<'a> {
        Window { cells, models, past, now, caller }
    }

    /// Who asks.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        self.caller
    }

    /// An actor's state; the default when nothing ever happened to it.
    #[must_use]
    pub fn see<E: Entity>(&self, id: &str) -> Arc<E> {
        self.cell(&ActorKey::of::<E>(id)).state.downcast().unwrap_or_default()
    }

    /// How many events an actor has folded; 0 when nothing ever happened to it.
    #[must_use]
    pub fn version<E: Entity>(&self, id: &str) -> u64 {
        self.cell(&ActorKey::of::<E>(id)).version
    }

    /// The rows of a read model. They may lag.
    #[must_use]
    pub fn rows<V: View>(&self) -> Rows {
        self.models.of(V::NAME)
    }

    /// The time of the read.
    #[must_use]
    pub fn now(&self) -> jiff::Timestamp {
        self.now
    }

    pub(crate) fn cell(&self, actor: &ActorKey) -> Cell {
        match self.past {
            Some((key, cell)) if key == actor => cell.clone(),
            _ => self.cells.borrow_mut().get(actor),
        }
    }
}

//! The kind: an entity whose type has been forgotten, so that one partition can hold many.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use messages::common::v1::Problem;

use crate::desk::Desk;
use crate::entity::{Entity, Errand, Outcome, Recorded, State, Undecodable, What};

/// One item of an agenda whose types have been forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owed {
    pub(crate) key: String,
    pub(crate) at: Timestamp,
    pub(crate) is_call: bool,
}

/// What a partition can do with an entity without knowing its type.
pub(crate) trait Kind: Send + Sync {
    fn name(&self) -> &'static str;
    fn fold_number(&self) -> u32;
    fn blank(&self) -> State;
    fn write(&self, state: &State) -> Result<Vec<u8>, Undecodable>;
    fn read(&self, row: &[u8]) -> Result<State, Undecodable>;
    fn evolve(&self, state: State, event_type: &str, data: &[u8]) -> Result<State, Undecodable>;
    fn agenda(&self, state: &State) -> Vec<Owed>;
    /// Whether its agenda holds anything.
    fn owes(&self, state: &State) -> bool;
    /// Runs the command of a wake that is still owed and due.
    fn wake(&self, desk: &mut Desk<'_>, id: &str, key: &str) -> Result<(), Problem>;
    /// Where a call that is still owed goes.
    fn errand(&self, state: &State, key: &str) -> Option<Errand>;
    /// Runs the command that reports a call's outcome, if the call is still owed.
    fn report(&self, desk: &mut Desk<'_>, id: &str, key: &str, outcome: Outcome) -> Result<(), Problem>;
}

/// What becomes of a command that an agenda brings: usually the actor itself is told.
pub(crate) type Tell<E> = fn(&mut Desk<'_>, &str, <E as Entity>::Command) -> Result<(), Problem>;

struct Typed<E: Entity> {
    tell: Tell<E>,
}

fn typed<E: Entity>(state: &State) -> E {
    state.downcast_ref::<E>().cloned().unwrap_or_default()
}

impl<E: Entity> Kind for Typed<E> {
    fn name(&self) -> &'static str {
        E::KIND
    }

    fn fold_number(&self) -> u32 {
        E::FOLD
    }

    fn blank(&self) -> State {
        Arc::new(E::default())
    }

    fn write(&self, state: &State) -> Result<Vec<u8>, Undecodable> {
        let entity = state.downcast_ref::<E>().ok_or_else(|| Undecodable::new(E::KIND, "it is of another type"))?;
        postcard::to_stdvec(entity).map_err(|e| Undecodable::new(format!("the state of a {}", E::KIND), e))
    }

    fn read(&self, row: &[u8]) -> Result<State, Undecodable> {
        let entity: E =
            postcard::from_bytes(row).map_err(|e| Undecodable::new(format!("the state of a {}", E::KIND), e))?;
        Ok(Arc::new(entity))
    }

    fn evolve(&self, state: State, event_type: &str, data: &[u8]) -> Result<State, Undecodable> {
        let event = E::Event::recall(event_type, data)?;
        let mut entity: Arc<E> = state.downcast().unwrap_or_else(|_| Arc::new(E::default()));
        Arc::make_mut(&mut entity).evolve(&event);
        Ok(entity)
    }

    fn agenda(&self, state: &State) -> Vec<Owed> {
        let Some(entity) = state.downcast_ref::<E>() else { return Vec::new() };
        let owed = entity.agenda().items.into_iter().map(|item| Owed {
            key: item.key,
            at: item.at,
            is_call: matches!(item.what, What::Call { .. }),
        });
        owed.collect()
    }

    fn owes(&self, state: &State) -> bool {
        state.downcast_ref::<E>().is_some_and(|entity| !entity.agenda().items.is_empty())
    }

    fn wake(&self, desk: &mut Desk<'_>, id: &str, key: &str) -> Result<(), Problem> {
        let entity = desk.see::<E>(id);
        let now = desk.facts().now;
        let due = entity.agenda().items.into_iter().find(|item| item.key == key && item.at <= now);
        match due.map(|item| item.what) {
            Some(What::Wake(command)) => (self.tell)(desk, id, command),
            Some(What::Call { .. }) | None => Ok(()),
        }
    }

    fn errand(&self, state: &State, key: &str) -> Option<Errand> {
        let entity: E = typed(state);
        let item = entity.agenda().items.into_iter().find(|item| item.key == key)?;
        match item.what {
            What::Call { errand, .. } => Some(errand),
            What::Wake(_) => None,
        }
    }

    fn report(&self, desk: &mut Desk<'_>, id: &str, key: &str, outcome: Outcome) -> Result<(), Problem> {
        let entity = desk.see::<E>(id);
        let item = entity.agenda().items.into_iter().find(|item| item.key == key);
        match item.map(|item| item.what) {
            Some(What::Call { report, .. }) => (self.tell)(desk, id, report(outcome)),
            Some(What::Wake(_)) | None => Ok(()),
        }
    }
}

/// The kinds of a group, by name.
#[derive(Default, Clone)]
pub(crate) struct Kinds {
    by_name: BTreeMap<&'static str, Arc<dyn Kind>>,
}

impl Kinds {
    pub(crate) fn add<E: Entity>(&mut self, tell: Tell<E>) {
        self.by_name.insert(E::KIND, Arc::new(Typed::<E> { tell }));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&dyn Kind> {
        self.by_name.get(name).map(AsRef::as_ref)
    }

    /// The kind of a record; a log that names a kind this code lacks is newer than the code.
    pub(crate) fn known(&self, name: &str) -> Result<&dyn Kind, Undecodable> {
        self.get(name).ok_or_else(|| Undecodable::new(format!("a record of kind {name:?}"), "no such entity here"))
    }

    /// Kinds and their fold numbers: the format of a checkpoint.
    pub(crate) fn folds(&self) -> Vec<(String, u32)> {
        self.by_name.values().map(|kind| (kind.name().to_owned(), kind.fold_number())).collect()
    }
}

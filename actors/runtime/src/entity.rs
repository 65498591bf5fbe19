//! The entity: a pure function from (state, command) to events, and what a group adds to it to make it an actor.
//!
//! No clock, no store, no bus. Whatever a decision needs beside the state comes with the command or in [`Facts`].

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use messages::common::v1::Problem;
use messages::{Route, Rpc};
use prost::Message as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::headers::{Caller, CommandId};

/// What is true while a command is decided.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The later of the replica's clock and the time of the partition's last turn: it never goes back.
    pub now: Timestamp,
    /// Who asks.
    pub caller: Caller,
    /// The command's name; ids of what it creates derive from it.
    pub command: CommandId,
    /// Keys of the actor's outside calls that have begun and not been settled: they may be done already.
    pub open_calls: Vec<String>,
}

/// A stored event that this code cannot read: the log is newer than the code, or damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not read {what}: {reason}")]
pub struct Undecodable {
    /// An event type, a state, a turn.
    pub what: String,
    /// Why.
    pub reason: String,
}

impl Undecodable {
    /// Names what could not be read, and why.
    pub fn new(what: impl Into<String>, reason: impl fmt::Display) -> Undecodable {
        Undecodable { what: what.into(), reason: reason.to_string() }
    }
}

/// An event that can be written to the log and read back: the border between domain and contract.
pub trait Recorded: Sized {
    /// The event's type in the contract, and its bytes.
    fn record(&self) -> (&'static str, Vec<u8>);

    /// The event these bytes hold. Old types are converted here.
    ///
    /// # Errors
    /// When the type is unknown or the bytes are not such an event.
    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable>;
}

/// The state of an actor and the rules by which it changes.
pub trait Entity: Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What it is called in the log: `shelf`, `order`.
    const KIND: &'static str;
    /// Raised with every change of `evolve` or of the state's shape: another number in a checkpoint means rebuild.
    const FOLD: u32;
    /// What can be asked of it.
    type Command;
    /// What can have happened to it.
    type Event: Recorded;
    /// Why it says no.
    type Refusal: Into<Problem>;

    /// Decides. `Ok(vec![])` means "already so".
    ///
    /// # Errors
    /// The business saying no.
    fn decide(&self, command: Self::Command, facts: &Facts) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// Folds. No rules and no clock: what was decided once must fold for ever.
    fn evolve(&mut self, event: &Self::Event);

    /// What this state still owes the world. Derived, never stored.
    fn agenda(&self) -> Agenda<Self::Command> {
        Agenda::nothing()
    }
}

/// What a state owes the world.
pub struct Agenda<C> {
    pub(crate) items: Vec<Item<C>>,
}

impl<C> Agenda<C> {
    /// Nothing is owed.
    #[must_use]
    pub fn nothing() -> Agenda<C> {
        Agenda { items: Vec::new() }
    }

    /// At a moment, this command comes to the actor itself. The key must change when the moment does.
    #[must_use]
    pub fn wake(mut self, key: impl Into<String>, at: Timestamp, command: C) -> Agenda<C> {
        self.items.push(Item { key: key.into(), at, what: What::Wake(command) });
        self
    }

    /// From a moment on, this request goes to a provider until it is done or refused, and the outcome comes back as a
    /// command. The provider is given the key; the same key always means the same effect.
    #[must_use]
    pub fn call(
        mut self,
        key: impl Into<String>,
        at: Timestamp,
        provider: &'static str,
        request: Bytes,
        report: impl FnOnce(Outcome) -> C + 'static,
    ) -> Agenda<C> {
        let what = What::Call { errand: Errand::Provider(provider, request), report: Box::new(report) };
        self.items.push(Item { key: key.into(), at, what });
        self
    }

    /// From a moment on, this rpc of another group (or of another actor of this one) is asked until it is done or
    /// refused, and the outcome comes back as a command. The asked group hears one command, however often it is sent:
    /// its id is made of this actor and the key. A query has no `partition_key`.
    #[must_use]
    pub fn ask<R: Rpc>(
        mut self,
        key: impl Into<String>,
        at: Timestamp,
        partition_key: &str,
        request: &R::Request,
        report: impl FnOnce(Asked<R::Response>) -> C + 'static,
    ) -> Agenda<C> {
        let errand = Errand::Ask {
            route: R::ROUTE,
            partition_key: partition_key.to_owned(),
            request: Bytes::from(request.encode_to_vec()),
        };
        let report = |outcome| {
            report(match outcome {
                // Whoever answers is of the same contract; a field unknown here is skipped.
                Outcome::Done(bytes) => Asked::Done(R::Response::decode(bytes).unwrap_or_default()),
                Outcome::Refused(problem) => Asked::Refused(problem),
            })
        };
        let what = What::Call { errand, report: Box::new(report) };
        self.items.push(Item { key: key.into(), at, what });
        self
    }
}

pub(crate) struct Item<C> {
    pub(crate) key: String,
    pub(crate) at: Timestamp,
    pub(crate) what: What<C>,
}

pub(crate) enum What<C> {
    Wake(C),
    Call { errand: Errand, report: Box<dyn FnOnce(Outcome) -> C> },
}

/// Where a call goes, and with what.
pub(crate) enum Errand {
    /// To a provider of the group, by its name.
    Provider(&'static str, Bytes),
    /// To an rpc.
    Ask { route: &'static Route, partition_key: String, request: Bytes },
}

/// How an rpc that an agenda asked ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked<T> {
    /// It was done, now or before.
    Done(T),
    /// It was not done and never will be under this key.
    Refused(Problem),
}

/// How a call ended. The third outcome, unknown, is never reported: the call is made again with the same key.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The provider did it.
    Done(Bytes),
    /// The provider did not do it and never will.
    Refused(Problem),
}

/// Names an actor within its group.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorKey {
    /// The entity's kind.
    pub kind: &'static str,
    /// Its id; unique within the kind.
    pub id: Arc<str>,
}

impl ActorKey {
    /// The actor of an entity with an id.
    #[must_use]
    pub fn of<E: Entity>(id: &str) -> ActorKey {
        ActorKey { kind: E::KIND, id: id.into() }
    }

    /// Its key in the store: kind, a zero byte, id. Ids hold no zero bytes.
    pub(crate) fn row(&self) -> Vec<u8> {
        let mut row = Vec::with_capacity(self.kind.len() + 1 + self.id.len());
        row.extend_from_slice(self.kind.as_bytes());
        row.push(0);
        row.extend_from_slice(self.id.as_bytes());
        row
    }
}

impl fmt::Display for ActorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)
    }
}

impl fmt::Debug for ActorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An entity's state when its type is not known.
pub type State = Arc<dyn Any + Send + Sync>;

/// What table tests of entities share.
pub mod testing {
    use jiff::Timestamp;

    use super::{Entity, Facts};
    use crate::headers::{Caller, CommandId};

    /// A moment: so many seconds after midnight of 1 January 2026.
    #[must_use]
    pub fn moment(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + seconds).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// What is true at a moment.
    #[must_use]
    pub fn facts(now: Timestamp) -> Facts {
        Facts { now, caller: Caller::anonymous(), command: CommandId([7; 16]), open_calls: Vec::new() }
    }

    /// The state these events add up to.
    #[must_use]
    pub fn fold<E: Entity>(events: &[E::Event]) -> E {
        let mut entity = E::default();
        events.iter().for_each(|event| entity.evolve(event));
        entity
    }

    /// The keys of what the state these events add up to still owes the world.
    #[must_use]
    pub fn owed<E: Entity>(events: &[E::Event]) -> Vec<String> {
        fold::<E>(events).agenda().items.into_iter().map(|item| item.key).collect()
    }

    /// What a command makes of the state these events add up to, at moment 100.
    ///
    /// # Errors
    /// The refusal.
    pub fn decide<E: Entity>(given: &[E::Event], when: E::Command) -> Result<Vec<E::Event>, E::Refusal> {
        fold::<E>(given).decide(when, &facts(moment(100)))
    }
}

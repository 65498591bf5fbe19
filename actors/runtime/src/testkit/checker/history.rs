//! What is judged: what clients did and were told, and what the log holds.

use super::timeline::Window;
use crate::headers::CommandId;

/// A command as a client saw it. A repeat under the same id is an operation of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation<R> {
    /// Its name.
    pub command: CommandId,
    /// The actor it addressed.
    pub actor: String,
    /// When the client began, on a clock all clients share that never shows the same time twice.
    pub started: u64,
    /// When it was answered; [`u64::MAX`] if it never was.
    pub ended: u64,
    /// What it was told.
    pub outcome: Outcome<R>,
}

/// What a client was told of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<R> {
    /// Done, now or before.
    Acked {
        /// The addressed actor's version after it.
        version: u64,
        /// The sequence of the turn that decided it.
        position: u64,
    },
    /// The business said no.
    Refused(R),
    /// Nobody knows.
    Unknown,
}

impl<R> Operation<R> {
    /// When it may have had its effect. One that was never answered may have it at any time after its start.
    pub(super) fn window(&self) -> Window {
        let ended = if matches!(self.outcome, Outcome::Unknown) { u64::MAX } else { self.ended };
        Window { started: self.started, ended }
    }
}

/// What the log holds of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Its name.
    pub command: CommandId,
    /// The sequence of its turn.
    pub position: u64,
    /// The actor it addressed.
    pub actor: String,
    /// That actor's version after it.
    pub version: u64,
    /// Whether this is the record of a refusal.
    pub refused: bool,
    /// Its events, in order.
    pub changes: Vec<Change>,
}

/// An event in the life of an actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The actor it is recorded for.
    pub actor: String,
    /// That actor's version after it.
    pub version: u64,
}

/// Records operations as they happen.
#[derive(Debug)]
pub struct History<R> {
    ticks: u64,
    operations: Vec<Operation<R>>,
}

/// An operation that has not ended.
#[derive(Debug)]
#[must_use = "an operation that is never ended counts as one whose outcome is unknown"]
pub struct Running(usize);

impl<R> Default for History<R> {
    fn default() -> History<R> {
        History { ticks: 0, operations: Vec::new() }
    }
}

impl<R> History<R> {
    /// A client begins.
    pub fn start(&mut self, command: CommandId, actor: impl Into<String>) -> Running {
        let (actor, started) = (actor.into(), self.tick());
        self.operations.push(Operation { command, actor, started, ended: u64::MAX, outcome: Outcome::Unknown });
        Running(self.operations.len() - 1)
    }

    /// A client was told something, or gave up.
    pub fn end(&mut self, Running(index): Running, outcome: Outcome<R>) {
        let ended = self.tick();
        let operation = &mut self.operations[index];
        operation.ended = ended;
        operation.outcome = outcome;
    }

    /// Everything recorded so far, in the order of its beginning.
    #[must_use]
    pub fn operations(&self) -> &[Operation<R>] {
        &self.operations
    }

    fn tick(&mut self) -> u64 {
        self.ticks += 1;
        self.ticks
    }
}

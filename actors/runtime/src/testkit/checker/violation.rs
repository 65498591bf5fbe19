//! What can be wrong with a history.

use crate::headers::CommandId;

/// Something a client was told that the log belies, or a log that no honest partition writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The promise of a commit was broken.
    #[error("{command} was acknowledged and is not in the log")]
    Lost {
        /// The command.
        command: CommandId,
    },
    /// A command had its effect twice.
    #[error("{command} is in the log at {} and again at {}", positions.0, positions.1)]
    Twice {
        /// The command.
        command: CommandId,
        /// Where.
        positions: (u64, u64),
    },
    /// The answer was yes, the log says no.
    #[error("{command} was acknowledged, but the log records a refusal")]
    DoneYetRefused {
        /// The command.
        command: CommandId,
    },
    /// The answer was no, the log says yes.
    #[error("{command} was refused, but the log records that it was done")]
    RefusedYetDone {
        /// The command.
        command: CommandId,
    },
    /// The answer names another actor, version or position than the log.
    #[error("{command} was acknowledged with version and position {said:?}, the log holds {held:?}")]
    Misreported {
        /// The command.
        command: CommandId,
        /// What the client was told.
        said: (u64, u64),
        /// What the log holds.
        held: (u64, u64),
    },
    /// A commit's version is not the one its own events lead to.
    #[error("{command} states version {says} of its actor, which has version {was}")]
    Misstated {
        /// The command.
        command: CommandId,
        /// What the commit states.
        says: u64,
        /// What the events before and in it lead to.
        was: u64,
    },
    /// An actor's versions do not rise by one.
    #[error("{actor} goes to version {found} at {position}, where {expected} follows")]
    Gap {
        /// The actor.
        actor: String,
        /// Where.
        position: u64,
        /// The version that follows.
        expected: u64,
        /// The version that is there.
        found: u64,
    },
    /// The log's order contradicts the clients' time.
    #[error("{ended} was answered before {began_later} began, but the log has it later")]
    OutOfOrder {
        /// The command that was answered first.
        ended: CommandId,
        /// The command that began later.
        began_later: CommandId,
    },
    /// No state that the actor may have had justifies the refusal.
    #[error("{command} was refused without reason at versions {versions:?}")]
    Unreasonable {
        /// The command.
        command: CommandId,
        /// The versions the actor may have had.
        versions: Vec<u64>,
    },
}

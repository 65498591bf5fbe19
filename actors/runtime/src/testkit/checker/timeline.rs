//! The life of one actor: the commits that concern it in the order of the log, and when each may have happened.

use super::Violation;
use crate::headers::CommandId;

/// When something may have happened, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) started: u64,
    pub(super) ended: u64,
}

impl Window {
    /// Of a command that nobody here issued.
    pub(super) const ALWAYS: Window = Window { started: 0, ended: u64::MAX };

    /// Takes a repeat of the same command into account: it happened once, before the first answer.
    pub(super) fn join(&mut self, repeat: Window) {
        self.started = self.started.min(repeat.started);
        self.ended = self.ended.min(repeat.ended);
    }
}

/// The life of an actor as the log tells it.
#[derive(Debug)]
pub(super) struct Timeline {
    /// The actor's version before all commits and after each: what anyone may ever have seen.
    versions: Vec<u64>,
    commits: Vec<Commit>,
}

#[derive(Debug)]
struct Commit {
    command: CommandId,
    /// Before this it cannot have happened: the latest start among this commit and all before it, and whose it is.
    earliest: (u64, CommandId),
    /// After this it had happened: its answer, and once [sealed](Timeline::seal) the first among it and all after it.
    latest: u64,
}

impl Default for Timeline {
    fn default() -> Timeline {
        Timeline { versions: vec![0], commits: Vec::new() }
    }
}

impl Timeline {
    /// The actor's version after all commits so far.
    pub(super) fn version(&self) -> u64 {
        self.versions.last().copied().unwrap_or(0)
    }

    /// Adds a commit, or another event of the last one. It is out of order when its caller was answered before an
    /// earlier one's had begun.
    pub(super) fn add(&mut self, command: CommandId, version: u64, window: Window) -> Option<Violation> {
        let last = self.commits.last().filter(|last| last.command == command);
        if last.is_some() {
            self.versions.pop();
            self.versions.push(version);
            return None;
        }
        let before = self.commits.last().map_or((0, command), |commit| commit.earliest);
        let earliest = before.max((window.started, command));
        self.versions.push(version);
        self.commits.push(Commit { command, earliest, latest: window.ended });
        (window.ended < before.0).then_some(Violation::OutOfOrder { ended: command, began_later: before.1 })
    }

    /// Concludes from each answer that all that the log has before it had happened, too.
    pub(super) fn seal(&mut self) {
        let mut latest = u64::MAX;
        for commit in self.commits.iter_mut().rev() {
            latest = latest.min(commit.latest);
            commit.latest = latest;
        }
    }

    /// The versions the actor may have had at some moment of a window, at least one.
    pub(super) fn versions_during(&self, window: Window) -> &[u64] {
        let happened = self.commits.partition_point(|commit| commit.latest < window.started);
        let begun = self.commits.partition_point(|commit| commit.earliest.0 <= window.ended);
        &self.versions[happened..=begun.max(happened)]
    }
}

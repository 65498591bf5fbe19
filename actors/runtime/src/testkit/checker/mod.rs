//! The checker: judges what clients were told against what the log holds.
//!
//! Pure and linear in operations and commits (but for a binary search per refusal), because the log itself is the order:
//! nothing has to be searched for. It holds that
//!
//! 1. every command acknowledged as done is in the log exactly once, with the version and position that were said;
//! 2. nothing is in the log twice, acknowledged or not;
//! 3. an actor's versions have no gaps;
//! 4. the log's order is one that the clients can believe: what ended before something else began comes before it;
//! 5. a refusal fits a state that the actor may have had while the caller waited.
//!
//! Commands nobody here issued (reactions, agendas) are judged by 2 and 3 alone.

mod history;
#[cfg(test)]
mod tests;
mod timeline;
mod turns;
mod violation;

use std::collections::HashMap;

pub use self::history::{Change, Committed, History, Operation, Outcome, Running};
use self::timeline::{Timeline, Window};
pub use self::turns::committed;
pub use self::violation::Violation;
use crate::headers::CommandId;

/// Judges a history. `log` is in the order of the log; `fits` says whether a refusal is right at one of the versions
/// that the actor may have had, of which there is always one. Returns what is wrong.
pub fn check<R>(
    operations: &[Operation<R>],
    log: &[Committed],
    fits: impl Fn(&Operation<R>, &R, &[u64]) -> bool,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    let windows = windows(operations);
    let commits = index(log, &mut violations);
    let timelines = timelines(log, &windows, &mut violations);
    for operation in operations {
        let commit = commits.get(&operation.command).copied();
        match &operation.outcome {
            Outcome::Acked { version, position } => {
                violations.extend(acked(operation, (*version, *position), commit));
            }
            Outcome::Refused(_) if commit.is_some_and(|commit| !commit.refused) => {
                violations.push(Violation::RefusedYetDone { command: operation.command });
            }
            Outcome::Refused(refusal) => {
                let timeline = timelines.get(&operation.actor[..]);
                let versions = match (commit, timeline) {
                    // The log says where it was decided.
                    (Some(commit), _) => std::slice::from_ref(&commit.version),
                    (None, Some(timeline)) => timeline.versions_during(operation.window()),
                    (None, None) => &[0],
                };
                if !fits(operation, refusal, versions) {
                    let versions = versions.to_vec();
                    violations.push(Violation::Unreasonable { command: operation.command, versions });
                }
            }
            Outcome::Unknown => {}
        }
    }
    violations
}

/// When each command was under way, all its repeats taken together: from the first start to the first answer.
fn windows<R>(operations: &[Operation<R>]) -> HashMap<CommandId, Window> {
    let mut windows: HashMap<CommandId, Window> = HashMap::new();
    for operation in operations {
        let window = windows.entry(operation.command).or_insert_with(|| operation.window());
        window.join(operation.window());
    }
    windows
}

/// The log by command.
fn index<'a>(log: &'a [Committed], violations: &mut Vec<Violation>) -> HashMap<CommandId, &'a Committed> {
    let mut commits: HashMap<CommandId, &Committed> = HashMap::with_capacity(log.len());
    for commit in log {
        if let Some(first) = commits.get(&commit.command) {
            let positions = (first.position, commit.position);
            violations.push(Violation::Twice { command: commit.command, positions });
        } else {
            commits.insert(commit.command, commit);
        }
    }
    commits
}

/// The life of each actor, as the log tells it.
fn timelines<'a>(
    log: &'a [Committed],
    windows: &HashMap<CommandId, Window>,
    violations: &mut Vec<Violation>,
) -> HashMap<&'a str, Timeline> {
    let mut timelines: HashMap<&str, Timeline> = HashMap::new();
    for commit in log {
        let window = windows.get(&commit.command).copied().unwrap_or(Window::ALWAYS);
        // An event moves the actor it is recorded for, whoever was addressed.
        for Change { actor, version } in &commit.changes {
            let timeline = timelines.entry(actor).or_default();
            let follows = timeline.version() + 1;
            if *version != follows {
                let (actor, position) = (actor.clone(), commit.position);
                violations.push(Violation::Gap { actor, position, expected: follows, found: *version });
            }
            violations.extend(timeline.add(commit.command, *version, window));
        }
        let addressed = timelines.entry(&commit.actor).or_default();
        if addressed.version() != commit.version {
            let (command, was) = (commit.command, addressed.version());
            violations.push(Violation::Misstated { command, says: commit.version, was });
        }
        if commit.changes.iter().all(|change| change.actor != commit.actor) {
            violations.extend(addressed.add(commit.command, addressed.version(), window));
        }
    }
    timelines.values_mut().for_each(Timeline::seal);
    timelines
}

/// What is wrong with an acknowledgement.
fn acked<R>(operation: &Operation<R>, said: (u64, u64), commit: Option<&Committed>) -> Option<Violation> {
    let command = operation.command;
    let Some(commit) = commit else { return Some(Violation::Lost { command }) };
    let held = (commit.version, commit.position);
    if commit.refused {
        Some(Violation::DoneYetRefused { command })
    } else if commit.actor != operation.actor || held != said {
        Some(Violation::Misreported { command, said, held })
    } else {
        None
    }
}

//! What a log holds, read as turns.

use std::collections::BTreeMap;

use messages::runtime::v1::{Commit, Outcome, record};

use super::{Change, Committed};
use crate::headers::CommandId;
use crate::log::Entry;
use crate::turn::{self, Broken, Cursor, Seen};

/// The commits in the log of a group, in its order. Messages that are no turns are skipped, as every replica does.
/// Actors are named `<kind>/<id>`.
///
/// # Errors
/// When the next turn of a partition is there and cannot be read.
pub fn committed(entries: &[Entry]) -> Result<Vec<Committed>, Broken> {
    let mut cursors: BTreeMap<u32, Cursor> = BTreeMap::new();
    let mut committed = Vec::new();
    for entry in entries {
        let Some(partition) = entry.partition else { continue };
        let cursor = cursors.entry(partition).or_default();
        // Every schema is known here: nothing is folded.
        let Seen::Next(turn, hash) = turn::read(entry, cursor, u32::MAX)? else { continue };
        *cursor = Cursor { turn_sequence: entry.sequence, number: turn.number, hash, ..*cursor };
        committed.extend(turn.commits.iter().map(|commit| read(commit, entry.sequence)));
    }
    Ok(committed)
}

fn read(commit: &Commit, position: u64) -> Committed {
    let actor = |kind: &str, id: &str| format!("{kind}/{id}");
    // Steps of calls to the outside are recorded as well, but they move no version.
    let events = commit.records.iter().filter(|record| matches!(record.what, Some(record::What::Event(_))));
    let mut command = CommandId([0; 16]);
    let length = commit.command_id.len().min(16);
    command.0[..length].copy_from_slice(&commit.command_id[..length]);
    Committed {
        command,
        position,
        actor: actor(&commit.kind, &commit.id),
        version: commit.version,
        refused: commit.outcome() == Outcome::Refused,
        changes: events.map(|r| Change { actor: actor(&r.kind, &r.id), version: r.version }).collect(),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use jiff::Timestamp;
    use messages::runtime::v1::{Began, Event, Record, Turn};

    use super::*;
    use crate::bus::Headers;

    fn record(kind: &str, version: u64, what: record::What) -> Record {
        Record { kind: kind.to_owned(), id: "1".to_owned(), version, what: Some(what) }
    }

    fn commit(command: u8, version: u64, outcome: Outcome, records: Vec<Record>) -> Commit {
        let (kind, id) = ("order".to_owned(), "1".to_owned());
        Commit {
            command_id: vec![command; 16],
            kind,
            id,
            version,
            outcome: outcome.into(),
            records,
            ..Commit::default()
        }
    }

    /// The turn that follows `before` in partition 0.
    fn entry(before: Option<(&Entry, &Turn)>, sequence: u64, commits: Vec<Commit>) -> (Entry, Turn) {
        let turn = Turn {
            number: before.map_or(0, |(_, turn)| turn.number) + 1,
            previous_sequence: before.map_or(0, |(entry, _)| entry.sequence),
            previous_hash: before.map_or(vec![0; 32], |(entry, _)| turn::hash(&entry.payload).to_vec()),
            commits,
            ..Turn::default()
        };
        let (headers, payload, _) = turn::write(&turn);
        (Entry { partition: Some(0), sequence, at: Timestamp::UNIX_EPOCH, headers, payload }, turn)
    }

    #[test]
    fn turns_become_commits_and_strangers_are_skipped() {
        let event = || record::What::Event(Event::default());
        let began = record::What::Began(Began::default());
        let done = vec![record("order", 1, event()), record("shelf", 4, event()), record("order", 1, began)];
        let (first, turn) = entry(None, 3, vec![commit(1, 1, Outcome::Done, done)]);
        let later = vec![commit(2, 1, Outcome::AlreadySo, vec![]), commit(3, 1, Outcome::Refused, vec![])];
        let (second, _) = entry(Some((&first, &turn)), 5, later);
        let garbage = |partition| Entry {
            partition,
            sequence: 4,
            headers: Headers::new(),
            payload: Bytes::from_static(b"garbage"),
            ..first.clone()
        };

        let committed = committed(&[first.clone(), garbage(Some(0)), garbage(None), second, first]).unwrap();
        let change = |actor: &str, version| Change { actor: actor.to_owned(), version };
        let expected = |command, position, refused, changes| Committed {
            command: CommandId([command; 16]),
            position,
            actor: "order/1".to_owned(),
            version: 1,
            refused,
            changes,
        };
        let changes = vec![change("order/1", 1), change("shelf/1", 4)];
        assert_eq!(
            committed,
            [expected(1, 3, false, changes), expected(2, 5, false, vec![]), expected(3, 5, true, vec![])]
        );
    }

    #[test]
    fn a_damaged_turn_is_an_error() {
        let (mut entry, _) = entry(None, 3, vec![]);
        entry.payload = Bytes::from_static(b"damaged");
        assert!(matches!(committed(&[entry]), Err(Broken::Damaged { number: 1, sequence: 3, .. })));
    }
}

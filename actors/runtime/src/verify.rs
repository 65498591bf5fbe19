//! Verify: walks the log and holds it against itself and against the store.
//!
//! Reports holes, forks, strangers and flipped bits, and whether the fold of the log equals what the store holds. It
//! changes nothing.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use serde::Serialize;

use crate::cells::Cells;
use crate::fold::Replay;
use crate::group::Group;
use crate::log::SharedLog;
use crate::replica::Shared;
use crate::store::{SharedStore, Table};
use crate::turn::{Broken, Cursor};

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The group.
    pub group: String,
    /// Messages read.
    pub messages: u64,
    /// Turns among them.
    pub turns: u64,
    /// Commits in those.
    pub commits: u64,
    /// Events in those.
    pub events: u64,
    /// Actors they add up to.
    pub actors: u64,
    /// Actors whose row in the store was compared.
    pub compared: u64,
    /// What is wrong, in words. Empty is good.
    pub faults: Vec<String>,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Verifies the log of a running replica, and its store at the cursors it has.
pub(crate) async fn replica(shared: &Shared) -> Report {
    walk(&shared.group, &shared.log, Some(&shared.store)).await
}

/// Verifies a log, and a store against it if there is one.
pub async fn walk(group: &Group, log: &SharedLog, store: Option<&SharedStore>) -> Report {
    let mut report = Report { group: group.contract.name.to_owned(), ..Report::default() };
    let end = match log.extent().await {
        Ok(extent) => extent.last_sequence,
        Err(failure) => {
            report.faults.push(failure.to_string());
            return report;
        }
    };
    let cursors = store.map(|store| cursors(group, store)).unwrap_or_default();
    let kinds = std::sync::Arc::new(group.kinds.clone());
    let mut replay = Replay::new(kinds, group.contract.schema);
    let mut broken: BTreeMap<u32, Broken> = BTreeMap::new();
    let mut at_cursor: BTreeMap<u32, bool> = BTreeMap::new();
    let mut tail = log.tail(0);
    let mut reached = 0;
    while reached < end {
        let entry = match tail.next().await {
            Some(Ok(entry)) => entry,
            Some(Err(failure)) => {
                report.faults.push(failure.to_string());
                break;
            }
            None => {
                report.faults.push(format!("the log ended at {reached}, before its last sequence {end}"));
                break;
            }
        };
        report.messages += 1;
        reached = entry.sequence;
        let Some(partition) = entry.partition else {
            report.faults.push(format!("the message at {reached} is on no partition's subject"));
            continue;
        };
        if broken.contains_key(&partition) {
            continue;
        }
        let strangers = replay.strangers;
        match replay.fold(&entry, |_| report.events += 1) {
            Ok(Some(turn)) => {
                report.turns += 1;
                report.commits += u64::try_from(turn.commits.len()).unwrap_or(0);
            }
            Ok(None) if replay.strangers > strangers => {
                report
                    .faults
                    .push(format!("the message at {reached} does not continue the chain of partition {partition}"));
            }
            Ok(None) => {}
            Err(cause) => {
                report.faults.push(format!("partition {partition}: {cause}"));
                broken.insert(partition, cause);
            }
        }
        if let (Some(cursor), Some(store)) = (cursors.get(&partition), store)
            && cursor.sequence == reached
        {
            at_cursor.insert(partition, true);
            let folded = replay.cursors().get(&partition).copied().unwrap_or_default();
            if folded.hash != cursor.hash {
                report.faults.push(format!("partition {partition}: the store's hash at {reached} is not the log's"));
            }
            compare(&replay, partition, cursor.sequence, store, &mut report);
        }
    }
    for (partition, cursor) in cursors.iter().filter(|(_, cursor)| cursor.sequence > 0) {
        if !at_cursor.contains_key(partition) && !broken.contains_key(partition) {
            let at = cursor.sequence;
            report.faults.push(format!("partition {partition}: the store stands at {at}, where the log has nothing"));
        }
    }
    report.actors = replay.cells().map(|(_, cells)| u64::try_from(cells.in_memory()).unwrap_or(0)).sum();
    report
}

fn cursors(group: &Group, store: &SharedStore) -> BTreeMap<u32, Cursor> {
    // A cursor is written before the rows it belongs to.
    store.settle();
    let read = |partition: u32| {
        let row = store.get(Table::Cursor, &partition.to_be_bytes()).ok().flatten()?;
        Some((partition, postcard::from_bytes(&row).ok()?))
    };
    (0..group.contract.partitions).filter_map(read).collect()
}

/// Compares every actor folded so far with its row.
fn compare(replay: &Replay, partition: u32, at: u64, store: &SharedStore, report: &mut Report) {
    let Some((_, cells)) = replay.cells().find(|(number, _)| *number == partition) else { return };
    for (actor, cell) in cells.each() {
        report.compared += 1;
        let mut stored = Cells::new(cells.kinds().clone(), Some(store.clone()));
        let row = stored.get(actor);
        if let Some(failure) = stored.take_failure() {
            report.faults.push(format!("{actor}: {failure}"));
            continue;
        }
        if row.sequence > at {
            // A checkpoint was written since the cursor was read.
            continue;
        }
        let same = match cells.kinds().get(actor.kind) {
            Some(kind) => kind.write(&row.state) == kind.write(&cell.state),
            None => false,
        };
        if row.version != cell.version || !same {
            let (stored, folded) = (row.version, cell.version);
            report.faults.push(format!(
                "{actor}: the store has version {stored}, the log folds to {folded}, or they differ in state"
            ));
        }
    }
}

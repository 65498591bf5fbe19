//! The redo log of a large batch.
//!
//! sled 0.34 applies a batch under one lock of the whole process: every reader of every store waits until its last row
//! is in. So a large batch is written twice: first as a whole into this log, which nobody reads, then row by row where
//! it belongs, with readers in between. sled keeps the order of what one thread writes, and a crash takes only from the
//! end. So whoever finds the log whole writes its rows again, and whoever does not finds none of them in their places.

use sled::{Db, Tree};

use crate::store::Table;

/// A row and its new value; `None` removes it.
pub(super) type Change = (Table, Vec<u8>, Option<Vec<u8>>);

/// The same as it is written down.
type Written = (u8, Vec<u8>, Option<Vec<u8>>);

/// How many bytes of rows one entry holds, about: well below what sled would put into a file of its own.
const ENTRY_BYTES: usize = 32 * 1024;
/// The key that says how many entries there are; it comes after all of theirs.
const WHOLE: [u8; 9] = [0xff; 9];

pub(super) struct Redo {
    tree: Tree,
}

impl Redo {
    pub(super) fn open(db: &Db) -> sled::Result<Redo> {
        Ok(Redo { tree: db.open_tree("redo")? })
    }

    /// Writes a batch down before its rows are written.
    pub(super) fn announce(&self, changes: &[Change]) -> sled::Result<()> {
        let (mut entries, mut begun, mut bytes) = (0_u64, 0, 0);
        for (index, (_, key, value)) in changes.iter().enumerate() {
            bytes += key.len() + value.as_ref().map_or(0, Vec::len);
            if bytes >= ENTRY_BYTES || index + 1 == changes.len() {
                self.tree.insert(entries.to_be_bytes(), encode(&changes[begun..=index]))?;
                (entries, begun, bytes) = (entries + 1, index + 1, 0);
            }
        }
        self.tree.insert(WHOLE, &entries.to_be_bytes()).map(drop)
    }

    /// The rows of a batch that was announced and not finished.
    pub(super) fn unfinished(&self) -> sled::Result<Vec<Change>> {
        let mut changes = Vec::new();
        for number in 0..self.announced()? {
            let entry = self.tree.get(number.to_be_bytes())?;
            changes.extend(entry.and_then(|entry| decode(&entry)).ok_or_else(damaged)?);
        }
        Ok(changes)
    }

    /// Every row of the batch is in its place.
    pub(super) fn finished(&self) -> sled::Result<()> {
        let entries = self.announced()?;
        self.tree.remove(WHOLE)?;
        for number in 0..entries {
            self.tree.remove(number.to_be_bytes())?;
        }
        Ok(())
    }

    fn announced(&self) -> sled::Result<u64> {
        let Some(count) = self.tree.get(WHOLE)? else { return Ok(0) };
        <[u8; 8]>::try_from(&*count).map(u64::from_be_bytes).map_err(|_| damaged())
    }
}

fn damaged() -> sled::Error {
    sled::Error::ReportableBug("the redo log cannot be read".to_owned())
}

fn encode(changes: &[Change]) -> Vec<u8> {
    let row = |(table, key, value): &'_ Change| (*table as u8, key.clone(), value.clone());
    let rows: Vec<Written> = changes.iter().map(row).collect();
    // Numbers and bytes always encode.
    postcard::to_stdvec(&rows).unwrap_or_default()
}

fn decode(entry: &[u8]) -> Option<Vec<Change>> {
    let rows: Vec<Written> = postcard::from_bytes(entry).ok()?;
    let table = |number| Table::ALL.into_iter().find(|table| *table as u8 == number);
    rows.into_iter().map(|(number, key, value)| Some((table(number)?, key, value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(count: u32) -> Vec<Change> {
        (0..count)
            .map(|number| (Table::Actor, number.to_be_bytes().to_vec(), (number % 3 > 0).then(|| vec![7; 1_000])))
            .collect()
    }

    #[test]
    fn what_was_announced_whole_is_found_until_it_is_finished() {
        let db = sled::Config::new().temporary(true).open().expect("a store");
        let redo = Redo::open(&db).expect("a log");
        assert_eq!(redo.unfinished().expect("a look"), []);
        for count in [1, 200, 3] {
            redo.announce(&changes(count)).expect("room");
            assert_eq!(redo.unfinished().expect("a look"), changes(count));
            redo.finished().expect("room");
            assert_eq!(redo.unfinished().expect("a look"), []);
        }
        assert!(redo.tree.is_empty(), "it does not grow");
    }

    #[test]
    fn what_was_announced_in_part_is_as_if_it_had_never_been() {
        let db = sled::Config::new().temporary(true).open().expect("a store");
        let redo = Redo::open(&db).expect("a log");
        redo.announce(&changes(200)).expect("room");
        redo.tree.remove(WHOLE).expect("the end is lost");
        assert_eq!(redo.unfinished().expect("a look"), []);
        redo.announce(&changes(2)).expect("room");
        assert_eq!(redo.unfinished().expect("a look"), changes(2));
    }
}

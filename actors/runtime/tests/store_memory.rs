//! The store suite on the store in memory, and what its crashes lose.
#![cfg(feature = "testkit")]

use std::cell::RefCell;
use std::sync::Arc;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use runtime::store::{Batch, Error, SharedStore, Store as _, Table};
use runtime::testkit::MemoryStore;
use runtime::testkit::suite::store;

/// The latest store.
#[derive(Default)]
struct InMemory(RefCell<Arc<MemoryStore>>);

impl store::Site for InMemory {
    fn fresh(&self) -> SharedStore {
        self.0.replace(MemoryStore::new());
        self.0.borrow().clone()
    }

    fn reopen(&self, _: SharedStore) -> SharedStore {
        // The suite has flushed, so there is nothing left to lose.
        let next = self.0.borrow().crash(&mut StdRng::seed_from_u64(0));
        self.0.replace(next.clone());
        next
    }
}

/// A store with ten batches of two rows each, the first four flushed.
fn written() -> Arc<MemoryStore> {
    let store = MemoryStore::new();
    for number in 0..10_u8 {
        let mut batch = Batch::default();
        batch.put(Table::Actor, vec![number], vec![number]);
        batch.put(Table::Cursor, b"0".to_vec(), vec![number]);
        store.apply(batch).unwrap();
        if number == 3 {
            store.flush().unwrap();
        }
    }
    store
}

fn rows(store: &MemoryStore) -> Vec<u8> {
    let rows = store.scan(Table::Actor, b"", b"", false, usize::MAX).unwrap();
    rows.into_iter().map(|(_, value)| value[0]).collect()
}

#[test]
fn the_memory_store_keeps_the_facts_of_stores() {
    store::check(&InMemory::default());
}

#[test]
fn a_crash_loses_any_number_of_the_last_unflushed_batches_and_never_a_part_of_one() {
    let mut kept = [false; 11];
    for seed in 0..100 {
        let store = written();
        assert_eq!(store.unflushed(), 6);
        let next = store.crash(&mut StdRng::seed_from_u64(seed));
        let rows = rows(&next);
        assert!(rows.len() >= 4, "a flushed batch was lost");
        assert!(rows.iter().copied().eq(0..u8::try_from(rows.len()).unwrap()), "not a prefix: {rows:?}");
        assert_eq!(next.get(Table::Cursor, b"0").unwrap(), rows.last().map(|last| vec![*last]), "a batch was torn");
        assert_eq!(next.unflushed(), 0, "what was found on disk is on disk");
        kept[rows.len()] = true;
    }
    assert_eq!(kept, [false, false, false, false, true, true, true, true, true, true, true]);
}

#[test]
fn the_handle_of_a_dead_process_fails() {
    let store = written();
    let next = store.crash(&mut StdRng::seed_from_u64(0));
    assert!(matches!(store.apply(Batch::default()), Err(Error::Io { .. })));
    assert!(matches!(store.get(Table::Actor, b"0"), Err(Error::Io { .. })));
    assert!(matches!(store.wipe(), Err(Error::Io { .. })));
    assert!(!rows(&next).is_empty(), "its successor works");
}

#[test]
fn a_damaged_store_says_so_until_it_is_wiped() {
    let store = written();
    store.damage("bad checksum");
    assert!(matches!(store.get(Table::Actor, b"0"), Err(Error::Damaged { .. })));
    let store = store.crash(&mut StdRng::seed_from_u64(0));
    assert!(matches!(store.apply(Batch::default()), Err(Error::Damaged { .. })), "a restart mends nothing");
    store.wipe().unwrap();
    assert_eq!(rows(&store), [0_u8; 0]);
}

#[test]
fn a_flipped_bit_goes_unnoticed_and_survives_a_restart() {
    let store = written();
    store.flush().unwrap();
    let before = store.scan(Table::Actor, b"", b"", false, 100).unwrap();
    let cursor = store.get(Table::Cursor, b"0").unwrap();
    let flipped = store.flip_a_bit(&mut StdRng::seed_from_u64(1)).unwrap();
    let next = store.crash(&mut StdRng::seed_from_u64(2));
    let after = next.scan(Table::Actor, b"", b"", false, 100).unwrap();
    let differing = before.iter().zip(&after).filter(|(before, after)| before != after).count()
        + usize::from(cursor != next.get(Table::Cursor, b"0").unwrap());
    assert_eq!(differing, 1, "{flipped:?}");
    assert!(MemoryStore::new().flip_a_bit(&mut StdRng::seed_from_u64(1)).is_none());
}

//! What every [`Store`] keeps.
//!
//! ```ignore
//! suite::store::check(&site);
//! ```
//!
//! How much a crash loses is not here: the trait promises nothing but whole batches, and a process cannot kill itself
//! and look. What was flushed must be there for the next process, and that is a fact.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::Named;
use crate::store::{Batch, Row, SharedStore, Store, Table};

/// Where the suite runs.
pub trait Site {
    /// An empty store. The one before is done with.
    fn fresh(&self) -> SharedStore;
    /// Closes a store and opens what it left behind, as the next process would.
    fn reopen(&self, store: SharedStore) -> SharedStore;
}

/// Something that holds for every store.
pub struct Fact {
    /// The sentence, in snake case.
    pub name: &'static str,
    /// Panics where it does not hold.
    pub check: fn(&dyn Site),
}

macro_rules! facts {
    ($($name:ident),+ $(,)?) => { &[$(Fact { name: stringify!($name), check: $name }),+] };
}

/// All facts.
pub const FACTS: &[Fact] = facts![
    a_row_is_read_as_it_was_last_written,
    an_empty_value_is_not_an_absent_row,
    within_a_batch_the_last_word_counts,
    tables_do_not_see_each_other,
    a_scan_gives_a_range_in_key_order,
    a_backward_scan_starts_from_the_end,
    a_scan_of_nothing_is_empty,
    what_was_flushed_is_there_for_the_next_process,
    a_wiped_store_is_empty_and_usable,
    a_store_is_an_ordered_map,
];

/// Checks all facts one after the other.
pub fn check(site: &dyn Site) {
    for fact in FACTS {
        let _named = Named(fact.name);
        (fact.check)(site);
    }
}

fn put(store: &dyn Store, table: Table, rows: &[(&[u8], &[u8])]) {
    let mut batch = Batch::default();
    for (key, value) in rows {
        batch.put(table, key.to_vec(), value.to_vec());
    }
    store.apply(batch).expect("a batch is applied");
}

fn get(store: &dyn Store, table: Table, key: &[u8]) -> Option<Vec<u8>> {
    store.get(table, key).expect("a row can be read")
}

fn scan(store: &dyn Store, table: Table, from: &[u8], until: &[u8], backwards: bool, limit: usize) -> Vec<Row> {
    store.scan(table, from, until, backwards, limit).expect("a table can be read")
}

fn keys(rows: &[Row]) -> Vec<&[u8]> {
    rows.iter().map(|(key, _)| &key[..]).collect()
}

fn a_row_is_read_as_it_was_last_written(site: &dyn Site) {
    let store = site.fresh();
    assert_eq!(get(&*store, Table::Actor, b"a"), None);
    put(&*store, Table::Actor, &[(b"a", b"first")]);
    assert_eq!(get(&*store, Table::Actor, b"a"), Some(b"first".to_vec()));
    put(&*store, Table::Actor, &[(b"a", b"second")]);
    assert_eq!(get(&*store, Table::Actor, b"a"), Some(b"second".to_vec()));
    let mut batch = Batch::default();
    batch.remove(Table::Actor, b"a".to_vec());
    batch.remove(Table::Actor, b"never there".to_vec());
    store.apply(batch).expect("a batch is applied");
    assert_eq!(get(&*store, Table::Actor, b"a"), None);
}

fn an_empty_value_is_not_an_absent_row(site: &dyn Site) {
    let store = site.fresh();
    put(&*store, Table::Command, &[(b"", b"of the empty key"), (b"empty", b"")]);
    assert_eq!(get(&*store, Table::Command, b"empty"), Some(Vec::new()));
    assert_eq!(get(&*store, Table::Command, b""), Some(b"of the empty key".to_vec()));
}

fn within_a_batch_the_last_word_counts(site: &dyn Site) {
    let store = site.fresh();
    let mut batch = Batch::default();
    batch.put(Table::View, b"a".to_vec(), b"first".to_vec());
    batch.remove(Table::View, b"a".to_vec());
    batch.put(Table::View, b"a".to_vec(), b"last".to_vec());
    batch.put(Table::View, b"b".to_vec(), b"put".to_vec());
    batch.remove(Table::View, b"b".to_vec());
    store.apply(batch).expect("a batch is applied");
    assert_eq!(scan(&*store, Table::View, b"", b"", false, 9), [(b"a".to_vec(), b"last".to_vec())]);
    store.apply(Batch::default()).expect("an empty batch changes nothing");
}

fn tables_do_not_see_each_other(site: &dyn Site) {
    let store = site.fresh();
    let name = |table: Table| format!("{table:?}").into_bytes();
    let mut batch = Batch::default();
    for table in Table::ALL {
        batch.put(table, b"key".to_vec(), name(table));
        batch.put(table, vec![0xff; 3], name(table));
    }
    store.apply(batch).expect("a batch is applied");
    for table in Table::ALL {
        assert_eq!(get(&*store, table, b"key"), Some(name(table)));
        for backwards in [false, true] {
            let rows = scan(&*store, table, b"", b"", backwards, 100);
            assert_eq!(rows.len(), 2, "{table:?} sees other rows or misses its own");
            assert!(rows.iter().all(|(_, value)| *value == name(table)));
        }
    }
}

fn a_scan_gives_a_range_in_key_order(site: &dyn Site) {
    let store = site.fresh();
    let rows: &[&[u8]] = &[b"b", b"", b"a", b"ab", b"\xff\xff", b"c", b"\x00"];
    put(&*store, Table::Past, &rows.iter().map(|key| (*key, *key)).collect::<Vec<_>>());
    let of = |from: &[u8], until: &[u8], limit| scan(&*store, Table::Past, from, until, false, limit);
    assert_eq!(keys(&of(b"", b"", 100)), [&b""[..], b"\x00", b"a", b"ab", b"b", b"c", b"\xff\xff"]);
    assert_eq!(keys(&of(b"a", b"b", 100)), [&b"a"[..], b"ab"], "from is in, until is out");
    assert_eq!(keys(&of(b"aa", b"", 100)), [&b"ab"[..], b"b", b"c", b"\xff\xff"]);
    assert_eq!(keys(&of(b"a", b"", 2)), [&b"a"[..], b"ab"], "the limit cuts the end off");
}

fn a_backward_scan_starts_from_the_end(site: &dyn Site) {
    let store = site.fresh();
    put(&*store, Table::Past, &[(b"a", b"1"), (b"b", b"2"), (b"c", b"3"), (b"d", b"4")]);
    let of = |from: &[u8], until: &[u8], limit| scan(&*store, Table::Past, from, until, true, limit);
    assert_eq!(keys(&of(b"", b"", 100)), [&b"d"[..], b"c", b"b", b"a"]);
    assert_eq!(keys(&of(b"b", b"d", 100)), [&b"c"[..], b"b"], "from is in, until is out");
    assert_eq!(keys(&of(b"a", b"", 2)), [&b"d"[..], b"c"], "the limit cuts the start off");
}

fn a_scan_of_nothing_is_empty(site: &dyn Site) {
    let store = site.fresh();
    put(&*store, Table::Agenda, &[(b"a", b"1"), (b"c", b"3")]);
    for backwards in [false, true] {
        for (from, until, limit) in
            [(&b""[..], &b""[..], 0), (b"b", b"c", 9), (b"d", b"", 9), (b"a", b"a", 9), (b"c", b"a", 9)]
        {
            let rows = scan(&*store, Table::Agenda, from, until, backwards, limit);
            assert!(rows.is_empty(), "{from:?}..{until:?} limited to {limit} gave {rows:?}");
        }
    }
}

fn what_was_flushed_is_there_for_the_next_process(site: &dyn Site) {
    let store = site.fresh();
    put(&*store, Table::Cursor, &[(b"0", b"7")]);
    put(&*store, Table::Actor, &[(b"gone", b"x"), (b"stays", &vec![7; 100_000])]);
    let mut batch = Batch::default();
    batch.remove(Table::Actor, b"gone".to_vec());
    store.apply(batch).expect("a batch is applied");
    store.flush().expect("the store reaches the disk");
    let store = site.reopen(store);
    assert_eq!(get(&*store, Table::Cursor, b"0"), Some(b"7".to_vec()));
    assert_eq!(get(&*store, Table::Actor, b"gone"), None);
    assert_eq!(get(&*store, Table::Actor, b"stays"), Some(vec![7; 100_000]));
    assert!(store.size() > 0, "a store with rows takes no room");
}

fn a_wiped_store_is_empty_and_usable(site: &dyn Site) {
    let store = site.fresh();
    for table in Table::ALL {
        put(&*store, table, &[(b"before", b"x")]);
    }
    store.flush().expect("the store reaches the disk");
    store.wipe().expect("the store can be emptied");
    put(&*store, Table::Meta, &[(b"after", b"y")]);
    store.flush().expect("the store reaches the disk");
    let store = site.reopen(store);
    for table in Table::ALL {
        assert_eq!(get(&*store, table, b"before"), None, "{table:?} came back");
    }
    assert_eq!(get(&*store, Table::Meta, b"after"), Some(b"y".to_vec()));
}

/// Two thousand random batches against the model.
fn a_store_is_an_ordered_map(site: &dyn Site) {
    let mut store = site.fresh();
    let mut model: BTreeMap<(Table, Vec<u8>), Vec<u8>> = BTreeMap::new();
    let mut dice = StdRng::seed_from_u64(42);
    let key = |dice: &mut StdRng| -> Vec<u8> {
        let length = dice.random_range(0..3);
        (0..length).map(|_| dice.random_range(0..6)).collect()
    };
    for round in 0..2_000 {
        let mut batch = Batch::default();
        for _ in 0..dice.random_range(0..4) {
            let (table, key) = (Table::ALL[dice.random_range(0..Table::ALL.len())], key(&mut dice));
            if dice.random_ratio(3, 10) {
                model.remove(&(table, key.clone()));
                batch.remove(table, key);
            } else {
                let value = vec![dice.random(); dice.random_range(0..40)];
                model.insert((table, key.clone()), value.clone());
                batch.put(table, key, value);
            }
        }
        store.apply(batch).expect("a batch is applied");
        if round % 500 == 499 {
            store.flush().expect("the store reaches the disk");
            store = site.reopen(store);
        }
        let (table, from, until) = (Table::ALL[dice.random_range(0..Table::ALL.len())], key(&mut dice), key(&mut dice));
        let (backwards, limit) = (dice.random(), dice.random_range(0..10));
        let inside = |key: &[u8]| key >= &from[..] && (until.is_empty() || key < &until[..]);
        let rows = model.iter().filter(|((of, key), _)| *of == table && inside(key));
        let mut rows: Vec<Row> = rows.map(|((_, key), value)| (key.clone(), value.clone())).collect();
        if backwards {
            rows.reverse();
        }
        rows.truncate(limit);
        let found = scan(&*store, table, &from, &until, backwards, limit);
        assert_eq!(found, rows, "round {round}: {table:?} {from:?}..{until:?} backwards: {backwards}");
        assert_eq!(get(&*store, table, &from).as_ref(), model.get(&(table, from)), "round {round}");
    }
}

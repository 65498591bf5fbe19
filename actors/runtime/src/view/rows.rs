//! Rows: what a view consists of. New ones in memory, old ones in the store, read as one.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::rc::Rc;

use crate::store::{Batch, SharedStore, Table};

/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// How many rows of the store are read at once while scanning.
const CHUNK: usize = 256;

type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

struct Inner {
    store: Option<SharedStore>,
    /// Changed since the last checkpoint began.
    changed: Changes,
    /// In the checkpoint that is being written.
    writing: Changes,
    failure: Option<crate::store::Error>,
    /// Not being made anew, and not left alone for good.
    live: bool,
    /// What is made of the rows and kept in memory beside them.
    aside: Option<Box<dyn Any>>,
    /// The keys that it has not heard of.
    unheard: BTreeSet<Vec<u8>>,
}

/// What is made of the rows of a view and kept in memory beside them, where their order alone does not answer: an index of
/// words. It is derived from the rows and from nothing else, so it needs no checkpoint.
pub trait Aside: Default + 'static {
    /// A row is like this now, or gone.
    fn changed(&mut self, key: &[u8], value: Option<&[u8]>);
}

/// The rows of a view. Clones show the same rows.
#[derive(Clone)]
pub struct Rows {
    prefix: Rc<[u8]>,
    inner: Rc<RefCell<Inner>>,
}

/// The rows of a view in the hands of its fold, which alone may change them.
pub struct Writer(Rows);

impl std::ops::Deref for Writer {
    type Target = Rows;

    fn deref(&self) -> &Rows {
        &self.0
    }
}

impl Writer {
    pub(crate) fn over(rows: &Rows) -> Writer {
        Writer(rows.clone())
    }

    /// Writes a value under a key.
    pub fn put(&mut self, key: &[u8], value: Vec<u8>) {
        self.change(key, Some(value));
    }

    /// Encodes a value and writes it under a key.
    ///
    /// # Panics
    /// When the value cannot be encoded, which serde's derives rule out; the view is then set aside.
    pub fn write<T: serde::Serialize>(&mut self, key: &[u8], value: &T) {
        #[expect(clippy::expect_used, reason = "a fold runs under a guard, and derives do not fail")]
        let bytes = postcard::to_stdvec(value).expect("a row that encodes");
        self.put(key, bytes);
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &[u8]) {
        self.change(key, None);
    }

    fn change(&mut self, key: &[u8], value: Option<Vec<u8>>) {
        let key = self.0.full(key);
        let mut inner = self.0.inner.borrow_mut();
        if inner.aside.is_some() {
            inner.unheard.insert(key.clone());
        }
        inner.changed.insert(key, value);
    }
}

impl Rows {
    pub(crate) fn open(view: &str, store: Option<SharedStore>) -> Rows {
        let mut prefix = view.as_bytes().to_vec();
        prefix.push(0);
        let inner = Inner {
            store,
            changed: Changes::new(),
            writing: Changes::new(),
            failure: None,
            live: true,
            aside: None,
            unheard: BTreeSet::new(),
        };
        Rows { prefix: prefix.into(), inner: Rc::new(RefCell::new(inner)) }
    }

    fn full(&self, key: &[u8]) -> Vec<u8> {
        [&self.prefix, key].concat()
    }

    /// The value under a key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let key = self.full(key);
        let mut inner = self.inner.borrow_mut();
        if let Some(value) = inner.changed.get(&key).or_else(|| inner.writing.get(&key)) {
            return value.clone();
        }
        let found = inner.store.as_ref()?.get(Table::View, &key);
        found.unwrap_or_else(|failure| {
            inner.failure.get_or_insert(failure);
            None
        })
    }

    /// Looks at what is kept beside the rows, after it has heard of every change. A view has one kind of it; it is made
    /// anew of all rows when there is none yet, and after a panic while it was looked at.
    pub fn aside<A: Aside, T>(&self, look: impl FnOnce(&mut A) -> T) -> T {
        let (kept, unheard) = {
            let mut inner = self.inner.borrow_mut();
            (inner.aside.take(), std::mem::take(&mut inner.unheard))
        };
        let mut aside = match kept.and_then(|kept| kept.downcast::<A>().ok()) {
            Some(mut aside) => {
                for key in unheard {
                    let key = &key[self.prefix.len()..];
                    aside.changed(key, self.get(key).as_deref());
                }
                aside
            }
            None => self.made_aside(),
        };
        let seen = look(&mut aside);
        self.inner.borrow_mut().aside = Some(aside);
        seen
    }

    fn made_aside<A: Aside>(&self) -> Box<A> {
        let mut aside = Box::<A>::default();
        let mut place: Option<Vec<u8>> = None;
        loop {
            let rows = self.scan(b"", place.as_deref(), CHUNK);
            let Some((last, _)) = rows.last() else { return aside };
            place = Some(last.clone());
            rows.iter().for_each(|(key, value)| aside.changed(key, Some(value)));
        }
    }

    /// The value under a key, decoded. A row that does not decode is as good as missing; its view's fold number should
    /// have been raised.
    #[must_use]
    pub fn read<T: serde::de::DeserializeOwned>(&self, key: &[u8]) -> Option<T> {
        self.get(key).and_then(|bytes| postcard::from_bytes(&bytes).ok())
    }

    /// Up to `limit` rows whose keys start with `prefix`, in key order, beginning after the key `after`.
    #[must_use]
    pub fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Vec<Row> {
        let until = successor(&self.full(prefix));
        // Clients make up cursors: whatever they stand at, nothing outside the prefix is shown.
        let mut from = match after {
            Some(after) => [&self.full(after)[..], &[0]].concat().max(self.full(prefix)),
            None => self.full(prefix),
        };
        let mut out = Vec::new();
        while out.len() < limit {
            let (rows, end) = self.chunk(&from, &until, false);
            out.extend(rows);
            match end {
                Some(last) => from = [&last[..], &[0]].concat(),
                None => break,
            }
        }
        self.shown(out, limit)
    }

    /// Up to `limit` rows whose keys start with `prefix`, in falling key order, beginning before the key `before`.
    #[must_use]
    pub fn scan_back(&self, prefix: &[u8], before: Option<&[u8]>, limit: usize) -> Vec<Row> {
        let from = self.full(prefix);
        let end = successor(&from);
        let mut until = before.map_or_else(|| end.clone(), |before| self.full(before).min(end.clone()));
        let mut out = Vec::new();
        while out.len() < limit {
            let (rows, end) = self.chunk(&from, &until, true);
            out.extend(rows.into_iter().rev());
            match end {
                Some(last) => until = last,
                None => break,
            }
        }
        self.shown(out, limit)
    }

    fn shown(&self, mut rows: Vec<Row>, limit: usize) -> Vec<Row> {
        rows.truncate(limit);
        rows.into_iter().map(|(key, value)| (key[self.prefix.len()..].to_vec(), value)).collect()
    }

    /// One chunk of the store merged with the changes beside it, ascending; and where to go on, if anywhere.
    fn chunk(&self, from: &[u8], until: &[u8], backwards: bool) -> (Vec<Row>, Option<Vec<u8>>) {
        let mut inner = self.inner.borrow_mut();
        let stored = match &inner.store {
            Some(store) => store.scan(Table::View, from, until, backwards, CHUNK),
            None => Ok(Vec::new()),
        };
        let stored = stored.unwrap_or_else(|failure| {
            inner.failure.get_or_insert(failure);
            Vec::new()
        });
        let end = (stored.len() == CHUNK).then(|| stored.last().map(|(key, _)| key.clone())).flatten();
        let (low, high) = match (&end, backwards) {
            (None, _) => (Bound::Included(from), Bound::Excluded(until)),
            (Some(last), false) => (Bound::Included(from), Bound::Included(last.as_slice())),
            (Some(last), true) => (Bound::Included(last.as_slice()), Bound::Excluded(until)),
        };
        let mut merged: BTreeMap<Vec<u8>, Option<Vec<u8>>> =
            stored.into_iter().map(|(key, value)| (key, Some(value))).collect();
        if !is_empty_range(low, high) {
            for changes in [&inner.writing, &inner.changed] {
                for (key, value) in changes.range::<[u8], _>((low, high)) {
                    merged.insert(key.clone(), value.clone());
                }
            }
        }
        let rows = merged.into_iter().filter_map(|(key, value)| value.map(|value| (key, value)));
        (rows.collect(), end)
    }

    /// Whether they are what the log says up to somewhere: false while the view is made anew or broken.
    pub(crate) fn is_live(&self) -> bool {
        self.inner.borrow().live
    }

    pub(crate) fn set_live(&self, live: bool) {
        self.inner.borrow_mut().live = live;
    }

    pub(crate) fn take_failure(&self) -> Option<crate::store::Error> {
        self.inner.borrow_mut().failure.take()
    }

    /// Puts every changed row into a batch.
    pub(crate) fn write_changed(&self, batch: &mut Batch) -> usize {
        let mut inner = self.inner.borrow_mut();
        let changed = std::mem::take(&mut inner.changed);
        for (key, value) in &changed {
            batch.rows.push((Table::View, key.clone(), value.clone()));
        }
        let count = changed.len();
        // A checkpoint that failed left its rows here; newer ones win.
        inner.writing.extend(changed);
        count
    }

    /// The batch is in the store.
    pub(crate) fn written(&self) {
        self.inner.borrow_mut().writing.clear();
    }

    /// Removes all rows and takes over those of another set, with what is kept beside them: how a rebuilt view replaces
    /// the old one.
    pub(crate) fn replace_with(&self, other: &Rows) {
        let mut writer = Writer::over(self);
        loop {
            let old = self.scan(b"", None, CHUNK);
            if old.is_empty() {
                break;
            }
            old.iter().for_each(|(key, _)| writer.remove(key));
        }
        let (mut inner, mut other) = (self.inner.borrow_mut(), other.inner.borrow_mut());
        for (key, value) in &other.changed {
            inner.changed.insert(key.clone(), value.clone());
        }
        inner.aside = other.aside.take();
        inner.unheard = std::mem::take(&mut other.unheard);
    }
}

fn is_empty_range(low: Bound<&[u8]>, high: Bound<&[u8]>) -> bool {
    match (low, high) {
        (Bound::Included(low), Bound::Excluded(high)) => low >= high,
        (Bound::Included(low), Bound::Included(high)) => low > high,
        _ => false,
    }
}

/// The least key greater than all keys with this prefix.
fn successor(prefix: &[u8]) -> Vec<u8> {
    let mut next = prefix.to_vec();
    while let Some(last) = next.pop() {
        if last < u8::MAX {
            next.push(last + 1);
            return next;
        }
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(rows: &[Row]) -> Vec<String> {
        rows.iter().map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect()
    }

    #[test]
    fn a_scan_sees_what_was_put_and_not_what_was_removed() {
        let mut rows = Writer::over(&Rows::open("v", None));
        for key in ["a1", "a2", "a3", "b1"] {
            rows.put(key.as_bytes(), vec![1]);
        }
        rows.remove(b"a2");
        assert_eq!(keys(&rows.scan(b"a", None, 9)), ["a1", "a3"]);
        assert_eq!(keys(&rows.scan(b"a", Some(b"a1"), 9)), ["a3"]);
        assert_eq!(keys(&rows.scan(b"", None, 2)), ["a1", "a3"]);
        assert_eq!(keys(&rows.scan_back(b"", None, 9)), ["b1", "a3", "a1"]);
        assert_eq!(keys(&rows.scan_back(b"a", Some(b"a3"), 9)), ["a1"]);
        assert_eq!(rows.get(b"a2"), None);
    }

    #[test]
    fn a_place_outside_the_prefix_shows_nothing_outside_it() {
        let mut rows = Writer::over(&Rows::open("v", None));
        for key in ["a1", "b1", "b2", "c1"] {
            rows.put(key.as_bytes(), Vec::new());
        }
        for (place, forth, back) in [
            ("", &["b1", "b2"][..], &[][..]),
            ("a0", &["b1", "b2"], &[]),
            ("b1", &["b2"], &[]),
            ("b2", &[], &["b1"]),
            ("b3", &[], &["b2", "b1"]),
            ("c2", &[], &["b2", "b1"]),
        ] {
            assert_eq!(keys(&rows.scan(b"b", Some(place.as_bytes()), 9)), forth, "after {place}");
            assert_eq!(keys(&rows.scan_back(b"b", Some(place.as_bytes()), 9)), back, "before {place}");
        }
    }

    /// Counts what it hears, and knows the keys.
    #[derive(Default)]
    struct Keys {
        known: BTreeSet<Vec<u8>>,
        heard: usize,
    }

    impl Aside for Keys {
        fn changed(&mut self, key: &[u8], value: Option<&[u8]>) {
            self.heard += 1;
            if value.is_some() {
                self.known.insert(key.to_vec())
            } else {
                self.known.remove(key)
            };
        }
    }

    fn beside(rows: &Rows) -> (usize, usize) {
        rows.aside(|keys: &mut Keys| (keys.known.len(), keys.heard))
    }

    #[test]
    fn what_is_kept_beside_the_rows_hears_of_every_change_once() {
        let live = Rows::open("v", None);
        let mut rows = Writer::over(&live);
        (0..=CHUNK).for_each(|n| rows.put(&n.to_be_bytes(), vec![1]));
        assert_eq!(beside(&rows), (CHUNK + 1, CHUNK + 1));
        rows.put(b"new", vec![1]);
        rows.put(b"new", vec![2]);
        rows.remove(&0_usize.to_be_bytes());
        assert_eq!(beside(&rows), (CHUNK + 1, CHUNK + 3));
        assert_eq!(beside(&rows), (CHUNK + 1, CHUNK + 3));
    }

    #[test]
    fn what_was_made_beside_rebuilt_rows_comes_with_them() {
        let (live, built) = (Rows::open("v", None), Rows::open("v", None));
        Writer::over(&live).put(b"old", vec![1]);
        assert_eq!(beside(&live), (1, 1));
        Writer::over(&built).put(b"a", vec![1]);
        assert_eq!(beside(&built), (1, 1));
        Writer::over(&built).put(b"b", vec![1]);
        live.replace_with(&built);
        assert_eq!(beside(&live), (2, 2));
    }

    #[test]
    fn what_is_kept_beside_the_rows_is_made_anew_after_a_panic() {
        let live = Rows::open("v", None);
        Writer::over(&live).put(b"a", vec![1]);
        let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            live.aside(|_: &mut Keys| panic!("while it is looked at"));
        }));
        assert!(looked.is_err());
        assert_eq!(beside(&live), (1, 1));
    }

    #[test]
    fn the_successor_of_a_prefix_is_after_all_its_keys() {
        assert_eq!(successor(b"ab"), b"ac");
        assert_eq!(successor(&[b'a', 0xff]), b"b");
        assert_eq!(successor(&[0xff]), b"");
    }
}

//! The store suite on sled, in a directory of its own.
#![cfg(feature = "testkit")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use runtime::sled::SledStore;
use runtime::store::SharedStore;
use runtime::testkit::suite::store;

/// Each store in a directory of its own below this one, which goes with it.
struct OnDisk {
    dir: tempfile::TempDir,
    stores: AtomicU32,
}

impl OnDisk {
    fn open(&self, number: u32) -> SharedStore {
        let (store, damage) = SledStore::open(&self.dir.path().join(number.to_string())).unwrap();
        assert_eq!(damage, None, "what sled itself wrote is sound");
        Arc::new(store)
    }
}

impl store::Site for OnDisk {
    fn fresh(&self) -> SharedStore {
        self.open(self.stores.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn reopen(&self, store: SharedStore) -> SharedStore {
        // Sled locks its directory until the last handle is gone.
        drop(store);
        self.open(self.stores.load(Ordering::Relaxed))
    }
}

#[test]
fn the_sled_store_keeps_the_facts_of_stores() {
    store::check(&OnDisk { dir: tempfile::tempdir().unwrap(), stores: AtomicU32::new(0) });
}

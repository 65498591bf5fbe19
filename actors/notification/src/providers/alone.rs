//! Alone: at most one call under a key at a time.
//!
//! The runtime makes a call again when it has heard nothing for a few seconds, which is right when the process that made
//! it is dead, and wrong when the other side is only slow: the same mail would be handed over twice at once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use runtime::group::{Provider, Said};

use super::post::Calling;

/// A provider that is never called twice at once with the same key by this process.
pub struct Alone<P> {
    provider: P,
    under_way: Arc<Mutex<HashSet<String>>>,
}

/// A key that is under way until this is dropped, however the call ends.
struct UnderWay {
    key: String,
    all: Arc<Mutex<HashSet<String>>>,
}

impl<P> Alone<P> {
    /// Wraps a provider.
    pub fn new(provider: P) -> Alone<P> {
        Alone { provider, under_way: Arc::default() }
    }

    fn begin(&self, key: &str) -> Option<UnderWay> {
        let fresh = self.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
        fresh.then(|| UnderWay { key: key.to_owned(), all: self.under_way.clone() })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl<P: Provider> Provider for Alone<P> {
    fn call<'a>(&'a self, key: &'a str, request: Bytes) -> Calling<'a> {
        Box::pin(async move {
            let Some(_under_way) = self.begin(key) else {
                return Said::Unknown("the call is still under way".to_owned());
            };
            self.provider.call(key, request).await
        })
    }
}

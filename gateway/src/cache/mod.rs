//! The cache: answers to reads, kept for as long as nothing has changed what they show.
//!
//! What a group answers follows from its log. So the gateway [follows](follow) the logs of the groups whose answers the
//! contract lets it keep, and a kept answer bears a stamp: how far the log had been seen when it was asked for, which the
//! group was told to include. It is good until the log brings a commit to what it was read from: one partition, or for a
//! query any of them. Nothing has to be found and dropped, and an answer that was overtaken while it was under way is
//! stale from the start.
//!
//! It is never shown to another identity, unless the contract says that the answer is the same for everyone or for a
//! role. It is not used for who has seen more of the log than the gateway, nor while the gateway cannot tell how far the
//! log is; and never for longer than the contract's `max_age_s`.

mod follow;
mod followed;

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, Uri};
use bytes::Bytes;
use messages::route::{Route, RpcKind};
use quick_cache::sync::{DefaultLifecycle, PlaceholderGuard};
use quick_cache::{DefaultHashBuilder, Weighter};
use runtime::client::Answer;
use runtime::headers::Position;
use tokio::time::{Instant, timeout};

pub(crate) use self::follow::follow;
use self::followed::{Followed, Stamp};
use crate::identity::Identity;

/// How an answer came about (RFC 9211).
pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// It was kept.
pub(crate) const HIT: HeaderValue = HeaderValue::from_static("mercat; hit");
/// It was asked for, and is kept now.
pub(crate) const STORED: HeaderValue = HeaderValue::from_static("mercat; fwd=miss; stored");
/// It was asked for.
pub(crate) const FORWARDED: HeaderValue = HeaderValue::from_static("mercat; fwd=miss");

/// How long a request waits for the one that is asking already, before it asks too: a slow group must not make a queue.
const FILLER_PATIENCE: Duration = Duration::from_millis(250);
/// The larger an answer, the fewer find room: none takes more than this part of it.
const PART_MAX: usize = 16;
/// What an answer takes beside its bytes, about.
const ENTRY_BYTES: usize = 512;

/// What an answer is kept under: route, audience and target, hashed so that no two meet.
pub(crate) type Key = [u8; 32];

/// An answer that is kept.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) said: Answer,
    pub(crate) json: Bytes,
    stamp: Stamp,
    at: Instant,
}

impl Kept {
    /// How long ago the group said so.
    pub(crate) fn age(&self) -> Duration {
        self.at.elapsed()
    }
}

/// What an answer weighs: its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Weight;

impl Weighter<Key, Arc<Kept>> for Weight {
    fn weight(&self, _: &Key, kept: &Arc<Kept>) -> u64 {
        u64::try_from(kept.json.len() + kept.said.payload.len() + ENTRY_BYTES).unwrap_or(u64::MAX)
    }
}

type Store = quick_cache::sync::Cache<Key, Arc<Kept>, Weight>;
/// The right to ask for an answer that others wait for; dropped without one, another of them asks.
pub(crate) type Filler<'a> =
    PlaceholderGuard<'a, Key, Arc<Kept>, Weight, DefaultHashBuilder, DefaultLifecycle<Key, Arc<Kept>>>;

/// What came of looking for an answer.
pub(crate) enum Found<'a> {
    /// It is there.
    Kept(Arc<Kept>),
    /// Ask for it, and keep it.
    Missing(Filler<'a>),
    /// Ask for it.
    Busy,
}

/// The answers that all workers keep together.
#[derive(Debug)]
pub(crate) struct Cache {
    store: Store,
    bytes_max: usize,
    followed: Vec<Arc<Followed>>,
}

impl Cache {
    /// A cache for these routes.
    pub(crate) fn new(bytes_max: usize, routes: &[&'static Route]) -> Cache {
        let kept = routes.iter().filter(|route| bytes_max > 0 && may_keep(route));
        let mut groups: Vec<_> = kept.map(|route| route.group).collect();
        groups.sort_unstable();
        groups.dedup();
        let followed = groups.into_iter().filter_map(messages::Group::named).map(Followed::new).map(Arc::new);
        let store =
            Store::with_weighter(bytes_max / (4 * ENTRY_BYTES), u64::try_from(bytes_max).unwrap_or(u64::MAX), Weight);
        Cache { store, bytes_max, followed: followed.collect() }
    }

    /// The groups whose logs it has to see.
    pub(crate) fn followed(&self) -> &[Arc<Followed>] {
        &self.followed
    }

    fn group(&self, name: &str) -> Option<&Followed> {
        self.followed.iter().find(|followed| followed.name() == name).map(Arc::as_ref)
    }

    /// What the answer to this request is kept under, if it may be kept at all.
    pub(crate) fn key(&self, route: &Route, identity: &Identity, method: &Method, target: &Uri) -> Option<Key> {
        let cache = route.cache.as_ref().filter(|_| may_keep(route) && self.group(route.group).is_some())?;
        let of_the_past = |query: &str| query.split('&').any(|pair| pair == "at" || pair.starts_with("at="));
        if !matches!(*method, Method::GET | Method::HEAD) || target.query().is_some_and(of_the_past) {
            return None;
        }
        let audience = match (cache.public, cache.by_role) {
            (true, _) => ("everyone", ""),
            (_, true) => ("role", identity.caller.role.as_str()),
            _ => ("one", identity.name.as_str()),
        };
        let mut hasher = blake3::Hasher::new();
        for part in [route.name, audience.0, audience.1, target.path(), target.query().unwrap_or("\0")] {
            hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Some(*hasher.finalize().as_bytes())
    }

    /// The answer that is kept, if it is good for somebody who has seen these positions.
    pub(crate) fn get(&self, key: &Key, route: &Route, seen: &[Position]) -> Option<Arc<Kept>> {
        self.store.get(key).filter(|kept| self.is_good(kept, route, seen))
    }

    fn is_good(&self, kept: &Kept, route: &Route, seen: &[Position]) -> bool {
        let max_age = route.cache.map_or(0, |cache| cache.max_age_s);
        let Some(followed) = self.group(route.group) else { return false };
        kept.age() < Duration::from_secs(max_age.into()) && followed.is_good(kept.stamp, seen)
    }

    /// The answer, or the right to ask for it. Of many who miss the same, one asks and the others get what it gets.
    pub(crate) async fn find<'a>(&'a self, key: &'a Key, route: &Route, seen: &[Position], anew: bool) -> Found<'a> {
        self.store.remove_if(key, |kept| anew || !self.is_good(kept, route, seen));
        match timeout(FILLER_PATIENCE, self.store.get_value_or_guard_async(key)).await {
            Ok(Ok(kept)) if self.is_good(&kept, route, seen) => Found::Kept(kept),
            Ok(Err(filler)) => Found::Missing(filler),
            Ok(Ok(_)) | Err(_) => Found::Busy,
        }
    }

    /// How far a group's log is seen: to be told to the group, and kept with its answer.
    pub(crate) fn stamp(&self, group: &str, partition: Option<u32>) -> Option<Stamp> {
        self.group(group)?.stamp(partition)
    }

    /// Has the group include what a stamp stands for.
    pub(crate) fn include(&self, group: &str, stamp: Stamp, wait: &mut Vec<Position>) {
        if let Some(followed) = self.group(group) {
            followed.include(stamp, wait);
        }
    }

    /// Keeps an answer.
    pub(crate) fn keep(&self, filler: Filler<'_>, stamp: Stamp, said: Answer, json: Bytes) -> Option<Arc<Kept>> {
        if json.len() + said.payload.len() > self.bytes_max / PART_MAX {
            return None;
        }
        let kept = Arc::new(Kept { said, json, stamp, at: Instant::now() });
        // Whoever asked anew meanwhile has taken the place; then this answer is not kept, only given.
        filler.insert(kept.clone()).is_ok().then_some(kept)
    }

    /// A write went through this gateway: until the log brings it, what was kept before is not shown to anyone.
    pub(crate) fn wrote(&self, position: &Position) {
        if let Some(followed) = self.group(&position.group) {
            followed.wrote(position);
        }
    }
}

/// A file is sent as it is and may be large; a life only grows.
fn may_keep(route: &Route) -> bool {
    let shown = route.kind != RpcKind::Command && route.file.is_none() && !route.history;
    shown && route.cache.is_some_and(|cache| cache.max_age_s > 0)
}

/// Whether a client asks for an answer that nobody kept (RFC 9111 §5.2.1.4).
pub(crate) fn wants_anew(headers: &HeaderMap) -> bool {
    let directives = |value: &HeaderValue| {
        let mut directives = value.to_str().unwrap_or_default().split(',').map(str::trim);
        directives.any(|directive| directive.eq_ignore_ascii_case("no-cache") || directive == "max-age=0")
    };
    headers.get_all(CACHE_CONTROL).any(directives)
}

//! Outliers: single replicas that are silent while others of their set answer.
//!
//! Envoy's semantics: so many errors in a row eject a replica for a while, which grows with each time it happens again and
//! shrinks while it does not; and however many are sick, only a part of the set is ejected at a time. The only replica
//! of a set is never an outlier: there is nobody else to ask, and that is what the circuit is for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

/// How long a replica that nobody has heard of is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);

/// When a replica is ejected and for how long. Names as in Envoy, times in milliseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// So many errors in a row eject a replica.
    pub consecutive_errors: u32,
    /// For each such time without an ejection, one earlier ejection is forgiven.
    pub interval_ms: u64,
    /// How long a replica is ejected the first time; the n-th time in a row n times as long.
    pub base_ejection_time_ms: u64,
    /// And at most so long.
    pub max_ejection_time_ms: u64,
    /// How many in a hundred replicas of a set may be ejected at a time.
    pub max_ejection_percent: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            consecutive_errors: 5,
            interval_ms: 30_000,
            base_ejection_time_ms: 30_000,
            max_ejection_time_ms: 300_000,
            max_ejection_percent: 50,
        }
    }
}

/// How many replicas of a set are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// All that have been heard of lately.
    pub known: usize,
    /// Those of them that are ejected.
    pub ejected: usize,
}

impl Count {
    /// Those that are asked.
    #[must_use]
    pub fn healthy(self) -> usize {
        self.known - self.ejected
    }
}

/// The replicas of a set, as a client knows them.
#[derive(Debug)]
pub struct Outliers {
    settings: Settings,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    replicas: BTreeMap<Arc<str>, Replica>,
    /// Who last answered as the host of a partition.
    hosts: BTreeMap<u32, Arc<str>>,
    /// Whether any was ejected and may still be: spares all others the look.
    any_ejected: bool,
    /// Who was asked last in the place of an ejected one.
    turn: usize,
}

#[derive(Debug)]
struct Replica {
    answered: Instant,
    failures: u32,
    ejected_until: Option<Instant>,
    /// Ejections that are not forgiven.
    times: u32,
}

impl Replica {
    fn is_ejected(&self, now: Instant) -> bool {
        self.ejected_until.is_some_and(|until| now < until)
    }

    fn is_remembered(&self, now: Instant) -> bool {
        let last = self.ejected_until.map_or(self.answered, |until| until.max(self.answered));
        now.saturating_duration_since(last) < REMEMBERED
    }
}

impl Outliers {
    /// Knows nobody yet.
    #[must_use]
    pub fn new(settings: Settings) -> Outliers {
        Outliers { settings, inner: Mutex::default() }
    }

    /// A replica answered, and as the host of a partition if one is named.
    pub fn answered(&self, replica: &str, hosts: Option<u32>, now: Instant) {
        let mut inner = self.lock();
        let name = match inner.replicas.get_mut(replica) {
            Some(known) => {
                (known.answered, known.failures) = (now, 0);
                None
            }
            None => {
                inner.replicas.retain(|_, known| known.is_remembered(now));
                let name: Arc<str> = replica.into();
                let new = Replica { answered: now, failures: 0, ejected_until: None, times: 0 };
                inner.replicas.insert(name.clone(), new);
                Some(name)
            }
        };
        if let Some(partition) =
            hosts.filter(|partition| inner.hosts.get(partition).is_none_or(|known| **known != *replica))
        {
            inner.hosts.insert(partition, name.unwrap_or_else(|| replica.into()));
        }
    }

    /// A replica did not answer what it was asked then. When that ejects it, the partitions it is believed to host.
    pub fn failed(&self, replica: &str, asked: Instant, now: Instant) -> Option<Vec<u32>> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.replicas.retain(|_, known| known.is_remembered(now));
        let ejected = inner.replicas.values().filter(|known| known.is_ejected(now)).count();
        let most = inner.replicas.len() * self.settings.max_ejection_percent / 100;
        let alone = inner.replicas.len() < 2;
        let known = inner.replicas.get_mut(replica)?;
        // What was asked before it last answered says nothing: it lives.
        if asked < known.answered || known.is_ejected(now) {
            return None;
        }
        known.failures += 1;
        if known.failures < self.settings.consecutive_errors || ejected >= most || alone {
            return None;
        }
        let quiet = known.ejected_until.map_or(Duration::ZERO, |until| now.saturating_duration_since(until));
        let forgiven = quiet.as_millis().checked_div(self.settings.interval_ms.into()).unwrap_or(u128::MAX);
        known.times = known.times.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX)) + 1;
        known.failures = 0;
        let ms = self.settings.base_ejection_time_ms.saturating_mul(known.times.into());
        known.ejected_until = Some(now + Duration::from_millis(ms.min(self.settings.max_ejection_time_ms)));
        inner.any_ejected = true;
        Some(inner.hosts.iter().filter(|(_, host)| &***host == replica).map(|(partition, _)| *partition).collect())
    }

    /// A replica is certainly not there any more.
    pub fn left(&self, replica: &str) {
        let mut inner = self.lock();
        inner.replicas.remove(replica);
        inner.hosts.retain(|_, host| **host != *replica);
    }

    /// Who is believed to host a partition.
    pub fn host(&self, partition: u32) -> Option<Arc<str>> {
        self.lock().hosts.get(&partition).cloned()
    }

    /// Who is asked instead, if the host of a partition is ejected; each of the others in turn.
    pub fn instead_of_host(&self, partition: u32, now: Instant) -> Option<Arc<str>> {
        let mut inner = self.lock();
        if !inner.any_ejected || !inner.hosts.get(&partition).is_some_and(|host| inner.is_ejected(host, now)) {
            return None;
        }
        inner.next_healthy(now)
    }

    /// Who is asked instead of anybody, if somebody is ejected; each of the others in turn.
    pub fn instead_of_any(&self, now: Instant) -> Option<Arc<str>> {
        let mut inner = self.lock();
        if !inner.any_ejected {
            return None;
        }
        inner.any_ejected = inner.replicas.values().any(|known| known.is_ejected(now));
        if inner.any_ejected { inner.next_healthy(now) } else { None }
    }

    /// How many are known, and how many of them ejected.
    pub fn count(&self, now: Instant) -> Count {
        let inner = self.lock();
        let known = inner.replicas.values().filter(|known| known.is_remembered(now));
        known.fold(Count::default(), |count, replica| Count {
            known: count.known + 1,
            ejected: count.ejected + usize::from(replica.is_ejected(now)),
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn is_ejected(&self, replica: &str, now: Instant) -> bool {
        self.replicas.get(replica).is_some_and(|known| known.is_ejected(now))
    }

    fn next_healthy(&mut self, now: Instant) -> Option<Arc<str>> {
        self.turn = self.turn.wrapping_add(1);
        let healthy = |known: &Replica| !known.is_ejected(now) && known.is_remembered(now);
        let count = self.replicas.values().filter(|known| healthy(known)).count();
        let nth = self.turn.checked_rem(count)?;
        self.replicas.iter().filter(|(_, known)| healthy(known)).nth(nth).map(|(name, _)| name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(replicas: &[&str]) -> (Outliers, Instant) {
        let (outliers, now) = (Outliers::new(Settings::default()), Instant::now());
        for (replica, partition) in replicas.iter().zip(0..) {
            outliers.answered(replica, Some(partition), now);
        }
        (outliers, now)
    }

    fn fails(outliers: &Outliers, replica: &str, times: u32, at: Instant) -> Option<Vec<u32>> {
        (0..times).filter_map(|_| outliers.failed(replica, at, at)).next()
    }

    #[test]
    fn five_errors_in_a_row_eject_a_replica_for_thirty_seconds() {
        let (outliers, now) = of(&["a", "b"]);
        assert_eq!(fails(&outliers, "a", 4, now), None);
        outliers.answered("a", None, now);
        assert_eq!(fails(&outliers, "a", 4, now), None, "an answer between them begins anew");
        assert_eq!(fails(&outliers, "a", 1, now), Some(vec![0]), "who waits for its partition is told");
        assert_eq!(outliers.instead_of_host(0, now).as_deref(), Some("b"));
        assert_eq!(outliers.instead_of_host(1, now), None, "the other hosts as before");
        assert_eq!(outliers.instead_of_any(now).as_deref(), Some("b"));
        let later = now + Duration::from_secs(30);
        assert_eq!((outliers.instead_of_host(0, later), outliers.instead_of_any(later)), (None, None));
    }

    #[test]
    fn each_ejection_in_a_row_lasts_longer_and_calm_is_forgiven() {
        let (outliers, mut now) = of(&["a", "b"]);
        for lasts in [30, 60, 90] {
            assert!(fails(&outliers, "a", 5, now).is_some());
            assert_eq!(outliers.count(now + Duration::from_secs(lasts - 1)).ejected, 1, "after {lasts} s");
            now += Duration::from_secs(lasts);
            assert_eq!(outliers.count(now).ejected, 0, "after {lasts} s");
            outliers.answered("b", None, now);
        }
        now += Duration::from_secs(59);
        outliers.answered("a", None, now);
        outliers.answered("b", None, now);
        now += Duration::from_secs(1);
        assert!(fails(&outliers, "a", 5, now).is_some());
        assert_eq!(outliers.count(now + Duration::from_secs(60)).ejected, 0, "two intervals forgive two ejections");
        assert_eq!(outliers.count(now + Duration::from_secs(59)).ejected, 1);
    }

    #[test]
    fn at_most_half_of_a_set_is_ejected_and_never_the_only_one() {
        let (outliers, now) = of(&["a", "b", "c", "d", "e"]);
        let ejected = ["a", "b", "c", "d", "e"].iter().filter(|name| fails(&outliers, name, 9, now).is_some());
        assert_eq!(ejected.count(), 2);
        assert_eq!(outliers.count(now), Count { known: 5, ejected: 2 });
        let (alone, now) = of(&["a"]);
        assert_eq!(fails(&alone, "a", 9, now), None);
        assert_eq!(alone.instead_of_host(0, now), None);
    }

    #[test]
    fn what_was_asked_before_a_replica_answered_says_nothing() {
        let (outliers, asked) = of(&["a", "b"]);
        let answered = asked + Duration::from_secs(1);
        outliers.answered("a", None, answered);
        assert!((0..9).all(|_| outliers.failed("a", asked, answered).is_none()));
        assert!(fails(&outliers, "a", 5, answered).is_some());
    }

    #[test]
    fn the_healthy_take_turns_and_who_leaves_is_forgotten() {
        let (outliers, now) = of(&["a", "b", "c"]);
        assert!(fails(&outliers, "a", 5, now).is_some());
        let mut asked: Vec<_> = (0..4).filter_map(|_| outliers.instead_of_any(now)).collect();
        asked.sort();
        assert_eq!(asked.iter().map(|name| &**name).collect::<Vec<_>>(), ["b", "b", "c", "c"]);
        outliers.left("c");
        assert!((0..4).all(|_| outliers.instead_of_any(now).as_deref() == Some("b")));
        assert_eq!(outliers.count(now + REMEMBERED).known, 1, "only the ejected one is waited for");
    }
}

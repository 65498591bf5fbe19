//! Statistics per verb: what `nats micro stats` and `/metrics` show.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use messages::Route;

/// What happened under one verb.
#[derive(Debug, Default)]
pub(crate) struct VerbStats {
    pub(crate) requests: AtomicU64,
    pub(crate) errors: AtomicU64,
    pub(crate) nanos: AtomicU64,
    pub(crate) last_error: Mutex<String>,
}

/// What happened under each verb of a group.
#[derive(Debug)]
pub(crate) struct Stats {
    verbs: BTreeMap<&'static str, VerbStats>,
}

impl Stats {
    pub(crate) fn new(routes: &[&'static Route]) -> Stats {
        Stats { verbs: routes.iter().map(|route| (route.verb, VerbStats::default())).collect() }
    }

    /// A request was answered.
    pub(crate) fn note(&self, route: &'static Route, took: Duration, refusal: Option<&str>) {
        let Some(stats) = self.verbs.get(route.verb) else { return };
        stats.requests.fetch_add(1, Ordering::Relaxed);
        stats.nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        if let Some(code) = refusal {
            stats.errors.fetch_add(1, Ordering::Relaxed);
            let mut last = stats.last_error.lock().unwrap_or_else(PoisonError::into_inner);
            if *last != code {
                code.clone_into(&mut last);
            }
        }
        let outcome = if refusal.is_some() { "refused" } else { "ok" };
        metrics::histogram!("group_request_seconds", "group" => route.group, "rpc" => route.name, "outcome" => outcome)
            .record(took);
    }

    pub(crate) fn each(&self) -> impl Iterator<Item = (&'static str, &VerbStats)> {
        self.verbs.iter().map(|(verb, stats)| (*verb, stats))
    }
}

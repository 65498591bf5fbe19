//! The retry budget: what is sent twice is bounded by what is under way, so that a slow target is not met with a storm.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Deserialize;

/// How much may be sent twice, as Envoy's `retry_budget` says it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Of the requests under way to a target, how many in a hundred may be extra attempts.
    pub budget_percent: u64,
    /// So many may be, however few are under way.
    pub min_retry_concurrency: u64,
    /// How often a request that certainly was not handled is tried again.
    pub retries_max: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        // Envoy's own.
        Settings { budget_percent: 20, min_retry_concurrency: 3, retries_max: 3 }
    }
}

/// Allows extra attempts in proportion to the requests under way.
#[derive(Debug)]
pub struct Budget {
    settings: Settings,
    active: AtomicU64,
    extra: AtomicU64,
}

/// Something under way; it ends with this.
#[derive(Debug)]
pub struct Underway<'a>(&'a AtomicU64);

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Budget {
    /// Nothing is under way.
    #[must_use]
    pub fn new(settings: Settings) -> Budget {
        Budget { settings, active: AtomicU64::new(0), extra: AtomicU64::new(0) }
    }

    /// A request begins.
    pub fn begin(&self) -> Underway<'_> {
        self.active.fetch_add(1, Ordering::Relaxed);
        Underway(&self.active)
    }

    /// An extra attempt, if one may be made now.
    pub fn extra(&self) -> Option<Underway<'_>> {
        let share = self.active.load(Ordering::Relaxed).saturating_mul(self.settings.budget_percent) / 100;
        let most = share.max(self.settings.min_retry_concurrency);
        let more = |extra: u64| (extra < most).then_some(extra + 1);
        self.extra.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Underway(&self.extra))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_of_what_is_under_way_may_be_sent_again_and_always_three() {
        let budget = Budget::new(Settings::default());
        let _one = budget.begin();
        let few: Vec<_> = (0..10).filter_map(|_| budget.extra()).collect();
        assert_eq!(few.len(), 3);
        drop(few);
        let _many: Vec<_> = (0..99).map(|_| budget.begin()).collect();
        let mut again: Vec<_> = (0..100).filter_map(|_| budget.extra()).collect();
        assert_eq!(again.len(), 20);
        again.pop();
        assert!(budget.extra().is_some(), "an attempt that has ended makes room");
    }
}

//! The bucket: what one gateway may still let pass of one identity in one minute.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as Turn;
use tokio::time::timeout;

/// How long the common count may take to answer. It is kept in memory, so more means that it is away.
const COUNT_WITHIN: Duration = Duration::from_millis(150);

/// What one gateway may still let pass.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    state: Mutex<State>,
    /// Only one request takes a portion; the others wait and find it.
    turn: Turn<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Taken and not used.
    here: u32,
    /// What nobody had taken when this gateway took last.
    elsewhere: Option<u32>,
    /// What this gateway has taken without asking.
    alone: u32,
}

/// What came of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Passes { left: u32 },
    TooMany,
}

impl Bucket {
    /// Uses `weight` of what is here, or takes a portion first. `count` adds to the common count and says what it is
    /// then; nothing when it cannot be reached.
    pub(super) async fn take(
        &self,
        weight: u32,
        limit: u32,
        portion: u32,
        count: impl AsyncFn(u32) -> Option<u64>,
    ) -> Taken {
        if let Some(taken) = self.state().use_up(weight, limit) {
            return taken;
        }
        let _turn = self.turn.lock().await;
        loop {
            if let Some(taken) = self.state().use_up(weight, limit) {
                return taken;
            }
            // What was taken alone is still owed to the common count.
            let owed = self.state().alone;
            let counted = timeout(COUNT_WITHIN, count(owed.saturating_add(portion))).await.ok().flatten();
            self.state().add(counted, limit, portion);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Nothing when a portion has to be taken first.
    fn use_up(&mut self, weight: u32, limit: u32) -> Option<Taken> {
        let elsewhere = self.elsewhere.unwrap_or(limit);
        match self.here.checked_sub(weight) {
            Some(here) => {
                self.here = here;
                Some(Taken::Passes { left: here + elsewhere })
            }
            None if elsewhere == 0 => Some(Taken::TooMany),
            None => None,
        }
    }

    fn add(&mut self, counted: Option<u64>, limit: u32, portion: u32) {
        // Alone, a gateway takes from a count of its own.
        self.alone = if counted.is_some() { 0 } else { self.alone.saturating_add(portion) };
        let total = counted.unwrap_or_else(|| self.alone.into());
        let over = u32::try_from(total.saturating_sub(limit.into())).unwrap_or(u32::MAX);
        self.here += portion.saturating_sub(over);
        self.elsewhere = Some(limit.saturating_sub(u32::try_from(total).unwrap_or(u32::MAX)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Lets as many pass as pass, through gateways that take turns.
    fn passed(gateways: usize, limit: u32, portion: u32, weight: u32, asked: usize) -> (usize, u64) {
        let total = AtomicU64::new(0);
        let count = async |by: u32| Some(total.fetch_add(by.into(), Ordering::Relaxed) + u64::from(by));
        let buckets: Vec<_> = (0..gateways).map(|_| Bucket::default()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let passes = (0..asked)
            .filter(|n| {
                let taken = runtime.block_on(buckets[n % gateways].take(weight, limit, portion, count));
                taken != Taken::TooMany
            })
            .count();
        (passes, total.into_inner())
    }

    #[test]
    fn no_more_pass_than_the_limit_and_hardly_fewer() {
        for (gateways, limit, portion) in
            [(1, 100, 1), (1, 1_000, 10), (3, 100, 1), (3, 1_000, 10), (3, 10_000, 100), (7, 5, 1)]
        {
            let (passes, _) = passed(gateways, limit, portion, 1, 3 * limit as usize);
            let limit = limit as usize;
            assert!(passes <= limit, "{passes} of {limit} through {gateways}");
            // Whoever asks all gateways alike uses what each has taken.
            assert!(passes * 100 >= limit * 97, "{passes} of {limit} through {gateways}");
        }
    }

    #[test]
    fn what_costs_more_uses_up_more() {
        assert_eq!(passed(1, 100, 5, 5, 200).0, 20);
        assert_eq!(passed(1, 7, 5, 5, 200).0, 1);
    }

    #[test]
    fn the_common_count_is_not_asked_once_it_is_used_up() {
        let (_, total) = passed(1, 100, 1, 1, 10_000);
        assert_eq!(total, 100);
    }

    #[test]
    fn alone_a_gateway_lets_the_whole_limit_pass_and_tells_what_is_left() {
        let bucket = Bucket::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let take = || runtime.block_on(bucket.take(1, 50, 10, async |_| None));
        for left in (0..50).rev() {
            assert_eq!(take(), Taken::Passes { left });
        }
        assert_eq!(take(), Taken::TooMany);
    }

    #[test]
    fn what_was_taken_alone_is_counted_as_soon_as_it_can_be() {
        let bucket = Bucket::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        for _ in 0..3 {
            runtime.block_on(bucket.take(1, 100, 1, async |_| None));
        }
        let taken = runtime.block_on(bucket.take(1, 100, 1, async |by| Some(40 + u64::from(by))));
        assert_eq!(taken, Taken::Passes { left: 56 });
        assert_eq!(
            runtime.block_on(bucket.take(1, 100, 1, async |by| Some(44 + u64::from(by)))),
            Taken::Passes { left: 55 }
        );
    }

    #[test]
    fn a_count_that_was_used_up_elsewhere_lets_nothing_pass() {
        let bucket = Bucket::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        assert_eq!(runtime.block_on(bucket.take(1, 100, 1, async |_| Some(101))), Taken::TooMany);
        assert_eq!(runtime.block_on(bucket.take(1, 100, 1, async |_| panic!("it is known"))), Taken::TooMany);
    }
}

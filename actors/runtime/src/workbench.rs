//! The workbench: work that takes a processor for long is done on threads of its own, a few at a time.
//!
//! A group's arbiter has other actors to run, so nothing on it may take longer than a turn. What does, a password's hash
//! say, is given to a workbench by a gatherer; whoever would wait too long for a place is told so.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Places for heavy work.
#[derive(Debug, Clone)]
pub struct Workbench {
    places: Arc<Semaphore>,
    patience: Duration,
}

/// Why work was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Undone {
    /// All places were taken for too long: nothing was begun.
    #[error("all places are taken")]
    Busy,
    /// It panicked.
    #[error("the work panicked")]
    Panicked,
}

impl Workbench {
    /// With so many places, at which somebody waits so long for their turn.
    #[must_use]
    pub fn new(places: usize, patience: Duration) -> Workbench {
        Workbench { places: Arc::new(Semaphore::new(places)), patience }
    }

    /// Does work in its turn. Once begun it is finished, also when nobody waits for it any more.
    ///
    /// # Errors
    /// See [`Undone`].
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Undone> {
        let place = timeout(self.patience, self.places.clone().acquire_owned()).await;
        let place = place.ok().and_then(Result::ok).ok_or(Undone::Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            // The place is taken for as long as the work lasts.
            let _place = place;
            work()
        });
        done.await.map_err(|_| Undone::Panicked)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn who_would_wait_too_long_is_told_so() {
        let bench = Workbench::new(1, Duration::from_millis(20));
        let (end, ends) = mpsc::channel::<()>();
        let first = tokio::spawn({
            let bench = bench.clone();
            async move { bench.run(move || ends.recv().is_err()).await }
        });
        while bench.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(bench.run(|| ()).await, Err(Undone::Busy));
        drop(end);
        assert_eq!(first.await.expect("it ends"), Ok(true));
        assert_eq!(bench.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_panic_costs_its_work_and_no_place() {
        let bench = Workbench::new(1, Duration::from_secs(5));
        for _ in 0..3 {
            assert_eq!(bench.run(|| panic!("planted")).await, Err::<(), _>(Undone::Panicked));
        }
        assert_eq!(bench.run(|| 7).await, Ok(7));
    }
}

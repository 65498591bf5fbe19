//! The outside: questions to somebody else's house that are not worth waiting for, such as what a carrier takes.
//!
//! A gatherer may ask one, but never hangs on it: it is waited for so long and no longer, only so many ask at once, and one
//! who does not answer is left alone for a while. Whatever goes wrong, there is just no answer. What must happen outside
//! is no question but a saga's call, which is announced in the log first.

use std::future::Future;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::reach::breaker::{self, Breaker};

/// How many ask the same house at once: beyond that nobody gets an answer, and nobody waits in a queue.
pub const ASKED_AT_ONCE_MAX: usize = 64;

/// Somebody outside who is asked.
#[derive(Debug)]
pub struct Outside {
    patience: Duration,
    places: Semaphore,
    breaker: Breaker,
}

impl Outside {
    /// Who is waited for so long.
    #[must_use]
    pub fn new(patience: Duration) -> Outside {
        Outside {
            patience,
            places: Semaphore::new(ASKED_AT_ONCE_MAX),
            breaker: Breaker::new(breaker::Settings::default()),
        }
    }

    /// Asks; `None` when there is no answer in time, or nobody should ask just now.
    pub async fn ask<T, E>(&self, question: impl Future<Output = Result<T, E>>) -> Option<T> {
        let _place = self.places.try_acquire().ok()?;
        let asked = Instant::now();
        if self.breaker.admit(asked).is_err() {
            return None;
        }
        match timeout(self.patience, question).await {
            Ok(Ok(answer)) => {
                self.breaker.answered(Instant::now());
                Some(answer)
            }
            Ok(Err(_)) | Err(_) => {
                self.breaker.failed(asked, Instant::now());
                None
            }
        }
    }
}

/// The answers to all of these, asked at once.
pub async fn all<T>(questions: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures::future::join_all(questions).await
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    /// In a time that passes as fast as nothing happens.
    fn in_time(test: impl Future<Output = ()>) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().start_paused(true).build().expect("a runtime").block_on(test);
    }

    #[test]
    fn nobody_waits_for_who_is_slow_and_who_is_away_is_left_alone() {
        in_time(async {
            let house = Outside::new(Duration::from_millis(600));
            let breaker::Settings { consecutive_errors, rest_ms, .. } = breaker::Settings::default();
            for _ in 0..consecutive_errors {
                let began = Instant::now();
                assert_eq!(house.ask(pending::<Result<u8, ()>>()).await, None);
                assert_eq!(began.elapsed(), Duration::from_millis(600));
            }
            let mut was_asked = false;
            let question = async {
                was_asked = true;
                Ok::<u8, ()>(7)
            };
            assert_eq!(house.ask(question).await, None, "it is left alone");
            assert!(!was_asked);
            tokio::time::advance(Duration::from_millis(rest_ms)).await;
            assert_eq!(house.ask(ready(Ok::<u8, ()>(7))).await, Some(7), "and asked again after a rest");
        });
    }

    #[test]
    fn beyond_so_many_at_once_nobody_waits_in_a_queue() {
        in_time(async {
            let house = Outside::new(Duration::from_secs(1));
            let waiting = all((0..ASKED_AT_ONCE_MAX).map(|_| house.ask(pending::<Result<u8, ()>>())));
            let one_more = async {
                tokio::task::yield_now().await;
                let began = Instant::now();
                assert_eq!(house.ask(ready(Ok::<u8, ()>(7))).await, None);
                assert_eq!(began.elapsed(), Duration::ZERO);
            };
            futures::future::join(waiting, one_more).await;
        });
    }
}

//! The circuit breaker: one per target, so that a dead target costs its callers nothing but an immediate no.
//!
//! Closed lets all through and counts failures in a row. Open lets none through. After a rest it is half-open: one
//! request goes as a probe, and its fate decides. It counts failures of the *target* (silence, nobody there), never
//! refusals: a shop that says "out of stock" is in good health. Nor does it count what was asked before the target last
//! answered: when one of two replicas dies, all that it was asked fails at once, while the other answers.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row that open the circuit. The sources ask for 5.
pub const FAILURES_MAX: u32 = 5;
/// How long an open circuit rests before it lets a probe through.
pub const REST: Duration = Duration::from_secs(2);

/// How the circuit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// All pass.
    Closed,
    /// None pass.
    Open,
    /// One passes, as a probe.
    HalfOpen,
}

#[derive(Debug, Clone, Copy)]
enum Inner {
    Closed { failures: u32, answered: Option<Instant> },
    Open { since: Instant },
    HalfOpen { since: Instant },
}

/// A circuit breaker.
#[derive(Debug)]
pub struct Breaker {
    inner: Mutex<Inner>,
}

impl Default for Breaker {
    fn default() -> Breaker {
        Breaker { inner: Mutex::new(Inner::Closed { failures: 0, answered: None }) }
    }
}

impl Breaker {
    /// Whether a request may go now. In the half-open state only the first asker hears yes.
    pub fn admits(&self, now: Instant) -> bool {
        let mut inner = self.lock();
        match *inner {
            Inner::Closed { .. } => true,
            // A probe that never reported (its task was dropped) must not keep the circuit open for ever.
            Inner::Open { since } | Inner::HalfOpen { since } if now.duration_since(since) >= REST => {
                *inner = Inner::HalfOpen { since: now };
                true
            }
            Inner::Open { .. } | Inner::HalfOpen { .. } => false,
        }
    }

    /// The target answered, whatever it said.
    pub fn answered(&self, now: Instant) {
        *self.lock() = Inner::Closed { failures: 0, answered: Some(now) };
    }

    /// The target did not answer what it was asked then. Returns whether this opened the circuit.
    pub fn failed(&self, asked: Instant, now: Instant) -> bool {
        let mut inner = self.lock();
        match *inner {
            Inner::Closed { answered: Some(answered), .. } if asked < answered => false,
            // Asked before the circuit opened: it is not the probe.
            Inner::HalfOpen { since } if asked < since => false,
            Inner::Closed { failures, answered } if failures + 1 < FAILURES_MAX => {
                *inner = Inner::Closed { failures: failures + 1, answered };
                false
            }
            Inner::Closed { .. } | Inner::HalfOpen { .. } => {
                *inner = Inner::Open { since: now };
                true
            }
            // A straggler from before the circuit opened says nothing new.
            Inner::Open { .. } => false,
        }
    }

    /// How it stands, for metrics.
    pub fn state(&self) -> State {
        match *self.lock() {
            Inner::Closed { .. } => State::Closed,
            Inner::Open { .. } => State::Open,
            Inner::HalfOpen { .. } => State::HalfOpen,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Allows extra attempts in proportion to first ones, so that a slow target is not met with a storm.
#[derive(Debug)]
pub struct Budget {
    tenths: Mutex<u32>,
}

/// What a first attempt earns, in tenths of an extra attempt: one in ten.
const EARNED: u32 = 1;
/// What an extra attempt costs.
const COST: u32 = 10;
/// The most that can be saved up: ten extra attempts, so that a quiet client may still hedge.
const SAVED_MAX: u32 = 100;

impl Default for Budget {
    fn default() -> Budget {
        Budget { tenths: Mutex::new(SAVED_MAX) }
    }
}

impl Budget {
    /// A first attempt was made.
    pub fn earn(&self) {
        let mut tenths = self.tenths.lock().unwrap_or_else(PoisonError::into_inner);
        *tenths = (*tenths + EARNED).min(SAVED_MAX);
    }

    /// Whether an extra attempt may be made; if so it is paid for.
    pub fn spend(&self) -> bool {
        let mut tenths = self.tenths.lock().unwrap_or_else(PoisonError::into_inner);
        if *tenths < COST {
            return false;
        }
        *tenths -= COST;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_in_a_row_open_the_circuit_and_one_probe_closes_it() {
        let breaker = Breaker::default();
        let start = Instant::now();
        for _ in 0..FAILURES_MAX - 1 {
            assert!(!breaker.failed(start, start));
        }
        assert_eq!(breaker.state(), State::Closed);
        assert!(breaker.failed(start, start));
        assert!(!breaker.admits(start), "an open circuit lets nobody through");
        let rested = start + REST;
        assert!(breaker.admits(rested), "a probe");
        assert!(!breaker.admits(rested), "one probe only");
        assert_eq!(breaker.state(), State::HalfOpen);
        breaker.answered(rested);
        assert!(breaker.admits(rested));
    }

    #[test]
    fn a_failed_probe_opens_the_circuit_again() {
        let breaker = Breaker::default();
        let start = Instant::now();
        (0..FAILURES_MAX).for_each(|_| {
            breaker.failed(start, start);
        });
        assert!(breaker.admits(start + REST));
        assert!(!breaker.failed(start, start + REST), "not the probe");
        assert!(breaker.failed(start + REST, start + REST));
        assert!(!breaker.admits(start + REST + REST / 2));
    }

    #[test]
    fn an_answer_between_failures_keeps_the_circuit_closed() {
        let breaker = Breaker::default();
        for _ in 0..100 {
            (0..FAILURES_MAX - 1).for_each(|_| {
                breaker.failed(Instant::now(), Instant::now());
            });
            breaker.answered(Instant::now());
        }
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn what_was_asked_before_the_last_answer_says_nothing() {
        let breaker = Breaker::default();
        let start = Instant::now();
        let (answered, later) = (start + REST, start + REST + REST);
        breaker.answered(answered);
        assert!((0..100).all(|_| !breaker.failed(start, later)));
        assert_eq!(breaker.state(), State::Closed);
        (0..FAILURES_MAX).for_each(|_| {
            breaker.failed(answered, later);
        });
        assert_eq!(breaker.state(), State::Open);
    }

    #[test]
    fn at_most_a_tenth_of_many_requests_is_sent_again() {
        let budget = Budget::default();
        let again = (0..1000).filter(|_| {
            budget.earn();
            budget.spend()
        });
        assert!((100..=110).contains(&again.count()), "a tenth, and ten that were saved up");
    }
}

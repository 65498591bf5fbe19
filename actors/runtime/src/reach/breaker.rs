//! The circuit breaker: one per target, so that a dead target costs its callers nothing but an immediate no.
//!
//! Closed lets all through and counts errors in a row. Open lets none through. After a rest it is half-open: a few
//! requests go as probes, and the first whose fate is known decides. It counts errors of the *target* (silence, nobody
//! there), never refusals: a shop that says "out of stock" is in good health. Nor does it count what was asked before the
//! target last answered: when one of two replicas dies, all that it was asked fails at once, while the other answers.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

/// When a circuit opens and closes.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Errors in a row that open it. The sources ask for 5.
    pub consecutive_errors: u32,
    /// How long an open circuit rests before it lets probes through, in milliseconds.
    pub rest_ms: u64,
    /// How many probes go in such a time.
    pub probes_max: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { consecutive_errors: 5, rest_ms: 2_000, probes_max: 3 }
    }
}

/// How the circuit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// All pass.
    Closed,
    /// None pass.
    Open,
    /// A few pass, as probes.
    HalfOpen,
}

impl State {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            State::Closed => "closed",
            State::Open => "open",
            State::HalfOpen => "half_open",
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Inner {
    Closed { failures: u32, answered: Option<Instant> },
    Open { since: Instant },
    HalfOpen { since: Instant, probes: u32 },
}

/// A circuit breaker.
#[derive(Debug)]
pub struct Breaker {
    settings: Settings,
    inner: Mutex<Inner>,
}

impl Breaker {
    /// A closed circuit.
    #[must_use]
    pub fn new(settings: Settings) -> Breaker {
        Breaker { settings, inner: Mutex::new(Inner::Closed { failures: 0, answered: None }) }
    }

    /// Whether a request may go now.
    ///
    /// # Errors
    /// It may not; after this time it is worth asking again.
    pub fn admit(&self, now: Instant) -> Result<(), Duration> {
        let rest = Duration::from_millis(self.settings.rest_ms);
        let mut inner = self.lock();
        match &mut *inner {
            Inner::Closed { .. } => Ok(()),
            // Probes that never reported (their tasks were dropped) must not keep the circuit open for ever.
            Inner::Open { since } | Inner::HalfOpen { since, .. } if now.saturating_duration_since(*since) >= rest => {
                *inner = Inner::HalfOpen { since: now, probes: 1 };
                Ok(())
            }
            Inner::HalfOpen { probes, .. } if *probes < self.settings.probes_max => {
                *probes += 1;
                Ok(())
            }
            Inner::Open { since } | Inner::HalfOpen { since, .. } => {
                Err(rest.saturating_sub(now.saturating_duration_since(*since)))
            }
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
            // Asked before the circuit opened: it is no probe.
            Inner::HalfOpen { since, .. } if asked < since => false,
            Inner::Closed { failures, answered } if failures + 1 < self.settings.consecutive_errors => {
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

    /// How it stands.
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

#[cfg(test)]
mod tests {
    use super::*;

    const FAILURES_MAX: u32 = 5;
    const REST: Duration = Duration::from_secs(2);

    fn breaker() -> Breaker {
        Breaker::new(Settings::default())
    }

    #[test]
    fn five_failures_in_a_row_open_the_circuit_and_a_probe_closes_it() {
        let breaker = breaker();
        let start = Instant::now();
        for _ in 0..FAILURES_MAX - 1 {
            assert!(!breaker.failed(start, start));
        }
        assert_eq!(breaker.state(), State::Closed);
        assert!(breaker.failed(start, start));
        assert_eq!(breaker.admit(start), Err(REST), "an open circuit lets nobody through");
        assert_eq!(breaker.admit(start + REST / 4), Err(REST * 3 / 4));
        let rested = start + REST;
        let probes = (0..10).filter(|_| breaker.admit(rested).is_ok());
        assert_eq!(probes.count(), 3, "a few probes only");
        assert_eq!(breaker.state(), State::HalfOpen);
        breaker.answered(rested);
        assert_eq!(breaker.admit(rested), Ok(()));
    }

    #[test]
    fn a_failed_probe_opens_the_circuit_again() {
        let breaker = breaker();
        let start = Instant::now();
        (0..FAILURES_MAX).for_each(|_| {
            breaker.failed(start, start);
        });
        assert_eq!(breaker.admit(start + REST), Ok(()));
        assert!(!breaker.failed(start, start + REST), "not a probe");
        assert!(breaker.failed(start + REST, start + REST));
        assert_eq!(breaker.admit(start + REST + REST / 2), Err(REST / 2));
    }

    #[test]
    fn an_answer_between_failures_keeps_the_circuit_closed() {
        let breaker = breaker();
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
        let breaker = breaker();
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
}

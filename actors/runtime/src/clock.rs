//! The clock: the one place that asks what time it is.
//!
//! Decisions take [`Facts::now`](crate::entity::Facts); intervals use [`tokio::time::Instant`], which a test can pause.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// How far a replica's clock may be from the server's before it stops hosting.
pub const SKEW_MAX: SignedDuration = SignedDuration::from_millis(500);

/// Wall time of a replica. Cheap to clone; clones share the offset.
#[derive(Debug, Clone)]
pub struct Clock {
    origin: Origin,
    offset_micros: Arc<AtomicI64>,
}

#[derive(Debug, Clone)]
enum Origin {
    System,
    /// A simulated epoch plus tokio's (pausable) monotonic clock.
    Simulated {
        epoch: Timestamp,
        started: tokio::time::Instant,
    },
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Clock {
        Clock { origin: Origin::System, offset_micros: Arc::default() }
    }

    /// A clock that starts at `epoch` and moves with tokio's clock, paused or not.
    #[must_use]
    pub fn simulated(epoch: Timestamp) -> Clock {
        Clock {
            origin: Origin::Simulated { epoch, started: tokio::time::Instant::now() },
            offset_micros: Arc::default(),
        }
    }

    /// The same moment read through another, wrong clock.
    #[must_use]
    pub fn skewed(&self, by: SignedDuration) -> Clock {
        let offset = self.offset_micros.load(Ordering::Relaxed).saturating_add(micros(by));
        Clock { origin: self.origin.clone(), offset_micros: Arc::new(AtomicI64::new(offset)) }
    }

    /// The time now, in whole microseconds: finer would not survive a protobuf round trip of ours.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the replacement the lint points to")]
    pub fn now(&self) -> Timestamp {
        let base = match &self.origin {
            Origin::System => Timestamp::now(),
            Origin::Simulated { epoch, started } => {
                let elapsed = SignedDuration::try_from(started.elapsed()).unwrap_or(SignedDuration::MAX);
                epoch.saturating_add(elapsed).unwrap_or(*epoch)
            }
        };
        let micros = base.as_microsecond().saturating_add(self.offset_micros.load(Ordering::Relaxed));
        Timestamp::from_microsecond(micros).unwrap_or(base)
    }
}

/// What a future comes to within a time; `None` when it does not. For those who call the outside.
pub async fn within<F: Future>(limit: std::time::Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(limit, future).await.ok()
}

pub use messages::time::to_wire;

/// The moment the contract carries; the epoch when there is none, or none that exists.
#[must_use]
pub fn from_wire(at: Option<&prost_types::Timestamp>) -> Timestamp {
    at.and_then(messages::time::from_wire).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn micros(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

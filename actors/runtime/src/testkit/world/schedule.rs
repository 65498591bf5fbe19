//! The schedule: everything that is going to happen, in one total order.
//!
//! Latencies are drawn in microseconds and decide the order; tokio's clock ticks in milliseconds, so what falls into
//! one tick happens at its end, still in that order.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::state::State;

/// Something that happens to the world.
pub(super) type Event = Box<dyn FnOnce(&mut State) + Send>;

/// What is going to happen, and when.
#[derive(Default)]
pub(super) struct Schedule {
    /// The number keeps what is due together in the order in which it was scheduled.
    events: BTreeMap<(Instant, u64), Event>,
    scheduled: u64,
    /// Told when the first event has changed.
    pub(super) sooner: Arc<Notify>,
}

impl Schedule {
    pub(super) fn at(&mut self, when: Instant, event: Event) {
        self.scheduled += 1;
        let is_first = self.first_due().is_none_or(|first| when < first);
        self.events.insert((when, self.scheduled), event);
        if is_first {
            self.sooner.notify_one();
        }
    }

    pub(super) fn first_due(&self) -> Option<Instant> {
        self.events.first_key_value().map(|((when, _), _)| *when)
    }

    /// Takes the next event that is due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Event> {
        if self.first_due()? > now {
            return None;
        }
        self.events.pop_first().map(|(_, event)| event)
    }
}

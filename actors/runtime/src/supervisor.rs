//! The supervisor: makes a part of a replica anew when it dies, and gives up when that does not help.
//!
//! actix's own supervisor does not survive a panic and goes on with the same struct. This one is told of every death by
//! the dead part itself (its watch is dropped with it), and always starts a *new* part from the store and the log.
//! One part's death is its own, up to [`RESTARTS_MAX`] a minute; then the whole replica is judged sick.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

/// How many deaths within [`WITHIN`] are mended; one more and the replica is given up.
pub const RESTARTS_MAX: usize = 5;
/// The window of [`RESTARTS_MAX`].
pub const WITHIN: Duration = Duration::from_secs(60);

/// A part of a replica.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A partition.
    Partition(u32),
    /// The tail.
    Tail,
    /// The views.
    Views,
    /// The agenda.
    Agenda,
    /// The checkpoints.
    Checkpoint,
    /// Membership and listening.
    Membership,
    /// The feed of a partition.
    Feed(u32),
    /// Hearing a partition of a source.
    Hearer(&'static str, u32),
    /// Operators' verbs and discovery.
    Ops,
    /// The look at clock and disk.
    Vitals,
}

impl Part {
    /// Whether it can be made anew alone. The others hold what their neighbours have told them and do not say twice.
    #[must_use]
    pub fn stands_alone(&self) -> bool {
        !matches!(self, Part::Views | Part::Agenda | Part::Checkpoint | Part::Membership)
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Part::Partition(number) => write!(f, "partition {number}"),
            Part::Feed(number) => write!(f, "feed of partition {number}"),
            Part::Hearer(source, number) => write!(f, "hearer of {source} {number}"),
            other => write!(f, "{}", format!("{other:?}").to_lowercase()),
        }
    }
}

/// Held by a part; tells of its death by being dropped.
pub(crate) struct Watch {
    part: Part,
    deaths: mpsc::UnboundedSender<Part>,
}

impl Watch {
    pub(crate) fn over(part: Part, deaths: &mpsc::UnboundedSender<Part>) -> Watch {
        Watch { part, deaths: deaths.clone() }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Nobody is there to be told when the whole replica goes.
        let _ = self.deaths.send(self.part.clone());
    }
}

/// Counts deaths.
#[derive(Debug, Default)]
pub(crate) struct Intensity {
    deaths: VecDeque<Instant>,
}

impl Intensity {
    /// Notes a death. Says whether it may still be mended.
    pub(crate) fn allows(&mut self, now: Instant) -> bool {
        while self.deaths.front().is_some_and(|death| now.duration_since(*death) > WITHIN) {
            self.deaths.pop_front();
        }
        self.deaths.push_back(now);
        self.deaths.len() < RESTARTS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fifth_death_in_a_minute_is_one_too_many() {
        let mut intensity = Intensity::default();
        let start = Instant::now();
        let allowed: Vec<bool> = (0..RESTARTS_MAX).map(|_| intensity.allows(start)).collect();
        assert_eq!(allowed, [true, true, true, true, false]);
    }

    #[test]
    fn deaths_a_minute_apart_are_always_mended() {
        let mut intensity = Intensity::default();
        let start = Instant::now();
        for minute in 0u32..20 {
            assert!(intensity.allows(start + (WITHIN + Duration::from_secs(1)) * minute));
        }
    }
}

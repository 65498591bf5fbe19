//! The dice: every chance in a world comes from one seeded generator, in the order of events.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

/// A hop between a client and the server takes this long, in microseconds.
const HOP_MICROS: std::ops::RangeInclusive<u64> = 50..=500;

pub(super) struct Dice(StdRng);

impl Dice {
    pub(super) fn seeded(seed: u64) -> Dice {
        Dice(StdRng::seed_from_u64(seed))
    }

    /// Whether something happens that does so `permille` times in a thousand.
    pub(super) fn happens(&mut self, permille: u32) -> bool {
        permille > 0 && self.0.random_ratio(permille.min(1_000), 1_000)
    }

    pub(super) fn coin(&mut self) -> bool {
        self.0.random()
    }

    pub(super) fn seed(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// One of `count` things, counted from 0.
    pub(super) fn choose(&mut self, count: usize) -> usize {
        self.0.random_range(0..count)
    }

    /// A duration of at most `longest`, in whole microseconds.
    pub(super) fn up_to(&mut self, longest: Duration) -> Duration {
        let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.0.random_range(0..=micros))
    }

    pub(super) fn hop(&mut self) -> Duration {
        Duration::from_micros(self.0.random_range(HOP_MICROS))
    }
}

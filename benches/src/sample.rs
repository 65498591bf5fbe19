//! A sample: what one run of a load brought. Whole numbers only: microseconds, and thousandths for parts.

use std::time::Duration;

/// What one run of a load brought.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// How long the run took.
    pub took: Duration,
    /// What did not succeed.
    pub failed: u64,
    /// How long each success took, in microseconds; in order once [`Sample::of`] has made it.
    latencies: Vec<u32>,
}

/// What one client of a closed loop notes.
#[derive(Debug, Default)]
pub struct Tally {
    latencies: Vec<u32>,
    failed: u64,
}

impl Tally {
    /// A success that took so long.
    pub fn succeeded(&mut self, took: Duration) {
        self.latencies.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    /// Something else.
    pub fn failed(&mut self) {
        self.failed += 1;
    }
}

impl Sample {
    /// Puts together what the clients of one run noted.
    #[must_use]
    pub fn of(tallies: impl IntoIterator<Item = Tally>, took: Duration) -> Sample {
        let mut sample = Sample { took, ..Sample::default() };
        for tally in tallies {
            sample.failed += tally.failed;
            sample.latencies.extend(tally.latencies);
        }
        sample.latencies.sort_unstable();
        sample
    }

    /// How many succeeded.
    #[must_use]
    pub fn done(&self) -> u64 {
        u64::try_from(self.latencies.len()).unwrap_or(u64::MAX)
    }

    /// How many succeeded in a second.
    #[must_use]
    pub fn per_second(&self) -> u64 {
        let micros = self.took.as_micros().max(1);
        u64::try_from(u128::from(self.done()) * 1_000_000 / micros).unwrap_or(u64::MAX)
    }

    /// The latency that so many thousandths of the successes stay within, in microseconds; 0 without any.
    #[must_use]
    pub fn within(&self, per_mille: usize) -> u64 {
        let rank = (self.latencies.len() * per_mille).div_ceil(1000).max(1);
        self.latencies.get(rank - 1).copied().unwrap_or(0).into()
    }
}

/// The middle one; the lower of two middles, 0 of none.
#[must_use]
pub fn median(values: impl IntoIterator<Item = u64>) -> u64 {
    let mut values: Vec<u64> = values.into_iter().collect();
    values.sort_unstable();
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}

/// How many thousandths of `of` this is.
#[must_use]
pub fn per_mille(value: u64, of: u64) -> u64 {
    value.saturating_mul(1000) / of.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(micros: impl IntoIterator<Item = u64>, took: Duration) -> Sample {
        let tally = |micros| {
            let mut tally = Tally::default();
            tally.succeeded(Duration::from_micros(micros));
            tally
        };
        Sample::of(micros.into_iter().map(tally), took)
    }

    #[test]
    fn a_sample_tells_rate_and_percentiles() {
        let sample = sample((1..=1000).rev(), Duration::from_millis(500));
        assert_eq!((sample.done(), sample.per_second()), (1000, 2000));
        assert_eq!((sample.within(500), sample.within(990), sample.within(1000)), (500, 990, 1000));
    }

    #[test]
    fn nothing_is_no_division_by_zero() {
        let sample = Sample::of([], Duration::ZERO);
        assert_eq!((sample.per_second(), sample.within(990)), (0, 0));
        assert_eq!((median([]), per_mille(7, 0)), (0, 7000));
    }

    #[test]
    fn one_outlier_does_not_move_the_median() {
        assert_eq!(median([900, 3, 1]), 3);
        assert_eq!(median([4, 3, 2, 1]), 2);
    }
}

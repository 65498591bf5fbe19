//! Back-off: when something that did not work is tried again, and when it is given up.

use jiff::{SignedDuration, Timestamp};

/// The pauses between tries: quick at first, because most failures are over in a minute; long at the end, because what
/// has been down for a day is mended by people. Together 71 h 36 min: a weekend with a day to spare for somebody to look.
pub const PAUSES: [SignedDuration; 10] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(5),
    SignedDuration::from_hours(10),
    SignedDuration::from_hours(14),
    SignedDuration::from_hours(20),
    SignedDuration::from_hours(20),
];

/// When to try again after so many tries that ended at a moment; `None` when it is given up.
#[must_use]
pub fn next_try(tries: u32, now: Timestamp) -> Option<Timestamp> {
    let place = usize::try_from(tries.max(1) - 1).unwrap_or(usize::MAX);
    PAUSES.get(place).map(|pause| now.saturating_add(*pause).unwrap_or(now))
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::moment;

    use super::*;

    #[test]
    fn tries_end_within_three_days() {
        let mut now = moment(0);
        let mut tries = 1;
        while let Some(next) = next_try(tries, now) {
            assert!(next > now);
            (now, tries) = (next, tries + 1);
        }
        assert_eq!(tries, 11);
        let took = now.duration_since(moment(0));
        assert!(took > SignedDuration::from_hours(71) && took <= SignedDuration::from_hours(72), "{took}");
    }
}

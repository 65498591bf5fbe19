//! Working days: Monday to Friday, in UTC. Holidays differ by town and are the carrier's to know.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// The day of a moment.
#[must_use]
pub fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// The working day that is so many working days after a day; with none, that day itself or the next working day.
#[must_use]
pub fn after(day: Date, working_days: u32) -> Date {
    let mut day = to_working(day);
    for _ in 0..working_days {
        day = to_working(next(day));
    }
    day
}

fn next(day: Date) -> Date {
    // The calendar ends in the year 9999; nobody waits that long.
    day.checked_add(1.day()).unwrap_or(day)
}

fn to_working(mut day: Date) -> Date {
    // At most two days of a weekend are passed over.
    for _ in 0..2 {
        if matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
            day = next(day);
        }
    }
    day
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn weekends_are_passed_over() {
        // 2026-01-30 is a Friday.
        let friday = date(2026, 1, 30);
        assert_eq!(after(friday, 0), friday);
        assert_eq!(after(friday, 1), date(2026, 2, 2));
        assert_eq!(after(friday, 5), date(2026, 2, 6));
        assert_eq!(after(friday, 6), date(2026, 2, 9));
        assert_eq!(after(date(2026, 1, 31), 0), date(2026, 2, 2), "a Saturday is no working day");
        assert_eq!(after(date(2026, 2, 1), 1), date(2026, 2, 3));
    }
}

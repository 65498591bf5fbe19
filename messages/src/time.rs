//! Times: protobuf's seconds and nanoseconds, jiff's [`jiff::Timestamp`], and RFC 3339 text in UTC with `Z`.
//!
//! Text has one shape only. An offset other than `Z`, a space for the `T` or a missing second is refused: two spellings
//! of one moment would be two bodies under one idempotency key. This module reads no clock.

use jiff::fmt::temporal::DateTimePrinter;
use prost_types::Timestamp;

/// For the wire.
pub fn to_wire(time: jiff::Timestamp) -> Timestamp {
    // The wire counts nanoseconds upwards from the second below, also before 1970.
    let nanos = time.as_nanosecond();
    let second = i128::from(NANOS_PER_SECOND);
    Timestamp {
        seconds: i64::try_from(nanos.div_euclid(second)).unwrap_or_default(),
        nanos: i32::try_from(nanos.rem_euclid(second)).unwrap_or_default(),
    }
}

const NANOS_PER_SECOND: i32 = 1_000_000_000;

/// From the wire, if a calendar knows the moment.
pub fn from_wire(timestamp: &Timestamp) -> Option<jiff::Timestamp> {
    if !(0..NANOS_PER_SECOND).contains(&timestamp.nanos) {
        return None;
    }
    jiff::Timestamp::new(timestamp.seconds, timestamp.nanos).ok()
}

/// Appends `2026-01-31T09:30:00Z`, with as many decimals as needed; false, and nothing, if no calendar knows the moment.
pub(crate) fn print(timestamp: &Timestamp, out: &mut Vec<u8>) -> bool {
    const PRINTER: DateTimePrinter = DateTimePrinter::new();
    let Some(time) = from_wire(timestamp) else { return false };
    PRINTER.print_timestamp(&time, out).is_ok()
}

/// Reads what [`print`] writes.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    has_shape(text.as_bytes()).then(|| text.parse().ok().map(to_wire))?
}

/// `dddd-dd-ddTdd:dd:dd`, perhaps a dot and one to nine digits, `Z`.
fn has_shape(text: &[u8]) -> bool {
    const SHAPE: &[u8; 19] = b"0000-00-00T00:00:00";
    let Some((start, rest)) = text.split_at_checked(SHAPE.len()) else { return false };
    let fits = |(wanted, found): (&u8, &u8)| if *wanted == b'0' { found.is_ascii_digit() } else { wanted == found };
    SHAPE.iter().zip(start).all(fits)
        && match rest {
            [b'Z'] => true,
            [b'.', decimals @ .., b'Z'] => (1..=9).contains(&decimals.len()) && decimals.iter().all(u8::is_ascii_digit),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_one_spelling() {
        for good in ["2026-01-31T09:30:00Z", "2026-01-31T09:30:00.5Z", "1969-12-31T23:59:59.000000001Z"] {
            let mut out = Vec::new();
            assert!(print(&parse(good).expect(good), &mut out));
            assert_eq!(String::from_utf8(out).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "Z",
            "2026-01-31",
            "2026-01-31T09:30Z",
            "2026-01-31 09:30:00Z",
            "2026-01-31t09:30:00z",
            "2026-01-31T09:30:00+00:00",
            "2026-01-31T09:30:00",
            "2026-01-31T09:30:00.Z",
            "2026-01-31T09:30:00.1234567890Z",
            "2026-02-30T09:30:00Z",
            "2026-01-31T25:30:00Z",
            "2026-01-31T09:30:00Z[UTC]",
            "２026-01-31T09:30:00Z",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_moment_no_calendar_knows_is_none() {
        assert_eq!(from_wire(&Timestamp { seconds: i64::MAX, nanos: 0 }), None);
        assert_eq!(from_wire(&Timestamp { seconds: 0, nanos: -1 }), None);
        assert_eq!(from_wire(&Timestamp { seconds: 0, nanos: NANOS_PER_SECOND }), None);
    }
}

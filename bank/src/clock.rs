//! The clock of the bank: its own, as it is a house of its own.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the bank stands for somebody else's house, and has a clock of its own")]
pub(crate) fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Something that no other bank has: when it opened, to the nanosecond, and in which process.
#[expect(clippy::disallowed_methods, reason = "the bank stands for somebody else's house, and has a clock of its own")]
pub(crate) fn salt() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let hash = blake3::hash(format!("{since} {}", std::process::id()).as_bytes());
    hash.to_hex()[..16].to_owned()
}

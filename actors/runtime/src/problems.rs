//! Problems the runtime itself has with a request. Those of the business come from the groups.

use std::fmt::Display;
use std::time::Duration;

use messages::problem::{Kind, Problem};

/// Our bug, or a damaged row: the cause is logged and never leaves the process.
pub(crate) fn internal(cause: &dyn Display) -> Problem {
    tracing::error!(cause = %cause, "a command failed inside");
    Problem::internal()
}

pub(crate) fn panicked() -> Problem {
    Problem::new(
        Kind::Internal,
        "panicked",
        "The command made the actor fail; nothing was changed, and it has been logged.",
    )
}

pub(crate) fn quarantined(actor: &dyn Display) -> Problem {
    let detail = format!("{actor} failed three times in a row and is set aside on this replica.");
    Problem::unavailable("quarantined", detail, Duration::from_secs(30))
}

pub(crate) fn busy() -> Problem {
    Problem::unavailable("busy", "Too many commands wait for this partition.", Duration::from_millis(50))
}

pub(crate) fn not_hosting(reason: &str) -> Problem {
    let detail = format!("This replica does not serve the partition: {reason}");
    Problem::unavailable("not_hosting", detail, Duration::from_millis(100))
}

/// A canary may not write what the stable version cannot read.
pub(crate) const NOT_PROMOTED: &str = "not_promoted";

pub(crate) fn not_promoted(needs: u32, stable: u32) -> Problem {
    let detail =
        format!("This canary would record an event of schema {needs}; the stable replicas know up to {stable}.");
    Problem::unavailable(NOT_PROMOTED, detail, Duration::from_secs(1))
}

pub(crate) fn storage_low() -> Problem {
    let detail = "The log is nearly full: what exists can be finished, nothing new is begun.";
    Problem::unavailable("storage_low", detail, Duration::from_secs(30))
}

pub(crate) fn log_full(reason: &str) -> Problem {
    let detail = format!("The log refuses writes: {reason}");
    Problem::unavailable("storage_full", detail, Duration::from_secs(30))
}

pub(crate) fn neighbour_unavailable(group: &str, retry_after: Duration) -> Problem {
    let detail = format!("{group} is needed for this and not available; nothing was done.");
    Problem::unavailable("neighbour_unavailable", detail, retry_after)
}

pub(crate) fn neighbour_silent(group: &str) -> Problem {
    let detail = format!("{group} is needed for this and did not answer in time; nothing was done here.");
    Problem::new(Kind::Timeout, "neighbour_silent", detail).retry_after(Duration::from_secs(1))
}

pub(crate) fn too_late() -> Problem {
    let detail = "The caller's deadline had passed before the request was handled; nothing was done.";
    Problem::new(Kind::Timeout, "deadline_passed", detail)
}

pub(crate) fn position_not_reached() -> Problem {
    let detail = "The read did not come to include the position it must include in time.";
    Problem::new(Kind::Timeout, "position_not_reached", detail).retry_after(Duration::from_millis(200))
}

pub(crate) fn fingerprint_mismatch() -> Problem {
    Problem::new(Kind::Unprocessable, "fingerprint_mismatch", "This command id was used before with another body.")
}

pub(crate) fn command_too_large(bytes: usize) -> Problem {
    let detail = format!("The command would record {bytes} bytes; the most is 1 MiB.");
    Problem::new(Kind::Unprocessable, "command_too_large", detail)
}

pub(crate) fn key_mismatch(field: &str, address: &str) -> Problem {
    let detail = format!("The request names another {field} than its address, {address}.");
    Problem::new(Kind::Invalid, "key_mismatch", detail)
}

pub(crate) fn unknown_verb(group: &str, verb: &str) -> Problem {
    Problem::not_found("unknown_verb", format!("The group {group} has no verb {verb:?} there."))
}

pub(crate) fn forbidden(scope: &str) -> Problem {
    Problem::new(Kind::Forbidden, "missing_scope", format!("The caller lacks the scope {scope}."))
}

pub(crate) fn malformed_header(cause: &crate::headers::Malformed) -> Problem {
    Problem::new(Kind::Invalid, "malformed_header", cause.to_string())
}

pub(crate) fn undecodable_request(cause: &dyn Display) -> Problem {
    Problem::new(Kind::Invalid, "undecodable", format!("The request is not such a message: {cause}"))
}

pub(crate) fn not_in_history(at: &str) -> Problem {
    Problem::not_found("not_in_history", format!("The entity did not exist at {at}."))
}

pub(crate) fn bad_at() -> Problem {
    Problem::new(Kind::Invalid, "bad_at", "`at` takes a version, or a time in RFC 3339.")
}

pub(crate) fn bad_cursor() -> Problem {
    Problem::new(Kind::Invalid, "bad_cursor", "This cursor was not given out by this list.")
}

pub(crate) fn view_rebuilding(view: &str) -> Problem {
    let detail = format!("The read model {view} is being rebuilt.");
    Problem::unavailable("view_rebuilding", detail, Duration::from_secs(2))
}

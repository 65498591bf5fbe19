//! What a person at the terminal reads. Logs go to standard error; this goes to standard output.

use std::io::Write as _;

/// A line.
pub(crate) fn say(line: &str) {
    // A reader that went away (`| head`) is no reason to fail.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A line about what went wrong.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

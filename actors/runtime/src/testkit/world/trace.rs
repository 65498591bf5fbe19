//! The trace: what happened, for the fingerprint of a run and for whoever looks at a failure.

use std::collections::VecDeque;
use std::fmt::{Arguments, Write as _};

use jiff::Timestamp;

/// How many lines are kept to be shown.
const LINES_MAX: usize = 60;

#[derive(Default)]
pub(super) struct Trace {
    hasher: blake3::Hasher,
    lines: VecDeque<String>,
}

impl Trace {
    pub(super) fn note(&mut self, at: Timestamp, what: Arguments<'_>) {
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        let mut line = at.to_string();
        // Writing to a string cannot fail.
        let _ = write!(line, " {what}");
        self.hasher.update(line.as_bytes());
        self.lines.push_back(line);
    }

    pub(super) fn fingerprint(&self) -> [u8; 32] {
        *self.hasher.finalize().as_bytes()
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}

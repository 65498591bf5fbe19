//! What an audit finds: where, what is wrong there, and by how much.

use std::fmt;

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Something was made or lost that must be conserved.
    Wrong,
    /// Nothing is lost, but somebody has to look.
    Alarm,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    /// For machines.
    pub(crate) code: &'static str,
    /// The exact place: `order ord_…`, `shelf wh_… MUG-BLUE`.
    pub(crate) place: String,
    /// For people.
    pub(crate) says: String,
}

impl Finding {
    pub(crate) fn wrong(code: &'static str, place: impl Into<String>, says: impl Into<String>) -> Finding {
        Finding { level: Level::Wrong, code, place: place.into(), says: says.into() }
    }

    pub(crate) fn alarm(code: &'static str, place: impl Into<String>, says: impl Into<String>) -> Finding {
        Finding { level: Level::Alarm, ..Finding::wrong(code, place, says) }
    }

    /// Whether this is the other, seen again. What it says may have moved on since.
    pub(crate) fn is_still(&self, other: &Finding) -> bool {
        (self.code, &self.place) == (other.code, &other.place)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { level, code, place, says } = self;
        let level = match level {
            Level::Wrong => "WRONG",
            Level::Alarm => "alarm",
        };
        write!(f, "{level}  {code:<22} {place}: {says}")
    }
}

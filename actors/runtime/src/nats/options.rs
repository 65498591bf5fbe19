//! How a process reaches NATS, and as whom.

use std::fmt;
use std::time::Duration;

use super::tls::Files;
use crate::fabric::Error;

/// How long an append, a read or any other question to the server waits for its answer.
pub const SERVER_WITHIN: Duration = Duration::from_secs(5);
/// How often a quiet connection is tried. Two unanswered tries end it, so a dead link is noticed in 15 s at most; the
/// library's default would take three minutes.
pub const PING_EVERY: Duration = Duration::from_secs(5);
/// How long the first connection may take before the start is given up.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(30);

/// A user's secret: the seed of its nkey. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed(String);

impl Seed {
    /// Takes a seed as `nk` and [`permissions::Keys`](crate::permissions::Keys) write it: `SU…`.
    #[must_use]
    pub fn new(seed: impl Into<String>) -> Seed {
        Seed(seed.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// How a process reaches NATS, and as whom.
#[derive(Debug, Clone)]
pub struct Options {
    /// `nats://host:port` of one or more servers; the others of a cluster are learnt from it.
    pub urls: Vec<String>,
    /// The group, which is also the NATS user and the owner of the log; or `gateway`, `operator`.
    pub group: String,
    /// The replica's name, unique within its group.
    pub replica: String,
    /// The user's secret, where the server asks for one.
    pub seed: Option<Seed>,
    /// Mutual TLS: whom it trusts and what it shows. `None` speaks plain TCP.
    pub tls: Option<Files>,
    /// How many servers keep each log: 1, or 3 in a cluster.
    pub replicas: usize,
    /// How long an append, a read or any other question to the server waits for its answer.
    pub server_within: Duration,
    /// How long the first connection may take.
    pub connect_within: Duration,
    /// How long the feed keeps an event.
    pub feed_max_age: Duration,
}

impl Options {
    /// The defaults: one server, no secret, no TLS, a week of feed.
    #[must_use]
    pub fn new(urls: Vec<String>, group: impl Into<String>, replica: impl Into<String>) -> Options {
        Options {
            urls,
            group: group.into(),
            replica: replica.into(),
            seed: None,
            tls: None,
            replicas: 1,
            server_within: SERVER_WITHIN,
            connect_within: CONNECT_WITHIN,
            feed_max_age: Duration::from_hours(7 * 24),
        }
    }

    /// The connection's name, as `nats server report connections` shows it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.group, self.replica)
    }

    /// # Errors
    /// When a name cannot stand in a subject or in a consumer's name.
    pub(super) fn validate(&self) -> Result<(), Error> {
        let is_word = |name: &str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            (1..=64).contains(&name.len()) && name.bytes().all(fits)
        };
        for (what, name) in [("the group's name", &self.group), ("the replica's name", &self.replica)] {
            if !is_word(name) {
                let reason = format!("{name:?} must be 1 to 64 letters, digits, - or _");
                return Err(Error::Mismatch { what: what.to_owned(), reason });
            }
        }
        Ok(())
    }

    /// Where this user's answers arrive. Each user has its own, so that none can listen to another's.
    #[must_use]
    pub fn inbox(&self) -> String {
        inbox_of(&self.group)
    }
}

/// The inbox prefix of a user.
#[must_use]
pub fn inbox_of(user: &str) -> String {
    format!("_INBOX_{user}")
}

//! Providers: what takes messages and webhooks out of the house.
//!
//! Each is one call of an agenda. What a provider knows it says: it was taken, it never will be, or not now. What it does
//! not know it does not guess; then the runtime makes the call again under the same key, and the outside sees the same
//! message id. A call that is still under way is not made twice at once by the same process ([`Alone`]).

mod alone;
mod capture;
mod guard;
mod post;
mod settings;
mod smtp;
mod webhook;

use std::sync::Arc;

use bytes::Bytes;
use runtime::entity::Outcome;
use runtime::group::{Provider, Said};
use serde::{Deserialize, Serialize};

pub use alone::Alone;
pub use capture::{CAPTURE, Capture};
pub use guard::{Doors, is_public};
pub use post::{Gateway, Post};
pub use settings::{BadSettings, Settings};
pub use smtp::{Security, Smtp, Staff};
pub use webhook::{Posting, Webhooks};

use crate::message::Why;
use crate::wire;

/// The name under which agendas call the provider of webhooks.
pub const WEBHOOK: &str = "webhook";

/// Everything outside that the group speaks to.
#[derive(Clone)]
pub struct Outside {
    /// Takes e-mail.
    pub email: Arc<dyn Provider>,
    /// Takes text messages.
    pub sms: Arc<dyn Provider>,
    /// Takes push messages.
    pub push: Arc<dyn Provider>,
    /// Posts webhooks.
    pub webhook: Arc<dyn Provider>,
    /// Whether webhooks may go to this machine and to private networks.
    pub doors: Doors,
    /// Whether what happens in the shop is kept for those who ask.
    pub keeps_events: bool,
}

/// What a provider knows of a message that it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It took the message.
    Taken {
        /// Which provider that is.
        provider: String,
        /// What it calls the message.
        reference: String,
        /// It also knows that the message has arrived.
        arrived: bool,
    },
    /// It did not take it, and may later.
    Later(Why),
    /// There is nobody at that address.
    NoSuchRecipient(Why),
    /// It never will.
    Refused(Why),
}

impl Verdict {
    /// What is said to the runtime: every verdict settles the call.
    #[must_use]
    pub fn said(&self) -> Said {
        Said::Settled(Outcome::Done(Bytes::from(serde_json::to_vec(self).unwrap_or_default())))
    }

    /// What was said.
    #[must_use]
    pub fn of(outcome: Outcome) -> Verdict {
        let odd = |detail: String| Verdict::Refused(Why { reason: "provider_failed".to_owned(), detail });
        match outcome {
            Outcome::Done(said) => serde_json::from_slice(&said).unwrap_or_else(|e| odd(e.to_string())),
            Outcome::Refused(problem) => odd(problem.to_string()),
        }
    }
}

/// A reason with what the provider said about it, cut to a length that fits an event.
pub(crate) fn why(reason: &str, detail: impl std::fmt::Display) -> Why {
    let detail: String = detail.to_string().chars().take(DETAIL_CHARS_MAX).collect();
    Why { reason: reason.to_owned(), detail }
}

/// How much of what a provider says is kept.
const DETAIL_CHARS_MAX: usize = 1_000;

/// A request that nobody can read was written by another version; it will not get better.
pub(crate) fn unreadable(cause: &serde_json::Error) -> Said {
    Said::Settled(Outcome::Refused(wire::unreadable_request(cause)))
}

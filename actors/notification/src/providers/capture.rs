//! Capture: the provider that sends nothing. The message is in the log with all that it says, so the mailbox is a list of
//! the messages that it took; it needs no store of its own.

use bytes::Bytes;
use runtime::group::Provider;

use super::Verdict;
use super::post::Calling;

/// The name of the provider, by which the mailbox finds its messages.
pub const CAPTURE: &str = "capture";

/// Takes every message, and knows that it arrived.
#[derive(Debug, Clone, Copy, Default)]
pub struct Capture;

impl Provider for Capture {
    fn call<'a>(&'a self, key: &'a str, _: Bytes) -> Calling<'a> {
        let taken = Verdict::Taken { provider: CAPTURE.to_owned(), reference: key.to_owned(), arrived: true };
        Box::pin(async move { taken.said() })
    }
}

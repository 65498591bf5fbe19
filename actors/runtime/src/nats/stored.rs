//! Messages that lie in a stream, read one by one from its leader.
//!
//! By hand, because the library's own way forgets all but one of a header's values.

use std::str::FromStr as _;

use async_nats::{HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::link::{Link, Refusal};
use crate::bus::Headers;

/// Which message.
#[derive(Debug, Clone)]
pub(super) enum Which {
    /// The one of this sequence.
    At(u64),
    /// The first after this sequence whose subject matches.
    Next(u64, String),
    /// The last of this subject.
    Last(String),
}

/// A message as stored.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) subject: String,
    pub(super) sequence: u64,
    pub(super) at: Timestamp,
    pub(super) headers: Headers,
    pub(super) payload: Bytes,
}

#[derive(Deserialize)]
struct Answer {
    message: Raw,
}

#[derive(Deserialize)]
struct Raw {
    subject: String,
    seq: u64,
    time: Timestamp,
    #[serde(default)]
    hdrs: String,
    #[serde(default)]
    data: String,
}

impl Link {
    /// A message of a stream, if there is such a one.
    pub(super) async fn stored(&self, stream: &str, which: &Which) -> Result<Option<Stored>, Refusal> {
        let query = match which {
            Which::At(sequence) => json!({"seq": sequence}),
            Which::Next(after, subject) => json!({"seq": after + 1, "next_by_subj": subject}),
            Which::Last(subject) => json!({"last_by_subj": subject}),
        };
        match self.ask::<Answer>(format!("STREAM.MSG.GET.{stream}"), &query).await {
            Ok(Answer { message }) => decode(message).map(Some).map_err(Refusal::Silence),
            Err(refusal) if refusal.is(async_nats::jetstream::ErrorCode::NO_MESSAGE_FOUND) => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }
}

fn decode(raw: Raw) -> Result<Stored, String> {
    let bytes = |encoded: &str| STANDARD.decode(encoded).map_err(|failure| format!("message {}: {failure}", raw.seq));
    Ok(Stored {
        sequence: raw.seq,
        at: raw.time,
        headers: headers(&bytes(&raw.hdrs)?),
        payload: bytes(&raw.data)?.into(),
        subject: raw.subject,
    })
}

/// Reads `NATS/1.0\r\nName: value\r\n…`. What is no header is passed over: it was stored, so it must be readable.
fn headers(block: &[u8]) -> Headers {
    let mut headers = Headers::new();
    for line in String::from_utf8_lossy(block).split("\r\n").skip(1) {
        let Some((name, value)) = line.split_once(':').filter(|(name, _)| !name.is_empty()) else { continue };
        // Anybody may have stored it: a name that is none must not panic.
        if let (Ok(name), Ok(value)) = (HeaderName::from_str(name), HeaderValue::from_str(value.trim())) {
            headers.append(name, value);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_a_header_is_kept() {
        let read = headers(b"NATS/1.0\r\nShop-Note: one\r\nShop-Note:two\r\nShop-At: 12:30\r\nnonsense\r\n: x\r\n\xffbad name: y\r\n\r\n");
        let values: Vec<&str> = read.get_all("Shop-Note").map(HeaderValue::as_str).collect();
        assert_eq!(values, ["one", "two"]);
        assert_eq!(read.get("Shop-At").map(HeaderValue::as_str), Some("12:30"));
        assert_eq!(read.len(), 2);
    }
}

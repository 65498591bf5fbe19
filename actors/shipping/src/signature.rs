//! Who really sent a webhook: signatures by Standard Webhooks (standardwebhooks.com), HMAC-SHA256 with a shared secret.
//!
//! Signed is `<id>.<timestamp>.<body>`, so neither can be put on another body; and what is older than five minutes is
//! refused, so nobody can say it again later. Comparing takes the same time whatever is wrong.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};

/// The header with the message's id.
pub const ID: &str = "webhook-id";
/// The header with the second of sending.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header with the signatures.
pub const SIGNATURE: &str = "webhook-signature";

/// How far the two clocks may be apart, by the standard.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
/// What a secret begins with; the rest is base64.
const SECRET: &str = "whsec_";
/// What a signature of this kind begins with.
const VERSION: &str = "v1,";
/// The longest id that is kept.
const ID_MAX: usize = 100;

/// Why a webhook is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A header is missing, or makes no sense.
    #[error("the headers {ID}, {TIMESTAMP} and {SIGNATURE} must say who sends this and when")]
    Headers,
    /// Sent too long ago, or in the future.
    #[error("this was sent more than five minutes ago, or by a clock that is wrong")]
    Stale,
    /// Signed by somebody else.
    #[error("no signature is that of the carrier")]
    Signature,
}

/// A shared secret: `whsec_` and the key in base64.
#[derive(Clone)]
pub struct Secret(hmac::Key);

impl Secret {
    /// Reads a secret; `None` when it is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Secret> {
        let bytes = STANDARD.decode(text.strip_prefix(SECRET)?).ok()?;
        (!bytes.is_empty()).then(|| Secret(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The signature of a message, as its header says it.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let tag = hmac::sign(&self.0, &signed(id, timestamp, body));
        format!("{VERSION}{}", STANDARD.encode(tag))
    }

    /// The id of a message that is the carrier's.
    ///
    /// # Errors
    /// When it is not, or cannot be told.
    pub fn verify<'h>(
        &self,
        header: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<&'h str, Error> {
        let id = header(ID).filter(|id| (1..=ID_MAX).contains(&id.len())).ok_or(Error::Headers)?;
        let timestamp: i64 = header(TIMESTAMP).and_then(|text| text.parse().ok()).ok_or(Error::Headers)?;
        let signatures = header(SIGNATURE).ok_or(Error::Headers)?;
        let sent = Timestamp::from_second(timestamp).map_err(|_| Error::Headers)?;
        if now.duration_since(sent).abs() > TOLERANCE {
            return Err(Error::Stale);
        }
        let message = signed(id, timestamp, body);
        // Several while a secret is being changed, apart by blanks.
        let tags = signatures.split(' ').filter_map(|signature| STANDARD.decode(signature.strip_prefix(VERSION)?).ok());
        let is_theirs = tags.into_iter().any(|tag| hmac::verify(&self.0, &message, &tag).is_ok());
        if is_theirs { Ok(id) } else { Err(Error::Signature) }
    }
}

/// The key stays where it is.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

fn signed(id: &str, timestamp: i64, body: &[u8]) -> Vec<u8> {
    [format!("{id}.{timestamp}.").as_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard's own libraries.
    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SENT: i64 = 1_614_265_330;

    fn verify(id: &str, timestamp: &str, signature: &str, body: &[u8], now: i64) -> Result<(), Error> {
        let secret = Secret::read(KEY).expect("a secret");
        let header = |name: &str| match name {
            ID => Some(id),
            TIMESTAMP => Some(timestamp),
            SIGNATURE => Some(signature),
            _ => None,
        };
        let now = Timestamp::from_second(now).expect("a moment");
        secret.verify(header, body, now).map(|found| assert_eq!(found, id))
    }

    #[test]
    fn the_standards_own_example_is_believed() {
        let signature = Secret::read(KEY).expect("a secret").sign("msg_p5jXN8AQM9LWM0D4loKWxJek", SENT, BODY);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let both = format!("v1,AAAA {signature} v2,other");
        let said = SENT.to_string();
        assert_eq!(verify("msg_p5jXN8AQM9LWM0D4loKWxJek", &said, &both, BODY, SENT + 299), Ok(()));
        assert_eq!(verify("msg_p5jXN8AQM9LWM0D4loKWxJek", &said, &both, BODY, SENT - 299), Ok(()));
    }

    #[test]
    fn anything_else_is_not() {
        let signature = Secret::read(KEY).expect("a secret").sign("msg_1", SENT, BODY);
        let said = SENT.to_string();
        assert_eq!(verify("msg_2", &said, &signature, BODY, SENT), Err(Error::Signature), "another id");
        assert_eq!(verify("msg_1", &(SENT + 1).to_string(), &signature, BODY, SENT), Err(Error::Signature));
        assert_eq!(verify("msg_1", &said, &signature, b"{}", SENT), Err(Error::Signature), "another body");
        assert_eq!(verify("msg_1", &said, "v1,", BODY, SENT), Err(Error::Signature));
        assert_eq!(verify("msg_1", &said, &signature[3..], BODY, SENT), Err(Error::Signature), "no version");
        assert_eq!(verify("msg_1", &said, &signature, BODY, SENT + 301), Err(Error::Stale));
        assert_eq!(verify("msg_1", &said, &signature, BODY, SENT - 301), Err(Error::Stale));
        assert_eq!(verify("", &said, &signature, BODY, SENT), Err(Error::Headers));
        assert_eq!(verify("msg_1", "now", &signature, BODY, SENT), Err(Error::Headers));
        assert_eq!(verify("msg_1", &i64::MAX.to_string(), &signature, BODY, SENT), Err(Error::Headers));
    }

    #[test]
    fn a_secret_is_base64_behind_its_prefix() {
        for text in ["", "whsec_", "whsec_!!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert!(Secret::read(text).is_none(), "{text}");
        }
        assert_eq!(format!("{:?}", Secret::read(KEY)), "Some(Secret)");
    }
}

//! Signing: how the receiver of a webhook knows that it comes from here (Standard Webhooks, signature scheme v1).
//!
//! `webhook-signature` is a list, so that while a secret is being replaced both sign and no delivery is lost.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// How many random bytes a new secret has. Standard Webhooks asks for 24 to 64.
pub const SECRET_BYTES: usize = 32;
/// What a written secret begins with.
const PREFIX: &str = "whsec_";

/// A secret shared with the owner of an endpoint. It does not print itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// The secret of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Secret {
        Secret(bytes.to_vec())
    }

    /// As its owner gets it: `whsec_…`.
    #[must_use]
    pub fn written(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// Reads a written secret.
    #[must_use]
    pub fn read(text: &str) -> Option<Secret> {
        text.strip_prefix(PREFIX).and_then(|rest| STANDARD.decode(rest).ok()).map(Secret)
    }

    /// What it signs: `v1,…`.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body.as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks reference libraries.
    #[test]
    fn a_signature_is_what_the_standard_says() {
        let written = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let secret = Secret::read(written).expect("a secret");
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(secret.written(), written);
        assert_eq!(format!("{secret:?}"), "Secret");
        assert_eq!(Secret::read("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), None);
    }
}

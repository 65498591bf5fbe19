//! Public keys of passkeys (`COSE_Key`, RFC 9052 §7 and RFC 9053), and their signatures.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use ciborium::Value;

/// EdDSA with Ed25519.
const EDDSA: i128 = -8;
/// ECDSA with P-256 and SHA-256.
const ES256: i128 = -7;
/// RSASSA-PKCS1-v1_5 with SHA-256.
const RS256: i128 = -257;
/// What is taken, the best first.
pub const ALGORITHMS: [i128; 3] = [EDDSA, ES256, RS256];

/// Labels of a key: its type, its algorithm, its curve (or modulus), and its coordinates (or exponent).
const KTY: i128 = 1;
const ALG: i128 = 3;
const FIRST: i128 = -1;
const SECOND: i128 = -2;
const THIRD: i128 = -3;

/// A public key that signatures can be held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// A point of P-256, uncompressed.
    Es256(Vec<u8>),
    /// A point of Ed25519.
    Eddsa(Vec<u8>),
    /// A modulus and an exponent.
    Rs256(Vec<u8>, Vec<u8>),
}

impl Key {
    /// The key that these bytes are; `None` when they are none, or of a kind that is not taken.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Key> {
        let Value::Map(map) = ciborium::from_reader(bytes).ok()? else { return None };
        let get = |label: i128| {
            let is = |key: &Value| key.as_integer().is_some_and(|known| i128::from(known) == label);
            map.iter().find(|(key, _)| is(key)).map(|(_, value)| value)
        };
        let number = |label: i128| get(label).and_then(Value::as_integer).map(i128::from);
        let text = |label: i128| get(label).and_then(Value::as_bytes);
        let half = |label: i128| text(label).filter(|bytes| bytes.len() == 32);
        match (number(KTY)?, number(ALG)?) {
            (2, ES256) if number(FIRST) == Some(1) => {
                Some(Key::Es256([&[4][..], half(SECOND)?, half(THIRD)?].concat()))
            }
            (1, EDDSA) if number(FIRST) == Some(6) => Some(Key::Eddsa(half(SECOND)?.clone())),
            (3, RS256) => Some(Key::Rs256(text(FIRST)?.clone(), text(SECOND)?.clone())),
            _ => None,
        }
    }

    /// Whether a signature is of this key. Those of P-256 are in DER (level 2, §6.5.6).
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            Key::Es256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature),
            Key::Eddsa(point) => UnparsedPublicKey::new(&ED25519, point).verify(message, signature),
            Key::Rs256(n, e) => PublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
        };
        verified.is_ok()
    }
}

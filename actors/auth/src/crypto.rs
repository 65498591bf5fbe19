//! Secrets: minted, hashed, sealed, and the signatures of tokens. The only file that says `aws_lc_rs`.
//!
//! What is minted here has 256 bits, so its hash can be plain SHA-256: nobody guesses it, slowly or fast. Passwords are
//! never seen here.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::settings;
use crate::wire::v1::SigningAlgorithm;

/// How many bytes a secret has.
const SECRET_BYTES: usize = 32;
/// How many bytes a nonce has.
const NONCE_BYTES: usize = 12;

/// A secret that nobody can guess, as text: 43 characters.
#[must_use]
pub fn secret() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<SECRET_BYTES>())
}

/// Random bytes.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(clippy::expect_used, reason = "without chance there are no secrets, and nothing may go on")]
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's random numbers");
    bytes
}

/// What a secret hashes to.
#[must_use]
pub fn hash(secret: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, secret.as_bytes()).as_ref().to_vec()
}

/// What a PKCE verifier hashes to (RFC 7636).
#[must_use]
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(hash(verifier))
}

/// Whether two hashes are the same, in a time that tells nothing. Nothing is not the same as nothing.
#[must_use]
pub fn same(one: &[u8], other: &[u8]) -> bool {
    !one.is_empty() && constant_time::verify_slices_are_equal(one, other).is_ok()
}

/// A secret that follows from the master key and these words: the same for the same words.
#[must_use]
pub fn derived(purpose: &str, words: &str) -> String {
    URL_SAFE_NO_PAD.encode(mac(purpose, words))
}

fn mac(purpose: &str, words: &str) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA256, settings::get().secret.as_bytes());
    hmac::sign(&key, format!("mercat auth {purpose} v1\0{words}").as_bytes())
}

fn sealer() -> Option<RandomizedNonceKey> {
    RandomizedNonceKey::new(&AES_256_GCM, mac("seal", "").as_ref()).ok()
}

/// Seals bytes with the master key, for one name alone.
#[must_use]
pub fn seal(name: &str, plain: &[u8]) -> Option<Vec<u8>> {
    let mut sealed = plain.to_vec();
    let nonce = sealer()?.seal_in_place_append_tag(Aad::from(name.as_bytes()), &mut sealed).ok()?;
    Some([&nonce.as_ref()[..], &sealed].concat())
}

/// Opens what was sealed for this name.
#[must_use]
pub fn open(name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut plain = sealed.to_vec();
    let opened = sealer()?.open_in_place(nonce, Aad::from(name.as_bytes()), &mut plain).ok()?;
    Some(opened.to_vec())
}

/// A pair of keys: the public half, and the private one as PKCS #8.
#[must_use]
pub fn pair(algorithm: SigningAlgorithm) -> Option<(Vec<u8>, Vec<u8>)> {
    let rng = SystemRandom::new();
    if algorithm == SigningAlgorithm::Eddsa {
        let document = Ed25519KeyPair::generate_pkcs8(&rng).ok()?;
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).ok()?;
        return Some((pair.public_key().as_ref().to_vec(), document.as_ref().to_vec()));
    }
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng).ok()?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).ok()?;
    Some((pair.public_key().as_ref().to_vec(), document.as_ref().to_vec()))
}

/// Signs with a private key.
#[must_use]
pub fn sign(algorithm: SigningAlgorithm, pkcs8: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    if algorithm == SigningAlgorithm::Eddsa {
        return Some(Ed25519KeyPair::from_pkcs8(pkcs8).ok()?.sign(message).as_ref().to_vec());
    }
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).ok()?;
    Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec())
}

/// Whether a signature is of this key.
#[must_use]
pub fn verifies(algorithm: SigningAlgorithm, public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let verified = match algorithm {
        SigningAlgorithm::Eddsa => UnparsedPublicKey::new(&ED25519, public).verify(message, signature),
        SigningAlgorithm::Es256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public).verify(message, signature),
        SigningAlgorithm::Unspecified => return false,
    };
    verified.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_its_own_name_only() {
        let sealed = seal("a", b"private").expect("sealed");
        assert_eq!(open("a", &sealed).as_deref(), Some(&b"private"[..]));
        assert_eq!(open("b", &sealed), None);
        assert_ne!(seal("a", b"private"), Some(sealed.clone()), "a nonce is used once");
        let mut tampered = sealed;
        tampered[20] ^= 1;
        assert_eq!(open("a", &tampered), None);
        assert_eq!(open("a", b"short"), None);
    }

    #[test]
    fn a_signature_is_of_one_key_and_one_message() {
        for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::Eddsa] {
            let (public, private) = pair(algorithm).expect("a pair");
            let (stranger, _) = pair(algorithm).expect("a pair");
            let signature = sign(algorithm, &private, b"message").expect("signed");
            assert_eq!(signature.len(), 64);
            assert!(verifies(algorithm, &public, b"message", &signature));
            assert!(!verifies(algorithm, &public, b"massage", &signature));
            assert!(!verifies(algorithm, &stranger, b"message", &signature));
        }
    }

    #[test]
    fn the_challenge_is_that_of_the_document() {
        // RFC 7636, appendix B.
        let expected = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert_eq!(challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), expected);
    }

    #[test]
    fn nothing_is_not_the_same_as_nothing() {
        assert!(!same(b"", b""));
        assert!(same(b"a", b"a"));
        assert!(!same(b"a", b"b"));
        assert_eq!(secret().len(), 43);
        assert_eq!(derived("x", "y"), derived("x", "y"));
        assert_ne!(derived("x", "y"), derived("z", "y"));
    }
}

//! A proof: a small token that names a request and is signed with the key that it shows (RFC 9449 §4.2).
//!
//! What has to be true of it without asking anybody is checked here (§4.3); that it came only once, the door finds out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use messages::auth::v1::SigningAlgorithm;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::bearer::{json, verifies};
use crate::whose::sha256;

/// How long ago a proof may have been made, in seconds.
const OLD: i64 = 60;
/// By how much clocks may differ, in seconds.
const LEEWAY: i64 = 30;
/// For how many seconds a proof can be good: from a clock that is ahead until it is old.
pub(super) const LIFE: i64 = OLD + LEEWAY;
/// The longest proof that is looked at.
const CHARS_MAX: usize = 4 * 1024;
/// The longest name of a proof.
const JTI_CHARS_MAX: usize = 256;

/// A proof that is of this request and of now.
#[derive(Debug)]
pub(super) struct Proof {
    /// The thumbprint of its key (RFC 7638).
    pub(super) jkt: String,
    /// Its own name.
    pub(super) jti: String,
    /// What it repeats.
    pub(super) nonce: Option<String>,
    ath: Option<String>,
}

#[derive(Deserialize)]
struct Head {
    typ: String,
    alg: String,
    jwk: Jwk,
    #[serde(default)]
    crit: Option<IgnoredAny>,
}

/// The public half of a key (RFC 7517, RFC 8037).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default)]
    crv: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
    /// The private half, which nobody may show.
    #[serde(default)]
    d: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    #[serde(default)]
    ath: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
}

impl Jwk {
    /// How it verifies, its bytes, and its thumbprint.
    fn key(&self) -> Option<(SigningAlgorithm, Vec<u8>, String)> {
        let part = |text: &str| URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32);
        let x = part(&self.x)?;
        let (algorithm, public, named) = match (&*self.kty, &*self.crv) {
            ("EC", "P-256") => {
                let public = [&[4][..], &x, &part(&self.y)?].concat();
                let named = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, self.x, self.y);
                (SigningAlgorithm::Es256, public, named)
            }
            ("OKP", "Ed25519") => {
                (SigningAlgorithm::Eddsa, x, format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.x))
            }
            _ => return None,
        };
        Some((algorithm, public, URL_SAFE_NO_PAD.encode(sha256(&named))))
    }
}

impl Proof {
    /// The proof that a text is, of a request with this method to this address at this second.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub(super) fn read(text: &str, method: &str, target: &str, now: i64) -> Result<Proof, &'static str> {
        const NONE: &str = "the proof is no signed token";
        let (message, signature) = text.rsplit_once('.').filter(|_| text.len() <= CHARS_MAX).ok_or(NONE)?;
        let (head, body) = message.split_once('.').ok_or(NONE)?;
        let head: Head = json(head).ok_or("the head of the proof has no typ, alg and jwk")?;
        if head.typ != "dpop+jwt" || head.crit.is_some() {
            return Err("the proof is not of the type dpop+jwt");
        }
        if head.jwk.d.is_some() {
            return Err("the proof shows a private key: never use that key again");
        }
        let (algorithm, public, jkt) = head.jwk.key().ok_or("the key is neither P-256 nor Ed25519")?;
        let fits = match algorithm {
            SigningAlgorithm::Eddsa => ["EdDSA", "Ed25519"].contains(&&*head.alg),
            _ => head.alg == "ES256",
        };
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| NONE)?;
        if !fits || !verifies(algorithm, &public, message.as_bytes(), &signature) {
            return Err("the proof is not signed with the key that it shows");
        }
        let Claims { jti, htm, htu, iat, ath, nonce } = json(body).ok_or("the proof has no jti, htm, htu and iat")?;
        if jti.is_empty() || jti.len() > JTI_CHARS_MAX {
            return Err("the jti of the proof has 1 to 256 characters");
        }
        if htm != method || bare(&htu) != bare(target) {
            return Err("the proof is of another request: htm or htu is not this one's");
        }
        if iat < now.saturating_sub(OLD) || iat > now.saturating_add(LEEWAY) {
            return Err("the proof was not made just now");
        }
        Ok(Proof { jkt, jti, nonce, ath })
    }

    /// Whether it is for a request with this token.
    pub(super) fn is_with(&self, token: &str) -> bool {
        self.ath.as_deref() == Some(&*URL_SAFE_NO_PAD.encode(sha256(token)))
    }
}

/// An address without its query and fragment, and however it is written (RFC 3986 §6.2.2 and §6.2.3).
fn bare(uri: &str) -> Option<(String, String, &str)> {
    let uri = uri.split(['?', '#']).next()?;
    let (scheme, rest) = uri.split_once("://")?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let scheme = scheme.to_ascii_lowercase();
    let mut authority = authority.to_ascii_lowercase();
    let usual = if scheme == "https" { ":443" } else { ":80" };
    if let Some(host) = authority.strip_suffix(usual) {
        authority = host.to_owned();
    }
    Some((scheme, authority, path))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
    use serde_json::{Value, json};

    use super::*;

    const TARGET: &str = "https://shop.example/oauth2/token";
    const NOW: i64 = 1_800_000_000;

    fn part(json: &Value) -> String {
        URL_SAFE_NO_PAD.encode(json.to_string())
    }

    fn pair() -> EcdsaKeyPair {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a pair")
    }

    fn jwk(pair: &EcdsaKeyPair) -> Value {
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
    }

    fn signed(pair: &EcdsaKeyPair, head: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", part(head), part(claims));
        let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).expect("signed");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    fn head(pair: &EcdsaKeyPair) -> Value {
        json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk(pair)})
    }

    fn claims() -> Value {
        json!({"jti": "one", "htm": "POST", "htu": TARGET, "iat": NOW})
    }

    fn with(mut json: Value, name: &str, value: Value) -> Value {
        json[name] = value;
        json
    }

    fn read(text: &str) -> Result<Proof, &'static str> {
        Proof::read(text, "POST", TARGET, NOW)
    }

    #[test]
    fn the_thumbprint_and_the_proof_are_those_of_the_document() {
        // RFC 9449 §4.1 and §6.1.
        let text = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
        let proof = Proof::read(text, "POST", "https://server.example.com/token", 1_562_262_616).expect("a proof");
        assert_eq!(proof.jkt, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
        assert_eq!(proof.jti, "-BwC3ESc6acc2lTc");
    }

    #[test]
    fn a_proof_is_of_one_request_and_of_now() {
        let pair = pair();
        let good = |claims: &Value| read(&signed(&pair, &head(&pair), claims)).is_ok();
        assert!(good(&claims()));
        for htu in ["HTTPS://SHOP.example:443/oauth2/token", "https://shop.example/oauth2/token?x=1#y"] {
            assert!(good(&with(claims(), "htu", json!(htu))), "{htu}");
        }
        for (name, value) in [
            ("htm", json!("GET")),
            ("htm", json!("post")),
            ("htu", json!("https://shop.example/oauth2/tokens")),
            ("htu", json!("http://shop.example/oauth2/token")),
            ("htu", json!("https://shop.example:8443/oauth2/token")),
            ("htu", json!("/oauth2/token")),
            ("iat", json!(NOW - 61)),
            ("iat", json!(NOW + 31)),
            ("iat", json!("now")),
            ("jti", json!("")),
            ("jti", json!("x".repeat(257))),
            ("jti", Value::Null),
        ] {
            assert!(!good(&with(claims(), name, value.clone())), "{name} {value}");
        }
        assert!(good(&with(claims(), "iat", json!(NOW - 60))) && good(&with(claims(), "iat", json!(NOW + 30))));
    }

    #[test]
    fn a_proof_is_signed_with_the_key_that_it_shows_and_shows_no_private_one() {
        let (pair, other) = (pair(), pair());
        let mut private = jwk(&pair);
        private["d"] = json!("secret");
        let secret = json!({"kty": "oct", "k": "AAAA"});
        for (what, head) in [
            ("another type", with(head(&pair), "typ", json!("JWT"))),
            ("no signature", with(head(&pair), "alg", json!("none"))),
            ("a shared secret", with(with(head(&pair), "alg", json!("HS256")), "jwk", secret)),
            ("another algorithm", with(head(&pair), "alg", json!("EdDSA"))),
            ("another key", head(&other)),
            ("a private key", with(head(&pair), "jwk", private)),
            ("half a key", with(head(&pair), "jwk", json!({"kty": "EC", "crv": "P-256", "x": "AAAA"}))),
            ("what must be understood", with(head(&pair), "crit", json!(["b64"]))),
        ] {
            assert!(read(&signed(&pair, &head, &claims())).is_err(), "{what}");
        }
        let good = signed(&pair, &head(&pair), &claims());
        for bad in ["", "x", "a.b", "a.b.c", &format!("{good}x"), &format!("{good}.x"), &"a".repeat(CHARS_MAX + 1)] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn both_names_of_ed25519_are_known() {
        let pair = Ed25519KeyPair::generate().expect("a pair");
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(pair.public_key().as_ref())});
        for alg in ["EdDSA", "Ed25519", "ES256"] {
            let head = json!({"typ": "dpop+jwt", "alg": alg, "jwk": jwk});
            let message = format!("{}.{}", part(&head), part(&claims()));
            let text = format!("{message}.{}", URL_SAFE_NO_PAD.encode(pair.sign(message.as_bytes()).as_ref()));
            assert_eq!(read(&text).is_ok(), alg != "ES256", "{alg}");
        }
    }

    #[test]
    fn a_proof_is_for_one_token() {
        let pair = pair();
        let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
        // RFC 9449 §7.1.
        let ath = with(claims(), "ath", json!("fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"));
        let proof = read(&signed(&pair, &head(&pair), &ath)).expect("a proof");
        assert!(proof.is_with(token) && !proof.is_with("another"));
        assert!(!read(&signed(&pair, &head(&pair), &claims())).expect("a proof").is_with(token));
    }
}

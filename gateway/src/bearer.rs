//! Access tokens: JSON that auth has signed (RFC 9068), checked here without asking anybody.
//!
//! How a token is checked follows from the key that it names and from nothing else in it: `alg` and `typ` have to be what
//! the key and the purpose say. So a token cannot ask not to be checked, or to be checked with a public key as if it were
//! a secret, and an id token is no access token.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use messages::auth::v1::{SigningAlgorithm, SigningKey};
use runtime::headers::Caller;
use serde::Deserialize;

/// By how much clocks may differ, in seconds.
const LEEWAY: i64 = 30;
/// The longest token that is looked at.
const CHARS_MAX: usize = 8 * 1024;

/// The head of a token. What must be understood and is not known here makes it none.
#[derive(Deserialize)]
struct Head {
    alg: String,
    typ: String,
    kid: String,
    #[serde(default)]
    crit: Option<serde::de::IgnoredAny>,
}

/// What an access token says.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Claims {
    iss: String,
    aud: Audience,
    exp: i64,
    iat: i64,
    #[serde(default)]
    nbf: Option<i64>,
    sub: String,
    #[serde(default)]
    scope: String,
    role: String,
    #[serde(default)]
    pub(crate) tier: String,
    /// The session that it belongs to.
    #[serde(default)]
    pub(crate) sid: Option<String>,
    /// The grant that it belongs to.
    #[serde(default)]
    pub(crate) gnt: Option<String>,
    /// The key that whoever shows it has to have; nothing when anybody may show it.
    #[serde(default)]
    pub(crate) cnf: Option<Confirmation>,
}

/// How it is known that a token is shown by whom it was given to (RFC 7800). A way that is not known makes it none.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Confirmation {
    /// The thumbprint of their key (RFC 9449 §6).
    pub(crate) jkt: String,
}

/// For whom a token is.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// The name of the key that a token says it was signed with, if it looks like a token at all.
pub(crate) fn kid(token: &str) -> Option<String> {
    if token.len() > CHARS_MAX || token.split('.').count() != 3 {
        return None;
    }
    let head: Head = json(token.split('.').next()?)?;
    (head.crit.is_none() && head.typ == "at+jwt").then_some(head.kid)
}

/// A part of a token.
pub(crate) fn json<T: serde::de::DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// Whether a signature is of this key.
pub(crate) fn verifies(algorithm: SigningAlgorithm, public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let verified = match algorithm {
        SigningAlgorithm::Es256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public).verify(message, signature),
        SigningAlgorithm::Eddsa => UnparsedPublicKey::new(&ED25519, public).verify(message, signature),
        SigningAlgorithm::Unspecified => return false,
    };
    verified.is_ok()
}

/// What a token says, if this key signed it, this issuer for itself, and now is its time.
pub(crate) fn read(key: &SigningKey, issuer: &str, now: i64, token: &str) -> Option<Claims> {
    let (message, signature) = token.rsplit_once('.')?;
    let (head, body) = message.split_once('.')?;
    let head: Head = json(head)?;
    let alg = match key.algorithm() {
        SigningAlgorithm::Es256 => "ES256",
        SigningAlgorithm::Eddsa => "EdDSA",
        SigningAlgorithm::Unspecified => return None,
    };
    if head.alg != alg || head.typ != "at+jwt" || head.kid != key.kid || head.crit.is_some() {
        return None;
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    if !verifies(key.algorithm(), &key.public, message.as_bytes(), &signature) {
        return None;
    }
    let claims: Claims = json(body)?;
    let for_us = match &claims.aud {
        Audience::One(one) => one == issuer,
        Audience::Several(several) => several.iter().any(|one| one == issuer),
    };
    let early = claims.iat.max(claims.nbf.unwrap_or(i64::MIN)) > now.saturating_add(LEEWAY);
    let late = now >= claims.exp.saturating_add(LEEWAY);
    (claims.iss == issuer && for_us && !early && !late).then_some(claims)
}

impl Claims {
    /// Who shows the token, and what it lets them do; `None` when it says what cannot travel in a header.
    pub(crate) fn caller(&self) -> Option<Caller> {
        let word = |text: &str| {
            !text.is_empty() && text != "-" && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
        };
        let scopes: Vec<String> = self.scope.split_ascii_whitespace().map(str::to_owned).collect();
        // Groups believe each other: nobody from outside is one, whatever a token says.
        let outside = word(&self.role) && self.role != "service";
        let fits = word(&self.sub) && outside && scopes.iter().all(|scope| word(scope));
        fits.then(|| Caller::known(&self.role, Some(self.sub.clone()), scopes))
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://shop.example";
    const NOW: i64 = 1_800_000_000;

    /// A pair of keys of both kinds.
    struct Pair {
        es: EcdsaKeyPair,
        ed: Ed25519KeyPair,
    }

    impl Pair {
        fn new() -> Pair {
            Pair {
                es: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a pair"),
                ed: Ed25519KeyPair::generate().expect("a pair"),
            }
        }

        fn key(&self, algorithm: SigningAlgorithm) -> SigningKey {
            let public = match algorithm {
                SigningAlgorithm::Eddsa => self.ed.public_key().as_ref(),
                _ => self.es.public_key().as_ref(),
            };
            let (kid, public) = ("k".to_owned(), public.to_vec());
            SigningKey { kid, algorithm: algorithm.into(), public, ..SigningKey::default() }
        }

        fn sign(&self, head: &Value, claims: &Value) -> String {
            let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
            let message = format!("{}.{}", part(head), part(claims));
            let signature = if head["alg"] == "EdDSA" {
                self.ed.sign(message.as_bytes()).as_ref().to_vec()
            } else {
                self.es.sign(&SystemRandom::new(), message.as_bytes()).expect("signed").as_ref().to_vec()
            };
            format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
        }
    }

    fn head(alg: &str) -> Value {
        json!({"alg": alg, "typ": "at+jwt", "kid": "k"})
    }

    fn claims() -> Value {
        json!({
            "iss": ISSUER, "aud": ISSUER, "sub": "usr_1", "role": "customer", "scope": "order:read cart:read",
            "exp": NOW + 600, "iat": NOW, "tier": "standard",
        })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = claims();
        claims[name] = value;
        claims
    }

    #[test]
    fn a_good_token_says_who_shows_it() {
        let pair = Pair::new();
        for (algorithm, alg) in [(SigningAlgorithm::Es256, "ES256"), (SigningAlgorithm::Eddsa, "EdDSA")] {
            let token = pair.sign(&head(alg), &claims());
            assert_eq!(kid(&token).as_deref(), Some("k"));
            let said = read(&pair.key(algorithm), ISSUER, NOW, &token).expect("a good token");
            let caller = said.caller().expect("a caller");
            assert_eq!((caller.role.as_str(), caller.subject.as_deref()), ("customer", Some("usr_1")));
            assert_eq!(caller.scopes, ["order:read", "cart:read"]);
        }
    }

    #[test]
    fn a_token_is_good_in_its_time_give_or_take_half_a_minute() {
        let pair = Pair::new();
        let token = pair.sign(&head("ES256"), &claims());
        let good = |now: i64| read(&pair.key(SigningAlgorithm::Es256), ISSUER, now, &token).is_some();
        assert!(good(NOW - 30) && good(NOW) && good(NOW + 629));
        assert!(!good(NOW - 31) && !good(NOW + 630));
    }

    #[test]
    fn anything_else_is_no_token() {
        let pair = Pair::new();
        let key = pair.key(SigningAlgorithm::Es256);
        let refused = |token: &str| read(&key, ISSUER, NOW, token).is_none();
        for (name, value) in [
            ("iss", json!("https://evil.example")),
            ("aud", json!("https://other.example")),
            ("aud", json!(["https://other.example"])),
            ("exp", json!((NOW + 600).to_string())),
            ("exp", json!(NOW - 31)),
            ("exp", Value::Null),
            ("iat", json!(NOW + 3600)),
            ("nbf", json!(NOW + 3600)),
            ("sub", json!(7)),
        ] {
            assert!(refused(&pair.sign(&head("ES256"), &with(name, value.clone()))), "{name} {value}");
        }
        for head in [
            json!({"alg": "ES256", "typ": "JWT", "kid": "k"}),
            json!({"alg": "ES256", "kid": "k"}),
            json!({"alg": "ES256", "typ": "at+jwt", "kid": "other"}),
            json!({"alg": "ES256", "typ": "at+jwt", "kid": "k", "crit": ["x"]}),
            json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k"}),
        ] {
            assert!(refused(&pair.sign(&head, &claims())), "{head}");
        }
        let good = pair.sign(&head("ES256"), &claims());
        assert!(!refused(&good));
        let (message, signature) = good.rsplit_once('.').expect("parts");
        assert!(refused(&format!("{message}.")) && refused(message) && refused(&format!("{good}.x")));
        let body = URL_SAFE_NO_PAD.encode(with("role", json!("admin")).to_string());
        let other = message.split_once('.').expect("parts").0;
        assert!(refused(&format!("{other}.{body}.{signature}")), "a tampered body");
        for alg in ["none", "None", "NONE", "HS256", "RS256", ""] {
            let part = URL_SAFE_NO_PAD.encode(head(alg).to_string());
            let rest = message.split_once('.').expect("parts").1;
            assert!(refused(&format!("{part}.{rest}.{signature}")), "{alg}");
            assert!(refused(&format!("{part}.{rest}.")), "{alg}, unsigned");
        }
        // A public key is no secret: whoever signs with it as one has signed nothing.
        let part = URL_SAFE_NO_PAD.encode(head("HS256").to_string());
        let forged = format!("{part}.{}", message.split_once('.').expect("parts").1);
        let mac = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key.public);
        let tag = URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&mac, forged.as_bytes()));
        assert!(refused(&format!("{forged}.{tag}")));
        assert!(read(&Pair::new().key(SigningAlgorithm::Es256), ISSUER, NOW, &good).is_none(), "another key");
        assert_eq!(kid("not.a.token"), None);
        assert_eq!(kid(&"a".repeat(CHARS_MAX + 1)), None);
    }

    #[test]
    fn what_cannot_travel_in_a_header_is_nobody() {
        let pair = Pair::new();
        for (name, value) in [("sub", "usr_1 admin"), ("role", "admin -"), ("scope", "a,b"), ("sub", "")] {
            let token = pair.sign(&head("ES256"), &with(name, json!(value)));
            let said = read(&pair.key(SigningAlgorithm::Es256), ISSUER, NOW, &token).expect("signed");
            assert!(said.caller().is_none(), "{name} {value}");
        }
    }
}

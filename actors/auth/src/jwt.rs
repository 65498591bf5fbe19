//! Tokens: JSON that is signed (RFC 7515, in the compact form).
//!
//! How a token is checked follows from the key, never from the token: `alg` and `typ` have to be what is expected, or it
//! is none.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::crypto;
use crate::keyring;
use crate::wire::v1::{SigningAlgorithm, SigningKey};

/// The type of an access token (RFC 9068).
pub const ACCESS: &str = "at+jwt";
/// The type of an id token.
pub const ID: &str = "JWT";
/// For how long an access token is good.
pub const ACCESS_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// For how long an id token is good.
pub const ID_LIFE: SignedDuration = SignedDuration::from_hours(1);
/// By how much clocks may differ.
const LEEWAY_SECONDS: i64 = 30;

/// The name of an algorithm in a token.
#[must_use]
pub fn alg(algorithm: SigningAlgorithm) -> &'static str {
    if algorithm == SigningAlgorithm::Eddsa { "EdDSA" } else { "ES256" }
}

/// A token that says this, signed with the key of these that signs now; `None` when there is none.
#[must_use]
pub fn signed(
    keys: &[SigningKey],
    algorithm: SigningAlgorithm,
    now: Timestamp,
    typ: &str,
    claims: &Value,
) -> Option<String> {
    let key = keyring::signing(keys, algorithm, now)?;
    let private = crypto::open(&key.kid, &key.sealed)?;
    let head = json!({"alg": alg(algorithm), "typ": typ, "kid": key.kid});
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let message = format!("{}.{}", part(&head), part(claims));
    let signature = crypto::sign(algorithm, &private, message.as_bytes())?;
    Some(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// What a token of ours says, whether or not its time is over; `None` when it is none.
#[must_use]
pub fn read(keys: &[SigningKey], issuer: &str, typ: &str, token: &str) -> Option<Map<String, Value>> {
    let mut parts = token.split('.');
    let (head, body, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let object =
        |part: &str| -> Option<Map<String, Value>> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok() };
    let head = object(head)?;
    let said = |name: &str| head.get(name).and_then(Value::as_str);
    let key = keys.iter().find(|key| Some(key.kid.as_str()) == said("kid"))?;
    if said("alg") != Some(alg(key.algorithm())) || said("typ") != Some(typ) || head.contains_key("crit") {
        return None;
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let message = &token[..token.rfind('.')?];
    if !crypto::verifies(key.algorithm(), &key.public, message.as_bytes(), &signature) {
        return None;
    }
    object(body).filter(|claims| claims.get("iss").and_then(Value::as_str) == Some(issuer))
}

/// Whether a token that says this is good at a time.
#[must_use]
pub fn is_live(claims: &Map<String, Value>, now: Timestamp) -> bool {
    let seconds = |name: &str| claims.get(name).and_then(Value::as_i64);
    let now = now.as_second();
    seconds("exp").is_some_and(|exp| now < exp + LEEWAY_SECONDS)
        && seconds("iat").is_none_or(|iat| iat <= now + LEEWAY_SECONDS)
}

#[cfg(test)]
mod tests {
    use runtime::clock::to_wire;
    use runtime::entity::testing::moment;

    use super::*;

    fn key(kid: &str, algorithm: SigningAlgorithm) -> SigningKey {
        let (public, private) = crypto::pair(algorithm).expect("a pair");
        SigningKey {
            kid: kid.into(),
            algorithm: algorithm.into(),
            public,
            sealed: crypto::seal(kid, &private).expect("sealed"),
            created_at: Some(to_wire(moment(0))),
            signs_from: Some(to_wire(moment(0))),
            shown_until: None,
        }
    }

    #[test]
    fn a_token_is_read_with_the_key_that_signed_it_and_as_what_it_is() {
        let keys = [key("a", SigningAlgorithm::Es256), key("b", SigningAlgorithm::Eddsa)];
        for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::Eddsa] {
            let claims = json!({"iss": "me", "exp": moment(100).as_second()});
            let token = signed(&keys, algorithm, moment(1), ACCESS, &claims).expect("signed");
            let read_as = |typ: &str, issuer: &str| read(&keys, issuer, typ, &token);
            let said = read_as(ACCESS, "me").expect("a token");
            assert!(is_live(&said, moment(129)) && !is_live(&said, moment(130)));
            assert_eq!(read_as(ID, "me"), None, "an access token is no id token");
            assert_eq!(read_as(ACCESS, "you"), None);
            assert_eq!(read(&keys[..0], "me", ACCESS, &token), None);
            assert_eq!(read(&keys, "me", ACCESS, &format!("{token}x")), None);
            assert_eq!(read(&keys, "me", ACCESS, &format!("{token}.")), None);
        }
    }

    #[test]
    fn a_token_cannot_say_how_it_is_checked() {
        let keys = [key("a", SigningAlgorithm::Es256)];
        let token = signed(&keys, SigningAlgorithm::Es256, moment(1), ACCESS, &json!({"iss": "me"})).expect("signed");
        let rest = token.split_once('.').expect("parts").1;
        for alg in ["none", "None", "HS256", "EdDSA", ""] {
            let head = json!({"alg": alg, "typ": ACCESS, "kid": "a"}).to_string();
            let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(head));
            assert_eq!(read(&keys, "me", ACCESS, &forged), None, "{alg}");
        }
    }
}

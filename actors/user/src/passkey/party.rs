//! The relying party: the name that passkeys belong to, and the pages that may ask for them (level 2, §13.4.9).

use serde::Deserialize;
use serde_json::{Value, json};

use super::{CHALLENGE_SECS, cose};

/// To which name passkeys belong, and which pages may ask. Without a name there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Party {
    /// The domain that passkeys belong to, such as `shop.example`. For ever: with another, nobody's passkey is good.
    pub rp_id: String,
    /// The origins of the pages that may ask, such as `https://shop.example`.
    pub origins: Vec<String>,
}

impl Party {
    /// The one of a shop that is at this address; none when its host is no name, for passkeys belong to names.
    #[must_use]
    pub fn at(address: &str) -> Party {
        let host = address.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
        let host = host.split(['/', ':']).next().unwrap_or_default();
        let is_name = host.chars().any(|c| c.is_ascii_alphabetic()) && !host.starts_with('[');
        let is_safe = address.starts_with("https://") || host == "localhost";
        if !is_name || !is_safe {
            return Party::default();
        }
        Party { rp_id: host.to_owned(), origins: vec![address.to_owned()] }
    }

    /// Whether there are passkeys at all.
    #[must_use]
    pub fn is_there(&self) -> bool {
        !self.rp_id.is_empty()
    }

    /// Whether it can be meant: every origin is of the name or under it, and safe (§5.1.3 step 7, §13.4.9).
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let fits = |origin: &String| {
            let Some((scheme, rest)) = origin.split_once("://") else { return false };
            let host = rest.rsplit_once(':').map_or(rest, |(host, _)| host);
            let under = host.strip_suffix(&self.rp_id).is_some_and(|left| left.is_empty() || left.ends_with('.'));
            under && !rest.contains('/') && (scheme == "https" || host == "localhost")
        };
        self.is_there() != self.origins.is_empty() && self.origins.iter().all(fits)
    }

    /// Whether a page of this origin may ask.
    #[must_use]
    pub fn is_own(&self, origin: &str) -> bool {
        self.origins.iter().any(|own| own == origin)
    }

    /// What the device has to know before it makes a passkey (§5.4).
    #[must_use]
    pub fn creation(&self, shop: &str, user: &[&str; 3], challenge: &str, known: &[String]) -> Value {
        let [handle, name, display_name] = user;
        let known: Vec<Value> = known.iter().map(|id| json!({"type": "public-key", "id": id})).collect();
        let kinds: Vec<Value> = cose::ALGORITHMS.iter().map(|alg| json!({"type": "public-key", "alg": alg})).collect();
        json!({
            "rp": {"id": self.rp_id, "name": shop},
            "user": {"id": handle, "name": name, "displayName": display_name},
            "challenge": challenge,
            "pubKeyCredParams": kinds,
            "timeout": CHALLENGE_SECS * 1000,
            "excludeCredentials": known,
            // Whoever signs in says nothing first: the device knows who they are.
            "authenticatorSelection": {
                "residentKey": "required", "requireResidentKey": true, "userVerification": "required",
            },
            "attestation": "none",
        })
    }

    /// What the device has to know before somebody signs in (§5.5).
    #[must_use]
    pub fn request(&self, challenge: &str) -> Value {
        json!({
            "challenge": challenge,
            "timeout": CHALLENGE_SECS * 1000,
            "rpId": self.rp_id,
            "allowCredentials": [],
            "userVerification": "required",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_belong_to_a_name_and_not_to_a_number() {
        assert_eq!(Party::at("https://shop.example").rp_id, "shop.example");
        assert_eq!(Party::at("http://localhost:8080").origins, ["http://localhost:8080"]);
        for address in ["http://127.0.0.1:8080", "http://[::1]:8080", "http://shop.example", "https://192.0.2.1", ""] {
            assert!(!Party::at(address).is_there(), "{address}");
        }
    }

    #[test]
    fn pages_that_may_ask_are_of_the_name() {
        let party = |rp_id: &str, origins: &[&str]| {
            let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
            Party { rp_id: rp_id.to_owned(), origins }
        };
        assert!(Party::default().is_sound() && Party::at("http://localhost:8080").is_sound());
        assert!(party("shop.example", &["https://shop.example", "https://my.shop.example:8443"]).is_sound());
        for (rp_id, origin) in [
            ("shop.example", "https://evilshop.example"),
            ("shop.example", "http://shop.example"),
            ("shop.example", "https://shop.example/"),
            ("shop.example", "shop.example"),
            ("", "https://shop.example"),
        ] {
            assert!(!party(rp_id, &[origin]).is_sound(), "{rp_id} {origin}");
        }
        assert!(!party("shop.example", &[]).is_sound());
    }
}

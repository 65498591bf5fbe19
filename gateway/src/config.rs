//! Configuration: everything an operator may set, with defaults that are safe on an open network.
//!
//! Unknown keys are refused, and so are settings that cannot be meant (a wildcard origin, a token without a role), so
//! that a typing error stops the start instead of weakening the door. A token never appears in `Debug` output.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;

pub use crate::rates::{Rates, Tier};
pub use crate::reach::canary::{Canaries, Canary};
pub use crate::reach::room::Limits as Room;
pub use crate::shapes::config::{BodyChanges, Changes, HeaderChanges, Shaping, Version};
pub use crate::tls::Tls;
pub use crate::upstream::config::Upstream;

/// Where the gateway listens and what it tolerates.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The address of the API. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// TLS at that address.
    pub tls: Tls,
    /// Worker threads, each with its own NATS connection. 0 takes one for each core.
    pub workers: usize,
    /// Bounds on what a client may send and how long it may take.
    pub limits: Limits,
    /// How often somebody may ask.
    pub rates: Rates,
    /// How many requests may be under way.
    pub room: Room,
    /// When a group or a replica is given up for a while, and what is sent twice.
    pub reach: runtime::reach::Settings,
    /// Which groups have a canary, and whom it answers.
    pub canary: Canaries,
    /// Networks of proxies that are believed when they say for whom they ask (`X-Forwarded-For`).
    pub trusted_proxies: Vec<IpNet>,
    /// Which web pages of other origins may call the API.
    pub cors: Cors,
    /// The public address of this gateway: who issues the tokens that it takes, and where its pages are.
    pub issuer: String,
    /// Whether proofs of possession (RFC 9449) have to repeat a nonce of the last minutes: then none can be made long
    /// before it is used. Costs each client a second request now and then.
    pub dpop_nonce: bool,
    /// Who may call the API beside those to whom auth gives tokens: for development and tests.
    pub tokens: Vec<Token>,
    /// What whoever shows nothing may do as a guest. Without any there are no new guests.
    pub guest_scopes: Vec<String>,
    /// Whether long answers are compressed for those who can unpack them. Not needed behind a proxy that does.
    pub compress: bool,
    /// Whether screens are shown, which answer several questions at once.
    pub screens: bool,
    /// How many of a thousand requests that bring no trace of their own are traced.
    pub trace_per_mille: u64,
    /// How much memory kept answers may take. 0 keeps none.
    pub cache_bytes_max: usize,
    /// Routes whose requests and answers are changed on their way.
    pub shapes: Vec<Shaping>,
    /// Prefixes under which the API is served in other shapes, or with an end.
    pub versions: Vec<Version>,
    /// Older systems that still answer for a part of the API.
    pub upstreams: Vec<Upstream>,
    /// How many credentials are remembered for reading their own writes.
    pub sessions_max: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            tls: Tls::default(),
            workers: 0,
            limits: Limits::default(),
            rates: Rates::default(),
            room: Room::default(),
            reach: runtime::reach::Settings::default(),
            canary: Canaries::new(),
            trusted_proxies: Vec::new(),
            cors: Cors::default(),
            issuer: "http://127.0.0.1:8080".to_owned(),
            dpop_nonce: false,
            tokens: Vec::new(),
            guest_scopes: messages::scope::GUEST.map(str::to_owned).to_vec(),
            compress: true,
            screens: true,
            trace_per_mille: 0,
            cache_bytes_max: 64 << 20,
            shapes: Vec::new(),
            versions: Vec::new(),
            upstreams: Vec::new(),
            sessions_max: 100_000,
        }
    }
}

impl Config {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// With the setting that cannot be meant.
    pub fn check(&self) -> Result<(), Unusable> {
        if !is_origin(&self.issuer) {
            return Err(Unusable::Issuer { issuer: self.issuer.clone() });
        }
        if self.tls.is_on() == self.tls.key.as_os_str().is_empty() {
            return Err(Unusable::Tls { why: "cert and key are set together" });
        }
        if self.tls.plain.is_some() && !(self.tls.is_on() && self.issuer.starts_with("https://")) {
            return Err(Unusable::Tls {
                why: "plain is redirected to the issuer, which has to be https, and served here",
            });
        }
        self.reach.check().map_err(|reason| Unusable::Reach { reason })?;
        let Room { max_connections, max_requests, all_requests_max, .. } = self.room;
        if [max_connections, max_requests, all_requests_max].contains(&0) {
            return Err(Unusable::Reach { reason: "room: without any room nobody is ever asked" });
        }
        for (group, canary) in &self.canary {
            let reserved = canary.version == "stable" || !is_word(&canary.version);
            if messages::Group::named(group).is_none() || canary.percent > 100 || reserved {
                return Err(Unusable::Canary { group: group.clone() });
            }
        }
        for origin in &self.cors.origins {
            if !is_origin(origin) {
                return Err(Unusable::Origin { origin: origin.clone() });
            }
        }
        for scope in &self.guest_scopes {
            // Whoever shows nothing must not be able to do everything, or what is kept for staff and for groups.
            let guarded = [":manage", ":internal"].iter().any(|kept| scope.ends_with(kept));
            if !is_word(scope) || scope == "*" || guarded {
                return Err(Unusable::Guest { scope: scope.clone() });
            }
        }
        for (index, token) in self.tokens.iter().enumerate() {
            if token.token.len() < TOKEN_CHARS_MIN || !token.token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(Unusable::Token { index });
            }
            let words = [Some(&token.role), token.subject.as_ref()].into_iter().flatten().chain(&token.scopes);
            for word in words {
                if !is_word(word) {
                    return Err(Unusable::Identity { index, word: word.clone() });
                }
            }
        }
        Ok(())
    }
}

/// Shorter tokens can be guessed: 16 characters of base64 are 96 bits.
const TOKEN_CHARS_MIN: usize = 16;

/// Scheme, host and port, and nothing else: what a browser puts into `Origin`.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    matches!(scheme, "http" | "https")
        && !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']'))
}

/// The caller travels as words separated by spaces, its scopes separated by commas.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text != "-" && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}

/// A setting that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Not the origin of a web page. `*` is not one: whoever is allowed must be named.
    #[error("cors.origins: {origin:?} is not an origin such as https://shop.example")]
    Origin {
        /// What was configured.
        origin: String,
    },
    /// Not where a gateway is.
    #[error("issuer: {issuer:?} is not the address of a gateway such as https://shop.example")]
    Issuer {
        /// What was configured.
        issuer: String,
    },
    /// A limit that nothing can pass.
    #[error("{reason}")]
    Reach {
        /// The setting, and why.
        reason: &'static str,
    },
    /// A canary of no group, for more than everybody, or of no version.
    #[error(
        "canary.{group}: a canary is of a group, for 0 to 100 percent, and its version is a word other than stable"
    )]
    Canary {
        /// What was configured.
        group: String,
    },
    /// A token that is too short to be a secret.
    #[error("tokens[{index}].token: a token has at least {TOKEN_CHARS_MIN} printable characters and no spaces")]
    Token {
        /// Which one; its text stays out of logs.
        index: usize,
    },
    /// A scope that is not for everybody.
    #[error("guest_scopes: {scope:?} is not a scope that everybody may have")]
    Guest {
        /// What was configured.
        scope: String,
    },
    /// TLS that cannot be served so.
    #[error("tls: {why}")]
    Tls {
        /// What is wrong.
        why: &'static str,
    },
    /// A shape, a version or an upstream that cannot be meant, or names what is not there.
    #[error("{place}: {why}")]
    Shape {
        /// Where it stands.
        place: String,
        /// What is wrong.
        why: String,
    },
    /// A role, subject or scope that cannot travel in a header.
    #[error("tokens[{index}]: {word:?} is not a role, subject or scope")]
    Identity {
        /// Which token.
        index: usize,
        /// What was configured.
        word: String,
    },
}

/// Bounds on what a client may send and how long it may take. Times are in milliseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The longest request target.
    pub url_bytes_max: usize,
    /// Names and values of all headers together. What exceeds 128 KiB is refused before it is buffered.
    pub header_bytes_max: usize,
    /// The largest body.
    pub body_bytes_max: usize,
    /// How long the request line and headers may take.
    pub header_timeout_ms: u64,
    /// How long the body may take.
    pub body_timeout_ms: u64,
    /// How long a client may take to read an answer.
    pub write_timeout_ms: u64,
    /// How long an idle connection is kept.
    pub keep_alive_ms: u64,
    /// How long a group may take to answer.
    pub ask_timeout_ms: u64,
    /// Open connections per worker; more wait in the backlog.
    pub connections_max: usize,
    /// How many clients of a worker may watch an entity each; a watch is four reads a second.
    pub watches_max: usize,
    /// How long a client may watch before it has to come back, and show again that it may.
    pub watch_ms_max: u64,
    /// How long nothing is said to who watches what does not change: proxies cut what is silent for 30 to 60 s.
    pub watch_silence_ms: u64,
    /// How long the gateway goes on answering after it has said that it is not ready, so that whoever balances the load
    /// can look elsewhere before connections are refused.
    pub drain_ms: u64,
    /// How long requests under way may take to finish when the gateway stops.
    pub shutdown_timeout_ms: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            // Browsers and proxies give up at 8 KiB.
            url_bytes_max: 8 * 1024,
            header_bytes_max: 32 * 1024,
            body_bytes_max: 1024 * 1024,
            header_timeout_ms: 5_000,
            // 1 MiB in 10 s is 0.8 Mbit/s, a poor telephone line.
            body_timeout_ms: 10_000,
            // Answers are at most 4 MB, which is what NATS carries: 1 Mbit/s.
            write_timeout_ms: 30_000,
            // Longer than the 60 s of common load balancers, so that they close first.
            keep_alive_ms: 75_000,
            ask_timeout_ms: 5_000,
            connections_max: 10_000,
            watches_max: 1_000,
            watch_ms_max: 60 * 60 * 1_000,
            watch_silence_ms: 15_000,
            drain_ms: 0,
            shutdown_timeout_ms: 10_000,
        }
    }
}

impl Limits {
    pub(crate) fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    pub(crate) fn ask_timeout(&self) -> Duration {
        Duration::from_millis(self.ask_timeout_ms)
    }
}

/// Which web pages of other origins may call the API. None, by default.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cors {
    /// Exact origins, such as `https://shop.example`.
    pub origins: Vec<String>,
    /// Whether those pages may send cookies.
    pub credentials: bool,
}

/// A bearer token and whom it stands for.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// The secret.
    pub token: String,
    /// What its bearer is: `customer`, `support`, `catalogue`, `warehouse`, `finance` or `admin`.
    pub role: String,
    /// Who its bearer is.
    #[serde(default)]
    pub subject: Option<String>,
    /// What it allows: `product:write`, or `*` for everything.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// How often its bearer may ask.
    #[serde(default)]
    pub tier: Tier,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("role", &self.role)
            .field("subject", &self.subject)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(token: &str, role: &str) -> Token {
        Token {
            token: token.to_owned(),
            role: role.to_owned(),
            subject: None,
            scopes: Vec::new(),
            tier: Tier::default(),
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let with_origin = |origin: &str| Config {
            cors: Cors { origins: vec![origin.to_owned()], credentials: false },
            ..Config::default()
        };
        assert_eq!(with_origin("https://shop.example:8443").check(), Ok(()));
        for origin in ["*", "null", "shop.example", "https://", "https://shop.example/", "https://*.example"] {
            assert_eq!(with_origin(origin).check(), Err(Unusable::Origin { origin: origin.to_owned() }));
        }
        let with_canary = |text: &str| serde_json::from_str::<Config>(text).map(|config| config.check());
        assert_eq!(with_canary(r#"{"canary": {"product": {"percent": 10, "version": "2"}}}"#).expect("keys"), Ok(()));
        for (group, percent, version) in [("prodcut", 10, "2"), ("product", 101, "2"), ("product", 1, "stable")] {
            let text = format!(r#"{{"canary": {{"{group}": {{"percent": {percent}, "version": "{version}"}}}}}}"#);
            let refused = Err(Unusable::Canary { group: group.to_owned() });
            assert_eq!(with_canary(&text).expect("keys"), refused);
        }
        for text in [r#"{"room": {"max_connections": 0}}"#, r#"{"reach": {"breaker": {"probes_max": 0}}}"#] {
            assert!(matches!(with_canary(text).expect("keys"), Err(Unusable::Reach { .. })), "{text}");
        }
        for scope in ["*", "", "-", "two words", "cart:manage", "payment:internal"] {
            let config = Config { guest_scopes: vec![scope.to_owned()], ..Config::default() };
            assert_eq!(config.check(), Err(Unusable::Guest { scope: scope.to_owned() }));
        }
        assert_eq!(Config::default().check(), Ok(()));
        let with_token = |token: Token| Config { tokens: vec![token], ..Config::default() };
        assert_eq!(with_token(token("0123456789abcdef", "admin")).check(), Ok(()));
        assert_eq!(with_token(token("short", "admin")).check(), Err(Unusable::Token { index: 0 }));
        let word = "two words".to_owned();
        assert_eq!(with_token(token("0123456789abcdef", &word)).check(), Err(Unusable::Identity { index: 0, word }));
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let error = serde_json::from_str::<Config>(r#"{"limits": {"body_bytes": 1}}"#).expect_err("a typing error");
        assert!(error.to_string().contains("body_bytes"), "{error}");
    }

    #[test]
    fn a_token_is_not_printed() {
        let printed = format!("{:?}", token("0123456789abcdef", "admin"));
        assert!(printed.contains("admin") && !printed.contains("0123"), "{printed}");
    }
}

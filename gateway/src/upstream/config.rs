//! What an operator writes about upstreams.

use actix_web::http::header::HeaderName;
use messages::json::Json;
use serde::Deserialize;

use super::compare::Ignored;
use crate::config::Unusable;

/// An HTTP server that still answers for a part of the API, while the shop takes it over.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Upstream {
    /// The paths it answers for: this one and all below it. Of several that fit the longest counts.
    pub prefix: String,
    /// Where it is: `http://legacy:9000`. The path of a request is asked for there as it is.
    pub url: String,
    /// How many of a hundred clients it serves; the shop serves the others. The same client stays where it is, and whoever
    /// the shop has taken over stays there as the number falls.
    pub percent: u64,
    /// Of how many of a hundred reads the other side is asked too, and its answer compared.
    pub shadow_percent: u64,
    /// JSON fields that are not compared: `version`, `data/*/updated_at`.
    pub ignore: Vec<String>,
    /// Headers by which it believes to know who asks, and which clients could send: `x-remote-name`. They are taken away,
    /// beside all that the gateway itself knows of.
    pub believed_headers: Vec<String>,
    /// Whether paths and methods that the contract does not have go there too, whatever `percent` says.
    pub unknown: bool,
    /// How long it may take to answer, in milliseconds.
    pub timeout_ms: u64,
    /// How many requests a worker may have under way there; more are refused.
    pub in_flight_max: usize,
    /// The largest answer that is passed on, in bytes.
    pub answer_bytes_max: usize,
}

impl Default for Upstream {
    fn default() -> Upstream {
        Upstream {
            prefix: String::new(),
            url: String::new(),
            percent: 0,
            shadow_percent: 0,
            ignore: Vec::new(),
            believed_headers: Vec::new(),
            unknown: false,
            timeout_ms: 5_000,
            in_flight_max: 100,
            // What NATS carries, too.
            answer_bytes_max: 4 << 20,
        }
    }
}

impl Upstream {
    /// # Errors
    /// With what cannot be meant.
    pub(super) fn check(&self, index: usize, all: &[Upstream]) -> Result<(Ignored, Vec<HeaderName>), Unusable> {
        let wrong = |why: String| Unusable::Shape { place: format!("upstreams[{index}]"), why };
        let path = self.prefix.strip_prefix("/api/").unwrap_or_default();
        if path.is_empty() || !path.split('/').all(is_plain) {
            return Err(wrong(format!("prefix: {:?} is no path such as /api/v1/users", self.prefix)));
        }
        if all[..index].iter().any(|other| other.prefix == self.prefix) {
            return Err(wrong(format!("{} is there twice", self.prefix)));
        }
        let host = self.url.strip_prefix("http://").or_else(|| self.url.strip_prefix("https://")).unwrap_or_default();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        if host.is_empty() || !host.bytes().all(fits) {
            return Err(wrong(format!("url: {:?} is no address such as http://legacy:9000", self.url)));
        }
        if self.percent > 100 || self.shadow_percent > 100 {
            return Err(wrong("percent and shadow_percent are at most 100".to_owned()));
        }
        if self.timeout_ms == 0 || self.in_flight_max == 0 {
            return Err(wrong("timeout_ms and in_flight_max are at least 1".to_owned()));
        }
        let named = |text: &String| {
            let name = HeaderName::from_bytes(text.to_ascii_lowercase().as_bytes());
            name.map_err(|_| wrong(format!("believed_headers: {text:?} is no name of a header")))
        };
        let believed = self.believed_headers.iter().map(named).collect::<Result<_, _>>()?;
        Ok((Ignored::new(&self.ignore).map_err(wrong)?, believed))
    }
}

fn is_plain(segment: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    !segment.is_empty() && segment.bytes().all(plain)
}

/// Nothing to compare where an answer is no JSON.
pub(super) fn json(bytes: &[u8]) -> Option<Json> {
    messages::json::parse(bytes).ok()
}

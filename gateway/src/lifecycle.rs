//! The route's life: headers that only depend on the contract, made once, and the end of a route.
//!
//! A deprecated route says so (RFC 9745), says when it ends (RFC 8594) and what follows it, with every answer. After its
//! end it answers 410, so that nobody mistakes its absence for a typing error.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, VARY};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::fmt::rfc2822::DateTimePrinter;
use messages::route::{Http, Route};

use crate::answer::NO_STORE;
use crate::error::Error;
use crate::router::Param;

const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");
/// What tells who asks, and whether they want to watch.
const VARIES: HeaderValue = HeaderValue::from_static("accept, authorization, guest-token");

/// What a route says with every answer, and until when it lives.
#[derive(Debug)]
pub(crate) struct Life {
    headers: Vec<(HeaderName, HeaderValue)>,
    /// What a cache may do with a success.
    cache: Vec<(HeaderName, HeaderValue)>,
    sunset: Option<Timestamp>,
    successor: Option<&'static Http>,
}

impl Life {
    /// The life of one of these routes.
    pub(crate) fn new(route: &Route, routes: &[&'static Route]) -> Life {
        let life = &route.lifecycle;
        let (headers, sunset) = announced(life.deprecated, life.sunset);
        let named = |other: &&Route| life.successor == Some(other.name);
        let successor = life.successor.and_then(|_| routes.iter().copied().find(named));
        Life { headers, cache: cache(route), sunset, successor: successor.and_then(|route| route.http.first()) }
    }

    /// Where the same thing is asked of the route that follows this one.
    pub(crate) fn successor(&self, params: &[Param<'_>]) -> Option<HeaderValue> {
        let mut path = self.successor?.path.to_owned();
        // What is not an id could end the link and begin another; a path with a gap is no link.
        for (name, value) in params.iter().filter(|(_, value)| messages::token::of(value).is_some()) {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        let whole = !path.contains('{');
        whole.then(|| HeaderValue::try_from(format!("<{path}>; rel=\"successor-version\"")).ok()).flatten()
    }

    /// Whether clients are told to move.
    pub(crate) fn is_deprecated(&self) -> bool {
        !self.headers.is_empty()
    }

    /// Refuses a route that has ended.
    pub(crate) fn check(&self, now: Timestamp) -> Result<(), Error> {
        check(self.sunset, now)
    }

    pub(crate) fn answer(&self, response_status: StatusCode, response: &mut HeaderMap) {
        for (name, value) in &self.headers {
            response.insert(name.clone(), value.clone());
        }
        if response_status.is_success() || response_status == StatusCode::NOT_MODIFIED {
            for (name, value) in &self.cache {
                response.insert(name.clone(), value.clone());
            }
        }
    }
}

/// The headers that announce an end, and when it comes.
pub(crate) fn announced(
    deprecated: Option<&str>,
    sunset: Option<&str>,
) -> (Vec<(HeaderName, HeaderValue)>, Option<Timestamp>) {
    let deprecated = deprecated.and_then(day).map(|at| format!("@{}", at.as_second()));
    let sunset = sunset.and_then(day);
    let ends = sunset.and_then(|at| DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok());
    let headers = [(DEPRECATION, deprecated), (SUNSET, ends)]
        .into_iter()
        .filter_map(|(name, text)| Some((name, HeaderValue::try_from(text?).ok()?)))
        .collect();
    (headers, sunset)
}

/// Refuses what has ended.
pub(crate) fn check(sunset: Option<Timestamp>, now: Timestamp) -> Result<(), Error> {
    if sunset.is_none_or(|sunset| now < sunset) {
        return Ok(());
    }
    Err(Error::new(StatusCode::GONE, "gone", "this route has ended; the Link header names what follows it"))
}

/// Only what everybody may see is for shared caches, and only what the contract says may be kept at all.
fn cache(route: &Route) -> Vec<(HeaderName, HeaderValue)> {
    let Some(cache) = route.cache.as_ref().filter(|cache| cache.max_age_s > 0) else {
        return vec![(CACHE_CONTROL, NO_STORE)];
    };
    let shared = if cache.public && route.public { "public" } else { "private" };
    let text = format!("{shared}, max-age={}", cache.max_age_s);
    let control = HeaderValue::try_from(text).unwrap_or(NO_STORE);
    vec![(CACHE_CONTROL, control), (VARY, VARIES)]
}

/// Midnight UTC of a day, `YYYY-MM-DD`.
pub(crate) fn day(text: &str) -> Option<Timestamp> {
    let day: Date = text.parse().ok()?;
    Some(day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

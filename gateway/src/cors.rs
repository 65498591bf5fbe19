//! CORS: which web pages of other origins may call the API.
//!
//! Exact origins from the configuration, none by default. A wildcard cannot be configured, an origin that is not listed
//! gets no header at all, and `null` (a sandboxed frame, a file) is never listed.

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderMap, HeaderValue, ORIGIN, VARY,
};

/// What a page may send besides what every page may.
const ALLOW_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, dpop, guest-token, idempotency-key, if-match, if-none-match, last-event-id, prefer, shop-position, traceparent, \
     x-correlation-id, x-request-id, x-trace-id",
);
/// What a page may read besides what every page may.
const EXPOSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "content-disposition, deprecation, dpop-nonce, etag, guest-token, idempotent-replayed, link, location, retry-after, shop-position, sunset, \
     www-authenticate, x-correlation-id, x-request-id, x-trace-id",
);
/// How long a browser may remember a preflight: Chromium's own upper bound is two hours, ten minutes let a change act.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The origins that are allowed.
#[derive(Debug)]
pub(crate) struct Cors {
    origins: Vec<HeaderValue>,
    credentials: bool,
}

impl Cors {
    /// From a checked configuration: an origin that is no header value allows nobody.
    pub(crate) fn new(config: &crate::config::Cors) -> Cors {
        let origins = config.origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
        Cors { origins, credentials: config.credentials }
    }

    /// Adds what an answer says to a page of another origin.
    pub(crate) fn answer(&self, request: &HeaderMap, response: &mut HeaderMap) {
        if self.origins.is_empty() {
            return;
        }
        // A cache must not hand one origin's answer to another.
        response.append(VARY, HeaderValue::from_static("origin"));
        let Some(origin) = self.allowed(request) else { return };
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSE_HEADERS);
        if self.credentials {
            response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }

    /// Adds what a preflight asks for: which methods (as in `Allow`) and headers.
    pub(crate) fn preflight(&self, request: &HeaderMap, allow: &HeaderValue, response: &mut HeaderMap) {
        if !request.contains_key(ACCESS_CONTROL_REQUEST_METHOD) || self.allowed(request).is_none() {
            return;
        }
        response.insert(ACCESS_CONTROL_ALLOW_METHODS, allow.clone());
        response.insert(ACCESS_CONTROL_ALLOW_HEADERS, ALLOW_HEADERS);
        response.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    }

    fn allowed(&self, request: &HeaderMap) -> Option<&HeaderValue> {
        let origin = request.get(ORIGIN)?;
        self.origins.iter().find(|allowed| *allowed == origin)
    }
}

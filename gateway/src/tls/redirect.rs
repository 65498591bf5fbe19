//! The plain door beside the one with TLS: it sends everybody there, except who asks for health.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, LOCATION};
use actix_web::{HttpRequest, HttpResponse};

/// Which door a request has come through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    /// Plain HTTP, the only one there is.
    Plain,
    /// TLS.
    Secure,
    /// Plain HTTP beside TLS.
    Beside,
}

/// Where a request to the plain door is sent: to the same path at the public address, which is the gateway's own setting
/// and not what the request calls its host. The method stays (RFC 9110 §15.4.9).
pub(crate) fn answer(http: &HttpRequest, issuer: &str) -> Option<HttpResponse> {
    if matches!(http.uri().path(), "/health/live" | "/health/ready") {
        return None;
    }
    let target = http.uri().path_and_query().map_or("/", |target| target.as_str());
    let location = HeaderValue::try_from(format!("{issuer}{target}")).ok()?;
    let mut response = HttpResponse::new(StatusCode::PERMANENT_REDIRECT);
    response.headers_mut().insert(LOCATION, location);
    Some(response)
}

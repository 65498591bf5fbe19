//! Limits: what is refused by its size before anything reads it, and how long a body may take.
//!
//! The HTTP parser refuses a head above 128 KiB or 96 headers by itself (431, connection closed). The bounds here are
//! tighter and answer as problems.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use actix_web::web::{Bytes, BytesMut, Payload};
use futures::StreamExt;

use crate::config::Limits;
use crate::error::Error;

/// Refuses a request line or headers that are too long.
pub(crate) fn head(request: &HttpRequest, limits: &Limits) -> Result<(), Error> {
    let uri = request.uri();
    let url_bytes = uri.path().len() + uri.query().map_or(0, |query| query.len() + 1);
    if url_bytes > limits.url_bytes_max {
        let detail = format!("the request target is longer than {} bytes", limits.url_bytes_max);
        return Err(Error::new(StatusCode::URI_TOO_LONG, "url_too_long", detail));
    }
    let header_bytes: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if header_bytes > limits.header_bytes_max {
        let detail = format!("the headers are longer than {} bytes together", limits.header_bytes_max);
        return Err(Error::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", detail));
    }
    Ok(())
}

/// Reads a body, but no further than the limit and no longer than allowed.
pub(crate) async fn body(headers: &HeaderMap, payload: Payload, limits: &Limits) -> Result<Bytes, Error> {
    let announced =
        headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    if announced.is_some_and(|bytes: usize| bytes > limits.body_bytes_max) {
        return Err(too_large(limits));
    }
    match tokio::time::timeout(limits.body_timeout(), collect(payload, limits)).await {
        Ok(body) => body,
        Err(_) => Err(Error::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_timeout",
            format!("the body did not arrive within {} ms", limits.body_timeout_ms),
        )
        .closing()),
    }
}

async fn collect(mut payload: Payload, limits: &Limits) -> Result<Bytes, Error> {
    let mut whole: Option<Bytes> = None;
    let mut parts = BytesMut::new();
    while let Some(part) = payload.next().await {
        let part = part.map_err(|_| {
            Error::new(StatusCode::BAD_REQUEST, "body_unreadable", "the body ended early or is framed wrongly")
                .closing()
        })?;
        let so_far = whole.as_ref().map_or(0, Bytes::len) + parts.len();
        if so_far + part.len() > limits.body_bytes_max {
            return Err(too_large(limits));
        }
        // Nearly every body comes in one part, which need not be copied.
        match whole.take() {
            None if parts.is_empty() => whole = Some(part),
            first => {
                parts.extend_from_slice(&first.unwrap_or_default());
                parts.extend_from_slice(&part);
            }
        }
    }
    Ok(whole.unwrap_or_else(|| parts.freeze()))
}

fn too_large(limits: &Limits) -> Error {
    let detail = format!("the body is larger than {} bytes", limits.body_bytes_max);
    Error::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail).closing()
}

//! Compression: a long answer made short for whoever can unpack it.
//!
//! Only what somebody reads: an answer to a command may hold a secret beside what the client sent, and how well the two
//! compress together would tell of it. Only text, and only what is longer than a packet. A stream is never compressed,
//! for its events would wait for each other. The `ETag` stays as it is: here it names the version of an entity and not
//! its bytes, and clients send it back to say which version they change.

use std::io::Write as _;

use actix_web::body::{BoxBody, MessageBody as _};
use actix_web::http::Method;
use actix_web::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, VARY};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use flate2::Compression;
use flate2::write::GzEncoder;

/// A shorter answer fits into one packet as it is.
const BYTES_MIN: usize = 1_400;
/// More takes over a millisecond, which others of the worker must not wait for.
const INLINE_BYTES_MAX: usize = 64 * 1024;

const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// The answer as it is sent to this client.
pub(crate) async fn answer(http: &HttpRequest, response: HttpResponse) -> HttpResponse {
    let reads = matches!(*http.method(), Method::GET | Method::HEAD);
    if !reads || !is_text(response.headers()) || response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    let (mut response, body) = response.into_parts();
    let plain = match body.try_into_bytes() {
        Ok(plain) => plain,
        Err(body) => return response.set_body(body),
    };
    if plain.len() < BYTES_MIN {
        return response.set_body(BoxBody::new(plain));
    }
    // A cache must not hand what one client can unpack to another that cannot.
    response.headers_mut().append(VARY, HeaderValue::from_name(ACCEPT_ENCODING));
    if !takes_gzip(http.headers()) {
        return response.set_body(BoxBody::new(plain));
    }
    let packed = if plain.len() <= INLINE_BYTES_MAX {
        pack(&plain)
    } else {
        let plain = plain.clone();
        web::block(move || pack(&plain)).await.ok().flatten()
    };
    match packed {
        Some(packed) => {
            response.headers_mut().insert(CONTENT_ENCODING, GZIP);
            response.set_body(BoxBody::new(packed))
        }
        None => response.set_body(BoxBody::new(plain)),
    }
}

/// What has words in it; a stream of events is not one answer but many.
fn is_text(headers: &HeaderMap) -> bool {
    let Some(media_type) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    matches!(essence, "application/json" | "application/problem+json")
        || essence.starts_with("text/") && essence != "text/event-stream"
}

/// Whether a client says that it unpacks gzip (RFC 9110 §12.5.3). Saying nothing is not saying so.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let (mut named, mut any) = (None, None);
    let values = headers.get_all(ACCEPT_ENCODING).filter_map(|value| value.to_str().ok());
    for coding in values.flat_map(|value| value.split(',')) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        // Weights are 0 to 1 with up to three decimals: it is refused by a weight that has no other digit than 0.
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        let taken = weight.is_none_or(|weight| weight.bytes().any(|digit| matches!(digit, b'1'..=b'9')));
        match name {
            "*" => any = Some(taken),
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => named = Some(taken),
            _ => {}
        }
    }
    named.or(any).unwrap_or(false)
}

/// JSON repeats itself so much that trying harder would save little: the fastest level leaves a fifth to a tenth.
fn pack(plain: &Bytes) -> Option<Bytes> {
    let mut packer = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    packer.write_all(plain).ok()?;
    packer.finish().ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_says_so_takes_gzip() {
        for (said, takes) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("x-gzip", true),
            ("*", true),
            ("deflate, *;q=0.1", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000, *", false),
            ("*;q=0", false),
            ("br", false),
            ("identity", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(said));
            assert_eq!(takes_gzip(&headers), takes, "{said:?}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}

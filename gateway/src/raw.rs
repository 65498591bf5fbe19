//! Bodies as they came: for providers that call back, and sign what they send.
//!
//! A signature is over bytes and some headers, so both are handed to the group unread: no JSON, no other spelling. What
//! is handed over is what the contract names; a provider's cookies and whatever its proxies add end here. Who it is,
//! nobody asks: no token is looked at, because the group alone knows the provider's secret.

use actix_web::http::header::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use messages::json::{Json, Object};
use messages::route::Raw;

use crate::error::Error;
use crate::request;

/// The members of a request whose body and headers are taken as they came. The contract checks their sizes like those
/// of any others.
///
/// # Errors
/// 415 when the body is compressed, 400 when a header that is wanted is no text.
pub(crate) fn members(raw: &Raw, headers: &HeaderMap, body: &[u8]) -> Result<Object, Error> {
    if request::is_compressed(headers) {
        return Err(Error::unsupported("a compressed body is not accepted"));
    }
    let mut members = Object::from([(raw.body.to_owned(), Json::String(STANDARD.encode(body)))]);
    if let Some(field) = raw.headers {
        members.insert(field.to_owned(), wanted(raw.allow, headers)?);
    }
    Ok(members)
}

fn wanted(allow: &[&str], headers: &HeaderMap) -> Result<Json, Error> {
    let mut wanted = Object::new();
    for name in allow {
        let values: Result<Vec<_>, _> = headers.get_all(*name).map(|value| value.to_str()).collect();
        let Ok(values) = values else {
            let detail = format!("the header {name} is not printable text");
            return Err(Error::bad_request("header_unreadable", detail));
        };
        if !values.is_empty() {
            wanted.insert((*name).to_owned(), Json::String(values.join(", ")));
        }
    }
    Ok(Json::Object(wanted))
}

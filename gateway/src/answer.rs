//! The answer: a group's response as HTTP.
//!
//! The response is written as JSON straight from its encoding, once, unless it is a [file](crate::file). What only depends on the route (caching, its life
//! cycle) was made into headers at start.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{AGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION};
use messages::json::{Json, Object};
use messages::route::{Route, RpcKind};
use runtime::client::Answer;

use crate::cache::{CACHE_STATUS, Kept};
use crate::error::Error;
use crate::file;

/// The position of a write in its group's log; on a request, what a read must include.
pub(crate) const SHOP_POSITION: HeaderName = HeaderName::from_static("shop-position");
/// The answer is that of an earlier request with the same key.
pub(crate) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Nobody keeps a copy.
pub(crate) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// Yes.
pub(crate) const TRUE: HeaderValue = HeaderValue::from_static("true");
/// The media type of JSON.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What a group said, as HTTP.
pub(crate) fn write(
    route: &Route,
    request: &Object,
    headers: &HeaderMap,
    said: &Answer,
) -> Result<HttpResponse, Error> {
    write_shown(route, route, request, headers, said)
}

/// The same when what is shown was said by another rpc of the entity.
pub(crate) fn write_shown(
    route: &Route,
    shown_by: &Route,
    request: &Object,
    headers: &HeaderMap,
    said: &Answer,
) -> Result<HttpResponse, Error> {
    if let Some(unchanged) = unchanged(route, headers, said) {
        return Ok(unchanged);
    }
    let etag = said.version.map(etag);
    let location = (shown_by.locate)(&said.payload).or_else(|| fill(route, request));
    let mut response = match &shown_by.file {
        Some(file) => file::response(shown_by, file, status(route), said)?,
        // Who calls back reads the status.
        None if route.raw.is_some() && shown_by.response.fields.is_empty() => HttpResponse::new(status(route)),
        None => {
            let json = encode(shown_by, said)?;
            let mut response = HttpResponse::with_body(status(route), json).map_into_boxed_body();
            put(&mut response, CONTENT_TYPE, Some(JSON));
            response
        }
    };
    put(&mut response, ETAG, etag);
    put(&mut response, LOCATION, location.and_then(|location| HeaderValue::try_from(location).ok()));
    put(&mut response, SHOP_POSITION, position(said));
    put(&mut response, IDEMPOTENT_REPLAYED, said.replayed.then_some(TRUE));
    Ok(response)
}

/// An answer that is kept, and how long ago it was asked for.
pub(crate) fn kept(route: &Route, headers: &HeaderMap, kept: &Kept, status: HeaderValue) -> HttpResponse {
    let mut response = unchanged(route, headers, &kept.said).unwrap_or_else(|| {
        let mut response = HttpResponse::with_body(self::status(route), kept.json.clone()).map_into_boxed_body();
        put(&mut response, CONTENT_TYPE, Some(JSON));
        put(&mut response, ETAG, kept.said.version.map(etag));
        response
    });
    put(&mut response, CACHE_STATUS, Some(status));
    put(&mut response, AGE, Some(HeaderValue::from(kept.age().as_secs())));
    response
}

/// What is said to a client that holds this version already.
fn unchanged(route: &Route, headers: &HeaderMap, said: &Answer) -> Option<HttpResponse> {
    let etag = said.version.filter(|_| route.kind != RpcKind::Command).map(etag)?;
    is_known(headers, &etag).then(|| {
        let mut response = HttpResponse::new(StatusCode::NOT_MODIFIED);
        put(&mut response, ETAG, Some(etag));
        response
    })
}

/// The command was accepted, and what becomes of it will be shown elsewhere.
pub(crate) fn accepted(route: &Route, request: &Object, shown: Option<(&Route, &Answer)>) -> HttpResponse {
    let body = shown.and_then(|(shown_by, said)| encode(shown_by, said).ok());
    let location = shown.and_then(|(shown_by, said)| (shown_by.locate)(&said.payload)).or_else(|| fill(route, request));
    let media_type = body.is_some().then_some(JSON);
    let mut response = HttpResponse::with_body(StatusCode::ACCEPTED, body.unwrap_or_default()).map_into_boxed_body();
    put(&mut response, CONTENT_TYPE, media_type);
    put(&mut response, LOCATION, location.and_then(|location| HeaderValue::try_from(location).ok()));
    put(&mut response, SHOP_POSITION, shown.and_then(|(_, said)| position(said)));
    response
}

/// A response in JSON.
pub(crate) fn encode(route: &Route, said: &Answer) -> Result<Vec<u8>, Error> {
    // JSON repeats the names of its fields: with three times the size it rarely has to grow.
    let mut json = Vec::with_capacity(said.payload.len() * 3 + 128);
    match (route.response.to_json)(&said.payload, &mut json) {
        Ok(()) => Ok(json),
        Err(cause) => {
            tracing::error!(group = route.group, rpc = route.rpc, %cause, "the response of {} cannot be read", route.rpc);
            Err(Error::internal())
        }
    }
}

/// A response as a tree, for the few who look into it.
pub(crate) fn json(route: &Route, said: &Answer) -> Result<Json, Error> {
    messages::json::parse(&encode(route, said)?).map_err(|_| Error::internal())
}

fn position(said: &Answer) -> Option<HeaderValue> {
    HeaderValue::try_from(said.position.as_ref()?.to_string()).ok()
}

fn put(response: &mut HttpResponse, name: HeaderName, value: Option<HeaderValue>) {
    if let Some(value) = value {
        response.headers_mut().insert(name, value);
    }
}

fn status(route: &Route) -> StatusCode {
    StatusCode::from_u16(route.success).unwrap_or(StatusCode::OK)
}

/// The tag of an entity's version.
fn etag(version: u64) -> HeaderValue {
    let text = format!("\"{version}\"");
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// Whether the client holds this version already. Weak comparison, as RFC 9110 §13.1.2 asks.
pub(crate) fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let Some(held) = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()) else { return false };
    held.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == etag)
}

/// Where what the request is about will be shown, as far as the request itself can tell.
fn fill(route: &Route, request: &Object) -> Option<String> {
    let mut path = route.location?.to_owned();
    for (name, value) in request {
        // What is no id cannot stand in a path as it is.
        if let Some(id) = value.as_str().filter(|id| messages::token::of(id).is_some()) {
            path = path.replace(&format!("{{{name}}}"), id);
        }
    }
    (!path.contains('{')).then_some(path)
}

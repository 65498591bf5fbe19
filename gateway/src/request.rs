//! The request: path, query and body as one message of the contract.
//!
//! A parameter of the path or the query is a field of the request message, so the contract's own checks see it like one
//! of the body, and all errors come back together under the same pointers. What the contract does not name is refused:
//! a filter that is misspelt must not answer with everything.

use std::borrow::Cow;

use actix_web::http::Method;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use messages::errors::{FieldError, code};
use messages::field::{Field, FieldKind};
use messages::json::{Json, Object};
use messages::route::{Route, RpcKind};

use crate::error::Error;
use crate::router::{Param, decode};

/// Which media types PATCH takes (RFC 5789 §3.1).
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
/// Which media types POST takes (LDP §7.1).
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
/// The code of a query parameter that nothing here is called.
pub(crate) const UNKNOWN_PARAMETER: &str = "unknown_parameter";

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// The query parameter of every read of one entity that asks for its past.
pub(crate) const AT: &str = "at";

/// The members of a body. No body at all is an empty object: some commands need none.
///
/// # Errors
/// 400 when it is not a JSON object.
pub(crate) fn members(body: &[u8]) -> Result<Object, Error> {
    if body.is_empty() {
        return Ok(Object::new());
    }
    match messages::json::parse(body).map_err(Error::invalid)? {
        Json::Object(members) => Ok(members),
        _ => Err(Error::invalid(vec![wrong("", code::WRONG_TYPE, "must be an object")])),
    }
}

/// Refuses a body that is not JSON, or is compressed.
pub(crate) fn content_type(method: &Method, headers: &HeaderMap) -> Result<(), Error> {
    let patch = method == Method::PATCH;
    let (accepted, header) = if patch {
        (HeaderValue::from_static(MERGE_PATCH), ACCEPT_PATCH)
    } else {
        (HeaderValue::from_static(JSON), ACCEPT_POST)
    };
    let refused = |detail| Err(Error::unsupported(detail).header(header, accepted));
    if is_compressed(headers) {
        return refused("a compressed body is not accepted");
    }
    if headers.get_all(CONTENT_TYPE).count() > 1 {
        return refused("a body has one Content-Type");
    }
    let Some(media_type) = text(headers, CONTENT_TYPE) else { return refused("a body needs a Content-Type") };
    let mut parts = media_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let known = essence.eq_ignore_ascii_case(JSON) || patch && essence.eq_ignore_ascii_case(MERGE_PATCH);
    let utf8 = |part: &str| part.is_empty() || part.replace('"', "").eq_ignore_ascii_case("charset=utf-8");
    if known && parts.all(utf8) { Ok(()) } else { refused("a body must be JSON in UTF-8") }
}

/// Whether a body is compressed: what it grows to nobody could bound.
pub(crate) fn is_compressed(headers: &HeaderMap) -> bool {
    text(headers, CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity"))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

/// Puts the path's parameters among the members. A body may repeat what the path says, but not contradict it.
pub(crate) fn put_params(route: &Route, params: &[Param<'_>], members: &mut Object, errors: &mut Vec<FieldError>) {
    for (name, text) in params {
        let value = match field(route.request.fields, name) {
            Some(field) => scalar(field, name, text, errors),
            None => Json::from(&**text),
        };
        match members.get(*name) {
            None => {
                members.insert((*name).to_owned(), value);
            }
            Some(said) if *said == value => {}
            Some(_) => errors.push(wrong(name, "path_mismatch", "the path says otherwise")),
        }
    }
}

/// Puts the query's parameters among the members, and returns `at` by itself.
pub(crate) fn put_query(
    route: &Route,
    params: &[Param<'_>],
    query: &str,
    members: &mut Object,
    errors: &mut Vec<FieldError>,
) -> Option<String> {
    let mut at = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(name), Some(text)) = (decode_query(name), decode_query(text)) else {
            errors.push(wrong("", code::BAD_FORMAT, "the query is not valid percent-encoded UTF-8"));
            continue;
        };
        if name == AT && route.kind == RpcKind::Read && at.is_none() {
            if text.parse::<u64>().is_err() && text.parse::<jiff::Timestamp>().is_err() {
                errors.push(wrong(AT, code::BAD_FORMAT, "must be a version, or a time such as 2026-01-31T12:00:00Z"));
            }
            at = Some(text.into_owned());
            continue;
        }
        let (name, operator) = match name.strip_suffix(']').and_then(|rest| rest.split_once('[')) {
            Some((name, operator)) => (name, Some(operator)),
            None => (&*name, None),
        };
        let named = field(route.request.fields, name).filter(|_| params.iter().all(|(param, _)| *param != name));
        match named {
            Some(field) => put_parameter(field, operator, &text, members, errors),
            None => errors.push(wrong(name, UNKNOWN_PARAMETER, "there is no such parameter here")),
        }
    }
    at
}

/// `limit=5` is a field; `status=a` and `status[in]=a,b` are fields of a filter.
fn put_parameter(
    field: &Field,
    operator: Option<&str>,
    text: &str,
    members: &mut Object,
    errors: &mut Vec<FieldError>,
) {
    let twice = |path: &str| wrong(path, code::DUPLICATE_KEY, "this is said twice");
    let unknown = || wrong(field.name, UNKNOWN_PARAMETER, "there is no such filter here");
    let Some(operations) = field.message.map(|fields| fields()) else {
        if operator.is_some() {
            errors.push(unknown());
        } else if members.contains_key(field.name) {
            errors.push(twice(field.name));
        } else {
            members.insert(field.name.to_owned(), value(field, field.name, text, errors));
        }
        return;
    };
    let operator = operator.unwrap_or("eq");
    let Some(operation) = self::field(operations, operator) else { return errors.push(unknown()) };
    let path = format!("{}/{operator}", field.name);
    let filter = members.entry(field.name.to_owned()).or_insert_with(|| Json::Object(Object::new()));
    let Json::Object(filter) = filter else { return };
    if filter.contains_key(operator) {
        errors.push(twice(&path));
    } else {
        filter.insert(operator.to_owned(), value(operation, &path, text, errors));
    }
}

/// The value of a parameter; a list is separated by commas.
fn value(field: &Field, path: &str, text: &str, errors: &mut Vec<FieldError>) -> Json {
    if field.repeated {
        let items = text.split(',').enumerate().map(|(index, item)| {
            if item.is_empty() && field.kind == FieldKind::Text {
                errors.push(wrong(&format!("{path}/{index}"), code::REQUIRED, "there is nothing between two commas"));
            }
            scalar(field, path, item, errors)
        });
        Json::Array(items.collect())
    } else {
        scalar(field, path, text, errors)
    }
}

/// A word as the type its field wants. Whatever else is wrong with it, the contract will tell.
fn scalar(field: &Field, path: &str, text: &str, errors: &mut Vec<FieldError>) -> Json {
    match (field.kind, text) {
        (FieldKind::Int32 | FieldKind::Int64 | FieldKind::Uint32 | FieldKind::Uint64, _) => {
            let number = text.parse();
            if number.is_err() {
                errors.push(wrong(path, code::NOT_AN_INTEGER, "must be a whole number"));
            }
            number.map_or(Json::Null, Json::Integer)
        }
        (FieldKind::Bool, "true") => Json::Bool(true),
        (FieldKind::Bool, "false") => Json::Bool(false),
        _ => Json::from(text),
    }
}

fn field(fields: &'static [Field], name: &str) -> Option<&'static Field> {
    fields.iter().find(|field| field.name == name)
}

/// In a query a plus is a space (`application/x-www-form-urlencoded`).
fn decode_query(text: &str) -> Option<Cow<'_, str>> {
    if text.contains('+') {
        decode(&text.replace('+', " ")).map(|text| Cow::Owned(text.into_owned()))
    } else {
        decode(text)
    }
}

/// An error at a path below the request message.
pub(crate) fn wrong(path: &str, code: &'static str, detail: impl Into<String>) -> FieldError {
    let pointer = if path.is_empty() { String::new() } else { format!("/{path}") };
    FieldError { pointer, code, detail: detail.into() }
}

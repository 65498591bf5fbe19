//! The headers of a request that is passed on, and of the answer that comes back.
//!
//! What is between two neighbours stays between them (RFC 9110 §7.6.1). Who somebody is the gateway has found out, and
//! says so itself: whatever else could tell an upstream who asks is taken away, and its own cookies stay with it.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use runtime::headers::Caller;

/// What concerns one connection only.
const HOP: [&str; 10] = [
    "connection",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// What would tell who asks, or for whom, in a client's own words; and what the gateway does itself.
const OURS: [&str; 11] = [
    "accept-encoding",
    "authorization",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "guest-token",
    "shop-caller",
    "via",
    "x-csrf-token",
    "x-real-ip",
];
/// What an upstream says to browsers, which know it as a part of this site.
const THEIRS: [&str; 7] = [
    "alt-svc",
    "content-length",
    "server",
    "set-cookie",
    "strict-transport-security",
    "www-authenticate",
    "x-powered-by",
];
/// Who asks, for an upstream to believe.
const SUBJECT: HeaderName = HeaderName::from_static("x-mercat-subject");
const ROLE: HeaderName = HeaderName::from_static("x-mercat-role");
const SCOPES: HeaderName = HeaderName::from_static("x-mercat-scopes");

/// Takes away what names a neighbour's connection, also what only `Connection` names.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<String> = headers
        .get_all("connection")
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let mut kept = HeaderMap::new();
    for (name, value) in headers {
        if !HOP.contains(&name.as_str()) && !named.iter().any(|named| named == name.as_str()) {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}

/// The headers of a request as they are passed on, without those by which this upstream would believe a client.
pub(super) fn onward(headers: &HeaderMap, believed: &[HeaderName], caller: &Caller) -> HeaderMap {
    let mut onward = end_to_end(headers);
    let gone = |name: &HeaderName| {
        let is_believed = believed.contains(name);
        let name = name.as_str();
        is_believed || OURS.contains(&name) || name.starts_with("x-forwarded-") || name.starts_with("x-mercat-")
    };
    let names: Vec<HeaderName> = onward.keys().filter(|name| gone(name)).cloned().collect();
    for name in names {
        onward.remove(name);
    }
    let scopes = caller.scopes.join(" ");
    for (name, text) in
        [(ROLE, Some(caller.role.as_str())), (SUBJECT, caller.subject.as_deref()), (SCOPES, Some(scopes.as_str()))]
    {
        if let Some(value) = text.filter(|text| !text.is_empty()).and_then(|text| HeaderValue::from_str(text).ok()) {
            onward.insert(name, value);
        }
    }
    onward
}

/// The headers of an answer as they are passed back.
pub(super) fn back(headers: &HeaderMap) -> HeaderMap {
    let mut back = end_to_end(headers);
    let gone = |name: &HeaderName| THEIRS.contains(&name.as_str()) || name.as_str().starts_with("access-control-");
    let names: Vec<HeaderName> = back.keys().filter(|name| gone(name)).cloned().collect();
    for name in names {
        back.remove(name);
    }
    back
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    fn told(headers: &HeaderMap) -> Vec<String> {
        let mut told: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().expect("text"))).collect();
        told.sort();
        told
    }

    #[test]
    fn who_asks_is_said_by_the_gateway_alone() {
        let sent = headers(&[
            ("authorization", "Bearer secret"),
            ("cookie", "a=b"),
            ("x-mercat-subject", "usr_somebody_else"),
            ("x-forwarded-for", "1.2.3.4"),
            ("guest-token", "secret"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("te", "trailers"),
            ("x-user-id", "usr_somebody_else"),
            ("accept", "application/json"),
            ("idempotency-key", "k"),
        ]);
        let caller =
            Caller::known("customer", Some("usr_1".to_owned()), vec!["a:read".to_owned(), "b:read".to_owned()]);
        assert_eq!(
            told(&onward(&sent, &[HeaderName::from_static("x-user-id")], &caller)),
            [
                "accept: application/json",
                "idempotency-key: k",
                "x-mercat-role: customer",
                "x-mercat-scopes: a:read b:read",
                "x-mercat-subject: usr_1",
            ]
        );
        let sent = headers(&[("x-mercat-role", "admin")]);
        assert_eq!(told(&onward(&sent, &[], &Caller::anonymous())), ["x-mercat-role: anonymous"]);
    }

    #[test]
    fn an_upstream_is_a_part_of_this_site() {
        let said = headers(&[
            ("set-cookie", "session=1"),
            ("server", "old/1"),
            ("access-control-allow-origin", "*"),
            ("transfer-encoding", "chunked"),
            ("etag", "\"1\""),
        ]);
        assert_eq!(told(&back(&said)), ["etag: \"1\""]);
    }
}

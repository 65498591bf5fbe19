//! Forms and queries: names and values, each name once.

use std::collections::BTreeMap;

use actix_web::http::header::{CONTENT_TYPE, HeaderMap};

use crate::router::decode;

/// The fields of a form.
pub(crate) type Params = BTreeMap<String, String>;

/// The fields of a body; `None` when it is no form, or a name is there twice (RFC 6749 §3.1).
pub(crate) fn body(headers: &HeaderMap, body: &[u8]) -> Option<Params> {
    let media_type = headers.get(CONTENT_TYPE)?.to_str().ok()?.split(';').next()?.trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return None;
    }
    query(std::str::from_utf8(body).ok()?)
}

/// The fields of a query; `None` when it cannot be read, or a name is there twice.
pub(crate) fn query(text: &str) -> Option<Params> {
    let mut params = Params::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let plain = |text: &str| decode(&text.replace('+', " ")).map(std::borrow::Cow::into_owned);
        let (name, value) = (plain(name)?, plain(value)?);
        // What is empty is as if it were not there (RFC 6749 §3.1).
        if !value.is_empty() && params.insert(name, value).is_some() {
            return None;
        }
    }
    Some(params)
}

/// The value of a field; empty when it is not there.
pub(crate) fn get<'p>(params: &'p Params, name: &str) -> &'p str {
    params.get(name).map(String::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_everything_once() {
        let params = query("a=1&b=x+y%26z&c=&d").expect("a form");
        assert_eq!(params, Params::from([("a".into(), "1".into()), ("b".into(), "x y&z".into())]));
        assert_eq!(query("a=1&a=1"), None);
        assert_eq!(query("a=%zz"), None);
        assert_eq!(query(""), Some(Params::new()));
    }
}

//! Header maps: what becomes of the headers of a request or an answer.
//!
//! Some headers have a meaning that no configuration may bend: what frames a message, who somebody is, which command a
//! request repeats, and which version an answer shows. Their names are refused at start.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::config::HeaderChanges;
use super::fields::Way;

/// What frames a message, in both directions.
const FRAMING: [&str; 11] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Who asks, and for whom.
const IDENTITY: [&str; 8] = [
    "authorization",
    "cookie",
    "forwarded",
    "guest-token",
    "proxy-authorization",
    "x-csrf-token",
    "x-forwarded-for",
    "origin",
];
/// Which command it is, and on what: a client may call them otherwise, but says them itself.
const NAMES: [&str; 3] = ["idempotency-key", "if-match", "if-none-match"];
/// What an answer promises.
const PROMISES: [&str; 9] = [
    "content-security-policy",
    "etag",
    "idempotent-replayed",
    "location",
    "set-cookie",
    "shop-position",
    "strict-transport-security",
    "www-authenticate",
    "x-content-type-options",
];

/// Changes to headers that make sense.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Headers {
    rename: Vec<(HeaderName, HeaderName)>,
    remove: Vec<HeaderName>,
    set: Vec<(HeaderName, HeaderValue)>,
    add: Vec<(HeaderName, HeaderValue)>,
}

impl Headers {
    /// # Errors
    /// With the header that cannot be meant.
    pub(crate) fn new(changes: &HeaderChanges, way: Way) -> Result<Headers, String> {
        let said = |text: &str| named(text, way, true);
        let pair = |(header, value): (&String, &String)| {
            let text = HeaderValue::from_str(value).map_err(|_| format!("what {header} is set to cannot be sent"))?;
            Ok::<_, String>((said(header)?, text))
        };
        let mut headers = Headers::default();
        for (from, to) in &changes.rename {
            // What names a command may come under another name; it may not be called away.
            headers.rename.push((said(from)?, named(to, way, false)?));
        }
        headers.remove = changes.remove.iter().map(|text| said(text)).collect::<Result<_, _>>()?;
        headers.set = changes.set.iter().map(pair).collect::<Result<_, _>>()?;
        headers.add = changes.add.iter().map(pair).collect::<Result<_, _>>()?;
        Ok(headers)
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Headers::default()
    }

    /// Does what came first, and then what came later.
    pub(crate) fn then(&mut self, later: Headers) {
        self.rename.extend(later.rename);
        self.remove.extend(later.remove);
        self.set.extend(later.set);
        self.add.extend(later.add);
    }

    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        for (from, to) in &self.rename {
            for value in headers.remove(from).collect::<Vec<_>>() {
                headers.append(to.clone(), value);
            }
        }
        for name in &self.remove {
            headers.remove(name);
        }
        for (name, value) in &self.set {
            headers.insert(name.clone(), value.clone());
        }
        for (name, value) in &self.add {
            headers.append(name.clone(), value.clone());
        }
    }
}

fn named(text: &str, way: Way, names_too: bool) -> Result<HeaderName, String> {
    let name = HeaderName::from_bytes(text.to_ascii_lowercase().as_bytes());
    let name = name.map_err(|_| format!("{text:?} is no name of a header"))?;
    let kept = match way {
        Way::In => IDENTITY.contains(&name.as_str()) || names_too && NAMES.contains(&name.as_str()),
        Way::Out => PROMISES.contains(&name.as_str()),
    };
    if kept || FRAMING.contains(&name.as_str()) {
        return Err(format!("{name} is the gateway's own matter"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(asked: &str, way: Way) -> Result<Headers, String> {
        Headers::new(&serde_json::from_str(asked).expect("changes"), way)
    }

    #[test]
    fn headers_are_renamed_removed_set_and_added() {
        let asked =
            r#"{"rename": {"X-Old": "x-new"}, "remove": ["x-gone"], "set": {"x-set": "1"}, "add": {"via": "b"}}"#;
        let mut map = HeaderMap::new();
        for (name, value) in [("x-old", "o"), ("x-gone", "g"), ("x-set", "0"), ("via", "a")] {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers(asked, Way::Out).expect("meant").apply(&mut map);
        let mut told: Vec<_> =
            map.iter().map(|(name, value)| format!("{name}: {}", value.to_str().expect("text"))).collect();
        told.sort();
        assert_eq!(told, ["via: a", "via: b", "x-new: o", "x-set: 1"]);
    }

    #[test]
    fn what_has_a_meaning_keeps_it() {
        for (asked, way) in [
            (r#"{"set": {"Authorization": "Bearer x"}}"#, Way::In),
            (r#"{"rename": {"x-key": "authorization"}}"#, Way::In),
            (r#"{"set": {"idempotency-key": "always-the-same"}}"#, Way::In),
            (r#"{"remove": ["if-match"]}"#, Way::In),
            (r#"{"set": {"content-length": "1"}}"#, Way::Out),
            (r#"{"rename": {"etag": "x-etag"}}"#, Way::Out),
            (r#"{"set": {"set-cookie": "a=b"}}"#, Way::Out),
            (r#"{"set": {"x y": "b"}}"#, Way::Out),
            (r#"{"set": {"x": "a\nb"}}"#, Way::Out),
        ] {
            assert!(headers(asked, way).is_err(), "{asked}");
        }
        assert!(headers(r#"{"rename": {"x-request-key": "idempotency-key"}}"#, Way::In).is_ok());
    }
}

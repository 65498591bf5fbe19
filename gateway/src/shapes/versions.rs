//! Versions: the same rpcs under several prefixes, each in its own shape and with its own end.
//!
//! The contract has its routes at `/api/v1`. A version of the configuration has all of them, or some, at a prefix of its
//! own; whatever the contract itself has there goes first. A version that is left behind says so with every answer
//! (RFC 9745), says until when it answers (RFC 8594) and where the same is asked of its successor, and then answers 410.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, LINK, LOCATION};
use jiff::Timestamp;
use messages::route::Route;

use super::config::{self, Shaping};
use super::{Shape, Shapes, is_below};
use crate::config::Unusable;
use crate::error::Error;
use crate::lifecycle;

/// Where the contract has its routes.
pub(crate) const OWN: &str = "/api/v1";

/// The contract's own shapes, and the versions beside it.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    own: Shapes,
    all: Vec<Version>,
}

/// A prefix with a life of its own.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) prefix: String,
    /// What it announces with every answer.
    announced: Vec<(HeaderName, HeaderValue)>,
    sunset: Option<Timestamp>,
    successor: Option<String>,
    documentation: Option<HeaderValue>,
    /// Whether it has the route at this index.
    has: Vec<bool>,
    shapes: Shapes,
}

/// What a path of the contract is under another prefix.
pub(crate) fn under(path: &str, prefix: &str) -> Option<String> {
    path.strip_prefix(OWN).filter(|rest| rest.starts_with('/')).map(|rest| format!("{prefix}{rest}"))
}

impl Versions {
    /// # Errors
    /// With what cannot be meant.
    pub(crate) fn new(
        shapes: &[Shaping],
        versions: &[config::Version],
        routes: &[&'static Route],
    ) -> Result<Versions, Unusable> {
        let own = Shapes::new("shapes", shapes, OWN, routes)?;
        let mut all: Vec<Version> = Vec::new();
        for (index, version) in versions.iter().enumerate() {
            let wrong = |why: String| Unusable::Shape { place: format!("versions[{index}]"), why };
            if all.iter().any(|known| known.prefix == version.prefix) {
                return Err(wrong(format!("{} is there twice", version.prefix)));
            }
            if let Some(successor) = &version.successor {
                let known = successor == OWN || versions.iter().any(|other| other.prefix == *successor);
                if !known || *successor == version.prefix {
                    return Err(wrong(format!("successor: there is no other version {successor}")));
                }
            }
            let made = Version::new(version, routes).map_err(wrong)?;
            let shapes = Shapes::new(&format!("versions[{index}].shapes"), &version.shapes, &version.prefix, routes)?;
            all.push(Version { shapes, ..made });
        }
        Ok(Versions { own, all })
    }

    /// The version that a path belongs to, if one of the configuration.
    pub(crate) fn of(&self, path: &str) -> Option<&Version> {
        self.all.iter().find(|version| is_below(path, &version.prefix))
    }

    /// All versions of the configuration.
    pub(crate) fn all(&self) -> &[Version] {
        &self.all
    }

    /// What becomes of a route that was asked for at a path.
    pub(crate) fn shape(&self, path: &str, index: usize) -> Option<&Shape> {
        match self.of(path).filter(|version| version.prefix != OWN) {
            Some(version) => version.shapes.of(index),
            None => self.own.of(index),
        }
    }
}

impl Version {
    fn new(version: &config::Version, routes: &[&'static Route]) -> Result<Version, String> {
        let prefix = version.prefix.clone();
        let word = prefix.strip_prefix("/api/").unwrap_or_default();
        if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')) {
            return Err(format!("{prefix:?} is no prefix such as /api/v2"));
        }
        if prefix == OWN && !(version.shapes.is_empty() && version.routes.is_empty()) {
            return Err(format!("{OWN} is the contract's own: its shapes stand in gateway.shapes"));
        }
        for (name, day) in [("deprecated", &version.deprecated), ("sunset", &version.sunset)] {
            if day.as_deref().is_some_and(|day| lifecycle::day(day).is_none()) {
                return Err(format!("{name}: {:?} is no day such as 2026-12-31", day.as_deref().unwrap_or_default()));
            }
        }
        let (deprecated, sunset) = (version.deprecated.as_deref(), version.sunset.as_deref());
        if let (Some(since), Some(until)) = (deprecated.and_then(lifecycle::day), sunset.and_then(lifecycle::day))
            && until < since
        {
            return Err("it ends before it is deprecated".to_owned());
        }
        let (announced, sunset) = lifecycle::announced(deprecated, sunset);
        let documentation = version.documentation.as_deref().map(documentation).transpose()?;
        let mut has = vec![version.routes.is_empty(); routes.len()];
        for wanted in &version.routes {
            let is_wanted = |route: &Route| match wanted.strip_suffix(".*") {
                Some(group) => route.group == group,
                None => route.name == wanted,
            };
            let found: Vec<usize> = (0..routes.len()).filter(|index| is_wanted(routes[*index])).collect();
            if found.is_empty() {
                return Err(format!("there is no route {wanted}"));
            }
            for index in found {
                has[index] = true;
            }
        }
        let successor = version.successor.clone();
        Ok(Version { prefix, announced, sunset, successor, documentation, has, shapes: Shapes::default() })
    }

    /// The path under which the contract knows what is asked for here; `None` for the contract's own prefix.
    pub(crate) fn contract_path(&self, path: &str) -> Option<String> {
        let rest = path.strip_prefix(&self.prefix)?;
        (self.prefix != OWN).then(|| format!("{OWN}{rest}"))
    }

    /// Whether it has the route at this index.
    pub(crate) fn has(&self, index: usize) -> bool {
        self.has.get(index).copied().unwrap_or(false)
    }

    /// Whether clients are told to move.
    pub(crate) fn is_deprecated(&self) -> bool {
        !self.announced.is_empty()
    }

    /// Refuses what has ended.
    pub(crate) fn check(&self, now: Timestamp) -> Result<(), Error> {
        lifecycle::check(self.sunset, now)
    }

    /// Adds to an answer what the version announces.
    pub(crate) fn answer(&self, path: &str, headers: &mut HeaderMap) {
        for (name, value) in &self.announced {
            headers.insert(name.clone(), value.clone());
        }
        if let Some(link) = self.successor_link(path) {
            headers.append(LINK, link);
        }
        if let Some(documentation) = &self.documentation {
            headers.append(LINK, documentation.clone());
        }
        // What was created is shown under the prefix that its client knows.
        let location = headers.get(LOCATION).and_then(|location| under(location.to_str().ok()?, &self.prefix));
        if let Some(location) = location.and_then(|location| HeaderValue::try_from(location).ok()) {
            headers.insert(LOCATION, location);
        }
    }

    fn successor_link(&self, path: &str) -> Option<HeaderValue> {
        let rest = path.strip_prefix(&self.prefix)?;
        // What is not plain could end the link and begin another.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~%".contains(&byte);
        let link = format!("<{}{rest}>; rel=\"successor-version\"", self.successor.as_deref()?);
        rest.bytes().all(plain).then(|| HeaderValue::try_from(link).ok()).flatten()
    }
}

/// The link to what people read about a deprecation (RFC 9745 §3).
fn documentation(url: &str) -> Result<HeaderValue, String> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"<>\"\\".contains(&byte);
    let fits = (url.starts_with("https://") || url.starts_with("http://")) && url.bytes().all(plain);
    let link = HeaderValue::try_from(format!("<{url}>; rel=\"deprecation\"; type=\"text/html\""));
    link.ok().filter(|_| fits).ok_or_else(|| format!("documentation: {url:?} is no address of a page"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn versions(asked: Value) -> Result<Versions, String> {
        let asked: Vec<config::Version> = serde_json::from_value(asked).expect("versions");
        Versions::new(&[], &asked, messages::ROUTES).map_err(|unusable| unusable.to_string())
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        for (asked, told) in [
            (json!([{"prefix": "/v2"}]), "/v2"),
            (json!([{"prefix": "/api/v2/x"}]), "/api/v2/x"),
            (json!([{"prefix": "/api/v2"}, {"prefix": "/api/v2"}]), "twice"),
            (json!([{"prefix": "/api/v2", "sunset": "soon"}]), "soon"),
            (json!([{"prefix": "/api/v2", "deprecated": "2026-02-01", "sunset": "2026-01-01"}]), "before"),
            (json!([{"prefix": "/api/v2", "successor": "/api/v3"}]), "/api/v3"),
            (json!([{"prefix": "/api/v2", "routes": ["product.gett"]}]), "product.gett"),
            (json!([{"prefix": "/api/v2", "documentation": "ask us"}]), "ask us"),
            (json!([{"prefix": "/api/v2", "shapes": [{"route": "product.gett"}]}]), "product.gett"),
            (json!([{"prefix": "/api/v2", "shapes": [{"path": "/api/v1/products"}]}]), "/api/v1/products"),
            (
                json!([{"prefix": "/api/v2", "shapes": [{"route": "product.get", "response": {"body": {"rename": {"titel": "name"}}}}]}]),
                "titel",
            ),
            (
                json!([{"prefix": "/api/v2", "shapes": [{"route": "product.get", "request": {"body": {"set": {"title": 1}}}}]}]),
                "title",
            ),
            (
                json!([{"prefix": "/api/v2", "shapes": [{"route": "product.get", "response": {"headers": {"remove": ["etag"]}}}]}]),
                "etag",
            ),
        ] {
            let error = versions(asked.clone()).expect_err("refused");
            assert!(error.contains(told), "{asked}: {error}");
        }
    }

    #[test]
    fn a_path_belongs_to_the_version_whose_prefix_it_has() {
        let versions = versions(json!([{"prefix": "/api/v2"}, {"prefix": "/api/v22"}])).expect("meant");
        let prefix = |path: &str| versions.of(path).map(|version| version.prefix.as_str());
        assert_eq!(prefix("/api/v2/products"), Some("/api/v2"));
        assert_eq!(prefix("/api/v22/products"), Some("/api/v22"));
        assert_eq!((prefix("/api/v1/products"), prefix("/api/v222")), (None, None));
    }
}

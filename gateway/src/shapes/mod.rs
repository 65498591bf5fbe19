//! Shapes: the same rpcs under other names, for clients that were written for them.
//!
//! A configuration says of a route, or of all below a path, which headers and JSON fields of requests and answers are
//! renamed, moved, removed or set. The contract never sees it: a request is in the contract's shape before its first
//! check, an answer leaves it after its last. So a command has the same name under every shape (the same
//! `Idempotency-Key` repeats it), an `ETag` names the same version, and an error points to the field as the client
//! wrote it.
//!
//! [`versions`] puts shapes under prefixes of their own, with an end; [`usage`] counts who still asks for what ends.

pub(crate) mod config;
mod fields;
mod headers;
pub(crate) mod usage;
pub(crate) mod versions;

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::body::MessageBody as _;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use actix_web::web::Bytes;
use messages::field::Field;
use messages::json::{Json, ToJson as _};
use messages::route::{Method, Route};

use self::config::{Changes, Shaping};
use self::fields::Way;
pub(crate) use self::fields::{Change, Path, Step};
use self::headers::Headers;
use crate::config::Unusable;
use crate::error::Error;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What becomes of a route's requests and answers.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    pub(crate) request: Side,
    pub(crate) response: Side,
}

/// What becomes of one of the two.
#[derive(Debug, Default)]
pub(crate) struct Side {
    headers: Headers,
    pub(crate) body: Vec<Change>,
}

/// The shapes of all routes under one prefix, by the index of the route.
#[derive(Debug, Default)]
pub(crate) struct Shapes(Vec<Option<Shape>>);

impl Shapes {
    /// Checks what a configuration asks for: whatever it names must be there. `place` says where it stands, `prefix` under
    /// which prefix clients find what the contract has at `/api/v1`.
    ///
    /// # Errors
    /// With what cannot be meant.
    pub(crate) fn new(
        place: &str,
        shapings: &[Shaping],
        prefix: &str,
        routes: &[&'static Route],
    ) -> Result<Shapes, Unusable> {
        let mut shapes: Vec<Option<Shape>> = routes.iter().map(|_| None).collect();
        for (index, shaping) in shapings.iter().enumerate() {
            let wrong = |why| Unusable::Shape { place: format!("{place}[{index}]"), why };
            let chosen = chosen(shaping, prefix, routes).map_err(wrong)?;
            for (way, name, changes) in
                [(Way::In, "request", &shaping.request), (Way::Out, "response", &shaping.response)]
            {
                add(&mut shapes, routes, &chosen, way, changes).map_err(|why| wrong(format!("{name}: {why}")))?;
            }
        }
        Ok(Shapes(shapes))
    }

    /// What becomes of the route at this index, if anything.
    pub(crate) fn of(&self, index: usize) -> Option<&Shape> {
        self.0.get(index)?.as_ref()
    }
}

/// The routes that a configuration speaks of.
fn chosen(shaping: &Shaping, prefix: &str, routes: &[&'static Route]) -> Result<Vec<usize>, String> {
    let all = routes.iter().enumerate();
    match (&shaping.route, &shaping.path) {
        (Some(name), None) if shaping.method.is_none() => {
            let found: Vec<usize> = all.filter(|(_, route)| route.name == name).map(|(index, _)| index).collect();
            if found.is_empty() { Err(format!("there is no route {name}")) } else { Ok(found) }
        }
        (None, Some(path)) => {
            let method = |known: Method| shaping.method.as_ref().is_none_or(|wanted| wanted == known.as_str());
            let is_meant = |route: &Route| {
                route.http.iter().any(|http| {
                    method(http.method) && versions::under(http.path, prefix).is_some_and(|own| is_below(&own, path))
                })
            };
            let found: Vec<usize> = all.filter(|(_, route)| is_meant(route)).map(|(index, _)| index).collect();
            if found.is_empty() {
                let method = shaping.method.as_deref().unwrap_or("route");
                return Err(format!("there is no {method} at {path} or below"));
            }
            Ok(found)
        }
        _ => Err("say either route, or path with or without method".to_owned()),
    }
}

/// Whether a path is another one, or below it.
pub(crate) fn is_below(path: &str, above: &str) -> bool {
    let above = above.trim_end_matches('/');
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Adds changes to the routes that they fit; each must fit one at least.
fn add(
    shapes: &mut [Option<Shape>],
    routes: &[&'static Route],
    chosen: &[usize],
    way: Way,
    changes: &Changes,
) -> Result<(), String> {
    let headers = Headers::new(&changes.headers, way)?;
    let asked = Change::all(&changes.body)?;
    for change in &asked {
        if !chosen.iter().any(|index| body(routes[*index], way).is_some_and(|fields| change.fits(way, fields))) {
            let names: Vec<&str> = chosen.iter().map(|index| routes[*index].name).take(3).collect();
            return Err(format!("{} fits no field of {}", change.named(), names.join(", ")));
        }
    }
    for index in chosen {
        let fields = body(routes[*index], way);
        let fitting: Vec<Change> =
            asked.iter().filter(|change| fields.is_some_and(|fields| change.fits(way, fields))).cloned().collect();
        if headers.is_empty() && fitting.is_empty() {
            continue;
        }
        let shape = shapes[*index].get_or_insert_default();
        let side = match way {
            Way::In => &mut shape.request,
            Way::Out => &mut shape.response,
        };
        side.headers.then(headers.clone());
        side.body.extend(fitting);
    }
    Ok(())
}

/// The fields of a route's JSON; `None` when it has none.
fn body(route: &Route, way: Way) -> Option<&'static [Field]> {
    match way {
        Way::In => {
            let takes = route.http.iter().any(|http| matches!(http.method, Method::Post | Method::Put));
            (takes && route.raw.is_none()).then_some(route.request.fields)
        }
        Way::Out if route.file.is_some() => None,
        Way::Out => match route.response_body {
            None => Some(route.response.fields),
            Some(name) => {
                let field = route.response.fields.iter().find(|field| field.name == name)?;
                field.message.map(|fields| fields())
            }
        },
    }
}

impl Shape {
    /// The headers of a request, as the contract means them.
    pub(crate) fn headers<'a>(&self, headers: &'a HeaderMap) -> Cow<'a, HeaderMap> {
        if self.request.headers.is_empty() {
            return Cow::Borrowed(headers);
        }
        let mut own = headers.clone();
        self.request.headers.apply(&mut own);
        Cow::Owned(own)
    }

    /// The body of a request, as the contract means it. What is no JSON stays what it is: the contract tells. A patch is
    /// not made to set what it does not speak of.
    ///
    /// # Errors
    /// 400 when a client says what the shape says for it.
    pub(crate) fn take(&self, body: Bytes, patch: bool) -> Result<Bytes, Error> {
        if self.request.body.is_empty() || body.is_empty() {
            return Ok(body);
        }
        let Ok(mut json) = messages::json::parse(&body) else { return Ok(body) };
        if !matches!(json, Json::Object(_)) {
            return Ok(body);
        }
        let errors = fields::take(&self.request.body, patch, &mut json);
        if errors.is_empty() { Ok(json.to_json().into()) } else { Err(Error::invalid(errors)) }
    }

    /// An answer, as its client knows it.
    pub(crate) fn show(&self, response: HttpResponse) -> HttpResponse {
        if self.response.body.is_empty() || response.headers().get(CONTENT_TYPE) != Some(&JSON) {
            return response;
        }
        let (response, body) = response.into_parts();
        match body.try_into_bytes() {
            Ok(bytes) => response.set_body(self.show_json(bytes)).map_into_boxed_body(),
            Err(body) => response.set_body(body),
        }
    }

    /// The JSON of an answer, as its client knows it.
    pub(crate) fn show_json(&self, bytes: Bytes) -> Bytes {
        match messages::json::parse(&bytes) {
            Ok(mut json) if !self.response.body.is_empty() => {
                fields::apply(&self.response.body, &mut json);
                json.to_json().into()
            }
            _ => bytes,
        }
    }

    /// The headers of an answer, as its client knows them.
    pub(crate) fn finish(&self, headers: &mut HeaderMap) {
        self.response.headers.apply(headers);
    }

    /// A problem with its pointers as the client wrote the fields.
    pub(crate) fn tell(&self, error: Error) -> Error {
        if self.request.body.is_empty() {
            return error;
        }
        error.with_pointers(|pointer| fields::told(&self.request.body, pointer))
    }
}

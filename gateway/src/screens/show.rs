//! Showing a screen: who asks, what is asked of whom, and one answer.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, VARY};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use futures::future::join_all;
use jiff::Timestamp;
use messages::errors::code;
use messages::json;
use messages::route::{Rate, RpcKind};

use super::{Known, Part, Screen, Wish};
use crate::answer;
use crate::door::{Door, READ_ONLY};
use crate::error::Error;
use crate::exchange::Exchange;
use crate::identity::Identity;
use crate::rates::Allowance;
use crate::request::{UNKNOWN_PARAMETER, wrong};
use crate::router::{Endpoint, decode};
use crate::trace::Names;

/// An answer that tells whom it was made for is not for the next.
const BY_IDENTITY: HeaderValue = HeaderValue::from_static("authorization, cookie, guest-token");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The screens that a gateway shows.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Mounted(pub(crate) &'static [Screen]);

/// What came of a part: its JSON, nothing to show, or why not.
type Came = Result<Option<Vec<u8>>, Error>;

impl Mounted {
    /// The screen at a path, and what the path says.
    pub(crate) fn find(self, path: &str) -> Option<(&'static Screen, Vec<(&'static str, String)>)> {
        self.0.iter().find_map(|screen| {
            let (mut params, mut said) = (Vec::new(), path.split('/'));
            for segment in screen.path.split('/') {
                let said = said.next()?;
                match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                    Some(name) if !said.is_empty() => params.push((name, said.to_owned())),
                    None if segment == said => {}
                    _ => return None,
                }
            }
            said.next().is_none().then_some((screen, params))
        })
    }
}

impl Door {
    /// `GET` of a screen.
    pub(crate) async fn screen(
        &self,
        http: &HttpRequest,
        names: &Names,
        screen: &'static Screen,
        mut params: Vec<(&'static str, String)>,
        allowance: &Cell<Option<Allowance>>,
    ) -> Result<HttpResponse, Error> {
        match *http.method() {
            Method::GET | Method::HEAD => {}
            Method::OPTIONS => return Ok(self.options(http, &READ_ONLY)),
            _ => return Err(Error::method_not_allowed(&READ_ONLY)),
        }
        query(screen, http.uri().query().unwrap_or_default(), &mut params)?;
        let main = screen.parts.iter().find(|part| part.shown).and_then(Part::route).ok_or_else(Error::internal)?;
        let known = self.whose(http, main.public).await;
        for part in screen.parts {
            // What makes some questions dear is that secrets can be guessed with them; a screen passes none on.
            let rate = part.route().map_or(Rate::Normal, |route| route.rate);
            let rate = if rate == Rate::Sensitive { Rate::Normal } else { rate };
            self.count(http, known.as_deref().ok(), rate, allowance).await?;
        }
        let making = Making { door: self, http, names, identity: known?, deadline: self.deadline() };
        making.make(screen, params).await
    }
}

/// A screen that is being made.
struct Making<'a> {
    door: &'a Door,
    http: &'a HttpRequest,
    names: &'a Names,
    identity: Arc<Identity>,
    deadline: Timestamp,
}

impl Making<'_> {
    async fn make(&self, screen: &'static Screen, params: Vec<(&'static str, String)>) -> Result<HttpResponse, Error> {
        let person = self.identity.caller.person();
        let mut known = Known { params: params.into_iter().collect(), person, said: BTreeMap::new() };
        let (mut waiting, mut came) = (screen.parts.iter().collect::<Vec<_>>(), Vec::new());
        while !waiting.is_empty() {
            let (now, later): (Vec<_>, Vec<_>) = waiting
                .into_iter()
                .map(|part| (part, (part.ask)(&known)))
                .partition(|(_, wish)| !matches!(wish, Wish::Later));
            waiting = later.into_iter().map(|(part, _)| part).collect();
            if now.is_empty() {
                // What they wait for will not come.
                came.extend(waiting.drain(..).map(|part| (part, Ok(None))));
            }
            let asked = now.into_iter().map(async |(part, wish)| (part, self.part(part, wish).await));
            for (part, said) in join_all(asked).await {
                let read = said.as_ref().ok().and_then(Option::as_ref).and_then(|said| json::parse(said).ok());
                known.said.insert(part.name, read);
                came.push((part, said));
            }
        }
        // As the screen lists them, whoever was first.
        let place = |part: &Part| screen.parts.iter().position(|known| known.name == part.name);
        came.sort_by_key(|(part, _)| place(part));
        self.answer(screen, came)
    }

    /// Asks as at the door of the part itself.
    async fn part(&self, part: &Part, wish: Wish) -> Came {
        let Wish::Ask(mut members) = wish else { return Ok(None) };
        let route = part.route().filter(|route| route.kind != RpcKind::Command).ok_or_else(Error::internal)?;
        self.identity.may(route)?;
        let endpoint = Endpoint { route, reads: None, patch: false, index: 0 };
        let Making { door, http, names, identity, deadline } = self;
        let (door, http, names, identity) = (*door, *http, *names, identity.clone());
        let (params, headers, answered_by) = (Vec::new(), Cow::Borrowed(http.headers()), Cell::default());
        let exchange = Exchange { door, http, names, endpoint, params, identity, headers, answered_by };
        let mut call = exchange.call(route, &mut members, Vec::new(), None)?;
        call.deadline = *deadline;
        let said = exchange.ask(&call).await.map_err(|failure| Error::from_failure(route, failure))?;
        answer::encode(route, &said).map(Some)
    }

    fn answer(&self, screen: &Screen, came: Vec<(&'static Part, Came)>) -> Result<HttpResponse, Error> {
        let (mut parts, mut is_partial, mut is_main) = (Vec::new(), false, true);
        for (part, said) in came {
            if !part.shown {
                // What only tells others what to ask is missing where it should have been shown.
                if let (Err(error), true) = (said, is_main) {
                    return Err(missing(error));
                }
                continue;
            }
            let written = match said {
                Ok(Some(json)) => [&br#"{"data":"#[..], &json, b"}"].concat(),
                Ok(None) => br#"{"data":null}"#.to_vec(),
                Err(error) if is_main => return Err(missing(error)),
                Err(error) => {
                    is_partial = true;
                    let problem = error.into_json(self.names, self.http.uri().path());
                    [&br#"{"problem":"#[..], &problem, b"}"].concat()
                }
            };
            is_main = false;
            parts.push([format!(",\"{}\":", part.name).as_bytes(), &written].concat());
        }
        let body = [format!("{{\"partial\":{is_partial}").as_bytes(), &parts.concat(), b"}"].concat();
        let tag = crate::trace::hex(&blake3::hash(&body).as_bytes()[..8]);
        let tag = HeaderValue::try_from(format!("\"{tag}\"")).map_err(|_| Error::internal())?;
        let mut response = if answer::is_known(self.http.headers(), &tag) {
            HttpResponse::new(StatusCode::NOT_MODIFIED)
        } else {
            HttpResponse::with_body(StatusCode::OK, body).map_into_boxed_body()
        };
        let out = response.headers_mut();
        out.insert(CONTENT_TYPE, JSON);
        out.insert(ETAG, tag);
        self.keeping(screen, is_partial, out);
        Ok(response)
    }

    /// Who may keep it: anybody, when it is the same for everybody who showed nothing; else the browser may ask whether it
    /// has changed.
    fn keeping(&self, screen: &Screen, is_partial: bool, out: &mut HeaderMap) {
        let anybodys = self.identity.credential.is_none() && !is_partial;
        let policy = match screen.max_age_s.filter(|_| anybodys) {
            Some(seconds) => format!("public, max-age={seconds}"),
            None => "private, no-cache".to_owned(),
        };
        out.insert(VARY, BY_IDENTITY);
        if let Ok(policy) = HeaderValue::try_from(policy) {
            out.insert(CACHE_CONTROL, policy);
        }
    }
}

/// Without its main part there is no screen. That nobody answered in time is no news to whoever asks several.
fn missing(error: Error) -> Error {
    if error.status() != StatusCode::GATEWAY_TIMEOUT {
        return error;
    }
    let detail = "what this screen is about was not answered in time; nothing was changed. Repeat the request";
    Error::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(Duration::from_secs(1))
}

/// Reads the query; what the screen does not take is refused.
fn query(screen: &Screen, query: &str, params: &mut Vec<(&'static str, String)>) -> Result<(), Error> {
    let mut errors = Vec::new();
    for (_, said) in params.iter_mut() {
        *said = decode(said).ok_or_else(Error::no_such_path)?.into_owned();
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (param, value) = (screen.query.iter().find(|param| param.name == name), decode(value));
        match (param, value) {
            (Some(param), Some(value)) if value.len() <= param.max_length => {
                if params.iter().any(|(known, _)| *known == param.name) {
                    errors.push(wrong(param.name, code::DUPLICATE_KEY, "is said twice"));
                }
                params.push((param.name, value.into_owned()));
            }
            (Some(param), _) => errors.push(wrong(param.name, code::TOO_LONG, "cannot be read, or is too long")),
            (None, _) => errors.push(wrong(name, UNKNOWN_PARAMETER, "this screen takes no such parameter")),
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::invalid(errors)) }
}

/// The routes that screens ask.
#[cfg(test)]
fn asked(screens: &[Screen]) -> impl Iterator<Item = Option<&'static messages::route::Route>> {
    screens.iter().flat_map(|screen| screen.parts).map(Part::route)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &Known<'_>) -> Wish {
        Wish::Nothing
    }

    static SCREENS: [Screen; 2] = [screen("/a/{x}/b"), screen("/a/b")];

    const fn screen(path: &'static str) -> Screen {
        const PARTS: &[Part] = &[Part { name: "one", rpc: "product.get", ask: nothing, shown: true }];
        Screen { name: "s", path, doc: "", query: &[], max_age_s: None, parts: PARTS }
    }

    #[test]
    fn a_path_leads_to_one_screen_or_nowhere() {
        for (path, found) in [("/a/b", true), ("/a/1/b", true), ("/a//b", false), ("/a/b/", false), ("/a", false)] {
            assert_eq!(Mounted(&SCREENS).find(path).is_some(), found, "{path}");
        }
        assert!(asked(&SCREENS).all(|route| route.is_some()));
    }

    #[test]
    fn what_a_screen_does_not_take_is_refused() {
        assert!(query(&SCREENS[1], "", &mut Vec::new()).is_ok());
        assert_eq!(query(&SCREENS[1], "x=1", &mut Vec::new()).expect_err("refused").status(), StatusCode::BAD_REQUEST);
    }
}

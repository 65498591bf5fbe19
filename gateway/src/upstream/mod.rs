//! Upstreams: an older system that still answers for a part of the API, while the shop takes it over (strangler fig).
//!
//! Of a path prefix a share of the clients is served by an HTTP server, the others by the groups; a client stays where it
//! is. Reads may be asked of both: the client hears the side that serves it, at once, and the other's answer is compared
//! in the background. A command goes to one side only.
//!
//! It refuses to guess: an upstream that is silent, slow or away is told as that, never hidden by asking the shop, which
//! may hold other data. What it is told of a client is what the gateway has found out.

mod compare;
pub(crate) mod config;
mod headers;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use actix_web::body::MessageBody as _;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use messages::route::RpcKind;
use reqwest::redirect::Policy;
use runtime::reach::breaker::{self, Breaker};
use serde_json::{Value, json};
use tokio::time::Instant;

use self::compare::{Answered, Compared, Ignored, Report, Side};
use self::config::Upstream;
use crate::config::{Config, Unusable};
use crate::door::Door;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::identity::Identity;
use crate::rates;
use crate::router;
use crate::shapes::is_below;
use crate::shapes::versions::Version;
use crate::staff;
use crate::tls::redirect::Front;
use crate::trace::Names;
use crate::watch;

/// How many comparisons a worker may have under way; more are skipped.
const SHADOWS_MAX: usize = 32;
/// Parts of a hundred.
const HUNDRED: u64 = 100;

/// All upstreams, as all workers share them.
#[derive(Debug, Default)]
pub(crate) struct Upstreams(Vec<Known>);

/// An upstream, and how it does.
#[derive(Debug)]
pub(crate) struct Known {
    config: Upstream,
    ignored: Ignored,
    believed: Vec<HeaderName>,
    report: Report,
    breaker: Breaker,
}

impl Upstreams {
    /// # Errors
    /// With what cannot be meant.
    pub(crate) fn new(config: &Config) -> Result<Upstreams, Unusable> {
        let all = &config.upstreams;
        let known = all.iter().enumerate().map(|(index, upstream)| {
            let (ignored, believed) = upstream.check(index, all)?;
            let (report, breaker) = (Report::default(), Breaker::new(breaker::Settings::default()));
            Ok(Known { config: upstream.clone(), ignored, believed, report, breaker })
        });
        known.collect::<Result<_, _>>().map(Upstreams)
    }

    /// Who answers for a path, if an upstream has a part in it.
    fn of(&self, path: &str) -> Option<&Known> {
        let fitting = self.0.iter().filter(|known| is_below(path, &known.config.prefix));
        fitting.max_by_key(|known| known.config.prefix.len())
    }

    /// The report, for staff.
    pub(crate) fn list(&self) -> Value {
        let told = |known: &Known| known.report.told(&known.config.prefix, &known.config.url, known.config.percent);
        json!({"data": self.0.iter().map(told).collect::<Vec<_>>()})
    }
}

/// A worker's own way to upstreams. Connections belong to the worker that made them.
#[derive(Debug, Default)]
pub(crate) struct Ways {
    client: Option<reqwest::Client>,
    in_flight: Rc<Cell<usize>>,
    shadows: Rc<Cell<usize>>,
}

impl Ways {
    pub(crate) fn new(upstreams: &Upstreams) -> Ways {
        let build = || {
            let made = reqwest::Client::builder().redirect(Policy::none()).no_proxy().build();
            made.inspect_err(|cause| tracing::error!(%cause, "upstreams cannot be asked")).ok()
        };
        let client = (!upstreams.0.is_empty()).then(build).flatten();
        Ways { client, ..Ways::default() }
    }
}

/// One more under way, until it is dropped.
struct Place(Rc<Cell<usize>>);

impl Place {
    fn take(count: &Rc<Cell<usize>>, most: usize) -> Option<Place> {
        (count.get() < most).then(|| {
            count.set(count.get() + 1);
            Place(count.clone())
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// A request as an upstream is asked.
struct Question {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Exchange<'_> {
    /// Answers a request for an rpc: by the groups, or by the upstream that still serves this client.
    pub(crate) async fn run_or_pass(&self, body: Bytes) -> Result<HttpResponse, Error> {
        let path = contract_path(self.door, self.http);
        let Some(known) = self.door.shared.upstreams.of(&path) else { return self.run(&body).await };
        let is_legacy = bucket(self.door, self.http, &self.identity) < known.config.percent;
        // Who watches is answered as long as they like.
        let compares = *self.http.method() == Method::GET
            && !watch::is_wanted(self.http, self.endpoint.route)
            && self.endpoint.route.kind != RpcKind::Command
            && self.door.client.entropy().below(HUNDRED) < known.config.shadow_percent;
        let question = || {
            question(known, self.door, (self.http, self.headers()), self.names, &self.identity, (&path, body.clone()))
        };
        if is_legacy {
            let answer = self.door.ask_upstream(known, question()).await?;
            if !compares {
                return Ok(answer);
            }
            let (answer, side) = seen(answer);
            self.compare_with_shop(&path, side);
            return Ok(answer);
        }
        known.report.answered(&known.config.prefix, Answered::Shop);
        let answer = self.run(&body).await;
        if !compares {
            return answer;
        }
        match answer {
            Ok(answer) => {
                let (answer, side) = seen(answer);
                self.compare_with_upstream(&path, side, question());
                Ok(answer)
            }
            Err(error) => {
                let side = Side { status: error.status().as_u16(), body: None };
                self.compare_with_upstream(&path, side, question());
                Err(error)
            }
        }
    }

    /// Asks the groups what the upstream has answered already.
    fn compare_with_shop(&self, path: &str, legacy: Side) {
        let (Some(door), Some(place)) = (self.own_door(), self.shadow(path)) else { return };
        let path = path.to_owned();
        let (http, names, endpoint) = (self.http.clone(), self.names.clone(), self.endpoint);
        let (identity, headers) = (self.identity.clone(), self.headers().clone());
        let params: Vec<_> = self.params.iter().map(|(name, value)| (*name, value.to_string())).collect();
        actix_web::rt::spawn(async move {
            let _place = place;
            let params = params.iter().map(|(name, value)| (*name, value.as_str().into())).collect();
            let headers = std::borrow::Cow::Borrowed(&headers);
            let (door, answered_by) = (&*door, Cell::default());
            let exchange =
                Exchange { door, http: &http, names: &names, endpoint, params, identity, headers, answered_by };
            let shop = match exchange.run(b"").await {
                Ok(answer) => seen(answer).1,
                Err(error) => Side { status: error.status().as_u16(), body: None },
            };
            door.compared(&path, &names, Some((legacy, shop)));
        });
    }

    /// Asks the upstream what the groups have answered already.
    fn compare_with_upstream(&self, path: &str, shop: Side, question: Question) {
        let (Some(door), Some(place)) = (self.own_door(), self.shadow(path)) else { return };
        let (path, names) = (path.to_owned(), self.names.clone());
        actix_web::rt::spawn(async move {
            let _place = place;
            let Some(known) = door.shared.upstreams.of(&path) else { return };
            let legacy = door.try_upstream(known, question).await.ok().map(|answer| seen(answer).1);
            door.compared(&path, &names, legacy.map(|legacy| (legacy, shop)));
        });
    }

    /// The worker, for what goes on after the answer.
    fn own_door(&self) -> Option<web::Data<Door>> {
        self.http.app_data::<web::Data<Door>>().cloned()
    }

    /// A place for one more comparison.
    fn shadow(&self, path: &str) -> Option<Place> {
        let place = Place::take(&self.door.ways.shadows, SHADOWS_MAX);
        if let (None, Some(known)) = (&place, self.door.shared.upstreams.of(path)) {
            known.report.compared(&known.config.prefix, Compared::Skipped, self.door.client.clock().now());
        }
        place
    }
}

impl Door {
    /// Whether a path or a method that the contract does not have is an upstream's.
    pub(crate) fn is_passed(&self, http: &HttpRequest) -> bool {
        let path = http.uri().path();
        // What an upstream would read as another path is nobody's.
        let is_plain = || path.split('/').skip(1).all(|segment| router::plain(segment).is_some());
        let is_theirs = self.shared.upstreams.of(path).is_some_and(|known| known.config.unknown);
        is_theirs && is_plain() && staff::Page::at(path).is_none()
    }

    /// Passes such a request on.
    ///
    /// # Errors
    /// See [`Door::ask_upstream`].
    pub(crate) async fn pass(
        &self,
        http: &HttpRequest,
        names: &Names,
        identity: &Identity,
        body: Bytes,
    ) -> Result<HttpResponse, Error> {
        let path = http.uri().path();
        let known = self.shared.upstreams.of(path).ok_or_else(Error::no_such_path)?;
        let question = question(known, self, (http, http.headers()), names, identity, (path, body));
        self.ask_upstream(known, question).await
    }

    /// Asks an upstream, and counts who answered.
    ///
    /// # Errors
    /// 503 when it cannot be asked or is not there, 504 when it does not answer in time, 502 when its answer is too large.
    async fn ask_upstream(&self, known: &Known, question: Question) -> Result<HttpResponse, Error> {
        let answer = self.try_upstream(known, question).await;
        let by = if answer.is_ok() { Answered::Upstream } else { Answered::Refused };
        known.report.answered(&known.config.prefix, by);
        answer
    }

    async fn try_upstream(&self, known: &Known, question: Question) -> Result<HttpResponse, Error> {
        let config = &known.config;
        let client = self.ways.client.as_ref().ok_or_else(|| away("it cannot be asked", rest()))?;
        let place = Place::take(&self.ways.in_flight, config.in_flight_max);
        let _place =
            place.ok_or_else(|| away("as many requests as it takes are under way there", Duration::from_secs(1)))?;
        let asked = Instant::now();
        if let Err(rest) = known.breaker.admit(asked) {
            return Err(away("it has not answered lately, and is left alone for a moment", rest));
        }
        let is_safe = matches!(question.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let within = Duration::from_millis(config.timeout_ms);
        let asking = tokio::time::timeout(within, send(client, config, question));
        match asking.await {
            Ok(Ok(answer)) => {
                known.breaker.answered(Instant::now());
                answer
            }
            Ok(Err(failure)) if failure.is_connect() => {
                known.breaker.failed(asked, Instant::now());
                tracing::warn!(prefix = config.prefix, cause = %failure, "an upstream cannot be reached");
                Err(away("it cannot be reached; nothing was done", rest()))
            }
            failed => {
                known.breaker.failed(asked, Instant::now());
                let cause = failed.err().map_or("it broke off".to_owned(), |_| format!("silent for {within:?}"));
                tracing::warn!(prefix = config.prefix, cause, "an upstream does not answer");
                Err(silent(is_safe))
            }
        }
    }

    /// Notes what a comparison has found; `None` when the other side did not answer.
    fn compared(&self, path: &str, names: &Names, sides: Option<(Side, Side)>) {
        let Some(known) = self.shared.upstreams.of(path) else { return };
        let outcome = match sides {
            Some((legacy, shop)) => Compared::Pair {
                path: path.to_owned(),
                request_id: names.request().to_owned(),
                differences: compare::differences(&legacy, &shop, &known.ignored),
            },
            None => Compared::Failed,
        };
        known.report.compared(&known.config.prefix, outcome, self.client.clock().now());
    }
}

/// The path as the contract has it: an upstream knows no other versions.
fn contract_path(door: &Door, http: &HttpRequest) -> String {
    let path = http.uri().path();
    let version: Option<&Version> = door.shared.versions.of(path);
    version.and_then(|version| version.contract_path(path)).unwrap_or_else(|| path.to_owned())
}

/// Which of a hundred parts a client belongs to: the same on every gateway and for every prefix.
fn bucket(door: &Door, http: &HttpRequest, identity: &Identity) -> u64 {
    let address = || rates::address(http, &door.shared.config.trusted_proxies);
    let who = match identity.credential {
        Some(_) => identity.name.clone(),
        None => address().map_or_else(String::new, |address| address.to_string()),
    };
    let hash = blake3::hash(who.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(first) % HUNDRED
}

fn question(
    known: &Known,
    door: &Door,
    (http, headers): (&HttpRequest, &HeaderMap),
    names: &Names,
    identity: &Identity,
    (path, body): (&str, Bytes),
) -> Question {
    let mut onward = headers::onward(headers, &known.believed, &identity.caller);
    names.answer(&mut onward);
    let config = &door.shared.config;
    let protocol = if door.front == Front::Secure { "https" } else { "http" };
    let address = rates::address(http, &config.trusted_proxies).map(|address| address.to_string());
    let host = config.issuer.split_once("://").map(|(_, host)| host.to_owned());
    for (name, text) in
        [("x-forwarded-for", address), ("x-forwarded-proto", Some(protocol.to_owned())), ("x-forwarded-host", host)]
    {
        if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
            onward.insert(HeaderName::from_static(name), value);
        }
    }
    let target = match http.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    Question { method: http.method().clone(), target, headers: onward, body }
}

/// Asks, and reads the answer as far as it may go.
async fn send(
    client: &reqwest::Client,
    config: &Upstream,
    question: Question,
) -> Result<Result<HttpResponse, Error>, reqwest::Error> {
    let method = reqwest::Method::from_bytes(question.method.as_str().as_bytes()).unwrap_or(reqwest::Method::GET);
    let mut request = client.request(method, format!("{}{}", config.url, question.target));
    for (name, value) in &question.headers {
        request = request.header(name.as_str(), value.as_bytes());
    }
    if !question.body.is_empty() {
        request = request.body(question.body);
    }
    let mut answer = request.send().await?;
    let mut body = Vec::new();
    let mut headers = HeaderMap::new();
    for (name, value) in answer.headers() {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            headers.append(name, value);
        }
    }
    while let Some(part) = answer.chunk().await? {
        if body.len() + part.len() > config.answer_bytes_max {
            let detail = format!("what answers here said more than {} bytes", config.answer_bytes_max);
            return Ok(Err(Error::new(StatusCode::BAD_GATEWAY, "upstream_too_large", detail)));
        }
        body.extend_from_slice(&part);
    }
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = HttpResponse::with_body(status, body).map_into_boxed_body();
    for (name, value) in headers::back(&headers) {
        response.headers_mut().append(name, value);
    }
    // Its own address is nobody's business.
    let location =
        response.headers().get(LOCATION).and_then(|location| location.to_str().ok()?.strip_prefix(&config.url));
    if let Some(location) = location.and_then(|path| HeaderValue::from_str(path).ok()) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(Ok(response))
}

/// An answer, and what is compared of it.
fn seen(answer: HttpResponse) -> (HttpResponse, Side) {
    let status = answer.status().as_u16();
    let (answer, body) = answer.into_parts();
    match body.try_into_bytes() {
        Ok(bytes) => {
            let body = config::json(&bytes);
            (answer.set_body(bytes).map_into_boxed_body(), Side { status, body })
        }
        Err(body) => (answer.set_body(body), Side { status, body: None }),
    }
}

/// When who does not answer is worth asking again.
fn rest() -> Duration {
    Duration::from_millis(breaker::Settings::default().rest_ms)
}

fn away(why: &str, retry_after: Duration) -> Error {
    let detail = format!("what answers here is another system: {why}");
    Error::new(StatusCode::SERVICE_UNAVAILABLE, "upstream_unavailable", detail).retry_after(retry_after)
}

fn silent(is_safe: bool) -> Error {
    let (code, advice) = if is_safe {
        ("timeout", "nothing was changed. Repeat the request")
    } else {
        ("outcome_unknown", "it may or may not have been done")
    };
    let detail = format!("what answers here is another system and did not answer in time; {advice}");
    Error::new(StatusCode::GATEWAY_TIMEOUT, code, detail).retry_after(Duration::from_secs(1))
}

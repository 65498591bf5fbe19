//! The door: one worker's way from an HTTP request to a group and back.
//!
//! The order is fixed, because each step may rely on the ones before it: size, path, life, identity, scope, the
//! command's name, contents. Whatever happens, the answer leaves through [`Door::finish`], which gives it what all
//! answers have.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LINK,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use jiff::{SignedDuration, Timestamp};
use messages::route::Rate;
use runtime::bus::Bus;
use runtime::client::Client;
use runtime::clock::Clock;
use runtime::entropy::Entropy;
use runtime::reach::Set;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::answer::NO_STORE;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::guest::Secret;
use crate::identity::Identity;
use crate::metrics::Meters;
use crate::oidc;
use crate::rates::{self, Allowance};
use crate::reach::room::{Lane, OVERLOADED};
use crate::reach::{canary, states};
use crate::router::{Endpoint, Found, Param};
use crate::shapes::versions::{self, Version};
use crate::shared::Shared;
use crate::tls::redirect::{self, Front};
use crate::trace::Names;
use crate::upstream::Ways;
use crate::watch::{EVENT_STREAM, Watches};
use crate::{compression, docs, health, limits, staff};

/// What every answer says, so that a browser that is shown one can do nothing with it but read.
const SECURITY: [(HeaderName, HeaderValue); 4] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-site")),
];
/// Nothing in an answer is a page, unless it brings a policy of its own.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// What pages of the gateway itself allow.
pub(crate) const READ_ONLY: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// A worker: its own connection to NATS, and what it shares with the others.
pub(crate) struct Door {
    pub(crate) shared: Arc<Shared>,
    pub(crate) client: Client,
    pub(crate) watches: Watches,
    bus: Arc<dyn Bus>,
    pub(crate) meters: Meters,
    pub(crate) front: Front,
    pub(crate) ways: Ways,
    /// What browsers are told about TLS.
    hsts: Option<HeaderValue>,
}

impl Door {
    pub(crate) fn new(shared: Arc<Shared>, bus: Arc<dyn Bus>, front: Front) -> Door {
        let client = Client::sharing(bus.clone(), Clock::system(), Entropy::system(), shared.reach.clone());
        let meters = Meters::new(shared.routes);
        let max_age = shared.config.tls.hsts_max_age_s;
        // Only over TLS is it believed (RFC 6797 §8.1).
        let hsts = (front == Front::Secure && max_age > 0).then(|| HeaderValue::try_from(format!("max-age={max_age}")));
        let hsts = hsts.and_then(Result::ok);
        let ways = Ways::new(&shared.upstreams);
        Door { shared, client, watches: Watches::default(), bus, meters, front, ways, hsts }
    }

    /// Answers a request, whatever it is.
    pub(crate) async fn serve(&self, http: &HttpRequest, payload: web::Payload) -> HttpResponse {
        let began = Instant::now();
        let mut names = Names::of(http.headers(), self.client.entropy(), self.shared.config.trace_per_mille);
        let path = http.uri().path();
        let version = self.shared.versions.of(path);
        let contract_path = version.and_then(|version| version.contract_path(path));
        let found = self.find(http.method(), path, version.zip(contract_path.as_deref()));
        let (endpoint, successor) = match &found {
            Found::Route(endpoint, params) => (Some(*endpoint), self.shared.lives[endpoint.index].successor(params)),
            Found::MethodNotAllowed(_) | Found::Nothing => (None, None),
        };
        let span = span(endpoint, http.method(), &mut names);
        let allowance = Cell::new(None);
        let mut response = match self.answer(http, payload, &names, found, &allowance).instrument(span).await {
            Ok(response) => response,
            Err(error) => {
                tell(&error, endpoint, &names);
                error.into_response(&names, http.uri().path())
            }
        };
        if let Some(successor) = successor {
            response.headers_mut().insert(LINK, successor);
        }
        if let (Some(version), Some(_)) = (version, endpoint) {
            version.answer(path, response.headers_mut());
        }
        if let Some(allowance) = allowance.get() {
            allowance.tell(response.headers_mut());
        }
        self.finish(http, endpoint, &names, &mut response);
        if let Some(shape) = endpoint.and_then(|endpoint| self.shared.versions.shape(path, endpoint.index)) {
            shape.finish(response.headers_mut());
        }
        if self.shared.config.compress {
            response = compression::answer(http, response).await;
        }
        self.meters.answered(endpoint.map(|endpoint| endpoint.index), response.status(), began.elapsed());
        response
    }

    /// Where a request goes: by its own path, or by the one that the contract has where a version has another.
    fn find<'a>(&'a self, method: &Method, path: &'a str, version: Option<(&Version, &'a str)>) -> Found<'a> {
        match (self.shared.router.find(method, path), version) {
            (Found::Nothing, Some((version, contract_path))) => match self.shared.router.find(method, contract_path) {
                Found::Route(endpoint, _) if !version.has(endpoint.index) => Found::Nothing,
                found => found,
            },
            (found, _) => found,
        }
    }

    async fn answer(
        &self,
        http: &HttpRequest,
        payload: web::Payload,
        names: &Names,
        found: Found<'_>,
        allowance: &Cell<Option<Allowance>>,
    ) -> Result<HttpResponse, Error> {
        // What no method of a path may ask is refused as that, whatever comes with it.
        if let Found::MethodNotAllowed(allow) = &found
            && http.method() != Method::OPTIONS
            && self.front != Front::Beside
            && !self.is_passed(http)
        {
            return Err(Error::method_not_allowed(allow));
        }
        limits::head(http, &self.shared.config.limits)?;
        if self.front == Front::Beside
            && let Some(elsewhere) = redirect::answer(http, &self.shared.config.issuer)
        {
            return Ok(elsewhere);
        }
        let preflight = http.method() == Method::OPTIONS;
        match found {
            Found::MethodNotAllowed(_) | Found::Nothing if !preflight && self.is_passed(http) => {
                self.pass_on(http, payload, names, allowance).await
            }
            Found::Route(endpoint, params) => self.route(http, payload, names, endpoint, params, allowance).await,
            Found::MethodNotAllowed(allow) if preflight => Ok(self.options(http, allow)),
            Found::MethodNotAllowed(allow) => Err(Error::method_not_allowed(allow)),
            Found::Nothing => self.beside(http, payload, names, allowance).await,
        }
    }

    /// What is no rpc's: screens, the doors of OAuth, and what the gateway itself has to show.
    async fn beside(
        &self,
        http: &HttpRequest,
        payload: web::Payload,
        names: &Names,
        allowance: &Cell<Option<Allowance>>,
    ) -> Result<HttpResponse, Error> {
        let path = http.uri().path();
        if let Some((screen, params)) = self.shared.screens.find(path) {
            return self.screen(http, names, screen, params, allowance).await;
        }
        if let Some(place) = oidc::Place::of(path) {
            self.count(http, None, place.rate(http.method()), allowance).await?;
            return self.oidc(http, payload, place).await;
        }
        match staff::Page::at(path) {
            Some(page) => {
                self.count(http, None, Rate::Normal, allowance).await?;
                self.staff(http, page).await
            }
            None => self.page(http).await,
        }
    }

    async fn route(
        &self,
        http: &HttpRequest,
        payload: web::Payload,
        names: &Names,
        endpoint: Endpoint,
        params: Vec<Param<'_>>,
        allowance: &Cell<Option<Allowance>>,
    ) -> Result<HttpResponse, Error> {
        let (path, now, life) = (http.uri().path(), self.client.clock().now(), &self.shared.lives[endpoint.index]);
        let version = self.shared.versions.of(path);
        life.check(now)?;
        version.map_or(Ok(()), |version| version.check(now))?;
        let known = match endpoint.route.raw {
            Some(_) => Ok(self.shared.identities.nobody()),
            None => self.whose(http, endpoint.route.public).await,
        };
        // Who shows what is not valid is counted too, or tokens could be guessed at any speed.
        self.count(http, known.as_deref().ok(), endpoint.route.rate, allowance).await?;
        let mut identity = known?;
        if life.is_deprecated() || version.is_some_and(Version::is_deprecated) {
            let prefix = version.map_or(versions::OWN, |version| &version.prefix);
            self.shared.usage.note(&identity, prefix, endpoint.route.name, now);
        }
        let guests = self.shared.identities.guests();
        let begins = identity.credential.is_none() && guests.begins(endpoint.route);
        let minted = begins.then(|| Secret::mint(self.client.entropy()));
        if let Some(secret) = &minted {
            identity = guests.identity(secret);
        }
        identity.may(endpoint.route)?;
        if !matches!(*http.method(), Method::GET | Method::HEAD | Method::DELETE) {
            // What will find no room need not be read.
            self.shared.room.look(endpoint.route.group, Lane::of(http.version()))?;
        }
        let body = self.body(http, payload).await?;
        let shape = self.shared.versions.shape(path, endpoint.index);
        let body = match shape {
            Some(shape) => shape.take(body, endpoint.patch)?,
            None => body,
        };
        let headers = shape.map_or(Cow::Borrowed(http.headers()), |shape| shape.headers(http.headers()));
        let answered_by = Cell::default();
        let exchange = Exchange { door: self, http, names, endpoint, params, identity, headers, answered_by };
        let answer = exchange.run_or_pass(body).await;
        let answer = match shape {
            Some(shape) => answer.map(|response| shape.show(response)).map_err(|error| shape.tell(error)),
            None => answer,
        };
        match minted {
            Some(secret) => secret.give(answer),
            None => answer,
        }
    }

    /// The body of a request, if its method has one.
    async fn body(&self, http: &HttpRequest, payload: web::Payload) -> Result<web::Bytes, Error> {
        match *http.method() {
            Method::GET | Method::HEAD | Method::DELETE if has_body(http) => {
                Err(Error::bad_request("unexpected_body", "a request with this method has no body").closing())
            }
            Method::GET | Method::HEAD | Method::DELETE => Ok(web::Bytes::new()),
            _ => limits::body(http.headers(), payload, &self.shared.config.limits).await,
        }
    }

    /// Passes on what the contract does not have, and an upstream does. What anybody may do there it says itself.
    async fn pass_on(
        &self,
        http: &HttpRequest,
        payload: web::Payload,
        names: &Names,
        allowance: &Cell<Option<Allowance>>,
    ) -> Result<HttpResponse, Error> {
        let known = self.whose(http, true).await;
        self.count(http, known.as_deref().ok(), Rate::Normal, allowance).await?;
        let identity = known?;
        let body = self.body(http, payload).await?;
        self.pass(http, names, &identity, body).await
    }

    /// Counts a request, and notes what is left.
    pub(crate) async fn count(
        &self,
        http: &HttpRequest,
        identity: Option<&Identity>,
        rate: Rate,
        allowance: &Cell<Option<Allowance>>,
    ) -> Result<(), Error> {
        let config = &self.shared.config;
        let address = rates::address(http, &config.trusted_proxies);
        let now = self.client.clock().now();
        match self.shared.counts.count(&config.rates, now, identity, address, rate).await {
            Ok(left) => allowance.set(left),
            Err((error, left)) => {
                allowance.set(Some(left));
                return Err(error);
            }
        }
        Ok(())
    }

    /// What the gateway itself has to show.
    async fn page(&self, http: &HttpRequest) -> Result<HttpResponse, Error> {
        let path = http.uri().path();
        let docs =
            path.strip_prefix("/docs").and_then(|rest| if rest.is_empty() { Some("") } else { rest.strip_prefix('/') });
        let response = match path {
            "/health/live" => Some(health::live()),
            "/health/ready" => Some(health::ready(&self.shared.draining, &*self.bus).await),
            "/health/groups" => Some(states::groups(&self.shared)),
            "/openapi.json" => Some(self.shared.documents.serve(http, &self.shared.versions)?),
            _ => docs.and_then(docs::serve),
        };
        match (response, http.method()) {
            (None, _) => Err(Error::no_such_path()),
            (Some(response), &Method::GET | &Method::HEAD) => Ok(response),
            (Some(_), &Method::OPTIONS) => Ok(self.options(http, &READ_ONLY)),
            (Some(_), _) => Err(Error::method_not_allowed(&READ_ONLY)),
        }
    }

    /// Until when a request of now is worth an answer.
    pub(crate) fn deadline(&self) -> Timestamp {
        let now = self.client.clock().now();
        let patience = SignedDuration::try_from(self.shared.config.limits.ask_timeout()).unwrap_or(SignedDuration::MAX);
        now.saturating_add(patience).unwrap_or(now)
    }

    pub(crate) fn options(&self, http: &HttpRequest, allow: &HeaderValue) -> HttpResponse {
        let mut response = HttpResponse::new(StatusCode::NO_CONTENT);
        response.headers_mut().insert(ALLOW, allow.clone());
        self.shared.cors.preflight(http.headers(), allow, response.headers_mut());
        response
    }

    /// Gives an answer what all answers have.
    fn finish(&self, http: &HttpRequest, endpoint: Option<Endpoint>, names: &Names, response: &mut HttpResponse) {
        let status = response.status();
        let out = response.headers_mut();
        for (name, value) in SECURITY {
            out.insert(name, value);
        }
        if !out.contains_key(CONTENT_SECURITY_POLICY) {
            out.insert(CONTENT_SECURITY_POLICY, POLICY);
        }
        if let Some(hsts) = &self.hsts {
            out.insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        if let Some(endpoint) = endpoint {
            self.shared.lives[endpoint.index].answer(status, out);
        }
        // What a canary says is for whom it was said. A stream is never the same again, however long its entity may be kept.
        let of_canary = out.get(canary::API_VERSION).is_some_and(|version| version == Set::Canary.name());
        if !out.contains_key(CACHE_CONTROL) || out.get(CONTENT_TYPE) == Some(&EVENT_STREAM) || of_canary {
            out.insert(CACHE_CONTROL, NO_STORE);
        }
        names.answer(out);
        self.shared.cors.answer(http.headers(), out);
    }
}

/// A request that nobody traces costs no span, unless somebody debugs.
fn span(endpoint: Option<Endpoint>, method: &Method, names: &mut Names) -> tracing::Span {
    let (group, rpc) = endpoint.map_or(("", ""), |endpoint| (endpoint.route.group, endpoint.route.rpc));
    if !names.trace().sampled {
        let (request_id, correlation_id, trace_id) = (names.request(), names.correlation(), names.trace_id());
        return tracing::debug_span!("request", group, rpc, request_id, correlation_id, trace_id);
    }
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{method} {rpc}"),
        otel.kind = "server",
        // The dice have been cast: what records traces need not cast them again.
        sampled = true,
        group,
        rpc,
        request_id = tracing::field::Empty,
        correlation_id = tracing::field::Empty,
        trace_id = tracing::field::Empty,
    );
    names.recorded_as(&span);
    span.record("request_id", names.request());
    span.record("correlation_id", names.correlation());
    span.record("trace_id", names.trace_id());
    span
}

/// What went wrong on our side is worth a line; what a client did wrong is in the metrics.
fn tell(error: &Error, endpoint: Option<Endpoint>, names: &Names) {
    // Nor is each of a flood that found no room.
    if error.status().is_server_error() && error.code() != OVERLOADED {
        let (group, rpc) = endpoint.map_or(("", ""), |endpoint| (endpoint.route.group, endpoint.route.rpc));
        let (code, request_id, trace_id) = (error.code(), names.request(), names.trace_id());
        tracing::warn!(group, rpc, code, request_id, trace_id, "{group} {rpc} was answered with {code}");
    }
}

/// Whether a request announces a body.
pub(crate) fn has_body(http: &HttpRequest) -> bool {
    let headers = http.headers();
    headers.contains_key(TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes().iter().any(|digit| *digit != b'0'))
}

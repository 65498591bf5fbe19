//! The door: one worker's way from an HTTP request to a group and back.
//!
//! The order is fixed, because each step may rely on the ones before it: size, path, life, identity, scope, the
//! command's name, contents. Whatever happens, the answer leaves through [`Door::finish`], which gives it what all
//! answers have.

use std::cell::Cell;
use std::sync::Arc;

use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LINK,
    REFERRER_POLICY, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
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
use crate::shared::Shared;
use crate::trace::Names;
use crate::watch::{EVENT_STREAM, Watches};
use crate::{compression, docs, health, limits};

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
const READ_ONLY: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// A worker: its own connection to NATS, and what it shares with the others.
pub(crate) struct Door {
    pub(crate) shared: Arc<Shared>,
    pub(crate) client: Client,
    pub(crate) watches: Watches,
    bus: Arc<dyn Bus>,
    pub(crate) meters: Meters,
}

impl Door {
    pub(crate) fn new(shared: Arc<Shared>, bus: Arc<dyn Bus>) -> Door {
        let client = Client::sharing(bus.clone(), Clock::system(), Entropy::system(), shared.reach.clone());
        let meters = Meters::new(shared.routes);
        Door { shared, client, watches: Watches::default(), bus, meters }
    }

    /// Answers a request, whatever it is.
    pub(crate) async fn serve(&self, http: &HttpRequest, payload: web::Payload) -> HttpResponse {
        let began = Instant::now();
        let names = Names::of(http.headers(), self.client.entropy(), self.shared.config.trace_per_mille);
        let found = self.shared.router.find(http.method(), http.uri().path());
        let (endpoint, successor) = match &found {
            Found::Route(endpoint, params) => (Some(*endpoint), self.shared.lives[endpoint.index].successor(params)),
            Found::MethodNotAllowed(_) | Found::Nothing => (None, None),
        };
        let span = span(endpoint, &names);
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
        if let Some(allowance) = allowance.get() {
            allowance.tell(response.headers_mut());
        }
        self.finish(http, endpoint, &names, &mut response);
        if self.shared.config.compress {
            response = compression::answer(http, response).await;
        }
        self.meters.answered(endpoint.map(|endpoint| endpoint.index), response.status(), began.elapsed());
        response
    }

    async fn answer(
        &self,
        http: &HttpRequest,
        payload: web::Payload,
        names: &Names,
        found: Found<'_>,
        allowance: &Cell<Option<Allowance>>,
    ) -> Result<HttpResponse, Error> {
        limits::head(http, &self.shared.config.limits)?;
        let preflight = http.method() == Method::OPTIONS;
        match found {
            Found::Route(endpoint, params) => self.route(http, payload, names, endpoint, params, allowance).await,
            Found::MethodNotAllowed(allow) if preflight => Ok(self.options(http, allow)),
            Found::MethodNotAllowed(allow) => Err(Error::method_not_allowed(allow)),
            Found::Nothing => match oidc::Place::of(http.uri().path()) {
                Some(place) => {
                    self.count(http, None, place.rate(http.method()), allowance).await?;
                    self.oidc(http, payload, place).await
                }
                None => self.page(http).await,
            },
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
        self.shared.lives[endpoint.index].check(self.client.clock().now())?;
        let known = match endpoint.route.raw {
            Some(_) => Ok(self.shared.identities.nobody()),
            None => self.whose(http, endpoint.route).await,
        };
        // Who shows what is not valid is counted too, or tokens could be guessed at any speed.
        self.count(http, known.as_deref().ok(), endpoint.route.rate, allowance).await?;
        let mut identity = known?;
        let guests = self.shared.identities.guests();
        let begins = identity.credential.is_none() && guests.begins(endpoint.route);
        let minted = begins.then(|| Secret::mint(self.client.entropy()));
        if let Some(secret) = &minted {
            identity = guests.identity(secret);
        }
        identity.may(endpoint.route)?;
        let body = match *http.method() {
            Method::GET | Method::HEAD | Method::DELETE if has_body(http) => {
                return Err(Error::bad_request("unexpected_body", "a request with this method has no body").closing());
            }
            Method::GET | Method::HEAD | Method::DELETE => web::Bytes::new(),
            _ => {
                // What will find no room need not be read.
                self.shared.room.look(endpoint.route.group, Lane::of(http.version()))?;
                limits::body(http.headers(), payload, &self.shared.config.limits).await?
            }
        };
        let exchange = Exchange { door: self, http, names, endpoint, params, identity, answered_by: Cell::default() };
        let answer = exchange.signed(exchange.run(&body).await);
        match minted {
            Some(secret) => secret.give(answer),
            None => answer,
        }
    }

    /// Counts a request, and notes what is left.
    async fn count(
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
            "/openapi.json" => Some(self.shared.documents.serve(http)?),
            _ => docs.and_then(docs::serve),
        };
        match (response, http.method()) {
            (None, _) => Err(Error::no_such_path()),
            (Some(response), &Method::GET | &Method::HEAD) => Ok(response),
            (Some(_), &Method::OPTIONS) => Ok(self.options(http, &READ_ONLY)),
            (Some(_), _) => Err(Error::method_not_allowed(&READ_ONLY)),
        }
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
fn span(endpoint: Option<Endpoint>, names: &Names) -> tracing::Span {
    let (group, rpc) = endpoint.map_or(("", ""), |endpoint| (endpoint.route.group, endpoint.route.rpc));
    let (request_id, correlation_id, trace_id) = (names.request(), names.correlation(), names.trace_id());
    if names.trace().sampled {
        tracing::info_span!("request", group, rpc, request_id, correlation_id, trace_id)
    } else {
        tracing::debug_span!("request", group, rpc, request_id, correlation_id, trace_id)
    }
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

//! The exchange: one HTTP request for an rpc, carried to its group and answered.
//!
//! A read is asked as it is. A command is named first, so that a repeat is the same command. A patch is a read and a
//! command, and starts over when somebody else wrote between the two.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

use actix_web::http::header::{HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use messages::errors::{FieldError, code};
use messages::json::{Json, Object};
use messages::route::{Route, RpcKind};
use runtime::client::{Answer, Call, Failure};
use runtime::headers::Position;
use runtime::reach::Set;

use crate::answer::{self, SHOP_POSITION};
use crate::cache::{self, Found};
use crate::command::{self, Name};
use crate::door::Door;
use crate::error::{Error, STALE_VERSION};
use crate::identity::Identity;
use crate::merge;
use crate::origin;
use crate::rates;
use crate::raw;
use crate::reach::canary;
use crate::reach::room::Lane;
use crate::request::{self, AT, UNKNOWN_PARAMETER, wrong};
use crate::router::{Endpoint, Param};
use crate::shared::Shared;
use crate::trace::Names;
use crate::watch;

/// How often a patch without `If-Match` starts over. Each time somebody else has written, so one of the two succeeded.
const PATCH_ATTEMPTS_MAX: u32 = 5;
/// More positions than a shop has groups and partitions cannot be meant.
const POSITIONS_MAX: usize = 256;

/// One HTTP request for an rpc.
pub(crate) struct Exchange<'a> {
    pub(crate) door: &'a Door,
    pub(crate) http: &'a HttpRequest,
    pub(crate) names: &'a Names,
    pub(crate) endpoint: Endpoint,
    pub(crate) params: Vec<Param<'a>>,
    pub(crate) identity: Arc<Identity>,
    /// The headers as the contract means them.
    pub(crate) headers: Cow<'a, HeaderMap>,
    /// Which replicas have answered last.
    pub(crate) answered_by: Cell<Set>,
}

impl Exchange<'_> {
    pub(crate) async fn run(&self, body: &[u8]) -> Result<HttpResponse, Error> {
        self.signed(self.ran(body).await)
    }

    async fn ran(&self, body: &[u8]) -> Result<HttpResponse, Error> {
        match (self.endpoint.route.kind, self.endpoint.patch) {
            (RpcKind::Command, false) => self.command(body).await,
            (RpcKind::Command, true) => self.patch(body).await,
            (RpcKind::Read | RpcKind::Query, _) => self.read_or_keep(body).await,
        }
    }

    /// Shows what is kept, if the contract allows it and it is still so; else asks, and keeps the answer.
    async fn read_or_keep(&self, body: &[u8]) -> Result<HttpResponse, Error> {
        let (route, cache) = (self.endpoint.route, &self.door.shared.cache);
        let key = cache.key(route, &self.identity, self.http.method(), self.http.uri());
        // What is kept is what stable replicas said, and only for whom they say it.
        let may_be_kept = !watch::is_wanted(self.http, route) && self.set(route)? == Set::Stable;
        let Some(key) = key.filter(|_| may_be_kept) else { return self.read(body).await };
        let (seen, anew) = (self.seen(route)?, cache::wants_anew(self.headers()));
        if !anew && let Some(kept) = cache.get(&key, route, &seen) {
            return Ok(self.hit(&kept));
        }
        let filler = match cache.find(&key, route, &seen, anew).await {
            Found::Kept(kept) => return Ok(self.hit(&kept)),
            Found::Missing(filler) => Some(filler),
            Found::Busy => None,
        };
        self.door.meters.looked_up(self.endpoint.index, false);
        let (members, mut call) = self.reading(body)?;
        let token = call.key.as_deref().and_then(messages::token::of);
        let partition = token.map(|token| messages::partition::of(&token, route.partitions()));
        let stamp = cache.stamp(route.group, partition);
        if let Some(stamp) = stamp {
            cache.include(route.group, stamp, &mut call.wait);
        }
        let said = self.ask(&call).await.map_err(|failure| Error::from_failure(route, failure))?;
        if let (Some(filler), Some(stamp)) = (filler, stamp) {
            let json = Bytes::from(answer::encode(route, &said)?);
            if let Some(kept) = cache.keep(filler, stamp, said.clone(), json) {
                return Ok(answer::kept(route, self.headers(), &kept, cache::STORED));
            }
        }
        let mut response = answer::write(route, &members, self.headers(), &said)?;
        response.headers_mut().insert(cache::CACHE_STATUS, cache::FORWARDED);
        Ok(response)
    }

    fn hit(&self, kept: &cache::Kept) -> HttpResponse {
        self.door.meters.looked_up(self.endpoint.index, true);
        answer::kept(self.endpoint.route, self.headers(), kept, cache::HIT)
    }

    async fn read(&self, body: &[u8]) -> Result<HttpResponse, Error> {
        let route = self.endpoint.route;
        let (members, call) = self.reading(body)?;
        let watches = watch::is_wanted(self.http, route);
        if watches && call.at.is_some() {
            return Err(Error::invalid(vec![wrong(AT, UNKNOWN_PARAMETER, "the past does not change: read it")]));
        }
        let said = self.ask(&call).await.map_err(|failure| Error::from_failure(route, failure))?;
        if watches {
            return self.watch(call, said);
        }
        answer::write(route, &members, self.headers(), &said)
    }

    /// What a read asks, from path, query and body.
    fn reading(&self, body: &[u8]) -> Result<(Object, Call), Error> {
        let route = self.endpoint.route;
        let (mut members, mut errors) = (self.members(body)?, Vec::new());
        request::put_params(route, &self.params, &mut members, &mut errors);
        let query = self.http.uri().query().unwrap_or_default();
        let at = request::put_query(route, &self.params, query, &mut members, &mut errors);
        let mut call = self.call(route, &mut members, errors, None)?;
        call.at = at;
        Ok((members, call))
    }

    async fn command(&self, body: &[u8]) -> Result<HttpResponse, Error> {
        let route = self.endpoint.route;
        let name = Name::of(route, &self.identity, self.headers(), self.door.client.entropy())?;
        let if_version = command::if_version(self.http.method(), self.headers())?;
        let (mut members, mut errors) = (self.members(body)?, Vec::new());
        self.refuse_query(&mut errors);
        request::put_params(route, &self.params, &mut members, &mut errors);
        let created = route.creates.map(|prefix| name.mint(prefix));
        let mut call = self.call(route, &mut members, errors, created)?;
        call.if_version = if_version;
        call.command = Some(name.with_body(route, &call.payload));
        let said = self.ask(&call).await;
        if let Some(settle) = &route.settle {
            return self.settle(settle, &call, &members, said).await;
        }
        let said = said.map_err(|failure| Error::from_failure(route, failure))?;
        answer::write(route, &members, self.headers(), &said)
    }

    async fn patch(&self, body: &[u8]) -> Result<HttpResponse, Error> {
        let route = self.endpoint.route;
        let name = Name::of(route, &self.identity, self.headers(), self.door.client.entropy())?;
        let if_version = command::if_version(self.http.method(), self.headers())?;
        let (patch, mut errors) = (self.members(body)?, Vec::new());
        self.refuse_query(&mut errors);
        merge::unknown(&patch, route.request.fields, &mut errors);
        let mut attempt = 0;
        loop {
            let (version, mut members) = self.current(attempt > 0).await?;
            if if_version.is_some_and(|wanted| wanted != version) {
                return Err(Error::stale());
            }
            merge::merge(&mut members, patch.clone());
            request::put_params(route, &self.params, &mut members, &mut errors);
            let mut call = self.call(route, &mut members, errors.clone(), None)?;
            call.if_version = Some(version);
            // What a repeat repeats is the patch of this entity, not what it was merged with.
            let repeated = [call.key.as_deref().unwrap_or_default().as_bytes(), b"\n", body].concat();
            call.command = Some(name.attempt(attempt).with_body(route, &repeated));
            match self.ask(&call).await {
                Ok(said) => return answer::write(route, &members, self.headers(), &said),
                Err(Failure::Refused { problem, .. })
                    if problem.code == STALE_VERSION && if_version.is_none() && attempt + 1 < PATCH_ATTEMPTS_MAX =>
                {
                    attempt += 1;
                }
                Err(failure) => return Err(Error::from_failure(route, failure)),
            }
        }
    }

    /// The entity that a patch changes, as its PUT would write it, and its version.
    async fn current(&self, strong: bool) -> Result<(u64, Object), Error> {
        let route = self.endpoint.reads.ok_or_else(Error::internal)?;
        let (mut members, mut errors) = (Object::new(), Vec::new());
        request::put_params(route, &self.params, &mut members, &mut errors);
        let mut call = self.call(route, &mut members, errors, None)?;
        call.strong = strong;
        let said = self.ask(&call).await.map_err(|failure| Error::from_failure(route, failure))?;
        let Json::Object(entity) = answer::json(route, &said)? else { return Err(Error::internal()) };
        // Shown as it would be, and not there yet: the patch makes its first version.
        let version = said.version.unwrap_or(0);
        Ok((version, merge::writable(entity, self.endpoint.route.request.fields)))
    }

    /// The body's members, once its type is known to be JSON; or the body itself as one.
    fn members(&self, body: &[u8]) -> Result<Object, Error> {
        if let Some(raw) = &self.endpoint.route.raw {
            return raw::members(raw, self.headers(), body);
        }
        if !body.is_empty() {
            request::content_type(self.http.method(), self.headers())?;
        }
        request::members(body)
    }

    /// The call, once the contract has found nothing wrong with the request. What it creates has this id.
    pub(crate) fn call(
        &self,
        route: &'static Route,
        members: &mut Object,
        mut errors: Vec<FieldError>,
        created: Option<String>,
    ) -> Result<Call, Error> {
        let json = Json::Object(std::mem::take(members));
        let mut payload = match (route.request.from_json)(&json) {
            Ok(payload) if errors.is_empty() => payload,
            Ok(_) => return Err(Error::invalid(errors)),
            Err(more) => {
                // What could not even be read has been told already.
                let new = |error: &FieldError| errors.iter().all(|told| told.pointer != error.pointer);
                let more: Vec<_> = more.into_iter().filter(new).collect();
                errors.extend(more);
                return Err(Error::invalid(errors));
            }
        };
        origin::put(self.http, &self.door.shared.config.trusted_proxies, route.request.fields, &mut payload);
        if let Json::Object(read) = json {
            *members = read;
        }
        if let (Some(id), Some(field)) = (created, route.created) {
            (route.set_created)(&mut payload, &id);
            members.insert(field.to_owned(), Json::String(id));
        }
        let token = (route.get_key)(&payload);
        if let (None, Some(name)) = (&token, route.key) {
            // Nothing that is no token may become part of a subject, whatever else the contract allows.
            return Err(Error::invalid(vec![wrong(name, code::BAD_ID, "must be an id")]));
        }
        let key = token.as_deref().map(messages::token::key);
        let mut call = Call::new(route, key, payload.into(), self.door.deadline());
        call.set = self.set(route)?;
        call.caller = self.identity.caller.clone();
        self.names.request().clone_into(&mut call.request);
        let command = route.kind == RpcKind::Command;
        // A command's names are recorded for ever. A read that nobody follows is found by its one name; the others would
        // cost as much as a small read itself.
        if command || self.names.correlation() != self.names.request() {
            self.names.correlation().clone_into(&mut call.correlation);
        }
        if command || self.names.is_traced() {
            call.trace = Some(self.names.trace());
        }
        if !command {
            call.wait = self.wait(route, token.as_deref())?;
        }
        Ok(call)
    }

    /// Asks when there is room, and remembers where a write went.
    pub(crate) async fn ask(&self, call: &Call) -> Result<Answer, Failure> {
        let lane = Lane::of(self.http.version());
        let entering =
            self.door.shared.room.enter(call.route.group, lane, self.door.shared.config.limits.ask_timeout());
        let _inside = entering.await.map_err(|full| Failure::Refused {
            problem: full.problem(),
            position: None,
            replayed: false,
        })?;
        let result = self.door.client.ask(call).await;
        if let Ok(said) = &result {
            self.answered_by.set(said.set);
        }
        if call.route.kind == RpcKind::Command {
            let position = match &result {
                Ok(said) => said.position.as_ref(),
                Err(Failure::Refused { position, .. }) => position.as_ref(),
                Err(_) => None,
            };
            if let Some(position) = position {
                self.door.shared.cache.wrote(position);
                if let Some(credential) = self.identity.credential {
                    self.door.shared.sessions.wrote(credential, position);
                }
            }
        }
        result
    }

    /// Which replicas of a route's group are asked.
    fn set(&self, route: &Route) -> Result<Set, Error> {
        let Shared { config, .. } = &*self.door.shared;
        let version = canary::wanted(self.headers())?;
        if version.is_none() && !config.canary.contains_key(route.group) {
            return Ok(Set::Stable);
        }
        let identity = match self.identity.credential {
            Some(_) => self.identity.name.clone(),
            // Whom nobody knows is who comes from the same place.
            None => rates::address(self.http, &config.trusted_proxies).map(|ip| ip.to_string()).unwrap_or_default(),
        };
        Ok(canary::set(&config.canary, route.group, version, &identity)?)
    }

    /// An answer of a group with a canary says which version gave it.
    fn signed(&self, answer: Result<HttpResponse, Error>) -> Result<HttpResponse, Error> {
        if !self.door.shared.config.canary.contains_key(self.endpoint.route.group) {
            return answer;
        }
        let set = HeaderValue::from_static(self.answered_by.get().name());
        match answer {
            Ok(mut response) => {
                response.headers_mut().insert(canary::API_VERSION, set);
                Ok(response)
            }
            Err(error) => Err(error),
        }
    }

    /// What a read must include: what the client says, and what it wrote itself.
    fn wait(&self, route: &Route, token: Option<&str>) -> Result<Vec<Position>, Error> {
        let mut wait = self.seen(route)?;
        if let Some(credential) = self.identity.credential {
            let partition = token.map(|token| messages::partition::of(token, route.partitions()));
            self.door.shared.sessions.wait(credential, route.group, partition, &mut wait);
        }
        Ok(wait)
    }

    /// What the client says that it has seen of the group.
    fn seen(&self, route: &Route) -> Result<Vec<Position>, Error> {
        let mut seen = Vec::new();
        for value in self.headers().get_all(SHOP_POSITION) {
            let positions = value.to_str().ok().and_then(|text| runtime::headers::positions(text).ok());
            let usable = |positions: &Vec<Position>| (1..=POSITIONS_MAX).contains(&positions.len());
            let positions = positions.filter(usable).ok_or_else(|| {
                Error::bad_request("shop_position_malformed", "Shop-Position repeats what the answer to a write said")
            })?;
            seen.extend(positions.into_iter().filter(|position| position.group == route.group));
        }
        Ok(seen)
    }

    /// A command takes nothing from the query: what changes the shop stands in the body.
    fn refuse_query(&self, errors: &mut Vec<FieldError>) {
        if self.http.uri().query().is_some_and(|query| !query.is_empty()) {
            errors.push(wrong("", UNKNOWN_PARAMETER, "a command takes no query parameters"));
        }
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}

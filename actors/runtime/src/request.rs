//! The request: what arrived on a subject, parsed once; and the reply, in the language of the one who asked.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use messages::json::Json;
use messages::json::write::Members;
use messages::problem::{Kind, Problem};
use messages::{Route, RpcKind};
use prost::Message as _;
use tokio::time::Instant;

use crate::bus::{Bus, Headers, Message};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::headers::{self, Caller, CommandId, CommandKey, Fingerprint, Position, Trace};
use crate::problems;
use crate::reach::Set;
use crate::replica::Shared;

/// A request, parsed.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) route: &'static Route,
    /// In protobuf, with the key of its address in it.
    pub(crate) payload: Bytes,
    pub(crate) command: CommandKey,
    pub(crate) deadline: Timestamp,
    pub(crate) caller: Caller,
    pub(crate) correlation: String,
    pub(crate) request: String,
    pub(crate) trace: Option<Trace>,
    pub(crate) if_version: Option<u64>,
    pub(crate) wait: Vec<Position>,
    pub(crate) strong: bool,
    pub(crate) at: Option<String>,
    pub(crate) reply: ReplyTo,
}

/// Where an answer goes, and in which language.
#[derive(Debug, Clone)]
pub(crate) struct ReplyTo {
    pub(crate) subject: Option<String>,
    pub(crate) json: bool,
    /// When the request arrived.
    began: Instant,
}

impl ReplyTo {
    /// Nobody waits.
    pub(crate) fn nobody() -> ReplyTo {
        ReplyTo { subject: None, json: false, began: Instant::now() }
    }

    /// Of a message that may not even be a request: people write JSON, or nothing at all.
    pub(crate) fn of(message: &Message) -> ReplyTo {
        let json = match &message.headers {
            None => true,
            Some(said) => match headers::get(said, headers::CONTENT_TYPE) {
                Some(media_type) => media_type.starts_with(headers::JSON),
                None => looks_like_json(&message.payload) || headers::get(said, headers::DEADLINE).is_none(),
            },
        };
        ReplyTo { subject: message.reply.as_ref().map(ToString::to_string), json, began: Instant::now() }
    }
}

/// Protobuf never starts with `{`: it would be the start of a group, which proto3 does not have.
fn looks_like_json(payload: &[u8]) -> bool {
    payload.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

/// Parses a message for a route.
pub(crate) fn parse(
    message: &Message,
    route: &'static Route,
    key: &str,
    clock: &Clock,
    entropy: &Entropy,
) -> Result<Request, Problem> {
    let empty = Headers::new();
    let said = message.headers.as_ref().unwrap_or(&empty);
    let reply = ReplyTo::of(message);
    let is_json = looks_like_json(&message.payload);
    let mut payload = if is_json { from_json(route, key, &message.payload)? } else { message.payload.to_vec() };
    address(route, key, &mut payload)?;
    let malformed = |e: headers::Malformed| problems::malformed_header(&e);
    // Whoever can speak on the bus without saying who they are is an operator: the server's permissions let nobody
    // else in, and every service says who it acts for.
    let caller = headers::parsed::<Caller>(said, headers::CALLER).map_err(malformed)?;
    let caller = caller.unwrap_or_else(|| Caller::known("operator", None, vec!["*".to_owned()]));
    authorise(route, &caller)?;
    let command = command_of(said, route, &caller, &payload, entropy).map_err(malformed)?;
    if let (true, Some(prefix), Some(_)) = (is_json, route.creates, route.created) {
        // Whoever speaks JSON on the bus is a person, and people do not mint ids.
        (route.set_created)(&mut payload, &messages::id::Id::derived(prefix, &command.id.0).to_string());
    }
    let payload = Bytes::from(payload);
    let deadline = headers::deadline(said).map_err(malformed)?;
    let deadline = deadline.unwrap_or_else(|| plus(clock.now(), headers::ASK_TIMEOUT));
    Ok(Request {
        route,
        payload,
        command,
        deadline,
        caller,
        correlation: headers::get(said, headers::CORRELATION).unwrap_or_default().to_owned(),
        request: headers::get(said, headers::REQUEST).unwrap_or_default().to_owned(),
        // A broken trace context is dropped, as W3C Trace Context §3.2 asks; it is no reason to refuse a sale.
        trace: headers::parsed(said, headers::TRACEPARENT).ok().flatten(),
        if_version: headers::parsed(said, headers::IF_VERSION).map_err(malformed)?,
        wait: match headers::get(said, headers::WAIT) {
            Some(text) => headers::positions(text).map_err(malformed)?,
            None => Vec::new(),
        },
        strong: headers::get(said, headers::STRONG).is_some(),
        at: headers::get(said, headers::AT).map(str::to_owned),
        reply,
    })
}

/// A person's request: the key of its address stands for the field they left out.
fn from_json(route: &'static Route, key: &str, body: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut json = messages::json::parse(body).map_err(Problem::invalid)?;
    let field = route.key.and_then(|name| route.request.fields.iter().find(|field| field.name == name));
    if let (Json::Object(object), Some(field)) = (&mut json, field.filter(|field| !field.output_only)) {
        object.entry(field.name.to_owned()).or_insert_with(|| Json::String(messages::token::key(key)));
    }
    (route.request.from_json)(&json).map_err(Problem::invalid)
}

/// The key in the address is the key of the request; a request that names another is refused.
fn address(route: &'static Route, key: &str, payload: &mut Vec<u8>) -> Result<(), Problem> {
    let Some(field) = route.key else { return Ok(()) };
    match (route.get_key)(payload) {
        Some(token) if token == key => Ok(()),
        Some(token) if !token.is_empty() => Err(problems::key_mismatch(field, key)),
        _ => {
            (route.set_key)(payload, key);
            Ok(())
        }
    }
}

fn authorise(route: &'static Route, caller: &Caller) -> Result<(), Problem> {
    let Some(needed) = route.scope.filter(|_| !route.public && caller.role != "service") else { return Ok(()) };
    let has = caller.scopes.iter().any(|scope| scope == "*" || scope == needed);
    has.then_some(()).ok_or_else(|| problems::forbidden(needed))
}

fn command_of(
    said: &Headers,
    route: &'static Route,
    caller: &Caller,
    payload: &[u8],
    entropy: &Entropy,
) -> Result<CommandKey, headers::Malformed> {
    let none = || CommandKey { id: CommandId([0; 16]), fingerprint: Fingerprint::default(), keyed: false };
    if route.kind != RpcKind::Command {
        return Ok(none());
    }
    if let Some(command) = headers::parsed::<CommandKey>(said, headers::COMMAND)? {
        return Ok(command);
    }
    let fingerprint = Fingerprint::of(route.name, payload);
    Ok(match headers::get(said, headers::IDEMPOTENCY_KEY) {
        Some(key) => {
            let who = caller.subject.as_deref().unwrap_or("-");
            let id = CommandId::derived(&[who.as_bytes(), route.name.as_bytes(), key.as_bytes()]);
            CommandKey { id, fingerprint, keyed: true }
        }
        None => CommandKey { id: CommandId::fresh(entropy), fingerprint, keyed: false },
    })
}

/// A moment after another.
pub(crate) fn plus(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_add(jiff::SignedDuration::try_from(by).unwrap_or(jiff::SignedDuration::MAX)).unwrap_or(at)
}

/// What is said in answer to a request.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) result: Result<Bytes, Problem>,
    pub(crate) version: Option<u64>,
    pub(crate) position: Option<Position>,
    pub(crate) replayed: bool,
}

impl Said {
    pub(crate) fn refusal(problem: Problem) -> Said {
        Said { result: Err(problem), version: None, position: None, replayed: false }
    }
}

/// Sends an answer. That it cannot be sent is the asker's loss: it will ask again.
pub(crate) fn answer(shared: &Shared, route: Option<&'static Route>, to: &ReplyTo, said: Said) {
    if let Some(route) = route {
        let refusal = said.result.as_ref().err().map(|problem| problem.code.as_str());
        shared.stats.note(route, to.began.elapsed(), refusal);
    }
    let Some(subject) = to.subject.clone() else { return };
    let mut out = Headers::new();
    if let Some(version) = said.version {
        headers::put(&mut out, headers::VERSION, version.to_string());
    }
    if let Some(position) = &said.position {
        headers::put(&mut out, headers::POSITION, position.to_string());
    }
    if said.replayed {
        headers::put(&mut out, headers::REPLAYED, "1");
    }
    headers::put(&mut out, headers::REPLICA, shared.address.as_str());
    if shared.set != Set::Stable {
        headers::put(&mut out, headers::SET, shared.set.name());
    }
    let payload = match said.result {
        Ok(payload) if to.json => as_json(route, &payload, &mut out),
        Ok(payload) => payload,
        Err(problem) => {
            headers::put(&mut out, headers::SERVICE_ERROR, one_line(&format!("{}: {}", problem.code, problem.detail)));
            headers::put(&mut out, headers::SERVICE_ERROR_CODE, code(&problem).to_string());
            if to.json {
                headers::put(&mut out, headers::CONTENT_TYPE, headers::JSON);
                Bytes::from(problem_json(&problem))
            } else {
                Bytes::from(problem.encode_to_vec())
            }
        }
    };
    send(shared.bus.clone(), subject, out, payload);
}

/// Sends without waiting: the arbiter has other actors to run.
pub(crate) fn send(bus: Arc<dyn Bus>, subject: String, out: Headers, payload: Bytes) {
    use futures::FutureExt as _;
    // Publishing only queues in the client; it is pending only while that queue is full.
    let mut publishing = Box::pin(async move {
        if let Err(failure) = bus.publish(subject, None, out, payload).await {
            tracing::debug!(cause = %failure, "an answer could not be sent");
        }
    });
    if (&mut publishing).now_or_never().is_none() {
        actix_rt::spawn(publishing);
    }
}

/// A number like an HTTP status, for tools that show ADR-32's error code. What HTTP really says, the door decides.
fn code(problem: &Problem) -> u16 {
    match Kind::of(problem) {
        Kind::Invalid => 400,
        Kind::Unauthenticated => 401,
        Kind::PaymentRequired => 402,
        Kind::Forbidden => 403,
        Kind::NotFound => 404,
        Kind::Conflict => 409,
        Kind::Precondition => 412,
        Kind::Unprocessable => 422,
        Kind::Exhausted => 429,
        Kind::Internal => 500,
        Kind::Unavailable => 503,
        Kind::Timeout => 504,
    }
}

fn problem_json(problem: &Problem) -> Vec<u8> {
    let mut json = Vec::new();
    let mut members = Members::open(&mut json);
    problem.write_members(&mut members);
    members.close();
    json
}

fn as_json(route: Option<&'static Route>, payload: &Bytes, out: &mut Headers) -> Bytes {
    let Some(route) = route else { return payload.clone() };
    let mut json = Vec::with_capacity(payload.len() * 2);
    if (route.response.to_json)(payload, &mut json).is_err() {
        return payload.clone();
    }
    headers::put(out, headers::CONTENT_TYPE, headers::JSON);
    json.into()
}

/// Headers end at a line break; a problem's detail may quote what a caller wrote.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

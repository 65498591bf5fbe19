//! The client: how anyone asks a group, from the gateway, from another group or from an agenda.
//!
//! One request is one command id, however often it is sent: to the host of the partition, and when nobody is there or
//! silence lasts, once more to any replica. A receiver that has seen the id answers from its record, so asking twice is
//! safe. What this client refuses to do is to guess: an outcome it did not hear is [`Failure::Unknown`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use messages::common::v1::Problem;
use messages::{Route, RpcKind};
use prost::Message as _;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::breaker::{Breaker, Budget};
use crate::bus::{Bus, Headers, Message, RequestError};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::headers::{self, Caller, CommandId, CommandKey, Fingerprint, Position, Trace};

/// How long silence lasts before the same request also goes to any replica.
pub const HEDGE_AFTER: Duration = Duration::from_millis(400);
/// How often a request that certainly was not handled is tried again.
pub const RETRIES_MAX: u32 = 3;
/// The longest pause before the first retry; it doubles with each. The pause itself is random below it.
const BACK_OFF: Duration = Duration::from_millis(25);

/// A request to a group.
#[derive(Debug, Clone)]
pub struct Call {
    /// Which rpc.
    pub route: &'static Route,
    /// The partition key; needed for commands and reads.
    pub key: Option<String>,
    /// The request, in protobuf.
    pub payload: Bytes,
    /// A command's identity. `None` makes a fresh one.
    pub command: Option<CommandKey>,
    /// Who asks.
    pub caller: Caller,
    /// When the caller stops waiting.
    pub deadline: Timestamp,
    /// What all requests of one story share; empty for none.
    pub correlation: String,
    /// The HTTP request; empty for none.
    pub request: String,
    /// The trace and the calling span.
    pub trace: Option<Trace>,
    /// The version the addressed actor must have.
    pub if_version: Option<u64>,
    /// Positions a read must include.
    pub wait: Vec<Position>,
    /// Whether a read must see every write acknowledged before it.
    pub strong: bool,
    /// A version or time of the past to read.
    pub at: Option<String>,
}

impl Call {
    /// A call with nothing but the needful.
    #[must_use]
    pub fn new(route: &'static Route, key: Option<String>, payload: Bytes, deadline: Timestamp) -> Call {
        Call {
            route,
            key,
            payload,
            command: None,
            caller: Caller::anonymous(),
            deadline,
            correlation: String::new(),
            request: String::new(),
            trace: None,
            if_version: None,
            wait: Vec::new(),
            strong: false,
            at: None,
        }
    }
}

/// What a group said.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The response, in protobuf.
    pub payload: Bytes,
    /// The addressed actor's version.
    pub version: Option<u64>,
    /// Of a command: the turn that decided it.
    pub position: Option<Position>,
    /// Of a command: it had been decided before.
    pub replayed: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// The group said no, or could not: the problem tells which.
    #[error("{}: {}", .problem.code, .problem.detail)]
    Refused {
        /// What it said.
        problem: Problem,
        /// The turn that holds the refusal, if it was recorded.
        position: Option<Position>,
        /// The refusal had been decided before.
        replayed: bool,
    },
    /// Certainly nothing happened: nobody is there, or the circuit is open.
    #[error("{group} is not available")]
    Unavailable {
        /// The group.
        group: &'static str,
        /// When to try again.
        retry_after: Duration,
    },
    /// No answer came in time. A command may have been done; asking again with the same id tells.
    #[error("{group} did not answer in time")]
    Unknown {
        /// The group.
        group: &'static str,
    },
}

/// Asks groups. Cheap to clone; clones share breakers and budget.
#[derive(Clone)]
pub struct Client {
    bus: Arc<dyn Bus>,
    clock: Clock,
    entropy: Entropy,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    breakers: Mutex<BTreeMap<&'static str, Arc<Breaker>>>,
    budget: Budget,
    /// By group and partition: told when a request finds that its host is gone.
    gone: Mutex<BTreeMap<(&'static str, u32), Arc<Notify>>>,
}

impl Client {
    /// A client on a bus.
    #[must_use]
    pub fn new(bus: Arc<dyn Bus>, clock: Clock, entropy: Entropy) -> Client {
        Client { bus, clock, entropy, shared: Arc::default() }
    }

    /// The clock it measures deadlines with.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Where it takes fresh ids from.
    #[must_use]
    pub fn entropy(&self) -> &Entropy {
        &self.entropy
    }

    /// The breaker towards a group.
    #[must_use]
    pub fn breaker(&self, group: &'static str) -> Arc<Breaker> {
        let mut breakers = self.shared.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        breakers.entry(group).or_default().clone()
    }

    /// Asks, and waits for the answer until the call's deadline.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn ask(&self, call: &Call) -> Result<Answer, Failure> {
        let group = call.route.group;
        let breaker = self.breaker(group);
        let told = breaker.state();
        if !breaker.admits(Instant::now()) {
            metrics::counter!("client_circuit_open_total", "group" => group).increment(1);
            return Err(Failure::Unavailable { group, retry_after: crate::breaker::REST });
        }
        let asked = Instant::now();
        let result = self.ask_until_deadline(call).await;
        match &result {
            Ok(_) | Err(Failure::Refused { .. }) => breaker.answered(Instant::now()),
            Err(Failure::Unavailable { .. } | Failure::Unknown { .. }) => {
                if breaker.failed(asked, Instant::now()) {
                    tracing::warn!(group, "the circuit to {group} opens");
                }
            }
        }
        if breaker.state() != told {
            let open = u32::from(breaker.state() != crate::breaker::State::Closed);
            metrics::gauge!("client_circuit_open", "group" => group).set(open);
        }
        result
    }

    async fn ask_until_deadline(&self, call: &Call) -> Result<Answer, Failure> {
        let command = (call.route.kind == RpcKind::Command).then(|| self.command(call));
        self.shared.budget.earn();
        let mut attempt = 0;
        loop {
            let failure = match self.ask_once(call, command).await {
                Ok(message) => match read_answer(&message) {
                    Err(Failure::Refused { problem, .. }) if is_transient(&problem) => {
                        Failure::Refused { problem, position: None, replayed: false }
                    }
                    said => return said,
                },
                Err(RequestError::NoResponders(_)) => {
                    Failure::Unavailable { group: call.route.group, retry_after: Duration::from_secs(1) }
                }
                Err(RequestError::TimedOut(_) | RequestError::Disconnected(_)) => {
                    return Err(Failure::Unknown { group: call.route.group });
                }
            };
            attempt += 1;
            let pause = self.pause(attempt);
            if attempt > RETRIES_MAX || self.left(call) <= pause || !self.shared.budget.spend() {
                return Err(failure);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// One attempt: the host of the partition, and after a while any replica with the same command id. When another
    /// request finds the host gone, this one is not waited for either.
    async fn ask_once(&self, call: &Call, command: Option<CommandKey>) -> Result<Message, RequestError> {
        let Some(key) = call.key.as_deref() else {
            return self.send(call, format!("shop.query.{}.{}", call.route.group, call.route.verb), command).await;
        };
        // A key that cannot be a token addresses nobody; validation has refused it before it comes here.
        let token = messages::token::of(key).unwrap_or_else(|| headers::token(key));
        let any = || format!("shop.any.{}.{token}.{}", call.route.group, call.route.verb);
        let gone = self.gone(call.route, &token);
        let mut first = self.send(call, host_subject(call.route, &token), command);
        let answered = tokio::select! {
            biased;
            answered = &mut first => Some(answered),
            // Nobody listens there any more, so asking elsewhere is no suspicion and costs nothing of the budget.
            () = gone.notified() => return first_success(first, self.send(call, any(), command)).await,
            () = tokio::time::sleep(HEDGE_AFTER.min(self.left(call))) => None,
        };
        match answered {
            Some(Err(RequestError::NoResponders(_))) => {
                gone.notify_waiters();
                self.send(call, any(), command).await
            }
            Some(answered) => answered,
            None if self.shared.budget.spend() => {
                metrics::counter!("client_hedges_total", "group" => call.route.group).increment(1);
                let second = self.send(call, any(), command);
                first_success(first, second).await
            }
            None => tokio::select! {
                biased;
                answered = &mut first => answered,
                () = gone.notified() => first_success(first, self.send(call, any(), command)).await,
            },
        }
    }

    /// Where requests for the host of an actor hear that it is gone.
    fn gone(&self, route: &Route, token: &str) -> Arc<Notify> {
        let place = (route.group, messages::partition::of(token, route.partitions()));
        let mut gone = self.shared.gone.lock().unwrap_or_else(PoisonError::into_inner);
        gone.entry(place).or_default().clone()
    }

    fn send<'a>(
        &'a self,
        call: &Call,
        subject: String,
        command: Option<CommandKey>,
    ) -> futures::future::BoxFuture<'a, Result<Message, RequestError>> {
        self.bus.request(subject, written(call, command), call.payload.clone(), self.left(call))
    }

    fn left(&self, call: &Call) -> Duration {
        Duration::try_from(call.deadline.duration_since(self.clock.now())).unwrap_or(Duration::ZERO)
    }

    fn pause(&self, attempt: u32) -> Duration {
        let longest = BACK_OFF * 2u32.saturating_pow(attempt - 1);
        Duration::from_micros(self.entropy.below(u64::try_from(longest.as_micros()).unwrap_or(u64::MAX)))
    }

    /// The command's identity; a fresh one when the caller gave none.
    fn command(&self, call: &Call) -> CommandKey {
        call.command.unwrap_or_else(|| CommandKey {
            id: CommandId::fresh(&self.entropy),
            fingerprint: Fingerprint::of(call.route.name, &call.payload),
            keyed: false,
        })
    }
}

/// The headers of a request.
fn written(call: &Call, command: Option<CommandKey>) -> Headers {
    let mut out = Headers::new();
    headers::put(&mut out, headers::DEADLINE, call.deadline.as_millisecond().to_string());
    headers::put(&mut out, headers::CALLER, call.caller.to_string());
    if let Some(command) = command {
        headers::put(&mut out, headers::COMMAND, command.to_string());
    }
    if !call.correlation.is_empty() {
        headers::put(&mut out, headers::CORRELATION, call.correlation.as_str());
    }
    if !call.request.is_empty() {
        headers::put(&mut out, headers::REQUEST, call.request.as_str());
    }
    if let Some(trace) = &call.trace {
        headers::put(&mut out, headers::TRACEPARENT, trace.to_string());
    }
    if let Some(version) = call.if_version {
        headers::put(&mut out, headers::IF_VERSION, version.to_string());
    }
    if !call.wait.is_empty() {
        let wait: Vec<String> = call.wait.iter().map(Position::to_string).collect();
        headers::put(&mut out, headers::WAIT, wait.join(","));
    }
    if call.strong {
        headers::put(&mut out, headers::STRONG, "1");
    }
    if let Some(at) = &call.at {
        headers::put(&mut out, headers::AT, at.as_str());
    }
    out
}

/// Where the host of an actor listens, given the [token](messages::token) of its key.
#[must_use]
pub fn host_subject(route: &Route, token: &str) -> String {
    let partition = messages::partition::of(token, route.partitions());
    format!("shop.cmd.{}.{partition}.{token}.{}", route.group, route.verb)
}

/// The first of two attempts that brings an answer; the last error if neither does.
async fn first_success<F>(first: F, second: F) -> Result<Message, RequestError>
where
    F: Future<Output = Result<Message, RequestError>> + Unpin,
{
    match futures::future::select(first, second).await {
        futures::future::Either::Left((Err(_), other)) | futures::future::Either::Right((Err(_), other)) => other.await,
        futures::future::Either::Left((Ok(message), _)) | futures::future::Either::Right((Ok(message), _)) => {
            Ok(message)
        }
    }
}

/// Busy and not-yet are said before anything is decided, so the same command may be sent again.
fn is_transient(problem: &Problem) -> bool {
    matches!(problem.code.as_str(), "busy" | "not_hosting")
}

/// Reads a reply as the runtime writes it.
///
/// # Errors
/// `Refused` when the reply says no.
pub fn read_answer(message: &Message) -> Result<Answer, Failure> {
    let empty = Headers::new();
    let said = message.headers.as_ref().unwrap_or(&empty);
    let position = headers::parsed(said, headers::POSITION).ok().flatten();
    let replayed = headers::get(said, headers::REPLAYED).is_some();
    if headers::get(said, headers::SERVICE_ERROR_CODE).is_some() {
        let problem = Problem::decode(message.payload.clone()).unwrap_or_else(|_| Problem {
            code: "unreadable".to_owned(),
            detail: "the group refused in words that cannot be read".to_owned(),
            ..Problem::default()
        });
        return Err(Failure::Refused { problem, position, replayed });
    }
    Ok(Answer {
        payload: message.payload.clone(),
        version: headers::parsed(said, headers::VERSION).ok().flatten(),
        position,
        replayed,
    })
}

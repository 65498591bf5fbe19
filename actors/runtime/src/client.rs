//! The client: how anyone asks a group, from the gateway, from another group or from an agenda.
//!
//! One request is one command id, however often it is sent: to the host of the partition, and when nobody is there or
//! silence lasts, once more to any replica. A receiver that has seen the id answers from its record, so asking twice is
//! safe. What this client refuses to do is to guess: an outcome it did not hear is [`Failure::Unknown`].
//!
//! What is sent a second time on suspicion is idempotent: reads, queries that HTTP knows by GET, and every command, because
//! each has an id. A query that mints (decision 6) is sent again only where certainly nobody heard it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, Either};
use jiff::Timestamp;
use messages::common::v1::Problem;
use messages::route::Method;
use messages::{Route, RpcKind};
use prost::Message as _;
use tokio::time::Instant;

use crate::bus::{Bus, Headers, Message, RequestError};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::headers::{self, Caller, CommandId, CommandKey, Fingerprint, Position, Trace};
use crate::problems::NOT_PROMOTED;
use crate::reach::{Reach, Set, Target};

/// How long silence lasts before the same request also goes to any replica.
pub const HEDGE_AFTER: Duration = Duration::from_millis(400);
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
    /// Which replicas are asked. Where a canary certainly did nothing, and where it is slow, the stable ones are.
    pub set: Set,
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
            set: Set::Stable,
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
    /// Which replicas answered.
    pub set: Set,
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

/// Asks groups. Cheap to clone; clones share what they have learned of those they ask.
#[derive(Clone)]
pub struct Client {
    bus: Arc<dyn Bus>,
    clock: Clock,
    entropy: Entropy,
    reach: Arc<Reach>,
}

/// One request on its way to a set of replicas.
struct Asking<'a> {
    call: &'a Call,
    command: Option<CommandKey>,
    target: &'a Target,
    /// The replica that is believed to have it, and since when, until it has answered or was blamed for its silence.
    with: Mutex<Option<(Arc<str>, Instant)>>,
}

impl Asking<'_> {
    fn believe(&self, replica: Option<Arc<str>>) {
        *self.with.lock().unwrap_or_else(PoisonError::into_inner) = replica.map(|replica| (replica, Instant::now()));
    }

    /// Whoever is believed to have it was silent too long. Nobody is blamed twice for the same silence.
    fn blame(&self) {
        let with = self.with.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((replica, since)) = with {
            self.target.silent(&replica, since);
        }
    }

    /// Notes who answered; as the host of a partition, if it was asked as that.
    fn heard(&self, message: &Message, hosts: Option<u32>) {
        let said = message.headers.as_ref();
        let Some(replica) = said.and_then(|said| headers::get(said, headers::REPLICA)) else { return };
        let from = said.and_then(|said| headers::get(said, headers::SET)).unwrap_or(Set::Stable.name());
        if from == self.call.set.name() {
            self.target.answered_by(replica, hosts);
        }
    }
}

impl Client {
    /// A client on a bus.
    #[must_use]
    pub fn new(bus: Arc<dyn Bus>, clock: Clock, entropy: Entropy) -> Client {
        Client::sharing(bus, clock, entropy, Arc::default())
    }

    /// A client that shares what it learns with others of its process.
    #[must_use]
    pub fn sharing(bus: Arc<dyn Bus>, clock: Clock, entropy: Entropy, reach: Arc<Reach>) -> Client {
        Client { bus, clock, entropy, reach }
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

    /// What it has learned of those it asks.
    #[must_use]
    pub fn reach(&self) -> &Arc<Reach> {
        &self.reach
    }

    /// Asks, and waits for the answer until the call's deadline.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn ask(&self, call: &Call) -> Result<Answer, Failure> {
        // One id for both sets: whatever a canary did after all, the stable replicas find in the log.
        let command = (call.route.kind == RpcKind::Command).then(|| self.command(call));
        if call.set == Set::Stable {
            return self.ask_set(call, command).await;
        }
        match self.ask_set(call, command).await {
            Err(Failure::Unavailable { .. }) => {}
            Err(Failure::Refused { problem, .. }) if problem.code == NOT_PROMOTED || is_transient(&problem) => {}
            said => return said,
        }
        self.ask_set(&Call { set: Set::Stable, ..call.clone() }, command).await
    }

    async fn ask_set(&self, call: &Call, command: Option<CommandKey>) -> Result<Answer, Failure> {
        let group = call.route.group;
        let target = self.reach.target(group, call.set);
        if let Err(retry_after) = target.circuit.admit(Instant::now()) {
            metrics::counter!("client_circuit_open_total", "group" => group, "set" => call.set.name()).increment(1);
            return Err(Failure::Unavailable { group, retry_after });
        }
        let asking = Asking { call, command, target: &target, with: Mutex::default() };
        let (asked, mut was_overdue) = (Instant::now(), false);
        let result = {
            let mut answered = std::pin::pin!(self.ask_until_deadline(&asking));
            tokio::select! {
                biased;
                answered = &mut answered => answered,
                () = tokio::time::sleep(self.reach.settings().overdue().min(self.left(call))) => {
                    was_overdue = true;
                    asking.blame();
                    target.failed(asked);
                    answered.await
                }
            }
        };
        match &result {
            Ok(_) => target.succeeded(false),
            Err(Failure::Refused { .. }) => target.succeeded(true),
            Err(failure) => {
                if !was_overdue {
                    target.failed(asked);
                }
                target.ended(matches!(failure, Failure::Unknown { .. }));
            }
        }
        result
    }

    async fn ask_until_deadline(&self, asking: &Asking<'_>) -> Result<Answer, Failure> {
        let Asking { call, target, .. } = asking;
        let _underway = target.budget.begin();
        let mut attempt = 0;
        let mut extra = None;
        loop {
            let failure = match self.ask_once(asking).await {
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
            // What a canary cannot do now, the stable replicas can.
            let may_again = call.set == Set::Stable
                && attempt <= self.reach.settings().retry.retries_max
                && self.left(call) > pause;
            // A retry gives back what the one before it took.
            drop(extra.take());
            extra = if may_again { target.budget.extra() } else { None };
            if extra.is_none() {
                return Err(failure);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// One attempt: the host of the partition, and after a while any replica with the same command id. When another
    /// request finds the host gone or silent, this one does not wait for it either.
    async fn ask_once(&self, asking: &Asking<'_>) -> Result<Message, RequestError> {
        let Asking { call, target, .. } = asking;
        let (group, verb) = (call.route.group, call.route.verb);
        let Some(key) = call.key.as_deref() else { return self.query_once(asking).await };
        // A key that cannot be a token addresses nobody; validation has refused it before it comes here.
        let token = messages::token::of(key).unwrap_or_else(|| headers::token(key));
        let partition = messages::partition::of(&token, call.route.partitions());
        let rest = format!("{token}.{verb}");
        if let Some(replica) = target.outliers.instead_of_host(partition, Instant::now()) {
            match self.directly(asking, &replica, &rest).await {
                // It has gone; somebody else is asked.
                Err(RequestError::NoResponders(_)) => {}
                said => return said,
            }
        }
        let gone = target.gone(partition);
        let host = target.outliers.host(partition);
        let subject = call.set.subject("cmd", &format!("{group}.{partition}.{rest}"));
        asking.believe(host.clone());
        let mut first = self.send(asking, subject);
        let answered = tokio::select! {
            biased;
            answered = &mut first => Some(answered),
            // Nobody listens there any more, so asking elsewhere is no suspicion and costs nothing of the budget.
            () = gone.notified() => None,
            () = tokio::time::sleep(HEDGE_AFTER.min(self.left(call))) => match target.budget.extra() {
                Some(_extra) => {
                    metrics::counter!("client_hedges_total", "group" => group).increment(1);
                    return self.first_of(asking, first, host.as_deref(), partition, &rest).await;
                }
                None => tokio::select! {
                    biased;
                    answered = &mut first => Some(answered),
                    () = gone.notified() => None,
                },
            },
        };
        match answered {
            None => self.first_of(asking, first, host.as_deref(), partition, &rest).await,
            Some(Err(RequestError::NoResponders(_))) => {
                asking.believe(None);
                gone.notify_waiters();
                self.elsewhere(asking, partition, &rest).await
            }
            Some(Ok(message)) => {
                asking.heard(&message, Some(partition));
                Ok(message)
            }
            Some(failed) => failed,
        }
    }

    /// Asks elsewhere too, and takes the first answer of both. Who was asked first and was beaten was silent. If it turns
    /// out meanwhile that the host is to be left out, both may be with it, and somebody is asked who answers.
    async fn first_of(
        &self,
        asking: &Asking<'_>,
        first: BoxFuture<'_, Result<Message, RequestError>>,
        host: Option<&str>,
        partition: u32,
        rest: &str,
    ) -> Result<Message, RequestError> {
        let gone = asking.target.gone(partition);
        let mut both = std::pin::pin!(async {
            let second = std::pin::pin!(self.elsewhere(asking, partition, rest));
            match futures::future::select(first, second).await {
                Either::Left((Ok(message), _)) => {
                    asking.heard(&message, Some(partition));
                    Ok(message)
                }
                Either::Left((Err(_), second)) => second.await,
                Either::Right((Err(_), first)) => first.await,
                Either::Right((Ok(message), _)) => {
                    let said = message.headers.as_ref();
                    // Whoever it was passed on to may have been the host itself, which then was only slow.
                    if host.is_some() && said.and_then(|said| headers::get(said, headers::REPLICA)) != host {
                        asking.blame();
                    }
                    Ok(message)
                }
            }
        });
        tokio::select! {
            biased;
            said = &mut both => said,
            () = gone.notified() => {
                first_success(both, std::pin::pin!(self.elsewhere(asking, partition, rest))).await
            }
        }
    }

    /// Not the host: a replica that is known to answer, if the host is left out, else any. What a canary is slow to
    /// answer, a stable replica does.
    async fn elsewhere(&self, asking: &Asking<'_>, partition: u32, rest: &str) -> Result<Message, RequestError> {
        let Asking { call, target, .. } = asking;
        if let Some(replica) = target.outliers.instead_of_host(partition, Instant::now()) {
            match self.directly(asking, &replica, rest).await {
                Err(RequestError::NoResponders(_)) => {}
                said => return said,
            }
        }
        let said = self.send(asking, Set::Stable.subject("any", &format!("{}.{rest}", call.route.group))).await;
        said.inspect(|message| asking.heard(message, None))
    }

    /// Lists and searches: any replica, but none that is left out.
    async fn query_once(&self, asking: &Asking<'_>) -> Result<Message, RequestError> {
        let Asking { call, target, .. } = asking;
        let verb = call.route.verb;
        if let Some(replica) = target.outliers.instead_of_any(Instant::now()) {
            match self.directly(asking, &replica, verb).await {
                Err(RequestError::NoResponders(_)) => {}
                said => return said,
            }
        }
        let subject = || call.set.subject("query", &format!("{}.{verb}", call.route.group));
        asking.believe(None);
        let first = self.send(asking, subject());
        let said = if is_safe(call.route) {
            let hedge = std::pin::pin!(tokio::time::sleep(HEDGE_AFTER.min(self.left(call))));
            match futures::future::select(first, hedge).await {
                Either::Left((said, _)) => said,
                Either::Right(((), first)) => match target.budget.extra() {
                    Some(_extra) => {
                        metrics::counter!("client_hedges_total", "group" => call.route.group).increment(1);
                        first_success(first, self.send(asking, subject())).await
                    }
                    None => first.await,
                },
            }
        } else {
            first.await
        };
        said.inspect(|message| asking.heard(message, None))
    }

    /// Asks one replica by its name. It runs the request itself.
    async fn directly(&self, asking: &Asking<'_>, replica: &Arc<str>, rest: &str) -> Result<Message, RequestError> {
        asking.believe(Some(replica.clone()));
        let said = self.send(asking, format!("shop.at.{}.{replica}.{rest}", asking.call.route.group)).await;
        match &said {
            Ok(message) => asking.heard(message, None),
            Err(RequestError::NoResponders(_)) => asking.target.outliers.left(replica),
            Err(_) => {}
        }
        said
    }

    fn send<'a>(&'a self, asking: &Asking<'_>, subject: String) -> BoxFuture<'a, Result<Message, RequestError>> {
        let Asking { call, command, .. } = asking;
        self.bus.request(subject, written(call, *command), call.payload.clone(), self.left(call))
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
async fn first_success<F, G>(first: F, second: G) -> Result<Message, RequestError>
where
    F: Future<Output = Result<Message, RequestError>> + Unpin,
    G: Future<Output = Result<Message, RequestError>> + Unpin,
{
    match futures::future::select(first, second).await {
        Either::Left((Err(_), other)) => other.await,
        Either::Right((Err(_), other)) => other.await,
        Either::Left((Ok(message), _)) | Either::Right((Ok(message), _)) => Ok(message),
    }
}

/// Whether HTTP may repeat a query at will (RFC 9110 §9.2.1). The others may mint something each time.
fn is_safe(route: &Route) -> bool {
    !route.http.is_empty() && route.http.iter().all(|http| http.method == Method::Get)
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
        set: headers::get(said, headers::SET).and_then(|set| set.parse().ok()).unwrap_or_default(),
    })
}

//! The inquiry: what a request may ask of other groups before it is run.
//!
//! A decision takes facts and does not fetch them, but somebody must. Where a command notes what another group knows (an
//! order notes prices), its gatherer asks first, outside the partition and with the request's own deadline, and what it
//! brings back comes to the handler with the request. It may also issue commands; their ids derive from the outer
//! command, so a retry issues the same ones. What it refuses to do is to hold anything: between its answers and the
//! decision the world goes on, so nothing may depend on them that another group must guarantee. That is a saga's work.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use messages::common::v1::Problem;
use messages::{Rpc, RpcKind};
use prost::Message as _;

use crate::client::{Call, Client, Failure};
use crate::headers::{Caller, CommandId, CommandKey, Fingerprint, Trace};
use crate::problems;
use crate::replica::Shared;
use crate::request::Request;

/// What a gatherer returns.
pub type Gathering<'a, K> = Pin<Box<dyn Future<Output = Result<K, Problem>> + 'a>>;

/// What a gatherer may ask, and for whom.
pub struct Inquiry {
    client: Client,
    group: &'static str,
    caller: Caller,
    command: CommandKey,
    deadline: Timestamp,
    correlation: String,
    request: String,
    trace: Option<Trace>,
}

impl Inquiry {
    pub(crate) fn of(shared: &Arc<Shared>, request: &Request) -> Inquiry {
        Inquiry {
            client: shared.client.clone(),
            group: shared.name(),
            caller: request.caller.clone(),
            command: request.command,
            deadline: request.deadline,
            correlation: request.correlation.clone(),
            request: request.request.clone(),
            trace: request.trace,
        }
    }

    /// Who asked.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.client.clock().now()
    }

    /// The id of something that this command causes, the same for every retry: by its prefix, and by what tells it from
    /// others of the kind.
    #[must_use]
    pub fn id(&self, prefix: &str, which: &str) -> String {
        let derived = CommandId::derived(&[&self.command.id.0, prefix.as_bytes(), which.as_bytes()]);
        messages::id::Id::derived(prefix, &derived.0).to_string()
    }

    /// Asks an rpc of another group on behalf of the caller. A query has no `partition_key`.
    ///
    /// # Errors
    /// What the group refused; `unavailable` or `timeout` when it did not answer.
    pub async fn ask<R: Rpc>(&self, partition_key: &str, request: &R::Request) -> Result<R::Response, Problem> {
        self.ask_until::<R>(self.deadline, partition_key, request).await
    }

    /// The same, for an answer that is not worth waiting for until the caller gives up: so long and no longer.
    ///
    /// # Errors
    /// As [`ask`](Inquiry::ask).
    pub async fn ask_within<R: Rpc>(
        &self,
        patience: Duration,
        partition_key: &str,
        request: &R::Request,
    ) -> Result<R::Response, Problem> {
        let until = self.now().checked_add(patience).unwrap_or(self.deadline);
        self.ask_until::<R>(until.min(self.deadline), partition_key, request).await
    }

    async fn ask_until<R: Rpc>(
        &self,
        deadline: Timestamp,
        partition_key: &str,
        request: &R::Request,
    ) -> Result<R::Response, Problem> {
        let key = (R::ROUTE.kind != RpcKind::Query).then(|| partition_key.to_owned());
        let mut call = Call::new(R::ROUTE, key, request.encode_to_vec().into(), deadline);
        call.caller = self.caller.through(self.group);
        call.correlation = self.correlation.clone();
        call.request = self.request.clone();
        call.trace = self.trace;
        if R::ROUTE.kind == RpcKind::Command {
            let parts = [&self.command.id.0, R::ROUTE.name.as_bytes(), partition_key.as_bytes()];
            call.command = Some(CommandKey {
                id: CommandId::derived(&parts),
                fingerprint: Fingerprint::of(R::ROUTE.name, &call.payload),
                keyed: self.command.keyed,
            });
        }
        let answer = self.client.ask(&call).await.map_err(problem_of)?;
        R::Response::decode(answer.payload).map_err(|e| problems::internal(&e))
    }
}

/// Two answers at once: groups that do not wait for each other need not be asked one after the other.
pub async fn both<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    futures::future::join(one, other).await
}

fn problem_of(failure: Failure) -> Problem {
    match failure {
        Failure::Refused { problem, .. } => problem,
        Failure::Unavailable { group, retry_after } => problems::neighbour_unavailable(group, retry_after),
        Failure::Unknown { group } => problems::neighbour_silent(group),
    }
}

//! Asking groups over NATS with the types of the contract, as somebody who works here: for whoever sows, audits or
//! shows more than one group's truth.

use anyhow::Context as _;
use messages::Rpc;
use prost::Message as _;
use runtime::client::{Call, Client, Failure};
use runtime::clock::Clock;
use runtime::entropy::Entropy;
use runtime::fabric::Fabric as _;
use runtime::headers::{Caller, CommandId, CommandKey, Fingerprint};
use std::sync::Arc;

use crate::config::Config;
use crate::host;

/// The user of the bus who looks after a shop.
pub(crate) const OPERATOR: &str = "operator";
/// How long one question may take.
const PATIENCE: jiff::SignedDuration = jiff::SignedDuration::from_secs(10);

/// How often a command is given again, and when.
const TRIES_MAX: u32 = 20;
const TELL_AGAIN_AFTER: std::time::Duration = std::time::Duration::from_millis(250);

/// Where the shop of this configuration is, for a command that runs beside it: its server when none is named, and the
/// keys of its data directory when there are any.
pub(crate) fn beside(config: &mut Config) {
    if config.nats.urls.is_empty() {
        config.nats.urls = vec![format!("nats://127.0.0.1:{}", config.nats.port)];
    }
    if config.nats.keys.is_none() && config.keys_dir().is_dir() {
        config.nats.keys = Some(config.keys_dir());
    }
}

/// Somebody who asks.
#[derive(Clone)]
pub(crate) struct Asker {
    pub(crate) client: Client,
    pub(crate) fabric: Arc<runtime::nats::Fabric>,
    name: &'static str,
}

impl Asker {
    /// Connects as the operator; groups see a service of this name.
    pub(crate) async fn connect(config: &Config, name: &'static str) -> anyhow::Result<Asker> {
        Ok(Asker::over(host::connect(config, OPERATOR).await?, name))
    }

    /// Over a connection that is there already.
    pub(crate) fn over(fabric: Arc<runtime::nats::Fabric>, name: &'static str) -> Asker {
        let client = Client::new(fabric.bus(), Clock::system(), Entropy::system());
        Asker { client, fabric, name }
    }

    /// Asks once. A read is that of the replica that decides; it is not made strong, which would write to the log.
    pub(crate) async fn try_ask<R: Rpc>(
        &self,
        key: Option<&str>,
        request: &R::Request,
    ) -> Result<R::Response, Failure> {
        let deadline = self.client.clock().now().saturating_add(PATIENCE).unwrap_or(jiff::Timestamp::MAX);
        let payload = request.encode_to_vec().into();
        let mut call = Call::new(R::ROUTE, key.map(str::to_owned), payload, deadline);
        call.caller = Caller::service(self.name);
        let answer = self.client.ask(&call).await?;
        R::Response::decode(answer.payload).map_err(|_| Failure::Unknown { group: R::ROUTE.group })
    }

    /// Asks, and says what was asked when there is no answer.
    pub(crate) async fn ask<R: Rpc>(&self, key: Option<&str>, request: &R::Request) -> anyhow::Result<R::Response> {
        self.try_ask::<R>(key, request).await.with_context(|| format!("{} was not answered", R::ROUTE.name))
    }

    /// Gives a command for somebody, under a name of its own, again and again until it is known whether it was done.
    pub(crate) async fn tell<R: Rpc>(
        &self,
        caller: &Caller,
        name: CommandId,
        key: &str,
        request: &R::Request,
    ) -> Result<R::Response, Failure> {
        let mut tries = 0;
        loop {
            let deadline = self.client.clock().now().saturating_add(PATIENCE).unwrap_or(jiff::Timestamp::MAX);
            let payload = request.encode_to_vec();
            let fingerprint = Fingerprint::of(R::ROUTE.name, &payload);
            let mut call = Call::new(R::ROUTE, Some(key.to_owned()), payload.into(), deadline);
            call.command = Some(CommandKey { id: name, fingerprint, keyed: true });
            call.caller = caller.clone();
            match self.client.ask(&call).await {
                Ok(answer) => {
                    return R::Response::decode(answer.payload).map_err(|_| Failure::Unknown { group: R::ROUTE.group });
                }
                Err(Failure::Unknown { .. } | Failure::Unavailable { .. }) if tries < TRIES_MAX => tries += 1,
                Err(failure) => return Err(failure),
            }
            tokio::time::sleep(TELL_AGAIN_AFTER).await;
        }
    }

    /// Asks about one thing; that there is none is an answer.
    pub(crate) async fn find<R: Rpc>(&self, key: &str, request: &R::Request) -> anyhow::Result<Option<R::Response>> {
        match self.try_ask::<R>(Some(key), request).await {
            Ok(response) => Ok(Some(response)),
            Err(Failure::Refused { problem, .. }) if problem.code == "not_found" => Ok(None),
            Err(failure) => Err(anyhow::Error::new(failure).context(format!("{} was not answered", R::ROUTE.name))),
        }
    }
}

/// The largest page that every list gives.
pub(crate) const PAGE: Option<u32> = Some(100);

/// Every item of a list, page by page. The request says how large a page is.
macro_rules! all {
    ($asker:expr, $rpc:ty, $request:expr) => {{
        let mut request = $request;
        let mut all = Vec::new();
        loop {
            let page = $asker.ask::<$rpc>(None, &request).await?;
            all.extend(page.data);
            match page.next {
                Some(next) if page.has_more => request.after = Some(next),
                _ => break all,
            }
        }
    }};
}
pub(crate) use all;

//! Operations: what a person asks a replica itself, and how it makes itself known.
//!
//! Verbs on `shop.ops.<group>.<replica>.<verb>` (the replica `all` addresses every one): `inspect`, `drain`,
//! `quarantine`, `release`, `replay`, `verify`. Discovery and statistics follow the NATS services API (ADR-32), so that stock
//! tools show the group; its requests do not pass through here, which would cost a fifth of their rate.

mod discovery;

use std::sync::Arc;

use actix::prelude::*;
use bytes::Bytes;
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::agenda::{self, Agenda};
use crate::bus::{Headers, Message};
use crate::client::Client;
use crate::headers;
use crate::membership::{self, Membership};
use crate::partition::{self, Look};
use crate::reach::Set;
use crate::reaction::Ear;
use crate::replica::{Gauges, Shared};
use crate::request;
use crate::verify;
use crate::view::ViewsActor;

/// What an operator names an actor by.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    kind: String,
    id: String,
    /// The key of its address, when it differs from its id.
    key: Option<String>,
}

#[derive(Debug, Serialize)]
struct Inspected {
    group: &'static str,
    replica: String,
    set: Set,
    version: &'static str,
    ready: bool,
    draining: bool,
    skewed: bool,
    storage_low: bool,
    hosts: Vec<u32>,
    others: Vec<String>,
    agenda_items: usize,
    store_bytes: u64,
    partitions: Vec<Look>,
    counters: Value,
}

/// Where the actors are that an operator's question concerns.
#[derive(Clone)]
pub(crate) struct Ops {
    pub(crate) shared: Arc<Shared>,
    pub(crate) membership: Addr<Membership>,
    pub(crate) agenda: Addr<Agenda>,
    pub(crate) views: Addr<ViewsActor>,
    pub(crate) client: Client,
    pub(crate) drain: tokio::sync::mpsc::UnboundedSender<()>,
}

/// The actor that listens for operators.
pub(crate) struct OpsActor {
    ops: Ops,
    _watch: crate::supervisor::Watch,
}

impl OpsActor {
    pub(crate) fn new(ops: Ops, watch: crate::supervisor::Watch) -> OpsActor {
        OpsActor { ops, _watch: watch }
    }
}

impl Actor for OpsActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let (group, replica) = (self.ops.shared.name(), self.ops.shared.replica.clone());
        // `all` reaches every replica, `any` one of them.
        for (address, queue) in [(replica.as_str(), None), ("all", None), ("any", Some(group.to_owned()))] {
            let (ops, subject) = (self.ops.clone(), format!("shop.ops.{group}.{address}.*"));
            ctx.spawn(async move { ops.listen(subject, queue).await }.into_actor(self));
        }
        for subject in discovery::subjects(group, &replica) {
            let ops = self.ops.clone();
            ctx.spawn(async move { discovery::listen(&ops, subject).await }.into_actor(self));
        }
    }
}

impl Ops {
    async fn listen(&self, subject: String, queue: Option<String>) {
        loop {
            if let Ok(mut asked) = self.shared.bus.subscribe(subject.clone(), queue.clone()).await {
                while let Some(message) = asked.next().await {
                    self.answer(message).await;
                }
            }
            tokio::time::sleep(crate::reaction::PAUSE_MAX).await;
        }
    }

    async fn answer(&self, message: Message) {
        let verb = message.subject.rsplit('.').next().unwrap_or_default();
        let said = match verb {
            "inspect" => Ok(json!(self.inspect().await)),
            "drain" => {
                // A send fails only when the replica is already going.
                let _ = self.drain.send(());
                Ok(json!({ "draining": true }))
            }
            "quarantine" => self.set_aside(&message.payload, true).await,
            "release" => self.set_aside(&message.payload, false).await,
            "replay" => self.replay(&message.payload).await,
            "verify" => Ok(json!(verify::replica(&self.shared).await)),
            other => {
                Err(format!("no such verb: {other}; there are inspect, drain, quarantine, release, replay and verify"))
            }
        };
        let Some(reply) = message.reply else { return };
        let mut out = Headers::new();
        out.insert(headers::CONTENT_TYPE, headers::JSON);
        let body = said.unwrap_or_else(|reason| {
            out.insert(headers::SERVICE_ERROR, reason.as_str());
            out.insert(headers::SERVICE_ERROR_CODE, "400");
            json!({ "code": "bad_ops_request", "detail": reason })
        });
        request::send(self.shared.bus.clone(), reply.to_string(), out, Bytes::from(body.to_string()));
    }

    async fn inspect(&self) -> Option<Inspected> {
        let shared = &self.shared;
        let membered = self.membership.send(membership::Inspect).await.ok()?;
        let mut partitions = Vec::new();
        for partition in shared.all_partitions() {
            partitions.extend(partition.send(partition::Inspect).await.ok());
        }
        Some(Inspected {
            group: shared.name(),
            replica: shared.replica.clone(),
            set: shared.set,
            version: env!("CARGO_PKG_VERSION"),
            ready: Gauges::is(&shared.gauges.ready),
            draining: Gauges::is(&shared.gauges.draining),
            skewed: Gauges::is(&shared.gauges.skewed),
            storage_low: Gauges::is(&shared.gauges.storage_low),
            hosts: membered.hosts,
            others: membered.others,
            agenda_items: self.agenda.send(agenda::Count).await.unwrap_or(0),
            store_bytes: shared.store.size(),
            partitions,
            counters: shared.gauges.counters(),
        })
    }

    /// Tries a dead letter again and removes it when that worked.
    async fn replay(&self, payload: &[u8]) -> Result<Value, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Which {
            sequence: u64,
        }
        let which: Which = serde_json::from_slice(payload).map_err(|e| format!("name a letter's sequence: {e}"))?;
        let fabric = &self.shared.fabric;
        let letters = fabric.letters(format!("shop.dlq.{}.>", self.shared.name())).await.map_err(|e| e.to_string())?;
        let letter = letters.iter().find(|letter| letter.sequence == which.sequence);
        let letter = letter.ok_or_else(|| format!("there is no letter {} of this group", which.sequence))?;
        match Ear::replay(&self.shared, &self.client, &self.views, letter).await {
            Ok(()) => {
                fabric.discard(which.sequence).await.map_err(|e| e.to_string())?;
                Ok(json!({ "replayed": true }))
            }
            Err(reason) => Ok(json!({ "replayed": false, "reason": reason })),
        }
    }

    async fn set_aside(&self, payload: &[u8], aside: bool) -> Result<Value, String> {
        let named: Named = serde_json::from_slice(payload).map_err(|e| format!("name a kind and an id: {e}"))?;
        let key = named.key.as_deref().unwrap_or_else(|| named.id.split('/').next().unwrap_or(&named.id));
        let number = messages::partition::of(key, self.shared.group.contract.partitions);
        let partition = self.shared.partition(number).ok_or("the partition is being restarted")?;
        let asked = partition::Quarantine { kind: named.kind, id: named.id, aside };
        let changed = partition.send(asked).await.map_err(|_| "the partition is being restarted")?;
        Ok(json!({ "partition": number, "changed": changed }))
    }
}

impl Handler<crate::partition::Halt> for OpsActor {
    type Result = ();

    fn handle(&mut self, _: crate::partition::Halt, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

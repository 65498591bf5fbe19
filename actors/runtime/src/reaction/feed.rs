//! The feed: every committed event of the group on `shop.evt`, as a CloudEvent that anyone may read.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use bytes::Bytes;
use futures::future::try_join_all;
use messages::runtime::v1::Turn;
use tokio::time::Instant;

use super::{Event, Sieve, events, pause};
use crate::bus::Headers;
use crate::fabric::{Error, Heard};
use crate::fold;
use crate::headers;
use crate::log::Entry;
use crate::replica::{Gauges, Shared};

/// The hearer's name of the feed: its places are `evt-<partition>`.
pub(crate) const HEARER: &str = "evt";

/// In a rush the feed rests so many times as long as the last turn took it.
const REST: u32 = 3;
/// And at most so long.
const REST_MAX: Duration = Duration::from_millis(250);

/// The actor that feeds one partition's events.
pub(crate) struct Feed {
    shared: Arc<Shared>,
    partition: u32,
    _watch: crate::supervisor::Watch,
}

impl Feed {
    pub(crate) fn new(shared: Arc<Shared>, partition: u32, watch: crate::supervisor::Watch) -> Feed {
        Feed { shared, partition, _watch: watch }
    }
}

impl Actor for Feed {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let run = run(self.shared.clone(), self.partition);
        ctx.spawn(run.into_actor(self));
    }
}

async fn run(shared: Arc<Shared>, partition: u32) {
    let mut failures = 0;
    let mut sieve = Sieve::default();
    loop {
        match feed(&shared, partition, &mut sieve, &mut failures).await {
            Ok(never) => match never {},
            Err(failure) => {
                tracing::warn!(cause = %failure, partition, "the feed pauses");
                failures += 1;
                tokio::time::sleep(pause(failures)).await;
            }
        }
    }
}

async fn feed(
    shared: &Shared,
    partition: u32,
    sieve: &mut Sieve,
    failures: &mut u32,
) -> Result<std::convert::Infallible, Error> {
    let mut hearing = shared.fabric.hear(shared.group.contract, HEARER, partition).await?;
    loop {
        let Heard { entry, receipt, .. } = hearing.next().await?;
        // What cannot be read stops the partition itself, which says so; the feed passes by.
        let (began, before) = (Instant::now(), Gauges::get(&shared.gauges.commits));
        if let Ok(Some(turn)) = sieve.turn(&entry) {
            publish(shared, &entry, &turn).await?;
        }
        receipt.done().await?;
        *failures = 0;
        if Gauges::get(&shared.gauges.commits) > before {
            // Commands come faster than they are told of, and both need the same server: the shop goes first.
            tokio::time::sleep((began.elapsed() * REST).min(REST_MAX)).await;
        }
    }
}

#[tracing::instrument(name = "publish", level = "debug", skip_all, fields(group = shared.name(), sequence = entry.sequence))]
async fn publish(shared: &Shared, entry: &Entry, turn: &Turn) -> Result<(), Error> {
    let stored = events(turn).filter_map(|event| {
        let (subject, id, payload) = cloud_event(shared.name(), entry, turn, &event)?;
        let mut said = Headers::new();
        said.insert(headers::CONTENT_TYPE, "application/cloudevents+json");
        if !event.commit.correlation_id.is_empty() {
            said.insert(headers::CORRELATION, event.commit.correlation_id.as_str());
        }
        if !event.commit.traceparent.is_empty() {
            said.insert(headers::TRACEPARENT, event.commit.traceparent.as_str());
        }
        Some(shared.fabric.store(subject, id, said, payload))
    });
    try_join_all(stored).await.map(drop)
}

/// Subject, id and body of an event's public face; `None` for a type the contract no longer knows.
pub(crate) fn cloud_event(
    group: &str,
    entry: &Entry,
    turn: &Turn,
    event: &Event<'_>,
) -> Option<(String, String, Bytes)> {
    let contract = messages::EventType::named(&event.event.r#type)?;
    let entity = (contract.id)(&event.event.data).unwrap_or_else(|_| event.id.to_owned());
    let partition = entry.partition?;
    let id = format!("{group}-{partition}-{}-{}", entry.sequence, event.index);
    let mut data = Vec::new();
    (contract.to_public_json)(&event.event.data, &mut data).ok()?;
    let data: &serde_json::value::RawValue = serde_json::from_slice(&data).ok()?;
    let body = serde_json::json!({
        "specversion": "1.0",
        "id": id,
        "source": format!("/{group}"),
        "type": event.event.r#type,
        "subject": entity,
        "time": fold::time_of(turn).to_string(),
        "datacontenttype": "application/json",
        "entityversion": event.version,
        "position": format!("{group}/{partition}/{}", entry.sequence),
        "correlationid": event.commit.correlation_id,
        "traceparent": event.commit.traceparent,
    });
    let serde_json::Value::Object(mut body) = body else { return None };
    body.retain(|_, value| value.as_str() != Some(""));
    body.insert("data".to_owned(), serde_json::from_str(data.get()).ok()?);
    let token = messages::token::of(&entity).unwrap_or_else(|| headers::token(&entity));
    let subject = format!("shop.evt.{group}.{token}.{}", event.event.r#type);
    Some((subject, id, Bytes::from(serde_json::to_vec(&body).ok()?)))
}

impl Handler<crate::partition::Halt> for Feed {
    type Result = ();

    fn handle(&mut self, _: crate::partition::Halt, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

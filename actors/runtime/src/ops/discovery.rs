//! Discovery: `$SRV.PING`, `$SRV.INFO` and `$SRV.STATS` for the group, its name or this replica (ADR-32).

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures::StreamExt as _;
use serde_json::{Value, json};

use super::Ops;
use crate::bus::{Headers, Message};
use crate::replica::Shared;
use crate::request;

/// Where stock tools ask.
pub(super) fn subjects(group: &str, replica: &str) -> Vec<String> {
    let service = service_id(replica);
    let verbs = ["PING", "INFO", "STATS"];
    let all = verbs.iter().flat_map(|verb| {
        [format!("$SRV.{verb}"), format!("$SRV.{verb}.{group}"), format!("$SRV.{verb}.{group}.{service}")]
    });
    all.collect()
}

fn service_id(replica: &str) -> String {
    crate::headers::token(replica)
}

pub(super) async fn listen(ops: &Ops, subject: String) {
    loop {
        if let Ok(mut asked) = ops.shared.bus.subscribe(subject.clone(), None).await {
            while let Some(message) = asked.next().await {
                answer(ops, message);
            }
        }
        tokio::time::sleep(crate::reaction::PAUSE_MAX).await;
    }
}

fn answer(ops: &Ops, message: Message) {
    let shared = &ops.shared;
    let said = match message.subject.split('.').nth(1) {
        Some("PING") => identity(shared, "ping_response"),
        Some("INFO") => info(shared),
        Some("STATS") => stats(shared),
        _ => return,
    };
    let Some(reply) = message.reply else { return };
    request::send(shared.bus.clone(), reply.to_string(), Headers::new(), Bytes::from(said.to_string()));
}

fn identity(shared: &Shared, kind: &str) -> Value {
    json!({
        "type": format!("io.nats.micro.v1.{kind}"),
        "name": shared.name(),
        "id": service_id(&shared.replica),
        "version": env!("CARGO_PKG_VERSION"),
        "metadata": {
            "partitions": shared.group.contract.partitions.to_string(),
            "replica": shared.replica,
        },
    })
}

/// Where an endpoint is addressed by people.
fn subject(shared: &Shared, route: &messages::Route) -> String {
    match route.key {
        Some(_) => format!("shop.{}.*.{}", shared.name(), route.verb),
        None => format!("shop.query.{}.{}", shared.name(), route.verb),
    }
}

fn info(shared: &Shared) -> Value {
    let endpoint = |route: &&'static messages::Route| {
        json!({
            "name": route.verb,
            "subject": subject(shared, route),
            "queue_group": shared.name(),
            "metadata": {
                "rpc": route.name,
                "kind": format!("{:?}", route.kind).to_lowercase(),
                "request": route.request.name,
                "response": route.response.name,
                "scope": route.scope.unwrap_or_default(),
            },
        })
    };
    let mut said = identity(shared, "info_response");
    said["description"] = json!(format!("The {} group of the shop.", shared.name()));
    said["endpoints"] = shared.group.contract.routes.iter().map(endpoint).collect();
    said
}

fn stats(shared: &Shared) -> Value {
    let by_verb = |verb: &str| shared.group.contract.routes.iter().find(|route| route.verb == verb);
    let endpoints = shared.stats.each().filter_map(|(verb, stats)| {
        let route = by_verb(verb)?;
        let requests = stats.requests.load(Ordering::Relaxed);
        let nanos = stats.nanos.load(Ordering::Relaxed);
        Some(json!({
            "name": verb,
            "subject": subject(shared, route),
            "queue_group": shared.name(),
            "num_requests": requests,
            "num_errors": stats.errors.load(Ordering::Relaxed),
            "last_error": *stats.last_error.lock().unwrap_or_else(PoisonError::into_inner),
            "processing_time": nanos,
            "average_processing_time": nanos.checked_div(requests).unwrap_or(0),
        }))
    });
    let mut said = identity(shared, "stats_response");
    said["started"] = json!(shared.started.to_string());
    said["endpoints"] = endpoints.collect();
    said
}

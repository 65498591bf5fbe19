//! States: how the gateway sees the groups, for people and for metrics.
//!
//! `GET /health/groups` is open like the rest of health, so it names no replica. It is always 200: that a group is silent
//! is no reason to restart the gateway.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use serde_json::{Map, Value, json};

use crate::reach::room::Filled;
use crate::shared::Shared;

/// How often states are handed to metrics.
const SHOW_EVERY: Duration = Duration::from_secs(1);

/// `GET /health/groups`.
pub(crate) fn groups(shared: &Shared) -> HttpResponse {
    let mut groups = Map::new();
    for Filled { group, in_flight, waiting, .. } in shared.room.filled() {
        groups.insert(group.to_owned(), json!({ "in_flight": in_flight, "waiting": waiting, "sets": {} }));
    }
    for state in shared.reach.states() {
        let Some(group) = groups.get_mut(state.group) else { continue };
        group["sets"][state.set.name()] = json!({
            "circuit": state.circuit.name(),
            "replicas": state.replicas.known,
            "ejected": state.replicas.ejected,
        });
    }
    HttpResponse::Ok().json(json!({ "groups": Value::Object(groups) }))
}

/// Hands everything to metrics, now and then.
pub(crate) async fn show(shared: Arc<Shared>) {
    metrics::describe_gauge!("client_circuit_open", "1 while the circuit to a set of replicas is not closed.");
    metrics::describe_gauge!("client_replicas", "Replicas of a set that have answered lately or are ejected.");
    metrics::describe_gauge!(
        "client_replicas_ejected",
        "Replicas of a set that are left out because they were silent."
    );
    metrics::describe_gauge!("http_group_in_flight", "Requests to a group that are in flight.");
    metrics::describe_gauge!("http_group_waiting", "Requests to a group that wait for room.");
    metrics::describe_counter!("http_group_shed_total", "Requests to a group that found no room.");
    let mut often = tokio::time::interval(SHOW_EVERY);
    loop {
        often.tick().await;
        shared.reach.publish();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        for Filled { group, in_flight, waiting, shed } in shared.room.filled() {
            metrics::gauge!("http_group_in_flight", "group" => group).set(number(in_flight));
            metrics::gauge!("http_group_waiting", "group" => group).set(number(waiting));
            metrics::counter!("http_group_shed_total", "group" => group).absolute(number(shed).into());
        }
    }
}

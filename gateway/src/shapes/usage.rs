//! Usage: who still asks for what will end.
//!
//! Before a route or a version goes, somebody has to know whom to write to. Each gateway counts what it has seen since it
//! began, by client, version and rpc; Prometheus adds them up (`http_deprecated_requests_total`), staff read the list of
//! one gateway. Guests and those who show nothing are one client each: they are many, and nobody can write to them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::identity::Identity;

/// More clients than this are counted together: each is a series of its own.
const CLIENTS_MAX: usize = 1_000;
/// What clients beyond those are called.
const OTHERS: &str = "others";

/// Who has asked for what, and how often.
#[derive(Debug, Default)]
pub(crate) struct Usage(Mutex<BTreeMap<String, Asked>>);

/// What one client has asked for, by version and rpc.
type Asked = BTreeMap<(String, &'static str), Times>;

#[derive(Debug)]
struct Times {
    count: u64,
    first: Timestamp,
    last: Timestamp,
}

impl Usage {
    /// Notes that a client has asked for what is deprecated.
    pub(crate) fn note(&self, identity: &Identity, prefix: &str, rpc: &'static str, now: Timestamp) {
        let client = match identity.caller.role.as_str() {
            role @ ("anonymous" | "guest") => role,
            _ => identity.name.as_str(),
        };
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let client = if clients.len() < CLIENTS_MAX || clients.contains_key(client) { client } else { OTHERS };
        let asked = clients.entry(client.to_owned()).or_default();
        let times = asked.entry((prefix.to_owned(), rpc)).or_insert(Times { count: 0, first: now, last: now });
        times.count += 1;
        times.last = now;
        drop(clients);
        let labels = [("client", client.to_owned()), ("version", prefix.to_owned()), ("rpc", rpc.to_owned())];
        metrics::counter!("http_deprecated_requests_total", &labels).increment(1);
    }

    /// The list, for staff.
    pub(crate) fn list(&self) -> Value {
        let clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = clients.iter().flat_map(|(client, asked)| {
            asked.iter().map(move |((version, rpc), times)| {
                let Times { count, first, last } = times;
                json!({
                    "client": client, "version": version, "rpc": rpc, "count": count,
                    "first_seen_at": first.to_string(), "last_seen_at": last.to_string(),
                })
            })
        });
        json!({"data": rows.collect::<Vec<_>>()})
    }
}

#[cfg(test)]
mod tests {
    use runtime::headers::Caller;

    use super::*;
    use crate::rates::Tier;

    #[test]
    fn clients_beyond_the_most_are_counted_together() {
        let usage = Usage::default();
        let now = Timestamp::from_second(1).expect("a time");
        for number in 0..CLIENTS_MAX + 5 {
            let caller = Caller::known("customer", None, Vec::new());
            usage.note(&Identity::new(caller, format!("c{number}"), Tier::Public), "/api/v1", "product.get", now);
        }
        let list = usage.list();
        let rows = list["data"].as_array().expect("rows");
        let others = rows.iter().find(|row| row["client"] == OTHERS).expect("others");
        assert_eq!((rows.len(), others["count"].as_u64()), (CLIENTS_MAX + 1, Some(5)));
    }
}

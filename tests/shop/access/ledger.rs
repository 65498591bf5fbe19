//! What requests have written, as all logs say.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use messages::runtime::v1::Turn;
use prost::Message as _;
use runtime::fabric::Fabric as _;
use runtime::nats;

use crate::house::Up;

/// What was written by requests whose name begins so: the commands that changed something, by the request's name.
pub(super) async fn changed_by(up: &Up, name: &str) -> BTreeMap<String, Vec<String>> {
    let mut changed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for group in messages::GROUPS {
        // Each log is read as its owner.
        let key = std::fs::read_to_string(up.data().join("keys").join(format!("{}.nk", group.name)));
        let seed = nats::Seed::new(key.expect("a key").trim());
        let options =
            nats::Options { seed: Some(seed), ..nats::Options::new(vec![up.nats_url()], group.name, "matrix") };
        let fabric = nats::Fabric::connect(options).await.expect("a connection");
        let log = fabric.log(group).await.expect("a log");
        let end = log.extent().await.expect("an extent").last_sequence;
        let (mut tail, mut at) = (log.tail(0), 0);
        while at < end {
            let entry = tail.next().await.expect("more of the log").expect("an entry");
            at = entry.sequence;
            let turn = Turn::decode(entry.payload).expect("a turn");
            for commit in turn.commits {
                if commit.correlation_id.starts_with(name) && !commit.records.is_empty() {
                    changed.entry(commit.correlation_id).or_default().push(commit.rpc);
                }
            }
        }
    }
    changed
}

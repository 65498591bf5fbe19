//! The checks a group makes before it starts: that the server keeps what it acknowledges, and that names lead where the
//! contract says.
//!
//! By default nats-server acknowledges before the disk has it, and syncs every two minutes: a power cut takes back what
//! was promised. A mapping that is absent, or counts other partitions, sends people's requests astray. Both are silent.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use messages::Group;
use tokio::time::timeout;

use super::link::Link;
use super::monitor::{self, Varz};
use crate::fabric::Error;

/// How long a probe may be under way.
const PROBE_WITHIN: Duration = Duration::from_secs(2);
/// How many keys are tried. With 8 partitions a wrong count of them passes once in 8^16 tries.
const PROBES: u32 = 16;
/// The verb of a probe. No rpc has a verb with a capital letter.
const VERB: &str = "Probe";

/// Refuses unless every server syncs each write before it acknowledges it.
///
/// `monitors` are the monitoring addresses of all servers, `http://host:8222`. In a cluster every member must be among
/// them: one that nobody asked about is as bad as one that does not sync.
///
/// # Errors
/// `Failed` when a server cannot be asked, `Mismatch` when one does not sync or was not named.
pub async fn check_durability(monitors: &[String]) -> Result<(), Error> {
    if monitors.is_empty() {
        return Err(not_durable("no monitoring address is configured, so nobody can tell".to_owned()));
    }
    let mut servers = BTreeMap::new();
    for url in monitors {
        let varz = monitor::varz(url).await?;
        judge(url, &varz)?;
        servers.insert(varz.server_id.clone(), varz);
    }
    let size = servers.values().filter_map(|varz| varz.jetstream.meta.as_ref()).map(|meta| meta.cluster_size).max();
    match size {
        Some(size) if size > servers.len() => Err(not_durable(format!(
            "the cluster has {size} servers, but the monitoring addresses lead to {}",
            servers.len()
        ))),
        _ => Ok(()),
    }
}

fn judge(url: &str, varz: &Varz) -> Result<(), Error> {
    match &varz.jetstream.config {
        Some(config) if config.sync_always => Ok(()),
        Some(_) => Err(not_durable(format!(
            "{} at {url} acknowledges before it syncs; set `jetstream {{ sync_interval: always }}`",
            varz.server_name
        ))),
        None => Err(not_durable(format!("{} at {url} runs without JetStream", varz.server_name))),
    }
}

fn not_durable(reason: String) -> Error {
    Error::Mismatch { what: "the durability of nats".to_owned(), reason }
}

impl Link {
    /// Refuses unless `shop.<group>.<key>.<verb>` arrives at the partition that the contract computes for the key.
    pub(super) async fn check_mapping(&self, group: &Group) -> Result<(), Error> {
        // Other replicas may check at the same time: only our own keys count.
        let unique = self.client.new_inbox().replace(['.', '_'], "-");
        let failed =
            |reason: String| Error::Failed { operation: format!("probe the mapping of {}", group.name), reason };
        for probe in 0..PROBES {
            let key = format!("{unique}-{probe}");
            let heard_on = format!("shop.cmd.{}.*.{key}.{VERB}", group.name);
            let mut heard = self.client.subscribe(heard_on).await.map_err(|e| failed(e.to_string()))?;
            let asked = self.client.request(format!("shop.{}.{key}.{VERB}", group.name), bytes::Bytes::new());
            // The answer is not waited for; but a server that knows nobody there says so at once.
            let arrived = tokio::select! {
                biased;
                message = heard.next() => message,
                _ = timeout(PROBE_WITHIN, asked) => None,
            };
            let want =
                format!("shop.cmd.{}.{}.{key}.{VERB}", group.name, messages::partition::of(&key, group.partitions));
            match arrived {
                Some(message) if *message.subject == *want => {}
                Some(message) => {
                    return Err(self.unmapped(group, &format!("a probe arrived at {}, not at {want}", message.subject)));
                }
                None => return Err(self.unmapped(group, "a probe arrived nowhere")),
            }
        }
        Ok(())
    }

    fn unmapped(&self, group: &Group, what: &str) -> Error {
        let rule = crate::permissions::mapping(group);
        let refusal = self.counters().last_refusal.map(|words| format!("; the server said: {words}"));
        Error::Mismatch {
            what: format!("the mapping of shop.{}.*.*", group.name),
            reason: format!("{what}; the account needs `{rule}`{}", refusal.unwrap_or_default()),
        }
    }
}

//! Following: reads the logs of the groups whose answers are kept, and says how far they are seen.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use runtime::fabric::SharedFabric;
use tokio::time::Instant;

use super::Followed;

/// How often the server is asked how far a log is: well below the time for which an answer counts.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long to wait before a log that cannot be followed is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Follows the logs of all these groups without end.
pub(crate) async fn follow(fabric: SharedFabric, groups: &[Arc<Followed>]) {
    futures::future::join_all(groups.iter().map(|group| follow_one(&fabric, group))).await;
}

async fn follow_one(fabric: &SharedFabric, group: &Followed) {
    loop {
        let Err(cause) = read(fabric, group).await;
        group.unsure();
        // A group that has never run has no log, and what nobody sells nobody needs to cache.
        tracing::debug!(group = group.name(), cause, "answers are not cached: the log cannot be followed");
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

async fn read(fabric: &SharedFabric, group: &Followed) -> Result<std::convert::Infallible, String> {
    let contract = group.contract();
    let log = fabric.log(contract).await.map_err(|failure| failure.to_string())?;
    let mut read_to = log.extent().await.map_err(|failure| failure.to_string())?.last_sequence;
    let mut tail = log.tail(read_to);
    for partition in 0..contract.partitions {
        let last = log.last_of(partition).await.map_err(|failure| failure.to_string())?;
        group.lost_sight(partition, last);
    }
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // The end of the log, and when it was asked for.
    let mut end = (u64::MAX, Instant::now());
    loop {
        tokio::select! {
            entry = tail.next() => {
                let entry = entry.ok_or("its tail ended")?.map_err(|failure| failure.to_string())?;
                group.saw(&entry);
                read_to = read_to.max(entry.sequence);
            }
            _ = looks.tick() => {
                let asked = Instant::now();
                end = (log.extent().await.map_err(|failure| failure.to_string())?.last_sequence, asked);
            }
        }
        if read_to >= end.0 {
            group.sure(end.1);
        }
    }
}

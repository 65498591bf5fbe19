//! The tail: reads the whole log of the group, in order and without end, and deals it out to the partitions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::watch;

use crate::log::Entry;
use crate::partition::Fold;
use crate::replica::Shared;
use crate::view::{Barrier, ViewsActor};

/// How many messages are dealt out at once: enough to make a replay fast, few enough to keep others waiting briefly.
const DEAL_MAX: usize = 512;
/// How long to wait before a broken tail is read again.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// The actor.
pub(crate) struct Tail {
    shared: Arc<Shared>,
    views: Addr<ViewsActor>,
    from: u64,
    reached: watch::Sender<u64>,
    _watch: crate::supervisor::Watch,
}

impl Tail {
    /// A tail that begins after a sequence. `reached` is told how far it has dealt.
    pub(crate) fn new(
        shared: Arc<Shared>,
        views: Addr<ViewsActor>,
        from: u64,
        reached: watch::Sender<u64>,
        watch: crate::supervisor::Watch,
    ) -> Tail {
        Tail { shared, views, from, reached, _watch: watch }
    }
}

impl Actor for Tail {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let run = read(self.shared.clone(), self.views.clone(), self.from, self.reached.clone());
        ctx.spawn(run.into_actor(self).map(|(), _, ctx| ctx.stop()));
    }
}

async fn read(shared: Arc<Shared>, views: Addr<ViewsActor>, mut after: u64, reached: watch::Sender<u64>) {
    loop {
        let mut tail = shared.log.tail(after);
        while let Some(first) = tail.next().await {
            let mut dealt: BTreeMap<u32, Vec<Entry>> = BTreeMap::new();
            let mut next = Some(first);
            let mut count = 0;
            let mut broken = false;
            while let Some(entry) = next.take() {
                match entry {
                    Ok(entry) => {
                        after = after.max(entry.sequence);
                        if let Some(partition) = entry.partition {
                            dealt.entry(partition).or_default().push(entry);
                        }
                    }
                    Err(failure) => {
                        tracing::warn!(cause = %failure, "the tail broke; reading on from {after}");
                        broken = true;
                        break;
                    }
                }
                count += 1;
                if count < DEAL_MAX {
                    next = tail.next().now_or_never().flatten();
                }
            }
            for (number, entries) in dealt {
                let Some(partition) = shared.partition(number) else { continue };
                // A partition that died is made anew and reads what it lacks from the log by itself.
                let _ = partition.send(Fold(entries)).await;
            }
            if views.send(Barrier).await.is_err() {
                return;
            }
            reached.send_replace(after);
            if broken {
                break;
            }
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

impl Handler<crate::partition::Halt> for Tail {
    type Result = ();

    fn handle(&mut self, _: crate::partition::Halt, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

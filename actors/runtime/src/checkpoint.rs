//! The checkpoint: every so often, what changed goes to the store in one batch, with the cursors it belongs to.
//!
//! Partitions are asked first and the views after them. A partition tells the views of a turn before it could be asked
//! for its rows, so in every batch the views are at least as far as the partitions, and a restart folds forward.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::time::Instant;

use crate::partition;
use crate::replica::{Gauges, Shared};
use crate::store::Batch;
use crate::view::{self, ViewsActor};

/// How long between two checkpoints. What is not in one is folded again from the log after a crash: at 20,000 events a
/// second, a second's worth takes some 100 ms.
pub(crate) const EVERY: Duration = Duration::from_secs(1);
/// A checkpoint rests so many times as long as the last one took, so that it takes a tenth of the time at most: what can
/// be made anew from the log does not hold up what must be in it. A rush is paid for when it is over.
const REST: u32 = 9;
/// And at most so many times as long as usual: what changed since waits in memory.
const EVERY_TIMES_MAX: u32 = 10;

/// The actor.
pub(crate) struct Checkpoint {
    shared: Arc<Shared>,
    views: Addr<ViewsActor>,
    _watch: crate::supervisor::Watch,
}

impl Checkpoint {
    pub(crate) fn new(shared: Arc<Shared>, views: Addr<ViewsActor>, watch: crate::supervisor::Watch) -> Checkpoint {
        Checkpoint { shared, views, _watch: watch }
    }
}

impl Actor for Checkpoint {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.next(self.shared.checkpoint_every, ctx);
    }
}

impl Checkpoint {
    fn next(&self, after: Duration, ctx: &mut Context<Self>) {
        ctx.run_later(after, |checkpoint, ctx| {
            let began = Instant::now();
            let run = write(checkpoint.shared.clone(), checkpoint.views.clone());
            ctx.spawn(run.into_actor(checkpoint).map(move |wrote, checkpoint, ctx| {
                if !wrote {
                    return ctx.stop();
                }
                let every = checkpoint.shared.checkpoint_every;
                checkpoint.next((began.elapsed() * REST).clamp(every, every * EVERY_TIMES_MAX), ctx);
            }));
        });
    }
}

/// Writes one checkpoint now. Says whether the store took it.
#[tracing::instrument(name = "checkpoint", level = "debug", skip_all, fields(group = shared.name()))]
pub(crate) async fn write(shared: Arc<Shared>, views: Addr<ViewsActor>) -> bool {
    let partitions = shared.all_partitions();
    let dealt = *shared.dealt.borrow();
    let mut batch = Batch::default();
    for partition in &partitions {
        match partition.send(partition::TakeRows { dealt }).await {
            Ok(rows) => batch.rows.extend(rows.rows),
            // It died; its successor starts from the last checkpoint, and this one is still whole for the others.
            Err(_) => tracing::debug!("a partition gave no rows"),
        }
    }
    match views.send(view::TakeRows).await {
        Ok(rows) => batch.rows.extend(rows.rows),
        // Views behind their partitions would never be fed what they lack.
        Err(_) => return false,
    }
    let (store, rows) = (shared.store.clone(), batch.rows.len());
    let applied = match store.blocks() {
        true => tokio::task::spawn_blocking(move || store.apply(batch)).await,
        false => Ok(store.apply(batch)),
    };
    match applied {
        Ok(Ok(())) => {
            Gauges::add(&shared.gauges.checkpoints, 1);
            tracing::trace!(rows, "checkpoint");
            partitions.iter().for_each(|partition| partition.do_send(partition::RowsWritten));
            views.do_send(view::Written);
            true
        }
        Ok(Err(failure)) => {
            tracing::error!(cause = %failure, "a checkpoint could not be written");
            false
        }
        Err(_) => false,
    }
}

impl Handler<partition::Halt> for Checkpoint {
    type Result = ();

    fn handle(&mut self, _: partition::Halt, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

//! Vitals: looks every few seconds at what can go wrong around a replica without anyone asking: the clock, the account.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::prelude::*;

use crate::clock::SKEW_MAX;
use crate::replica::{Gauges, Shared};

/// How often.
const EVERY: Duration = Duration::from_secs(5);
/// From how full an account on nothing new may begin, in per cent.
pub(crate) const STORAGE_LOW_PERCENT: u64 = 80;

/// The actor.
pub(crate) struct Vitals {
    shared: Arc<Shared>,
    _watch: crate::supervisor::Watch,
}

impl Vitals {
    pub(crate) fn new(shared: Arc<Shared>, watch: crate::supervisor::Watch) -> Vitals {
        Vitals { shared, _watch: watch }
    }
}

impl Actor for Vitals {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let shared = self.shared.clone();
        let looking = async move {
            loop {
                look(&shared).await;
                tokio::time::sleep(EVERY).await;
            }
        };
        ctx.spawn(looking.into_actor(self));
    }
}

/// Looks once. A server that does not answer changes nothing: its silence says nothing about the clock.
pub(crate) async fn look(shared: &Shared) {
    let asked = shared.clock.now();
    if let Ok(extent) = shared.log.extent().await {
        let answered = shared.clock.now();
        // The server read its clock somewhere between; only what lies outside is skew for certain.
        let behind = extent.server_time.duration_since(answered);
        let ahead = asked.duration_since(extent.server_time);
        let skewed = behind > SKEW_MAX || ahead > SKEW_MAX;
        if skewed != Gauges::is(&shared.gauges.skewed) {
            tracing::error!(skewed, ?behind, ?ahead, "this replica's clock and the server's");
        }
        shared.gauges.skewed.store(skewed, Ordering::Relaxed);
    }
    if let Ok(percent) = shared.fabric.storage_used_percent().await {
        let low = percent >= STORAGE_LOW_PERCENT;
        if low != Gauges::is(&shared.gauges.storage_low) {
            tracing::error!(percent, low, "the account's storage");
        }
        shared.gauges.storage_low.store(low, Ordering::Relaxed);
    }
}

impl Handler<crate::partition::Halt> for Vitals {
    type Result = ();

    fn handle(&mut self, _: crate::partition::Halt, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

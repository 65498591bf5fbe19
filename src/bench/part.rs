//! The parts of a benchmark that run in a process of their own, so that each side has its own, and memory is its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use futures::StreamExt as _;
use runtime::fabric::Fabric as _;
use runtime::replica::{self, Options};
use runtime::sled::SledStore;
use runtime::store::{Batch, Error, Row, SharedStore, Store, Table};
use runtime::{nats, verify};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use yardstick::minimal::{self, Minimal};

use super::machine;
use crate::out;

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, clap::Subcommand)]
enum Part {
    /// The minimal gateway.
    Minimal {
        #[arg(long)]
        workers: usize,
    },
    /// Who answers everything with the same bytes.
    Responder {
        #[arg(long)]
        subject: String,
        /// Headers, as `name=value`.
        #[arg(long)]
        said: Vec<String>,
        /// A file with the bytes.
        #[arg(long)]
        answer: PathBuf,
    },
    /// A replica of inventory that begins with nothing.
    Replica {
        #[arg(long)]
        pass: Pass,
        #[arg(long)]
        store: PathBuf,
    },
}

/// How much of a replay is done, to tell what costs how much.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Pass {
    /// The log is read.
    Read,
    /// It is checked, decoded and folded too, in memory, without read models.
    Fold,
    /// A replica starts and checkpoints.
    Whole,
}

/// What a pass says of itself. Times are in milliseconds since it began.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Replayed {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) events: u64,
    /// When the log was at its end.
    pub(crate) caught_up: u64,
    /// When the store had everything.
    pub(crate) checkpointed: u64,
    /// When that was on the disk.
    pub(crate) flushed: u64,
    /// Of that, what the store took for its batches.
    pub(crate) applying: u64,
    pub(crate) rows: u64,
    pub(crate) batches: u64,
    /// The most memory it had, in KiB.
    pub(crate) memory: u64,
    pub(crate) disk: u64,
}

/// Runs one.
pub(crate) async fn run(urls: Vec<String>, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let nats = urls.join(",");
    match arguments.part {
        Part::Minimal { workers } => {
            let minimal = Minimal::bind(SocketAddr::from(([127, 0, 0, 1], 0)), &nats, workers)?;
            out::say(&format!("minimal gateway on http://{}", minimal.address()?));
            out::say("ready");
            minimal.run().await?;
        }
        Part::Responder { subject, said, answer } => {
            let said = said.iter().filter_map(|header| header.split_once('='));
            let said: Vec<_> = said.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let answer = Bytes::from(std::fs::read(&answer)?);
            out::say("ready");
            minimal::respond(&nats, &subject, &said, answer).await?;
        }
        Part::Replica { pass, store } => {
            out::say("ready");
            let mut replayed = match pass {
                Pass::Read => read(urls).await?,
                Pass::Fold => fold(urls).await?,
                Pass::Whole => whole(urls, &store).await?,
            };
            (_, replayed.memory) = machine::memory(std::process::id());
            out::say(&format!("replayed {}", serde_json::to_string(&replayed)?));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn connect(urls: Vec<String>) -> anyhow::Result<Arc<nats::Fabric>> {
    Ok(nats::Fabric::connect(nats::Options::new(urls, "inventory", "bench")).await?)
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

async fn read(urls: Vec<String>) -> anyhow::Result<Replayed> {
    let fabric = connect(urls).await?;
    let began = Instant::now();
    let log = fabric.log(inventory::group().contract()).await?;
    let end = log.extent().await?.last_sequence;
    let (mut tail, mut reached, mut read) = (log.tail(0), 0, Replayed::default());
    while reached < end {
        let entry = tail.next().await.context("the log ended early")??;
        reached = entry.sequence;
        read.messages += 1;
        read.bytes += u64::try_from(entry.payload.len())?;
    }
    Ok(Replayed { caught_up: millis(began), ..read })
}

async fn fold(urls: Vec<String>) -> anyhow::Result<Replayed> {
    let fabric = connect(urls).await?;
    let group = inventory::group();
    let began = Instant::now();
    let log = fabric.log(group.contract()).await?;
    let report = verify::walk(&group, &log, None).await;
    anyhow::ensure!(report.is_clean(), "{:?}", report.faults);
    let (messages, events) = (report.messages, report.events);
    Ok(Replayed { caught_up: millis(began), messages, events, ..Replayed::default() })
}

async fn whole(urls: Vec<String>, dir: &Path) -> anyhow::Result<Replayed> {
    let fabric = connect(urls).await?;
    let began = Instant::now();
    let (store, _) = SledStore::open(dir)?;
    let (checkpoints, mut checkpointed) = watch::channel(0);
    let watched = Arc::new(Watched { store, checkpoints, applying: AtomicU64::new(0), rows: AtomicU64::new(0) });
    let store: SharedStore = watched.clone();
    let replica = replica::start(inventory::group(), fabric, store.clone(), Options::named("bench")).await?;
    let caught_up = millis(began);
    let before = *checkpointed.borrow_and_update();
    checkpointed.wait_for(|batches| *batches > before).await?;
    let at = millis(began);
    tokio::task::spawn_blocking(move || store.flush()).await??;
    let replayed = Replayed {
        caught_up,
        checkpointed: at,
        flushed: millis(began),
        applying: watched.applying.load(Ordering::Relaxed) / 1000,
        rows: watched.rows.load(Ordering::Relaxed),
        batches: *checkpointed.borrow(),
        disk: watched.size(),
        ..Replayed::default()
    };
    replica.stop().await;
    Ok(replayed)
}

/// A store that tells how it is used.
struct Watched {
    store: SledStore,
    /// How many checkpoints it has taken.
    checkpoints: watch::Sender<u64>,
    /// In microseconds.
    applying: AtomicU64,
    rows: AtomicU64,
}

impl Store for Watched {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.store.get(table, key)
    }

    fn scan(&self, table: Table, from: &[u8], until: &[u8], backwards: bool, limit: usize) -> Result<Vec<Row>, Error> {
        self.store.scan(table, from, until, backwards, limit)
    }

    fn apply(&self, batch: Batch) -> Result<(), Error> {
        let is_checkpoint = batch.rows.iter().any(|(table, _, _)| *table == Table::Cursor);
        let (rows, began) = (batch.rows.len(), Instant::now());
        self.store.apply(batch)?;
        let took: Duration = began.elapsed();
        self.applying.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.rows.fetch_add(u64::try_from(rows).unwrap_or(u64::MAX), Ordering::Relaxed);
        if is_checkpoint {
            self.checkpoints.send_modify(|taken| *taken += 1);
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), Error> {
        self.store.flush()
    }

    fn wipe(&self) -> Result<(), Error> {
        self.store.wipe()
    }

    fn size(&self) -> u64 {
        self.store.size()
    }
}

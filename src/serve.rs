//! `mercat serve`: some groups, or the gateway, as one process among many.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use runtime::reach::Set;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::health::StopSignals;
use crate::host::{self, Ending, Hosted};
use crate::testbank::TestBank;
use crate::{groups, health, out};

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Names of groups, `gateway`, and `bank` (the test bank).
    #[arg(required = true)]
    names: Vec<String>,
    /// Where the gateway listens, instead of 127.0.0.1:8080.
    #[arg(long)]
    listen: Option<std::net::SocketAddr>,
    /// These replicas are canaries: they answer whom the gateway sends them, and write nothing that the others cannot
    /// read.
    #[arg(long)]
    canary: bool,
}

/// What this process runs.
struct Served {
    hosted: Vec<Hosted>,
    ending: mpsc::UnboundedReceiver<Ending>,
    door: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    bank: Option<TestBank>,
}

/// Runs them until told to stop, or until one of them fails.
pub(crate) async fn run(config: Config, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let mut signals = StopSignals::listen()?;
    // In this order: who is told to stop while starting stops there.
    let mut served = tokio::select! {
        biased;
        signal = signals.come() => {
            tracing::info!(signal, "stopping before everything was ready");
            return Ok(ExitCode::SUCCESS);
        }
        served = Served::start(config, arguments) => served?,
    };
    let code = tokio::select! {
        signal = signals.come() => {
            tracing::info!(signal, "stopping");
            ExitCode::SUCCESS
        }
        Some(ending) = served.ending.recv() => match ending {
            Ending::Drained(group) => {
                tracing::info!(group, "was asked to drain: stopping");
                ExitCode::SUCCESS
            }
            Ending::Failed(reason) => {
                out::complain(&format!("mercat: {reason}"));
                ExitCode::from(health::SICK)
            }
        },
    };
    served.stop().await;
    Ok(code)
}

impl Served {
    async fn start(mut config: Config, arguments: Arguments) -> anyhow::Result<Served> {
        anyhow::ensure!(!config.nats.urls.is_empty(), "say where NATS is: --nats nats://host:4222, or NATS_URL");
        if let Some(listen) = arguments.listen {
            config.gateway.listen = listen;
        }
        let is_named = |role: &str| arguments.names.iter().any(|name| name == role);
        let is_group = |name: &&String| !matches!(name.as_str(), "gateway" | "bank");
        let names: Vec<String> = arguments.names.iter().filter(is_group).cloned().collect();
        let entries = groups::named(&names)?;
        anyhow::ensure!(!arguments.canary || !entries.is_empty(), "only groups have canaries: name one");
        let registry = gateway::metrics::install().context("could not start metrics")?;
        if !entries.is_empty() && !config.nats.allow_unsynced {
            runtime::nats::check_durability(&config.nats.monitors).await.context(
                "NATS would acknowledge what a power cut takes back; name its monitoring addresses in nats.monitors and \
                 see `mercat doctor`",
            )?;
        }
        let (endings, ending) = mpsc::unbounded_channel();
        let mut hosted: Vec<Hosted> = Vec::new();
        for entry in entries {
            let set = if arguments.canary { Set::Canary } else { Set::Stable };
            hosted.push(host::host_as(set, &config, entry, endings.clone()).await?);
            tracing::info!(group = entry.0, replica = config.replica, "the group is ready");
        }
        let door = if is_named("gateway") {
            let door = health::open_door(&config)?;
            out::say(&format!("gateway on {}://{}", config.scheme(), door.address()));
            Some(health::run_door(door))
        } else {
            None
        };
        let bank = if is_named("bank") {
            let gateway = config.gateway.listen;
            let bank = TestBank::open(&config, (gateway.port() != 0).then_some(gateway))?;
            out::say(&format!("test bank on http://{}", bank.address));
            Some(bank)
        } else {
            None
        };
        let healths: Vec<_> = hosted.iter().map(|hosted| hosted.health.clone()).collect();
        health::serve_ports(&config, &healths)?;
        health::serve_metrics(&config, registry, healths);
        out::say(&format!("ready: {}", arguments.names.join(", ")));
        Ok(Served { hosted, ending, door, bank })
    }

    async fn stop(self) {
        if let Some((stop, door)) = self.door {
            // A door that is already closed cannot be told to close.
            let _ = stop.send(());
            let _ = tokio::time::timeout(Duration::from_secs(15), door).await;
        }
        futures::future::join_all(self.hosted.into_iter().map(Hosted::stop)).await;
        if let Some(bank) = self.bank {
            bank.close().await;
        }
    }
}

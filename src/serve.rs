//! `mercat serve`: some groups, or the gateway, as one process among many.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc;

use crate::config::Config;
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
}

/// Runs them until told to stop, or until one of them fails.
pub(crate) async fn run(mut config: Config, arguments: Arguments) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(!config.nats.urls.is_empty(), "say where NATS is: --nats nats://host:4222, or NATS_URL");
    if let Some(listen) = arguments.listen {
        config.gateway.listen = listen;
    }
    let is_group = |name: &&String| !matches!(name.as_str(), "gateway" | "bank");
    let names: Vec<String> = arguments.names.iter().filter(is_group).cloned().collect();
    let entries = groups::named(&names)?;
    let registry = gateway::metrics::install().context("could not start metrics")?;
    if !entries.is_empty() && !config.nats.allow_unsynced {
        runtime::nats::check_durability(&config.nats.monitors).await.context(
            "NATS would acknowledge what a power cut takes back; name its monitoring addresses in nats.monitors and see \
             `mercat doctor`",
        )?;
    }
    let (endings, mut ending) = mpsc::unbounded_channel();
    let mut hosted: Vec<Hosted> = Vec::new();
    for entry in entries {
        hosted.push(host::host(&config, entry, endings.clone()).await?);
        tracing::info!(group = entry.0, replica = config.replica, "the group is ready");
    }
    let door = match arguments.names.iter().any(|name| name == "gateway") {
        true => {
            let door = health::open_door(&config)?;
            out::say(&format!("gateway on http://{}", door.address()));
            Some(health::run_door(door))
        }
        false => None,
    };
    let bank = match arguments.names.iter().any(|name| name == "bank") {
        true => {
            let gateway = config.gateway.listen;
            let bank = TestBank::open(&config, (gateway.port() != 0).then_some(gateway))?;
            out::say(&format!("test bank on http://{}", bank.address));
            Some(bank)
        }
        false => None,
    };
    let healths: Vec<_> = hosted.iter().map(|hosted| hosted.health.clone()).collect();
    health::serve_ports(&config, &healths)?;
    health::serve_metrics(&config, registry, healths);
    out::say(&format!("ready: {}", arguments.names.join(", ")));
    let code = tokio::select! {
        signal = health::stop_signal() => {
            tracing::info!(signal, "stopping");
            ExitCode::SUCCESS
        }
        Some(ending) = ending.recv() => match ending {
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
    if let Some((stop, door)) = door {
        // A door that is already closed cannot be told to close.
        let _ = stop.send(());
        let _ = tokio::time::timeout(Duration::from_secs(15), door).await;
    }
    futures::future::join_all(hosted.into_iter().map(Hosted::stop)).await;
    if let Some(bank) = bank {
        bank.close().await;
    }
    Ok(code)
}

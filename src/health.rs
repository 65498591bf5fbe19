//! What a process shows of itself, how its door is opened, and what tells it to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::FutureExt as _;
use gateway::Gateway;
use metrics_exporter_prometheus::PrometheusHandle;
use runtime::bus::Bus;
use runtime::fabric::{Fabric as _, SharedFabric};
use runtime::replica::Health;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::host;

/// The exit code of a process whose group gave up: whoever started it should start it again.
pub(crate) const SICK: u8 = 70;
/// How often counters are handed to metrics.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// Takes the gateway's address.
pub(crate) fn open_door(config: &Config) -> anyhow::Result<Gateway> {
    let config = config.clone();
    let settings = config.gateway.clone();
    let following = config.clone();
    let connect: gateway::Connect = Arc::new(move || {
        let config = config.clone();
        async move {
            let fabric = host::connect(&config, "gateway").await;
            let fabric = fabric.map_err(|error| std::io::Error::other(format!("{error:#}")))?;
            let bus: Arc<dyn Bus> = fabric.bus();
            Ok(bus)
        }
        .boxed()
    });
    let reach: gateway::Reach = Arc::new(move || {
        let config = following.clone();
        async move {
            let fabric = host::connect(&config, "gateway").await;
            let fabric: SharedFabric = fabric.map_err(|error| std::io::Error::other(format!("{error:#}")))?;
            Ok(fabric)
        }
        .boxed()
    });
    Ok(Gateway::bind(settings, connect).context("could not open the gateway")?.reaching(reach).showing(&bff::SCREENS))
}

/// Runs the gateway until told to stop.
pub(crate) fn run_door(door: Gateway) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = oneshot::channel::<()>();
    let running = actix_rt::spawn(async move {
        let ended = door
            .run(async {
                // Dropped or told: both mean stop.
                let _ = stopped.await;
            })
            .await;
        if let Err(error) = ended {
            tracing::error!(cause = %error, "the gateway ended");
        }
    });
    (stop, running)
}

/// Shows metrics on the port the configuration names, if any.
pub(crate) fn serve_metrics(config: &Config, registry: PrometheusHandle, healths: Vec<Health>) {
    actix_rt::spawn(async move {
        let mut often = tokio::time::interval(PUBLISH_EVERY);
        loop {
            often.tick().await;
            healths.iter().for_each(Health::publish);
        }
    });
    if config.metrics.is_empty() {
        return;
    }
    let listen = config.metrics.clone();
    actix_rt::spawn(async move {
        let served = match listen.parse::<SocketAddr>() {
            Ok(listen) => gateway::metrics::serve(listen, registry, std::future::pending()).await,
            Err(error) => Err(std::io::Error::other(error)),
        };
        if let Err(error) = served {
            tracing::warn!(cause = %error, listen, "metrics are not shown");
        }
    });
}

/// Shows each group's health on the port of its contract, if a host is configured for it.
pub(crate) fn serve_ports(config: &Config, healths: &[Health]) -> anyhow::Result<()> {
    if config.health_host.is_empty() {
        return Ok(());
    }
    for health in healths {
        let port = messages::Group::named(health.group()).map_or(0, |group| group.port);
        let listener = std::net::TcpListener::bind((config.health_host.as_str(), port))
            .with_context(|| format!("could not show the health of {} on port {port}", health.group()))?;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        actix_rt::spawn(answer_health(listener, health.clone()));
    }
    Ok(())
}

/// Two paths and two answers; a web framework would be a large thing to carry for that into every group's process.
async fn answer_health(listener: tokio::net::TcpListener, health: Health) {
    while let Ok((mut socket, _)) = listener.accept().await {
        let health = health.clone();
        actix_rt::spawn(async move {
            let mut head = [0; 1024];
            let read = tokio::time::timeout(Duration::from_secs(2), socket.read(&mut head)).await;
            let Ok(Ok(length)) = read else { return };
            let head = String::from_utf8_lossy(&head[..length]);
            let (status, body) = match head.split(' ').nth(1) {
                Some("/health/live") => ("200 OK", r#"{"status":"live"}"#),
                Some("/health/ready") if health.is_ready() => ("200 OK", r#"{"status":"ready"}"#),
                Some("/health/ready") => ("503 Service Unavailable", r#"{"status":"not_ready"}"#),
                _ => ("404 Not Found", r#"{"status":"not_found"}"#),
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            // Whoever asked may have gone.
            let _ = socket.write_all(answer.as_bytes()).await;
        });
    }
}

/// The signals that tell the process to stop, heard from the moment this exists.
///
/// Made first of all: a signal that comes before somebody listens would end the process as it stands.
pub(crate) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    pub(crate) fn listen() -> anyhow::Result<StopSignals> {
        let heard = |kind| signal(kind).context("the signals to stop cannot be heard");
        Ok(StopSignals { interrupt: heard(SignalKind::interrupt())?, terminate: heard(SignalKind::terminate())? })
    }

    /// Ends with the name of the signal.
    pub(crate) async fn come(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

/// Asks a health endpoint once.
pub(crate) fn probe(url: &str) -> anyhow::Result<std::process::ExitCode> {
    use std::io::{Read as _, Write as _};
    let rest = url.strip_prefix("http://").context("a probe speaks plain http only")?;
    let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut socket = std::net::TcpStream::connect(address).with_context(|| format!("nobody listens on {address}"))?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    write!(socket, "GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    socket.take(4096).read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).unwrap_or("no answer");
    anyhow::ensure!(status == "200", "{url} answered {status}");
    Ok(std::process::ExitCode::SUCCESS)
}

//! `mercat up`: a whole shop in one process tree, for the first minute and for small shops that stay that way.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use runtime::clock::Clock;
use runtime::nats::tls::Files;
use runtime::server::{Auth, Server, ServerOptions};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::certs::{self, Wish};
use crate::config::Config;
use crate::health::StopSignals;
use crate::host::{self, Ending, Hosted};
use crate::testbank::TestBank;
use crate::{groups, health, leftover, out, secret, seed};

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where the gateway listens, instead of 127.0.0.1:8080.
    #[arg(long)]
    listen: Option<std::net::SocketAddr>,
    /// Start without a catalogue.
    #[arg(long)]
    no_seed: bool,
}

/// The user whom a connection without a key is taken for. The server listens on this machine only.
const PERSON: &str = "operator";

/// A step of the start and how long it took.
struct Steps {
    began: Instant,
    last: Instant,
}

impl Steps {
    fn begin() -> Steps {
        let now = Instant::now();
        Steps { began: now, last: now }
    }

    fn done(&mut self, what: &str) {
        let now = Instant::now();
        out::say(&format!("  {:>7} ms  {what}", now.duration_since(self.last).as_millis()));
        self.last = now;
    }
}

/// A shop that is open.
struct Shop {
    /// The data directory is this process's for as long as the shop is open.
    _lock: File,
    server: Option<Renewing>,
    bank: Option<TestBank>,
    hosted: Vec<Hosted>,
    ending: mpsc::UnboundedReceiver<Ending>,
    stop_door: oneshot::Sender<()>,
    door: JoinHandle<()>,
}

/// Runs the shop until it is told to stop or fails.
pub(crate) async fn run(config: Config, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let mut signals = StopSignals::listen()?;
    // In this order: who is told to stop while starting stops there.
    let mut shop = tokio::select! {
        biased;
        signal = signals.come() => {
            out::say(&format!("\n{signal}: stopping before the shop was open"));
            return Ok(ExitCode::SUCCESS);
        }
        shop = Shop::open(config, arguments) => shop?,
    };
    let code = tokio::select! {
        signal = signals.come() => {
            out::say(&format!("\n{signal}: stopping"));
            ExitCode::SUCCESS
        }
        Some(ending) = shop.ending.recv() => match ending {
            Ending::Drained(group) => {
                out::say(&format!("{group} was asked to drain: stopping"));
                ExitCode::SUCCESS
            }
            Ending::Failed(reason) => {
                out::complain(&format!("mercat: {reason}"));
                ExitCode::from(health::SICK)
            }
        },
    };
    let began = Instant::now();
    shop.close().await?;
    out::say(&format!("stopped in {} ms", began.elapsed().as_millis()));
    Ok(code)
}

impl Shop {
    async fn open(mut config: Config, arguments: Arguments) -> anyhow::Result<Shop> {
        let mut steps = Steps::begin();
        if let Some(listen) = arguments.listen {
            config.gateway.listen = listen;
        }
        let lock = leftover::lock(&config.data)?;
        let registry = gateway::metrics::install().context("could not start metrics")?;
        let server = start_nats(&mut config, &mut steps).await?;
        if !config.nats.allow_unsynced {
            runtime::nats::check_durability(&config.nats.monitors).await.context(
                "NATS would acknowledge what a power cut takes back; see `mercat doctor`, or set nats.allow_unsynced",
            )?;
        }
        let (endings, ending) = mpsc::unbounded_channel();
        let bank = open_bank(&mut config)?;
        secret::settle(&mut config)?;
        // They need nothing of each other to start.
        let starting = groups::ALL.iter().map(|entry| host::host(&config, *entry, endings.clone()));
        let hosted: Vec<Hosted> = futures::future::try_join_all(starting).await?;
        let names: Vec<&str> = groups::ALL.iter().map(|(name, _)| *name).collect();
        steps.done(&format!("groups {}", names.join(", ")));
        let tokens = seed::tokens(&config)?;
        config.gateway.tokens.extend(tokens.gateway());
        let door = health::open_door(&config)?;
        let address = door.address();
        let (stop_door, door) = health::run_door(door);
        health::serve_metrics(&config, registry, hosted.iter().map(|hosted| hosted.health.clone()).collect());
        steps.done(&format!("gateway on {}://{address}", config.scheme()));
        let seeded = if arguments.no_seed { seed::Seeded::default() } else { seed::catalogue(&config).await? };
        steps.done(&seeded.to_string());
        greet(&config, &address, &tokens, &seeded, steps.began.elapsed());
        Ok(Shop { _lock: lock, server, bank, hosted, ending, stop_door, door })
    }

    async fn close(self) -> anyhow::Result<()> {
        // A door that is already closed cannot be told to close.
        let _ = self.stop_door.send(());
        let _ = tokio::time::timeout(Duration::from_secs(15), self.door).await;
        futures::future::join_all(self.hosted.into_iter().map(Hosted::stop)).await;
        if let Some(bank) = self.bank {
            bank.close().await;
        }
        if let Some(server) = self.server {
            server.stop().await.context("the NATS server did not stop")?;
        }
        Ok(())
    }
}

/// Opens the test bank, if that is where payments go, and tells the payment group where it is.
fn open_bank(config: &mut Config) -> anyhow::Result<Option<TestBank>> {
    if config.payment.provider != payment::provider::TEST {
        return Ok(None);
    }
    let gateway = config.gateway.listen;
    let bank = TestBank::open(config, (gateway.port() != 0).then_some(gateway))?;
    config.payment.test.base_url = format!("http://{}", bank.address);
    Ok(Some(bank))
}

/// Uses the servers that were named, or starts one.
async fn start_nats(config: &mut Config, steps: &mut Steps) -> anyhow::Result<Option<Renewing>> {
    if !config.nats.urls.is_empty() {
        steps.done(&format!("NATS at {}, as given", config.nats.urls.join(", ")));
        return Ok(None);
    }
    let program = runtime::server::find(&runtime::server::cache_dir()).await.context("there is no nats-server")?;
    steps.done(&host::found(&program));
    // In full, because it also tells this shop's server from those of shops elsewhere.
    let data = config.data.canonicalize().with_context(|| format!("there is no {}", config.data.display()))?;
    let dir = data.join("nats");
    if leftover::stop(&dir).await? {
        steps.done("stopped the NATS server that a killed shop had left running");
    }
    let certs = config.nats.tls.dir.clone();
    if let Some(dir) = &certs {
        certs::make(&Wish::usual(dir.clone()), Clock::system().now())?;
        steps.done(&format!("certificates in {}", dir.display()));
    }
    let named = |port: u16| (port != 0).then_some(port);
    leftover::check_free([("nats.port", config.nats.port), ("nats.monitor_port", config.nats.monitor_port)])?;
    let options = ServerOptions {
        port: named(config.nats.port),
        monitor_port: named(config.nats.monitor_port),
        auth: Auth::Nkeys(config.keys_dir()),
        no_auth_user: Some(PERSON.to_owned()),
        max_file: config.nats.max_file,
        tls: certs.as_ref().map(|dir| absolute(dir).map(|dir| Files::of(&dir, certs::SERVER))).transpose()?,
        ..ServerOptions::new(&dir)
    };
    let server = Server::start(options).await.context("could not start nats-server")?;
    leftover::remember(&dir, &server)?;
    config.nats.urls = server.urls();
    config.nats.monitors = server.monitors();
    config.nats.keys = Some(config.keys_dir());
    steps.done(&format!("NATS on {}", config.nats.urls.join(", ")));
    Ok(Some(Renewing::new(server, certs)))
}

/// As a process elsewhere finds it.
fn absolute(dir: &Path) -> anyhow::Result<PathBuf> {
    dir.canonicalize().with_context(|| format!("there is no {}", dir.display()))
}

/// How often certificates are looked at. A leaf that ends within ten days is renewed, so nothing depends on the hour.
const RENEW_EVERY: Duration = Duration::from_hours(1);

/// The server, and who renews its certificates.
struct Renewing {
    server: Arc<Mutex<Server>>,
    renewing: Option<JoinHandle<()>>,
}

impl Renewing {
    fn new(server: Server, certs: Option<PathBuf>) -> Renewing {
        let server = Arc::new(Mutex::new(server));
        let renewed = server.clone();
        let renewing = certs.map(|dir| actix_rt::spawn(renew(dir, renewed)));
        Renewing { server, renewing }
    }

    async fn stop(self) -> Result<(), runtime::server::Error> {
        if let Some(renewing) = self.renewing {
            renewing.abort();
        }
        self.server.lock().await.stop().await
    }
}

/// Renews what ends soon, and has the server read it. Groups show theirs with their next connection.
async fn renew(dir: PathBuf, server: Arc<Mutex<Server>>) {
    let mut often = tokio::time::interval(RENEW_EVERY);
    loop {
        often.tick().await;
        match certs::make(&Wish::usual(dir.clone()), Clock::system().now()) {
            Ok(written) if written.is_empty() => {}
            Ok(written) => {
                tracing::info!(leaves = written.len(), "certificates were renewed");
                if let Err(error) = server.lock().await.only().reload() {
                    tracing::error!(cause = %error, "the nats server was not told of its new certificate");
                }
            }
            Err(error) => tracing::error!(cause = format!("{error:#}"), "certificates were not renewed"),
        }
    }
}

fn greet(
    config: &Config,
    address: &std::net::SocketAddr,
    tokens: &Arc<seed::Tokens>,
    seeded: &seed::Seeded,
    took: Duration,
) {
    let product = seeded.product_id.as_deref().unwrap_or("<product id>");
    let (warehouse, sku) = (seeded.warehouse_id.as_deref().unwrap_or("<warehouse id>"), &seeded.sku);
    let nats = config.nats.urls.join(",");
    // Where the stock CLI looks when it is told nothing, nobody has to tell it anything.
    let (option, hint) = match nats.as_str() {
        elsewhere if config.nats.tls.dir.is_some() => {
            let file = |name: &str| certs::dir(config).join(name).display().to_string();
            let (ca, cert, key) = (file("ca.pem"), file("operator.pem"), file("operator.key"));
            let option = format!(" --server {elsewhere} --tlsca {ca} --tlscert {cert} --tlskey {key}");
            let hint = format!("nats CLI:{option}");
            (option, hint)
        }
        "nats://127.0.0.1:4222" => (String::new(), "where the nats CLI looks by itself".to_owned()),
        elsewhere => (format!(" --server {elsewhere}"), format!("nats CLI: --server {elsewhere}")),
    };
    let metrics = match config.metrics.as_str() {
        "" => "nowhere".to_owned(),
        listen => format!("http://{listen}/metrics"),
    };
    let (token, scheme) = (&tokens.admin, config.scheme());
    let people = match seeded.product_id {
        Some(_) => format!("\n  people         {}   (password: mercat-dev-<name>)", seed::people::addresses()),
        None => String::new(),
    };
    out::say(&format!(
        r#"
The shop is open after {took} ms.

  API            {scheme}://{address}/api/v1/products
  documentation  {scheme}://{address}/docs   (OpenAPI: /openapi.json)
  metrics        {metrics}
  NATS           {nats}   ({hint})
  token          {token}   (admin; other roles in {tokens_file}){people}

Three things to try:

  curl -s '{scheme}://{address}/api/v1/products/search?q=mug'
  curl -s -X POST {scheme}://{address}/api/v1/inventory/reserve \
    -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' -H 'Idempotency-Key: try-1' \
    -d '{{"warehouse_id":"{warehouse}","lines":[{{"sku":"{sku}","quantity":1}}]}}'
  nats{option} req shop.product.{product}.get '{{}}'

Ctrl-C stops everything cleanly."#,
        took = took.as_millis(),
        tokens_file = seed::tokens_file(config).display(),
    ));
}

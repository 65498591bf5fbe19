//! `mercat doctor`: what would go wrong, said before it does.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use jiff::SignedDuration;
use runtime::clock::Clock;
use runtime::fabric::Fabric as _;
use runtime::nats::tls::{self, Files};

use crate::config::Config;
use crate::{certs, groups, host, out};

/// Less free space than this is worth a word, in megabytes.
const DISK_LOW_MB: u64 = 2_048;

struct Findings {
    bad: usize,
}

impl Findings {
    fn good(&self, what: &str) {
        out::say(&format!("  ok    {what}"));
    }

    fn bad(&mut self, what: &str) {
        self.bad += 1;
        out::say(&format!("  BAD   {what}"));
    }

    fn judge(&mut self, result: Result<String, String>) {
        match result {
            Ok(what) => self.good(&what),
            Err(what) => self.bad(&what),
        }
    }
}

/// Looks at everything, prints what it finds, fails when something is bad.
pub(crate) async fn run(mut config: Config) -> anyhow::Result<ExitCode> {
    let mut findings = Findings { bad: 0 };
    let own_server = config.nats.urls.is_empty();
    if own_server {
        config.nats.urls = vec![format!("nats://127.0.0.1:{}", config.nats.port)];
    }
    if config.nats.monitors.is_empty() {
        config.nats.monitors =
            config.nats.urls.iter().filter_map(|url| monitor_of(url, config.nats.monitor_port)).collect();
    }
    if config.nats.keys.is_none() && config.keys_dir().is_dir() {
        config.nats.keys = Some(config.keys_dir());
    }
    out::say("ports");
    let running = tokio::net::TcpStream::connect(("127.0.0.1", config.nats.port)).await.is_ok();
    let listen = config.gateway.listen.to_string();
    findings.judge(port("gateway", &listen, Some("/health/live")));
    if !config.metrics.is_empty() {
        findings.judge(port("metrics", &config.metrics, Some("/metrics")));
    }
    if own_server && !running {
        findings.judge(port("nats", &format!("127.0.0.1:{}", config.nats.port), None));
        findings.judge(port("nats monitor", &format!("127.0.0.1:{}", config.nats.monitor_port), None));
    }
    out::say("disk");
    findings.judge(disk(&config.data));
    if let Some(dir) = config.nats.tls.dir.clone().or_else(|| Some(certs::dir(&config)).filter(|dir| dir.is_dir())) {
        out::say("certificates");
        certificates(&config, &dir, &mut findings);
    }
    out::say("nats");
    match runtime::server::find(&runtime::server::cache_dir()).await {
        Ok(program) => findings.good(&host::found(&program)),
        Err(error) if own_server => findings.bad(&error.to_string()),
        Err(_) => findings.good("nats-server is not on this machine, and a server elsewhere is configured"),
    }
    let silent = config.nats.urls.iter().find(|url| !answers(url));
    if own_server && !running {
        findings.good("no server runs on this machine; `mercat up` starts one that syncs every write");
    } else if let Some(url) = silent {
        findings.bad(&format!("nobody answers at {url}"));
    } else {
        nats(&config, &mut findings).await;
    }
    let verdict = match findings.bad {
        0 => "nothing is wrong".to_owned(),
        1 => "one thing is wrong".to_owned(),
        bad => format!("{bad} things are wrong"),
    };
    out::say(&verdict);
    Ok(if findings.bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A leaf that ends within this many days should have been renewed by now.
const LEAF_SOON_DAYS: i64 = 7;

/// Whether everybody's certificate is good, and for how long.
fn certificates(config: &Config, dir: &Path, findings: &mut Findings) {
    let now = Clock::system().now();
    for holder in certs::holders() {
        let files = Files::of(dir, holder);
        // A process is given the certificates it uses.
        if !files.cert.exists() && !files.key.exists() {
            continue;
        }
        findings.judge(match tls::judge(&files, now) {
            Ok(until) if until.duration_since(now).as_hours() < LEAF_SOON_DAYS * 24 => {
                Err(format!("{holder}: ends on {until}; renew it with `mercat certs`"))
            }
            Ok(until) => Ok(format!("{holder}: good until {until}")),
            Err(unfit) => Err(format!("{holder}: {unfit}")),
        });
    }
    if config.nats.tls.dir.is_none() {
        findings.good("they are not used: nats.tls.dir is not set, and `mercat up` was not told --tls");
    }
}

/// How long a server may take to accept a connection.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Whether anybody accepts connections at a server's URL.
fn answers(url: &str) -> bool {
    use std::net::ToSocketAddrs as _;
    let host = url.rsplit("://").next().and_then(|rest| rest.rsplit('@').next()).unwrap_or_default();
    let host = if host.contains(':') { host.to_owned() } else { format!("{host}:4222") };
    let addresses = host.to_socket_addrs().map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    addresses.iter().any(|address| std::net::TcpStream::connect_timeout(address, ANSWER_WITHIN).is_ok())
}

/// Where a server at this URL tells of itself, unless somebody chose otherwise.
fn monitor_of(url: &str, port: u16) -> Option<String> {
    let host = url.rsplit("://").next()?.rsplit('@').next()?.split(':').next()?;
    Some(format!("http://{host}:{port}"))
}

/// Whether an address is free, or already serves what belongs there.
fn port(name: &str, address: &str, ours: Option<&str>) -> Result<String, String> {
    let error = match std::net::TcpListener::bind(address) {
        Ok(_) => return Ok(format!("{name}: {address} is free")),
        Err(error) => error,
    };
    match ours.map(|path| crate::health::probe(&format!("http://{address}{path}"))) {
        Some(Ok(_)) => Ok(format!("{name}: runs on {address}")),
        _ => Err(format!("{name}: {address} cannot be used: {error}")),
    }
}

fn disk(data: &Path) -> Result<String, String> {
    let there = data.ancestors().find(|dir| dir.is_dir()).unwrap_or(Path::new("."));
    let probe = there.join(".mercat-doctor");
    std::fs::write(&probe, b"x").map_err(|e| format!("{} cannot be written: {e}", there.display()))?;
    std::fs::remove_file(&probe).map_err(|e| format!("{} cannot be written: {e}", there.display()))?;
    let shown = std::process::Command::new("df").arg("-Pm").arg(there).output().map_err(|e| format!("df: {e}"))?;
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    let free: Option<u64> =
        text.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)).and_then(|free| free.parse().ok());
    match free {
        Some(free) if free < DISK_LOW_MB => Err(format!("{} MB free at {}: too little", free, there.display())),
        Some(free) => Ok(format!("{free} MB free at {}", there.display())),
        None => Ok(format!("{} can be written", there.display())),
    }
}

async fn nats(config: &Config, findings: &mut Findings) {
    findings.judge(match runtime::nats::check_durability(&config.nats.monitors).await {
        Ok(()) => Ok("every acknowledged write is on disk (sync_interval: always)".to_owned()),
        Err(error) => Err(error.to_string()),
    });
    for (name, build) in groups::ALL {
        let contract = match build(config) {
            Ok(group) => group.contract(),
            Err(error) => {
                findings.bad(&format!("{name}: {error:#}"));
                continue;
            }
        };
        let fabric = match host::connect(config, name).await {
            Ok(fabric) => fabric,
            Err(error) => {
                findings.bad(&format!("{name}: {error:#}"));
                continue;
            }
        };
        findings.judge(match fabric.check_mapping(contract).await {
            Ok(()) => Ok(format!("{name}: requests reach their partitions")),
            Err(error) => Err(format!("{name}: {error}")),
        });
        let clock = Clock::system();
        let Ok(log) = fabric.log(contract).await else {
            findings.bad(&format!("{name}: its log cannot be opened"));
            continue;
        };
        findings.judge(match log.extent().await {
            Ok(extent) => {
                let skew = extent.server_time.duration_since(clock.now());
                if skew.abs() > runtime::clock::SKEW_MAX {
                    Err(format!("{name}: this clock and the server's are {skew:#} apart"))
                } else {
                    Ok(format!(
                        "{name}: {} messages in the log; clocks agree within {:#}",
                        extent.last_sequence,
                        rounded(skew)
                    ))
                }
            }
            Err(error) => Err(format!("{name}: {error}")),
        });
    }
}

fn rounded(skew: SignedDuration) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(skew.abs().as_millis()).unwrap_or(i64::MAX) + 1)
}

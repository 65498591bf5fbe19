//! Configuration: a file, then the environment (`MERCAT_GATEWAY__LISTEN=…`), then flags. Unknown keys are refused by
//! name, and secrets are never printed.

use std::path::PathBuf;

use anyhow::Context as _;
use figment::Figment;
use figment::providers::{Env, Format as _, Toml};
use runtime::nats::tls::Files;
use serde::Deserialize;

/// Everything that can be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Where stores, keys and the local NATS server keep their files.
    pub(crate) data: PathBuf,
    /// This process's name among the replicas of a group; the host name and process id when empty.
    pub(crate) replica: String,
    /// How NATS is reached.
    pub(crate) nats: Nats,
    /// What is logged, and how.
    pub(crate) log: Log,
    /// Where traces go, and how many.
    pub(crate) trace: Trace,
    /// Where metrics are shown; empty for nowhere.
    pub(crate) metrics: String,
    /// Where a group shows its health: this host, and the port of its contract. Empty for nowhere.
    pub(crate) health_host: String,
    /// The door.
    pub(crate) gateway: gateway::Config,
    /// How warehouses are chosen.
    pub(crate) inventory: inventory::settings::Settings,
    /// How long carts wait.
    pub(crate) cart: cart::settings::Settings,
    /// How payments are made.
    pub(crate) payment: payment::settings::Settings,
    /// Who sells, as invoices say.
    pub(crate) order: order::settings::Settings,
    /// Who carries parcels.
    pub(crate) shipping: shipping::settings::Settings,
    /// How people and machines outside are told.
    pub(crate) notification: notification::Settings,
    /// Who issues tokens, and the key to their keys.
    pub(crate) auth: auth::settings::Settings,
    /// How people show who they are.
    pub(crate) user: user::settings::Settings,
    /// The test bank.
    pub(crate) bank: Bank,
}

/// The test bank: `mercat up` runs it when payments go to the provider `test`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Bank {
    /// Where it listens. Port 0 takes a free one.
    pub(crate) listen: std::net::SocketAddr,
    /// Where browsers find its pages; the address it listens on when empty.
    pub(crate) public_url: String,
    /// Who is told what happened; the gateway of this process when empty.
    pub(crate) news_url: String,
}

impl Default for Bank {
    fn default() -> Bank {
        let listen = std::net::SocketAddr::from(([127, 0, 0, 1], 8090));
        Bank { listen, public_url: String::new(), news_url: String::new() }
    }
}

/// How NATS is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Nats {
    /// The servers. Empty: `mercat up` starts one of its own.
    pub(crate) urls: Vec<String>,
    /// Their monitoring addresses, `http://host:8222`, at which groups check that writes are durable.
    pub(crate) monitors: Vec<String>,
    /// Where the users' keys are; empty when the server asks for none.
    pub(crate) keys: Option<PathBuf>,
    /// The port of the server `mercat up` starts.
    pub(crate) port: u16,
    /// Its monitoring port.
    pub(crate) monitor_port: u16,
    /// How many servers keep each log: 1, or 3 in a cluster.
    pub(crate) replicas: usize,
    /// The most that server may store, in bytes.
    pub(crate) max_file: u64,
    /// Mutual TLS with the servers.
    pub(crate) tls: NatsTls,
    /// Start although acknowledged writes might not be on disk. For experiments only.
    pub(crate) allow_unsynced: bool,
}

/// Mutual TLS with the servers. Without any of these, plain TCP.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NatsTls {
    /// A directory as `mercat certs` makes it: `ca.pem`, and `<user>.pem` with `<user>.key` for each user of NATS.
    pub(crate) dir: Option<PathBuf>,
    /// Whom to trust, instead of `ca.pem` there.
    pub(crate) ca: Option<PathBuf>,
    /// What is shown by every user of this process, instead of their own.
    pub(crate) cert: Option<PathBuf>,
    /// Its key.
    pub(crate) key: Option<PathBuf>,
}

impl NatsTls {
    /// The files of a user; `None` for plain TCP.
    ///
    /// # Errors
    /// When some of them are said and others are nowhere.
    pub(crate) fn files(&self, user: &str) -> anyhow::Result<Option<Files>> {
        let said = [&self.ca, &self.cert, &self.key];
        anyhow::ensure!(self.cert.is_some() == self.key.is_some(), "nats.tls: cert and key are set together");
        let Some(dir) = &self.dir else {
            let [Some(ca), Some(cert), Some(key)] = said else {
                anyhow::ensure!(said.iter().all(|file| file.is_none()), "nats.tls: say dir, or ca with cert and key");
                return Ok(None);
            };
            return Ok(Some(Files { ca: ca.clone(), cert: cert.clone(), key: key.clone() }));
        };
        let Files { ca, cert, key } = Files::of(dir, user);
        let or = |said: &Option<PathBuf>, there| said.clone().unwrap_or(there);
        Ok(Some(Files { ca: or(&self.ca, ca), cert: or(&self.cert, cert), key: or(&self.key, key) }))
    }
}

/// What is logged, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// As `tracing` reads it: `info`, `warn,runtime=debug`.
    pub(crate) level: String,
    /// `json`, or `text` for people.
    pub(crate) format: LogFormat,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Json,
    Text,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            data: PathBuf::from(".mercat"),
            replica: String::new(),
            nats: Nats::default(),
            log: Log::default(),
            trace: Trace::default(),
            metrics: "127.0.0.1:9090".to_owned(),
            health_host: String::new(),
            gateway: gateway::Config::default(),
            inventory: inventory::settings::Settings::default(),
            cart: cart::settings::Settings::default(),
            payment: payment::settings::Settings::default(),
            order: order::settings::Settings::default(),
            shipping: shipping::settings::Settings::default(),
            notification: notification::Settings::default(),
            auth: auth::settings::Settings::default(),
            user: user::settings::Settings::default(),
            bank: Bank::default(),
        }
    }
}

impl Default for Nats {
    fn default() -> Nats {
        Nats {
            urls: Vec::new(),
            monitors: Vec::new(),
            keys: None,
            port: 4222,
            monitor_port: 8222,
            replicas: 1,
            max_file: 64 << 30,
            tls: NatsTls::default(),
            allow_unsynced: false,
        }
    }
}

/// Where traces go, and how many.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Trace {
    /// An OTLP collector, `http://host:4318`. Empty: traces stay here.
    pub(crate) otlp: String,
    /// How many of a thousand traces that begin here are recorded; the gateway's `trace_per_mille` follows it.
    pub(crate) per_mille: u32,
}

impl Default for Trace {
    fn default() -> Trace {
        Trace { otlp: String::new(), per_mille: 100 }
    }
}

impl Default for Log {
    fn default() -> Log {
        Log { level: "info".to_owned(), format: LogFormat::Json }
    }
}

/// The file that is read when none is named.
const FILE: &str = "mercat.toml";

impl Config {
    /// Reads file and environment; flags win.
    pub(crate) fn load(file: Option<PathBuf>, data: Option<PathBuf>, nats: Option<String>) -> anyhow::Result<Config> {
        let file = match file {
            Some(file) if !file.is_file() => anyhow::bail!("there is no configuration file {}", file.display()),
            Some(file) => file,
            None => PathBuf::from(FILE),
        };
        let figment = Figment::new().merge(Toml::file(file)).merge(environment());
        let mut config: Config = figment.extract().context("the configuration is not valid")?;
        if let Some(data) = data {
            config.data = data;
        }
        if let Some(urls) = nats {
            config.nats.urls = urls.split(',').map(|url| url.trim().to_owned()).collect();
        }
        if !config.trace.otlp.is_empty() && config.gateway.trace_per_mille == 0 {
            config.gateway.trace_per_mille = config.trace.per_mille.into();
        }
        // Said once, it counts for both.
        let unsaid = auth::settings::Settings::default().issuer;
        if config.auth.issuer == unsaid {
            config.auth.issuer.clone_from(&config.gateway.issuer);
        } else if config.gateway.issuer == unsaid {
            config.gateway.issuer.clone_from(&config.auth.issuer);
        }
        if config.replica.is_empty() {
            config.replica = default_replica();
        }
        Ok(config)
    }

    /// How the gateway is spoken to.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.gateway.tls.is_on() { "https" } else { "http" }
    }

    /// Where the keys of NATS users are, whether or not the server asks for them.
    pub(crate) fn keys_dir(&self) -> PathBuf {
        self.nats.keys.clone().unwrap_or_else(|| self.data.join("keys"))
    }
}

/// Settings in the environment. `MERCAT_NKEY_…` and `MERCAT_NATS_NAME` are for the nats-server that reads `nats.conf`:
/// whoever has exported them for it (`mercat keys --env`) may still run `mercat`.
fn environment() -> Env {
    let ours = Env::prefixed("MERCAT_").ignore(&["config", "nats_name"]);
    ours.filter(|key| !key.starts_with("nkey_")).split("__")
}

fn default_replica() -> String {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = runtime::headers::token(host.trim());
    let host = if host.is_empty() { "local".to_owned() } else { host };
    format!("{host}-{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let bad = Figment::new().merge(Toml::string("[nats]\nprot = 1"));
        let error = bad.extract::<Config>().expect_err("prot is no key").to_string();
        assert!(error.contains("prot"), "{error}");
    }

    #[test]
    fn every_group_refuses_a_key_that_it_does_not_know_by_its_name() {
        for (section, key) in [
            ("inventory", "alocation"),
            ("cart", "abandoned_after"),
            ("payment", "provder"),
            ("payment.paypal", "clientid"),
            ("shipping", "carier"),
            ("shipping.pretend", "dispatch_after"),
            ("shipping.carriers.swift", "rates_timeout"),
            ("notification", "mail"),
            ("notification.email", "hots"),
        ] {
            let bad = Figment::new().merge(Toml::string(&format!("[{section}]\n{key} = 1")));
            let error = bad.extract::<Config>().expect_err(key).to_string();
            assert!(error.contains(key), "{section}: {error}");
        }
    }

    #[test]
    fn what_is_not_set_keeps_its_default() {
        let some = Figment::new().merge(Toml::string("[nats]\nport = 1"));
        let config: Config = some.extract().expect("valid");
        assert_eq!((config.nats.port, config.nats.monitor_port), (1, 8222));
    }
}

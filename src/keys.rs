//! The keys of NATS users, and the server configuration that knows them.

use std::process::ExitCode;

use runtime::nats::tls::Files;
use runtime::permissions::{self, Keys};

use crate::config::Config;
use crate::{certs, out};

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Print `export` lines with the public keys, for a server that reads `nats.conf`.
    #[arg(long)]
    env: bool,
}

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfArguments {
    /// For three servers instead of one: each takes its name from MERCAT_NATS_NAME.
    #[arg(long)]
    cluster: bool,
    /// With the public keys of the users in `<data>/keys` instead of environment variables.
    #[arg(long)]
    with_keys: bool,
    /// With mutual TLS, by the certificates that `mercat certs` has made in this directory of the server's machine.
    #[arg(long)]
    certs: Option<std::path::PathBuf>,
    /// Where the server keeps its files.
    #[arg(long)]
    store_dir: Option<String>,
    /// Write it to this file instead of printing it.
    #[arg(long)]
    out: Option<std::path::PathBuf>,
}

/// Makes keys that are not there yet.
pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let dir = config.keys_dir();
    let keys = Keys::create_or_load(&dir)?;
    if arguments.env {
        for (variable, key) in keys.environment() {
            out::say(&format!("export {variable}={key}"));
        }
    } else {
        out::say(&format!("the keys of all NATS users are in {}", dir.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the configuration that the contract demands.
pub(crate) fn print_conf(config: &Config, arguments: &ConfArguments) -> anyhow::Result<ExitCode> {
    let mut options =
        if arguments.cluster { permissions::Options::three_servers() } else { permissions::Options::one_server() };
    if arguments.with_keys {
        options.users = permissions::Users::Known(Keys::create_or_load(&config.keys_dir())?);
    }
    if let Some(store_dir) = &arguments.store_dir {
        options.store_dir.clone_from(store_dir);
    }
    options.tls = arguments.certs.as_ref().map(|dir| Files::of(dir, certs::SERVER));
    let text = permissions::render(&options);
    match &arguments.out {
        Some(file) => std::fs::write(file, text)?,
        None => out::say(text.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

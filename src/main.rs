//! `mercat`: one binary, many roles. This crate only composes the rooms; it knows no commerce of its own.

mod ask;
mod audit;
mod bench;
mod certs;
mod config;
mod decode;
mod demo;
mod dlq;
mod doctor;
mod groups;
mod health;
mod host;
mod keys;
mod leftover;
mod out;
mod routes;
mod secret;
mod seed;
mod serve;
mod story;
mod telemetry;
mod testbank;
mod up;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;

/// Small pieces, made and thrown away by the thousand for every request: a quarter of its cost with the system's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A commerce backend: every cart, order, shelf and payment is a supervised actor with an address on NATS.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Arguments {
    /// The configuration file; `mercat.toml` when it is there.
    #[arg(long, global = true, env = "MERCAT_CONFIG")]
    config: Option<PathBuf>,
    /// Where stores, keys and the local NATS server keep their files.
    #[arg(long, global = true)]
    data: Option<PathBuf>,
    /// The servers to use, separated by commas, instead of one of our own.
    #[arg(long, global = true, env = "NATS_URL")]
    nats: Option<String>,
    /// Speak mutual TLS with NATS, by the certificates in `<data>/certs` or `nats.tls.dir`. `mercat up` makes and renews
    /// them.
    #[arg(long, global = true)]
    tls: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs a whole shop: NATS, all groups, the gateway and a seeded catalogue.
    Up(up::Arguments),
    /// Runs some groups, or the gateway, against a NATS server that is there.
    Serve(serve::Arguments),
    /// Lists what the door answers to, or explains what it would do with one request.
    Routes(routes::Arguments),
    /// Reads a message on standard input and prints it as JSON: for `nats … --translate`.
    Decode(decode::Arguments),
    /// Walks the log of a group: turn chain, holes, forks, flipped bits, and whether its fold equals the store.
    Verify(verify::Arguments),
    /// Holds orders, payments, ledger, stock and coupons against each other and against the test bank's journal.
    Audit(audit::Arguments),
    /// Tells one order's whole life across all groups: requests, events, calls, retries, mails.
    Story(story::Arguments),
    /// Shows a checkout step by step, or lets many customers shop.
    Demo(demo::Arguments),
    /// Looks for what would go wrong: ports, NATS settings, durability, clock, disk.
    Doctor,
    /// News that could not be understood: shows, replays or drops them.
    Dlq(dlq::Arguments),
    /// Prints the NATS configuration that the contract demands.
    NatsConf(keys::ConfArguments),
    /// Makes the keys of all NATS users, or says where they are.
    Keys(keys::Arguments),
    /// Makes the certificates of groups, gateway and NATS servers, and renews those that end soon.
    Certs(certs::Arguments),
    /// Measures what the shop can do on this machine, against yardsticks taken in the same run.
    Bench(bench::Arguments),
    /// A part of `bench` that runs in a process of its own.
    #[command(hide = true)]
    BenchPart(bench::part::Arguments),
    /// Asks a health endpoint and fails unless the answer is 200: for containers, which have no curl.
    Probe {
        /// `http://host:port/path`.
        url: String,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            out::complain(&format!("mercat: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { config, data, nats, tls, command } = arguments;
    let mut config = Config::load(config, data, nats)?;
    if tls {
        config.nats.tls.dir = Some(certs::dir(&config));
    }
    secret::found(&mut config);
    match command {
        Command::Up(arguments) => {
            let _telemetry = telemetry::start(&config)?;
            actix::System::new().block_on(up::run(config, arguments))
        }
        Command::Serve(arguments) => {
            let _telemetry = telemetry::start(&config)?;
            actix::System::new().block_on(serve::run(config, arguments))
        }
        Command::Routes(arguments) => routes::run(&config.gateway, &arguments),
        Command::Decode(arguments) => decode::run(&arguments),
        Command::Verify(arguments) => actix::System::new().block_on(verify::run(config, arguments)),
        Command::Audit(arguments) => actix::System::new().block_on(audit::run(config, arguments)),
        Command::Story(arguments) => actix::System::new().block_on(story::run(config, arguments)),
        Command::Demo(arguments) => actix::System::new().block_on(demo::run(config, arguments)),
        Command::Doctor => actix::System::new().block_on(doctor::run(config)),
        Command::Dlq(arguments) => actix::System::new().block_on(dlq::run(config, arguments)),
        Command::NatsConf(arguments) => keys::print_conf(&config, &arguments),
        Command::Keys(arguments) => keys::run(&config, &arguments),
        Command::Certs(arguments) => certs::run(&config, &arguments),
        Command::Bench(arguments) => actix::System::new().block_on(bench::run(arguments)),
        Command::BenchPart(arguments) => actix::System::new().block_on(bench::part::run(config.nats.urls, arguments)),
        Command::Probe { url } => health::probe(&url),
    }
}

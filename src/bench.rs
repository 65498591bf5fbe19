//! `mercat bench`: what the shop can do on this machine, as ratios to yardsticks taken in the same run.
//!
//! Sides are measured by turns (A B A B), every figure is the median of the rounds, and a ratio is the median of the
//! ratios of neighbours, so that a noisy neighbour disturbs both alike. Everything runs on the loopback, in processes of
//! its own and in a temporary directory. It measures and reports; it fails only when a result is wrong, never when it is
//! slow.

mod checkout;
mod commands;
mod door;
mod ground;
mod guest;
mod machine;
mod memory;
pub(crate) mod part;
mod replay;
mod shop;
mod table;

use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use yardstick::sample::{Sample, median, per_mille};

use crate::out;

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What to measure; everything when nothing is named.
    #[arg(value_enum)]
    what: Vec<Measure>,
    #[command(flatten)]
    settings: Settings,
}

/// How it is measured.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Settings {
    /// How often each side is measured.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each time, in seconds, after half a second that does not count.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// How many events the replayed log holds.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Worker threads of either gateway. One leaves the other core of a small machine to NATS and the load.
    #[arg(long, default_value_t = 1)]
    workers: usize,
}

impl Settings {
    fn warm_up(&self) -> Duration {
        Duration::from_millis(500)
    }

    fn lasting(&self) -> Duration {
        Duration::from_secs(self.seconds.max(1))
    }
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measure {
    /// Reads through the gateway, against a minimal gateway.
    Read,
    /// Writes through the gateway, against a minimal gateway.
    Write,
    /// Commands committed, against raw fenced appends.
    Commands,
    /// Reservations of one SKU.
    HotSku,
    /// A log of a million events into an empty store.
    Replay,
    /// Memory idle and loaded, per actor.
    Memory,
    /// Time until a shop answers.
    Start,
    /// Whole checkouts of guests in the seeded shop.
    Checkout,
    /// Product reads and searches in the seeded shop.
    Browse,
}

/// Measures, and prints a table.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { what, settings } = arguments;
    let what = if what.is_empty() { Measure::value_variants().to_vec() } else { what };
    let program = runtime::server::find(&runtime::server::cache_dir()).await?;
    let nats = format!("nats-server {} ({:?})", runtime::server::VERSION, program.origin);
    for line in machine::describe(&std::env::temp_dir(), &nats) {
        out::say(&line);
    }
    let command: Vec<String> = std::env::args().skip(1).collect();
    out::say(&format!("command: mercat {}", command.join(" ")));
    if cfg!(debug_assertions) {
        out::complain("this is a debug build: its figures mean nothing");
    }
    let mut lines = Vec::new();
    for measure in what {
        out::complain(&format!("measuring {measure:?} …"));
        let measured = match measure {
            Measure::Read => door::reads(&settings).await?,
            Measure::Write => door::writes(&settings).await?,
            Measure::Commands => commands::committed(&settings).await?,
            Measure::HotSku => commands::hot_sku(&settings).await?,
            Measure::Replay => replay::replay(&settings).await?,
            Measure::Memory => memory::memory(&settings).await?,
            Measure::Start => memory::start(&settings).await?,
            Measure::Checkout => checkout::checkouts(&settings).await?,
            Measure::Browse => checkout::browsing(&settings).await?,
        };
        lines.extend(measured);
    }
    out::say("");
    out::say(table::render(&lines).trim_end());
    Ok(ExitCode::SUCCESS)
}

/// One figure of both sides.
struct Compared {
    ours: u64,
    theirs: u64,
    /// The median of the ratios, which is not the ratio of the medians.
    per_mille: u64,
}

fn compared(pairs: &[(Sample, Sample)], figure: impl Fn(&Sample) -> u64) -> Compared {
    Compared {
        ours: median(pairs.iter().map(|(ours, _)| figure(ours))),
        theirs: median(pairs.iter().map(|(_, theirs)| figure(theirs))),
        per_mille: median(pairs.iter().map(|(ours, theirs)| per_mille(figure(ours), figure(theirs)))),
    }
}

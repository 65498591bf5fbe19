//! `mercat demo`: a running shop shown at work. Everything it prints was really done.

mod checkout;
mod orders;
mod people;

use std::process::ExitCode;

use crate::ask;
use crate::config::Config;

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// How many orders customers place: some are declined, cancelled, delivered or sent back.
    #[arg(long)]
    orders: Option<u64>,
    /// Who they are and what they want follows from this. The same number again does nothing twice.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many shop at the same time.
    #[arg(long, default_value_t = 16)]
    at_once: usize,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// One order paid, one declined, one that cannot be had and one paid back, each with the command that does it.
    Checkout {
        /// Where the gateway is, instead of where the configuration says.
        #[arg(long)]
        door: Option<String>,
    },
}

/// Shows.
pub(crate) async fn run(mut config: Config, arguments: Arguments) -> anyhow::Result<ExitCode> {
    ask::beside(&mut config);
    if let Some(What::Checkout { door }) = arguments.what {
        let door = door.unwrap_or_else(|| format!("http://{}", config.gateway.listen));
        checkout::show(&config, &door).await?;
    }
    if let Some(orders) = arguments.orders {
        orders::play(&config, orders, arguments.seed, arguments.at_once.max(1)).await?;
    }
    Ok(ExitCode::SUCCESS)
}

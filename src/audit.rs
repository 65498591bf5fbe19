//! `mercat audit`: what a shop must never make or lose, held against what every group and the test bank say.
//!
//! Per order, captured − refunded is what is billed, or nothing; the order, its payment, the ledger and the bank say the
//! same; what shelves received is on hand, reserved or shipped; coupons are used no oftener than they may be; every saga
//! has ended, or is visibly stuck. The shop may go on meanwhile: a finding counts only if it is still there at the last of
//! several looks, so what is just on its way is no finding. The audit asks and reads; it changes nothing.

mod coupons;
mod facts;
mod finding;
mod money;
mod sagas;
mod stock;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use self::facts::Facts;
use self::finding::{Finding, Level};
use crate::ask::{self, Asker};
use crate::config::Config;
use crate::out;

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// One JSON object per finding, and nothing else, on standard output.
    #[arg(long)]
    json: bool,
    /// For how many seconds what looks wrong may still put itself right. Looking ends at once when nothing does.
    #[arg(long, default_value_t = 15)]
    settle: u64,
    /// The journal of the test bank; that of the data directory when absent and there.
    #[arg(long)]
    bank: Option<PathBuf>,
}

/// How long to wait between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Audits, prints what was found, and fails when anything is wrong.
pub(crate) async fn run(mut config: Config, arguments: Arguments) -> anyhow::Result<ExitCode> {
    ask::beside(&mut config);
    let journal = match arguments.bank {
        Some(journal) => Some(journal),
        None => Some(facts::journal_of(&config.data)).filter(|journal| journal.is_file()),
    };
    let asker = Asker::connect(&config, "audit").await?;
    let began = Instant::now();
    let (mut found, mut counted) = (None::<Vec<Finding>>, String::new());
    loop {
        match Facts::gather(&asker, journal.as_deref()).await {
            Ok(facts) => {
                counted = facts.count();
                let now = check(&facts);
                found = Some(match found.take() {
                    None => now,
                    Some(before) => lasting(&before, now),
                });
                if !found.iter().flatten().any(|finding| finding.level == Level::Wrong) {
                    break;
                }
            }
            // A group that is being started again answers soon.
            Err(failure) if began.elapsed() < Duration::from_secs(arguments.settle) => {
                tracing::debug!(cause = %failure, "a look failed");
            }
            Err(failure) => return Err(failure.context("the shop could not be audited")),
        }
        if began.elapsed() >= Duration::from_secs(arguments.settle) {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let found = found.context("the shop never answered")?;
    for finding in &found {
        out::say(&if arguments.json { serde_json::to_string(finding)? } else { finding.to_string() });
    }
    let wrong = found.iter().filter(|finding| finding.level == Level::Wrong).count();
    if !arguments.json {
        let alarms = found.len() - wrong;
        out::say(&format!("{wrong} wrong, {alarms} alarms in {counted}"));
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What of this was there before. An alarm is news at any time.
fn lasting(before: &[Finding], now: Vec<Finding>) -> Vec<Finding> {
    let stays = |finding: &Finding| finding.level == Level::Alarm || before.iter().any(|old| finding.is_still(old));
    now.into_iter().filter(stays).collect()
}

/// Everything that is wrong with these facts, sorted.
fn check(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    money::check(facts, &mut found);
    stock::check(facts, &mut found);
    coupons::check(facts, &mut found);
    sagas::check(facts, &mut found);
    found.sort();
    found
}

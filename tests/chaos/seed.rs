//! The seed: what a run does, and how a failing one is repeated.
//!
//! It decides what clients want and when which fault strikes. What the machine makes of that differs from run to run, so
//! a seed repeats the attempt, not the failure.

use std::sync::{PoisonError, RwLock};

use runtime::entropy::Entropy;
use tokio::runtime::Builder;

/// The seed of a run that nobody chose one for.
const SEED: u64 = 1;
/// How many kills a storm has when nobody says otherwise: what fits into a minute on two cores.
const KILLS: u64 = 12;

/// Held for reading by tests that only have to be right, for writing by those that measure.
static MACHINE: RwLock<()> = RwLock::new(());

/// Runs a test beside others. `MERCAT_SEED=n` chooses another run.
pub(crate) fn storm<F: Future<Output = ()>>(test: impl FnOnce(Entropy) -> F) {
    let _shared = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
    run(test);
}

/// Runs a test that measures time: no other test of this file runs meanwhile.
pub(crate) fn measured<F: Future<Output = ()>>(test: impl FnOnce(Entropy) -> F) {
    let _alone = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
    run(test);
}

/// How many kills a storm has: `MERCAT_CHAOS_KILLS`, or a part of the usual number.
pub(crate) fn kills(part: u64) -> u64 {
    number("MERCAT_CHAOS_KILLS").unwrap_or(KILLS / part)
}

fn run<F: Future<Output = ()>>(test: impl FnOnce(Entropy) -> F) {
    let seed = number("MERCAT_SEED").unwrap_or(SEED);
    let _repeat = Repeat(seed);
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime of one thread");
    runtime.block_on(test(Entropy::seeded(seed)));
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {value}")))
}

/// Says how to repeat a run while its panic unwinds.
struct Repeat(u64);

impl Drop for Repeat {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let thread = std::thread::current();
            let (test, kills) = (thread.name().unwrap_or_default(), number("MERCAT_CHAOS_KILLS"));
            let kills = kills.map(|kills| format!("MERCAT_CHAOS_KILLS={kills} ")).unwrap_or_default();
            eprintln!("repeat this run with: MERCAT_SEED={} {kills}cargo test --test shop -- --exact {test}", self.0);
        }
    }
}

//! Seeds: a test over many runs, of which a failing one can be repeated.

use std::future::Future;
use std::time::Duration;

use actix_rt::System;
use tokio::runtime::Builder;

/// How many seeds a test tries when nobody says otherwise: enough to see that it works, few enough to wait for.
const SEEDS: u64 = 20;
/// How long a test may go on, in simulated time. A test in which nothing can happen any more gets here at once,
/// because a paused clock jumps to the next alarm, and this is the last.
const SIMULATED_MAX: Duration = Duration::from_hours(24);

/// Runs a test once per seed, in an actix system of one thread with a paused clock.
///
/// `MERCAT_SEEDS=n` tries `n` seeds instead of twenty, `MERCAT_SEED=s` only the one. A failure prints the command that
/// repeats it.
///
/// # Panics
/// When the test does, and when it takes more than a simulated day.
pub fn seeded<F: Future<Output = ()>>(test: impl Fn(u64) -> F) {
    for seed in seeds() {
        let _repeat = Repeat(seed);
        let runtime = || {
            let mut builder = Builder::new_current_thread();
            builder.enable_time().start_paused(true).build().expect("a runtime of one thread")
        };
        System::with_tokio_rt(runtime).block_on(async {
            let ended = tokio::time::timeout(SIMULATED_MAX, test(seed)).await;
            assert!(ended.is_ok(), "the test has not ended after {SIMULATED_MAX:?} of simulated time: it hangs");
        });
    }
}

fn seeds() -> std::ops::Range<u64> {
    match (number("MERCAT_SEED"), number("MERCAT_SEEDS")) {
        (Some(seed), _) => seed..seed.saturating_add(1),
        (None, count) => 0..count.unwrap_or(SEEDS),
    }
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
            eprintln!("repeat this run with: {}", command(self.0));
        }
    }
}

/// The command that repeats this test with a seed.
fn command(seed: u64) -> String {
    // The harness names the thread after the test, and cargo the executable after the target and a hash.
    let thread = std::thread::current();
    let test = thread.name().unwrap_or_default();
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_else(|_| env!("CARGO_PKG_NAME").to_owned());
    let executable = std::env::current_exe().ok();
    let stem = executable.as_ref().and_then(|path| path.file_stem()?.to_str()).unwrap_or_default();
    let target = match stem.rsplit_once('-').map_or(stem, |(target, _hash)| target) {
        target if target == package.replace('-', "_") => "--lib".to_owned(),
        target => format!("--test {target}"),
    };
    format!("MERCAT_SEED={seed} cargo test -p {package} --all-features {target} -- --exact {test}")
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    /// What a test that must fail says.
    fn failure(test: impl FnOnce()) -> String {
        let panic = catch_unwind(AssertUnwindSafe(test)).expect_err("the test passed");
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
    }

    #[test]
    fn a_test_that_hangs_fails() {
        let said = failure(|| seeded(|_| std::future::pending()));
        assert!(said.ends_with("it hangs"), "{said}");
    }

    #[test]
    fn a_test_that_leaves_work_behind_fails_and_names_it() {
        let said = failure(|| {
            seeded(|seed| async move {
                let world = super::super::World::new(seed);
                let bus = world.fabric("order", "n1").bus();
                let subscription = bus.subscribe("shop.any.order.>".to_owned(), None).await;
                drop(world);
                drop(subscription);
            });
        });
        assert_eq!(said, "the test leaves work behind: a subscription to shop.any.order.> of order.n1");
    }

    #[test]
    fn actors_run_inside_a_seeded_test() {
        seeded(|_| async {
            let ran = std::rc::Rc::new(std::cell::Cell::new(false));
            let tell = ran.clone();
            actix_rt::spawn(async move { tell.set(true) }).await.unwrap();
            assert!(ran.get());
        });
    }

    #[test]
    fn the_command_repeats_this_test_alone() {
        let expected = "MERCAT_SEED=7 cargo test -p runtime --all-features --lib -- --exact \
                        testkit::seeds::tests::the_command_repeats_this_test_alone";
        assert_eq!(command(7), expected);
    }
}

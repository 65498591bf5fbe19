//! The shop in containers: `compose.yaml`, `Dockerfile` and `deploy/<group>/compose.yaml`, started for real.
//!
//! Slow, and needs root for a Docker engine of its own, so only with `RUN_SLOW_TESTS=1`. No image registry is needed:
//! the three images that ours are made from are stood in for by local files (`engine.rs` says by which). What is quick is
//! always checked: that no group has been forgotten.

#[path = "../cli/run.rs"]
mod run;

mod engine;
mod forgotten;
mod project;
mod whole;

use std::io::Write as _;

/// Whether slow tests are wanted; says so when they are not.
fn is_slow_wanted() -> bool {
    let wanted = std::env::var("RUN_SLOW_TESTS").is_ok_and(|value| value == "1");
    if !wanted {
        let _ = writeln!(std::io::stderr(), "note: containers are tested with RUN_SLOW_TESTS=1");
    }
    wanted
}

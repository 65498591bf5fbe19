//! Suites: what every implementation of a trait must do, written once and run on all of them.
//!
//! A suite is a list of named facts. The world in memory and real servers keep the same ones, which is the only
//! reason to believe what a simulation says. A fact builds on no other: it finds the end of what is there and works
//! from it, so that all of them can share one server that is expensive to start.

pub mod fabric;
pub mod store;

/// Says which fact failed while its panic unwinds.
struct Named(&'static str);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this fact does not hold: {}", self.0.replace('_', " "));
        }
    }
}

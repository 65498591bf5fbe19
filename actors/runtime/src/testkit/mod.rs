//! The testkit: a world in memory with seeded faults, and the suites that keep it honest.
//!
//! - [`World`]: bus, logs, hearings and members of a whole shop in one thread. A seed reproduces a run exactly.
//! - [`MemoryStore`]: a store that loses what a crash may lose.
//! - [`Stage`]: a group with replicas that come and go, in a world or on real servers.
//! - [`seeded`]: runs a test over many seeds; a failure prints its seed and the command that repeats it.
//! - [`suite`]: facts that the world, real servers and both stores keep.
//! - [`checker`]: judges a history of commands and answers against the log.
//!
//! It models what was measured on nats-server 2.15.1 and what its client library does. It does not make up faults that
//! cannot happen there, a refused append that landed first of all: code that survives those proves nothing.

pub mod checker;
mod memory;
mod seeds;
mod stage;
pub mod suite;
mod world;

pub use memory::{Flipped, MemoryStore};
pub use seeds::seeded;
pub use stage::{Asker, Ground, Stage, refusal};
pub use world::{Counters, Faults, Odds, Stored, World};

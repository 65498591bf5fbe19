//! The house: the real binary, run as people run it, and a client that speaks HTTP to it.
//!
//! Every test has directories and ports of its own, and ends every process it started.

mod http;
mod port;
mod process;
mod up;

pub(crate) use http::{Answer, Ask, Broken, Http};
pub(crate) use port::free as free_port;
pub(crate) use process::{Process, mercat, run};
pub(crate) use up::{Doors, Elsewhere, Up};

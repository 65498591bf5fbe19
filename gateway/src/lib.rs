//! The door: HTTP in, NATS out.
//!
//! The gateway turns an HTTP request into a message of the contract, asks the group that the contract names, and turns
//! the answer back. Routes, parameters, scopes, refusals and documentation all come from [`messages::ROUTES`], so a new
//! rpc needs no line here; and whatever holds for one endpoint holds for all of them, because it is written once.
//!
//! ```text
//! request head ─ limits ─ router ─ lifecycle ─ identity ─ command ─ request ─▶ runtime's client ─▶ NATS
//! response     ◀─ cors, trace, lifecycle ◀─ answer | error ◀───────────────────┘
//! ```
//!
//! It refuses to know any commerce: it has no state but what makes it faster (who wrote what last), calls no group by
//! name, and may be killed or doubled at any time. It refuses to guess: an outcome it did not hear is never told as a
//! failure, and a request it does not wholly understand is never passed on in part.
#![warn(clippy::pedantic)]

mod answer;
mod authority;
mod bearer;
mod cache;
mod command;
mod compression;
pub mod config;
mod connection;
mod cors;
mod docs;
mod door;
mod dpop;
mod error;
mod exchange;
mod file;
mod guest;
mod health;
mod identity;
mod lifecycle;
mod limits;
mod merge;
pub mod metrics;
mod oidc;
mod openapi;
mod origin;
mod rates;
mod raw;
mod reach;
mod request;
mod router;
pub mod routes;
pub mod screens;
pub mod server;
mod sessions;
mod settle;
mod shapes;
mod shared;
mod staff;
mod tls;
mod trace;
mod upstream;
mod watch;
mod whose;

pub use config::Config;
pub use server::{Connect, Error, Gateway, Reach, run};

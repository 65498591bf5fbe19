//! What a person sees who looks inside a running shop: the real binary, the stock `nats` CLI, and a client in another
//! language that knows nothing of us but the contract.
//!
//! Two judges, because one may be missing: the stock CLI is used where it is on the `PATH` (`./test.sh` installs it if Go
//! can), nats-py always (`tests/requirements.txt`). Each shop runs on ports and in a directory of its own.

mod demo;
mod judge;
mod programs;
mod readme;
mod routes;
mod run;
mod schema;
mod shop;
mod starts;
mod stock;
mod terminal;
mod traces;

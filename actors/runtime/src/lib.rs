//! The machine: groups of actors whose turns are committed to a log.
//!
//! A reader may rely on four promises; each module keeps its part of one, and its tests break it on purpose.
//!
//! - **Nothing is said before it is durable.** A reply leaves after the log has acknowledged the turn; the store may
//!   lag, because it can be made anew. ([`turn`], `partition`, [`log`], [`store`])
//! - **Delivery may repeat; effect does not.** A command id is answered from its record, a heard event finds the command
//!   it caused, a call outside is announced in the log before it is made and repeats its key. (`seen`, `reaction`,
//!   `agenda`)
//! - **Everything has a limit with a name**: [`COMMANDS_WAITING_MAX`], [`TURN_COMMANDS_MAX`](turn::TURN_COMMANDS_MAX),
//!   [`ASK_TIMEOUT`](headers::ASK_TIMEOUT); a full mailbox refuses, it does not grow.
//! - **One message's failure is its own.** A turn is folded on copies before it is appended, so a panic refuses one
//!   command and tears nothing; three in a row set that actor aside and nobody else. ([`desk`], [`supervisor`])
//!
//! What a group writes: [`entity`] (the rules), [`group`] (the list of them), [`view`] (read models).
//! What carries it: [`bus`], [`log`], [`fabric`] (NATS or a simulated world), [`store`], [`clock`], [`entropy`].
//! What runs it: [`replica`] (start, mend, stop), `partition`, `tail`, `agenda`, `reaction`, `membership`, `ops`.

pub mod bus;
pub mod client;
pub mod clock;
pub mod desk;
pub mod entity;
pub mod entropy;
pub mod fabric;
pub mod fold;
pub mod group;
pub mod headers;
pub mod inquiry;
pub mod log;
pub mod membership;
pub mod nats;
pub mod outside;
pub mod paging;
pub mod permissions;
pub mod reach;
pub mod replica;
pub mod server;
pub mod sled;
pub mod store;
pub mod supervisor;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod turn;
pub mod verify;
pub mod view;
pub mod workbench;

mod agenda;
mod cells;
mod checkpoint;
mod kind;
mod ops;
mod partition;
mod problems;
mod reaction;
mod request;
mod seen;
pub mod span;
mod stats;
mod tail;
mod vitals;

pub use partition::COMMANDS_WAITING_MAX;

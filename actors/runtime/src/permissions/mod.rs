//! Permissions: who may say and hear what on NATS, generated from the contracts.
//!
//! Every group is a user with a key of its own, an inbox of its own and only the subjects its contract names; the
//! repository's `nats.conf` is what [`render`] says. A mistake in a group, or a stolen key, then cannot write another
//! group's log, answer in its name, or remove a stream.
//!
//! What this does not do: NATS checks whom a request is published to, but not where its answer is sent. A group that is
//! bent on it can name another group's subject as its inbox and have bytes it does not choose delivered there. That is
//! why receivers decode and judge whatever arrives. And each group may remove any dead letter: NATS cannot tell them
//! apart by sequence.

mod conf;
mod keys;
mod users;

pub use self::conf::{Cluster, Options, REWRITE_ONE, REWRITE_THREE, Users, mapping, render};
pub use self::keys::{Keys, seed_of, variable};
pub use self::users::{GATEWAY, OPERATOR, SYS, User, users};

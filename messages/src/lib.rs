#![doc = include_str!("../README.md")]

pub mod check;
pub mod errors;
pub mod field;
pub mod group;
pub mod id;
pub mod json;
pub mod money;
pub mod partition;
pub mod pointer;
pub mod problem;
pub mod route;
pub mod sample;
pub mod scope;
pub mod time;
pub mod token;
pub mod transcode;
mod wire;

pub use check::Validate;
pub use errors::{Errors, FieldError, code};
pub use field::{Described, Field, FieldKind, Format};
pub use group::{Event, EventType, Group, Hears};
pub use pointer::Pointer;
pub use route::{
    Cache, File, Http, Idempotency, Lifecycle, Method, Opened, Rate, Raw, Refusal, Route, Rpc, RpcKind, Segment, Settle,
};
pub use transcode::{HasBody, Message, Transcoder};

// What the build made of `proto/`: the modules `common`, `runtime` and one per group, each with its messages in `v1` and
// its rpcs in `v1::rpc`; and the tables `GROUPS`, `ROUTES`, `EVENTS` and `DESCRIPTOR_SET`.
include!(concat!(env!("OUT_DIR"), "/contract.rs"));

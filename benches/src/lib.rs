//! What `mercat bench` measures with, and what it measures the shop against.
//!
//! A figure of one machine says little, so every figure is a ratio to a yardstick taken in the same run. The yardsticks
//! are the least that could do the job: [`minimal`] is an HTTP handler that does one NATS request-reply and knows no
//! contract, [`publish`] appends to a stream and does nothing else. They use the client libraries as anyone would, past
//! everything of ours: this crate depends on no other room of the house.
//!
//! Load comes from [`load`], a closed loop over HTTP/1.1, the same for both sides. What it brings is a [`sample`].

pub mod load;
pub mod minimal;
pub mod publish;
pub mod sample;

#![doc = include_str!("../README.md")]

pub mod bank;
pub mod books;
pub mod card;
mod clock;
pub mod fault;
pub mod form;
pub mod http;
pub mod intent;
pub mod journal;
mod page;
pub mod stripe;
pub mod webhook;

pub use bank::Bank;
pub use http::{Config, serve};

//! Makes Rust of the contract in `proto/`: the messages with prost, and with our own generator their JSON, their checks
//! and the tables of rpcs and events.
//!
//! Read in this order: [`compile`] (files to descriptors), [`model`] (descriptors to the contract as we see it), [`check`]
//! (what a contract must hold; a broken one fails the build), [`emit`] (the contract to Rust).

mod check;
mod compile;
mod emit;
mod model;
mod options;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

#[expect(clippy::print_stdout, reason = "this is how a build script speaks to cargo")]
fn main() -> anyhow::Result<()> {
    println!("cargo::rerun-if-changed=proto");
    println!("cargo::rerun-if-changed=build");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").context("cargo sets OUT_DIR")?);
    let compiled = compile::compile(Path::new("proto"))?;
    let contract = model::read(&compiled)?;
    check::contract(&contract)?;
    compiled.write(&out)?;
    emit::write(&contract, &out)
}

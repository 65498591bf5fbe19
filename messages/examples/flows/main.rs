//! Writes `docs/flows.md`, who hears and calls whom: `cargo run -p messages --example flows`.

mod page;

use std::path::Path;

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/flows.md");
    std::fs::write(&path, page::page(messages::GROUPS)).with_context(|| format!("cannot write {}", path.display()))
}

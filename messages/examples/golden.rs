//! Writes the golden sample of every event that has none: `cargo run -p messages --example golden`.
//!
//! Samples that are there are never touched: they stand for what is in the logs.

use std::path::Path;

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    std::fs::create_dir_all(&folder)?;
    for event in messages::EVENTS {
        let file = |extension: &str| folder.join(format!("{}.{extension}", event.type_));
        if file("bin").exists() {
            continue;
        }
        let bytes = (event.from_json)(&messages::sample::of(event.fields))
            .map_err(|errors| anyhow::anyhow!("the examples of {} make no event: {errors:?}", event.type_))?;
        let mut json = Vec::new();
        (event.to_json)(&bytes, &mut json).with_context(|| format!("cannot show {}", event.type_))?;
        json.push(b'\n');
        std::fs::write(file("bin"), bytes)?;
        std::fs::write(file("json"), json)?;
    }
    Ok(())
}

//! The page that tells people who hears and calls whom says what the contracts say.

use std::path::Path;

use messages::{Group, Hears};

#[path = "../examples/flows/page.rs"]
mod page;

#[test]
fn the_repositorys_page_is_what_the_contracts_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/flows.md");
    let written = std::fs::read_to_string(path).unwrap_or_default();
    let is_true = written == page::page(messages::GROUPS);
    assert!(is_true, "docs/flows.md is not what the contracts say; run `cargo run -p messages --example flows`");
}

#[test]
fn the_page_tells_what_is_heard_and_what_is_called() {
    let listener = Group {
        name: "listener",
        doc: "",
        partitions: 1,
        port: 1024,
        schema: 1,
        hears: &[Hears { group: "product", events: &["product.created", "product.archived"] }],
        calls: &["product.get", "inventory.reserve", "product.list"],
        routes: &[],
        events: &[],
    };
    let product = Group::named("product").expect("the contract has it");
    let page = page::page(&[&listener, product]);
    for line in [
        "  product -- \"product.created<br/>product.archived\" --> listener",
        "  listener -. \"get<br/>list\" .-> product",
        "  listener -. \"reserve\" .-> inventory",
        "| listener | product | `product.created`, `product.archived` |",
    ] {
        assert!(page.lines().any(|other| other == line), "no {line:?} in {page}");
    }
    for part in ["| listener | `inventory.reserve` | command | ", "| `product.created` | "] {
        assert!(page.contains(part), "no {part:?} in {page}");
    }
    let row = |event: &str| page.lines().find(|line| line.starts_with(&format!("| `{event}` |"))).expect("a row");
    assert!(row("product.created").ends_with("| listener |"), "{}", row("product.created"));
    assert!(row("product.updated").ends_with("| – |"), "{}", row("product.updated"));
}

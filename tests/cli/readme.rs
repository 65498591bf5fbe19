//! What the documents tell people to type works as it is written.

use std::path::Path;

use crate::run::repository;
use crate::shop::{Shop, shared};
use crate::stock::{cli, while_things_happen};
use crate::terminal::show;

/// Commands that are not run here, and where they are.
const ELSEWHERE: &[&str] = &[
    // What every test of this file runs beside, in its debug build.
    "cargo run --release -- up",
    // What runs this.
    "./test.sh",
    // tests/compose does, as docker-compose.
    "docker compose up",
];

/// The commands in a document: lines of its shell blocks, and what its tables show.
fn commands(document: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut in_block = false;
    for line in document.lines() {
        if line.starts_with("```") {
            in_block = line == "```sh";
        } else if in_block && !line.is_empty() {
            commands.push(line.to_owned());
        } else if line.starts_with('|') {
            let spans = line.split('`').skip(1).step_by(2);
            let programs = ["nats ", "mercat ", "curl "];
            commands.extend(spans.filter(|span| programs.iter().any(|p| span.starts_with(p))).map(str::to_owned));
        }
    }
    commands
}

/// Runs a command as it is written, at a terminal, and gives what was shown.
fn type_in(shop: &Shop, command: &str) -> String {
    let typed = command.replace("<id>", &shop.product).replace("<warehouse>", &shop.warehouse);
    let mut shell = shop.shell_command(&format!("exec {typed}"));
    let shown = if typed.starts_with("nats sub ") {
        // Nobody tells a subscriber to stop: one message is enough.
        while_things_happen(shop, "As the documents say", || show(&mut shell, |text| text.contains("[#1]")))
    } else {
        show(&mut shell, |_| false)
    };
    assert!(shown.ended_well, "{typed}: {}", shown.text);
    shown.text
}

#[track_caller]
fn work(document: &Path) {
    let text = std::fs::read_to_string(repository().join(document)).expect("the document is there");
    let commands = commands(&text);
    assert!(commands.len() > 1, "{} shows nothing to type", document.display());
    let shop = shared();
    for command in commands.iter().filter(|command| !ELSEWHERE.contains(&command.as_str())) {
        if command.starts_with("nats ") && cli().is_none() {
            continue;
        }
        let shown = type_in(&shop, command);
        assert!(!shown.trim().is_empty(), "{command} shows nothing");
        // What somebody else asked in vain is shown by statistics, and is no failure of this command.
        let shown: String = shown.lines().filter(|line| !line.contains("Last Error:")).collect();
        for bad in ["no responders", "nats: error", "\"code\":", "rror:"] {
            assert!(!shown.contains(bad), "{command}: {shown}");
        }
    }
}

#[test]
fn the_commands_of_the_readme() {
    work(Path::new("README.md"));
}

#[test]
fn the_commands_of_the_groups_readmes() {
    work(Path::new("actors/product/README.md"));
    work(Path::new("actors/inventory/README.md"));
}

#[test]
fn the_three_things_that_a_new_shop_says_to_try() {
    let shop = shared();
    let (_, things) = shop.greeting.split_once("Three things to try:").expect("it says so");
    let (things, _) = things.split_once("Ctrl-C").expect("and then how to stop");
    let things = things.replace("\\\n", " ");
    let things: Vec<&str> = things.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let [search, reserve, ask] = things.as_slice() else { panic!("three things, not {things:?}") };
    let found = shop.shell(search).ok();
    assert!(found.contains("Enamel mug"), "{found}");
    let reserved = shop.shell(reserve).ok();
    assert!(reserved.contains(r#""sku":"MUG-BLUE""#) && reserved.contains("rsv_"), "{reserved}");
    if cli().is_some() {
        let asked = shop.shell(ask).ok();
        assert!(asked.contains("Enamel mug"), "{asked}");
    }
}

#[test]
fn commands_are_found_in_blocks_and_tables() {
    let document = "Say `nats x`.\n```sh\nnats a 'b'\n\n./c\n```\n```rust\nnats no\n```\n| one | `nats d` · `e` |\n| `mercat f` |\n";
    assert_eq!(commands(document), ["nats a 'b'", "./c", "nats d", "mercat f"]);
}

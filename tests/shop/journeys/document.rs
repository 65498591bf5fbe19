//! Judges of the OpenAPI document: spectral with the rules of OWASP, and redocly.

use std::path::Path;
use std::process::Command;

use super::journey;
use crate::house::{Ask, Up};
use crate::npm::{installed, passes};

/// A program of the room, as npm has linked it.
fn program(room: &Path, name: &str, arguments: &[&str]) -> Command {
    let mut program = Command::new(room.join("node_modules/.bin").join(name));
    program
        .args(arguments)
        .current_dir(room)
        .env("REDOCLY_TELEMETRY", "off")
        .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
    program
}

#[test]
fn two_linters_find_nothing_wrong_with_the_document() {
    let Some(room) = installed("lint") else { return };
    journey(async || {
        let shop = Up::open().await;
        let document = shop.stranger().try_send(&Ask::get("/openapi.json")).await.expect("a document");
        std::fs::write(room.join("openapi.json"), &document.body).expect("a file");
        let spectral = ["lint", "openapi.json", "--ruleset", "ruleset.mjs", "--fail-severity", "hint", "--quiet"];
        passes(program(&room, "spectral", &spectral)).await;
        let redocly = ["lint", "openapi.json", "--config", "redocly.yaml", "--max-problems", "50"];
        passes(program(&room, "redocly", &redocly)).await;
    });
}

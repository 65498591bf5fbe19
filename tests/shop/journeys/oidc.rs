//! Judges: client libraries of OAuth and OpenID Connect, which know nothing of us, and a browser, against the shop that
//! runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::journey;
use crate::house::{Ask, Up};
use crate::npm::{installed, passes, repository};

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery staple 42";
/// Where Debian and others put the browser.
const BROWSERS: [&str; 3] = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/// The Python that `./test.sh` prepared, else the machine's own.
fn python() -> PathBuf {
    let prepared = repository().join("target/tools/venv/bin/python");
    if prepared.is_file() { prepared } else { PathBuf::from("python3") }
}

fn browser() -> Option<&'static str> {
    let browser = BROWSERS.into_iter().find(|browser| Path::new(browser).is_file());
    if browser.is_none() {
        eprintln!("note: chromium is not installed, so no browser judged");
    }
    browser
}

fn node(script: &str, room: &Path) -> Command {
    let mut node = Command::new("node");
    node.arg(script).current_dir(room);
    node
}

async fn judged(judge: Command) {
    judged_by(judge, Up::open().await).await;
}

async fn judged_by(mut judge: Command, shop: Up) {
    let person = json!({"email": EMAIL, "password": PASSWORD, "name": "Ada"});
    let answer = shop.stranger().try_send(&Ask::post("/api/v1/users", &person)).await.expect("an answer");
    assert!(answer.status < 300, "{answer:?}");
    judge.env("ISSUER", shop.issuer()).env("ADMIN", shop.admin()).env("EMAIL", EMAIL).env("PASSWORD", PASSWORD);
    passes(judge).await;
}

#[test]
fn openid_client_and_oauth4webapi_find_nothing_wrong() {
    let Some(room) = installed("oidc") else { return };
    journey(async || judged(node("judge.mjs", &room)).await);
}

#[test]
fn three_libraries_that_pass_the_reference_pass_the_shop() {
    let Some(room) = installed("oidc") else { return };
    journey(async || {
        let mut reference = node("rounds.mjs", &room);
        reference.arg("reference");
        passes(reference).await;
        let mut shop = node("rounds.mjs", &room);
        shop.arg("shop");
        judged(shop).await;
    });
}

#[test]
fn a_browser_signs_in_twice_over_says_yes_and_leaves() {
    let Some(room) = installed("oidc") else { return };
    let Some(browser) = browser() else { return };
    journey(async || {
        let mut chromium = node("chromium.mjs", &room);
        chromium.env("BROWSER", browser);
        judged(chromium).await;
    });
}

#[test]
fn a_browser_signs_in_with_a_passkey() {
    let Some(browser) = browser() else { return };
    journey(async || {
        let mut node = Command::new("node");
        node.args(["--experimental-websocket", "passkey.mjs"]).env("CHROMIUM", browser);
        node.current_dir(repository().join("tests/shop/oidc"));
        // Passkeys belong to a name: an address in figures has none.
        judged_by(node, Up::open_at("localhost").await).await;
    });
}

#[test]
fn authlib_finds_nothing_wrong() {
    let has = Command::new(python()).args(["-c", "import authlib, requests"]).output().expect("python runs");
    assert!(has.status.success(), "python has no authlib: pip install -r tests/requirements.txt");
    journey(async || {
        let mut python = Command::new(python());
        python.arg(repository().join("tests/shop/oidc/judge.py")).env("PYTHONDONTWRITEBYTECODE", "1");
        judged(python).await;
    });
}

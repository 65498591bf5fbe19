//! Judges: client libraries of OAuth and OpenID Connect, which know nothing of us, against the shop that runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;

use super::journey;
use crate::house::{Ask, Up};

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery staple 42";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where the judges of JavaScript are installed, once; `None` where there is no npm, or npm reaches nobody.
fn installed() -> Option<PathBuf> {
    let room = repository().join("target/tools/oidc");
    std::fs::create_dir_all(&room).expect("a directory");
    for file in ["package.json", "judge.mjs", "browser.mjs"] {
        std::fs::copy(repository().join("tests/shop/oidc").join(file), room.join(file)).expect("a copy");
    }
    let versions = std::fs::read(room.join("package.json")).expect("versions");
    if std::fs::read(room.join("installed.json")).is_ok_and(|installed| installed == versions) {
        return Some(room);
    }
    let npm = Command::new("npm").args(["install", "--no-audit", "--no-fund", "--silent"]).current_dir(&room).output();
    let Ok(Output { status, stderr, .. }) = npm else {
        eprintln!("note: npm is not installed, so openid-client and oauth4webapi did not judge");
        return None;
    };
    if !status.success() {
        let why = String::from_utf8_lossy(&stderr);
        eprintln!("note: npm could not install openid-client and oauth4webapi, so they did not judge: {why}");
        return None;
    }
    std::fs::write(room.join("installed.json"), versions).expect("a note");
    Some(room)
}

/// The Python that `./test.sh` prepared, else the machine's own.
fn python() -> PathBuf {
    let prepared = repository().join("target/tools/venv/bin/python");
    if prepared.is_file() { prepared } else { PathBuf::from("python3") }
}

async fn judged(judge: Command) {
    judged_by(judge, Up::open().await).await;
}

async fn judged_by(mut judge: Command, shop: Up) {
    let person = json!({"email": EMAIL, "password": PASSWORD, "name": "Ada"});
    let answer = shop.stranger().try_send(&Ask::post("/api/v1/users", &person)).await.expect("an answer");
    assert!(answer.status < 300, "{answer:?}");
    judge.env("ISSUER", shop.issuer()).env("ADMIN", shop.admin()).env("EMAIL", EMAIL).env("PASSWORD", PASSWORD);
    let ran = tokio::task::spawn_blocking(move || judge.output().expect("the judge runs")).await.expect("a thread");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{said}\n{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn openid_client_and_oauth4webapi_find_nothing_wrong() {
    let Some(room) = installed() else { return };
    journey(async || {
        let mut node = Command::new("node");
        node.arg("judge.mjs").current_dir(room);
        judged(node).await;
    });
}

#[test]
fn a_browser_signs_in_with_a_passkey() {
    let Some(chromium) = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| is_there(name))
    else {
        eprintln!("note: Chromium is not installed, so no browser made a passkey");
        return;
    };
    journey(async || {
        let mut node = Command::new("node");
        node.args(["--experimental-websocket", "passkey.mjs"]).env("CHROMIUM", chromium);
        node.current_dir(repository().join("tests/shop/oidc"));
        // Passkeys belong to a name: an address in figures has none.
        judged_by(node, Up::open_at("localhost").await).await;
    });
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|ran| ran.status.success())
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

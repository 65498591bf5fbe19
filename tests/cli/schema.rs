//! The third judge: schemathesis, which reads the OpenAPI document and sends what it allows and what it forbids. It looks
//! for answers that the document does not know, for bad input that is accepted, and for errors that are ours.

use std::time::Duration;

use crate::judge::python;
use crate::run::{command, repository, run_within};
use crate::shop::Shop;

/// How long it may take: it sends some ten thousand requests.
const WITHIN: Duration = Duration::from_secs(600);

/// Whoever does not show a token may do nothing, and is told so as the document says; who shows one, what it allows.
fn judge(shop: &Shop, token: Option<&str>, phases: &str) {
    let mut schemathesis = command(python());
    let document = format!("{}/openapi.json", shop.http);
    schemathesis.args(["-m", "schemathesis.cli", "--config-file"]).arg(repository().join("tests/schemathesis.toml"));
    schemathesis.args(["run", &document, "--phases", phases, "--workers", "2", "--seed", "1", "--no-color"]);
    schemathesis.args(["--max-examples", "4", "--continue-on-failure", "--generation-database", "none"]);
    if let Some(token) = token {
        schemathesis.args(["-H", &format!("Authorization: Bearer {token}")]);
    }
    schemathesis.current_dir(&shop.data);
    run_within(WITHIN, &mut schemathesis, b"").ok();
}

#[test]
fn the_document_tells_the_truth_to_the_administrator() {
    let shop = Shop::open();
    judge(&shop, Some(&shop.token), "examples,coverage");
}

#[test]
fn the_document_tells_the_truth_to_strangers() {
    let shop = Shop::open();
    judge(&shop, None, "examples");
}

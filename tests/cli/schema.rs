//! The third judge: schemathesis, which reads the OpenAPI document and sends what it allows and what it forbids. It looks
//! for answers that the document does not know, for bad input that is accepted, and for errors that are ours.

use std::time::Duration;

use messages::id::UserId;

use crate::judge::python;
use crate::run::{command, repository, run_within};
use crate::shop::Shop;

/// How long it may take: it sends some ten thousand requests.
const WITHIN: Duration = Duration::from_secs(600);
/// How long it may ask for one role. What it has not asked by then, it asks the administrator.
const ROLE_SECONDS: &str = "60";

/// A token of a person of this role.
fn token(role: &str) -> String {
    format!("token-of-a-person-of-the-role-{role}")
}

/// A token for each role but the administrator's, as the gateway is told of them.
fn tokens() -> String {
    let token = |role: &&str| {
        let scopes: Vec<String> = auth::roles::scopes_of(role).expect("a role").into_iter().collect();
        let subject = UserId::derived(role.as_bytes());
        format!(r#"{{token="{}",role="{role}",subject="{subject}",scopes={scopes:?}}}"#, token(role))
    };
    let roles: Vec<String> = ROLES.iter().map(token).collect();
    format!("[{}]", roles.join(","))
}

/// Who works here beside the administrator, and who buys.
const ROLES: [&str; 5] = ["customer", "support", "catalogue", "warehouse", "finance"];

/// Whoever does not show a token may do nothing, and is told so as the document says; who shows one, what it allows.
fn judge(shop: &Shop, token: Option<&str>, phases: &str, more: &[&str]) {
    let mut schemathesis = command(python());
    let document = format!("{}/openapi.json", shop.http);
    schemathesis.args(["-m", "schemathesis.cli", "--config-file"]).arg(repository().join("tests/schemathesis.toml"));
    schemathesis.args(["run", &document, "--phases", phases, "--workers", "2", "--seed", "1", "--no-color"]);
    schemathesis.args(["--max-examples", "4", "--continue-on-failure", "--generation-database", "none"]);
    schemathesis.args(more);
    if let Some(token) = token {
        schemathesis.args(["-H", &format!("Authorization: Bearer {token}")]);
    }
    schemathesis.current_dir(&shop.data);
    run_within(WITHIN, &mut schemathesis, b"").ok();
}

#[test]
fn the_document_tells_the_truth_to_the_administrator() {
    let shop = Shop::open();
    judge(&shop, Some(&shop.token), "examples,coverage", &[]);
}

#[test]
fn the_document_tells_the_truth_to_strangers() {
    let shop = Shop::open();
    judge(&shop, None, "examples", &[]);
}

#[test]
fn the_document_tells_the_truth_to_every_role() {
    let shop = Shop::open_with("MERCAT_GATEWAY__TOKENS", &tokens());
    for role in ROLES {
        judge(&shop, Some(&token(role)), "examples", &["--max-time", ROLE_SECONDS]);
    }
}

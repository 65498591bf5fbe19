//! The second judge, which always runs: nats-py, a client that somebody else wrote, in another language (`judge.py`).

use std::path::PathBuf;

use crate::run::{Ran, command, repository, run};
use crate::shop::{Shop, shared};

/// Lets the judge look at a case in this shop.
pub(crate) fn judge(shop: &Shop, case: &str) -> Ran {
    let mut python = command(python());
    python.arg(repository().join("tests/cli/judge.py")).arg(case).env("PYTHONDONTWRITEBYTECODE", "1");
    python.env("SHOP_NATS", &shop.nats).env("SHOP_HTTP", &shop.http).env("SHOP_TOKEN", &shop.token);
    python.env("SHOP_PRODUCT", &shop.product).env("SHOP_WAREHOUSE", &shop.warehouse);
    python.env("SHOP_KEYS", shop.data.join("keys"));
    run(&mut python, b"")
}

/// The Python that `./test.sh` prepared, else the machine's own.
pub(crate) fn python() -> PathBuf {
    let prepared = repository().join("target/tools/venv/bin/python");
    let python = if prepared.is_file() { prepared } else { PathBuf::from("python3") };
    let has = run(command(&python).args(["-c", "import nats, nkeys"]), b"");
    let needs = "pip install -r tests/requirements.txt";
    assert!(has.status.success(), "{} has no nats-py with nkeys: {needs}\n{}", python.display(), has.stderr);
    python
}

#[test]
fn the_services_api_answers_as_its_specification_says() {
    judge(&shared(), "discovery").ok();
}

#[test]
fn statistics_count_requests_and_errors() {
    judge(&shared(), "statistics").ok();
}

#[test]
fn a_stranger_asks_in_json() {
    judge(&shared(), "asking_in_json").ok();
}

#[test]
fn a_stranger_asks_in_protobuf() {
    judge(&shared(), "asking_in_protobuf").ok();
}

#[test]
fn a_stranger_is_refused_in_words() {
    judge(&shared(), "refusals").ok();
}

#[test]
fn a_stranger_hears_events() {
    judge(&shared(), "hearing_events").ok();
}

#[test]
fn a_stranger_reads_the_feed_in_order() {
    judge(&shared(), "reading_the_feed").ok();
}

#[test]
fn a_stranger_sees_who_lags() {
    judge(&shared(), "places_of_hearers").ok();
}

#[test]
fn a_stranger_follows_the_chain_of_turns() {
    judge(&shared(), "the_log").ok();
}

#[test]
fn an_operator_inspects_and_verifies() {
    judge(&shared(), "operations").ok();
}

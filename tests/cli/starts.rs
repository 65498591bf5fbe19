//! Starting and stopping: a second start, a start after a kill, and starts that must be refused.

use std::io::Write as _;
use std::net::TcpListener;

use tempfile::TempDir;

use crate::run::{self, run};
use crate::shop::{Shop, up};

/// The line that says how long a start took, for whoever reads the output: a busy machine is no reason to fail.
fn tell(what: &str, shop: &Shop) {
    let line = shop.greeting.lines().find(|line| line.contains("open after")).expect("it says how long it took");
    let _ = writeln!(std::io::stderr(), "{what}: {line}");
}

#[test]
fn a_shop_opens_again_with_all_it_had() {
    let data = TempDir::with_prefix("mercat-").expect("a directory");
    let mut shop = Shop::open_in(data.path());
    tell("first start", &shop);
    let product = shop.create_product("Kept over night");
    assert!(shop.stop().success(), "Ctrl-C ends it well");

    let mut shop = Shop::open_in(data.path());
    tell("second start", &shop);
    let (status, found) = shop.http("GET", &format!("/api/v1/products/{product}"), &serde_json::Value::Null);
    assert_eq!((status, found["title"].as_str()), (200, Some("Kept over night")), "{found}");
    assert!(shop.stop().success());
}

#[test]
fn a_shop_that_was_killed_opens_again_and_leaves_nobody_behind() {
    let data = TempDir::with_prefix("mercat-").expect("a directory");
    let mut shop = Shop::open_in(data.path());
    let product = shop.create_product("Acknowledged before the kill");
    shop.kill9();
    let left = std::fs::read_to_string(data.path().join("nats/pid")).expect("its server is written down");

    let mut shop = Shop::open_in(data.path());
    tell("start after a kill", &shop);
    assert!(shop.greeting.contains("stopped the NATS server that a killed shop had left running"), "{}", shop.greeting);
    let now = std::fs::read_to_string(data.path().join("nats/pid")).expect("its server is written down");
    assert_ne!(left, now, "the new shop has a server of its own");
    let old = run(run::command("ps").args(["-o", "args=", "-p", left.trim()]), b"").text();
    assert!(!old.contains("nats.conf"), "the old server still runs: {old}");
    let (status, found) = shop.http("GET", &format!("/api/v1/products/{product}"), &serde_json::Value::Null);
    assert_eq!((status, found["title"].as_str()), (200, Some("Acknowledged before the kill")), "{found}");
    assert!(shop.stop().success());
    let gone = run(run::command("ps").args(["-o", "args=", "-p", now.trim()]), b"").text();
    assert!(!gone.contains("nats.conf"), "its server still runs: {gone}");
}

#[test]
fn two_shops_cannot_share_a_directory() {
    let data = TempDir::with_prefix("mercat-").expect("a directory");
    let mut shop = Shop::open_in(data.path());
    let said = run(&mut up(data.path()), b"").failed();
    assert!(said.contains("another `mercat up` runs in"), "{said}");
    assert!(shop.stop().success(), "the first one is not disturbed");
}

#[test]
fn a_port_that_is_taken_is_refused_by_the_name_of_its_setting() {
    let data = TempDir::with_prefix("mercat-").expect("a directory");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    for setting in ["MERCAT_NATS__PORT", "MERCAT_NATS__MONITOR_PORT"] {
        let said = run(up(data.path()).env(setting, &port), b"").failed();
        assert!(said.contains(&port) && said.contains(setting), "{said}");
    }
}

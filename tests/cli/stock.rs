//! The stock `nats` CLI: what each command that we promise shows, judged by what a person would look for in it.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::run::{command, run, which};
use crate::shop::{Shop, shared};
use crate::terminal::{Shown, show};

/// The stock CLI, or a word to whoever reads the output that it is missing.
pub(crate) fn cli() -> Option<PathBuf> {
    let found = which("nats");
    if found.is_none() {
        // Not through `eprintln!`, which the test harness keeps to itself when a test succeeds.
        let _ = writeln!(std::io::stderr(), "note: no nats CLI on the PATH; nats-py judges alone");
    }
    found
}

/// What the stock CLI prints about a shop.
fn nats<const N: usize>(shop: &Shop, arguments: [&str; N]) -> Option<String> {
    let mut nats = command(cli()?);
    nats.args(arguments).envs(shop.environment()).env("XDG_CONFIG_HOME", &shop.data);
    Some(run(&mut nats, b"").ok())
}

/// The same at a terminal, until it ends or has shown enough.
fn at_terminal<const N: usize>(shop: &Shop, arguments: [&str; N], enough: impl FnMut(&str) -> bool) -> Option<Shown> {
    let mut nats = command(cli()?);
    nats.args(arguments).envs(shop.environment()).env("XDG_CONFIG_HOME", &shop.data);
    let shown = show(&mut nats, enough);
    assert!(shown.ended_well, "{shown:?}");
    Some(shown)
}

/// Runs `watch` while things happen in the shop, again and again: somebody who starts to listen misses what came before.
pub(crate) fn while_things_happen<T>(shop: &Shop, title: &str, watch: impl FnOnce() -> T) -> T {
    let seen = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !seen.load(Ordering::Relaxed) {
                shop.create_product(title);
            }
        });
        let watched = std::panic::catch_unwind(std::panic::AssertUnwindSafe(watch));
        seen.store(true, Ordering::Relaxed);
        watched.unwrap_or_else(|cause| std::panic::resume_unwind(cause))
    })
}

/// The cells of the table row that has these in it.
#[track_caller]
fn row<'t>(table: &'t str, words: &[&str]) -> Vec<&'t str> {
    let cells = |line: &'t str| line.split('│').map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>();
    let mut rows = table.lines().map(cells);
    rows.find(|row| words.iter().all(|word| row.contains(word))).unwrap_or_else(|| panic!("no {words:?} in\n{table}"))
}

/// The JSON among what a command printed.
#[track_caller]
fn json_in(text: &str) -> Value {
    let line = text.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("no JSON in\n{text}"));
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[test]
fn micro_ls_shows_every_group() {
    let shop = shared();
    let Some(listed) = nats(&shop, ["micro", "ls"]) else { return };
    assert!(row(&listed, &["product"]).contains(&"The product group of the shop."), "{listed}");
    assert!(row(&listed, &["inventory"]).contains(&"The inventory group of the shop."), "{listed}");
}

#[test]
fn micro_info_shows_where_to_ask_for_what() {
    let shop = shared();
    let Some(info) = nats(&shop, ["micro", "info", "inventory"]) else { return };
    for said in ["Service: inventory", "partitions: 8", "Subject: shop.inventory.*.reserve", "scope: inventory:reserve"]
    {
        assert!(info.contains(said), "no {said:?} in\n{info}");
    }
}

#[test]
fn micro_stats_counts_what_was_asked() {
    let shop = shared();
    let counted = |statistics: &str| row(statistics, &["history"])[1].parse::<u64>().expect("a number of requests");
    let Some(before) = nats(&shop, ["micro", "stats", "product"]) else { return };
    nats(&shop, ["req", &format!("shop.product.{}.history", shop.product), "{}"]);
    let after = nats(&shop, ["micro", "stats", "product"]).expect("it was there a moment ago");
    assert!(counted(&after) > counted(&before), "{before}\n{after}");
    assert!(!row(&after, &["create"]).contains(&"0s"), "creating took time:\n{after}");
}

#[test]
fn an_actor_answers_in_json() {
    let shop = shared();
    let Some(said) = nats(&shop, ["req", &format!("shop.product.{}.get", shop.product), "{}"]) else { return };
    let product = json_in(&said);
    assert_eq!(product["product_id"], shop.product);
    assert_eq!(product["title"], "Enamel mug");
    assert_eq!(product["variants"][0]["price"], json!({ "amount": 1499, "currency": "EUR" }));
}

#[test]
fn a_list_answers_in_json() {
    let shop = shared();
    let Some(said) = nats(&shop, ["req", "shop.query.product.list", r#"{"limit":5}"#]) else { return };
    assert_eq!(json_in(&said)["data"].as_array().map(Vec::len), Some(5), "{said}");
}

#[test]
fn a_shelf_tells_its_life() {
    let shop = shared();
    let subject = format!("shop.inventory.{}.history", shop.warehouse);
    let Some(said) = nats(&shop, ["req", &subject, r#"{"sku":"MUG-BLUE"}"#]) else { return };
    let first = &json_in(&said)["data"][0];
    assert_eq!((&first["type"], &first["version"]), (&json!("inventory.stock_adjusted"), &json!(1)), "{said}");
    assert_eq!((&first["data"]["delta"], &first["data"]["note"]), (&json!(120), &json!("Opening stock.")), "{said}");
}

#[test]
fn a_refusal_says_why() {
    let shop = shared();
    let nobody = "shop.product.prd_00000000000000000000000000.get";
    let Some(said) = nats(&shop, ["req", nobody, "{}"]) else { return };
    let problem = json_in(&said);
    assert_eq!(problem["code"], "not_found", "{said}");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("no such product")), "{said}");
}

#[test]
fn a_subscriber_sees_what_is_written_over_http() {
    let shop = shared();
    if cli().is_none() {
        return;
    }
    let is_shown = |text: &str| text.contains("[#1]") && text.contains("Heard by subscribers");
    let shown =
        while_things_happen(&shop, "Heard by subscribers", || at_terminal(&shop, ["sub", "shop.evt.>"], is_shown));
    let text = shown.expect("it was there a moment ago").text;
    for said in ["shop.evt.product.prd_", ".product.created", r#""specversion":"1.0""#, r#""type":"product.created""#] {
        assert!(text.contains(said), "no {said:?} in\n{text}");
    }
}

#[test]
fn the_feed_can_be_viewed() {
    let shop = shared();
    let Some(Shown { text, .. }) =
        at_terminal(&shop, ["stream", "view", "EVENTS", "--subject=shop.evt.inventory.>"], |_| false)
    else {
        return;
    };
    for said in
        ["Subject: shop.evt.inventory.wh_", ".warehouse.created", "application/cloudevents+json", "Main warehouse"]
    {
        assert!(text.contains(said), "no {said:?} in\n{text}");
    }
}

#[test]
fn the_headers_of_a_log_summarise_its_turns() {
    let shop = shared();
    let Some(Shown { text, .. }) = at_terminal(&shop, ["stream", "view", "INVENTORY"], |_| false) else { return };
    assert!(text.contains(&format!("Shop-Events: warehouse.created {}", shop.warehouse)), "{text}");
    for said in ["Subject: shop.log.inventory.", "Shop-Commits: 1", "Shop-Turn: 1 0 000"] {
        assert!(text.contains(said), "no {said:?} in\n{text}");
    }
}

#[test]
fn a_log_can_be_read_with_mercat_decode() {
    let shop = shared();
    let view = ["stream", "view", "INVENTORY", "1", "--translate", "mercat decode"];
    let Some(Shown { text, .. }) = at_terminal(&shop, view, |_| false) else { return };
    for said in [
        r#""rpc": "inventory.create""#,
        r#""outcome": "done""#,
        r#""event": "warehouse.created""#,
        r#""country": "AT""#,
    ] {
        assert!(text.contains(said), "no {said:?} in\n{text}");
    }
}

#[test]
fn a_report_shows_who_hears_a_log_and_how_far_behind() {
    let shop = shared();
    let Some(report) = nats(&shop, ["consumer", "report", "PRODUCT"]) else { return };
    for partition in 0..8 {
        for hearer in ["inventory", "evt"] {
            let place = row(&report, &[&format!("{hearer}-{partition}")]);
            assert_eq!(place[1..4], ["Pull", "Explicit", "5.00s"], "{report}");
        }
    }
    let heading = row(&report, &["Consumer"]);
    assert!(heading.contains(&"Unprocessed") && heading.contains(&"Ack Floor"), "{report}");
}

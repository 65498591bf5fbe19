//! The rest of `mercat`: what each command says when all is well, and when it is not.

use std::process::Command;

use runtime::server::{Server, ServerOptions};
use serde_json::Value;
use tempfile::TempDir;

use crate::judge::judge;
use crate::run::{self, Ran, repository, run};
use crate::shop::{Shop, shared};

fn mercat<const N: usize>(shop: &Shop, arguments: [&str; N]) -> Ran {
    run(&mut shop.mercat(arguments), b"")
}

/// The JSON documents that follow each other in a text.
fn documents(text: &str) -> Vec<Value> {
    let read: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(text).into_iter().collect();
    read.unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

#[test]
fn doctor_finds_nothing_wrong_with_a_shop_that_runs() {
    let shop = shared();
    let said = mercat(&shop, ["doctor"]).ok();
    for expected in [
        "ok    gateway: runs on",
        "ok    every acknowledged write is on disk",
        "ok    product: requests reach their partitions",
        "ok    inventory: requests reach their partitions",
        "clocks agree within",
        "MB free at",
        "nothing is wrong",
    ] {
        assert!(said.contains(expected), "no {expected:?} in\n{said}");
    }
}

#[test]
fn a_shop_that_is_interrupted_while_it_opens_leaves_nothing_running() {
    let dir = TempDir::with_prefix("mercat-").expect("a directory");
    let (said, status) = Shop::interrupted_while_opening(dir.path());
    assert!(status.success(), "{status}: {said}");
    assert!(said.contains("SIGINT: stopping before the shop was open"), "{said}");
    let mut shop = Shop::open_in(dir.path());
    assert!(!shop.greeting.contains("had left running"), "{}", shop.greeting);
    assert!(shop.stop().success());
}

#[test]
fn doctor_says_what_would_go_wrong() {
    let dir = TempDir::with_prefix("mercat-").expect("a directory");
    let time = actix_rt::System::new();
    let careless = ServerOptions { sync_always: false, ..ServerOptions::new(dir.path()) };
    let mut server = time.block_on(Server::start(careless)).expect("a server");
    let monitor = server.monitors().remove(0);
    let (_, port) = monitor.rsplit_once(':').expect("a port");
    let said =
        run(doctor(&dir).env("NATS_URL", &server.urls()[0]).env("MERCAT_NATS__MONITOR_PORT", port), b"").failed();
    assert!(said.contains("BAD   ") && said.contains("acknowledges before it syncs"), "{said}");
    let refused =
        run(serve(&dir).env("NATS_URL", &server.urls()[0]).env("MERCAT_NATS__MONITORS", format!("[{monitor:?}]")), b"");
    assert!(refused.failed().contains("NATS would acknowledge what a power cut takes back"), "groups refuse to start");
    time.block_on(server.stop()).expect("it stops");

    let said = run(doctor(&dir).env("NATS_URL", &server.urls()[0]), b"").failed();
    assert!(said.contains("BAD   nobody answers at nats://"), "{said}");
}

fn doctor(dir: &TempDir) -> Command {
    let mut mercat = run::command(run::mercat());
    mercat.arg("doctor").current_dir(dir).env("MERCAT_METRICS", "").env("MERCAT_GATEWAY__LISTEN", "127.0.0.1:0");
    mercat
}

fn serve(dir: &TempDir) -> Command {
    let mut mercat = run::command(run::mercat());
    mercat.args(["serve", "product"]).current_dir(dir).env("MERCAT_METRICS", "");
    mercat
}

#[test]
fn verify_holds_a_log_against_itself_and_against_the_store_in_use() {
    let shop = shared();
    let reports = documents(&mercat(&shop, ["verify"]).ok());
    assert_eq!(
        reports.iter().map(|report| report["group"].as_str()).collect::<Vec<_>>(),
        [
            "product",
            "pricing",
            "inventory",
            "promotion",
            "cart",
            "order",
            "payment",
            "shipping",
            "user",
            "notification",
            "auth"
        ]
        .map(Some)
    );
    for report in &reports {
        assert_eq!(report["faults"], serde_json::json!([]), "{report}");
        let number = |name: &str| report[name].as_u64().expect("a number");
        assert!(number("commits") >= number("turns"), "{report}");
        // Nobody has bought anything here; what the shop was seeded with is in its logs.
        if ["product", "pricing", "inventory", "shipping"].contains(&report["group"].as_str().expect("a name")) {
            assert!(number("turns") > 0 && number("actors") > 0, "{report}");
            assert!(number("compared") > 0, "the replica compares its store: {report}");
        }
    }
    let [log_only] = &documents(&mercat(&shop, ["verify", "product", "--log-only"]).ok())[..] else { panic!("one") };
    assert_eq!(log_only["compared"], 0);
}

#[test]
fn verify_finds_what_does_not_belong_in_a_log() {
    let mut shop = Shop::open();
    judge(&shop, "plant_garbage").ok();
    let said = mercat(&shop, ["verify", "product", "--log-only"]).failed();
    assert!(said.contains("does not continue the chain of partition 0"), "{said}");
    // And nothing stops for it.
    shop.create_product("After the garbage");
    assert!(shop.stop().success());
}

#[test]
fn decode_reads_turns_events_and_messages() {
    let shop = shared();
    let decode = |what: &str, input: &[u8]| run(&mut shop.mercat(["decode", what]), input);
    let turn = judge(&shop, "print_a_turn").stdout;
    let said = decode("turn", &turn).ok();
    let [shown] = &documents(&said)[..] else { panic!("one document: {said}") };
    assert_eq!(shown["commits"][0]["rpc"], "inventory.create");
    assert_eq!(shown["commits"][0]["records"][0]["what"]["data"]["name"], "Main warehouse");
    assert!(shown["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{said}");

    for event in ["product.created", "inventory.reserved"] {
        let golden = |kind: &str| repository().join("messages/golden").join(format!("{event}.{kind}"));
        let said = decode(event, &std::fs::read(golden("bin")).expect("golden bytes")).ok();
        let expected = std::fs::read_to_string(golden("json")).expect("golden JSON");
        assert_eq!(documents(&said), documents(&expected));
    }
    assert_eq!(decode("turn", br#"{"already":"json"}"#).ok(), "{\"already\":\"json\"}\n");
    assert!(decode("turn", b"\xff\xff\xff").failed().contains("mercat:"), "garbage is refused");
    let said = decode("product.invented", b"\x0a\x01x").failed();
    assert!(said.contains(r#"no message or event "product.invented""#), "{said}");
}

#[test]
fn dead_letters_are_listed_shown_replayed_and_dropped() {
    let mut shop = Shop::open();
    assert_eq!(mercat(&shop, ["dlq", "ls"]).ok(), "no dead letters\n");
    judge(&shop, "plant_letters").ok();

    let listed = mercat(&shop, ["dlq", "ls"]).ok();
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 2, "{listed}");
    assert!(
        lines.iter().all(|line| line.contains("inventory ← product/") && line.contains("planted by a test")),
        "{listed}"
    );
    let [shown] = &documents(&mercat(&shop, ["dlq", "show", "1"]).ok())[..] else { panic!("one") };
    assert_eq!(
        (&shown["stream"], &shown["reason"], &shown["tries"]),
        (&"PRODUCT".into(), &"planted by a test".into(), &3.into())
    );

    let said = mercat(&shop, ["dlq", "replay", "1"]).ok();
    assert!(said.contains(r#""replayed":true"#), "{said}");
    let said = mercat(&shop, ["dlq", "replay"]).failed();
    assert!(said.contains(r#""replayed":false"#), "what was garbage is still: {said}");
    assert!(mercat(&shop, ["dlq", "drop", "1"]).failed().contains("there is no dead letter 1"), "it was replayed");
    assert_eq!(mercat(&shop, ["dlq", "drop", "2"]).ok(), "dropped 2\n");
    assert_eq!(mercat(&shop, ["dlq", "ls"]).ok(), "no dead letters\n");
    assert!(shop.stop().success());
}

#[test]
fn nats_conf_is_what_the_repository_keeps() {
    let dir = TempDir::with_prefix("mercat-").expect("a directory");
    let printed = |arguments: &[&str]| {
        let mut mercat = run::command(run::mercat());
        run(mercat.current_dir(&dir).arg("nats-conf").args(arguments), b"").ok()
    };
    for (arguments, file) in [(&[][..], "nats.conf"), (&["--cluster"][..], "deploy/cluster/nats.conf")] {
        let kept = std::fs::read_to_string(repository().join(file)).expect("the file is there");
        assert_eq!(printed(arguments), kept, "{file}");
    }
}

#[test]
fn a_server_takes_the_configuration_with_the_keys_of_the_environment() {
    let dir = TempDir::with_prefix("mercat-").expect("a directory");
    let time = actix_rt::System::new();
    let server = time.block_on(runtime::server::find(&runtime::server::cache_dir())).expect("a nats-server").path;
    let shell = |line: &str| {
        let mut shell = run::command("sh");
        run(shell.current_dir(&dir).arg("-euc").arg(line.replace("nats-server", &server.display().to_string())), b"")
    };
    let check = "mercat nats-conf > nats.conf; nats-server -t -c nats.conf 2>&1";
    assert!(shell(check).failed().contains("MERCAT_NKEY_"), "without keys it names what is missing");
    let said = shell(&format!(r#"eval "$(mercat keys --env)"; {check}"#)).ok();
    assert!(said.contains("valid"), "{said}");
    let said = shell("mercat nats-conf --with-keys --out with-keys.conf; nats-server -t -c with-keys.conf 2>&1").ok();
    assert!(said.contains("valid"), "{said}");
    let said = shell("mercat certs --dir certs; mercat nats-conf --with-keys --certs certs --out tls.conf; nats-server -t -c tls.conf 2>&1").ok();
    assert!(said.contains("valid"), "{said}");
    assert!(shell("cat tls.conf").ok().contains("verify: true"));
    let seeds = shell("ls -l .mercat/keys/*.nk").ok();
    assert!(seeds.lines().count() >= 5 && seeds.lines().all(|line| line.starts_with("-rw-------")), "{seeds}");
    assert_eq!(shell("mercat keys --env").ok(), shell("mercat keys --env").ok(), "keys are made once");
}

//! A collector that somebody else could run sees one unbroken trace: from the client over the gateway and a group to
//! the append into the log.

use std::collections::HashMap;
use std::io::BufReader;
use std::process::{Child, Stdio};
use std::sync::mpsc::Receiver;
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use crate::judge::python;
use crate::run::{self, repository};
use crate::shop::{Shop, lines};

/// A collector in another process (`collector.py`).
struct Collector {
    child: Child,
    said: Receiver<String>,
    spans: HashMap<String, Value>,
}

impl Collector {
    fn start() -> (Collector, String) {
        let mut python = run::command(python());
        python.arg(repository().join("tests/cli/collector.py")).env("PYTHONDONTWRITEBYTECODE", "1");
        let mut child = python.stdout(Stdio::piped()).spawn().expect("python starts");
        let said = lines(BufReader::new(child.stdout.take().expect("it is piped")));
        let port = said.recv_timeout(run::WITHIN).expect("it says its port");
        (Collector { child, said, spans: HashMap::new() }, format!("http://127.0.0.1:{port}"))
    }

    /// The span that this looks for, once the collector has it.
    fn find(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let give_up = Instant::now() + run::WITHIN;
        loop {
            if let Some(span) = self.spans.values().find(|span| wanted(span)) {
                return span.clone();
            }
            let line = self.said.recv_timeout(give_up.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|_| panic!("no {what} among {:#?}", self.spans.values()));
            let span: Value = serde_json::from_str(&line).expect("a span");
            self.spans.insert(span["span"].as_str().expect("an id").to_owned(), span);
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_collector_sees_one_unbroken_trace_from_the_client_to_the_log() {
    let (mut collector, address) = Collector::start();
    let data = TempDir::with_prefix("mercat-").expect("a directory");
    let settings = format!("[trace]\notlp = \"{address}\"\nper_mille = 1000\n");
    std::fs::write(data.path().join("mercat.toml"), settings).expect("settings");
    let mut shop = Shop::open_empty_in(data.path());
    let create = |headers: &str| {
        let body = r#"{"title":"Traced"}"#;
        let said = shop.shell(&format!(
            "curl -s -o /dev/null -D - -H 'Content-Type: application/json' -H 'Authorization: Bearer {}' {headers} -d '{body}' \
             http://127.0.0.1:8080/api/v1/products",
            shop.token
        ));
        let said = said.ok();
        let parent = said.lines().find_map(|line| line.strip_prefix("traceparent: 00-")).expect("a traceparent");
        let mut parts = parent.trim().split('-').map(str::to_owned);
        (parts.next().expect("a trace"), parts.next().expect("a span"))
    };

    let (begun, own) = create("");
    let root = collector.find("span of the gateway", |span| span["span"] == own.as_str());
    assert_eq!((root["trace"].as_str(), root["parent"].as_str()), (Some(&*begun), Some("")), "{root}");
    let group = collector.find("span of the group", |span| span["parent"] == root["span"]);
    assert_eq!((group["trace"].as_str(), group["name"].as_str()), (Some(&*begun), Some("product.create")), "{group}");
    let append = collector.find("append", |span| span["parent"] == group["span"] && span["name"] == "append");
    assert_eq!(append["trace"].as_str(), Some(&*begun));

    let (trace, caller) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let (followed, own) = create(&format!("-H 'traceparent: 00-{trace}-{caller}-01'"));
    assert_eq!(followed, trace);
    let inner = collector.find("span of the gateway", |span| span["span"] == own.as_str());
    assert_eq!((inner["trace"].as_str(), inner["parent"].as_str()), (Some(trace), Some(caller)), "{inner}");
    collector.find("span of the group", |span| span["parent"] == inner["span"]);

    let (unsampled, _) = create(&format!("-H 'traceparent: 00-{}-{caller}-00'", "4bf92f3577b34da6a3ce929d0e0e4736"));
    assert!(shop.stop().success());
    let late = collector.said.try_iter().find(|line| line.contains(&unsampled));
    assert_eq!(late, None, "the caller did not want it recorded");
}

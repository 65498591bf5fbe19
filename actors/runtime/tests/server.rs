//! The servers that `mercat up` and the tests start: they come up, survive what is done to them, and leave nothing.

use std::time::Duration;

use bytes::Bytes;
use runtime::bus::Headers;
use runtime::fabric::{Error, Fabric as _};
use runtime::nats::{self, Options, check_durability, monitor};
use runtime::server::{Proxy, Server, ServerOptions};

/// Whether a request on a subject that nobody listens to is told so: proof that the server was reached and answered.
async fn is_answered(fabric: &nats::Fabric, within: Duration) -> bool {
    let asked = fabric.bus();
    let asked = asked.request("nobody".into(), Headers::new(), Bytes::new(), within).await;
    asked.unwrap_err().certainly_unhandled()
}

fn options(urls: Vec<String>, replica: &str) -> Options {
    Options::new(urls, group().name, replica)
}

fn group() -> &'static messages::Group {
    messages::GROUPS[0]
}

#[tokio::test]
async fn a_server_keeps_what_it_acknowledged_through_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(ServerOptions::new(dir.path())).await.unwrap();
    let fabric = nats::Fabric::connect(options(server.urls(), "a")).await.unwrap();
    let log = fabric.log(group()).await.unwrap();
    let sequence = log.append(0, 0, Headers::new(), Bytes::from_static(b"turn")).await.unwrap();
    let before = log.extent().await.unwrap();

    server.only().kill9();
    server.only().restart().await.unwrap();

    let fabric = nats::Fabric::connect(options(server.urls(), "b")).await.unwrap();
    let log = fabric.log(group()).await.unwrap();
    assert_eq!(log.read(sequence).await.unwrap().unwrap().payload, "turn");
    let after = log.extent().await.unwrap();
    assert_eq!((after.created, after.last_sequence), (before.created, before.last_sequence));
}

#[tokio::test]
async fn a_paused_server_answers_nothing_and_then_everything() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(ServerOptions::new(dir.path())).await.unwrap();
    let fabric = nats::Fabric::connect(options(server.urls(), "a")).await.unwrap();
    server.nodes()[0].pause().unwrap();
    assert!(!is_answered(&fabric, Duration::from_millis(300)).await);
    server.nodes()[0].resume().unwrap();
    assert!(is_answered(&fabric, Duration::from_secs(5)).await);
}

#[tokio::test]
async fn three_servers_form_a_cluster_that_survives_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(ServerOptions::cluster(dir.path())).await.unwrap();
    let three = Options { replicas: 3, ..options(server.urls(), "a") };
    let fabric = nats::Fabric::connect(three).await.unwrap();
    let log = fabric.log(group()).await.unwrap();
    let first = log.append(0, 0, Headers::new(), Bytes::from_static(b"one")).await.unwrap();
    assert!(server.node(2).stop().await.unwrap().success() || server.nodes()[2].pid().is_none());
    // The leader may have been the one that stopped: until the next is elected the outcome is unknown.
    let second = loop {
        match log.append(0, first, Headers::new(), Bytes::from_static(b"two")).await {
            Ok(sequence) => break sequence,
            Err(runtime::log::AppendError::Unknown { .. }) => {}
            Err(runtime::log::AppendError::Fenced { .. }) => {
                break log.next(0, first).await.unwrap().unwrap().sequence;
            }
            Err(full) => panic!("{full}"),
        }
    };
    assert_eq!(log.read(second).await.unwrap().unwrap().payload, "two");
    server.node(2).restart().await.unwrap();
    server.settled().await.unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_sync_is_refused_and_so_is_one_that_nobody_named() {
    let dir = tempfile::tempdir().unwrap();
    let lax = ServerOptions { sync_always: false, ..ServerOptions::new(dir.path().join("lax")) };
    let lax = Server::start(lax).await.unwrap();
    let Err(Error::Mismatch { reason, .. }) = check_durability(&lax.monitors()).await else { panic!("accepted") };
    assert!(reason.contains("sync_interval: always"), "{reason}");

    let cluster = Server::start(ServerOptions::cluster(dir.path().join("three"))).await.unwrap();
    check_durability(&cluster.monitors()).await.unwrap();
    let Err(Error::Mismatch { reason, .. }) = check_durability(&cluster.monitors()[..2]).await else {
        panic!("accepted")
    };
    assert!(reason.contains("3 servers"), "{reason}");
    assert!(matches!(check_durability(&[]).await, Err(Error::Mismatch { .. })));
}

#[tokio::test]
async fn a_forgotten_server_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(ServerOptions::new(dir.path())).await.unwrap();
    let monitor = server.monitors()[0].clone();
    assert!(monitor::is_healthy(&monitor).await);
    drop(server);
    assert!(!monitor::is_healthy(&monitor).await);
}

#[tokio::test]
async fn a_cut_wire_is_noticed_and_a_healed_one_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(ServerOptions::new(dir.path())).await.unwrap();
    let proxy = Proxy::start(server.nodes()[0].port()).await.unwrap();
    let fabric = nats::Fabric::connect(options(vec![proxy.url()], "a")).await.unwrap();
    assert!(is_answered(&fabric, Duration::from_secs(5)).await);

    proxy.half_open();
    assert!(!is_answered(&fabric, Duration::from_millis(200)).await);
    proxy.heal();
    assert!(is_answered(&fabric, Duration::from_secs(5)).await);

    proxy.cut();
    assert!(!is_answered(&fabric, Duration::from_millis(200)).await);
    assert!(!fabric.is_connected());
    proxy.heal();
    assert!(is_answered(&fabric, Duration::from_secs(10)).await);
    assert_eq!((fabric.counters().connects, fabric.counters().disconnects), (2, 1));
}

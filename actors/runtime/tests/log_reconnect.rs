//! An append whose connection is lost: nobody will answer it, and whoever waits for it need not wait long to know.

use std::time::Instant;

use bytes::Bytes;
use runtime::bus::Headers;
use runtime::fabric::Fabric as _;
use runtime::log::AppendError;
use runtime::nats::{Fabric, Options, SERVER_WITHIN};
use runtime::server::{Proxy, Server, ServerOptions};

#[tokio::test]
async fn an_append_over_a_lost_connection_ends_with_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(ServerOptions::new(dir.path())).await.unwrap();
    let wire = Proxy::start(server.nodes()[0].port()).await.unwrap();
    let group = messages::Group::named("inventory").unwrap();
    let fabric = Fabric::connect(Options::new(vec![wire.url()], group.name, "a")).await.unwrap();
    let log = fabric.log(group).await.unwrap();
    let first = log.append(0, 0, Headers::new(), Bytes::from_static(b"first")).await.unwrap();

    wire.half_open();
    let began = Instant::now();
    let appending = {
        let log = log.clone();
        tokio::spawn(async move { log.append(0, first, Headers::new(), Bytes::from_static(b"lost")).await })
    };
    // The append has been asked for before the flush is, and is on the wire when that ends.
    tokio::task::yield_now().await;
    fabric.client().flush().await.unwrap();
    wire.cut();
    while fabric.is_connected() {
        tokio::task::yield_now().await;
    }
    wire.heal();
    let ended = appending.await.unwrap();
    assert!(matches!(ended, Err(AppendError::Unknown { .. })), "{ended:?}");
    assert!(began.elapsed() < SERVER_WITHIN / 2, "it took {:?}", began.elapsed());
    log.append(0, first, Headers::new(), Bytes::from_static(b"second")).await.unwrap();
}

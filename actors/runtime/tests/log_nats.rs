//! The contract suite on real servers: one, and three in a cluster. The world in memory keeps the same facts.
#![cfg(feature = "testkit")]

use futures::FutureExt as _;
use futures::future::BoxFuture;
use runtime::fabric::SharedFabric;
use runtime::nats::{self, Options};
use runtime::server::{Server, ServerOptions};
use runtime::testkit::suite::fabric::{self, Fact, Site};

struct OnServers(Server);

impl Site for OnServers {
    fn fabric<'a>(&'a self, group: &'a str, replica: &'a str) -> BoxFuture<'a, SharedFabric> {
        async move {
            let replicas = self.0.nodes().len();
            let options = Options { replicas, ..Options::new(self.0.urls(), group, replica) };
            let fabric: SharedFabric = nats::Fabric::connect(options).await.unwrap();
            fabric
        }
        .boxed()
    }
}

async fn hold(nodes: usize, facts: &[Fact]) {
    let dir = tempfile::tempdir().unwrap();
    let options = ServerOptions { nodes, ..ServerOptions::new(dir.path()) };
    fabric::check(&OnServers(Server::start(options).await.unwrap()), facts).await;
}

#[tokio::test]
async fn one_server_keeps_the_facts_of_the_log() {
    hold(1, fabric::LOG).await;
}

#[tokio::test]
async fn three_servers_keep_the_facts_of_the_log() {
    hold(3, fabric::LOG).await;
}

#[tokio::test]
async fn one_server_keeps_the_facts_of_the_bus() {
    hold(1, fabric::BUS).await;
}

#[tokio::test]
async fn three_servers_keep_the_facts_of_the_bus() {
    hold(3, fabric::BUS).await;
}

#[tokio::test]
async fn one_server_keeps_the_facts_of_hearings() {
    hold(1, fabric::HEARINGS).await;
}

#[tokio::test]
async fn three_servers_keep_the_facts_of_hearings() {
    hold(3, fabric::HEARINGS).await;
}

#[tokio::test]
async fn one_server_keeps_the_facts_of_members() {
    hold(1, fabric::MEMBERS).await;
}

#[tokio::test]
async fn three_servers_keep_the_facts_of_members() {
    hold(3, fabric::MEMBERS).await;
}

#[tokio::test]
async fn one_server_keeps_the_facts_of_dead_letters() {
    hold(1, fabric::LETTERS).await;
}

#[tokio::test]
async fn three_servers_keep_the_facts_of_dead_letters() {
    hold(3, fabric::LETTERS).await;
}

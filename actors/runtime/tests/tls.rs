//! Mutual TLS with a real nats-server: who is let in, who is not, and how each hears of it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use runtime::nats::tls::{AUTHORITY, Files};
use runtime::nats::{Fabric, Options};
use runtime::server::{Proxy, Server, ServerOptions};
use tempfile::TempDir;
use time::OffsetDateTime;

const DAY: i64 = 24 * 60 * 60;

/// An authority and the leaves that it has signed.
struct House {
    dir: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl House {
    fn new(name: &str) -> House {
        let dir = tempfile::tempdir().unwrap();
        let pair = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let authority = params.self_signed(&pair).unwrap();
        std::fs::write(dir.path().join(AUTHORITY), authority.pem()).unwrap();
        let house = House { dir, issuer: Issuer::new(params, pair) };
        house.leaf("nats", -1, 30);
        house.leaf("product", -1, 30);
        house
    }

    /// A leaf that is good from one day to another, counted from now.
    fn leaf(&self, holder: &str, from: i64, until: i64) {
        let now = runtime::clock::Clock::system().now().as_second();
        let at = |days: i64| OffsetDateTime::from_unix_timestamp(now + days * DAY).unwrap();
        let pair = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![holder.to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        (params.not_before, params.not_after) = (at(from), at(until));
        let files = self.files(holder);
        std::fs::write(&files.cert, params.signed_by(&pair, &self.issuer).unwrap().pem()).unwrap();
        std::fs::write(&files.key, pair.serialize_pem()).unwrap();
    }

    fn files(&self, holder: &str) -> Files {
        Files::of(self.dir.path(), holder)
    }
}

/// A server that asks for certificates of a house, in a directory of its own.
async fn server(house: &House, dir: &Path) -> Server {
    Server::start(ServerOptions { tls: Some(house.files("nats")), ..ServerOptions::new(dir) }).await.unwrap()
}

async fn connect(url: String, tls: Option<Files>) -> Result<Arc<Fabric>, String> {
    let connect_within = Duration::from_secs(5);
    let options = Options { tls, connect_within, ..Options::new(vec![url], "product", "n1") };
    Fabric::connect(options).await.map_err(|error| error.to_string())
}

/// Whether a word to the server comes back.
async fn is_heard(fabric: &Fabric) -> bool {
    let asked = fabric.client().request("nobody.listens", bytes::Bytes::new()).await;
    asked.is_err_and(|error| error.kind() == async_nats::RequestErrorKind::NoResponders)
}

/// What a server says to somebody who does not look at their own certificate first.
async fn knock(url: String, house: &House, trusts: &House) -> Result<(), String> {
    let files = house.files("product");
    let options = async_nats::ConnectOptions::new()
        .add_root_certificates(trusts.files("nats").ca)
        .add_client_certificate(files.cert, files.key)
        .require_tls(true);
    let client = options.connect(url).await.map_err(|error| error.to_string())?;
    client.flush().await.map_err(|error| error.to_string())
}

#[actix_rt::test]
async fn only_who_shows_a_leaf_of_the_house_is_let_in() {
    let (house, other, dir) = (House::new("ours"), House::new("theirs"), tempfile::tempdir().unwrap());
    let mut server = server(&house, dir.path()).await;
    let url = server.urls().concat();
    let fabric = connect(url.clone(), Some(house.files("product"))).await.unwrap();
    assert!(is_heard(&fabric).await);

    let nothing = connect(url.clone(), None).await.unwrap_err();
    assert!(nothing.contains("could not connect"), "{nothing}");
    // Who trusts the house and shows a leaf of another is refused by the server, which says so.
    knock(url.clone(), &house, &house).await.unwrap();
    let foreign = knock(url.clone(), &other, &house).await;
    assert!(foreign.is_err(), "a foreign leaf was let in");
    // Who trusts another house does not speak to this server.
    let stranger = connect(url.clone(), Some(other.files("product"))).await.unwrap_err();
    assert!(stranger.contains("is not trusted by") && stranger.contains("UnknownIssuer"), "{stranger}");
    let mixed = Files { ca: house.files("nats").ca, ..other.files("product") };
    let told = connect(url.clone(), Some(mixed)).await.unwrap_err();
    assert!(told.contains("is not of the authority"), "{told}");

    house.leaf("product", -31, -1);
    let told = connect(url.clone(), Some(house.files("product"))).await.unwrap_err();
    assert!(told.contains("has expired on") && told.contains("mercat certs"), "{told}");
    assert!(knock(url, &house, &house).await.is_err(), "an expired leaf was let in");
    assert!(server.only().output().contains("TLS handshake error"), "{}", server.only().output());
}

#[actix_rt::test]
async fn a_renewed_leaf_is_shown_from_the_next_connection_on() {
    let (house, dir) = (House::new("ours"), tempfile::tempdir().unwrap());
    let mut server = server(&house, dir.path()).await;
    let wire = Proxy::start(server.only().port()).await.unwrap();
    let fabric = connect(wire.url(), Some(house.files("product"))).await.unwrap();
    let connects = fabric.counters().connects;
    house.leaf("nats", -1, 30);
    server.only().reload().unwrap();
    assert!(is_heard(&fabric).await, "whoever is connected stays so");

    // The leaf is read for each connection: of two that end, the one made in between is shown.
    house.leaf("product", -31, -1);
    wire.cut();
    while fabric.is_connected() {
        tokio::task::yield_now().await;
    }
    let failed = fabric.counters().failed_attempts;
    wire.heal();
    while fabric.counters().failed_attempts < failed + 2 {
        tokio::task::yield_now().await;
    }
    assert!(!fabric.is_connected(), "an expired leaf was let in");
    house.leaf("product", -1, 30);
    while fabric.counters().connects == connects {
        tokio::task::yield_now().await;
    }
    assert!(is_heard(&fabric).await);
}

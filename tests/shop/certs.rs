//! Mutual TLS in a shop of processes: leaves are renewed while it works, and what is over or foreign is told by name.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use runtime::nats::tls::{AUTHORITY, Files};
use runtime::server::{Auth, Proxy, Server, ServerOptions};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::house::{Ask, Http, Process, free_port, mercat, run};

/// How often everybody gets a new leaf.
const ROTATIONS: usize = 3;
/// How many ask at once.
const CLIENTS: usize = 4;
/// How many answers each rotation is surrounded by.
const ANSWERS_BETWEEN: u64 = 40;
const TOKEN: &str = "token-of-somebody-who-may";

/// A directory for everything.
struct House {
    home: tempfile::TempDir,
}

impl House {
    fn new() -> House {
        House { home: tempfile::tempdir().expect("a directory") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Runs `mercat certs`, and says what it said.
    async fn certs(&self, more: &[&str]) -> String {
        let mut command = mercat(self.home.path());
        command.arg("certs").arg("--dir").arg(self.path("certs")).args(more);
        let output = run(command).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A process of the shop that reaches NATS here.
    fn command(&self, nats: &str, server: &Server, replica: &str) -> Command {
        let mut command = mercat(self.home.path());
        command
            .args(["--data", replica, "--nats", nats])
            .env("MERCAT_REPLICA", replica)
            .env("MERCAT_NATS__KEYS", self.path("keys"))
            .env("MERCAT_NATS__TLS__DIR", self.path("certs"))
            .env("MERCAT_NATS__MONITORS", format!("{:?}", server.monitors()))
            .env("MERCAT_GATEWAY__TOKENS", format!(r#"[{{token="{TOKEN}", role="admin", scopes=["*"]}}]"#));
        command
    }
}

/// The certificates that are shown by connections at the moment.
fn shown(server: &Server) -> Vec<String> {
    let monitor = server.monitors().concat();
    let host = monitor.strip_prefix("http://").expect("an address");
    let mut socket = TcpStream::connect(host).expect("it listens");
    write!(socket, "GET /connz?auth=true HTTP/1.0\r\n\r\n").expect("written");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("text");
    let (_, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let told: Value = serde_json::from_str(body).expect("JSON");
    let connections = told["connections"].as_array().cloned().unwrap_or_default();
    let of = |connection: &Value| connection["tls_peer_certs"][0]["cert_sha256"].as_str().map(str::to_owned);
    connections.iter().filter_map(of).collect()
}

pub(crate) async fn are_rotated_under_load() {
    let house = House::new();
    let said = house.certs(&[]).await;
    assert!(said.contains("new leaves for") && said.contains("gateway") && said.contains("product"), "{said}");
    assert!(house.certs(&[]).await.contains("are good for longer"), "nothing is renewed that need not be");
    let options = ServerOptions {
        auth: Auth::Nkeys(house.path("keys")),
        tls: Some(Files::of(&house.path("certs"), "nats")),
        port: Some(free_port()),
        monitor_port: Some(free_port()),
        ..ServerOptions::new(house.path("nats"))
    };
    let mut server = Server::start(options).await.expect("a server");
    let wire = Proxy::start(server.only().port()).await.expect("a wire");
    let port = free_port();
    let mut group = house.command(&wire.url(), &server, "group");
    group.args(["serve", "product"]);
    let mut group = Process::start(house.home.path(), "group", group);
    group.says("ready: product").await;
    let mut door = house.command(&wire.url(), &server, "door");
    door.args(["serve", "gateway", "--listen", &format!("127.0.0.1:{port}")]);
    let mut door = Process::start(house.home.path(), "door", door);
    door.says("ready: gateway").await;

    let (answered, ends) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> =
        (0..CLIENTS).map(|client| tokio::spawn(shop(port, client, answered.clone(), ends.clone()))).collect();
    let more = async || {
        let enough = answered.load(Ordering::Relaxed) + ANSWERS_BETWEEN;
        while answered.load(Ordering::Relaxed) < enough && !clients.iter().any(tokio::task::JoinHandle::is_finished) {
            tokio::task::yield_now().await;
        }
    };
    // The gateway has answered, so it is connected too.
    more().await;
    let before = shown(&server);
    assert!(before.len() >= 3, "a group has two connections, the gateway one at least: {before:?}");
    for _ in 0..ROTATIONS {
        more().await;
        // Whatever ends within its whole life ends soon.
        assert!(house.certs(&["--renew-before", "30"]).await.contains("gateway"));
        server.only().reload().expect("it runs");
        more().await;
    }
    more().await;
    ends.store(true, Ordering::Relaxed);
    let failed: Vec<String> =
        futures::future::join_all(clients).await.into_iter().flat_map(|ended| ended.expect("no panic")).collect();
    assert_eq!(failed, Vec::<String>::new(), "of {}", answered.load(Ordering::Relaxed));
    // Whoever connects from now on shows the new leaf; nobody has to be told.
    wire.cut();
    while !shown(&server).is_empty() {
        tokio::task::yield_now().await;
    }
    wire.heal();
    while shown(&server).len() < before.len() || shown(&server).iter().any(|leaf| before.contains(leaf)) {
        tokio::task::yield_now().await;
    }
}

/// Writes and reads until it is told to stop. Says what failed.
async fn shop(port: u16, client: usize, answered: Arc<AtomicU64>, ends: Arc<AtomicBool>) -> Vec<String> {
    let mut http = Http::new(([127, 0, 0, 1], port).into(), TOKEN.to_owned());
    let mut failed = Vec::new();
    let mut number = 0;
    while !ends.load(Ordering::Relaxed) {
        number += 1;
        let create = Ask::post("/api/v1/products", &json!({"title": format!("Cap {client} {number}")}));
        let create = create.keyed(format!("{client}-{number}"));
        let id = match http.try_send(&create).await {
            Ok(answer) if answer.status == 201 => answer.json()["product_id"].as_str().expect("an id").to_owned(),
            other => {
                failed.push(format!("{create}: {other:?}"));
                return failed;
            }
        };
        let read = Ask::get(format!("/api/v1/products/{id}")).header("Cache-Control", "no-cache");
        match http.try_send(&read).await {
            Ok(answer) if answer.status == 200 => {}
            other => failed.push(format!("{read}: {other:?}")),
        }
        answered.fetch_add(2, Ordering::Relaxed);
    }
    failed
}

/// Makes an authority, and leaves of it for a group that are over, and for another that are good.
fn over(dir: &Path) {
    std::fs::create_dir_all(dir).expect("a directory");
    let pair = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "an authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    std::fs::write(dir.join(AUTHORITY), params.self_signed(&pair).expect("signed").pem()).expect("written");
    let issuer = Issuer::new(params, pair);
    let now = OffsetDateTime::from_unix_timestamp(runtime::clock::Clock::system().now().as_second()).expect("a time");
    for (holder, until) in [("product", now - Duration::days(1)), ("gateway", now + Duration::days(20))] {
        let pair = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![holder.to_owned()]).expect("names");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        (params.not_before, params.not_after) = (now - Duration::days(40), until);
        let files = Files::of(dir, holder);
        std::fs::write(files.cert, params.signed_by(&pair, &issuer).expect("signed").pem()).expect("written");
        std::fs::write(files.key, pair.serialize_pem()).expect("written");
    }
}

pub(crate) async fn that_are_of_no_use_are_told_by_name() {
    let house = House::new();
    house.certs(&[]).await;
    let options =
        ServerOptions { tls: Some(Files::of(&house.path("certs"), "nats")), ..ServerOptions::new(house.path("nats")) };
    let server = Server::start(options).await.expect("a server");
    let url = server.urls().concat();
    over(&house.path("over"));
    let said = async |env: (&str, PathBuf), arguments: &[&str]| {
        let mut command = mercat(house.home.path());
        command
            .args(["--data", "data", "--nats", &url])
            .env("MERCAT_NATS__MONITORS", format!("{:?}", server.monitors()));
        command.env("MERCAT_NATS__TLS__DIR", house.path("certs")).env(env.0, env.1).args(arguments);
        let output = run(command).await;
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    };
    let serve: &[&str] = &["serve", "product"];
    let (good, told) = said(("MERCAT_NATS__TLS__DIR", house.path("over")), serve).await;
    assert!(!good && told.contains("product.pem has expired on") && told.contains("`mercat certs`"), "{told}");
    // Ours by name, and of another authority.
    let (good, told) = said(("MERCAT_NATS__TLS__CA", house.path("over").join(AUTHORITY)), serve).await;
    assert!(!good && told.contains("is not of the authority"), "{told}");

    let (good, told) = said(("MERCAT_NATS__TLS__DIR", house.path("over")), &["doctor"]).await;
    assert!(!good && told.contains("BAD   product: the certificate") && told.contains("has expired on"), "{told}");
    assert!(told.contains("ok    gateway: good until"), "{told}");
    let (_, told) = said(("MERCAT_NATS__TLS__DIR", house.path("certs")), &["doctor"]).await;
    assert!(
        told.contains("ok    product: good until") && told.contains("product: requests reach their partitions"),
        "{told}"
    );
}

//! Reach: a gateway before groups that hang, and before two versions of one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use runtime::entropy::Entropy;
use runtime::server::{Server, ServerOptions};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::house::{Answer, Ask, Http, Process, free_port, mercat, run};

/// How soon a group that hangs is refused at once.
const OPENS_WITHIN: Duration = Duration::from_secs(2);
/// How long a process may take to stop.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// How many people ask.
const PEOPLE: usize = 500;
const ADMIN: &str = "token-of-the-administrator";
/// The example of the repository.
const NINETY_TEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/gateway/canary.toml");

/// A server, and processes of the binary on it.
struct Scene {
    server: Server,
    port: u16,
    home: TempDir,
}

impl Scene {
    async fn set() -> Scene {
        let home = tempfile::tempdir().expect("a directory");
        let options = ServerOptions { monitor_port: Some(free_port()), ..ServerOptions::new(home.path().join("nats")) };
        let server = Server::start(options).await.expect("a server");
        Scene { server, port: free_port(), home }
    }

    fn data(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn command(&self, name: &str) -> std::process::Command {
        let mut command = mercat(self.home.path());
        command
            .arg("--data")
            .arg(self.data(name))
            .args(["--nats", &self.server.urls().join(",")])
            .env("MERCAT_REPLICA", name)
            .env("MERCAT_NATS__MONITORS", format!("{:?}", self.server.monitors()));
        command
    }

    async fn serve(&self, name: &str, arguments: &[&str]) -> Process {
        let mut command = self.command(name);
        command.arg("serve").args(arguments);
        let mut process = Process::start(self.home.path(), name, command);
        process.says("ready: ").await;
        process
    }

    /// A gateway that keeps no answers, for people with these tokens.
    async fn gateway(&self, config: Option<&Path>) -> Process {
        let person = |number: usize| {
            format!("{{token=\"{}\",role=\"admin\",subject=\"usr_{number}\",scopes=[\"*\"]}}", token(number))
        };
        let admin = format!("{{token={ADMIN:?},role=\"admin\",scopes=[\"*\"]}}");
        let tokens: Vec<String> = (0..PEOPLE).map(person).chain([admin]).collect();
        let mut command = self.command("gateway");
        if let Some(config) = config {
            command.arg("--config").arg(config);
        }
        command
            .args(["serve", "gateway", "--listen", &format!("127.0.0.1:{}", self.port)])
            .env("MERCAT_GATEWAY__CACHE_BYTES_MAX", "0")
            .env("MERCAT_GATEWAY__TOKENS", format!("[{}]", tokens.join(",")));
        let mut process = Process::start(self.home.path(), "gateway", command);
        process.says("ready: ").await;
        process
    }

    fn http(&self, token: &str) -> Http {
        Http::new(([127, 0, 0, 1], self.port).into(), token.to_owned())
    }

    async fn send(&self, token: &str, ask: Ask) -> Answer {
        self.http(token).try_send(&ask).await.expect("an answer")
    }

    async fn circuit(&self, group: &str) -> Value {
        let groups = self.send("", Ask::get("/health/groups")).await.json();
        groups["groups"][group]["sets"]["stable"]["circuit"].clone()
    }

    /// Walks the log of the catalogue, and holds what a replica kept against it.
    async fn verify(&self, name: &str) {
        let mut verify = self.command(name);
        verify.args(["verify", "product"]);
        let verified = run(verify).await;
        assert!(verified.status.success(), "{name}: {}", String::from_utf8_lossy(&verified.stdout));
    }
}

fn token(number: usize) -> String {
    format!("token-of-somebody-{number:04}")
}

/// The catalogue hangs and comes back. Whoever asks it meanwhile is refused at once, and nobody else notices.
pub(crate) async fn a_group_hangs(_: Entropy) {
    let scene = Scene::set().await;
    let product = scene.serve("product", &["product"]).await;
    let _inventory = scene.serve("inventory", &["inventory"]).await;
    let _gateway = scene.gateway(None).await;
    let list = || Ask::get("/api/v1/products?limit=1");
    assert_eq!(scene.send(ADMIN, list()).await.status, 200);

    product.signal(Signal::STOP);
    let mut began = Instant::now();
    let mut asking = tokio::task::JoinSet::new();
    let opened = loop {
        let (mut http, ask) = (scene.http(ADMIN), list());
        asking.spawn(async move { http.try_send(&ask).await.expect("an answer") });
        let soon = tokio::time::timeout(Duration::from_millis(50), asking.join_next()).await;
        match soon.ok().flatten().map(|answer| answer.expect("no panic")) {
            Some(answer) if answer.status == 503 => break (began.elapsed(), answer),
            // The signal is on its way.
            Some(answer) if answer.status == 200 => began = Instant::now(),
            Some(answer) => panic!("neither silence nor a refusal: {} {}", answer.status, answer.json()),
            None => assert!(began.elapsed() < 3 * OPENS_WITHIN, "the circuit does not open"),
        }
    };
    let (after, refused) = opened;
    assert!(after <= OPENS_WITHIN, "it opened after {after:?}");
    assert_eq!(refused.json()["code"], "unavailable");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(scene.circuit("product").await, "open");
    let other = scene.send(ADMIN, Ask::get("/api/v1/warehouses")).await;
    assert_eq!((other.status, scene.send("", Ask::get("/health/live")).await.status), (200, 200));

    product.signal(Signal::CONT);
    while scene.send(ADMIN, list()).await.status != 200 {
        assert!(began.elapsed() < Duration::from_secs(30), "the circuit does not close");
    }
    assert_eq!(scene.circuit("product").await, "closed");
    eprintln!("the circuit to a group that hangs opened after {} ms", after.as_millis());
}

/// One in ten people sees the new catalogue, always the same ones; both versions write, and the log is one.
pub(crate) async fn ninety_to_ten(_: Entropy) {
    let scene = Scene::set().await;
    let mut stable = scene.serve("stable", &["product"]).await;
    let mut canary = scene.serve("canary", &["product", "--canary"]).await;
    let _gateway = scene.gateway(Some(Path::new(NINETY_TEN))).await;
    let created = scene.send(ADMIN, Ask::post("/api/v1/products", &json!({"title": "Cap"})).keyed("cap")).await;
    assert_eq!(created.status, 201, "{}", created.json());
    let path = format!("/api/v1/products/{}", created.json()["product_id"].as_str().expect("an id"));
    let version = |answer: &Answer| answer.header("api-version").expect("a version").to_owned();

    let mut chosen = [BTreeSet::new(), BTreeSet::new()];
    for chosen in &mut chosen {
        for number in 0..PEOPLE {
            let answer = scene.send(&token(number), Ask::get(&path)).await;
            assert_eq!(answer.status, 200, "{}", answer.json());
            if version(&answer) == "canary" {
                chosen.insert(number);
            }
        }
    }
    let [first, second] = chosen;
    assert_eq!(first, second, "everybody stays where they are");
    assert!((PEOPLE * 6 / 100..=PEOPLE * 14 / 100).contains(&first.len()), "near a tenth: {}", first.len());

    // What the gateway does is what `routes explain` says.
    for number in [*first.first().expect("one"), (0..PEOPLE).find(|number| !first.contains(number)).expect("one")] {
        let mut explain = scene.command("explain");
        explain.arg("--config").arg(NINETY_TEN).args(["routes", "explain", "GET", &path]);
        explain.args(["--as", &format!("usr_{number}")]);
        let said = String::from_utf8_lossy(&run(explain).await.stdout).into_owned();
        let set = if first.contains(&number) { "canary" } else { "stable" };
        assert!(said.contains(&format!("answered by    {set} replicas of product")), "{said}");
    }

    // Both change the same product and make others, in turn, and the header decides.
    let mut versions = Vec::new();
    for round in 0..20 {
        for named in ["canary", "stable", "2"] {
            let title = json!({"title": format!("Cap {round} {named}")});
            let new = Ask::post("/api/v1/products", &title).keyed(format!("{round}-{named}"));
            let patch = Ask::patch(&path, &title);
            for ask in [new, patch] {
                let answer = scene.send(ADMIN, ask.header("Api-Version", named)).await;
                assert!(matches!(answer.status, 200 | 201), "{} {}", answer.status, answer.json());
                versions.push(version(&answer));
            }
        }
    }
    assert_eq!(versions.iter().filter(|version| *version == "canary").count(), 80, "{versions:?}");
    let now = scene.send(ADMIN, Ask::get(&path)).await.json();
    assert_eq!((&now["title"], &now["version"]), (&"Cap 19 2".into(), &61.into()), "{now}");

    let (status, _) = canary.stop(Signal::TERM, STOP_WITHIN).await;
    assert!(status.success(), "{status}");
    for number in first {
        for ask in [Ask::get(&path), Ask::get(&path).header("Api-Version", "canary")] {
            let answer = scene.send(&token(number), ask).await;
            assert_eq!((answer.status, version(&answer)), (200, "stable".to_owned()));
        }
    }
    let (status, _) = stable.stop(Signal::TERM, STOP_WITHIN).await;
    assert!(status.success(), "{status}");
    scene.verify("stable").await;
    scene.verify("canary").await;
}

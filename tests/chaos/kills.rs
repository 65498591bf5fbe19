//! Kills: the process, or its server, ends at any moment as the kernel would end it, and is started again.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use runtime::entropy::Entropy;
use runtime::permissions;
use runtime::server::{Server, ServerOptions};
use rustix::process::Signal;
use tempfile::TempDir;

use super::crowd::Crowd;
use super::door::{Bus, Web};
use super::house::{Ask, Process, Up, free_port, mercat, run};
use super::judge::{Bench, judge};
use super::seed::kills;

/// How many clients want something at the same time.
const CLIENTS: usize = 8;
/// How long a process that was started may live before it is killed, and how long one that is ready.
const YOUNG_MS: u64 = 1_200;
const READY_MS: u64 = 900;
/// How long it stays dead.
const DEAD_MS: u64 = 150;

/// What can be killed and started again.
trait Mortal {
    fn kill9(&mut self);
    /// Removes what it keeps and can make anew. It does not run.
    fn wipe(&mut self);
    fn begin(&mut self);
    async fn is_ready(&mut self);
}

/// Kills it many times under the load of a crowd. Says how long it took to get ready at worst.
async fn kill<M: Mortal>(mortal: &mut M, dice: &Entropy, crowd: &Crowd, times: u64) -> Duration {
    let mut slowest = Duration::ZERO;
    for _ in 0..times {
        // Some die before they were ready: while they open stores, replay and take their places.
        let moment = if dice.below(4) == 0 {
            dice.below(YOUNG_MS)
        } else {
            let began = Instant::now();
            mortal.is_ready().await;
            slowest = slowest.max(began.elapsed());
            dice.below(READY_MS)
        };
        tokio::time::sleep(Duration::from_millis(moment)).await;
        mortal.kill9();
        if dice.below(3) == 0 {
            mortal.wipe();
        }
        tokio::time::sleep(Duration::from_millis(dice.below(DEAD_MS))).await;
        mortal.begin();
    }
    mortal.is_ready().await;
    crowd.goes_on(100).await;
    slowest
}

impl Mortal for Up {
    fn kill9(&mut self) {
        Up::kill9(self);
    }

    fn wipe(&mut self) {
        Up::wipe(self);
    }

    fn begin(&mut self) {
        Up::begin(self);
    }

    async fn is_ready(&mut self) {
        self.is_open().await;
    }
}

/// `mercat up` is killed under load over HTTP, its stores wiped in a third of the cases.
pub(crate) async fn a_whole_shop(dice: Entropy) {
    let (times, began) = (kills(1), Instant::now());
    let mut up = Up::open().await;
    let doors = (0..CLIENTS).map(|_| Web::new(up.http(), &up.admin())).collect();
    let crowd = Crowd::gather(doors, &dice, "up", 4).await;
    let slowest = kill(&mut up, &dice, &crowd, times).await;
    let (record, warehouses) = crowd.go_home().await;
    let seed = permissions::seed_of(&up.data().join("keys"), "inventory").expect("a key");
    let bench = Bench { seed: Some(seed), ..Bench::open(vec![up.nats_url()]) };
    let said = judge(&bench, &record, &warehouses, vec![Web::new(up.http(), &up.admin())]).await;
    let verified = up.mercat(&["verify"]).await;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    let (status, stopped) = up.stop().await;
    assert!(status.success(), "{status}");
    eprintln!(
        "{times} kills of mercat up: {said}; ready after {} ms at worst, stopped in {} ms; {} s in all",
        slowest.as_millis(),
        stopped.as_millis(),
        began.elapsed().as_secs()
    );
}

/// `mercat up` is killed while it starts, again and again a little later: whatever it left behind, the next one opens.
pub(crate) async fn a_shop_at_its_start(_: Entropy) {
    let mut up = Up::open().await;
    for moment_ms in (0..600).step_by(40) {
        up.kill9();
        up.begin();
        tokio::time::sleep(Duration::from_millis(moment_ms)).await;
    }
    up.kill9();
    up.begin();
    up.is_open().await;
    let (status, _) = up.stop().await;
    assert!(status.success(), "{status}");
    assert_eq!(up.left(), Vec::<String>::new(), "nothing goes on without it");
}

/// Two shops, each in a directory `data` of its own: what one clears away after a kill is not the other's.
pub(crate) async fn a_neighbour(_: Entropy) {
    let (mut up, mut neighbour) = (Up::open().await, Up::open().await);
    up.kill9();
    up.begin();
    up.is_open().await;
    let mut http = neighbour.http();
    let answer = http.try_send(&Ask::get("/api/v1/products")).await.expect("an answer");
    assert_eq!(answer.status, 200);
    assert_eq!(neighbour.left().len(), 1, "its server goes on");
    for shop in [&mut up, &mut neighbour] {
        let (status, _) = shop.stop().await;
        assert!(status.success(), "{status}");
    }
}

/// `mercat serve inventory` on a server that goes on.
pub(crate) struct Serve {
    process: Process,
    server: Server,
    home: TempDir,
}

impl Serve {
    pub(crate) async fn start() -> Serve {
        let home = tempfile::tempdir().expect("a directory");
        let options = ServerOptions {
            port: Some(free_port()),
            monitor_port: Some(free_port()),
            ..ServerOptions::new(home.path().join("nats"))
        };
        let server = Server::start(options).await.expect("a server");
        let process = Process::start(home.path(), "inventory", command(home.path(), &server));
        let mut serve = Serve { home, server, process };
        serve.is_ready().await;
        serve
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Stops the process and verifies the log and what it kept of it.
    async fn stop_and_verify(&mut self) {
        let (status, _) = self.process.stop(Signal::TERM, Duration::from_secs(10)).await;
        assert!(status.success(), "{status}");
        let mut verify = mercat(self.home.path());
        verify.arg("--data").arg(self.data()).args(["--nats", &self.server.urls().join(",")]);
        verify.args(["verify", "inventory"]);
        let verified = run(verify).await;
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    }

    async fn doors(&self, count: usize) -> Vec<Bus> {
        let mut doors = Vec::new();
        for number in 0..count {
            doors.push(Bus::connect(self.server.urls(), &format!("client{number}")).await);
        }
        doors
    }
}

fn command(home: &Path, server: &Server) -> std::process::Command {
    let mut command = mercat(home);
    command
        .arg("--data")
        .arg(home.join("data"))
        .args(["--nats", &server.urls().join(","), "serve", "inventory"])
        .env("MERCAT_REPLICA", "a")
        .env("MERCAT_NATS__MONITORS", format!("{:?}", server.monitors()));
    command
}

impl Mortal for Serve {
    fn kill9(&mut self) {
        self.process.kill9();
    }

    fn wipe(&mut self) {
        match std::fs::remove_dir_all(self.data()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("the store stays: {error}"),
            _ => {}
        }
    }

    fn begin(&mut self) {
        self.process = Process::start(self.home.path(), "inventory", command(self.home.path(), &self.server));
    }

    async fn is_ready(&mut self) {
        self.process.says("ready: inventory").await;
    }
}

/// `mercat serve inventory` is killed under load over the bus, its store wiped in a third of the cases.
pub(crate) async fn a_group(dice: Entropy) {
    let (times, began) = (kills(1), Instant::now());
    let mut serve = Serve::start().await;
    let crowd = Crowd::gather(serve.doors(CLIENTS).await, &dice, "serve", 4).await;
    let slowest = kill(&mut serve, &dice, &crowd, times).await;
    let (record, warehouses) = crowd.go_home().await;
    let bench = Bench::open(serve.server.urls());
    let said = judge(&bench, &record, &warehouses, serve.doors(1).await).await;
    serve.stop_and_verify().await;
    eprintln!(
        "{times} kills of mercat serve: {said}; ready after {} ms at worst; {} s in all",
        slowest.as_millis(),
        began.elapsed().as_secs()
    );
}

/// The server is killed under load and started again on the same store. The group goes on by itself.
pub(crate) async fn the_server(dice: Entropy) {
    let (times, began) = (kills(1), Instant::now());
    let mut serve = Serve::start().await;
    let crowd = Crowd::gather(serve.doors(CLIENTS).await, &dice, "server", 4).await;
    for _ in 0..times {
        tokio::time::sleep(Duration::from_millis(dice.below(READY_MS))).await;
        serve.server.only().kill9();
        tokio::time::sleep(Duration::from_millis(dice.below(DEAD_MS))).await;
        serve.server.only().restart().await.expect("a server on the store it had");
        if dice.below(2) == 0 {
            crowd.goes_on(20).await;
        }
    }
    crowd.goes_on(100).await;
    let (record, warehouses) = crowd.go_home().await;
    assert_eq!(serve.process.has_ended(), None, "the group outlives its server");
    let bench = Bench::open(serve.server.urls());
    let said = judge(&bench, &record, &warehouses, serve.doors(1).await).await;
    serve.stop_and_verify().await;
    eprintln!("{times} kills of nats-server: {said}; {} s in all", began.elapsed().as_secs());
}

//! The fleet: replicas of inventory, each a process with its own data and its own wire to the servers.

use std::path::PathBuf;
use std::time::Duration;

use runtime::server::{Proxy, Server, ServerOptions};
use rustix::process::Signal;
use tempfile::TempDir;

use super::door::Bus;
use super::house::{Process, free_port, mercat, run};
use super::judge::Bench;

/// How long a replica may take to stop when it is asked to.
pub(crate) const STOP_WITHIN: Duration = Duration::from_secs(10);
/// What a replica says when it has caught up and listens.
const READY: &str = "ready: inventory";

/// Replicas on one server or on three.
pub(crate) struct Fleet {
    pub(crate) replicas: Vec<Replica>,
    pub(crate) server: Server,
    home: TempDir,
}

/// A replica.
pub(crate) struct Replica {
    name: String,
    home: PathBuf,
    /// The wire to the servers. In a cluster it learns of others, and may go round this one when it is cut.
    pub(crate) wire: Proxy,
    monitors: Vec<String>,
    /// How many servers keep each log.
    copies: usize,
    process: Process,
    /// Why it ended by itself, each time that it did and was started again as whoever runs it would.
    pub(crate) gave_up: Vec<String>,
}

impl Fleet {
    /// Starts servers and replicas, and waits until all are ready.
    pub(crate) async fn start(nodes: usize, replicas: &[&str]) -> Fleet {
        let home = tempfile::tempdir().expect("a directory");
        let options = ServerOptions {
            nodes,
            port: Some(free_port()),
            monitor_port: Some(free_port()),
            ..ServerOptions::new(home.path().join("nats"))
        };
        let server = Server::start(options).await.expect("servers");
        let mut fleet = Fleet { home, server, replicas: Vec::new() };
        for (number, name) in replicas.iter().enumerate() {
            let wire = Proxy::start(fleet.server.nodes()[number % nodes].port()).await.expect("a wire");
            let (home, monitors) = (fleet.home.path().to_owned(), fleet.server.monitors());
            let mut replica = Replica::start((*name).to_owned(), home, wire, monitors, nodes);
            replica.is_ready().await;
            fleet.replicas.push(replica);
        }
        fleet
    }

    /// Clients, each with a connection of its own.
    pub(crate) async fn doors(&self, count: usize) -> Vec<Bus> {
        let mut doors = Vec::new();
        for number in 0..count {
            doors.push(Bus::connect(self.server.urls(), &format!("client{number}")).await);
        }
        doors
    }

    pub(crate) fn bench(&self) -> Bench {
        Bench { replicas: self.server.nodes().len(), ..Bench::open(self.server.urls()) }
    }

    /// Stops every replica as SIGTERM does, and verifies the log and what each kept of it.
    pub(crate) async fn stop_and_verify(&mut self) {
        for replica in &mut self.replicas {
            replica.stop().await;
            let mut verify = mercat(&replica.home);
            verify.arg("--data").arg(replica.data()).args(["--nats", &self.server.urls().join(",")]);
            verify.args(["verify", "inventory"]).env("MERCAT_NATS__REPLICAS", replica.copies.to_string());
            let verified = run(verify).await;
            let said = String::from_utf8_lossy(&verified.stdout).into_owned();
            assert!(verified.status.success(), "{}: {said}", replica.name);
            let compared = said.lines().find(|line| line.contains("\"compared\""));
            assert!(compared.is_some_and(|line| !line.ends_with(" 0,")), "nothing was compared: {said}");
        }
    }
}

impl Replica {
    fn start(name: String, home: PathBuf, wire: Proxy, monitors: Vec<String>, copies: usize) -> Replica {
        let process = Process::start(&home, &name, command(&name, &home, &wire, &monitors, copies));
        Replica { name, home, wire, monitors, copies, process, gave_up: Vec::new() }
    }

    fn data(&self) -> PathBuf {
        self.home.join(&self.name)
    }

    /// Ends it at once.
    pub(crate) fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Removes its store. It does not run.
    pub(crate) fn wipe(&self) {
        match std::fs::remove_dir_all(self.data()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("the store stays: {error}"),
            _ => {}
        }
    }

    /// Starts it again, without waiting.
    pub(crate) fn begin(&mut self) {
        let command = command(&self.name, &self.home, &self.wire, &self.monitors, self.copies);
        self.process = Process::start(&self.home, &self.name, command);
    }

    /// Waits until it is ready.
    pub(crate) async fn is_ready(&mut self) {
        self.process.says(READY).await;
    }

    /// Waits until it is ready, and starts it again whenever it gives up. That is its right when the world does not
    /// answer; to say that its checkpoint is not of this world is not.
    pub(crate) async fn gets_ready(&mut self) {
        while !self.process.says_before_it_ends(READY).await {
            self.begin_again();
        }
    }

    /// Starts it again if it has ended by itself.
    pub(crate) async fn still_runs(&mut self) {
        if self.process.has_ended().is_some() {
            self.begin_again();
        }
        self.gets_ready().await;
    }

    fn begin_again(&mut self) {
        let log = self.process.log();
        let reason = log.lines().rev().find(|line| line.starts_with("mercat: ")).unwrap_or("no reason given");
        assert!(!reason.contains("checkpoint of"), "{reason}");
        self.gave_up.push(reason.to_owned());
        self.begin();
    }

    pub(crate) fn pause(&self) {
        self.process.signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.process.signal(Signal::CONT);
    }

    /// Stops it as SIGTERM does. Says how long that took.
    pub(crate) async fn stop(&mut self) -> Duration {
        let (status, took) = self.process.stop(Signal::TERM, STOP_WITHIN).await;
        assert!(status.success(), "{}: {status}", self.name);
        took
    }
}

fn command(
    name: &str,
    home: &std::path::Path,
    wire: &Proxy,
    monitors: &[String],
    copies: usize,
) -> std::process::Command {
    let mut command = mercat(home);
    command
        .arg("--data")
        .arg(home.join(name))
        .args(["--nats", &wire.url(), "serve", "inventory"])
        .env("MERCAT_REPLICA", name)
        .env("MERCAT_NATS__REPLICAS", copies.to_string())
        .env("MERCAT_NATS__MONITORS", format!("{monitors:?}"));
    command
}

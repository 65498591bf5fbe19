//! `mercat up`: a whole shop in one directory, on ports that stay the same when it is started again.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::http::{Ask, Http};
use super::port;
use super::process::{Process, mercat, run};

/// How long a shop may take to stop.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// A shop.
pub(crate) struct Up {
    door: u16,
    nats: u16,
    monitor: u16,
    process: Process,
    home: TempDir,
}

impl Up {
    /// A shop with an empty catalogue that is open.
    pub(crate) async fn open() -> Up {
        let home = tempfile::tempdir().expect("a directory");
        let (door, nats, monitor) = (port::free(), port::free(), port::free());
        let process = Process::start(home.path(), "up", command(&home, door, nats, monitor));
        let mut up = Up { home, door, nats, monitor, process };
        up.is_open().await;
        up
    }

    /// Starts it again, without waiting.
    pub(crate) fn begin(&mut self) {
        self.process = Process::start(self.home.path(), "up", command(&self.home, self.door, self.nats, self.monitor));
    }

    /// Waits until it is open.
    pub(crate) async fn is_open(&mut self) {
        self.process.says("The shop is open").await;
    }

    /// Ends its process at once. The server that it had started goes on: nobody tells it.
    pub(crate) fn kill9(&mut self) {
        self.process.kill9();
    }

    /// How it ended, if it has.
    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.process.has_ended()
    }

    /// Removes all stores of a shop that does not run.
    pub(crate) fn wipe(&self) {
        std::fs::remove_dir_all(self.data().join("store")).or_else(absent).expect("the stores can be removed");
    }

    /// Stops it as Ctrl-C does.
    pub(crate) async fn stop(&mut self) -> (ExitStatus, Duration) {
        self.process.stop(Signal::INT, STOP_WITHIN).await
    }

    /// Runs the binary beside it, on its data and its server.
    pub(crate) async fn mercat(&self, arguments: &[&str]) -> Output {
        let mut command = mercat(self.home.path());
        command.arg("--data").arg(self.data()).args(["--nats", &self.nats_url()]).args(arguments);
        run(command).await
    }

    /// Its directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Its server.
    pub(crate) fn nats_url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.nats)
    }

    /// Processes that run with a configuration in its directory, which nobody else uses: each a line, the id first.
    pub(crate) fn left(&self) -> Vec<String> {
        let ours = self.data().join("nats").display().to_string();
        let shown = Command::new("ps").args(["-ww", "-eo", "pid=,args="]).output().expect("ps");
        let lines = String::from_utf8_lossy(&shown.stdout).into_owned();
        lines.lines().filter(|line| line.contains(&ours)).map(str::to_owned).collect()
    }

    /// The token of its admin.
    pub(crate) fn admin(&self) -> String {
        self.token("admin")
    }

    fn token(&self, role: &str) -> String {
        let file = std::fs::read(self.data().join("tokens.json")).expect("tokens");
        let tokens: serde_json::Value = serde_json::from_slice(&file).expect("tokens in JSON");
        tokens[role].as_str().expect("a token").to_owned()
    }

    /// A client with the admin's token.
    pub(crate) fn http(&self) -> Http {
        Http::new(SocketAddr::from(([127, 0, 0, 1], self.door)), self.token("admin"))
    }

    /// A client with the token of its one customer.
    pub(crate) fn customer(&self) -> Http {
        Http::new(SocketAddr::from(([127, 0, 0, 1], self.door)), self.token("customer"))
    }

    /// A client without a token.
    pub(crate) fn stranger(&self) -> Http {
        Http::new(SocketAddr::from(([127, 0, 0, 1], self.door)), String::new())
    }

    /// The customer has done what the bank asked of them at this address.
    pub(crate) async fn pass_3ds(&self, url: &str) {
        let (host, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an address");
        let mut bank = Http::new(host.parse().expect("host and port"), String::new());
        let page = bank.try_send(&Ask::get(format!("/{path}"))).await.expect("a page");
        let page = String::from_utf8(page.body).expect("text");
        let secret = page.split("name=\"secret\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let fields = format!("secret={}&outcome=complete", secret.expect("a form with a secret"));
        let answer = bank.try_send(&Ask::form(format!("/{path}"), &fields)).await.expect("an answer");
        assert!(answer.status < 400, "{answer:?}");
    }
}

fn command(home: &TempDir, door: u16, nats: u16, monitor: u16) -> Command {
    let mut command = mercat(home.path());
    command
        // As most people say it: a path from where they are.
        .args(["--data", "data", "up", "--no-seed", "--listen", &format!("127.0.0.1:{door}")])
        .env("MERCAT_BANK__LISTEN", "127.0.0.1:0")
        .env("MERCAT_NATS__PORT", nats.to_string())
        .env("MERCAT_NATS__MONITOR_PORT", monitor.to_string())
        .env("MERCAT_NATS__MAX_FILE", (4_u64 << 30).to_string());
    command
}

fn absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

impl Drop for Up {
    /// A shop that was killed leaves its server behind.
    fn drop(&mut self) {
        self.process.kill9();
        for line in self.left() {
            let pid = line.split_whitespace().next().and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw);
            // It may end by itself at any moment.
            let _ = pid.map(|pid| kill_process(pid, Signal::KILL));
        }
    }
}

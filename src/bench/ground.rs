//! The ground: a directory, a NATS server and child processes, all gone when it is dropped.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use runtime::server::{Server, ServerOptions};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{ChildStdout, Command};

/// The token that the gateways of a benchmark know.
pub(crate) const TOKEN: &str = "benchmark-token-of-nobody";
/// How long a child may take to say that it is ready.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// How long a child may take to stop.
const STOP_WITHIN: Duration = Duration::from_secs(30);

static GROUNDS: AtomicU32 = AtomicU32::new(0);

/// A directory and a NATS server.
pub(crate) struct Ground {
    dir: PathBuf,
    server: Server,
}

impl Ground {
    /// Starts a server in an empty directory.
    pub(crate) async fn lay() -> anyhow::Result<Ground> {
        let number = GROUNDS.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("mercat-bench-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        let options = ServerOptions { max_file: 32 << 30, ..ServerOptions::new(dir.join("nats")) };
        let server = Server::start(options).await.context("there is no NATS server to measure on")?;
        Ok(Ground { dir, server })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where clients connect.
    pub(crate) fn nats(&self) -> String {
        self.server.urls().join(",")
    }

    /// The server's process.
    pub(crate) fn server_pid(&self) -> Option<u32> {
        self.server.nodes().first().and_then(runtime::server::Node::pid)
    }

    /// Runs `mercat serve` with these names. `store` names the directory of its stores. A gateway asks for every read.
    pub(crate) async fn serve(&self, names: &[&str], store: &str, workers: usize) -> anyhow::Result<Child> {
        self.serve_with(names, store, workers, 0).await
    }

    /// The same with a gateway that keeps answers in so much memory.
    pub(crate) async fn serve_with(
        &self,
        names: &[&str],
        store: &str,
        workers: usize,
        cache_bytes_max: usize,
    ) -> anyhow::Result<Child> {
        let config = self.config(store, workers, cache_bytes_max)?;
        let config = config.display().to_string();
        let arguments = [&["serve", "--config", &config], names].concat();
        Child::start(&arguments, "ready:").await
    }

    /// Runs `mercat up`, seeded, on this server.
    pub(crate) async fn up(&self, store: &str, workers: usize) -> anyhow::Result<Child> {
        let config = self.config(store, workers, gateway::Config::default().cache_bytes_max)?.display().to_string();
        Child::start(&["up", "--config", &config], "Ctrl-C stops").await
    }

    /// Runs one of the benchmark's own parts.
    pub(crate) async fn part(&self, arguments: &[&str]) -> anyhow::Result<Child> {
        let nats = self.nats();
        Child::start(&[&["bench-part", "--nats", &nats], arguments].concat(), "ready").await
    }

    fn config(&self, store: &str, workers: usize, cache_bytes_max: usize) -> anyhow::Result<PathBuf> {
        let (file, data) = (self.dir.join(format!("{store}.toml")), self.dir.join(store));
        let quoted = |texts: Vec<String>| texts.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", ");
        let text = format!(
            "data = {data:?}\nreplica = {store:?}\nmetrics = \"\"\n[nats]\nurls = [{urls}]\nmonitors = [{monitors}]\n\
             [log]\nlevel = \"error\"\n[gateway]\nlisten = \"127.0.0.1:0\"\nworkers = {workers}\n\
             tokens = [{{ token = {TOKEN:?}, role = \"admin\", scopes = [\"*\"] }}]\n\
             cache_bytes_max = {cache_bytes_max}\nrates.exempt = [\"127.0.0.0/8\"]\nroom.max_connections = 1000\n\
             [bank]\nlisten = \"127.0.0.1:0\"\n",
            urls = quoted(self.server.urls()),
            monitors = quoted(self.server.monitors()),
        );
        std::fs::write(&file, text)?;
        Ok(file)
    }

    /// Stops the server and removes the directory.
    pub(crate) async fn leave(mut self) {
        // It is killed when dropped, if it does not stop.
        let _ = self.server.stop().await;
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // What is left behind lies in the system's directory for temporary files.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A child process.
pub(crate) struct Child {
    child: tokio::process::Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Where it listens, if it said so.
    pub(crate) address: Option<SocketAddr>,
    /// How long it took until it was ready.
    pub(crate) ready_after: Duration,
}

impl Child {
    /// Starts this very program with other arguments, and waits until it says that it is ready.
    pub(crate) async fn start(arguments: &[&str], ready: &str) -> anyhow::Result<Child> {
        let began = Instant::now();
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("could not start a child")?;
        let stdout = child.stdout.take().context("a child without output")?;
        let lines = BufReader::new(stdout).lines();
        let mut child = Child { child, lines, address: None, ready_after: Duration::ZERO };
        let said = child.hear(ready).await;
        said.with_context(|| format!("`mercat {}` does not get ready", arguments.join(" ")))?;
        child.ready_after = began.elapsed();
        Ok(child)
    }

    /// The next line that begins so, without that beginning.
    pub(crate) async fn hear(&mut self, beginning: &str) -> anyhow::Result<String> {
        let hearing = async {
            while let Some(line) = self.lines.next_line().await? {
                if let Some((_, address)) = line.split_once(" on http://") {
                    self.address = address.parse().ok();
                }
                if let Some(rest) = line.strip_prefix(beginning) {
                    return Ok(rest.trim().to_owned());
                }
            }
            anyhow::bail!("it ended")
        };
        tokio::time::timeout(READY_WITHIN, hearing).await.context("it says nothing")?
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        self.address.context("a child that does not listen")
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        tokio::time::timeout(STOP_WITHIN, self.child.wait()).await.context("a child does not stop")??;
        Ok(())
    }

    /// Ends it at once.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }
}

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

/// Where a shop is found unless it has a name.
const HOST: &str = "127.0.0.1";
/// How long a shop may take to stop.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// A shop.
pub(crate) struct Up {
    ports: Ports,
    /// How it reaches a server that is not its own, and where that is watched.
    elsewhere: Option<Elsewhere>,
    /// What the bank says reaches nobody.
    is_deaf: bool,
    /// The host under which people find it.
    host: &'static str,
    process: Process,
    home: TempDir,
}

/// A server that somebody else runs.
#[derive(Debug, Clone)]
pub(crate) struct Elsewhere {
    /// Where the shop connects.
    pub(crate) url: String,
    pub(crate) monitors: Vec<String>,
}

/// Where it listens, also after it was started again.
#[derive(Debug, Clone, Copy)]
struct Ports {
    door: u16,
    nats: u16,
    monitor: u16,
    bank: u16,
}

impl Up {
    /// A shop with an empty catalogue that is open.
    pub(crate) async fn open() -> Up {
        Up::open_on(None).await
    }

    /// The same, on a server of one's own or elsewhere.
    pub(crate) async fn open_on(elsewhere: Option<Elsewhere>) -> Up {
        Up::open_so(elsewhere, false, HOST).await
    }

    /// The same, under a name.
    pub(crate) async fn open_at(host: &'static str) -> Up {
        Up::open_so(None, false, host).await
    }

    /// The same, but all that the bank says of itself gets lost.
    pub(crate) async fn open_deaf() -> Up {
        Up::open_so(None, true, HOST).await
    }

    async fn open_so(elsewhere: Option<Elsewhere>, is_deaf: bool, host: &'static str) -> Up {
        let home = tempfile::tempdir().expect("a directory");
        let ports = Ports { door: port::free(), nats: port::free(), monitor: port::free(), bank: port::free() };
        let process = Process::start(home.path(), "up", command(&home, ports, elsewhere.as_ref(), is_deaf, host));
        let mut up = Up { home, ports, elsewhere, is_deaf, host, process };
        up.is_open().await;
        up
    }

    /// Starts it again, without waiting.
    pub(crate) fn begin(&mut self) {
        let command = command(&self.home, self.ports, self.elsewhere.as_ref(), self.is_deaf, self.host);
        self.process = Process::start(self.home.path(), "up", command);
    }

    /// Waits until it is open.
    pub(crate) async fn is_open(&mut self) {
        self.process.says("The shop is open").await;
    }

    /// Waits until it is open, and starts it again whenever it gives up. That is its right when its server does not
    /// answer; to say that its checkpoint is not of this world is not.
    pub(crate) async fn gets_open(&mut self) {
        while !self.process.says_before_it_ends("The shop is open").await {
            let log = self.process.log();
            let reason = log.lines().rev().find(|line| line.starts_with("mercat: ")).unwrap_or("no reason given");
            assert!(reason.contains("no answer in time"), "{reason}");
            self.begin();
        }
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
        match &self.elsewhere {
            Some(elsewhere) => elsewhere.url.clone(),
            None => format!("nats://127.0.0.1:{}", self.ports.nats),
        }
    }

    /// Processes that run with a configuration in its directory, which nobody else uses: each a line, the id first.
    pub(crate) fn left(&self) -> Vec<String> {
        let ours = self.data().join("nats").display().to_string();
        let shown = Command::new("ps").args(["-ww", "-eo", "pid=,args="]).output().expect("ps");
        let lines = String::from_utf8_lossy(&shown.stdout).into_owned();
        lines.lines().filter(|line| line.contains(&ours)).map(str::to_owned).collect()
    }

    /// Who issues its tokens.
    pub(crate) fn issuer(&self) -> String {
        format!("http://{}:{}", self.host, self.ports.door)
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

    /// Its addresses and tokens, which stay the same when it is started again.
    pub(crate) fn doors(&self) -> Doors {
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (admin, customer) = (self.token("admin"), self.token("customer"));
        Doors { door: local(self.ports.door), bank: local(self.ports.bank), admin, customer }
    }

    /// A client with the admin's token.
    pub(crate) fn http(&self) -> Http {
        self.doors().http()
    }

    /// A client with the token of its one customer.
    pub(crate) fn customer(&self) -> Http {
        let Doors { door, customer, .. } = self.doors();
        Http::new(door, customer)
    }

    /// A client without a token.
    pub(crate) fn stranger(&self) -> Http {
        self.doors().stranger()
    }

    /// A client of the bank, who shows the shop's key.
    pub(crate) fn bank(&self) -> Http {
        self.doors().bank()
    }

    /// Where the bank writes what really happened to money.
    pub(crate) fn journal(&self) -> PathBuf {
        self.data().join("bank").join("bank.journal")
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

/// Where a shop is found, for clients that outlive its process.
#[derive(Debug, Clone)]
pub(crate) struct Doors {
    door: SocketAddr,
    bank: SocketAddr,
    admin: String,
    customer: String,
}

impl Doors {
    /// Those of a shop that was started by hand, for whoever holds this token.
    pub(crate) fn new(door: u16, bank: u16, admin: &str) -> Doors {
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Doors { door: local(door), bank: local(bank), admin: admin.to_owned(), customer: String::new() }
    }

    pub(crate) fn bank_port(&self) -> u16 {
        self.bank.port()
    }

    pub(crate) fn http(&self) -> Http {
        Http::new(self.door, self.admin.clone())
    }

    pub(crate) fn stranger(&self) -> Http {
        Http::new(self.door, String::new())
    }

    pub(crate) fn bank(&self) -> Http {
        Http::new(self.bank, payment::settings::Settings::default().test.secret_key)
    }
}

fn command(home: &TempDir, ports: Ports, elsewhere: Option<&Elsewhere>, is_deaf: bool, host: &'static str) -> Command {
    let Ports { door, nats, monitor, bank } = ports;
    let mut command = mercat(home.path());
    command
        // As most people say it: a path from where they are.
        .args(["--data", "data", "up", "--no-seed", "--listen", &format!("127.0.0.1:{door}")])
        .env("MERCAT_BANK__LISTEN", format!("127.0.0.1:{bank}"))
        .env("MERCAT_NATS__PORT", nats.to_string())
        .env("MERCAT_NATS__MONITOR_PORT", monitor.to_string())
        .env("MERCAT_NATS__MAX_FILE", (4_u64 << 30).to_string())
        // Judges sign in much more often than people.
        .env("MERCAT_GATEWAY__RATES__SENSITIVE", "1000");
    if host != HOST {
        command.env("MERCAT_GATEWAY__ISSUER", format!("http://{host}:{door}"));
    }
    if is_deaf {
        // A port that nobody listens on.
        command.env("MERCAT_BANK__NEWS_URL", "http://127.0.0.1:9/nowhere");
    }
    if let Some(Elsewhere { url, monitors }) = elsewhere {
        command.args(["--nats", url]).env("MERCAT_NATS__MONITORS", format!("{monitors:?}"));
    }
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

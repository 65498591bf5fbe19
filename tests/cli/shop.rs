//! A shop of our own: the real `mercat up`, on free ports, in a directory that goes away with it.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::run::{self, Ran, run};

/// The line after which a shop is open.
const OPEN: &str = "Ctrl-C stops everything cleanly.";

/// A running shop.
pub(crate) struct Shop {
    child: Option<Child>,
    /// What `mercat up` printed until it was open.
    pub(crate) greeting: String,
    pub(crate) data: PathBuf,
    /// Where NATS is: `nats://127.0.0.1:…`.
    pub(crate) nats: String,
    /// Where the gateway is: `http://127.0.0.1:…`.
    pub(crate) http: String,
    /// An admin's token.
    pub(crate) token: String,
    /// A product of the seeded catalogue, which has the SKU `MUG-BLUE`.
    pub(crate) product: String,
    /// The warehouse that has it.
    pub(crate) warehouse: String,
    /// Kept while its shop runs; not when the directory is somebody else's.
    _own: Option<TempDir>,
}

/// The shop that tests share which leave it as they found it, or add what disturbs nobody. It closes when the last of
/// them is done.
pub(crate) fn shared() -> Arc<Shop> {
    static SHARED: Mutex<Weak<Shop>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let shop = Arc::new(Shop::open());
        *shared = Arc::downgrade(&shop);
        shop
    })
}

/// `mercat up` on free ports in this directory.
pub(crate) fn up(data: &Path) -> Command {
    let mut command = run::command(run::mercat());
    command.args(["up", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    command.envs([
        ("MERCAT_BANK__LISTEN", "127.0.0.1:0"),
        ("MERCAT_NATS__PORT", "0"),
        ("MERCAT_NATS__MONITOR_PORT", "0"),
        ("MERCAT_METRICS", ""),
    ]);
    // Two shops on one machine are two replicas' names.
    command.current_dir(data);
    command
}

impl Shop {
    /// Opens a new shop.
    pub(crate) fn open() -> Shop {
        let own = TempDir::with_prefix("mercat-").expect("a directory for the shop");
        let mut shop = Shop::open_in(own.path());
        shop._own = Some(own);
        shop
    }

    /// Opens a new shop that is told something by its environment.
    pub(crate) fn open_with(name: &str, value: &str) -> Shop {
        let own = TempDir::with_prefix("mercat-").expect("a directory for the shop");
        let mut command = up(own.path());
        command.env(name, value);
        let mut shop = Shop::start(own.path(), command);
        shop._own = Some(own);
        shop
    }

    /// Opens the shop that this directory holds.
    pub(crate) fn open_in(data: &Path) -> Shop {
        Shop::start(data, up(data))
    }

    /// Opens a shop in this directory with nothing on its shelves.
    pub(crate) fn open_empty_in(data: &Path) -> Shop {
        let mut command = up(data);
        command.arg("--no-seed");
        Shop::start(data, command)
    }

    fn start(data: &Path, mut command: Command) -> Shop {
        let log = std::fs::File::options().create(true).append(true).open(data.join("up.log")).expect("a log");
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("mercat starts");
        let said = lines(BufReader::new(child.stdout.take().expect("it is piped")));
        let mut greeting = String::new();
        let give_up = Instant::now() + run::WITHIN;
        while !greeting.contains(OPEN) {
            match said.recv_timeout(give_up.saturating_duration_since(Instant::now())) {
                Ok(line) => greeting = greeting + &line + "\n",
                Err(_) => {
                    // Whoever reads the failure needs the reason, and nothing may stay behind.
                    let _ = child.kill();
                    let _ = child.wait();
                    panic!("the shop does not open: {greeting}\n{}", log_of(data));
                }
            }
        }
        let word = |before: &str| {
            let rest = greeting.split(before).nth(1).unwrap_or_else(|| panic!("no {before:?} in {greeting}"));
            rest.split_whitespace().next().unwrap_or_default().to_owned()
        };
        let between = |before: &str, after: char| word(before).split(after).next().unwrap_or_default().to_owned();
        Shop {
            nats: word("\n  NATS "),
            http: between("\n  API ", '/') + "//" + &between("http://", '/'),
            token: word("\n  token "),
            product: between("shop.product.", '.'),
            warehouse: between("\"warehouse_id\":\"", '"'),
            data: data.to_owned(),
            child: Some(child),
            greeting,
            _own: None,
        }
    }

    /// Begins to open a shop in this directory, interrupts that once it has a server, and gives what it said and how it
    /// ended.
    pub(crate) fn interrupted_while_opening(data: &Path) -> (String, ExitStatus) {
        let log = std::fs::File::options().create(true).append(true).open(data.join("up.log")).expect("a log");
        let mut child = up(data).stdout(Stdio::piped()).stderr(log).spawn().expect("mercat starts");
        let said = lines(BufReader::new(child.stdout.take().expect("it is piped")));
        let watch = run::Watch::over(&child, run::WITHIN);
        let mut heard = String::new();
        while let Ok(line) = said.recv() {
            if line.contains("NATS on") {
                kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
            }
            heard = heard + &line + "\n";
        }
        let status = child.wait().expect("its end can be awaited");
        drop(watch);
        (heard, status)
    }

    /// Stops it as Ctrl-C does, and waits for its end.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        let watch = run::Watch::over(&child, run::WITHIN);
        kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
        let status = child.wait().expect("its end can be awaited");
        drop(watch);
        status
    }

    /// Ends it as the kernel would.
    pub(crate) fn kill9(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it runs");
        child.wait().expect("its end can be awaited");
    }

    /// A `mercat` command beside this shop, as a person in its directory would run it.
    pub(crate) fn mercat<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = run::command(run::mercat());
        command.arg("--data").arg(&self.data).args(arguments).envs(self.environment());
        command.current_dir(&self.data);
        command
    }

    /// What a person sets because this shop does not use the usual ports.
    pub(crate) fn environment(&self) -> [(&'static str, String); 4] {
        let http = self.http.strip_prefix("http://").expect("an http address").to_owned();
        [
            ("NATS_URL", self.nats.clone()),
            ("MERCAT_NATS__MONITOR_PORT", self.monitor_port()),
            ("MERCAT_GATEWAY__LISTEN", http),
            ("MERCAT_METRICS", String::new()),
        ]
    }

    fn monitor_port(&self) -> String {
        let conf = std::fs::read_to_string(self.data.join("nats/n1/nats.conf")).expect("the server's configuration");
        let line = conf.lines().find_map(|line| line.strip_prefix("http: \"127.0.0.1:")).expect("a monitoring port");
        line.trim_end_matches('"').to_owned()
    }

    /// A request over HTTP as an admin; the answer's status and body.
    pub(crate) fn http(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let mut curl = run::command("curl");
        curl.args(["-s", "-X", method, "-w", "\n%{http_code}", "-H", "Content-Type: application/json"]);
        curl.arg("-H").arg(format!("Authorization: Bearer {}", self.token));
        if !body.is_null() {
            curl.args(["-d", &body.to_string()]);
        }
        let said = run(curl.arg(format!("{}{path}", self.http)), b"").ok();
        let (body, status) = said.rsplit_once('\n').expect("a status after the body");
        (status.parse().expect("a number"), serde_json::from_str(body).unwrap_or(Value::Null))
    }

    /// Adds a product to the catalogue and gives its id.
    pub(crate) fn create_product(&self, title: &str) -> String {
        let (status, product) = self.http("POST", "/api/v1/products", &serde_json::json!({ "title": title }));
        assert_eq!(status, 201, "{product}");
        product["product_id"].as_str().expect("an id").to_owned()
    }

    /// Runs a line of shell as a person beside this shop would, with its addresses in place of the usual ones.
    pub(crate) fn shell(&self, line: &str) -> Ran {
        run(&mut self.shell_command(line), b"")
    }

    pub(crate) fn shell_command(&self, line: &str) -> Command {
        let mut command = run::command("sh");
        command.arg("-c").arg(line.replace("http://127.0.0.1:8080", &self.http));
        command.envs(self.environment()).env("MERCAT_DATA", &self.data).env("XDG_CONFIG_HOME", &self.data);
        command.current_dir(&self.data);
        command
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let watch = run::Watch::over(&child, run::WITHIN);
        let _ = kill_process(Pid::from_child(&child), Signal::TERM);
        let status = child.wait();
        drop(watch);
        let ended_well = status.as_ref().is_ok_and(ExitStatus::success);
        if !ended_well && !std::thread::panicking() {
            panic!("the shop did not stop cleanly: {status:?}\n{}", log_of(&self.data));
        }
    }
}

/// The end of what a shop logged.
fn log_of(data: &Path) -> String {
    let log = std::fs::read_to_string(data.join("up.log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// Lines as they come, read by a thread so that whoever waits for one can stop waiting.
pub(crate) fn lines(reader: impl std::io::BufRead + Send + 'static) -> mpsc::Receiver<String> {
    let (out, lines) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody may be listening any more.
        reader.lines().map_while(Result::ok).try_for_each(|line| out.send(line)).unwrap_or_default();
    });
    lines
}

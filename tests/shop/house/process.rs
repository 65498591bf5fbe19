//! A process of the binary: started, listened to, signalled, ended with its handle.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a process may take to say what it is waited for to say: a replay on a busy machine included.
const SAYS_WITHIN: Duration = Duration::from_secs(60);
/// How often it is listened to meanwhile.
const LISTEN_EVERY: Duration = Duration::from_millis(10);
/// How much of what it wrote is shown when a test fails.
const LAST_LINES: usize = 25;

/// The binary with a clean environment: what this machine or this test run sets must not reach it.
pub(crate) fn mercat(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mercat"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MERCAT_")) {
        command.env_remove(name);
    }
    // The working directory is searched for `mercat.toml`.
    command.env_remove("NATS_URL").env("MERCAT_METRICS", "").current_dir(home).stdin(Stdio::null());
    // Everybody here comes from the same address, and asks more often than a person.
    command.env("MERCAT_GATEWAY__RATES__EXEMPT", r#"["127.0.0.0/8"]"#);
    // And crowds ask one replica at once.
    command.env("MERCAT_GATEWAY__ROOM__MAX_PENDING_REQUESTS", "2000");
    command
}

/// A process of the binary.
#[derive(Debug)]
pub(crate) struct Process {
    child: Option<Child>,
    says: PathBuf,
    logs: PathBuf,
}

impl Process {
    /// Starts it. What it says to people goes to `<name>.out` in its home, what it logs to `<name>.log`.
    pub(crate) fn start(home: &Path, name: &str, mut command: Command) -> Process {
        let (says, logs) = (home.join(format!("{name}.out")), home.join(format!("{name}.log")));
        let out = File::create(&says).expect("a file for what it says");
        let log = File::options().create(true).append(true).open(&logs).expect("a file for its log");
        let child = command.stdout(out).stderr(log).spawn().expect("the binary starts");
        Process { child: Some(child), says, logs }
    }

    /// Everything it has said since it was started.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.says).unwrap_or_default()
    }

    /// Waits until it says something.
    pub(crate) async fn says(&mut self, what: &str) {
        if !self.says_before_it_ends(what).await {
            let status = self.has_ended();
            panic!("it ended with {status:?} before it said {what:?}:\n{}", self.last_words());
        }
    }

    /// Waits until it says something or has ended. Says whether it said it.
    pub(crate) async fn says_before_it_ends(&mut self, what: &str) -> bool {
        let began = Instant::now();
        while !self.said().contains(what) {
            if self.has_ended().is_some() {
                return false;
            }
            assert!(began.elapsed() < SAYS_WITHIN, "it never said {what:?}:\n{}", self.last_words());
            tokio::time::sleep(LISTEN_EVERY).await;
        }
        true
    }

    /// Everything it has logged, also before it was started again.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.logs).unwrap_or_default()
    }

    /// How it ended, if it has.
    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut().expect("a process that was not killed").try_wait().expect("a child can be asked")
    }

    /// Ends it at once, as the kernel would.
    pub(crate) fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Either fails only when it is gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("a process that was not killed");
        kill_process(Pid::from_child(child), signal).expect("a process that runs");
    }

    /// Sends a signal and waits until the process ends. Says how, and how long it took.
    pub(crate) async fn stop(&mut self, signal: Signal, within: Duration) -> (ExitStatus, Duration) {
        let began = Instant::now();
        self.signal(signal);
        loop {
            if let Some(status) = self.has_ended() {
                return (status, began.elapsed());
            }
            assert!(began.elapsed() < within, "it did not stop within {within:?}:\n{}", self.last_words());
            tokio::time::sleep(LISTEN_EVERY).await;
        }
    }

    /// The end of what it wrote.
    fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().filter(|line| !line.contains(r#""level":"INFO""#)).collect();
        format!("{}\n{}", self.said(), lines[lines.len().saturating_sub(LAST_LINES)..].join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.logs.display(), self.last_words());
        }
        self.kill9();
    }
}

/// Runs a command to its end.
pub(crate) async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("the binary starts")
}

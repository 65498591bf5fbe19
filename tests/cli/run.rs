//! Running other programs: bounded in time, and never without saying what they printed.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How long a program may take. Far more than any needs, also on a busy machine.
pub(crate) const WITHIN: Duration = Duration::from_secs(60);

/// What a program said, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// What it printed, when it ended well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        let text = self.text();
        assert!(self.status.success(), "{}\n{text}\n{}", self.status, self.stderr);
        text
    }

    /// What it printed, complaints included, when it ended badly, as it should.
    #[track_caller]
    pub(crate) fn failed(self) -> String {
        let said = self.text() + &self.stderr;
        assert!(!self.status.success(), "it should have failed:\n{said}");
        said
    }
}

/// Runs a program with this input, and kills it when it takes too long.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Ran {
    run_within(WITHIN, command, input)
}

/// The same for what may take longer.
pub(crate) fn run_within(within: Duration, command: &mut Command, input: &[u8]) -> Ran {
    let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = started.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let watch = Watch::over(&child, within);
    // A program that ends without reading its input is judged by what it says.
    let _ = child.stdin.take().expect("it is piped").write_all(input);
    let output = child.wait_with_output().expect("its end can be awaited");
    drop(watch);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Ran { status: output.status, stdout: output.stdout, stderr }
}

/// Kills a process when its time is up, unless dropped before.
pub(crate) struct Watch {
    _over: mpsc::Sender<()>,
}

impl Watch {
    pub(crate) fn over(child: &Child, within: Duration) -> Watch {
        let (over, ended) = mpsc::channel();
        let pid = Pid::from_child(child);
        std::thread::spawn(move || {
            if ended.recv_timeout(within) == Err(mpsc::RecvTimeoutError::Timeout) {
                // It may end at this very moment.
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        Watch { _over: over }
    }
}

/// The repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where `mercat` was built.
pub(crate) fn mercat() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_mercat"))
}

/// Where `./test.sh` puts what it installs.
fn tools() -> PathBuf {
    repository().join("target/tools")
}

/// The `PATH` of a person who has built the shop and run `./test.sh`.
pub(crate) fn path() -> OsString {
    let own = [mercat().parent().expect("a directory").to_owned(), tools().join("venv/bin"), tools().join("bin")];
    let others = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(own.into_iter().chain(std::env::split_paths(&others))).expect("a PATH")
}

/// Looks a program up on that `PATH`.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&path()).map(|directory| directory.join(program)).find(|file| file.is_file())
}

/// A command in an environment that says nothing about any other shop.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("MERCAT_") || name.starts_with("NATS_") {
            command.env_remove(&*name);
        }
    }
    command.env("PATH", path());
    // Everybody here comes from the same address, and asks more often than a person.
    command.env("MERCAT_GATEWAY__RATES__EXEMPT", r#"["127.0.0.0/8"]"#);
    command
}

//! What a shop that was killed leaves behind: its NATS server, which nobody told to stop.
//!
//! `kill -9` is always legal, so the next `mercat up` in the same directory has to cope: two servers on one store would
//! ruin it, and a stranger's server on our port would be taken for ours. One shop at a time may use a directory; whoever
//! holds its lock may stop the server that the one before it started, and nobody else's.

use std::fs::{File, TryLockError};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use runtime::server::Server;
use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to stop: it hands on leadership and closes its stores.
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Takes a data directory for this process, until the file is dropped or the process ends, however it ends.
pub(crate) fn lock(data: &Path) -> anyhow::Result<File> {
    std::fs::create_dir_all(data).with_context(|| format!("could not make {}", data.display()))?;
    let path = data.join("up.lock");
    let file = File::options().create(true).append(true).open(&path);
    let file = file.with_context(|| format!("could not open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => anyhow::bail!("another `mercat up` runs in {}", data.display()),
        Err(TryLockError::Error(cause)) => Err(cause).with_context(|| format!("could not lock {}", path.display())),
    }
}

/// Writes down which server this shop runs, for people who look for it.
pub(crate) fn remember(dir: &Path, server: &Server) -> anyhow::Result<()> {
    let pid = server.nodes().first().and_then(runtime::server::Node::pid);
    let text = pid.map(|pid| pid.to_string()).unwrap_or_default();
    std::fs::write(dir.join("pid"), text).context("could not write down the process id of nats-server")
}

/// Stops what was left running in this directory; says whether there was anything.
pub(crate) async fn stop(dir: &Path) -> anyhow::Result<bool> {
    let began = Instant::now();
    let mut any = false;
    loop {
        let running = running(dir)?;
        if running.is_empty() {
            return Ok(any);
        }
        any = true;
        let signal = if began.elapsed() > STOP_WITHIN { Signal::KILL } else { Signal::INT };
        for pid in running {
            // It may end by itself at any moment, and then there is nothing to signal.
            let _ = kill_process(pid, signal);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Refuses a port that somebody else listens on, by the name of its setting. Port 0 stands for a free one.
pub(crate) fn check_free(ports: [(&str, u16); 2]) -> anyhow::Result<()> {
    for (setting, port) in ports {
        if let Err(cause) = TcpListener::bind(("127.0.0.1", port)) {
            let variable = setting.to_uppercase().replace('.', "__");
            anyhow::bail!(
                "port {port} cannot be used: {cause}. Is it another shop, or a NATS server of your own? Choose another \
                 ({setting} in mercat.toml, or MERCAT_{variable}), or name that server with --nats",
            );
        }
    }
    Ok(())
}

/// The servers that run with this directory's configuration. They are looked for among all processes: a shop that was
/// killed while its server started had no time to write down which one it is.
fn running(dir: &Path) -> anyhow::Result<Vec<Pid>> {
    let config = format!(" -c {}", dir.join("n1").join("nats.conf").display());
    let processes = processes().context("could not look for a server that a killed shop left running")?;
    let ours = |(pid, args): (i32, String)| {
        let is_server = args.contains("nats-server") && args.trim_end().ends_with(&config);
        is_server.then(|| Pid::from_raw(pid)).flatten()
    };
    Ok(processes.into_iter().filter_map(ours).collect())
}

/// All processes and how they were called. A container may have no `ps`, and other systems have no `/proc`.
fn processes() -> std::io::Result<Vec<(i32, String)>> {
    if !Path::new("/proc/self/cmdline").exists() {
        let shown = Command::new("ps").args(["-ww", "-eo", "pid=,args="]).output()?;
        let process = |line: &str| {
            let (pid, args) = line.trim_start().split_once(' ')?;
            Some((pid.parse().ok()?, args.to_owned()))
        };
        return Ok(String::from_utf8_lossy(&shown.stdout).lines().filter_map(process).collect());
    }
    let process = |entry: std::fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        // It may have ended since.
        let args = std::fs::read(entry.path().join("cmdline")).ok()?;
        Some((pid, String::from_utf8_lossy(&args).replace('\0', " ")))
    };
    Ok(std::fs::read_dir("/proc")?.flatten().filter_map(process).collect())
}

//! The machine: what a figure is a figure of.

use std::fs;
use std::path::Path;

/// One line about each thing that matters.
pub(crate) fn describe(dir: &Path, nats: &str) -> Vec<String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    vec![
        format!("processor: {cores} x {}", field("/proc/cpuinfo", "model name").unwrap_or_default()),
        format!("memory: {memory} · kernel: {}", line("/proc/sys/kernel/osrelease")),
        format!("files: {} · load average at the start: {}", file_system(dir), line("/proc/loadavg")),
        format!("NATS: {nats}, one node, file storage, sync_interval always, loopback, no TLS"),
        format!("mercat {} (release: {})", env!("CARGO_PKG_VERSION"), !cfg!(debug_assertions)),
    ]
}

fn line(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_default().trim().to_owned()
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let (_, value) = text.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| key.trim() == name)?;
    Some(value.trim().to_owned())
}

/// The type of the file system that a directory is on: of all that are mounted above it, the nearest.
fn file_system(dir: &Path) -> String {
    let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let mounted = mounts.lines().filter_map(|line| {
        let mut parts = line.split(' ').skip(1);
        let (at, kind) = (parts.next()?, parts.next()?);
        dir.starts_with(at).then(|| (at.len(), kind.to_owned()))
    });
    mounted.max().map(|(_, kind)| kind).unwrap_or_default()
}

/// Memory of a process in KiB: resident now, and at most so far.
pub(crate) fn memory(pid: u32) -> (u64, u64) {
    let file = format!("/proc/{pid}/status");
    let kib = |name| {
        let value = field(&file, name)?;
        value.strip_suffix(" kB")?.parse().ok()
    };
    (kib("VmRSS").unwrap_or(0), kib("VmHWM").unwrap_or(0))
}

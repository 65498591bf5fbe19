//! Judges from npm: a room of this directory with a `package.json`, installed once into `target/tools`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

/// One at a time: two tests may want the same room.
static INSTALLING: Mutex<()> = Mutex::new(());

/// The repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where the judges of a room are installed; `None` where there is no npm, or npm reaches nobody.
pub(crate) fn installed(name: &str) -> Option<PathBuf> {
    let _one = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let (from, room) = (repository().join("tests/shop").join(name), repository().join("target/tools").join(name));
    std::fs::create_dir_all(&room).expect("a directory");
    for file in std::fs::read_dir(from).expect("a room of judges") {
        let file = file.expect("a file");
        std::fs::copy(file.path(), room.join(file.file_name())).expect("a copy");
    }
    let versions = std::fs::read(room.join("package.json")).expect("versions");
    if std::fs::read(room.join("installed.json")).is_ok_and(|installed| installed == versions) {
        return Some(room);
    }
    let npm = Command::new("npm").args(["install", "--no-audit", "--no-fund", "--silent"]).current_dir(&room).output();
    let Ok(Output { status, stderr, .. }) = npm else {
        eprintln!("note: npm is not installed, so the judges of {name} did not judge");
        return None;
    };
    if !status.success() {
        eprintln!("note: npm could not install the judges of {name}: {}", String::from_utf8_lossy(&stderr));
        return None;
    }
    std::fs::write(room.join("installed.json"), versions).expect("a note");
    Some(room)
}

/// Runs a judge to its end, which must be good.
pub(crate) async fn passes(mut judge: Command) {
    let name = format!("{judge:?}");
    let ran = tokio::task::spawn_blocking(move || judge.output().expect("the judge runs")).await.expect("a thread");
    let (said, complained) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{name}\n{said}\n{complained}");
}

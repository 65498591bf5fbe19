//! The journal: every line is on the disk before anybody is told what it says.
//!
//! A line is its number, a checksum of all the rest, and JSON, so a line that was lost, moved or changed is found. What a crash leaves half written at the end was never acknowledged and is cut off; damage with whole
//! lines behind it is not a crash, and the journal is not opened. Whoever comes while a sync is under way shares the next.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk.
    #[error("could not {doing} the journal {path}")]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A line is damaged, and whole lines follow it.
    #[error("line {line} of the journal {path} is damaged")]
    Damaged {
        /// Where.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
    },
    /// A line could not be written before, so nothing is any more.
    #[error("the journal {path} could not be written before; nothing is done until it is opened anew")]
    Broken {
        /// Where.
        path: PathBuf,
    },
}

/// A journal of lines.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    waiting: Mutex<Waiting>,
    /// `None`: kept in memory only, for tests of others.
    tail: Option<Mutex<Tail>>,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// The number of the last line.
    last: u64,
}

#[derive(Debug)]
struct Tail {
    file: File,
    synced: u64,
    broken: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn checksum(number: u64, json: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&number.to_le_bytes()).update(json.as_bytes());
    hasher.finalize().to_hex()[..16].to_owned()
}

/// The number and the JSON of a line, if it is whole.
fn parts(line: &[u8]) -> Option<(u64, &str)> {
    let mut parts = std::str::from_utf8(line).ok()?.splitn(3, ' ');
    let (number, sum, json) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
    (checksum(number, json) == sum).then_some((number, json))
}

/// What a file holds: its lines, and how many bytes of it are whole.
fn whole<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<(Vec<T>, u64), Error> {
    let (mut lines, mut end) = (Vec::new(), 0);
    let mut rest = bytes;
    while let Some(length) = rest.iter().position(|byte| *byte == b'\n') {
        let number = lines.len() as u64 + 1;
        let damaged = || Error::Damaged { path: path.to_owned(), line: number };
        let (line, after) = (&rest[..length], &rest[length + 1..]);
        match parts(line) {
            Some((found, json)) if found == number => {
                lines.push(serde_json::from_str(json).map_err(|_| damaged())?);
            }
            Some(_) => return Err(damaged()),
            // A crash tears the end off; it does not put whole lines behind what it tore.
            None if after.split(|byte| *byte == b'\n').any(|line| parts(line).is_some()) => return Err(damaged()),
            None => break,
        }
        end += length + 1;
        rest = after;
    }
    Ok((lines, end as u64))
}

/// Reads the whole lines of a journal that somebody else may be writing, for judges.
///
/// # Errors
/// When it cannot be read, or is damaged.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, Error> {
    let failed = |source| Error::Disk { doing: "read", path: path.to_owned(), source };
    let bytes = std::fs::read(path).map_err(failed)?;
    whole(path, &bytes).map(|(lines, _)| lines)
}

impl Journal {
    /// A journal that is gone with the process.
    #[must_use]
    pub fn in_memory() -> Journal {
        Journal { path: PathBuf::new(), waiting: Mutex::default(), tail: None }
    }

    /// Opens a journal, or begins one, and reads what it holds.
    ///
    /// # Errors
    /// When it cannot be read or written, or is damaged.
    pub fn open<T: DeserializeOwned>(path: &Path) -> Result<(Journal, Vec<T>), Error> {
        let failed = |doing| move |source| Error::Disk { doing, path: path.to_owned(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed("open"))?;
        file.try_lock().map_err(|e| failed("lock")(e.into()))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed("read"))?;
        let (lines, end) = whole(path, &bytes)?;
        if end < bytes.len() as u64 {
            tracing::warn!(path = %path.display(), cut = bytes.len() as u64 - end, "cut off what a crash left half written");
            file.set_len(end).map_err(failed("cut"))?;
        }
        file.seek(SeekFrom::Start(end)).map_err(failed("open"))?;
        file.sync_all().map_err(failed("sync"))?;
        if let Some(directory) = path.parent() {
            // The file's name is to survive a power cut too.
            let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
            File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed("sync"))?;
        }
        let last = lines.len() as u64;
        let waiting = Mutex::new(Waiting { bytes: Vec::new(), last });
        let tail = Some(Mutex::new(Tail { file, synced: last, broken: false }));
        Ok((Journal { path: path.to_owned(), waiting, tail }, lines))
    }

    /// Puts a line behind the others. It is on the disk once [`settle`](Self::settle) says so for its number.
    ///
    /// # Panics
    /// When the line is no JSON, which derives rule out.
    pub fn put(&self, line: &impl Serialize) -> u64 {
        let mut waiting = locked(&self.waiting);
        waiting.last += 1;
        if self.tail.is_some() {
            #[expect(clippy::expect_used, reason = "derives make JSON of every value")]
            let json = serde_json::to_string(line).expect("a line that is JSON");
            let sum = checksum(waiting.last, &json);
            let line = format!("{} {sum} {json}\n", waiting.last);
            waiting.bytes.extend_from_slice(line.as_bytes());
        }
        waiting.last
    }

    /// The number of the last line.
    #[must_use]
    pub fn last(&self) -> u64 {
        locked(&self.waiting).last
    }

    /// Waits until the line of this number, and all before it, are on the disk.
    ///
    /// # Errors
    /// When they cannot be written. Nothing will be written after that.
    pub fn settle(&self, number: u64) -> Result<(), Error> {
        let Some(tail) = &self.tail else { return Ok(()) };
        let mut tail = locked(tail);
        if tail.broken {
            return Err(Error::Broken { path: self.path.clone() });
        }
        if tail.synced >= number {
            return Ok(());
        }
        let (bytes, last) = {
            let mut waiting = locked(&self.waiting);
            (std::mem::take(&mut waiting.bytes), waiting.last)
        };
        let written = tail.file.write_all(&bytes).and_then(|()| tail.file.sync_data());
        if let Err(source) = written {
            tail.broken = true;
            return Err(Error::Disk { doing: "write", path: self.path.clone(), source });
        }
        tail.synced = last;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(path: &Path, lines: &[&str]) {
        let (journal, _) = Journal::open::<String>(path).expect("a journal");
        let last = lines.iter().map(|line| journal.put(line)).last().unwrap_or(0);
        journal.settle(last).expect("a disk");
    }

    fn open(path: &Path) -> Result<Vec<String>, Error> {
        Journal::open(path).map(|(_, lines)| lines)
    }

    #[test]
    fn what_was_settled_is_read_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("journal");
        filled(&path, &["a", "b"]);
        filled(&path, &["c"]);
        assert_eq!(open(&path).expect("whole"), ["a", "b", "c"]);
        assert_eq!(read::<String>(&path).expect("whole"), ["a", "b", "c"]);
    }

    #[test]
    fn a_torn_end_is_cut_off_wherever_it_is_torn() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("journal");
        filled(&path, &["a", "b", "c"]);
        let bytes = std::fs::read(&path).expect("a file");
        let second = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).expect("three lines").0 + 1;
        for end in second..bytes.len() {
            std::fs::write(&path, &bytes[..end]).expect("a file");
            assert_eq!(open(&path).expect("a torn end is no damage"), ["a", "b"], "torn at {end}");
            filled(&path, &["d"]);
            assert_eq!(open(&path).expect("whole"), ["a", "b", "d"]);
        }
    }

    #[test]
    fn damage_before_the_end_is_not_passed_over() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("journal");
        filled(&path, &["a", "b", "c"]);
        let text = std::fs::read_to_string(&path).expect("a file");
        std::fs::write(&path, text.replace("\"a\"", "\"x\"")).expect("a file");
        assert!(matches!(open(&path), Err(Error::Damaged { line: 1, .. })));
        let without_the_first: String = text.lines().skip(1).map(|line| format!("{line}\n")).collect();
        std::fs::write(&path, &without_the_first).expect("a file");
        assert!(matches!(open(&path), Err(Error::Damaged { line: 1, .. })));
        std::fs::write(&path, text.replace("3 ", "4 ")).expect("a file");
        assert_eq!(open(&path).expect("a last line that is not whole was torn"), ["a", "b"]);
    }

    #[test]
    fn a_journal_has_one_writer() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("journal");
        let (_first, _) = Journal::open::<String>(&path).expect("a journal");
        assert!(matches!(Journal::open::<String>(&path), Err(Error::Disk { doing: "lock", .. })));
    }
}

//! The keys: one nkey per user, its seed in a file that only its owner may read.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nkeys::KeyPair;

use super::users::names;
use crate::nats::Seed;

/// The users' keys. Holds public keys; seeds stay on the disk until asked for.
#[derive(Debug, Clone)]
pub struct Keys {
    dir: PathBuf,
    public: BTreeMap<String, String>,
}

impl Keys {
    /// Reads the seeds `<user>.nk` of all users of the contract from a directory, and makes those that are missing.
    ///
    /// # Errors
    /// When the directory cannot be written, or a file holds no seed of a user.
    pub fn create_or_load(dir: &Path) -> io::Result<Keys> {
        fs::create_dir_all(dir)?;
        let mut public = BTreeMap::new();
        for user in names(messages::GROUPS) {
            let path = file(dir, user);
            let pair = match fs::read_to_string(&path) {
                Ok(seed) => pair(&path, seed.trim())?,
                Err(failure) if failure.kind() == io::ErrorKind::NotFound => create(&path)?,
                Err(failure) => return Err(failure),
            };
            public.insert(user.to_owned(), pair.public_key());
        }
        Ok(Keys { dir: dir.to_owned(), public })
    }

    /// A user's public key, as the server's configuration names it.
    #[must_use]
    pub fn public(&self, user: &str) -> Option<&str> {
        self.public.get(user).map(String::as_str)
    }

    /// A user's secret.
    ///
    /// # Errors
    /// When the user has none, or it cannot be read any more.
    pub fn seed(&self, user: &str) -> io::Result<Seed> {
        seed_of(&self.dir, user)
    }

    /// The file of a user's secret, for `nats --nkey`.
    #[must_use]
    pub fn file(&self, user: &str) -> PathBuf {
        file(&self.dir, user)
    }

    /// What the repository's `nats.conf` needs in its environment: `MERCAT_NKEY_<USER>` and the public key.
    pub fn environment(&self) -> impl Iterator<Item = (String, &str)> {
        self.public.iter().map(|(user, public)| (variable(user), public.as_str()))
    }
}

/// A user's secret, from a directory that need not hold anybody else's: a process is given the keys it uses.
///
/// # Errors
/// When the user has none there, or it cannot be read.
pub fn seed_of(dir: &Path, user: &str) -> io::Result<Seed> {
    let path = file(dir, user);
    let seed = fs::read_to_string(&path)?;
    pair(&path, seed.trim()).map(|_| Seed::new(seed.trim()))
}

/// The variable that holds a user's public key.
#[must_use]
pub fn variable(user: &str) -> String {
    format!("MERCAT_NKEY_{}", user.to_uppercase())
}

fn file(dir: &Path, user: &str) -> PathBuf {
    dir.join(format!("{user}.nk"))
}

fn pair(path: &Path, seed: &str) -> io::Result<KeyPair> {
    let unfit = |what: String| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {what}", path.display()));
    let pair = KeyPair::from_seed(seed).map_err(|failure| unfit(failure.to_string()))?;
    if pair.public_key().starts_with('U') { Ok(pair) } else { Err(unfit("this is no user's seed".to_owned())) }
}

/// Makes a key. Of two processes that do so at once, both use the one whose file came first.
fn create(path: &Path) -> io::Result<KeyPair> {
    let made = KeyPair::new_user();
    let seed = made.seed().map_err(io::Error::other)?;
    // Written whole under another name first: nobody may read half a seed.
    let staged = path.with_extension(format!("nk.{}", std::process::id()));
    let mut file = fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&staged)?;
    file.write_all(format!("{seed}\n").as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&staged, path);
    fs::remove_file(&staged)?;
    match linked {
        Ok(()) => Ok(made),
        Err(failure) if failure.kind() == io::ErrorKind::AlreadyExists => pair(path, fs::read_to_string(path)?.trim()),
        Err(failure) => Err(failure),
    }
}

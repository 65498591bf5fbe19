//! Secrets of a shop that nobody configured: made at the first start and kept in the data directory, readable by nobody
//! else. Whoever runs several replicas on several disks sets them in the configuration instead: they must be the same.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use runtime::entropy::Entropy;

use crate::config::Config;

/// Where the secret of accounts is.
const USER: &str = "user.secret";

/// The settings of accounts, with the secret that is kept when none is set.
pub(crate) fn of_user(config: &Config) -> anyhow::Result<user::settings::Settings> {
    let mut settings = config.user.clone();
    if settings.secret.is_empty() {
        settings.secret = kept(&config.data, USER)?;
    }
    Ok(settings)
}

/// Reads a secret, or makes it. Of two processes that make it at once, both use the one that was first.
fn kept(data: &Path, name: &str) -> anyhow::Result<String> {
    let file = data.join(name);
    std::fs::create_dir_all(data).with_context(|| format!("could not make {}", data.display()))?;
    let secret: String = Entropy::system().bytes::<32>().iter().map(|byte| format!("{byte:02x}")).collect();
    // Written aside and linked: whoever finds it finds all of it.
    let aside = data.join(format!("{name}.{}", std::process::id()));
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&aside)
        .and_then(|mut open| open.write_all(secret.as_bytes()).and_then(|()| open.sync_all()));
    written.with_context(|| format!("could not write {}", aside.display()))?;
    let linked = std::fs::hard_link(&aside, &file);
    std::fs::remove_file(&aside).with_context(|| format!("could not remove {}", aside.display()))?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("could not keep {}", file.display()))
        }
        _ => std::fs::read_to_string(&file).with_context(|| format!("could not read {}", file.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_is_nobody_elses() {
        let data = tempfile::tempdir().expect("a directory");
        let first = kept(data.path(), USER).expect("made");
        assert_eq!((first.len(), kept(data.path(), USER).expect("kept")), (64, first));
        let mode = std::fs::metadata(data.path().join(USER)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(data.path()).expect("readable").count(), 1, "nothing is left beside it");
    }
}

//! Secrets of a shop that nobody configured, and its address on one machine. A secret is made at the first start and kept
//! in the data directory, readable by nobody else. Whoever runs several replicas on several disks sets the secrets in the
//! configuration instead: they must be the same.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use runtime::entropy::Entropy;
use user::passkey::party::Party;

use crate::config::Config;

/// Where the secret of accounts is.
const USER: &str = "user.secret";
/// Where the master key of auth is. Whoever loses it loses the keys that tokens are signed with: everybody has to sign in
/// again.
const AUTH: &str = "auth.secret";

/// The settings of accounts, with the secret that is kept when none is set.
pub(crate) fn of_user(config: &Config) -> anyhow::Result<user::settings::Settings> {
    let mut settings = config.user.clone();
    if settings.secret.is_empty() {
        settings.secret = kept(&config.data, USER)?;
    }
    // Passkeys belong to the name that the shop is found under, unless something else is said.
    if settings.passkeys == Party::default() {
        settings.passkeys = Party::at(&config.gateway.issuer);
    }
    Ok(settings)
}

/// Uses the master key that lies in the data directory, if none was said: what `compose.yaml` puts there.
pub(crate) fn found(config: &mut Config) {
    if let (true, Ok(text)) = (config.auth.secret.is_empty(), std::fs::read_to_string(config.data.join(AUTH))) {
        text.trim().clone_into(&mut config.auth.secret);
    }
}

/// Settles what `mercat up` need not be told: the master key, and where the gateway is found.
pub(crate) fn settle(config: &mut Config) -> anyhow::Result<()> {
    if config.auth.secret.is_empty() {
        config.auth.secret = kept(&config.data, AUTH)?;
    }
    let (listen, unsaid) = (config.gateway.listen, auth::settings::Settings::default().issuer);
    if config.gateway.issuer == unsaid && config.auth.issuer == unsaid && listen.port() != 0 {
        config.gateway.issuer = format!("{}://{listen}", config.scheme());
        config.auth.issuer.clone_from(&config.gateway.issuer);
    }
    Ok(())
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

    #[test]
    fn a_shop_on_another_port_says_so() {
        let home = tempfile::tempdir().expect("a directory");
        let mut config = Config { data: home.path().to_owned(), ..Config::default() };
        config.gateway.listen = ([127, 0, 0, 1], 9999).into();
        settle(&mut config).expect("settled");
        assert_eq!((&*config.gateway.issuer, &*config.auth.issuer), ("http://127.0.0.1:9999", "http://127.0.0.1:9999"));
    }
}

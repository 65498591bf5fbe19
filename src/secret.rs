//! The master key of auth and the address of a shop on one machine: made at the first start, and kept.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use anyhow::Context as _;
use runtime::entropy::Entropy;

use crate::config::Config;

/// The key's file in the data directory. Whoever loses it loses the keys that tokens are signed with: everybody has to
/// sign in again.
const FILE: &str = "auth.secret";

/// Uses the master key that lies in the data directory, if none was said: what `compose.yaml` puts there.
pub(crate) fn found(config: &mut Config) {
    if let (true, Ok(text)) = (config.auth.secret.is_empty(), std::fs::read_to_string(config.data.join(FILE))) {
        text.trim().clone_into(&mut config.auth.secret);
    }
}

/// Settles what `mercat up` need not be told: the master key, and where the gateway is found.
pub(crate) fn settle(config: &mut Config) -> anyhow::Result<()> {
    if config.auth.secret.is_empty() {
        config.auth.secret = kept(config)?;
    }
    let (listen, unsaid) = (config.gateway.listen, auth::settings::Settings::default().issuer);
    if config.gateway.issuer == unsaid && config.auth.issuer == unsaid && listen.port() != 0 {
        config.gateway.issuer = format!("http://{listen}");
        config.auth.issuer.clone_from(&config.gateway.issuer);
    }
    Ok(())
}

fn kept(config: &Config) -> anyhow::Result<String> {
    let file = config.data.join(FILE);
    let unusable = || format!("the master key of auth cannot be kept in {}", file.display());
    match std::fs::read_to_string(&file) {
        Ok(text) => return Ok(text.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(unusable),
    }
    let bytes = Entropy::system().bytes::<32>();
    let secret: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::create_dir_all(&config.data).with_context(unusable)?;
    let mut open = std::fs::OpenOptions::new();
    let mut opened = open.write(true).create_new(true).mode(0o600).open(&file).with_context(unusable)?;
    opened.write_all(secret.as_bytes()).and_then(|()| opened.sync_all()).with_context(unusable)?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_for_its_owner_alone() {
        let home = tempfile::tempdir().expect("a directory");
        let config = || Config { data: home.path().join("data"), ..Config::default() };
        let (mut first, mut again) = (config(), config());
        settle(&mut first).expect("settled");
        settle(&mut again).expect("settled");
        assert_eq!((first.auth.secret.len(), &first.auth.secret), (64, &again.auth.secret));
        let mode = std::fs::metadata(home.path().join("data").join(FILE)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
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

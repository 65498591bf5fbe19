//! `mercat certs`: a certificate authority of the shop's own, and a leaf for each who speaks to NATS.
//!
//! The authority is made once and never written again: whoever loses it makes another, and everybody gets new leaves. A
//! leaf is good for 30 days and is renewed by running the command again, which leaves alone what is good for longer than
//! `--renew-before`. A process shows a renewed leaf from its next connection on; a nats-server does when it is told to
//! read its files again (SIGHUP).

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use runtime::clock::Clock;
use runtime::nats::tls::{self, AUTHORITY, Files, Unfit};
use runtime::permissions;
use time::OffsetDateTime;

use crate::config::Config;
use crate::out;

/// The file of the authority's key.
const AUTHORITY_KEY: &str = "ca.key";
/// Who a nats-server is.
pub(crate) const SERVER: &str = "nats";
/// How long an authority is good: longer than a machine, shorter than an algorithm.
const AUTHORITY_DAYS: i64 = 10 * 365;
/// Clocks may differ by this much.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// How long before its end a leaf is renewed when nobody says otherwise: a third of its life, so that two runs may fail.
const RENEW_BEFORE_DAYS: u32 = 10;
/// The names of a server on this machine, in a container and in the cluster of `deploy/`.
const HOSTS: [&str; 6] = ["localhost", "127.0.0.1", "nats", "nats-1", "nats-2", "nats-3"];

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where authority and leaves are kept; `<data>/certs` by default.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// A name or address under which servers are reached, beside localhost, nats and nats-1 to nats-3. Repeatable.
    #[arg(long = "host")]
    hosts: Vec<String>,
    /// How long a new leaf is good, in days.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=398))]
    days: u32,
    /// Renew leaves that end within so many days.
    #[arg(long, default_value_t = RENEW_BEFORE_DAYS)]
    renew_before: u32,
    /// Say what there is, and write nothing.
    #[arg(long)]
    show: bool,
}

/// What a run makes.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) dir: PathBuf,
    pub(crate) hosts: Vec<String>,
    pub(crate) life: SignedDuration,
    pub(crate) renew_before: SignedDuration,
}

impl Wish {
    /// What `mercat up` keeps for itself.
    pub(crate) fn usual(dir: PathBuf) -> Wish {
        Wish { dir, hosts: Vec::new(), life: days(30), renew_before: days(RENEW_BEFORE_DAYS) }
    }
}

fn days(days: u32) -> SignedDuration {
    SignedDuration::from_hours(i64::from(days) * 24)
}

/// Where certificates are kept.
pub(crate) fn dir(config: &Config) -> PathBuf {
    config.nats.tls.dir.clone().unwrap_or_else(|| config.data.join("certs"))
}

/// Everybody who has a leaf: the users of NATS, and its servers.
pub(crate) fn holders() -> impl Iterator<Item = &'static str> {
    let users = permissions::users(messages::GROUPS).into_iter().map(|user| user.name);
    users.chain([permissions::SYS, SERVER])
}

/// Makes what is missing, renews what ends soon, and says what there is.
pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let dir = arguments.dir.clone().unwrap_or_else(|| dir(config));
    if arguments.show {
        return Ok(show(&dir));
    }
    let wish = Wish {
        dir: dir.clone(),
        hosts: arguments.hosts.clone(),
        life: days(arguments.days),
        renew_before: days(arguments.renew_before.min(arguments.days)),
    };
    let written = make(&wish, Clock::system().now())?;
    match written.as_slice() {
        [] => out::say(&format!(
            "all leaves in {} are good for longer than {} days",
            dir.display(),
            arguments.renew_before
        )),
        written => out::say(&format!("{}: new leaves for {}", dir.display(), written.join(", "))),
    }
    if written.contains(&SERVER) {
        out::say("tell nats-server to read its files again: kill -HUP <pid>, or `nats-server --signal reload`");
    }
    Ok(ExitCode::SUCCESS)
}

fn show(dir: &Path) -> ExitCode {
    let now = Clock::system().now();
    let mut code = ExitCode::SUCCESS;
    for holder in holders() {
        match tls::judge(&Files::of(dir, holder), now) {
            Ok(until) => out::say(&format!("{holder:<14} good until {until}")),
            Err(unfit) => {
                out::say(&format!("{holder:<14} {unfit}"));
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

/// Makes the authority, if there is none, and the leaves that are missing or end soon. Says whose it has written.
///
/// # Errors
/// When files cannot be written, or those of the authority are not what they were.
pub(crate) fn make(wish: &Wish, now: Timestamp) -> anyhow::Result<Vec<&'static str>> {
    fs::create_dir_all(&wish.dir).with_context(|| format!("could not make {}", wish.dir.display()))?;
    let authority = authority(&wish.dir, now)?;
    let mut written = Vec::new();
    for holder in holders() {
        let files = Files::of(&wish.dir, holder);
        let is_good = match tls::judge(&files, now) {
            Ok(until) => until.duration_since(now) > wish.renew_before,
            // Made by another authority, or by hand: whose it is, nobody knows.
            Err(unfit @ Unfit::Foreign { .. }) => anyhow::bail!("{unfit}; remove it, or say another --dir"),
            Err(_) => false,
        };
        if !is_good {
            leaf(&authority, &files, holder, wish, now)
                .with_context(|| format!("could not make a leaf for {holder}"))?;
            written.push(holder);
        }
    }
    Ok(written)
}

/// The authority: as it is in its directory, or made.
fn authority(dir: &Path, now: Timestamp) -> anyhow::Result<Issuer<'static, KeyPair>> {
    let (cert, key) = (dir.join(AUTHORITY), dir.join(AUTHORITY_KEY));
    let pair = match (cert.exists(), key.exists()) {
        (true, true) => {
            let text = fs::read_to_string(&key).with_context(|| format!("could not read {}", key.display()))?;
            KeyPair::from_pem(&text).with_context(|| format!("there is no key in {}", key.display()))?
        }
        (false, false) => KeyPair::generate().context("could not make a key")?,
        // Half an authority signs nothing that anybody trusts. It is not made anew: what it was, is in use.
        (true, false) => anyhow::bail!("{} has no key {} beside it", cert.display(), key.display()),
        (false, true) => anyhow::bail!("{} has no certificate {} beside it", key.display(), cert.display()),
    };
    let params = authority_params(&pair, now)?;
    if !cert.exists() {
        let made = params.self_signed(&pair).context("could not sign the authority")?;
        // The key first: a certificate without one would be trusted for nothing.
        write_new(&key, &pair.serialize_pem())?;
        write_new(&cert, &made.pem())?;
    }
    Ok(Issuer::new(params, pair))
}

/// What an authority says of itself. Its name follows from its key, so two of them are never taken for each other.
fn authority_params(pair: &KeyPair, now: Timestamp) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::default();
    // A point of a curve is as good as chance, after the byte that says how it is written.
    let word: String = pair.public_key_raw().iter().skip(1).take(8).map(|byte| format!("{byte:02x}")).collect();
    params.distinguished_name = named(&format!("Mercat CA {word}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = span(now, SignedDuration::from_hours(AUTHORITY_DAYS * 24))?;
    Ok(params)
}

/// Makes a leaf, and puts it in place of the one that was there.
fn leaf(
    authority: &Issuer<'static, KeyPair>,
    files: &Files,
    holder: &str,
    wish: &Wish,
    now: Timestamp,
) -> anyhow::Result<()> {
    let pair = KeyPair::generate()?;
    let hosts = HOSTS.iter().map(|host| (*host).to_owned()).chain(wish.hosts.iter().cloned());
    let names = if holder == SERVER { hosts.collect() } else { vec![holder.to_owned()] };
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = named(holder);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    if holder == SERVER {
        // Servers of a cluster are each other's clients.
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    }
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = span(now, wish.life)?;
    let made = params.signed_by(&pair, authority)?;
    // Whoever reads between the two finds that they do not fit, and goes on with what it has.
    replace(&files.key, &pair.serialize_pem())?;
    replace(&files.cert, &made.pem())
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::OrganizationName, "Mercat");
    named.push(DnType::CommonName, name);
    named
}

/// From a little before now for so long.
fn span(now: Timestamp, life: SignedDuration) -> anyhow::Result<(OffsetDateTime, OffsetDateTime)> {
    let at = |moment: Timestamp| OffsetDateTime::from_unix_timestamp(moment.as_second());
    Ok((at(now.checked_sub(SKEW)?)?, at(now.checked_add(life)?)?))
}

/// Writes a file that only its owner may read, whole or not at all.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let staged = stage(path, text)?;
    fs::rename(&staged, path).with_context(|| format!("could not write {}", path.display()))
}

/// The same, but never over one that is there.
fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let staged = stage(path, text)?;
    let linked = fs::hard_link(&staged, path);
    fs::remove_file(&staged).with_context(|| format!("could not remove {}", staged.display()))?;
    linked.with_context(|| format!("could not write {}", path.display()))
}

fn stage(path: &Path, text: &str) -> anyhow::Result<PathBuf> {
    let staged = path.with_extension(format!("new.{}", std::process::id()));
    let mut file = fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&staged)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .with_context(|| format!("could not write {}", staged.display()))?;
    Ok(staged)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn at(days: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + days * 86_400).expect("a time")
    }

    #[test]
    fn what_is_good_is_left_alone_and_what_ends_is_renewed() {
        let dir = tempfile::tempdir().expect("a directory");
        let wish = Wish::usual(dir.path().to_owned());
        assert_eq!(make(&wish, at(0)).expect("made").len(), holders().count());
        let files = Files::of(dir.path(), "gateway");
        assert_eq!(tls::judge(&files, at(0)), Ok(at(30)));
        let authority = fs::read(dir.path().join(AUTHORITY)).expect("an authority");
        assert_eq!(make(&wish, at(19)).expect("made"), Vec::<&str>::new());
        assert_eq!(make(&wish, at(21)).expect("made").len(), holders().count());
        assert_eq!(tls::judge(&files, at(21)), Ok(at(51)));
        assert_eq!(fs::read(dir.path().join(AUTHORITY)).expect("an authority"), authority, "it is never written again");
        for entry in fs::read_dir(dir.path()).expect("readable") {
            let entry = entry.expect("an entry");
            let mode = entry.metadata().expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", entry.path().display());
        }
    }

    #[test]
    fn what_is_expired_early_or_foreign_is_told_apart() {
        let (ours, theirs) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        for dir in [&ours, &theirs] {
            make(&Wish::usual(dir.path().to_owned()), at(0)).expect("made");
        }
        let files = Files::of(ours.path(), "gateway");
        assert!(matches!(tls::judge(&files, at(31)), Err(Unfit::Expired { on, .. }) if on == at(30)));
        assert!(matches!(tls::judge(&files, at(-1)), Err(Unfit::Early { .. })));
        let foreign = Files { ca: theirs.path().join(AUTHORITY), ..files.clone() };
        assert!(matches!(tls::judge(&foreign, at(1)), Err(Unfit::Foreign { .. })));
        let other_key = Files { key: ours.path().join("nats.key"), ..files.clone() };
        assert!(matches!(tls::judge(&other_key, at(1)), Err(Unfit::Other { .. })));
        fs::write(&files.cert, "nothing").expect("written");
        assert!(matches!(tls::judge(&files, at(1)), Err(Unfit::File { .. })));
    }

    #[test]
    fn half_an_authority_is_not_made_whole() {
        let dir = tempfile::tempdir().expect("a directory");
        let wish = Wish::usual(dir.path().to_owned());
        make(&wish, at(0)).expect("made");
        let before = fs::read(dir.path().join(AUTHORITY)).expect("an authority");
        fs::remove_file(dir.path().join(AUTHORITY_KEY)).expect("removed");
        assert!(make(&wish, at(40)).is_err());
        assert_eq!(fs::read(dir.path().join(AUTHORITY)).expect("an authority"), before);
    }
}

//! TLS at the door: certificates that can be changed while connections are open, and what plain HTTP is still good for.
//!
//! Files are looked at once a second, and at once on SIGHUP. What is new and fits together is shown to whoever connects
//! next; connections that are open keep theirs. What is broken changes nothing and is said once. TLS 1.2 and 1.3 with the
//! suites that rustls has, HTTP/2 where a client asks for it (ALPN). No early data: what is sent there can be replayed.

pub(crate) mod http2;
pub(crate) mod redirect;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use serde::Deserialize;
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A chain of certificates is a few kB; more is another file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// TLS, and where plain HTTP is answered beside it.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// The certificate of this gateway and those that lead to its root, PEM. Empty: plain HTTP.
    pub cert: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// Where plain HTTP is redirected to `issuer`, except health. Nowhere by default.
    pub plain: Option<SocketAddr>,
    /// For how long browsers shall come by TLS only, in seconds (RFC 6797). 0 does not say so.
    pub hsts_max_age_s: u64,
    /// Requests that one HTTP/2 connection may have under way.
    pub streams_max: u32,
}

impl Default for Tls {
    fn default() -> Tls {
        Tls {
            cert: PathBuf::new(),
            key: PathBuf::new(),
            plain: None,
            // Two years, what preload lists ask for.
            hsts_max_age_s: 63_072_000,
            // What RFC 9113 §6.5.2 recommends as the least.
            streams_max: 100,
        }
    }
}

impl Tls {
    /// Whether the door speaks TLS.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.cert.as_os_str().is_empty()
    }
}

/// Why a certificate cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is not there, or is no file.
    #[error("could not read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("there is no {what} in {}", path.display())]
    Pem {
        /// What should be in it.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The two do not fit together, or are of a kind that is not served.
    #[error("the certificate and the key cannot be used together")]
    Mismatch(#[source] rustls::Error),
}

/// The certificate that is shown, and where it came from.
#[derive(Debug)]
pub(crate) struct Certificates {
    cert: PathBuf,
    key: PathBuf,
    shown: RwLock<Shown>,
}

#[derive(Debug)]
struct Shown {
    certified: Arc<CertifiedKey>,
    /// What the files held when they were last looked at, good or bad.
    seen: [u8; 32],
}

impl Certificates {
    /// # Errors
    /// When the files hold no certificate with its key.
    pub(crate) fn load(tls: &Tls) -> Result<Arc<Certificates>, Error> {
        let (cert, key) = (tls.cert.clone(), tls.key.clone());
        let (seen, certified) = read(&cert, &key)?;
        let shown = RwLock::new(Shown { certified: Arc::new(certified?), seen });
        Ok(Arc::new(Certificates { cert, key, shown }))
    }

    /// What a worker accepts connections with.
    ///
    /// # Errors
    /// When the crypto provider lacks what TLS 1.2 and 1.3 need: a broken build.
    pub(crate) fn acceptor(self: &Arc<Certificates>) -> Result<TlsAcceptor, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![http2::ALPN.to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Looks at the files, and shows what is new in them.
    fn look(&self) {
        let now = read(&self.cert, &self.key);
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        let (seen, certified) = match now {
            Ok(now) => now,
            // Not there at the moment: whoever writes them anew may be in the middle of it.
            Err(error) => return tracing::warn!(cause = %told(&error), "the certificate of the gateway is kept"),
        };
        if seen == shown.seen {
            return;
        }
        shown.seen = seen;
        match certified {
            Ok(certified) => {
                shown.certified = Arc::new(certified);
                metrics::counter!("tls_certificate_changes_total", "outcome" => "shown").increment(1);
                tracing::info!(file = %self.cert.display(), "the gateway shows a new certificate");
            }
            Err(error) => {
                metrics::counter!("tls_certificate_changes_total", "outcome" => "refused").increment(1);
                tracing::error!(cause = %told(&error), "the new certificate of the gateway cannot be used; the old one is kept");
            }
        }
    }

    /// Looks at the files until it is dropped: often, and at once on SIGHUP.
    pub(crate) async fn follow(self: Arc<Certificates>) {
        use tokio::signal::unix::{SignalKind, signal};
        let mut hangup = signal(SignalKind::hangup()).ok();
        let mut often = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                _ = often.tick() => {}
                Some(()) = async { hangup.as_mut()?.recv().await } => {}
            }
            self.look();
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.shown.read().unwrap_or_else(PoisonError::into_inner).certified.clone())
    }
}

/// The one crypto provider of the tree.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// What the files hold, by its hash, and the certificate with its key, if they hold one.
fn read(cert: &Path, key: &Path) -> Result<([u8; 32], Result<CertifiedKey, Error>), Error> {
    let (cert_pem, key_pem) = (file(cert)?, file(key)?);
    let seen = *blake3::hash(&[cert_pem.as_slice(), b"\0", key_pem.as_slice()].concat()).as_bytes();
    let no = |what, path: &Path| Error::Pem { what, path: path.to_owned() };
    let certified = || {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&cert_pem).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| no("certificate", cert))?;
        let key = PrivateKeyDer::from_pem_slice(&key_pem).map_err(|_| no("private key", key))?;
        CertifiedKey::from_der(chain, key, &provider()).map_err(Error::Mismatch)
    };
    Ok((seen, certified()))
}

fn file(path: &Path) -> Result<Vec<u8>, Error> {
    use std::io::Read as _;
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let open = std::fs::File::open(path).map_err(failed)?;
    open.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// An error with its cause.
fn told(error: &Error) -> String {
    use std::error::Error as _;
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn write(tls: &Tls) {
        let pair = KeyPair::generate().expect("a key");
        let cert = CertificateParams::new(vec!["shop.example".to_owned()]).expect("names").self_signed(&pair);
        std::fs::write(&tls.cert, cert.expect("signed").pem()).expect("written");
        std::fs::write(&tls.key, pair.serialize_pem()).expect("written");
    }

    #[test]
    fn what_is_new_is_shown_and_what_is_broken_is_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let tls = Tls { cert: dir.path().join("cert"), key: dir.path().join("key"), ..Tls::default() };
        assert!(matches!(Certificates::load(&tls), Err(Error::Read { .. })));
        write(&tls);
        let certificates = Certificates::load(&tls).expect("a certificate");
        let shown = || certificates.shown.read().expect("whole").certified.cert[0].to_vec();
        let first = shown();
        certificates.look();
        assert_eq!(shown(), first);
        write(&tls);
        certificates.look();
        let second = shown();
        assert_ne!(second, first);
        for (broken, file) in [("nothing", &tls.cert), ("nothing", &tls.key)] {
            write(&tls);
            std::fs::write(file, broken).expect("written");
            certificates.look();
            assert_eq!(shown(), second);
        }
        // The key of another: the two are written one after the other.
        write(&tls);
        let key = std::fs::read(&tls.key).expect("a key");
        write(&tls);
        std::fs::write(&tls.key, key).expect("written");
        certificates.look();
        assert_eq!(shown(), second);
        std::fs::remove_file(&tls.cert).expect("removed");
        certificates.look();
        assert_eq!(shown(), second);
        write(&tls);
        certificates.look();
        assert_ne!(shown(), second, "what is whole again is shown");
    }
}

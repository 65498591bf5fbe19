//! Mutual TLS with NATS: whom a process trusts, and what it shows.
//!
//! The certificate is read anew for each connection that is made, so a leaf that was renewed is shown from the next one
//! on, and nothing has to be told of it. No session is resumed: a server that resumes one would not look at the leaf. A
//! leaf that the own authority would not accept is refused here, with the reason, before a server refuses it with less.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// The file of the authority in a directory of certificates.
pub const AUTHORITY: &str = "ca.pem";
/// Longer than any certificate of ours is good: what [`judge`] asks for to be told when one ends. 100 years.
const FAR: Duration = Duration::from_hours(100 * 365 * 24);

/// Where a process finds whom to trust, its certificate and its key. PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The authority whose certificates are trusted, and no other.
    pub ca: PathBuf,
    /// The certificate that is shown.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Files {
    /// Those of a user in a directory of certificates.
    #[must_use]
    pub fn of(dir: &Path, user: &str) -> Files {
        let file = |end: &str| dir.join(format!("{user}.{end}"));
        Files { ca: dir.join(AUTHORITY), cert: file("pem"), key: file("key") }
    }
}

/// Why a certificate is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A file is not there, or holds something else.
    #[error("{} holds no {what}: {reason}", path.display())]
    File {
        /// What should be in it.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Its time is over.
    #[error("the certificate {} has expired on {on}; renew it with `mercat certs`", path.display())]
    Expired {
        /// The certificate.
        path: PathBuf,
        /// When it ended.
        on: Timestamp,
    },
    /// Its time has not come.
    #[error("the certificate {} is not valid before {from}; is this clock right?", path.display())]
    Early {
        /// The certificate.
        path: PathBuf,
        /// When it begins.
        from: Timestamp,
    },
    /// Another authority has signed it.
    #[error("the certificate {} is not of the authority {}", path.display(), ca.display())]
    Foreign {
        /// The certificate.
        path: PathBuf,
        /// The authority.
        ca: PathBuf,
    },
    /// Whatever else a verifier finds.
    #[error("the certificate {} cannot be used: {reason}", path.display())]
    Other {
        /// The certificate.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// How to speak TLS as the holder of a certificate. `told` hears why a server is not trusted, which the client library
/// keeps for itself.
///
/// # Errors
/// When the certificate is of no use now.
pub(super) fn client(
    files: &Files,
    now: Timestamp,
    told: impl Fn(String) + Send + Sync + 'static,
) -> Result<ClientConfig, Unfit> {
    judge(files, now)?;
    let servers = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(&files.ca)?), provider()).build();
    let servers = servers.map_err(|error| Unfit::Other { path: files.ca.clone(), reason: error.to_string() })?;
    let servers = Arc::new(Servers { inner: servers, ca: files.ca.clone(), told: Box::new(told) });
    let unfit = |error: rustls::Error| Unfit::Other { path: files.cert.clone(), reason: error.to_string() };
    let leaf = Leaf { files: files.clone(), last: Mutex::new(Arc::new(certified(files)?)) };
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(unfit)?
        .dangerous()
        .with_custom_certificate_verifier(servers)
        .with_client_cert_resolver(Arc::new(leaf));
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Until when a certificate is good, if its authority accepts it now.
///
/// # Errors
/// Why it is of no use.
pub fn judge(files: &Files, now: Timestamp) -> Result<Timestamp, Unfit> {
    let path = || files.cert.clone();
    let other = |reason: String| Unfit::Other { path: path(), reason };
    certified(files)?;
    let chain = chain(&files.cert)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(&files.ca)?), provider()).build();
    let verifier = verifier.map_err(|error| other(error.to_string()))?;
    let (leaf, between) = chain.split_first().ok_or_else(|| other("it is empty".to_owned()))?;
    let verify = |at: UnixTime| verifier.verify_client_cert(leaf, between, at).map(drop);
    let now = Duration::from_secs(u64::try_from(now.as_second()).unwrap_or_default());
    let moment = |time: UnixTime| {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
    };
    match verify(UnixTime::since_unix_epoch(now)) {
        Ok(()) => {}
        Err(rustls::Error::InvalidCertificate(why)) => {
            return Err(match why {
                CertificateError::ExpiredContext { not_after, .. } => {
                    Unfit::Expired { path: path(), on: moment(not_after) }
                }
                CertificateError::NotValidYetContext { not_before, .. } => {
                    Unfit::Early { path: path(), from: moment(not_before) }
                }
                CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                    Unfit::Foreign { path: path(), ca: files.ca.clone() }
                }
                why => other(why.to_string()),
            });
        }
        Err(error) => return Err(other(error.to_string())),
    }
    // Its end is told to who asks after it.
    match verify(UnixTime::since_unix_epoch(now + FAR)) {
        Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Ok(moment(not_after))
        }
        _ => Ok(Timestamp::MAX),
    }
}

/// Whom to trust: what the library decides, told to somebody.
struct Servers {
    inner: Arc<WebPkiServerVerifier>,
    ca: PathBuf,
    told: Box<dyn Fn(String) + Send + Sync>,
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Servers").field("ca", &self.ca).finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verified.inspect_err(|cause| {
            let name = server_name.to_str();
            let why = format!("the certificate of the server {name} is not trusted by {}: {cause}", self.ca.display());
            tracing::error!(cause = why, "nats is not who it should be");
            (self.told)(why);
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// The certificate that is shown: what the files hold at that moment, or what they held when they were last whole.
#[derive(Debug)]
struct Leaf {
    files: Files,
    last: Mutex<Arc<CertifiedKey>>,
}

impl ResolvesClientCert for Leaf {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match certified(&self.files) {
            Ok(certified) => *last = Arc::new(certified),
            // It is being written, or is gone: the old one may be good enough.
            Err(unfit) => tracing::warn!(cause = %unfit, "the last certificate for nats is shown"),
        }
        if let Err(unfit) = judge(&self.files, crate::clock::Clock::system().now()) {
            tracing::error!(cause = %unfit, "nats will refuse this certificate");
        }
        Some(last.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Unfit> {
    let unfit = |reason: String| Unfit::File { what: "certificate", path: path.to_owned(), reason };
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).map_err(|error| unfit(error.to_string()))?.collect();
    let chain = chain.map_err(|error| unfit(error.to_string()))?;
    if chain.is_empty() { Err(unfit("there is none".to_owned())) } else { Ok(chain) }
}

fn roots(path: &Path) -> Result<RootCertStore, Unfit> {
    let mut roots = RootCertStore::empty();
    for certificate in chain(path)? {
        let unfit = |error: rustls::Error| {
            let (path, reason) = (path.to_owned(), error.to_string());
            Unfit::File { what: "authority", path, reason }
        };
        roots.add(certificate).map_err(unfit)?;
    }
    Ok(roots)
}

fn certified(files: &Files) -> Result<CertifiedKey, Unfit> {
    let chain = chain(&files.cert)?;
    let unfit = |reason: String| Unfit::File { what: "private key", path: files.key.clone(), reason };
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unfit(error.to_string()))?;
    let other = |error: rustls::Error| Unfit::Other { path: files.cert.clone(), reason: error.to_string() };
    CertifiedKey::from_der(chain, key, &provider()).map_err(other)
}

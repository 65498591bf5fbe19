//! Certificates of the tests' own, and clients that speak TLS.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use gateway::config::{Config, Tls};
use h2::client::SendRequest;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::config;

/// An authority, and the certificate of a gateway.
pub(crate) struct Papers {
    dir: TempDir,
    issuer: Issuer<'static, KeyPair>,
    root: String,
}

impl Papers {
    pub(crate) fn new() -> Papers {
        let pair = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let root = params.self_signed(&pair).expect("signed").pem();
        let dir = tempfile::tempdir().expect("a directory");
        let papers = Papers { dir, issuer: Issuer::new(params, pair), root };
        papers.renew();
        papers
    }

    /// Puts another certificate in place of the one that is there.
    pub(crate) fn renew(&self) {
        let pair = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("names");
        let cert = params.signed_by(&pair, &self.issuer).expect("signed");
        std::fs::write(self.key(), pair.serialize_pem()).expect("written");
        std::fs::write(self.cert(), cert.pem()).expect("written");
    }

    pub(crate) fn cert(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.dir.path().join("key.pem")
    }

    /// A gateway that shows it.
    pub(crate) fn config(&self) -> Config {
        let tls = Tls { cert: self.cert(), key: self.key(), ..Tls::default() };
        Config { tls, ..config() }
    }

    fn connector(&self, versions: &[&'static SupportedProtocolVersion], alpn: &str) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        let root = rustls::pki_types::CertificateDer::from_pem_slice(self.root.as_bytes()).expect("PEM");
        roots.add(root).expect("a root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).expect("known");
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        TlsConnector::from(Arc::new(config))
    }

    /// A connection with TLS of these versions, for a protocol.
    pub(crate) async fn connect_with(
        &self,
        address: SocketAddr,
        versions: &[&'static SupportedProtocolVersion],
        alpn: &str,
    ) -> TlsStream<TcpStream> {
        let socket = TcpStream::connect(address).await.expect("it listens");
        let name = ServerName::try_from("127.0.0.1").expect("a name");
        self.connector(versions, alpn).connect(name, socket).await.expect("it is the one we know")
    }

    pub(crate) async fn connect(&self, address: SocketAddr, alpn: &str) -> TlsStream<TcpStream> {
        self.connect_with(address, &[&rustls::version::TLS13], alpn).await
    }

    /// A connection with HTTP/2. The handle ends with the connection, and says why.
    pub(crate) async fn http2(&self, address: SocketAddr, builder: &h2::client::Builder) -> Http2 {
        let stream = self.connect(address, "h2").await;
        let (send, connection) = builder.handshake::<_, bytes::Bytes>(stream).await.expect("HTTP/2");
        Http2 { send, ended: actix_web::rt::spawn(connection) }
    }
}

/// A client with HTTP/2.
pub(crate) struct Http2 {
    pub(crate) send: SendRequest<bytes::Bytes>,
    pub(crate) ended: actix_web::rt::task::JoinHandle<Result<(), h2::Error>>,
}

/// An answer over HTTP/2.
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Http2 {
    /// Asks, with a body or without, and reads the answer.
    pub(crate) async fn ask(&mut self, request: http::Request<()>, body: Option<&str>) -> Result<Told, h2::Error> {
        let mut send = self.send.clone().ready().await?;
        let (answer, mut stream) = send.send_request(request, body.is_none())?;
        if let Some(body) = body {
            stream.send_data(bytes::Bytes::copy_from_slice(body.as_bytes()), true)?;
        }
        let (parts, mut stream) = answer.await?.into_parts();
        let mut body = Vec::new();
        while let Some(part) = stream.data().await {
            let part = part?;
            stream.flow_control().release_capacity(part.len())?;
            body.extend_from_slice(&part);
        }
        Ok(Told { status: parts.status.as_u16(), headers: parts.headers, body })
    }
}

/// A request over HTTP/2, with the token of the administrator.
pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> http::Request<()> {
    let request = http::Request::builder().method(method).uri(format!("https://127.0.0.1{target}"));
    let request = request.header("authorization", format!("Bearer {}", super::ADMIN));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).body(()).expect("a request")
}

/// Asks over HTTP/1.1 on a connection that stays open, and reads head and body as text.
pub(crate) async fn ask(stream: &mut TlsStream<TcpStream>, target: &str) -> String {
    let request =
        format!("GET {target} HTTP/1.1\r\nHost: shop.example\r\nAuthorization: Bearer {}\r\n\r\n", super::ADMIN);
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if length.is_none_or(|length: usize| body.len() >= length) {
                return text;
            }
        }
        assert!(stream.read_buf(&mut read).await.expect("readable") > 0, "it ended after {text}");
    }
}

//! The monitoring port of nats-server: one GET, one JSON document.
//!
//! By hand, because an HTTP client would be a large thing to carry for two questions to a neighbour.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::fabric::Error;

/// How long a server may take to answer.
const WITHIN: Duration = Duration::from_secs(3);
/// No document asked for here comes near this size.
const BYTES_MAX: u64 = 4 << 20;

/// What a server tells of itself at `/varz`, as far as it matters here.
#[derive(Debug, Clone, Deserialize)]
pub struct Varz {
    /// The server's own id: two URLs that show the same id lead to one server.
    pub server_id: String,
    /// Its name.
    #[serde(default)]
    pub server_name: String,
    /// Its version.
    pub version: String,
    /// The largest message it takes, in bytes.
    pub max_payload: i64,
    /// JetStream; empty when it is switched off.
    #[serde(default)]
    pub jetstream: JetStream,
}

/// JetStream's part of `/varz`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct JetStream {
    /// How it was configured.
    pub config: Option<JetStreamConfig>,
    /// The cluster it belongs to, if it belongs to one.
    pub meta: Option<Meta>,
}

/// How JetStream was configured.
#[derive(Debug, Clone, Deserialize)]
pub struct JetStreamConfig {
    /// Whether an acknowledged message has reached the disk.
    #[serde(default)]
    pub sync_always: bool,
}

/// The group of servers that decides where streams live.
#[derive(Debug, Clone, Deserialize)]
pub struct Meta {
    /// The name of its leader; empty while there is none.
    #[serde(default)]
    pub leader: String,
    /// How many servers it has.
    #[serde(default)]
    pub cluster_size: usize,
}

/// What a server tells of itself.
///
/// # Errors
/// When it does not answer, or not in these words.
pub async fn varz(url: &str) -> Result<Varz, Error> {
    get(url, "/varz").await
}

/// Whether a server is well: JetStream is up, and all it keeps is current.
pub async fn is_healthy(url: &str) -> bool {
    matches!(fetch(url, "/healthz").await, Ok((200, _)))
}

async fn get<T: DeserializeOwned>(url: &str, path: &str) -> Result<T, Error> {
    let failed = |reason: String| Error::Failed { operation: format!("read {url}{path}"), reason };
    let (status, body) = fetch(url, path).await.map_err(|failure| failed(failure.to_string()))?;
    if status != 200 {
        return Err(failed(format!("it answers {status}")));
    }
    serde_json::from_slice(&body).map_err(|failure| failed(failure.to_string()))
}

async fn fetch(url: &str, path: &str) -> std::io::Result<(u16, Vec<u8>)> {
    use std::io::{Error, ErrorKind};
    let host = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
    let answer = timeout(WITHIN, async {
        let mut stream = TcpStream::connect(host).await?;
        // HTTP/1.0: the answer ends where the connection does, unchunked.
        let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: application/json\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(BYTES_MAX).read_to_end(&mut answer).await?;
        Ok::<_, Error>(answer)
    });
    let answer = answer.await.map_err(|_| Error::from(ErrorKind::TimedOut))??;
    let not_http = || Error::new(ErrorKind::InvalidData, "this is no HTTP answer");
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(not_http)?;
    let status = answer.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    Ok((status.ok_or_else(not_http)?, answer[head + 4..].to_vec()))
}

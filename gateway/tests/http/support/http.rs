//! A client that sends exactly the bytes it is told to: attacks need what a well-behaved client refuses to write.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a test waits for an answer: far more than any timeout the tests configure.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer, read whole.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let same = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        self.headers.iter().filter(same).map(|(_, value)| value.as_str()).collect()
    }

    /// The header, which must be there.
    #[track_caller]
    pub(crate) fn sure(&self, name: &str) -> &str {
        self.header(name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {} {}", self.status, String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Status and code of a problem, after checking that it is one.
    #[track_caller]
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{} {}", self.status, self.text());
        let body = self.json();
        for member in ["type", "title", "status", "detail", "instance", "code", "request_id"] {
            assert!(body.get(member).is_some(), "no {member} in {body}");
        }
        assert_eq!(body["status"], self.status);
        assert_eq!(body["request_id"], self.sure("x-request-id"));
        (self.status, body["code"].as_str().expect("a slug").to_owned())
    }
}

/// A connection.
pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    /// What a stream has said and nobody has taken yet.
    said: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(addr: SocketAddr) -> Connection {
        let stream = TcpStream::connect(addr).await.expect("the gateway listens");
        Connection { stream, read: Vec::new(), said: Vec::new() }
    }

    /// Writes raw bytes; a peer that has closed already is not a failure, its answer may wait to be read.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Reads one answer; `None` when the connection ends before one is whole.
    pub(crate) async fn answer(&mut self, head_only: bool) -> Option<Answer> {
        timeout(PATIENCE, self.read_answer(head_only)).await.expect("an answer in time")
    }

    async fn read_answer(&mut self, head_only: bool) -> Option<Answer> {
        let head = loop {
            if let Some(end) = find(&self.read, b"\r\n\r\n") {
                break self.read.drain(..end + 4).collect::<Vec<_>>();
            }
            self.more().await?;
        };
        let head = String::from_utf8(head).expect("a head of text");
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer { status, headers, body: Vec::new() };
        if head_only || matches!(status, 204 | 304) {
            return Some(answer);
        }
        let length: usize = answer.header("content-length").map_or(0, |value| value.parse().expect("a number"));
        while self.read.len() < length {
            self.more().await?;
        }
        answer.body = self.read.drain(..length).collect();
        Some(answer)
    }

    /// The next event of an answer that goes on, without the empty line at its end; `None` when the answer has ended.
    pub(crate) async fn event(&mut self) -> Option<String> {
        timeout(PATIENCE, self.read_event()).await.expect("an event in time")
    }

    async fn read_event(&mut self) -> Option<String> {
        loop {
            if let Some(end) = find(&self.said, b"\n\n") {
                let event: Vec<_> = self.said.drain(..end + 2).collect();
                return Some(String::from_utf8(event).expect("text").trim_end().to_owned());
            }
            let chunk = self.read_chunk().await?;
            if chunk.is_empty() {
                return None;
            }
            self.said.extend(chunk);
        }
    }

    /// A part of a body that is sent in parts (RFC 9112 §7.1); the last one is empty.
    async fn read_chunk(&mut self) -> Option<Vec<u8>> {
        let length = loop {
            if let Some(end) = find(&self.read, b"\r\n") {
                let line: Vec<_> = self.read.drain(..end + 2).collect();
                let digits = std::str::from_utf8(&line).expect("text").trim();
                break usize::from_str_radix(digits, 16).expect("a length");
            }
            self.more().await?;
        };
        while self.read.len() < length + 2 {
            self.more().await?;
        }
        let chunk = self.read.drain(..length).collect();
        self.read.drain(..2);
        Some(chunk)
    }

    async fn more(&mut self) -> Option<()> {
        let read = self.stream.read_buf(&mut self.read).await.ok()?;
        (read > 0).then_some(())
    }

    /// Whether the peer gives up on a client that reads nothing: writing to it fails sooner or later.
    pub(crate) async fn closes_unread(&mut self) -> bool {
        timeout(PATIENCE, async { while self.write(b"GET / HTTP/1.1\r\n").await {} }).await.is_ok()
    }

    /// Whether the peer closes without saying anything more.
    pub(crate) async fn is_closed(&mut self) -> bool {
        timeout(PATIENCE, self.more()).await.is_ok_and(|more| more.is_none()) && self.read.is_empty()
    }
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

/// A request, written out.
pub(crate) struct Ask {
    addr: SocketAddr,
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Ask {
    pub(crate) fn new(addr: SocketAddr, method: &'static str, target: impl Into<String>) -> Ask {
        Ask { addr, method, target: target.into(), headers: Vec::new(), body: None }
    }

    #[must_use]
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Ask {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub(crate) fn bearer(self, token: &str) -> Ask {
        self.header("Authorization", format!("Bearer {token}"))
    }

    #[must_use]
    pub(crate) fn json(self, body: impl AsRef<[u8]>) -> Ask {
        self.header("Content-Type", "application/json").body(body)
    }

    #[must_use]
    pub(crate) fn body(mut self, body: impl AsRef<[u8]>) -> Ask {
        self.body = Some(body.as_ref().to_vec());
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let mut connection = Connection::open(self.addr).await;
        self.send_on(&mut connection).await
    }

    /// Sends it on a connection that is open, and reads the answer; of one that goes on, the head.
    pub(crate) async fn send_on(self, connection: &mut Connection) -> Answer {
        let mut bytes = format!("{} {} HTTP/1.1\r\nHost: shop.example\r\n", self.method, self.target).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        if let Some(body) = &self.body {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        connection.write(&bytes).await;
        connection.answer(self.method == "HEAD").await.expect("a whole answer")
    }
}

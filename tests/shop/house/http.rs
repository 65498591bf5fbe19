//! A client that speaks HTTP/1.1 over one connection, and connects again when that is lost.
//!
//! It never repeats a request by itself: what may have been done is for the test to judge.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take: longer than the gateway waits for a group.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// Why there is no answer: the connection was refused or lost, or nothing came in time.
#[derive(Debug)]
pub(crate) struct Broken(pub(crate) String);

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Broken {
        Broken(error.to_string())
    }
}

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
}

impl Ask {
    pub(crate) fn get(target: impl Into<String>) -> Ask {
        Ask { method: "GET", target: target.into(), headers: Vec::new(), body: None }
    }

    pub(crate) fn post(target: impl Into<String>, body: &Value) -> Ask {
        Ask { method: "POST", ..Ask::get(target) }.json(body)
    }

    /// With any method.
    pub(crate) fn of(method: &'static str, target: impl Into<String>, body: Option<&Value>) -> Ask {
        let ask = Ask { method, ..Ask::get(target) };
        body.map_or(ask.clone(), |body| ask.json(body))
    }

    /// What a browser sends when a form is filled in.
    pub(crate) fn form(target: impl Into<String>, fields: &str) -> Ask {
        let ask = Ask { method: "POST", body: Some(fields.as_bytes().to_vec()), ..Ask::get(target) };
        ask.header("Content-Type", "application/x-www-form-urlencoded")
    }

    pub(crate) fn patch(target: impl Into<String>, body: &Value) -> Ask {
        let ask = Ask { method: "PATCH", body: Some(body.to_string().into_bytes()), ..Ask::get(target) };
        ask.header("Content-Type", "application/merge-patch+json")
    }

    pub(crate) fn put(target: impl Into<String>, body: &Value) -> Ask {
        Ask { method: "PUT", ..Ask::get(target) }.json(body)
    }

    /// Under a key of the client's own.
    pub(crate) fn keyed(self, key: impl Into<String>) -> Ask {
        self.header("Idempotency-Key", key)
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Ask {
        self.headers.push((name, value.into()));
        self
    }

    fn json(self, body: &Value) -> Ask {
        Ask { body: Some(body.to_string().into_bytes()), ..self }.header("Content-Type", "application/json")
    }

    fn bytes(&self, token: &str) -> Vec<u8> {
        let Ask { method, target, .. } = self;
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: shop.example\r\n");
        if !token.is_empty() {
            head += &format!("Authorization: Bearer {token}\r\n");
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let body = self.body.as_deref().unwrap_or_default();
        if self.body.is_some() {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        [head.as_bytes(), b"\r\n", body].concat()
    }
}

impl std::fmt::Display for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {} {}",
            self.method,
            self.target,
            String::from_utf8_lossy(self.body.as_deref().unwrap_or_default())
        )
    }
}

/// An answer, read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {} {}", self.status, String::from_utf8_lossy(&self.body)))
    }
}

/// A client.
pub(crate) struct Http {
    address: SocketAddr,
    token: String,
    connection: Option<Connection>,
}

impl Http {
    pub(crate) fn new(address: SocketAddr, token: String) -> Http {
        Http { address, token, connection: None }
    }

    /// The same way in, for whoever holds this token.
    pub(crate) fn bearing(&self, token: &str) -> Http {
        Http::new(self.address, token.to_owned())
    }

    /// Sends a request and waits for the answer.
    pub(crate) async fn try_send(&mut self, ask: &Ask) -> Result<Answer, Broken> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection { stream: TcpStream::connect(self.address).await?, read: Vec::new() },
        };
        let exchange = async {
            connection.stream.write_all(&ask.bytes(&self.token)).await?;
            connection.answer().await
        };
        let answer = timeout(ANSWER_WITHIN, exchange).await.map_err(|_| Broken("no answer in time".to_owned()))??;
        if answer.header("connection").is_none_or(|said| !said.eq_ignore_ascii_case("close")) {
            self.connection = Some(connection);
        }
        Ok(answer)
    }

    /// Sends a request and hangs up: at once, or after a while.
    pub(crate) async fn send_and_hang_up(&self, ask: &Ask, after: Duration) -> Result<(), Broken> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(&ask.bytes(&self.token)).await?;
        tokio::time::sleep(after).await;
        Ok(())
    }

    /// Connects before there is anything to say.
    pub(crate) async fn connect(&mut self) -> Result<(), Broken> {
        self.connection = Some(Connection { stream: TcpStream::connect(self.address).await?, read: Vec::new() });
        Ok(())
    }
}

struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    async fn answer(&mut self) -> Result<Answer, Broken> {
        let head = loop {
            if let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break String::from_utf8_lossy(&self.read.drain(..end + 4).collect::<Vec<_>>()).into_owned();
            }
            self.more().await?;
        };
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let header = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        let mut answer = Answer {
            status: status.ok_or_else(|| Broken(format!("no status in {head:?}")))?,
            headers: lines.filter_map(header).collect(),
            body: Vec::new(),
        };
        let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        while self.read.len() < length {
            self.more().await?;
        }
        answer.body = self.read.drain(..length).collect();
        Ok(answer)
    }

    async fn more(&mut self) -> Result<(), Broken> {
        match self.stream.read_buf(&mut self.read).await? {
            0 => Err(Broken("the connection ended".to_owned())),
            _ => Ok(()),
        }
    }
}

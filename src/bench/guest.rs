//! A guest with a connection: asks over HTTP/1.1, one request at a time, and reads what is said.

use std::net::SocketAddr;

use anyhow::Context as _;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Somebody nobody has seen before.
pub(crate) struct Guest {
    socket: TcpStream,
    read: Vec<u8>,
    secret: String,
    asked: u32,
}

impl Guest {
    /// Comes in. The secret is theirs alone, and has at least 22 characters.
    pub(crate) async fn enter(address: SocketAddr) -> anyhow::Result<Guest> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Guest { socket, read: Vec::new(), secret: String::new(), asked: 0 })
    }

    /// Becomes somebody else over the same connection.
    pub(crate) fn become_new(&mut self, secret: String) {
        (self.secret, self.asked) = (secret, 0);
    }

    /// Asks, under a key of its own. Says the status and the body.
    pub(crate) async fn ask(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<(u16, Value)> {
        self.asked += 1;
        let (secret, asked, length) = (&self.secret, self.asked, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: shop\r\nGuest-Token: {secret}\r\nIdempotency-Key: {secret}-{asked}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.socket.write_all(request.as_bytes()).await?;
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&self.read[..end]).to_ascii_lowercase();
        let status =
            head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("an answer without a status")?;
        let length = head.split("content-length:").nth(1).and_then(|rest| rest.split("\r\n").next());
        let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
        while self.read.len() < end + length {
            self.more().await?;
        }
        let said = serde_json::from_slice(&self.read[end..end + length]).unwrap_or(Value::Null);
        self.read.drain(..end + length);
        Ok((status, said))
    }

    async fn more(&mut self) -> anyhow::Result<()> {
        anyhow::ensure!(self.socket.read_buf(&mut self.read).await? > 0, "the connection ended");
        Ok(())
    }
}

//! A TCP proxy for tests: the wire between one client and a server, which can be cut, deafened and slowed.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// What the wire does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    /// Passes everything on, each piece this much later.
    Up(Duration),
    /// Connections stay open and nothing moves: what a dead switch looks like.
    HalfOpen,
    /// Connections are closed and new ones refused.
    Cut,
}

/// A wire that can be cut. It ends with its handle.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    wire: watch::Sender<Wire>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Starts to pass connections on to a port of this machine.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(to_port: u16) -> std::io::Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (wire, state) = watch::channel(Wire::Up(Duration::ZERO));
        let accepting = tokio::spawn(accept(listener, SocketAddr::from(([127, 0, 0, 1], to_port)), state));
        Ok(Proxy { address, wire, accepting })
    }

    /// Where a client connects instead.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Closes all connections and refuses new ones.
    pub fn cut(&self) {
        self.wire.send_replace(Wire::Cut);
    }

    /// Lets nothing through any more, in either direction, and tells nobody.
    pub fn half_open(&self) {
        self.wire.send_replace(Wire::HalfOpen);
    }

    /// Makes each piece arrive later by this much.
    pub fn delay(&self, by: Duration) {
        self.wire.send_replace(Wire::Up(by));
    }

    /// Lets everything through again. What a half-open wire held back arrives now.
    pub fn heal(&self) {
        self.wire.send_replace(Wire::Up(Duration::ZERO));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, state: watch::Receiver<Wire>) {
    // Dropped, and so ended, with this task.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                connections.spawn(connect(client, to, state.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connect(client: TcpStream, to: SocketAddr, mut state: watch::Receiver<Wire>) {
    if *state.borrow() == Wire::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect(to).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let there = pass(from_client, to_server, state.clone());
    let back = pass(from_server, to_client, state.clone());
    tokio::select! {
        () = there => {}
        () = back => {}
        _ = state.wait_for(|wire| *wire == Wire::Cut) => {}
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<Wire>) {
    let mut piece = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        // Held back while half open: the bytes wait here, and behind them the sender's window fills.
        let Ok(Wire::Up(delay)) = state.wait_for(|wire| *wire != Wire::HalfOpen).await.map(|wire| *wire) else {
            return;
        };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

//! The gate: the wire between a shop and its server, which understands what passes, and can stop the log of one partition
//! after any number of turns of one actor.
//!
//! What is stopped never reaches the server: the shop waits for an acknowledgement that does not come. Everything else
//! goes on, so when the process is killed then, all that the last stored turn caused outside has happened, and nobody has
//! written it down. That is the worst moment between two turns, and every other one is a part of it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use messages::runtime::v1::{Commit, Turn, record};
use prost::Message as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The log of one partition: the group, and its number.
pub(crate) type Place = (&'static str, u32);

/// What is watched in a place, and when it is stopped.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    /// The actor whose turns count, and what lives in it.
    actor: String,
    /// So many turns pass.
    pass: usize,
    /// So many have passed.
    pub(crate) passed: usize,
    /// What was in the turn that was stopped.
    pub(crate) stopped: Option<String>,
}

/// A gate. It ends with its handle.
pub(crate) struct Gate {
    address: SocketAddr,
    marks: Arc<Mutex<HashMap<Place, Mark>>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Gate {
    /// Opens a gate before a server of this machine.
    pub(crate) async fn open(to_port: u16) -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let marks: Arc<Mutex<HashMap<Place, Mark>>> = Arc::default();
        let accepting = tokio::spawn(accept(listener, to_port, marks.clone()));
        Gate { address, marks, accepting }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Lets so many turns of an actor pass in its place, and then nothing any more.
    pub(crate) fn mark(&self, place: Place, actor: &str, pass: usize) {
        let mark = Mark { actor: actor.to_owned(), pass, passed: 0, stopped: None };
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).insert(place, mark);
    }

    /// How it stands in a place.
    pub(crate) fn look(&self, place: Place) -> Mark {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)[&place].clone()
    }

    /// Lets everything pass again.
    pub(crate) fn clear(&self) {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, to_port: u16, marks: Arc<Mutex<HashMap<Place, Mark>>>) {
    // Dropped, and so ended, with this task.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                connections.spawn(connect(client, to_port, marks.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connect(client: TcpStream, to_port: u16, marks: Arc<Mutex<HashMap<Place, Mark>>>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", to_port)).await else { return };
    let (from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let there = async {
        let mut from_client = BufReader::with_capacity(64 << 10, from_client);
        while let Some(frame) = read(&mut from_client).await {
            let may_pass = marks.lock().unwrap_or_else(PoisonError::into_inner).is_empty() || passes(&frame, &marks);
            if may_pass && to_server.write_all(&frame).await.is_err() {
                return;
            }
        }
    };
    let back = tokio::io::copy(&mut from_server, &mut to_client);
    tokio::select! {
        () = there => {}
        _ = back => {}
    }
}

/// One line of the protocol, with its payload if it has one.
async fn read(from: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> Option<Vec<u8>> {
    let mut frame = Vec::new();
    from.read_until(b'\n', &mut frame).await.ok().filter(|length| *length > 0)?;
    if frame.starts_with(b"HPUB ") || frame.starts_with(b"PUB ") {
        let line = String::from_utf8_lossy(&frame).into_owned();
        let length: usize = line.split_ascii_whitespace().last().and_then(|length| length.parse().ok())?;
        let head = frame.len();
        frame.resize(head + length + 2, 0);
        from.read_exact(&mut frame[head..]).await.ok()?;
    }
    Some(frame)
}

fn passes(frame: &[u8], marks: &Mutex<HashMap<Place, Mark>>) -> bool {
    let Some((group, partition, turn)) = append_of(frame) else { return true };
    let mut marks = marks.lock().unwrap_or_else(PoisonError::into_inner);
    let mark = marks.iter_mut().find(|((of, number), _)| (*of, *number) == (group.as_str(), partition));
    let Some((_, mark)) = mark else { return true };
    if mark.stopped.is_some() {
        return false;
    }
    if !turn.commits.iter().any(|commit| is_of(commit, &mark.actor)) {
        return true;
    }
    if mark.passed == mark.pass {
        mark.stopped = Some(told(&turn));
        return false;
    }
    mark.passed += 1;
    true
}

/// The turn that a frame would append, and where.
fn append_of(frame: &[u8]) -> Option<(String, u32, Turn)> {
    let end = frame.iter().position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(&frame[..end]).ok()?;
    let mut words = line.split_ascii_whitespace();
    let (verb, subject) = (words.next()?, words.next()?);
    let (group, partition) = subject.strip_prefix("shop.log.")?.split_once('.')?;
    let lengths: Vec<usize> = words.rev().take(2).filter_map(|word| word.parse().ok()).collect();
    let headers = if verb == "HPUB" { *lengths.get(1)? } else { 0 };
    let turn = Turn::decode(frame.get(end + 1 + headers..frame.len() - 2)?).ok()?;
    Some((group.to_owned(), partition.parse().ok()?, turn))
}

/// A return lives with its order, under an id of its own.
fn is_of(commit: &Commit, actor: &str) -> bool {
    let is = |id: &str| id == actor || (actor.starts_with("ord_") && id.starts_with("ret_"));
    is(&commit.id) || commit.records.iter().any(|record| is(&record.id))
}

/// What a turn says, in short.
fn told(turn: &Turn) -> String {
    let records = turn.commits.iter().flat_map(|commit| &commit.records);
    let word = |record: &messages::runtime::v1::Record| match &record.what {
        Some(record::What::Event(event)) => event.r#type.clone(),
        Some(record::What::Began(call)) => format!("began {}", kind_of(&call.key)),
        Some(record::What::Settled(call)) => format!("settled {}", kind_of(&call.key)),
        None => "nothing".to_owned(),
    };
    let words: Vec<String> = records.map(word).collect();
    if words.is_empty() { "answers only".to_owned() } else { words.join(" + ") }
}

/// A call's key without its ids.
fn kind_of(key: &str) -> &str {
    key.split('/').next().unwrap_or(key)
}

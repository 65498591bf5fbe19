//! A closed loop over HTTP/1.1: so many connections, each with one request under way.
//!
//! It is as small as it can be, because it shares the machine with what it measures: one thread, no parsing beyond the
//! status and the length of a body. It refuses what it does not understand (chunked bodies, a closed connection) by
//! counting a failure.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::sample::{Sample, Tally};

/// Written into every request where its template says [`HOLE`]: no two requests of a process have the same.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// Stands in a request for 16 hexadecimal digits that no other request has.
pub const HOLE: &str = "################";

/// What is sent, to whom, and for how long.
#[derive(Debug, Clone)]
pub struct Plan {
    /// To whom.
    pub address: SocketAddr,
    /// The requests: whole, with head and body. Connections take them in turns.
    pub requests: Arc<[Vec<u8>]>,
    /// How many connections.
    pub connections: usize,
    /// How long before anything counts.
    pub warm_up: Duration,
    /// How long everything counts.
    pub lasting: Duration,
}

/// A request that gets something.
#[must_use]
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: shop\r\nAccept: application/json\r\n\r\n").into_bytes()
}

/// A request that posts JSON under a key of its own.
#[must_use]
pub fn post(path: &str, token: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Idempotency-Key: bench-{HOLE}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Runs a load.
///
/// # Errors
/// When nobody listens.
pub async fn run(plan: &Plan) -> io::Result<Sample> {
    let mut connections = Vec::with_capacity(plan.connections);
    for _ in 0..plan.connections {
        let socket = TcpStream::connect(plan.address).await?;
        socket.set_nodelay(true)?;
        connections.push(socket);
    }
    let begin = Instant::now() + plan.warm_up;
    let end = begin + plan.lasting;
    let running: Vec<_> = connections
        .into_iter()
        .enumerate()
        .map(|(number, socket)| tokio::spawn(repeat(socket, plan.requests.clone(), number, begin, end)))
        .collect();
    let mut tallies = Vec::new();
    for run in running {
        tallies.push(run.await?);
    }
    Ok(Sample::of(tallies, plan.lasting))
}

/// Where a request must be filled in, if anywhere.
fn hole(request: &[u8]) -> Option<usize> {
    request.windows(HOLE.len()).position(|window| window == HOLE.as_bytes())
}

async fn repeat(
    mut socket: TcpStream,
    requests: Arc<[Vec<u8>]>,
    mut number: usize,
    begin: Instant,
    end: Instant,
) -> Tally {
    let mut tally = Tally::default();
    let mut requests: Vec<_> = requests.iter().map(|request| (request.clone(), hole(request))).collect();
    let mut buffer = vec![0; 16 * 1024];
    let count = requests.len();
    loop {
        number += 1;
        let (request, hole) = &mut requests[number % count];
        if let Some(hole) = *hole {
            let digits = format!("{:016x}", NUMBERS.fetch_add(1, Ordering::Relaxed));
            request[hole..hole + HOLE.len()].copy_from_slice(digits.as_bytes());
        }
        let asked = Instant::now();
        if asked >= end {
            return tally;
        }
        let answer = exchange(&mut socket, request, &mut buffer).await;
        let (now, counts) = (Instant::now(), asked >= begin);
        match answer {
            // What ends after the end does not count: the rate is that of the time between.
            Ok(200..300) if counts && now <= end => tally.succeeded(now - asked),
            Ok(200..300) => {}
            Ok(_) if counts => tally.failed(),
            Ok(_) => {}
            Err(_) => {
                tally.failed();
                return tally;
            }
        }
    }
}

/// Sends a request and reads the whole answer. Returns its status.
async fn exchange(socket: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> io::Result<u16> {
    socket.write_all(request).await?;
    let mut filled = 0;
    let mut whole = None;
    loop {
        if filled == buffer.len() {
            buffer.resize(filled * 2, 0);
        }
        let read = socket.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += read;
        if whole.is_none() {
            whole = head(&buffer[..filled])?;
        }
        if let Some((status, length)) = whole
            && filled >= length
        {
            return Ok(status);
        }
    }
}

/// The status of an answer, and how many bytes head and body have together; `None` while the head is incomplete.
fn head(bytes: &[u8]) -> io::Result<Option<(u16, usize)>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let strange = || io::Error::new(io::ErrorKind::InvalidData, "this is no answer with a length");
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| strange())?;
    let status = text.get(9..12).and_then(|digits| digits.parse().ok()).ok_or_else(strange)?;
    let lengths = text.split("\r\n").filter_map(|line| line.split_once(':'));
    let mut lengths = lengths.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = lengths.next().and_then(|(_, length)| length.trim().parse().ok()).ok_or_else(strange)?;
    Ok(Some((status, end + 4 + length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_known_by_its_head() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nContent-Le").expect("not yet"), None);
        let whole = b"HTTP/1.1 201 Created\r\nx: y\r\ncontent-length: 2\r\n\r\nhi";
        assert_eq!(head(whole).expect("an answer"), Some((201, whole.len())));
        assert!(head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }

    #[test]
    fn a_post_has_one_key_of_its_own() {
        let request = post("/a", "t", "{}");
        let hole = hole(&request).expect("a hole");
        assert_eq!(&request[hole - 6..hole], b"bench-");
        assert_eq!(self::hole(&get("/a")), None);
    }
}

//! The turn: everything that waited, decided in order, as one message of the log.
//!
//! Its header carries the chain (number, sequence and hash of the turn before it, hash of its own payload), so that
//! whoever folds can tell three things apart without trusting the payload: the next turn, a message that never was a
//! turn (skipped by every replica alike), and the next turn damaged (the partition stops; guessing would fork it).

use std::fmt::Write as _;

use bytes::Bytes;
use messages::runtime::v1::{Turn, record};
use prost::Message as _;

use crate::bus::Headers;
use crate::entity::Undecodable;
use crate::headers;
use crate::log::Entry;

/// How many commands one turn holds at most.
pub const TURN_COMMANDS_MAX: usize = 256;
/// How many bytes of commits one turn gathers before it stops taking more: appending 64 kB costs what 300 B do.
pub const TURN_BYTES_MAX: usize = 64 * 1024;
/// The most that one command may record; more is refused as `command_too_large`. Far below `max_payload` of 4 MB.
pub const COMMIT_BYTES_MAX: usize = 1024 * 1024;

/// The chain: `<number> <previous sequence> <previous hash> <own hash>`, hashes as 64 hexadecimal digits.
pub const CHAIN: &str = "Shop-Turn";
/// How many commits the turn holds.
pub const COMMITS: &str = "Shop-Commits";
/// The first few of its events: `type id; type id; …`.
pub const EVENTS: &str = "Shop-Events";
/// How many events [`EVENTS`] names.
const EVENTS_SHOWN_MAX: usize = 5;

/// A BLAKE3 hash of a turn's payload.
pub type Hash = [u8; 32];

/// Where a partition stands: the last message seen and the last turn folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Cursor {
    /// The last message of the partition, turn or not. This is what the fence compares.
    pub sequence: u64,
    /// The sequence of the last turn.
    pub turn_sequence: u64,
    /// The number of the last turn; 0 before the first.
    pub number: u64,
    /// The hash of the last turn's payload.
    pub hash: Hash,
    /// All of the stream up to here has been read, other partitions' messages included. At least `sequence`.
    pub read_to: u64,
    /// When the last turn was made, in microseconds since 1970: decisions never go back behind it.
    pub at_micros: i64,
}

/// What a message of the log is, seen from a cursor.
#[derive(Debug)]
pub enum Seen {
    /// The turn that comes next.
    Next(Box<Turn>, Hash),
    /// A later turn of the same chain: something in between has not been read yet.
    Ahead,
    /// Not a turn of this chain, now or ever.
    Stranger,
}

/// Why a partition cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The next turn is there and cannot be read.
    #[error("turn {number} at sequence {sequence} is damaged: {reason}")]
    Damaged {
        /// Its number.
        number: u64,
        /// Its sequence.
        sequence: u64,
        /// What is wrong.
        reason: String,
    },
    /// The next turn needs newer code.
    #[error("turn {number} at sequence {sequence} needs event schema {needs}, this code knows {knows}")]
    TooNew {
        /// Its number.
        number: u64,
        /// Its sequence.
        sequence: u64,
        /// The lowest schema that folds it.
        needs: u32,
        /// Ours.
        knows: u32,
    },
}

impl From<(u64, u64, Undecodable)> for Broken {
    fn from((number, sequence, cause): (u64, u64, Undecodable)) -> Broken {
        Broken::Damaged { number, sequence, reason: cause.to_string() }
    }
}

/// The hash of a payload.
#[must_use]
pub fn hash(payload: &[u8]) -> Hash {
    *blake3::hash(payload).as_bytes()
}

/// Writes a turn: headers for people and the chain, the payload, and the payload's hash.
#[must_use]
pub fn write(turn: &Turn) -> (Headers, Bytes, Hash) {
    let payload = Bytes::from(turn.encode_to_vec());
    let mut chain = format!("{} {} ", turn.number, turn.previous_sequence);
    push_hex(&mut chain, &turn.previous_hash);
    chain.push(' ');
    let own = hash(&payload);
    push_hex(&mut chain, &own);
    let mut said = Headers::new();
    said.insert(CHAIN, chain);
    said.insert(COMMITS, turn.commits.len().to_string());
    let events = summary(turn);
    if !events.is_empty() {
        said.insert(EVENTS, events);
    }
    (said, payload, own)
}

fn push_hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
}

fn summary(turn: &Turn) -> String {
    let records = turn.commits.iter().flat_map(|commit| &commit.records);
    let mut named = String::new();
    let mut more = 0;
    for (index, record) in records.enumerate() {
        let what = match &record.what {
            Some(record::What::Event(event)) => event.r#type.as_str(),
            Some(record::What::Began(_)) => "call.began",
            Some(record::What::Settled(_)) => "call.settled",
            None => "nothing",
        };
        if index >= EVENTS_SHOWN_MAX {
            more += 1;
        } else {
            let separator = if index == 0 { "" } else { "; " };
            let _ = write!(named, "{separator}{what} {}", record.id);
        }
    }
    if more > 0 {
        let _ = write!(named, "; and {more} more");
    }
    named
}

struct Chain {
    number: u64,
    previous_sequence: u64,
    previous_hash: Hash,
    hash: Hash,
}

fn chain(entry: &Entry) -> Option<Chain> {
    let mut parts = headers::get(&entry.headers, CHAIN)?.split(' ');
    let chain = Chain {
        number: parts.next()?.parse().ok()?,
        previous_sequence: parts.next()?.parse().ok()?,
        previous_hash: from_hex(parts.next()?)?,
        hash: from_hex(parts.next()?)?,
    };
    parts.next().is_none().then_some(chain)
}

fn from_hex(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

/// Tells what a message is, seen from a cursor, by code that knows event schemas up to `schema`.
///
/// # Errors
/// When it is the next turn and cannot be folded.
pub fn read(entry: &Entry, cursor: &Cursor, schema: u32) -> Result<Seen, Broken> {
    let Some(chain) = chain(entry) else { return Ok(Seen::Stranger) };
    if chain.number > cursor.number + 1 {
        // It may still be a forgery; the turns in between will tell.
        return Ok(Seen::Ahead);
    }
    let next = chain.number == cursor.number + 1
        && chain.previous_sequence == cursor.turn_sequence
        && chain.previous_hash == cursor.hash;
    if !next {
        return Ok(Seen::Stranger);
    }
    let damaged = |reason: String| Broken::Damaged { number: chain.number, sequence: entry.sequence, reason };
    let own = hash(&entry.payload);
    if own != chain.hash {
        return Err(damaged("its payload does not match its hash".to_owned()));
    }
    let turn = Turn::decode(entry.payload.clone()).map_err(|e| damaged(e.to_string()))?;
    if turn.number != chain.number || turn.previous_sequence != chain.previous_sequence {
        return Err(damaged("its payload contradicts its header".to_owned()));
    }
    if turn.schema > schema {
        let (number, sequence) = (chain.number, entry.sequence);
        return Err(Broken::TooNew { number, sequence, needs: turn.schema, knows: schema });
    }
    Ok(Seen::Next(Box::new(turn), own))
}

/// Tells what a message is that lies [ahead](Seen::Ahead) of a cursor although nothing lies between. What holds no turn
/// is a forgery, and no turn.
///
/// # Errors
/// When it holds the turn it says it is: then the turns before it are missing, and nobody may go on without them.
pub fn orphan(entry: &Entry) -> Result<(), Broken> {
    let Some(chain) = chain(entry).filter(|chain| chain.hash == hash(&entry.payload)) else { return Ok(()) };
    match Turn::decode(entry.payload.clone()) {
        Ok(turn) if turn.number == chain.number => {
            let reason = "turns before it are missing".to_owned();
            Err(Broken::Damaged { number: chain.number, sequence: entry.sequence, reason })
        }
        _ => Ok(()),
    }
}

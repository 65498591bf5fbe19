//! Raw appends: fenced publishes to a stream that is made like the log of a group, and nothing else.
//!
//! One publisher per subject with one publish under way, as a fence demands: the next expects the sequence of the last.

use std::io;
use std::time::{Duration, Instant};

use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType};
use async_nats::{Client, HeaderMap, Request, jetstream};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::sample::{Sample, Tally};

const STREAM: &str = "YARDSTICK";
const SUBJECTS: &str = "yardstick.log.*";

/// How large an event is, in bytes.
pub const EVENT_BYTES: usize = 300;

/// A publisher with a stream of its own.
#[derive(Debug, Clone)]
pub struct Publisher {
    client: Client,
}

/// What a stream answers. A refusal has a sequence too: 0.
#[derive(Deserialize)]
struct Ack {
    seq: u64,
    error: Option<IgnoredAny>,
}

impl Publisher {
    /// Connects and makes the stream, unless it is there.
    ///
    /// # Errors
    /// When the server is away or refuses.
    pub async fn connect(nats: &str) -> io::Result<Publisher> {
        let client = async_nats::connect(nats).await.map_err(io::Error::other)?;
        let config = Config {
            name: STREAM.to_owned(),
            subjects: vec![SUBJECTS.to_owned()],
            storage: StorageType::File,
            discard: DiscardPolicy::New,
            allow_direct: true,
            ..Config::default()
        };
        jetstream::new(client.clone()).get_or_create_stream(config).await.map_err(io::Error::other)?;
        Ok(Publisher { client })
    }

    /// Publishes to so many subjects at once, one un-acknowledged message on each.
    ///
    /// # Errors
    /// When a publisher's task dies.
    pub async fn run(&self, subjects: usize, warm_up: Duration, lasting: Duration) -> io::Result<Sample> {
        let begin = Instant::now() + warm_up;
        let end = begin + lasting;
        let running: Vec<_> =
            (0..subjects).map(|subject| tokio::spawn(repeat(self.client.clone(), subject, begin, end))).collect();
        let mut tallies = Vec::new();
        for run in running {
            tallies.push(run.await?);
        }
        Ok(Sample::of(tallies, lasting))
    }
}

async fn repeat(client: Client, subject: usize, begin: Instant, end: Instant) -> Tally {
    let mut tally = Tally::default();
    let subject = format!("yardstick.log.{subject}");
    // The sequence the subject ends at is unknown at first: an append without a fence tells.
    let mut expected: Option<u64> = None;
    loop {
        let asked = Instant::now();
        if asked >= end {
            return tally;
        }
        let mut headers = HeaderMap::new();
        if let Some(expected) = expected {
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
        }
        let request = Request::new().headers(headers).payload(Bytes::from_static(&[b'e'; EVENT_BYTES]));
        let answer = client.send_request(subject.clone(), request).await;
        let ack = answer.ok().and_then(|answer| serde_json::from_slice::<Ack>(&answer.payload).ok());
        let now = Instant::now();
        match ack {
            Some(ack) if ack.error.is_none() => {
                expected = Some(ack.seq);
                if asked >= begin && now <= end {
                    tally.succeeded(now - asked);
                }
            }
            _ => {
                expected = None;
                tally.failed();
            }
        }
    }
}

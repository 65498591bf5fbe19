//! The log of a group on JetStream.

use std::sync::Arc;
use std::time::Duration;

use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{Message, Request, RequestErrorKind};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt as _};
use serde::Deserialize;
use tokio::time::{Instant, timeout};

use super::delivery::Delivery;
use super::link::Link;
use super::ordered::{Broken, Ordered};
use super::stored::{Stored, Which};
use super::streams::{self, PARTITIONS};
use crate::bus::Headers;
use crate::log::{AppendError, Entry, Extent, Log, ReadError};

/// How long a broken tail tries to heal before it ends with an error. Longer than any election of a leader (8 s).
const HEAL_WITHIN: Duration = Duration::from_secs(30);
/// The pause before the second attempt to heal; it doubles with each, up to the longest.
const HEAL_PAUSE: Duration = Duration::from_millis(20);
const HEAL_PAUSE_MAX: Duration = Duration::from_secs(1);

/// A group's log.
pub(super) struct GroupLog {
    link: Arc<Link>,
    /// The connection that appends are sent over.
    writing: Arc<Link>,
    group: &'static str,
    stream: String,
}

#[derive(Deserialize)]
struct Ack {
    seq: u64,
}

impl GroupLog {
    pub(super) fn of(link: Arc<Link>, writing: Arc<Link>, group: &'static str) -> GroupLog {
        GroupLog { link, writing, group, stream: streams::name_of(group) }
    }

    async fn find(&self, which: Which) -> Result<Option<Entry>, ReadError> {
        let found = self.link.stored(&self.stream, &which).await;
        let found = found.map_err(|refusal| self.unread(&format!("{which:?}"), &refusal))?;
        Ok(found.map(|Stored { subject, sequence, at, headers, payload }| Entry {
            partition: partition_of(self.group, &subject),
            sequence,
            at,
            headers,
            payload,
        }))
    }

    fn unread(&self, what: &str, reason: &dyn std::fmt::Display) -> ReadError {
        ReadError { group: self.group.to_owned(), what: what.to_owned(), reason: reason.to_string() }
    }
}

impl Log for GroupLog {
    fn append(
        &self,
        partition: u32,
        expected: u64,
        mut headers: Headers,
        payload: Bytes,
    ) -> BoxFuture<'_, Result<u64, AppendError>> {
        Box::pin(async move {
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
            let request = Request::new().headers(headers).payload(payload).timeout(None);
            let subject = streams::log_subject(self.group, partition);
            let asked = Instant::now();
            let unknown = |reason: String| AppendError::Unknown { partition, reason };
            let mut connects = self.writing.connects();
            let sent = async {
                tokio::select! {
                    biased;
                    said = self.writing.client.send_request(subject, request) => Some(said),
                    // What was asked over the last connection is answered on none.
                    _ = connects.changed() => None,
                }
            };
            match timeout(self.writing.options.server_within, sent).await {
                Ok(Some(Ok(message))) => match serde_json::from_slice(&message.payload) {
                    Ok(Response::Ok(Ack { seq })) => Ok(seq),
                    Ok(Response::Err { error }) => Err(judged(partition, &error)),
                    Err(failure) => Err(unknown(format!("the ack cannot be read: {failure}"))),
                },
                Ok(Some(Err(failure))) if failure.kind() == RequestErrorKind::MaxPayloadExceeded => {
                    Err(AppendError::Full { partition, reason: failure.to_string() })
                }
                Ok(Some(Err(failure))) => Err(unknown(failure.to_string())),
                Ok(None) => Err(unknown("the connection was lost meanwhile".to_owned())),
                Err(_) => Err(unknown(self.writing.silence_since(asked))),
            }
        })
    }

    fn read(&self, sequence: u64) -> BoxFuture<'_, Result<Option<Entry>, ReadError>> {
        Box::pin(self.find(Which::At(sequence)))
    }

    fn next(&self, partition: u32, after: u64) -> BoxFuture<'_, Result<Option<Entry>, ReadError>> {
        Box::pin(self.find(Which::Next(after, streams::log_subject(self.group, partition))))
    }

    fn last_of(&self, partition: u32) -> BoxFuture<'_, Result<u64, ReadError>> {
        Box::pin(async move {
            let last = self.find(Which::Last(streams::log_subject(self.group, partition))).await?;
            Ok(last.map_or(0, |entry| entry.sequence))
        })
    }

    fn tail(&self, after: u64) -> BoxStream<'static, Result<Entry, ReadError>> {
        let tail = Tail { link: self.link.clone(), group: self.group, after, ordered: None, ended: false };
        stream::unfold(tail, |mut tail| async move { tail.next().await.map(|entry| (entry, tail)) }).boxed()
    }

    fn extent(&self) -> BoxFuture<'_, Result<Extent, ReadError>> {
        Box::pin(async move {
            let info =
                self.link.stream_info(&self.stream).await.map_err(|refusal| self.unread("the extent", &refusal))?;
            let partitions = info.config.metadata.get(PARTITIONS).and_then(|stated| stated.parse().ok());
            Ok(Extent {
                created: info.created,
                partitions: partitions.ok_or_else(|| self.unread("the extent", &"no partitions in its metadata"))?,
                last_sequence: info.state.last_seq,
                server_time: info.ts.ok_or_else(|| self.unread("the extent", &"the server tells no time"))?,
            })
        })
    }
}

/// What the server's refusal of an append proves.
fn judged(partition: u32, error: &jetstream::Error) -> AppendError {
    let reason = error.to_string();
    match error.error_code() {
        // The second means that a rival's append is under way.
        ErrorCode::STREAM_WRONG_LAST_SEQUENCE | ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT => {
            AppendError::Fenced { partition }
        }
        ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
        | ErrorCode::INSUFFICIENT_RESOURCES
        | ErrorCode::STORAGE_RESOURCES_EXCEEDED
        | ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM
        | ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM => AppendError::Full { partition, reason },
        // A store that failed at a limit stored nothing; one that failed at the disk may have.
        ErrorCode::STREAM_STORE_FAILED if reason.contains("maximum") || reason.contains("too large") => {
            AppendError::Full { partition, reason }
        }
        _ => AppendError::Unknown { partition, reason },
    }
}

/// The partition that a subject of a group's log names.
pub(super) fn partition_of(group: &str, subject: &str) -> Option<u32> {
    subject.strip_prefix("shop.log.")?.strip_prefix(group)?.strip_prefix('.')?.parse().ok()
}

/// An entry as a consumer delivers it.
pub(super) fn entry_of(group: &str, delivery: &Delivery, message: Message) -> Entry {
    Entry {
        partition: partition_of(group, &message.subject),
        sequence: delivery.stream_sequence,
        at: delivery.at,
        headers: message.headers.unwrap_or_default(),
        payload: message.payload,
    }
}

/// A tail that heals: every message after a sequence, once and in order.
struct Tail {
    link: Arc<Link>,
    group: &'static str,
    after: u64,
    ordered: Option<Ordered>,
    ended: bool,
}

impl Tail {
    async fn next(&mut self) -> Option<Result<Entry, ReadError>> {
        if self.ended {
            return None;
        }
        loop {
            let ordered = match &mut self.ordered {
                Some(ordered) => ordered,
                none => match open(&self.link, self.group, self.after).await {
                    Ok(ordered) => none.insert(ordered),
                    Err(broken) => {
                        self.ended = true;
                        return Some(Err(ReadError {
                            group: self.group.to_owned(),
                            what: format!("the tail after {}", self.after),
                            reason: broken.to_string(),
                        }));
                    }
                },
            };
            match ordered.next().await {
                Ok((delivery, message)) if delivery.stream_sequence > self.after => {
                    self.after = delivery.stream_sequence;
                    return Some(Ok(entry_of(self.group, &delivery, message)));
                }
                // Never seen; but to say it twice would be worse than to say nothing.
                Ok(_) => {}
                Err(broken) => {
                    let (group, after) = (self.group, self.after);
                    tracing::info!(group, after, cause = %broken, "the tail breaks and starts again from its cursor");
                    metrics::counter!("log_tail_breaks_total", "group" => group).increment(1);
                    self.ordered = None;
                }
            }
        }
    }
}

/// Opens an ordered consumer, trying again while that may help.
async fn open(link: &Link, group: &str, after: u64) -> Result<Ordered, Broken> {
    let (name, filter) = (streams::name_of(group), format!("shop.log.{group}.*"));
    let (give_up, mut pause) = (Instant::now() + HEAL_WITHIN, HEAL_PAUSE);
    loop {
        let start = DeliverPolicy::ByStartSequence { start_sequence: after + 1 };
        match Ordered::open(link, &name, &filter, start).await {
            Err(Broken::Refused(refusal)) if refusal.is(ErrorCode::STREAM_NOT_FOUND) => {
                return Err(Broken::Refused(refusal));
            }
            Err(broken) if Instant::now() >= give_up => return Err(broken),
            Err(broken) => {
                tracing::debug!(group, after, cause = %broken, "the tail cannot start yet");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(HEAL_PAUSE_MAX);
            }
            opened => return opened,
        }
    }
}

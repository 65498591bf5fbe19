//! The streams: what Mercat declares on the server, and how it is compared with what is there.
//!
//! A log has no limits, on purpose: the account's storage limit is the only bound, and a full account refuses writes
//! instead of eating history. The feed, the dead letters and the members have bounds of their own.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::stream::{Config, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType};
use jiff::Timestamp;
use messages::Group;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::link::{Link, Refusal};
use crate::fabric::Error;

/// The stream of the feed.
pub const FEED: &str = "EVENTS";
/// The stream of the dead letters.
pub const LETTERS: &str = "DLQ";
/// The stream of the counts.
pub const COUNTS: &str = "COUNTS";
/// How long a count is kept after it was added to: longer than whatever is counted in minutes.
const COUNT_MAX_AGE: Duration = Duration::from_secs(150);
/// The members' bucket, as `nats kv` names it.
pub const MEMBERS: &str = "MEMBERS";
/// The members' bucket, as a stream.
pub const MEMBERS_STREAM: &str = "KV_MEMBERS";
/// How long a member lives without saying so.
pub const MEMBER_MAX_AGE: Duration = Duration::from_secs(10);
/// In metadata: the number of partitions, fixed for the stream's life.
pub const PARTITIONS: &str = "partitions";
/// In metadata: the contract the log was made for.
pub const CONTRACT: &str = "contract";

/// The pause before a stream that could not be made is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// What an account without a limit is taken to have: a developer's server, not a shop's.
const ACCOUNT_BYTES: i64 = 4 << 30;
/// The feed may hold a quarter of the account's storage, up to this.
const FEED_PART: i64 = 4;
const FEED_BYTES_MAX: i64 = 8 << 30;
/// The dead letters may hold a sixteenth, up to this. Together that is less than half: neither stops commerce.
const LETTERS_PART: i64 = 16;
const LETTERS_BYTES_MAX: i64 = 1 << 30;

/// The name of a group's stream.
#[must_use]
pub fn name_of(group: &str) -> String {
    group.to_uppercase()
}

/// The subject of a partition's log.
#[must_use]
pub fn log_subject(group: &str, partition: u32) -> String {
    format!("shop.log.{group}.{partition}")
}

/// What the server tells of a stream.
#[derive(Debug, Deserialize)]
pub(super) struct Info {
    pub(super) config: Config,
    pub(super) created: Timestamp,
    pub(super) state: State,
    /// The server's clock. Absent in the answer to a creation.
    pub(super) ts: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
pub(super) struct State {
    pub(super) last_seq: u64,
}

/// The log of a group.
pub(super) fn log(group: &Group, replicas: usize) -> Config {
    Config {
        name: name_of(group.name),
        description: Some(format!("the log of {}: one message per turn", group.name)),
        subjects: vec![format!("shop.log.{}.*", group.name)],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        // Without limits nothing is ever discarded; should anyone add one, it must refuse and not evict.
        discard: DiscardPolicy::New,
        num_replicas: replicas,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        metadata: HashMap::from([
            (PARTITIONS.to_owned(), group.partitions.to_string()),
            (CONTRACT.to_owned(), format!("shop.{}.v1", group.name)),
        ]),
        ..unlimited()
    }
}

/// The feed. It can be rebuilt from the logs, so on one server it does not wait for the disk: it would double the
/// syncs of everything. Clustered streams know no such mode.
pub(super) fn feed(replicas: usize, max_age: Duration, account_bytes: Option<i64>) -> Config {
    Config {
        name: FEED.to_owned(),
        description: Some("every committed event, for people and integrations".to_owned()),
        subjects: vec!["shop.evt.>".to_owned()],
        storage: StorageType::File,
        discard: DiscardPolicy::Old,
        num_replicas: replicas,
        max_age,
        max_bytes: part(account_bytes, FEED_PART, FEED_BYTES_MAX, replicas),
        persist_mode: (replicas == 1).then_some(PersistenceMode::Async),
        allow_direct: true,
        ..unlimited()
    }
}

/// The dead letters. When they are full the news stay where they are, and somebody is alarmed.
pub(super) fn letters(replicas: usize, account_bytes: Option<i64>) -> Config {
    Config {
        name: LETTERS.to_owned(),
        description: Some("news that could not be understood, until a person decides".to_owned()),
        subjects: vec!["shop.dlq.>".to_owned()],
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        num_replicas: replicas,
        max_bytes: part(account_bytes, LETTERS_PART, LETTERS_BYTES_MAX, replicas),
        allow_direct: true,
        ..unlimited()
    }
}

/// The members' bucket, laid out as the `nats kv` commands expect it.
pub(super) fn members(replicas: usize) -> Config {
    Config {
        name: MEMBERS_STREAM.to_owned(),
        description: Some("the replicas that live".to_owned()),
        subjects: vec![format!("$KV.{MEMBERS}.>")],
        storage: StorageType::Memory,
        discard: DiscardPolicy::New,
        num_replicas: replicas,
        max_age: MEMBER_MAX_AGE,
        max_messages_per_subject: 1,
        max_bytes: 16 << 20,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        ..unlimited()
    }
}

/// The counts: each message adds to the one before it under the same subject (ADR-49). When memory runs out, the oldest
/// are forgotten: they are of minutes that have ended.
pub(super) fn counts(replicas: usize) -> Config {
    Config {
        name: COUNTS.to_owned(),
        description: Some("what gateways count together".to_owned()),
        subjects: vec!["shop.count.>".to_owned()],
        storage: StorageType::Memory,
        discard: DiscardPolicy::Old,
        num_replicas: replicas,
        max_age: COUNT_MAX_AGE,
        max_messages_per_subject: 1,
        max_bytes: 64 << 20,
        allow_message_counter: true,
        allow_direct: true,
        ..unlimited()
    }
}

fn unlimited() -> Config {
    Config {
        max_bytes: -1,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_message_size: -1,
        max_consumers: -1,
        max_age: Duration::ZERO,
        ..Config::default()
    }
}

fn part(account_bytes: Option<i64>, part: i64, max: i64, replicas: usize) -> i64 {
    let copies = i64::try_from(replicas).unwrap_or(1).max(1);
    (account_bytes.unwrap_or(ACCOUNT_BYTES) / part / copies).clamp(1, max)
}

/// How what is there differs from what a log must be, in words; nothing when it serves.
pub(super) fn differences(want: &Config, have: &Config) -> Vec<String> {
    let mut said = Vec::new();
    let mut compare = |what: &str, want: String, have: String| {
        if want != have {
            said.push(format!("{what} is {have}, wanted {want}"));
        }
    };
    for key in [PARTITIONS, CONTRACT] {
        let of = |config: &Config| config.metadata.get(key).cloned().unwrap_or_else(|| "absent".to_owned());
        compare(&format!("metadata {key}"), of(want), of(have));
    }
    compare("subjects", want.subjects.join(" "), have.subjects.join(" "));
    compare("storage", format!("{:?}", want.storage), format!("{:?}", have.storage));
    compare("retention", format!("{:?}", want.retention), format!("{:?}", have.retention));
    compare("max_msgs", want.max_messages.to_string(), have.max_messages.to_string());
    compare("max_bytes", want.max_bytes.to_string(), have.max_bytes.to_string());
    compare(
        "max_msgs_per_subject",
        want.max_messages_per_subject.to_string(),
        have.max_messages_per_subject.to_string(),
    );
    compare("max_age", format!("{:?}", want.max_age), format!("{:?}", have.max_age));
    compare("deny_delete", want.deny_delete.to_string(), have.deny_delete.to_string());
    compare("deny_purge", want.deny_purge.to_string(), have.deny_purge.to_string());
    // More copies than asked for are welcome.
    if have.num_replicas < want.num_replicas {
        compare("replicas", want.num_replicas.to_string(), have.num_replicas.to_string());
    }
    if have.persist_mode == Some(PersistenceMode::Async) {
        compare("persist_mode", "default".to_owned(), "async".to_owned());
    }
    said
}

impl Link {
    pub(super) async fn stream_info(&self, stream: &str) -> Result<Info, Refusal> {
        self.ask(format!("STREAM.INFO.{stream}"), &json!({})).await
    }

    /// Makes a stream unless one of that name is there. Several replicas may do so at once. As patient as a connection:
    /// a cluster that has just started takes a while to agree on anything.
    pub(super) async fn make_stream(&self, want: &Config) -> Result<Info, Error> {
        let give_up = Instant::now() + self.options.connect_within;
        loop {
            match self.find_or_make(want).await {
                Err(refusal) if refusal.may_pass() && Instant::now() < give_up => {
                    tracing::debug!(stream = want.name, cause = %refusal, "a stream cannot be made yet");
                    tokio::time::sleep(TRY_AGAIN).await;
                }
                said => return said.map_err(|refusal| refusal.failed(format!("make the stream {}", want.name))),
            }
        }
    }

    async fn find_or_make(&self, want: &Config) -> Result<Info, Refusal> {
        match self.stream_info(&want.name).await {
            Err(refusal) if refusal.is_absent() => {}
            said => return said,
        }
        match self.ask::<Info>(format!("STREAM.CREATE.{}", want.name), want).await {
            Ok(info) => {
                tracing::info!(stream = want.name, replicas = want.num_replicas, "made a stream");
                Ok(info)
            }
            // Somebody else was faster, with other wishes: theirs stands.
            Err(refusal) if refusal.is(ErrorCode::STREAM_NAME_EXIST) => self.stream_info(&want.name).await,
            Err(refusal) => Err(refusal),
        }
    }

    /// What the account uses and may use, in bytes of files; `None` without a limit.
    pub(super) async fn account_storage(&self) -> Result<(u64, Option<i64>), Refusal> {
        #[derive(Deserialize)]
        struct Account {
            storage: u64,
            limits: Limits,
        }
        #[derive(Deserialize)]
        struct Limits {
            max_storage: i64,
        }
        let account: Account = self.ask("INFO".to_owned(), &json!({})).await?;
        Ok((account.storage, Some(account.limits.max_storage).filter(|bytes| *bytes > 0)))
    }
}

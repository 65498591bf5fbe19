//! An ordered consumer: what is stored under a subject, each message once and in order, as long as it lasts.
//!
//! The library has one too; ours differs where it matters here: what is under way is bounded in messages and bytes, a
//! loss is told and not only healed, and it needs no right to delete consumers.

use std::time::Duration;

use async_nats::Message;
use async_nats::jetstream::consumer::{AckPolicy, Config, DeliverPolicy, ReplayPolicy};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use super::delivery::Delivery;
use super::link::{Link, Refusal};
use super::pull::{Lost, Pull, Window};
use crate::bus::SUBSCRIPTION_MESSAGES_MAX;
use crate::fabric::Error;

/// How much of a replay may be under way. Half as many messages as a subscription holds, which leaves room for the
/// server's remarks; and twice the largest payload, because a request that fits no message would never be answered.
const WINDOW: Window = Window { messages: SUBSCRIPTION_MESSAGES_MAX / 2, bytes: 8 << 20 };
/// How long the server keeps a consumer that nobody pulls from.
const INACTIVE_MAX: Duration = Duration::from_secs(10);

/// Why the messages of an ordered consumer end.
#[derive(Debug)]
pub(super) enum Broken {
    /// It cannot be made or made again.
    Refused(Refusal),
    /// The pull was lost.
    Lost(Lost),
    /// A message is missing before this one.
    Gap { expected: u64, got: u64 },
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Broken::Refused(refusal) => refusal.fmt(f),
            Broken::Lost(lost) => lost.fmt(f),
            Broken::Gap { expected, got } => write!(f, "delivery {got} came where {expected} was due"),
        }
    }
}

/// An ordered consumer.
pub(super) struct Ordered {
    pull: Pull,
    delivered: u64,
}

impl Ordered {
    /// Makes a consumer of everything under `filter` from `start` on. It vanishes when nobody pulls from it any more.
    pub(super) async fn open(link: &Link, stream: &str, filter: &str, start: DeliverPolicy) -> Result<Ordered, Broken> {
        // Named after the replica, so that `nats consumer report` tells who reads. The rest only makes it unique.
        let name = match link.client.new_inbox().rsplit_once('.') {
            Some((_, unique)) => format!("{}-{unique}", link.options.name().replace('.', "-")),
            None => link.options.name().replace('.', "-"),
        };
        let config = Config {
            name: Some(name.clone()),
            filter_subject: filter.to_owned(),
            deliver_policy: start,
            ack_policy: AckPolicy::None,
            replay_policy: ReplayPolicy::Instant,
            inactive_threshold: INACTIVE_MAX,
            max_deliver: 1,
            num_replicas: 1,
            memory_storage: true,
            ..Config::default()
        };
        create(link, stream, &name, &config).await.map_err(Broken::Refused)?;
        let pull = Pull::open(link, stream, &name, WINDOW)
            .await
            .map_err(|failure| Broken::Refused(Refusal::Silence(failure.to_string())))?;
        Ok(Ordered { pull, delivered: 0 })
    }

    /// The next message; waits as long as it takes. After an error there is no next.
    pub(super) async fn next(&mut self) -> Result<(Delivery, Message), Broken> {
        let message = self.pull.next().await.map_err(Broken::Lost)?;
        let expected = self.delivered + 1;
        let delivery = message.reply.as_deref().and_then(Delivery::parse);
        match delivery {
            Some(delivery) if delivery.consumer_sequence == expected => {
                self.delivered = expected;
                Ok((delivery, message))
            }
            other => Err(Broken::Gap { expected, got: other.map_or(0, |delivery| delivery.consumer_sequence) }),
        }
    }
}

/// Makes a consumer, or finds that it is there and the same.
pub(super) async fn create(link: &Link, stream: &str, name: &str, config: &Config) -> Result<(), Refusal> {
    #[derive(Deserialize)]
    struct Made {
        #[serde(rename = "name")]
        _name: IgnoredAny,
    }
    // The filter is part of the subject, so that permissions can speak of it.
    let api = format!("CONSUMER.CREATE.{stream}.{name}.{}", config.filter_subject);
    link.ask::<Made>(api, &json!({"stream_name": stream, "config": config, "action": ""})).await.map(drop)
}

impl From<Broken> for Error {
    fn from(broken: Broken) -> Error {
        Error::Failed { operation: "read on".to_owned(), reason: broken.to_string() }
    }
}

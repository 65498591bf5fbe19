//! Hearing: the durable places of hearers on the log of a group, made by its owner, pulled by the hearer.
//!
//! One place per hearer and partition, one message under way at a time: the next turn comes only after the word for
//! this one, whoever asks. That is what keeps the order across any change of replica.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{AckPolicy, Config, DeliverPolicy};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use messages::Group;
use serde::de::IgnoredAny;
use serde_json::json;

use super::delivery::Delivery;
use super::link::Link;
use super::log::entry_of;
use super::ordered;
use super::pull::{Lost, Pull, Window};
use super::streams;
use crate::fabric::{Error, Heard, Hearing, Receipt};

/// The hearer that every group has: its own feed.
pub const FEED_HEARER: &str = "evt";
/// How long a hearer may be silent about a turn before another replica gets it.
pub const ACK_WAIT: Duration = Duration::from_secs(5);
/// How many places are made at a time.
const MAKING_MAX: usize = 8;
/// One turn at a time, of any size.
const ONE: Window = Window { messages: 1, bytes: 8 << 20 };

/// The name of a hearer's place on a partition, as `nats consumer report` shows it.
#[must_use]
pub fn place_of(hearer: &str, partition: u32) -> String {
    format!("{hearer}-{partition}")
}

/// Who hears a group, by the contracts: the groups that say so, and its own feed.
pub fn hearers_of(group: &Group) -> impl Iterator<Item = &'static str> {
    let name = group.name;
    messages::GROUPS
        .iter()
        .filter(move |hearer| hearer.hears.iter().any(|heard| heard.group == name))
        .map(|hearer| hearer.name)
        .chain([FEED_HEARER])
}

/// Makes the places of all hearers of a group, or finds them made.
pub(super) async fn seat(link: &Link, group: &'static Group) -> Result<(), Error> {
    let mut making = Vec::new();
    for hearer in hearers_of(group) {
        making.extend((0..group.partitions).map(|partition| make(link, group, hearer, partition)));
    }
    stream::iter(making).buffer_unordered(MAKING_MAX).try_collect().await
}

async fn make(link: &Link, group: &Group, hearer: &str, partition: u32) -> Result<(), Error> {
    let (stream, name) = (streams::name_of(group.name), place_of(hearer, partition));
    let config = Config {
        durable_name: Some(name.clone()),
        name: Some(name.clone()),
        description: Some(format!("{hearer} hears partition {partition} of {}", group.name)),
        filter_subject: streams::log_subject(group.name, partition),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_ack_pending: 1,
        max_deliver: -1,
        ..Config::default()
    };
    let made = ordered::create(link, &stream, &name, &config).await;
    made.map_err(|refusal| refusal.failed(format!("make the place {name} on {stream}")))
}

/// A durable place, taken.
pub(super) struct Place {
    link: Arc<Link>,
    source: &'static str,
    stream: String,
    name: String,
    pull: Option<Pull>,
}

impl Place {
    pub(super) async fn take(
        link: Arc<Link>,
        source: &'static Group,
        hearer: &str,
        partition: u32,
    ) -> Result<Place, Error> {
        let (stream, name) = (streams::name_of(source.name), place_of(hearer, partition));
        let place = Place { link, source: source.name, stream, name, pull: None };
        match place.link.ask::<IgnoredAny>(format!("CONSUMER.INFO.{}.{}", place.stream, place.name), &json!({})).await {
            Ok(_) => Ok(place),
            Err(refusal) if refusal.is(ErrorCode::CONSUMER_NOT_FOUND) || refusal.is(ErrorCode::STREAM_NOT_FOUND) => {
                Err(place.failed(format!("{} has not made the place yet", source.name)))
            }
            Err(refusal) => Err(place.failed(refusal.to_string())),
        }
    }

    fn failed(&self, reason: String) -> Error {
        Error::Failed { operation: format!("hear {} as {}", self.stream, self.name), reason }
    }
}

impl Hearing for Place {
    fn next(&mut self) -> BoxFuture<'_, Result<Heard, Error>> {
        Box::pin(async move {
            loop {
                let pull = match &mut self.pull {
                    Some(pull) => pull,
                    none => none.insert(Pull::open(&self.link, &self.stream, &self.name, ONE).await?),
                };
                let message = match pull.next().await {
                    Ok(message) => message,
                    // The place is durable: what was under way comes again, to whoever pulls.
                    Err(Lost::Silent | Lost::Reconnected) => {
                        self.pull = None;
                        continue;
                    }
                    Err(lost) => {
                        self.pull = None;
                        return Err(self.failed(lost.to_string()));
                    }
                };
                let delivery = message.reply.as_deref().and_then(Delivery::parse);
                let (Some(delivery), Some(reply)) = (delivery, message.reply.clone()) else {
                    return Err(self.failed("a message came that no consumer delivered".to_owned()));
                };
                return Ok(Heard {
                    entry: entry_of(self.source, &delivery, message),
                    deliveries: delivery.deliveries,
                    receipt: Box::new(Word { link: self.link.clone(), reply }),
                });
            }
        })
    }
}

/// How a hearer answers.
struct Word {
    link: Arc<Link>,
    reply: async_nats::Subject,
}

impl Word {
    fn say(&self, word: Bytes) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let sent = self.link.client.publish(self.reply.clone(), word);
            match tokio::time::timeout(self.link.options.server_within, sent).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(failure)) => Err(unsaid(&failure)),
                Err(elapsed) => Err(unsaid(&elapsed)),
            }
        })
    }
}

fn unsaid(failure: &impl ToString) -> Error {
    Error::Failed { operation: "answer for what was heard".to_owned(), reason: failure.to_string() }
}

impl Receipt for Word {
    fn done(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.say(Bytes::from_static(b"+ACK"))
    }

    fn working(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.say(Bytes::from_static(b"+WPI"))
    }

    fn again(&self, after: Duration) -> BoxFuture<'_, Result<(), Error>> {
        self.say(Bytes::from(format!("-NAK {}", json!({"delay": after.as_nanos()}))))
    }
}

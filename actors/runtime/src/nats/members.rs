//! The members' bucket on JetStream: a memory stream whose messages live ten seconds.
//!
//! Nothing tells that a key has expired: whoever watches ages what it heard. One server that restarts forgets the
//! bucket, which is made again by the next announcement.

use std::sync::Arc;

use async_nats::jetstream::consumer::DeliverPolicy;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt as _};

use super::link::Link;
use super::ordered::{Broken, Ordered};
use super::streams::{self, MEMBERS, MEMBERS_STREAM};
use crate::bus::Headers;
use crate::fabric::{Error, Member, Members};

/// The header by which `nats kv` knows a deletion.
const OPERATION: &str = "KV-Operation";

/// The members' bucket.
pub(super) struct Bucket(pub(super) Arc<Link>);

impl Members for Bucket {
    fn announce(&self, key: String, says: Bytes) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.tell(key, Headers::new(), says).await })
    }

    fn leave(&self, key: String) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let mut headers = Headers::new();
            headers.insert(OPERATION, "DEL");
            self.tell(key, headers, Bytes::new()).await
        })
    }

    fn watch(&self, group: &str) -> BoxStream<'static, Member> {
        let watch = Watch { link: self.0.clone(), group: group.to_owned(), ordered: None };
        stream::unfold(watch, |mut watch| async move { watch.next().await.map(|member| (member, watch)) }).boxed()
    }
}

impl Bucket {
    async fn tell(&self, key: String, headers: Headers, says: Bytes) -> Result<(), Error> {
        let bucket = |_| streams::members(self.0.options.replicas);
        self.0.publish_or_make(format!("$KV.{MEMBERS}.{key}"), headers, says, bucket).await.map(drop)
    }
}

struct Watch {
    link: Arc<Link>,
    group: String,
    ordered: Option<Ordered>,
}

impl Watch {
    async fn next(&mut self) -> Option<Member> {
        match self.hear().await {
            Ok(member) => Some(member),
            Err(broken) => {
                tracing::info!(group = self.group, cause = %broken, "the members' watch ends");
                None
            }
        }
    }

    async fn hear(&mut self) -> Result<Member, Broken> {
        let prefix = format!("$KV.{MEMBERS}.");
        let ordered = match &mut self.ordered {
            Some(ordered) => ordered,
            none => {
                let filter = format!("{prefix}{}.*", self.group);
                none.insert(Ordered::open(&self.link, MEMBERS_STREAM, &filter, DeliverPolicy::LastPerSubject).await?)
            }
        };
        let (_, message) = ordered.next().await?;
        let left = message.headers.as_ref().is_some_and(|headers| headers.get(OPERATION).is_some());
        Ok(Member {
            key: message.subject.strip_prefix(&prefix).unwrap_or(&message.subject).to_owned(),
            says: (!left).then_some(message.payload),
        })
    }
}

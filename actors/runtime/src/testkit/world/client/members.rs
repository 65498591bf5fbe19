//! The members' bucket, as a client sees it.

use std::collections::VecDeque;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{self, BoxStream, StreamExt as _};

use super::{Client, Held, unanswered};
use crate::fabric::{Error, Member, Members};

impl Client {
    async fn say(&self, key: String, says: Option<Bytes>) -> Result<(), Error> {
        let operation = format!("tell the members' bucket of {key}");
        self.write(move |state| state.say(key, says)).await.ok_or_else(|| unanswered(operation))
    }
}

impl Members for Client {
    fn announce(&self, key: String, says: Bytes) -> BoxFuture<'_, Result<(), Error>> {
        self.say(key, Some(says)).boxed()
    }

    fn leave(&self, key: String) -> BoxFuture<'_, Result<(), Error>> {
        self.say(key, None).boxed()
    }

    fn watch(&self, group: &str) -> BoxStream<'static, Member> {
        let breaks = self.shared.change(|state| state.link(self.link).breaks);
        let held = self.hold(format!("a watch of the members of {group}"));
        let watch = Watch {
            client: self.clone(),
            prefix: format!("{group}."),
            breaks,
            told: None,
            news: VecDeque::new(),
            _held: held,
        };
        stream::unfold(watch, |mut watch| async move { watch.next().await.map(|member| (member, watch)) }).boxed()
    }
}

struct Watch {
    client: Client,
    prefix: String,
    breaks: u64,
    /// The last revision it was told of; none before the server has answered.
    told: Option<u64>,
    /// What it was told and has not passed on.
    news: VecDeque<Member>,
    _held: Held,
}

impl Watch {
    async fn next(&mut self) -> Option<Member> {
        loop {
            self.client.running().await;
            if let Some(member) = self.news.pop_front() {
                return Some(member);
            }
            match self.told {
                None => self.look().await?,
                Some(told) => self.wait(told).await?,
            }
        }
    }

    /// Learns the present. `None`: the server does not answer.
    async fn look(&mut self) -> Option<()> {
        let prefix = self.prefix.clone();
        let answer = self.client.ask(move |state| Some((state.bucket.present(&prefix), state.bucket.revision()))).await;
        let (present, revision) = answer?;
        self.news = present.into();
        self.told = Some(revision);
        Some(())
    }

    /// Learns of changes. `None`: the connection broke, and nobody knows what was missed.
    async fn wait(&mut self, told: u64) -> Option<()> {
        let link = self.client.link;
        let news = self.client.shared.when(|state| {
            if state.link(link).breaks > self.breaks {
                return Some(None);
            }
            let flows = state.link(link).flows() && state.bucket.revision() > told;
            flows.then(|| Some((state.bucket.changes(&self.prefix, told), state.bucket.revision(), state.dice.hop())))
        });
        let (changes, revision, hop) = news.await?;
        tokio::time::sleep(hop).await;
        self.news = changes.into();
        self.told = Some(revision);
        Some(())
    }
}

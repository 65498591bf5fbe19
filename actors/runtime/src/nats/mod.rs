//! The fabric on NATS: everything a replica needs of the outside.
//!
//! A group has two connections. The server takes what one connection sends in its order, and syncs an append to the disk
//! before it looks at what comes after: answers sent over the same connection would wait for the disk with every turn.
//!
//! Core messaging is the [bus](crate::bus), one JetStream stream per group is its [log](crate::log), durable pull
//! consumers are the places of hearers, a memory bucket holds the members. Everything the client library does silently
//! (drop, buffer, wait for ever) is bounded here or counted in [`Counters`].
//!
//! What is refused: to read a log through anything but JetStream (a core subscriber sees appends that the fence
//! rejected), to make, change or delete what another group owns, and to start where the contract does not fit.

mod beside;
mod bus;
mod checks;
mod delivery;
mod hearing;
mod link;
mod log;
mod members;
pub mod monitor;
mod options;
mod ordered;
mod pull;
mod stored;
pub mod streams;
pub mod tls;

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use messages::Group;
use tokio::sync::OnceCell;

pub use self::checks::check_durability;
pub use self::hearing::{ACK_WAIT, FEED_HEARER, hearers_of, place_of};
pub use self::link::Counters;
pub use self::options::{CONNECT_WITHIN, Options, PING_EVERY, SERVER_WITHIN, Seed, inbox_of};

use self::link::Link;
use crate::bus::{Bus, Headers};
use crate::fabric::{self, Error, Hearing, Letter, Members};
use crate::log::SharedLog;

/// The fabric of a replica on NATS.
#[derive(Debug, Clone)]
pub struct Fabric {
    link: Arc<Link>,
    /// Over which the own log is appended to, and what is stored beside it.
    writing: OnceCell<Arc<Link>>,
}

impl Fabric {
    /// Connects, trying again until a server answers or the time is up.
    ///
    /// # Errors
    /// When no server answers in time, or all refuse; `Mismatch` when a name in the options is none.
    pub async fn connect(options: Options) -> Result<Arc<Fabric>, Error> {
        Ok(Arc::new(Fabric { link: Arc::new(Link::connect(options).await?), writing: OnceCell::new() }))
    }

    /// What the connection for requests and answers has been through.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.link.counters()
    }

    /// Whether it is connected at the moment.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        let is_up = |link: &Arc<Link>| link.client.connection_state() == async_nats::connection::State::Connected;
        is_up(&self.link) && self.writing.get().is_none_or(is_up)
    }

    /// The client, for what has no place in [`fabric::Fabric`]: the services API.
    #[must_use]
    pub fn client(&self) -> async_nats::Client {
        self.link.client.clone()
    }

    /// Refuses unless `shop.<group>.<key>.<verb>` arrives at the partition that the contract computes for the key.
    ///
    /// # Errors
    /// `Mismatch` when it arrives elsewhere or nowhere.
    pub async fn check_mapping(&self, group: &Group) -> Result<(), Error> {
        self.link.check_mapping(group).await
    }
}

impl fabric::Fabric for Fabric {
    fn bus(&self) -> Arc<dyn Bus> {
        self.link.clone()
    }

    fn log(&self, group: &'static Group) -> BoxFuture<'_, Result<SharedLog, Error>> {
        Box::pin(async move {
            let mut writing = self.link.clone();
            if self.link.options.group == group.name {
                let want = streams::log(group, self.link.options.replicas);
                let there = self.link.make_stream(&want).await?;
                let differences = streams::differences(&want, &there.config);
                if !differences.is_empty() {
                    let what = format!("the stream {}", want.name);
                    return Err(Error::Mismatch { what, reason: differences.join("; ") });
                }
                let connect = async || self.link.beside("log").await.map(Arc::new);
                writing = self.writing.get_or_try_init(connect).await?.clone();
            }
            let log: SharedLog = Arc::new(log::GroupLog::of(self.link.clone(), writing, group.name));
            Ok(log)
        })
    }

    fn seat_hearers(&self, group: &'static Group) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(hearing::seat(&self.link, group))
    }

    fn hear(
        &self,
        source: &'static Group,
        hearer: &str,
        partition: u32,
    ) -> BoxFuture<'_, Result<Box<dyn Hearing>, Error>> {
        let hearer = hearer.to_owned();
        Box::pin(async move {
            let place = hearing::Place::take(self.link.clone(), source, &hearer, partition).await?;
            let hearing: Box<dyn Hearing> = Box::new(place);
            Ok(hearing)
        })
    }

    fn members(&self) -> Arc<dyn Members> {
        Arc::new(members::Bucket(self.link.clone()))
    }

    fn store(&self, subject: String, id: String, headers: Headers, payload: Bytes) -> BoxFuture<'_, Result<(), Error>> {
        let link = self.writing.get().unwrap_or(&self.link);
        Box::pin(link.store(subject, id, headers, payload))
    }

    fn letters(&self, subject: String) -> BoxFuture<'_, Result<Vec<Letter>, Error>> {
        Box::pin(async move { self.link.letters(&subject).await })
    }

    fn discard(&self, sequence: u64) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.link.discard(sequence))
    }

    fn count(&self, name: String, by: u64) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(self.link.count(name, by))
    }

    fn storage_used_percent(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async move {
            let (used, limit) =
                self.link.account_storage().await.map_err(|refusal| refusal.failed("read how full the account is"))?;
            let limit = limit.and_then(|limit| u64::try_from(limit).ok()).filter(|limit| *limit > 0);
            Ok(limit.map_or(0, |limit| used.saturating_mul(100) / limit))
        })
    }
}

//! A replica's end of its link: the traits as a client library keeps them.

mod bus;
mod hearing;
mod log;
mod members;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Shared;
use super::exchange::Parcel;
use super::link::LinkId;
use super::seat::Place;
use super::state::State;
use super::stream::Unusable;
use crate::bus::{Bus, Headers};
use crate::fabric::{Error, Fabric, Hearing, Letter, Members};
use crate::log::SharedLog;

/// How long the client waits for an ack or the answer to a question.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// One connection of one replica.
#[derive(Clone)]
pub(super) struct Client {
    shared: Arc<Shared>,
    link: LinkId,
    group: String,
}

/// Something a replica holds open; [`State::leftovers`] counts it until it is dropped.
struct Held {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shared.change(|state| state.open.remove(&self.number));
    }
}

impl Client {
    pub(super) fn connect(shared: &Arc<Shared>, group: &str, replica: &str) -> Client {
        let link = shared.change(|state| state.connect(format!("{group}.{replica}")));
        Client { shared: shared.clone(), link, group: group.to_owned() }
    }

    fn hold(&self, what: String) -> Held {
        let number = self.shared.change(|state| {
            let number = state.number();
            state.open.insert(number, (self.link, what));
            number
        });
        Held { shared: self.shared.clone(), number }
    }

    /// Waits while the process is stopped; for ever when it is dead.
    async fn running(&self) {
        self.shared.when(|state| state.link(self.link).runs().then_some(())).await;
    }

    fn up(&self, frame: impl FnOnce(&mut State) + Send + 'static) {
        self.shared.change(|state| state.up(self.link, frame));
    }

    /// Asks the server for something and waits for its answer. `None`, from the server: it does not answer.
    async fn ask<T: Send + 'static>(&self, serve: impl FnOnce(&mut State) -> Option<T> + Send + 'static) -> Option<T> {
        self.running().await;
        let (tell, told) = oneshot::channel();
        let link = self.link;
        self.up(move |state| {
            if let Some(answer) = serve(state) {
                state.down(link, move |_| drop(tell.send(answer)));
            }
        });
        self.answer(told, ANSWER_TIMEOUT).await
    }

    /// As [`ask`](Self::ask), for something the server stores: the request or its ack may vanish.
    async fn write<T: Send + 'static>(&self, serve: impl FnOnce(&mut State) -> T + Send + 'static) -> Option<T> {
        self.ask(|state| {
            if state.dice.happens(state.odds.append_lost) {
                return None;
            }
            let answer = serve(state);
            (!state.dice.happens(state.odds.ack_lost)).then_some(answer)
        })
        .await
    }

    /// Waits for an answer. That it can no longer come is nothing a client would know.
    async fn answer<T>(&self, mut told: oneshot::Receiver<T>, patience: Duration) -> Option<T> {
        let deadline = Instant::now() + patience;
        let answer = match timeout_at(deadline, &mut told).await {
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(_)) => {
                sleep_until(deadline).await;
                None
            }
            Err(_) => None,
        };
        self.running().await;
        // A process that was stopped finds both the answer and the alarm; it looks at the answer first.
        answer.or_else(|| told.try_recv().ok())
    }
}

fn failed(operation: String, reason: &str) -> Error {
    Error::Failed { operation, reason: reason.to_owned() }
}

fn unanswered(operation: String) -> Error {
    failed(operation, "the server did not answer in time")
}

impl Fabric for Client {
    fn bus(&self) -> Arc<dyn Bus> {
        Arc::new(self.clone())
    }

    fn log(&self, group: &'static messages::Group) -> BoxFuture<'_, Result<SharedLog, Error>> {
        async move {
            let operation = || format!("open the log of {}", group.name);
            let is_owner = self.group == group.name;
            let opened = self.ask(move |state| Some(state.open_log(group, is_owner))).await;
            match opened.ok_or_else(|| unanswered(operation()))? {
                Ok(()) => Ok(Arc::new(log::GroupLog::new(self.clone(), group.name)) as SharedLog),
                Err(Unusable::Missing) => Err(failed(operation(), "stream not found")),
                Err(Unusable::OtherPartitions(there)) => Err(Error::Mismatch {
                    what: format!("the log of {}", group.name),
                    reason: format!("it has {there} partitions, the contract {}", group.partitions),
                }),
            }
        }
        .boxed()
    }

    fn seat_hearers(&self, group: &'static messages::Group) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            let seat = move |state: &mut State| {
                state.seat_hearers(group);
                Some(())
            };
            self.ask(seat).await.ok_or_else(|| unanswered(format!("seat the hearers of {}", group.name)))
        }
        .boxed()
    }

    fn hear(
        &self,
        source: &'static messages::Group,
        hearer: &str,
        partition: u32,
    ) -> BoxFuture<'_, Result<Box<dyn Hearing>, Error>> {
        let place = Place { source: source.name.to_owned(), partition, hearer: hearer.to_owned() };
        async move {
            let operation = || format!("hear partition {} of {} as {}", place.partition, place.source, place.hearer);
            let wanted = place.clone();
            match self.ask(move |state| Some(state.seats.contains_key(&wanted))).await {
                Some(true) => Ok(Box::new(hearing::Seated::new(self.clone(), place)) as Box<dyn Hearing>),
                Some(false) => Err(failed(operation(), "consumer not found")),
                None => Err(unanswered(operation())),
            }
        }
        .boxed()
    }

    fn members(&self) -> Arc<dyn Members> {
        Arc::new(self.clone())
    }

    fn store(&self, subject: String, id: String, headers: Headers, payload: Bytes) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            let operation = format!("store {id} on {subject}");
            let parcel = Parcel { subject, reply: None, headers, payload };
            let stored = self.write(move |state| {
                state.copy_to_listeners(&parcel);
                state.keep(Some(id), &parcel)
            });
            match stored.await {
                Some(true) => Ok(()),
                Some(false) => Err(failed(operation, "no stream takes it, or the account is full")),
                None => Err(unanswered(operation)),
            }
        }
        .boxed()
    }

    fn letters(&self, subject: String) -> BoxFuture<'_, Result<Vec<Letter>, Error>> {
        async move {
            let operation = format!("read the letters of {subject}");
            let letters = self.ask(move |state| Some(state.feeds.letters(&subject))).await;
            letters.ok_or_else(|| unanswered(operation))
        }
        .boxed()
    }

    fn discard(&self, sequence: u64) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            let discarded = self.write(move |state| state.feeds.discard(sequence)).await;
            discarded.ok_or_else(|| unanswered(format!("discard letter {sequence}")))
        }
        .boxed()
    }

    fn storage_used_percent(&self) -> BoxFuture<'_, Result<u64, Error>> {
        async move {
            let used = self.ask(|state| Some(state.storage_used_percent)).await;
            used.ok_or_else(|| unanswered("ask for the account".to_owned()))
        }
        .boxed()
    }
}

//! A hearer's place, as a client keeps it.

use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use tokio::sync::oneshot;

use super::super::link::Link;
use super::super::seat::{Delivery, Place, Word};
use super::{Client, Held, failed};
use crate::fabric::{Error, Heard, Hearing, Receipt};

pub(super) struct Seated {
    client: Client,
    place: Place,
    /// A pull the server has not answered yet, and how often the connection had broken before. It outlives a caller
    /// who stops waiting: the turn it brings would else be lost until the server misses its ack.
    pull: Option<(oneshot::Receiver<Delivery>, u64)>,
    _held: Held,
}

impl Seated {
    pub(super) fn new(client: Client, place: Place) -> Seated {
        let held = client.hold(format!("a hearing of {}/{}", place.source, place.partition));
        Seated { client, place, pull: None, _held: held }
    }

    fn start_pull(&self) -> (oneshot::Receiver<Delivery>, u64) {
        let (tell, told) = oneshot::channel();
        let (place, link) = (self.place.clone(), self.client.link);
        let breaks = self.client.shared.change(|state| {
            state.up(link, move |state| state.pull(&place, link, tell));
            state.link(link).breaks
        });
        (told, breaks)
    }
}

impl Hearing for Seated {
    fn next(&mut self) -> BoxFuture<'_, Result<Heard, Error>> {
        async move {
            self.client.running().await;
            let pull = self.pull.take().unwrap_or_else(|| self.start_pull());
            let (told, breaks) = self.pull.insert(pull);
            let (told, breaks) = (told.await, *breaks);
            self.pull = None;
            let Ok(Delivery { entry, deliveries }) = told else {
                // The server gave us up. We notice when heartbeats stay away, or when we are back.
                let link = self.client.link;
                let noticed = |link: &Link| link.breaks > breaks || link.flows();
                self.client.shared.when(|state| noticed(state.link(link)).then_some(())).await;
                self.client.running().await;
                let Place { source, partition, hearer } = &self.place;
                return Err(failed(format!("hear partition {partition} of {source} as {hearer}"), "the pull is gone"));
            };
            self.client.running().await;
            let (client, place) = (self.client.clone(), self.place.clone());
            let receipt = Slip { client, place, sequence: entry.sequence };
            Ok(Heard { entry, deliveries, receipt: Box::new(receipt) })
        }
        .boxed()
    }
}

/// The way back to the server for one turn, whoever it has been handed to since.
struct Slip {
    client: Client,
    place: Place,
    sequence: u64,
}

impl Slip {
    fn say(&self, word: Word) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            self.client.running().await;
            let (place, sequence) = (self.place.clone(), self.sequence);
            self.client.shared.change(|state| {
                if state.dice.happens(state.odds.receipt_lost) {
                    state.counters.lost += 1;
                } else {
                    state.up(self.client.link, move |state| state.settle(&place, sequence, word));
                }
            });
            Ok(())
        }
        .boxed()
    }
}

impl Receipt for Slip {
    fn done(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.say(Word::Done)
    }

    fn working(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.say(Word::Working)
    }

    fn again(&self, after: Duration) -> BoxFuture<'_, Result<(), Error>> {
        self.say(Word::Again(after))
    }
}

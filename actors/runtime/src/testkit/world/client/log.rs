//! A group's log, as a client reads and writes it.

use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{self, BoxStream, StreamExt as _};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::super::PAYLOAD_BYTES_MAX;
use super::super::exchange::Parcel;
use super::super::leader::Found;
use super::super::state::State;
use super::super::stream::{Answer, Refused, log_subject};
use super::{ANSWER_TIMEOUT, Client, Held};
use crate::bus::Headers;
use crate::log::{AppendError, Entry, Extent, Log, ReadError};

/// A late append lands within this: before and after its sender gives up, and after the sender's next one.
const LATE_MAX: Duration = Duration::from_secs(12);
/// How far back a tail that repeats itself goes.
const REPEATED_MAX: usize = 5;

/// What becomes of an append on its way.
enum Fate {
    Arrives,
    Doubled,
    AckLost,
    Lost,
    Late,
}

impl Fate {
    fn draw(state: &mut State) -> Fate {
        let odds = state.odds;
        let fates = [
            (odds.append_lost, Fate::Lost),
            (odds.ack_lost, Fate::AckLost),
            (odds.append_late, Fate::Late),
            (odds.append_doubled, Fate::Doubled),
        ];
        let met = fates.into_iter().find(|(chance, _)| state.dice.happens(*chance));
        met.map_or(Fate::Arrives, |(_, fate)| fate)
    }
}

pub(super) struct GroupLog {
    client: Client,
    group: &'static str,
}

impl GroupLog {
    pub(super) fn new(client: Client, group: &'static str) -> GroupLog {
        GroupLog { client, group }
    }

    /// Sends an append on its way. `None`: its sender already knows that it will never know.
    fn send(&self, parcel: Parcel, expected: u64) -> Option<oneshot::Receiver<Result<u64, Refused>>> {
        let (tell, told) = oneshot::channel();
        let (group, link) = (self.group, self.client.link);
        let arrive = move |parcel: Parcel, answer: Answer| {
            move |state: &mut State| state.append(group, parcel, expected, answer)
        };
        let unheard = || -> Answer { Box::new(|_, _| {}) };
        let heard: Answer = Box::new(move |state, outcome| {
            state.down(link, move |_| {
                let _nobody_waits = tell.send(outcome);
            });
        });
        self.client.shared.change(|state| {
            match Fate::draw(state) {
                Fate::Arrives => state.up(link, arrive(parcel, heard)),
                Fate::Doubled => {
                    state.counters.doubled += 1;
                    state.up(link, arrive(parcel.clone(), heard));
                    // Its answer comes second, to an inbox where nobody waits any more.
                    state.up(link, arrive(parcel, unheard()));
                }
                Fate::AckLost => state.up(link, arrive(parcel, unheard())),
                Fate::Lost => {}
                Fate::Late => {
                    let lands = Instant::now() + state.dice.up_to(LATE_MAX);
                    let counted: Answer = Box::new(|state, outcome| {
                        state.counters.landed_late += u64::from(outcome.is_ok());
                    });
                    state.at(lands, arrive(parcel, counted));
                    if state.dice.coin() {
                        return None;
                    }
                }
            }
            Some(told)
        })
    }

    fn unread(&self, what: String) -> ReadError {
        ReadError { group: self.group.to_owned(), what, reason: "no answer in time".to_owned() }
    }
}

impl Log for GroupLog {
    fn append(
        &self,
        partition: u32,
        expected: u64,
        headers: Headers,
        payload: Bytes,
    ) -> BoxFuture<'_, Result<u64, AppendError>> {
        async move {
            self.client.running().await;
            if payload.len() > PAYLOAD_BYTES_MAX {
                return Err(AppendError::Full { partition, reason: "payload too large".to_owned() });
            }
            self.client.shared.change(|state| state.counters.appends += 1);
            let parcel = Parcel { subject: log_subject(self.group, partition), reply: None, headers, payload };
            let answer = match self.send(parcel, expected) {
                Some(told) => self.client.answer(told, ANSWER_TIMEOUT).await,
                None => None,
            };
            match answer {
                Some(Ok(sequence)) => Ok(sequence),
                Some(Err(Refused::Fenced)) => Err(AppendError::Fenced { partition }),
                Some(Err(Refused::Full)) => {
                    Err(AppendError::Full { partition, reason: "maximum bytes exceeded".to_owned() })
                }
                None => {
                    self.client.shared.change(|state| state.counters.unknown += 1);
                    Err(AppendError::Unknown { partition, reason: "no ack in time".to_owned() })
                }
            }
        }
        .boxed()
    }

    fn read(&self, sequence: u64) -> BoxFuture<'_, Result<Option<Entry>, ReadError>> {
        let group = self.group;
        async move {
            let found = self.client.ask(move |state| state.read(group, sequence)).await;
            found.map(|Found(entry)| entry).ok_or_else(|| self.unread(format!("sequence {sequence}")))
        }
        .boxed()
    }

    fn next(&self, partition: u32, after: u64) -> BoxFuture<'_, Result<Option<Entry>, ReadError>> {
        let group = self.group;
        async move {
            let found = self.client.ask(move |state| state.next(group, partition, after)).await;
            found
                .map(|Found(entry)| entry)
                .ok_or_else(|| self.unread(format!("what follows {after} in partition {partition}")))
        }
        .boxed()
    }

    fn last_of(&self, partition: u32) -> BoxFuture<'_, Result<u64, ReadError>> {
        let group = self.group;
        async move {
            let found = self.client.ask(move |state| state.last_of(group, partition)).await;
            found.ok_or_else(|| self.unread(format!("the end of partition {partition}")))
        }
        .boxed()
    }

    fn tail(&self, after: u64) -> BoxStream<'static, Result<Entry, ReadError>> {
        let tail = Tail::start(self.client.clone(), self.group, after);
        stream::unfold(Some(tail), |tail| async move {
            let mut tail = tail?;
            match tail.next().await {
                Ok(entry) => Some((Ok(entry), Some(tail))),
                Err(end) => Some((Err(end), None)),
            }
        })
        .boxed()
    }

    fn extent(&self) -> BoxFuture<'_, Result<Extent, ReadError>> {
        let group = self.group;
        async move {
            let extent = self.client.ask(move |state| state.extent(group)).await;
            extent.ok_or_else(|| self.unread("the extent".to_owned()))
        }
        .boxed()
    }
}

/// An ordered consumer: it starts again from its cursor when its connection or leader changes, or gives up.
struct Tail {
    client: Client,
    group: &'static str,
    cursor: u64,
    generation: u64,
    breaks: u64,
    /// When the last entry arrived: no later one arrives earlier.
    arrived: Instant,
    _held: Held,
}

/// What a tail does next.
enum Step {
    Deliver(Entry, Instant),
    End(&'static str),
}

impl Tail {
    fn start(client: Client, group: &'static str, after: u64) -> Tail {
        let held = client.hold(format!("a tail of the log of {group}"));
        let (generation, breaks) =
            client.shared.change(|state| (state.stream(group).generation, state.link(client.link).breaks));
        Tail { client, group, cursor: after, generation, breaks, arrived: Instant::now(), _held: held }
    }

    async fn next(&mut self) -> Result<Entry, ReadError> {
        let shared = self.client.shared.clone();
        match shared.when(|state| self.look(state)).await {
            Step::Deliver(entry, arrives) => {
                sleep_until(arrives).await;
                self.client.running().await;
                self.arrived = arrives;
                self.cursor = entry.sequence;
                Ok(entry)
            }
            Step::End(reason) => {
                let (group, what) = (self.group.to_owned(), format!("what follows {}", self.cursor));
                Err(ReadError { group, what, reason: reason.to_owned() })
            }
        }
    }

    /// What there is to do now, if anything.
    fn look(&mut self, state: &mut State) -> Option<Step> {
        let link = state.link(self.client.link);
        let (runs, flows, breaks) = (link.runs(), link.flows(), link.breaks);
        if !runs {
            return None;
        }
        if breaks > self.breaks {
            // Some breaks it survives by starting again from its cursor, some it does not.
            self.breaks = breaks;
            if state.dice.coin() {
                return Some(Step::End("the connection broke"));
            }
        }
        let stream = state.stream(self.group);
        if stream.generation != self.generation {
            return Some(Step::End("the stream is another one"));
        }
        if !flows || stream.is_leaderless() || stream.last_sequence() <= self.cursor {
            return None;
        }
        if state.dice.happens(state.odds.tail_ended) {
            state.counters.tails_ended += 1;
            return Some(Step::End("the consumer is gone"));
        }
        if state.dice.happens(state.odds.tail_repeated) {
            state.counters.tails_repeated += 1;
            let back = u64::try_from(state.dice.choose(REPEATED_MAX + 1)).unwrap_or(0);
            self.cursor = self.cursor.saturating_sub(back);
        }
        let (entry, stored) = state.stream(self.group).entry(self.cursor + 1)?;
        let arrives = self.arrived.max(stored + state.dice.hop());
        Some(Step::Deliver(entry, arrives))
    }
}

//! The exchange: core messaging as the server does it. Who listens, who gets a message, and who is told that nobody does.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::link::LinkId;
use super::state::State;
use super::subject;
use crate::bus::{Headers, Message};

/// How late a delayed message is at most: longer than a caller's patience with a silent host.
const DELAY_MAX: Duration = Duration::from_secs(2);

/// A message on its way.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    pub(super) subject: String,
    pub(super) reply: Option<String>,
    pub(super) headers: Headers,
    pub(super) payload: Bytes,
}

impl Parcel {
    fn into_message(self) -> Message {
        Message {
            length: self.subject.len() + self.payload.len(),
            subject: self.subject.into(),
            reply: self.reply.map(Into::into),
            headers: (!self.headers.is_empty()).then_some(self.headers),
            payload: self.payload,
            status: None,
            description: None,
        }
    }
}

/// A subscription as the server knows it.
pub(super) struct Listener {
    pub(super) link: LinkId,
    pub(super) pattern: String,
    pub(super) queue: Option<String>,
    pub(super) inbox: mpsc::Sender<Message>,
}

/// Nobody listens.
#[derive(Debug)]
pub(super) struct NoResponders;

/// Who waits for an answer.
pub(super) struct Asker {
    pub(super) link: LinkId,
    pub(super) answer: oneshot::Sender<Result<Message, NoResponders>>,
}

#[derive(Default)]
pub(super) struct Exchange {
    listeners: BTreeMap<u64, Listener>,
    /// By the subject the answer goes to.
    askers: BTreeMap<String, Asker>,
}

impl State {
    /// Sends a core message, as lucky as the odds let it be.
    pub(super) fn send(&mut self, link: LinkId, parcel: &Parcel) {
        self.counters.published += 1;
        for _ in 0..self.copies() {
            let parcel = parcel.clone();
            if self.dice.happens(self.odds.message_delayed) {
                self.counters.delayed += 1;
                let late = Instant::now() + self.dice.up_to(DELAY_MAX);
                self.at(late, move |state| state.up(link, move |state| state.route(parcel)));
            } else {
                self.up(link, move |state| state.route(parcel));
            }
        }
    }

    /// How many copies of a core message survive a hop.
    fn copies(&mut self) -> usize {
        if self.dice.happens(self.odds.message_lost) {
            self.counters.lost += 1;
            0
        } else if self.dice.happens(self.odds.message_doubled) {
            self.counters.doubled += 1;
            2
        } else {
            1
        }
    }

    pub(super) fn subscribe(&mut self, number: u64, listener: Listener) {
        self.exchange.listeners.insert(number, listener);
    }

    /// Forgets a subscription. What is under way to it still arrives, and then its inbox closes.
    pub(super) fn unsubscribe(&mut self, number: u64) {
        self.exchange.listeners.remove(&number);
    }

    pub(super) fn ask(&mut self, inbox: String, asker: Asker) {
        self.exchange.askers.insert(inbox, asker);
    }

    pub(super) fn stop_asking(&mut self, inbox: &str) {
        self.exchange.askers.remove(inbox);
    }

    /// What the server knew of a client's subscriptions goes with its process; the client repeats them otherwise.
    pub(super) fn forget_client(&mut self, link: LinkId) {
        if self.links[&link].is_dead() {
            self.exchange.listeners.retain(|_, listener| listener.link != link);
            self.exchange.askers.retain(|_, asker| asker.link != link);
        }
        for seat in self.seats.values_mut() {
            seat.forget_client(link);
        }
    }

    fn route(&mut self, mut parcel: Parcel) {
        if let Some(mapped) = subject::mapped(&parcel.subject) {
            parcel.subject = mapped;
        }
        if let Some(asker) = self.exchange.askers.remove(&parcel.subject) {
            if self.copies() > 0 {
                self.counters.delivered += 1;
                self.note(format_args!("answer on {}", parcel.subject));
                self.down(asker.link, move |_| drop(asker.answer.send(Ok(parcel.into_message()))));
            }
            return;
        }
        // Both, always: a stream's subject may have listeners, too.
        let heard = self.copy_to_listeners(&parcel) | self.capture(&parcel);
        if heard {
            return;
        }
        self.note(format_args!("nobody listens on {}", parcel.subject));
        let asker = parcel.reply.and_then(|inbox| self.exchange.askers.remove(&inbox));
        if let Some(asker) = asker {
            self.counters.no_responders += 1;
            self.down(asker.link, move |_| drop(asker.answer.send(Err(NoResponders))));
        }
    }

    /// A copy for each plain subscription and for one member of each queue group. Returns whether there was any.
    pub(super) fn copy_to_listeners(&mut self, parcel: &Parcel) -> bool {
        let mut receivers = Vec::new();
        let mut queues: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for (number, listener) in &self.exchange.listeners {
            if !self.links[&listener.link].is_known() || !subject::matches(&listener.pattern, &parcel.subject) {
                continue;
            }
            match &listener.queue {
                Some(queue) => queues.entry(queue).or_default().push(*number),
                None => receivers.push(*number),
            }
        }
        for members in queues.into_values() {
            receivers.push(members[self.dice.choose(members.len())]);
        }
        for number in &receivers {
            self.deliver(*number, parcel);
        }
        !receivers.is_empty()
    }

    fn deliver(&mut self, number: u64, parcel: &Parcel) {
        let Some(Listener { link, inbox, .. }) = self.exchange.listeners.get(&number) else { return };
        let (link, inbox) = (*link, inbox.clone());
        for _ in 0..self.copies() {
            let (inbox, message) = (inbox.clone(), parcel.clone().into_message());
            self.down(link, move |state| {
                let subject = message.subject.clone();
                let outcome = inbox.try_send(message);
                match outcome {
                    Ok(()) => {
                        state.counters.delivered += 1;
                        let to = state.link(link).name.clone();
                        state.note(format_args!("{subject} to {to}"));
                    }
                    Err(mpsc::error::TrySendError::Full(_)) => state.counters.dropped += 1,
                    Err(mpsc::error::TrySendError::Closed(_)) => {}
                }
            });
        }
    }

    /// Keeps what is published to a subject of a stream. Returns whether there is such a stream.
    fn capture(&mut self, parcel: &Parcel) -> bool {
        if let Some((group, _)) = subject::of_log(&parcel.subject)
            && self.streams.contains_key(group)
        {
            if !self.is_full() {
                let group = group.to_owned();
                self.land(&group, parcel.clone());
            }
            return true;
        }
        self.keep(None, parcel)
    }
}

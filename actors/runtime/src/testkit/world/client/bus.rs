//! Requests and subscriptions, as a client keeps them.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use futures::future::{BoxFuture, FutureExt as _};
use tokio::sync::{mpsc, oneshot};

use super::super::PAYLOAD_BYTES_MAX;
use super::super::exchange::{Asker, Listener, NoResponders, Parcel};
use super::{Client, Held};
use crate::bus::{Bus, Error, Headers, Message, RequestError, SUBSCRIPTION_MESSAGES_MAX, Subscribed, Subscription};

impl Bus for Client {
    fn publish(
        &self,
        subject: String,
        reply: Option<String>,
        headers: Headers,
        payload: Bytes,
    ) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            self.running().await;
            if payload.len() > PAYLOAD_BYTES_MAX {
                return Err(Error::Failed { operation: "publish", subject, source: "payload too large".into() });
            }
            let parcel = Parcel { subject, reply, headers, payload };
            self.shared.change(|state| state.send(self.link, &parcel));
            Ok(())
        }
        .boxed()
    }

    fn request(
        &self,
        subject: String,
        headers: Headers,
        payload: Bytes,
        within: Duration,
    ) -> BoxFuture<'_, Result<Message, RequestError>> {
        async move {
            self.running().await;
            let held = self.hold(format!("a request on {subject}"));
            let (answer, answered) = oneshot::channel();
            let inbox = format!("_INBOX_{}.{}", self.group, held.number);
            let _asking = Asking { client: self, inbox: &inbox };
            let parcel = Parcel { subject: subject.clone(), reply: Some(inbox.clone()), headers, payload };
            let breaks = self.shared.change(|state| {
                // The client's own table of inboxes: nothing has to reach the server first.
                state.ask(inbox.clone(), Asker { link: self.link, answer });
                state.send(self.link, &parcel);
                state.link(self.link).breaks
            });
            match self.answer(answered, within).await {
                Some(Ok(message)) => Ok(message),
                Some(Err(NoResponders)) => Err(RequestError::NoResponders(subject)),
                None if self.shared.change(|state| state.link(self.link).breaks) > breaks => {
                    Err(RequestError::Disconnected(subject))
                }
                None => Err(RequestError::TimedOut(subject)),
            }
        }
        .boxed()
    }

    fn subscribe(&self, subject: String, queue: Option<String>) -> BoxFuture<'_, Result<Subscription, Error>> {
        async move {
            self.running().await;
            let held = self.hold(format!("a subscription to {subject}"));
            let (inbox, messages) = mpsc::channel(SUBSCRIPTION_MESSAGES_MAX);
            let listener = Listener { link: self.link, pattern: subject, queue, inbox };
            let number = held.number;
            // As with the real client, it counts from when the server has heard of it.
            self.up(move |state| state.subscribe(number, listener));
            Ok(Box::new(Inbox { client: self.clone(), messages, held, waking: None }) as Subscription)
        }
        .boxed()
    }
}

/// Forgets a request that is answered or given up.
struct Asking<'a> {
    client: &'a Client,
    inbox: &'a str,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.client.shared.change(|state| state.stop_asking(self.inbox));
    }
}

/// The client's end of a subscription.
struct Inbox {
    client: Client,
    messages: mpsc::Receiver<Message>,
    held: Held,
    /// What a stopped process waits for before it looks.
    waking: Option<BoxFuture<'static, ()>>,
}

impl Stream for Inbox {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Message>> {
        let client = self.client.clone();
        let waking = self.waking.get_or_insert_with(|| async move { client.running().await }.boxed());
        ready!(waking.poll_unpin(context));
        self.waking = None;
        self.messages.poll_recv(context)
    }
}

impl Subscribed for Inbox {
    fn drain(&mut self) -> BoxFuture<'_, ()> {
        let number = self.held.number;
        async move {
            self.client.running().await;
            self.client.up(move |state| state.unsubscribe(number));
        }
        .boxed()
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let number = self.held.number;
        self.client.up(move |state| state.unsubscribe(number));
    }
}

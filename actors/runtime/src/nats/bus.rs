//! The bus on NATS core.
//!
//! A request while the connection is down waits in the client's buffer and goes out when it is back: a receiver checks
//! the deadline. What is added to the library here is a bound on that wait, and a drain that loses nothing.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_nats::{Request, RequestErrorKind, Subscriber};
use bytes::Bytes;
use futures::Stream;
use futures::future::BoxFuture;
use tokio::time::timeout;

use super::link::Link;
use crate::bus::{Bus, Error, Headers, Message, RequestError, Subscribed, Subscription};

/// How long a message may wait for room in the client's buffer, which is full only while the connection is down.
const SEND_WITHIN: Duration = Duration::from_secs(2);
/// How long the server may take to confirm that it sends no more to a drained subscription.
const DRAIN_WITHIN: Duration = Duration::from_secs(2);

impl Bus for Link {
    fn publish(
        &self,
        subject: String,
        reply: Option<String>,
        headers: Headers,
        payload: Bytes,
    ) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let failed = |source| Error::Failed { operation: "publish", subject: subject.clone(), source };
            let sent = async {
                match reply {
                    Some(reply) => {
                        self.client.publish_with_reply_and_headers(subject.clone(), reply, headers, payload).await
                    }
                    None => self.client.publish_with_headers(subject.clone(), headers, payload).await,
                }
            };
            match timeout(SEND_WITHIN, sent).await {
                Ok(sent) => sent.map_err(|e| failed(Box::new(e))),
                Err(elapsed) => Err(failed(Box::new(elapsed))),
            }
        })
    }

    fn request(
        &self,
        subject: String,
        headers: Headers,
        payload: Bytes,
        within: Duration,
    ) -> BoxFuture<'_, Result<Message, RequestError>> {
        Box::pin(async move {
            let request = Request::new().headers(headers).payload(payload).timeout(None);
            match timeout(within, self.client.send_request(subject.clone(), request)).await {
                Ok(Ok(message)) => Ok(message),
                Ok(Err(failure)) => Err(match failure.kind() {
                    RequestErrorKind::NoResponders => RequestError::NoResponders(subject),
                    RequestErrorKind::TimedOut => RequestError::TimedOut(subject),
                    RequestErrorKind::Other => RequestError::Disconnected(subject),
                    // Refused before it was sent, so nobody can have heard it.
                    RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => {
                        tracing::error!(subject, cause = %failure, "a request cannot be sent");
                        RequestError::NoResponders(subject)
                    }
                }),
                Err(_) => Err(RequestError::TimedOut(subject)),
            }
        })
    }

    fn subscribe(&self, subject: String, queue: Option<String>) -> BoxFuture<'_, Result<Subscription, Error>> {
        Box::pin(async move {
            let made = match queue {
                Some(queue) => self.client.queue_subscribe(subject.clone(), queue).await,
                None => self.client.subscribe(subject.clone()).await,
            };
            match made {
                Ok(messages) => {
                    let subscription: Subscription = Box::new(Listening { messages, client: self.client.clone() });
                    Ok(subscription)
                }
                Err(source) => Err(Error::Failed { operation: "subscribe", subject, source: Box::new(source) }),
            }
        })
    }
}

/// A subscription whose drain waits for the server.
struct Listening {
    messages: Subscriber,
    client: async_nats::Client,
}

impl Stream for Listening {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Message>> {
        Pin::new(&mut self.messages).poll_next(context)
    }
}

impl Subscribed for Listening {
    /// The library's own drain forgets the subscription before the server has answered, and drops what was under way.
    /// So: tell the server to stop but keep listening, wait for an answer that the server sends after everything it
    /// had sent before, and only then stop listening.
    fn drain(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // A limit too large for the server's parser ends the subscription there at once, and here never.
            if self.messages.unsubscribe_after(u64::MAX).await.is_err() {
                return;
            }
            // Nobody listens on a fresh inbox, so the server itself answers, on this connection and in order.
            let nowhere = self.client.new_inbox();
            let _ = timeout(DRAIN_WITHIN, self.client.request(nowhere, Bytes::new())).await;
            let _ = self.messages.unsubscribe().await;
        })
    }
}

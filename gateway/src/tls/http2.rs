//! HTTP/2 (RFC 9113): a connection whose requests go to the same door.
//!
//! actix speaks HTTP/2 too, but hands through none of the limits that a public door needs: how many requests a client may
//! have under way, how long a head may be, how often it may change its mind. So the connection is driven here, over the
//! same crate. All requests of a connection are one task: when it goes, they go.
//!
//! What is bounded: streams under way (`streams_max`), heads (`header_bytes_max`, 431), streams that a client resets
//! (CVE-2023-44487: [`RESETS_MAX`] a minute, then the connection ends with `ENHANCE_YOUR_CALM`), frames that only cost
//! work (by the crate: CONTINUATION, resets before a stream was seen, streams that the server itself had to reset), the
//! wait for a client that does not read (`write_timeout_ms`), for its body (`body_timeout_ms`, by the door) and for its
//! next request (`keep_alive_ms`, whatever frames come meanwhile).

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::error::PayloadError;
use actix_http::{BoxedPayloadStream, Payload, Request, Response};
use actix_service::Service;
use actix_web::http::header::{CONNECTION, CONTENT_LENGTH, DATE, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use futures::Stream;
use futures::stream::{FuturesUnordered, StreamExt as _};
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};

use crate::config::Limits;
use crate::connection::{Line, Stop};

/// How a client asks for it (RFC 7301).
pub(crate) const ALPN: &[u8] = b"h2";
/// What a client may send of one body before the door has read it; of all bodies together, four times that.
const WINDOW_BYTES: u32 = 1 << 18;
/// How much of an answer waits in memory for a client to read.
const SEND_BUFFER_BYTES: usize = 1 << 18;
/// A part of a body, as big as a frame.
const CHUNK_BYTES: usize = 16 * 1024;
/// How many requests a client may take back in [`RESETS_WITHIN`]. A browser that leaves a page takes back what it has
/// under way, which is `streams_max` at most; twice that in a minute is a person, more is not.
const RESETS_MAX: usize = 200;
const RESETS_WITHIN: Duration = Duration::from_mins(1);

/// What a connection is held to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) streams_max: u32,
    pub(crate) limits: Limits,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Answered,
    /// The client took it back.
    Reset,
    /// The client did not read the answer.
    Unread,
}

/// Serves a connection until it ends.
pub(crate) async fn serve<S, B>(
    io: impl AsyncRead + AsyncWrite + Unpin,
    app: Rc<S>,
    bounds: Bounds,
    (peer, line): (Option<SocketAddr>, Rc<Line>),
    stop: Stop,
) -> Result<(), h2::Error>
where
    S: Service<Request>,
    S::Response: Into<Response<B>>,
    S::Error: Into<Response<BoxBody>>,
    B: MessageBody,
{
    let header_bytes_max = u32::try_from(bounds.limits.header_bytes_max).unwrap_or(u32::MAX);
    let mut connection = Builder::new()
        .max_concurrent_streams(bounds.streams_max)
        .max_header_list_size(header_bytes_max)
        .initial_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES * 4)
        .max_send_buffer_size(SEND_BUFFER_BYTES)
        .handshake::<_, Bytes>(io)
        .await?;
    line.frames();
    let write_timeout = Duration::from_millis(bounds.limits.write_timeout_ms);
    let (mut streams, mut resets, mut stops) = (FuturesUnordered::new(), Resets::default(), false);
    loop {
        tokio::select! {
            accepted = poll_fn(|cx| connection.poll_accept(cx)) => match accepted {
                Some(accepted) => {
                    let (request, respond) = accepted?;
                    line.begin();
                    streams.push(answer(app.clone(), request, respond, peer, write_timeout));
                }
                None => return Ok(()),
            },
            Some(ended) = streams.next(), if !streams.is_empty() => {
                if ended == Ended::Reset && resets.are_too_many(Instant::now()) {
                    metrics::counter!("http2_connections_ended_total", "why" => "resets").increment(1);
                    connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                }
                if streams.is_empty() {
                    line.end(false);
                }
            }
            () = stop.clone(), if !stops => {
                stops = true;
                connection.graceful_shutdown();
            }
        }
    }
}

/// What a client has taken back lately.
#[derive(Debug, Default)]
struct Resets {
    since: Option<Instant>,
    count: usize,
}

impl Resets {
    fn are_too_many(&mut self, now: Instant) -> bool {
        if self.since.is_none_or(|since| now.duration_since(since) > RESETS_WITHIN) {
            *self = Resets { since: Some(now), count: 0 };
        }
        self.count += 1;
        self.count > RESETS_MAX
    }
}

/// Answers one request, unless its client takes it back.
async fn answer<S, B>(
    app: Rc<S>,
    request: http::Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    peer: Option<SocketAddr>,
    write_timeout: Duration,
) -> Ended
where
    S: Service<Request>,
    S::Response: Into<Response<B>>,
    S::Error: Into<Response<BoxBody>>,
    B: MessageBody,
{
    let head_only = request.method() == Method::HEAD;
    let served = tokio::select! {
        // In this order: what is taken back already is not begun.
        biased;
        _ = poll_fn(|cx| respond.poll_reset(cx)) => return Ended::Reset,
        served = app.call(translate(request, peer)) => served,
    };
    match served {
        Ok(response) => send(response.into(), respond, head_only, write_timeout).await,
        Err(error) => send(error.into(), respond, head_only, write_timeout).await,
    }
}

/// A request as the door knows them.
fn translate(request: http::Request<RecvStream>, peer: Option<SocketAddr>) -> Request {
    let (parts, body) = request.into_parts();
    let is_empty = body.is_end_stream();
    let payload = if is_empty {
        Payload::None
    } else {
        let payload: BoxedPayloadStream = Box::pin(Incoming(body));
        Payload::Stream { payload }
    };
    let mut request = Request::with_payload(payload);
    let head = request.head_mut();
    head.uri = parts.uri;
    head.method = parts.method;
    head.version = parts.version;
    head.headers = parts.headers.into();
    head.peer_addr = peer;
    if !is_empty && !head.headers.contains_key(CONTENT_LENGTH) {
        // As HTTP/1 would say that a body follows; a client cannot say it here (RFC 9113 §8.2.2).
        head.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    request
}

/// A body under way.
struct Incoming(RecvStream);

impl Stream for Incoming {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let stream = &mut self.get_mut().0;
        stream.poll_data(cx).map(|part| {
            part.map(|part| {
                let part = part.map_err(failed)?;
                // The client may send as much again.
                stream.flow_control().release_capacity(part.len()).map_err(failed)?;
                Ok(part)
            })
        })
    }
}

fn failed(error: h2::Error) -> PayloadError {
    PayloadError::Io(std::io::Error::other(error))
}

async fn send<B: MessageBody>(
    response: Response<B>,
    mut respond: SendResponse<Bytes>,
    head_only: bool,
    write_timeout: Duration,
) -> Ended {
    let (response, body) = response.into_parts();
    let size = body.size();
    let ends = head_only || matches!(size, BodySize::None | BodySize::Sized(0));
    let Ok(mut stream) = respond.send_response(head(response.head(), size), ends) else { return Ended::Reset };
    if ends {
        return Ended::Answered;
    }
    let sent = match size {
        // Nobody knows when it ends: each part has its time.
        BodySize::Stream => send_body(body, &mut stream, Some(write_timeout)).await,
        _ => timeout(write_timeout, send_body(body, &mut stream, None)).await.unwrap_or(Err(Ended::Unread)),
    };
    match sent {
        Ok(()) => Ended::Answered,
        Err(ended) => {
            stream.send_reset(if ended == Ended::Unread { Reason::CANCEL } else { Reason::INTERNAL_ERROR });
            ended
        }
    }
}

async fn send_body(
    body: impl MessageBody,
    stream: &mut SendStream<Bytes>,
    part_timeout: Option<Duration>,
) -> Result<(), Ended> {
    let mut body = pin!(body);
    loop {
        let part = tokio::select! {
            _ = poll_fn(|cx| stream.poll_reset(cx)) => return Err(Ended::Reset),
            part = poll_fn(|cx| body.as_mut().poll_next(cx)) => part,
        };
        let Some(part) = part else { break };
        let part = part.map_err(|_| Ended::Answered)?;
        let sending = send_part(part, stream);
        match part_timeout {
            Some(within) => timeout(within, sending).await.unwrap_or(Err(Ended::Unread))?,
            None => sending.await?,
        }
    }
    stream.send_data(Bytes::new(), true).map_err(|_| Ended::Reset)
}

async fn send_part(mut part: Bytes, stream: &mut SendStream<Bytes>) -> Result<(), Ended> {
    while !part.is_empty() {
        stream.reserve_capacity(part.len().min(CHUNK_BYTES));
        let capacity = poll_fn(|cx| stream.poll_capacity(cx)).await;
        let Some(Ok(capacity)) = capacity else { return Err(Ended::Reset) };
        let now = part.split_to(part.len().min(capacity));
        stream.send_data(now, false).map_err(|_| Ended::Reset)?;
    }
    Ok(())
}

/// The head of an answer, without what only HTTP/1 has (RFC 9113 §8.2.2).
fn head(from: &actix_http::ResponseHead, size: BodySize) -> http::Response<()> {
    let mut response = http::Response::new(());
    *response.status_mut() = from.status;
    let headers = response.headers_mut();
    let only_in_1 = |name: &HeaderName| {
        [CONNECTION, TRANSFER_ENCODING, UPGRADE, CONTENT_LENGTH].contains(name) || name.as_str() == "keep-alive"
    };
    for (name, value) in from.headers.iter().filter(|(name, _)| !only_in_1(name)) {
        headers.append(name.clone(), value.clone());
    }
    if let BodySize::Sized(length) = size
        && from.status != StatusCode::NO_CONTENT
        && from.status != StatusCode::NOT_MODIFIED
    {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    if let Some(date) = date() {
        headers.entry(DATE).or_insert(date);
    }
    response
}

fn date() -> Option<HeaderValue> {
    let now = runtime::clock::Clock::system().now();
    let text = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now).ok()?;
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_takes_back_is_counted_by_the_minute() {
        let mut resets = Resets::default();
        let began = Instant::now();
        assert!((0..RESETS_MAX).all(|_| !resets.are_too_many(began)));
        assert!(resets.are_too_many(began + RESETS_WITHIN));
        assert!(!resets.are_too_many(began + RESETS_WITHIN * 2));
    }
}

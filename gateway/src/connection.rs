//! The connection: a socket that does not wait for ever.
//!
//! The HTTP library times the first request head of a connection, and idle connections as long as they are silent. A
//! client that has been answered once may dribble its second head, leave a refused body unfinished, or never read what
//! it asked for, and would be waited for. So the connection keeps the time itself: the socket sees bytes come and go, the
//! door tells when a request is under way, and [`Line::overdue`] runs beside the library and ends when it has been long
//! enough. It is asked whenever anything happens on the connection, so it depends on nothing the library does.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_rustls::server::TlsStream;

use crate::config::Limits;
use crate::tls::http2;

/// Ends when the gateway begins to stop.
pub(crate) type Stop = Shared<BoxFuture<'static, ()>>;

/// What is known of a connection: by the socket, by the door, and by who ends it.
#[derive(Debug)]
pub(crate) struct Line {
    state: Cell<State>,
    /// An answer goes on after it was begun; it ends when whoever holds the line lets go.
    held: Cell<bool>,
    /// Many requests at once, in frames: bytes that come need not be a request.
    framed: Cell<bool>,
    /// The client has said all that it will ever say.
    hung_up: Cell<bool>,
    /// Until when the client must have read what it is being sent; while it has not.
    written_by: Cell<Option<Instant>>,
    keep_alive: Duration,
    head_timeout: Duration,
    write_timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// For a request to begin.
    Waiting { until: Instant },
    /// For the rest of a request's head, or for the end of what nobody wants.
    Reading { until: Instant },
    /// A request is under way; it has limits of its own.
    Busy,
}

impl Line {
    fn new(limits: &Limits) -> Line {
        let head_timeout = Duration::from_millis(limits.header_timeout_ms);
        Line {
            state: Cell::new(State::Waiting { until: Instant::now() + head_timeout }),
            held: Cell::new(false),
            framed: Cell::new(false),
            hung_up: Cell::new(false),
            written_by: Cell::new(None),
            keep_alive: Duration::from_millis(limits.keep_alive_ms),
            head_timeout,
            write_timeout: Duration::from_millis(limits.write_timeout_ms),
        }
    }

    /// Bytes that come from now on are frames, and the end is told in one.
    pub(crate) fn frames(&self) {
        self.framed.set(true);
    }

    /// A request's head is complete.
    pub(crate) fn begin(&self) {
        self.state.set(State::Busy);
    }

    /// The answer goes on until the hold is dropped, or the client hangs up.
    pub(crate) fn hold(self: Rc<Self>) -> Held {
        self.held.set(true);
        Held(self)
    }

    /// The request is answered. What it had to say may not all have come, and need not come any more.
    pub(crate) fn end(&self, may_be_unread: bool) {
        if self.held.get() {
            return;
        }
        let now = Instant::now();
        self.state.set(if may_be_unread {
            State::Reading { until: now + self.head_timeout }
        } else {
            State::Waiting { until: now + self.keep_alive }
        });
    }

    /// Ends when the client has been waited for long enough, or is idle while the gateway stops.
    pub(crate) fn overdue(self: Rc<Self>, mut stop: Stop) -> impl Future<Output = ()> {
        let (mut alarm, mut stops) = (Alarm::default(), false);
        std::future::poll_fn(move |cx| {
            stops = stops || stop.poll_unpin(cx).is_ready();
            if self.held.get() && self.hung_up.get() {
                return Poll::Ready(());
            }
            let until = match (self.written_by.get(), self.state.get()) {
                (None, State::Busy) => return Poll::Pending,
                (None, State::Waiting { .. }) if stops && !self.framed.get() => return Poll::Ready(()),
                (Some(until), _) | (None, State::Waiting { until } | State::Reading { until }) => until,
            };
            alarm.at(until, cx)
        })
    }

    fn received(&self) {
        if let (State::Waiting { .. }, false) = (self.state.get(), self.framed.get()) {
            self.state.set(State::Reading { until: Instant::now() + self.head_timeout });
        }
    }
}

/// A line on which an answer goes on.
#[derive(Debug)]
pub(crate) struct Held(Rc<Line>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.held.set(false);
        self.0.end(false);
    }
}

/// A socket that tells when bytes come and go.
pub(crate) struct Connection {
    socket: TcpStream,
    line: Rc<Line>,
}

impl Connection {
    pub(crate) fn new(socket: TcpStream, limits: &Limits) -> Connection {
        // An answer is written at once and whole; waiting for more would only delay it. Best effort.
        socket.set_nodelay(true).ok();
        Connection { socket, line: Rc::new(Line::new(limits)) }
    }

    pub(crate) fn line(&self) -> Rc<Line> {
        self.line.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = Pin::new(&mut this.socket).poll_read(cx, buf);
        if buf.filled().len() > before {
            this.line.received();
        } else if buf.remaining() > 0 && matches!(read, Poll::Ready(Ok(()))) {
            this.line.hung_up.set(true);
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.socket).poll_write(cx, buf);
        match written {
            // A client that takes a byte now and then has not read the answer.
            Poll::Ready(Ok(bytes)) if bytes == buf.len() => this.line.written_by.set(None),
            Poll::Pending if this.line.written_by.get().is_none() => {
                this.line.written_by.set(Some(Instant::now() + this.line.write_timeout));
            }
            _ => {}
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}

/// A connection, in the open or under TLS.
pub(crate) enum Wire {
    Plain(Connection),
    Secure(Box<TlsStream<Connection>>),
}

impl Wire {
    pub(crate) fn line(&self) -> Rc<Line> {
        match self {
            Wire::Plain(connection) => connection.line(),
            Wire::Secure(stream) => stream.get_ref().0.line(),
        }
    }

    /// Whether the client has asked for HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        matches!(self, Wire::Secure(stream) if stream.get_ref().1.alpn_protocol() == Some(http2::ALPN))
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(connection) => Pin::new(connection).poll_read(cx, buf),
            Wire::Secure(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Plain(connection) => Pin::new(connection).poll_write(cx, buf),
            Wire::Secure(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(connection) => Pin::new(connection).poll_flush(cx),
            Wire::Secure(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(connection) => Pin::new(connection).poll_shutdown(cx),
            Wire::Secure(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// A timer that is made when it is first needed. It is set later only when it rings: with every request the time moves
/// on, and setting a timer each time would cost more than waking once in vain.
#[derive(Default)]
struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    fn at(&mut self, until: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if sleep.deadline() > until {
            sleep.as_mut().reset(until);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= until {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(until);
        }
        Poll::Pending
    }
}

//! Watching: one entity, shown again whenever it has changed (server-sent events).
//!
//! Every read of one entity can be watched: whoever asks for `text/event-stream` gets the entity as it is, and then each
//! later version, under the same checks as the read itself. A watch is that read, asked again every [`PAUSE`]: it knows
//! no log and no event, so it shows what the read shows, on whatever replica, and needs nothing of the group. That makes
//! four reads a second for each watcher, which is why a worker takes no more than `watches_max`; what is unchanged goes
//! no further than the gateway. Versions between two looks are not shown, and none is shown after a later one.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures::stream;
use messages::problem::Kind;
use messages::route::{Route, RpcKind};
use runtime::client::{Answer, Call, Client, Failure};
use runtime::headers::Position;
use tokio::time::Instant;

use crate::answer;
use crate::connection::{Held, Line};
use crate::error::Error;
use crate::exchange::Exchange;
use crate::identity::Credential;
use crate::shared::Shared;
use crate::trace::Names;

/// The media type of a stream of events.
pub(crate) const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
/// What a client that comes back has seen.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells proxies of the nginx kind not to collect an answer before they send it.
const BUFFERING: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// How long after a look the next one follows. A person takes a quarter of a second for "at once".
const PAUSE: Duration = Duration::from_millis(250);
/// How long a look may take: one that is slower is tried again.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);
/// A comment, which clients skip.
const HEARTBEAT: &[u8] = b":\n\n";
/// How long a client waits before it comes back, in milliseconds; browsers would take 3 to 5 s.
const RETRY: &[u8] = b"retry: 1000\n\n";

/// Whether a request wants to watch what it reads.
pub(crate) fn is_wanted(http: &HttpRequest, route: &Route) -> bool {
    let entity = route.kind == RpcKind::Read && !route.history && route.file.is_none();
    let named = |value: &HeaderValue| {
        let ranges = value.to_str().unwrap_or_default().split(',');
        ranges.into_iter().any(|range| {
            let essence = range.split(';').next().unwrap_or_default().trim();
            essence.eq_ignore_ascii_case("text/event-stream")
        })
    };
    entity && *http.method() == Method::GET && http.headers().get_all(ACCEPT).any(named)
}

/// The watches of a worker.
#[derive(Debug, Default)]
pub(crate) struct Watches(Rc<Cell<usize>>);

impl Watches {
    fn take(&self, most: usize) -> Result<Place, Error> {
        if self.0.get() >= most {
            return Err(Error::too_many_watches());
        }
        self.0.set(self.0.get() + 1);
        metrics::gauge!("http_watches").increment(1);
        Ok(Place(self.0.clone()))
    }
}

/// One of the places of a worker, free again when it is dropped.
struct Place(Rc<Cell<usize>>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
        metrics::gauge!("http_watches").decrement(1);
    }
}

/// Somebody who watches an entity.
struct Watch {
    client: Client,
    shared: Arc<Shared>,
    names: Names,
    path: String,
    /// Where the route stands in the table.
    index: usize,
    call: Call,
    credential: Option<Credential>,
    /// What every look must include, whatever has been written since.
    wait: Vec<Position>,
    /// What was shown last.
    shown: Shown,
    /// What was seen and is not shown yet.
    seen: Option<Answer>,
    ends: bool,
    until: Instant,
    silent_since: Instant,
    _place: Place,
    _held: Option<Held>,
}

/// What a watcher has been shown.
#[derive(Default)]
struct Shown {
    version: Option<u64>,
    payload: Bytes,
}

impl Shown {
    /// A replica may be behind the one that answered before.
    fn is_older_than(&self, seen: &Answer) -> bool {
        match (self.version, seen.version) {
            (Some(shown), Some(seen)) => seen > shown,
            (None, Some(_)) => true,
            (_, None) => seen.payload != self.payload,
        }
    }
}

impl Exchange<'_> {
    /// Answers a read, and goes on doing so.
    pub(crate) fn watch(&self, call: Call, first: Answer) -> Result<HttpResponse, Error> {
        let limits = &self.door.shared.config.limits;
        let place = self.door.watches.take(limits.watches_max)?;
        let now = Instant::now();
        let line = self.http.conn_data::<Rc<Line>>();
        let watch = Watch {
            client: self.door.client.clone(),
            shared: self.door.shared.clone(),
            names: self.names.clone(),
            path: self.http.uri().path().to_owned(),
            index: self.endpoint.index,
            credential: self.identity.credential,
            wait: call.wait.clone(),
            // A look is worth no trace: whoever follows one has seen the first.
            call: Call { trace: None, ..call },
            shown: Shown { version: last_seen(self.headers()), ..Shown::default() },
            seen: Some(first),
            ends: false,
            until: now + Duration::from_millis(limits.watch_ms_max),
            silent_since: now,
            _place: place,
            _held: line.map(|line| line.clone().hold()),
        };
        let retry = stream::once(async { Ok::<_, Infallible>(Bytes::from_static(RETRY)) });
        let shows = stream::unfold(watch, |mut watch| async move {
            let words = watch.next().await?;
            Some((Ok(words), watch))
        });
        let mut response = HttpResponse::Ok();
        response.insert_header((CONTENT_TYPE, EVENT_STREAM)).insert_header(BUFFERING);
        Ok(response.streaming(futures::StreamExt::chain(retry, shows)))
    }
}

impl Watch {
    /// What is said next; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(seen) = self.seen.take()
                && self.shown.is_older_than(&seen)
            {
                return self.show(&seen);
            }
            let stops = self.shared.draining.has_begun() || Instant::now() >= self.until;
            if self.ends || stops {
                return None;
            }
            let silence_max = Duration::from_millis(self.shared.config.limits.watch_silence_ms);
            if self.silent_since.elapsed() >= silence_max {
                return Some(self.say(Bytes::from_static(HEARTBEAT)));
            }
            tokio::time::sleep(PAUSE).await;
            match self.look().await {
                Ok(seen) => self.seen = Some(seen),
                Err(failure) if is_passing(&failure) => {
                    tracing::debug!(%failure, "could not look at what is watched");
                }
                Err(failure) => {
                    self.ends = true;
                    let problem = Error::from_failure(self.call.route, failure).into_json(&self.names, &self.path);
                    return Some(self.say(event("event: problem\n", &problem)));
                }
            }
        }
    }

    async fn look(&mut self) -> Result<Answer, Failure> {
        let route = self.call.route;
        self.call.deadline = self.client.clock().now().saturating_add(LOOK_TIMEOUT).unwrap_or(self.call.deadline);
        self.call.wait.clone_from(&self.wait);
        if let Some(credential) = self.credential {
            let token = (route.get_key)(&self.call.payload);
            let partition = token.map(|token| messages::partition::of(&token, route.partitions()));
            self.shared.sessions.wait(credential, route.group, partition, &mut self.call.wait);
        }
        self.client.ask(&self.call).await
    }

    /// The entity as an event. What cannot be read ends the watch: our fault, and in the log.
    fn show(&mut self, seen: &Answer) -> Option<Bytes> {
        let json = Bytes::from(answer::encode(self.call.route, seen).ok()?);
        let json = match self.shared.versions.shape(&self.path, self.index) {
            Some(shape) => shape.show_json(json),
            None => json,
        };
        self.shown = Shown { version: seen.version, payload: seen.payload.clone() };
        let id = seen.version.map(|version| format!("id: {version}\n")).unwrap_or_default();
        Some(self.say(event(&id, &json)))
    }

    fn say(&mut self, words: Bytes) -> Bytes {
        self.silent_since = Instant::now();
        words
    }
}

/// Whether it may be different a moment later.
fn is_passing(failure: &Failure) -> bool {
    match failure {
        Failure::Refused { problem, .. } => {
            matches!(Kind::of(problem), Kind::Unavailable | Kind::Timeout | Kind::Exhausted)
        }
        Failure::Unavailable { .. } | Failure::Unknown { .. } => true,
    }
}

/// The version that a client has seen before its connection broke.
fn last_seen(headers: &HeaderMap) -> Option<u64> {
    headers.get(LAST_EVENT_ID)?.to_str().ok()?.parse().ok()
}

/// An event with these first lines. JSON is one line, but text that is JSON itself may have come with more.
fn event(lines: &str, json: &[u8]) -> Bytes {
    let mut words = Vec::with_capacity(lines.len() + json.len() + 16);
    words.extend_from_slice(lines.as_bytes());
    for line in json.split(|byte| matches!(byte, b'\n' | b'\r')) {
        words.extend_from_slice(b"data: ");
        words.extend_from_slice(line);
        words.push(b'\n');
    }
    words.push(b'\n');
    words.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_lines() {
        assert_eq!(event("id: 3\n", br#"{"a":1}"#), &b"id: 3\ndata: {\"a\":1}\n\n"[..]);
        assert_eq!(event("", b"{\"a\":\r{}\n}"), &b"data: {\"a\":\ndata: {}\ndata: }\n\n"[..]);
    }

    #[test]
    fn only_what_is_newer_is_shown() {
        let shown = |version: Option<u64>| Shown { version, payload: Bytes::from_static(b"a") };
        let seen = |version: Option<u64>, payload: &'static [u8]| Answer {
            payload: Bytes::from_static(payload),
            version,
            position: None,
            replayed: false,
            set: runtime::reach::Set::Stable,
        };
        for (was, is, payload, newer) in [
            (Some(3), Some(4), &b"a"[..], true),
            (Some(3), Some(3), b"b", false),
            (Some(3), Some(2), b"b", false),
            (None, Some(1), b"a", true),
            (None, None, b"a", false),
            (None, None, b"b", true),
        ] {
            assert_eq!(shown(was).is_older_than(&seen(is, payload)), newer, "{was:?} {is:?}");
        }
    }
}

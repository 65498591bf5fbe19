//! Trace: the names under which a request can be found again, in logs, events, other services and at the caller's.
//!
//! A client may bring its own; what does not look like a name is replaced rather than refused, because a broken trace
//! header must never cost an order. What is accepted is safe to print and to forward: no spaces, quotes or controls.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use runtime::entropy::Entropy;
use runtime::headers::Trace;

/// W3C Trace Context.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Names one HTTP request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Names a story of many requests.
const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
/// The trace id alone, for people and tools that do not read `traceparent`.
const TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");

/// The longest name accepted from outside.
const NAME_CHARS_MAX: usize = 128;

/// A request's names. All of them are printable ASCII: what came from outside was checked, the rest was made here.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    request: HeaderValue,
    correlation: HeaderValue,
    trace_id: HeaderValue,
    trace: Trace,
    /// The span of the client, if it follows a trace of its own.
    parent: Option<Trace>,
}

impl Names {
    /// Taken from the request where it brings them, made where not. Whoever brings none has one name to remember: the
    /// request, its story and its trace are called the same.
    pub(crate) fn of(headers: &HeaderMap, entropy: &Entropy, trace_per_mille: u64) -> Names {
        let parent = followed(headers);
        let sampled = || trace_per_mille > 0 && entropy.below(1000) < trace_per_mille;
        let trace = match &parent {
            Some(parent) => parent.child(entropy),
            None => Trace::begin(entropy, sampled()),
        };
        let trace_id = made(&trace.trace_id);
        let request = match name(headers, &REQUEST_ID) {
            Some(request) => request,
            // Many requests may follow one trace.
            None if parent.is_some() => made(&entropy.bytes::<16>()),
            None => trace_id.clone(),
        };
        let correlation = name(headers, &CORRELATION_ID).unwrap_or_else(|| request.clone());
        Names { request, correlation, trace_id, trace, parent }
    }

    pub(crate) fn request(&self) -> &str {
        text(&self.request)
    }

    pub(crate) fn correlation(&self) -> &str {
        text(&self.correlation)
    }

    pub(crate) fn trace_id(&self) -> &str {
        text(&self.trace_id)
    }

    /// The gateway's own span in the trace.
    pub(crate) fn trace(&self) -> Trace {
        self.trace
    }

    /// Whether somebody will look for the trace itself. All others find the request by its name.
    pub(crate) fn is_traced(&self) -> bool {
        self.parent.is_some() || self.trace.sampled
    }

    /// The gateway's span is exported under an id of its own: that is what everybody after it must be told, or a
    /// collector would look for a parent that nobody sent it. Where nothing is exported, nothing changes.
    pub(crate) fn recorded_as(&mut self, span: &tracing::Span) {
        if let Some(parent) = &self.parent {
            runtime::span::follow(span, parent);
        }
        let Some(own) = runtime::span::recorded(span) else { return };
        if own.trace_id != self.trace.trace_id {
            // The trace began with this span. Whoever was to find the request by it still does.
            let trace_id = made(&own.trace_id);
            for name in [&mut self.request, &mut self.correlation] {
                if *name == self.trace_id {
                    *name = trace_id.clone();
                }
            }
            self.trace_id = trace_id;
        }
        self.trace = Trace { sampled: self.trace.sampled, ..own };
    }

    /// Echoes them.
    pub(crate) fn answer(&self, response: &mut HeaderMap) {
        let mut parent = String::with_capacity("00--0123456789abcdef-00".len() + self.trace_id.len());
        parent.push_str("00-");
        parent.push_str(self.trace_id());
        parent.push('-');
        push_hex(&mut parent, &self.trace.span_id);
        parent.push_str(if self.trace.sampled { "-01" } else { "-00" });
        response.insert(REQUEST_ID, self.request.clone());
        response.insert(CORRELATION_ID, self.correlation.clone());
        response.insert(TRACE_ID, self.trace_id.clone());
        if let Ok(parent) = HeaderValue::try_from(parent) {
            response.insert(TRACEPARENT, parent);
        }
    }
}

/// The span of the client, if it names one, or at least a trace.
fn followed(headers: &HeaderMap) -> Option<Trace> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let parent = text(TRACEPARENT).and_then(|text| text.parse().ok());
    // A trace id alone becomes a whole trace by borrowing the form of one.
    parent.or_else(|| format!("00-{}-0000000000000001-00", text(TRACE_ID)?).parse().ok())
}

fn made(bytes: &[u8]) -> HeaderValue {
    HeaderValue::try_from(hex(bytes)).unwrap_or(HeaderValue::from_static("unnamed"))
}

fn text(name: &HeaderValue) -> &str {
    name.to_str().unwrap_or_default()
}

fn name(headers: &HeaderMap, header: &HeaderName) -> Option<HeaderValue> {
    let value = headers.get(header)?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte);
    ((1..=NAME_CHARS_MAX).contains(&value.len()) && value.as_bytes().iter().all(plain)).then(|| value.clone())
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    push_hex(&mut out, bytes);
    out
}

fn push_hex(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pairs: &[(HeaderName, &'static str)]) -> Names {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(name.clone(), HeaderValue::from_static(value));
        }
        Names::of(&headers, &Entropy::seeded(1), 0)
    }

    #[test]
    fn good_names_are_kept_and_the_span_is_ours() {
        let names = names(&[
            (REQUEST_ID, "req-1"),
            (CORRELATION_ID, "story/7"),
            (TRACEPARENT, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ]);
        assert_eq!((names.request(), names.correlation()), ("req-1", "story/7"));
        assert_eq!(names.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_ne!(hex(&names.trace.span_id), "b7ad6b7169203331");
        assert!(names.trace.sampled && names.is_traced());
    }

    #[test]
    fn a_trace_id_alone_begins_that_trace() {
        let names = names(&[(TRACE_ID, "0af7651916cd43dd8448eb211c80319c")]);
        assert_eq!(names.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_ne!(names.request(), names.trace_id(), "many requests may follow one trace");
        assert!(names.is_traced());
    }

    #[test]
    fn bad_names_are_replaced() {
        let long: &'static str = "x".repeat(NAME_CHARS_MAX + 1).leak();
        for bad in ["", "two words", "quote\"", "semi;colon", long] {
            let names = names(&[(REQUEST_ID, bad), (CORRELATION_ID, bad), (TRACEPARENT, bad), (TRACE_ID, bad)]);
            assert_eq!(names.request().len(), 32, "{bad:?}");
            assert_eq!(names.correlation(), names.request(), "the story is this request");
            assert_eq!(names.trace_id(), names.request(), "and has one name");
            assert!(!names.is_traced());
        }
    }
}

//! Spans: what a trace shows of the inside of a group.
//!
//! A request is one span from its arrival to its answer, child of the span that called, so a trace runs unbroken from
//! the gateway to the last event. Inside it: the append, looks into the store, calls to the outside. Commands always have
//! one, because log lines take their ids from it; reads only when somebody decided to record the trace. Nothing leaves
//! the process unless an exporter is configured.

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::headers::Trace;
use crate::request::Request;

/// The span of a request.
pub(crate) fn of(request: &Request, is_command: bool) -> Span {
    let sampled = request.trace.is_some_and(|trace| trace.sampled);
    if !is_command && !sampled {
        return Span::none();
    }
    let span = tracing::info_span!(
        "request",
        otel.name = request.route.name,
        otel.kind = "server",
        rpc = request.route.name,
        correlation = request.correlation,
        request = request.request,
        trace_id = request.trace.map(|trace| trace.trace_id_hex()).unwrap_or_default(),
    );
    if let Some(trace) = request.trace.filter(|trace| trace.sampled) {
        follow(&span, &trace);
    }
    span
}

/// Makes a span the child of one that lives elsewhere. It must not have been entered yet.
pub fn follow(span: &Span, trace: &Trace) {
    let flags = if trace.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let (trace_id, span_id) = (TraceId::from_bytes(trace.trace_id), SpanId::from_bytes(trace.span_id));
    let context = SpanContext::new(trace_id, span_id, flags, true, TraceState::default());
    let parent = opentelemetry::Context::new().with_remote_span_context(context);
    // Without an exporter there is nobody to tell.
    let _ = span.set_parent(parent);
}

/// The trace as the next one in line should see it: the same, called from this span.
pub(crate) fn onward(span: &Span, trace: Option<Trace>) -> Option<Trace> {
    let trace = trace?;
    let own = recorded(span).filter(|own| own.trace_id == trace.trace_id);
    Some(own.map_or(trace, |own| Trace { span_id: own.span_id, ..trace }))
}

/// A span as the exporter knows it, and so as those whom it calls should name it. None where nothing is exported.
#[must_use]
pub fn recorded(span: &Span) -> Option<Trace> {
    let context = span.context();
    let own = context.span().span_context().clone();
    own.is_valid().then(|| Trace {
        trace_id: own.trace_id().to_bytes(),
        span_id: own.span_id().to_bytes(),
        sampled: own.is_sampled(),
    })
}

//! Logs and traces. Logs: one JSON object a line on standard error, with the ids that tie a story together. Traces: to an
//! OTLP collector, if one is configured; a tenth of those that begin here, and all that somebody else decided to record.

use anyhow::Context as _;
use opentelemetry::trace::{Link, SpanKind, TraceId, TracerProvider as _};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SamplingResult, SdkTracerProvider, ShouldSample};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::config::{Config, LogFormat};

/// Sends what is left when the process ends.
pub(crate) struct Telemetry(Option<SdkTracerProvider>);

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = self.0.take() {
            // A collector that is away is no reason to stay.
            let _ = provider.shutdown();
        }
    }
}

/// Starts logging, and tracing if it is configured, for the whole process.
pub(crate) fn start(config: &Config) -> anyhow::Result<Telemetry> {
    let filter = EnvFilter::try_new(&config.log.level).context("log.level cannot be read")?;
    let errors = std::io::stderr;
    let lines = match config.log.format {
        LogFormat::Json => {
            tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(errors).with_filter(filter).boxed()
        }
        LogFormat::Text => tracing_subscriber::fmt::layer().compact().with_writer(errors).with_filter(filter).boxed(),
    };
    let provider = if config.trace.otlp.is_empty() { None } else { Some(provider(config)?) };
    let spans = provider.as_ref().map(|provider| {
        let filter = EnvFilter::new("off,mercat=debug,runtime=debug,gateway=debug");
        tracing_opentelemetry::layer().with_tracer(provider.tracer("mercat")).with_filter(filter)
    });
    tracing_subscriber::registry().with(lines).with(spans).try_init()?;
    Ok(Telemetry(provider))
}

fn provider(config: &Config) -> anyhow::Result<SdkTracerProvider> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", config.trace.otlp.trim_end_matches('/')))
        .build()
        .context("trace.otlp cannot be used")?;
    let sampler = Decided(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share(config.trace.per_mille)))));
    let resource = Resource::builder().with_service_name("mercat").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_sampler(sampler).with_resource(resource).build())
}

/// What the caller decided holds, and what the gateway decided of a trace that begins with it; the share is for what
/// begins inside a group.
#[derive(Debug, Clone)]
struct Decided(Sampler);

impl ShouldSample for Decided {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let is_sampled = |said: &KeyValue| said.key.as_str() == "sampled" && said.value == Value::Bool(true);
        let sampler = if attributes.iter().any(is_sampled) { &Sampler::AlwaysOn } else { &self.0 };
        sampler.should_sample(parent, trace_id, name, kind, attributes, links)
    }
}

#[expect(clippy::float_arithmetic, reason = "the sampler wants a share between 0 and 1")]
fn share(per_mille: u32) -> f64 {
    f64::from(per_mille.min(1000)) / 1000.0
}

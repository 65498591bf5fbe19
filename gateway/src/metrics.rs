//! Metrics: what Prometheus reads, on a port of its own so that the API never shows it.
//!
//! Requests are labelled with the rpc's name from the contract, never with a path, so an attacker cannot make series:
//! what matches no route counts as `none`.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{App, HttpResponse, HttpServer, web};
use messages::route::Route;
use metrics::{Counter, Histogram, Unit};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the latency buckets in seconds: around 1 ms for reads, 5 s where callers stop waiting.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// How often histograms are folded, so that they do not grow while nobody asks.
const UPKEEP: Duration = Duration::from_secs(5);

/// Makes the registry of this process the one that [`serve`] shows. Called once, before the gateway starts.
///
/// # Errors
/// When the process has a registry already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()
}

/// Serves `GET /metrics` until `stop` ends. Every process of the shop does, also those without a gateway.
///
/// # Errors
/// When the address cannot be bound.
pub async fn serve(
    listen: SocketAddr,
    registry: PrometheusHandle,
    stop: impl Future<Output = ()> + 'static,
) -> std::io::Result<()> {
    let listener = TcpListener::bind(listen)?;
    let upkeep = registry.clone();
    let upkeep = actix_web::rt::spawn(async move {
        let mut often = tokio::time::interval(UPKEEP);
        loop {
            often.tick().await;
            upkeep.run_upkeep();
        }
    });
    let running = HttpServer::new(move || {
        let registry = registry.clone();
        App::new().route(
            "/metrics",
            web::get().to(move || {
                let text = registry.render();
                async move { HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text) }
            }),
        )
    })
    .workers(1)
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = running.handle();
    let stopping = actix_web::rt::spawn(async move {
        stop.await;
        handle.stop(true).await;
    });
    let ended = running.await;
    stopping.abort();
    upkeep.abort();
    ended
}

/// A worker's handles, looked up once and not with every request.
pub(crate) struct Meters {
    routes: Vec<Meter>,
    none: Meter,
}

struct Meter {
    /// By the first digit of the status.
    answers: [Counter; 5],
    seconds: Histogram,
    hits: Counter,
    misses: Counter,
}

impl Meters {
    pub(crate) fn new(routes: &[&'static Route]) -> Meters {
        metrics::describe_counter!("http_requests_total", "Answers by rpc and class of status.");
        metrics::describe_counter!("http_cache_total", "Reads that may be kept, by rpc and whether one was.");
        metrics::describe_gauge!("http_watches", "Clients that watch an entity.");
        metrics::describe_histogram!(
            "http_request_duration_seconds",
            Unit::Seconds,
            "Time from a request's head to its answer, by rpc."
        );
        Meters {
            routes: routes.iter().map(|route| Meter::new(route.name.to_owned())).collect(),
            none: Meter::new("none".to_owned()),
        }
    }

    /// Counts a read that may be kept of the route at this index of the table.
    pub(crate) fn looked_up(&self, index: usize, hit: bool) {
        let meter = self.routes.get(index).unwrap_or(&self.none);
        if hit { meter.hits.increment(1) } else { meter.misses.increment(1) }
    }

    /// Counts an answer of the route at this index of the table.
    pub(crate) fn answered(&self, index: Option<usize>, status: StatusCode, took: Duration) {
        let meter = index.and_then(|index| self.routes.get(index)).unwrap_or(&self.none);
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        meter.answers[class].increment(1);
        meter.seconds.record(took.as_secs_f64());
    }
}

impl Meter {
    fn new(rpc: String) -> Meter {
        let answers = ["1xx", "2xx", "3xx", "4xx", "5xx"]
            .map(|status| metrics::counter!("http_requests_total", "rpc" => rpc.clone(), "status" => status));
        let cache = |outcome| metrics::counter!("http_cache_total", "rpc" => rpc.clone(), "outcome" => outcome);
        Meter {
            answers,
            hits: cache("hit"),
            misses: cache("miss"),
            seconds: metrics::histogram!("http_request_duration_seconds", "rpc" => rpc),
        }
    }
}

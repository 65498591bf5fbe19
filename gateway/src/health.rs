//! Health: whether the process lives, and whether it can do its work.
//!
//! Live means that a worker answers at all. Ready means that a word to NATS comes back: asked anew each time, because a
//! connection that is remembered as open may have been dead for minutes. While the gateway drains it is not ready.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use runtime::bus::{Bus, Headers, RequestError};
use runtime::nats::inbox_of;

/// A server that takes longer is of no use to a customer either.
const ECHO_TIMEOUT: Duration = Duration::from_millis(500);

/// Whether the gateway has begun to stop.
#[derive(Debug, Default)]
pub(crate) struct Draining(AtomicBool);

impl Draining {
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// `GET /health/live`.
pub(crate) fn live() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(r#"{"status":"live"}"#)
}

/// `GET /health/ready`.
pub(crate) async fn ready(draining: &Draining, bus: &dyn Bus) -> HttpResponse {
    let (status, body) = if draining.has_begun() {
        (StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"draining"}"#)
    } else {
        // A corner of the gateway's own inbox, to which it may write: that nobody listens there is the server's own answer,
        // and proves the way to it.
        let nowhere = format!("{}.ready", inbox_of("gateway"));
        match bus.request(nowhere, Headers::new(), Bytes::new(), ECHO_TIMEOUT).await {
            Ok(_) | Err(RequestError::NoResponders(_)) => (StatusCode::OK, r#"{"status":"ready"}"#),
            Err(_) => (StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"nats_unreachable"}"#),
        }
    };
    HttpResponse::build(status).content_type("application/json").body(body)
}

//! Webhooks as lists show them, and who wants which event.

use prost::Message as _;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::paging::{Asked, Page};
use runtime::view::{Rows, View, Writer};

use crate::delivery::Delivery;
use crate::endpoint::Endpoint;
use crate::pattern;
use crate::queue::Queue;
use crate::wire::{self, Problem, v1};

/// How many endpoints are told of one event at most.
const ENDPOINTS_MAX: usize = 1_000;

/// Endpoints and deliveries.
///
/// Rows: `e<endpoint>` an endpoint as shown · `c<time><endpoint>` in order of time · `q<endpoint>` its queue's numbers ·
/// `d<endpoint>\0<number>` a delivery as shown.
pub struct Webhooks;

impl View for Webhooks {
    const NAME: &'static str = "webhooks";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        if let Some(endpoint) = event.state::<Endpoint>() {
            fold_endpoint(rows, event, endpoint);
        } else if let Some(queue) = event.state::<Queue>() {
            fold_queue(rows, event, queue);
        } else if let Some(delivery) = event.state::<Delivery>().and_then(wire::deliveries::shown) {
            rows.put(&delivery_key(&delivery.endpoint_id, delivery.number), delivery.encode_to_vec());
        }
    }
}

fn fold_endpoint(rows: &mut Writer, event: &Folded, endpoint: &Endpoint) {
    let id = &event.actor.id;
    let time = endpoint.created_at.map(|at| at.as_microsecond().to_be_bytes()).unwrap_or_default();
    let by_time = [b"c", &time[..], id.as_bytes()].concat();
    match wire::endpoints::shown(endpoint, &Queue::default(), event.version) {
        Some(shown) => {
            rows.put(&by_time, Vec::new());
            rows.put(&endpoint_key(id), shown.encode_to_vec());
        }
        None => {
            rows.remove(&by_time);
            rows.remove(&endpoint_key(id));
        }
    }
}

/// Of a queue only its numbers are shown, in the shape of the endpoint that they belong to.
fn fold_queue(rows: &mut Writer, event: &Folded, queue: &Queue) {
    let numbers = v1::WebhookEndpoint {
        noted: queue.noted,
        pending: queue.pending(),
        last_delivered_at: queue.last_delivered_at.map(runtime::clock::to_wire),
        ..v1::WebhookEndpoint::default()
    };
    rows.put(&[b"q", event.actor.id.as_bytes()].concat(), numbers.encode_to_vec());
}

fn endpoint_key(id: &str) -> Vec<u8> {
    [b"e", id.as_bytes()].concat()
}

fn delivery_key(endpoint_id: &str, number: u64) -> Vec<u8> {
    [b"d", endpoint_id.as_bytes(), b"\0", &number.to_be_bytes()].concat()
}

fn endpoint(rows: &Rows, id: &str) -> Option<v1::WebhookEndpoint> {
    let shown = v1::WebhookEndpoint::decode(rows.get(&endpoint_key(id))?.as_slice()).ok()?;
    let numbers = rows.get(&[b"q", id.as_bytes()].concat());
    let numbers = numbers.and_then(|row| v1::WebhookEndpoint::decode(row.as_slice()).ok()).unwrap_or_default();
    let v1::WebhookEndpoint { noted, pending, last_delivered_at, .. } = numbers;
    Some(v1::WebhookEndpoint { noted, pending, last_delivered_at, ..shown })
}

/// The endpoints for which an event of this type is noted.
#[must_use]
pub fn who_wants(views: &Views<'_>, event_type: &str) -> Vec<String> {
    let rows = views.of::<Webhooks>().scan(b"e", None, ENDPOINTS_MAX);
    let endpoints = rows.iter().filter_map(|(_, row)| v1::WebhookEndpoint::decode(row.as_slice()).ok());
    let wants = |endpoint: &v1::WebhookEndpoint| {
        endpoint.status() != v1::EndpointStatus::Disabled && pattern::any_wants(&endpoint.events, event_type)
    };
    endpoints.filter(wants).map(|endpoint| endpoint.endpoint_id).collect()
}

/// All endpoints.
///
/// # Errors
/// `bad_cursor`.
pub fn endpoints(
    views: &Views<'_>,
    request: &v1::ListWebhookEndpointsRequest,
) -> Result<v1::ListWebhookEndpointsResponse, Problem> {
    let rows = views.of::<Webhooks>();
    let v1::ListWebhookEndpointsRequest { limit, after, before, sort } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let entry = |key: &[u8], _: &[u8]| endpoint(&rows, &String::from_utf8_lossy(key.get(9..)?));
    let Page { data, has_more, next } = asked.page(&rows, "-created_at", |_| b"c".to_vec(), entry)?;
    Ok(v1::ListWebhookEndpointsResponse { data, has_more, next })
}

/// The deliveries of an endpoint, the newest first.
///
/// # Errors
/// `not_found`, `bad_cursor`.
pub fn deliveries(
    views: &Views<'_>,
    request: &v1::ListWebhookDeliveriesRequest,
) -> Result<v1::ListWebhookDeliveriesResponse, Problem> {
    let rows = views.of::<Webhooks>();
    let v1::ListWebhookDeliveriesRequest { endpoint_id, limit, after, before, status } = request;
    if rows.get(&endpoint_key(endpoint_id)).is_none() {
        return Err(crate::endpoint::Refusal::NotFound.into());
    }
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: None };
    let wanted = |delivery: &v1::WebhookDelivery| {
        let Some(v1::DeliveryStatusFilter { eq, r#in: any }) = status else { return true };
        let is = delivery.status;
        (*eq == 0 || *eq == is) && (any.is_empty() || any.contains(&is))
    };
    let prefix = [b"d", endpoint_id.as_bytes(), b"\0"].concat();
    let entry = |_: &[u8], row: &[u8]| v1::WebhookDelivery::decode(row).ok().filter(wanted);
    let Page { data, has_more, next } = asked.page(&rows, "-number", |_| prefix.clone(), entry)?;
    Ok(v1::ListWebhookDeliveriesResponse { data, has_more, next })
}

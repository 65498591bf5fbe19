//! Deliveries: an event is noted, takes its place in the queue of its endpoint, and is posted.
//!
//! Endpoint, queue and delivery live in one partition, so every step of the three is one commit.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};

use super::endpoints::now as endpoint_now;
use super::{Problem, stranger, unreadable, v1};
use crate::delivery::{self, Delivery, GONE, Noted, Refusal, Status, What};
use crate::endpoint::{self, Endpoint};
use crate::queue::{self, Next, Queue};

/// How many deliveries one command takes up at most: what a commit can hold with room to spare.
const TAKEN_MAX: usize = 64;
/// The type of the event that a test delivers, and the entity that it happens to.
const TEST: (&str, &str) = ("webhook.test", "test");

/// The id of a delivery, which receivers know it by.
fn delivery_id(endpoint_id: &str, number: u64) -> String {
    format!("{endpoint_id}-{number}")
}

pub(crate) fn note(desk: &mut Desk<'_>, request: &v1::NoteEventRequest) -> Result<v1::NoteEventResponse, Problem> {
    let v1::NoteEventRequest { endpoint_id, event_type, entity, body } = request;
    let endpoint = desk.see::<Endpoint>(endpoint_id);
    if !endpoint.exists() {
        return Err(endpoint::Refusal::NotFound.into());
    }
    if !endpoint.notes() {
        return Ok(v1::NoteEventResponse::default());
    }
    let delivery_id = noted(desk, endpoint_id, event_type, entity, body.clone())?;
    Ok(v1::NoteEventResponse { delivery_id })
}

pub(crate) fn test(
    desk: &mut Desk<'_>,
    request: &v1::TestWebhookEndpointRequest,
) -> Result<v1::TestWebhookEndpointResponse, Problem> {
    let id = &request.endpoint_id;
    let endpoint = desk.see::<Endpoint>(id);
    if !endpoint.exists() {
        return Err(endpoint::Refusal::NotFound.into());
    }
    if !endpoint.notes() {
        return Err(endpoint::Refusal::Disabled.into());
    }
    let (event_type, entity) = TEST;
    let at = desk.facts().now;
    let body = serde_json::json!({"type": event_type, "timestamp": at.to_string(), "data": {"endpoint_id": id}});
    let delivery_id = noted(desk, id, event_type, entity, body.to_string())?;
    Ok(v1::TestWebhookEndpointResponse { delivery: delivery_now(desk, &delivery_id) })
}

fn noted(
    desk: &mut Desk<'_>,
    endpoint_id: &str,
    event_type: &str,
    entity: &str,
    body: String,
) -> Result<String, Problem> {
    tell(desk, endpoint_id, queue::Command::Note)?;
    let number = desk.see::<Queue>(endpoint_id).noted;
    let id = delivery_id(endpoint_id, number);
    let (event_type, entity) = (event_type.to_owned(), entity.to_owned());
    let noted = Noted { endpoint_id: endpoint_id.to_owned(), number, event_type, entity, body };
    desk.tell::<Delivery>(&id, delivery::Command::Note(id.clone(), noted))?;
    take_up(desk, endpoint_id)?;
    Ok(id)
}

pub(crate) fn redeliver(
    desk: &mut Desk<'_>,
    request: &v1::RedeliverWebhookRequest,
) -> Result<v1::RedeliverWebhookResponse, Problem> {
    let (endpoint_id, id) = (&request.endpoint_id, &request.delivery_id);
    let delivery = desk.see::<Delivery>(id);
    if delivery.noted.endpoint_id != *endpoint_id || !desk.see::<Endpoint>(endpoint_id).exists() {
        return Err(Refusal::NotFound.into());
    }
    desk.tell::<Delivery>(id, delivery::Command::Requeue)?;
    tell(desk, endpoint_id, queue::Command::Requeue(delivery.noted.number, delivery.noted.entity.clone()))?;
    take_up(desk, endpoint_id)?;
    Ok(v1::RedeliverWebhookResponse { delivery: delivery_now(desk, id) })
}

pub(crate) fn rewind(
    desk: &mut Desk<'_>,
    request: &v1::RewindWebhookEndpointRequest,
) -> Result<v1::RewindWebhookEndpointResponse, Problem> {
    let id = &request.endpoint_id;
    if !desk.see::<Endpoint>(id).exists() {
        return Err(endpoint::Refusal::NotFound.into());
    }
    let since = from_wire(request.since.as_ref());
    // Numbers are given in order of time, so the first since then is found by halving.
    let (mut low, mut high) = (1, desk.see::<Queue>(id).noted + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let noted_at = desk.see::<Delivery>(&delivery_id(id, middle)).noted_at;
        if noted_at.is_some_and(|at| at < since) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    tell(desk, id, queue::Command::Rewind(low))?;
    take_up(desk, id)?;
    Ok(v1::RewindWebhookEndpointResponse { endpoint: endpoint_now(desk, id) })
}

/// Nothing more is posted. What is being posted right now is let finish.
pub(super) fn stop(desk: &mut Desk<'_>, endpoint_id: &str) -> Result<(), Problem> {
    tell(desk, endpoint_id, queue::Command::Stop)
}

/// Posting goes on with what waits.
pub(super) fn start(desk: &mut Desk<'_>, endpoint_id: &str) -> Result<(), Problem> {
    tell(desk, endpoint_id, queue::Command::Start)?;
    take_up(desk, endpoint_id)
}

fn tell(desk: &mut Desk<'_>, endpoint_id: &str, command: queue::Command) -> Result<(), Problem> {
    desk.tell::<Queue>(endpoint_id, (endpoint_id.to_owned(), command)).map(drop)
}

/// Fills the free lanes of a queue.
fn take_up(desk: &mut Desk<'_>, endpoint_id: &str) -> Result<(), Problem> {
    for _ in 0..TAKEN_MAX {
        let (number, entity) = match desk.see::<Queue>(endpoint_id).next() {
            None => return Ok(()),
            Some(Next::Behind(number, entity)) => (number, entity),
            Some(Next::Fresh(number)) => {
                (number, desk.see::<Delivery>(&delivery_id(endpoint_id, number)).noted.entity.clone())
            }
        };
        tell(desk, endpoint_id, queue::Command::Take(number, entity.clone()))?;
        if desk.see::<Queue>(endpoint_id).lanes.get(&entity).is_some_and(|lane| lane.number == number) {
            post(desk, endpoint_id, number)?;
        }
    }
    Ok(())
}

/// Begins a try, with the address and the secrets that the endpoint has now.
fn post(desk: &mut Desk<'_>, endpoint_id: &str, number: u64) -> Result<(), Problem> {
    let id = delivery_id(endpoint_id, number);
    let endpoint = desk.see::<Endpoint>(endpoint_id);
    let signature = endpoint.sign(&id, desk.facts().now, &desk.see::<Delivery>(&id).noted.body);
    desk.tell::<Delivery>(&id, delivery::Command::Post(endpoint.details.url.clone(), signature)).map(drop)
}

/// The timers of a queue: a delivery that waited is tried again.
pub(crate) fn tell_queue(
    desk: &mut Desk<'_>,
    endpoint_id: &str,
    (_, command): (String, queue::Command),
) -> Result<(), Problem> {
    let again = match &command {
        queue::Command::TryAgain(number, _) => Some(*number),
        _ => None,
    };
    let events = desk.tell::<Queue>(endpoint_id, (endpoint_id.to_owned(), command))?;
    match again {
        Some(number) if events > 0 => post(desk, endpoint_id, number),
        _ => Ok(()),
    }
}

/// The replies to a delivery: its lane is freed or waits, and the queue goes on.
pub(crate) fn tell_delivery(desk: &mut Desk<'_>, id: &str, command: delivery::Command) -> Result<(), Problem> {
    if desk.tell::<Delivery>(id, command)? == 0 {
        return Ok(());
    }
    let delivery = desk.see::<Delivery>(id);
    let Noted { endpoint_id, number, entity, .. } = delivery.noted.clone();
    match delivery.status {
        Status::Delivered(_) => tell(desk, &endpoint_id, queue::Command::Release(number, entity, true))?,
        Status::Postponed(until) => tell(desk, &endpoint_id, queue::Command::Postpone(number, entity, until))?,
        Status::Failed => {
            tell(desk, &endpoint_id, queue::Command::Release(number, entity, false))?;
            given_up(desk, &endpoint_id, &delivery)?;
        }
        Status::Unknown | Status::Waiting | Status::Sending(_) => {}
    }
    take_up(desk, &endpoint_id)
}

/// An endpoint that is gone is told nothing more; one that took nothing while a delivery was tried for three days is
/// paused. One that took others has a quarrel with this delivery alone.
fn given_up(desk: &mut Desk<'_>, endpoint_id: &str, delivery: &Delivery) -> Result<(), Problem> {
    if delivery.reason == GONE {
        desk.tell::<Endpoint>(endpoint_id, endpoint::Command::Disable(GONE))?;
        return stop(desk, endpoint_id);
    }
    let took_others = desk.see::<Queue>(endpoint_id).last_delivered_at >= delivery.round_began_at;
    if took_others || !desk.see::<Endpoint>(endpoint_id).notes() {
        return Ok(());
    }
    desk.tell::<Endpoint>(endpoint_id, endpoint::Command::Pause("failing"))?;
    stop(desk, endpoint_id)
}

pub(crate) fn get(
    window: &Window<'_>,
    request: &v1::GetWebhookDeliveryRequest,
) -> Result<v1::GetWebhookDeliveryResponse, Problem> {
    let delivery = window.see::<Delivery>(&request.delivery_id);
    let exists = window.see::<Endpoint>(&request.endpoint_id).exists();
    let shown = shown(&delivery).filter(|shown| exists && shown.endpoint_id == request.endpoint_id);
    let body = Some(delivery.noted.body.clone());
    let shown = shown.map(|shown| v1::WebhookDelivery { body, ..shown });
    Ok(v1::GetWebhookDeliveryResponse { delivery: Some(shown.ok_or(Refusal::NotFound)?) })
}

fn delivery_now(desk: &Desk<'_>, id: &str) -> Option<v1::WebhookDelivery> {
    shown(&desk.see::<Delivery>(id))
}

/// A delivery as the world sees it, without its body; `None` when there is none.
#[must_use]
pub fn shown(delivery: &Delivery) -> Option<v1::WebhookDelivery> {
    let (status, next_try_at, delivered_at) = match delivery.status {
        Status::Unknown => return None,
        Status::Waiting => (v1::DeliveryStatus::Pending, None, None),
        Status::Postponed(until) => (v1::DeliveryStatus::Pending, Some(until), None),
        Status::Sending(_) => (v1::DeliveryStatus::Sending, None, None),
        Status::Delivered(at) => (v1::DeliveryStatus::Delivered, None, Some(at)),
        Status::Failed => (v1::DeliveryStatus::Failed, None, None),
    };
    Some(v1::WebhookDelivery {
        delivery_id: delivery.id.clone(),
        endpoint_id: delivery.noted.endpoint_id.clone(),
        number: delivery.noted.number,
        event_type: delivery.noted.event_type.clone(),
        entity: delivery.noted.entity.clone(),
        status: status.into(),
        attempts: delivery.attempts,
        response_status: delivery.response_status.map(u32::from),
        reason: delivery.reason.clone(),
        next_try_at: next_try_at.map(to_wire),
        noted_at: delivery.noted_at.map(to_wire),
        delivered_at: delivered_at.map(to_wire),
        body: None,
    })
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let said = refusal.to_string();
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", said),
            Refusal::StillPending => Problem::conflict("still_pending", said),
        }
    }
}

fn http(status: u32) -> u16 {
    u16::try_from(status).unwrap_or_default()
}

impl Recorded for delivery::Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let delivery::Event { id: delivery_id, at, what } = self.clone();
        let at = Some(to_wire(at));
        match what {
            What::Noted(Noted { endpoint_id, number, event_type, entity, body }) => {
                let event = v1::WebhookDeliveryNoted { delivery_id, endpoint_id, number, event_type, entity, body, at };
                ("webhook_delivery.noted", event.encode_to_vec())
            }
            What::Attempted(attempt, url, signature) => {
                let event = v1::WebhookDeliveryAttempted { delivery_id, attempt, url, signature, at };
                ("webhook_delivery.attempted", event.encode_to_vec())
            }
            What::Delivered(attempt, status) => {
                let response_status = status.into();
                let event = v1::WebhookDeliveryDelivered { delivery_id, attempt, response_status, at };
                ("webhook_delivery.delivered", event.encode_to_vec())
            }
            What::Postponed(attempt, status, reason, next) => {
                let (response_status, next_try_at) = (status.map(u32::from), Some(to_wire(next)));
                let event =
                    v1::WebhookDeliveryPostponed { delivery_id, attempt, response_status, reason, next_try_at, at };
                ("webhook_delivery.postponed", event.encode_to_vec())
            }
            What::Failed(attempt, status, reason) => {
                let response_status = status.map(u32::from);
                let event = v1::WebhookDeliveryFailed { delivery_id, attempt, response_status, reason, at };
                ("webhook_delivery.failed", event.encode_to_vec())
            }
            What::Requeued => {
                ("webhook_delivery.requeued", v1::WebhookDeliveryRequeued { delivery_id, at }.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        /// Reads an event of the contract; what happened is for the block.
        macro_rules! read {
            ($Event:ident, |$event:ident| $what:expr) => {{
                let $event = v1::$Event::decode(data).map_err(unreadable(event_type))?;
                let (id, at) = ($event.delivery_id.clone(), from_wire($event.at.as_ref()));
                let what = $what;
                Ok(Self { id, at, what })
            }};
        }
        match event_type {
            "webhook_delivery.noted" => read!(WebhookDeliveryNoted, |event| {
                let v1::WebhookDeliveryNoted { endpoint_id, number, event_type, entity, body, .. } = event;
                What::Noted(Noted { endpoint_id, number, event_type, entity, body })
            }),
            "webhook_delivery.attempted" => {
                read!(WebhookDeliveryAttempted, |event| What::Attempted(event.attempt, event.url, event.signature))
            }
            "webhook_delivery.delivered" => {
                read!(WebhookDeliveryDelivered, |event| What::Delivered(event.attempt, http(event.response_status)))
            }
            "webhook_delivery.postponed" => read!(WebhookDeliveryPostponed, |event| {
                let next = from_wire(event.next_try_at.as_ref());
                What::Postponed(event.attempt, event.response_status.map(http), event.reason, next)
            }),
            "webhook_delivery.failed" => read!(WebhookDeliveryFailed, |event| {
                What::Failed(event.attempt, event.response_status.map(http), event.reason)
            }),
            "webhook_delivery.requeued" => read!(WebhookDeliveryRequeued, |event| What::Requeued),
            other => Err(stranger(other, "delivery")),
        }
    }
}

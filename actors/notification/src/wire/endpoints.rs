//! Endpoints: contract to domain and back.

use jiff::SignedDuration;
use messages::problem::Kind;
use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};
use runtime::entropy::Entropy;
use runtime::inquiry::Gathering;

use super::deliveries::{start, stop};
use super::{Problem, stranger, unreadable, v1};
use crate::endpoint::{self, Command, Details, Endpoint, Refusal, Status, What};
use crate::pattern;
use crate::providers::Doors;
use crate::queue::Queue;
use crate::signing::{SECRET_BYTES, Secret};

/// How an endpoint is created.
pub type Create =
    fn(&mut Desk<'_>, &v1::CreateWebhookEndpointRequest, &Secret) -> Result<v1::CreateWebhookEndpointResponse, Problem>;
/// How an endpoint is changed.
pub type Update =
    fn(&mut Desk<'_>, &v1::UpdateWebhookEndpointRequest) -> Result<v1::UpdateWebhookEndpointResponse, Problem>;

/// For how long the secret before a new one signs too, when nobody says otherwise: a day to bring the new one everywhere.
const OVERLAP_SECONDS: u32 = 86_400;

/// A secret nobody can guess. Chance is no entity's, so it is brought to the command.
pub(crate) fn fresh_secret<'a>() -> Gathering<'a, Secret> {
    Box::pin(async { Ok(Secret::of(&Entropy::system().bytes::<SECRET_BYTES>())) })
}

pub(crate) fn create<const PUBLIC: bool>(
    desk: &mut Desk<'_>,
    request: &v1::CreateWebhookEndpointRequest,
    secret: &Secret,
) -> Result<v1::CreateWebhookEndpointResponse, Problem> {
    let v1::CreateWebhookEndpointRequest { endpoint_id: id, url, events, description } = request;
    let details = details::<PUBLIC>(url, events, description)?;
    desk.tell::<Endpoint>(id, Command::Create(id.clone(), details, secret.clone()))?;
    let endpoint = now(desk, id).map(|endpoint| v1::WebhookEndpoint { secret: Some(secret.written()), ..endpoint });
    Ok(v1::CreateWebhookEndpointResponse { endpoint })
}

pub(crate) fn update<const PUBLIC: bool>(
    desk: &mut Desk<'_>,
    request: &v1::UpdateWebhookEndpointRequest,
) -> Result<v1::UpdateWebhookEndpointResponse, Problem> {
    let v1::UpdateWebhookEndpointRequest { endpoint_id, url, events, description } = request;
    desk.tell::<Endpoint>(endpoint_id, Command::Update(details::<PUBLIC>(url, events, description)?))?;
    Ok(v1::UpdateWebhookEndpointResponse { endpoint: now(desk, endpoint_id) })
}

pub(crate) fn rotate(
    desk: &mut Desk<'_>,
    request: &v1::RotateWebhookSecretRequest,
    secret: &Secret,
) -> Result<v1::RotateWebhookSecretResponse, Problem> {
    let id = &request.endpoint_id;
    let overlap = SignedDuration::from_secs(request.overlap_seconds.unwrap_or(OVERLAP_SECONDS).into());
    let until = desk.facts().now.saturating_add(overlap).unwrap_or(desk.facts().now);
    desk.tell::<Endpoint>(id, Command::Rotate(secret.clone(), until))?;
    let endpoint = now(desk, id).map(|endpoint| v1::WebhookEndpoint { secret: Some(secret.written()), ..endpoint });
    Ok(v1::RotateWebhookSecretResponse { endpoint })
}

pub(crate) fn delete(
    desk: &mut Desk<'_>,
    request: &v1::DeleteWebhookEndpointRequest,
) -> Result<v1::DeleteWebhookEndpointResponse, Problem> {
    let before = now(desk, &request.endpoint_id);
    desk.tell::<Endpoint>(&request.endpoint_id, Command::Delete)?;
    stop(desk, &request.endpoint_id)?;
    Ok(v1::DeleteWebhookEndpointResponse { endpoint: before })
}

pub(crate) fn pause(
    desk: &mut Desk<'_>,
    request: &v1::PauseWebhookEndpointRequest,
) -> Result<v1::PauseWebhookEndpointResponse, Problem> {
    desk.tell::<Endpoint>(&request.endpoint_id, Command::Pause("requested"))?;
    stop(desk, &request.endpoint_id)?;
    Ok(v1::PauseWebhookEndpointResponse { endpoint: now(desk, &request.endpoint_id) })
}

pub(crate) fn resume(
    desk: &mut Desk<'_>,
    request: &v1::ResumeWebhookEndpointRequest,
) -> Result<v1::ResumeWebhookEndpointResponse, Problem> {
    desk.tell::<Endpoint>(&request.endpoint_id, Command::Resume)?;
    start(desk, &request.endpoint_id)?;
    Ok(v1::ResumeWebhookEndpointResponse { endpoint: now(desk, &request.endpoint_id) })
}

pub(crate) fn get(
    window: &Window<'_>,
    request: &v1::GetWebhookEndpointRequest,
) -> Result<v1::GetWebhookEndpointResponse, Problem> {
    let id = &request.endpoint_id;
    let shown = shown(&window.see::<Endpoint>(id), &window.see::<Queue>(id), window.version::<Endpoint>(id));
    Ok(v1::GetWebhookEndpointResponse { endpoint: Some(shown.ok_or(Refusal::NotFound)?) })
}

pub(super) fn now(desk: &Desk<'_>, id: &str) -> Option<v1::WebhookEndpoint> {
    shown(&desk.see::<Endpoint>(id), &desk.see::<Queue>(id), desk.version::<Endpoint>(id))
}

/// What an endpoint may say about itself.
fn details<const PUBLIC: bool>(url: &str, events: &[String], description: &str) -> Result<Details, Problem> {
    let doors = if PUBLIC { Doors::Public } else { Doors::Any };
    if !doors.admit(url) {
        let detail = "the address is this machine or a private network, or not https; only what is reachable from outside \
                      may be told";
        return Err(Problem::new(Kind::Unprocessable, "url_not_allowed", detail));
    }
    known_patterns(events)?;
    Ok(Details { url: url.to_owned(), events: events.to_vec(), description: description.to_owned() })
}

/// Whether each of these is the type of an event, or a pattern that one fits.
pub(crate) fn known_patterns(patterns: &[String]) -> Result<(), Problem> {
    let heard = || super::contract().hears.iter().flat_map(|heard| heard.events.iter().copied());
    for wanted in patterns {
        if !heard().any(|event_type| pattern::any_wants(std::slice::from_ref(wanted), event_type)) {
            let detail = "that is neither the type of an event nor a pattern that any event fits";
            return Err(Problem::new(Kind::Unprocessable, "bad_pattern", detail).with("pattern", wanted.clone()));
        }
    }
    Ok(())
}

/// An endpoint as the world sees it, without its secret; `None` when there is none.
#[must_use]
pub fn shown(endpoint: &Endpoint, queue: &Queue, version: u64) -> Option<v1::WebhookEndpoint> {
    let (status, reason) = match &endpoint.status {
        Status::Unknown | Status::Deleted => return None,
        Status::Active => (v1::EndpointStatus::Active, String::new()),
        Status::Paused(_, why) => (v1::EndpointStatus::Paused, why.clone()),
        Status::Disabled(why) => (v1::EndpointStatus::Disabled, why.clone()),
    };
    Some(v1::WebhookEndpoint {
        endpoint_id: endpoint.id.clone(),
        version,
        url: endpoint.details.url.clone(),
        events: endpoint.details.events.clone(),
        description: endpoint.details.description.clone(),
        status: status.into(),
        reason,
        noted: queue.noted,
        pending: queue.pending(),
        last_delivered_at: queue.last_delivered_at.map(to_wire),
        secret: None,
        previous_secret_until: endpoint.previous.as_ref().map(|(_, until)| to_wire(*until)),
        created_at: endpoint.created_at.map(to_wire),
        updated_at: endpoint.updated_at.map(to_wire),
    })
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let said = refusal.to_string();
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", said),
            Refusal::AlreadyExists => Problem::conflict("already_exists", said),
            Refusal::Disabled => Problem::conflict("endpoint_disabled", said),
        }
    }
}

impl Recorded for endpoint::Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let endpoint::Event { id: endpoint_id, at, what } = self.clone();
        let at = Some(to_wire(at));
        match what {
            What::Created(Details { url, events, description }, secret) => {
                let secret = secret.written();
                let event = v1::WebhookEndpointCreated { endpoint_id, url, events, description, secret, at };
                ("webhook_endpoint.created", event.encode_to_vec())
            }
            What::Updated(Details { url, events, description }) => {
                let event = v1::WebhookEndpointUpdated { endpoint_id, url, events, description, at };
                ("webhook_endpoint.updated", event.encode_to_vec())
            }
            What::Rotated(secret, until) => {
                let (secret, previous_until) = (secret.written(), Some(to_wire(until)));
                let event = v1::WebhookEndpointSecretRotated { endpoint_id, secret, previous_until, at };
                ("webhook_endpoint.secret_rotated", event.encode_to_vec())
            }
            What::Paused(reason) => {
                ("webhook_endpoint.paused", v1::WebhookEndpointPaused { endpoint_id, reason, at }.encode_to_vec())
            }
            What::Resumed => {
                ("webhook_endpoint.resumed", v1::WebhookEndpointResumed { endpoint_id, at }.encode_to_vec())
            }
            What::Disabled(reason) => {
                ("webhook_endpoint.disabled", v1::WebhookEndpointDisabled { endpoint_id, reason, at }.encode_to_vec())
            }
            What::Deleted => {
                ("webhook_endpoint.deleted", v1::WebhookEndpointDeleted { endpoint_id, at }.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        let secret = |text: &str| Secret::read(text).ok_or_else(|| Undecodable::new(event_type, "that is no secret"));
        /// Reads an event of the contract; what happened is for the block.
        macro_rules! read {
            ($Event:ident, |$event:ident| $what:expr) => {{
                let $event = v1::$Event::decode(data).map_err(unreadable(event_type))?;
                let (id, at) = ($event.endpoint_id.clone(), from_wire($event.at.as_ref()));
                let what = $what;
                Ok(Self { id, at, what })
            }};
        }
        match event_type {
            "webhook_endpoint.created" => read!(WebhookEndpointCreated, |event| {
                let v1::WebhookEndpointCreated { url, events, description, .. } = event;
                What::Created(Details { url, events, description }, secret(&event.secret)?)
            }),
            "webhook_endpoint.updated" => read!(WebhookEndpointUpdated, |event| {
                let v1::WebhookEndpointUpdated { url, events, description, .. } = event;
                What::Updated(Details { url, events, description })
            }),
            "webhook_endpoint.secret_rotated" => read!(WebhookEndpointSecretRotated, |event| {
                What::Rotated(secret(&event.secret)?, from_wire(event.previous_until.as_ref()))
            }),
            "webhook_endpoint.paused" => read!(WebhookEndpointPaused, |event| What::Paused(event.reason)),
            "webhook_endpoint.resumed" => read!(WebhookEndpointResumed, |event| What::Resumed),
            "webhook_endpoint.disabled" => read!(WebhookEndpointDisabled, |event| What::Disabled(event.reason)),
            "webhook_endpoint.deleted" => read!(WebhookEndpointDeleted, |event| What::Deleted),
            other => Err(stranger(other, "endpoint")),
        }
    }
}

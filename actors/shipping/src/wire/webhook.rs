//! Webhooks of carriers: who sent them, what they say, and what that makes of parcels.

use std::collections::BTreeMap;

use jiff::Timestamp;
use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::Desk;
use runtime::entity::{Recorded, Undecodable};
use runtime::group::{News, Reaction};
use serde::Deserialize;

use super::shipment::{sign_in, sign_out};
use super::{Id, Kind, Problem, rpc, unreadable, v1};
use crate::inbox::{Command, Event, Inbox, Refusal, Word};
use crate::settings::Settings;
use crate::tracking::Sign;

/// The longest place and detail that the contract keeps.
const PLACE_MAX: usize = 200;
const DETAIL_MAX: usize = 500;

/// What a webhook says. A carrier may say more than the shop reads.
#[derive(Deserialize)]
struct Body {
    events: Vec<Said>,
}

/// What it says of one parcel.
#[derive(Deserialize)]
struct Said {
    id: String,
    order_id: String,
    shipment_id: String,
    status: String,
    occurred_at: Timestamp,
    #[serde(default)]
    place: String,
    #[serde(default)]
    detail: String,
}

pub(crate) fn receive(
    desk: &mut Desk<'_>,
    request: &v1::ReceiveWebhookRequest,
) -> Result<v1::ReceiveWebhookResponse, Problem> {
    let v1::ReceiveWebhookRequest { provider, body, headers } = request;
    let webhook_id = believed(provider, body, headers, desk.facts().now)?;
    let Body { events } = serde_json::from_slice(body)
        .map_err(|e| Problem::new(Kind::Invalid, "malformed_webhook", format!("the webhook cannot be read: {e}")))?;
    let said = events.len();
    let words: Vec<Word> = events.into_iter().filter_map(word).collect();
    let (accepted, ignored) = (count(words.len()), count(said - words.len()));
    desk.tell::<Inbox>(provider, Command::Take { provider: provider.clone(), webhook_id, words })?;
    Ok(v1::ReceiveWebhookResponse { accepted, ignored })
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The id of a webhook that is the carrier's.
fn believed(
    provider: &str,
    body: &[u8],
    headers: &BTreeMap<String, String>,
    now: Timestamp,
) -> Result<String, Problem> {
    let missing = || Problem::not_found("not_found", "no carrier of this name sends webhooks");
    let access = Settings::current().carriers.get(provider);
    let secret = access.and_then(|access| access.secret()).ok_or_else(missing)?;
    let header = |name: &str| headers.get(name).map(String::as_str);
    let id = secret.verify(header, body, now);
    id.map(str::to_owned).map_err(|e| Problem::new(Kind::Unauthenticated, "bad_signature", e.to_string()))
}

/// A word about a parcel; `None` when it cannot be about one of the shop's.
fn word(said: Said) -> Option<Word> {
    let Said { id, order_id, shipment_id, status, occurred_at, place, detail } = said;
    Id::parse_as("ord", &order_id).ok()?;
    Id::parse_as("shp", &shipment_id).ok()?;
    let is_name = (1..=100).contains(&id.chars().count()) && id == line(&id, 100);
    if !is_name {
        return None;
    }
    Some(Word {
        order_id,
        shipment_id,
        carrier_event_id: id,
        sign: sign(&status),
        occurred_at,
        place: line(&place, PLACE_MAX),
        detail: line(&detail, DETAIL_MAX),
    })
}

/// What a carrier calls it; a word that the shop does not know changes nothing.
fn sign(status: &str) -> Sign {
    let wanted = format!("TRACKING_STATUS_{}", status.to_uppercase());
    v1::TrackingStatus::from_str_name(&wanted).map_or(Sign::Notice, sign_in)
}

/// One line of a text, cut to a length.
fn line(text: &str, length_max: usize) -> String {
    let one: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(length_max).collect();
    one.trim().to_owned()
}

/// A carrier's word goes to its parcel.
///
/// # Errors
/// When the news cannot be read.
pub fn carried(news: &News) -> Result<Vec<Reaction>, Undecodable> {
    if news.event_type != "carrier.reported" {
        return Ok(Vec::new());
    }
    let v1::CarrierReported {
        provider,
        order_id,
        shipment_id,
        carrier_event_id,
        status,
        occurred_at,
        place,
        detail,
        ..
    } = news.read()?;
    let request = v1::RecordTrackingRequest {
        order_id,
        shipment_id,
        carrier_event_id,
        status,
        occurred_at,
        place,
        detail,
        carrier: provider,
    };
    Ok(vec![Reaction::command::<rpc::RecordTracking>(request.order_id.clone(), &request)])
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {}
    }
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let Event { provider, webhook_id, word, at } = self.clone();
        let event = v1::CarrierReported {
            provider,
            webhook_id,
            order_id: word.order_id,
            shipment_id: word.shipment_id,
            carrier_event_id: word.carrier_event_id,
            status: sign_out(word.sign).into(),
            occurred_at: Some(to_wire(word.occurred_at)),
            place: word.place,
            detail: word.detail,
            at: Some(to_wire(at)),
        };
        ("carrier.reported", event.encode_to_vec())
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        if event_type != "carrier.reported" {
            return Err(Undecodable::new(event_type, "an inbox has no such event"));
        }
        let event = v1::CarrierReported::decode(data).map_err(unreadable(event_type))?;
        let word = Word {
            sign: sign_in(event.status()),
            order_id: event.order_id,
            shipment_id: event.shipment_id,
            carrier_event_id: event.carrier_event_id,
            occurred_at: from_wire(event.occurred_at.as_ref()),
            place: event.place,
            detail: event.detail,
        };
        let (provider, webhook_id) = (event.provider, event.webhook_id);
        Ok(Event { provider, webhook_id, word, at: from_wire(event.at.as_ref()) })
    }
}

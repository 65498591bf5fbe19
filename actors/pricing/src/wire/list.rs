//! Price lists: contract to domain and back.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{ActorKey, Recorded, Undecodable};

use super::{Currency, Problem, bad_money, no_money, place, unreadable, v1};
use crate::list_price::ListPrice;
use crate::price_list::{Command, Details, Event, Header, PriceList, Refusal};

/// The message that says it, with the fields that every message about a list has.
macro_rules! details_in {
    ($message:expr) => {{
        let message = $message;
        Currency::parse(&message.currency).map(|currency| Details {
            title: message.title.clone(),
            currency,
            channel: message.channel.clone(),
            customer_group: message.customer_group.clone(),
            valid_from: message.valid_from.as_ref().map(|at| from_wire(Some(at))),
            valid_until: message.valid_until.as_ref().map(|at| from_wire(Some(at))),
            priority: message.priority,
            tax_included: message.tax_included,
        })
    }};
}

pub(crate) fn create_list(
    desk: &mut Desk<'_>,
    request: &v1::CreatePriceListRequest,
) -> Result<v1::CreatePriceListResponse, Problem> {
    let id = &request.price_list_id;
    let details = details_in!(request).map_err(|e| bad_money(&e))?;
    desk.tell::<PriceList>(id, Command::Create { id: id.clone(), details })?;
    Ok(v1::CreatePriceListResponse { price_list: now(desk, id) })
}

pub(crate) fn update_list(
    desk: &mut Desk<'_>,
    request: &v1::UpdatePriceListRequest,
) -> Result<v1::UpdatePriceListResponse, Problem> {
    let id = &request.price_list_id;
    desk.tell::<PriceList>(id, Command::Update(details_in!(request).map_err(|e| bad_money(&e))?))?;
    Ok(v1::UpdatePriceListResponse { price_list: now(desk, id) })
}

pub(crate) fn delete_list(
    desk: &mut Desk<'_>,
    request: &v1::DeletePriceListRequest,
) -> Result<v1::DeletePriceListResponse, Problem> {
    desk.tell::<PriceList>(&request.price_list_id, Command::Delete)?;
    Ok(v1::DeletePriceListResponse { price_list: now(desk, &request.price_list_id) })
}

pub(crate) fn get_list(
    window: &Window<'_>,
    request: &v1::GetPriceListRequest,
) -> Result<v1::GetPriceListResponse, Problem> {
    let list = window.see::<PriceList>(&request.price_list_id);
    let header = list.open().ok_or(Refusal::NotFound)?;
    let version = window.version::<PriceList>(&request.price_list_id);
    Ok(v1::GetPriceListResponse { price_list: Some(price_list(header, version)) })
}

pub(crate) fn whose_history(request: &v1::GetPriceListHistoryRequest) -> ActorKey {
    if request.sku.is_empty() {
        return ActorKey::of::<PriceList>(&request.price_list_id);
    }
    ActorKey::of::<ListPrice>(&place(&request.price_list_id, &request.sku).id())
}

fn now(desk: &Desk<'_>, id: &str) -> Option<v1::PriceList> {
    desk.see::<PriceList>(id).header().map(|header| price_list(header, desk.version::<PriceList>(id)))
}

/// A price list as the world sees it.
#[must_use]
pub fn price_list(header: &Header, version: u64) -> v1::PriceList {
    let Header { id, details, created_at, updated_at } = header.clone();
    let Details { title, currency, channel, customer_group, valid_from, valid_until, priority, tax_included } = details;
    v1::PriceList {
        price_list_id: id,
        version,
        title,
        currency: currency.to_string(),
        channel,
        customer_group,
        valid_from: valid_from.map(to_wire),
        valid_until: valid_until.map(to_wire),
        priority,
        tax_included,
        created_at: Some(to_wire(created_at)),
        updated_at: Some(to_wire(updated_at)),
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let said = refusal.to_string();
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", said),
            Refusal::AlreadyExists => Problem::conflict("already_exists", said),
            Refusal::Deleted => Problem::conflict("price_list_deleted", said),
            Refusal::EmptyWindow => Problem::new(messages::problem::Kind::Unprocessable, "empty_window", said),
            Refusal::CurrencyFixed(currency) => {
                Problem::conflict("currency_fixed", said).with("currency", currency.to_string())
            }
        }
    }
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        // An event says what a list says, but its version and its times.
        let said = |id: &str, details: &Details| {
            let header = Header {
                id: id.to_owned(),
                details: details.clone(),
                created_at: from_wire(None),
                updated_at: from_wire(None),
            };
            price_list(&header, 0)
        };
        match self {
            Event::Created { id, details, at } => {
                let v1::PriceList {
                    price_list_id,
                    title,
                    currency,
                    channel,
                    customer_group,
                    valid_from,
                    valid_until,
                    priority,
                    tax_included,
                    ..
                } = said(id, details);
                let event = v1::PriceListCreated {
                    price_list_id,
                    title,
                    currency,
                    channel,
                    customer_group,
                    valid_from,
                    valid_until,
                    priority,
                    tax_included,
                    at: Some(to_wire(*at)),
                };
                ("price_list.created", event.encode_to_vec())
            }
            Event::Updated { id, details, at } => {
                let v1::PriceList {
                    price_list_id,
                    title,
                    currency,
                    channel,
                    customer_group,
                    valid_from,
                    valid_until,
                    priority,
                    tax_included,
                    ..
                } = said(id, details);
                let event = v1::PriceListUpdated {
                    price_list_id,
                    title,
                    currency,
                    channel,
                    customer_group,
                    valid_from,
                    valid_until,
                    priority,
                    tax_included,
                    at: Some(to_wire(*at)),
                };
                ("price_list.updated", event.encode_to_vec())
            }
            Event::Deleted { id, at } => {
                let event = v1::PriceListDeleted { price_list_id: id.clone(), at: Some(to_wire(*at)) };
                ("price_list.deleted", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        match event_type {
            "price_list.created" => {
                let event = v1::PriceListCreated::decode(data).map_err(unreadable(event_type))?;
                let details = details_in!(&event).map_err(no_money(event_type))?;
                Ok(Self::Created { id: event.price_list_id, details, at: from_wire(event.at.as_ref()) })
            }
            "price_list.updated" => {
                let event = v1::PriceListUpdated::decode(data).map_err(unreadable(event_type))?;
                let details = details_in!(&event).map_err(no_money(event_type))?;
                Ok(Self::Updated { id: event.price_list_id, details, at: from_wire(event.at.as_ref()) })
            }
            "price_list.deleted" => {
                let event = v1::PriceListDeleted::decode(data).map_err(unreadable(event_type))?;
                Ok(Self::Deleted { id: event.price_list_id, at: from_wire(event.at.as_ref()) })
            }
            other => Err(Undecodable::new(other, "a price list has no such event")),
        }
    }
}

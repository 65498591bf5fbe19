//! Zones and offers: contract to domain and back.

use messages::common::v1::fact::Value;
use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};
use runtime::inquiry::{Gathering, Inquiry};

use super::{Currency, Kind, Money, Problem, unreadable, v1};
use crate::carriers::live::{self, Parcel, Quoted};
use crate::rates::{self, Basket, Candidate};
use crate::settings::Settings;
use crate::zone::{self, Area, Basis, Command, Event, Rate, Refusal, Step, Terms, Way, What, Zone};

pub(crate) fn create_zone(
    desk: &mut Desk<'_>,
    request: &v1::CreateZoneRequest,
) -> Result<v1::CreateZoneResponse, Problem> {
    let v1::CreateZoneRequest { zone_id, name, areas, options } = request.clone();
    let terms = terms_in(name, areas, options)?;
    desk.tell::<Zone>(&zone_id, Command::Create { id: zone_id.clone(), terms })?;
    Ok(v1::CreateZoneResponse { zone: zone_now(desk, &zone_id) })
}

pub(crate) fn update_zone(
    desk: &mut Desk<'_>,
    request: &v1::UpdateZoneRequest,
) -> Result<v1::UpdateZoneResponse, Problem> {
    let v1::UpdateZoneRequest { zone_id, name, areas, options } = request.clone();
    let terms = terms_in(name, areas, options)?;
    desk.tell::<Zone>(&zone_id, Command::Update(terms))?;
    Ok(v1::UpdateZoneResponse { zone: zone_now(desk, &zone_id) })
}

pub(crate) fn delete_zone(
    desk: &mut Desk<'_>,
    request: &v1::DeleteZoneRequest,
) -> Result<v1::DeleteZoneResponse, Problem> {
    desk.tell::<Zone>(&request.zone_id, Command::Delete)?;
    Ok(v1::DeleteZoneResponse { zone_id: request.zone_id.clone() })
}

pub(crate) fn get_zone(window: &Window<'_>, request: &v1::GetZoneRequest) -> Result<v1::GetZoneResponse, Problem> {
    let id = &request.zone_id;
    let shown = zone(&window.see::<Zone>(id), window.version::<Zone>(id));
    Ok(v1::GetZoneResponse { zone: Some(shown.ok_or(Refusal::NotFound)?) })
}

fn zone_now(desk: &Desk<'_>, id: &str) -> Option<v1::Zone> {
    zone(&desk.see::<Zone>(id), desk.version::<Zone>(id))
}

/// A zone as the world sees it; `None` when there is none.
#[must_use]
pub fn zone(zone: &Zone, version: u64) -> Option<v1::Zone> {
    let Zone::Drawn { id, terms, created_at, updated_at } = zone else { return None };
    let (name, areas, options) = terms_out(terms);
    let (created_at, updated_at) = (Some(to_wire(*created_at)), Some(to_wire(*updated_at)));
    Some(v1::Zone { zone_id: id.clone(), version, name, areas, options, created_at, updated_at })
}

/// A zone to choose from.
#[must_use]
pub fn candidate(zone: v1::Zone) -> Option<Candidate> {
    let v1::Zone { zone_id: id, name, areas, options, created_at, .. } = zone;
    Some(Candidate { id, created_at: from_wire(created_at.as_ref()), terms: terms(name, areas, options).ok()? })
}

/// The terms that a request names, with carriers that the shop has.
fn terms_in(name: String, areas: Vec<v1::Area>, options: Vec<v1::ShippingOption>) -> Result<Terms, Problem> {
    let known = Settings::current().names();
    if let Some(option) = options.iter().find(|option| !known.contains(&option.carrier.as_str())) {
        return Err(unknown_carrier(&option.carrier));
    }
    terms(name, areas, options)
}

pub(crate) fn unknown_carrier(name: &str) -> Problem {
    let known = Settings::current().names().join(", ");
    Problem::new(Kind::Unprocessable, "unknown_carrier", format!("the shop has no carrier {name}; it has {known}"))
        .with("carriers", Value::Text(known))
}

/// What a zone says about itself.
///
/// # Errors
/// `bad_zone` when a currency is none, which the contract rules out.
pub fn terms(name: String, areas: Vec<v1::Area>, options: Vec<v1::ShippingOption>) -> Result<Terms, Problem> {
    let area = |v1::Area { country, regions, postal_prefixes }| Area { country, regions, postal_prefixes };
    let areas = areas.into_iter().map(area).collect();
    Ok(Terms { name, areas, options: options.into_iter().map(way_in).collect::<Result<_, _>>()? })
}

fn way_in(option: v1::ShippingOption) -> Result<Way, Problem> {
    let v1::ShippingOption { option, title, carrier, min_days, max_days, rates, max_weight_grams } = option;
    let rates = rates.into_iter().map(rate_in).collect::<Result<_, _>>()?;
    let (min_days, max_days) = (min_days.unwrap_or_default(), max_days.unwrap_or_default());
    Ok(Way { option, title, carrier, min_days, max_days, rates, max_weight_grams })
}

fn rate_in(rate: v1::Rate) -> Result<Rate, Problem> {
    let basis = match rate.basis() {
        v1::RateBasis::Weight => Basis::Weight,
        v1::RateBasis::Subtotal => Basis::Subtotal,
        v1::RateBasis::Flat | v1::RateBasis::Unspecified => Basis::Flat,
    };
    let step = |step: &v1::RateStep| Step { up_to: step.up_to, amount: step.amount.unwrap_or_default() };
    let currency = Currency::parse(&rate.currency).map_err(|e| bad_zone(e.to_string()))?;
    Ok(Rate { currency, basis, steps: rate.steps.iter().map(step).collect(), free_from: rate.free_from })
}

fn terms_out(terms: &Terms) -> (String, Vec<v1::Area>, Vec<v1::ShippingOption>) {
    let area = |area: &Area| {
        let Area { country, regions, postal_prefixes } = area.clone();
        v1::Area { country, regions, postal_prefixes }
    };
    (terms.name.clone(), terms.areas.iter().map(area).collect(), terms.options.iter().map(way_out).collect())
}

fn way_out(way: &Way) -> v1::ShippingOption {
    let Way { option, title, carrier, min_days, max_days, rates, max_weight_grams } = way.clone();
    let rates = rates.iter().map(rate_out).collect();
    let (min_days, max_days) = (Some(min_days), Some(max_days));
    v1::ShippingOption { option, title, carrier, min_days, max_days, rates, max_weight_grams }
}

fn rate_out(rate: &Rate) -> v1::Rate {
    let basis = match rate.basis {
        Basis::Flat => v1::RateBasis::Flat,
        Basis::Weight => v1::RateBasis::Weight,
        Basis::Subtotal => v1::RateBasis::Subtotal,
    };
    let step = |step: &Step| v1::RateStep { up_to: step.up_to, amount: Some(step.amount) };
    let steps = rate.steps.iter().map(step).collect();
    v1::Rate { currency: rate.currency.to_string(), basis: basis.into(), steps, free_from: rate.free_from }
}

/// The basket that a request describes.
///
/// # Errors
/// `currency_mismatch`.
pub(crate) fn basket(request: &v1::ListOptionsRequest) -> Result<Basket, Problem> {
    let subtotal = request.subtotal.clone().unwrap_or_default();
    let subtotal = Money::try_from(subtotal).map_err(|e| bad_zone(e.to_string()))?;
    if !request.currency.is_empty() && request.currency != subtotal.currency().to_string() {
        let said = format!("the subtotal is in {}, the prices are to be in {}", subtotal.currency(), request.currency);
        return Err(Problem::new(Kind::Unprocessable, "currency_mismatch", said));
    }
    let weight = |line: &v1::WeighedLine| line.weight_grams.saturating_mul(line.quantity.unwrap_or_default());
    let lines = request.lines.iter().map(weight).fold(0, i64::saturating_add);
    Ok(Basket {
        country: request.country.clone(),
        region: request.region.clone(),
        postal_code: request.postal_code.clone(),
        weight_grams: lines.saturating_add(request.weight_grams.unwrap_or_default()),
        subtotal,
    })
}

/// What the carriers ask for a parcel right now. A request that is refused later costs them nothing.
pub(crate) fn gather_rates<'a>(inquiry: &'a Inquiry, request: &'a v1::ListOptionsRequest) -> Gathering<'a, Quoted> {
    Box::pin(async move {
        let Basket { country, region, postal_code, weight_grams, subtotal } = basket(request)?;
        let (currency, subtotal) = (subtotal.currency().to_string(), subtotal.amount());
        let parcel = Parcel { country, region, postal_code, weight_grams, subtotal, currency };
        Ok(live::quoted(&parcel, inquiry.now()).await)
    })
}

/// Offers as the world sees them.
#[must_use]
pub fn offers(offers: Vec<rates::Offer>) -> Vec<v1::Offer> {
    let offer = |offer: rates::Offer| v1::Offer {
        option_id: offer.option_id,
        title: offer.title,
        amount: Some(offer.amount.into()),
        carrier: offer.carrier,
        min_days: Some(offer.min_days),
        max_days: Some(offer.max_days),
        delivers_from: offer.from.to_string(),
        delivers_until: offer.until.to_string(),
    };
    offers.into_iter().map(offer).collect()
}

fn bad_zone(why: String) -> Problem {
    Problem::new(Kind::Unprocessable, "bad_zone", why)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let said = refusal.to_string();
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", said),
            Refusal::AlreadyExists => Problem::conflict("already_exists", said),
            Refusal::Bad { .. } => bad_zone(said),
        }
    }
}

impl Recorded for zone::Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let Event { id: zone_id, at, what } = self.clone();
        let at = Some(to_wire(at));
        match what {
            What::Created(terms) => {
                let (name, areas, options) = terms_out(&terms);
                ("zone.created", v1::ZoneCreated { zone_id, name, areas, options, at }.encode_to_vec())
            }
            What::Updated(terms) => {
                let (name, areas, options) = terms_out(&terms);
                ("zone.updated", v1::ZoneUpdated { zone_id, name, areas, options, at }.encode_to_vec())
            }
            What::Deleted => ("zone.deleted", v1::ZoneDeleted { zone_id, at }.encode_to_vec()),
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        let broken = |problem: Problem| Undecodable::new(event_type, problem.detail);
        let (id, at, what) = match event_type {
            "zone.created" => {
                let event = v1::ZoneCreated::decode(data).map_err(unreadable(event_type))?;
                let v1::ZoneCreated { zone_id, name, areas, options, at } = event;
                (zone_id, at, What::Created(terms(name, areas, options).map_err(broken)?))
            }
            "zone.updated" => {
                let event = v1::ZoneUpdated::decode(data).map_err(unreadable(event_type))?;
                let v1::ZoneUpdated { zone_id, name, areas, options, at } = event;
                (zone_id, at, What::Updated(terms(name, areas, options).map_err(broken)?))
            }
            "zone.deleted" => {
                let v1::ZoneDeleted { zone_id, at } = v1::ZoneDeleted::decode(data).map_err(unreadable(event_type))?;
                (zone_id, at, What::Deleted)
            }
            other => return Err(Undecodable::new(other, "a zone has no such event")),
        };
        Ok(Event { id, at: from_wire(at.as_ref()), what })
    }
}

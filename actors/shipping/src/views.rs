//! Zones and shipments as lists show them, the options of a basket, and the parcel behind a tracking number.

use prost::Message as _;
use runtime::clock::from_wire;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::paging::{Asked, Page};
use runtime::view::{Rows, View, Writer};

use crate::carriers::live::Quoted;
use crate::rates;
use crate::shipment::Shipment;
use crate::wire::{self, Problem, StringFilter, v1};
use crate::zone::{Way, Zone};

/// How many zones of a country, or zones without one, are looked at: far beyond any real shop.
const LOOK_MAX: usize = 10_000;

/// Zones, by where they are and by name, and every option there ever was.
///
/// Rows: `z<zone>` a zone · `c<country>\0<zone>` the zones of a country · `c\0<zone>` those of everywhere ·
/// `n<order>\0<value>\0<zone>` sorts zones · `o<option id>` the last terms of an option, also of a zone that is gone:
/// orders that were placed keep them.
pub struct Zones;

impl View for Zones {
    const NAME: &'static str = "zones";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        let Some(zone) = event.state::<Zone>() else { return };
        let key = [b"z", event.actor.id.as_bytes()].concat();
        if let Some(before) = rows.get(&key).and_then(|row| v1::Zone::decode(row.as_slice()).ok()) {
            zone_keys(&before).iter().for_each(|key| rows.remove(key));
        }
        let Some(shown) = wire::zone(zone, event.version) else { return rows.remove(&key) };
        zone_keys(&shown).iter().for_each(|key| rows.put(key, Vec::new()));
        for option in &shown.options {
            let option_id = rates::option_id(&shown.zone_id, &option.option);
            rows.put(&[b"o", option_id.as_bytes()].concat(), option.encode_to_vec());
        }
        rows.put(&key, shown.encode_to_vec());
    }
}

/// Shipments, by time and by tracking number.
///
/// Rows: `h<shipment>` a shipment · `s<order>\0<time>\0<shipment>` sorts them · `t<tracking number>` the shipment's id.
pub struct Shipments;

impl View for Shipments {
    const NAME: &'static str = "shipments";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        let Some(shipment) = event.state::<Shipment>() else { return };
        let Some(shown) = wire::shipment(shipment, event.version) else { return };
        let key = [b"h", event.actor.id.as_bytes()].concat();
        if let Some(before) = rows.get(&key).and_then(|row| v1::Shipment::decode(row.as_slice()).ok()) {
            shipment_keys(&before).iter().for_each(|key| rows.remove(key));
        }
        shipment_keys(&shown).iter().for_each(|key| rows.put(key, Vec::new()));
        rows.put(&[b"t", shown.tracking_number.as_bytes()].concat(), shown.shipment_id.clone().into_bytes());
        rows.put(&key, shown.encode_to_vec());
    }
}

fn zone_keys(zone: &v1::Zone) -> Vec<Vec<u8>> {
    let id = zone.zone_id.as_bytes();
    let time = from_wire(zone.created_at.as_ref()).as_microsecond();
    let mut keys = vec![
        [b"nname\0", zone.name.to_lowercase().as_bytes(), b"\0", id].concat(),
        [b"ncreated_at\0", &time.to_be_bytes()[..], b"\0", id].concat(),
    ];
    if zone.areas.is_empty() {
        keys.push(country_key("", id));
    }
    keys.extend(zone.areas.iter().map(|area| country_key(&area.country, id)));
    keys
}

fn country_key(country: &str, zone_id: &[u8]) -> Vec<u8> {
    [b"c", country.as_bytes(), b"\0", zone_id].concat()
}

fn shipment_keys(shipment: &v1::Shipment) -> [Vec<u8>; 2] {
    let id = shipment.shipment_id.as_bytes();
    let time = |at| from_wire(at).as_microsecond().to_be_bytes();
    [
        [b"screated_at\0", &time(shipment.created_at.as_ref())[..], b"\0", id].concat(),
        [b"supdated_at\0", &time(shipment.updated_at.as_ref())[..], b"\0", id].concat(),
    ]
}

/// What is after the last zero byte of a key.
fn last(key: &[u8]) -> Option<&[u8]> {
    key.rsplit(|byte| *byte == 0).next()
}

fn zone_row(rows: &Rows, id: &[u8]) -> Option<v1::Zone> {
    v1::Zone::decode(rows.get(&[b"z", id].concat())?.as_slice()).ok()
}

fn shipment_row(rows: &Rows, id: &[u8]) -> Option<v1::Shipment> {
    v1::Shipment::decode(rows.get(&[b"h", id].concat())?.as_slice()).ok()
}

/// The last terms of an option, as far as this replica has heard.
#[must_use]
pub fn way(rows: &Rows, option_id: &str) -> Option<Way> {
    let row = rows.get(&[b"o", option_id.as_bytes()].concat())?;
    let option = v1::ShippingOption::decode(row.as_slice()).ok()?;
    wire::terms(String::new(), Vec::new(), vec![option]).ok()?.options.pop()
}

/// How a basket can be sent to a place.
///
/// # Errors
/// `currency_mismatch`.
pub fn options(
    views: &Views<'_>,
    request: &v1::ListOptionsRequest,
    quoted: &Quoted,
) -> Result<v1::ListOptionsResponse, Problem> {
    let rows = views.of::<Zones>();
    let basket = wire::zone::basket(request)?;
    let mut zones = Vec::new();
    for country in [basket.country.as_str(), ""] {
        for (key, _) in rows.scan(&country_key(country, b""), None, LOOK_MAX) {
            zones.extend(last(&key).and_then(|id| zone_row(&rows, id)).and_then(wire::candidate));
        }
    }
    let options = wire::offers(rates::offers(&zones, &basket, quoted, views.now));
    Ok(v1::ListOptionsResponse { options, unanswered: rates::unanswered(&zones, quoted) })
}

/// Zones, a page at a time.
///
/// # Errors
/// `bad_cursor`.
pub fn zones(views: &Views<'_>, request: &v1::ListZonesRequest) -> Result<v1::ListZonesResponse, Problem> {
    let rows = views.of::<Zones>();
    let v1::ListZonesRequest { limit, after, before, sort, country } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let wanted =
        |zone: &v1::Zone| country.is_none() || zone.areas.iter().any(|area| passes(country.as_ref(), &area.country));
    let Page { data, has_more, next } = asked.page(
        &rows,
        "name",
        |field| [b"n", field.as_bytes(), b"\0"].concat(),
        |key, _| last(key).and_then(|id| zone_row(&rows, id)).filter(wanted),
    )?;
    Ok(v1::ListZonesResponse { data, has_more, next })
}

/// Shipments, a page at a time.
///
/// # Errors
/// `bad_cursor`.
pub fn shipments(views: &Views<'_>, request: &v1::ListShipmentsRequest) -> Result<v1::ListShipmentsResponse, Problem> {
    let rows = views.of::<Shipments>();
    let v1::ListShipmentsRequest { limit, after, before, sort, status, carrier, warehouse_id, user_id } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let wanted = |shipment: &v1::Shipment| {
        passes(status.as_ref(), &wire::status_word(shipment))
            && passes(carrier.as_ref(), &shipment.carrier)
            && passes(warehouse_id.as_ref(), &shipment.warehouse_id)
            && passes(user_id.as_ref(), &shipment.user_id)
    };
    let Page { data, has_more, next } = asked.page(
        &rows,
        "-created_at",
        |field| [b"s", field.as_bytes(), b"\0"].concat(),
        |key, _| last(key).and_then(|id| shipment_row(&rows, id)).filter(wanted),
    )?;
    Ok(v1::ListShipmentsResponse { data, has_more, next })
}

/// The parcel behind a tracking number.
///
/// # Errors
/// `not_found`.
pub fn tracking(views: &Views<'_>, request: &v1::GetTrackingRequest) -> Result<v1::GetTrackingResponse, Problem> {
    let rows = views.of::<Shipments>();
    let number = request.tracking_number.to_uppercase();
    let found = rows.get(&[b"t", number.as_bytes()].concat()).and_then(|id| shipment_row(&rows, &id));
    let missing = || Problem::not_found("not_found", "there is no such parcel");
    Ok(v1::GetTrackingResponse { tracking: Some(wire::tracking(found.ok_or_else(missing)?)) })
}

fn passes(filter: Option<&StringFilter>, value: &str) -> bool {
    let Some(filter) = filter else { return true };
    filter.eq.as_deref().is_none_or(|eq| eq == value)
        && (filter.r#in.is_empty() || filter.r#in.iter().any(|one| one == value))
}

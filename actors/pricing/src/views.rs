//! What is known of prices, SKU by SKU: read on every replica to price a line, and listed for people.

use std::collections::BTreeMap;

use jiff::Timestamp;
use prost::Message as _;
use runtime::fold::Folded;
use runtime::view::{Rows, View, Writer};

use crate::base::{self, Base};
use crate::choose::{Known, Listed, Priced, Terms, Unpriced};
use crate::list_price::{ListPrice, Place};
use crate::price::Tiers;
use crate::price_list::{Header, PriceList};
use crate::quote::Asked;
use crate::taxes::{Rules, Taxes};
use crate::wire::{self, v1};

/// How many lists may name one SKU, and how many rows of a list or country are looked at: far beyond any real one.
const LOOK_MAX: usize = 100_000;

/// Base prices, price lists, their prices, and taxes.
///
/// Rows: `b<sku>` a base price · `d<list>` a list as prices are chosen from it · `l<sku>\0<list>` what it says of a SKU ·
/// `h<list>` a list as shown · `n<order>\0<value>\0<list>` sorts lists · `p<list>\0<sku>` a price of a list as shown ·
/// `t<country>` how a country taxes · `x<country>\0<region>\0<category>` a rate as shown.
pub struct Prices;

impl View for Prices {
    const NAME: &'static str = "prices";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        if let Some(base) = event.state::<Base>() {
            if let Base::Known(known) = base {
                rows.write(&[b"b", known.sku.as_bytes()].concat(), known);
            }
        } else if let Some(list) = event.state::<PriceList>() {
            fold_list(rows, event, list);
        } else if let Some(price) = event.state::<ListPrice>() {
            fold_price(rows, event, price);
        } else if let Some(taxes) = event.state::<Taxes>() {
            fold_taxes(rows, event, taxes);
        }
    }
}

pub(crate) fn pair(table: u8, first: &str, second: &str) -> Vec<u8> {
    [&[table], first.as_bytes(), b"\0", second.as_bytes()].concat()
}

/// What is after the last zero byte of a key.
pub(crate) fn last_part(key: &[u8]) -> String {
    let part = key.rsplit(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(part).into_owned()
}

fn fold_list(rows: &mut Writer, event: &Folded, list: &PriceList) {
    let id = &*event.actor.id;
    let shown = [b"h", id.as_bytes()].concat();
    if let Some(before) = shown_list(rows, id) {
        list_keys(&before).iter().for_each(|key| rows.remove(key));
    }
    if let Some(header) = list.open() {
        let now = wire::price_list(header, event.version);
        list_keys(&now).iter().for_each(|key| rows.put(key, Vec::new()));
        rows.put(&shown, now.encode_to_vec());
        rows.write(&[b"d", id.as_bytes()].concat(), header);
        return;
    }
    // It is closed for good, and its prices with it.
    rows.remove(&shown);
    rows.remove(&[b"d", id.as_bytes()].concat());
    for (key, _) in rows.scan(&pair(b'p', id, ""), None, LOOK_MAX) {
        rows.remove(&pair(b'l', &last_part(&key), id));
        rows.remove(&key);
    }
}

/// The list as it is shown, if it is open.
pub(crate) fn shown_list(rows: &Rows, id: &str) -> Option<v1::PriceList> {
    v1::PriceList::decode(rows.get(&[b"h", id.as_bytes()].concat())?.as_slice()).ok()
}

/// Every key under which a list is found.
fn list_keys(list: &v1::PriceList) -> [Vec<u8>; 3] {
    let id = list.price_list_id.as_bytes();
    let created = runtime::clock::from_wire(list.created_at.as_ref()).as_microsecond();
    // With its sign turned round, a number sorts as its bytes do.
    let priority = list.priority.wrapping_sub(i32::MIN).cast_unsigned();
    [
        [b"ntitle\0", list.title.to_lowercase().as_bytes(), b"\0", id].concat(),
        [b"ncreated_at\0", &created.to_be_bytes()[..], b"\0", id].concat(),
        [b"npriority\0", &priority.to_be_bytes()[..], b"\0", id].concat(),
    ]
}

fn fold_price(rows: &mut Writer, event: &Folded, price: &ListPrice) {
    let (Some((list, sku)), Some(at)) = (event.actor.id.split_once('/'), price.updated_at) else { return };
    let (by_sku, by_list) = (pair(b'l', sku, list), pair(b'p', list, sku));
    if price.tiers.is_empty() {
        rows.remove(&by_sku);
        rows.remove(&by_list);
        return;
    }
    let place = Place { price_list_id: list.to_owned(), sku: sku.to_owned() };
    rows.write(&by_sku, &price.tiers);
    rows.put(&by_list, wire::list_price(&place, event.version, &price.tiers, at).encode_to_vec());
}

fn fold_taxes(rows: &mut Writer, event: &Folded, taxes: &Taxes) {
    let country = &*event.actor.id;
    for (key, _) in rows.scan(&pair(b'x', country, ""), None, LOOK_MAX) {
        rows.remove(&key);
    }
    let key = [b"t", country.as_bytes()].concat();
    let Some(known) = taxes.known() else { return rows.remove(&key) };
    rows.write(&key, &known.rules);
    for rate in wire::tax_rates(known) {
        let place = format!("{}\0{}", rate.region, rate.tax_category);
        rows.put(&pair(b'x', country, &place), rate.encode_to_vec());
    }
}

/// For whom prices are, with what is known of the country's taxes.
pub(crate) fn terms(rows: &Rows, asked: &Asked, at: Timestamp) -> Terms {
    let known = || rows.read::<Rules>(&[b"t", asked.country.as_bytes()].concat()).unwrap_or_default();
    Terms {
        currency: asked.currency,
        channel: asked.channel.clone(),
        customer_group: asked.customer_group.clone(),
        region: asked.region.clone(),
        rules: (!asked.country.is_empty()).then(known),
        at,
    }
}

/// What the catalogue asks for a SKU.
pub(crate) fn base(rows: &Rows, sku: &str) -> Option<base::Known> {
    rows.read(&[b"b", sku.as_bytes()].concat())
}

/// Lists that have been looked at: many SKUs are on the same few.
pub(crate) type Seen = BTreeMap<String, Option<Header>>;

/// Everything that is known of the price of a SKU.
pub(crate) fn known(rows: &Rows, sku: &str, seen: &mut Seen) -> Known {
    let mut lists = Vec::new();
    for (key, _) in rows.scan(&pair(b'l', sku, ""), None, LOOK_MAX) {
        let id = last_part(&key);
        let header = seen.entry(id.clone()).or_insert_with(|| rows.read(&[b"d", id.as_bytes()].concat()));
        let (Some(header), Some(tiers)) = (header, rows.read::<Tiers>(&key)) else { continue };
        lists.push(Listed { id, details: header.details.clone(), tiers });
    }
    Known { base: base(rows, sku), lists }
}

/// What lines cost, and which cost nothing that is known.
pub(crate) fn priced(rows: &Rows, terms: &Terms, lines: &[(String, i64)]) -> (Vec<Priced>, Vec<Unpriced>) {
    let (mut priced, mut unpriced, mut seen) = (Vec::new(), Vec::new(), Seen::new());
    for (sku, quantity) in lines {
        match known(rows, sku, &mut seen).price(sku, *quantity, terms) {
            Ok(line) => priced.push(line),
            Err(none) => unpriced.push(none),
        }
    }
    (priced, unpriced)
}

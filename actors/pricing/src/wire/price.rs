//! Prices as they are stored: contract to domain and back.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Recorded, Undecodable};

use super::{Currency, Money, MoneyError, Problem, bad_money, money, no_money, unreadable, v1};
use crate::price::{Fault, Tiers, Updated};

/// Tiers that people wrote. A tier that does not say where it begins begins at one unit.
pub(super) fn tiers_in(sku: &str, listed: Currency, tiers: &[v1::Tier]) -> Result<Tiers, Problem> {
    let read = read(tiers).map_err(|e| bad_money(&e))?;
    Ok(Tiers::parse(sku, listed, read)?)
}

fn read(tiers: &[v1::Tier]) -> Result<Vec<(i64, Money)>, MoneyError> {
    let tier = |tier: &v1::Tier| Ok((tier.min_quantity.max(1), money(tier.unit_price.as_ref())?));
    tiers.iter().map(tier).collect()
}

pub(super) fn tiers_out(tiers: &Tiers) -> Vec<v1::Tier> {
    tiers.iter().map(|(from, price)| tier(from, price)).collect()
}

pub(super) fn tier(min_quantity: i64, unit_price: Money) -> v1::Tier {
    v1::Tier { min_quantity, unit_price: Some(unit_price.into()) }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Problem {
        let said = fault.to_string();
        let unprocessable = |code| Problem::new(messages::problem::Kind::Unprocessable, code, said);
        match fault {
            Fault::WrongCurrency { sku, listed, .. } => {
                unprocessable("wrong_currency").with("sku", sku).with("currency", listed.to_string())
            }
            Fault::DuplicateTier { sku, min_quantity } => {
                unprocessable("duplicate_tier").with("sku", sku).with("min_quantity", min_quantity)
            }
        }
    }
}

impl Recorded for Updated {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let Updated { sku, product_id, price_list_id, price, tax_category, tiers, at } = self.clone();
        let (price, tiers, at) = (price.map(Into::into), tiers_out(&tiers), Some(to_wire(at)));
        let event = v1::PriceUpdated { sku, product_id, price_list_id, price, tax_category, tiers, at };
        ("price.updated", event.encode_to_vec())
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        if event_type != "price.updated" {
            return Err(Undecodable::new(event_type, "a price has no such event"));
        }
        let event = v1::PriceUpdated::decode(data).map_err(unreadable(event_type))?;
        let v1::PriceUpdated { sku, product_id, price_list_id, price, tax_category, tiers, at } = event;
        let price = price.as_ref().map(|price| money(Some(price))).transpose().map_err(no_money(event_type))?;
        let tiers = Tiers::recorded(read(&tiers).map_err(no_money(event_type))?);
        Ok(Updated { sku, product_id, price_list_id, price, tax_category, tiers, at: from_wire(at.as_ref()) })
    }
}

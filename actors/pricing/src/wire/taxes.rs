//! Taxes: contract to domain and back.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};

use super::{Problem, unreadable, v1};
use crate::taxes::{Command, Country, Event, Rate, Refusal, Rounding, Rules, Taxed, Taxes};

pub(crate) fn set_taxes(
    desk: &mut Desk<'_>,
    request: &v1::SetCountryTaxesRequest,
) -> Result<v1::SetCountryTaxesResponse, Problem> {
    let country = &request.country;
    let rules = rules(request.prices_include_tax, request.rounding(), &request.rates)?;
    desk.tell::<Taxes>(country, Command::Set { country: country.clone(), rules })?;
    Ok(v1::SetCountryTaxesResponse { country_taxes: now(desk, country) })
}

pub(crate) fn delete_taxes(
    desk: &mut Desk<'_>,
    request: &v1::DeleteCountryTaxesRequest,
) -> Result<v1::DeleteCountryTaxesResponse, Problem> {
    desk.tell::<Taxes>(&request.country, Command::Delete)?;
    Ok(v1::DeleteCountryTaxesResponse { country_taxes: now(desk, &request.country) })
}

pub(crate) fn get_taxes(
    window: &Window<'_>,
    request: &v1::GetCountryTaxesRequest,
) -> Result<v1::GetCountryTaxesResponse, Problem> {
    let taxes = window.see::<Taxes>(&request.country);
    let country = taxes.known().ok_or(Refusal::NotFound)?;
    let version = window.version::<Taxes>(&request.country);
    Ok(v1::GetCountryTaxesResponse { country_taxes: Some(country_taxes(country, version)) })
}

fn now(desk: &Desk<'_>, country: &str) -> Option<v1::CountryTaxes> {
    desk.see::<Taxes>(country).last().map(|last| country_taxes(last, desk.version::<Taxes>(country)))
}

fn rules(included: bool, rounding: v1::TaxRounding, rates: &[v1::TaxRate]) -> Result<Rules, Refusal> {
    let rates = rates.iter().cloned().map(|v1::TaxRate { region, tax_category, title, rate_ppm }| {
        let ppm = rate_ppm.unwrap_or_default();
        (Taxed { region, category: tax_category }, Rate { title, ppm })
    });
    Rules::parse(included, rounding_in(rounding), rates)
}

pub(super) fn rounding_in(rounding: v1::TaxRounding) -> Rounding {
    match rounding {
        v1::TaxRounding::Unspecified | v1::TaxRounding::Line => Rounding::Line,
        v1::TaxRounding::Order => Rounding::Order,
    }
}

pub(super) fn rounding_out(rounding: Rounding) -> v1::TaxRounding {
    match rounding {
        Rounding::Line => v1::TaxRounding::Line,
        Rounding::Order => v1::TaxRounding::Order,
    }
}

fn rates_out(rules: &Rules) -> Vec<v1::TaxRate> {
    let rate = |(taxed, rate): (&Taxed, &Rate)| v1::TaxRate {
        region: taxed.region.clone(),
        tax_category: taxed.category.clone(),
        title: rate.title.clone(),
        rate_ppm: Some(rate.ppm),
    };
    rules.rates().map(rate).collect()
}

fn country_taxes(country: &Country, version: u64) -> v1::CountryTaxes {
    let Country { country, rules, created_at, updated_at } = country;
    v1::CountryTaxes {
        country: country.clone(),
        version,
        prices_include_tax: rules.prices_include_tax,
        rounding: rounding_out(rules.rounding).into(),
        rates: rates_out(rules),
        created_at: Some(to_wire(*created_at)),
        updated_at: Some(to_wire(*updated_at)),
    }
}

/// The rates of a country, as lists show them.
#[must_use]
pub fn tax_rates(country: &Country) -> Vec<v1::ListedTaxRate> {
    let Country { country, rules, .. } = country;
    let rate = |(taxed, rate): (&Taxed, &Rate)| v1::ListedTaxRate {
        country: country.clone(),
        region: taxed.region.clone(),
        tax_category: taxed.category.clone(),
        title: rate.title.clone(),
        rate_ppm: rate.ppm,
        prices_include_tax: rules.prices_include_tax,
    };
    rules.rates().map(rate).collect()
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let said = refusal.to_string();
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", said),
            Refusal::Duplicate(Taxed { region, category }) => {
                let problem = Problem::new(messages::problem::Kind::Unprocessable, "duplicate_rate", said);
                problem.with("region", region).with("tax_category", category)
            }
        }
    }
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        match self {
            Event::Updated { country, rules, at } => {
                let event = v1::TaxesUpdated {
                    country: country.clone(),
                    prices_include_tax: rules.prices_include_tax,
                    rounding: rounding_out(rules.rounding).into(),
                    rates: rates_out(rules),
                    at: Some(to_wire(*at)),
                };
                ("taxes.updated", event.encode_to_vec())
            }
            Event::Deleted { country, at } => {
                let event = v1::TaxesDeleted { country: country.clone(), at: Some(to_wire(*at)) };
                ("taxes.deleted", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        match event_type {
            "taxes.updated" => {
                let event = v1::TaxesUpdated::decode(data).map_err(unreadable(event_type))?;
                let rules = rules(event.prices_include_tax, event.rounding(), &event.rates);
                let rules = rules.map_err(|e| Undecodable::new(event_type, e))?;
                Ok(Self::Updated { country: event.country, rules, at: from_wire(event.at.as_ref()) })
            }
            "taxes.deleted" => {
                let event = v1::TaxesDeleted::decode(data).map_err(unreadable(event_type))?;
                Ok(Self::Deleted { country: event.country, at: from_wire(event.at.as_ref()) })
            }
            other => Err(Undecodable::new(other, "taxes have no such event")),
        }
    }
}

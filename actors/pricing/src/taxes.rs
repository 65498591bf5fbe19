//! How a country taxes what is sent there: whether prices include it, where it is rounded, and the rates.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::base::STANDARD;

/// What parcels are to the tax office.
pub const SHIPPING: &str = "shipping";

/// The state of a country's taxes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Taxes {
    /// Nobody ever said anything about them.
    #[default]
    Unknown,
    /// This is how it taxes.
    Known(Country),
    /// This is how it taxed.
    Deleted(Country),
}

/// A country and how it taxes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Country {
    /// Its two capitals.
    pub country: String,
    /// How it taxes.
    pub rules: Rules,
    /// Since when something is known of it.
    pub created_at: Timestamp,
    /// When that last changed.
    pub updated_at: Timestamp,
}

/// How a country taxes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Whether prices include tax, unless their list says otherwise.
    pub prices_include_tax: bool,
    /// Where tax is rounded.
    pub rounding: Rounding,
    /// The rates in the order in which they were given; each place and category once.
    rates: BTreeMap<Taxed, Rate>,
}

/// What a rate falls on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Taxed {
    /// The only region it is for, in capitals; the whole country when empty.
    pub region: String,
    /// The tax category.
    pub category: String,
}

/// A tax rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// What people call it.
    pub title: String,
    /// In millionths.
    pub ppm: i64,
}

/// Where tax is rounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rounding {
    /// That of every line.
    #[default]
    Line,
    /// That of the whole order, once for every rate.
    Order,
}

/// What can be asked of a country's taxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Tax like this.
    Set {
        /// The country.
        country: String,
        /// How it taxes.
        rules: Rules,
    },
    /// Tax no more.
    Delete,
}

/// What can have happened to a country's taxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It taxes like this now.
    Updated {
        /// The country.
        country: String,
        /// How it taxes.
        rules: Rules,
        /// When.
        at: Timestamp,
    },
    /// It taxes no more.
    Deleted {
        /// The country.
        country: String,
        /// When.
        at: Timestamp,
    },
}

/// Why a country's taxes say no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody ever said anything about them.
    #[error("nothing is known about the taxes of this country")]
    NotFound,
    /// Nobody could say which of the two counts.
    #[error("two rates are for the same region and category")]
    Duplicate(Taxed),
}

impl Rules {
    /// Rules with these rates: each place and category once. Regions are told apart whatever their case.
    ///
    /// # Errors
    /// [`Refusal::Duplicate`].
    pub fn parse(
        prices_include_tax: bool,
        rounding: Rounding,
        rates: impl IntoIterator<Item = (Taxed, Rate)>,
    ) -> Result<Rules, Refusal> {
        let mut all = BTreeMap::new();
        for (taxed, rate) in rates {
            let category = if taxed.category.is_empty() { STANDARD.to_owned() } else { taxed.category };
            let taxed = Taxed { region: taxed.region.to_uppercase(), category };
            if all.insert(taxed.clone(), rate).is_some() {
                return Err(Refusal::Duplicate(taxed));
            }
        }
        Ok(Rules { prices_include_tax, rounding, rates: all })
    }

    /// The rates, by region and category.
    pub fn rates(&self) -> impl Iterator<Item = (&Taxed, &Rate)> {
        self.rates.iter()
    }

    /// The rate on a category in a region: the region's before the country's, `standard` where the category has none,
    /// and nothing where there is none at all.
    #[must_use]
    pub fn rate(&self, region: &str, category: &str) -> Rate {
        let region = region.to_uppercase();
        let found = [category, STANDARD].into_iter().find_map(|category| {
            let at = |region: &str| self.rates.get(&Taxed { region: region.to_owned(), category: category.to_owned() });
            at(&region).or_else(|| at(""))
        });
        found.cloned().unwrap_or_else(|| Rate { title: "no rate".to_owned(), ppm: 0 })
    }
}

impl Taxes {
    /// How the country taxes, if it does.
    #[must_use]
    pub fn known(&self) -> Option<&Country> {
        match self {
            Taxes::Known(country) => Some(country),
            Taxes::Unknown | Taxes::Deleted(_) => None,
        }
    }

    /// How the country taxes, or did.
    #[must_use]
    pub fn last(&self) -> Option<&Country> {
        match self {
            Taxes::Known(country) | Taxes::Deleted(country) => Some(country),
            Taxes::Unknown => None,
        }
    }
}

impl Entity for Taxes {
    const KIND: &'static str = "taxes";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = facts.now;
        match (self, command) {
            (Taxes::Known(now), Command::Set { rules, .. }) if now.rules == rules => Ok(vec![]),
            (Taxes::Unknown | Taxes::Known(_) | Taxes::Deleted(_), Command::Set { country, rules }) => {
                Ok(vec![Event::Updated { country, rules, at }])
            }
            (Taxes::Unknown, Command::Delete) => Err(Refusal::NotFound),
            (Taxes::Known(now), Command::Delete) => Ok(vec![Event::Deleted { country: now.country.clone(), at }]),
            (Taxes::Deleted(_), Command::Delete) => Ok(vec![]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event.clone() {
            Event::Updated { country, rules, at } => {
                let created_at = self.known().map_or(at, |known| known.created_at);
                *self = Taxes::Known(Country { country, rules, created_at, updated_at: at });
            }
            Event::Deleted { at, .. } => {
                if let Some(last) = self.last().cloned() {
                    *self = Taxes::Deleted(Country { updated_at: at, ..last });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use runtime::entity::testing::{decide, moment};

    use super::*;

    fn rate(region: &str, category: &str, ppm: i64) -> (Taxed, Rate) {
        let taxed = Taxed { region: region.into(), category: category.into() };
        (taxed, Rate { title: format!("{region}{category}"), ppm })
    }

    fn rules(ppm: i64) -> Rules {
        Rules::parse(true, Rounding::Line, [rate("", "", ppm)]).expect("rules")
    }

    fn updated() -> Event {
        Event::Updated { country: "AT".into(), rules: rules(200_000), at: moment(1) }
    }

    fn deleted() -> Event {
        Event::Deleted { country: "AT".into(), at: moment(2) }
    }

    fn check(given: &[Event], when: Command, expected: Expect) {
        let said = match decide::<Taxes>(given, when) {
            Err(refusal) => format!("refused: {refusal}"),
            Ok(events) if events.is_empty() => "already so".to_owned(),
            Ok(events) => events.iter().map(name).collect::<Vec<_>>().join(", "),
        };
        expected.assert_eq(&said);
    }

    fn name(event: &Event) -> String {
        match event {
            Event::Updated { rules, .. } => format!("updated {}", rules.rate("", STANDARD).ppm),
            Event::Deleted { country, .. } => format!("deleted {country}"),
        }
    }

    #[test]
    fn a_country_taxes_as_it_was_last_said() {
        let set = |ppm| Command::Set { country: "AT".into(), rules: rules(ppm) };
        check(&[], set(200_000), expect!["updated 200000"]);
        check(&[updated()], set(200_000), expect!["already so"]);
        check(&[updated()], set(190_000), expect!["updated 190000"]);
        check(&[updated(), deleted()], set(200_000), expect!["updated 200000"]);
        check(&[], Command::Delete, expect!["refused: nothing is known about the taxes of this country"]);
        check(&[updated()], Command::Delete, expect!["deleted AT"]);
        check(&[updated(), deleted()], Command::Delete, expect!["already so"]);
    }

    #[test]
    fn the_rate_of_the_region_counts_then_the_country_then_standard() {
        let rates = [rate("", "standard", 1), rate("CA", "standard", 2), rate("", "books", 3), rate("CA", "food", 4)];
        let rules = Rules::parse(false, Rounding::Order, rates).expect("rules");
        for (region, category, ppm) in [
            ("", "standard", 1),
            ("NY", "standard", 1),
            ("CA", "standard", 2),
            ("ca", "standard", 2),
            ("CA", "books", 3),
            ("CA", "food", 4),
            ("NY", "food", 1),
            ("CA", "toys", 2),
        ] {
            assert_eq!(rules.rate(region, category).ppm, ppm, "{category} in {region:?}");
        }
        assert_eq!(Rules::default().rate("", STANDARD).ppm, 0);
    }

    #[test]
    fn no_two_rates_are_for_the_same() {
        let twice = Rules::parse(true, Rounding::Line, [rate("ca", "", 1), rate("CA", "standard", 2)]);
        assert_eq!(twice, Err(Refusal::Duplicate(Taxed { region: "CA".into(), category: "standard".into() })));
    }
}

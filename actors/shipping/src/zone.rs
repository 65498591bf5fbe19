//! A zone: places that parcels are sent to on the same terms, and the ways to send them there.
//!
//! What a zone charges is in [`crate::rates`]; here it is only kept, and kept consistent.

use std::collections::BTreeSet;

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::wire::Currency;

/// The state of a zone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Zone {
    /// Nothing ever happened to it.
    #[default]
    Unknown,
    /// Parcels are sent there.
    Drawn {
        /// Its id.
        id: String,
        /// What it says about itself.
        terms: Terms,
        /// When it was drawn.
        created_at: Timestamp,
        /// When it last changed.
        updated_at: Timestamp,
    },
    /// It is gone. Its id is not given again.
    Deleted,
}

/// What a zone says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What people call it.
    pub name: String,
    /// The places in it; none means everywhere.
    pub areas: Vec<Area>,
    /// How parcels can be sent there.
    pub options: Vec<Way>,
}

/// A country or a part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// The country, by its two capitals.
    pub country: String,
    /// Only these regions; none means all.
    pub regions: Vec<String>,
    /// Only postal codes that begin so; none means all.
    pub postal_prefixes: Vec<String>,
}

/// A way to send a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// Its name within the zone.
    pub option: String,
    /// What customers read.
    pub title: String,
    /// Who carries it.
    pub carrier: String,
    /// The fewest working days it takes.
    pub min_days: u32,
    /// The most working days it takes.
    pub max_days: u32,
    /// What it costs, by currency.
    pub rates: Vec<Rate>,
    /// What weighs more is not sent this way.
    pub max_weight_grams: Option<i64>,
}

/// What a way costs in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// The currency of all its amounts.
    pub currency: Currency,
    /// What the price depends on.
    pub basis: Basis,
    /// The price, in rising steps.
    pub steps: Vec<Step>,
    /// From this subtotal on it is free.
    pub free_from: Option<i64>,
}

/// What a price depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Basis {
    /// Nothing.
    Flat,
    /// The weight in grams.
    Weight,
    /// The subtotal in minor units.
    Subtotal,
}

/// A step of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// It holds up to here, included; without, it has no end.
    pub up_to: Option<i64>,
    /// The price in minor units.
    pub amount: i64,
}

/// What can be asked of a zone.
#[derive(Debug, Clone)]
pub enum Command {
    /// Be drawn.
    Create {
        /// Its id.
        id: String,
        /// What it says about itself.
        terms: Terms,
    },
    /// Say this from now on.
    Update(Terms),
    /// Go.
    Delete,
}

/// What can have happened to a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It was drawn.
    Created(Terms),
    /// It says this now.
    Updated(Terms),
    /// It is gone.
    Deleted,
}

/// Why a zone says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such zone")]
    NotFound,
    /// There is one, or was.
    #[error("there is already a zone with this id")]
    AlreadyExists,
    /// Its rates do not fit together.
    #[error("the option {option}: {why}")]
    Bad {
        /// Which option.
        option: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Terms {
    /// Whether the numbers fit together. Shapes the contract has checked.
    fn check(&self) -> Result<(), Refusal> {
        for way in &self.options {
            way.fault().map_or(Ok(()), |why| Err(Refusal::Bad { option: way.option.clone(), why }))?;
        }
        Ok(())
    }
}

impl Way {
    fn fault(&self) -> Option<&'static str> {
        if self.min_days > self.max_days {
            return Some("its most days are fewer than its fewest");
        }
        let currencies: BTreeSet<_> = self.rates.iter().map(|rate| rate.currency.to_string()).collect();
        if currencies.len() < self.rates.len() {
            return Some("it has two rates in one currency");
        }
        self.rates.iter().find_map(Rate::fault)
    }
}

impl Rate {
    fn fault(&self) -> Option<&'static str> {
        let Some((last, before)) = self.steps.split_last() else { return Some("a rate needs a step") };
        if self.basis == Basis::Flat && (!before.is_empty() || last.up_to.is_some()) {
            return Some("a flat rate is one step without an end");
        }
        if before.iter().any(|step| step.up_to.is_none()) {
            return Some("only the last step may have no end");
        }
        let ends: Vec<i64> = self.steps.iter().filter_map(|step| step.up_to).collect();
        ends.windows(2).any(|pair| pair[0] >= pair[1]).then_some("the steps of a rate must rise")
    }
}

impl Entity for Zone {
    const KIND: &'static str = "zone";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = facts.now;
        match (self, command) {
            (Zone::Unknown, Command::Create { id, terms }) => {
                terms.check()?;
                Ok(vec![Event { id, at, what: What::Created(terms) }])
            }
            (Zone::Drawn { .. } | Zone::Deleted, Command::Create { .. }) => Err(Refusal::AlreadyExists),
            (Zone::Unknown | Zone::Deleted, Command::Update(_)) => Err(Refusal::NotFound),
            (Zone::Drawn { terms: now, .. }, Command::Update(terms)) if *now == terms => Ok(vec![]),
            (Zone::Drawn { id, .. }, Command::Update(terms)) => {
                terms.check()?;
                Ok(vec![Event { id: id.clone(), at, what: What::Updated(terms) }])
            }
            (Zone::Unknown, Command::Delete) => Err(Refusal::NotFound),
            (Zone::Drawn { id, .. }, Command::Delete) => Ok(vec![Event { id: id.clone(), at, what: What::Deleted }]),
            (Zone::Deleted, Command::Delete) => Ok(vec![]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        let Event { id, at, what } = event.clone();
        *self = match (&*self, what) {
            (_, What::Created(terms)) => Zone::Drawn { id, terms, created_at: at, updated_at: at },
            (Zone::Drawn { created_at, .. }, What::Updated(terms)) => {
                Zone::Drawn { id, terms, created_at: *created_at, updated_at: at }
            }
            (Zone::Unknown | Zone::Deleted, What::Updated(terms)) => {
                Zone::Drawn { id, terms, created_at: at, updated_at: at }
            }
            (_, What::Deleted) => Zone::Deleted,
        };
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use runtime::entity::testing::{decide, moment};

    use super::*;

    fn step(up_to: Option<i64>, amount: i64) -> Step {
        Step { up_to, amount }
    }

    fn terms(basis: Basis, steps: &[Step]) -> Terms {
        let rate =
            Rate { currency: Currency::parse("EUR").expect("euros"), basis, steps: steps.to_vec(), free_from: None };
        let way = Way {
            option: "standard".into(),
            title: "Standard".into(),
            carrier: "table".into(),
            min_days: 1,
            max_days: 3,
            rates: vec![rate],
            max_weight_grams: None,
        };
        Terms { name: "Austria".into(), areas: vec![], options: vec![way] }
    }

    fn flat(amount: i64) -> Terms {
        terms(Basis::Flat, &[step(None, amount)])
    }

    fn happened(what: What) -> Event {
        Event { id: "zon_1".into(), at: moment(1), what }
    }

    fn create(terms: Terms) -> Command {
        Command::Create { id: "zon_1".into(), terms }
    }

    fn check(given: &[Event], when: Command, expected: Expect) {
        let said = match decide::<Zone>(given, when) {
            Err(refusal) => format!("refused: {refusal}"),
            Ok(events) if events.is_empty() => "already so".to_owned(),
            Ok(events) => events.iter().map(|event| name(&event.what)).collect::<Vec<_>>().join(", "),
        };
        expected.assert_eq(&said);
    }

    fn name(what: &What) -> String {
        let price = |terms: &Terms| terms.options[0].rates[0].steps[0].amount;
        match what {
            What::Created(terms) => format!("created at {}", price(terms)),
            What::Updated(terms) => format!("updated to {}", price(terms)),
            What::Deleted => "deleted".to_owned(),
        }
    }

    #[test]
    fn a_zone_is_drawn_changed_and_gone() {
        let created = || happened(What::Created(flat(490)));
        let gone = [created(), happened(What::Deleted)];
        check(&[], create(flat(490)), expect!["created at 490"]);
        check(&[created()], create(flat(490)), expect!["refused: there is already a zone with this id"]);
        check(&gone, create(flat(490)), expect!["refused: there is already a zone with this id"]);
        check(&[], Command::Update(flat(590)), expect!["refused: there is no such zone"]);
        check(&[created()], Command::Update(flat(590)), expect!["updated to 590"]);
        check(&[created()], Command::Update(flat(490)), expect!["already so"]);
        check(&gone, Command::Update(flat(590)), expect!["refused: there is no such zone"]);
        check(&[], Command::Delete, expect!["refused: there is no such zone"]);
        check(&[created()], Command::Delete, expect!["deleted"]);
        check(&gone, Command::Delete, expect!["already so"]);
    }

    #[test]
    fn rates_that_do_not_fit_together_are_refused() {
        let bad = |terms: Terms, expected: Expect| {
            let changed = decide::<Zone>(&[happened(What::Created(flat(1)))], Command::Update(terms.clone()));
            assert_eq!(changed, decide::<Zone>(&[], create(terms.clone())), "an update is checked like a creation");
            check(&[], create(terms), expected);
        };
        bad(terms(Basis::Flat, &[]), expect!["refused: the option standard: a rate needs a step"]);
        bad(
            terms(Basis::Flat, &[step(Some(5), 1)]),
            expect!["refused: the option standard: a flat rate is one step without an end"],
        );
        bad(
            terms(Basis::Weight, &[step(None, 1), step(Some(5), 2)]),
            expect!["refused: the option standard: only the last step may have no end"],
        );
        bad(
            terms(Basis::Subtotal, &[step(Some(5), 1), step(Some(5), 2)]),
            expect!["refused: the option standard: the steps of a rate must rise"],
        );
        let mut slow = flat(1);
        slow.options[0].min_days = 4;
        bad(slow, expect!["refused: the option standard: its most days are fewer than its fewest"]);
        let mut twice = flat(1);
        let rate = twice.options[0].rates[0].clone();
        twice.options[0].rates.push(rate);
        bad(twice, expect!["refused: the option standard: it has two rates in one currency"]);
    }
}

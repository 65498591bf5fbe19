//! A list price: what one price list says about one SKU. It lives beside its list, in the same partition.

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::price::{Tiers, Updated};

/// Which list and which SKU.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The list.
    pub price_list_id: String,
    /// The SKU.
    pub sku: String,
}

impl Place {
    /// The id of the actor there.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.price_list_id, self.sku)
    }
}

/// The state of a list price.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListPrice {
    /// What one unit costs, by quantity; none while the list has no price.
    pub tiers: Tiers,
    /// When that last changed; `None` when it never did.
    pub updated_at: Option<Timestamp>,
}

/// What can be asked of a list price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Be this.
    Set(Place, Tiers),
    /// Be no more.
    Remove(Place),
}

/// Why a list price says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("the list has no price for this SKU")]
    NotFound,
}

fn updated(place: Place, tiers: Tiers, at: Timestamp) -> Updated {
    let Place { price_list_id, sku } = place;
    let (product_id, tax_category) = (String::new(), String::new());
    Updated { sku, product_id, price_list_id, price: None, tax_category, tiers, at }
}

impl Entity for ListPrice {
    const KIND: &'static str = "list_price";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Updated;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Updated>, Refusal> {
        match (self.updated_at, command) {
            (Some(_), Command::Set(_, tiers)) if tiers == self.tiers => Ok(vec![]),
            (_, Command::Set(place, tiers)) => Ok(vec![updated(place, tiers, facts.now)]),
            (None, Command::Remove(_)) => Err(Refusal::NotFound),
            (Some(_), Command::Remove(_)) if self.tiers.is_empty() => Ok(vec![]),
            (Some(_), Command::Remove(place)) => Ok(vec![updated(place, Tiers::default(), facts.now)]),
        }
    }

    fn evolve(&mut self, event: &Updated) {
        self.tiers.clone_from(&event.tiers);
        self.updated_at = Some(event.at);
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, moment};

    use super::*;
    use crate::wire::euros;

    fn place() -> Place {
        Place { price_list_id: "prl_1".into(), sku: "MUG".into() }
    }

    fn tiers(cents: i64) -> Tiers {
        Tiers::recorded([(1, euros(cents))])
    }

    #[test]
    fn a_price_is_set_replaced_and_taken_off() {
        let (set, off) = (updated(place(), tiers(900), moment(1)), updated(place(), Tiers::default(), moment(2)));
        let now = |cents| updated(place(), tiers(cents), moment(100));
        let table = [
            (vec![], Command::Set(place(), tiers(900)), Ok(vec![now(900)])),
            (vec![set.clone()], Command::Set(place(), tiers(900)), Ok(vec![])),
            (vec![set.clone()], Command::Set(place(), tiers(800)), Ok(vec![now(800)])),
            (vec![set.clone(), off.clone()], Command::Set(place(), tiers(900)), Ok(vec![now(900)])),
            (vec![], Command::Remove(place()), Err(Refusal::NotFound)),
            (vec![set.clone()], Command::Remove(place()), Ok(vec![updated(place(), Tiers::default(), moment(100))])),
            (vec![set, off], Command::Remove(place()), Ok(vec![])),
        ];
        for (given, when, then) in table {
            assert_eq!(decide::<ListPrice>(&given, when.clone()), then, "{given:?} {when:?}");
        }
    }
}

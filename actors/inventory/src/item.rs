//! An item: a SKU as inventory knows it, listed when the catalogue names it.

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

/// What inventory knows of a SKU beside its stock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The SKU; empty when nothing was ever heard of it.
    pub sku: String,
    /// The product it is a form of.
    pub product_id: String,
    /// What people call it.
    pub title: String,
}

/// What can be asked of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The catalogue says this about it.
    List(Item),
}

/// What can have happened to an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The catalogue says this about it now.
    Listed(Item, Timestamp),
}

/// Why an item says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A SKU names one thing; another product had it first.
    #[error("another product has a variant with the SKU {sku}")]
    Taken {
        /// The SKU.
        sku: String,
        /// The product that has it.
        product_id: String,
    },
}

impl Entity for Item {
    const KIND: &'static str = "item";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, Command::List(item): Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        if !self.product_id.is_empty() && self.product_id != item.product_id {
            return Err(Refusal::Taken { sku: item.sku, product_id: self.product_id.clone() });
        }
        Ok(if *self == item { vec![] } else { vec![Event::Listed(item, facts.now)] })
    }

    fn evolve(&mut self, Event::Listed(item, _): &Event) {
        self.clone_from(item);
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, moment};

    use super::*;

    fn mug(product_id: &str) -> Item {
        Item { sku: "MUG".into(), product_id: product_id.into(), title: "Mug".into() }
    }

    #[test]
    fn news_that_say_nothing_new_make_no_event() {
        let listed = Event::Listed(mug("prd_1"), moment(100));
        assert_eq!(decide::<Item>(&[], Command::List(mug("prd_1"))), Ok(vec![listed.clone()]));
        assert_eq!(decide::<Item>(&[listed], Command::List(mug("prd_1"))), Ok(vec![]));
    }

    #[test]
    fn a_sku_belongs_to_the_product_that_named_it_first() {
        let listed = Event::Listed(mug("prd_1"), moment(1));
        let taken = Refusal::Taken { sku: "MUG".into(), product_id: "prd_1".into() };
        assert_eq!(decide::<Item>(&[listed], Command::List(mug("prd_2"))), Err(taken));
    }
}

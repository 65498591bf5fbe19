//! The base price: what the catalogue asks for one unit of a SKU, and what the SKU is to the tax office.

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::price::{Tiers, Updated};
use crate::wire::Money;

/// The category of what nobody has said anything else about.
pub const STANDARD: &str = "standard";

/// The state of a base price.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Base {
    /// The catalogue never named the SKU.
    #[default]
    Unknown,
    /// It did.
    Known(Known),
}

/// What is known of a SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The SKU.
    pub sku: String,
    /// The product it is a form of.
    pub product_id: String,
    /// What one unit costs.
    pub price: Money,
    /// What it is to the tax office.
    pub tax_category: String,
    /// When that last changed.
    pub updated_at: Timestamp,
}

/// What can be asked of a base price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The catalogue says so.
    Set {
        /// The SKU.
        sku: String,
        /// The product it is a form of.
        product_id: String,
        /// What one unit costs.
        price: Money,
    },
    /// To the tax office it is this.
    Categorize(String),
}

/// Why a base price says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The catalogue never named the SKU.
    #[error("the catalogue never named such a SKU")]
    NotFound,
    /// A SKU names one thing; another product had it first.
    #[error("another product has a variant with the SKU {sku}")]
    Taken {
        /// The SKU.
        sku: String,
        /// The product that has it.
        product_id: String,
    },
}

impl Known {
    fn says(&self, price: Money, tax_category: String, at: Timestamp) -> Vec<Updated> {
        if price == self.price && tax_category == self.tax_category {
            return vec![];
        }
        vec![updated(self.sku.clone(), self.product_id.clone(), price, tax_category, at)]
    }
}

fn updated(sku: String, product_id: String, price: Money, tax_category: String, at: Timestamp) -> Updated {
    let (price_list_id, tiers) = (String::new(), Tiers::default());
    Updated { sku, product_id, price_list_id, price: Some(price), tax_category, tiers, at }
}

impl Entity for Base {
    const KIND: &'static str = "base";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Updated;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Updated>, Refusal> {
        match (self, command) {
            (Base::Unknown, Command::Set { sku, product_id, price }) => {
                Ok(vec![updated(sku, product_id, price, STANDARD.to_owned(), facts.now)])
            }
            (Base::Unknown, Command::Categorize(_)) => Err(Refusal::NotFound),
            (Base::Known(known), Command::Set { sku, product_id, .. }) if known.product_id != product_id => {
                Err(Refusal::Taken { sku, product_id: known.product_id.clone() })
            }
            (Base::Known(known), Command::Set { price, .. }) => {
                Ok(known.says(price, known.tax_category.clone(), facts.now))
            }
            (Base::Known(known), Command::Categorize(category)) => Ok(known.says(known.price, category, facts.now)),
        }
    }

    fn evolve(&mut self, event: &Updated) {
        let Updated { sku, product_id, price, tax_category, at, .. } = event.clone();
        // The price of a list is no business of the catalogue's, and never recorded here.
        let Some(price) = price else { return };
        *self = Base::Known(Known { sku, product_id, price, tax_category, updated_at: at });
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use runtime::entity::testing::{decide, moment};

    use super::*;
    use crate::wire::euros;

    fn known() -> Updated {
        updated("MUG".into(), "prd_1".into(), euros(900), STANDARD.into(), moment(1))
    }

    fn reduced() -> Updated {
        updated("MUG".into(), "prd_1".into(), euros(900), "reduced".into(), moment(2))
    }

    fn set(product_id: &str, cents: i64) -> Command {
        Command::Set { sku: "MUG".into(), product_id: product_id.into(), price: euros(cents) }
    }

    fn check(given: &[Updated], when: Command, expected: Expect) {
        let said = match decide::<Base>(given, when) {
            Err(refusal) => format!("refused: {refusal}"),
            Ok(events) if events.is_empty() => "already so".to_owned(),
            Ok(events) => {
                let name = |event: &Updated| format!("{} {}", event.price.expect("a price"), event.tax_category);
                events.iter().map(name).collect::<Vec<_>>().join(", ")
            }
        };
        expected.assert_eq(&said);
    }

    #[test]
    fn the_catalogue_sets_the_price_and_leaves_the_category() {
        check(&[], set("prd_1", 900), expect!["9.00 EUR standard"]);
        check(&[known()], set("prd_1", 900), expect!["already so"]);
        check(&[known()], set("prd_1", 800), expect!["8.00 EUR standard"]);
        check(&[known(), reduced()], set("prd_1", 800), expect!["8.00 EUR reduced"]);
        check(&[known()], set("prd_2", 800), expect!["refused: another product has a variant with the SKU MUG"]);
    }

    #[test]
    fn people_set_the_category_of_what_the_catalogue_has_named() {
        let categorize = || Command::Categorize("reduced".into());
        check(&[], categorize(), expect!["refused: the catalogue never named such a SKU"]);
        check(&[known()], categorize(), expect!["9.00 EUR reduced"]);
        check(&[known(), reduced()], categorize(), expect!["already so"]);
    }
}

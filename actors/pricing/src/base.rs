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
        /// What it is to the tax office.
        tax_category: String,
    },
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
        let Command::Set { sku, product_id, price, tax_category } = command;
        match self {
            Base::Known(known) if known.product_id != product_id => {
                Err(Refusal::Taken { sku, product_id: known.product_id.clone() })
            }
            Base::Known(known) if known.price == price && known.tax_category == tax_category => Ok(vec![]),
            Base::Unknown | Base::Known(_) => Ok(vec![updated(sku, product_id, price, tax_category, facts.now)]),
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

    fn set(product_id: &str, cents: i64, tax_category: &str) -> Command {
        let (sku, product_id, tax_category) = ("MUG".into(), product_id.into(), tax_category.into());
        Command::Set { sku, product_id, price: euros(cents), tax_category }
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
    fn a_price_is_what_the_product_that_named_it_first_says() {
        check(&[], set("prd_1", 900, STANDARD), expect!["9.00 EUR standard"]);
        check(&[known()], set("prd_1", 900, STANDARD), expect!["already so"]);
        check(&[known()], set("prd_1", 800, STANDARD), expect!["8.00 EUR standard"]);
        check(&[known()], set("prd_1", 900, "reduced"), expect!["9.00 EUR reduced"]);
        let taken = expect!["refused: another product has a variant with the SKU MUG"];
        check(&[known()], set("prd_2", 800, STANDARD), taken);
    }
}

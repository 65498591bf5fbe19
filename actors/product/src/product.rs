//! A product: what it says about itself, and whether it is on sale.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::wire::Money;

/// The state of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Product {
    /// Nothing ever happened to it.
    #[default]
    Unknown,
    /// In the catalogue.
    Listed {
        /// Its id.
        id: String,
        /// What it says about itself.
        details: Details,
        /// Whether it can be bought.
        on_sale: bool,
        /// Inventory's last word that few are left, by SKU.
        few_left: BTreeMap<String, FewLeft>,
        /// When it came into being.
        created_at: Timestamp,
        /// When what it says about itself last changed.
        updated_at: Timestamp,
    },
    /// Out of the catalogue for good.
    Archived {
        /// Its id.
        id: String,
        /// What it said about itself last.
        details: Details,
        /// When it came into being.
        created_at: Timestamp,
        /// When it left.
        archived_at: Timestamp,
    },
}

/// What a product says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// What people call it.
    pub title: String,
    /// What people should know about it.
    pub description: String,
    /// Its word in the address of a page; empty when it has none.
    pub slug: String,
    /// What sort of thing it is.
    pub product_type: String,
    /// What exactly can be bought; each SKU once.
    pub variants: Vec<Variant>,
    /// Which taxes it falls under, when it says so.
    pub tax_category: Option<String>,
}

/// One form of a product that can be bought and counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// Its stock keeping unit.
    pub sku: String,
    /// What tells it from its siblings.
    pub title: String,
    /// What one of it costs before any list, tier or promotion.
    pub price: Money,
    /// What tells it from its siblings, by option.
    pub options: BTreeMap<String, String>,
    /// What one of it weighs, when somebody has weighed it.
    pub weight_grams: Option<i64>,
}

/// What inventory said when a warehouse ran low.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FewLeft {
    /// Free units there.
    pub current_stock: i64,
    /// When.
    pub at: Timestamp,
}

/// What can be asked of a product.
#[derive(Debug, Clone)]
pub enum Command {
    /// Come into the catalogue.
    Create {
        /// Its id.
        id: String,
        /// What it says about itself.
        details: Details,
        /// Whether it can be bought at once.
        on_sale: bool,
    },
    /// Say this about itself from now on.
    Update {
        /// What it says about itself.
        details: Details,
        /// Whether it can be bought.
        on_sale: bool,
    },
    /// Leave the catalogue for good.
    Archive,
    /// Inventory says that few are left of a variant.
    MarkFewLeft {
        /// The variant.
        sku: String,
        /// What inventory said.
        few_left: FewLeft,
    },
}

/// What can have happened to a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It came into the catalogue.
    Created {
        /// Its id.
        id: String,
        /// What it says about itself.
        details: Details,
        /// Whether it can be bought.
        on_sale: bool,
        /// When.
        at: Timestamp,
    },
    /// It says this about itself now.
    Updated {
        /// Its id.
        id: String,
        /// What it says about itself.
        details: Details,
        /// Whether it can be bought.
        on_sale: bool,
        /// When.
        at: Timestamp,
    },
    /// It left the catalogue.
    Archived {
        /// Its id.
        id: String,
        /// When.
        at: Timestamp,
    },
    /// Few are left of a variant.
    FewLeft {
        /// Its id.
        id: String,
        /// The variant.
        sku: String,
        /// What inventory said.
        few_left: FewLeft,
    },
}

/// Why a product says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such product")]
    NotFound,
    /// There is one.
    #[error("there is already a product with this id")]
    AlreadyExists,
    /// It no longer changes.
    #[error("the product is archived and no longer changes")]
    Archived,
}

impl Entity for Product {
    const KIND: &'static str = "product";
    const FOLD: u32 = 2;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        use Product::{Archived, Listed, Unknown};
        let at = facts.now;
        match (self, command) {
            (Unknown, Command::Create { id, details, on_sale }) => {
                Ok(vec![Event::Created { id, details, on_sale, at }])
            }
            (Listed { .. } | Archived { .. }, Command::Create { .. }) => Err(Refusal::AlreadyExists),
            (Unknown, Command::Update { .. } | Command::Archive | Command::MarkFewLeft { .. }) => {
                Err(Refusal::NotFound)
            }
            (Listed { details: now, on_sale: is, .. }, Command::Update { details, on_sale })
                if *now == details && *is == on_sale =>
            {
                Ok(vec![])
            }
            (Listed { id, .. }, Command::Update { details, on_sale }) => {
                Ok(vec![Event::Updated { id: id.clone(), details, on_sale, at }])
            }
            (Archived { .. }, Command::Update { .. }) => Err(Refusal::Archived),
            (Listed { id, .. }, Command::Archive) => Ok(vec![Event::Archived { id: id.clone(), at }]),
            (Archived { .. }, Command::Archive) => Ok(vec![]),
            // Warehouses speak through different partitions: what one said earlier may be heard later.
            (Listed { id, details, few_left: known, .. }, Command::MarkFewLeft { sku, few_left })
                if details.has(&sku) && known.get(&sku).is_none_or(|known| known.at < few_left.at) =>
            {
                Ok(vec![Event::FewLeft { id: id.clone(), sku, few_left }])
            }
            (Listed { .. } | Archived { .. }, Command::MarkFewLeft { .. }) => Ok(vec![]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match (&mut *self, event) {
            (Product::Listed { few_left: known, .. }, Event::FewLeft { sku, few_left, .. }) => {
                known.insert(sku.clone(), *few_left);
            }
            (Product::Unknown | Product::Archived { .. }, Event::FewLeft { .. }) => {}
            (_, Event::Created { id, details, on_sale, at }) => {
                *self = Product::Unknown.listed(id, details, *on_sale, *at);
            }
            (_, Event::Updated { id, details, on_sale, at }) => {
                *self = std::mem::take(self).listed(id, details, *on_sale, *at);
            }
            (_, Event::Archived { id, at }) => {
                let was = std::mem::take(self);
                let created_at = was.created_at().unwrap_or(*at);
                *self = Product::Archived { id: id.clone(), details: was.into_details(), created_at, archived_at: *at };
            }
        }
    }
}

impl Details {
    /// Whether a variant has this SKU.
    #[must_use]
    pub fn has(&self, sku: &str) -> bool {
        self.variants.iter().any(|variant| variant.sku == sku)
    }
}

impl Product {
    /// The same product, saying this about itself from now on.
    fn listed(self, id: &str, details: &Details, on_sale: bool, at: Timestamp) -> Product {
        let created_at = self.created_at().unwrap_or(at);
        let mut few_left = match self {
            Product::Listed { few_left, .. } => few_left,
            Product::Unknown | Product::Archived { .. } => BTreeMap::new(),
        };
        few_left.retain(|sku, _| details.has(sku));
        Product::Listed { id: id.to_owned(), details: details.clone(), on_sale, few_left, created_at, updated_at: at }
    }

    fn created_at(&self) -> Option<Timestamp> {
        match self {
            Product::Unknown => None,
            Product::Listed { created_at, .. } | Product::Archived { created_at, .. } => Some(*created_at),
        }
    }

    fn into_details(self) -> Details {
        match self {
            Product::Unknown => Details::default(),
            Product::Listed { details, .. } | Product::Archived { details, .. } => details,
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use runtime::entity::testing;

    use super::*;
    use crate::wire::Currency;

    fn shirt(title: &str) -> Details {
        let price = Money::new(1999, Currency::parse("EUR").expect("a currency")).expect("a price");
        let options = BTreeMap::new();
        let red = Variant { sku: "SHIRT-RED".into(), title: "Red".into(), price, options, weight_grams: Some(200) };
        Details { title: title.into(), variants: vec![red], ..Details::default() }
    }

    fn created() -> Event {
        Event::Created { id: "prd_1".into(), details: shirt("Shirt"), on_sale: true, at: testing::moment(1) }
    }

    fn archived() -> Event {
        Event::Archived { id: "prd_1".into(), at: testing::moment(2) }
    }

    fn create() -> Command {
        Command::Create { id: "prd_1".into(), details: shirt("Shirt"), on_sale: true }
    }

    fn update(title: &str) -> Command {
        Command::Update { details: shirt(title), on_sale: true }
    }

    /// Given what happened, when a command comes, then this.
    fn check(given: &[Event], when: Command, expected: Expect) {
        let said = match testing::decide::<Product>(given, when) {
            Err(refusal) => format!("refused: {refusal}"),
            Ok(events) if events.is_empty() => "already so".to_owned(),
            Ok(events) => events.iter().map(name).collect::<Vec<_>>().join(", "),
        };
        expected.assert_eq(&said);
    }

    fn name(event: &Event) -> String {
        match event {
            Event::Created { details, .. } => format!("created {}", details.title),
            Event::Updated { details, on_sale, .. } => format!("updated {} {on_sale}", details.title),
            Event::Archived { .. } => "archived".to_owned(),
            Event::FewLeft { sku, few_left, .. } => format!("{} left of {sku}", few_left.current_stock),
        }
    }

    fn few(sku: &str, current_stock: i64, at: i64) -> (String, FewLeft) {
        (sku.to_owned(), FewLeft { current_stock, at: testing::moment(at) })
    }

    fn mark(sku: &str, current_stock: i64, at: i64) -> Command {
        let (sku, few_left) = few(sku, current_stock, at);
        Command::MarkFewLeft { sku, few_left }
    }

    fn marked(sku: &str, current_stock: i64, at: i64) -> Event {
        let (sku, few_left) = few(sku, current_stock, at);
        Event::FewLeft { id: "prd_1".into(), sku, few_left }
    }

    #[test]
    fn a_product_is_created_once() {
        check(&[], create(), expect!["created Shirt"]);
        check(&[created()], create(), expect!["refused: there is already a product with this id"]);
        check(&[created(), archived()], create(), expect!["refused: there is already a product with this id"]);
    }

    #[test]
    fn an_update_replaces_and_a_repeat_of_it_is_already_so() {
        check(&[], update("Shirt"), expect!["refused: there is no such product"]);
        check(&[created()], update("Tee"), expect!["updated Tee true"]);
        check(&[created()], update("Shirt"), expect!["already so"]);
        let off_sale = Command::Update { details: shirt("Shirt"), on_sale: false };
        check(&[created()], off_sale, expect!["updated Shirt false"]);
    }

    #[test]
    fn an_archived_product_never_changes() {
        check(
            &[created(), archived()],
            update("Tee"),
            expect!["refused: the product is archived and no longer changes"],
        );
        check(&[created(), archived()], Command::Archive, expect!["already so"]);
        check(&[created()], Command::Archive, expect!["archived"]);
        check(&[], Command::Archive, expect!["refused: there is no such product"]);
    }

    #[test]
    fn what_it_was_is_kept_when_it_is_archived() {
        let product: Product = testing::fold(&[created(), archived()]);
        let Product::Archived { details, created_at, archived_at, .. } = product else { panic!("{product:?}") };
        assert_eq!(
            (details.title.as_str(), created_at, archived_at),
            ("Shirt", testing::moment(1), testing::moment(2))
        );
    }

    #[test]
    fn the_latest_word_that_few_are_left_is_kept() {
        check(&[], mark("SHIRT-RED", 3, 50), expect!["refused: there is no such product"]);
        check(&[created()], mark("SHIRT-RED", 3, 50), expect!["3 left of SHIRT-RED"]);
        check(&[created()], mark("SHIRT-PINK", 3, 50), expect!["already so"]);
        check(&[created(), marked("SHIRT-RED", 3, 50)], mark("SHIRT-RED", 3, 50), expect!["already so"]);
        check(&[created(), marked("SHIRT-RED", 3, 50)], mark("SHIRT-RED", 5, 40), expect!["already so"]);
        check(&[created(), marked("SHIRT-RED", 3, 50)], mark("SHIRT-RED", 1, 60), expect!["1 left of SHIRT-RED"]);
        check(&[created(), archived()], mark("SHIRT-RED", 3, 50), expect!["already so"]);
    }

    #[test]
    fn few_left_outlives_an_update_as_long_as_the_variant_does() {
        let at = testing::moment(60);
        let updated = |details| Event::Updated { id: "prd_1".into(), details, on_sale: true, at };
        let kept: Product = testing::fold(&[created(), marked("SHIRT-RED", 3, 50), updated(shirt("Tee"))]);
        let Product::Listed { few_left, updated_at, .. } = kept else { panic!("{kept:?}") };
        assert_eq!((few_left, updated_at), (BTreeMap::from([few("SHIRT-RED", 3, 50)]), at));
        let bare = Details { variants: Vec::new(), ..shirt("Tee") };
        let gone: Product = testing::fold(&[created(), marked("SHIRT-RED", 3, 50), updated(bare)]);
        assert!(matches!(&gone, Product::Listed { few_left, .. } if few_left.is_empty()), "{gone:?}");
    }
}

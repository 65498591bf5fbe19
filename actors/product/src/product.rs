//! A product: what it says about itself, and whether it is on sale.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runtime::entity::{Agenda, Entity, Facts};
use serde::{Deserialize, Serialize};

pub use crate::details::{Details, Listing, Phase, Variant, Window};

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
        /// How its window was last said to be.
        phase: Phase,
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
    /// A moment of its window has come.
    Turn,
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
    /// Its window opened.
    Published {
        /// Its id.
        id: String,
        /// When.
        at: Timestamp,
    },
    /// Its window closed.
    Hidden {
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
    const FOLD: u32 = 3;
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
            (Unknown, Command::Update { .. } | Command::Archive | Command::Turn | Command::MarkFewLeft { .. }) => {
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
            (Archived { .. }, Command::Archive | Command::Turn) => Ok(vec![]),
            // A draft is not seen, and says so by being one; what its window is, it learns when it is put on sale.
            (Listed { on_sale: false, .. }, Command::Turn) => Ok(vec![]),
            (Listed { id, details, phase, .. }, Command::Turn) => Ok(match (phase, details.listing.window.phase(at)) {
                (Phase::Before, Phase::Within) => vec![Event::Published { id: id.clone(), at }],
                (Phase::Before | Phase::Within, Phase::After) => vec![Event::Hidden { id: id.clone(), at }],
                _ => vec![],
            }),
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
            (Product::Listed { phase, .. }, Event::Published { .. }) => *phase = Phase::Within,
            (Product::Listed { phase, .. }, Event::Hidden { .. }) => *phase = Phase::After,
            (
                Product::Unknown | Product::Archived { .. },
                Event::FewLeft { .. } | Event::Published { .. } | Event::Hidden { .. },
            ) => {}
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

    fn agenda(&self) -> Agenda<Command> {
        let Product::Listed { details, on_sale: true, phase, .. } = self else { return Agenda::nothing() };
        match details.listing.window.end(*phase) {
            Some(at) => Agenda::nothing().wake(format!("turn/{}", at.as_microsecond()), at, Command::Turn),
            None => Agenda::nothing(),
        }
    }
}

impl Product {
    /// Whether customers see it.
    #[must_use]
    pub fn is_published(&self) -> bool {
        matches!(self, Product::Listed { on_sale: true, phase: Phase::Within, .. })
    }

    /// Whether customers see it there; without a channel, whether they see it everywhere.
    #[must_use]
    pub fn is_shown(&self, channel: Option<&str>) -> bool {
        let there = matches!(self, Product::Listed { details, .. } if details.listing.in_channel(channel));
        there && self.is_published()
    }

    /// Whether staff see it: wherever it is, or in the channel that they ask for.
    #[must_use]
    pub fn is_listed_in(&self, channel: Option<&str>) -> bool {
        match self {
            Product::Unknown => false,
            Product::Listed { details, .. } | Product::Archived { details, .. } => {
                channel.is_none() || details.listing.in_channel(channel)
            }
        }
    }

    /// The same product, saying this about itself from now on.
    fn listed(self, id: &str, details: &Details, on_sale: bool, at: Timestamp) -> Product {
        let created_at = self.created_at().unwrap_or(at);
        let mut few_left = match self {
            Product::Listed { few_left, .. } => few_left,
            Product::Unknown | Product::Archived { .. } => BTreeMap::new(),
        };
        few_left.retain(|sku, _| details.has(sku));
        Product::Listed {
            id: id.to_owned(),
            phase: details.listing.window.phase(at),
            details: details.clone(),
            on_sale,
            few_left,
            created_at,
            updated_at: at,
        }
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
    use crate::wire::{Currency, Money};

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
            Event::Published { .. } => "published".to_owned(),
            Event::Hidden { .. } => "hidden".to_owned(),
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

    /// A shirt that is seen from 50 to 150, or as said; commands come at 100.
    fn seen(from: Option<i64>, until: Option<i64>, on_sale: bool) -> Event {
        let window = Window { from: from.map(testing::moment), until: until.map(testing::moment) };
        let details = Details { listing: Listing { window, ..Listing::default() }, ..shirt("Shirt") };
        Event::Created { id: "prd_1".into(), details, on_sale, at: testing::moment(1) }
    }

    fn published() -> Event {
        Event::Published { id: "prd_1".into(), at: testing::moment(60) }
    }

    fn hidden() -> Event {
        Event::Hidden { id: "prd_1".into(), at: testing::moment(70) }
    }

    #[test]
    fn a_window_opens_and_closes_by_itself() {
        check(&[], Command::Turn, expect!["refused: there is no such product"]);
        check(&[created()], Command::Turn, expect!["already so"]);
        check(&[created(), archived()], Command::Turn, expect!["already so"]);
        check(&[seen(Some(50), Some(150), true)], Command::Turn, expect!["published"]);
        check(&[seen(Some(50), Some(150), true), published()], Command::Turn, expect!["already so"]);
        check(&[seen(Some(50), Some(80), true), published()], Command::Turn, expect!["hidden"]);
        check(&[seen(Some(50), Some(80), true)], Command::Turn, expect!["hidden"]);
        check(&[seen(Some(50), Some(80), true), hidden()], Command::Turn, expect!["already so"]);
        check(&[seen(Some(150), None, true)], Command::Turn, expect!["already so"]);
        check(&[seen(None, Some(80), true)], Command::Turn, expect!["hidden"]);
        check(&[seen(Some(50), None, false)], Command::Turn, expect!["already so"]);
    }

    #[test]
    fn it_is_on_the_agenda_when_the_window_turns_next() {
        let owed = |given: &[Event]| testing::owed::<Product>(given);
        let turn = |at: i64| vec![format!("turn/{}", testing::moment(at).as_microsecond())];
        let both = || seen(Some(50), Some(150), true);
        assert_eq!(owed(&[both()]), turn(50));
        assert_eq!(owed(&[both(), published()]), turn(150));
        assert!(owed(&[both(), published(), hidden()]).is_empty());
        assert!(owed(&[both(), archived()]).is_empty());
        assert!(owed(&[seen(Some(50), None, false)]).is_empty());
        assert!(owed(&[created()]).is_empty());
    }

    #[test]
    fn customers_see_what_is_published_in_their_channel() {
        let of = |event: Event| testing::fold::<Product>(&[event]);
        let (open, early, draft) = (of(created()), of(seen(Some(50), None, true)), of(seen(None, None, false)));
        assert_eq!([&open, &early, &draft].map(Product::is_published), [true, false, false]);
        let mut web = shirt("Shirt");
        web.listing.channels = vec!["web".into()];
        let web = of(Event::Created { id: "prd_1".into(), details: web, on_sale: true, at: testing::moment(1) });
        assert_eq!([None, Some("shop"), Some("web")].map(|channel| web.is_shown(channel)), [false, false, true]);
        assert_eq!([None, Some("shop")].map(|channel| open.is_shown(channel)), [true, true]);
    }
}

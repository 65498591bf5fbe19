//! A collection: products that belong together by rules. Which they are is never noted; it follows.

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::attributes::Attribute;

/// The state of a collection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Collection {
    /// Nothing ever happened to it.
    #[default]
    Unknown,
    /// It is there.
    Known {
        /// Its id.
        id: String,
        /// What it says about itself.
        details: Details,
        /// When it came into being.
        created_at: Timestamp,
        /// When it last changed.
        updated_at: Timestamp,
    },
    /// It was removed for good.
    Deleted,
}

/// What a collection says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// What people call it.
    pub title: String,
    /// Its word in the address of a page; empty when it has none.
    pub slug: String,
    /// What people should know about it.
    pub description: String,
    /// One rule is enough; otherwise all are followed.
    pub any: bool,
    /// The rules; at least one.
    pub rules: Vec<Rule>,
}

/// What is so of the products of a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rule {
    /// They are in this category, or in one that is in it.
    Category(String),
    /// They are of this type.
    Type(String),
    /// They have this tag.
    Tag(String),
    /// This is so of them.
    Attribute(Attribute),
}

/// What rules ask of a product.
pub trait Member {
    /// Whether it is in a category, or in one that is in it.
    fn is_in(&self, category_id: &str) -> bool;
    /// Whether it is of a type.
    fn is_of(&self, product_type: &str) -> bool;
    /// Whether it has a tag.
    fn has_tag(&self, tag: &str) -> bool;
    /// Whether this is so of it.
    fn has(&self, attribute: &Attribute) -> bool;
}

impl Details {
    /// Whether a product belongs to it.
    #[must_use]
    pub fn holds(&self, member: &impl Member) -> bool {
        let follows = |rule: &Rule| match rule {
            Rule::Category(id) => member.is_in(id),
            Rule::Type(product_type) => member.is_of(product_type),
            Rule::Tag(tag) => member.has_tag(tag),
            Rule::Attribute(attribute) => member.has(attribute),
        };
        if self.any { self.rules.iter().any(follows) } else { self.rules.iter().all(follows) }
    }
}

/// What can be asked of a collection.
#[derive(Debug, Clone)]
pub enum Command {
    /// Come into being.
    Create {
        /// Its id.
        id: String,
        /// What it says about itself.
        details: Details,
    },
    /// Say this about itself from now on.
    Update(Details),
    /// Be no more.
    Delete,
}

/// What can have happened to a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It came into being.
    Created {
        /// Its id.
        id: String,
        /// What it says about itself.
        details: Details,
        /// When.
        at: Timestamp,
    },
    /// It says this about itself now.
    Updated {
        /// Its id.
        id: String,
        /// What it says about itself.
        details: Details,
        /// When.
        at: Timestamp,
    },
    /// It was removed.
    Deleted {
        /// Its id.
        id: String,
        /// When.
        at: Timestamp,
    },
}

/// Why a collection says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such collection")]
    NotFound,
    /// There is or was one.
    #[error("there is already a collection with this id")]
    AlreadyExists,
}

impl Entity for Collection {
    const KIND: &'static str = "collection";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        use Collection::{Deleted, Known, Unknown};
        let at = facts.now;
        match (self, command) {
            (Unknown, Command::Create { id, details }) => Ok(vec![Event::Created { id, details, at }]),
            (Known { .. } | Deleted, Command::Create { .. }) => Err(Refusal::AlreadyExists),
            (Unknown | Deleted, Command::Update(_)) | (Unknown, Command::Delete) => Err(Refusal::NotFound),
            (Known { details: now, .. }, Command::Update(details)) if *now == details => Ok(vec![]),
            (Known { id, .. }, Command::Update(details)) => Ok(vec![Event::Updated { id: id.clone(), details, at }]),
            (Known { id, .. }, Command::Delete) => Ok(vec![Event::Deleted { id: id.clone(), at }]),
            (Deleted, Command::Delete) => Ok(vec![]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match (&mut *self, event.clone()) {
            (_, Event::Created { id, details, at }) => {
                *self = Collection::Known { id, details, created_at: at, updated_at: at };
            }
            (Collection::Known { details: now, updated_at, .. }, Event::Updated { details, at, .. }) => {
                (*now, *updated_at) = (details, at);
            }
            (_, Event::Deleted { .. }) => *self = Collection::Deleted,
            (Collection::Unknown | Collection::Deleted, Event::Updated { .. }) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use runtime::entity::testing::{decide, moment};

    use super::*;
    use crate::attributes::Value;

    fn details(title: &str) -> Details {
        Details { title: title.into(), rules: vec![Rule::Tag("summer".into())], ..Details::default() }
    }

    fn created() -> Event {
        Event::Created { id: "col_1".into(), details: details("Summer"), at: moment(1) }
    }

    fn deleted() -> Event {
        Event::Deleted { id: "col_1".into(), at: moment(2) }
    }

    fn check(given: &[Event], when: Command, expected: Expect) {
        let said = match decide::<Collection>(given, when) {
            Err(refusal) => format!("refused: {refusal}"),
            Ok(events) => events.iter().map(|event| format!("{event:?}")).collect::<Vec<_>>().join(", "),
        };
        let said = said.split([' ', '{']).next().unwrap_or_default();
        expected.assert_eq(if said.is_empty() { "already so" } else { said });
    }

    #[test]
    fn a_collection_is_created_changed_and_removed_for_good() {
        let create = || Command::Create { id: "col_1".into(), details: details("Summer") };
        check(&[], create(), expect!["Created"]);
        check(&[created()], create(), expect!["refused:"]);
        check(&[created(), deleted()], create(), expect!["refused:"]);
        check(&[], Command::Update(details("Sun")), expect!["refused:"]);
        check(&[created()], Command::Update(details("Sun")), expect!["Updated"]);
        check(&[created()], Command::Update(details("Summer")), expect!["already so"]);
        check(&[created(), deleted()], Command::Update(details("Sun")), expect!["refused:"]);
        check(&[], Command::Delete, expect!["refused:"]);
        check(&[created()], Command::Delete, expect!["Deleted"]);
        check(&[created(), deleted()], Command::Delete, expect!["already so"]);
    }

    /// Of the type `apparel`, tagged `summer`, and warm.
    struct Shirt;

    fn warm(is: bool) -> Attribute {
        Attribute { name: "warm".into(), value: Some(Value::Boolean(is)) }
    }

    impl Member for Shirt {
        fn is_in(&self, category_id: &str) -> bool {
            category_id == "cat_1"
        }

        fn is_of(&self, product_type: &str) -> bool {
            product_type == "apparel"
        }

        fn has_tag(&self, tag: &str) -> bool {
            tag == "summer"
        }

        fn has(&self, attribute: &Attribute) -> bool {
            *attribute == warm(true)
        }
    }

    #[test]
    fn a_product_belongs_by_every_rule_or_by_any() {
        let holds =
            |any: bool, rules: &[Rule]| Details { any, rules: rules.to_vec(), ..Details::default() }.holds(&Shirt);
        let good = [
            Rule::Category("cat_1".into()),
            Rule::Type("apparel".into()),
            Rule::Tag("summer".into()),
            Rule::Attribute(warm(true)),
        ];
        let bad = [
            Rule::Category("cat_2".into()),
            Rule::Type("physical".into()),
            Rule::Tag("winter".into()),
            Rule::Attribute(warm(false)),
        ];
        assert!(holds(false, &good) && holds(true, &good) && !holds(true, &bad));
        for (good, bad) in good.iter().zip(&bad) {
            let both = [good.clone(), bad.clone()];
            assert!(!holds(false, &both) && holds(true, &both), "{good:?}");
        }
    }
}

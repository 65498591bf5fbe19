//! A category: a place that products are found in.
//!
//! Where it is in the tree, the tree decides (see [`crate::tree`]); the category notes it, by the number of the
//! arrangement, so that what is heard late changes nothing.

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

/// The state of a category.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Category {
    /// Nothing ever happened to it.
    #[default]
    Unknown,
    /// It is there.
    Known {
        /// Its id.
        id: String,
        /// What it says about itself.
        details: Details,
        /// Where it is.
        place: Place,
        /// When it came into being.
        created_at: Timestamp,
        /// When it last changed or moved.
        updated_at: Timestamp,
    },
}

/// What a category says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// What people call it.
    pub name: String,
    /// Its word in the address of a page; empty when it has none.
    pub slug: String,
    /// What people should know about it.
    pub description: String,
}

/// Where a category is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// In which category; at the top when in none.
    pub parent: Option<String>,
    /// Which arrangement of the tree put it there.
    pub arrangement: u64,
}

/// What can be asked of a category.
#[derive(Debug, Clone)]
pub enum Command {
    /// Come into being.
    Create {
        /// Its id.
        id: String,
        /// What it says about itself.
        details: Details,
        /// Where the tree put it.
        place: Place,
    },
    /// Say this about itself from now on.
    Update(Details),
    /// Be where the tree put it.
    Move(Place),
}

/// What can have happened to a category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It came into being.
    Created {
        /// Its id.
        id: String,
        /// What it says about itself.
        details: Details,
        /// Where it is.
        place: Place,
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
    /// It is elsewhere now.
    Moved {
        /// Its id.
        id: String,
        /// Where it is.
        place: Place,
        /// When.
        at: Timestamp,
    },
}

/// Why a category says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such category")]
    NotFound,
    /// There is one.
    #[error("there is already a category with this id")]
    AlreadyExists,
}

impl Entity for Category {
    const KIND: &'static str = "category";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        use Category::{Known, Unknown};
        let at = facts.now;
        match (self, command) {
            (Unknown, Command::Create { id, details, place }) => Ok(vec![Event::Created { id, details, place, at }]),
            (Known { .. }, Command::Create { .. }) => Err(Refusal::AlreadyExists),
            (Unknown, Command::Update(_) | Command::Move(_)) => Err(Refusal::NotFound),
            (Known { details: now, .. }, Command::Update(details)) if *now == details => Ok(vec![]),
            (Known { id, .. }, Command::Update(details)) => Ok(vec![Event::Updated { id: id.clone(), details, at }]),
            // Two moves come from the tree in one order and may come here in the other.
            (Known { place: now, .. }, Command::Move(place)) if place.arrangement <= now.arrangement => Ok(vec![]),
            (Known { id, .. }, Command::Move(place)) => Ok(vec![Event::Moved { id: id.clone(), place, at }]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match (&mut *self, event.clone()) {
            (_, Event::Created { id, details, place, at }) => {
                *self = Category::Known { id, details, place, created_at: at, updated_at: at };
            }
            (Category::Known { details: now, updated_at, .. }, Event::Updated { details, at, .. }) => {
                (*now, *updated_at) = (details, at);
            }
            (Category::Known { place: now, updated_at, .. }, Event::Moved { place, at, .. }) => {
                (*now, *updated_at) = (place, at);
            }
            (Category::Unknown, Event::Updated { .. } | Event::Moved { .. }) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use runtime::entity::testing::{decide, moment};

    use super::*;

    fn details(name: &str) -> Details {
        Details { name: name.into(), ..Details::default() }
    }

    fn place(parent: &str, arrangement: u64) -> Place {
        Place { parent: Some(parent.into()), arrangement }
    }

    fn created() -> Event {
        Event::Created { id: "cat_1".into(), details: details("Shirts"), place: place("cat_0", 3), at: moment(1) }
    }

    fn check(given: &[Event], when: Command, expected: Expect) {
        let said = match decide::<Category>(given, when) {
            Err(refusal) => format!("refused: {refusal}"),
            Ok(events) => events.iter().map(name).collect::<Vec<_>>().join(", "),
        };
        expected.assert_eq(if said.is_empty() { "already so" } else { &said });
    }

    fn name(event: &Event) -> String {
        match event {
            Event::Created { details, .. } => format!("created {}", details.name),
            Event::Updated { details, .. } => format!("updated {}", details.name),
            Event::Moved { place, .. } => format!("moved {place:?}"),
        }
    }

    #[test]
    fn a_category_is_created_once_and_can_be_renamed() {
        let create = || Command::Create { id: "cat_1".into(), details: details("Shirts"), place: place("cat_0", 3) };
        check(&[], create(), expect!["created Shirts"]);
        check(&[created()], create(), expect!["refused: there is already a category with this id"]);
        check(&[], Command::Update(details("Tops")), expect!["refused: there is no such category"]);
        check(&[created()], Command::Update(details("Tops")), expect!["updated Tops"]);
        check(&[created()], Command::Update(details("Shirts")), expect!["already so"]);
    }

    #[test]
    fn an_older_arrangement_moves_nothing() {
        check(&[], Command::Move(place("cat_2", 4)), expect!["refused: there is no such category"]);
        check(
            &[created()],
            Command::Move(place("cat_2", 4)),
            expect![[r#"moved Place { parent: Some("cat_2"), arrangement: 4 }"#]],
        );
        check(&[created()], Command::Move(place("cat_0", 3)), expect!["already so"]);
        check(&[created()], Command::Move(place("cat_9", 2)), expect!["already so"]);
    }
}

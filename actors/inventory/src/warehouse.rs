//! A warehouse: a place with shelves.

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

/// The state of a warehouse.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Warehouse {
    /// Nothing ever happened to it.
    #[default]
    Unknown,
    /// It is there.
    Open {
        /// Its id.
        id: String,
        /// What it says about itself.
        details: Details,
        /// When it opened.
        created_at: Timestamp,
        /// When it last changed.
        updated_at: Timestamp,
    },
}

/// What a warehouse says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// What people call it.
    pub name: String,
    /// The country it is in, by its two capitals; empty when nobody said.
    pub country: String,
    /// The state or province it is in; empty when nobody said.
    pub region: String,
    /// Which one to take from when nothing else decides: the higher goes first.
    pub priority: u32,
}

/// What can be asked of a warehouse.
#[derive(Debug, Clone)]
pub enum Command {
    /// Open.
    Create {
        /// Its id.
        id: String,
        /// What it says about itself.
        details: Details,
    },
    /// Say this about itself from now on.
    Update(Details),
}

/// What can have happened to a warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It opened.
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
}

/// Why a warehouse says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such warehouse")]
    NotFound,
    /// There is one.
    #[error("there is already a warehouse with this id")]
    AlreadyExists,
}

impl Warehouse {
    /// Whether it is there.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Warehouse::Open { .. })
    }
}

impl Entity for Warehouse {
    const KIND: &'static str = "warehouse";
    const FOLD: u32 = 2;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = facts.now;
        match (self, command) {
            (Warehouse::Unknown, Command::Create { id, details }) => Ok(vec![Event::Created { id, details, at }]),
            (Warehouse::Open { .. }, Command::Create { .. }) => Err(Refusal::AlreadyExists),
            (Warehouse::Unknown, Command::Update(_)) => Err(Refusal::NotFound),
            (Warehouse::Open { details: now, .. }, Command::Update(details)) if *now == details => Ok(vec![]),
            (Warehouse::Open { id, .. }, Command::Update(details)) => {
                Ok(vec![Event::Updated { id: id.clone(), details, at }])
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        *self = match (&*self, event.clone()) {
            (_, Event::Created { id, details, at }) => Warehouse::Open { id, details, created_at: at, updated_at: at },
            (Warehouse::Open { created_at, .. }, Event::Updated { id, details, at }) => {
                Warehouse::Open { id, details, created_at: *created_at, updated_at: at }
            }
            (Warehouse::Unknown, Event::Updated { id, details, at }) => {
                Warehouse::Open { id, details, created_at: at, updated_at: at }
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use runtime::entity::testing::{decide, moment};

    use super::*;

    fn details(name: &str) -> Details {
        Details { name: name.into(), country: "AT".into(), ..Details::default() }
    }

    fn created() -> Event {
        Event::Created { id: "wh_1".into(), details: details("Graz"), at: moment(1) }
    }

    fn check(given: &[Event], when: Command, expected: Expect) {
        let said = match decide::<Warehouse>(given, when) {
            Err(refusal) => format!("refused: {refusal}"),
            Ok(events) => events.iter().map(name).collect::<Vec<_>>().join(", "),
        };
        expected.assert_eq(if said.is_empty() { "already so" } else { &said });
    }

    fn name(event: &Event) -> String {
        match event {
            Event::Created { details, .. } => format!("created {}", details.name),
            Event::Updated { details, .. } => format!("updated {}", details.name),
        }
    }

    #[test]
    fn a_warehouse_opens_once_and_can_be_renamed() {
        let create = || Command::Create { id: "wh_1".into(), details: details("Graz") };
        check(&[], create(), expect!["created Graz"]);
        check(&[created()], create(), expect!["refused: there is already a warehouse with this id"]);
        check(&[], Command::Update(details("Linz")), expect!["refused: there is no such warehouse"]);
        check(&[created()], Command::Update(details("Linz")), expect!["updated Linz"]);
        check(&[created()], Command::Update(details("Graz")), expect!["already so"]);
    }
}

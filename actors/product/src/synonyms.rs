//! Synonyms: words that mean the same to the search.

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

/// The state of a set of synonyms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Synonyms {
    /// There are none of this name.
    #[default]
    Absent,
    /// They mean the same.
    Set {
        /// What staff call them.
        name: String,
        /// The words; at least two.
        words: Vec<String>,
        /// Since when.
        updated_at: Timestamp,
    },
}

/// What can be asked of a set of synonyms.
#[derive(Debug, Clone)]
pub enum Command {
    /// Be these words.
    Set {
        /// What staff call them.
        name: String,
        /// The words.
        words: Vec<String>,
    },
    /// Be no more.
    Delete,
}

/// What can have happened to a set of synonyms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It is these words now.
    Updated {
        /// What staff call them.
        name: String,
        /// The words.
        words: Vec<String>,
        /// When.
        at: Timestamp,
    },
    /// It is no more.
    Deleted {
        /// What staff called them.
        name: String,
        /// When.
        at: Timestamp,
    },
}

/// Why a set of synonyms says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there are no such synonyms")]
    NotFound,
}

impl Entity for Synonyms {
    const KIND: &'static str = "synonyms";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = facts.now;
        match (self, command) {
            (Synonyms::Set { words: now, .. }, Command::Set { words, .. }) if *now == words => Ok(vec![]),
            (Synonyms::Absent | Synonyms::Set { .. }, Command::Set { name, words }) => {
                Ok(vec![Event::Updated { name, words, at }])
            }
            (Synonyms::Absent, Command::Delete) => Err(Refusal::NotFound),
            (Synonyms::Set { name, .. }, Command::Delete) => Ok(vec![Event::Deleted { name: name.clone(), at }]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        *self = match event.clone() {
            Event::Updated { name, words, at } => Synonyms::Set { name, words, updated_at: at },
            Event::Deleted { .. } => Synonyms::Absent,
        };
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, moment};

    use super::*;

    #[test]
    fn synonyms_are_set_anew_and_forgotten() {
        let set = |words: &[&str]| Command::Set {
            name: "shirts".into(),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
        };
        let updated =
            || Event::Updated { name: "shirts".into(), words: vec!["tee".into(), "shirt".into()], at: moment(1) };
        let deleted = || Event::Deleted { name: "shirts".into(), at: moment(2) };
        let count = |given: &[Event], when| decide::<Synonyms>(given, when).map(|events| events.len());
        assert_eq!(count(&[], set(&["tee", "shirt"])), Ok(1));
        assert_eq!(count(&[updated()], set(&["tee", "shirt"])), Ok(0));
        assert_eq!(count(&[updated()], set(&["tee", "top"])), Ok(1));
        assert_eq!(count(&[updated(), deleted()], set(&["tee", "shirt"])), Ok(1));
        assert_eq!(count(&[updated()], Command::Delete), Ok(1));
        assert_eq!(count(&[], Command::Delete), Err(Refusal::NotFound));
        assert_eq!(count(&[updated(), deleted()], Command::Delete), Err(Refusal::NotFound));
    }
}

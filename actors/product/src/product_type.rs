//! A product type: what is to be said of each of its products.

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::attributes::{Definition, Kind};
use crate::details::error;
use crate::wire::{FieldError, Problem, code};

/// The state of a product type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProductType {
    /// Nobody defined it.
    #[default]
    Undefined,
    /// It is defined.
    Defined {
        /// Its word.
        name: String,
        /// What it demands.
        demands: Demands,
        /// Since when.
        updated_at: Timestamp,
    },
}

/// What a type demands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demands {
    /// What people call it.
    pub label: String,
    /// What can and must be said; each name once.
    pub attributes: Vec<Definition>,
}

/// What can be asked of a product type.
#[derive(Debug, Clone)]
pub enum Command {
    /// Demand this from now on.
    Define {
        /// Its word.
        name: String,
        /// What it demands.
        demands: Demands,
    },
}

/// What can have happened to a product type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It demands this now.
    Defined {
        /// Its word.
        name: String,
        /// What it demands.
        demands: Demands,
        /// When.
        at: Timestamp,
    },
}

impl Demands {
    /// What does not fit together, each at its place in the request.
    #[must_use]
    pub fn contradictions(&self) -> Vec<FieldError> {
        let wrong = |(place, definition): (usize, &Definition)| {
            let at = format!("/attributes/{place}/choices");
            match (definition.kind, definition.choices.is_empty()) {
                (Kind::Choice, true) => Some(error(at, code::REQUIRED, "a choice needs something to choose".into())),
                (Kind::Text | Kind::Number | Kind::Boolean | Kind::Date, false) => {
                    Some(error(at, code::TOO_MANY, "only a choice has choices".into()))
                }
                _ => None,
            }
        };
        self.attributes.iter().enumerate().filter_map(wrong).collect()
    }
}

impl Entity for ProductType {
    const KIND: &'static str = "product_type";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Problem;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Problem> {
        match (self, command) {
            (ProductType::Defined { demands: now, .. }, Command::Define { demands, .. }) if *now == demands => {
                Ok(vec![])
            }
            (ProductType::Undefined | ProductType::Defined { .. }, Command::Define { name, demands }) => {
                let wrong = demands.contradictions();
                if wrong.is_empty() {
                    Ok(vec![Event::Defined { name, demands, at: facts.now }])
                } else {
                    Err(Problem::invalid(wrong))
                }
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        let Event::Defined { name, demands, at } = event.clone();
        *self = ProductType::Defined { name, demands, updated_at: at };
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, moment};

    use super::*;

    fn define(kind: Kind, choices: &[&str]) -> Command {
        let choices = choices.iter().map(|choice| (*choice).to_owned()).collect();
        let season = Definition { name: "season".into(), label: String::new(), kind, required: true, choices };
        Command::Define { name: "apparel".into(), demands: Demands { label: String::new(), attributes: vec![season] } }
    }

    fn defined(command: Command) -> Event {
        let Command::Define { name, demands } = command;
        Event::Defined { name, demands, at: moment(1) }
    }

    #[test]
    fn a_type_is_defined_anew_and_a_repeat_of_it_is_already_so() {
        let count = |given: &[Event], when| decide::<ProductType>(given, when).map(|events| events.len());
        let text = || define(Kind::Text, &[]);
        assert_eq!(count(&[], text()), Ok(1));
        assert_eq!(count(&[defined(text())], text()), Ok(0));
        assert_eq!(count(&[defined(text())], define(Kind::Number, &[])), Ok(1));
    }

    #[test]
    fn a_choice_and_only_a_choice_has_choices() {
        let said = |when| decide::<ProductType>(&[], when).map_err(|problem| problem.errors[0].pointer.clone());
        assert!(said(define(Kind::Choice, &["winter"])).is_ok());
        assert_eq!(said(define(Kind::Choice, &[])), Err("/attributes/0/choices".into()));
        assert_eq!(said(define(Kind::Date, &["winter"])), Err("/attributes/0/choices".into()));
    }
}

//! Attributes: what is so of a product, and what its type demands to be said.

use serde::{Deserialize, Serialize};

use crate::details::error;
use crate::wire::{FieldError, code};

/// Something that is so of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Which attribute.
    pub name: String,
    /// What is so; nothing when that was left out, which no type accepts.
    pub value: Option<Value>,
}

/// What is so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// Words.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Yes or no.
    Boolean(bool),
    /// One of the choices.
    Choice(String),
    /// A day, as `2026-01-31`.
    Date(String),
}

/// What can be said of the products of a type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Its word.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// Which kind of value it has.
    pub kind: Kind,
    /// Every product of the type says it.
    pub required: bool,
    /// What can be chosen; for choices only.
    pub choices: Vec<String>,
}

/// Which kind of value an attribute has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Words.
    Text,
    /// A whole number.
    Number,
    /// Yes or no.
    Boolean,
    /// One of the choices.
    Choice,
    /// A day.
    Date,
}

impl Kind {
    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Number => "number",
            Kind::Boolean => "boolean",
            Kind::Choice => "choice",
            Kind::Date => "date",
        }
    }
}

impl Value {
    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Value::Text(_) => Kind::Text,
            Value::Number(_) => Kind::Number,
            Value::Boolean(_) => Kind::Boolean,
            Value::Choice(_) => Kind::Choice,
            Value::Date(_) => Kind::Date,
        }
    }
}

/// What is wrong about attributes, each at its place in the request. Without a type there is nothing to be said.
#[must_use]
pub fn wrong(attributes: &[Attribute], definitions: Option<&[Definition]>) -> Vec<FieldError> {
    let Some(definitions) = definitions else {
        let detail = "attributes are said of a product whose type is defined".to_owned();
        let refused = (!attributes.is_empty()).then(|| error("/product_type".into(), code::UNKNOWN_VALUE, detail));
        return refused.into_iter().collect();
    };
    let mut wrong = Vec::new();
    for (place, attribute) in attributes.iter().enumerate() {
        let Some(definition) = definitions.iter().find(|definition| definition.name == attribute.name) else {
            let detail = format!("the type has no attribute `{}`", attribute.name);
            wrong.push(error(format!("/attributes/{place}/name"), code::UNKNOWN_VALUE, detail));
            continue;
        };
        wrong.extend(unfit(place, attribute.value.as_ref(), definition));
    }
    let said = |name: &str| attributes.iter().any(|attribute| attribute.name == name);
    for definition in definitions.iter().filter(|definition| definition.required && !said(&definition.name)) {
        let detail = format!("the attribute `{}` must be given", definition.name);
        wrong.push(error("/attributes".into(), code::REQUIRED, detail));
    }
    wrong
}

fn unfit(place: usize, value: Option<&Value>, definition: &Definition) -> Option<FieldError> {
    let kind = definition.kind;
    let Some(value) = value else {
        let detail = format!("must have a {}", kind.name());
        return Some(error(format!("/attributes/{place}/{}", kind.name()), code::REQUIRED, detail));
    };
    let at = format!("/attributes/{place}/{}", value.kind().name());
    if value.kind() != kind {
        return Some(error(at, code::WRONG_TYPE, format!("must be a {}", kind.name())));
    }
    match value {
        Value::Choice(choice) if !definition.choices.contains(choice) => {
            Some(error(at, code::UNKNOWN_VALUE, format!("must be one of: {}", definition.choices.join(", "))))
        }
        Value::Date(date) if !is_day(date) => {
            Some(error(at, code::BAD_FORMAT, "must be a day such as 2026-01-31".into()))
        }
        Value::Text(text) if text.is_empty() => Some(error(at, code::REQUIRED, "must not be empty".into())),
        Value::Text(_) | Value::Number(_) | Value::Boolean(_) | Value::Choice(_) | Value::Date(_) => None,
    }
}

fn is_day(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn definition(name: &str, kind: Kind, required: bool) -> Definition {
        let choices = if kind == Kind::Choice { vec!["summer".into(), "winter".into()] } else { Vec::new() };
        Definition { name: name.into(), label: String::new(), kind, required, choices }
    }

    fn apparel() -> Vec<Definition> {
        vec![
            definition("material", Kind::Text, true),
            definition("grams", Kind::Number, false),
            definition("warm", Kind::Boolean, false),
            definition("season", Kind::Choice, true),
            definition("released", Kind::Date, false),
        ]
    }

    fn check(said: &[(&str, Option<Value>)], expected: Expect) {
        let attribute =
            |(name, value): &(&str, Option<Value>)| Attribute { name: (*name).into(), value: value.clone() };
        let attributes: Vec<_> = said.iter().map(attribute).collect();
        let wrong: Vec<_> = wrong(&attributes, Some(&apparel())).iter().map(ToString::to_string).collect();
        expected.assert_eq(&wrong.join("\n"));
    }

    #[test]
    fn attributes_are_held_to_the_type() {
        let wool = || ("material", Some(Value::Text("wool".into())));
        let winter = || ("season", Some(Value::Choice("winter".into())));
        check(&[wool(), winter()], expect![""]);
        let day = Value::Date("2026-02-28".into());
        let all = [wool(), winter(), ("grams", Some(Value::Number(-1))), ("warm", Some(Value::Boolean(false)))];
        check(&[&all[..], &[("released", Some(day))]].concat(), expect![""]);
        check(
            &[wool(), ("season", Some(Value::Choice("autumn".into())))],
            expect!["/attributes/1/choice: must be one of: summer, winter (unknown_value)"],
        );
        check(
            &[wool(), winter(), ("released", Some(Value::Date("2026-02-30".into()))), ("grams", None)],
            expect![[r#"
                /attributes/2/date: must be a day such as 2026-01-31 (bad_format)
                /attributes/3/number: must have a number (required)"#]],
        );
        check(
            &[("season", Some(Value::Text("winter".into()))), ("smell", Some(Value::Number(3)))],
            expect![[r#"
                /attributes/0/text: must be a choice (wrong_type)
                /attributes/1/name: the type has no attribute `smell` (unknown_value)
                /attributes: the attribute `material` must be given (required)"#]],
        );
    }

    #[test]
    fn without_a_type_there_is_nothing_to_be_said() {
        assert!(wrong(&[], None).is_empty());
        let said = wrong(&[Attribute { name: "x".into(), value: Some(Value::Number(1)) }], None);
        assert_eq!(said.iter().map(|error| error.pointer.as_str()).collect::<Vec<_>>(), ["/product_type"]);
    }
}

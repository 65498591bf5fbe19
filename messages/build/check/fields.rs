//! What a message must hold: rules that fit their fields, and an example for everything that people see.

use anyhow::{Context as _, ensure};

use crate::model::{Contract, Field, Kind, Message, Shape};

/// Messages of this package are read by machines; they need no examples.
const INTERNAL: &str = "shop.runtime.v1";

pub(super) fn message(contract: &Contract, message: &Message) -> anyhow::Result<()> {
    for field in &message.fields {
        self::field(contract, message, field).with_context(|| format!("in the field {}", field.name))?;
    }
    Ok(())
}

fn field(contract: &Contract, message: &Message, field: &Field) -> anyhow::Result<()> {
    let rules = &field.rules;
    ensure!(!field.doc.is_empty(), "it has no comment");
    let is_money = field.kind == Kind::Message("shop.common.v1.Money".into());
    let (is_text, is_enum) = (field.kind == Kind::Text, matches!(field.kind, Kind::Enum(_)));
    let counts = matches!(field.shape, Shape::List | Shape::Map);

    let bounded = rules.min.is_some() || rules.max.is_some();
    ensure!(!bounded || field.kind.is_number() || is_money && !counts, "min and max are for numbers and money");
    let measured = rules.min_length.is_some() || rules.max_length.is_some();
    ensure!(!measured || is_text || field.kind == Kind::Bytes, "min_length and max_length are for texts and bytes");
    ensure!(rules.min_items.is_none() && rules.max_items.is_none() || counts, "min_items and max_items are for lists");
    ensure!(rules.id.is_none() || is_text, "an id is a text");
    ensure!(rules.format == "UNSPECIFIED" || is_text, "a format is for texts");
    ensure!(rules.one_of.is_empty() || is_text || is_enum, "one_of is for texts and enums");
    let zero_is_a_value = field.shape == Shape::Implicit && (field.kind.is_number() || field.kind == Kind::Bool);
    ensure!(!rules.required || !zero_is_a_value, "zero is a value: make it `optional`, so that its absence is seen");
    ensure!(!rules.required || !matches!(field.shape, Shape::Oneof(_)), "an alternative cannot be required");
    ensure!(!(rules.personal && rules.required && rules.output_only), "what is personal comes from a person");
    if let Some(by) = &rules.unique_by {
        ensure!(field.shape == Shape::List, "unique_by is for lists");
        match &field.kind {
            Kind::Text => ensure!(by == ".", "the items of a list of texts are unique by `.`"),
            Kind::Message(name) => {
                let found = contract.message(name).field(by).is_some_and(|by| by.kind == Kind::Text);
                ensure!(found, "{name} has no text `{by}`");
            }
            _ => anyhow::bail!("unique_by is for texts and messages"),
        }
    }
    example(contract, message, field)
}

fn example(contract: &Contract, message: &Message, field: &Field) -> anyhow::Result<()> {
    let rules = &field.rules;
    let shows_itself = matches!(field.kind, Kind::Message(_)) || matches!(field.shape, Shape::Oneof(_));
    let Some(example) = &rules.example else {
        ensure!(shows_itself || message.package == INTERNAL, "it has no example");
        return Ok(());
    };
    let fits = match &field.kind {
        _ if field.shape == Shape::Map => example.starts_with('{'),
        kind if kind.is_number() => example.parse::<i64>().is_ok(),
        Kind::Bool => example.parse::<bool>().is_ok(),
        Kind::Enum(name) => {
            let choices = contract.packages.iter().flat_map(|package| &package.enums);
            let choices = choices.filter(|choices| format!("{}.{}", choices.package, choices.name) == *name);
            choices.flat_map(|choices| &choices.values).any(|(name, _)| name == example)
        }
        _ => true,
    };
    ensure!(fits, "`{example}` is not a value of it");
    Ok(())
}

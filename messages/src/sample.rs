//! A message made of the examples in the contract: for golden events, for documentation, and for tests that want one of
//! everything.

use crate::field::{Field, FieldKind};
use crate::json::{self, Json, Object};

/// The example of a message. Of alternatives the first is given.
pub fn of(fields: &[Field]) -> Json {
    let mut object = Object::new();
    let mut choices = Vec::new();
    for field in fields {
        if field.oneof.is_some_and(|choice| choices.contains(&choice)) {
            continue;
        }
        let Some(value) = value(field) else { continue };
        choices.extend(field.oneof);
        object.insert(field.name.into(), value);
    }
    Json::Object(object)
}

/// The example of a field; none for a field without one.
pub fn value(field: &Field) -> Option<Json> {
    let one = match (field.example, field.message) {
        (Some(example), _) => example_of(field, example),
        (None, Some(fields)) => of(fields()),
        (None, None) => return None,
    };
    Some(if field.repeated { Json::Array(vec![one]) } else { one })
}

fn example_of(field: &Field, example: &str) -> Json {
    match field.kind {
        FieldKind::Text | FieldKind::Enum(_) | FieldKind::Bytes | FieldKind::Time if !field.map => example.into(),
        // The build has read every example once.
        _ => json::parse(example.as_bytes()).unwrap_or_else(|_| example.into()),
    }
}

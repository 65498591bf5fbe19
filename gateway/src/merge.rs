//! The merge: PATCH as a JSON Merge Patch (RFC 7396) of what PUT replaces.
//!
//! `null` clears, absence keeps, a list is replaced whole. What only the server writes is left out of the entity before
//! the patch is laid over it, so a patch that names such a field is refused by the contract like any other body.

use messages::errors::{FieldError, code};
use messages::field::Field;
use messages::json::{Json, Object};

use crate::request::wrong;

/// What a client may write of an entity: the fields of the request that replaces it.
pub(crate) fn writable(entity: Object, fields: &'static [Field]) -> Object {
    entity
        .into_iter()
        .filter_map(|(name, value)| {
            let field = fields.iter().find(|field| field.name == name && !field.output_only)?;
            Some((name, writable_value(value, field)))
        })
        .collect()
}

fn writable_value(value: Json, field: &Field) -> Json {
    let Some(fields) = field.message.map(|fields| fields()) else { return value };
    match value {
        Json::Object(members) => Json::Object(writable(members, fields)),
        Json::Array(items) => Json::Array(items.into_iter().map(|item| writable_value(item, field)).collect()),
        other => other,
    }
}

/// Lays a patch over an entity (RFC 7396 §2).
pub(crate) fn merge(entity: &mut Object, patch: Object) {
    for (name, change) in patch {
        match change {
            Json::Null => {
                entity.remove(&name);
            }
            Json::Object(change) => {
                let value = entity.entry(name).or_insert(Json::Null);
                let mut members = match std::mem::replace(value, Json::Null) {
                    Json::Object(members) => members,
                    _ => Object::new(),
                };
                merge(&mut members, change);
                *value = Json::Object(members);
            }
            value => {
                entity.insert(name, value);
            }
        }
    }
}

/// Clearing what does not exist would pass unseen, as the merged entity does not hold it: the contract cannot refuse it.
pub(crate) fn unknown(patch: &Object, fields: &'static [Field], errors: &mut Vec<FieldError>) {
    let cleared = patch.iter().filter(|(_, value)| **value == Json::Null);
    for (name, _) in cleared {
        match fields.iter().find(|field| field.name == name) {
            None => errors.push(wrong(name, code::UNKNOWN_FIELD, "there is no such field")),
            Some(field) if field.output_only => errors.push(wrong(name, code::READ_ONLY, "the shop sets this field")),
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Object {
        match messages::json::parse(text.as_bytes()) {
            Ok(Json::Object(object)) => object,
            other => panic!("{text} is {other:?}"),
        }
    }

    /// The examples of RFC 7396, appendix A, whose results are objects.
    #[test]
    fn a_patch_is_laid_over_as_the_standard_says() {
        for (original, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            let mut merged = object(original);
            merge(&mut merged, object(patch));
            assert_eq!(merged, object(result), "{original} with {patch}");
        }
    }
}

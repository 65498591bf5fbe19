//! The way down: an OpenAPI 3.1 document for tools that only know 3.0.
//!
//! 3.0 has its own dialect of JSON Schema: one example instead of many, no content encoding, and a reference that
//! stands alone.

use serde_json::{Map, Value, json};

/// The same document in OpenAPI 3.0.
pub(super) fn downgrade(mut document: Value) -> Value {
    document["openapi"] = "3.0.3".into();
    // Licenses by their SPDX name came with 3.1.
    if let Some(license) = document["info"]["license"].as_object_mut() {
        license.remove("identifier");
    }
    schemas_below(&mut document, false);
    document
}

/// Walks the document. Inside a schema, members have the meaning of JSON Schema; elsewhere `examples` is a map.
fn schemas_below(value: &mut Value, inside: bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| schemas_below(item, inside)),
        Value::Object(members) => {
            if inside {
                rewrite(members);
            }
            for (name, value) in members.iter_mut() {
                match (inside, name.as_str()) {
                    // Values, not schemas.
                    (_, "example" | "default" | "enum" | "value") => {}
                    // Maps whose names are the contract's, not keywords.
                    (true, "properties") | (false, "schemas") => each(value),
                    (false, "schema") => schemas_below(value, true),
                    _ => schemas_below(value, inside),
                }
            }
        }
        _ => {}
    }
}

fn each(schemas: &mut Value) {
    if let Value::Object(schemas) = schemas {
        schemas.values_mut().for_each(|schema| schemas_below(schema, true));
    }
}

fn rewrite(schema: &mut Map<String, Value>) {
    if let Some(Value::Array(examples)) = schema.remove("examples")
        && let Some(first) = examples.into_iter().next()
    {
        schema.insert("example".into(), first);
    }
    // There no value has the type of nothing.
    if schema.get("type").is_some_and(|kind| kind == "null") {
        schema.remove("type");
        schema.insert("nullable".into(), true.into());
        schema.insert("enum".into(), json!([null]));
    }
    if schema.remove("contentEncoding").is_some() {
        schema.insert("format".into(), "byte".into());
    }
    if schema.remove("contentMediaType").is_some() {
        schema.insert("format".into(), "binary".into());
    }
    if schema.len() > 1
        && let Some(reference) = schema.remove("$ref")
    {
        schema.insert("allOf".into(), json!([{"$ref": reference}]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_rewritten_and_nothing_else() {
        let document = json!({
            "openapi": "3.1.0",
            "info": {"license": {"name": "x", "identifier": "x"}},
            "components": {"schemas": {"A": {
                "type": "object",
                "properties": {
                    "examples": {"type": "string", "examples": ["a", "b"]},
                    "data": {"type": "string", "contentEncoding": "base64"},
                    "file": {"type": "string", "contentMediaType": "application/pdf"},
                    "b": {"$ref": "#/components/schemas/B", "description": "b"},
                },
            }}},
            "paths": {"/": {"get": {"responses": {"400": {"content": {"x": {
                "schema": {"$ref": "#/components/schemas/A"},
                "examples": {"a": {"value": {"examples": [1], "$ref": 1, "b": 2}}},
            }}}}}}},
        });
        let expected = json!({
            "openapi": "3.0.3",
            "info": {"license": {"name": "x"}},
            "components": {"schemas": {"A": {
                "type": "object",
                "properties": {
                    "examples": {"type": "string", "example": "a"},
                    "data": {"type": "string", "format": "byte"},
                    "file": {"type": "string", "format": "binary"},
                    "b": {"allOf": [{"$ref": "#/components/schemas/B"}], "description": "b"},
                },
            }}},
            "paths": {"/": {"get": {"responses": {"400": {"content": {"x": {
                "schema": {"$ref": "#/components/schemas/A"},
                "examples": {"a": {"value": {"examples": [1], "$ref": 1, "b": 2}}},
            }}}}}}},
        });
        assert_eq!(downgrade(document), expected);
    }
}

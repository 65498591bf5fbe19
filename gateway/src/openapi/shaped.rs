//! Shapes in the document: what clients see of a route that is changed on its way, and the versions beside the contract's.
//!
//! The schemas are those of the contract with the changes of the configuration done to them, so the document tells the
//! truth under every prefix. A changed schema stands in its operation; what is not changed is still referred to.

use messages::route::{Http, Route};
use serde_json::{Map, Value, json};

use crate::shapes::versions::{self, Version, Versions};
use crate::shapes::{Change, Shape, Step};

/// Changes the operations of the contract's own paths, and adds those of the versions.
pub(super) fn add(paths: &mut Map<String, Value>, components: &Value, routes: &[&'static Route], versions: &Versions) {
    let plain = paths.clone();
    for (index, route) in routes.iter().enumerate() {
        for http in route.http {
            let Some(plain) = plain.get(http.path) else { continue };
            let own = versions.of(http.path);
            place(paths, components, (http.path.to_owned(), http, plain), versions, (own, index));
            for version in versions.all().iter().filter(|version| version.has(index) && version.prefix != versions::OWN)
            {
                // What the contract has there itself goes first.
                let path = versions::under(http.path, &version.prefix);
                if let Some(path) = path.filter(|path| routes.iter().all(|route| !has(route, path, http))) {
                    place(paths, components, (path, http, plain), versions, (Some(version), index));
                }
            }
        }
    }
}

fn has(route: &Route, path: &str, http: &Http) -> bool {
    route.http.iter().any(|door| door.path == path && door.method == http.method)
}

/// Puts the operations of one door at a path.
fn place(
    paths: &mut Map<String, Value>,
    components: &Value,
    (path, http, plain): (String, &Http, &Value),
    versions: &Versions,
    (version, index): (Option<&Version>, usize),
) {
    let method = http.method.as_str().to_ascii_lowercase();
    for method in [method.as_str(), "patch"] {
        let Some(operation) = plain.get(method).filter(|_| method != "patch" || http.method.as_str() == "PUT") else {
            continue;
        };
        let mut operation = operation.clone();
        if let Some(shape) = versions.shape(&path, index) {
            reshape(&mut operation, components, shape);
        }
        if let Some(version) = version {
            if version.is_deprecated() {
                operation["deprecated"] = true.into();
            }
            if let (Some(word), Some(id)) = (version.prefix.rsplit('/').next(), operation["operationId"].as_str())
                && version.prefix != versions::OWN
            {
                operation["operationId"] = format!("{word}_{id}").into();
            }
        }
        paths.entry(path.clone()).or_insert_with(|| json!({}))[method] = operation;
    }
}

fn reshape(operation: &mut Value, components: &Value, shape: &Shape) {
    let bodies = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut);
    for body in bodies.into_iter().flat_map(|content| content.values_mut()) {
        shape.request.body.iter().for_each(|change| take(&mut body["schema"], components, change));
    }
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for answer in responses.values_mut() {
        if let Some(schema) = answer.pointer_mut("/content/application~1json/schema") {
            shape.response.body.iter().for_each(|change| show(schema, components, change));
        }
    }
}

/// What a client may send where the contract takes this.
fn take(schema: &mut Value, components: &Value, change: &Change) {
    match change {
        Change::Move { from, to } => relocate(schema, components, to.steps(), from.steps()),
        Change::Remove(path) => {
            let ignored = json!({"description": "Not used any more.", "deprecated": true});
            put(schema, components, path.steps(), ignored, false);
        }
        Change::Set(path, _) => {
            remove(schema, components, path.steps());
        }
    }
}

/// What a client is shown where the contract shows this.
fn show(schema: &mut Value, components: &Value, change: &Change) {
    match change {
        Change::Move { from, to } => relocate(schema, components, from.steps(), to.steps()),
        Change::Remove(path) => {
            remove(schema, components, path.steps());
        }
        Change::Set(path, value) => {
            use messages::json::ToJson as _;
            let value: Value = serde_json::from_str(&value.to_json()).unwrap_or_default();
            put(schema, components, path.steps(), json!({"const": value}), true);
        }
    }
}

fn relocate(schema: &mut Value, components: &Value, from: &[Step], to: &[Step]) {
    if let Some((moved, required)) = remove(schema, components, from) {
        put(schema, components, to, moved, required);
    }
}

/// Takes a field out of a schema, with whether it was required.
fn remove(schema: &mut Value, components: &Value, steps: &[Step]) -> Option<(Value, bool)> {
    let (Step::Member(name), parents) = steps.split_last()? else { return None };
    let parent = at(schema, components, parents)?;
    let removed = parent.get_mut("properties")?.as_object_mut()?.remove(name)?;
    let required = parent.get_mut("required").and_then(Value::as_array_mut).is_some_and(|required| {
        let before = required.len();
        required.retain(|known| known != name);
        required.len() < before
    });
    if parent["required"].as_array().is_none_or(Vec::is_empty)
        && let Some(parent) = parent.as_object_mut()
    {
        parent.remove("required");
    }
    Some((removed, required))
}

/// Puts a field into a schema, and makes the objects on its way.
fn put(schema: &mut Value, components: &Value, steps: &[Step], field: Value, required: bool) {
    let Some((step, rest)) = steps.split_first() else { return };
    inline(schema, components);
    match step {
        Step::Each => put(&mut schema["items"], components, rest, field, required),
        Step::Member(name) if rest.is_empty() => {
            schema["properties"][name.as_str()] = field;
            if required && let Some(schema) = schema.as_object_mut() {
                let names = schema.entry("required").or_insert_with(|| json!([]));
                names.as_array_mut().into_iter().for_each(|names| names.push(name.as_str().into()));
            }
        }
        Step::Member(name) => {
            let properties = &mut schema["properties"];
            if properties.get(name).is_none() {
                properties[name.as_str()] = json!({"type": "object", "properties": {}});
            }
            put(&mut properties[name.as_str()], components, rest, field, required);
        }
    }
}

fn at<'a>(schema: &'a mut Value, components: &Value, steps: &[Step]) -> Option<&'a mut Value> {
    inline(schema, components);
    let Some((step, rest)) = steps.split_first() else { return Some(schema) };
    let inner = match step {
        Step::Member(name) => schema.get_mut("properties")?.get_mut(name)?,
        Step::Each => schema.get_mut("items")?,
    };
    at(inner, components, rest)
}

/// Puts what is referred to in place of the reference.
fn inline(schema: &mut Value, components: &Value) {
    let name = schema.get("$ref").and_then(Value::as_str).and_then(|at| at.strip_prefix("#/components/schemas/"));
    if let Some(named) = name.and_then(|name| components.get(name)) {
        *schema = named.clone();
    }
}

//! Operations: the routes of the contract.

use messages::route::{File, Http, Idempotency, Method, Rate, Route, RpcKind};
use prost_reflect::{Kind as Type, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::contract::Contract;
use super::problem;
use super::schema::{BODY_MAX, Face, Schemas, TIME_MAX};
use crate::guest::Guests;

/// The longest header: all of them together may be no longer, unless the shop's configuration says so.
const HEAD_MAX: usize = 32 * 1024;
/// How long a header is that is handed on: several of them have to fit.
const HANDED_ON_MAX: usize = 2 * 1024;

/// What every operation's headers mean, once.
pub(super) fn headers() -> Value {
    let text = |description: &str| json!({"description": description, "schema": {"type": "string"}});
    json!({
        "ETag": text("The entity's version; send it back as `If-Match` or `If-None-Match`."),
        "Location": text("Where what was created is shown."),
        "Shop-Position": text("Where the change stands in the log; send it with a read that must include it."),
        "Idempotent-Replayed": text("`true` when this is the answer to an earlier request with the same key."),
        "Content-Disposition": text("The name under which the file is kept."),
        "Guest-Token": text("The secret of the new guest that whoever showed nothing is now; send it back to be the same."),
        "Retry-After": {
            "description": "Seconds to wait before trying again.",
            "schema": {"type": "integer", "format": "int32", "minimum": 0, "maximum": i32::MAX},
        },
        "RateLimit": text("What is left of the limit, and in how many seconds it begins anew."),
        "RateLimit-Policy": text("The limit: how many requests in how many seconds."),
        "Access-Control-Allow-Origin": text("The page that asked, when the shop lets its origin read answers."),
    })
}

/// What may stand in the head of any answer.
pub(super) fn on_every_answer() -> Map<String, Value> {
    let names = ["RateLimit", "RateLimit-Policy", "Access-Control-Allow-Origin"];
    names.into_iter().map(|name| (name.to_owned(), shared("headers", name))).collect()
}

/// What may be sent with many operations, once.
pub(super) fn parameters() -> Value {
    let header = |name: &str, description: &str, schema: Value| json!({"name": name, "in": "header", "description": description, "schema": schema});
    let key = json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"});
    let position =
        json!({"type": "string", "maxLength": HEAD_MAX, "pattern": "^[a-z]+/[0-9]+/[0-9]+(, ?[a-z]+/[0-9]+/[0-9]+)*$"});
    let mut required = header(
        "Idempotency-Key",
        "Names the command: repeated with the same key, it is done once and answered the same, for ever.",
        key,
    );
    let optional = required.clone();
    required["required"] = true.into();
    json!({
        "IdempotencyKey": optional,
        "IdempotencyKeyRequired": required,
        "IfMatch": header("If-Match", "The version the entity must have.", json!({"type": "string", "maxLength": HEAD_MAX})),
        "IfNoneMatch": header("If-None-Match", "The version the client holds.", json!({"type": "string", "maxLength": HEAD_MAX})),
        "ShopPosition": header("Shop-Position", "Writes that the read must include.", position),
        "At": {
            "name": "at", "in": "query", "schema": {"type": "string", "maxLength": TIME_MAX},
            "description": "Shows the entity as it was: a version, or a time such as `2026-01-31T12:00:00Z`.",
        },
    })
}

/// The operation of a route at one of its paths.
pub(super) fn operation(
    contract: &Contract,
    schemas: &mut Schemas<'_>,
    guests: &Guests,
    route: &Route,
    http: &Http,
    patch: bool,
) -> Value {
    let summary = route.doc.split_inclusive(". ").next().unwrap_or_default().trim().trim_end_matches('.');
    let in_path: Vec<&str> = path_parameters(http.path).collect();
    let request = contract.pool().get_message_by_name(route.request.name);
    let has_body = !matches!(http.method, Method::Get | Method::Delete);
    let mut parameters = Vec::new();
    if let Some(request) = &request {
        parameters.extend(in_path.iter().filter_map(|name| path_parameter(contract, schemas, request, name)));
        if !has_body {
            parameters.extend(query_parameters(contract, schemas, request, &in_path));
        }
    }
    parameters.extend(route.raw.iter().flat_map(|raw| raw.allow).map(|name| taken(name)));
    parameters.extend(header_parameters(route, http).into_iter().map(|name| shared("parameters", name)));
    let method = if patch { "patch".to_owned() } else { http.method.as_str().to_ascii_lowercase() };
    let mut operation = json!({
        "operationId": operation_id(route, http, &method),
        "tags": [route.group],
        "summary": summary,
        "description": route.doc,
        "parameters": parameters,
        "responses": responses(contract, schemas, guests, route, has_body),
        "x-subject": format!("shop.{}.{}.{}", route.group, route.key.map_or("*".into(), |key| format!("{{{key}}}")), route.verb),
    });
    operation["security"] = security(guests, route);
    operation["x-rate"] = match route.rate {
        Rate::Normal => "normal",
        Rate::Expensive => "expensive",
        Rate::Sensitive => "sensitive",
        Rate::Unlimited => "unlimited",
    }
    .into();
    if route.raw.is_some() {
        operation["requestBody"] = json!({"required": true, "content": {"*/*": {"schema": {
            "type": "string", "contentMediaType": "application/octet-stream", "maxLength": BODY_MAX,
        }}}});
    } else if let Some(request) = request.filter(|_| has_body) {
        operation["requestBody"] = body(schemas, &request, &in_path, patch);
    }
    if route.lifecycle.deprecated.is_some() {
        operation["deprecated"] = true.into();
    }
    operation
}

/// A header that is handed to the group as it came.
fn taken(name: &str) -> Value {
    json!({"name": name, "in": "header", "description": "Handed on as it came.", "schema": {"type": "string", "maxLength": HANDED_ON_MAX}})
}

/// A body that is not JSON.
fn bytes() -> Value {
    json!({"type": "string", "contentMediaType": "application/octet-stream"})
}

/// What a file of this media type is, to who reads it.
fn contents(media_type: &str) -> Value {
    match media_type {
        "application/json" => json!({"description": "A document in JSON."}),
        text if text.starts_with("text/") => json!({"type": "string"}),
        _ => bytes(),
    }
}

/// What must be shown, in the ways that do.
fn security(guests: &Guests, route: &Route) -> Value {
    let oauth = json!({"oauth": route.scope.into_iter().collect::<Vec<_>>()});
    let (nothing, guest, bearer) = (json!({}), json!({"guest": []}), json!({"bearer": []}));
    if route.raw.is_some() {
        json!([nothing])
    } else if route.public {
        json!([nothing, oauth, bearer])
    } else if guests.begins(route) {
        json!([oauth, bearer, guest, nothing])
    } else if guests.may(route) {
        json!([oauth, bearer, guest])
    } else {
        json!([oauth, bearer])
    }
}

/// An rpc with several doors is told apart by what its path names, and at one path by the method.
fn operation_id(route: &Route, http: &Http, method: &str) -> String {
    let id = format!("{}_{}", route.group, route.verb);
    let id = if method == "patch" { format!("{id}_patch") } else { id };
    // Of the doors at one path the first goes without its method.
    let first_here = route.http.iter().find(|door| door.path == http.path);
    let id = if first_here.is_some_and(|first| first.method != http.method) { format!("{id}_{method}") } else { id };
    if route.http.first().is_some_and(|first| first.path == http.path) {
        return id;
    }
    let names: Vec<&str> =
        http.path.split('/').filter(|part| !part.is_empty() && *part != "api" && *part != "v1").collect();
    format!("{id}_{}", names.join("_").replace(['{', '}'], ""))
}

fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn path_parameter(
    contract: &Contract,
    schemas: &mut Schemas<'_>,
    request: &MessageDescriptor,
    name: &str,
) -> Option<Value> {
    let field = request.get_field_by_name(name)?;
    let schema = schemas.field(&field, &contract.options(&field), Face::Request);
    let description = contract.comment(&field.parent_file(), field.path());
    Some(json!({"name": name, "in": "path", "required": true, "description": description, "schema": schema}))
}

/// The fields of a request that has no body. Those of a filter are written `status[in]=a,b`.
fn query_parameters(
    contract: &Contract,
    schemas: &mut Schemas<'_>,
    request: &MessageDescriptor,
    in_path: &[&str],
) -> Vec<Value> {
    let mut parameters = Vec::new();
    for field in request.fields().filter(|field| !in_path.contains(&field.name())) {
        let filter = match field.kind() {
            Type::Message(filter) if filter.full_name() != "google.protobuf.Timestamp" => Some(filter),
            _ => None,
        };
        let Some(filter) = filter else {
            parameters.push(query_parameter(contract, schemas, &field, field.name(), None));
            continue;
        };
        let about = contract.comment(&field.parent_file(), field.path());
        for operation in filter.fields() {
            let name = match operation.name() {
                "eq" => field.name().to_owned(),
                other => format!("{}[{other}]", field.name()),
            };
            parameters.push(query_parameter(contract, schemas, &operation, &name, Some(about)));
        }
    }
    parameters
}

fn query_parameter(
    contract: &Contract,
    schemas: &mut Schemas<'_>,
    field: &prost_reflect::FieldDescriptor,
    name: &str,
    about: Option<&str>,
) -> Value {
    let options = contract.options(field);
    let schema = schemas.field(field, &options, Face::Request);
    let comment = contract.comment(&field.parent_file(), field.path());
    let description = [about.unwrap_or_default(), comment].join(" ");
    let mut parameter = json!({"name": name, "in": "query", "description": description.trim(), "schema": schema});
    if options.flag("required") {
        parameter["required"] = true.into();
    }
    if field.is_list() {
        parameter["style"] = "form".into();
        parameter["explode"] = false.into();
    }
    parameter
}

fn header_parameters(route: &Route, http: &Http) -> Vec<&'static str> {
    if route.kind != RpcKind::Command {
        let entity = route.kind == RpcKind::Read && !route.history;
        return if entity { vec!["ShopPosition", "IfNoneMatch", "At"] } else { vec!["ShopPosition"] };
    }
    let key = match route.idempotency {
        Idempotency::Required => Some("IdempotencyKeyRequired"),
        Idempotency::Accepted => Some("IdempotencyKey"),
        Idempotency::None => None,
    };
    let version = (http.method != Method::Post).then_some("IfMatch");
    key.into_iter().chain(version).collect()
}

fn body(schemas: &mut Schemas<'_>, request: &MessageDescriptor, in_path: &[&str], patch: bool) -> Value {
    let mut schema = schemas.object(request, Face::Request, in_path);
    let required = schema.get("required").is_some();
    if patch {
        let description = "What shall change (RFC 7396): `null` clears a field, an absent one stays as it is.";
        if let Value::Object(members) = &mut schema {
            members.remove("required");
            members.insert("description".into(), description.into());
        }
        return json!({"required": true, "content": {"application/merge-patch+json": {"schema": schema}}});
    }
    json!({"required": required, "content": {"application/json": {"schema": schema}}})
}

/// What an rpc answers in JSON.
pub(super) fn answered(contract: &Contract, schemas: &mut Schemas<'_>, rpc: &str) -> Value {
    Route::named(rpc).map_or_else(|| json!({}), |route| body_of(contract, schemas, route))
}

fn body_of(contract: &Contract, schemas: &mut Schemas<'_>, route: &Route) -> Value {
    let Some(response) = contract.pool().get_message_by_name(route.response.name) else { return json!({}) };
    match route.response_body.and_then(|name| response.get_field_by_name(name)).map(|field| field.kind()) {
        Some(Type::Message(whole)) => schemas.message(&whole, Face::Answer),
        _ => schemas.message(&response, Face::Answer),
    }
}

fn responses(
    contract: &Contract,
    schemas: &mut Schemas<'_>,
    guests: &Guests,
    route: &Route,
    has_body: bool,
) -> Map<String, Value> {
    let mut responses = problem::of_route(route, has_body, schemas.common());
    // What a file or a bare word of thanks is made of, nobody sees.
    let is_json = route.file.is_none() && (route.raw.is_none() || !route.response.fields.is_empty());
    let schema = is_json.then(|| body_of(contract, schemas, route));
    let command = route.kind == RpcKind::Command;
    let entity = command || route.kind == RpcKind::Read && !route.history;
    let told = [
        (entity, "ETag"),
        (route.location.is_some(), "Location"),
        (command, "Shop-Position"),
        (command && route.idempotency != Idempotency::None, "Idempotent-Replayed"),
        (guests.begins(route), "Guest-Token"),
    ];
    let told = told.into_iter().filter(|(said, _)| *said).map(|(_, name)| (name.to_owned(), shared("headers", name)));
    let headers: Map<String, Value> = on_every_answer().into_iter().chain(told).collect();
    let mut success = json!({
        "description": if route.success == 201 { "Created." } else { "Done." },
        "headers": headers,
    });
    if let Some(file) = &route.file {
        success["headers"]["Content-Disposition"] = shared("headers", "Content-Disposition");
        success["content"] =
            media_types(route, file).map(|of| (of.to_owned(), json!({"schema": contents(of)}))).collect();
    } else if is_json {
        success["content"] = json!({"application/json": {"schema": schema}});
        if entity && !command {
            let watched = "The entity as it is and as it becomes: an event for each new version, whose id is the version \
                and whose data is the JSON of the entity. Ask for it with `Accept: text/event-stream`.";
            success["content"]["text/event-stream"] = json!({"schema": {"type": "string", "description": watched}});
        }
    }
    responses.insert(route.success.to_string(), success);
    if entity && !command {
        responses.insert(
            "304".into(),
            json!({"description": "The client holds this version already.", "headers": on_every_answer()}),
        );
    }
    if let Some(settle) = &route.settle {
        let mut headers = on_every_answer();
        headers.insert("Location".into(), shared("headers", "Location"));
        let statuses: Vec<_> = settle.accepted.iter().map(|status| format!("`{status}`")).collect();
        let description = if statuses.is_empty() {
            "Accepted; not settled yet.".to_owned()
        } else {
            let statuses = statuses.join(" or ");
            format!("Accepted; not settled yet. With the status {statuses}, the caller has to do something first.")
        };
        let content = json!({"application/json": {"schema": schema}});
        responses.insert("202".into(), json!({"description": description, "headers": headers, "content": content}));
    }
    responses
}

/// What a file may be, as far as the contract says: the only values of the field, or its example.
fn media_types<'r>(route: &'r Route, file: &File) -> impl Iterator<Item = &'r str> {
    let field = route.response.fields.iter().find(|field| field.name == file.media_type);
    let only = field.map_or(&[][..], |field| field.one_of);
    let example = field.and_then(|field| field.example).unwrap_or("*/*");
    only.iter().copied().chain(only.is_empty().then_some(example))
}

fn shared(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}

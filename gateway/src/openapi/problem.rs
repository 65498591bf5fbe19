//! Problems: what every route may answer besides what it was asked for.

use std::collections::{BTreeMap, BTreeSet};

use messages::route::{Idempotency, Rate, Route, RpcKind};
use serde_json::{Map, Value, json};

use super::operation::on_every_answer;

/// Answers that many routes have in the same words, by name.
pub(super) type Common = BTreeMap<String, Value>;

/// The schema of a problem (RFC 9457).
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "description": "Why there is no other answer (RFC 9457). Facts a machine can act on, such as `available`, stand beside these members.",
        "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference", "description": "Names the kind of problem."},
            "title": {"type": "string", "description": "The kind of problem in a few words."},
            "status": {"type": "integer", "format": "int32", "minimum": 400, "maximum": 599, "description": "The status of the answer."},
            "detail": {"type": "string", "description": "What happened, for people."},
            "instance": {"type": "string", "description": "The path that was asked for."},
            "code": {"type": "string", "description": "What happened, for machines. Stable for ever."},
            "request_id": {"type": "string", "description": "Finds this request in logs and traces."},
            "errors": {
                "type": "array",
                "description": "All that is wrong with the fields of the request.",
                "items": {
                    "type": "object",
                    "required": ["pointer", "code", "detail"],
                    "properties": {
                        "pointer": {"type": "string", "description": "Where (RFC 6901)."},
                        "code": {"type": "string", "description": "What, for machines."},
                        "detail": {"type": "string", "description": "What, for people."},
                    },
                },
            },
        },
    })
}

/// What a route may answer with a status of 400 and above, by status. What others answer in the same words is said once,
/// in `common`.
pub(super) fn of_route(route: &Route, has_body: bool, common: &mut Common) -> Map<String, Value> {
    let mut told: BTreeMap<u16, Vec<(&str, &str)>> = BTreeMap::new();
    let mut tell = |status: u16, code, detail| told.entry(status).or_default().push((code, detail));
    for refusal in route.refusals {
        tell(refusal.status, refusal.code, refusal.detail);
    }
    tell(400, "invalid_request", "The request does not say what the contract asks for.");
    if route.http.iter().any(|http| http.path.contains('{')) {
        tell(404, "no_such_path", "Nothing is at this path: it names something that cannot be, or that is not there.");
    }
    tell(414, "url_too_long", "The request target is longer than is allowed.");
    tell(431, "headers_too_large", "The headers are longer together than is allowed.");
    if route.raw.is_none() {
        tell(401, "unauthenticated", "There is no bearer token, or nobody holds it.");
    }
    if !route.public {
        tell(403, "forbidden", "The token does not have the scope.");
    }
    if route.rate != Rate::Unlimited {
        tell(
            429,
            "rate_limited",
            "The requests of this minute are used up; `RateLimit` and `Retry-After` say when the next begins.",
        );
    }
    if has_body {
        tell(413, "body_too_large", "The body is larger than is allowed.");
        let body = if route.raw.is_some() { "The body is compressed." } else { "The body is not JSON." };
        tell(415, "unsupported_media_type", body);
    }
    if route.kind == RpcKind::Command {
        tell(412, "stale_version", "The entity has changed since the version that `If-Match` names.");
        if route.idempotency != Idempotency::None {
            tell(409, "in_progress", "The request with this key is still being handled.");
            tell(422, "idempotency_key_reused", "The key was used before with another body.");
        }
        tell(504, "outcome_unknown", "Nobody knows yet whether it was done. Repeat it with the same key.");
    } else {
        tell(504, "timeout", "There was no answer in time.");
    }
    tell(500, "internal", "Something went wrong here. The log has it under the `request_id`.");
    tell(429, "too_many_requests", "The caller's limit is used up until `Retry-After`.");
    tell(503, "unavailable", "Nobody is there to answer. Nothing was done.");
    let refusals: BTreeSet<u16> = route.refusals.iter().map(|refusal| refusal.status).collect();
    let answer = |(status, problems): (u16, Vec<(&str, &str)>)| {
        let answer = response(status, &problems);
        if refusals.contains(&status) {
            return (status.to_string(), answer);
        }
        let codes: Vec<&str> = problems.iter().map(|(code, _)| *code).collect();
        let name = codes.join("_or_");
        let said = common.entry(name.clone()).or_insert_with(|| answer.clone());
        let reference = json!({"$ref": format!("#/components/responses/{name}")});
        (status.to_string(), if *said == answer { reference } else { answer })
    };
    told.into_iter().map(answer).collect()
}

fn response(status: u16, problems: &[(&str, &str)]) -> Value {
    let description: Vec<String> = problems.iter().map(|(code, detail)| format!("`{code}`: {detail}")).collect();
    let examples: Map<String, Value> = problems
        .iter()
        .map(|(code, detail)| {
            let value = json!({
                "type": format!("/problems/{code}"), "title": crate::error::aloud(code), "status": status,
                "detail": detail, "instance": "/api/v1", "code": code,
                "request_id": "0af7651916cd43dd8448eb211c80319c",
            });
            ((*code).to_owned(), json!({"value": value}))
        })
        .collect();
    let mut response = json!({
        "description": description.join(" "),
        "content": {"application/problem+json": {
            "schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples,
        }},
    });
    let mut headers = on_every_answer();
    if matches!(status, 429 | 503 | 504) {
        headers.insert("Retry-After".into(), json!({"$ref": "#/components/headers/Retry-After"}));
    }
    response["headers"] = headers.into();
    response
}

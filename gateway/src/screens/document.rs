//! Screens, as `/openapi.json` tells of them.

use serde_json::{Map, Value, json};

use super::{Param, Screen};

/// The path of a screen, whose parts are answered with these schemas.
pub(crate) fn path(screen: &Screen, headers: &Map<String, Value>, schema: &mut dyn FnMut(&str) -> Value) -> Value {
    let mut properties = Map::new();
    let partial = "Whether a part is a problem: somebody did not answer, or the caller may not see it.";
    properties.insert("partial".into(), json!({"type": "boolean", "description": partial}));
    for part in screen.parts.iter().filter(|part| part.shown) {
        let about = format!("What `{}` answers to the caller, or why there is nothing.", part.rpc);
        let data = json!({"description": "Null when there is nothing to ask about.", "oneOf": [schema(part.rpc), {"type": "null"}]});
        properties.insert(
            part.name.into(),
            json!({
                "type": "object", "description": about,
                "properties": {"data": data, "problem": {"$ref": "#/components/schemas/Problem"}},
            }),
        );
    }
    let required: Vec<&String> = properties.keys().collect();
    let answer = json!({"type": "object", "required": required, "properties": properties});
    let mut told = headers.clone();
    told.insert("ETag".into(), json!({"$ref": "#/components/headers/ETag"}));
    let problem = |description: &str| {
        json!({
            "description": description, "headers": headers,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        })
    };
    let at_doors = "What the first part's own door would answer.";
    json!({"get": {
        "operationId": format!("screen_{}", screen.name),
        "tags": ["screens"],
        "summary": format!("Everything that the screen {} shows, at once", screen.name),
        "description": screen.doc,
        "parameters": parameters(screen),
        "security": [{}, {"oauth": []}, {"bearer": []}, {"guest": []}],
        "responses": {
            "200": {"description": "The screen.", "headers": told, "content": {"application/json": {"schema": answer}}},
            "304": {"description": "The client holds this already.", "headers": told},
            "400": problem("The request says what the screen does not take."),
            "401": problem(at_doors),
            "403": problem(at_doors),
            "404": problem(at_doors),
            "414": problem("The request target is longer than is allowed."),
            "429": retried(problem("The requests of this minute are used up.")),
            "431": problem("The headers are longer together than is allowed."),
            "500": problem("Something went wrong here."),
            "503": retried(problem("Nobody answers for the first part.")),
        },
    }})
}

fn retried(mut problem: Value) -> Value {
    problem["headers"]["Retry-After"] = json!({"$ref": "#/components/headers/Retry-After"});
    problem
}

fn parameters(screen: &Screen) -> Vec<Value> {
    let in_path = screen.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let of_path = in_path.map(|name| {
        json!({"name": name, "in": "path", "required": true, "description": "What the screen is about.",
               "schema": {"type": "string", "minLength": 1, "maxLength": 64}})
    });
    let of_query = screen.query.iter().map(|Param { name, doc, max_length }| {
        json!({"name": name, "in": "query", "description": doc, "schema": {"type": "string", "maxLength": max_length}})
    });
    of_path.chain(of_query).collect()
}

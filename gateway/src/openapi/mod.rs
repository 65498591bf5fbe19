//! OpenAPI: the contract, told to HTTP clients.
//!
//! Made from the descriptors when somebody first asks, never by hand, so it cannot promise what the gateway does not do:
//! both read the same route table. The document is OpenAPI 3.1; older tools get it in 3.0 with `?version=3.0`.

#![expect(clippy::doc_markdown, reason = "OpenAPI is a name, not an item")]

mod contract;
mod downgrade;
mod operation;
mod problem;
mod schema;
mod shaped;

use std::sync::OnceLock;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ETAG, HeaderValue, IF_NONE_MATCH};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use messages::group::Group;
use messages::route::{Method, Route};
use prost_reflect::DescriptorError;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::guest::Guests;
use crate::screens::{self, Screen};
use crate::shapes::versions::Versions;
use crate::staff;
use crate::trace::hex;
use contract::Contract;
use schema::Schemas;

/// The document changes with the binary only.
const FIVE_MINUTES: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// What a guest is.
const GUEST: &str = "A secret of somebody without an account, 22 to 128 printable characters. The answer to a first \
    command brings one; whoever sends it back is the same guest. Sent beside a bearer token, it proves that the bearer \
    was that guest.";

/// The document in both versions, as sent.
#[derive(Debug)]
pub(crate) struct Documents {
    routes: &'static [&'static Route],
    guests: Guests,
    screens: &'static [Screen],
    made: OnceLock<Result<[Document; 2], DescriptorError>>,
}

#[derive(Debug)]
struct Document {
    json: Bytes,
    etag: HeaderValue,
}

impl Documents {
    pub(crate) fn new(routes: &'static [&'static Route], guest_scopes: &[String]) -> Documents {
        Documents { routes, guests: Guests::new(guest_scopes), screens: &[], made: OnceLock::new() }
    }

    /// Tells of these screens too.
    pub(crate) fn show(&mut self, screens: &'static [Screen]) {
        self.screens = screens;
    }

    /// `GET /openapi.json`.
    ///
    /// # Errors
    /// 400 when another version is asked for.
    pub(crate) fn serve(&self, http: &HttpRequest, versions: &Versions) -> Result<HttpResponse, Error> {
        let version = match http.uri().query() {
            None | Some("" | "version=3.1") => 0,
            Some("version=3.0") => 1,
            Some(_) => return Err(Error::bad_request("unknown_version", "version is 3.1 or 3.0")),
        };
        let made = self.made.get_or_init(|| make(self.routes, &self.guests, versions, self.screens)).as_ref();
        let made = made.map_err(|cause| {
            tracing::error!(%cause, "the descriptors of the contract cannot be read");
            Error::internal()
        })?;
        let document = &made[version];
        let known = http.headers().get(IF_NONE_MATCH).is_some_and(|held| held == document.etag);
        let mut response = HttpResponse::build(if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
        response.insert_header((ETAG, document.etag.clone())).insert_header((CACHE_CONTROL, FIVE_MINUTES));
        if known {
            return Ok(response.finish());
        }
        Ok(response.content_type("application/json").body(document.json.clone()))
    }
}

fn make(
    routes: &[&'static Route],
    guests: &Guests,
    versions: &Versions,
    screens: &[Screen],
) -> Result<[Document; 2], DescriptorError> {
    let newest = document(&Contract::read()?, routes, guests, versions, screens);
    let older = downgrade::downgrade(newest.clone());
    Ok([newest, older].map(|document| {
        let json = document.to_string();
        let tag = format!("\"{}\"", hex(&blake3::hash(json.as_bytes()).as_bytes()[..8]));
        Document { json: json.into(), etag: HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\"")) }
    }))
}

/// The document in OpenAPI 3.1.
fn document(
    contract: &Contract,
    routes: &[&'static Route],
    guests: &Guests,
    versions: &Versions,
    screens: &[Screen],
) -> Value {
    let mut schemas = Schemas::new(contract);
    schemas.add("Problem", problem::schema());
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        for http in route.http {
            let path = paths.entry(http.path).or_insert_with(|| json!({}));
            path[http.method.as_str().to_ascii_lowercase()] =
                operation::operation(contract, &mut schemas, guests, route, http, false);
            if http.method == Method::Put && route.reads.is_some() {
                path["patch"] = operation::operation(contract, &mut schemas, guests, route, http, true);
            }
        }
    }
    for screen in screens {
        let headers = operation::on_every_answer();
        let mut schema = |rpc: &str| operation::answered(contract, &mut schemas, rpc);
        paths.insert(screen.path.to_owned(), screens::path(screen, &headers, &mut schema));
    }
    let [schemas, responses] = schemas.into_components();
    shaped::add(&mut paths, &schemas, routes, versions);
    paths.extend(staff::operations(&operation::on_every_answer()).map(|(path, get)| (path, json!({"get": get}))));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Mercat",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A shop. Every write may carry an Idempotency-Key, every entity has an ETag, every refusal is a problem with a stable code.",
            "contact": {"name": "Whoever runs this shop"},
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This shop, as it is in production.", "x-internal": false}],
        "tags": tags(routes, screens),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses,
            "parameters": operation::parameters(),
            "headers": operation::headers(),
            "securitySchemes": {
                "oauth": oauth(routes),
                "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, or a token of the configuration."},
                "guest": {"type": "apiKey", "in": "header", "name": "Guest-Token", "description": GUEST},
            },
        },
    })
}

/// How people and applications come by access tokens, and what those may be for.
fn oauth(routes: &[&'static Route]) -> Value {
    let about = |scope: &str| match scope.split_once(':') {
        Some((group, "read")) => format!("See what is one's own in {group}."),
        Some((group, "write")) => format!("Change what is one's own in {group}."),
        Some((group, "manage")) => format!("Look after {group}."),
        _ => format!("{scope}, between the groups of the shop."),
    };
    let with_doors = routes.iter().filter(|route| !route.http.is_empty());
    let scopes: Map<String, Value> =
        with_doors.filter_map(|route| route.scope).map(|scope| (scope.to_owned(), about(scope).into())).collect();
    let token = "/oauth2/token";
    json!({
        "type": "oauth2",
        "description": "An access token of the shop's identity provider (see /.well-known/openid-configuration): a JWT (RFC 9068) that lives ten minutes and is checked as RFC8725 asks.",
        "flows": {
            "authorizationCode": {
                "authorizationUrl": "/oauth2/authorize", "tokenUrl": token, "refreshUrl": token, "scopes": scopes,
            },
            "clientCredentials": {"tokenUrl": token, "scopes": scopes},
        },
    })
}

/// The groups, in the order of the contract.
fn tags(routes: &[&'static Route], screens: &[Screen]) -> Vec<Value> {
    let mut tags: Vec<Value> = Vec::new();
    for route in routes.iter().filter(|route| !route.http.is_empty()) {
        if tags.iter().all(|tag| tag["name"] != route.group) {
            let about = Group::named(route.group).map(|group| group.doc);
            tags.push(json!({"name": route.group, "description": about}));
        }
    }
    tags.push(json!({"name": "gateway", "description": "What the gateway tells of itself."}));
    if !screens.is_empty() {
        tags.push(json!({"name": "screens", "description": "What a page of the shop shows, in one answer."}));
    }
    tags
}

//! What an operator writes about shapes and versions.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Which routes are changed on their way, and how. `route`, or `path` with or without `method`, says which.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shaping {
    /// An rpc of the contract, as logs and metrics name it: `product.get`.
    pub route: Option<String>,
    /// The method of the routes at `path`: `GET`. All of them by default.
    pub method: Option<String>,
    /// Routes whose path is this one or below it: `/api/v1/products`. An rpc with several doors is changed at all.
    pub path: Option<String>,
    /// What becomes of requests.
    pub request: Changes,
    /// What becomes of answers.
    pub response: Changes,
}

/// What becomes of a request or an answer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Changes {
    /// Its headers. The body is the contract's matter, the framing and the identity are the gateway's: their headers are
    /// refused here.
    pub headers: HeaderChanges,
    /// Its JSON. Problems are no answers of a route and stay as they are, but for the names in their pointers.
    pub body: BodyChanges,
}

/// Changes to headers, done in this sequence: rename, remove, set, add.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeaderChanges {
    /// From what it is called to what it shall be called.
    pub rename: BTreeMap<String, String>,
    /// Taken away.
    pub remove: Vec<String>,
    /// In place of whatever was there.
    pub set: BTreeMap<String, String>,
    /// Beside what was there.
    pub add: BTreeMap<String, String>,
}

/// Changes to JSON, done in this sequence: move, rename, remove, set. A field is named by its path, `price/amount`; `*`
/// stands for every item of a list, `lines/*/sku`. Whatever faces the contract must be a field of it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BodyChanges {
    /// From where it is to where it shall be. Behind the last `*` of both only: items stay in their list.
    #[serde(rename = "move")]
    pub relocate: BTreeMap<String, String>,
    /// From where it is to what it shall be called there.
    pub rename: BTreeMap<String, String>,
    /// Taken away.
    pub remove: Vec<String>,
    /// Constants. A client cannot send what is set in requests.
    pub set: BTreeMap<String, Value>,
}

/// A version of the API: a prefix under which the same rpcs answer, in other shapes and with a life of their own.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Version {
    /// `/api/v2`. `/api/v1` is the contract's own, and gets its life here.
    pub prefix: String,
    /// The day since which clients are told to move, `YYYY-MM-DD` (RFC 9745).
    pub deprecated: Option<String>,
    /// The day from which it answers 410 (RFC 8594).
    pub sunset: Option<String>,
    /// The prefix of the version that follows it.
    pub successor: Option<String>,
    /// Where people read why and how to move.
    pub documentation: Option<String>,
    /// The rpcs that it has, by name, `product.get`, or all of a group, `product.*`. All, when none is named.
    pub routes: Vec<String>,
    /// How it differs from the contract. Paths here begin with the version's own prefix.
    pub shapes: Vec<Shaping>,
}

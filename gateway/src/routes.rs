//! What the gateway would do with a method and a path: the router's own answer, for people who ask without sending.

use actix_web::http::Method;
use messages::route::Route;
use runtime::reach::Set;

use crate::config::Config;
use crate::reach::canary;
pub use crate::reach::canary::UnknownVersion;
use crate::router::{Ambiguous, Found, Router};

/// Where a request with a method and a path would go.
#[derive(Debug)]
pub enum Goes {
    /// To an rpc, with these values of its path.
    To {
        /// The rpc.
        route: &'static Route,
        /// The request fields that the path names, and what it says.
        params: Vec<(&'static str, String)>,
        /// Whether it is a PATCH of what the rpc replaces.
        patch: bool,
    },
    /// The path is there for these methods only.
    OtherMethods(String),
    /// Nowhere.
    Nowhere,
}

/// Where a request would go.
///
/// # Errors
/// When two routes of the contract have the same method and path.
pub fn explain(method: &str, path: &str) -> Result<Goes, Ambiguous> {
    let router = Router::new(messages::ROUTES)?;
    let path = path.split('?').next().unwrap_or_default();
    let Ok(method) = Method::from_bytes(method.to_ascii_uppercase().as_bytes()) else { return Ok(Goes::Nowhere) };
    Ok(match router.find(&method, path) {
        Found::Route(endpoint, params) => Goes::To {
            route: endpoint.route,
            params: params.into_iter().map(|(name, value)| (name, value.into_owned())).collect(),
            patch: endpoint.patch,
        },
        Found::MethodNotAllowed(allow) => Goes::OtherMethods(allow.to_str().unwrap_or_default().to_owned()),
        Found::Nothing => Goes::Nowhere,
    })
}

/// Which replicas of a group would answer somebody who names this version, or none.
///
/// # Errors
/// When nobody goes by that version.
pub fn answers(config: &Config, group: &str, version: Option<&str>, identity: &str) -> Result<Set, UnknownVersion> {
    canary::set(&config.canary, group, version, identity)
}

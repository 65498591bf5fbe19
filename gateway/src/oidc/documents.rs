//! What applications read before they come: what there is, and the keys.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use messages::auth::v1::{SigningAlgorithm, SigningKey};
use serde_json::{Value, json};

use crate::dpop::ALGORITHMS;

/// For how long both are kept: half as long as a new key is shown before it signs.
const KEPT: (actix_web::http::header::HeaderName, &str) = (CACHE_CONTROL, "public, max-age=300");

/// What there is (`OpenID` Connect Discovery, RFC 8414).
pub(crate) fn discovery(issuer: &str) -> HttpResponse {
    let at = |path: &str| format!("{issuer}/oauth2/{path}");
    let secret = ["client_secret_basic", "client_secret_post"];
    let or_none = ["client_secret_basic", "client_secret_post", "none"];
    HttpResponse::Ok().insert_header(KEPT).json(json!({
        "issuer": issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "userinfo_endpoint": at("userinfo"),
        "jwks_uri": at("jwks"),
        "revocation_endpoint": at("revoke"),
        "introspection_endpoint": at("introspect"),
        "end_session_endpoint": at("logout"),
        "pushed_authorization_request_endpoint": at("par"),
        "device_authorization_endpoint": at("device_authorization"),
        "registration_endpoint": at("register"),
        "scopes_supported": scopes(),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "grant_types_supported": [
            "authorization_code", "refresh_token", "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "EdDSA"],
        "token_endpoint_auth_methods_supported": or_none,
        "revocation_endpoint_auth_methods_supported": or_none,
        "introspection_endpoint_auth_methods_supported": secret,
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": ALGORITHMS,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_supported": [
            "sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "amr", "sid", "name", "locale", "email",
            "email_verified", "updated_at",
        ],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
    }))
}

/// Every scope that an application may be registered for.
fn scopes() -> Vec<&'static str> {
    let mut scopes: Vec<_> = messages::ROUTES.iter().filter_map(|route| route.scope).collect();
    scopes.retain(|scope| !scope.ends_with(":internal"));
    scopes.extend(["openid", "profile", "email", "offline_access"]);
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

/// The keys (RFC 7517).
pub(crate) fn keys(keys: &[SigningKey]) -> HttpResponse {
    let keys: Vec<_> = keys.iter().filter_map(key).collect();
    HttpResponse::Ok().insert_header(KEPT).json(json!({"keys": keys}))
}

fn key(key: &SigningKey) -> Option<Value> {
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    match key.algorithm() {
        SigningAlgorithm::Es256 => {
            // An uncompressed point: 4, x, y.
            let (x, y) = key.public.strip_prefix(&[4])?.split_at_checked(32)?;
            let (x, y) = (part(x), part(y));
            Some(json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": key.kid, "use": "sig", "alg": "ES256"}))
        }
        SigningAlgorithm::Eddsa => {
            let x = part(&key.public);
            Some(json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": key.kid, "use": "sig", "alg": "EdDSA"}))
        }
        SigningAlgorithm::Unspecified => None,
    }
}

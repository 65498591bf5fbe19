//! Issuing: tokens are written and signed here, from what was decided.

use std::time::Duration;

use jiff::Timestamp;
use runtime::group::Views;
use serde_json::{Map, Value, json};

use crate::people::Person;
use crate::wire::tokens::signed_in_at;
use crate::wire::v1::{DecideTokenResponse, SigningAlgorithm};
use crate::wire::{Problem, v1};
use crate::{crypto, jwt, roles, settings, views};

/// The name of the shop itself where an application is named.
pub(crate) const SHOP: &str = "shop";

/// What is to be issued, and for whom.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    /// What was decided.
    pub(crate) decided: DecideTokenResponse,
    /// Who it is for; nobody for an application itself.
    pub(crate) person: Option<Person>,
    /// What they may do beside their role.
    pub(crate) granted: Vec<String>,
    /// The refresh token.
    pub(crate) refresh_token: Option<String>,
    /// Whether everything that they may do is asked for.
    pub(crate) everything: bool,
    /// The key that the access token is bound to, by its thumbprint; empty for none.
    pub(crate) jkt: String,
}

impl Given {
    /// How the access token is shown.
    pub(crate) fn token_type(&self) -> &'static str {
        if self.jkt.is_empty() { BEARER } else { DPOP }
    }
}

/// Whoever has the token may use it (RFC 6750).
pub(crate) const BEARER: &str = "Bearer";
/// Whoever has the token and its key may use it (RFC 9449).
pub(crate) const DPOP: &str = "DPoP";

/// What was issued.
pub(crate) struct Issued {
    pub(crate) access_token: String,
    pub(crate) id_token: Option<String>,
    pub(crate) scope: String,
}

/// Signs what was given.
pub(crate) fn issue(views: &Views<'_>, given: &Given) -> Result<Issued, Problem> {
    let keys = views::ring(views);
    let now = views.now;
    let said = &given.decided;
    let scopes = scopes(given);
    let scope = scopes.join(" ");
    let signed = |algorithm: SigningAlgorithm, typ: &str, claims: &Value| {
        jwt::signed(&keys, algorithm, now, typ, claims).ok_or_else(no_key)
    };
    let access_token = signed(SigningAlgorithm::Es256, jwt::ACCESS, &access(given, &scope, now))?;
    let openid = said.scopes.iter().any(|scope| scope == "openid");
    let id_token = match &given.person {
        Some(person) if openid => {
            let algorithm = said.id_token_algorithm();
            Some(signed(algorithm, jwt::ID, &id(given, person, now))?)
        }
        _ => None,
    };
    Ok(Issued { access_token, id_token, scope })
}

fn no_key() -> Problem {
    let pause = Duration::from_secs(1);
    Problem::unavailable("no_signing_key", "there is no key to sign with yet; try again in a moment", pause)
}

/// What the tokens may do: what was asked for, as far as whoever it is for may.
fn scopes(given: &Given) -> Vec<String> {
    let Some(person) = &given.person else { return given.decided.scopes.clone() };
    let held = roles::effective(&person.role, &given.granted);
    if given.everything { held.into_iter().collect() } else { roles::narrowed(&given.decided.scopes, &held) }
}

fn access(given: &Given, scope: &str, now: Timestamp) -> Value {
    let said = &given.decided;
    let issuer = &settings::get().issuer;
    let client_id = if said.client_id.is_empty() { SHOP } else { &said.client_id };
    let (sub, role, tier) = match &given.person {
        Some(person) => (&*person.user_id, &*person.role, &*person.tier),
        None => (client_id, roles::APPLICATION, &*said.tier),
    };
    let mut claims = json!({
        "iss": issuer,
        "sub": sub,
        "aud": issuer,
        "exp": (now + jwt::ACCESS_LIFE).as_second(),
        "iat": now.as_second(),
        "jti": crypto::secret(),
        "client_id": client_id,
        "scope": scope,
        "role": role,
        "tier": tier,
    });
    put(&mut claims, "sid", &said.session_id);
    put(&mut claims, "gnt", &said.grant_id);
    if let (Some(claims), false) = (claims.as_object_mut(), given.jkt.is_empty()) {
        claims.insert("cnf".to_owned(), json!({"jkt": given.jkt}));
    }
    if let (Some(claims), Some(at)) = (claims.as_object_mut(), signed_in_at(said)) {
        claims.insert("auth_time".to_owned(), json!(at));
    }
    claims
}

fn id(given: &Given, person: &Person, now: Timestamp) -> Value {
    let said = &given.decided;
    let mut claims = json!({
        "iss": settings::get().issuer,
        "sub": person.user_id,
        "aud": said.client_id,
        "exp": (now + jwt::ID_LIFE).as_second(),
        "iat": now.as_second(),
        "amr": said.amr,
    });
    put(&mut claims, "sid", &said.session_id);
    put(&mut claims, "nonce", &said.nonce);
    if let (Some(claims), Some(at)) = (claims.as_object_mut(), signed_in_at(said)) {
        claims.insert("auth_time".to_owned(), json!(at));
    }
    claims
}

fn put(claims: &mut Value, name: &str, value: &str) {
    if let (Some(claims), false) = (claims.as_object_mut(), value.is_empty()) {
        claims.insert(name.to_owned(), json!(value));
    }
}

/// What an application learns of somebody, by the scopes that it has.
pub(crate) fn learned(person: &Person, scopes: &[String]) -> Map<String, Value> {
    let has = |scope: &str| scopes.iter().any(|held| held == scope);
    let mut said = Map::new();
    said.insert("sub".to_owned(), json!(person.user_id));
    if has("profile") {
        for (name, value) in [("name", &person.name), ("locale", &person.locale)] {
            if !value.is_empty() {
                said.insert(name.to_owned(), json!(value));
            }
        }
        if let Some(at) = person.updated_at {
            said.insert("updated_at".to_owned(), json!(at));
        }
    }
    if has("email") && !person.email.is_empty() {
        said.insert("email".to_owned(), json!(person.email));
        said.insert("email_verified".to_owned(), json!(person.email_verified));
    }
    said
}

/// What whoever signed in with the shop itself is given.
pub(crate) fn tokens(views: &Views<'_>, given: &Given) -> Result<v1::Tokens, Problem> {
    let issued = issue(views, given)?;
    Ok(v1::Tokens {
        access_token: issued.access_token,
        token_type: given.token_type().to_owned(),
        expires_in: u32::try_from(jwt::ACCESS_LIFE.as_secs()).unwrap_or_default(),
        refresh_token: given.refresh_token.clone().unwrap_or_default(),
        session_id: given.decided.session_id.clone(),
        scope: issued.scope,
    })
}

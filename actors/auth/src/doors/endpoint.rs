//! The endpoints of OAuth that answer in JSON.

use runtime::group::Views;
use runtime::inquiry::{Gathering, Inquiry};
use serde_json::{Map, Value, json};

use super::forms::{get, said, sender, unauthorized, with_id, wrong};
use super::tokens::{self, Brought};
use super::{issue, keys};
use crate::client::{self, CLIENT_CREDENTIALS};
use crate::wire::v1::{self, AnswerEndpointRequest, AnswerEndpointResponse, ClientAuthentication, Endpoint};
use crate::wire::{Problem, fresh_request, is_id, rpc, words};
use crate::{crypto, jwt, people, settings};

pub(crate) fn answer<'a>(inquiry: &'a Inquiry, request: &'a AnswerEndpointRequest) -> Gathering<'a, Brought> {
    Box::pin(async {
        let answered = match request.endpoint() {
            Endpoint::Token => return tokens::token(inquiry, request).await,
            Endpoint::Push => tokens::push(inquiry, request).await,
            Endpoint::Device => tokens::ask_for_device(inquiry, request).await,
            Endpoint::Introspect => introspect(inquiry, request).await,
            Endpoint::Revoke => revoke(inquiry, request).await,
            Endpoint::Userinfo => userinfo(inquiry, request).await,
            Endpoint::Register => register(inquiry, request).await,
            Endpoint::Unspecified => Ok(wrong("invalid_request", "There is no such endpoint.")),
        };
        answered.map(Brought::Said)
    })
}

pub(crate) fn answered(
    views: &Views<'_>,
    _: &AnswerEndpointRequest,
    brought: &Brought,
) -> Result<AnswerEndpointResponse, Problem> {
    let given = match brought {
        Brought::Said(answer) => return Ok(answer.clone()),
        Brought::Given(given) => given,
    };
    let issued = issue::issue(views, given)?;
    let mut body = json!({
        "access_token": issued.access_token,
        "token_type": given.token_type(),
        "expires_in": jwt::ACCESS_LIFE.as_secs(),
        "scope": issued.scope,
    });
    if let Some(body) = body.as_object_mut() {
        for (name, value) in [("refresh_token", &given.refresh_token), ("id_token", &issued.id_token)] {
            if let Some(value) = value {
                body.insert(name.to_owned(), json!(value));
            }
        }
    }
    Ok(said(200, &body))
}

/// What an access token says, if it is good: signed by us, in its time, and of a session and a grant that go on.
async fn access(inquiry: &Inquiry, token: &str) -> Result<Option<Map<String, Value>>, Problem> {
    let keys = inquiry.ask::<rpc::ListSigningKeys>("", &v1::ListSigningKeysRequest {}).await?.keys;
    let issuer = &settings::get().issuer;
    let claims = jwt::read(&keys, issuer, jwt::ACCESS, token).filter(|claims| jwt::is_live(claims, inquiry.now()));
    let Some(claims) = claims else { return Ok(None) };
    for (name, prefix) in [("sid", "ses"), ("gnt", "gnt")] {
        let Some(id) = claims.get(name).and_then(Value::as_str) else { continue };
        let live = match prefix {
            "ses" => {
                let look = v1::LookAtSessionRequest { session_id: id.to_owned() };
                inquiry.ask::<rpc::LookAtSession>(id, &look).await.map(|_| true)
            }
            _ => {
                let look = v1::LookAtGrantRequest { grant_id: id.to_owned() };
                inquiry.ask::<rpc::LookAtGrant>(id, &look).await.map(|grant| grant.active)
            }
        };
        match live {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(problem) if problem.code == "not_found" => return Ok(None),
            Err(problem) => return Err(problem),
        }
    }
    Ok(Some(claims))
}

/// The key that a token is bound to, by its thumbprint; empty when it is bound to none.
fn bound_to(claims: &Map<String, Value>) -> &str {
    claims.get("cnf").and_then(|key| key.get("jkt")).and_then(Value::as_str).unwrap_or_default()
}

/// The application that sends a form, once it has shown who it is; a public one only if so wished.
async fn authenticated(
    inquiry: &Inquiry,
    request: &AnswerEndpointRequest,
    public_too: bool,
) -> Result<Result<String, AnswerEndpointResponse>, Problem> {
    let refused = || wrong("invalid_client", "The application is not known, or showed the wrong secret.");
    let sender = match sender(&request.authorization, &request.params) {
        Ok(sender) => sender,
        Err(answer) => return Ok(Err(answer)),
    };
    if !is_id("cli", &sender.client_id) {
        return Ok(Err(refused()));
    }
    let look = v1::LookAtClientRequest { client_id: sender.client_id.clone() };
    let kept = inquiry.ask::<rpc::LookAtClient>(&sender.client_id, &look).await?;
    let is_public = kept.client.as_ref().map(|client| client.authentication() == ClientAuthentication::None);
    let good = match is_public {
        None => false,
        Some(true) => public_too && sender.client_hash.is_empty(),
        Some(false) => crypto::same(&kept.secret_hash, &sender.client_hash),
    };
    Ok(if good { Ok(sender.client_id) } else { Err(refused()) })
}

/// What a token is worth (RFC 7662). What is not good, or not for whoever asks, is just not active.
async fn introspect(inquiry: &Inquiry, request: &AnswerEndpointRequest) -> Result<AnswerEndpointResponse, Problem> {
    let client_id = match authenticated(inquiry, request, false).await? {
        Ok(client_id) => client_id,
        Err(answer) => return Ok(answer),
    };
    let nothing = said(200, &json!({"active": false}));
    let token = get(&request.params, "token");
    if token.is_empty() {
        return Ok(wrong("invalid_request", "There is no token."));
    }
    if let Some(api_key_id) = crate::api_key::id_of(token) {
        let check = v1::CheckApiKeyRequest { api_key_id: api_key_id.clone(), secret_hash: crypto::hash(token) };
        let key = keys::check(inquiry, &check).await?;
        let body = json!({
            "active": true, "token_type": "api_key", "sub": key.user_id, "scope": key.scopes.join(" "),
            "role": key.role, "tier": key.tier, "jti": api_key_id,
        });
        return Ok(if key.active { said(200, &body) } else { nothing });
    }
    if token.starts_with("gnt_") {
        let (grant_id, hash) = with_id(token);
        let look = v1::LookAtGrantRequest { grant_id: grant_id.clone() };
        let grant = match inquiry.ask::<rpc::LookAtGrant>(&grant_id, &look).await {
            Ok(grant) => grant,
            Err(problem) if problem.code == "not_found" => return Ok(nothing),
            Err(problem) => return Err(problem),
        };
        if !grant.active || grant.client_id != client_id || !crypto::same(&grant.refresh_hash, &hash) {
            return Ok(nothing);
        }
        let body = json!({
            "active": true, "token_type": "refresh_token", "client_id": grant.client_id, "sub": grant.user_id,
            "scope": grant.scopes.join(" "), "exp": grant.expires_at.map(|at| at.seconds), "iss": settings::get().issuer,
        });
        return Ok(said(200, &body));
    }
    Ok(match access(inquiry, token).await? {
        Some(mut claims) => {
            claims.insert("active".to_owned(), json!(true));
            let token_type = if bound_to(&claims).is_empty() { issue::BEARER } else { issue::DPOP };
            claims.insert("token_type".to_owned(), json!(token_type));
            said(200, &Value::Object(claims))
        }
        None => nothing,
    })
}

/// A token is given up (RFC 7009). What is not there needs nothing done.
async fn revoke(inquiry: &Inquiry, request: &AnswerEndpointRequest) -> Result<AnswerEndpointResponse, Problem> {
    let token = get(&request.params, "token");
    let sender = match sender(&request.authorization, &request.params) {
        Ok(sender) => sender,
        Err(answer) => return Ok(answer),
    };
    // Tokens of the shop itself belong to no application: whoever has one may give it up.
    let of_shop = sender.client_id.is_empty() && sender.client_hash.is_empty();
    if !of_shop && let Err(answer) = authenticated(inquiry, request, true).await? {
        return Ok(answer);
    }
    let (grant_id, refresh_hash) = if token.starts_with("gnt_") {
        with_id(token)
    } else {
        let claims = access(inquiry, token).await?.unwrap_or_default();
        let said = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let client_id = said("client_id");
        let own = client_id == sender.client_id || of_shop && client_id == issue::SHOP;
        (if own { said("gnt") } else { String::new() }, Vec::new())
    };
    if is_id("gnt", &grant_id) {
        let request_id = fresh_request();
        let give_up = v1::RevokeGrantRequest {
            request_id: request_id.clone(),
            client_id: sender.client_id,
            client_hash: sender.client_hash,
            grant_id,
            refresh_hash,
            session_id: String::new(),
        };
        inquiry.ask::<rpc::RevokeGrant>(&request_id, &give_up).await?;
    }
    Ok(AnswerEndpointResponse { status: 200, ..AnswerEndpointResponse::default() })
}

/// Who an access token speaks for (OpenID Connect Core §5.3).
async fn userinfo(inquiry: &Inquiry, request: &AnswerEndpointRequest) -> Result<AnswerEndpointResponse, Problem> {
    let (scheme, token) = match request.authorization.split_once(' ') {
        Some((scheme, token)) => (scheme, token.trim()),
        None => (issue::BEARER, get(&request.params, "access_token")),
    };
    let is_bound = scheme.eq_ignore_ascii_case(issue::DPOP);
    if !is_bound && !scheme.eq_ignore_ascii_case(issue::BEARER) {
        return Ok(unauthorized(401, "invalid_token"));
    }
    // A token that is bound to a key is shown with that key, and one that is not is not.
    let jkt = if is_bound { request.dpop_jkt.as_str() } else { "" };
    let claims = access(inquiry, token).await?.filter(|claims| bound_to(claims) == jkt && is_bound != jkt.is_empty());
    let Some(claims) = claims else { return Ok(unauthorized(401, "invalid_token")) };
    let said_in = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let scopes = words(said_in("scope"));
    if !scopes.iter().any(|scope| scope == "openid") {
        return Ok(unauthorized(403, "insufficient_scope"));
    }
    let person = people::claims(inquiry, said_in("sub")).await?.filter(|person| person.is_active);
    Ok(match person {
        Some(person) => said(200, &Value::Object(issue::learned(&person, &scopes))),
        None => unauthorized(401, "invalid_token"),
    })
}

/// An application registers itself (RFC 7591), if it was given the token for it. It is never the shop's own, and acts for
/// nobody but those who let it.
async fn register(inquiry: &Inquiry, request: &AnswerEndpointRequest) -> Result<AnswerEndpointResponse, Problem> {
    let token = request.authorization.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let token = token.map(|(_, token)| token.trim()).unwrap_or_default();
    let expected = settings::get().registration_token.as_str();
    if expected.is_empty() || !crypto::same(&crypto::hash(expected), &crypto::hash(token)) {
        return Ok(unauthorized(401, "invalid_token"));
    }
    let Ok(Value::Object(asked)) = serde_json::from_str::<Value>(&request.body) else {
        return Ok(wrong("invalid_client_metadata", "The body is not a JSON object."));
    };
    let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
    let list = |name: &str| -> Vec<String> {
        let items = asked.get(name).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let authentication = match text("token_endpoint_auth_method") {
        "" | "client_secret_basic" => ClientAuthentication::ClientSecretBasic,
        "client_secret_post" => ClientAuthentication::ClientSecretPost,
        "none" => ClientAuthentication::None,
        _ => return Ok(wrong("invalid_client_metadata", "This token_endpoint_auth_method is not known.")),
    };
    let grant_types = list("grant_types");
    let known = [client::AUTHORIZATION_CODE, client::REFRESH_TOKEN, client::DEVICE_CODE];
    if grant_types.iter().any(|grant| grant == CLIENT_CREDENTIALS || !known.contains(&grant.as_str())) {
        return Ok(wrong("invalid_client_metadata", "An application that registers itself acts for people only."));
    }
    let redirect_uris = list("redirect_uris");
    if redirect_uris.is_empty() || !redirect_uris.iter().all(|uri| client::is_redirect(uri)) {
        return Ok(wrong("invalid_redirect_uri", "A redirect URI is an absolute https address without a fragment."));
    }
    let name: String = text("client_name").trim().chars().filter(|c| !c.is_control()).take(100).collect();
    let wanted = v1::CreateClientRequest {
        name: if name.is_empty() { "Application".to_owned() } else { name },
        redirect_uris,
        post_logout_redirect_uris: list("post_logout_redirect_uris"),
        grant_types,
        scopes: words(text("scope")),
        authentication: authentication.into(),
        ..v1::CreateClientRequest::default()
    };
    let client = match keys::registered(inquiry, wanted).await {
        Ok(client) => client,
        Err(problem) if problem.code == "bad_redirect_uri" => {
            return Ok(wrong("invalid_redirect_uri", &problem.detail));
        }
        Err(problem) if problem.code == "unknown_scope" => {
            return Ok(wrong("invalid_client_metadata", &problem.detail));
        }
        Err(problem) => return Err(problem),
    };
    let method = match client.authentication() {
        ClientAuthentication::None => "none",
        ClientAuthentication::ClientSecretPost => "client_secret_post",
        ClientAuthentication::ClientSecretBasic | ClientAuthentication::Unspecified => "client_secret_basic",
    };
    let mut body = json!({
        "client_id": client.client_id,
        "client_id_issued_at": client.created_at.map(|at| at.seconds),
        "client_name": client.name,
        "redirect_uris": client.redirect_uris,
        "post_logout_redirect_uris": client.post_logout_redirect_uris,
        "grant_types": client.grant_types,
        "response_types": ["code"],
        "scope": client.scopes.join(" "),
        "token_endpoint_auth_method": method,
    });
    if let (Some(body), Some(secret)) = (body.as_object_mut(), client.client_secret) {
        body.insert("client_secret".to_owned(), json!(secret));
        body.insert("client_secret_expires_at".to_owned(), json!(0));
    }
    Ok(said(201, &body))
}

//! Signing out (OpenID Connect RP-Initiated Logout).

use runtime::inquiry::{Gathering, Inquiry};
use serde_json::Value;

use super::forms::{address, get};
use crate::wire::v1::{self, Step};
use crate::wire::{fresh_request, is_id, rpc};
use crate::{crypto, jwt, settings};

pub(crate) fn logout<'a>(inquiry: &'a Inquiry, request: &'a v1::LogoutRequest) -> Gathering<'a, v1::LogoutResponse> {
    Box::pin(async {
        let said = |step: Step| v1::LogoutResponse { step: step.into(), ..v1::LogoutResponse::default() };
        let params = &request.params;
        let hint = match get(params, "id_token_hint") {
            "" => None,
            token => {
                let keys = inquiry.ask::<rpc::ListSigningKeys>("", &v1::ListSigningKeysRequest {}).await?.keys;
                // Its time may be over: it only says who asks, and whom it was for.
                match jwt::read(&keys, &settings::get().issuer, jwt::ID, token) {
                    Some(claims) => Some(claims),
                    None => return Ok(said(Step::Refuse)),
                }
            }
        };
        let of_hint = |name: &str| hint.as_ref().and_then(|claims| claims.get(name)).and_then(Value::as_str);
        let client_id = of_hint("aud").unwrap_or_else(|| get(params, "client_id")).to_owned();
        let named = get(params, "client_id");
        if !named.is_empty() && named != client_id {
            return Ok(said(Step::Refuse));
        }
        let back = match get(params, "post_logout_redirect_uri") {
            "" => String::new(),
            uri if is_registered(inquiry, &client_id, uri).await? => {
                let state = get(params, "state");
                let fields: &[(&str, &str)] = if state.is_empty() { &[] } else { &[("state", state)] };
                address(uri, fields, false)
            }
            _ => return Ok(said(Step::Refuse)),
        };
        let session = shown(inquiry, request).await?;
        let hinted = of_hint("sid").filter(|sid| is_id("ses", sid));
        let session_id = match (&session, hinted) {
            // Whoever is signed in as somebody else is asked.
            (Some(own), Some(hinted)) if own == hinted => own.clone(),
            (Some(own), _) if request.confirmed => own.clone(),
            (Some(_), _) => return Ok(said(Step::Consent)),
            (None, _) => String::new(),
        };
        let ended = !session_id.is_empty();
        if ended {
            let request_id = fresh_request();
            let give_up = v1::RevokeGrantRequest {
                request_id: request_id.clone(),
                session_id,
                ..v1::RevokeGrantRequest::default()
            };
            inquiry.ask::<rpc::RevokeGrant>(&request_id, &give_up).await?;
        }
        Ok(v1::LogoutResponse { location: back, ended, ..said(Step::Redirect) })
    })
}

async fn is_registered(inquiry: &Inquiry, client_id: &str, uri: &str) -> Result<bool, crate::wire::Problem> {
    if !is_id("cli", client_id) {
        return Ok(false);
    }
    let look = v1::LookAtClientRequest { client_id: client_id.to_owned() };
    let client = inquiry.ask::<rpc::LookAtClient>(client_id, &look).await?.client;
    Ok(client.is_some_and(|client| client.post_logout_redirect_uris.iter().any(|known| known == uri)))
}

/// The session whose cookie is shown.
async fn shown(inquiry: &Inquiry, request: &v1::LogoutRequest) -> Result<Option<String>, crate::wire::Problem> {
    if !is_id("ses", &request.session_id) {
        return Ok(None);
    }
    let look = v1::LookAtSessionRequest { session_id: request.session_id.clone() };
    match inquiry.ask::<rpc::LookAtSession>(&request.session_id, &look).await {
        Ok(kept) => {
            let good = crypto::same(&kept.secret_hash, &crypto::hash(&request.secret));
            Ok(good.then(|| request.session_id.clone()))
        }
        Err(problem) if problem.code == "not_found" => Ok(None),
        Err(problem) => Err(problem),
    }
}

//! The token endpoint: hashes what is shown, has it decided, and issues.

use runtime::inquiry::Inquiry;
use serde_json::json;

use super::forms::{Params, get, said, sender, with_id, wrong};
use super::issue::Given;
use crate::client::{AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN};
use crate::people;
use crate::wire::authorization::REQUEST_URI;
use crate::wire::devices::{ALPHABET, USER_CODE_CHARS, device_of};
use crate::wire::v1::{self, AnswerEndpointRequest, AnswerEndpointResponse};
use crate::wire::{DeviceId, Problem, PushedId, fresh_grant, fresh_request, rpc, words};
use crate::{crypto, device, pushed, roles, settings};

/// What was brought: an answer, or what is still to be signed.
pub(crate) enum Brought {
    Said(AnswerEndpointResponse),
    Given(Box<Given>),
}

/// Tokens for what is shown.
pub(crate) async fn token(inquiry: &Inquiry, request: &AnswerEndpointRequest) -> Result<Brought, Problem> {
    let params = &request.params;
    let sender = match sender(&request.authorization, params) {
        Ok(sender) => sender,
        Err(answer) => return Ok(Brought::Said(answer)),
    };
    let grant_type = get(params, "grant_type");
    let shown = match grant_type {
        "" => return Ok(Brought::Said(wrong("invalid_request", "There is no grant_type."))),
        AUTHORIZATION_CODE => get(params, "code"),
        REFRESH_TOKEN => get(params, "refresh_token"),
        DEVICE_CODE => get(params, "device_code"),
        _ => "",
    };
    let (shown_id, shown_hash) = with_id(shown);
    // The successor of a refresh token follows from it, so whoever asks twice at once gets the same.
    let (grant_id, refresh_token) = if grant_type == REFRESH_TOKEN {
        (shown_id.clone(), format!("{shown_id}.{}", crypto::derived("refresh", shown)))
    } else {
        let grant_id = fresh_grant();
        (grant_id.clone(), format!("{grant_id}.{}", crypto::secret()))
    };
    let request_id = fresh_request();
    let kept = |name: &&str| Some(((*name).to_owned(), params.get(*name)?.clone()));
    let decide = v1::DecideTokenRequest {
        request_id: request_id.clone(),
        params: ["grant_type", "scope", "redirect_uri"].iter().filter_map(kept).collect(),
        client_id: sender.client_id,
        client_hash: sender.client_hash,
        shown_id,
        shown_hash,
        challenge: challenge(get(params, "code_verifier")),
        grant_id,
        refresh_hash: crypto::hash(&refresh_token),
        jkt: request.dpop_jkt.clone(),
    };
    let decided = inquiry.ask::<rpc::DecideToken>(&request_id, &decide).await?;
    if !decided.error.is_empty() {
        return Ok(Brought::Said(wrong(&decided.error, &decided.error_description)));
    }
    let refresh_token = decided.refreshable.then_some(refresh_token);
    let jkt = request.dpop_jkt.clone();
    if decided.user_id.is_empty() {
        return Ok(Brought::Given(Box::new(Given { decided, jkt, ..Given::default() })));
    }
    let Some(person) = people::claims(inquiry, &decided.user_id).await?.filter(|person| person.is_active) else {
        return Ok(Brought::Said(wrong("invalid_grant", "Whoever it is for cannot sign in any more.")));
    };
    let grants = v1::GetUserGrantsRequest { user_id: decided.user_id.clone() };
    let grants = inquiry.ask::<rpc::GetUserGrants>(&decided.user_id, &grants).await?.grants;
    let everything = decided.scopes.iter().any(|scope| scope == roles::ALL);
    let granted = grants.map(|grants| grants.scopes).unwrap_or_default();
    Ok(Brought::Given(Box::new(Given { decided, person: Some(person), granted, refresh_token, everything, jkt })))
}

/// What a verifier hashes to, if it is one (RFC 7636 §4.1); empty otherwise, which no challenge is.
fn challenge(verifier: &str) -> String {
    let plain = verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    if plain && (43..=128).contains(&verifier.len()) { crypto::challenge(verifier) } else { String::new() }
}

/// Keeps a request until somebody comes with it.
pub(crate) async fn push(
    inquiry: &Inquiry,
    request: &AnswerEndpointRequest,
) -> Result<AnswerEndpointResponse, Problem> {
    let sender = match sender(&request.authorization, &request.params) {
        Ok(sender) => sender,
        Err(answer) => return Ok(answer),
    };
    let pushed_id = PushedId::new().to_string();
    let mut params: Params = request.params.clone();
    params.remove("client_secret");
    if !request.dpop_jkt.is_empty() {
        // Whoever shows a key when it pushes binds the code to it (RFC 9449 §10.1).
        let named = params.insert("dpop_jkt".to_owned(), request.dpop_jkt.clone());
        if named.is_some_and(|named| named != request.dpop_jkt) {
            return Ok(wrong("invalid_dpop_proof", "The dpop_jkt is not that of the key that was proved."));
        }
    }
    let record = v1::RecordPushedRequest {
        pushed_id: pushed_id.clone(),
        client_id: sender.client_id,
        client_hash: sender.client_hash,
        params,
    };
    let kept = inquiry.ask::<rpc::RecordPushed>(&pushed_id, &record).await?;
    if !kept.error.is_empty() {
        return Ok(wrong(&kept.error, &kept.error_description));
    }
    let request_uri = format!("{REQUEST_URI}{pushed_id}");
    Ok(said(201, &json!({"request_uri": request_uri, "expires_in": pushed::LIFE.as_secs()})))
}

/// A device asks to be let in.
pub(crate) async fn ask_for_device(
    inquiry: &Inquiry,
    request: &AnswerEndpointRequest,
) -> Result<AnswerEndpointResponse, Problem> {
    let sender = match sender(&request.authorization, &request.params) {
        Ok(sender) => sender,
        Err(answer) => return Ok(answer),
    };
    let user_code = user_code();
    let device_id = device_of(&user_code);
    debug_assert!(DeviceId::parse(&device_id).is_ok());
    let device_code = format!("{device_id}.{}", crypto::secret());
    let record = v1::RecordDeviceRequest {
        device_id: device_id.clone(),
        device_hash: crypto::hash(&device_code),
        client_id: sender.client_id,
        client_hash: sender.client_hash,
        scopes: words(get(&request.params, "scope")),
    };
    let kept = inquiry.ask::<rpc::RecordDevice>(&device_id, &record).await?;
    if !kept.error.is_empty() {
        return Ok(wrong(&kept.error, &kept.error_description));
    }
    let page = format!("{}/oauth2/device", settings::get().issuer);
    let body = json!({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={user_code}"),
        "expires_in": device::LIFE.as_secs(),
        "interval": device::INTERVAL_SECS,
    });
    Ok(said(200, &body))
}

/// A code that people type: `WDJB-MJHT`. 34 bits are enough for ten minutes and a limited number of tries.
fn user_code() -> String {
    let mut code = String::with_capacity(USER_CODE_CHARS + 1);
    while code.len() < USER_CODE_CHARS {
        let [byte] = crypto::bytes::<1>();
        // 240 is the largest multiple of 20 in a byte: above it some letters would come more often.
        if byte < 240 {
            code.push(char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
        }
    }
    code.insert(USER_CODE_CHARS / 2, '-');
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_code_is_the_same_however_it_is_typed() {
        let code = user_code();
        assert_eq!(code.len(), 9);
        assert_eq!(device_of(&code), device_of(&code.to_lowercase().replace('-', " ")));
        assert_ne!(device_of(&code), device_of("BBBB-BBBB"));
    }

    #[test]
    fn a_verifier_that_is_too_short_hashes_to_nothing() {
        assert_eq!(challenge("short"), "");
        assert_eq!(challenge(&"a".repeat(129)), "");
        assert_eq!(challenge(&"ä".repeat(30)), "");
        assert_eq!(
            challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}

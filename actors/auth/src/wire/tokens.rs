//! Tokens: whether what is shown is worth some (OAuth 2.1 §4), and giving them up (RFC 7009).
//!
//! What is refused is answered, and not refused as a command: what was found out on the way (a code that was used twice,
//! a refresh token that was stolen) has to stay.

use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};

use super::authorization::{are_allowed, authenticated};
use super::v1::{DecideTokenRequest, DecideTokenResponse, SigningAlgorithm};
use super::{Problem, is_id, no_such, v1, words};
use crate::account::Account;
use crate::client::{AUTHORIZATION_CODE, CLIENT_CREDENTIALS, DEVICE_CODE, Details, REFRESH_TOKEN};
use crate::code::{self, Code, Shown};
use crate::device::{self, Device};
use crate::grant::{self, Grant};
use crate::roles;
use crate::session::{self, Session};

/// What is wrong, by the names of OAuth, and as a sentence.
type Wrong = (String, String);

fn wrong(error: &str, sentence: &str) -> Wrong {
    (error.to_owned(), sentence.to_owned())
}

fn of_problem(problem: Problem) -> Wrong {
    let error = match problem.code.as_str() {
        grant::REUSED | code::USED => "invalid_grant".to_owned(),
        _ => problem.code,
    };
    (error, problem.detail)
}

pub(crate) fn decide(desk: &mut Desk<'_>, request: &DecideTokenRequest) -> Result<DecideTokenResponse, Problem> {
    Ok(given(desk, request).unwrap_or_else(|(error, error_description)| DecideTokenResponse {
        error,
        error_description,
        ..DecideTokenResponse::default()
    }))
}

fn given(desk: &mut Desk<'_>, request: &DecideTokenRequest) -> Result<DecideTokenResponse, Wrong> {
    let grant_type = request.params.get("grant_type").map(String::as_str).unwrap_or_default();
    // What the shop itself opened belongs to no application.
    let of_shop = grant_type == REFRESH_TOKEN && request.client_id.is_empty();
    let details = if of_shop {
        Details { is_public: true, ..Details::default() }
    } else {
        authenticated(desk, &request.client_id, &request.client_hash)
            .ok_or_else(|| wrong("invalid_client", "The application is not known, or showed the wrong secret."))?
    };
    if ![AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS, DEVICE_CODE].contains(&grant_type) {
        return Err(wrong("unsupported_grant_type", "There is no such grant_type here."));
    }
    if !details.may_use(grant_type) {
        return Err(wrong("unauthorized_client", "The application may not come by tokens in this way."));
    }
    match grant_type {
        AUTHORIZATION_CODE => for_code(desk, request, &details),
        REFRESH_TOKEN => for_refresh(desk, request, &details),
        DEVICE_CODE => for_device(desk, request, &details),
        _ => for_itself(request, &details),
    }
}

fn for_code(
    desk: &mut Desk<'_>,
    request: &DecideTokenRequest,
    details: &Details,
) -> Result<DecideTokenResponse, Wrong> {
    let id = &request.shown_id;
    if !is_id("azc", id) {
        return Err(wrong("invalid_grant", "The code is not good."));
    }
    let shown = Shown {
        code_hash: request.shown_hash.clone(),
        client_id: request.client_id.clone(),
        redirect_uri: request.params.get("redirect_uri").cloned().unwrap_or_default(),
        challenge: request.challenge.clone(),
        jkt: request.jkt.clone(),
    };
    let redeem = code::Command::Redeem { code_id: id.clone(), grant_id: request.grant_id.clone(), shown };
    if let Err(problem) = desk.tell::<Code>(id, redeem) {
        if problem.code == code::USED
            && let Some(grant_id) = desk.see::<Code>(id).grant_id.clone()
        {
            revoke(desk, &grant_id, "code_replayed")?;
        }
        return Err(of_problem(problem));
    }
    let code = desk.see::<Code>(id);
    let opened = v1::GrantOpened {
        user_id: code.user_id.clone(),
        session_id: code.session_id.clone(),
        scopes: code.scopes.clone(),
        nonce: code.nonce.clone(),
        authenticated_at: Some(to_wire(code.authenticated_at)),
        amr: code.amr.clone(),
        ..v1::GrantOpened::default()
    };
    open(desk, request, details, opened)
}

fn for_device(
    desk: &mut Desk<'_>,
    request: &DecideTokenRequest,
    details: &Details,
) -> Result<DecideTokenResponse, Wrong> {
    let id = &request.shown_id;
    if !is_id("dvc", id) {
        return Err(wrong("invalid_grant", "The device code is not good."));
    }
    let redeem = device::Command::Redeem {
        device_id: id.clone(),
        grant_id: request.grant_id.clone(),
        device_hash: request.shown_hash.clone(),
        client_id: request.client_id.clone(),
    };
    if let Err(problem) = desk.tell::<Device>(id, redeem) {
        if [device::PENDING, device::TOO_OFTEN].contains(&problem.code.as_str()) {
            desk.tell::<Device>(id, device::Command::Poll { device_id: id.clone() }).map_err(of_problem)?;
        }
        return Err(of_problem(problem));
    }
    let device = desk.see::<Device>(id);
    let answer = device.answer.clone().unwrap_or_default();
    let opened = v1::GrantOpened {
        user_id: answer.user_id,
        session_id: answer.session_id,
        scopes: device.scopes.clone(),
        authenticated_at: Some(to_wire(answer.authenticated_at)),
        amr: answer.amr,
        ..v1::GrantOpened::default()
    };
    open(desk, request, details, opened)
}

fn open(
    desk: &mut Desk<'_>,
    request: &DecideTokenRequest,
    details: &Details,
    opened: v1::GrantOpened,
) -> Result<DecideTokenResponse, Wrong> {
    still_in(desk, &opened.user_id, &opened.session_id)?;
    let refreshable = details.may_use(REFRESH_TOKEN);
    let opened = v1::GrantOpened {
        grant_id: request.grant_id.clone(),
        client_id: request.client_id.clone(),
        refresh_hash: if refreshable { request.refresh_hash.clone() } else { Vec::new() },
        // Whoever has a secret shows it with each renewal; whoever has none shows the key (RFC 9449 §5).
        jkt: (details.is_public && !request.jkt.is_empty()).then(|| request.jkt.clone()),
        ..opened
    };
    desk.tell::<Grant>(&request.grant_id, grant::Command::Open(Box::new(opened))).map_err(of_problem)?;
    let grant = desk.see::<Grant>(&request.grant_id);
    let nonce = grant.nonce.clone();
    Ok(DecideTokenResponse { first: true, refreshable, nonce, ..told(request, details, &grant) })
}

fn told(request: &DecideTokenRequest, details: &Details, grant: &Grant) -> DecideTokenResponse {
    DecideTokenResponse {
        client_id: grant.client_id.clone(),
        user_id: grant.user_id.clone(),
        session_id: grant.session_id.clone(),
        grant_id: request.grant_id.clone(),
        scopes: grant.scopes.clone(),
        authenticated_at: grant.authenticated_at.map(to_wire),
        amr: grant.amr.clone(),
        id_token_algorithm: details.algorithm().into(),
        ..DecideTokenResponse::default()
    }
}

/// Whoever it is for is still there, and signed in where they were.
fn still_in(desk: &Desk<'_>, user_id: &str, session_id: &str) -> Result<(), Wrong> {
    let ended = !session_id.is_empty() && !desk.see::<Session>(session_id).is_live(desk.facts().now);
    if ended || desk.see::<Account>(user_id).closed {
        return Err(wrong("invalid_grant", "Whoever it is for has signed out."));
    }
    Ok(())
}

fn for_refresh(
    desk: &mut Desk<'_>,
    request: &DecideTokenRequest,
    details: &Details,
) -> Result<DecideTokenResponse, Wrong> {
    let id = &request.shown_id;
    let grant = desk.see::<Grant>(id);
    if !is_id("gnt", id) || grant.opened_at.is_none() || grant.client_id != request.client_id {
        return Err(wrong("invalid_grant", "The refresh token is not good."));
    }
    let asked = words(request.params.get("scope").map(String::as_str).unwrap_or_default());
    if !asked.iter().all(|scope| grant.scopes.contains(scope)) {
        return Err(wrong("invalid_scope", "A renewal has no more scopes than the first tokens had."));
    }
    still_in(desk, &grant.user_id, &grant.session_id)?;
    let refresh = grant::Command::Refresh {
        grant_id: id.clone(),
        shown_hash: request.shown_hash.clone(),
        next_hash: request.refresh_hash.clone(),
        jkt: request.jkt.clone(),
    };
    if let Err(problem) = desk.tell::<Grant>(id, refresh) {
        if problem.code == grant::REUSED {
            revoke(desk, id, grant::REUSED)?;
        }
        return Err(of_problem(problem));
    }
    let scopes = if asked.is_empty() { grant.scopes.clone() } else { asked };
    Ok(DecideTokenResponse { scopes, refreshable: true, ..told(request, details, &grant) })
}

fn for_itself(request: &DecideTokenRequest, details: &Details) -> Result<DecideTokenResponse, Wrong> {
    let asked = words(request.params.get("scope").map(String::as_str).unwrap_or_default());
    if asked.iter().any(|scope| roles::OPENID.contains(&scope.as_str())) || !are_allowed(details, &asked) {
        return Err(wrong("invalid_scope", "The application was not registered for one of these scopes."));
    }
    let own = || details.scopes.iter().filter(|scope| !roles::OPENID.contains(&scope.as_str())).cloned().collect();
    Ok(DecideTokenResponse {
        client_id: request.client_id.clone(),
        scopes: if asked.is_empty() { own() } else { asked },
        tier: if details.tier.is_empty() { "standard".to_owned() } else { details.tier.clone() },
        id_token_algorithm: SigningAlgorithm::Es256.into(),
        first: true,
        ..DecideTokenResponse::default()
    })
}

fn revoke(desk: &mut Desk<'_>, grant_id: &str, reason: &'static str) -> Result<(), Wrong> {
    let revoke = grant::Command::Revoke { grant_id: grant_id.to_owned(), reason };
    desk.tell::<Grant>(grant_id, revoke).map(drop).map_err(of_problem)
}

/// A grant or a session is given up. What is not there, or not theirs, needs nothing done.
pub(crate) fn give_up(
    desk: &mut Desk<'_>,
    request: &v1::RevokeGrantRequest,
) -> Result<v1::RevokeGrantResponse, Problem> {
    let v1::RevokeGrantRequest { client_id, client_hash, grant_id, refresh_hash, session_id, .. } = request;
    if !grant_id.is_empty() {
        let of_shop = client_id.is_empty() && client_hash.is_empty();
        if !of_shop && authenticated(desk, client_id, client_hash).is_none() {
            return Ok(v1::RevokeGrantResponse { error: "invalid_client".to_owned() });
        }
        let grant = desk.see::<Grant>(grant_id);
        let shown = refresh_hash.is_empty() || crate::crypto::same(&grant.refresh_hash, refresh_hash);
        if shown && grant.client_id == *client_id {
            desk.tell::<Grant>(grant_id, grant::Command::Revoke { grant_id: grant_id.clone(), reason: "revoked" })?;
        }
    }
    if is_id("ses", session_id) && desk.see::<Session>(session_id).opened_at.is_some() {
        let revoke = session::Command::Revoke { session_id: session_id.clone(), reason: "signed_out" };
        desk.tell::<Session>(session_id, revoke)?;
    }
    Ok(v1::RevokeGrantResponse::default())
}

pub(crate) fn look(window: &Window<'_>, request: &v1::LookAtGrantRequest) -> Result<v1::LookAtGrantResponse, Problem> {
    let grant = window.see::<Grant>(&request.grant_id);
    if grant.opened_at.is_none() {
        return Err(no_such("grant"));
    }
    let session = window.see::<Session>(&grant.session_id);
    let signed_in = grant.session_id.is_empty() || session.is_live(window.now());
    let there = !window.see::<Account>(&grant.user_id).closed;
    Ok(v1::LookAtGrantResponse {
        active: grant.is_live(window.now()) && signed_in && there,
        client_id: grant.client_id.clone(),
        user_id: grant.user_id.clone(),
        session_id: grant.session_id.clone(),
        scopes: grant.scopes.clone(),
        refresh_hash: grant.refresh_hash.clone(),
        expires_at: Some(to_wire(grant.expires_at)),
    })
}

/// When somebody signed in, in seconds.
pub(crate) fn signed_in_at(said: &DecideTokenResponse) -> Option<i64> {
    said.authenticated_at.as_ref().map(|at| from_wire(Some(at)).as_second())
}

//! Authorization: what an application may have of somebody (OAuth 2.1 §4.1, OpenID Connect Core §3.1.2).
//!
//! All of it is decided at one desk: the application, the session, the consent and the code are of one partition. What is
//! wrong with the address of the answer is told to nobody but who sent the browser; anything else goes there.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use runtime::clock::to_wire;
use runtime::desk::Desk;

use super::v1::{DecideAuthorizationRequest, DecideAuthorizationResponse, Decision, Step};
use super::{Problem, is_id, v1, words};
use crate::account::{self, Account};
use crate::client::{AUTHORIZATION_CODE, Client, Details};
use crate::code::{self, Code};
use crate::pushed::{self, Pushed};
use crate::roles;
use crate::session::Session;

type Params = BTreeMap<String, String>;
/// What is wrong, by the names of OAuth, and as a sentence.
type Wrong = (&'static str, &'static str);

/// What a request URI begins with (RFC 9126).
pub(crate) const REQUEST_URI: &str = "urn:ietf:params:oauth:request_uri:";
/// For how long after signing in somebody has done so for the request at hand.
const FRESH: SignedDuration = SignedDuration::from_mins(10);
/// A challenge and the thumbprint of a key are SHA-256 hashes in base64url.
const HASH_CHARS: usize = 43;

fn is_hash(text: &str) -> bool {
    text.len() == HASH_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn get<'p>(params: &'p Params, name: &str) -> &'p str {
    params.get(name).map(String::as_str).unwrap_or_default()
}

pub(crate) fn decide(
    desk: &mut Desk<'_>,
    request: &DecideAuthorizationRequest,
) -> Result<DecideAuthorizationResponse, Problem> {
    let refuse = |(error, sentence): Wrong| DecideAuthorizationResponse {
        step: Step::Refuse.into(),
        error: error.to_owned(),
        error_description: sentence.to_owned(),
        ..DecideAuthorizationResponse::default()
    };
    let (params, pushed_id) = match unpacked(desk, &request.params) {
        Ok(unpacked) => unpacked,
        Err(wrong) => return Ok(refuse(wrong)),
    };
    let client_id = get(&params, "client_id");
    let Some(details) = known(desk, client_id) else {
        return Ok(refuse(("invalid_request", "The application is not known.")));
    };
    let redirect_uri = get(&params, "redirect_uri");
    if !details.may_answer_at(redirect_uri) {
        return Ok(refuse(("invalid_request", "The redirect_uri is not one that the application registered.")));
    }
    let mut said = DecideAuthorizationResponse {
        step: Step::Redirect.into(),
        redirect_uri: redirect_uri.to_owned(),
        state: get(&params, "state").to_owned(),
        client_name: details.name.clone(),
        response_mode: "query".to_owned(),
        ..DecideAuthorizationResponse::default()
    };
    let outcome = check(&details, &params).and_then(|(mode, scopes)| {
        mode.clone_into(&mut said.response_mode);
        said.scopes.clone_from(&scopes);
        next(desk, request, &params, &details, scopes)
    });
    match outcome {
        Err((error, sentence)) => {
            error.clone_into(&mut said.error);
            sentence.clone_into(&mut said.error_description);
        }
        Ok(Next::Ask(step)) => said.step = step.into(),
        Ok(Next::Issue(issue)) => {
            if let Some(pushed_id) = pushed_id {
                desk.tell::<Pushed>(&pushed_id, pushed::Command::Take { pushed_id: pushed_id.clone() })?;
            }
            if let Some(consent) = issue.consent {
                desk.tell::<Account>(&issue.code.user_id, consent)?;
            }
            let code_id = issue.code.code_id.clone();
            desk.tell::<Code>(&code_id, code::Command::Issue(Box::new(issue.code)))?;
            said.issued = true;
        }
    }
    Ok(said)
}

/// What comes next, when nothing is wrong.
enum Next {
    Ask(Step),
    Issue(Box<Issue>),
}

struct Issue {
    code: v1::CodeIssued,
    consent: Option<account::Command>,
}

/// The request itself, or the one that was left before, with its id.
fn unpacked(desk: &Desk<'_>, params: &Params) -> Result<(Params, Option<String>), Wrong> {
    if params.contains_key("request") {
        return Err(("request_not_supported", "A request object is not taken; push the request."));
    }
    let Some(uri) = params.get("request_uri") else { return Ok((params.clone(), None)) };
    let wrong = ("invalid_request_uri", "The request_uri is not known, or no longer.");
    let id = uri.strip_prefix(REQUEST_URI).filter(|id| is_id("par", id)).ok_or(wrong)?;
    let left = desk.see::<Pushed>(id);
    if !left.is_live(desk.facts().now) || get(params, "client_id") != left.client_id {
        return Err(wrong);
    }
    Ok((left.params.clone(), Some(id.to_owned())))
}

/// What an application says about itself, if it is known.
pub(crate) fn known(desk: &Desk<'_>, client_id: &str) -> Option<Details> {
    if !is_id("cli", client_id) {
        return None;
    }
    desk.see::<Client>(client_id).details.clone()
}

/// What can be checked of a request without knowing who answers it: how the answer is sent, and the scopes.
pub(crate) fn check(details: &Details, params: &Params) -> Result<(&'static str, Vec<String>), Wrong> {
    let mode = match get(params, "response_mode") {
        "" | "query" => "query",
        "fragment" => "fragment",
        "form_post" => "form_post",
        _ => return Err(("invalid_request", "The response_mode is query, fragment or form_post.")),
    };
    if get(params, "response_type") != "code" {
        return Err(("unsupported_response_type", "The response_type is code."));
    }
    if !details.may_use(AUTHORIZATION_CODE) {
        return Err(("unauthorized_client", "The application may not ask people."));
    }
    if !is_hash(get(params, "code_challenge")) || get(params, "code_challenge_method") != "S256" {
        return Err(("invalid_request", "PKCE is needed: a code_challenge with the code_challenge_method S256."));
    }
    if params.get("dpop_jkt").is_some_and(|jkt| !is_hash(jkt)) {
        return Err(("invalid_request", "The dpop_jkt is no thumbprint of a key."));
    }
    let prompt = words(get(params, "prompt"));
    let known = ["none", "login", "consent", "select_account"];
    if !prompt.iter().all(|word| known.contains(&word.as_str()))
        || prompt.len() > 1 && prompt.iter().any(|w| w == "none")
    {
        return Err(("invalid_request", "The prompt is none, or login, consent and select_account."));
    }
    if params.get("max_age").is_some_and(|age| age.parse::<u32>().is_err()) {
        return Err(("invalid_request", "The max_age is a number of seconds."));
    }
    let scopes = words(get(params, "scope"));
    if !are_allowed(details, &scopes) {
        return Err(("invalid_scope", "The application was not registered for one of these scopes."));
    }
    Ok((mode, scopes))
}

/// Whether an application may ask for these.
pub(crate) fn are_allowed(details: &Details, scopes: &[String]) -> bool {
    scopes.iter().all(|scope| roles::OPENID.contains(&scope.as_str()) || details.scopes.contains(scope))
}

/// Who shows this for a session, if it goes on, and when they signed in.
pub(crate) fn signed_in(desk: &Desk<'_>, session_id: &str, secret_hash: &[u8]) -> Option<(Session, Timestamp)> {
    if !is_id("ses", session_id) {
        return None;
    }
    let session = desk.see::<Session>(session_id);
    let good = session.is_live(desk.facts().now)
        && session.is_shown_by(secret_hash)
        && !desk.see::<Account>(&session.user_id).closed;
    let opened_at = session.opened_at.filter(|_| good)?;
    Some(((*session).clone(), opened_at))
}

fn next(
    desk: &Desk<'_>,
    request: &DecideAuthorizationRequest,
    params: &Params,
    details: &Details,
    scopes: Vec<String>,
) -> Result<Next, Wrong> {
    let now = desk.facts().now;
    let prompt = words(get(params, "prompt"));
    let asks = |word: &str| prompt.iter().any(|asked| asked == word);
    let silent = asks("none");
    let session = signed_in(desk, &request.session_id, &request.session_hash);
    let max_age = params.get("max_age").and_then(|age| age.parse::<i64>().ok());
    let too_old = |at: Timestamp| max_age.is_some_and(|age| now.as_second().saturating_sub(at.as_second()) > age);
    // Between signing in and saying yes somebody reads a page: it is still the same visit.
    let fresh = |at: Timestamp| request.fresh && now.duration_since(at) < FRESH;
    let again = |at: Timestamp| !fresh(at) && (asks("login") || asks("select_account") || too_old(at));
    let Some((session, signed_in_at)) = session.filter(|(_, at)| !again(*at)) else {
        let wrong = ("login_required", "Somebody has to sign in, and the prompt is none.");
        return if silent { Err(wrong) } else { Ok(Next::Ask(Step::Login)) };
    };
    let client_id = get(params, "client_id");
    if request.decision() == Decision::Deny {
        return Err(("access_denied", "They said no."));
    }
    let allowed = request.decision() == Decision::Allow;
    let lets = details.trusted || desk.see::<Account>(&session.user_id).lets(client_id, &scopes);
    if !allowed && (!lets || asks("consent")) {
        let wrong = ("consent_required", "Somebody has to be asked, and the prompt is none.");
        return if silent { Err(wrong) } else { Ok(Next::Ask(Step::Consent)) };
    }
    if !is_id("azc", &request.code_id) {
        return Err(("server_error", "There is no code to issue."));
    }
    let consent = allowed.then(|| account::Command::Consent {
        user_id: session.user_id.clone(),
        client_id: client_id.to_owned(),
        scopes: scopes.clone(),
    });
    let code = v1::CodeIssued {
        code_id: request.code_id.clone(),
        code_hash: request.code_hash.clone(),
        client_id: client_id.to_owned(),
        user_id: session.user_id,
        session_id: request.session_id.clone(),
        redirect_uri: get(params, "redirect_uri").to_owned(),
        scopes,
        nonce: get(params, "nonce").to_owned(),
        challenge: get(params, "code_challenge").to_owned(),
        authenticated_at: Some(to_wire(signed_in_at)),
        amr: session.amr,
        jkt: params.get("dpop_jkt").cloned(),
        expires_at: None,
        at: None,
    };
    Ok(Next::Issue(Box::new(Issue { code, consent })))
}

/// What an application leaves for later, once it has shown who it is.
pub(crate) fn push(
    desk: &mut Desk<'_>,
    request: &v1::RecordPushedRequest,
) -> Result<v1::RecordPushedResponse, Problem> {
    let said = |(error, sentence): Wrong| {
        Ok(v1::RecordPushedResponse { error: error.to_owned(), error_description: sentence.to_owned() })
    };
    let Some(details) = authenticated(desk, &request.client_id, &request.client_hash) else {
        return said(("invalid_client", "The application is not known, or showed the wrong secret."));
    };
    if request.params.contains_key("request_uri") || request.params.contains_key("request") {
        return said(("invalid_request", "What is pushed is the request itself."));
    }
    let redirect_uri = get(&request.params, "redirect_uri");
    if !details.may_answer_at(redirect_uri) {
        return said(("invalid_request", "The redirect_uri is not one that the application registered."));
    }
    if let Err(wrong) = check(&details, &request.params) {
        return said(wrong);
    }
    let v1::RecordPushedRequest { pushed_id, client_id, mut params, .. } = request.clone();
    params.insert("client_id".to_owned(), client_id.clone());
    desk.tell::<Pushed>(&request.pushed_id, pushed::Command::Push { pushed_id, client_id, params })?;
    Ok(v1::RecordPushedResponse::default())
}

/// What an application says about itself, if it shows who it is.
pub(crate) fn authenticated(desk: &Desk<'_>, client_id: &str, client_hash: &[u8]) -> Option<Details> {
    if !is_id("cli", client_id) {
        return None;
    }
    desk.see::<Client>(client_id).authenticated(client_hash).cloned()
}

//! Sessions: signing in with the browser or with an application of the shop, and the cookie afterwards.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use runtime::clock::to_wire;
use runtime::group::Views;
use runtime::inquiry::{Gathering, Inquiry};

use super::issue::{self, Given};
use crate::people;
use crate::session::LIFE;
use crate::wire::v1::{self, DecideTokenResponse, Outcome};
use crate::wire::{Id, Problem, fresh_grant, fresh_session, no_such, rpc, user};
use crate::{crypto, roles};

/// What was kept of a session that user asked for, and what is to be issued.
pub(crate) type Opened = (Option<v1::Session>, Given);

pub(crate) fn open<'a>(inquiry: &'a Inquiry, request: &'a v1::OpenSessionRequest) -> Gathering<'a, Opened> {
    Box::pin(async {
        let person = people::claims(inquiry, &request.user_id).await?;
        let person = person.filter(|person| person.is_active).ok_or_else(|| no_such("person"))?;
        let grants = v1::GetUserGrantsRequest { user_id: request.user_id.clone() };
        let grants = inquiry.ask::<rpc::GetUserGrants>(&request.user_id, &grants).await?.grants;
        let granted = grants.map(|grants| grants.scopes).unwrap_or_default();
        let grant_id = fresh_grant();
        let refresh_token = format!("{grant_id}.{}", crypto::secret());
        let client_id = request.client_id.clone().unwrap_or_default();
        let record = v1::RecordSessionRequest {
            session_id: request.session_id.clone(),
            user_id: request.user_id.clone(),
            secret_hash: Vec::new(),
            amr: request.amr.clone(),
            client_id: client_id.clone(),
            source: request.source.clone(),
            user_agent: request.user_agent.clone(),
            grant_id: grant_id.clone(),
            refresh_hash: crypto::hash(&refresh_token),
            scopes: vec![roles::ALL.to_owned()],
        };
        let session = inquiry.ask::<rpc::RecordSession>(&request.session_id, &record).await?.session;
        let decided = DecideTokenResponse {
            client_id,
            user_id: request.user_id.clone(),
            session_id: request.session_id.clone(),
            grant_id,
            authenticated_at: Some(to_wire(inquiry.now())),
            amr: request.amr.clone(),
            ..DecideTokenResponse::default()
        };
        let (person, refresh_token) = (Some(person), Some(refresh_token));
        Ok((session, Given { decided, person, granted, refresh_token, everything: true, ..Given::default() }))
    })
}

pub(crate) fn opened(
    views: &Views<'_>,
    _: &v1::OpenSessionRequest,
    (session, given): &Opened,
) -> Result<v1::OpenSessionResponse, Problem> {
    let tokens = issue::tokens(views, given)?;
    Ok(v1::OpenSessionResponse { session: session.clone(), tokens: Some(tokens) })
}

/// How many characters an e-mail address has that user looks at.
const EMAIL_CHARS: std::ops::RangeInclusive<usize> = 3..=254;
/// The longest password that user looks at.
const PASSWORD_CHARS_MAX: usize = 256;
/// For how long somebody may look for their second factor.
const TICKET_LIFE: SignedDuration = SignedDuration::from_mins(5);
/// What a ticket is sealed for.
const TICKET: &str = "login ticket";

/// What somebody shows first, and need not type again when they are asked for a second factor.
#[derive(serde::Serialize, serde::Deserialize)]
struct Shown {
    email: String,
    password: String,
    /// Until when, in seconds.
    until: i64,
}

fn sealed(shown: &Shown) -> String {
    let plain = serde_json::to_vec(shown).unwrap_or_default();
    crypto::seal(TICKET, &plain).map(|sealed| URL_SAFE_NO_PAD.encode(sealed)).unwrap_or_default()
}

fn shown(request: &v1::LoginRequest, now: Timestamp) -> Option<Shown> {
    if request.ticket.is_empty() {
        let (email, password) = (request.email.trim().to_owned(), request.password.clone());
        // What user would not even look at is nobody's.
        let plain = !email.chars().any(char::is_control) && !password.is_empty();
        let fits = EMAIL_CHARS.contains(&email.chars().count()) && password.chars().count() <= PASSWORD_CHARS_MAX;
        let typed = plain && fits;
        return typed.then_some(Shown { email, password, until: 0 });
    }
    let plain = crypto::open(TICKET, &URL_SAFE_NO_PAD.decode(&request.ticket).ok()?)?;
    serde_json::from_slice(&plain).ok().filter(|shown: &Shown| now.as_second() < shown.until)
}

/// Asks user whether somebody is who they say they are, and opens a session for their browser.
pub(crate) fn login<'a>(inquiry: &'a Inquiry, request: &'a v1::LoginRequest) -> Gathering<'a, v1::LoginResponse> {
    Box::pin(async {
        if !request.passkey.is_empty() {
            return by_passkey(inquiry, request).await;
        }
        let attempt_id = Id::new("att").to_string();
        let Some(Shown { email, password, .. }) = shown(request, inquiry.now()) else {
            return Ok(v1::LoginResponse { outcome: Outcome::Refused.into(), ..v1::LoginResponse::default() });
        };
        let verify = user::VerifyUserRequest {
            attempt_id: attempt_id.clone(),
            email: email.clone(),
            password: password.clone(),
            mfa_code: request.mfa_code.clone(),
            recovery_code: request.recovery_code.clone(),
            source: request.source.clone(),
            user_agent: request.user_agent.chars().take(500).collect(),
            ..user::VerifyUserRequest::default()
        };
        let said = inquiry.ask::<user::rpc::VerifyUser>(&attempt_id, &verify).await?;
        let outcome = match said.outcome() {
            user::VerifyOutcome::Verified => Outcome::Verified,
            user::VerifyOutcome::MfaRequired => Outcome::MfaRequired,
            user::VerifyOutcome::Locked => Outcome::Locked,
            user::VerifyOutcome::Refused | user::VerifyOutcome::Unspecified => Outcome::Refused,
        };
        let retry_after_seconds = said.retry_after_seconds;
        let answer = v1::LoginResponse {
            outcome: outcome.into(),
            mfa_methods: said.mfa_methods.clone(),
            retry_after_seconds,
            ..v1::LoginResponse::default()
        };
        if outcome == Outcome::Locked && !said.user_id.is_empty() {
            let note = v1::NoteLockedRequest { user_id: said.user_id.clone(), retry_after_seconds };
            inquiry.ask::<rpc::NoteLocked>(&said.user_id, &note).await?;
        }
        if outcome == Outcome::MfaRequired {
            let ticket = sealed(&Shown { email, password, until: (inquiry.now() + TICKET_LIFE).as_second() });
            return Ok(v1::LoginResponse { ticket, ..answer });
        }
        if outcome != Outcome::Verified {
            return Ok(answer);
        }
        let begun = begun(inquiry, request, said.user_id, said.amr).await?;
        let v1::LoginResponse { session_id, secret, max_age_seconds, .. } = begun;
        Ok(v1::LoginResponse { session_id, secret, max_age_seconds, ..answer })
    })
}

/// A session for the browser of somebody who has shown who they are.
async fn begun(
    inquiry: &Inquiry,
    request: &v1::LoginRequest,
    user_id: String,
    amr: Vec<String>,
) -> Result<v1::LoginResponse, Problem> {
    let (session_id, secret) = (fresh_session(), crypto::secret());
    let record = v1::RecordSessionRequest {
        session_id: session_id.clone(),
        user_id,
        secret_hash: crypto::hash(&secret),
        amr,
        source: request.source.clone(),
        user_agent: request.user_agent.clone(),
        ..v1::RecordSessionRequest::default()
    };
    inquiry.ask::<rpc::RecordSession>(&session_id, &record).await?;
    let max_age_seconds = u32::try_from(LIFE.as_secs()).unwrap_or_default();
    let outcome = Outcome::Verified.into();
    Ok(v1::LoginResponse { outcome, session_id, secret, max_age_seconds, ..v1::LoginResponse::default() })
}

/// Whoever shows a passkey has shown two factors: the device, and what unlocks it.
async fn by_passkey(inquiry: &Inquiry, request: &v1::LoginRequest) -> Result<v1::LoginResponse, Problem> {
    let verify = user::VerifyPasskeyRequest {
        credential: request.passkey.clone(),
        source: request.source.clone(),
        user_agent: request.user_agent.chars().take(500).collect(),
    };
    let said = inquiry.ask::<user::rpc::VerifyPasskey>("", &verify).await?;
    if said.outcome() != user::VerifyOutcome::Verified {
        return Ok(v1::LoginResponse { outcome: Outcome::Refused.into(), ..v1::LoginResponse::default() });
    }
    begun(inquiry, request, said.user_id, said.amr).await
}

/// What a gatherer brought is the answer.
pub(crate) fn as_it_is<R, T: Clone>(_: &Views<'_>, _: &R, brought: &T) -> Result<T, Problem> {
    Ok(brought.clone())
}

/// Who shows a session cookie.
pub(crate) fn check<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::CheckSessionRequest,
) -> Gathering<'a, v1::CheckSessionResponse> {
    Box::pin(async {
        let nobody = v1::CheckSessionResponse::default();
        let look = v1::LookAtSessionRequest { session_id: request.session_id.clone() };
        let kept = match inquiry.ask::<rpc::LookAtSession>(&request.session_id, &look).await {
            Ok(kept) => kept,
            Err(problem) if problem.code == "not_found" => return Ok(nobody),
            Err(problem) => return Err(problem),
        };
        if !crypto::same(&kept.secret_hash, &request.secret_hash) {
            return Ok(nobody);
        }
        let user_id = kept.session.map(|session| session.user_id).unwrap_or_default();
        let person = people::claims(inquiry, &user_id).await?.filter(|person| person.is_active);
        Ok(person.map_or(nobody, |person| v1::CheckSessionResponse {
            active: true,
            user_id,
            scopes: roles::effective(&person.role, &kept.granted).into_iter().collect(),
            role: person.role,
            tier: person.tier,
            name: person.name,
        }))
    })
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::moment;

    use super::*;

    #[test]
    fn a_ticket_stands_for_what_was_typed_for_five_minutes() {
        let until = (moment(0) + TICKET_LIFE).as_second();
        let ticket = sealed(&Shown { email: "ada@example.com".into(), password: "secret".into(), until });
        assert!(!ticket.contains("secret"));
        let request = v1::LoginRequest { ticket, ..v1::LoginRequest::default() };
        assert_eq!(shown(&request, moment(299)).map(|shown| shown.password).as_deref(), Some("secret"));
        assert!(shown(&request, moment(300)).is_none());
        let forged = v1::LoginRequest { ticket: "c2VhbGVk".into(), ..v1::LoginRequest::default() };
        assert!(shown(&forged, moment(0)).is_none());
        assert!(shown(&v1::LoginRequest::default(), moment(0)).is_none());
    }
}

//! Proving who one is. Everything here is a query or tells nothing itself: passwords, codes and tokens pass through and
//! nothing of them is written down. What was found out goes to the group's own commands, without the secret.
//!
//! A wrong password and an unknown address take the same way: the same read, one hash, the same command.

use std::time::Duration;

use jiff::SignedDuration;
use messages::id::Id;
use messages::problem::{Kind, Problem};
use runtime::clock::to_wire;
use runtime::desk::Desk;
use runtime::entropy::Entropy;
use runtime::group::Views;
use runtime::inquiry::{Gathering, Inquiry};

use super::registering::{parsed, salt};
use super::shown::{role_out, tier_out};
use super::{auth, fresh_attempt, locked, must_be_owner, rpc, v1, weak};
use crate::settings::tools;
use crate::totp;
use crate::user::{Refusal, User};

/// What somebody shows.
pub(super) struct Proof<'a> {
    /// The try.
    pub(super) attempt_id: &'a str,
    /// The account, or the address by its blind index.
    pub(super) holder: &'a str,
    pub(super) password: &'a str,
    pub(super) mfa_code: &'a str,
    pub(super) recovery_code: &'a str,
    pub(super) source: &'a str,
    pub(super) agent: &'a str,
}

/// What became of it.
pub(super) struct Judged {
    pub(super) kept: v1::GetCredentialsResponse,
    pub(super) outcome: v1::VerifyOutcome,
    pub(super) amr: Vec<String>,
    pub(super) retry_after: u32,
    /// The hash that the password has now.
    pub(super) password_hash: String,
}

pub(super) async fn judged(inquiry: &Inquiry, proof: Proof<'_>) -> Result<Judged, Problem> {
    let tools = tools();
    let source_key = tools.keys.place(proof.source);
    let look = v1::GetCredentialsRequest { holder: proof.holder.to_owned(), source_key: source_key.clone() };
    let kept = inquiry.ask::<rpc::GetCredentials>(proof.holder, &look).await?;
    if kept.retry_after_seconds > 0 {
        let (outcome, retry_after) = (v1::VerifyOutcome::Locked, kept.retry_after_seconds);
        return Ok(Judged { kept, outcome, amr: Vec::new(), retry_after, password_hash: String::new() });
    }
    let checked = tools.hasher.check(proof.password, &kept.password_hash, salt(proof.attempt_id)).await?;
    let secret = tools.keys.open(&kept.user_id, &kept.sealed_secret).filter(|_| kept.mfa_enabled);
    let step = secret.and_then(|secret| totp::step_of(&secret, proof.mfa_code, inquiry.now()));
    let recovery_hash =
        if proof.recovery_code.is_empty() { String::new() } else { tools.keys.recovery_hash(proof.recovery_code) };
    // An account without an address cannot be; what guards nobody is named after what was asked for.
    let email_id = match kept.email_id.as_str() {
        "" => Id::derived("eml", proof.holder.as_bytes()).to_string(),
        known => known.to_owned(),
    };
    let judge = v1::JudgeAttemptRequest {
        attempt_id: proof.attempt_id.to_owned(),
        email_id,
        user_id: kept.user_id.clone(),
        password_hash: if checked.right { kept.password_hash.clone() } else { String::new() },
        rehashed: checked.stronger.clone().unwrap_or_default(),
        step,
        recovery_hash,
        code_shown: !proof.mfa_code.is_empty() || !proof.recovery_code.is_empty(),
        source_key,
        source: proof.source.to_owned(),
        user_agent: proof.agent.to_owned(),
    };
    let said = inquiry.ask::<rpc::JudgeAttempt>(proof.attempt_id, &judge).await?;
    let (outcome, retry_after) = (said.outcome(), said.retry_after_seconds);
    let stronger = checked.stronger.filter(|_| outcome == v1::VerifyOutcome::Verified);
    let password_hash = stronger.unwrap_or_else(|| kept.password_hash.clone());
    Ok(Judged { kept, outcome, amr: said.amr, retry_after, password_hash })
}

/// The ways in which a code can be shown.
fn methods(kept: &v1::GetCredentialsResponse) -> Vec<String> {
    let recovery = (kept.recovery_codes_left > 0).then_some("recovery_code");
    let methods = kept.mfa_enabled.then_some("otp").into_iter().chain(recovery.filter(|_| kept.mfa_enabled));
    methods.map(str::to_owned).collect()
}

/// What `auth` is told, but what only the account knows.
pub(crate) fn gather_verify<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::VerifyUserRequest,
) -> Gathering<'a, v1::VerifyUserResponse> {
    Box::pin(async move {
        let refused = || {
            let outcome = v1::VerifyOutcome::Refused.into();
            Ok(v1::VerifyUserResponse { outcome, ..Default::default() })
        };
        let holder = match (request.user_id.as_str(), parsed(&request.email)) {
            ("", Ok(email)) => tools().keys.email_id(&email),
            // What is no address has no account.
            ("", Err(_)) => return refused(),
            (user_id, _) => user_id.to_owned(),
        };
        let proof = Proof {
            attempt_id: &request.attempt_id,
            holder: &holder,
            password: &request.password,
            mfa_code: &request.mfa_code,
            recovery_code: &request.recovery_code,
            source: &request.source,
            agent: &request.user_agent,
        };
        let judged = judged(inquiry, proof).await?;
        Ok(match judged.outcome {
            v1::VerifyOutcome::Verified | v1::VerifyOutcome::MfaRequired => v1::VerifyUserResponse {
                outcome: judged.outcome.into(),
                mfa_methods: methods(&judged.kept),
                user_id: judged.kept.user_id,
                amr: judged.amr,
                ..Default::default()
            },
            v1::VerifyOutcome::Locked => v1::VerifyUserResponse {
                outcome: judged.outcome.into(),
                retry_after_seconds: judged.retry_after,
                ..Default::default()
            },
            v1::VerifyOutcome::Refused | v1::VerifyOutcome::Unspecified => return refused(),
        })
    })
}

/// Adds what is true of the account to what was found out.
pub(crate) fn verify(
    desk: &mut Desk<'_>,
    _: &v1::VerifyUserRequest,
    found: &v1::VerifyUserResponse,
) -> Result<v1::VerifyUserResponse, Problem> {
    if found.outcome() != v1::VerifyOutcome::Verified {
        return Ok(found.clone());
    }
    let user = desk.see::<User>(&found.user_id);
    Ok(v1::VerifyUserResponse {
        email_verified: user.email_verified,
        name: user.profile.name.clone(),
        locale: user.profile.locale.clone(),
        role: role_out(user.role).into(),
        tier: tier_out(user.tier).into(),
        customer_group: user.customer_group.clone(),
        mfa_enabled: user.takes_codes(),
        ..found.clone()
    })
}

/// A session for somebody who has shown who they are, with its tokens.
pub(super) async fn opened(
    inquiry: &Inquiry,
    user_id: &str,
    amr: &[String],
    address: &str,
    agent: &str,
) -> Result<auth::Tokens, Problem> {
    let open = auth::OpenSessionRequest {
        session_id: Id::derived("ses", &Entropy::system().bytes::<16>()).to_string(),
        user_id: user_id.to_owned(),
        amr: amr.to_vec(),
        source: address.chars().take(64).collect(),
        user_agent: agent.to_owned(),
        client_id: None,
    };
    Ok(inquiry.ask::<auth::rpc::OpenSession>("", &open).await?.tokens.unwrap_or_default())
}

pub(crate) fn gather_authenticate<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::AuthenticateUserRequest,
) -> Gathering<'a, v1::AuthenticateUserResponse> {
    Box::pin(async move {
        let wrong = || {
            let said = "The e-mail address, the password or the code is wrong.";
            Problem::new(Kind::Unauthenticated, "invalid_credentials", said)
        };
        let holder = tools().keys.email_id(&parsed(&request.email).map_err(|_| wrong())?);
        let attempt_id = fresh_attempt();
        let proof = Proof {
            attempt_id: &attempt_id,
            holder: &holder,
            password: &request.password,
            mfa_code: &request.mfa_code,
            recovery_code: &request.recovery_code,
            source: &request.client_address,
            agent: &request.client_agent,
        };
        let judged = judged(inquiry, proof).await?;
        match judged.outcome {
            v1::VerifyOutcome::Verified => {}
            v1::VerifyOutcome::MfaRequired => {
                let mfa = serde_json::json!({"methods": methods(&judged.kept)});
                let said = "A code is needed too.";
                return Err(Problem::new(Kind::Unauthenticated, "mfa_required", said).with_json("mfa", &mfa));
            }
            v1::VerifyOutcome::Locked => return Err(locked(judged.retry_after)),
            v1::VerifyOutcome::Refused | v1::VerifyOutcome::Unspecified => return Err(wrong()),
        }
        let v1::AuthenticateUserRequest { client_address, client_agent, .. } = request;
        let tokens = opened(inquiry, &judged.kept.user_id, &judged.amr, client_address, client_agent).await?;
        Ok(v1::AuthenticateUserResponse {
            session_id: tokens.session_id,
            user_id: judged.kept.user_id,
            amr: judged.amr,
            access_token: tokens.access_token,
            token_type: tokens.token_type,
            expires_in: tokens.expires_in,
            refresh_token: tokens.refresh_token,
            scope: tokens.scope,
        })
    })
}

pub(crate) fn gather_change<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::ChangePasswordRequest,
) -> Gathering<'a, v1::ChangePasswordResponse> {
    Box::pin(async move {
        let v1::ChangePasswordRequest { user_id, current_password, password, client_address, client_agent } = request;
        must_be_owner(inquiry, user_id)?;
        let attempt_id = fresh_attempt();
        let proof = Proof {
            attempt_id: &attempt_id,
            holder: user_id,
            password: current_password,
            mfa_code: "",
            recovery_code: "",
            source: client_address,
            agent: client_agent,
        };
        let judged = judged(inquiry, proof).await?;
        match judged.outcome {
            // They are signed in, by a code if one is needed.
            v1::VerifyOutcome::Verified | v1::VerifyOutcome::MfaRequired => {}
            v1::VerifyOutcome::Locked => return Err(locked(judged.retry_after)),
            v1::VerifyOutcome::Refused | v1::VerifyOutcome::Unspecified => return Err(Refusal::WrongPassword.into()),
        }
        let own = [judged.kept.email.as_str(), judged.kept.name.as_str()];
        if let Some(found) = tools().breached.weakness(password, &own) {
            return Err(weak(found));
        }
        let set = v1::SetPasswordRequest {
            attempt_id: attempt_id.clone(),
            user_id: user_id.clone(),
            password_hash: tools().hasher.hash(password, salt(&fresh_attempt())).await?,
            before: judged.password_hash,
            ..Default::default()
        };
        inquiry.ask::<rpc::SetPassword>(&attempt_id, &set).await?;
        Ok(v1::ChangePasswordResponse {})
    })
}

/// How long a mail is waited for to be on its way. Nobody learns more by waiting longer.
const ISSUE_WITHIN: Duration = Duration::from_secs(2);

pub(crate) fn gather_reset_request<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::RequestPasswordResetRequest,
) -> Gathering<'a, v1::RequestPasswordResetResponse> {
    Box::pin(async move {
        let Ok(email) = parsed(&request.email) else { return Ok(v1::RequestPasswordResetResponse {}) };
        let (keys, attempt_id) = (&tools().keys, fresh_attempt());
        let secret = keys.ticket("reset", &attempt_id);
        let good_for = SignedDuration::from_mins(tools().settings.reset_minutes.into());
        let expires_at = inquiry.now().saturating_add(good_for).unwrap_or(inquiry.now());
        let ticket = v1::Ticket { hash: keys.ticket_hash(&secret), secret, expires_at: Some(to_wire(expires_at)) };
        let issue = v1::IssueResetRequest {
            attempt_id: attempt_id.clone(),
            email_id: keys.email_id(&email),
            ticket: Some(ticket),
        };
        inquiry.ask_within::<rpc::IssueReset>(ISSUE_WITHIN, &attempt_id, &issue).await?;
        Ok(v1::RequestPasswordResetResponse {})
    })
}

pub(crate) fn gather_reset<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::ResetPasswordRequest,
) -> Gathering<'a, v1::ResetPasswordResponse> {
    Box::pin(async move {
        let v1::ResetPasswordRequest { user_id, token, password, client_address, .. } = request;
        if let Some(found) = tools().breached.weakness(password, &[]) {
            return Err(weak(found));
        }
        let attempt_id = fresh_attempt();
        let set = v1::SetPasswordRequest {
            attempt_id: attempt_id.clone(),
            user_id: user_id.clone(),
            password_hash: tools().hasher.hash(password, salt(&attempt_id)).await?,
            ticket_hash: tools().keys.ticket_hash(token),
            source_key: tools().keys.place(client_address),
            ..Default::default()
        };
        inquiry.ask::<rpc::SetPassword>(&attempt_id, &set).await?;
        Ok(v1::ResetPasswordResponse {})
    })
}

/// Answers with what was gathered.
pub(crate) fn said<Q, R: Clone>(_: &Views<'_>, _: &Q, found: &R) -> Result<R, Problem> {
    Ok(found.clone())
}

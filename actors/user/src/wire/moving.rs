//! Another e-mail address. Whoever asks shows their password, so asking is a query; what is kept of it has none in it.

use jiff::SignedDuration;
use runtime::clock::to_wire;
use runtime::desk::Desk;
use runtime::inquiry::{Gathering, Inquiry};

use super::events::ticket_in;
use super::proving::{Proof, judged};
use super::registering::parsed;
use super::{Problem, fresh_attempt, locked, must_be_own, must_be_owner, now, rpc, v1};
use crate::claim::{self, Claim};
use crate::settings::tools;
use crate::user::moving::{Ask, Letter};
use crate::user::{Command, Refusal, User};

pub(crate) fn gather_request<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::RequestEmailChangeRequest,
) -> Gathering<'a, v1::RequestEmailChangeResponse> {
    Box::pin(async move {
        let v1::RequestEmailChangeRequest { user_id, email, current_password, client_address, client_agent } = request;
        must_be_owner(inquiry, user_id)?;
        let address = parsed(email)?;
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
        let keys = &tools().keys;
        let secret = keys.ticket("email change", &attempt_id);
        let good_for = SignedDuration::from_hours(tools().settings.verification_hours.into());
        let expires_at = inquiry.now().saturating_add(good_for).unwrap_or(inquiry.now());
        let ticket = v1::Ticket { hash: keys.ticket_hash(&secret), secret, expires_at: Some(to_wire(expires_at)) };
        let issue = v1::IssueEmailChangeRequest {
            attempt_id: attempt_id.clone(),
            user_id: user_id.clone(),
            password_hash: judged.password_hash,
            email_id: keys.email_id(&address),
            marks: keys.marks(&[&judged.kept.name, address.as_str()]),
            email: address.as_str().to_owned(),
            ticket: Some(ticket),
        };
        inquiry.ask::<rpc::IssueEmailChange>(&attempt_id, &issue).await?;
        Ok(v1::RequestEmailChangeResponse {})
    })
}

pub(crate) fn issue(
    desk: &mut Desk<'_>,
    request: &v1::IssueEmailChangeRequest,
) -> Result<v1::IssueEmailChangeResponse, Problem> {
    let v1::IssueEmailChangeRequest { user_id, password_hash, email, email_id, marks, ticket, .. } = request.clone();
    // What counts is decided when the secret is shown; but whoever cannot have the address is told at once.
    if desk.see::<Claim>(&email_id).holder.is_some() {
        return Err(claim::Refusal::Taken.into());
    }
    let sending = ticket_in(ticket.unwrap_or_default());
    let letter = Letter { email, email_id, marks, sending, ..Letter::default() };
    desk.tell::<User>(&user_id, Command::Address(Ask::Want(Box::new(letter), password_hash)))?;
    Ok(v1::IssueEmailChangeResponse {})
}

pub(crate) fn gather_shown<'a>(_: &'a Inquiry, request: &'a v1::ConfirmEmailChangeRequest) -> Gathering<'a, String> {
    Box::pin(async move { Ok(tools().keys.ticket_hash(&request.token)) })
}

/// The account, the address before and the one that it has now change in one turn: two who confirm the same address at
/// once are one who has it, and one who is told that it is taken.
#[expect(clippy::ptr_arg, reason = "a handler takes what its gatherer brought")]
pub(crate) fn confirm(
    desk: &mut Desk<'_>,
    request: &v1::ConfirmEmailChangeRequest,
    hash: &String,
) -> Result<v1::ConfirmEmailChangeResponse, Problem> {
    let id = &request.user_id;
    let before = desk.see::<User>(id).email_id.clone();
    desk.tell::<User>(id, Command::Address(Ask::Confirm(hash.clone())))?;
    let after = desk.see::<User>(id).email_id.clone();
    if before != after {
        desk.tell::<Claim>(&after, claim::Command::Take(after.clone(), id.clone()))?;
        desk.tell::<Claim>(&before, claim::Command::Release(before.clone()))?;
    }
    Ok(v1::ConfirmEmailChangeResponse { user: now(desk, id) })
}

pub(crate) fn cancel(
    desk: &mut Desk<'_>,
    request: &v1::CancelEmailChangeRequest,
) -> Result<v1::CancelEmailChangeResponse, Problem> {
    must_be_own(&desk.see::<User>(&request.user_id), &desk.facts().caller)?;
    desk.tell::<User>(&request.user_id, Command::Address(Ask::Keep))?;
    Ok(v1::CancelEmailChangeResponse { user: now(desk, &request.user_id) })
}

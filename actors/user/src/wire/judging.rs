//! Judging tries to sign in: what is kept to compare with, and the decision. Both are asked by the group itself; see
//! [`super::proving`] for what lies between them.

use runtime::desk::{Desk, Window};

use super::guarded::outcome_out;
use super::shown::status_out;
use super::{Problem, v1};
use crate::claim::Claim;
use crate::guard::{self, Attempt, Guard, Outcome};
use crate::user::{By, Command, Mfa, Status, User};

/// What a password and a code are held against. Without an account there is still a guard.
pub(crate) fn credentials(
    window: &Window<'_>,
    request: &v1::GetCredentialsRequest,
) -> Result<v1::GetCredentialsResponse, Problem> {
    let v1::GetCredentialsRequest { holder, source_key } = request;
    let by_address = holder.starts_with("eml_");
    let user_id =
        if by_address { window.see::<Claim>(holder).holder.clone().unwrap_or_default() } else { holder.clone() };
    let user = window.see::<User>(&user_id);
    let email_id = if by_address { holder.clone() } else { user.email_id.clone() };
    let wait = window.see::<Guard>(&email_id).wait_secs(source_key, window.now());
    if !user.is_there() {
        let nobody = v1::GetCredentialsResponse { email_id, retry_after_seconds: wait, ..Default::default() };
        return Ok(nobody);
    }
    let sealed_secret = match &user.mfa {
        Mfa::Off => String::new(),
        Mfa::Begun { sealed } | Mfa::On { sealed, .. } => sealed.clone(),
    };
    Ok(v1::GetCredentialsResponse {
        user_id,
        email_id,
        status: status_out(user.status).into(),
        password_hash: user.password_hash.clone(),
        sealed_secret,
        mfa_enabled: user.takes_codes(),
        retry_after_seconds: wait,
        recovery_codes_left: user.recovery_left(),
        email: user.email.clone(),
        name: user.profile.name.clone(),
    })
}

/// Decides about a try, notes it, and uses up what was used.
pub(crate) fn judge(
    desk: &mut Desk<'_>,
    request: &v1::JudgeAttemptRequest,
) -> Result<v1::JudgeAttemptResponse, Problem> {
    let guard = desk.see::<Guard>(&request.email_id);
    let wait = guard.wait_secs(&request.source_key, desk.facts().now);
    if wait > 0 {
        // Tries at once each found the door open; all but the first come too late.
        let outcome = v1::VerifyOutcome::Locked.into();
        return Ok(v1::JudgeAttemptResponse { outcome, amr: Vec::new(), retry_after_seconds: wait });
    }
    let (outcome, amr) = decided(desk, request)?;
    let attempt = Attempt {
        id: request.attempt_id.clone(),
        user: request.user_id.clone(),
        outcome,
        amr: amr.iter().map(|word| (*word).to_owned()).collect(),
        place: request.source_key.clone(),
        source: request.source.clone(),
        agent: request.user_agent.clone(),
    };
    let amr = attempt.amr.clone();
    let note = guard::Command::Note(request.email_id.clone(), Box::new(attempt));
    desk.tell::<Guard>(&request.email_id, note)?;
    Ok(v1::JudgeAttemptResponse { outcome: outcome_out(outcome).into(), amr, retry_after_seconds: 0 })
}

fn decided(desk: &mut Desk<'_>, request: &v1::JudgeAttemptRequest) -> Result<(Outcome, Vec<&'static str>), Problem> {
    let v1::JudgeAttemptRequest { user_id, password_hash, rehashed, step, recovery_hash, code_shown, .. } = request;
    let user = desk.see::<User>(user_id);
    // The password may have changed since it was looked at.
    let right = user.status == Status::Active && !password_hash.is_empty() && *password_hash == user.password_hash;
    if !right {
        return Ok((Outcome::Refused, Vec::new()));
    }
    let mut amr = vec!["pwd"];
    if user.takes_codes() {
        if !code_shown {
            return Ok((Outcome::MfaRequired, amr));
        }
        let (used, word) = match step {
            Some(step) => (desk.tell::<User>(user_id, Command::UseCode(*step)), "otp"),
            None => (desk.tell::<User>(user_id, Command::UseRecovery(recovery_hash.clone())), "rc"),
        };
        match used {
            Ok(_) => amr.push(word),
            Err(problem) if problem.code == "invalid_code" => return Ok((Outcome::Refused, Vec::new())),
            Err(problem) => return Err(problem),
        }
    }
    if !rehashed.is_empty() {
        let stronger = Command::SetPassword(rehashed.clone(), By::Rehash(password_hash.clone()));
        desk.tell::<User>(user_id, stronger)?;
    }
    Ok((Outcome::Verified, amr))
}

/// Sets a password whose owner was shown to be asking.
pub(crate) fn set_password(
    desk: &mut Desk<'_>,
    request: &v1::SetPasswordRequest,
) -> Result<v1::SetPasswordResponse, Problem> {
    let v1::SetPasswordRequest { user_id, password_hash, before, ticket_hash, source_key, .. } = request;
    let by = if ticket_hash.is_empty() { By::Old(before.clone()) } else { By::Ticket(ticket_hash.clone()) };
    let is_reset = matches!(by, By::Ticket(_));
    desk.tell::<User>(user_id, Command::SetPassword(password_hash.clone(), by))?;
    if is_reset {
        let email_id = desk.see::<User>(user_id).email_id.clone();
        desk.tell::<Guard>(&email_id, guard::Command::Clear(email_id.clone(), source_key.clone()))?;
    }
    Ok(v1::SetPasswordResponse {})
}

//! The second factor: authenticators and recovery codes. Their secrets are shown once, by queries, and kept sealed or as
//! hashes by the group's own commands.

use runtime::desk::Desk;
use runtime::entropy::Entropy;
use runtime::inquiry::{Gathering, Inquiry};

use super::proving::{Proof, judged};
use super::{Problem, fresh_attempt, locked, must_be_owner, rpc, v1};
use crate::keys::Keys;
use crate::settings::tools;
use crate::totp;
use crate::user::{Command, Refusal, User};

use messages::problem::Kind;

async fn kept(inquiry: &Inquiry, user_id: &str) -> Result<v1::GetCredentialsResponse, Problem> {
    must_be_owner(inquiry, user_id)?;
    let look = v1::GetCredentialsRequest { holder: user_id.to_owned(), source_key: String::new() };
    inquiry.ask::<rpc::GetCredentials>(user_id, &look).await
}

pub(crate) fn gather_start<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::StartMfaRequest,
) -> Gathering<'a, v1::StartMfaResponse> {
    Box::pin(async move {
        let (user_id, attempt_id, entropy) = (&request.user_id, fresh_attempt(), Entropy::system());
        let kept = kept(inquiry, user_id).await?;
        let secret = entropy.bytes::<{ totp::SECRET_BYTES }>();
        let sealed_secret = tools().keys.seal(user_id, &secret, &entropy).ok_or_else(Problem::internal)?;
        let begin = v1::BeginMfaRequest { attempt_id: attempt_id.clone(), user_id: user_id.clone(), sealed_secret };
        inquiry.ask::<rpc::BeginMfa>(&attempt_id, &begin).await?;
        let otpauth_uri = totp::uri(&tools().settings.issuer, &kept.email, &secret);
        Ok(v1::StartMfaResponse { secret: totp::base32(&secret), otpauth_uri })
    })
}

pub(crate) fn gather_confirm<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::ConfirmMfaRequest,
) -> Gathering<'a, v1::ConfirmMfaResponse> {
    Box::pin(async move {
        let (user_id, attempt_id) = (&request.user_id, fresh_attempt());
        let kept = kept(inquiry, user_id).await?;
        if kept.mfa_enabled {
            return Err(Refusal::MfaOn.into());
        }
        let secret = tools().keys.open(user_id, &kept.sealed_secret).ok_or(Refusal::MfaNotBegun)?;
        let step = totp::step_of(&secret, &request.mfa_code, inquiry.now()).ok_or(Refusal::InvalidCode)?;
        let (recovery_codes, recovery_hashes) = fresh_codes();
        let enable =
            v1::EnableMfaRequest { attempt_id: attempt_id.clone(), user_id: user_id.clone(), step, recovery_hashes };
        inquiry.ask::<rpc::EnableMfa>(&attempt_id, &enable).await?;
        Ok(v1::ConfirmMfaResponse { recovery_codes })
    })
}

/// New recovery codes, and what is kept of them.
fn fresh_codes() -> (Vec<String>, Vec<String>) {
    let codes = Keys::recovery_codes(&Entropy::system());
    let hashes = codes.iter().map(|code| tools().keys.recovery_hash(code)).collect();
    (codes, hashes)
}

/// The owner shows everything once more.
async fn proved(inquiry: &Inquiry, proof: Proof<'_>) -> Result<(), Problem> {
    must_be_owner(inquiry, proof.holder)?;
    let judged = judged(inquiry, proof).await?;
    match judged.outcome {
        v1::VerifyOutcome::Verified if judged.kept.mfa_enabled => Ok(()),
        v1::VerifyOutcome::Verified => Err(Refusal::MfaOff.into()),
        v1::VerifyOutcome::MfaRequired => Err(Problem::new(Kind::Forbidden, "mfa_required", "A code is needed too.")),
        v1::VerifyOutcome::Locked => Err(locked(judged.retry_after)),
        v1::VerifyOutcome::Refused | v1::VerifyOutcome::Unspecified => Err(Refusal::WrongPassword.into()),
    }
}

async fn change(
    inquiry: &Inquiry,
    attempt_id: String,
    user_id: &str,
    recovery_hashes: Vec<String>,
) -> Result<(), Problem> {
    let change = v1::ChangeMfaRequest { attempt_id: attempt_id.clone(), user_id: user_id.to_owned(), recovery_hashes };
    inquiry.ask::<rpc::ChangeMfa>(&attempt_id, &change).await.map(drop)
}

pub(crate) fn gather_disable<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::DisableMfaRequest,
) -> Gathering<'a, v1::DisableMfaResponse> {
    Box::pin(async move {
        let attempt_id = fresh_attempt();
        let proof = Proof {
            attempt_id: &attempt_id,
            holder: &request.user_id,
            password: &request.password,
            mfa_code: &request.mfa_code,
            recovery_code: &request.recovery_code,
            source: &request.client_address,
            agent: &request.client_agent,
        };
        proved(inquiry, proof).await?;
        change(inquiry, attempt_id, &request.user_id, Vec::new()).await?;
        Ok(v1::DisableMfaResponse {})
    })
}

pub(crate) fn gather_renew<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::RenewRecoveryCodesRequest,
) -> Gathering<'a, v1::RenewRecoveryCodesResponse> {
    Box::pin(async move {
        let attempt_id = fresh_attempt();
        let proof = Proof {
            attempt_id: &attempt_id,
            holder: &request.user_id,
            password: &request.password,
            mfa_code: &request.mfa_code,
            recovery_code: &request.recovery_code,
            source: &request.client_address,
            agent: &request.client_agent,
        };
        proved(inquiry, proof).await?;
        let (recovery_codes, hashes) = fresh_codes();
        change(inquiry, attempt_id, &request.user_id, hashes).await?;
        Ok(v1::RenewRecoveryCodesResponse { recovery_codes })
    })
}

pub(crate) fn begin(desk: &mut Desk<'_>, request: &v1::BeginMfaRequest) -> Result<v1::BeginMfaResponse, Problem> {
    desk.tell::<User>(&request.user_id, Command::BeginMfa(request.sealed_secret.clone()))?;
    Ok(v1::BeginMfaResponse {})
}

pub(crate) fn enable(desk: &mut Desk<'_>, request: &v1::EnableMfaRequest) -> Result<v1::EnableMfaResponse, Problem> {
    desk.tell::<User>(&request.user_id, Command::EnableMfa(request.step, request.recovery_hashes.clone()))?;
    Ok(v1::EnableMfaResponse {})
}

pub(crate) fn change_now(
    desk: &mut Desk<'_>,
    request: &v1::ChangeMfaRequest,
) -> Result<v1::ChangeMfaResponse, Problem> {
    let command = match request.recovery_hashes.as_slice() {
        [] => Command::DisableMfa,
        hashes => Command::RenewRecovery(hashes.to_vec()),
    };
    desk.tell::<User>(&request.user_id, command)?;
    Ok(v1::ChangeMfaResponse {})
}

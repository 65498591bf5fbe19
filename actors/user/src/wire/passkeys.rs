//! Passkeys at the border: the ceremonies, the owner's list, and signing in.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use messages::id::UserId;
use messages::problem::Kind;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entropy::Entropy;
use runtime::inquiry::{Gathering, Inquiry};
use serde_json::json;

use super::guarded::outcome_out;
use super::{Problem, fresh_attempt, must_be_own, must_be_owner, rpc, v1};
use crate::guard::{self, Attempt, Guard, Outcome};
use crate::passkey::party::Party;
use crate::passkey::{self, Answered, Made, Purpose, Wrong};
use crate::settings::tools;
use crate::user::passkeys::{Ask, Passkey, Use};
use crate::user::{Command, Refusal, Status, User};

fn party() -> Result<&'static Party, Problem> {
    let party = &tools().settings.passkeys;
    if party.is_there() {
        return Ok(party);
    }
    let said = "This shop takes no passkeys: its address has no name that they could belong to.";
    Err(Problem::conflict("passkeys_off", said))
}

fn wrong(wrong: Wrong) -> Problem {
    let said = format!("What the device said is not good: {wrong}.");
    Problem::new(Kind::Unprocessable, "invalid_passkey", said).with("reason", wrong.word())
}

fn shown(user_id: &str, passkey: &Passkey) -> v1::Passkey {
    v1::Passkey {
        passkey_id: passkey.id.clone(),
        user_id: user_id.to_owned(),
        name: passkey.name.clone(),
        backed_up: passkey.backed_up,
        suspended: passkey.suspended,
        created_at: Some(to_wire(passkey.created_at)),
        last_used_at: passkey.last_used_at.map(to_wire),
    }
}

async fn halves(inquiry: &Inquiry, user_id: &str) -> Result<Vec<v1::PasskeyHalf>, Problem> {
    let look = v1::GetPasskeyHalvesRequest { user_id: user_id.to_owned() };
    Ok(inquiry.ask::<rpc::GetPasskeyHalves>(user_id, &look).await?.halves)
}

pub(crate) fn gather_start<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::StartPasskeyRequest,
) -> Gathering<'a, v1::StartPasskeyResponse> {
    Box::pin(async move {
        let user_id = &request.user_id;
        must_be_owner(inquiry, user_id)?;
        let party = party()?;
        let look = v1::GetCredentialsRequest { holder: user_id.clone(), source_key: String::new() };
        let kept = inquiry.ask::<rpc::GetCredentials>(user_id, &look).await?;
        if kept.status() != v1::UserStatus::Active {
            return Err(Refusal::Inactive.into());
        }
        let known: Vec<String> =
            halves(inquiry, user_id).await?.iter().map(|half| URL_SAFE_NO_PAD.encode(&half.credential_id)).collect();
        let challenge = passkey::challenge(&tools().keys, Purpose::Adding(user_id), inquiry.now(), &Entropy::system());
        let handle = URL_SAFE_NO_PAD.encode(user_id);
        let name = if kept.name.is_empty() { &kept.email } else { &kept.name };
        let options = party.creation(&tools().settings.issuer, &[&handle, &kept.email, name], &challenge, &known);
        Ok(v1::StartPasskeyResponse { options: options.to_string() })
    })
}

pub(crate) fn gather_made<'a>(inquiry: &'a Inquiry, request: &'a v1::AddPasskeyRequest) -> Gathering<'a, Made> {
    Box::pin(async move {
        must_be_owner(inquiry, &request.user_id)?;
        passkey::made(party()?, &tools().keys, &request.user_id, inquiry.now(), &request.credential).map_err(wrong)
    })
}

pub(crate) fn add(
    desk: &mut Desk<'_>,
    request: &v1::AddPasskeyRequest,
    made: &Made,
) -> Result<v1::AddPasskeyResponse, Problem> {
    let v1::AddPasskeyRequest { user_id, passkey_id, name, .. } = request;
    let add = Ask::Add(passkey_id.clone(), name.clone(), Box::new(made.clone()));
    match desk.tell::<User>(user_id, Command::Passkey(add)) {
        // Here that means one thing only.
        Err(problem) if problem.code == "invalid_credentials" => return Err(wrong(Wrong::Challenge)),
        told => told?,
    };
    Ok(v1::AddPasskeyResponse { passkey: now(&desk.see::<User>(user_id), passkey_id) })
}

fn now(user: &User, passkey_id: &str) -> Option<v1::Passkey> {
    user.passkey(passkey_id).map(|passkey| shown(&user.id, passkey))
}

pub(crate) fn list(
    window: &Window<'_>,
    request: &v1::ListPasskeysRequest,
) -> Result<v1::ListPasskeysResponse, Problem> {
    let user = window.see::<User>(&request.user_id);
    must_be_own(&user, window.caller())?;
    Ok(v1::ListPasskeysResponse { data: user.passkeys.iter().map(|passkey| shown(&user.id, passkey)).collect() })
}

pub(crate) fn get(window: &Window<'_>, request: &v1::GetPasskeyRequest) -> Result<v1::GetPasskeyResponse, Problem> {
    let user = window.see::<User>(&request.user_id);
    must_be_own(&user, window.caller())?;
    let passkey = now(&user, &request.passkey_id).ok_or(Refusal::PasskeyNotFound)?;
    Ok(v1::GetPasskeyResponse { passkey: Some(passkey) })
}

pub(crate) fn rename(
    desk: &mut Desk<'_>,
    request: &v1::RenamePasskeyRequest,
) -> Result<v1::RenamePasskeyResponse, Problem> {
    let v1::RenamePasskeyRequest { user_id, passkey_id, name } = request;
    must_be_own(&desk.see::<User>(user_id), &desk.facts().caller)?;
    desk.tell::<User>(user_id, Command::Passkey(Ask::Rename(passkey_id.clone(), name.clone())))?;
    Ok(v1::RenamePasskeyResponse { passkey: now(&desk.see::<User>(user_id), passkey_id) })
}

pub(crate) fn delete(
    desk: &mut Desk<'_>,
    request: &v1::DeletePasskeyRequest,
) -> Result<v1::DeletePasskeyResponse, Problem> {
    let v1::DeletePasskeyRequest { user_id, passkey_id } = request;
    let user = desk.see::<User>(user_id);
    must_be_own(&user, &desk.facts().caller)?;
    let before = now(&user, passkey_id);
    desk.tell::<User>(user_id, Command::Passkey(Ask::Remove(passkey_id.clone())))?;
    Ok(v1::DeletePasskeyResponse { passkey: before })
}

pub(crate) fn gather_start_login<'a>(
    inquiry: &'a Inquiry,
    _: &'a v1::StartPasskeyLoginRequest,
) -> Gathering<'a, v1::StartPasskeyLoginResponse> {
    Box::pin(async move {
        let challenge = passkey::challenge(&tools().keys, Purpose::SigningIn, inquiry.now(), &Entropy::system());
        Ok(v1::StartPasskeyLoginResponse { options: party()?.request(&challenge).to_string() })
    })
}

/// The public halves of somebody's passkeys; none where there is nobody.
pub(crate) fn halves_of(
    window: &Window<'_>,
    request: &v1::GetPasskeyHalvesRequest,
) -> Result<v1::GetPasskeyHalvesResponse, Problem> {
    let half = |passkey: &Passkey| v1::PasskeyHalf {
        passkey_id: passkey.id.clone(),
        credential_id: passkey.credential_id.clone(),
        public_key: passkey.public_key.clone(),
    };
    let user = window.see::<User>(&request.user_id);
    Ok(v1::GetPasskeyHalvesResponse { halves: user.passkeys.iter().map(half).collect() })
}

/// Who shows a passkey, and how; nobody when it is not good, whatever the reason.
async fn judged(
    inquiry: &Inquiry,
    credential: &str,
    source: &str,
    agent: &str,
) -> Result<Option<(String, Vec<String>)>, Problem> {
    let Ok(shown) = passkey::shown(party()?, &tools().keys, inquiry.now(), credential) else { return Ok(None) };
    if UserId::parse(&shown.user_id).is_err() {
        return Ok(None);
    }
    let halves = halves(inquiry, &shown.user_id).await?;
    let Some(half) = halves.iter().find(|half| half.credential_id == shown.credential_id) else { return Ok(None) };
    let attempt_id = fresh_attempt();
    let judge = v1::JudgePasskeyRequest {
        attempt_id: attempt_id.clone(),
        user_id: shown.user_id.clone(),
        passkey_id: half.passkey_id.clone(),
        right: shown.is_of(&half.public_key),
        sign_count: shown.sign_count,
        backed_up: shown.backed_up,
        challenge_hash: shown.answered.hash.clone(),
        expires_at: Some(to_wire(shown.answered.until)),
        source_key: tools().keys.place(source),
        source: source.to_owned(),
        user_agent: agent.to_owned(),
    };
    let said = inquiry.ask::<rpc::JudgePasskey>(&attempt_id, &judge).await?;
    Ok((said.outcome() == v1::VerifyOutcome::Verified).then_some((shown.user_id, said.amr)))
}

/// Decides about a passkey that was shown, notes it, and uses its challenge up.
pub(crate) fn judge(
    desk: &mut Desk<'_>,
    request: &v1::JudgePasskeyRequest,
) -> Result<v1::JudgePasskeyResponse, Problem> {
    let v1::JudgePasskeyRequest { user_id, passkey_id, right, sign_count, backed_up, challenge_hash, .. } = request;
    let refused = || v1::JudgePasskeyResponse { outcome: v1::VerifyOutcome::Refused.into(), amr: Vec::new() };
    let user = desk.see::<User>(user_id);
    if user.status != Status::Active {
        return Ok(refused());
    }
    let answered = Answered { hash: challenge_hash.clone(), until: from_wire(request.expires_at.as_ref()) };
    let shown = Use { id: passkey_id.clone(), sign_count: *sign_count, backed_up: *backed_up, answered };
    let is_used = *right
        && match desk.tell::<User>(user_id, Command::Passkey(Ask::Use(Box::new(shown)))) {
            // A count that went back was noted, and lets nobody in.
            Ok(_) => desk.see::<User>(user_id).passkey(passkey_id).is_some_and(|passkey| !passkey.suspended),
            Err(problem) if problem.code == "invalid_credentials" => false,
            Err(problem) => return Err(problem),
        };
    let amr = if is_used { vec![if *backed_up { "swk" } else { "hwk" }, "mfa"] } else { Vec::new() };
    let attempt = Attempt {
        id: request.attempt_id.clone(),
        user: user_id.clone(),
        outcome: if is_used { Outcome::Verified } else { Outcome::Refused },
        amr: amr.iter().map(|word| (*word).to_owned()).collect(),
        place: request.source_key.clone(),
        source: request.source.clone(),
        agent: request.user_agent.clone(),
    };
    let said = v1::JudgePasskeyResponse { outcome: outcome_out(attempt.outcome).into(), amr: attempt.amr.clone() };
    desk.tell::<Guard>(&user.email_id, guard::Command::Note(user.email_id.clone(), Box::new(attempt)))?;
    Ok(said)
}

/// What `auth` is told.
pub(crate) fn gather_verify<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::VerifyPasskeyRequest,
) -> Gathering<'a, v1::VerifyPasskeyResponse> {
    Box::pin(async move {
        let judged = match judged(inquiry, &request.credential, &request.source, &request.user_agent).await {
            Err(problem) if problem.code == "passkeys_off" => None,
            judged => judged?,
        };
        Ok(match judged {
            Some((user_id, amr)) => {
                v1::VerifyPasskeyResponse { outcome: v1::VerifyOutcome::Verified.into(), user_id, amr }
            }
            None => v1::VerifyPasskeyResponse { outcome: v1::VerifyOutcome::Refused.into(), ..Default::default() },
        })
    })
}

pub(crate) fn gather_authenticate<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::AuthenticatePasskeyRequest,
) -> Gathering<'a, v1::AuthenticatePasskeyResponse> {
    Box::pin(async move {
        let v1::AuthenticatePasskeyRequest { credential, client_address, client_agent } = request;
        let refused = || Problem::from(Refusal::PasskeyRefused);
        let (user_id, amr) = judged(inquiry, credential, client_address, client_agent).await?.ok_or_else(refused)?;
        let tokens = super::proving::opened(inquiry, &user_id, &amr, client_address, client_agent).await?;
        Ok(v1::AuthenticatePasskeyResponse {
            session_id: tokens.session_id,
            user_id,
            amr,
            access_token: tokens.access_token,
            token_type: tokens.token_type,
            expires_in: tokens.expires_in,
            refresh_token: tokens.refresh_token,
            scope: tokens.scope,
        })
    })
}

/// The passkeys of an account, for its owner to take along.
pub(super) fn exported(passkeys: &[Passkey]) -> serde_json::Value {
    let passkey = |passkey: &Passkey| {
        json!({"passkey_id": passkey.id, "name": passkey.name, "backed_up": passkey.backed_up,
               "suspended": passkey.suspended, "created_at": passkey.created_at.to_string(),
               "last_used_at": passkey.last_used_at.map(|at| at.to_string())})
    };
    passkeys.iter().map(passkey).collect()
}

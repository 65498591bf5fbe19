//! API keys and signing keys.

use jiff::SignedDuration;
use messages::problem::Kind;
use runtime::desk::{Desk, Window};
use runtime::inquiry::{Gathering, Inquiry};

use super::v1::{SigningAlgorithm, SigningKey};
use super::{Problem, RING, no_such, v1};
use crate::account::Account;
use crate::api_key::{self, ApiKey, KEYS_MAX};
use crate::keyring::{self, Keyring};
use crate::{crypto, views};

pub(crate) fn record(
    desk: &mut Desk<'_>,
    request: &v1::RecordApiKeyRequest,
) -> Result<v1::RecordApiKeyResponse, Problem> {
    let id = &request.api_key_id;
    if desk.see::<Account>(&request.user_id).closed {
        return Err(Problem::conflict("account_closed", "the account is gone"));
    }
    if views::keys_that_work(&desk.rows::<views::Keys>(), &request.user_id, desk.facts().now) >= KEYS_MAX {
        let said = format!("there are already {KEYS_MAX} keys of this owner that work");
        return Err(Problem::conflict("too_many_keys", said));
    }
    desk.tell::<ApiKey>(id, api_key::Command::Create(Box::new(request.clone())))?;
    Ok(v1::RecordApiKeyResponse { api_key: desk.see::<ApiKey>(id).shown(id) })
}

pub(crate) fn record_rotation(
    desk: &mut Desk<'_>,
    request: &v1::RecordRotationRequest,
) -> Result<v1::RecordRotationResponse, Problem> {
    let v1::RecordRotationRequest { api_key_id, prefix, secret_hash, overlap_seconds, .. } = request.clone();
    let id = &request.api_key_id;
    if !desk.facts().caller.may_touch_credentials(&desk.see::<ApiKey>(id).user_id) {
        return Err(no_such("key"));
    }
    let overlap = SignedDuration::from_secs(overlap_seconds.into());
    desk.tell::<ApiKey>(id, api_key::Command::Rotate { api_key_id, prefix, secret_hash, overlap })?;
    Ok(v1::RecordRotationResponse { api_key: desk.see::<ApiKey>(id).shown(id) })
}

pub(crate) fn revoke(
    desk: &mut Desk<'_>,
    request: &v1::RevokeApiKeyRequest,
) -> Result<v1::RevokeApiKeyResponse, Problem> {
    let id = &request.api_key_id;
    if !desk.facts().caller.may_touch_credentials(&desk.see::<ApiKey>(id).user_id) {
        return Err(no_such("key"));
    }
    desk.tell::<ApiKey>(id, api_key::Command::Revoke { api_key_id: id.clone(), reason: "revoked" })?;
    Ok(v1::RevokeApiKeyResponse { api_key: desk.see::<ApiKey>(id).shown(id) })
}

pub(crate) fn note_use(
    desk: &mut Desk<'_>,
    request: &v1::NoteApiKeyUseRequest,
) -> Result<v1::NoteApiKeyUseResponse, Problem> {
    let api_key_id = request.api_key_id.clone();
    desk.tell::<ApiKey>(&request.api_key_id, api_key::Command::NoteUse { api_key_id })?;
    Ok(v1::NoteApiKeyUseResponse {})
}

pub(crate) fn get(window: &Window<'_>, request: &v1::GetApiKeyRequest) -> Result<v1::GetApiKeyResponse, Problem> {
    let key = may_see(window, &request.api_key_id)?;
    Ok(v1::GetApiKeyResponse { api_key: key.shown(&request.api_key_id) })
}

pub(crate) fn may_see(window: &Window<'_>, id: &str) -> Result<std::sync::Arc<ApiKey>, Problem> {
    let key = window.see::<ApiKey>(id);
    if key.created_at.is_some() && window.caller().may_touch_credentials(&key.user_id) {
        Ok(key)
    } else {
        Err(no_such("key"))
    }
}

pub(crate) fn look(window: &Window<'_>, request: &v1::LookAtKeyRequest) -> Result<v1::LookAtKeyResponse, Problem> {
    let key = window.see::<ApiKey>(&request.api_key_id);
    let account = window.see::<Account>(&key.user_id);
    if !key.is_live(window.now()) || account.closed {
        return Err(no_such("key"));
    }
    let before = key.previous.as_ref().filter(|(_, until)| window.now() < *until);
    Ok(v1::LookAtKeyResponse {
        api_key: key.shown(&request.api_key_id),
        role: key.role.clone(),
        secret_hash: key.secret_hash.clone(),
        previous_hash: before.map(|(hash, _)| hash.clone()).unwrap_or_default(),
        granted: account.scopes.clone(),
    })
}

/// New pairs of keys, one for each way to sign, with their private halves sealed.
pub(crate) fn fresh_keys<'a>(_: &'a Inquiry, _: &'a v1::RotateSigningKeysRequest) -> Gathering<'a, Fresh> {
    Box::pin(async {
        let ways = [SigningAlgorithm::Es256, SigningAlgorithm::Eddsa];
        let keys: Option<Vec<_>> = ways.into_iter().map(fresh_key).collect();
        keys.map(Fresh).ok_or_else(|| Problem::new(Kind::Internal, "no_key", "no key could be made"))
    })
}

fn fresh_key(algorithm: SigningAlgorithm) -> Option<SigningKey> {
    let (public, private) = crypto::pair(algorithm)?;
    let prefix = if algorithm == SigningAlgorithm::Eddsa { "ed" } else { "es" };
    let number = u64::from_be_bytes(crypto::bytes());
    let kid = format!("{prefix}-{number:016x}");
    let sealed = crypto::seal(&kid, &private)?;
    Some(SigningKey { kid, algorithm: algorithm.into(), public, sealed, ..SigningKey::default() })
}

/// New keys, as they were gathered.
pub(crate) struct Fresh(Vec<SigningKey>);

pub(crate) fn rotate(
    desk: &mut Desk<'_>,
    request: &v1::RotateSigningKeysRequest,
    Fresh(keys): &Fresh,
) -> Result<v1::RotateSigningKeysResponse, Problem> {
    let command = keyring::Command::Rotate { if_due: request.if_due, keys: keys.clone() };
    desk.tell::<Keyring>(RING, command)?;
    let now = desk.facts().now;
    Ok(v1::RotateSigningKeysResponse { keys: public(&desk.see::<Keyring>(RING).shown(), now) })
}

/// The keys that are shown at a time, without their private halves.
pub(crate) fn public(keys: &[SigningKey], now: jiff::Timestamp) -> Vec<SigningKey> {
    let shown = keys.iter().filter(|key| keyring::is_shown(key, now));
    shown.map(|key| SigningKey { sealed: Vec::new(), ..key.clone() }).collect()
}

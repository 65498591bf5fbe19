//! API keys and applications: what has a secret that is shown once.

use runtime::inquiry::{Gathering, Inquiry};

use crate::api_key::minted;
use crate::people;
use crate::wire::v1::{self, ClientAuthentication};
use crate::wire::{ClientId, KeyId, Kind, Problem, fresh_request, no_such, rpc};
use crate::{crypto, roles};

/// For how long the secret before a new one works, when nobody says otherwise: a day to bring the new one everywhere.
const OVERLAP_SECONDS: u32 = 86_400;

pub(crate) fn create<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::CreateApiKeyRequest,
) -> Gathering<'a, v1::CreateApiKeyResponse> {
    Box::pin(async {
        let caller = inquiry.caller();
        let held = caller.scopes.iter().cloned().collect();
        let own = caller.person();
        let user_id = match request.user_id.as_deref() {
            Some(other) if Some(other) != own && !(caller.is_staff() && roles::holds(&held, "auth:manage")) => None,
            Some(user_id) => Some(user_id),
            None => own,
        };
        let user_id = user_id.ok_or_else(|| no_such("person"))?.to_owned();
        let fits = |scope: &String| *scope != roles::ALL && roles::is_known(scope) && roles::holds(&held, scope);
        if !request.scopes.iter().all(fits) {
            let said = "a key may do no more than you may yourself";
            return Err(Problem::new(Kind::Forbidden, "scope_not_held", said));
        }
        let person = people::claims(inquiry, &user_id).await?;
        let (role, tier) = match person {
            Some(person) if person.is_active => (person.role, person.tier),
            // Whoever holds a token of the configuration is known to nobody else.
            None if own == Some(user_id.as_str()) => (caller.role.clone(), "standard".to_owned()),
            Some(_) | None => return Err(no_such("person")),
        };
        let api_key_id = KeyId::new().to_string();
        let (secret, prefix) = minted(&api_key_id);
        let record = v1::RecordApiKeyRequest {
            api_key_id: api_key_id.clone(),
            user_id,
            name: request.name.clone(),
            prefix,
            secret_hash: crypto::hash(&secret),
            scopes: request.scopes.clone(),
            role,
            tier,
            expires_at: request.expires_at,
        };
        let key = inquiry.ask::<rpc::RecordApiKey>(&api_key_id, &record).await?.api_key;
        let api_key = key.map(|key| v1::ApiKey { secret: Some(secret), ..key });
        Ok(v1::CreateApiKeyResponse { api_key })
    })
}

pub(crate) fn rotate<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::RotateApiKeyRequest,
) -> Gathering<'a, v1::RotateApiKeyResponse> {
    Box::pin(async {
        let (secret, prefix) = minted(&request.api_key_id);
        let request_id = fresh_request();
        let record = v1::RecordRotationRequest {
            request_id: request_id.clone(),
            api_key_id: request.api_key_id.clone(),
            prefix,
            secret_hash: crypto::hash(&secret),
            overlap_seconds: request.overlap_seconds.unwrap_or(OVERLAP_SECONDS),
        };
        let key = inquiry.ask::<rpc::RecordRotation>(&request_id, &record).await?.api_key;
        let api_key = key.map(|key| v1::ApiKey { secret: Some(secret), ..key });
        Ok(v1::RotateApiKeyResponse { api_key })
    })
}

/// Who shows an API key.
pub(crate) fn check<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::CheckApiKeyRequest,
) -> Gathering<'a, v1::CheckApiKeyResponse> {
    Box::pin(async {
        let nobody = v1::CheckApiKeyResponse::default();
        let look = v1::LookAtKeyRequest { api_key_id: request.api_key_id.clone() };
        let kept = match inquiry.ask::<rpc::LookAtKey>(&request.api_key_id, &look).await {
            Ok(kept) => kept,
            Err(problem) if problem.code == "not_found" => return Ok(nobody),
            Err(problem) => return Err(problem),
        };
        let good = |hash: &[u8]| crypto::same(hash, &request.secret_hash);
        let Some(key) = kept.api_key.filter(|_| good(&kept.secret_hash) || good(&kept.previous_hash)) else {
            return Ok(nobody);
        };
        let (role, tier) = match people::claims(inquiry, &key.user_id).await? {
            Some(person) if person.is_active => (person.role, person.tier),
            Some(_) => return Ok(nobody),
            None => (kept.role, key.tier),
        };
        // The smaller of what the key may do and what its owner may do now.
        let scopes = roles::narrowed(&key.scopes, &roles::effective(&role, &kept.granted));
        let used_at = key.last_used_at.as_ref().map(|at| runtime::clock::from_wire(Some(at)));
        let note_use = used_at.is_none_or(|at| inquiry.now() >= at + crate::api_key::NOTED_EVERY);
        Ok(v1::CheckApiKeyResponse { active: true, user_id: key.user_id, role, tier, scopes, note_use })
    })
}

pub(crate) fn create_client<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::CreateClientRequest,
) -> Gathering<'a, v1::CreateClientResponse> {
    Box::pin(async { Ok(v1::CreateClientResponse { client: Some(registered(inquiry, request.clone()).await?) }) })
}

/// Registers an application, with a secret if it can keep one.
pub(crate) async fn registered(inquiry: &Inquiry, wanted: v1::CreateClientRequest) -> Result<v1::Client, Problem> {
    let client_id = ClientId::new().to_string();
    let secret = (wanted.authentication() != ClientAuthentication::None).then(crypto::secret);
    let v1::CreateClientRequest {
        name,
        redirect_uris,
        post_logout_redirect_uris,
        grant_types,
        scopes,
        authentication,
        id_token_algorithm,
        trusted,
        tier,
    } = wanted;
    let record = v1::RecordClientRequest {
        client_id: client_id.clone(),
        name,
        redirect_uris,
        post_logout_redirect_uris,
        grant_types,
        scopes,
        authentication,
        id_token_algorithm,
        trusted,
        tier,
        secret_hash: secret.as_deref().map(crypto::hash).unwrap_or_default(),
    };
    let kept = inquiry.ask::<rpc::RecordClient>(&client_id, &record).await?.client;
    Ok(v1::Client { client_secret: secret, ..kept.unwrap_or_default() })
}

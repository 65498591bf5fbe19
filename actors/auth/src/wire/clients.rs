//! Applications.

use runtime::desk::{Desk, Window};

use super::{Problem, no_such, v1};
use crate::client::{self, Client, Command};

pub(crate) fn record(
    desk: &mut Desk<'_>,
    request: &v1::RecordClientRequest,
) -> Result<v1::RecordClientResponse, Problem> {
    let v1::RecordClientRequest {
        client_id,
        name,
        redirect_uris,
        post_logout_redirect_uris,
        grant_types,
        scopes,
        authentication,
        id_token_algorithm,
        trusted,
        tier,
        secret_hash,
    } = request.clone();
    let details = client::heard(&v1::Client {
        name,
        redirect_uris,
        post_logout_redirect_uris,
        grant_types,
        scopes,
        authentication,
        id_token_algorithm,
        trusted,
        tier,
        ..v1::Client::default()
    });
    let id = &request.client_id;
    desk.tell::<Client>(id, Command::Register { client_id, details, secret_hash })?;
    Ok(v1::RecordClientResponse { client: desk.see::<Client>(id).shown(id) })
}

pub(crate) fn update(
    desk: &mut Desk<'_>,
    request: &v1::UpdateClientRequest,
) -> Result<v1::UpdateClientResponse, Problem> {
    let v1::UpdateClientRequest {
        client_id,
        name,
        redirect_uris,
        post_logout_redirect_uris,
        grant_types,
        scopes,
        id_token_algorithm,
        trusted,
        tier,
    } = request.clone();
    let details = client::heard(&v1::Client {
        name,
        redirect_uris,
        post_logout_redirect_uris,
        grant_types,
        scopes,
        id_token_algorithm,
        trusted,
        tier,
        ..v1::Client::default()
    });
    let id = &request.client_id;
    desk.tell::<Client>(id, Command::Update { client_id, details })?;
    Ok(v1::UpdateClientResponse { client: desk.see::<Client>(id).shown(id) })
}

pub(crate) fn delete(
    desk: &mut Desk<'_>,
    request: &v1::DeleteClientRequest,
) -> Result<v1::DeleteClientResponse, Problem> {
    let client_id = request.client_id.clone();
    desk.tell::<Client>(&request.client_id, Command::Delete { client_id })?;
    Ok(v1::DeleteClientResponse {})
}

pub(crate) fn get(window: &Window<'_>, request: &v1::GetClientRequest) -> Result<v1::GetClientResponse, Problem> {
    let client = window.see::<Client>(&request.client_id).shown(&request.client_id);
    Ok(v1::GetClientResponse { client: Some(client.ok_or_else(|| no_such("application"))?) })
}

pub(crate) fn look(
    window: &Window<'_>,
    request: &v1::LookAtClientRequest,
) -> Result<v1::LookAtClientResponse, Problem> {
    let client = window.see::<Client>(&request.client_id);
    Ok(v1::LookAtClientResponse { client: client.shown(&request.client_id), secret_hash: client.secret_hash.clone() })
}

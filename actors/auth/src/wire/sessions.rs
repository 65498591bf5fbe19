//! Sessions and accounts.

use runtime::clock::to_wire;
use runtime::desk::{Desk, Window};

use super::{Problem, no_such, v1};
use crate::account::{self, Account};
use crate::grant::{self, Grant};
use crate::session::{self, Session};

/// Why somebody's sessions ended that they ended themselves.
const SIGNED_OUT: &str = "signed_out";

pub(crate) fn record(
    desk: &mut Desk<'_>,
    request: &v1::RecordSessionRequest,
) -> Result<v1::RecordSessionResponse, Problem> {
    let v1::RecordSessionRequest { session_id, user_id, amr, client_id, .. } = request;
    desk.tell::<Account>(
        user_id,
        account::Command::Authenticate {
            user_id: user_id.clone(),
            session_id: session_id.clone(),
            amr: amr.clone(),
            client_id: client_id.clone(),
        },
    )?;
    desk.tell::<Session>(session_id, session::Command::Open(Box::new(request.clone())))?;
    if !request.grant_id.is_empty() {
        let opened = v1::GrantOpened {
            grant_id: request.grant_id.clone(),
            client_id: client_id.clone(),
            user_id: user_id.clone(),
            session_id: session_id.clone(),
            scopes: request.scopes.clone(),
            refresh_hash: request.refresh_hash.clone(),
            authenticated_at: Some(to_wire(desk.facts().now)),
            amr: amr.clone(),
            ..v1::GrantOpened::default()
        };
        desk.tell::<Grant>(&request.grant_id, grant::Command::Open(Box::new(opened)))?;
    }
    Ok(v1::RecordSessionResponse { session: desk.see::<Session>(session_id).shown(session_id) })
}

pub(crate) fn revoke(
    desk: &mut Desk<'_>,
    request: &v1::RevokeSessionRequest,
) -> Result<v1::RevokeSessionResponse, Problem> {
    let id = &request.session_id;
    if !desk.facts().caller.may_touch_credentials(&desk.see::<Session>(id).user_id) {
        return Err(no_such("session"));
    }
    desk.tell::<Session>(id, session::Command::Revoke { session_id: id.clone(), reason: SIGNED_OUT })?;
    Ok(v1::RevokeSessionResponse { session: desk.see::<Session>(id).shown(id) })
}

pub(crate) fn revoke_all(
    desk: &mut Desk<'_>,
    request: &v1::RevokeUserSessionsRequest,
) -> Result<v1::RevokeUserSessionsResponse, Problem> {
    if !desk.facts().caller.may_touch_credentials(&request.user_id) {
        return Err(no_such("person"));
    }
    let revoked = end_all(desk, &request.user_id, SIGNED_OUT)?;
    Ok(v1::RevokeUserSessionsResponse { revoked })
}

fn end_all(desk: &mut Desk<'_>, user_id: &str, reason: &'static str) -> Result<u32, Problem> {
    let mut ended = 0;
    for session_id in desk.see::<Account>(user_id).sessions.keys() {
        let revoke = session::Command::Revoke { session_id: session_id.clone(), reason };
        if desk.tell::<Session>(session_id, revoke)? > 0 {
            ended += 1;
        }
    }
    Ok(ended)
}

pub(crate) fn look(
    window: &Window<'_>,
    request: &v1::LookAtSessionRequest,
) -> Result<v1::LookAtSessionResponse, Problem> {
    let session = window.see::<Session>(&request.session_id);
    let account = window.see::<Account>(&session.user_id);
    if !session.is_live(window.now()) || account.closed {
        return Err(no_such("session"));
    }
    Ok(v1::LookAtSessionResponse {
        session: session.shown(&request.session_id),
        secret_hash: session.secret_hash.clone(),
        granted: account.scopes.clone(),
    })
}

pub(crate) fn register(
    desk: &mut Desk<'_>,
    request: &v1::RegisterUserRequest,
) -> Result<v1::RegisterUserResponse, Problem> {
    let v1::RegisterUserRequest { user_id, email } = request.clone();
    desk.tell::<Account>(&request.user_id, account::Command::Register { user_id, email })?;
    Ok(v1::RegisterUserResponse {})
}

/// Why an account is closed for good; any other reason only ends what goes on.
pub(crate) const DELETED: &str = "deleted";

pub(crate) fn close(desk: &mut Desk<'_>, request: &v1::CloseUserRequest) -> Result<v1::CloseUserResponse, Problem> {
    let v1::CloseUserRequest { user_id, reason } = request;
    let word = match reason.as_str() {
        DELETED => "account_deleted",
        "locked" => "account_locked",
        _ => "password_changed",
    };
    end_all(desk, user_id, word)?;
    if reason == DELETED {
        let close = account::Command::Close { user_id: user_id.clone(), reason: reason.clone() };
        desk.tell::<Account>(user_id, close)?;
    }
    Ok(v1::CloseUserResponse {})
}

pub(crate) fn note_locked(
    desk: &mut Desk<'_>,
    request: &v1::NoteLockedRequest,
) -> Result<v1::NoteLockedResponse, Problem> {
    let v1::NoteLockedRequest { user_id, retry_after_seconds } = request.clone();
    desk.tell::<Account>(&request.user_id, account::Command::Lock { user_id, retry_after_seconds })?;
    Ok(v1::NoteLockedResponse {})
}

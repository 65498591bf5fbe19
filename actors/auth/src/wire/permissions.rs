//! Permissions: roles, what is granted beside them, and whether somebody may.

use messages::problem::Kind;
use runtime::clock::to_wire;
use runtime::desk::{Desk, Window};
use runtime::group::Views;
use runtime::inquiry::{Gathering, Inquiry};

use super::{Problem, no_such, rpc, v1};
use crate::account::{Account, Command};
use crate::people::{self, Person};
use crate::roles;

pub(crate) fn put(
    desk: &mut Desk<'_>,
    request: &v1::PutUserGrantsRequest,
) -> Result<v1::PutUserGrantsResponse, Problem> {
    let v1::PutUserGrantsRequest { user_id, scopes } = request;
    let unknown = |scope: &&String| *scope == roles::ALL || !roles::is_known(scope) || scope.ends_with(":internal");
    if let Some(scope) = scopes.iter().find(unknown) {
        let said = format!("no part of the shop asks for {scope}");
        return Err(Problem::new(Kind::Unprocessable, "unknown_scope", said));
    }
    let held = desk.facts().caller.scopes.iter().cloned().collect();
    if desk.facts().caller.role != roles::SERVICE && !scopes.iter().all(|scope| roles::holds(&held, scope)) {
        return Err(Problem::new(Kind::Forbidden, "scope_not_held", "you may grant no more than you may do yourself"));
    }
    let grant = Command::Grant { user_id: user_id.clone(), scopes: scopes.clone() };
    desk.tell::<Account>(user_id, grant)?;
    Ok(v1::PutUserGrantsResponse { grants: Some(shown(user_id, &desk.see::<Account>(user_id))) })
}

pub(crate) fn get(
    window: &Window<'_>,
    request: &v1::GetUserGrantsRequest,
) -> Result<v1::GetUserGrantsResponse, Problem> {
    let account = window.see::<Account>(&request.user_id);
    Ok(v1::GetUserGrantsResponse { grants: Some(shown(&request.user_id, &account)) })
}

fn shown(user_id: &str, account: &Account) -> v1::UserGrants {
    v1::UserGrants {
        user_id: user_id.to_owned(),
        scopes: account.scopes.clone(),
        updated_at: account.granted_at.map(to_wire),
    }
}

pub(crate) fn list(_: &Views<'_>, _: &v1::ListRolesRequest) -> Result<v1::ListRolesResponse, Problem> {
    let role = |role: &&str| v1::Role {
        role: (*role).to_owned(),
        scopes: roles::scopes_of(role).unwrap_or_default().into_iter().collect(),
    };
    let service = |(service, scopes): &(&str, &[&str])| v1::ServiceAccount {
        service: (*service).to_owned(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
    };
    Ok(v1::ListRolesResponse {
        roles: roles::ROLES.iter().map(role).collect(),
        services: roles::SERVICES.iter().map(service).collect(),
    })
}

/// Somebody else, and what they were granted.
pub(crate) type Other = Option<(Person, Vec<String>)>;

/// Who is asked about, when it is not the caller.
pub(crate) fn gather<'a>(inquiry: &'a Inquiry, request: &'a v1::CheckPermissionRequest) -> Gathering<'a, Other> {
    Box::pin(async {
        let caller = inquiry.caller();
        let others = request.role.is_some() || request.service.is_some();
        if others && !caller.is_staff() {
            return Err(no_such("person"));
        }
        let Some(user_id) = request.user_id.as_deref().filter(|user_id| caller.person() != Some(user_id)) else {
            return Ok(None);
        };
        if !caller.may_touch_account(user_id) {
            return Err(no_such("person"));
        }
        let person = people::claims(inquiry, user_id).await?.ok_or_else(|| no_such("person"))?;
        let asked = v1::GetUserGrantsRequest { user_id: user_id.to_owned() };
        let grants = inquiry.ask::<rpc::GetUserGrants>(user_id, &asked).await?.grants;
        Ok(Some((person, grants.map(|grants| grants.scopes).unwrap_or_default())))
    })
}

pub(crate) fn check(
    views: &Views<'_>,
    request: &v1::CheckPermissionRequest,
    other: &Other,
) -> Result<v1::CheckPermissionResponse, Problem> {
    let said = |allowed: bool, reason: &str, role: &str| {
        Ok(v1::CheckPermissionResponse { allowed, reason: reason.to_owned(), role: role.to_owned() })
    };
    let scope = request.scope.as_str();
    let named = request.role.as_deref();
    if request.service.is_some() || named == Some(roles::SERVICE) {
        let scopes = request.service.as_deref().and_then(roles::service);
        return match scopes {
            None => said(false, "unknown_service", roles::SERVICE),
            Some(scopes) if scopes.contains(&scope) => said(true, "service", roles::SERVICE),
            Some(_) => said(false, "missing_scope", roles::SERVICE),
        };
    }
    let (role, granted, user_id) = match (named, other) {
        (Some(role), _) => (role, Vec::new(), request.user_id.as_deref()),
        (None, Some((person, granted))) => (person.role.as_str(), granted.clone(), Some(person.user_id.as_str())),
        // Whoever asks for themselves may do what they came with, which may be less than their role.
        (None, None) => {
            let held = views.caller.scopes.iter().cloned().collect();
            let role = &views.caller.role;
            let owned = request.owner_id.as_deref().is_none_or(|owner| views.caller.may_touch(owner));
            return match (roles::holds(&held, scope), owned) {
                (false, _) => said(false, "missing_scope", role),
                (true, false) => said(false, "not_owner", role),
                (true, true) => said(true, "role", role),
            };
        }
    };
    let Some(of_role) = roles::scopes_of(role) else { return said(false, "unknown_role", role) };
    let by_grant = roles::holds(&granted.into_iter().collect(), scope);
    let owned = request.owner_id.as_deref().is_none_or(|owner| role != roles::CUSTOMER || user_id == Some(owner));
    match (roles::holds(&of_role, scope), by_grant, owned) {
        (false, false, _) => said(false, "missing_scope", role),
        (_, _, false) => said(false, "not_owner", role),
        (true, _, true) => said(true, "role", role),
        (false, true, true) => said(true, "granted", role),
    }
}

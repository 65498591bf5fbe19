//! What is asked of an account beside signing in.

use runtime::desk::{Desk, Window};
use runtime::headers::Caller;
use runtime::inquiry::{Gathering, Inquiry};

use messages::problem::Kind;

use super::events::ticket_in;
use super::shown::{role_in, tier_in};
use super::{Problem, exported, must_be_own, now, order, rpc, shown, v1};
use crate::claim::{self, Claim};
use crate::settings::tools;
use crate::user::membership::Paid;
use crate::user::{Command, Profile, Refusal, User};
use crate::views;

/// Puts a command to the caller's own account, or to anybody's for who looks after accounts.
fn tell(desk: &mut Desk<'_>, id: &str, command: Command) -> Result<Option<v1::User>, Problem> {
    must_be_own(&desk.see::<User>(id), &desk.facts().caller)?;
    desk.tell::<User>(id, command)?;
    Ok(now(desk, id))
}

/// The marks of the account's address and the name that it shall have: only here are they looked into.
pub(crate) fn gather_marks<'a>(inquiry: &'a Inquiry, request: &'a v1::UpdateUserRequest) -> Gathering<'a, Vec<String>> {
    Box::pin(async move {
        if !inquiry.caller().may_touch_account(&request.user_id) {
            return Err(Refusal::NotFound.into());
        }
        let look = v1::GetCredentialsRequest { holder: request.user_id.clone(), source_key: String::new() };
        let kept = inquiry.ask::<rpc::GetCredentials>(&request.user_id, &look).await?;
        Ok(tools().keys.marks(&[&request.name, &kept.email]))
    })
}

#[expect(clippy::ptr_arg, reason = "a handler takes what its gatherer brought")]
pub(crate) fn update(
    desk: &mut Desk<'_>,
    request: &v1::UpdateUserRequest,
    marks: &Vec<String>,
) -> Result<v1::UpdateUserResponse, Problem> {
    let v1::UpdateUserRequest { user_id, name, phone, locale } = request.clone();
    let profile = Profile { name, phone, locale };
    Ok(v1::UpdateUserResponse { user: tell(desk, &user_id, Command::Update(profile, marks.clone()))? })
}

pub(crate) fn delete(desk: &mut Desk<'_>, request: &v1::DeleteUserRequest) -> Result<v1::DeleteUserResponse, Problem> {
    let user = desk.see::<User>(&request.user_id);
    must_be_own(&user, &desk.facts().caller)?;
    desk.tell::<Claim>(&user.email_id, claim::Command::Release(user.email_id.clone()))?;
    desk.tell::<User>(&request.user_id, Command::Delete)?;
    Ok(v1::DeleteUserResponse { user: now(desk, &request.user_id) })
}

pub(crate) fn put_consent(
    desk: &mut Desk<'_>,
    request: &v1::PutConsentRequest,
) -> Result<v1::PutConsentResponse, Problem> {
    let v1::PutConsentRequest { user_id, purpose, granted, wording } = request.clone();
    let command = Command::PutConsent { purpose, granted: granted.unwrap_or_default(), wording };
    Ok(v1::PutConsentResponse { user: tell(desk, &user_id, command)? })
}

/// Whether the caller is an administrator, or acts for one.
fn is_admin(caller: &Caller) -> bool {
    let role = caller.behalf.as_ref().map_or(&caller.role, |behalf| &behalf.role);
    // The operator is whoever may speak on the bus without saying who they are; a service acts for the shop itself.
    ["admin", "operator", "service"].contains(&role.as_str())
}

pub(crate) fn put_role(desk: &mut Desk<'_>, request: &v1::PutRoleRequest) -> Result<v1::PutRoleResponse, Problem> {
    if !is_admin(&desk.facts().caller) {
        let said = "Only an administrator says what somebody does here.";
        return Err(Problem::new(Kind::Forbidden, "not_admin", said));
    }
    let command = Command::PutRole(role_in(request.role()));
    Ok(v1::PutRoleResponse { user: tell(desk, &request.user_id, command)? })
}

pub(crate) fn put_standing(
    desk: &mut Desk<'_>,
    request: &v1::PutStandingRequest,
) -> Result<v1::PutStandingResponse, Problem> {
    let command = Command::PutStanding(tier_in(request.tier()), request.customer_group.clone());
    Ok(v1::PutStandingResponse { user: tell(desk, &request.user_id, command)? })
}

pub(crate) fn lock(desk: &mut Desk<'_>, request: &v1::LockUserRequest) -> Result<v1::LockUserResponse, Problem> {
    Ok(v1::LockUserResponse { user: tell(desk, &request.user_id, Command::Lock)? })
}

pub(crate) fn unlock(desk: &mut Desk<'_>, request: &v1::UnlockUserRequest) -> Result<v1::UnlockUserResponse, Problem> {
    Ok(v1::UnlockUserResponse { user: tell(desk, &request.user_id, Command::Unlock)? })
}

/// The order says whose it was; that may be a guest, who has no account and no points.
pub(crate) fn earn(desk: &mut Desk<'_>, request: &v1::EarnPointsRequest) -> Result<v1::EarnPointsResponse, Problem> {
    let premium_at = tools().settings.premium_points.into();
    desk.tell::<User>(&request.user_id, Command::Earn(request.order_id.clone(), request.points, premium_at))?;
    Ok(v1::EarnPointsResponse {})
}

/// What of an order is a membership.
const MEMBERSHIP: &str = "membership";

/// The membership in an order that was paid, as far as it was not cancelled; the first, when there are several.
pub(crate) fn gather_paid<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::StartSubscriptionRequest,
) -> Gathering<'a, Option<Paid>> {
    Box::pin(async move {
        let v1::StartSubscriptionRequest { order_id, payment_id, .. } = request;
        let get = order::GetOrderRequest { order_id: order_id.clone() };
        let paid = match inquiry.ask::<order::rpc::GetOrder>(order_id, &get).await {
            Ok(said) => said.order.unwrap_or_default(),
            Err(problem) if problem.code == "not_found" => return Ok(None),
            Err(problem) => return Err(problem),
        };
        let line = paid.items.iter().find(|item| item.product_type == MEMBERSHIP && item.quantity > item.cancelled);
        Ok(line.map(|line| {
            let units = line.quantity.saturating_sub(line.cancelled);
            let days = i64::from(tools().settings.membership_days).saturating_mul(units);
            Paid { plan: line.sku.clone(), days, order_id: order_id.clone(), payment_id: payment_id.clone() }
        }))
    })
}

pub(crate) fn start_subscription(
    desk: &mut Desk<'_>,
    request: &v1::StartSubscriptionRequest,
    paid: &Option<Paid>,
) -> Result<v1::StartSubscriptionResponse, Problem> {
    if let Some(paid) = paid {
        desk.tell::<User>(&request.user_id, Command::Subscribe(paid.clone()))?;
    }
    Ok(v1::StartSubscriptionResponse {})
}

/// Whether there is an account with the address is nobody's to learn, so this is never refused.
pub(crate) fn issue_reset(
    desk: &mut Desk<'_>,
    request: &v1::IssueResetRequest,
) -> Result<v1::IssueResetResponse, Problem> {
    let holder = desk.see::<Claim>(&request.email_id).holder.clone();
    if let Some(user_id) = holder {
        let sending = ticket_in(request.ticket.clone().unwrap_or_default());
        desk.tell::<User>(&user_id, Command::IssueReset(sending))?;
    }
    Ok(v1::IssueResetResponse {})
}

pub(crate) fn get(window: &Window<'_>, request: &v1::GetUserRequest) -> Result<v1::GetUserResponse, Problem> {
    let user = window.see::<User>(&request.user_id);
    must_be_own(&user, window.caller())?;
    Ok(v1::GetUserResponse { user: shown(&user, window.version::<User>(&request.user_id)) })
}

pub(crate) fn export(window: &Window<'_>, request: &v1::ExportUserRequest) -> Result<v1::ExportUserResponse, Problem> {
    let user = window.see::<User>(&request.user_id);
    must_be_own(&user, window.caller())?;
    let tries = views::tries_of(&window.rows::<views::Attempts>(), &request.user_id);
    let all = exported(&user, window.version::<User>(&request.user_id), &tries);
    Ok(v1::ExportUserResponse {
        content: serde_json::to_vec_pretty(&all).map_err(|_| Problem::internal())?,
        media_type: "application/json".to_owned(),
        name: format!("{}.json", request.user_id),
    })
}

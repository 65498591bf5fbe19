#![doc = include_str!("../README.md")]

pub mod breached;
pub mod claim;
pub mod guard;
pub mod keys;
pub mod passkey;
pub mod password;
pub mod reactions;
pub mod settings;
pub mod totp;
pub mod user;
pub mod views;
pub mod wire;

use runtime::group::Group;

use claim::Claim;
use guard::Guard;
use settings::Settings;
use user::User;
use wire::{book, judging, moving, passkeys, proving, registering, rpc, second, setting};

/// The group, with these settings.
///
/// # Errors
/// When nobody could sign in with them.
pub fn group_with(settings: Settings) -> Result<Group, settings::Error> {
    settings::set(settings.tools()?);
    Ok(keys_of_devices(secrets(accounts(Group::new(wire::contract())))))
}

/// Passkeys, other addresses, and memberships.
fn keys_of_devices(group: Group) -> Group {
    group
        .query_with::<rpc::RequestEmailChange, _>(moving::gather_request, proving::said)
        .command::<rpc::IssueEmailChange, User>(|r| r.user_id.clone(), moving::issue)
        .command_with::<rpc::ConfirmEmailChange, User, _>(|r| r.user_id.clone(), moving::gather_shown, moving::confirm)
        .command::<rpc::CancelEmailChange, User>(|r| r.user_id.clone(), moving::cancel)
        .query_with::<rpc::StartPasskey, _>(passkeys::gather_start, proving::said)
        .command_with::<rpc::AddPasskey, User, _>(|r| r.user_id.clone(), passkeys::gather_made, passkeys::add)
        .read::<rpc::ListPasskeys, User>(|r| r.user_id.clone(), passkeys::list)
        .read::<rpc::GetPasskey, User>(|r| r.user_id.clone(), passkeys::get)
        .command::<rpc::RenamePasskey, User>(|r| r.user_id.clone(), passkeys::rename)
        .command::<rpc::DeletePasskey, User>(|r| r.user_id.clone(), passkeys::delete)
        .query_with::<rpc::StartPasskeyLogin, _>(passkeys::gather_start_login, proving::said)
        .query_with::<rpc::AuthenticatePasskey, _>(passkeys::gather_authenticate, proving::said)
        .query_with::<rpc::VerifyPasskey, _>(passkeys::gather_verify, proving::said)
        .read::<rpc::GetPasskeyHalves, User>(|r| r.user_id.clone(), passkeys::halves_of)
        .command_with::<rpc::StartSubscription, User, _>(
            |r| r.user_id.clone(),
            setting::gather_paid,
            setting::start_subscription,
        )
        .command::<rpc::JudgePasskey, User>(|r| r.user_id.clone(), passkeys::judge)
}

/// Accounts and what their owners do with them.
fn accounts(group: Group) -> Group {
    group
        .entity::<User>()
        .entity::<Claim>()
        .entity::<Guard>()
        .command_with::<rpc::RegisterUser, User, _>(|r| r.user_id.clone(), registering::gather, registering::register)
        .command::<rpc::CreateUser, User>(|r| r.user_id.clone(), registering::create)
        .command::<rpc::ActivateUser, User>(|r| r.user_id.clone(), registering::activate)
        .command_with::<rpc::VerifyEmail, User, _>(
            |r| r.user_id.clone(),
            registering::gather_shown,
            registering::verify_email,
        )
        .command_with::<rpc::SendVerification, User, _>(
            |r| r.user_id.clone(),
            registering::gather_sending,
            registering::send_verification,
        )
        .command_with::<rpc::UpdateUser, User, _>(|r| r.user_id.clone(), setting::gather_marks, setting::update)
        .command::<rpc::DeleteUser, User>(|r| r.user_id.clone(), setting::delete)
        .command::<rpc::PutConsent, User>(|r| r.user_id.clone(), setting::put_consent)
        .command::<rpc::PutRole, User>(|r| r.user_id.clone(), setting::put_role)
        .command::<rpc::PutStanding, User>(|r| r.user_id.clone(), setting::put_standing)
        .command::<rpc::LockUser, User>(|r| r.user_id.clone(), setting::lock)
        .command::<rpc::UnlockUser, User>(|r| r.user_id.clone(), setting::unlock)
        .command::<rpc::EarnPoints, User>(|r| r.user_id.clone(), setting::earn)
        .command::<rpc::CreateAddress, User>(|r| r.user_id.clone(), book::create)
        .command::<rpc::UpdateAddress, User>(|r| r.user_id.clone(), book::update)
        .command::<rpc::DeleteAddress, User>(|r| r.user_id.clone(), book::delete)
        .read::<rpc::GetUser, User>(|r| r.user_id.clone(), setting::get)
        .read::<rpc::GetRegistration, User>(|r| r.user_id.clone(), registering::registration)
        .read::<rpc::ExportUser, User>(|r| r.user_id.clone(), setting::export)
        .read::<rpc::GetAddress, User>(|r| r.user_id.clone(), book::get)
        .read::<rpc::ListAddresses, User>(|r| r.user_id.clone(), book::list)
        .view::<views::Accounts>()
        .view::<views::Attempts>()
        .query::<rpc::ListUsers>(views::list)
        .query_with::<rpc::SearchUsers, _>(views::gather_search, views::search)
        .query::<rpc::GetClaims>(views::claims)
        .query::<rpc::ListAuthentications>(views::authentications)
        .react("auth", reactions::auth)
        .react("order", reactions::orders)
        .react("payment", reactions::payments)
}

/// What is asked with secrets, and what is written down of it.
fn secrets(group: Group) -> Group {
    group
        .command_with::<rpc::VerifyUser, User, _>(|r| r.user_id.clone(), proving::gather_verify, proving::verify)
        .query_with::<rpc::AuthenticateUser, _>(proving::gather_authenticate, proving::said)
        .query_with::<rpc::ChangePassword, _>(proving::gather_change, proving::said)
        .query_with::<rpc::RequestPasswordReset, _>(proving::gather_reset_request, proving::said)
        .query_with::<rpc::ResetPassword, _>(proving::gather_reset, proving::said)
        .query_with::<rpc::StartMfa, _>(second::gather_start, proving::said)
        .query_with::<rpc::ConfirmMfa, _>(second::gather_confirm, proving::said)
        .query_with::<rpc::DisableMfa, _>(second::gather_disable, proving::said)
        .query_with::<rpc::RenewRecoveryCodes, _>(second::gather_renew, proving::said)
        .read::<rpc::GetCredentials, User>(|r| r.holder.clone(), judging::credentials)
        .command::<rpc::JudgeAttempt, Guard>(|r| r.email_id.clone(), judging::judge)
        .command::<rpc::SetPassword, User>(|r| r.user_id.clone(), judging::set_password)
        .command::<rpc::IssueReset, Claim>(|r| r.email_id.clone(), setting::issue_reset)
        .command::<rpc::BeginMfa, User>(|r| r.user_id.clone(), second::begin)
        .command::<rpc::EnableMfa, User>(|r| r.user_id.clone(), second::enable)
        .command::<rpc::ChangeMfa, User>(|r| r.user_id.clone(), second::change_now)
}

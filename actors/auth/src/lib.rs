#![doc = include_str!("../README.md")]

mod recorded;

pub mod account;
pub mod api_key;
pub mod client;
pub mod code;
pub mod crypto;
pub mod device;
mod doors;
pub mod grant;
pub mod jwt;
pub mod keyring;
pub mod people;
pub mod pushed;
pub mod reactions;
pub mod roles;
pub mod session;
pub mod settings;
pub mod views;
pub mod wire;

use runtime::entity::ActorKey;
use runtime::group::Group;

use account::Account;
use api_key::ApiKey;
use client::Client;
use code::Code;
use device::Device;
use doors::sessions::as_it_is;
use grant::Grant;
use keyring::Keyring;
use pushed::Pushed;
use session::Session;
use settings::Settings;
use wire::rpc;

/// The group, with these settings.
///
/// # Errors
/// When keys would lie open, or nobody could tell who issued a token.
pub fn group_with(settings: Settings) -> Result<Group, settings::Error> {
    settings.check()?;
    settings::set(settings);
    Ok(group())
}

/// The group, with the settings of this process.
#[must_use]
pub fn group() -> Group {
    applications(sessions(Group::new(wire::contract()))).react("user", reactions::people)
}

/// People, their sessions and their keys.
fn sessions(group: Group) -> Group {
    group
        .entity::<Account>()
        .entity::<Session>()
        .entity::<ApiKey>()
        .view::<views::Sessions>()
        .view::<views::Keys>()
        .view::<views::Ended>()
        .command::<rpc::RegisterUser, Account>(|r| r.user_id.clone(), wire::sessions::register)
        .command::<rpc::CloseUser, Account>(|r| r.user_id.clone(), wire::sessions::close)
        .command::<rpc::NoteLocked, Account>(|r| r.user_id.clone(), wire::sessions::note_locked)
        .command::<rpc::RecordSession, Session>(|r| r.session_id.clone(), wire::sessions::record)
        .command::<rpc::RevokeSession, Session>(|r| r.session_id.clone(), wire::sessions::revoke)
        .command::<rpc::RevokeUserSessions, Account>(|r| r.user_id.clone(), wire::sessions::revoke_all)
        .read::<rpc::LookAtSession, Session>(|r| r.session_id.clone(), wire::sessions::look)
        .query::<rpc::ListSessions>(views::list_sessions)
        .query::<rpc::ListRevoked>(views::revoked)
        .query_with::<rpc::OpenSession, _>(doors::sessions::open, doors::sessions::opened)
        .query_with::<rpc::Login, _>(doors::sessions::login, as_it_is)
        .query_with::<rpc::CheckSession, _>(doors::sessions::check, as_it_is)
        .command::<rpc::RecordApiKey, ApiKey>(|r| r.api_key_id.clone(), wire::keys::record)
        .command::<rpc::RecordRotation, ApiKey>(|r| r.api_key_id.clone(), wire::keys::record_rotation)
        .command::<rpc::RevokeApiKey, ApiKey>(|r| r.api_key_id.clone(), wire::keys::revoke)
        .command::<rpc::NoteApiKeyUse, ApiKey>(|r| r.api_key_id.clone(), wire::keys::note_use)
        .read::<rpc::GetApiKey, ApiKey>(|r| r.api_key_id.clone(), wire::keys::get)
        .read::<rpc::LookAtKey, ApiKey>(|r| r.api_key_id.clone(), wire::keys::look)
        .history_for::<rpc::GetApiKeyHistory>(
            |r| ActorKey::of::<ApiKey>(&r.api_key_id),
            |window, r| wire::keys::may_see(window, &r.api_key_id).map(drop),
        )
        .query::<rpc::ListApiKeys>(views::list_keys)
        .query_with::<rpc::CreateApiKey, _>(doors::keys::create, as_it_is)
        .query_with::<rpc::RotateApiKey, _>(doors::keys::rotate, as_it_is)
        .query_with::<rpc::CheckApiKey, _>(doors::keys::check, as_it_is)
        .command::<rpc::PutUserGrants, Account>(|r| r.user_id.clone(), wire::permissions::put)
        .read::<rpc::GetUserGrants, Account>(|r| r.user_id.clone(), wire::permissions::get)
        .query::<rpc::ListRoles>(wire::permissions::list)
        .query_with::<rpc::CheckPermission, _>(wire::permissions::gather, wire::permissions::check)
}

/// Applications, what they are granted, and the keys that sign it.
fn applications(group: Group) -> Group {
    group
        .entity::<Client>()
        .entity::<Code>()
        .entity::<Device>()
        .entity::<Grant>()
        .entity::<Keyring>()
        .entity::<Pushed>()
        .view::<views::Clients>()
        .view::<views::Ring>()
        .command::<rpc::RecordClient, Client>(|r| r.client_id.clone(), wire::clients::record)
        .command::<rpc::UpdateClient, Client>(|r| r.client_id.clone(), wire::clients::update)
        .command::<rpc::DeleteClient, Client>(|r| r.client_id.clone(), wire::clients::delete)
        .read::<rpc::GetClient, Client>(|r| r.client_id.clone(), wire::clients::get)
        .read::<rpc::LookAtClient, Client>(|r| r.client_id.clone(), wire::clients::look)
        .query::<rpc::ListClients>(views::list_clients)
        .query_with::<rpc::CreateClient, _>(doors::keys::create_client, as_it_is)
        .command_with::<rpc::RotateSigningKeys, Keyring, _>(
            |r| r.ring.clone(),
            wire::keys::fresh_keys,
            wire::keys::rotate,
        )
        .query::<rpc::ListSigningKeys>(views::signing_keys)
        .command::<rpc::DecideAuthorization, Code>(|r| r.code_id.clone(), wire::authorization::decide)
        .command::<rpc::RecordPushed, Pushed>(|r| r.pushed_id.clone(), wire::authorization::push)
        .command::<rpc::RecordDevice, Device>(|r| r.device_id.clone(), wire::devices::record)
        .command::<rpc::DecideDevice, Device>(|r| r.device_id.clone(), wire::devices::decide)
        .command::<rpc::DecideToken, Grant>(|r| r.grant_id.clone(), wire::tokens::decide)
        .command::<rpc::RevokeGrant, Grant>(|r| r.grant_id.clone(), wire::tokens::give_up)
        .read::<rpc::LookAtGrant, Grant>(|r| r.grant_id.clone(), wire::tokens::look)
        .query_with::<rpc::Authorize, _>(doors::authorize::authorize, as_it_is)
        .query_with::<rpc::AnswerDevice, _>(doors::authorize::device, as_it_is)
        .query_with::<rpc::AnswerEndpoint, _>(doors::endpoint::answer, doors::endpoint::answered)
        .query_with::<rpc::Logout, _>(doors::logout::logout, as_it_is)
}

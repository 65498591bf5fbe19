//! What auth does about people's news: somebody can sign in, and what was given to somebody who is gone, locked, or has
//! another password is worth nothing any more.

use runtime::entity::Undecodable;
use runtime::group::{News, Reaction, Views};

use crate::wire::sessions::DELETED;
use crate::wire::{rpc, user, v1};

/// News of people.
///
/// # Errors
/// When the news cannot be read.
pub fn people(news: &News, _: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    let close = |user_id: String, reason: &str| {
        let request = v1::CloseUserRequest { user_id: user_id.clone(), reason: reason.to_owned() };
        vec![Reaction::command::<rpc::CloseUser>(user_id, &request)]
    };
    Ok(match news.event_type.as_str() {
        "user.credentials.set" => {
            let user::UserCredentialsSet { user_id, email, .. } = news.read()?;
            let request = v1::RegisterUserRequest { user_id: user_id.clone(), email };
            vec![Reaction::command::<rpc::RegisterUser>(user_id, &request)]
        }
        "user.deleted" => close(news.read::<user::UserDeleted>()?.user_id, DELETED),
        "user.updated" => {
            let event = news.read::<user::UserUpdated>()?;
            if event.status() == user::UserStatus::Locked { close(event.user_id, "locked") } else { Vec::new() }
        }
        "user.password.changed" => {
            let event = news.read::<user::UserPasswordChanged>()?;
            // Only the hash became stronger: nobody did anything.
            if event.how == "rehashed" { Vec::new() } else { close(event.user_id, "password_changed") }
        }
        _ => Vec::new(),
    })
}

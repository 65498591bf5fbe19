//! News of accounts: one mail for each piece of news, named by the account and the moment.

use messages::id::Id;
use messages::user::v1::{
    UserCreated, UserEmailChangeIssued, UserEmailChanged, UserProfileUpdated, UserResetIssued, UserVerificationIssued,
};
use runtime::entity::Undecodable;
use runtime::group::{News, Reaction};

use super::{rpc, v1};

type Told = Result<Vec<Reaction>, Undecodable>;

fn write(heard: &News, topic: v1::Topic, request: v1::WriteRequest) -> Vec<Reaction> {
    // Nobody can be written to without an address.
    if request.email.is_empty() {
        return Vec::new();
    }
    let name = format!("{}\0{}\0{}", heard.event_type, request.user_id, heard.at.as_nanosecond());
    let notification_id = Id::derived("ntf", name.as_bytes()).to_string();
    let request = v1::WriteRequest { notification_id, topic: topic.into(), ..request };
    vec![Reaction::command::<rpc::Write>(request.notification_id.clone(), &request)]
}

pub(crate) fn verification_issued(heard: &News) -> Told {
    let UserVerificationIssued { user_id, email, name, locale, ticket, .. } = heard.read()?;
    let token = ticket.unwrap_or_default().secret;
    let request = v1::WriteRequest { user_id, email, name, locale, token, ..Default::default() };
    Ok(write(heard, v1::Topic::EmailVerification, request))
}

pub(crate) fn reset_issued(heard: &News) -> Told {
    let UserResetIssued { user_id, email, name, locale, ticket, .. } = heard.read()?;
    let token = ticket.unwrap_or_default().secret;
    let request = v1::WriteRequest { user_id, email, name, locale, token, ..Default::default() };
    Ok(write(heard, v1::Topic::PasswordReset, request))
}

/// To the address that is wanted.
pub(crate) fn email_change_issued(heard: &News) -> Told {
    let UserEmailChangeIssued { user_id, email, name, locale, ticket, .. } = heard.read()?;
    let token = ticket.unwrap_or_default().secret;
    let request = v1::WriteRequest { user_id, email, name, locale, token, ..Default::default() };
    Ok(write(heard, v1::Topic::EmailChange, request))
}

/// To the address before: whoever has it learns what happened.
pub(crate) fn email_changed(heard: &News) -> Told {
    let UserEmailChanged { user_id, before: email, name, locale, .. } = heard.read()?;
    let request = v1::WriteRequest { user_id, email, name, locale, ..Default::default() };
    Ok(write(heard, v1::Topic::EmailChanged, request))
}

pub(crate) fn created(heard: &News) -> Told {
    let UserCreated { user_id, email, name, locale, .. } = heard.read()?;
    Ok(write(heard, v1::Topic::Welcome, v1::WriteRequest { user_id, email, name, locale, ..Default::default() }))
}

pub(crate) fn profile_updated(heard: &News) -> Told {
    let UserProfileUpdated { user_id, email, profile, .. } = heard.read()?;
    let profile = profile.unwrap_or_default();
    let (name, locale) = (profile.name, profile.locale);
    Ok(write(heard, v1::Topic::ProfileChanged, v1::WriteRequest { user_id, email, name, locale, ..Default::default() }))
}

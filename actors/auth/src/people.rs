//! People, as the group user knows them.

use runtime::inquiry::Inquiry;

use crate::wire::{Problem, user};

/// What is true of somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub user_id: String,
    /// Where they are written to. Opaque.
    pub email: String,
    /// They have shown that mail reaches them there.
    pub email_verified: bool,
    /// What they are called. Opaque.
    pub name: String,
    /// Their language.
    pub locale: String,
    /// Their role.
    pub role: String,
    /// Their rate class.
    pub tier: String,
    /// They may sign in.
    pub is_active: bool,
    /// When they last changed, in seconds.
    pub updated_at: Option<i64>,
}

/// What is true of somebody; `None` when user does not know them.
///
/// # Errors
/// When user does not answer.
pub(crate) async fn claims(inquiry: &Inquiry, user_id: &str) -> Result<Option<Person>, Problem> {
    let request = user::GetClaimsRequest { user_id: user_id.to_owned() };
    match inquiry.ask::<user::rpc::GetClaims>("", &request).await {
        Ok(said) => Ok(Some(person(said))),
        Err(problem) if problem.code == "not_found" => Ok(None),
        Err(problem) => Err(problem),
    }
}

fn person(said: user::GetClaimsResponse) -> Person {
    let (role, tier) = (word(said.role().as_str_name(), "ROLE_"), word(said.tier().as_str_name(), "TIER_"));
    Person {
        is_active: said.status() == user::UserStatus::Active,
        updated_at: said.updated_at.as_ref().map(|at| at.seconds),
        user_id: said.user_id,
        email: said.email,
        email_verified: said.email_verified,
        name: said.name,
        locale: said.locale,
        role,
        tier,
    }
}

fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase()
}

//! The border: contract to domain and back. The only place that says `messages::`.

pub(crate) mod authorization;
pub(crate) mod clients;
pub(crate) mod devices;
pub(crate) mod keys;
pub(crate) mod permissions;
pub(crate) mod sessions;
pub(crate) mod tokens;

pub use messages::auth::v1::{self, rpc};
pub(crate) use messages::id::{ClientId, CodeId, DeviceId, Id, KeyId, PushedId};
pub(crate) use messages::problem::Kind;
pub use messages::problem::Problem;
pub(crate) use messages::scope::GUEST;
pub use messages::user::v1 as user;

use messages::id::{GrantId, RequestId, SessionId};

/// The one ring of keys.
pub const RING: &str = "main";

/// The contract of this group.
///
/// # Panics
/// Never: the contract is compiled in and names this group.
#[must_use]
pub fn contract() -> &'static messages::Group {
    #[expect(clippy::expect_used, reason = "the contract is compiled in; a test starts the group")]
    messages::Group::named("auth").expect("the contract names the group")
}

/// Whether some rpc asks for this scope.
pub(crate) fn asks_for(scope: &str) -> bool {
    messages::ROUTES.iter().any(|route| route.scope == Some(scope))
}

/// Whether a text is an id with this prefix. What is none addresses nobody, whatever it says.
pub(crate) fn is_id(prefix: &'static str, text: &str) -> bool {
    messages::id::Id::parse_as(prefix, text).is_ok()
}

/// A fresh name of a request to ourselves.
pub(crate) fn fresh_request() -> String {
    RequestId::new().to_string()
}

/// A fresh id of a session.
pub(crate) fn fresh_session() -> String {
    SessionId::new().to_string()
}

/// A fresh id of a grant.
pub(crate) fn fresh_grant() -> String {
    GrantId::new().to_string()
}

/// What the caller may not see looks as if it were not there.
pub(crate) fn no_such(what: &str) -> Problem {
    Problem::not_found("not_found", format!("there is no such {what}"))
}

/// Words separated by blanks, each once.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_ascii_whitespace() {
        if !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    words
}

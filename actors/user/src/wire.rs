//! The border: contract to domain and back. The only place that says `messages::`.

pub(crate) mod book;
mod events;
mod guarded;
mod happened;
pub(crate) mod judging;
pub(crate) mod moving;
pub(crate) mod passkeys;
pub(crate) mod proving;
pub(crate) mod registering;
pub(crate) mod second;
pub(crate) mod setting;
mod shown;

use messages::common::v1::fact::Value;
use runtime::desk::Desk;
use runtime::entropy::Entropy;
use runtime::headers::Caller;
use runtime::inquiry::Inquiry;

use crate::breached::Weak;
use crate::user::passkeys::PASSKEYS_MAX;
use crate::user::{ADDRESSES_MAX, MAIL_PAUSE_SECS, Refusal, Role, User};

pub(crate) use guarded::tried;
pub use messages::auth::v1 as auth;
pub use messages::common::v1 as common;
pub use messages::id::Id;
pub use messages::money::{self, Currency, Money};
pub use messages::order::v1 as order;
pub use messages::payment::v1 as payment;
pub use messages::problem::{Kind, Problem};
pub use messages::user::v1::{self, rpc};
pub(crate) use shown::{address_out, exported, shown};

/// An account that the caller may see and change.
///
/// # Errors
/// `not_found` when there is none, when it is gone, and when it is somebody else's: the three look alike.
pub(crate) fn must_be_own(user: &User, caller: &Caller) -> Result<(), Problem> {
    // The account of somebody who works here is a way to what they may do.
    let may = match user.role {
        Role::Customer => caller.may_touch_account(&user.id),
        _ => caller.may_touch_credentials(&user.id),
    };
    if user.is_there() && may { Ok(()) } else { Err(Refusal::NotFound.into()) }
}

/// The caller is the owner of the account, and nobody who works here: what takes a password or shows a secret is for
/// whoever it belongs to.
///
/// # Errors
/// `not_found`.
pub(crate) fn must_be_owner(inquiry: &Inquiry, user_id: &str) -> Result<(), Problem> {
    if inquiry.caller().person() == Some(user_id) { Ok(()) } else { Err(Refusal::NotFound.into()) }
}

/// An account as it is now.
pub(crate) fn now(desk: &Desk<'_>, id: &str) -> Option<v1::User> {
    shown(&desk.see::<User>(id), desk.version::<User>(id))
}

/// The name of something that is done once: a query has none that would be its own.
pub(crate) fn fresh_attempt() -> String {
    Id::derived("att", &Entropy::system().bytes::<16>()).to_string()
}

pub(crate) fn weak(weak: Weak) -> Problem {
    let said = match weak {
        Weak::Short => "The password has fewer than eight characters.",
        Weak::Common => "The password is one that everybody tries.",
        Weak::OwnName => "The password is the e-mail address or the name.",
    };
    Problem::new(Kind::Unprocessable, "weak_password", said).with("reason", weak.word())
}

pub(crate) fn locked(seconds: u32) -> Problem {
    let wait = std::time::Duration::from_secs(seconds.into());
    Problem::new(Kind::Exhausted, "locked", "Too many tries went wrong. Waiting helps.").retry_after(wait)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let said = refusal.to_string();
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", said),
            Refusal::AlreadyExists => Problem::conflict("already_exists", said),
            Refusal::Inactive => Problem::conflict("account_inactive", said),
            Refusal::InvalidToken => Problem::new(Kind::Unprocessable, "invalid_token", said),
            Refusal::WrongPassword => Problem::new(Kind::Forbidden, "wrong_password", said),
            Refusal::MfaOn => Problem::conflict("mfa_enabled", said),
            Refusal::MfaOff => Problem::conflict("mfa_disabled", said),
            Refusal::MfaNotBegun => Problem::conflict("mfa_not_begun", said),
            Refusal::InvalidCode => Problem::new(Kind::Unprocessable, "invalid_code", said),
            Refusal::TooManyAddresses => {
                let most = i64::try_from(ADDRESSES_MAX).unwrap_or(i64::MAX);
                Problem::new(Kind::Unprocessable, "too_many_addresses", said).with("addresses_max", Value::Number(most))
            }
            Refusal::AddressNotFound => Problem::not_found("address_not_found", said),
            Refusal::TooManyConsents => Problem::new(Kind::Unprocessable, "too_many_consents", said),
            Refusal::TooSoon => {
                let wait = std::time::Duration::from_secs(MAIL_PAUSE_SECS.unsigned_abs());
                Problem::new(Kind::Exhausted, "too_soon", said).retry_after(wait)
            }
            Refusal::PasskeyNotFound => Problem::not_found("passkey_not_found", said),
            Refusal::PasskeyExists => Problem::conflict("passkey_exists", said),
            Refusal::TooManyPasskeys => {
                let most = i64::try_from(PASSKEYS_MAX).unwrap_or(i64::MAX);
                Problem::new(Kind::Unprocessable, "too_many_passkeys", said).with("passkeys_max", Value::Number(most))
            }
            Refusal::PasskeyRefused => Problem::new(Kind::Unauthenticated, "invalid_credentials", said),
        }
    }
}

impl From<crate::claim::Refusal> for Problem {
    fn from(refusal: crate::claim::Refusal) -> Problem {
        Problem::conflict("email_taken", refusal.to_string())
    }
}

impl From<crate::guard::Refusal> for Problem {
    fn from(refusal: crate::guard::Refusal) -> Problem {
        match refusal {}
    }
}

/// The contract of this group.
///
/// # Panics
/// Never: the contract is compiled in and names this group.
#[must_use]
pub fn contract() -> &'static messages::Group {
    #[expect(clippy::expect_used, reason = "the contract is compiled in; a test starts the group")]
    messages::Group::named("user").expect("the contract names the group")
}

//! Registering, and showing that mail reaches one.
//!
//! A registration is a command that tells nothing itself: its gatherer hashes the password and asks [`create`], which is
//! written down without it.

use jiff::SignedDuration;
use messages::problem::Kind;
use runtime::clock::to_wire;
use runtime::desk::{Desk, Window};
use runtime::headers::Caller;
use runtime::inquiry::{Gathering, Inquiry};

use super::events::ticket_in;
use super::shown::role_in;
use super::{Problem, must_be_own, now, rpc, shown, v1, weak};
use crate::claim::{self, Claim};
use crate::keys::Email;
use crate::settings::tools;
use crate::user::{Command, Consent, Newcomer, Profile, Refusal, Sending, Status, User};

/// How long whoever registered may look whether it came through, in seconds.
const REGISTRATION_SECS: i64 = 60;

pub(super) fn parsed(email: &str) -> Result<Email, Problem> {
    let said = "This is no e-mail address.";
    Email::parse(email).ok_or_else(|| Problem::new(Kind::Unprocessable, "invalid_email", said))
}

/// The secret that shows that mail reaches somebody; the same for a repeated request.
fn verification(inquiry: &Inquiry) -> v1::Ticket {
    let secret = tools().keys.ticket("verification", &inquiry.id("att", "verification"));
    let good_for = SignedDuration::from_hours(tools().settings.verification_hours.into());
    let expires_at = inquiry.now().saturating_add(good_for).unwrap_or(inquiry.now());
    v1::Ticket { hash: tools().keys.ticket_hash(&secret), secret, expires_at: Some(to_wire(expires_at)) }
}

/// The guests that somebody was: whoever asks is still one, or shows that they were.
fn guests(caller: &Caller) -> Vec<String> {
    let is_guest = match &caller.behalf {
        Some(behalf) => behalf.role == "guest",
        None => caller.role == "guest",
    };
    let as_guest = caller.person().filter(|_| is_guest).map(str::to_owned);
    as_guest.into_iter().chain(caller.guest.clone()).collect()
}

pub(crate) fn gather<'a>(inquiry: &'a Inquiry, request: &'a v1::RegisterUserRequest) -> Gathering<'a, ()> {
    Box::pin(async move {
        let v1::RegisterUserRequest { user_id, email, password, name, locale, consents } = request;
        let address = parsed(email)?;
        if let Some(found) = tools().breached.weakness(password, &[email, name]) {
            return Err(weak(found));
        }
        let keys = &tools().keys;
        let email_id = keys.email_id(&address);
        // Who is refused anyway need not be hashed for; what counts is decided by `create`.
        let look = v1::GetCredentialsRequest { holder: email_id.clone(), source_key: String::new() };
        let known = inquiry.ask::<rpc::GetCredentials>(&email_id, &look).await?;
        if !known.user_id.is_empty() && known.user_id != *user_id {
            return Err(claim::Refusal::Taken.into());
        }
        let salt = salt(&inquiry.id("att", "salt"));
        let create = v1::CreateUserRequest {
            user_id: user_id.clone(),
            email: address.as_str().to_owned(),
            email_id,
            name: name.clone(),
            locale: locale.clone(),
            password_hash: tools().hasher.hash(password, salt).await?,
            consents: consents.clone(),
            guest_ids: guests(inquiry.caller()),
            marks: keys.marks(&[name, address.as_str()]),
            role: v1::Role::Customer.into(),
            verification: Some(verification(inquiry)),
        };
        inquiry.ask::<rpc::CreateUser>(user_id, &create).await.map(drop)
    })
}

/// A salt that is the same for a repeated request, and for no other.
pub(super) fn salt(name: &str) -> [u8; 16] {
    let print = blake3::derive_key("mercat user salt v1", name.as_bytes());
    print.first_chunk().copied().unwrap_or_default()
}

pub(crate) fn register(
    desk: &mut Desk<'_>,
    request: &v1::RegisterUserRequest,
    (): &(),
) -> Result<v1::RegisterUserResponse, Problem> {
    Ok(v1::RegisterUserResponse { user: now(desk, &request.user_id) })
}

pub(crate) fn create(desk: &mut Desk<'_>, request: &v1::CreateUserRequest) -> Result<v1::CreateUserResponse, Problem> {
    let request = request.clone();
    let (id, at, role) = (request.user_id.clone(), desk.facts().now, role_in(request.role()));
    desk.tell::<Claim>(&request.email_id, claim::Command::Take(request.email_id.clone(), id.clone()))?;
    let consent = |choice: v1::ConsentChoice| {
        let v1::ConsentChoice { purpose, granted, wording } = choice;
        Consent { purpose, granted, wording, at }
    };
    let newcomer = Newcomer {
        email: request.email,
        email_id: request.email_id,
        profile: Profile { name: request.name, phone: String::new(), locale: request.locale },
        password_hash: request.password_hash,
        consents: request.consents.into_iter().map(consent).collect(),
        guests: request.guest_ids,
        marks: request.marks,
        role,
    };
    desk.tell::<User>(&id, Command::Create(id.clone(), Box::new(newcomer)))?;
    if let Some(ticket) = request.verification {
        desk.tell::<User>(&id, Command::IssueVerification(ticket_in(ticket)))?;
    }
    Ok(v1::CreateUserResponse { user: now(desk, &id) })
}

pub(crate) fn activate(
    desk: &mut Desk<'_>,
    request: &v1::ActivateUserRequest,
) -> Result<v1::ActivateUserResponse, Problem> {
    desk.tell::<User>(&request.user_id, Command::Activate)?;
    Ok(v1::ActivateUserResponse {})
}

/// Shows a fresh account to whoever waits for it. They have no token yet, and nobody else knows its id.
pub(crate) fn registration(
    window: &Window<'_>,
    request: &v1::GetRegistrationRequest,
) -> Result<v1::GetRegistrationResponse, Problem> {
    let user = window.see::<User>(&request.user_id);
    let age = window.now().duration_since(user.created_at).as_secs();
    if user.status == Status::Unknown || age > REGISTRATION_SECS {
        return Err(Refusal::NotFound.into());
    }
    Ok(v1::GetRegistrationResponse { user: shown(&user, window.version::<User>(&request.user_id)) })
}

pub(crate) fn gather_shown<'a>(_: &'a Inquiry, request: &'a v1::VerifyEmailRequest) -> Gathering<'a, String> {
    Box::pin(async move { Ok(tools().keys.ticket_hash(&request.token)) })
}

#[expect(clippy::ptr_arg, reason = "a handler takes what its gatherer brought")]
pub(crate) fn verify_email(
    desk: &mut Desk<'_>,
    request: &v1::VerifyEmailRequest,
    hash: &String,
) -> Result<v1::VerifyEmailResponse, Problem> {
    desk.tell::<User>(&request.user_id, Command::VerifyEmail(hash.clone()))?;
    Ok(v1::VerifyEmailResponse { user: now(desk, &request.user_id) })
}

pub(crate) fn gather_sending<'a>(
    inquiry: &'a Inquiry,
    _: &'a v1::SendVerificationRequest,
) -> Gathering<'a, v1::Ticket> {
    Box::pin(async move { Ok(verification(inquiry)) })
}

pub(crate) fn send_verification(
    desk: &mut Desk<'_>,
    request: &v1::SendVerificationRequest,
    ticket: &v1::Ticket,
) -> Result<v1::SendVerificationResponse, Problem> {
    let user = desk.see::<User>(&request.user_id);
    must_be_own(&user, &desk.facts().caller)?;
    if user.status != Status::Active {
        return Err(Refusal::Inactive.into());
    }
    let sending: Sending = ticket_in(ticket.clone());
    desk.tell::<User>(&request.user_id, Command::IssueVerification(sending))?;
    Ok(v1::SendVerificationResponse {})
}

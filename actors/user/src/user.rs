//! An account: who somebody is, what they are held against when they say so, and what the shop keeps about them.
//!
//! Personal texts are opaque here: stored and shown, never looked into. What has to look inside (a blind index of an
//! address, the hash of a password, whether a code is right) was done before and comes with the command.

mod deciding;
mod folding;
pub mod membership;
pub mod moving;
pub mod passkeys;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use runtime::entity::{Agenda, Entity, Facts};
use serde::{Deserialize, Serialize};

/// So many addresses fit in a book.
pub const ADDRESSES_MAX: usize = 50;
/// So many purposes of consent are remembered.
pub const CONSENTS_MAX: usize = 50;
/// So long after a mail with a secret no other is sent, in seconds: nobody's mailbox is filled by a form.
pub const MAIL_PAUSE_SECS: i64 = 60;

/// How an account stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// There is none.
    #[default]
    Unknown,
    /// Registered; `auth` has not made its record yet.
    Pending,
    /// In use.
    Active,
    /// Locked by the people of the shop.
    Locked,
    /// Gone.
    Deleted,
}

/// What somebody does here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Buys.
    #[default]
    Customer,
    /// Helps customers.
    Support,
    /// Keeps products and prices.
    Catalogue,
    /// Keeps stock and sends parcels.
    Warehouse,
    /// Keeps the money.
    Finance,
    /// May do everything.
    Admin,
}

/// How many requests somebody may make.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tier {
    /// As everybody.
    #[default]
    Standard,
    /// More.
    Premium,
}

/// A single-use secret that was sent: what it is held against.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// What is kept of it.
    pub hash: String,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// When it was sent.
    pub issued_at: Timestamp,
}

/// A secret on its way to somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sending {
    /// What is kept of it.
    pub hash: String,
    /// The secret itself. Opaque.
    pub secret: String,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// What somebody tells about themselves. All of it is opaque.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// What they are called.
    pub name: String,
    /// Where they can be called.
    pub phone: String,
    /// The language they are written to in.
    pub locale: String,
}

/// Where somebody lives or works. What is personal in it is opaque.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Who lives there.
    pub name: String,
    /// Street and number.
    pub line1: String,
    /// What else the postman needs.
    pub line2: String,
    /// The postal code.
    pub postal_code: String,
    /// The town.
    pub city: String,
    /// The state or province.
    pub region: String,
    /// The country.
    pub country: String,
    /// Where the carrier may call.
    pub phone: String,
}

/// An address in the book.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Its id.
    pub id: String,
    /// What its owner calls it. Opaque.
    pub label: String,
    /// The address itself.
    pub place: Place,
    /// Parcels go here.
    pub shipping: bool,
    /// Invoices go here.
    pub billing: bool,
}

/// What somebody allowed or forbade.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// For what.
    pub purpose: String,
    /// Allowed.
    pub granted: bool,
    /// Which text they saw.
    pub wording: String,
    /// When.
    pub at: Timestamp,
}

/// The second factor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mfa {
    /// The password is enough.
    #[default]
    Off,
    /// The secret was shown, and no code of it yet.
    Begun {
        /// The secret, sealed.
        sealed: String,
    },
    /// Signing in takes a code.
    On {
        /// The secret, sealed.
        sealed: String,
        /// The half minute of the last code; codes up to it are used up.
        step: i64,
        /// What is kept of the recovery codes.
        recovery: Vec<String>,
    },
}

/// The state of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its id.
    pub id: String,
    /// How it stands.
    pub status: Status,
    /// The e-mail address. Opaque.
    pub email: String,
    /// The same by its blind index.
    pub email_id: String,
    /// Mail to it was shown to reach its owner.
    pub email_verified: bool,
    /// What its owner tells.
    pub profile: Profile,
    /// What search finds it by.
    pub marks: Vec<String>,
    /// What its owner does here.
    pub role: Role,
    /// How many requests its owner may make.
    pub tier: Tier,
    /// Whose prices its owner gets.
    pub customer_group: String,
    /// The hash of the password. Opaque.
    pub password_hash: String,
    /// The secret that shows that mail reaches its owner.
    pub verification: Option<Ticket>,
    /// The secret by which a new password can be set.
    pub reset: Option<Ticket>,
    /// The second factor.
    pub mfa: Mfa,
    /// Loyalty points.
    pub points: i64,
    /// The book of addresses.
    pub addresses: Vec<Address>,
    /// What its owner allowed and forbade.
    pub consents: Vec<Consent>,
    /// The guests that its owner was before.
    pub guests: Vec<String>,
    /// The membership that its owner has paid for.
    pub subscription: Option<membership::Subscription>,
    /// The address that its owner wants, or wanted.
    pub wanted: Option<moving::Wanted>,
    /// Its passkeys, the oldest first.
    pub passkeys: Vec<passkeys::Passkey>,
    /// Challenges that were answered, by what they hash to, and until when they would have been good.
    pub challenges: Vec<(String, Timestamp)>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Somebody who registers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Newcomer {
    /// The e-mail address. Opaque.
    pub email: String,
    /// The same by its blind index.
    pub email_id: String,
    /// What they tell.
    pub profile: Profile,
    /// The hash of the password. Opaque.
    pub password_hash: String,
    /// What they allow and forbid.
    pub consents: Vec<Consent>,
    /// The guests that they were.
    pub guests: Vec<String>,
    /// What search finds them by.
    pub marks: Vec<String>,
    /// What they do here.
    pub role: Role,
}

/// Why a password may be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// The one with this hash was shown.
    Old(String),
    /// The one with this hash was shown; the new hash is of the same password, by stronger parameters.
    Rehash(String),
    /// The secret that was sent was shown; this is what would be kept of it.
    Ticket(String),
}

/// What can be asked of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// It shall be.
    Create(String, Box<Newcomer>),
    /// `auth` has made its record.
    Activate,
    /// Its owner tells this; search finds it by these.
    Update(Profile, Vec<String>),
    /// It shall be gone.
    Delete,
    /// Its owner is sent a secret to show that mail reaches them.
    IssueVerification(Sending),
    /// A secret was shown that this would be kept of.
    VerifyEmail(String),
    /// Its owner is sent a secret to set a new password by.
    IssueReset(Sending),
    /// The password has this hash now.
    SetPassword(String, By),
    /// This is the sealed secret of an authenticator.
    BeginMfa(String),
    /// A code of this half minute was right; these are kept of the recovery codes.
    EnableMfa(i64, Vec<String>),
    /// A code of this half minute was right.
    UseCode(i64),
    /// A recovery code was shown that this would be kept of.
    UseRecovery(String),
    /// These are kept of new recovery codes.
    RenewRecovery(Vec<String>),
    /// The password is enough.
    DisableMfa,
    /// An address that is new.
    AddAddress(Box<Address>),
    /// An address that is known.
    PutAddress(Box<Address>),
    /// An address goes.
    RemoveAddress(String),
    /// Its owner allows or forbids.
    PutConsent {
        /// For what.
        purpose: String,
        /// Allowed.
        granted: bool,
        /// Which text they saw.
        wording: String,
    },
    /// What its owner does here.
    PutRole(Role),
    /// How its owner is served.
    PutStanding(Tier, String),
    /// Nobody signs in with it.
    Lock,
    /// Its owner signs in again.
    Unlock,
    /// This order was completed and is worth so many points; whoever reaches the last number is premium, unless it is 0.
    Earn(String, i64, i64),
    /// A membership was paid.
    Subscribe(membership::Paid),
    /// A membership is over.
    EndSubscription,
    /// About its address.
    Address(moving::Ask),
    /// About its passkeys.
    Passkey(passkeys::Ask),
}

/// What can have happened to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The account.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What can have happened to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Somebody registered.
    Registered(Box<Newcomer>),
    /// It is active; this is what others keep of it.
    Created(Box<Standing>),
    /// Its owner tells this.
    ProfileUpdated {
        /// All of it.
        profile: Profile,
        /// What search finds it by.
        marks: Vec<String>,
        /// Where they are written to. Opaque.
        email: String,
    },
    /// How it stands changed.
    Updated(Box<Standing>, Change),
    /// It is gone.
    Deleted,
    /// Mail reaches its owner.
    EmailVerified,
    /// A secret is sent.
    VerificationIssued(Box<Letter>),
    /// A secret is sent.
    ResetIssued(Box<Letter>),
    /// The password has another hash.
    PasswordChanged(String, How),
    /// The secret of an authenticator was shown.
    MfaBegun(String),
    /// Signing in takes a code.
    MfaEnabled(i64, Vec<String>),
    /// A code was used.
    CodeUsed {
        /// The half minute of an authenticator's code.
        step: Option<i64>,
        /// What was kept of a recovery code.
        recovery: Option<String>,
    },
    /// There are new recovery codes.
    RecoveryRenewed(Vec<String>),
    /// The password is enough.
    MfaDisabled,
    /// An address was written into the book.
    AddressPut(Box<Address>),
    /// An address was taken out.
    AddressRemoved(String),
    /// Its owner allowed or forbade.
    ConsentGiven(Consent),
    /// Something about its address.
    Address(moving::Happened),
    /// Something about its passkeys.
    Passkey(passkeys::Happened),
    /// Something about its membership.
    Membership(membership::Happened),
    /// Points were earned.
    PointsEarned {
        /// For this order.
        order_id: String,
        /// So many.
        points: i64,
        /// Now there are so many.
        balance: i64,
    },
}

/// How an account stands, for others to keep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The e-mail address. Opaque.
    pub email: String,
    /// What its owner is called. Opaque.
    pub name: String,
    /// The language.
    pub locale: String,
    /// How it stands.
    pub status: Status,
    /// What its owner does here.
    pub role: Role,
    /// How many requests its owner may make.
    pub tier: Tier,
    /// Whose prices its owner gets.
    pub customer_group: String,
}

/// A mail with a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Letter {
    /// Where to. Opaque.
    pub email: String,
    /// To whom. Opaque.
    pub name: String,
    /// In which language.
    pub locale: String,
    /// The secret.
    pub sending: Sending,
}

/// What changed in how an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// What its owner does here.
    Role,
    /// How its owner is served.
    Standing,
    /// It is locked.
    Locked,
    /// It is unlocked.
    Unlocked,
    /// A membership was paid, or is over.
    Subscription,
    /// Its owner has so many points.
    Loyalty,
}

/// How a password changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By its owner.
    Changed,
    /// By a secret that was sent.
    Reset,
    /// Only its hash did.
    Rehashed,
}

/// Why an account says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("There is no such account, or it is somebody else's.")]
    NotFound,
    /// There is one.
    #[error("There is an account with this id already.")]
    AlreadyExists,
    /// It is not in use.
    #[error("The account is not in use.")]
    Inactive,
    /// A secret is not good.
    #[error("The secret is not good, or not any more.")]
    InvalidToken,
    /// Another password is in force.
    #[error("The password is wrong.")]
    WrongPassword,
    /// Codes are on.
    #[error("An authenticator is set up already.")]
    MfaOn,
    /// Codes are off.
    #[error("No authenticator is set up.")]
    MfaOff,
    /// No secret was shown.
    #[error("No authenticator is being set up.")]
    MfaNotBegun,
    /// A code was used.
    #[error("The code is wrong, or was used.")]
    InvalidCode,
    /// The book is full.
    #[error("A book holds so many addresses and no more.")]
    TooManyAddresses,
    /// There is no such address.
    #[error("There is no such address in the book.")]
    AddressNotFound,
    /// Too much to remember.
    #[error("So many purposes are remembered and no more.")]
    TooManyConsents,
    /// A mail was sent just now.
    #[error("A mail was sent just now; wait a minute.")]
    TooSoon,
    /// There is no such passkey.
    #[error("There is no such passkey.")]
    PasskeyNotFound,
    /// There is such a passkey.
    #[error("The passkey is there already.")]
    PasskeyExists,
    /// Too many passkeys.
    #[error("An account has so many passkeys and no more.")]
    TooManyPasskeys,
    /// It was shown, and is not good.
    #[error("The passkey is not known, not good, or not any more.")]
    PasskeyRefused,
}

impl User {
    /// Somebody has it: it is neither unknown nor gone.
    #[must_use]
    pub fn is_there(&self) -> bool {
        matches!(self.status, Status::Pending | Status::Active | Status::Locked)
    }

    /// How it stands, for others to keep.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing {
            email: self.email.clone(),
            name: self.profile.name.clone(),
            locale: self.profile.locale.clone(),
            status: self.status,
            role: self.role,
            tier: self.tier,
            customer_group: self.customer_group.clone(),
        }
    }

    /// Signing in takes a code.
    #[must_use]
    pub fn takes_codes(&self) -> bool {
        matches!(self.mfa, Mfa::On { .. })
    }

    /// How many recovery codes are left.
    #[must_use]
    pub fn recovery_left(&self) -> u32 {
        match &self.mfa {
            Mfa::On { recovery, .. } => u32::try_from(recovery.len()).unwrap_or(u32::MAX),
            Mfa::Off | Mfa::Begun { .. } => 0,
        }
    }
}

impl Entity for User {
    const KIND: &'static str = "user";
    const FOLD: u32 = 2;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let (id, happened) = self.decided(command, facts.now)?;
        Ok(happened.into_iter().map(|what| Event { id: id.clone(), at: facts.now, what }).collect())
    }

    fn evolve(&mut self, event: &Event) {
        self.folded(event);
    }

    fn agenda(&self) -> Agenda<Command> {
        match &self.subscription {
            None => Agenda::nothing(),
            Some(paid) => {
                Agenda::nothing().wake(format!("paid until {}", paid.until), paid.until, Command::EndSubscription)
            }
        }
    }
}

//! Another e-mail address for an account: wanted, shown to reach its owner, theirs. Until then nothing changes.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{MAIL_PAUSE_SECS, Refusal, Sending, Status, Ticket, User, What};

/// An address that somebody wants, or has since they showed that mail reaches them there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The address. Opaque.
    pub email: String,
    /// The same by its blind index.
    pub email_id: String,
    /// What search would find them by.
    pub marks: Vec<String>,
    /// What the secret is held against that was sent there.
    pub ticket: Ticket,
}

/// What can be asked about the address of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// This shall be the address; whoever asks has shown the password with this hash.
    Want(Box<Letter>, String),
    /// A secret was shown that this would be kept of.
    Confirm(String),
    /// The address stays.
    Keep,
}

/// What can have happened to the address of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// A secret is sent to the address that is wanted.
    Issued(Box<Letter>),
    /// The address is another.
    Changed(Box<Change>),
    /// The address stays.
    Cancelled,
}

/// A mail with a secret to an address that is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Letter {
    /// The address. Opaque.
    pub email: String,
    /// The same by its blind index.
    pub email_id: String,
    /// What search would find them by.
    pub marks: Vec<String>,
    /// To whom. Opaque.
    pub name: String,
    /// In which language.
    pub locale: String,
    /// The secret.
    pub sending: Sending,
}

/// An address in place of another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// The address. Opaque.
    pub email: String,
    /// The same by its blind index.
    pub email_id: String,
    /// What search finds them by.
    pub marks: Vec<String>,
    /// The one before. Opaque.
    pub before: String,
    /// To whom. Opaque.
    pub name: String,
    /// In which language.
    pub locale: String,
}

impl User {
    /// The address that is wanted and not theirs yet.
    #[must_use]
    pub fn pending(&self) -> Option<&Wanted> {
        self.wanted.as_ref().filter(|wanted| wanted.email_id != self.email_id)
    }

    pub(super) fn asked_of_address(&self, ask: Ask, now: Timestamp) -> Result<Vec<What>, Refusal> {
        let happened = match ask {
            Ask::Want(..) if self.status != Status::Active => return Err(Refusal::Inactive),
            // The password may have changed since it was looked at.
            Ask::Want(_, password_hash) if password_hash != self.password_hash => return Err(Refusal::WrongPassword),
            Ask::Want(letter, _) => {
                let pause = SignedDuration::from_secs(MAIL_PAUSE_SECS);
                let lately = |wanted: &Wanted| now.duration_since(wanted.ticket.issued_at) < pause;
                if self.wanted.as_ref().is_some_and(lately) {
                    return Err(Refusal::TooSoon);
                }
                let (name, locale) = (self.profile.name.clone(), self.profile.locale.clone());
                Happened::Issued(Box::new(Letter { name, locale, ..*letter }))
            }
            Ask::Confirm(hash) => {
                let wanted = self.wanted.as_ref().filter(|wanted| wanted.ticket.hash == hash);
                let wanted = wanted.ok_or(Refusal::InvalidToken)?;
                // People click twice.
                if wanted.email_id == self.email_id {
                    return Ok(vec![]);
                }
                if self.status != Status::Active || now >= wanted.ticket.expires_at {
                    return Err(Refusal::InvalidToken);
                }
                let Wanted { email, email_id, marks, .. } = wanted.clone();
                let (before, name, locale) =
                    (self.email.clone(), self.profile.name.clone(), self.profile.locale.clone());
                Happened::Changed(Box::new(Change { email, email_id, marks, before, name, locale }))
            }
            Ask::Keep if self.pending().is_none() => return Ok(vec![]),
            Ask::Keep => Happened::Cancelled,
        };
        Ok(vec![What::Address(happened)])
    }

    pub(super) fn folded_address(&mut self, happened: &Happened, at: Timestamp) {
        match happened {
            Happened::Issued(letter) => {
                let Letter { email, email_id, marks, sending, .. } = (**letter).clone();
                let ticket = Ticket { hash: sending.hash, expires_at: sending.expires_at, issued_at: at };
                self.wanted = Some(Wanted { email, email_id, marks, ticket });
            }
            Happened::Changed(change) => {
                let Change { email, email_id, marks, .. } = (**change).clone();
                (self.email, self.email_id, self.marks) = (email, email_id, marks);
                // The secret came by mail.
                self.email_verified = true;
                // What was sent to the address before is worth nothing any more.
                (self.verification, self.reset) = (None, None);
            }
            Happened::Cancelled => self.wanted = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, fold, moment};

    use super::*;
    use crate::user::{Command, Event, How, Newcomer, Standing};

    fn event(at: i64, what: What) -> Event {
        Event { id: "ada".into(), at: moment(at), what }
    }

    fn active() -> Vec<Event> {
        let newcomer = Newcomer {
            email: "old".into(),
            email_id: "eml_old".into(),
            password_hash: "hash".into(),
            ..Default::default()
        };
        let standing = Standing { status: Status::Active, ..Default::default() };
        vec![event(1, What::Registered(Box::new(newcomer))), event(1, What::Created(Box::new(standing)))]
    }

    fn letter(until: i64) -> Box<Letter> {
        let sending = Sending { hash: "kept".into(), secret: "s".into(), expires_at: moment(until) };
        Box::new(Letter { email: "new".into(), email_id: "eml_new".into(), sending, ..Default::default() })
    }

    fn issued(at: i64, until: i64) -> Event {
        event(at, What::Address(Happened::Issued(letter(until))))
    }

    fn ask(given: &[Event], ask: Ask) -> Result<Vec<Event>, Refusal> {
        decide::<User>(given, Command::Address(ask))
    }

    fn want(password: &str) -> Ask {
        Ask::Want(letter(200), password.into())
    }

    fn confirm(hash: &str) -> Ask {
        Ask::Confirm(hash.into())
    }

    #[test]
    fn an_address_is_another_once_its_owner_shows_that_mail_reaches_them() {
        let mut given = active();
        assert_eq!(ask(&given, want("other")), Err(Refusal::WrongPassword));
        assert_eq!(ask(&given[..1], want("hash")), Err(Refusal::Inactive));
        assert_eq!(ask(&given, confirm("kept")), Err(Refusal::InvalidToken));
        given.extend(ask(&given, want("hash")).expect("sent"));
        let user = fold::<User>(&given);
        assert_eq!((&*user.email, user.pending().map(|wanted| &*wanted.email)), ("old", Some("new")));
        assert_eq!(ask(&given, want("hash")), Err(Refusal::TooSoon));
        assert_eq!(ask(&given, confirm("guess")), Err(Refusal::InvalidToken));
        given.extend(ask(&given, confirm("kept")).expect("changed"));
        let user = fold::<User>(&given);
        assert_eq!((&*user.email, &*user.email_id, user.email_verified), ("new", "eml_new", true));
        assert_eq!(user.pending(), None);
        assert_eq!(ask(&given, confirm("kept")), Ok(vec![]), "people click twice");
        assert_eq!(ask(&given, Ask::Keep), Ok(vec![]));
    }

    #[test]
    fn a_secret_is_good_in_its_time_and_until_something_better_is_known() {
        let good = [active(), vec![issued(30, 101)]].concat();
        assert_eq!(ask(&good, confirm("kept")).map(|events| events.len()), Ok(1));
        let late = [active(), vec![issued(30, 100)]].concat();
        assert_eq!(ask(&late, confirm("kept")), Err(Refusal::InvalidToken));
        let kept = [good.clone(), ask(&good, Ask::Keep).expect("kept")].concat();
        assert_eq!(ask(&kept, confirm("kept")), Err(Refusal::InvalidToken));
        // Whoever sets a new password takes back what somebody else may have asked for with the old one.
        for how in [How::Reset, How::Changed] {
            let safe = [good.clone(), vec![event(50, What::PasswordChanged("new".into(), how))]].concat();
            assert_eq!(ask(&safe, confirm("kept")), Err(Refusal::InvalidToken));
        }
        let stronger = [good, vec![event(50, What::PasswordChanged("new".into(), How::Rehashed))]].concat();
        assert_eq!(ask(&stronger, confirm("kept")).map(|events| events.len()), Ok(1));
    }
}

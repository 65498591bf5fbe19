//! What an account does about what is asked of it.

use jiff::{SignedDuration, Timestamp};

use super::{
    ADDRESSES_MAX, Address, By, CONSENTS_MAX, Change, Command, Consent, How, Letter, MAIL_PAUSE_SECS, Mfa, Profile,
    Refusal, Sending, Standing, Status, Ticket, Tier, User, What, moving, passkeys,
};

type Decided = Result<Vec<What>, Refusal>;

impl User {
    pub(super) fn decided(&self, command: Command, now: Timestamp) -> Result<(String, Vec<What>), Refusal> {
        let happened = match (self.status, command) {
            (Status::Unknown, Command::Create(id, newcomer)) => return Ok((id, vec![What::Registered(newcomer)])),
            (_, Command::Create(..)) => Err(Refusal::AlreadyExists),
            // News come more than once, and after everything else.
            (
                Status::Unknown | Status::Deleted,
                Command::Activate | Command::Earn(..) | Command::Subscribe(_) | Command::EndSubscription,
            ) => Ok(vec![]),
            (Status::Active | Status::Locked, Command::Activate) => Ok(vec![]),
            (Status::Pending, Command::Activate) => {
                let standing = Standing { status: Status::Active, ..self.standing() };
                Ok(vec![What::Created(Box::new(standing))])
            }
            (_, Command::Earn(order_id, points, premium_at)) => Ok(self.earned(order_id, points, premium_at)),
            (_, Command::Subscribe(paid)) => Ok(self.paid(paid, now)),
            (_, Command::EndSubscription) => Ok(self.ended(now)),
            // Nobody may learn from a form whether there is an account.
            (Status::Unknown | Status::Deleted, Command::IssueReset(_)) => Ok(vec![]),
            (
                Status::Unknown | Status::Deleted,
                Command::VerifyEmail(_)
                | Command::SetPassword(_, By::Ticket(_))
                | Command::Address(moving::Ask::Confirm(_)),
            ) => Err(Refusal::InvalidToken),
            (Status::Unknown | Status::Deleted, Command::Passkey(passkeys::Ask::Use(_))) => {
                Err(Refusal::PasskeyRefused)
            }
            (Status::Deleted, Command::Delete) => Ok(vec![]),
            (Status::Unknown | Status::Deleted, _) => Err(Refusal::NotFound),
            (Status::Pending | Status::Active | Status::Locked, command) => self.wished(command, now),
        };
        Ok((self.id.clone(), happened?))
    }

    /// What is asked of an account that somebody has.
    fn wished(&self, command: Command, now: Timestamp) -> Decided {
        match command {
            Command::Update(profile, marks) => self.told(profile, marks),
            Command::Delete => Ok(vec![What::Deleted]),
            Command::IssueVerification(_) if self.email_verified => Ok(vec![]),
            Command::IssueVerification(sending) => {
                self.sent(self.verification.as_ref(), sending, now, What::VerificationIssued)
            }
            Command::IssueReset(sending) => self.sent(self.reset.as_ref(), sending, now, What::ResetIssued),
            Command::VerifyEmail(hash) => self.verified(&hash, now),
            Command::SetPassword(hash, by) => self.password(hash, by, now),
            Command::AddAddress(address) => self.added(*address),
            Command::PutAddress(address) => self.replaced(*address),
            Command::RemoveAddress(id) => self
                .addresses
                .iter()
                .any(|known| known.id == id)
                .then(|| vec![What::AddressRemoved(id)])
                .ok_or(Refusal::AddressNotFound),
            Command::PutConsent { purpose, granted, wording } => self.consented(purpose, granted, wording, now),
            Command::Address(ask) => self.asked_of_address(ask, now),
            Command::Passkey(ask) => self.asked_of_passkeys(ask, now),
            Command::BeginMfa(_)
            | Command::EnableMfa(..)
            | Command::UseCode(_)
            | Command::UseRecovery(_)
            | Command::RenewRecovery(_)
            | Command::DisableMfa => self.factor(command),
            Command::PutRole(_) | Command::PutStanding(..) | Command::Lock | Command::Unlock => self.stood(command),
            // Answered before, in every status.
            Command::Create(..)
            | Command::Activate
            | Command::Earn(..)
            | Command::Subscribe(_)
            | Command::EndSubscription => Ok(vec![]),
        }
    }

    fn earned(&self, order_id: String, points: i64, premium_at: i64) -> Vec<What> {
        let balance = self.points.saturating_add(points);
        if points <= 0 {
            return vec![];
        }
        // Once: whom staff serve otherwise afterwards they mean to.
        let is_reached = premium_at > 0 && self.points < premium_at && balance >= premium_at;
        let better = is_reached.then(|| self.served(Tier::Premium, Change::Loyalty)).flatten();
        std::iter::once(What::PointsEarned { order_id, points, balance }).chain(better).collect()
    }

    fn told(&self, profile: Profile, marks: Vec<String>) -> Decided {
        if profile == self.profile && marks == self.marks {
            return Ok(vec![]);
        }
        Ok(vec![What::ProfileUpdated { profile, marks, email: self.email.clone() }])
    }

    fn sent(
        &self,
        before: Option<&Ticket>,
        sending: Sending,
        now: Timestamp,
        what: impl FnOnce(Box<Letter>) -> What,
    ) -> Decided {
        let pause = SignedDuration::from_secs(MAIL_PAUSE_SECS);
        if before.is_some_and(|ticket| now.duration_since(ticket.issued_at) < pause) {
            return Ok(vec![]);
        }
        let (email, name, locale) = (self.email.clone(), self.profile.name.clone(), self.profile.locale.clone());
        Ok(vec![what(Box::new(Letter { email, name, locale, sending }))])
    }

    fn verified(&self, hash: &str, now: Timestamp) -> Decided {
        let ticket = self.verification.as_ref().filter(|ticket| ticket.hash == hash).ok_or(Refusal::InvalidToken)?;
        match self.email_verified {
            // People click twice.
            true => Ok(vec![]),
            false if now < ticket.expires_at => Ok(vec![What::EmailVerified]),
            false => Err(Refusal::InvalidToken),
        }
    }

    fn password(&self, hash: String, by: By, now: Timestamp) -> Decided {
        match by {
            By::Old(before) if before == self.password_hash => Ok(vec![What::PasswordChanged(hash, How::Changed)]),
            By::Rehash(before) if before == self.password_hash => Ok(vec![What::PasswordChanged(hash, How::Rehashed)]),
            By::Old(_) => Err(Refusal::WrongPassword),
            // The password has changed meanwhile: nothing is left to be made stronger.
            By::Rehash(_) => Ok(vec![]),
            By::Ticket(shown) => {
                let good = self.reset.as_ref().is_some_and(|ticket| ticket.hash == shown && now < ticket.expires_at);
                if !good {
                    return Err(Refusal::InvalidToken);
                }
                let mut happened = vec![What::PasswordChanged(hash, How::Reset)];
                // The secret came by mail.
                happened.extend((!self.email_verified).then_some(What::EmailVerified));
                Ok(happened)
            }
        }
    }

    fn added(&self, mut address: Address) -> Decided {
        if self.addresses.iter().any(|known| known.id == address.id) {
            return self.replaced(address);
        }
        if self.addresses.len() >= ADDRESSES_MAX {
            return Err(Refusal::TooManyAddresses);
        }
        if self.addresses.is_empty() {
            (address.shipping, address.billing) = (true, true);
        }
        Ok(vec![What::AddressPut(Box::new(address))])
    }

    fn replaced(&self, address: Address) -> Decided {
        let known = self.addresses.iter().find(|known| known.id == address.id).ok_or(Refusal::AddressNotFound)?;
        if *known == address { Ok(vec![]) } else { Ok(vec![What::AddressPut(Box::new(address))]) }
    }

    fn consented(&self, purpose: String, granted: bool, wording: String, at: Timestamp) -> Decided {
        let known = self.consents.iter().find(|known| known.purpose == purpose);
        match known {
            // The proof is of the first time.
            Some(known) if known.granted == granted && known.wording == wording => Ok(vec![]),
            None if self.consents.len() >= CONSENTS_MAX => Err(Refusal::TooManyConsents),
            _ => Ok(vec![What::ConsentGiven(Consent { purpose, granted, wording, at })]),
        }
    }

    /// What is asked of the second factor.
    fn factor(&self, command: Command) -> Decided {
        match (&self.mfa, command) {
            (Mfa::On { .. }, Command::BeginMfa(_) | Command::EnableMfa(..)) => Err(Refusal::MfaOn),
            (Mfa::Off | Mfa::Begun { .. }, Command::BeginMfa(_)) if self.status != Status::Active => {
                Err(Refusal::Inactive)
            }
            (Mfa::Off | Mfa::Begun { .. }, Command::BeginMfa(sealed)) => Ok(vec![What::MfaBegun(sealed)]),
            (Mfa::Off, Command::EnableMfa(..)) => Err(Refusal::MfaNotBegun),
            (Mfa::Begun { .. }, Command::EnableMfa(step, recovery)) => Ok(vec![What::MfaEnabled(step, recovery)]),
            (Mfa::On { step: last, .. }, Command::UseCode(step)) if step <= *last => Err(Refusal::InvalidCode),
            (Mfa::On { .. }, Command::UseCode(step)) => Ok(vec![What::CodeUsed { step: Some(step), recovery: None }]),
            (Mfa::On { recovery, .. }, Command::UseRecovery(hash)) if recovery.contains(&hash) => {
                Ok(vec![What::CodeUsed { step: None, recovery: Some(hash) }])
            }
            (Mfa::On { .. }, Command::UseRecovery(_)) => Err(Refusal::InvalidCode),
            (Mfa::On { .. }, Command::RenewRecovery(recovery)) => Ok(vec![What::RecoveryRenewed(recovery)]),
            (Mfa::On { .. }, Command::DisableMfa) => Ok(vec![What::MfaDisabled]),
            (Mfa::Off | Mfa::Begun { .. }, _) => Err(Refusal::MfaOff),
            // Nothing else is about the second factor.
            (Mfa::On { .. }, _) => Ok(vec![]),
        }
    }

    /// What the people of the shop ask.
    fn stood(&self, command: Command) -> Decided {
        if self.status == Status::Pending {
            return Err(Refusal::Inactive);
        }
        let mut standing = self.standing();
        let change = match command {
            Command::PutRole(role) => {
                standing.role = role;
                Change::Role
            }
            Command::PutStanding(tier, customer_group) => {
                (standing.tier, standing.customer_group) = (tier, customer_group);
                Change::Standing
            }
            Command::Lock => {
                standing.status = Status::Locked;
                Change::Locked
            }
            _ => {
                standing.status = Status::Active;
                Change::Unlocked
            }
        };
        if standing == self.standing() {
            return Ok(vec![]);
        }
        Ok(vec![What::Updated(Box::new(standing), change)])
    }
}

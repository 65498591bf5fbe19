//! What an account becomes by what happened to it.

use jiff::Timestamp;

use super::{Change, Event, How, Letter, Mfa, Standing, Status, Ticket, User, What};

fn ticket(letter: &Letter, at: Timestamp) -> Ticket {
    Ticket { hash: letter.sending.hash.clone(), expires_at: letter.sending.expires_at, issued_at: at }
}

impl User {
    pub(super) fn folded(&mut self, event: &Event) {
        let at = event.at;
        self.updated_at = at;
        match &event.what {
            What::Registered(newcomer) => {
                let newcomer = (**newcomer).clone();
                *self = User {
                    id: event.id.clone(),
                    status: Status::Pending,
                    email: newcomer.email,
                    email_id: newcomer.email_id,
                    profile: newcomer.profile,
                    marks: newcomer.marks,
                    role: newcomer.role,
                    password_hash: newcomer.password_hash,
                    consents: newcomer.consents,
                    guests: newcomer.guests,
                    created_at: at,
                    updated_at: at,
                    ..User::default()
                };
            }
            What::Created(standing) => self.stands(standing),
            What::Updated(standing, change) => {
                self.stands(standing);
                if let (Some(paid), Change::Standing | Change::Loyalty) = (&mut self.subscription, change) {
                    paid.tier_beside = standing.tier;
                }
            }
            What::Membership(happened) => self.folded_membership(happened),
            What::ProfileUpdated { profile, marks, .. } => {
                self.profile = profile.clone();
                self.marks.clone_from(marks);
            }
            What::Deleted => {
                // Nothing that was about a person is left.
                *self = User {
                    id: event.id.clone(),
                    status: Status::Deleted,
                    created_at: self.created_at,
                    updated_at: at,
                    ..User::default()
                };
            }
            What::EmailVerified => self.email_verified = true,
            What::VerificationIssued(letter) => self.verification = Some(ticket(letter, at)),
            What::ResetIssued(letter) => self.reset = Some(ticket(letter, at)),
            What::PasswordChanged(hash, how) => {
                self.password_hash.clone_from(hash);
                self.reset = None;
                if *how != How::Rehashed {
                    self.wanted = None;
                }
            }
            What::Address(happened) => self.folded_address(happened, at),
            What::Passkey(happened) => self.folded_passkeys(happened, at),
            What::ConsentGiven(consent) => {
                self.consents.retain(|known| known.purpose != consent.purpose);
                self.consents.push(consent.clone());
            }
            What::PointsEarned { balance, .. } => self.points = *balance,
            What::AddressPut(address) => {
                for known in &mut self.addresses {
                    known.shipping &= !address.shipping;
                    known.billing &= !address.billing;
                }
                match self.addresses.iter_mut().find(|known| known.id == address.id) {
                    Some(known) => *known = (**address).clone(),
                    None => self.addresses.push((**address).clone()),
                }
            }
            What::AddressRemoved(id) => self.addresses.retain(|known| known.id != *id),
            What::MfaBegun(_)
            | What::MfaEnabled(..)
            | What::CodeUsed { .. }
            | What::RecoveryRenewed(_)
            | What::MfaDisabled => self.mfa.folded(&event.what),
        }
    }

    fn stands(&mut self, standing: &Standing) {
        let Standing { status, role, tier, customer_group, .. } = standing.clone();
        (self.status, self.role, self.tier, self.customer_group) = (status, role, tier, customer_group);
    }
}

impl Mfa {
    fn folded(&mut self, what: &What) {
        match (&mut *self, what) {
            (_, What::MfaBegun(sealed)) => *self = Mfa::Begun { sealed: sealed.clone() },
            (_, What::MfaDisabled) => *self = Mfa::Off,
            (Mfa::Begun { sealed }, What::MfaEnabled(step, recovery)) => {
                let sealed = std::mem::take(sealed);
                *self = Mfa::On { sealed, step: *step, recovery: recovery.clone() };
            }
            (Mfa::On { step: last, recovery: left, .. }, What::CodeUsed { step, recovery }) => {
                *last = step.unwrap_or(*last);
                left.retain(|known| recovery.as_ref() != Some(known));
            }
            (Mfa::On { recovery, .. }, What::RecoveryRenewed(new)) => recovery.clone_from(new),
            // The rest cannot be: it is decided on the state that these fold to.
            _ => {}
        }
    }
}

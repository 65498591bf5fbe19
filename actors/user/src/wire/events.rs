//! What happened to an account, as it is stored.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Recorded, Undecodable};

use super::shown::{
    consent_in, consent_out, place_in, place_out, profile_out, role_in, role_out, status_in, status_out, tier_in,
    tier_out,
};
use super::{happened, v1};
use crate::user::{Address, Change, Event, How, Letter, Newcomer, Profile, Sending, Standing, Status, What};

pub(super) fn ticket_out(sending: &Sending) -> v1::Ticket {
    let Sending { hash, secret, expires_at } = sending.clone();
    v1::Ticket { hash, secret, expires_at: Some(to_wire(expires_at)) }
}

pub(super) fn ticket_in(ticket: v1::Ticket) -> Sending {
    let expires_at = from_wire(ticket.expires_at.as_ref());
    Sending { hash: ticket.hash, secret: ticket.secret, expires_at }
}

fn how_out(how: How) -> &'static str {
    match how {
        How::Changed => "changed",
        How::Reset => "reset",
        How::Rehashed => "rehashed",
    }
}

fn how_in(how: &str) -> How {
    match how {
        "reset" => How::Reset,
        "rehashed" => How::Rehashed,
        _ => How::Changed,
    }
}

fn change_out(change: Change) -> &'static str {
    match change {
        Change::Role => "role",
        Change::Standing => "standing",
        Change::Locked => "locked",
        Change::Unlocked => "unlocked",
        Change::Subscription => "subscription",
        Change::Loyalty => "loyalty",
    }
}

fn change_in(change: &str) -> Change {
    match change {
        "standing" => Change::Standing,
        "locked" => Change::Locked,
        "unlocked" => Change::Unlocked,
        "subscription" => Change::Subscription,
        "loyalty" => Change::Loyalty,
        _ => Change::Role,
    }
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let (user_id, at) = (self.id.clone(), Some(to_wire(self.at)));
        match &self.what {
            What::Registered(newcomer) => {
                let newcomer = (**newcomer).clone();
                let event = v1::UserCredentialsSet {
                    user_id,
                    email: newcomer.email,
                    email_id: newcomer.email_id,
                    name: newcomer.profile.name,
                    locale: newcomer.profile.locale,
                    password_hash: newcomer.password_hash,
                    consents: newcomer.consents.iter().map(consent_out).collect(),
                    guest_ids: newcomer.guests,
                    marks: newcomer.marks,
                    role: role_out(newcomer.role).into(),
                    at,
                };
                ("user.credentials.set", event.encode_to_vec())
            }
            What::Created(standing) => {
                let Standing { email, name, locale, role, tier, customer_group, .. } = (**standing).clone();
                let (role, tier) = (role_out(role).into(), tier_out(tier).into());
                let event = v1::UserCreated { user_id, email, name, locale, role, tier, customer_group, at };
                ("user.created", event.encode_to_vec())
            }
            What::Updated(standing, change) => {
                let Standing { name, status, role, tier, customer_group, .. } = (**standing).clone();
                let event = v1::UserUpdated {
                    user_id,
                    name,
                    status: status_out(status).into(),
                    role: role_out(role).into(),
                    tier: tier_out(tier).into(),
                    customer_group,
                    reason: change_out(*change).to_owned(),
                    at,
                };
                ("user.updated", event.encode_to_vec())
            }
            What::ProfileUpdated { profile, marks, email } => {
                let (profile, marks, email) = (Some(profile_out(profile)), marks.clone(), email.clone());
                let event = v1::UserProfileUpdated { user_id, profile, marks, email, at };
                ("user.profile.updated", event.encode_to_vec())
            }
            What::Deleted => ("user.deleted", v1::UserDeleted { user_id, at }.encode_to_vec()),
            What::EmailVerified => ("user.email.verified", v1::UserEmailVerified { user_id, at }.encode_to_vec()),
            What::VerificationIssued(letter) => {
                let (Letter { email, name, locale, .. }, ticket) =
                    ((**letter).clone(), Some(ticket_out(&letter.sending)));
                let event = v1::UserVerificationIssued { user_id, email, name, locale, ticket, at };
                ("user.verification.issued", event.encode_to_vec())
            }
            What::ResetIssued(letter) => {
                let (Letter { email, name, locale, .. }, ticket) =
                    ((**letter).clone(), Some(ticket_out(&letter.sending)));
                let event = v1::UserResetIssued { user_id, email, name, locale, ticket, at };
                ("user.reset.issued", event.encode_to_vec())
            }
            What::PasswordChanged(hash, how) => {
                let (password_hash, how) = (hash.clone(), how_out(*how).to_owned());
                let event = v1::UserPasswordChanged { user_id, password_hash, how, at };
                ("user.password.changed", event.encode_to_vec())
            }
            What::MfaBegun(sealed) => {
                let event = v1::UserMfaBegun { user_id, sealed_secret: sealed.clone(), at };
                ("user.mfa.begun", event.encode_to_vec())
            }
            What::MfaEnabled(step, recovery) => {
                let event = v1::UserMfaEnabled { user_id, recovery_hashes: recovery.clone(), step: *step, at };
                ("user.mfa.enabled", event.encode_to_vec())
            }
            What::CodeUsed { step, recovery } => {
                let event = v1::UserMfaUsed { user_id, step: *step, recovery_hash: recovery.clone(), at };
                ("user.mfa.used", event.encode_to_vec())
            }
            What::RecoveryRenewed(recovery) => {
                let event = v1::UserMfaRenewed { user_id, recovery_hashes: recovery.clone(), at };
                ("user.mfa.renewed", event.encode_to_vec())
            }
            What::MfaDisabled => ("user.mfa.disabled", v1::UserMfaDisabled { user_id, at }.encode_to_vec()),
            What::AddressPut(address) => {
                let Address { id: address_id, label, place, shipping, billing } = (**address).clone();
                let event = v1::UserAddressPut {
                    user_id,
                    address_id,
                    label,
                    address: Some(place_out(&place)),
                    default_shipping: shipping,
                    default_billing: billing,
                    at,
                };
                ("user.address.put", event.encode_to_vec())
            }
            What::AddressRemoved(address_id) => {
                let event = v1::UserAddressRemoved { user_id, address_id: address_id.clone(), at };
                ("user.address.removed", event.encode_to_vec())
            }
            What::ConsentGiven(consent) => {
                let event = v1::UserConsentGiven { user_id, consent: Some(consent_out(consent)), at };
                ("user.consent.given", event.encode_to_vec())
            }
            What::PointsEarned { order_id, points, balance } => {
                let (order_id, points, balance) = (order_id.clone(), *points, *balance);
                let event = v1::UserPointsEarned { user_id, order_id, points, balance, at };
                ("user.points.earned", event.encode_to_vec())
            }
            What::Address(happened) => happened::moved(user_id, self.at, happened),
            What::Passkey(happened) => happened::of_passkeys(user_id, self.at, happened),
            What::Membership(happened) => happened::of_membership(user_id, self.at, happened),
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Event, Undecodable> {
        recalled(event_type, data)
            .map_err(|e| Undecodable::new(event_type, e))?
            .ok_or_else(|| Undecodable::new(event_type, "an account has no such event"))
    }
}

fn recalled(event_type: &str, data: &[u8]) -> Result<Option<Event>, prost::DecodeError> {
    let (id, at, what) = match event_type {
        "user.credentials.set" => {
            let said = v1::UserCredentialsSet::decode(data)?;
            let role = role_in(said.role());
            let newcomer = Newcomer {
                email: said.email,
                email_id: said.email_id,
                profile: Profile { name: said.name, phone: String::new(), locale: said.locale },
                password_hash: said.password_hash,
                consents: said.consents.into_iter().map(consent_in).collect(),
                guests: said.guest_ids,
                marks: said.marks,
                role,
            };
            (said.user_id, said.at, What::Registered(Box::new(newcomer)))
        }
        "user.created" => {
            let said = v1::UserCreated::decode(data)?;
            let (role, tier) = (role_in(said.role()), tier_in(said.tier()));
            let v1::UserCreated { email, name, locale, customer_group, .. } = said;
            let standing = Standing { email, name, locale, status: Status::Active, role, tier, customer_group };
            (said.user_id, said.at, What::Created(Box::new(standing)))
        }
        "user.updated" => {
            let said = v1::UserUpdated::decode(data)?;
            let (status, role, tier) = (status_in(said.status()), role_in(said.role()), tier_in(said.tier()));
            let change = change_in(&said.reason);
            let v1::UserUpdated { name, customer_group, .. } = said;
            let standing = Standing { name, status, role, tier, customer_group, ..Standing::default() };
            (said.user_id, said.at, What::Updated(Box::new(standing), change))
        }
        "user.profile.updated" => {
            let v1::UserProfileUpdated { user_id, profile, marks, email, at } = v1::UserProfileUpdated::decode(data)?;
            let v1::Profile { name, phone, locale } = profile.unwrap_or_default();
            (user_id, at, What::ProfileUpdated { profile: Profile { name, phone, locale }, marks, email })
        }
        "user.deleted" => {
            let said = v1::UserDeleted::decode(data)?;
            (said.user_id, said.at, What::Deleted)
        }
        "user.email.verified" => {
            let said = v1::UserEmailVerified::decode(data)?;
            (said.user_id, said.at, What::EmailVerified)
        }
        "user.verification.issued" => {
            let said = v1::UserVerificationIssued::decode(data)?;
            let v1::UserVerificationIssued { email, name, locale, ticket, .. } = said;
            let letter = Letter { email, name, locale, sending: ticket_in(ticket.unwrap_or_default()) };
            (said.user_id, said.at, What::VerificationIssued(Box::new(letter)))
        }
        "user.reset.issued" => {
            let said = v1::UserResetIssued::decode(data)?;
            let v1::UserResetIssued { email, name, locale, ticket, .. } = said;
            let letter = Letter { email, name, locale, sending: ticket_in(ticket.unwrap_or_default()) };
            (said.user_id, said.at, What::ResetIssued(Box::new(letter)))
        }
        "user.password.changed" => {
            let said = v1::UserPasswordChanged::decode(data)?;
            (said.user_id, said.at, What::PasswordChanged(said.password_hash, how_in(&said.how)))
        }
        "user.mfa.begun" => {
            let said = v1::UserMfaBegun::decode(data)?;
            (said.user_id, said.at, What::MfaBegun(said.sealed_secret))
        }
        "user.mfa.enabled" => {
            let said = v1::UserMfaEnabled::decode(data)?;
            (said.user_id, said.at, What::MfaEnabled(said.step, said.recovery_hashes))
        }
        "user.mfa.used" => {
            let said = v1::UserMfaUsed::decode(data)?;
            (said.user_id, said.at, What::CodeUsed { step: said.step, recovery: said.recovery_hash })
        }
        "user.mfa.renewed" => {
            let said = v1::UserMfaRenewed::decode(data)?;
            (said.user_id, said.at, What::RecoveryRenewed(said.recovery_hashes))
        }
        "user.mfa.disabled" => {
            let said = v1::UserMfaDisabled::decode(data)?;
            (said.user_id, said.at, What::MfaDisabled)
        }
        "user.address.put" => {
            let said = v1::UserAddressPut::decode(data)?;
            let address = Address {
                id: said.address_id,
                label: said.label,
                place: place_in(said.address.unwrap_or_default()),
                shipping: said.default_shipping,
                billing: said.default_billing,
            };
            (said.user_id, said.at, What::AddressPut(Box::new(address)))
        }
        "user.address.removed" => {
            let said = v1::UserAddressRemoved::decode(data)?;
            (said.user_id, said.at, What::AddressRemoved(said.address_id))
        }
        "user.consent.given" => {
            let said = v1::UserConsentGiven::decode(data)?;
            (said.user_id, said.at, What::ConsentGiven(consent_in(said.consent.unwrap_or_default())))
        }
        "user.points.earned" => {
            let v1::UserPointsEarned { user_id, order_id, points, balance, at } = v1::UserPointsEarned::decode(data)?;
            (user_id, at, What::PointsEarned { order_id, points, balance })
        }
        other => {
            let recalled = happened::recalled(other, data)?;
            return Ok(recalled.map(|(id, at, what)| Event { id, at, what }));
        }
    };
    Ok(Some(Event { id, at: from_wire(at.as_ref()), what }))
}

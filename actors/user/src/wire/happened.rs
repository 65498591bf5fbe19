//! What happened to the address, the passkeys and the membership of an account, as it is stored.

use jiff::Timestamp;
use prost::{DecodeError, Message as _};
use runtime::clock::{from_wire, to_wire};

use super::events::{ticket_in, ticket_out};
use super::v1;
use crate::passkey::{Answered, Made};
use crate::user::What;
use crate::user::membership;
use crate::user::moving::{self, Change, Letter};
use crate::user::passkeys::{self, Use};

pub(super) fn moved(user_id: String, at: Timestamp, happened: &moving::Happened) -> (&'static str, Vec<u8>) {
    let at = Some(to_wire(at));
    match happened {
        moving::Happened::Issued(letter) => {
            let Letter { email, email_id, marks, name, locale, sending } = (**letter).clone();
            let ticket = Some(ticket_out(&sending));
            let event = v1::UserEmailChangeIssued { user_id, email, email_id, marks, name, locale, ticket, at };
            ("user.email_change.issued", event.encode_to_vec())
        }
        moving::Happened::Changed(change) => {
            let Change { email, email_id, marks, before, name, locale } = (**change).clone();
            let event = v1::UserEmailChanged { user_id, email, email_id, marks, before, name, locale, at };
            ("user.email.changed", event.encode_to_vec())
        }
        moving::Happened::Cancelled => {
            ("user.email_change.cancelled", v1::UserEmailChangeCancelled { user_id, at }.encode_to_vec())
        }
    }
}

pub(super) fn of_passkeys(user_id: String, at: Timestamp, happened: &passkeys::Happened) -> (&'static str, Vec<u8>) {
    let at = Some(to_wire(at));
    match happened.clone() {
        passkeys::Happened::Added(passkey_id, name, made) => {
            let Made { credential_id, public_key, sign_count, backed_up, answered } = *made;
            let event = v1::UserPasskeyAdded {
                user_id,
                passkey_id,
                name,
                credential_id,
                public_key,
                sign_count,
                backed_up,
                challenge_hash: answered.hash,
                expires_at: Some(to_wire(answered.until)),
                at,
            };
            ("user.passkey.added", event.encode_to_vec())
        }
        passkeys::Happened::Renamed(passkey_id, name) => {
            ("user.passkey.renamed", v1::UserPasskeyRenamed { user_id, passkey_id, name, at }.encode_to_vec())
        }
        passkeys::Happened::Removed(passkey_id) => {
            ("user.passkey.removed", v1::UserPasskeyRemoved { user_id, passkey_id, at }.encode_to_vec())
        }
        passkeys::Happened::Used(shown) => {
            let Use { id: passkey_id, sign_count, backed_up, answered } = *shown;
            let (challenge_hash, expires_at) = (answered.hash, Some(to_wire(answered.until)));
            let event =
                v1::UserPasskeyUsed { user_id, passkey_id, sign_count, backed_up, challenge_hash, expires_at, at };
            ("user.passkey.used", event.encode_to_vec())
        }
        passkeys::Happened::Suspended(passkey_id, sign_count) => {
            let event = v1::UserPasskeySuspended { user_id, passkey_id, sign_count, at };
            ("user.passkey.suspended", event.encode_to_vec())
        }
    }
}

pub(super) fn of_membership(
    user_id: String,
    at: Timestamp,
    happened: &membership::Happened,
) -> (&'static str, Vec<u8>) {
    let at = Some(to_wire(at));
    match happened.clone() {
        membership::Happened::Started { plan, until, order_id, payment_id } => {
            let until = Some(to_wire(until));
            let event = v1::UserSubscriptionStarted { user_id, plan, until, order_id, payment_id, at };
            ("user.subscription.started", event.encode_to_vec())
        }
        membership::Happened::Ended(plan) => {
            ("user.subscription.ended", v1::UserSubscriptionEnded { user_id, plan, at }.encode_to_vec())
        }
    }
}

type Recalled = (String, Timestamp, What);

/// What these bytes say happened; `None` when it is about something else.
pub(super) fn recalled(event_type: &str, data: &[u8]) -> Result<Option<Recalled>, DecodeError> {
    let answered = |hash: String, until: Timestamp| Answered { hash, until };
    Ok(Some(match event_type {
        "user.email_change.issued" => {
            let said = v1::UserEmailChangeIssued::decode(data)?;
            let v1::UserEmailChangeIssued { user_id, email, email_id, marks, name, locale, ticket, at } = said;
            let sending = ticket_in(ticket.unwrap_or_default());
            let letter = Letter { email, email_id, marks, name, locale, sending };
            (user_id, from_wire(at.as_ref()), What::Address(moving::Happened::Issued(Box::new(letter))))
        }
        "user.email.changed" => {
            let said = v1::UserEmailChanged::decode(data)?;
            let v1::UserEmailChanged { user_id, email, email_id, marks, before, name, locale, at } = said;
            let change = Change { email, email_id, marks, before, name, locale };
            (user_id, from_wire(at.as_ref()), What::Address(moving::Happened::Changed(Box::new(change))))
        }
        "user.email_change.cancelled" => {
            let said = v1::UserEmailChangeCancelled::decode(data)?;
            (said.user_id, from_wire(said.at.as_ref()), What::Address(moving::Happened::Cancelled))
        }
        "user.passkey.added" => {
            let said = v1::UserPasskeyAdded::decode(data)?;
            let made = Made {
                credential_id: said.credential_id,
                public_key: said.public_key,
                sign_count: said.sign_count,
                backed_up: said.backed_up,
                answered: answered(said.challenge_hash, from_wire(said.expires_at.as_ref())),
            };
            let added = passkeys::Happened::Added(said.passkey_id, said.name, Box::new(made));
            (said.user_id, from_wire(said.at.as_ref()), What::Passkey(added))
        }
        "user.passkey.renamed" => {
            let said = v1::UserPasskeyRenamed::decode(data)?;
            (
                said.user_id,
                from_wire(said.at.as_ref()),
                What::Passkey(passkeys::Happened::Renamed(said.passkey_id, said.name)),
            )
        }
        "user.passkey.removed" => {
            let said = v1::UserPasskeyRemoved::decode(data)?;
            (said.user_id, from_wire(said.at.as_ref()), What::Passkey(passkeys::Happened::Removed(said.passkey_id)))
        }
        "user.passkey.used" => {
            let said = v1::UserPasskeyUsed::decode(data)?;
            let answered = answered(said.challenge_hash, from_wire(said.expires_at.as_ref()));
            let shown = Use { id: said.passkey_id, sign_count: said.sign_count, backed_up: said.backed_up, answered };
            (said.user_id, from_wire(said.at.as_ref()), What::Passkey(passkeys::Happened::Used(Box::new(shown))))
        }
        "user.passkey.suspended" => {
            let said = v1::UserPasskeySuspended::decode(data)?;
            let suspended = passkeys::Happened::Suspended(said.passkey_id, said.sign_count);
            (said.user_id, from_wire(said.at.as_ref()), What::Passkey(suspended))
        }
        "user.subscription.started" => {
            let said = v1::UserSubscriptionStarted::decode(data)?;
            let v1::UserSubscriptionStarted { user_id, plan, until, order_id, payment_id, at } = said;
            let until = from_wire(until.as_ref());
            let started = membership::Happened::Started { plan, until, order_id, payment_id };
            (user_id, from_wire(at.as_ref()), What::Membership(started))
        }
        "user.subscription.ended" => {
            let said = v1::UserSubscriptionEnded::decode(data)?;
            (said.user_id, from_wire(said.at.as_ref()), What::Membership(membership::Happened::Ended(said.plan)))
        }
        _ => return Ok(None),
    }))
}

//! Accounts as the world sees them.

use runtime::clock::{from_wire, to_wire};
use serde_json::{Value, json};

use super::{common, v1};
use crate::user::{Address, Consent, Place, Profile, Role, Status, Tier, User};

pub(super) fn status_out(status: Status) -> v1::UserStatus {
    match status {
        Status::Unknown => v1::UserStatus::Unspecified,
        Status::Pending => v1::UserStatus::Pending,
        Status::Active => v1::UserStatus::Active,
        Status::Locked => v1::UserStatus::Locked,
        Status::Deleted => v1::UserStatus::Deleted,
    }
}

pub(super) fn status_in(status: v1::UserStatus) -> Status {
    match status {
        v1::UserStatus::Unspecified => Status::Unknown,
        v1::UserStatus::Pending => Status::Pending,
        v1::UserStatus::Active => Status::Active,
        v1::UserStatus::Locked => Status::Locked,
        v1::UserStatus::Deleted => Status::Deleted,
    }
}

pub(super) fn role_out(role: Role) -> v1::Role {
    match role {
        Role::Customer => v1::Role::Customer,
        Role::Support => v1::Role::Support,
        Role::Catalogue => v1::Role::Catalogue,
        Role::Warehouse => v1::Role::Warehouse,
        Role::Finance => v1::Role::Finance,
        Role::Admin => v1::Role::Admin,
    }
}

pub(super) fn role_in(role: v1::Role) -> Role {
    match role {
        v1::Role::Customer | v1::Role::Unspecified => Role::Customer,
        v1::Role::Support => Role::Support,
        v1::Role::Catalogue => Role::Catalogue,
        v1::Role::Warehouse => Role::Warehouse,
        v1::Role::Finance => Role::Finance,
        v1::Role::Admin => Role::Admin,
    }
}

pub(super) fn tier_out(tier: Tier) -> v1::Tier {
    match tier {
        Tier::Standard => v1::Tier::Standard,
        Tier::Premium => v1::Tier::Premium,
    }
}

pub(super) fn tier_in(tier: v1::Tier) -> Tier {
    match tier {
        v1::Tier::Premium => Tier::Premium,
        v1::Tier::Standard | v1::Tier::Unspecified => Tier::Standard,
    }
}

pub(super) fn consent_out(consent: &Consent) -> v1::Consent {
    let Consent { purpose, granted, wording, at } = consent.clone();
    v1::Consent { purpose, granted, wording, at: Some(to_wire(at)) }
}

pub(super) fn consent_in(consent: v1::Consent) -> Consent {
    let at = from_wire(consent.at.as_ref());
    Consent { purpose: consent.purpose, granted: consent.granted, wording: consent.wording, at }
}

pub(super) fn profile_out(profile: &Profile) -> v1::Profile {
    let Profile { name, phone, locale } = profile.clone();
    v1::Profile { name, phone, locale }
}

pub(super) fn place_out(place: &Place) -> common::Address {
    let Place { name, line1, line2, postal_code, city, region, country, phone } = place.clone();
    common::Address { name, line1, line2, postal_code, city, region, country, phone }
}

pub(super) fn place_in(address: common::Address) -> Place {
    let common::Address { name, line1, line2, postal_code, city, region, country, phone } = address;
    Place { name, line1, line2, postal_code, city, region, country, phone }
}

/// An account as the world sees it; `None` when there is none. One that is gone has nothing but its name.
#[must_use]
pub(crate) fn shown(user: &User, version: u64) -> Option<v1::User> {
    if user.status == Status::Unknown {
        return None;
    }
    Some(v1::User {
        user_id: user.id.clone(),
        version,
        status: status_out(user.status).into(),
        email: user.email.clone(),
        email_verified: user.email_verified,
        name: user.profile.name.clone(),
        phone: user.profile.phone.clone(),
        locale: user.profile.locale.clone(),
        role: role_out(user.role).into(),
        tier: tier_out(user.tier).into(),
        customer_group: user.customer_group.clone(),
        mfa_enabled: user.takes_codes(),
        recovery_codes_left: user.recovery_left(),
        loyalty_points: user.points,
        consents: user.consents.iter().map(consent_out).collect(),
        guest_ids: user.guests.clone(),
        subscription: user
            .subscription
            .as_ref()
            .map(|paid| v1::Subscription { plan: paid.plan.clone(), until: Some(to_wire(paid.until)) }),
        pending_email: user.pending().map(|wanted| wanted.email.clone()),
        created_at: Some(to_wire(user.created_at)),
        updated_at: Some(to_wire(user.updated_at)),
    })
}

/// An address as the world sees it.
#[must_use]
pub(crate) fn address_out(user: &User, version: u64, address: &Address) -> v1::UserAddress {
    v1::UserAddress {
        address_id: address.id.clone(),
        user_id: user.id.clone(),
        version,
        label: address.label.clone(),
        address: Some(place_out(&address.place)),
        default_shipping: address.shipping,
        default_billing: address.billing,
    }
}

/// Everything that is kept about somebody, but what they are held against: a hash is nothing to take along.
#[must_use]
pub(crate) fn exported(user: &User, version: u64, tries: &[v1::Authentication]) -> Value {
    let place = |place: &Place| {
        let Place { name, line1, line2, postal_code, city, region, country, phone } = place;
        json!({"name": name, "line1": line1, "line2": line2, "postal_code": postal_code, "city": city,
               "region": region, "country": country, "phone": phone})
    };
    let address = |address: &Address| {
        json!({"address_id": address.id, "label": address.label, "address": place(&address.place),
               "default_shipping": address.shipping, "default_billing": address.billing})
    };
    let consent = |consent: &Consent| {
        json!({"purpose": consent.purpose, "granted": consent.granted, "wording": consent.wording,
               "at": consent.at.to_string()})
    };
    let tried = |tried: &v1::Authentication| {
        json!({"attempt_id": tried.attempt_id, "outcome": word(tried.outcome().as_str_name(), "VERIFY_OUTCOME_"),
               "amr": tried.amr, "source": tried.source, "user_agent": tried.user_agent,
               "at": from_wire(tried.at.as_ref()).to_string()})
    };
    json!({
        "user_id": user.id,
        "version": version,
        "status": word(status_out(user.status).as_str_name(), "USER_STATUS_"),
        "email": user.email,
        "email_verified": user.email_verified,
        "profile": {"name": user.profile.name, "phone": user.profile.phone, "locale": user.profile.locale},
        "role": word(role_out(user.role).as_str_name(), "ROLE_"),
        "tier": word(tier_out(user.tier).as_str_name(), "TIER_"),
        "customer_group": user.customer_group,
        "mfa_enabled": user.takes_codes(),
        "loyalty_points": user.points,
        "addresses": user.addresses.iter().map(address).collect::<Vec<_>>(),
        "consents": user.consents.iter().map(consent).collect::<Vec<_>>(),
        "guest_ids": user.guests,
        "pending_email": user.pending().map(|wanted| &wanted.email),
        "passkeys": super::passkeys::exported(&user.passkeys),
        "subscription": user.subscription.as_ref().map(|paid| json!({"plan": paid.plan, "until": paid.until.to_string()})),
        "authentications": tries.iter().map(tried).collect::<Vec<_>>(),
        "created_at": user.created_at.to_string(),
        "updated_at": user.updated_at.to_string(),
    })
}

fn word(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_lowercase()
}

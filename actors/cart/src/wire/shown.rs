//! Carts as the world sees them, and their parts as events hold them.

use messages::common::v1 as common;
use runtime::clock::{from_wire, to_wire};

use super::{Currency, Money, v1};
use crate::cart::{Address, Cart, Details, Stage};
use crate::contents::{Line, Policy};

/// A cart as the world sees it, without prices; `None` when there is none.
#[must_use]
pub fn shown(cart: &Cart, version: u64) -> Option<v1::Cart> {
    let status = match &cart.stage {
        Stage::Unknown => return None,
        Stage::Active => v1::CartStatus::Active,
        Stage::Abandoned => v1::CartStatus::Abandoned,
        Stage::Ordered(_) => v1::CartStatus::Ordered,
        Stage::Merged { .. } => v1::CartStatus::Merged,
        Stage::Deleted => v1::CartStatus::Deleted,
    };
    let details = cart.details.as_ref().map(details_out).unwrap_or_default();
    let (order_id, merged_into) = match &cart.stage {
        Stage::Ordered(order_id) => (Some(order_id.clone()), None),
        Stage::Merged { into, .. } => (None, Some(into.clone())),
        Stage::Unknown | Stage::Active | Stage::Abandoned | Stage::Deleted => (None, None),
    };
    Some(v1::Cart {
        cart_id: cart.id.clone(),
        version,
        user_id: cart.owner.clone(),
        status: status.into(),
        currency: details.currency,
        country: details.country,
        channel: details.channel,
        lines: cart.contents.lines.iter().map(line_out).collect(),
        saved: cart.contents.saved.iter().map(saved_out).collect(),
        coupon_codes: cart.contents.coupons.clone(),
        ship_to: details.ship_to,
        shipping_option: details.shipping_option,
        totals: None,
        discounts: Vec::new(),
        problems: Vec::new(),
        order_id,
        merged_into,
        expires_at: cart.expires_at().map(to_wire),
        created_at: Some(to_wire(cart.created_at)),
        updated_at: Some(to_wire(cart.updated_at)),
    })
}

fn line_out(line: &Line) -> v1::CartLine {
    v1::CartLine {
        sku: line.sku.clone(),
        quantity: line.quantity,
        noted_price: line.noted.map(Into::into),
        added_at: Some(to_wire(line.added_at)),
        ..v1::CartLine::default()
    }
}

fn saved_out(line: &Line) -> v1::SavedLine {
    v1::SavedLine {
        sku: line.sku.clone(),
        quantity: line.quantity,
        noted_price: line.noted.map(Into::into),
        added_at: Some(to_wire(line.added_at)),
        ..v1::SavedLine::default()
    }
}

pub(super) fn item_out(line: &Line) -> v1::CartItem {
    v1::CartItem {
        sku: line.sku.clone(),
        quantity: line.quantity,
        noted_price: line.noted.map(Into::into),
        added_at: Some(to_wire(line.added_at)),
    }
}

/// A line as it was written. A price that is none is as good as not noted.
pub(super) fn item_in(item: &v1::CartItem) -> Line {
    Line {
        sku: item.sku.clone(),
        quantity: item.quantity,
        noted: item.noted_price.as_ref().and_then(|price| Money::try_from(price).ok()),
        added_at: from_wire(item.added_at.as_ref()),
    }
}

pub(super) fn details_out(details: &Details) -> v1::CartDetails {
    v1::CartDetails {
        currency: details.currency.to_string(),
        country: details.country.clone(),
        channel: details.channel.clone(),
        ship_to: details.ship_to.as_ref().map(address_out),
        shipping_option: details.shipping_option.clone(),
    }
}

/// Details as they were written.
///
/// # Errors
/// When the currency is none.
pub(super) fn details_in(details: &v1::CartDetails) -> Result<Details, messages::money::Error> {
    Ok(Details {
        currency: Currency::parse(&details.currency)?,
        country: details.country.clone(),
        channel: details.channel.clone(),
        ship_to: details.ship_to.as_ref().map(address_in),
        shipping_option: details.shipping_option.clone(),
    })
}

pub(super) fn address_in(address: &common::Address) -> Address {
    let common::Address { name, line1, line2, postal_code, city, region, country, phone } = address.clone();
    Address { name, line1, line2, postal_code, city, region, country, phone }
}

fn address_out(address: &Address) -> common::Address {
    let Address { name, line1, line2, postal_code, city, region, country, phone } = address.clone();
    common::Address { name, line1, line2, postal_code, city, region, country, phone }
}

pub(super) fn policy_in(policy: v1::MergePolicy) -> Policy {
    match policy {
        v1::MergePolicy::KeepLarger => Policy::KeepLarger,
        v1::MergePolicy::Replace => Policy::Replace,
        v1::MergePolicy::Add | v1::MergePolicy::Unspecified => Policy::Add,
    }
}

pub(super) fn policy_out(policy: Policy) -> v1::MergePolicy {
    match policy {
        Policy::Add => v1::MergePolicy::Add,
        Policy::KeepLarger => v1::MergePolicy::KeepLarger,
        Policy::Replace => v1::MergePolicy::Replace,
    }
}

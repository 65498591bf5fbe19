//! What notification does about the shop's news: people are told what concerns them, and machines what they asked for.

use runtime::entity::Undecodable;
use runtime::group::{News, Reaction, Views};

use crate::{views, wire};

/// Hears any group.
///
/// # Errors
/// When the news cannot be read.
pub fn hear(news: &News, views: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    let mut reactions = match news.event_type.as_str() {
        // No mail before the order is confirmed, but this is where its address comes from.
        "order.created" => wire::news::order_created(news)?,
        "order.confirmed" => wire::news::order_confirmed(news)?,
        "order.backorder_filled" => wire::news::backorder_filled(news)?,
        "order.cancelled" => wire::news::order_cancelled(news)?,
        "payment.completed" => wire::news::payment_completed(news)?,
        "payment.failed" => wire::news::payment_failed(news)?,
        "refund.processed" => wire::news::refund_processed(news)?,
        "shipping.dispatched" => wire::news::shipment_dispatched(news)?,
        "shipment.delivered" => wire::news::shipment_delivered(news)?,
        "inventory.low_stock" => wire::news::low_stock(news)?,
        "user.verification.issued" => wire::accounts::verification_issued(news)?,
        "user.created" => wire::accounts::created(news)?,
        "user.reset.issued" => wire::accounts::reset_issued(news)?,
        "user.email_change.issued" => wire::accounts::email_change_issued(news)?,
        "user.email.changed" => wire::accounts::email_changed(news)?,
        "user.profile.updated" => wire::accounts::profile_updated(news)?,
        _ => Vec::new(),
    };
    let endpoints = views::webhooks::who_wants(views, &news.event_type);
    reactions.extend(wire::news::note_for(news, &endpoints)?);
    Ok(reactions)
}

/// Hears any group, and keeps what it hears in the feed.
///
/// # Errors
/// When the news cannot be read.
pub fn hear_and_keep(news: &News, views: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    let mut reactions = hear(news, views)?;
    reactions.push(wire::news::keep(news)?);
    Ok(reactions)
}

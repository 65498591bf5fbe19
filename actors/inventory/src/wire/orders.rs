//! News of orders and of their parcels, and what they mean for reservations.
//!
//! A reservation answers what comes late by itself: confirming, releasing or shipping what is confirmed, released or
//! shipped already is "already so", or a refusal that changes nothing.

use messages::inventory::v1::rpc;
use messages::order::v1::{Allotment, OrderCancelled, OrderConfirmed};
use messages::shipping::v1::{ShipmentCompleted, ShipmentLine};
use runtime::entity::Undecodable;
use runtime::group::{News, Reaction};

use super::v1;

/// What an order's reservations are told when it is confirmed or cancelled.
///
/// # Errors
/// When the news cannot be read.
pub fn told_by_order(news: &News) -> Result<Vec<Reaction>, Undecodable> {
    Ok(match news.event_type.as_str() {
        "order.confirmed" => news.read::<OrderConfirmed>()?.parts.into_iter().map(confirm).collect(),
        "order.cancelled" => news.read::<OrderCancelled>()?.parts.into_iter().map(release).collect(),
        _ => Vec::new(),
    })
}

/// What a reservation is told when the carrier has its parcel.
///
/// # Errors
/// When the news cannot be read.
pub fn told_by_parcel(news: &News) -> Result<Vec<Reaction>, Undecodable> {
    if news.event_type != "shipping.completed" {
        return Ok(Vec::new());
    }
    let ShipmentCompleted { warehouse_id, reservation_id, lines, .. } = news.read()?;
    let line = |ShipmentLine { sku, quantity, .. }| v1::Line { sku, quantity };
    let request = v1::ShipRequest { warehouse_id, reservation_id, lines: lines.into_iter().map(line).collect() };
    Ok(vec![Reaction::command::<rpc::Ship>(request.warehouse_id.clone(), &request)])
}

fn confirm(Allotment { warehouse_id, reservation_id, .. }: Allotment) -> Reaction {
    let request = v1::ConfirmRequest { warehouse_id, reservation_id };
    Reaction::command::<rpc::Confirm>(request.warehouse_id.clone(), &request)
}

/// All that is still held, whatever left already.
fn release(Allotment { warehouse_id, reservation_id, .. }: Allotment) -> Reaction {
    let request = v1::ReleaseRequest { warehouse_id, reservation_id, lines: Vec::new() };
    Reaction::command::<rpc::Release>(request.warehouse_id.clone(), &request)
}

//! The border: contract to domain and back. The only place that says `messages::`.

pub(crate) mod delivery;
pub(crate) mod events;
pub(crate) mod shipment;
pub(crate) mod stages;
pub(crate) mod webhook;
pub(crate) mod zone;

use runtime::entity::{ActorKey, Undecodable};
use runtime::group::{News, Reaction};

use crate::delivery::Delivery;
use crate::shipment::Shipment;
use crate::zone::Zone;

pub use messages::common::v1::StringFilter;
pub use messages::id::Id;
pub use messages::money::{Currency, Money};
pub use messages::problem::{Kind, Problem};
pub use messages::shipping::v1::{self, rpc};
pub use shipment::{shipment, tracking};
pub use webhook::carried;
pub use zone::{candidate, offers, terms, zone};

pub(crate) fn zone_history(request: &v1::GetZoneHistoryRequest) -> ActorKey {
    ActorKey::of::<Zone>(&request.zone_id)
}

pub(crate) fn whose_history(request: &v1::GetHistoryRequest) -> ActorKey {
    match &request.shipment_id {
        Some(id) => ActorKey::of::<Shipment>(id),
        None => ActorKey::of::<Delivery>(&request.order_id),
    }
}

/// The end of an order: what has not left is stopped.
///
/// # Errors
/// When the news cannot be read.
pub fn order_ended(news: &News) -> Result<Vec<Reaction>, Undecodable> {
    if news.event_type != "order.cancelled" {
        return Ok(Vec::new());
    }
    let messages::order::v1::OrderCancelled { order_id, .. } = news.read()?;
    let request = v1::CloseDeliveryRequest { order_id };
    Ok(vec![Reaction::command::<rpc::CloseDelivery>(request.order_id.clone(), &request)])
}

/// How far a shipment has come, in the word of the contract.
pub(crate) fn status_word(shipment: &v1::Shipment) -> String {
    shipment.status().as_str_name().trim_start_matches("SHIPMENT_STATUS_").to_lowercase()
}

fn unreadable(event_type: &str) -> impl Fn(prost::DecodeError) -> Undecodable + '_ {
    move |e| Undecodable::new(event_type, e)
}

/// The contract of this group.
///
/// # Panics
/// Never: the contract is compiled in and names this group.
#[must_use]
pub fn contract() -> &'static messages::Group {
    #[expect(clippy::expect_used, reason = "the contract is compiled in; a test starts the group")]
    messages::Group::named("shipping").expect("the contract names the group")
}

//! The border: contract to domain and back. The only place that says `messages::`.

pub(crate) mod allocation;
mod filling;
pub(crate) mod item;
mod orders;
pub(crate) mod reservation;
pub(crate) mod stock;
pub(crate) mod transfer;
pub(crate) mod warehouse;

use runtime::entity::{ActorKey, Undecodable};

use crate::reservation::Reservation;
use crate::shelf::{Place, Shelf};
use crate::transfer::Transfer;
use crate::warehouse::Warehouse;

pub use allocation::{plan, site, wanted};
pub use item::{named_skus, no_such_product};
pub use messages::common::v1::{Int64Filter, StringFilter};
pub use messages::inventory::v1::{self, rpc};
pub use messages::problem::Problem;
pub use orders::{told_by_order, told_by_parcel};
pub use reservation::{HOLD, reservation};
pub use stock::{level, movement, policy};
pub use transfer::{put_away_request, shown as transfer, status_word};
pub use warehouse::warehouse;

pub(crate) fn place(warehouse_id: &str, sku: &str) -> Place {
    Place { warehouse_id: warehouse_id.to_owned(), sku: sku.to_owned() }
}

pub(crate) fn whose_history(request: &v1::GetHistoryRequest) -> ActorKey {
    use v1::get_history_request::Of;
    match &request.of {
        Some(Of::Sku(sku)) => ActorKey::of::<Shelf>(&place(&request.warehouse_id, sku).id()),
        Some(Of::ReservationId(id)) => ActorKey::of::<Reservation>(id),
        Some(Of::TransferId(id)) => ActorKey::of::<Transfer>(id),
        None => ActorKey::of::<Warehouse>(&request.warehouse_id),
    }
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
    messages::Group::named("inventory").expect("the contract names the group")
}

#![doc = include_str!("../README.md")]

pub mod barcode;
pub mod carriers;
pub mod days;
pub mod delivery;
pub mod inbox;
pub mod label;
pub mod rates;
pub mod reactions;
pub mod settings;
pub mod shipment;
pub mod signature;
pub mod tracking;
pub mod views;
pub mod wire;
pub mod zone;

use std::sync::Arc;

use runtime::group::Group;

use carriers::Carriers;
use delivery::Delivery;
use inbox::Inbox;
use settings::Settings;
use shipment::Shipment;
use wire::rpc;
use zone::Zone;

/// The group by what was set for this process, which is nothing unless somebody did.
#[must_use]
pub fn group() -> Group {
    group_by(Settings::current().open())
}

/// The group by these settings, which are the process's own from now on.
///
/// # Errors
/// When parcels could not be sent with them.
pub fn group_with(settings: Settings) -> Result<Group, settings::Error> {
    settings.check()?;
    settings::set(settings);
    Ok(group())
}

/// The group, with these carriers.
#[must_use]
pub fn group_by(carriers: Carriers) -> Group {
    Group::new(wire::contract())
        .entity::<Zone>()
        .entity::<Delivery>()
        .entity::<Shipment>()
        .entity::<Inbox>()
        .command::<rpc::CreateZone, Zone>(|request| request.zone_id.clone(), wire::zone::create_zone)
        .command::<rpc::UpdateZone, Zone>(|request| request.zone_id.clone(), wire::zone::update_zone)
        .command::<rpc::DeleteZone, Zone>(|request| request.zone_id.clone(), wire::zone::delete_zone)
        .command::<rpc::CreateShipment, Shipment>(
            |request| request.shipment_id.clone(),
            wire::delivery::create_shipment,
        )
        .command::<rpc::CancelShipments, Delivery>(|request| request.order_id.clone(), wire::delivery::cancel_shipments)
        .command::<rpc::CloseDelivery, Delivery>(|request| request.order_id.clone(), wire::delivery::close_delivery)
        .command::<rpc::SplitShipment, Shipment>(|request| request.shipment_id.clone(), wire::stages::split)
        .command::<rpc::RequestLabel, Shipment>(|request| request.shipment_id.clone(), wire::stages::label)
        .command::<rpc::DispatchShipment, Shipment>(|request| request.shipment_id.clone(), wire::stages::dispatch)
        .command::<rpc::AcceptShipment, Shipment>(|request| request.shipment_id.clone(), wire::stages::accept)
        .command::<rpc::DeliverShipment, Shipment>(|request| request.shipment_id.clone(), wire::stages::deliver)
        .command::<rpc::ReturnShipment, Shipment>(|request| request.shipment_id.clone(), wire::stages::come_back)
        .command::<rpc::LoseShipment, Shipment>(|request| request.shipment_id.clone(), wire::stages::lose)
        .command::<rpc::RecordTracking, Shipment>(|request| request.shipment_id.clone(), wire::stages::track)
        .command::<rpc::ReceiveWebhook, Inbox>(|request| request.provider.clone(), wire::webhook::receive)
        .read::<rpc::GetZone, Zone>(|request| request.zone_id.clone(), wire::zone::get_zone)
        .read::<rpc::GetShipment, Shipment>(|request| request.shipment_id.clone(), wire::shipment::get_shipment)
        .read::<rpc::GetLabel, Shipment>(|request| request.shipment_id.clone(), wire::shipment::get_label)
        .read::<rpc::ListOrderShipments, Delivery>(
            |request| request.order_id.clone(),
            wire::delivery::list_order_shipments,
        )
        .history::<rpc::GetZoneHistory>(wire::zone_history)
        .history_for::<rpc::GetHistory>(wire::whose_history, wire::delivery::may_see_history)
        .view::<views::Zones>()
        .view::<views::Shipments>()
        .query_with::<rpc::ListOptions, _>(wire::zone::gather_rates, views::options)
        .query::<rpc::ListZones>(views::zones)
        .query::<rpc::ListShipments>(views::shipments)
        .query::<rpc::GetTracking>(views::tracking)
        .react("order", reactions::orders)
        .react("shipping", reactions::carriers)
        .provider(carriers::PROVIDER, Arc::new(carriers))
}

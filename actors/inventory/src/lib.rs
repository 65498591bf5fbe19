#![doc = include_str!("../README.md")]

pub mod allocation;
pub mod item;
pub mod reactions;
pub mod reservation;
pub mod settings;
pub mod shelf;
pub mod transfer;
pub mod views;
pub mod warehouse;
pub mod wire;

use runtime::group::Group;

use item::Item;
use reservation::Reservation;
use settings::Settings;
use shelf::Shelf;
use transfer::Transfer;
use warehouse::Warehouse;
use wire::rpc;

/// The group by these settings, which are the process's own from now on.
#[must_use]
pub fn group_with(settings: Settings) -> Group {
    settings::set(settings);
    group()
}

/// The group by what was set for this process, which is nothing unless somebody did: what is where, and who has a claim on it.
#[must_use]
pub fn group() -> Group {
    Group::new(wire::contract())
        .entity::<Warehouse>()
        .entity::<Shelf>()
        .entity::<Item>()
        .entity::<Transfer>()
        .entity_told_by::<Reservation>(wire::reservation::tell_reservation)
        .command::<rpc::CreateWarehouse, Warehouse>(
            |request| request.warehouse_id.clone(),
            wire::warehouse::create_warehouse,
        )
        .command::<rpc::UpdateWarehouse, Warehouse>(
            |request| request.warehouse_id.clone(),
            wire::warehouse::update_warehouse,
        )
        .command::<rpc::SetStock, Shelf>(
            |request| wire::place(&request.warehouse_id, &request.sku).id(),
            wire::stock::set_stock,
        )
        .command::<rpc::AdjustStock, Shelf>(
            |request| wire::place(&request.warehouse_id, &request.sku).id(),
            wire::stock::adjust_stock,
        )
        .command::<rpc::SetStockPolicy, Shelf>(
            |request| wire::place(&request.warehouse_id, &request.sku).id(),
            wire::stock::set_policy,
        )
        .command::<rpc::Reserve, Reservation>(|request| request.reservation_id.clone(), wire::reservation::reserve)
        .command::<rpc::Release, Reservation>(|request| request.reservation_id.clone(), wire::reservation::release)
        .command::<rpc::Confirm, Reservation>(|request| request.reservation_id.clone(), wire::reservation::confirm)
        .command::<rpc::Ship, Reservation>(|request| request.reservation_id.clone(), wire::reservation::ship)
        .command_with::<rpc::RequestTransfer, Transfer, _>(
            |request| request.transfer_id.clone(),
            wire::transfer::gather,
            wire::transfer::request,
        )
        .command::<rpc::DispatchTransfer, Transfer>(|request| request.transfer_id.clone(), wire::transfer::dispatch)
        .command::<rpc::ReceiveTransfer, Transfer>(|request| request.transfer_id.clone(), wire::transfer::receive)
        .command::<rpc::CancelTransfer, Transfer>(|request| request.transfer_id.clone(), wire::transfer::cancel)
        // The warehouse's: the transfer itself lives with the other one.
        .command::<rpc::PutAway, Warehouse>(|request| request.warehouse_id.clone(), wire::transfer::put_away)
        .command::<rpc::ListItem, Item>(|request| request.sku.clone(), wire::item::list_item)
        .read::<rpc::GetWarehouse, Warehouse>(|request| request.warehouse_id.clone(), wire::warehouse::get_warehouse)
        .read::<rpc::GetStockLevel, Shelf>(
            |request| wire::place(&request.warehouse_id, &request.sku).id(),
            wire::stock::get_level,
        )
        .read::<rpc::GetReservation, Reservation>(
            |request| request.reservation_id.clone(),
            wire::reservation::get_reservation,
        )
        .read::<rpc::GetTransfer, Transfer>(|request| request.transfer_id.clone(), wire::transfer::get)
        .history::<rpc::GetHistory>(wire::whose_history)
        .view::<views::Stock>()
        .view::<views::Movements>()
        .view::<views::Transfers>()
        .query::<rpc::GetAvailability>(views::availability)
        .query::<rpc::GetProductStock>(views::product_stock)
        .query::<rpc::ListStockLevels>(views::levels)
        .query::<rpc::ListLowStock>(views::low_stock)
        .query::<rpc::ListMovements>(views::movements)
        .query::<rpc::ListWarehouses>(views::warehouses)
        .query::<rpc::Allocate>(views::allocate)
        .query::<rpc::ListTransfers>(views::list_transfers)
        .query::<rpc::ListReorder>(views::reorder)
        .react("product", reactions::catalogue)
        .react("order", reactions::orders)
        .react("shipping", reactions::parcels)
}

#![doc = include_str!("../README.md")]

pub mod allocation;
pub mod item;
pub mod reactions;
pub mod reservation;
pub mod shelf;
pub mod views;
pub mod warehouse;
pub mod wire;

use runtime::group::Group;

use item::Item;
use reservation::Reservation;
use shelf::Shelf;
use warehouse::Warehouse;
use wire::rpc;

/// The group: what is where, and who has a claim on it.
#[must_use]
pub fn group() -> Group {
    Group::new(wire::contract())
        .entity::<Warehouse>()
        .entity::<Shelf>()
        .entity::<Item>()
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
        .command::<rpc::Reserve, Reservation>(|request| request.reservation_id.clone(), wire::reservation::reserve)
        .command::<rpc::Release, Reservation>(|request| request.reservation_id.clone(), wire::reservation::release)
        .command::<rpc::Confirm, Reservation>(|request| request.reservation_id.clone(), wire::reservation::confirm)
        .command::<rpc::Ship, Reservation>(|request| request.reservation_id.clone(), wire::reservation::ship)
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
        .history::<rpc::GetHistory>(wire::whose_history)
        .view::<views::Stock>()
        .view::<views::Movements>()
        .query::<rpc::GetAvailability>(views::availability)
        .query::<rpc::GetProductStock>(views::product_stock)
        .query::<rpc::ListStockLevels>(views::levels)
        .query::<rpc::ListLowStock>(views::low_stock)
        .query::<rpc::ListMovements>(views::movements)
        .query::<rpc::ListWarehouses>(views::warehouses)
        .query::<rpc::Allocate>(views::allocate)
        .react("product", reactions::catalogue)
        .react("order", reactions::orders)
        .react("shipping", reactions::parcels)
}

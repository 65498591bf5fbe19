#![doc = include_str!("../README.md")]

pub mod product;
pub mod views;
pub mod wire;

use runtime::entity::ActorKey;
use runtime::group::Group;

use product::Product;
use wire::rpc;

/// The group: what the shop sells.
#[must_use]
pub fn group() -> Group {
    Group::new(wire::contract())
        .entity::<Product>()
        .command::<rpc::CreateProduct, Product>(|request| request.product_id.clone(), wire::create)
        .command::<rpc::UpdateProduct, Product>(|request| request.product_id.clone(), wire::update)
        .command::<rpc::ArchiveProduct, Product>(|request| request.product_id.clone(), wire::archive)
        .read::<rpc::GetProduct, Product>(|request| request.product_id.clone(), wire::get)
        .history::<rpc::GetProductHistory>(|request| ActorKey::of::<Product>(&request.product_id))
        .view::<views::Catalogue>()
        .query::<rpc::ListProducts>(views::list)
        .query::<rpc::SearchProducts>(views::search)
}

#![doc = include_str!("../README.md")]

pub mod product;
pub mod reactions;
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
        .command::<rpc::MarkFewLeft, Product>(|request| request.product_id.clone(), wire::mark_few_left)
        .read::<rpc::GetProduct, Product>(|request| request.product_id.clone(), wire::get)
        .history::<rpc::GetProductHistory>(|request| ActorKey::of::<Product>(&request.product_id))
        .view::<views::Catalogue>()
        .query::<rpc::ListProducts>(views::list)
        .query::<rpc::SearchProducts>(views::search)
        .view::<views::Skus>()
        .query::<rpc::Lookup>(views::lookup)
        .react("inventory", reactions::stock)
}

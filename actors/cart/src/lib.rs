#![doc = include_str!("../README.md")]

pub mod cart;
pub mod contents;
pub mod settings;
pub mod views;
pub mod wire;

use runtime::entity::ActorKey;
use runtime::group::Group;

use cart::Cart;
use settings::Settings;
use wire::{merge, rpc};

/// The group by what was set for this process, which is nothing unless somebody did: what people mean to buy.
#[must_use]
pub fn group() -> Group {
    Group::new(wire::contract())
        .entity::<Cart>()
        .command_with::<rpc::CreateCart, Cart, _>(|r| r.cart_id.clone(), wire::noting::for_create, wire::create)
        .command::<rpc::UpdateCart, Cart>(|r| r.cart_id.clone(), wire::update)
        .command::<rpc::DeleteCart, Cart>(|r| r.cart_id.clone(), wire::delete)
        .command_with::<rpc::PutItems, Cart, _>(|r| r.cart_id.clone(), wire::noting::for_put, wire::put_items)
        .command_with::<rpc::AddItem, Cart, _>(|r| r.cart_id.clone(), wire::noting::for_add, wire::add_item)
        .command::<rpc::RemoveItem, Cart>(|r| r.cart_id.clone(), wire::remove_item)
        .command::<rpc::AcceptPrices, Cart>(|r| r.cart_id.clone(), wire::accept_prices)
        .command::<rpc::SaveItem, Cart>(|r| r.cart_id.clone(), wire::save_item)
        .command::<rpc::RestoreItem, Cart>(|r| r.cart_id.clone(), wire::restore_item)
        .command::<rpc::RemoveSaved, Cart>(|r| r.cart_id.clone(), wire::remove_saved)
        .command::<rpc::AddCoupon, Cart>(|r| r.cart_id.clone(), wire::add_coupon)
        .command::<rpc::RemoveCoupon, Cart>(|r| r.cart_id.clone(), wire::remove_coupon)
        .command_with::<rpc::MergeCart, Cart, _>(|r| r.cart_id.clone(), merge::gather, merge::merge)
        .command::<rpc::HandOver, Cart>(|r| r.cart_id.clone(), merge::hand_over)
        .command::<rpc::TakeOver, Cart>(|r| r.cart_id.clone(), merge::take_over)
        .command::<rpc::CompleteCart, Cart>(|r| r.cart_id.clone(), wire::complete)
        .read_with::<rpc::GetCart, Cart, _>(|r| r.cart_id.clone(), wire::till::gather, wire::till::get)
        .history_for::<rpc::GetCartHistory>(|r| ActorKey::of::<Cart>(&r.cart_id), wire::till::may_see_history)
        .view::<views::Carts>()
        .query::<rpc::ListCarts>(views::list)
}

/// The group by these settings, which are the process's own from now on.
///
/// # Errors
/// When no cart could be filled with them.
pub fn group_with(settings: Settings) -> Result<Group, settings::Error> {
    settings.check()?;
    settings::set(settings);
    Ok(group())
}
